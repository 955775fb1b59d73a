//! Following relations from memory to memory. [`tree`] searches paths by what an evaluator says of them, within a budget;
//! [`beam`] is the plain way to do the same; [`pagerank`] says how much each memory has to do with some others, without an
//! evaluator. Who uses one reports the others beside it.

pub mod beam;
pub mod pagerank;
pub mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::memory::relation::RelationKind;
use crate::memory::store::{Commit, Direction, Filter, Store};
use crate::memory::{Error, Id, Relation};

/// Where a relation leads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge {
    /// To which memory.
    pub to: Id,
    /// How strongly: more than 0.
    pub weight: f64,
}

/// Memories and what leads from one to another.
pub trait Graph {
    /// Where it goes from a memory, each memory once, by name.
    ///
    /// # Errors
    /// When it cannot be read.
    fn edges(&self, from: Id) -> Result<Vec<Edge>, Error>;
}

/// A path that was found, and what an evaluator said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// The memories, from the first on.
    pub ids: Vec<Id>,
    /// 0 to 1.
    pub reward: f64,
}

/// Who says how good a path is: 0 to 1.
pub type Evaluate<'a> = &'a mut dyn FnMut(&[Id]) -> Result<f64, Error>;

/// Asks an evaluator, and refuses what is no share.
fn evaluate(by: Evaluate<'_>, path: &[Id]) -> Result<f64, Error> {
    let reward = by(path)?;
    if (0.0..=1.0).contains(&reward) {
        return Ok(reward);
    }
    Err(Error::answer("the evaluator", format!("{reward} is not 0 to 1")))
}

/// A graph that is written down.
impl Graph for BTreeMap<Id, Vec<Edge>> {
    fn edges(&self, from: Id) -> Result<Vec<Edge>, Error> {
        Ok(self.get(&from).cloned().unwrap_or_default())
    }
}

/// The memories of a store that a filter means, as they were at one commit. What is not meant is never come to, whatever it
/// is related to.
#[derive(Debug)]
pub struct StoreGraph {
    store: Arc<dyn Store>,
    at: Commit,
    filter: Filter,
    meant: BTreeSet<Id>,
    kinds: Vec<RelationKind>,
}

/// How often reading begins again when others write.
const ATTEMPTS: usize = 8;

impl StoreGraph {
    /// The memories that a filter means at the head, and relations of these kinds, or of all if there are none. They are
    /// followed both ways. Where the filter names a time, only relations that hold then.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn new(store: Arc<dyn Store>, filter: Filter, kinds: Vec<RelationKind>) -> Result<Self, Error> {
        let (mut at, mut ids) = (store.head()?, store.ids(&filter)?);
        for _ in 0..ATTEMPTS {
            // What is meant is told of the head: it has to be the same before and after.
            let head = store.head()?;
            if head == at {
                break;
            }
            (at, ids) = (head, store.ids(&filter)?);
        }
        Ok(Self { store, at, filter, meant: ids.into_iter().collect(), kinds })
    }

    /// The commit that it shows.
    pub fn at(&self) -> Commit {
        self.at
    }

    fn leads(&self, from: Id, relation: &Relation) -> Option<Edge> {
        let to = if relation.from == from { relation.to } else { relation.from };
        let holds = self.filter.valid_at.is_none_or(|time| relation.valid.contains(time));
        let is_meant = self.meant.contains(&to) && holds && relation.weight > 0.0;
        is_meant.then(|| Edge { to, weight: f64::from(relation.weight) })
    }
}

impl Graph for StoreGraph {
    fn edges(&self, from: Id) -> Result<Vec<Edge>, Error> {
        if !self.meant.contains(&from) {
            return Ok(Vec::new());
        }
        let relations = self.store.relations(&[from], &self.kinds, Direction::Both, self.at)?;
        // Of several relations to the same memory the strongest counts.
        let mut strongest: BTreeMap<Id, f64> = BTreeMap::new();
        for edge in relations.iter().filter_map(|relation| self.leads(from, relation)) {
            let weight = strongest.entry(edge.to).or_insert(edge.weight);
            *weight = weight.max(edge.weight);
        }
        Ok(strongest.into_iter().map(|(to, weight)| Edge { to, weight }).collect())
    }
}
