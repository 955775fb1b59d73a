//! Words of a text, and what looks like a name, a date or an entity in it. By form alone: no language is known but for the
//! names of months in English.

use std::collections::BTreeSet;

use crate::memory::letters::{self, is_inside};

/// The most names that are told of a text.
const NAMES: usize = 64;

/// The words of a text, folded: in lower case and without the marks of Latin letters, as the words of a store are.
pub fn words(text: &str) -> Vec<String> {
    letters::words(text).map(letters::folded).collect()
}

/// What looks like a name that is meant literally: what stands in quotes, and words with digits among letters or signs, such
/// as `ZX-4411`, `v1.2.3`, `a@b.org`, `snake_case` or a number of five digits. Dates are none.
/// Each once, and no more than 64: first those in quotes.
pub fn identifiers(text: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let names = quoted(text).chain(tokens(text).filter(|token| is_identifier(token)));
    names.filter(|name| seen.insert(*name)).take(NAMES).map(str::to_owned).collect()
}

/// Words between blanks, without the punctuation around them.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let tokens = text.split_whitespace().map(|token| token.trim_matches(|c: char| !is_inside(c)));
    tokens.filter(|token| !token.is_empty())
}

fn is_identifier(token: &str) -> bool {
    let has = |is: fn(char) -> bool| token.contains(is);
    if is_date(token) {
        return false;
    }
    let has_digit = has(|c| c.is_ascii_digit());
    let has_sign = has(|c| "-_./:#@+".contains(c));
    let is_number = token.chars().all(|c| c.is_ascii_digit());
    has_digit && (has(char::is_alphabetic) || has_sign || is_number && token.len() >= 5)
        || token.contains('_')
        || token.contains("::")
        || token.split_once('@').is_some_and(|(_, host)| host.contains('.'))
}

/// What stands in double quotes, typographic ones, or backticks, if there is a word in it.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    let next = move || {
        let (start, open) = rest.char_indices().find(|(_, c)| "\"“`".contains(*c))?;
        let close = if open == '“' { '”' } else { open };
        let (inside, beyond) = rest.get(start + open.len_utf8()..)?.split_once(close)?;
        rest = beyond;
        Some(inside)
    };
    std::iter::from_fn(next).filter(|inside| inside.contains(char::is_alphanumeric))
}

/// Whether something stands in quotes.
pub fn has_quotes(text: &str) -> bool {
    quoted(text).next().is_some()
}

const MONTHS: [&str; 11] = [
    "january",
    "february",
    "march",
    "april",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Whether a date stands in it: as numbers, a year of the 20th or 21st century, or a month.
pub fn has_date(text: &str) -> bool {
    tokens(text).any(|token| is_date(token) || MONTHS.contains(&token.to_lowercase().as_str()))
}

/// `2026`, `2026-11`, `2026-11-20`, `20.11.2026`, `11/20/2026`, or with a time after it.
fn is_date(token: &str) -> bool {
    let date = token.split('T').next().unwrap_or_default();
    let parts: Vec<&str> = date.split(['-', '.', '/']).collect();
    let is_number =
        |part: &&str| !part.is_empty() && part.len() <= 4 && part.bytes().all(|b| b.is_ascii_digit());
    let is_year = |part: &&str| part.len() == 4 && (part.starts_with("19") || part.starts_with("20"));
    (1..=3).contains(&parts.len())
        && parts.iter().all(is_number)
        && parts.iter().filter(|part| is_year(part)).count() == 1
        && (parts.first().is_some_and(is_year) || parts.last().is_some_and(is_year))
}

/// How many words stand in it as names do: in upper case and not first in a sentence.
pub fn entities(text: &str) -> usize {
    let mut is_first = true;
    let mut found = 0;
    for word in text.split_whitespace() {
        let starts_upper = word.trim_start_matches(|c: char| !c.is_alphanumeric()).chars().next();
        if !is_first && starts_upper.is_some_and(char::is_uppercase) {
            found += 1;
        }
        is_first = word.ends_with(['.', '!', '?']);
    }
    found
}

/// Whether a name stands in a text literally, but for upper and lower case, and not within a longer word.
pub fn stands_in(text: &str, name: &str) -> bool {
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    let is_word = |c: Option<char>| c.is_some_and(is_inside);
    let is_whole = |at: usize| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + name.len()..).and_then(|after| after.chars().next());
        let is_cut = |edge: Option<char>, beyond: Option<char>| is_word(edge) && is_word(beyond);
        !is_cut(name.chars().next(), before) && !is_cut(name.chars().next_back(), after)
    };
    !name.is_empty() && occurrences(text.as_bytes(), name.as_bytes()).any(is_whole)
}

