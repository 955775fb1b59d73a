//! The nearest vectors without reading all from the store: an index of the vectors of one model, in memory.
//!
//! An index is derived from a store and can be made again from it: it says which commit it has [seen](Index::seen), and
//! whoever has the store brings it [up to date](Index::update). `rows` keeps the vectors, `codes` makes bytes of them,
//! `facts` and `bits` answer filters, `scan` compares all that a filter means, `top` keeps the best.
//!
//! A filter is never applied to what was found: what it means is known before anything is compared, so that as many are
//! found as are asked for, if there are so many. [`Search::Exact`] finds to the bit what [`exact`](super::store::exact)
//! finds.

mod bits;
mod codes;
mod facts;
mod rows;
mod scan;
#[cfg(test)]
mod tests;
mod top;

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bits::Bits;
pub(super) use facts::Facts;
use rows::Rows;
use scan::Query;

use super::store::{Commit, Filter, Match, Nearest, Search, comparable, unit};
use super::{Error, Id};
use crate::simd::Level;

/// Up to so many vectors, comparing all in full is as fast as anything.
const FEW: usize = 2000;
/// What comparing by codes first finds, at least, of what is nearest: measured, on vectors of texts.
const BY_CODES: f32 = 0.999;
/// How many filters are remembered.
const FILTERS: usize = 8;

/// The vectors of one model.
#[derive(Debug, Default)]
pub struct Index {
    state: RwLock<State>,
    filters: Mutex<Vec<Meant>>,
}

#[derive(Debug)]
struct State {
    rows: Rows,
    seen: Option<Commit>,
    /// Counts up with each change.
    version: u64,
}

/// What a filter means.
#[derive(Debug)]
struct Meant {
    filter: Filter,
    version: u64,
    set: Arc<Bits>,
}

impl Default for State {
    fn default() -> Self {
        Self { rows: Rows::new(0), seen: None, version: 0 }
    }
}

impl Index {
    /// The last commit that this index knows of. `None`: it knows nothing.
    pub fn seen(&self) -> Option<Commit> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).seen
    }

    /// How many vectors there are.
    pub fn count(&self) -> usize {
        self.state.read().unwrap_or_else(PoisonError::into_inner).rows.count()
    }

    /// Changes the index; nobody searches it meanwhile.
    pub(super) fn update<T, E>(&self, work: impl FnOnce(&mut Update<'_>) -> Result<T, E>) -> Result<T, E> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let done = work(&mut Update { state: &mut state });
        state.rows.settle();
        done
    }

    /// The nearest of those that a filter means. `ids` says which it means, where that is asked of what is kept with
    /// memories, which the index does not know.
    ///
    /// # Errors
    /// When the vector has another length than those of the index, or `ids` fails.
    pub(super) fn nearest<E: From<Error>>(
        &self,
        asked: &Nearest<'_>,
        ids: impl FnOnce() -> Result<Vec<Id>, E>,
    ) -> Result<Vec<Match>, E> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let set = match asked.filter.metadata.is_empty() {
            true => self.meant(&state, asked.filter),
            false => Arc::new(state.set_of(ids()?)),
        };
        let count = set.count();
        if count == 0 {
            return Ok(Vec::new());
        }
        let rows = &state.rows;
        comparable(asked.to.vector.len(), rows.dimensions)?;
        let query = Query::new(&asked.to.vector, Level::detect());
        Ok(match asked.search {
            Search::Recall(recall) if recall <= BY_CODES && count > FEW => {
                scan::coded(rows, &query, &set, asked.most)
            }
            _ => scan::exact(rows, &query, &set, asked.most),
        })
    }

    /// What a filter means. Often many are asked with the same.
    fn meant(&self, state: &State, filter: &Filter) -> Arc<Bits> {
        let mut filters = self.filters.lock().unwrap_or_else(PoisonError::into_inner);
        filters.retain(|meant| meant.version == state.version);
        if let Some(at) = filters.iter().position(|meant| meant.filter == *filter) {
            filters[..=at].rotate_right(1);
            return Arc::clone(&filters[0].set);
        }
        let set = Arc::new(state.rows.facts.meant(&state.rows.live, filter));
        let meant = Meant { filter: filter.clone(), version: state.version, set: Arc::clone(&set) };
        filters.insert(0, meant);
        filters.truncate(FILTERS);
        set
    }
}

impl State {
    fn set_of(&self, ids: Vec<Id>) -> Bits {
        let mut set = Bits::default();
        for slot in ids.into_iter().filter_map(|id| self.rows.slot(id)) {
            set.insert(slot);
        }
        set
    }
}

/// An index that is being changed.
#[derive(Debug)]
pub(super) struct Update<'a> {
    state: &'a mut State,
}

impl Update<'_> {
    pub(super) fn seen(&self) -> Option<Commit> {
        self.state.seen
    }

    pub(super) fn see(&mut self, commit: Commit) {
        self.state.seen = Some(commit);
    }

    /// Makes room for so many vectors.
    pub(super) fn reserve(&mut self, count: usize, dimensions: usize) {
        if self.state.rows.len() == 0 {
            self.state.rows = Rows::new(dimensions);
            self.state.rows.reserve(count);
        }
    }

    /// The vector and the facts of a memory are these now.
    ///
    /// # Errors
    /// When the vector has another length than the others.
    pub(super) fn put(&mut self, id: Id, vector: &[f32], facts: &Facts) -> Result<(), Error> {
        if self.state.rows.len() == 0 && self.state.rows.dimensions != vector.len() {
            self.state.rows = Rows::new(vector.len());
        }
        comparable(vector.len(), self.state.rows.dimensions)?;
        self.state.version += 1;
        let (vector, rows) = (unit(vector), &mut self.state.rows);
        if let Some(slot) = rows.slot(id)
            && rows.vector(slot) == vector
        {
            rows.facts.put(slot, facts);
            return Ok(());
        }
        self.remove(id);
        self.state.rows.add(id, &vector, facts);
        Ok(())
    }

    /// A memory has no vector any more.
    pub(super) fn remove(&mut self, id: Id) {
        if let Some(slot) = self.state.rows.remove(id) {
            self.state.version += 1;
            self.state.rows.release(slot);
        }
    }

    /// All memories that have vectors.
    pub(super) fn ids(&self) -> impl Iterator<Item = Id> {
        self.state.rows.live.iter().map(|slot| self.state.rows.id(slot))
    }
}
