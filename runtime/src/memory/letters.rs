//! What is a letter, what is left of it without case and marks, and where a word ends: what FTS5's `unicode61` says, because
//! it is asked, once for each 256 characters of which one is seen. So words are the same wherever they are looked for.
//!
//! A letter with a mark is one character or two in Unicode (`é`, or `e` and U+0301). A mark after a letter belongs to its
//! word, whichever way it is written. Of Latin letters nothing else is left then, and both ways are one word. Of others,
//! FTS5 knows the letter with its mark as a letter of its own: `й` is not the `и` that it leaves of `и` and U+0306. Nor does
//! it know all marks: those of Devanagari end a word of the index, which a question has as one word of several parts.

use std::sync::OnceLock;

use rusqlite::Connection;

/// What a character is to words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Letter {
    /// A letter or a number, without case and marks.
    Is(char),
    /// A mark over or under a letter, of which the index keeps nothing.
    Mark,
    /// Another mark of a letter: a word goes on after it, but not that of the index.
    Sign,
    /// Between words.
    Not,
}

/// The words of a text as they stand: letters and numbers, with the marks that follow them.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !is_inside(c)).map(|word| word.trim_start_matches(is_mark));
    words.filter(|word| !word.is_empty())
}

/// Whether a word goes on with a character.
pub(super) fn is_inside(c: char) -> bool {
    c.is_alphanumeric() || is_mark(c)
}

fn is_mark(c: char) -> bool {
    !c.is_ascii() && !c.is_alphanumeric() && matches!(letter(c), Letter::Mark | Letter::Sign)
}

/// A word in lower case, without the marks that the index does not keep.
pub(super) fn folded(word: &str) -> String {
    let mut folded = String::with_capacity(word.len());
    for c in word.chars() {
        match letter(c) {
            Letter::Is(c) => folded.push(c),
            Letter::Mark => {}
            Letter::Sign | Letter::Not => folded.extend(c.to_lowercase()),
        }
    }
    folded
}

const BLOCK: u32 = 256;
/// All characters, by blocks.
static LETTERS: [OnceLock<Box<[Letter]>>; 0x1100] = [const { OnceLock::new() }; 0x1100];

/// What a character is.
pub(super) fn letter(c: char) -> Letter {
    if c.is_ascii() {
        let is_letter = c.is_ascii_alphanumeric();
        return if is_letter { Letter::Is(c.to_ascii_lowercase()) } else { Letter::Not };
    }
    let (block, at) = (u32::from(c) / BLOCK, u32::from(c) % BLOCK);
    // The tokenizer of a database in memory does not fail; if it did, this is near to what it says.
    let make = || asked(block).unwrap_or_else(|_| block_of(block).map(plain).collect());
    let letters = LETTERS.get(block as usize).map(|letters| letters.get_or_init(make));
    letters.and_then(|letters| letters.get(at as usize)).copied().unwrap_or(Letter::Not)
}

fn block_of(block: u32) -> impl Iterator<Item = Option<char>> {
    (block * BLOCK..(block + 1) * BLOCK).map(char::from_u32)
}

fn plain(c: Option<char>) -> Letter {
    match c {
        Some(c) if c.is_alphanumeric() => Letter::Is(c.to_lowercase().next().unwrap_or(c)),
        _ => Letter::Not,
    }
}

/// What each character of a block is.
fn asked(block: u32) -> Result<Box<[Letter]>, rusqlite::Error> {
    let connection = Connection::open_in_memory()?;
    let known = between(&connection, block, "L* N* Co")?;
    if !known.contains(&Letter::Not) {
        return Ok(known.into_boxed_slice());
    }
    let all = between(&connection, block, "L* N* Co M*")?;
    let one = |(known, all)| match (known, all) {
        (Letter::Not, Letter::Not) => Letter::Not,
        (Letter::Not, _) => Letter::Sign,
        (known, _) => known,
    };
    Ok(known.into_iter().zip(all).map(one).collect())
}

/// Asks of each character what becomes of it between two letters, where these categories of Unicode are letters.
fn between(connection: &Connection, block: u32, letters: &str) -> Result<Vec<Letter>, rusqlite::Error> {
    let words: Vec<String> = block_of(block).map(|c| format!("q{}q", c.unwrap_or(' '))).collect();
    connection.execute_batch(&format!(
        "DROP TABLE IF EXISTS found; DROP TABLE IF EXISTS words; \
         CREATE VIRTUAL TABLE words USING fts5 (body, tokenize = \"unicode61 remove_diacritics 2 categories '{letters}'\"); \
         CREATE VIRTUAL TABLE found USING fts5vocab (words, instance);",
    ))?;
    connection.execute("INSERT INTO words (body) VALUES (?1)", [words.join(" ")])?;
    let mut statement = connection.prepare("SELECT term FROM found ORDER BY offset")?;
    let found = statement.query_map((), |row| row.get::<_, String>(0))?;
    let mut found = found.collect::<Result<Vec<_>, _>>()?.into_iter();
    let one = |_| {
        let word = found.next().unwrap_or_default();
        match word.strip_prefix('q').and_then(|rest| rest.strip_suffix('q')) {
            Some(letter) => letter.chars().next().map_or(Letter::Mark, Letter::Is),
            None => {
                // Two words: the letter before and that after.
                let _after = found.next();
                Letter::Not
            }
        }
    };
    Ok(block_of(block).map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_lose_case_and_marks_as_in_one_file() {
        for (c, is) in
            [('A', 'a'), ('É', 'e'), ('ế', 'e'), ('ς', 'σ'), ('Й', 'й'), ('ß', 'ß'), ('日', '日'), ('½', '½')]
        {
            assert_eq!(letter(c), Letter::Is(is), "{c}");
        }
        assert_eq!(letter('\u{301}'), Letter::Mark);
        for c in [' ', '\0', '—', '。', '\u{200b}', 'Ⓐ'] {
            assert_eq!(letter(c), Letter::Not, "{c:?}");
        }
        for c in ['\u{94d}', '\u{93e}', '\u{3099}', '\u{342}', '\u{20dd}'] {
            assert_eq!(letter(c), Letter::Sign, "{c:?}");
        }
    }

    #[test]
    fn a_mark_does_not_end_a_word() {
        let of = |text| words(text).map(folded).collect::<Vec<_>>();
        let decomposed = "re\u{301}sume\u{301}, \u{301}\u{301} E\u{302}\u{301}\u{323} \u{301}x";
        assert_eq!(of(decomposed), ["resume", "e", "x"]);
        assert_eq!(of("résumé Ệ"), ["resume", "e"]);
        assert_eq!(of("नमस्ते, दुनिया"), ["नमस्ते", "दुनिया"]);
        assert_eq!(of("ΣΊΣΥΦΟΣ σίσυφος"), ["σίσυφοσ", "σίσυφοσ"]);
    }

    /// Of a letter with marks that is left without them, nothing else is left when the marks are written after it.
    #[test]
    fn latin_letters_with_marks_are_one_word_either_way() {
        for (one, two) in [
            ("é", "e\u{301}"),
            ("Å", "A\u{30a}"),
            ("ế", "e\u{302}\u{301}"),
            ("ő", "o\u{30b}"),
            ("ơ", "o\u{31b}"),
        ] {
            assert_eq!(folded(one), folded(two), "{one}");
        }
    }

    #[test]
    fn all_ascii_is_as_the_tokenizer_says() {
        let said = asked(0).unwrap();
        for (c, said) in (0..128_u8).map(char::from).zip(&said) {
            assert_eq!(letter(c), *said, "{c:?}");
        }
        assert_eq!(said.len(), 256);
    }
}