/// Where a name begins in a text, also where two of these overlap; in as many steps as both are long (Knuth, Morris and
/// Pratt, "Fast Pattern Matching in Strings", 1977).
fn occurrences<'a>(text: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let borders = borders(name);
    let mut matched = 0;
    text.iter().enumerate().filter_map(move |(at, byte)| {
        matched = extended(name, &borders, matched, *byte);
        (matched == name.len()).then(|| at + 1 - name.len())
    })
}

/// Of each beginning of a name, how long the longest shorter one is that it ends with.
fn borders(name: &[u8]) -> Vec<usize> {
    let mut borders = vec![0; name.len().min(1)];
    for byte in name.iter().skip(1) {
        let before = borders.last().copied().unwrap_or_default();
        borders.push(extended(name, &borders, before, *byte));
    }
    borders
}

/// How much of a name stands at the end of what is one byte longer than where so much of it stood.
fn extended(name: &[u8], borders: &[usize], mut matched: usize, byte: u8) -> usize {
    while matched > 0 && name.get(matched) != Some(&byte) {
        matched = borders.get(matched - 1).copied().unwrap_or_default();
    }
    matched + usize::from(name.get(matched) == Some(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_folded() {
        assert_eq!(words("L'ÉTÉ: Zoë-Ann, 日本 v1.2"), ["l", "ete", "zoe", "ann", "日本", "v1", "2"]);
        assert!(words(" ?! ").is_empty());
    }

    #[test]
    fn names_are_told_by_their_form() {
        let of = |text: &str| identifiers(text).join("|");
        assert_eq!(of("what about ticket ZX-4411, please?"), "ZX-4411");
        assert_eq!(
            of("mail a@b.org about `the loom` and \"two words\" (v1.2.3)"),
            "the loom|two words|a@b.org|v1.2.3"
        );
        assert_eq!(of("call foo_bar or std::fs in 12345"), "foo_bar|std::fs|12345");
        assert_eq!(of("in 2026, on 2026-11-20 or 20.11.2026, 42 well-known people said 1 \" no"), "");
        assert_eq!(of("at 2026-11-20T08:00:00Z"), "");
    }

    #[test]
    fn dates_and_entities() {
        for text in ["in 1999", "on 2026-11-20?", "last March", "until 3.4.2021"] {
            assert!(has_date(text), "{text}");
        }
        for text in ["in 3999", "version 1.2.3", "may I", "2026-x", ""] {
            assert!(!has_date(text), "{text}");
        }
        assert_eq!(entities("Where does Ada live? In Paris with Bob"), 3);
        assert!(has_quotes("the \"x\"") && !has_quotes("the 5\" disk"));
    }

    #[test]
    fn of_very_many_names_the_first_are_told() {
        let text: String = (0..200_000).map(|number| format!("a-{number} ")).collect();
        let expected: Vec<String> = (0..NAMES).map(|number| format!("a-{number}")).collect();
        assert_eq!(identifiers(&text), expected);
        assert_eq!(identifiers(&"a-1 `b` ".repeat(1000)).len(), 2);
        assert!(!has_quotes(&"“".repeat(200_000)));
    }

    #[test]
    fn all_occurrences_are_seen() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..2000 {
            let mut of = |most: usize| -> String {
                (0..random.usize(1..most)).map(|_| random.char('a'..='b')).collect()
            };
            let (text, name) = (of(30), of(5));
            let found: Vec<usize> = occurrences(text.as_bytes(), name.as_bytes()).collect();
            let expected: Vec<usize> = (0..text.len()).filter(|at| text[*at..].starts_with(&name)).collect();
            assert_eq!(found, expected, "{text} {name}");
        }
    }

    #[test]
    fn names_stand_whole() {
        for (text, name, expected) in [
            ("about zx-4411.", "ZX-4411", true),
            ("about ZX-44110", "ZX-4411", false),
            ("ZX-44110 and ZX-4411", "ZX-4411", true),
            ("AZX-4411", "ZX-4411", false),
            ("a#1#2", "#1#", true),
            ("host 11.1.1 is down", "1.1", true),
            ("on 2010-10-10", "10-10", true),
            ("on 2010-10-101", "10-10", false),
            ("éé-é-é", "é-é", true),
            ("aaaaaa", "aaa", false),
            ("cafe\u{301}-1", "cafe", false),
            ("nothing", "", false),
        ] {
            assert_eq!(stands_in(text, name), expected, "{text} {name}");
        }
    }
}
