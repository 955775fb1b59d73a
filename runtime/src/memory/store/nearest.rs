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
/// When the store cannot be read, the vector's dimension is not that of the stored ones, or a number of it is none, or
/// infinite.
pub fn exact(store: &(impl Store + ?Sized), asked: &Nearest<'_>) -> Result<Vec<Match>, Error> {
    finite(&asked.to.vector)?;
    let meant: BTreeSet<Id> = store.ids(asked.filter)?.into_iter().collect();
    let to = unit(&asked.to.vector);
    let mut found = Vec::new();
    store.vectors(&asked.to.model, &mut |stored| {
        if meant.contains(&stored.id) {
            comparable(to.len(), stored.embedding.vector.len())?;
            found.push(Match { id: stored.id, score: cosine(&to, &unit(&stored.embedding.vector)) });
        }
        Ok(())
    })?;
    Ok(best(found, asked.most))
}

/// The best, in order.
pub(in crate::memory) fn best(mut found: Vec<Match>, most: usize) -> Vec<Match> {
    found.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
    found.truncate(most);
    found
}

/// Fails for vectors of different lengths.
pub(in crate::memory) fn comparable(asked: usize, stored: usize) -> Result<(), Error> {
    if asked == stored {
        return Ok(());
    }
    let reason = format!("it has {asked} numbers; those of its model have {stored}");
    Err(Error::Invalid { what: "the vector", reason })
}

/// Fails for a vector with a number that is none, or infinite: it is near to nothing.
pub(in crate::memory) fn finite(vector: &[f32]) -> Result<(), Error> {
    if vector.iter().all(|x| x.is_finite()) {
        return Ok(());
    }
    Err(Error::invalid("the vector", "a number of it is none, or infinite"))
}

/// The vector of the same direction whose length is 1. One of nothing but zeros stays so.
pub(in crate::memory) fn unit(vector: &[f32]) -> Vec<f32> {
    let length = product(vector, vector).sqrt();
    let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
    vector.iter().map(|x| (f64::from(*x) * scale) as f32).collect()
}

/// The cosine of the angle between two vectors whose length is 1.
pub(in crate::memory) fn cosine(a: &[f32], b: &[f32]) -> f64 {
    product(a, b).clamp(-1.0, 1.0)
}

/// The cosine of the angle between two vectors of any length, by the plain formula. Nothing is like one of nothing but zeros.
pub(in crate::memory) fn likeness(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}

/// Summed in eight lanes, whatever the processor: all who compare vectors get the same bits.
fn product(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0.0_f64; 8];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += f64::from(*a) * f64::from(*b);
        }
    }
    let rest = a_rest.iter().zip(b_rest).map(|(a, b)| f64::from(*a) * f64::from(*b));
    sums.into_iter().chain(rest).sum()
}
