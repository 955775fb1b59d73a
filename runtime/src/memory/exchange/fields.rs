//! Reading JSON objects field by field, with the place of everything that is wrong. Values are kept as they were written
//! until somebody asks for them, so that what nobody knows can be kept as it is.

use std::borrow::Cow;
use std::collections::HashSet;
use std::str::FromStr;

use crate::json::RawJson;
use crate::memory::exchange::told;
use crate::memory::{self, Id, Timestamp};
use crate::wire::v1::{Corrupt, Cursor, Kind};

/// The most fields of an object: more than the metadata of a memory can have within the usual limits.
const FIELDS: usize = 100_000;

/// What is wrong, and at which byte of the text.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) reason: String,
}

/// A value as it is written, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Raw<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

/// The fields of an object that nobody has taken yet.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    entries: Vec<(String, Raw<'a>)>,
    at: usize,
}

/// Whether escapes of UTF-16 in a text stand for characters, as they do in pairs.
fn whole_pairs(text: &str) -> Result<(), Fault> {
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let escape = rest.get(at..).unwrap_or_default();
        let pair = [unit(escape), escape.get(6..).and_then(unit)];
        let length = match pair {
            [Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)] => 12,
            [Some(0xd800..=0xdfff), _] => {
                let reason = "half of a surrogate pair stands for no character".to_owned();
                return Err(Fault { at: text.len() - escape.len(), reason });
            }
            _ => 2,
        };
        rest = escape.get(length..).unwrap_or_default();
    }
    Ok(())
}

/// The number of an escape of UTF-16.
fn unit(escape: &str) -> Option<u32> {
    escape.strip_prefix("\\u").and_then(|digits| u32::from_str_radix(digits.get(..4)?, 16).ok())
}

fn corrupt(base: usize) -> impl Fn(Corrupt) -> Fault {
    move |error| Fault { at: base + error.at, reason: error.reason.to_owned() }
}

impl<'a> Fields<'a> {
    /// Those of a text that is one object.
    pub(super) fn of(text: &'a str) -> Result<Self, Fault> {
        let mut cursor = Cursor::new(text.as_bytes());
        let fields = Self::read(&mut cursor, 0)?;
        cursor.finish().map_err(corrupt(0))?;
        Ok(fields)
    }

    fn read(cursor: &mut Cursor<'a>, base: usize) -> Result<Self, Fault> {
        let start = cursor.start();
        if cursor.kind() != Kind::Object {
            return Err(Fault { at: base + start, reason: "expected an object".to_owned() });
        }
        let (mut entries, mut known) = (Vec::new(), HashSet::new());
        cursor.object().map_err(corrupt(base))?;
        while let Some(key) = Self::key(cursor, base)? {
            let at = cursor.start();
            let fault = |reason: String| Err(Fault { at: base + at, reason });
            if entries.len() == FIELDS {
                return fault(format!("the object has more than {FIELDS} fields"));
            }
            if !known.insert(key.clone()) {
                return fault(format!("`{}` stands here twice", told::name(&key)));
            }
            cursor.skip().map_err(corrupt(base))?;
            entries.push((key, Raw { text: cursor.since(at), at: base + at }));
        }
        Ok(Self { entries, at: base + start })
    }

    fn key(cursor: &mut Cursor<'a>, base: usize) -> Result<Option<String>, Fault> {
        let before = cursor.start();
        let key = cursor.key().map_err(corrupt(base))?;
        let Some(key) = key.map(|key| String::from_utf8_lossy(key).into_owned()) else { return Ok(None) };
        whole_pairs(cursor.since(before)).map_err(|half| Fault { at: base + before + half.at, ..half })?;
        Ok(Some(key))
    }

    /// The first field, by which one knows what an object is.
    pub(super) fn first(&self) -> &str {
        self.entries.first().map_or("", |(key, _)| key)
    }

