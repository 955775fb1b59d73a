//! Embeddings: the canonical request and answer, and what generated decoders report into. Sending is in
//! [`crate::client`].

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use crate::chat::{Usage, Warning};
use crate::json::RawJson;
use crate::model::Model;
use crate::wire::v1::{Corrupt, Cursor, ErrorWire, Failure, JsonWriter, ProviderFailure, Refused, Text};

/// A request for vectors. Fields that are `None` or empty are not sent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EmbedRequest {
    /// The model's id as the provider knows it.
    pub model: String,
    /// The texts, one vector each.
    pub input: Vec<String>,
    /// The length of the vectors, where the model lets one choose.
    pub dimensions: Option<u64>,
    /// What the vectors are for, in the provider's words (`query`, `document`).
    pub input_type: Option<String>,
    /// An opaque identifier of the end user.
    pub user: Option<String>,
    /// Provider-only options by name, as set through a generated `Options` type.
    pub options: Vec<(Cow<'static, str>, RawJson)>,
    /// Any other top-level field of the provider's body, sent as it stands.
    pub extra: Vec<(String, RawJson)>,
}

impl EmbedRequest {
    /// The provider-only option `name`, if it was set.
    pub fn option(&self, name: &str) -> Option<&RawJson> {
        self.options.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

/// Vectors, one for each text, in the order of the texts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EmbedResponse {
    /// The vectors.
    pub vectors: Vec<Vec<f32>>,
    /// The provider's id of the answer.
    pub id: Option<String>,
    /// The model that answered, as the provider names it.
    pub model: Option<String>,
    /// What the request cost in tokens.
    pub usage: Option<Usage>,
}

/// How embeddings look on a wire. One `static` of a generated crate.
#[derive(Debug, Clone, Copy)]
pub struct EmbedWire {
    /// The provider's name.
    pub provider: &'static str,
    /// The HTTP method.
    pub method: &'static str,
    /// Leaves out, with a warning, or refuses what the wire has no place for.
    pub adjust: fn(&mut EmbedRequest, &Model, &mut Vec<Warning>) -> Result<(), Refused>,
    /// Appends the path, with a leading slash.
    pub path: fn(&EmbedRequest, &mut String),
    /// Adds query parameters.
    pub query: fn(&EmbedRequest, &mut Vec<(&'static str, String)>),
    /// Adds headers.
    pub headers: fn(&EmbedRequest, &mut Vec<(&'static str, String)>),
    /// Writes the body.
    pub encode: fn(&EmbedRequest, &Model, &mut JsonWriter) -> Result<(), Refused>,
    /// Reads an answer.
    pub response: for<'a> fn(&'a [u8], &mut Embeddings) -> Result<(), Corrupt>,
    /// Solves the wire's usage leaves for the canonical fields.
    pub usage: fn(&[Option<i64>]) -> Usage,
    /// How many usage leaves there are.
    pub usage_leaves: usize,
    /// How errors look.
    pub errors: ErrorWire,
}

/// What a decoder reports of an answer with vectors.
#[derive(Debug, Default)]
pub struct Embeddings {
    vectors: Vec<(u64, Vec<f32>)>,
    id: Option<String>,
    model: Option<String>,
    leaves: Vec<Option<i64>>,
    usage_raw: Option<RawJson>,
    failure: Option<Box<ProviderFailure>>,
}

impl Embeddings {
    /// Nothing reported yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A vector: a JSON list of numbers, or base64 of little-endian floats with or without its quotes. Without
    /// an index it is the next one.
    pub fn embedding(&mut self, index: Option<u64>, vector: &str) -> Result<(), Corrupt> {
        let index = index.unwrap_or(self.vectors.len() as u64);
        let vector = match vector.trim_start().starts_with('[') {
            true => numbers(vector)?,
            false => floats(vector.trim().trim_matches('"'))?,
        };
        self.vectors.push((index, vector));
        Ok(())
    }

    /// Names the answer. The first name stays.
    pub fn meta(
        &mut self,
        id: Option<Text<'_>>,
        model: Option<Text<'_>>,
        _created: Option<i64>,
        _tier: Option<Text<'_>>,
    ) -> Result<(), Corrupt> {
        keep(&mut self.id, id)?;
        keep(&mut self.model, model)
    }

    /// Usage, by the index of its leaf on the wire.
    pub fn usage(&mut self, leaves: &[(usize, Option<i64>)], raw: Option<&str>) -> Result<(), Corrupt> {
        for &(leaf, value) in leaves {
            if self.leaves.len() <= leaf {
                self.leaves.resize(leaf + 1, None);
            }
            self.leaves[leaf] = value.or(self.leaves[leaf]);
        }
        self.usage_raw = raw.map(RawJson::trusted).or(self.usage_raw.take());
        Ok(())
    }

    /// The provider failed, although the status says otherwise.
    pub fn fail(&mut self, failure: Failure<'_>) -> Result<(), Corrupt> {
        self.failure = Some(Box::new(ProviderFailure::of(&failure)));
        Ok(())
    }

    /// What was reported, in the order of the texts; or how the provider failed.
    pub(crate) fn finish(mut self, wire: &EmbedWire) -> Result<EmbedResponse, Box<ProviderFailure>> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        self.vectors.sort_by_key(|(index, _)| *index);
        let vectors = self.vectors.into_iter().map(|(_, vector)| vector).collect();
        let usage = self.leaves.iter().any(Option::is_some).then(|| {
            self.leaves.resize(wire.usage_leaves, None);
            Usage { raw: self.usage_raw, ..(wire.usage)(&self.leaves) }
        });
        Ok(EmbedResponse { vectors, id: self.id, model: self.model, usage })
    }
}

/// Keeps the first text that says something.
pub(crate) fn keep(slot: &mut Option<String>, text: Option<Text<'_>>) -> Result<(), Corrupt> {
    let Some(text) = text else { return Ok(()) };
    if slot.is_none() && !text.is_empty() {
        *slot = Some(text.decode()?.into_owned());
    }
    Ok(())
}

fn numbers(list: &str) -> Result<Vec<f32>, Corrupt> {
    let mut cursor = Cursor::new(list.as_bytes());
    // A guess that is seldom too small: floats are written with about ten digits.
    let mut vector = Vec::with_capacity(list.len() / 10);
    if !cursor.array()? {
        return Err(Corrupt { at: 0, reason: "a vector is not a list" });
    }
    while cursor.element()? {
        match cursor.float()? {
            Some(number) => vector.push(number as f32),
            None => return Err(Corrupt { at: 0, reason: "a vector holds something that is no number" }),
        }
    }
    Ok(vector)
}

fn floats(base64: &str) -> Result<Vec<f32>, Corrupt> {
    let corrupt = |reason| Corrupt { at: 0, reason };
    let text = base64.replace("\\/", "/");
    let bytes = STANDARD.decode(&text).or_else(|_| STANDARD_NO_PAD.decode(&text));
    let bytes = bytes.map_err(|_| corrupt("a vector is neither a list nor base64"))?;
    let (floats, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(corrupt("a vector in base64 does not consist of whole floats"));
    }
    Ok(floats.iter().map(|float| f32::from_le_bytes(*float)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_read_from_lists_and_from_base64() {
        let mut answer = Embeddings::new();
        assert_eq!(answer.embedding(Some(1), "[1, -0.5,2e1]"), Ok(()));
        assert_eq!(answer.embedding(Some(0), "\"AACAPwAAAMA=\""), Ok(()));
        assert_eq!(answer.vectors, [(1, vec![1.0, -0.5, 20.0]), (0, vec![1.0, -2.0])]);
        assert!(answer.embedding(None, "[1, \"x\"]").is_err());
        assert!(answer.embedding(None, "\"AACAPwA=\"").is_err());
    }
}
