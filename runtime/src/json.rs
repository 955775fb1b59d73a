//! JSON kept as the text that it is on the wire.
//!
//! A tool's arguments, a schema or an unknown part of a reply pass through the vocabulary without being
//! parsed into a tree: whoever needs the tree parses it. This module is no JSON library; the one-pass
//! reader and writer are in [`crate::wire`].

use std::fmt;

/// A JSON value as text, exactly as it was written. Always well-formed JSON.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RawJson(Box<str>);

/// The text that was meant to be JSON is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON value: {reason} at byte {offset}")]
pub struct InvalidJson {
    /// Where in the text the first mistake is.
    pub offset: usize,
    /// What is wrong there.
    pub reason: &'static str,
}

impl RawJson {
    /// Takes JSON text after checking that it is one complete JSON value.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidJson> {
        let text = text.into();
        crate::wire::v1::validate(text.as_bytes())?;
        Ok(Self(text.into_boxed_str()))
    }

    /// Takes text that a [`crate::wire::v1::Cursor`] has already walked over.
    pub(crate) fn trusted(text: &str) -> Self {
        Self(text.into())
    }

    /// A JSON string holding `text`.
    pub fn string(text: &str) -> Self {
        let mut writer = crate::wire::v1::JsonWriter::new();
        writer.str(text);
        Self(writer.into_string().into_boxed_str())
    }

    /// The JSON Schema that is derived for `T`.
    #[cfg(feature = "schemars")]
    pub fn schema_of<T: schemars::JsonSchema>() -> Self {
        Self::trusted(&schemars::schema_for!(T).as_value().to_string())
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
