//! Vectors as somebody knows them who follows the log of a store, as indexes do.

use std::collections::BTreeMap;

use typewright_runtime::memory::store::{Change, Commit, Logged, Store};
use typewright_runtime::memory::{Embedding, Error, Id};

use super::history::MODELS;

/// What is known of the vectors of a store.
#[derive(Debug, Default)]
pub struct Replica {
    at: Commit,
    vectors: BTreeMap<Id, Embedding>,
}

impl Replica {
    /// Reads what was changed since, or all if that is not kept.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn follow(&mut self, store: &dyn Store) -> Result<(), Error> {
        let (mut at, vectors) = (self.at, &mut self.vectors);
        let followed = store.log(self.at, &mut |logged| {
            at = logged.commit;
            apply(vectors, logged);
            Ok(())
        });
        match followed {
            Err(Error::Gone { .. }) => return self.read(store),
            other => other?,
        }
        self.at = at;
        Ok(())
    }

    fn read(&mut self, store: &dyn Store) -> Result<(), Error> {
        self.vectors.clear();
        for model in MODELS {
            self.at = store.vectors(model, &mut |stored| {
                self.vectors.insert(stored.id, stored.embedding);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The vectors of a model.
    pub fn of(&self, model: &str) -> BTreeMap<Id, Vec<f32>> {
        let of = self.vectors.iter().filter(|(_, embedding)| embedding.model == model);
        of.map(|(id, embedding)| (*id, embedding.vector.clone())).collect()
    }
}

fn apply(vectors: &mut BTreeMap<Id, Embedding>, logged: Logged) {
    let Some(id) = logged.change.touches() else { return };
    let embedding = match logged.change {
        Change::Add(node) => node.embedding,
        Change::Revise { revision, .. } => revision.embedding,
        Change::Embed { embedding, .. } => embedding,
        _ => None,
    };
    match embedding {
        Some(embedding) => drop(vectors.insert(id, embedding)),
        None => drop(vectors.remove(&id)),
    }
}