    /// A field, if it is there.
    pub(super) fn take(&mut self, name: &str) -> Option<Raw<'a>> {
        let at = self.entries.iter().position(|(key, _)| key == name)?;
        Some(self.entries.remove(at).1)
    }

    /// A field, if it is there and not `null`.
    pub(super) fn given(&mut self, name: &str) -> Option<Raw<'a>> {
        self.take(name).filter(|value| value.kind() != Kind::Null)
    }

    /// A field that has to be there.
    pub(super) fn need(&mut self, name: &str) -> Result<Raw<'a>, Fault> {
        let missing = || Fault { at: self.at, reason: format!("`{name}` is missing") };
        let at = self.entries.iter().position(|(key, _)| key == name).ok_or_else(missing)?;
        Ok(self.entries.remove(at).1)
    }

    /// What nobody has taken.
    pub(super) fn rest(self) -> Vec<(String, Raw<'a>)> {
        self.entries
    }

    /// Refuses what nobody has taken.
    pub(super) fn none_left(self) -> Result<(), Fault> {
        match self.entries.first() {
            Some((key, value)) => Err(value.wrong(format!("`{}` does not belong here", told::name(key)))),
            None => Ok(()),
        }
    }
}

impl<'a> Raw<'a> {
    pub(super) fn kind(self) -> Kind {
        Cursor::within(self.text).kind()
    }

    pub(super) fn wrong(self, reason: impl Into<String>) -> Fault {
        Fault { at: self.at, reason: reason.into() }
    }

    /// A string. One with half a surrogate pair is refused: it could not be kept as it is.
    pub(super) fn text(self) -> Result<Cow<'a, str>, Fault> {
        let text = Cursor::within(self.text).text().map_err(corrupt(self.at))?;
        let text = text.ok_or_else(|| self.wrong("expected a string"))?;
        whole_pairs(self.text).map_err(|half| Fault { at: self.at + half.at, ..half })?;
        text.decode().map_err(corrupt(self.at))
    }

    /// A whole number that a store can keep.
    pub(super) fn whole(self) -> Result<u64, Fault> {
        let number = self.text.parse::<i64>().ok().and_then(|number| u64::try_from(number).ok());
        number.ok_or_else(|| self.wrong("expected a whole number that is not negative"))
    }

    /// A number, as exact as 32 bits are.
    pub(super) fn number(self) -> Result<f32, Fault> {
        let number = (self.kind() == Kind::Number).then(|| self.text.parse::<f32>().ok()).flatten();
        number.filter(|number| number.is_finite()).ok_or_else(|| self.wrong("expected a number"))
    }

    /// A string that means something.
    pub(super) fn parsed<T>(self, parse: impl FnOnce(&str) -> Result<T, memory::Error>) -> Result<T, Fault> {
        parse(&self.text()?).map_err(|error| self.wrong(error.to_string()))
    }

    pub(super) fn time(self) -> Result<Timestamp, Fault> {
        self.parsed(Timestamp::parse)
    }

    pub(super) fn id(self) -> Result<Id, Fault> {
        self.parsed(Id::from_str)
    }

    pub(super) fn fields(self) -> Result<Fields<'a>, Fault> {
        Fields::read(&mut Cursor::within(self.text), self.at)
    }

    pub(super) fn list(self) -> Result<Vec<Raw<'a>>, Fault> {
        let mut cursor = Cursor::within(self.text);
        if cursor.kind() != Kind::Array {
            return Err(self.wrong("expected a list"));
        }
        let mut items = Vec::new();
        cursor.array().map_err(corrupt(self.at))?;
        while cursor.element().map_err(corrupt(self.at))? {
            let start = cursor.start();
            cursor.skip().map_err(corrupt(self.at))?;
            items.push(Raw { text: cursor.since(start), at: self.at + start });
        }
        Ok(items)
    }

    /// The value as it stands.
    pub(super) fn json(self) -> RawJson {
        RawJson::trusted(self.text)
    }
}
