//! A reranker that is loaded here, as recall asks one.

use std::fmt;
use std::sync::Arc;

use super::Rerank;
use crate::local::embed::Reranker;
use crate::memory::Error;

/// An encoder with a classifier, and its name in errors.
pub struct LocalReranker {
    name: String,
    model: Arc<Reranker>,
}

impl LocalReranker {
    /// A model whose scores are from 0 to 1: of one whose scores have any size, load it with
    /// [`Scoring::Sigmoid`](crate::local::embed::Scoring::Sigmoid).
    pub fn new(name: impl Into<String>, model: Arc<Reranker>) -> Self {
        Self { name: name.into(), model }
    }
}

impl Rerank for LocalReranker {
    fn rerank(&self, query: &str, documents: &[&str]) -> Result<Vec<f64>, Error> {
        let found = self.model.rerank(query, documents).map_err(|error| Error::model(&self.name, error))?;
        match found.scores.iter().find(|score| !(0.0..=1.0).contains(*score)) {
            Some(score) => Err(Error::answer(&self.name, format!("{score} is no score from 0 to 1"))),
            None => Ok(found.scores.into_iter().map(f64::from).collect()),
        }
    }
}

impl fmt::Debug for LocalReranker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
