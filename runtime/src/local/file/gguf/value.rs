//! Metadata values: walked over once when a file is opened, read from its bytes when asked for. Whatever stands here
//! in place of an error is unreachable for entries that [`entry`] made, and an absent value otherwise.

use std::fmt;
use std::ops::Range;

use super::super::Fault;
use super::MAX_KEY;
use super::reader::Reader;

/// Chat templates take kilobytes, a whole `tokenizer.json` some megabytes.
const MAX_STRING: u64 = 64 << 20;
const MAX_ELEMENTS: u64 = 1 << 24;
const MAX_NESTING: u32 = 4;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say all")]
pub enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    String,
    Array,
    U64,
    I64,
    F64,
}

impl Kind {
    /// In the order of their numbers in files.
    const ALL: [Self; 13] = [
        Self::U8,
        Self::I8,
        Self::U16,
        Self::I16,
        Self::U32,
        Self::I32,
        Self::F32,
        Self::Bool,
        Self::String,
        Self::Array,
        Self::U64,
        Self::I64,
        Self::F64,
    ];

    fn of(number: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// Bytes of a value, where all have the same.
    const fn size(self) -> Option<usize> {
        match self {
            Self::U8 | Self::I8 | Self::Bool => Some(1),
            Self::U16 | Self::I16 => Some(2),
            Self::U32 | Self::I32 | Self::F32 => Some(4),
            Self::U64 | Self::I64 | Self::F64 => Some(8),
            Self::String | Self::Array => None,
        }
    }

    /// The least that a value takes: a string its length, an array also the kind of its elements.
    const fn least(self) -> u64 {
        match self.size() {
            Some(size) => size as u64,
            None if matches!(self, Self::Array) => 12,
            None => 8,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::U8 => "u8",
            Self::I8 => "i8",
            Self::U16 => "u16",
            Self::I16 => "i16",
            Self::U32 => "u32",
            Self::I32 => "i32",
            Self::F32 => "f32",
            Self::Bool => "truth value",
            Self::String => "string",
            Self::Array => "array",
            Self::U64 => "u64",
            Self::I64 => "i64",
            Self::F64 => "f64",
        })
    }
}

/// Where an entry of the metadata lies.
#[derive(Debug)]
pub(in crate::local::file) struct Entry {
    pub(super) key: Range<usize>,
    kind: Kind,
    /// Without the number of its kind.
    value: Range<usize>,
}

/// Walks over the next entry.
pub(super) fn entry(reader: &mut Reader<'_>) -> Result<Entry, Fault> {
    let key = reader.text("key", MAX_KEY)?;
    let end = reader.at();
    let (kind, value) = value(reader).map_err(|fault| fault.inside(key))?;
    Ok(Entry { key: end - key.len()..end, kind, value })
}

fn value(reader: &mut Reader<'_>) -> Result<(Kind, Range<usize>), Fault> {
    let kind = kind(reader)?;
    let start = reader.at();
    match kind {
        // A string of its own is text; an element of an array may be a token, which is not always whole characters.
        Kind::String => drop(text(reader)?),
        _ => walk(reader, kind, 0)?,
    }
    Ok((kind, start..reader.at()))
}

fn kind(reader: &mut Reader<'_>) -> Result<Kind, Fault> {
    let number = reader.u32("kind of a value")?;
    Kind::of(number)
        .ok_or_else(|| Fault::malformed(format!("a value of kind {number}, which does not exist")))
}

fn text<'a>(reader: &mut Reader<'a>) -> Result<&'a str, Fault> {
    let start = reader.at();
    let text = std::str::from_utf8(reader.string("string", MAX_STRING)?);
    text.map_err(|_| Fault::malformed(format!("the string at byte {start} is not UTF-8")))
}

/// Goes behind a value.
fn walk(reader: &mut Reader<'_>, kind: Kind, nesting: u32) -> Result<(), Fault> {
    match kind {
        Kind::String => reader.string("string", MAX_STRING).map(drop),
        Kind::Array => array(reader, nesting + 1),
        _ => numbers(reader, kind, 1),
    }
}

