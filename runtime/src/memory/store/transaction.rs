//! Changes that are made together: collected here, checked as they come, and committed in one.
//!
//! A transaction sees the store as it was when it began, and its own changes. What it reads by name is remembered: if that
//! was changed by somebody else meanwhile, committing is a conflict, and nothing is done. Searches are not watched: who
//! concludes something from their absence has to read what decides it by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::change::{Batch, Change, Expected, Revision, Seen};
use super::{Commit, Committed, Store};
use crate::memory::id::Id;
use crate::memory::kind::Mutability;
use crate::memory::node::{Embedding, MemoryDraft, MemoryNode, Status};
use crate::memory::relation::{Relation, RelationDraft};
use crate::memory::time::Timestamp;
use crate::memory::{Error, Settings};

/// Changes under way. Dropped without [`commit`](Self::commit), nothing was done.
#[derive(Debug)]
#[must_use = "nothing is done before it is committed"]
pub struct Transaction {
    store: Arc<dyn Store>,
    settings: Arc<Settings>,
    base: Commit,
    now: Timestamp,
    changes: Vec<Change>,
    seen: BTreeMap<Id, Seen>,
    note: Option<String>,
}

/// A point to which a transaction can go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Savepoint(usize);

impl Transaction {
    /// A transaction on the head of a store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn begin(store: Arc<dyn Store>, settings: Arc<Settings>) -> Result<Self, Error> {
        let (base, now) = (store.head()?, settings.clock.now());
        Ok(Self { store, settings, base, now, changes: Vec::new(), seen: BTreeMap::new(), note: None })
    }

    /// What it is for, in the caller's words.
    pub fn note(&mut self, note: impl Into<String>) {
        self.note = Some(note.into());
    }

    /// A memory as it is here: with the changes of this transaction. What is read is watched until the commit.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn get(&mut self, id: Id) -> Result<Option<MemoryNode>, Error> {
        let mut node = self.stored(id)?;
        for change in &self.changes {
            apply(&mut node, id, change, self.now);
        }
        Ok(node)
    }

    fn stored(&mut self, id: Id) -> Result<Option<MemoryNode>, Error> {
        let node = self.store.nodes(&[id], self.base)?.pop();
        let seen = node.as_ref().map_or(Seen::Nothing, |node| Seen::Version(node.version));
        self.seen.entry(id).or_insert(seen);
        Ok(node)
    }

    /// A memory that is there and live.
    fn live(&mut self, id: Id) -> Result<MemoryNode, Error> {
        match self.get(id)? {
            Some(node) if node.status == Status::Live => Ok(node),
            Some(node) => Err(Error::Ended { id, status: node.status }),
            None => Err(Error::NotFound { id }),
        }
    }

    /// Stores a new memory; its name.
    ///
    /// # Errors
    /// When it cannot be stored as it is.
    pub fn add(&mut self, draft: MemoryDraft) -> Result<Id, Error> {
        draft.check(&self.settings.limits)?;
        let id = draft.id.unwrap_or_else(|| self.settings.ids.next());
        let policy = self.settings.policy(draft.kind);
        let node = draft.into_node(id, self.now, &policy);
        self.changes.push(Change::Add(Box::new(node)));
        Ok(id)
    }

    /// Makes a new version of a memory.
    ///
    /// # Errors
    /// When there is no such memory, its kind may not change, or what is new cannot be stored.
    pub fn revise(&mut self, id: Id, revision: Revision) -> Result<(), Error> {
        let node = self.live(id)?;
        if self.settings.policy(node.kind).mutability == Mutability::AppendOnly {
            return Err(Error::Immutable { id, kind: node.kind });
        }
        let mut revised = Some(node);
        let change = Change::Revise { id, revision };
        apply(&mut revised, id, &change, self.now);
        revised.iter().try_for_each(|node| node.check(&self.settings.limits))?;
        self.changes.push(change);
        Ok(())
    }

    /// Stores a memory that says now what another one said, which ends. The name of the new one.
    ///
    /// # Errors
    /// When there is no such memory, it has ended, or the new one cannot be stored.
    pub fn supersede(&mut self, id: Id, by: MemoryDraft) -> Result<Id, Error> {
        self.live(id)?;
        let by = self.add(by)?;
        let relation = self.settings.ids.next();
        self.changes.push(Change::Supersede { id, by, relation });
        Ok(by)
    }

    /// A memory holds in the world only up to a time.
    ///
    /// # Errors
    /// When there is no such memory, it has ended, or it did not hold before that time either.
    pub fn invalidate(&mut self, id: Id, at: Timestamp) -> Result<(), Error> {
        let node = self.live(id)?;
        if node.valid.from.is_some_and(|from| at <= from) {
            return Err(Error::invalid("invalidate", format!("{id} does not hold before {at}")));
        }
        self.changes.push(Change::Invalidate { id, at });
        Ok(())
    }

    /// The time of a memory is over.
    ///
    /// # Errors
    /// When there is no such memory, or it has ended.
    pub fn expire(&mut self, id: Id) -> Result<(), Error> {
        self.live(id)?;
        self.changes.push(Change::Expire { id });
        Ok(())
    }

    /// Erases a memory, whatever has become of it. Whether there was one is found out by the commit: of one whose addition
    /// was undone there are earlier states.
    pub fn forget(&mut self, id: Id) {
        self.changes.push(Change::Forget { id });
    }

    /// The vector of a memory is this now.
    ///
    /// # Errors
    /// When there is no such memory, it has ended, or the vector cannot be compared with any.
    pub fn embed(&mut self, id: Id, embedding: Option<Embedding>) -> Result<(), Error> {
        embedding.iter().try_for_each(|embedding| embedding.check(&self.settings.limits))?;
        self.live(id)?;
        self.changes.push(Change::Embed { id, embedding });
        Ok(())
    }

    /// Relates two memories; the name of the relation.
    ///
    /// # Errors
    /// When one of them is not there or was forgotten, or they cannot be related so.
    pub fn relate(&mut self, draft: RelationDraft) -> Result<Id, Error> {
        for id in [draft.from, draft.to] {
            match self.get(id)?.map(|node| node.status) {
                None => return Err(Error::NotFound { id }),
                Some(status @ Status::Forgotten) => return Err(Error::Ended { id, status }),
                Some(_) => {}
            }
        }
        let RelationDraft { from, kind, to, weight, valid, provenance } =
            draft.stored(&self.settings.limits)?;
        let id = self.settings.ids.next();
        let created = self.now;
        self.changes.push(Change::Relate(Box::new(Relation {
            id,
            from,
            kind,
            to,
            weight,
            valid,
            created,
            provenance,
        })));
        Ok(id)
    }

    /// A relation does not hold any more. Whether there is one is found out by the commit.
    pub fn unrelate(&mut self, id: Id) {
        self.changes.push(Change::Unrelate { id });
    }

    /// A point to come back to.
    pub fn savepoint(&self) -> Savepoint {
        Savepoint(self.changes.len())
    }

    /// Takes back what was changed since a point. What was read stays watched.
    pub fn roll_back(&mut self, to: Savepoint) {
        self.changes.truncate(to.0);
    }

    /// The commit whose state it sees.
    pub fn base(&self) -> Commit {
        self.base
    }

    /// All of it, as it would be committed now.
    pub fn batch(&self) -> Batch {
        let expected = self.seen.iter().map(|(id, seen)| Expected { id: *id, seen: *seen }).collect();
        Batch { changes: self.changes.clone(), expected, at: Some(self.now), note: self.note.clone() }
    }

    /// Does all of it, durably.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn commit(self) -> Result<Committed, Error> {
        let expected = self.seen.into_iter().map(|(id, seen)| Expected { id, seen }).collect();
        let batch = Batch { changes: self.changes, expected, at: Some(self.now), note: self.note };
        self.store.commit(&batch)
    }
}

