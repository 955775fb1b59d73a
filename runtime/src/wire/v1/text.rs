//! Strings and keys as they stand on the wire: borrowed, and still escaped until someone needs them.

use std::borrow::Cow;

use super::Corrupt;

/// The contents of a JSON string, without its quotes and perhaps still with its escapes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Text<'a> {
    raw: &'a str,
    /// How many escapes are in it. As wide as a pointer: padding bytes would cost more to move than they save.
    escapes: usize,
}

/// What tells the slots of one class apart.
#[derive(Debug, Clone, Copy)]
pub enum Key<'a> {
    /// A position.
    Index(u64),
    /// A name.
    Name(Text<'a>),
}

/// Where in an answer something belongs.
#[derive(Debug, Clone, Copy, Default)]
pub struct At<'a> {
    /// Which of several answers, from 0.
    pub choice: u64,
    /// Which slot.
    pub key: Option<Key<'a>>,
    /// Which slot within that, where keys are pairs.
    pub key2: Option<Key<'a>>,
}

impl<'a> Text<'a> {
    /// Text without escapes.
    pub fn plain(raw: &'a str) -> Self {
        Self { raw, escapes: 0 }
    }

    /// The inside of a JSON string that was checked to hold only well-formed escapes.
    #[inline]
    pub(crate) fn checked(raw: &'a str, escapes: usize) -> Self {
        Self { raw, escapes }
    }

    /// Whether there is no text.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// Whether the text is `other`.
    #[inline]
    pub fn is(&self, other: &str) -> bool {
        if self.escapes > 0 { unescape(self.raw) == other } else { self.raw == other }
    }

    /// The text without escapes, borrowed where it has none.
    pub fn decode(&self) -> Result<Cow<'a, str>, Corrupt> {
        Ok(self.to_cow())
    }

    /// The text if it needs no unescaping.
    #[inline]
    pub(crate) fn as_plain(&self) -> Option<&'a str> {
        (self.escapes == 0).then_some(self.raw)
    }

    pub(crate) fn to_cow(self) -> Cow<'a, str> {
        if self.escapes > 0 { Cow::Owned(unescape(self.raw)) } else { Cow::Borrowed(self.raw) }
    }

    /// Appends the text without escapes.
    pub(crate) fn append_to(&self, out: &mut String) {
        if self.escapes > 0 { unescape_into(self.raw, out) } else { out.push_str(self.raw) }
    }
}

impl<'a> At<'a> {
    /// The slot `key` of the first answer.
    pub fn key(key: Key<'a>) -> Self {
        Self { key: Some(key), ..Self::default() }
    }
}

fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    unescape_into(raw, &mut out);
    out
}

/// Appends `raw` without its escapes. Half a surrogate pair becomes U+FFFD, as in every lenient reader.
pub(crate) fn unescape_into(mut raw: &str, out: &mut String) {
    while let Some((before, rest)) = raw.split_once('\\') {
        out.push_str(before);
        raw = unescape_one(rest, out);
    }
    out.push_str(raw);
}

/// Appends what the escape stands for whose backslash is right before `rest`; returns what comes after it.
fn unescape_one<'a>(rest: &'a str, out: &mut String) -> &'a str {
    let mut chars = rest.chars();
    match chars.next() {
        Some('n') => out.push('\n'),
        Some('t') => out.push('\t'),
        Some('r') => out.push('\r'),
        Some('b') => out.push('\u{8}'),
        Some('f') => out.push('\u{c}'),
        Some('u') => return unescape_unit(chars.as_str(), out),
        Some(other) => out.push(other),
        None => {}
    }
    chars.as_str()
}

/// Appends the character of the four digits at the start of `rest`, and of a second half behind them.
fn unescape_unit<'a>(rest: &'a str, out: &mut String) -> &'a str {
    let Some((unit, after)) = hex4(rest) else {
        out.push(char::REPLACEMENT_CHARACTER);
        return rest;
    };
    if let 0xD800..=0xDBFF = unit
        && let Some((low @ 0xDC00..=0xDFFF, after)) = after.strip_prefix("\\u").and_then(hex4)
    {
        let code = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        return after;
    }
    out.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
    after
}

fn hex4(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unescaped(raw: &str) -> String {
        let text = Text::checked(raw, 1);
        assert!(text.is(&unescape(raw)));
        text.decode().unwrap().into_owned()
    }

    #[test]
    fn every_escape_is_undone() {
        assert_eq!(unescaped(r#"\"\\\/\b\f\n\r\t"#), "\"\\/\u{8}\u{c}\n\r\t");
        assert_eq!(unescaped("a\\u00e9\\u4E2D-\\ud83d\\ude00z"), "aé中-😀z");
        assert_eq!(unescaped("ü\\nö"), "ü\nö");
        assert_eq!(unescaped("\\u0000"), "\0");
    }

    #[test]
    fn half_a_pair_is_replaced() {
        assert_eq!(unescaped("\\ud83d"), "\u{fffd}");
        assert_eq!(unescaped("\\ude00\\ud83d"), "\u{fffd}\u{fffd}");
        assert_eq!(unescaped("\\ud83dx\\ude00"), "\u{fffd}x\u{fffd}");
        assert_eq!(unescaped("\\ud83d\\u0041"), "\u{fffd}A");
        assert_eq!(unescaped("\\ud83d\\ud83d\\ude00"), "\u{fffd}😀");
    }

    #[test]
    fn text_without_escapes_is_borrowed() {
        assert!(matches!(Text::plain("abc").decode(), Ok(Cow::Borrowed("abc"))));
        assert!(Text::plain("").is_empty() && !Text::plain("a").is("b"));
    }
}
