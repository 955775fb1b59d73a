//! How much of a text was told and what it was, in a few bytes: enough to tell whether a later restatement says
//! the same, goes on, or says something else.
//!
//! A fingerprint and no copy, because the text has left with its events and most wires never restate it.

const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

/// The length and the fingerprint of a text. The same for the same text, however it was cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Said {
    length: u64,
    state: u64,
    /// The bytes behind the last whole word, the first one lowest.
    tail: u64,
}

/// What a restatement says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Again<'t> {
    /// What was said.
    Same,
    /// What was said, and this.
    More(&'t str),
    /// Something else.
    Other,
}

impl Said {
    pub(super) fn of(text: &str) -> Self {
        let mut said = Self::default();
        said.add(text);
        said
    }

    /// Adds a fragment.
    #[inline]
    pub(super) fn add(&mut self, fragment: &str) {
        let (words, rest) = fragment.as_bytes().as_chunks::<8>();
        for word in words {
            self.add_bytes(u64::from_le_bytes(*word), 8);
        }
        let last = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        self.add_bytes(last, rest.len() as u64);
    }

    /// Compares with a whole text.
    pub(super) fn again<'t>(&self, text: &'t str) -> Again<'t> {
        let split = usize::try_from(self.length).ok().and_then(|length| text.split_at_checked(length));
        match split {
            Some((before, _)) if Self::of(before) != *self => Again::Other,
            Some((_, "")) => Again::Same,
            Some((_, more)) => Again::More(more),
            None => Again::Other,
        }
    }

    /// Adds the `count` lowest bytes of `bytes`, of which the others are 0.
    #[inline]
    fn add_bytes(&mut self, bytes: u64, count: u64) {
        let filled = self.length % 8;
        self.length += count;
        self.tail |= bytes << (filled * 8);
        if filled + count >= 8 {
            let word =
                std::mem::replace(&mut self.tail, bytes.checked_shr(64 - filled as u32 * 8).unwrap_or(0));
            self.add_word(word);
        }
    }

    #[inline]
    fn add_word(&mut self, word: u64) {
        let product = u128::from(self.state ^ word ^ FACTOR) * u128::from(FACTOR.rotate_left(23));
        self.state = (product as u64) ^ ((product >> 64) as u64) ^ self.state.rotate_left(29);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cuts_do_not_matter() {
        let text = "The quick brown fox jumps over the lazy dög, twice.";
        for first in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            for second in (first..text.len()).filter(|at| text.is_char_boundary(*at)) {
                let mut said = Said::default();
                said.add(&text[..first]);
                said.add(&text[first..second]);
                said.add(&text[second..]);
                assert_eq!(said, Said::of(text), "{first} {second}");
            }
        }
    }

    #[test]
    fn a_restatement_is_told_apart() {
        let said = Said::of("Hello, wörl");
        assert_eq!(said.again("Hello, wörl"), Again::Same);
        assert_eq!(said.again("Hello, wörld"), Again::More("d"));
        assert_eq!(said.again("Hello, wör"), Again::Other);
        assert_eq!(said.again("hello, wörld"), Again::Other);
        assert_eq!(Said::of("w").again("ö"), Again::Other);
        assert_eq!(Said::default().again("x"), Again::More("x"));
        assert_ne!(Said::of("a"), Said::of("a\0"));
    }
}