/// What a change makes of a memory. Stores do the same, and are compared with this.
pub(in crate::memory) fn apply(node: &mut Option<MemoryNode>, id: Id, change: &Change, now: Timestamp) {
    if change.touches() != Some(id) {
        return;
    }
    if let Change::Add(added) = change {
        node.get_or_insert_with(|| (**added).clone());
        return;
    }
    let Some(node) = node else { return };
    match change {
        Change::Revise { revision, .. } => revise(node, revision),
        Change::Supersede { .. } => end(node, Status::Superseded, now),
        Change::Invalidate { at, .. } => {
            node.valid.to = Some(node.valid.to.map_or(*at, |to| to.min(*at)));
            end(node, Status::Invalidated, now);
        }
        Change::Expire { .. } => end(node, Status::Expired, now),
        Change::Forget { .. } => forget(node, now),
        Change::Embed { embedding, .. } => node.embedding.clone_from(embedding),
        Change::Touch { at, .. } => {
            node.last_access = node.last_access.max(*at);
            node.accesses += 1;
            return;
        }
        Change::Add(_) | Change::Relate(_) | Change::Unrelate { .. } => return,
    }
    node.version += 1;
    node.updated = now;
}

fn end(node: &mut MemoryNode, status: Status, now: Timestamp) {
    node.status = status;
    node.ended = Some(now);
}

fn forget(node: &mut MemoryNode, now: Timestamp) {
    end(node, Status::Forgotten, now);
    node.content = crate::memory::Content::Text(String::new());
    (node.embedding, node.provenance) = (None, None);
    node.metadata.clear();
}

fn revise(node: &mut MemoryNode, revision: &Revision) {
    if let Some(content) = &revision.content {
        node.content = content.clone();
        // A vector belongs to its content.
        node.embedding = None;
    }
    if revision.embedding.is_some() {
        node.embedding.clone_from(&revision.embedding);
    }
    node.importance = revision.importance.unwrap_or(node.importance);
    node.valid = revision.valid.unwrap_or(node.valid);
    node.expires = revision.expires.unwrap_or(node.expires);
    if let Some(metadata) = &revision.metadata {
        node.metadata.clone_from(metadata);
    }
}