fn array(reader: &mut Reader<'_>, nesting: u32) -> Result<(), Fault> {
    if nesting > MAX_NESTING {
        return Err(Fault::malformed(format!("arrays within arrays, more than {MAX_NESTING} deep")));
    }
    let kind = kind(reader)?;
    let count = reader.count("elements of an array", kind.least(), MAX_ELEMENTS)?;
    match kind {
        Kind::String | Kind::Array => (0..count).try_for_each(|_| walk(reader, kind, nesting)),
        _ => numbers(reader, kind, count),
    }
}

fn numbers(reader: &mut Reader<'_>, kind: Kind, count: u64) -> Result<(), Fault> {
    let size = kind.size().unwrap_or_default() as u64;
    let bytes = reader.take(count.saturating_mul(size), "value")?;
    if kind == Kind::Bool && bytes.iter().any(|byte| *byte > 1) {
        return Err(Fault::malformed("a truth value that is neither 0 nor 1"));
    }
    Ok(())
}

/// The metadata of a file, borrowed from it.
#[derive(Debug, Clone, Copy)]
pub struct Metadata<'a> {
    bytes: &'a [u8],
    /// By key.
    entries: &'a [Entry],
}

impl<'a> Metadata<'a> {
    pub(in crate::local::file) fn new(bytes: &'a [u8], entries: &'a [Entry]) -> Self {
        Self { bytes, entries }
    }

    /// What stands under `key`.
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        let at = self.entries.binary_search_by(|entry| self.at(&entry.key).cmp(key.as_bytes())).ok()?;
        self.value(self.entries.get(at)?)
    }

    /// All entries, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> + use<'a> {
        let this = *self;
        this.entries.iter().filter_map(move |entry| {
            let key = std::str::from_utf8(this.at(&entry.key)).ok()?;
            Some((key, this.value(entry)?))
        })
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none; so it is for every file but GGUF.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn at(&self, range: &Range<usize>) -> &'a [u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }

    fn value(&self, entry: &Entry) -> Option<Value<'a>> {
        let mut bytes = self.at(&entry.value);
        match entry.kind {
            Kind::String => Some(Value::String(bytes.get(8..)?)),
            // An entry knows where it ends, so its array needs no walk.
            Kind::Array => {
                let (kind, len) = head(&mut bytes)?;
                Some(Value::Array(Array { kind, len, bytes }))
            }
            kind => next(kind, &mut bytes),
        }
    }
}

/// A value of the metadata.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "the names say all")]
pub enum Value<'a> {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    F32(f32),
    Bool(bool),
    /// UTF-8, but for elements of an array, where tokens stand that are not whole characters.
    String(&'a [u8]),
    Array(Array<'a>),
    U64(u64),
    I64(i64),
    F64(f64),
}

impl<'a> Value<'a> {
    /// What it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::U8(_) => Kind::U8,
            Self::I8(_) => Kind::I8,
            Self::U16(_) => Kind::U16,
            Self::I16(_) => Kind::I16,
            Self::U32(_) => Kind::U32,
            Self::I32(_) => Kind::I32,
            Self::F32(_) => Kind::F32,
            Self::Bool(_) => Kind::Bool,
            Self::String(_) => Kind::String,
            Self::Array(_) => Kind::Array,
            Self::U64(_) => Kind::U64,
            Self::I64(_) => Kind::I64,
            Self::F64(_) => Kind::F64,
        }
    }

    /// A whole number of any width that is not negative.
    pub fn as_u64(&self) -> Option<u64> {
        u64::try_from(self.whole()?).ok()
    }

    /// A whole number of any width.
    pub fn as_i64(&self) -> Option<i64> {
        i64::try_from(self.whole()?).ok()
    }

    /// A number with a point, of either width.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::F32(number) => Some(f64::from(*number)),
            Self::F64(number) => Some(*number),
            _ => None,
        }
    }

    /// A truth value.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(flag) = self { Some(*flag) } else { None }
    }

    /// A string that is UTF-8.
    pub fn as_str(&self) -> Option<&'a str> {
        std::str::from_utf8(self.as_bytes()?).ok()
    }

    /// The bytes of a string.
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        if let Self::String(bytes) = self { Some(bytes) } else { None }
    }

    /// An array.
    pub fn as_array(&self) -> Option<Array<'a>> {
        if let Self::Array(array) = self { Some(*array) } else { None }
    }

    fn whole(&self) -> Option<i128> {
        match self {
            Self::U8(number) => Some(i128::from(*number)),
            Self::I8(number) => Some(i128::from(*number)),
            Self::U16(number) => Some(i128::from(*number)),
            Self::I16(number) => Some(i128::from(*number)),
            Self::U32(number) => Some(i128::from(*number)),
            Self::I32(number) => Some(i128::from(*number)),
            Self::U64(number) => Some(i128::from(*number)),
            Self::I64(number) => Some(i128::from(*number)),
            Self::F32(_) | Self::F64(_) | Self::Bool(_) | Self::String(_) | Self::Array(_) => None,
        }
    }
}

