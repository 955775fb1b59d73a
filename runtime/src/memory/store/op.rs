//! What a change was, as a number in the logs of stores, and as what it is told.

use super::{Change, Revision};
use crate::memory::id::Id;
use crate::memory::node::{MemoryNode, Status};
use crate::memory::relation::Relation;

/// What a change was. Version 2 of a file had an 11, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub(in crate::memory) enum Op {
    Add = 0,
    Revise = 1,
    Supersede = 2,
    Invalidate = 3,
    Expire = 4,
    Forget = 5,
    Embed = 6,
    Relate = 7,
    Unrelate = 8,
    /// An undone addition.
    Remove = 9,
    /// An earlier state again.
    Restore = 10,
}

impl Op {
    /// Whether a number is that of this one.
    pub(in crate::memory) fn is(self, number: i16) -> bool {
        self as i16 == number
    }
}

/// The change of a relation.
pub(in crate::memory) fn of_relation(op: i16, relation: Relation) -> Change {
    match Op::Unrelate.is(op) {
        true => Change::Unrelate { id: relation.id },
        false => Change::Relate(Box::new(relation)),
    }
}

/// The change whose state is not there: it was removed, or forgotten.
pub(in crate::memory) fn of_nothing(op: i16, id: Id) -> Change {
    if Op::Remove.is(op) { Change::Expire { id } } else { Change::Forget { id } }
}

/// The change that has left a memory so; the first, if it had no state before.
pub(in crate::memory) fn of_state(op: i16, is_first: bool, id: Id, node: MemoryNode) -> Change {
    let is = |one: Op| one.is(op);
    if is(Op::Add) || is(Op::Restore) && is_first && node.status == Status::Live {
        return Change::Add(Box::new(node));
    }
    if is(Op::Forget) {
        return Change::Forget { id };
    }
    if is(Op::Embed) {
        return Change::Embed { id, embedding: node.embedding };
    }
    if is(Op::Invalidate)
        && let Some(at) = node.valid.to
    {
        return Change::Invalidate { id, at };
    }
    // What had ended has ended again when that is restored.
    if node.status != Status::Live {
        return Change::Expire { id };
    }
    let revision = Revision {
        content: Some(node.content),
        embedding: node.embedding,
        importance: Some(node.importance),
        valid: Some(node.valid),
        expires: Some(node.expires),
        metadata: Some(node.metadata),
    };
    Change::Revise { id, revision }
}
