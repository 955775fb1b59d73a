//! An encoder in this process.

use std::fmt;
use std::sync::Arc;

use super::{EmbeddingModel, Purpose};
use crate::local::embed::Embedder;
use crate::memory::Error;
use crate::memory::pending::{Pending, blocking};

/// An encoder that is loaded here, and what stands before texts of each purpose.
pub struct Local {
    name: String,
    encoder: Arc<Embedder>,
    document: String,
    query: String,
}

impl Local {
    /// An encoder, and the name of its vectors in stores.
    pub fn new(name: impl Into<String>, encoder: Arc<Embedder>) -> Self {
        Self { name: name.into(), encoder, document: String::new(), query: String::new() }
    }

    /// What the model wants before a text that is to be found, and before one that is looked for, such as `query: `.
    #[must_use]
    pub fn prefixes(self, document: impl Into<String>, query: impl Into<String>) -> Self {
        Self { document: document.into(), query: query.into(), ..self }
    }
}

impl EmbeddingModel for Local {
    fn name(&self) -> &str {
        &self.name
    }

    fn embed<'a>(&'a self, texts: &'a [&'a str], purpose: Purpose) -> Pending<'a, Vec<Vec<f32>>> {
        let prefix = match purpose {
            Purpose::Document => &self.document,
            Purpose::Query => &self.query,
        };
        let texts: Vec<String> = texts.iter().map(|text| format!("{prefix}{text}")).collect();
        let (encoder, name) = (Arc::clone(&self.encoder), self.name.clone());
        Box::pin(blocking(move || {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let vectors = encoder.embed(&texts).map_err(|error| Error::model(name, error))?;
            Ok(vectors.iter().map(<[f32]>::to_vec).collect())
        }))
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, of {} numbers", self.name, self.encoder.dims())
    }
}