/// An array in the bytes of its file: elements are read when iterated.
#[derive(Clone, Copy, PartialEq)]
pub struct Array<'a> {
    kind: Kind,
    len: usize,
    bytes: &'a [u8],
}

impl<'a> Array<'a> {
    /// What its elements are.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The elements.
    pub fn iter(&self) -> Elements<'a> {
        Elements { kind: self.kind, left: self.len, bytes: self.bytes }
    }

    /// The bytes of each string; nothing if the elements are none.
    pub fn strings(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.iter().filter_map(|value| value.as_bytes())
    }
}

/// Without its elements, which can be megabytes.
impl fmt::Debug for Array<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}; {}]", self.kind, self.len)
    }
}

impl<'a> IntoIterator for Array<'a> {
    type IntoIter = Elements<'a>;
    type Item = Value<'a>;

    fn into_iter(self) -> Elements<'a> {
        self.iter()
    }
}

/// What is left of an array.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    kind: Kind,
    left: usize,
    bytes: &'a [u8],
}

impl<'a> Iterator for Elements<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        self.left = self.left.checked_sub(1)?;
        next(self.kind, &mut self.bytes)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Elements<'_> {}

/// Reads a value off the front of `bytes`.
fn next<'a>(kind: Kind, bytes: &mut &'a [u8]) -> Option<Value<'a>> {
    Some(match kind {
        Kind::U8 => Value::U8(u8::from_le_bytes(chunk(bytes)?)),
        Kind::I8 => Value::I8(i8::from_le_bytes(chunk(bytes)?)),
        Kind::U16 => Value::U16(u16::from_le_bytes(chunk(bytes)?)),
        Kind::I16 => Value::I16(i16::from_le_bytes(chunk(bytes)?)),
        Kind::U32 => Value::U32(u32::from_le_bytes(chunk(bytes)?)),
        Kind::I32 => Value::I32(i32::from_le_bytes(chunk(bytes)?)),
        Kind::F32 => Value::F32(f32::from_le_bytes(chunk(bytes)?)),
        Kind::U64 => Value::U64(u64::from_le_bytes(chunk(bytes)?)),
        Kind::I64 => Value::I64(i64::from_le_bytes(chunk(bytes)?)),
        Kind::F64 => Value::F64(f64::from_le_bytes(chunk(bytes)?)),
        Kind::Bool => Value::Bool(chunk(bytes)? != [0]),
        Kind::String => {
            let len = usize::try_from(u64::from_le_bytes(chunk(bytes)?)).ok()?;
            Value::String(bytes.split_off(..len)?)
        }
        Kind::Array => Value::Array(next_array(bytes)?),
    })
}

/// An array within an array: where it ends is found by walking over it.
fn next_array<'a>(bytes: &mut &'a [u8]) -> Option<Array<'a>> {
    let (kind, len) = head(bytes)?;
    let all = *bytes;
    match kind.size() {
        Some(size) => drop(bytes.split_off(..len.checked_mul(size)?)?),
        None => (0..len).try_for_each(|_| next(kind, bytes).map(drop))?,
    }
    Some(Array { kind, len, bytes: all.get(..all.len() - bytes.len())? })
}

/// What the elements of an array are, and how many.
fn head(bytes: &mut &[u8]) -> Option<(Kind, usize)> {
    let kind = Kind::of(u32::from_le_bytes(chunk(bytes)?))?;
    Some((kind, usize::try_from(u64::from_le_bytes(chunk(bytes)?)).ok()?))
}

fn chunk<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (chunk, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*chunk)
}
