//! From the parser's character indices to byte offsets.

/// How many characters lie between two known offsets.
const STEP: usize = 64;

/// Byte offsets of a text by character index.
pub(super) struct Offsets<'a> {
    text: &'a str,
    /// The offset of every `STEP`-th character; empty if all characters are one byte long.
    known: Vec<u32>,
}

impl<'a> Offsets<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let known = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices().step_by(STEP).map(|(at, _)| at as u32).collect()
        };
        Self { text, known }
    }

    /// The byte offset of character `index`; the end of the text if there are fewer.
    pub(super) fn byte(&self, index: usize) -> usize {
        if self.known.is_empty() {
            return index.min(self.text.len());
        }
        let Some(from) = self.known.get(index / STEP) else { return self.text.len() };
        let from = *from as usize;
        let rest = self.text.get(from..).unwrap_or_default();
        rest.char_indices().nth(index % STEP).map_or(self.text.len(), |(at, _)| from + at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_agrees_with_the_text() {
        for text in ["", "abc", &"aä漢🦀".repeat(100)] {
            let offsets = Offsets::new(text);
            for (index, (at, _)) in text.char_indices().enumerate() {
                assert_eq!(offsets.byte(index), at);
            }
            assert_eq!(offsets.byte(text.chars().count()), text.len());
            assert_eq!(offsets.byte(usize::MAX), text.len());
        }
    }
}
