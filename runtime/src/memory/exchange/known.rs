//! The relations of a store that an import compares with: read once for each memory, and looked up by what they say.

use std::collections::BTreeMap;

use crate::memory::store::{Commit, Direction, Store};
use crate::memory::{Error, Id, Relation, RelationKind};

/// The most relations that are kept.
const MOST: usize = 100_000;

/// Relations as they are at a commit, by the memory that they lead from.
#[derive(Default)]
pub(super) struct Known {
    at: Commit,
    from: BTreeMap<Id, Leading>,
    count: usize,
}

/// The relations of a memory.
#[derive(Default)]
struct Leading {
    all: Vec<Relation>,
    by_id: BTreeMap<Id, usize>,
    by_end: BTreeMap<(RelationKind, Id), usize>,
}

impl Known {
    /// As they are at this commit: when somebody else has written, all are read anew.
    pub(super) fn at(&mut self, head: Commit) {
        if self.at != head {
            *self = Self { at: head, ..Self::default() };
        }
    }

    /// What was added is committed. If that is not the next commit, somebody else has written before.
    pub(super) fn committed(&mut self, after: Commit, at: Commit) {
        if at.0 == after.0 + 1 {
            self.at = at;
        }
    }

    /// The relation for which a store has no room beside this one: of the same name, or of the same kind and ends.
    pub(super) fn alike(&mut self, store: &dyn Store, new: &Relation) -> Result<Option<&Relation>, Error> {
        if !self.from.contains_key(&new.from) {
            self.read(store, new.from)?;
        }
        let Some(leading) = self.from.get(&new.from) else { return Ok(None) };
        let by_end = || leading.by_end.get(&(new.kind.clone(), new.to));
        let place = leading.by_id.get(&new.id).or_else(by_end);
        Ok(place.and_then(|place| leading.all.get(*place)))
    }

    fn read(&mut self, store: &dyn Store, from: Id) -> Result<(), Error> {
        let found = store.relations(&[from], &[], Direction::Out, self.at)?;
        if self.count + found.len() > MOST {
            (self.from, self.count) = (BTreeMap::new(), 0);
        }
        self.from.insert(from, Leading::default());
        self.count += 1;
        found.into_iter().for_each(|relation| self.add_to(from, relation));
        Ok(())
    }

    /// A relation that will be there.
    pub(super) fn add(&mut self, relation: Relation) {
        self.add_to(relation.from, relation);
    }

    fn add_to(&mut self, from: Id, relation: Relation) {
        let leading = self.from.entry(from).or_default();
        let place = leading.all.len();
        leading.by_id.insert(relation.id, place);
        // Symmetric ones are found from both ends, and are alike from the one that they are stored from.
        if relation.from == from {
            leading.by_end.insert((relation.kind.clone(), relation.to), place);
        }
        leading.all.push(relation);
        self.count += 1;
    }
}
