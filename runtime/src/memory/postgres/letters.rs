//! What is a letter, and what is left of it without case and marks: exactly what FTS5's `unicode61` says, because it is
//! asked, once for each 256 characters of which one is seen.

use std::sync::OnceLock;

use rusqlite::Connection;

/// What a character is to words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Letter {
    /// A letter or a number, without case and marks.
    Is(char),
    /// A mark over or under a letter.
    Mark,
    /// Between words.
    Not,
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

/// Asks of each character what becomes of it between two letters.
fn asked(block: u32) -> Result<Box<[Letter]>, rusqlite::Error> {
    let words: Vec<String> = block_of(block).map(|c| format!("q{}q", c.unwrap_or(' '))).collect();
    let connection = Connection::open_in_memory()?;
    connection.execute_batch(
        "CREATE VIRTUAL TABLE words USING fts5 (body, tokenize = \"unicode61 remove_diacritics 2\"); \
         CREATE VIRTUAL TABLE found USING fts5vocab (words, instance);",
    )?;
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
