//! The hyperparameters of a file under one set of keys, whatever the container: config.json and GGUF metadata are
//! both a JSON object here, and a [`Key`] knows how each of them calls a thing. Values that a file states are read
//! strictly; nothing is guessed from a value of a wrong type.

use serde_json::{Map, Value};

use super::Error;
use super::names::Naming;
use super::tensors::Shapes;

/// One hyperparameter: its names in config.json, best first, and in GGUF, less the identifier of the architecture.
/// An empty name: that container has no word for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key(pub(super) &'static [&'static str], pub(super) &'static str);

/// The hyperparameters of one file.
pub(super) struct Fields<'a> {
    /// The container.
    pub(super) naming: Naming,
    /// The identifier of the architecture, as it stands in the file.
    pub(super) identifier: &'a str,
    /// What the file states.
    pub(super) values: &'a Map<String, Value>,
    /// What files of this architecture need not state.
    pub(super) defaults: &'static [(&'static str, f64)],
    /// What tensors there are.
    pub(super) shapes: &'a Shapes,
}

/// The largest dimension and count that is believed: products of three of them stay far from overflow.
const LARGEST: u64 = 1 << 28;

impl<'a> Fields<'a> {
    pub(super) fn is_gguf(&self) -> bool {
        self.naming == Naming::Gguf
    }

    /// The value of `key` and the name that it was found under. JSON null counts as absent.
    fn find(&self, key: Key) -> Option<(String, &'a Value)> {
        let names: Vec<String> = if self.is_gguf() {
            vec![format!("{}.{}", self.identifier, key.1)]
        } else {
            key.0.iter().map(|name| (*name).to_owned()).collect()
        };
        names.into_iter().find_map(|name| {
            let value = self.values.get(&name).filter(|value| !value.is_null())?;
            Some((name, value))
        })
    }

    /// The value of `key` as it stands.
    pub(super) fn value(&self, key: Key) -> Option<&'a Value> {
        self.find(key).map(|(_, value)| value)
    }

    /// A number. The first name of a key also looks into the defaults.
    pub(super) fn number(&self, key: Key) -> Result<Option<f64>, Error> {
        let Some((name, value)) = self.find(key) else {
            let default = self.defaults.iter().find(|(name, _)| key.0.contains(name));
            return Ok(default.map(|(_, value)| *value));
        };
        finite(&name, value).map(Some)
    }

    pub(super) fn number_or(&self, key: Key, default: f64) -> Result<f64, Error> {
        Ok(self.number(key)?.unwrap_or(default))
    }

    /// A dimension or a count, at least one.
    pub(super) fn size(&self, key: Key) -> Result<usize, Error> {
        self.some_size(key)?.ok_or_else(|| Error::Missing { key: self.spelt(key) })
    }

    pub(super) fn size_or(&self, key: Key, default: usize) -> Result<usize, Error> {
        Ok(self.some_size(key)?.unwrap_or(default))
    }

    /// A dimension or a count. Zero means what absence means.
    pub(super) fn some_size(&self, key: Key) -> Result<Option<usize>, Error> {
        let Some(number) = self.number(key)? else { return Ok(None) };
        if number < 0.0 || number.fract() != 0.0 || number > LARGEST as f64 {
            return Err(self.invalid(key, format!("not a whole number up to {LARGEST}")));
        }
        Ok((number > 0.0).then_some(number as usize))
    }

    pub(super) fn flag(&self, key: Key) -> Result<Option<bool>, Error> {
        let Some((name, value)) = self.find(key) else { return Ok(None) };
        let wrong = || Error::Invalid { key: name, value: shown(value), reason: "not true or false".into() };
        value.as_bool().map(Some).ok_or_else(wrong)
    }

    pub(super) fn text(&self, key: Key) -> Result<Option<&'a str>, Error> {
        let Some((name, value)) = self.find(key) else { return Ok(None) };
        let wrong = || Error::Invalid { key: name, value: shown(value), reason: "not a string".into() };
        value.as_str().map(Some).ok_or_else(wrong)
    }

    /// What is wrong with the value of `key`.
    pub(super) fn invalid(&self, key: Key, reason: impl Into<String>) -> Error {
        let value = self.value(key).map_or_else(|| "a default".to_owned(), shown);
        Error::Invalid { key: self.spelt(key), value, reason: reason.into() }
    }

    /// A value of `key` that is none of `known`.
    pub(super) fn unsupported(&self, key: Key, known: &str) -> Error {
        let value = self.value(key).map_or_else(|| "absent".to_owned(), shown);
        Error::Unsupported { key: self.spelt(key), value, known: known.to_owned() }
    }

    /// The name of `key` in the file: the one that is there, or those that would do.
    pub(super) fn spelt(&self, key: Key) -> String {
        if let Some((name, _)) = self.find(key) {
            return name;
        }
        if self.is_gguf() { format!("{}.{}", self.identifier, key.1) } else { key.0.join("` or `") }
    }
}

/// A finite number.
pub(super) fn finite(name: &str, value: &Value) -> Result<f64, Error> {
    let wrong =
        || Error::Invalid { key: name.to_owned(), value: shown(value), reason: "not a number".to_owned() };
    value.as_f64().filter(|number| number.is_finite()).ok_or_else(wrong)
}

/// The start of a value.
pub(super) fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
