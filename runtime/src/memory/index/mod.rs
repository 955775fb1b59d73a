//! The nearest vectors without reading all from the store: an index of the vectors of one model, in memory.
//!
//! An index is derived from a store and can be made again from it: it says which commit it has [seen](Index::seen), and
//! whoever has the store brings it [up to date](Index::update). `rows` keeps the vectors, `codes` makes bytes of them and
//! `signs` bits, both of vectors that `rotation` has turned, `facts` and `bits` answer filters, `scan` compares all that a
//! filter means, `graph` leads to what is near without that, `plan` says which of both, `work` builds the graph, `sidecar`
//! keeps it in a file, `top` keeps the best.
//!
//! A filter is never applied to what was found: what it means is known before anything is compared, so that as many are
//! found as are asked for, if there are so many. [`Search::Exact`](super::store::Search::Exact) finds to the bit what
//! [`exact`](super::store::exact) finds.

mod bits;
mod codes;
mod coding;
mod facts;
mod graph;
mod plan;
mod rotation;
mod rows;
mod scan;
mod sidecar;
mod signs;
#[cfg(test)]
mod tests;
mod top;
mod work;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bits::Bits;
pub(super) use facts::Facts;
use graph::{Graph, Scratch, Shape};
use rows::Rows;
use scan::Query;
pub(super) use sidecar::saved;

use super::store::{Commit, Filter, Match, Nearest, comparable, finite, unit};
use super::{Error, Id, Namespace};
use crate::simd::Level;

/// How many filters are remembered.
const FILTERS: usize = 8;

/// A graph of a file has at most so many slots, and four times as many as there are vectors: each takes the room of one.
const SPARE: usize = 256;

/// How indexes are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// An index of more vectors gets a graph. Up to that, comparing all is fast, and exact filters and changes cost nothing.
    pub crossover: usize,
    /// Links of a vector in the graph (M).
    pub links: usize,
    /// How many near vectors its links are chosen from (efConstruction).
    pub candidates: usize,
    /// Threads that build the graph, and encode many vectors. One makes the same graph of the same vectors.
    pub threads: usize,
    /// What decides which vectors stand on higher levels of the graph.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
        Self { crossover: 200_000, links: 16, candidates: 200, threads, seed: 1 }
    }
}

impl Settings {
    fn shape(&self) -> Shape {
        Shape { links: self.links.clamp(2, 256), candidates: self.candidates.max(1), seed: self.seed }
    }
}

/// The vectors of one model.
#[derive(Debug, Default)]
pub struct Index {
    settings: Settings,
    state: RwLock<State>,
    filters: Mutex<Vec<Meant>>,
    scratches: Mutex<Vec<Scratch>>,
}

#[derive(Debug)]
struct State {
    rows: Rows,
    seen: Option<Commit>,
    /// Counts up with each change.
    version: u64,
    graph: Option<Graph>,
    /// Slots of vectors that are gone, to which links may lead.
    dead: Bits,
    /// What a saved graph has slots for, until it is put.
    expected: HashMap<Id, (u32, u64)>,
    /// How many changes of the graph no file has.
    unsaved: usize,
    /// How many vectors have got links, or lost some, since it was seen whether all can be found.
    relinked: usize,
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
        Self {
            rows: Rows::new(0),
            seen: None,
            version: 0,
            graph: None,
            dead: Bits::default(),
            expected: HashMap::new(),
            unsaved: 0,
            relinked: 0,
        }
    }
}

