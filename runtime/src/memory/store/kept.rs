//! What all stores keep in the same way: numbers as databases have them, and when two memories are one.

use super::Commit;
use crate::memory::Error;
use crate::memory::node::MemoryNode;

impl Commit {
    /// Its number as databases have it. One that there cannot be is after all that there are.
    pub(in crate::memory) fn number(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}

/// A count that databases have a number for.
pub(in crate::memory) fn counted(what: &'static str, count: u64) -> Result<i64, Error> {
    let most = i64::MAX;
    i64::try_from(count).map_err(|_| Error::invalid(what, format!("{count} is more than {most}")))
}

/// An importance as it is stored: there is one zero.
pub(in crate::memory) fn important(importance: f32) -> Result<f32, Error> {
    if importance.is_finite() {
        return Ok(importance + 0.0);
    }
    Err(Error::invalid("importance", "it is no number"))
}

/// Whether storing a memory again changes nothing: all is the same but for when it was stored and used.
pub(in crate::memory) fn is_same(there: &MemoryNode, new: &MemoryNode) -> bool {
    let MemoryNode {
        id, namespace, kind, content, embedding, importance, valid, provenance, metadata, ..
    } = new;
    there.id == *id
        && there.namespace == *namespace
        && there.kind == *kind
        && there.content == *content
        && there.embedding == *embedding
        && there.importance == *importance
        && there.valid == *valid
        && there.provenance == *provenance
        && there.metadata == *metadata
}
