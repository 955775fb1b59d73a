//! A JSON writer into one buffer: constants are copied, values are escaped behind them.
//!
//! It does not check that what is written adds up to JSON; generated code is built so that it does. The one
//! thing it takes care of is the comma behind an opening that turned out to be followed by nothing optional.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::scan;
use crate::json::RawJson;

const HEX: &[u8; 16] = b"0123456789abcdef";
/// A multiple of three, so that only the last piece is padded.
const BASE64_PIECE: usize = 3 * 1024;

/// A buffer that JSON is written into.
#[derive(Debug, Clone, Default)]
pub struct JsonWriter {
    buf: Vec<u8>,
}

impl JsonWriter {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty buffer with room for `bytes`.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { buf: Vec::with_capacity(bytes) }
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.buf
    }

    /// What was written.
    pub fn into_string(self) -> String {
        // Only `str`s and ASCII are ever written, so nothing is lost here.
        String::from_utf8(self.buf)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// What was written so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.buf
    }

    /// How many bytes were written.
    pub fn len(&self) -> usize {
        self.buf.len()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.buf.is_empty()
    }

    /// Forgets what was written and keeps the room.
    pub fn clear(&mut self) {
        self.buf.clear();
    }

    /// Writes a constant fragment.
    #[inline]
    pub fn lit(&mut self, constant: &'static str) {
        self.buf.extend_from_slice(constant.as_bytes());
    }

    /// Opens an object.
    #[inline]
    pub fn open(&mut self) {
        self.buf.push(b'{');
    }

    /// Opens a list.
    #[inline]
    pub fn open_list(&mut self) {
        self.buf.push(b'[');
    }

    /// Writes a constant that starts with a comma, without it where nothing stands before.
    #[inline]
    pub fn key(&mut self, constant: &'static str) {
        let bytes = constant.as_bytes();
        let skipped = usize::from(self.stands_first() && bytes.first() == Some(&b','));
        self.buf.extend_from_slice(bytes.get(skipped..).unwrap_or_default());
    }

    /// Writes a comma unless nothing stands before.
    #[inline]
    pub fn comma(&mut self) {
        if !self.stands_first() {
            self.buf.push(b',');
        }
    }

    /// Where the next byte goes; for [`Self::close_or_drop`].
    #[inline]
    pub fn mark(&self) -> usize {
        self.buf.len()
    }

    /// Closes an object.
    #[inline]
    pub fn close(&mut self) {
        self.buf.push(b'}');
    }

    /// Closes a list.
    #[inline]
    pub fn close_list(&mut self) {
        self.buf.push(b']');
    }

    /// Closes an object, or takes back everything since `mark` if the object is empty.
    #[inline]
    pub fn close_or_drop(&mut self, mark: usize) {
        if self.buf.last() == Some(&b'{') { self.buf.truncate(mark) } else { self.close() }
    }

    /// Closes a list, or takes back everything since `mark` if the list is empty.
    #[inline]
    pub fn close_list_or_drop(&mut self, mark: usize) {
        if self.buf.last() == Some(&b'[') { self.buf.truncate(mark) } else { self.close_list() }
    }

    /// Takes back everything since `mark`.
    #[inline]
    pub fn rewind(&mut self, mark: usize) {
        self.buf.truncate(mark);
    }

    /// Writes a string.
    #[inline]
    pub fn str(&mut self, text: &str) {
        self.buf.reserve(text.len() + 2);
        self.buf.push(b'"');
        self.str_part(text);
        self.buf.push(b'"');
    }

    /// Writes the inside of a string.
    pub fn str_part(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut done = 0;
        loop {
            let end = scan::long_plain(bytes, done);
            self.buf.extend_from_slice(bytes.get(done..end).unwrap_or_default());
            let Some(byte) = bytes.get(end) else { return };
            self.escape(*byte);
            done = end + 1;
        }
    }

    /// Writes a number.
    pub fn uint(&mut self, mut number: u64) {
        let mut digits = [b'0'; 20];
        let mut used = 0;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
            used += 1;
            if number == 0 {
                break;
            }
        }
        self.buf.extend_from_slice(digits.get(20 - used..).unwrap_or_default());
    }

    /// Writes a number.
    pub fn int(&mut self, number: i64) {
        if number < 0 {
            self.buf.push(b'-');
        }
        self.uint(number.unsigned_abs());
    }

    /// Writes a number in its shortest form. What is no number (`NaN`, infinity) has no JSON and becomes `null`.
    pub fn float(&mut self, number: f64) {
        let size = number.abs();
        let written = if !number.is_finite() {
            self.buf.write_all(b"null")
        } else if size != 0.0 && !(1e-5..1e16).contains(&size) {
            write!(self.buf, "{number:e}")
        } else {
            write!(self.buf, "{number}")
        };
        debug_assert!(written.is_ok(), "writing into memory does not fail");
    }

    /// Writes a truth value.
    pub fn bool(&mut self, value: bool) {
        self.lit(if value { "true" } else { "false" });
    }

    /// Writes JSON as it stands.
    pub fn raw(&mut self, json: &RawJson) {
        self.raw_text(json.as_str());
    }

    /// Writes text as it stands, which has to be JSON.
    pub fn raw_text(&mut self, json: &str) {
        self.buf.extend_from_slice(json.as_bytes());
    }

    /// Writes bytes in base64, without quotes.
    pub fn base64(&mut self, bytes: &[u8]) {
        let mut piece = [0; BASE64_PIECE / 3 * 4];
        self.buf.reserve(bytes.len().div_ceil(3) * 4);
        for chunk in bytes.chunks(BASE64_PIECE) {
            let used = STANDARD.encode_slice(chunk, &mut piece).unwrap_or_default();
            self.buf.extend_from_slice(piece.get(..used).unwrap_or_default());
        }
    }

    /// Writes an object of strings.
    pub fn str_map(&mut self, entries: &[(String, String)]) {
        self.map(entries, |writer, value| writer.str(value));
    }

    /// Writes an object of numbers.
    pub fn float_map(&mut self, entries: &[(String, f64)]) {
        self.map(entries, |writer, value| writer.float(*value));
    }

    /// Writes a list of strings.
    pub fn strs(&mut self, items: &[String]) {
        self.open_list();
        for item in items {
            self.comma();
            self.str(item);
        }
        self.close_list();
    }

    /// Writes further members of the object that is open.
    pub fn extra(&mut self, entries: &[(String, RawJson)]) {
        for (name, value) in entries {
            self.member(name);
            self.raw(value);
        }
    }

    fn map<T>(&mut self, entries: &[(String, T)], write: impl Fn(&mut Self, &T)) {
        self.open();
        for (name, value) in entries {
            self.member(name);
            write(self, value);
        }
        self.close();
    }

    fn member(&mut self, name: &str) {
        self.comma();
        self.str(name);
        self.buf.push(b':');
    }

    #[inline]
    fn stands_first(&self) -> bool {
        matches!(self.buf.last(), None | Some(b'{' | b'['))
    }

    fn escape(&mut self, byte: u8) {
        // Nearly all that is ever escaped, as two tests that are guessed well.
        if byte == b'"' || byte == b'\\' {
            return self.buf.extend_from_slice(&[b'\\', byte]);
        }
        if byte == b'\n' {
            return self.buf.extend_from_slice(b"\\n");
        }
        let short = match byte {
            b'\r' => b'r',
            b'\t' => b't',
            0x8 => b'b',
            0xC => b'f',
            _ => {
                let low = HEX.get(usize::from(byte & 0xF)).copied().unwrap_or(b'0');
                return self.buf.extend_from_slice(&[b'\\', b'u', b'0', b'0', b'0' + (byte >> 4), low]);
            }
        };
        self.buf.extend_from_slice(&[b'\\', short]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut JsonWriter)) -> String {
        let mut writer = JsonWriter::new();
        write(&mut writer);
        writer.into_string()
    }

    #[test]
    fn commas_stand_between_and_nowhere_else() {
        let json = written(|w| {
            w.open();
            w.key(",\"a\":");
            w.uint(1);
            w.key(",\"b\":");
            w.open_list();
            for number in [0, u64::MAX] {
                w.comma();
                w.uint(number);
            }
            w.close_list();
            w.extra(&[("c\"".to_owned(), RawJson::string("x"))]);
            w.close();
        });
        assert_eq!(json, r#"{"a":1,"b":[0,18446744073709551615],"c\"":"x"}"#);
    }

    #[test]
    fn an_empty_object_is_taken_back_with_its_key() {
        let nested = |inner: fn(&mut JsonWriter)| {
            written(|w| {
                w.open();
                let outer = w.mark();
                w.key(",\"a\":");
                w.open();
                let mark = w.mark();
                w.key(",\"b\":[");
                inner(w);
                w.close_list_or_drop(mark);
                w.close_or_drop(outer);
                w.key(",\"c\":1");
                w.close();
            })
        };
        assert_eq!(nested(|_| {}), r#"{"c":1}"#);
        assert_eq!(nested(|w| w.bool(true)), r#"{"a":{"b":[true]},"c":1}"#);
    }

    #[test]
    fn strings_are_escaped_and_come_back() {
        let all: String =
            (0..=0x30).chain([0x7f, 0xe9, 0x2028, 0x1f600]).filter_map(char::from_u32).collect();
        for text in [all.as_str(), "", "\\", "\"", "a long text without anything special in it", "12345678\n"]
        {
            let json = written(|w| w.str(text));
            assert!(scan::validate(json.as_bytes()).is_ok(), "{json}");
            let read = crate::wire::v1::Cursor::new(json.as_bytes()).text().unwrap().unwrap();
            assert_eq!(read.decode().unwrap(), text);
        }
        assert_eq!(written(|w| w.str("\u{1f}\u{8}\t")), r#""\u001f\b\t""#);
    }

    #[test]
    fn numbers_are_short_and_come_back() {
        let floats = [
            (1.0, "1"),
            (0.7, "0.7"),
            (-0.0, "-0"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e300, "1e300"),
            (5e-324, "5e-324"),
            (123456.0, "123456"),
            (1e-5, "0.00001"),
            (f64::NAN, "null"),
            (f64::NEG_INFINITY, "null"),
        ];
        for (number, json) in floats {
            assert_eq!(written(|w| w.float(number)), json);
        }
        for bits in (0..64).flat_map(|shift| [1u64 << shift, 0x3ff0_0000_0000_0001 ^ 1 << shift]) {
            let number = f64::from_bits(bits);
            let json = written(|w| w.float(number));
            assert!(!number.is_finite() || json.parse() == Ok(number), "{number:e} {json}");
        }
        assert_eq!(written(|w| w.int(i64::MIN)), "-9223372036854775808");
        assert_eq!(written(|w| w.int(-7)), "-7");
    }

    #[test]
    fn base64_is_the_same_however_long() {
        for length in [0, 1, 2, 3, 4, 3071, 3072, 3073, 10_000] {
            let bytes: Vec<u8> = (0..length).map(|n| (n * 7 % 256) as u8).collect();
            assert_eq!(written(|w| w.base64(&bytes)), STANDARD.encode(&bytes));
        }
    }

    #[test]
    fn maps_and_lists_are_written_in_order() {
        let pairs = [("b".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())];
        assert_eq!(written(|w| w.str_map(&pairs)), r#"{"b":"1","a":"2"}"#);
        assert_eq!(written(|w| w.float_map(&[("50256".to_owned(), -100.0)])), r#"{"50256":-100}"#);
        assert_eq!(written(|w| w.strs(&["x".to_owned(), "y".to_owned()])), r#"["x","y"]"#);
        assert_eq!(written(|w| w.strs(&[])), "[]");
    }
}
