//! Which vectors are nearest: what is asked of a store, and the plain way to answer it, which reads every vector. Stores
//! that have an index answer faster, and say the same.

use std::collections::BTreeSet;

use super::{Filter, Match, Store};
use crate::memory::{Embedding, Error, Id};

/// A question for the memories whose vectors are nearest.
#[derive(Debug, Clone, Copy)]
pub struct Nearest<'a> {
    /// What they are to be near to. Vectors of other models are not compared with it.
    pub to: &'a Embedding,
    /// Which memories are meant. Its page says nothing here.
    pub filter: &'a Filter,
    /// The most that are told.
    pub most: usize,
    /// How it is looked for.
    pub search: Search,
}

/// How nearest vectors are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Search {
    /// Whatever is fastest and finds at least this share of what is nearest.
    Recall(f32),
    /// Every vector is compared.
    #[default]
    Exact,
}

/// The nearest of a store, by their cosine; equal ones by name. Reads every vector that is meant.
///
/// # Errors
/// When the store cannot be read, or the vector's dimension is not that of the stored ones.
pub fn exact(store: &(impl Store + ?Sized), asked: &Nearest<'_>) -> Result<Vec<Match>, Error> {
    let meant: BTreeSet<Id> = store.ids(asked.filter)?.into_iter().collect();
    let mut found = Vec::new();
    store.vectors(&asked.to.model, &mut |stored| {
        if meant.contains(&stored.id) {
            found.push(Match { id: stored.id, score: cosine(&asked.to.vector, &stored.embedding.vector)? });
        }
        Ok(())
    })?;
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
    found.truncate(asked.most);
    Ok(found)
}

/// The cosine of the angle between two vectors.
pub(in crate::memory) fn cosine(a: &[f32], b: &[f32]) -> Result<f64, Error> {
    if a.len() != b.len() {
        let reason = format!("it has {} numbers; those of its model have {}", a.len(), b.len());
        return Err(Error::Invalid { what: "the vector", reason });
    }
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    Ok(if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 })
}
