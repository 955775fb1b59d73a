//! How long the vectors of each model are: all those of a model have one length.

use std::collections::BTreeMap;

use crate::memory::store::Store;
use crate::memory::{Error, MemoryNode};

/// The most models of an import. Their names are kept.
const MOST: usize = 10_000;

#[derive(Clone, Default)]
pub(super) struct Models(BTreeMap<String, usize>);

impl Models {
    /// Those of which a store has vectors.
    pub(super) fn of(store: &dyn Store) -> Result<Self, Error> {
        let vectors = store.census()?.vectors.into_iter();
        Ok(Self(vectors.map(|(model, dimension, _)| (model, dimension)).collect()))
    }

    /// Whether the vector of a memory is as long as those before.
    pub(super) fn check(&mut self, node: &MemoryNode) -> Result<(), Error> {
        let Some(embedding) = &node.embedding else { return Ok(()) };
        let (model, found) = (&embedding.model, embedding.vector.len());
        match self.0.get(model) {
            Some(length) if *length == found => Ok(()),
            Some(length) => {
                let reason = format!("vectors of {model:?} have {length} numbers, and this one {found}");
                Err(Error::invalid("embedding", reason))
            }
            None if self.0.len() >= MOST => Err(Error::limit("models", self.0.len() + 1, MOST)),
            None => {
                self.0.insert(model.clone(), found);
                Ok(())
            }
        }
    }
}
