//! What can be done to memories. Adding, revising, superseding, invalidating, expiring and forgetting are different things,
//! and none of them is done because two memories look alike.

use std::collections::BTreeMap;

use super::Commit;
use crate::json::RawJson;
use crate::memory::content::Content;
use crate::memory::id::Id;
use crate::memory::node::{Embedding, MemoryNode};
use crate::memory::relation::Relation;
use crate::memory::time::{Interval, Timestamp};

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A new memory. Storing one of the same name and content again changes nothing; another content is refused. A name whose
    /// addition was undone is free again: its versions go on after those it had, and its earlier states are then told with
    /// the new namespace, kind and creation.
    Add(Box<MemoryNode>),
    /// A new version of a memory whose kind may change: what is `None` stays as it is. Earlier versions are kept.
    Revise {
        /// Which.
        id: Id,
        /// What is new.
        revision: Revision,
    },
    /// Another memory says now what this one said: it ends, and a relation leads from the new one to it.
    Supersede {
        /// Which ends.
        id: Id,
        /// What is said now. Added by the same batch.
        by: Id,
        /// The name of the relation.
        relation: Id,
    },
    /// It has turned out that a memory holds in the world only up to a time. It is kept, and found at times before.
    Invalidate {
        /// Which.
        id: Id,
        /// Up to when it holds, without that time.
        at: Timestamp,
    },
    /// The time of a memory is over, in the store and not in the world.
    Expire {
        /// Which.
        id: Id,
    },
    /// Nothing is to be left of a memory: every version, log entry, vector and word of it is erased, and what was stored by
    /// digest and belongs to no other. Only that it was there stays. Cannot be undone, and does not reach backups.
    Forget {
        /// Which.
        id: Id,
    },
    /// The vector of a memory is this now.
    Embed {
        /// Whose.
        id: Id,
        /// The vector, or none any more.
        embedding: Option<Embedding>,
    },
    /// A memory was recalled. No new version.
    Touch {
        /// Which.
        id: Id,
        /// When.
        at: Timestamp,
    },
    /// A new relation, as [`RelationDraft::stored`](crate::memory::RelationDraft::stored) has it. Of a kind that is acyclic,
    /// one that would close a circle is refused.
    Relate(Box<Relation>),
    /// A relation does not hold any more.
    Unrelate {
        /// Which.
        id: Id,
    },
}

/// What is new of a memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Revision {
    /// What is remembered.
    pub content: Option<Content>,
    /// Its vector. A new content without one has none.
    pub embedding: Option<Embedding>,
    /// How important it is: 0 to 1.
    pub importance: Option<f32>,
    /// When it holds in the world.
    pub valid: Option<Interval>,
    /// When it will be gone by itself; `Some(None)`: never.
    pub expires: Option<Option<Timestamp>>,
    /// All that is kept with it.
    pub metadata: Option<BTreeMap<String, RawJson>>,
}

/// What was read for a batch: if it is something else when the batch is committed, there is a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Which memory.
    pub id: Id,
    /// What was there.
    pub seen: Seen,
}

/// What was seen of a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// There was none.
    Nothing,
    /// This version of it.
    Version(u64),
}

/// All of a transaction.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// What is done, in this order.
    pub changes: Vec<Change>,
    /// What it was concluded from.
    pub expected: Vec<Expected>,
    /// When it is done. The store's own clock, where it is not said.
    pub at: Option<Timestamp>,
    /// What it is for, in the caller's words.
    pub note: Option<String>,
}

/// A change as the log has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Logged {
    /// The transaction that made it.
    pub commit: Commit,
    /// When.
    pub at: Timestamp,
    /// The change. Of what was forgotten later, only that it was.
    pub change: Change,
}

impl Change {
    /// The memories that it changes. A relation changes none.
    pub fn touches(&self) -> Option<Id> {
        match self {
            Self::Add(node) => Some(node.id),
            Self::Revise { id, .. }
            | Self::Supersede { id, .. }
            | Self::Invalidate { id, .. }
            | Self::Expire { id }
            | Self::Forget { id }
            | Self::Embed { id, .. }
            | Self::Touch { id, .. } => Some(*id),
            Self::Relate(_) | Self::Unrelate { .. } => None,
        }
    }
}