impl Index {
    /// An index without vectors.
    pub fn new(settings: Settings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// The last commit that this index knows of. `None`: it knows nothing.
    pub fn seen(&self) -> Option<Commit> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).seen
    }

    /// The last commit that it knows of, and how many vectors there were then.
    pub(super) fn extent(&self) -> Option<(Commit, u64)> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        Some((state.seen?, state.rows.count() as u64))
    }

    /// How many vectors there are.
    pub fn count(&self) -> usize {
        self.state.read().unwrap_or_else(PoisonError::into_inner).rows.count()
    }

    /// An index of vectors that belong to no store.
    ///
    /// # Errors
    /// When not all have the same length, or a number of one is none, or infinite.
    pub fn of<'a>(
        settings: Settings,
        vectors: impl IntoIterator<Item = (Id, &'a [f32])>,
    ) -> Result<Self, Error> {
        let index = Self::new(settings);
        let facts = Facts::of(Self::namespace()?);
        index.update(|update| {
            vectors.into_iter().try_for_each(|(id, vector)| update.put(id, vector, &facts))
        })?;
        Ok(index)
    }

    /// Where vectors are that belong to no store.
    ///
    /// # Errors
    /// When that is no name, which does not happen.
    pub fn namespace() -> Result<Namespace, Error> {
        Namespace::new("vectors")
    }

    /// The nearest of those that a filter means, which asks nothing of what is kept with memories.
    ///
    /// # Errors
    /// When the vector has another length than those of the index, or a number of it is none, or infinite.
    pub fn find(&self, asked: &Nearest<'_>) -> Result<Vec<Match>, Error> {
        self.nearest(asked, || Err(Error::invalid("filter", "an index knows no metadata")))
    }

    /// The nearest of all by the graph alone, which keeps so many while it is searched (ef).
    ///
    /// # Errors
    /// When the vector has another length than those of the index, or a number of it is none, or infinite.
    pub fn find_by_graph(&self, vector: &[f32], most: usize, effort: usize) -> Result<Vec<Match>, Error> {
        finite(vector)?;
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let (live, count) = (&state.rows.live, state.rows.count());
        if count == 0 {
            return Ok(Vec::new());
        }
        comparable(vector.len(), state.rows.dimensions)?;
        let query = Query::new(vector, Level::detect());
        Ok(self.by_graph(&state, &query, most.min(count), live, effort.min(count)))
    }

    /// The file of the graph, if there is one, and something of it is in no file. `model` is who made the vectors.
    pub(super) fn save(&self, model: &str) -> Option<Vec<u8>> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let file = (state.unsaved > 0).then(|| sidecar::encode(&state, model))??;
        state.unsaved = 0;
        Some(file)
    }

    /// What was saved is not there any more.
    pub(super) fn unsaved(&self) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.unsaved = state.rows.len().max(1);
    }

    /// Whether so much is in no file that one is worth it now.
    pub(super) fn is_worth_saving(&self) -> bool {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.graph.is_some() && state.unsaved > state.rows.count() / 16
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes the index; nobody searches it meanwhile.
    pub(super) fn update<T, E>(&self, work: impl FnOnce(&mut Update<'_>) -> Result<T, E>) -> Result<T, E> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let done = work(&mut Update { state: &mut state });
        state.rows.settle(self.settings.threads);
        state.enter_alive();
        done
    }

    /// The nearest of those that a filter means. `ids` says which it means, where that is asked of what is kept with
    /// memories, which the index does not know.
    ///
    /// # Errors
    /// When the vector has another length than those of the index, a number of it is none, or infinite, or `ids` fails.
    pub(super) fn nearest<E: From<Error>>(
        &self,
        asked: &Nearest<'_>,
        ids: impl FnOnce() -> Result<Vec<Id>, E>,
    ) -> Result<Vec<Match>, E> {
        finite(&asked.to.vector)?;
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let set = match asked.filter.metadata.is_empty() {
            true => self.meant(&state, asked.filter),
            false => Arc::new(state.set_of(ids()?)),
        };
        if set.count() == 0 {
            return Ok(Vec::new());
        }
        comparable(asked.to.vector.len(), state.rows.dimensions)?;
        let query = Query::new(&asked.to.vector, Level::detect());
        Ok(self.search(&state, &query, asked, &set))
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
        set.extend(ids.into_iter().filter_map(|id| self.rows.slot(id)));
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

    /// Begins with the graph of a file, if that is whole and of about so many vectors. What is put then that was in it takes
    /// its place.
    pub(super) fn restore(
        &mut self,
        file: &[u8],
        model: &str,
        [count, dimensions]: [usize; 2],
        settings: &Settings,
    ) {
        let saved = sidecar::decode(file, model, settings.shape());
        let is_meant =
            |saved: &sidecar::Saved| saved.dimensions == dimensions && saved.slots.len() <= 4 * count + SPARE;
        let Some(saved) = saved.filter(is_meant) else { return };
        if self.state.rows.len() > 0 {
            return;
        }
        self.state.rows = sidecar::rows_of(&saved);
        for (slot, (id, digest)) in (0..).zip(saved.slots) {
            if saved.graph.has_place(slot) {
                // Of one that is named twice, what is put takes one place, and the other is gone.
                if let Some((other, _)) = self.state.expected.insert(id, (slot, digest)) {
                    self.state.dead.insert(other);
                }
            } else {
                self.state.rows.release(slot);
            }
        }
        self.state.graph = Some(saved.graph);
    }

    /// All has been put: what a file had besides is gone.
    pub(super) fn restored(&mut self) {
        for (slot, _) in std::mem::take(&mut self.state.expected).into_values() {
            self.state.dead.insert(slot);
        }
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
    /// When the vector has another length than the others, or a number of it is none, or infinite.
    pub(super) fn put(&mut self, id: Id, vector: &[f32], facts: &Facts) -> Result<(), Error> {
        finite(vector)?;
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
        match self.state.expected.remove(&id) {
            Some((slot, digest)) if digest == sidecar::digest(&vector) => {
                self.state.rows.occupy(slot, id, &vector, facts);
            }
            expected => {
                // What the graph has there is another vector.
                if let Some((slot, _)) = expected {
                    self.state.dead.insert(slot);
                }
                self.state.rows.add(id, &vector, facts);
            }
        }
        Ok(())
    }

    /// A memory has no vector any more.
    pub(super) fn remove(&mut self, id: Id) {
        if let Some(slot) = self.state.rows.remove(id) {
            self.state.version += 1;
            if self.state.graph.as_ref().is_some_and(|graph| graph.has_place(slot)) {
                self.state.dead.insert(slot);
            } else {
                self.state.rows.release(slot);
            }
        }
    }

    /// All memories that have vectors.
    pub(super) fn ids(&self) -> impl Iterator<Item = Id> {
        self.state.rows.live.iter().map(|slot| self.state.rows.id(slot))
    }
}
