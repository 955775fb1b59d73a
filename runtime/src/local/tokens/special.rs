//! Tokens that are found in a text before anything else: what stands for itself and is never merged from parts.

use super::Specials;

/// The tokens by name, sorted, so that the names with a common beginning stand together.
#[derive(Debug, Default)]
pub(super) struct Marks {
    marks: Vec<Mark>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Mark {
    name: Box<str>,
    id: u32,
    control: bool,
}

/// A stretch of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stretch<'a> {
    Token(u32),
    Text(&'a str),
}

impl Marks {
    pub(super) fn push(&mut self, name: &str, id: u32, control: bool) {
        if !name.is_empty() {
            self.marks.push(Mark { name: name.into(), id, control });
        }
    }

    pub(super) fn sort(&mut self) {
        self.marks.sort_unstable();
        self.marks.dedup_by(|later, first| later.name == first.name);
    }

    /// Cuts `text` at the longest token that begins at each place, from left to right.
    pub(super) fn split<'a>(&self, text: &'a str, specials: Specials) -> Vec<Stretch<'a>> {
        let mut stretches = Vec::new();
        let (mut start, mut at) = (0, 0);
        while at < text.len() {
            let Some(mark) = self.longest_at(&text.as_bytes()[at..], specials) else {
                at += 1;
                continue;
            };
            if start < at {
                stretches.push(Stretch::Text(&text[start..at]));
            }
            stretches.push(Stretch::Token(mark.id));
            at += mark.name.len();
            start = at;
        }
        if start < text.len() {
            stretches.push(Stretch::Text(&text[start..]));
        }
        stretches
    }

    /// Narrows the sorted names byte by byte. A name begins with a whole character, so it is found at none's middle.
    fn longest_at(&self, text: &[u8], specials: Specials) -> Option<&Mark> {
        let (mut low, mut high) = (0, self.marks.len());
        let mut found = None;
        for (depth, byte) in text.iter().enumerate() {
            let candidates = &self.marks[low..high];
            let at = |mark: &Mark| mark.name.as_bytes().get(depth).copied();
            let from = candidates.partition_point(|mark| at(mark) < Some(*byte));
            let to = candidates.partition_point(|mark| at(mark) <= Some(*byte));
            (low, high) = (low + from, low + to);
            if low == high {
                break;
            }
            let first = &self.marks[low];
            if first.name.len() == depth + 1 && (specials == Specials::Parse || !first.control) {
                found = Some(first);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_token_wins_and_control_tokens_are_text_unless_parsed() {
        let mut marks = Marks::default();
        marks.push("<a>", 1, true);
        marks.push("<a><b>", 2, false);
        marks.push("é", 3, false);
        marks.sort();
        use Stretch::{Text, Token};
        assert_eq!(marks.split("x<a>é<a><b>", Specials::Parse), [Text("x"), Token(1), Token(3), Token(2)]);
        assert_eq!(marks.split("x<a>é<a><b>", Specials::AsText), [Text("x<a>"), Token(3), Token(2)]);
        assert_eq!(marks.split("è<a", Specials::Parse), [Text("è<a")]);
    }
}
