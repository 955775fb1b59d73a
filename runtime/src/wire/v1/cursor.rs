//! A lazy reader of JSON: one pass, borrowed, every value read or skipped as the caller likes.
//!
//! It builds nothing and keeps nothing but a position. A value of another type than asked for is skipped and
//! reported as absent, because a wire that changes must not fail an answer; only text that is no JSON does.

#[cfg(test)]
mod tests;

use std::ops::Range;

use super::Corrupt;
use super::scan::{self, MAX_DEPTH};
use super::text::{Key, Text, unescape_into};

/// What the next value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// A list.
    Array,
    /// An object.
    Object,
    /// No value: the end of the bytes, or something that no value starts with.
    End,
}

/// A position in JSON text. Cloning one is how a value is read twice.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
    /// Right behind the opening of a container, where no comma may stand.
    fresh: bool,
    /// The bytes behind `text` are not UTF-8.
    cut: bool,
    unescaped: String,
    skipped: Skipped,
}

/// Where the first few texts are that were skipped one by one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Skipped {
    places: [Range<u32>; Skipped::MOST],
    count: usize,
}

impl Skipped {
    /// How many are kept.
    pub(crate) const MOST: usize = 6;

    #[inline]
    fn add(&mut self, start: usize, end: usize) {
        if let Some(place) = self.places.get_mut(self.count) {
            // What does not fit names nothing.
            *place = u32::try_from(start).unwrap_or(u32::MAX)..u32::try_from(end).unwrap_or(u32::MAX);
            self.count += 1;
        }
    }

    pub(crate) fn places(&self) -> &[Range<u32>] {
        self.places.get(..self.count).unwrap_or_default()
    }
}

