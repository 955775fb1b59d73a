//! What a file says, as it is told to people: without what would speak to a terminal, and no more of it than can be read.

use std::collections::BTreeMap;

/// The most characters of a name, and of a reason.
const NAME: usize = 64;
const REASON: usize = 300;
/// The most different things that are told.
const ENTRIES: usize = 100;
/// What is beyond them.
const OTHERS: &str = "others";

/// A name that stands in a file.
pub(super) fn name(text: &str) -> String {
    plain(text, NAME)
}

/// What is wrong with a file, which may have words of it.
pub(super) fn reason(text: &str) -> String {
    plain(text, REASON)
}

/// At most so many characters of a text, with escapes for those that a terminal would obey.
fn plain(text: &str, most: usize) -> String {
    let mut told = String::new();
    let mut chars = text.chars();
    for c in chars.by_ref().take(most) {
        if c.is_control() || turns(c) { told.extend(c.escape_unicode()) } else { told.push(c) }
    }
    if chars.next().is_some() {
        told.push('…');
    }
    told
}

/// Whether a character turns the direction in which the others are read.
fn turns(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Counts things by what they are; what is one too many is one of the others.
pub(super) fn count(counts: &mut BTreeMap<String, u64>, what: &str, more: u64) {
    let is_full = counts.len() >= ENTRIES && !counts.contains_key(what);
    let what = if is_full { OTHERS } else { what };
    match counts.get_mut(what) {
        Some(counted) => *counted += more,
        None => drop(counts.insert(what.to_owned(), more)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_told_speaks_to_a_terminal() {
        assert_eq!(name("a\u{1b}[31m\u{202e}é\u{9b}"), "a\\u{1b}[31m\\u{202e}é\\u{9b}");
        assert_eq!(name(&"x".repeat(64)), "x".repeat(64));
        assert_eq!(name(&"x".repeat(65)), format!("{}…", "x".repeat(64)));
    }

    #[test]
    fn what_is_told_is_bounded() {
        let mut counts = BTreeMap::new();
        for number in 0..1000 {
            count(&mut counts, &format!("field {number}"), 2);
        }
        count(&mut counts, "field 7", 1);
        assert_eq!((counts.len(), counts["field 7"], counts["others"]), (101, 3, 1800));
    }
}
