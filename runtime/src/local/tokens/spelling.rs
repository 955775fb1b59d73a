//! The bytes that each token stands for. What a sequence of tokens says as text is [`super::Detokenizer`]'s business.

use std::borrow::Cow;

use super::TokenizerError;

/// What kind of token an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A piece of text.
    Text,
    /// A mark for the model, such as the end of a turn. Never part of what a person reads.
    Control,
    /// The token that stands for what the vocabulary cannot spell.
    Unknown,
    /// No token has this id.
    Absent,
}

/// How tokens join to text, beyond following each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Joining {
    /// They just follow each other.
    #[default]
    Plain,
    /// As many of this character at the start of the text are dropped.
    Strip { what: char, count: usize },
    /// The spaces of the first token are dropped, all of them.
    FirstUnspaced,
    /// Words: a space before each token but those that begin with the prefix. `cleanup` closes up punctuation.
    Words { prefix: String, cleanup: bool },
    /// A space between any two tokens.
    Spaced,
}

/// The spellings of a vocabulary, by id.
#[derive(Debug, Default)]
pub struct Spelling {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    kinds: Vec<Kind>,
    joining: Joining,
}

impl Spelling {
    pub(super) fn new(joining: Joining) -> Self {
        Self { joining, ..Self::default() }
    }

    /// Adds the token of the next id.
    pub(super) fn push(&mut self, kind: Kind, bytes: &[u8]) -> Result<(), TokenizerError> {
        self.bytes.extend_from_slice(bytes);
        let end = u32::try_from(self.bytes.len())
            .map_err(|_| TokenizerError::malformed("the vocabulary has more than 4 GiB"))?;
        self.ends.push(end);
        self.kinds.push(kind);
        Ok(())
    }

    /// How many ids there are, absent ones included.
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Whether there is no token at all.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// What kind of token `id` names.
    pub fn kind(&self, id: u32) -> Kind {
        self.kinds.get(id as usize).copied().unwrap_or(Kind::Absent)
    }

    /// The bytes of token `id` inside a text; a control token's are its name. Empty for an absent one.
    pub fn bytes(&self, id: u32) -> &[u8] {
        let at = id as usize;
        let Some(end) = self.ends.get(at) else { return &[] };
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start as usize..*end as usize]
    }

    pub(super) fn joining(&self) -> &Joining {
        &self.joining
    }

    /// The bytes of token `id` as it follows others, or as the first of a text.
    pub(super) fn piece(&self, id: u32, first: bool) -> Cow<'_, [u8]> {
        let bytes = self.bytes(id);
        match &self.joining {
            Joining::Plain | Joining::Strip { .. } => Cow::Borrowed(bytes),
            Joining::FirstUnspaced if first && self.kind(id) == Kind::Text => {
                Cow::Owned(bytes.iter().copied().filter(|byte| *byte != b' ').collect())
            }
            Joining::FirstUnspaced => Cow::Borrowed(bytes),
            Joining::Words { prefix, cleanup } => word(bytes, prefix, *cleanup, first),
            Joining::Spaced if first => Cow::Borrowed(bytes),
            Joining::Spaced => Cow::Owned([b" ", bytes].concat()),
        }
    }
}

fn word<'a>(bytes: &'a [u8], prefix: &str, cleanup: bool, first: bool) -> Cow<'a, [u8]> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Cow::Borrowed(bytes) };
    let joined = match text.strip_prefix(prefix) {
        _ if first => text.to_owned(),
        Some(rest) => rest.to_owned(),
        None => format!(" {text}"),
    };
    let clean = if cleanup { close_up(joined) } else { joined };
    Cow::Owned(clean.into_bytes())
}

/// Spaces that detached words leave before punctuation and contractions are taken out, in this order.
fn close_up(text: String) -> String {
    const PAIRS: [(&str, &str); 11] = [
        (" .", "."),
        (" ?", "?"),
        (" !", "!"),
        (" ,", ","),
        (" ' ", "'"),
        (" n't", "n't"),
        (" 'm", "'m"),
        (" do not", " don't"),
        (" 's", "'s"),
        (" 've", "'ve"),
        (" 're", "'re"),
    ];
    PAIRS.iter().fold(text, |text, (from, to)| text.replace(from, to))
}

/// The byte that a character of a byte-level vocabulary stands for.
pub(super) fn byte_of(c: char) -> Option<u8> {
    let code = u32::from(c);
    match u8::try_from(code) {
        Ok(byte) if is_own(byte) => Some(byte),
        Ok(_) => None,
        // The others are numbered from 256 on.
        Err(_) => (0..=255u8).filter(|byte| !is_own(*byte)).nth(usize::try_from(code - 256).ok()?),
    }
}

/// Whether a byte is written as the character of its own number.
fn is_own(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF)
}

/// The bytes that a token of a byte-level vocabulary stands for; `None` if it is not spelt in that alphabet.
pub(super) fn byte_level(token: &str) -> Option<Vec<u8>> {
    token.chars().map(byte_of).collect()
}

/// The byte that a fallback token such as `<0x0A>` stands for.
pub(super) fn fallback_byte(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    let hexadecimal = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if hexadecimal { u8::from_str_radix(digits, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_one_character() {
        let mut seen = std::collections::BTreeSet::new();
        for code in 0..400u32 {
            seen.extend(char::from_u32(code).and_then(byte_of));
        }
        assert_eq!(seen.len(), 256);
        assert_eq!((byte_of('Ġ'), byte_of('Ċ'), byte_of('a')), (Some(b' '), Some(b'\n'), Some(b'a')));
        assert_eq!((byte_of(' '), byte_of('▁')), (None, None));
    }

    #[test]
    fn fallback_tokens_are_two_digits() {
        assert_eq!(fallback_byte("<0x0A>"), Some(10));
        assert!(["<0x+A>", "<0xA>", "0x0A", "<0x00A>"].iter().all(|token| fallback_byte(token).is_none()));
    }
}