impl<'a> Cursor<'a> {
    /// A cursor at the start of `bytes`. Bytes that are not UTF-8 are reported when they are reached.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        let (text, cut) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, false),
            Err(error) => (prefix(bytes, error.valid_up_to()), true),
        };
        Self {
            text,
            at: 0,
            depth: 0,
            fresh: false,
            cut,
            unescaped: String::new(),
            skipped: Skipped::default(),
        }
    }

    /// A cursor over JSON that another cursor has walked over.
    #[inline]
    pub fn within(json: &'a str) -> Self {
        Self {
            text: json,
            at: 0,
            depth: 0,
            fresh: false,
            cut: false,
            unescaped: String::new(),
            skipped: Skipped::default(),
        }
    }

    /// Checks that nothing but white space is left.
    pub fn finish(&mut self) -> Result<(), Corrupt> {
        self.at = scan::space(self.bytes(), self.at);
        if self.at < self.text.len() {
            return Err(self.corrupt(self.at, "something follows the value"));
        }
        if self.cut { Err(self.corrupt(self.at, "not UTF-8")) } else { Ok(()) }
    }

    /// What the next value is, without reading it.
    #[inline]
    pub fn kind(&mut self) -> Kind {
        match self.peek() {
            Some(b'"') => Kind::String,
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'n') => Kind::Null,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            _ => Kind::End,
        }
    }

    /// Enters an object; `false` if the value is none, which is then skipped.
    #[inline]
    pub fn object(&mut self) -> Result<bool, Corrupt> {
        self.enter(b'{')
    }

    /// Enters a list; `false` if the value is none, which is then skipped.
    #[inline]
    pub fn array(&mut self) -> Result<bool, Corrupt> {
        self.enter(b'[')
    }

    // The position is read once and written once in each of the following: a position that goes through memory
    // at every step is what a reader of short strings spends most of its time waiting for.

    /// The next key of the object, whose value has to be read or skipped next; `None` leaves the object.
    #[inline(always)]
    pub fn key(&mut self) -> Result<Option<&[u8]>, Corrupt> {
        let bytes = self.text.as_bytes();
        let Some(at) = self.member(b'}')? else { return Ok(None) };
        if bytes.get(at) != Some(&b'"') {
            return Err(self.corrupt(at, "expected a key"));
        }
        let (end, escapes) = scan::closing(bytes, at + 1);
        let colon = scan::space(bytes, end + 1);
        if escapes == scan::BROKEN || bytes.get(colon) != Some(&b':') {
            return Err(self.broken_key(end, escapes));
        }
        self.at = colon + 1;
        if escapes == 0 { Ok(bytes.get(at + 1..end)) } else { Ok(Some(self.unescape(at + 1..end))) }
    }

    /// Whether the list has another element, which has to be read or skipped next; `false` leaves the list.
    #[inline]
    pub fn element(&mut self) -> Result<bool, Corrupt> {
        let Some(at) = self.member(b']')? else { return Ok(false) };
        self.at = at;
        Ok(true)
    }

    /// A string.
    #[inline(always)]
    pub fn text(&mut self) -> Result<Option<Text<'a>>, Corrupt> {
        let bytes = self.text.as_bytes();
        let at = scan::space(bytes, self.at);
        if bytes.get(at) != Some(&b'"') {
            return self.nothing();
        }
        let (end, escapes) = scan::closing(bytes, at + 1);
        if escapes == scan::BROKEN {
            return Err(self.blame(scan::broken(bytes, end)));
        }
        self.at = end + 1;
        Ok(Some(Text::checked(self.text.get(at + 1..end).unwrap_or_default(), escapes)))
    }

    /// A string, or a number or truth value as it is written.
    pub fn scalar(&mut self) -> Result<Option<Text<'a>>, Corrupt> {
        match self.kind() {
            Kind::String => self.text(),
            Kind::Number | Kind::Bool => self.span().map(|span| Some(Text::plain(span))),
            _ => self.nothing(),
        }
    }

    /// A whole number that is not negative.
    #[inline]
    pub fn uint(&mut self) -> Result<Option<u64>, Corrupt> {
        let bytes = self.text.as_bytes();
        let start = scan::space(bytes, self.at);
        let (mut at, mut number) = (start, 0u64);
        while let Some(digit @ b'0'..=b'9') = bytes.get(at) {
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            at += 1;
        }
        // Nineteen digits cannot overflow; a zero in front and anything that goes on is for the long way.
        let plain = (1..20).contains(&(at - start)) && (at == start + 1 || bytes.get(start) != Some(&b'0'));
        if plain && !matches!(bytes.get(at), Some(b'.' | b'e' | b'E')) {
            self.at = at;
            return Ok(Some(number));
        }
        Ok(self.digits()?.and_then(|text| text.parse().ok().or_else(|| whole(text)?.try_into().ok())))
    }

    /// A whole number.
    pub fn int(&mut self) -> Result<Option<i64>, Corrupt> {
        if matches!(self.peek(), Some(b'0'..=b'9')) {
            return Ok(self.uint()?.and_then(|number| number.try_into().ok()));
        }
        Ok(self.digits()?.and_then(|text| text.parse().ok().or_else(|| whole(text)?.try_into().ok())))
    }

    /// A number.
    pub fn float(&mut self) -> Result<Option<f64>, Corrupt> {
        Ok(self.digits()?.and_then(|text| text.parse().ok()).filter(|number: &f64| number.is_finite()))
    }

    /// A truth value.
    pub fn flag(&mut self) -> Result<Option<bool>, Corrupt> {
        match self.kind() {
            Kind::Bool => self.span().map(|span| Some(span == "true")),
            _ => self.nothing(),
        }
    }

    /// What tells slots apart: a whole number that is not negative, or a string that is not empty.
    pub fn slot_key(&mut self) -> Result<Option<Key<'a>>, Corrupt> {
        match self.kind() {
            Kind::String => Ok(self.text()?.filter(|name| !name.is_empty()).map(Key::Name)),
            _ => Ok(self.uint()?.map(Key::Index)),
        }
    }

    /// The JSON of any value but `null`.
    pub fn raw(&mut self) -> Result<Option<&'a str>, Corrupt> {
        if self.peek() == Some(b'n') { self.nothing() } else { self.span().map(Some) }
    }

    /// JSON that is wrapped in a string, or stands as it is.
    pub fn json_text(&mut self) -> Result<Option<Text<'a>>, Corrupt> {
        self.object_text()
    }

    /// JSON as it stands, or wrapped in a string.
    pub fn object_text(&mut self) -> Result<Option<Text<'a>>, Corrupt> {
        match self.kind() {
            Kind::String => self.text(),
            _ => Ok(self.raw()?.map(Text::plain)),
        }
    }

    /// The JSON of a list.
    pub fn texts(&mut self) -> Result<Option<&'a str>, Corrupt> {
        if self.peek() == Some(b'[') { self.span().map(Some) } else { self.nothing() }
    }

    /// Goes behind the next value, whatever it is.
    #[inline(always)]
    pub fn skip(&mut self) -> Result<(), Corrupt> {
        let bytes = self.text.as_bytes();
        let at = scan::space(bytes, self.at);
        if bytes.get(at) == Some(&b'"') {
            let (end, escapes) = scan::closing(bytes, at + 1);
            if escapes != scan::BROKEN {
                self.skipped.add(at + 1, end);
                self.at = end + 1;
                return Ok(());
            }
        }
        self.skip_any(at)
    }

    fn skip_any(&mut self, at: usize) -> Result<(), Corrupt> {
        let room = MAX_DEPTH - self.depth;
        self.at = scan::value(self.bytes(), at, room).map_err(|error| self.blame(error))?;
        Ok(())
    }

    /// Where the next value starts.
    pub fn start(&mut self) -> usize {
        self.peek();
        self.at
    }

    /// The text from `start` to here.
    pub fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    pub(crate) fn skipped(&mut self) -> Skipped {
        std::mem::take(&mut self.skipped)
    }

    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// The next byte that is no white space.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        self.at = scan::space(self.bytes(), self.at);
        self.bytes().get(self.at).copied()
    }

    #[inline]
    fn enter(&mut self, opener: u8) -> Result<bool, Corrupt> {
        let at = scan::space(self.bytes(), self.at);
        if self.bytes().get(at) != Some(&opener) {
            return self.skip_any(at).map(|()| false);
        }
        if self.depth == MAX_DEPTH {
            return Err(self.corrupt(at, "nested too deeply"));
        }
        (self.at, self.depth, self.fresh) = (at + 1, self.depth + 1, true);
        Ok(true)
    }

    /// Where the next member of the container that `closer` ends starts; `None` goes out of the container.
    #[inline(always)]
    fn member(&mut self, closer: u8) -> Result<Option<usize>, Corrupt> {
        let bytes = self.text.as_bytes();
        let fresh = std::mem::replace(&mut self.fresh, false);
        let at = scan::space(bytes, self.at);
        match bytes.get(at) {
            Some(b',') if !fresh => Ok(Some(scan::space(bytes, at + 1))),
            Some(byte) if *byte == closer => {
                (self.at, self.depth) = (at + 1, self.depth.saturating_sub(1));
                Ok(None)
            }
            Some(_) if fresh => Ok(Some(at)),
            _ => Err(self.corrupt(at, "expected `,` or the end of the container")),
        }
    }

    /// A key with escapes, in a buffer that is reused.
    #[cold]
    fn unescape(&mut self, key: Range<usize>) -> &[u8] {
        self.unescaped.clear();
        unescape_into(self.text.get(key).unwrap_or_default(), &mut self.unescaped);
        self.unescaped.as_bytes()
    }

    /// The next value as it stands.
    fn span(&mut self) -> Result<&'a str, Corrupt> {
        let start = self.start();
        self.skip_any(start)?;
        Ok(self.since(start))
    }

    /// A number as it is written; a string with one in it will do.
    #[inline]
    fn digits(&mut self) -> Result<Option<&'a str>, Corrupt> {
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => self.span().map(Some),
            Some(b'"') => Ok(self.text()?.and_then(|text| text.as_plain()).filter(|text| is_number(text))),
            _ => self.nothing(),
        }
    }

    fn nothing<T>(&mut self) -> Result<Option<T>, Corrupt> {
        self.skip_any(self.at).map(|()| None)
    }

    #[cold]
    fn corrupt(&self, at: usize, reason: &'static str) -> Corrupt {
        self.blame(Corrupt { at, reason })
    }

    /// What is wrong with a key whose string ended, or broke, at `end`.
    #[cold]
    fn broken_key(&self, end: usize, escapes: usize) -> Corrupt {
        if escapes == scan::BROKEN {
            return self.blame(scan::broken(self.bytes(), end));
        }
        self.corrupt(scan::space(self.bytes(), end + 1), "expected `:`")
    }

    /// What is missing behind bytes that are not UTF-8 is their fault.
    #[cold]
    fn blame(&self, error: Corrupt) -> Corrupt {
        if self.cut && error.at >= self.text.len() { Corrupt { reason: "not UTF-8", ..error } } else { error }
    }
}

fn prefix(bytes: &[u8], end: usize) -> &str {
    bytes.get(..end).and_then(|valid| std::str::from_utf8(valid).ok()).unwrap_or_default()
}

/// `5.0` and `5e2` are whole numbers too.
fn whole(text: &str) -> Option<i128> {
    let number: f64 = text.parse().ok()?;
    let fits = number.fract() == 0.0 && number.abs() <= u64::MAX as f64;
    fits.then_some(number as i128)
}

fn is_number(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit() || first == '-')
        && scan::validate(text.as_bytes()).is_ok()
}
