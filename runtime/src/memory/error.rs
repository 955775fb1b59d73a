//! What can be wrong with memories.

use super::id::Id;
use super::kind::Kind;
use super::node::Status;
use super::relation::RelationKind;
use super::store::{Commit, Seen};

/// What a store said.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why something was not stored, found or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was given cannot be stored. Nothing was changed.
    #[error("{what}: {reason}")]
    Invalid {
        /// Which part of it.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Something is larger than the limits of the store allow. Nothing was changed.
    #[error("{what}: {found} is more than {most}")]
    Limit {
        /// What.
        what: &'static str,
        /// How large it is.
        found: usize,
        /// How large it may be.
        most: usize,
    },
    /// There is no such memory.
    #[error("there is no memory {id}")]
    NotFound {
        /// Which.
        id: Id,
    },
    /// Another memory has this name.
    #[error("{id} is the name of another memory")]
    Exists {
        /// The name.
        id: Id,
    },
    /// The memory is not live any more.
    #[error("{id} is {}", status.name())]
    Ended {
        /// Which.
        id: Id,
        /// What has become of it.
        status: Status,
    },
    /// Memories of this kind do not change: they are superseded, or contradicted.
    #[error("{id} is a memory of the kind {}, which does not change: supersede it", kind.name())]
    Immutable {
        /// Which.
        id: Id,
        /// Its kind.
        kind: Kind,
    },
    /// The relation would lead in a circle.
    #[error("{from} {kind} {to} would close a circle")]
    Circle {
        /// From which.
        from: Id,
        /// What it would be.
        kind: RelationKind,
        /// To which.
        to: Id,
    },
    /// Somebody else has changed what a transaction was concluded from. Nothing was done; it may be begun again.
    #[error("{id} has changed meanwhile: {}, not {}", seen(*found), seen(*expected))]
    Conflict {
        /// Which memory.
        id: Id,
        /// What the transaction saw.
        expected: Seen,
        /// What is there.
        found: Seen,
    },
    /// The states of that time are compacted.
    #[error("the states at commit {} are compacted; the earliest that are kept are those of {}", commit.0, earliest.0)]
    Gone {
        /// What was asked for.
        commit: Commit,
        /// What there is.
        earliest: Commit,
    },
    /// A transaction cannot be undone.
    #[error("commit {} cannot be undone: {reason}", commit.0)]
    NotUndone {
        /// Which.
        commit: Commit,
        /// Why.
        reason: String,
    },
    /// A transaction is committed, and what it deleted is not found any more; but traces of it are still in the file. They
    /// are erased when the store is opened again, compacted, or forgets something else.
    #[error("commit {} is done, but what it deleted is not erased yet", commit.0)]
    NotErased {
        /// Which.
        commit: Commit,
        /// What hindered it.
        source: Box<Error>,
    },
    /// The connection broke while a transaction was committed: it may have been. Committing the same again is safe.
    #[error("it is not known whether the transaction was committed")]
    Unknown {
        /// What happened.
        source: Cause,
    },
    /// Another process has the store, and holds on to it.
    #[error("{place} is in use by another process")]
    Locked {
        /// Which store.
        place: String,
    },
    /// The store may only be read.
    #[error("{place} cannot be written")]
    ReadOnly {
        /// Which store.
        place: String,
    },
    /// There is no space left. Nothing was done.
    #[error("there is no space left for {place}")]
    Full {
        /// Which store.
        place: String,
    },
    /// The store is not what it should be.
    #[error("{place} is damaged: {reason}")]
    Damaged {
        /// Which store.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// The store was written by a later version.
    #[error("{place} has version {found}, and this program knows {known}")]
    Newer {
        /// Which store.
        place: String,
        /// Its version.
        found: u32,
        /// The latest that is known.
        known: u32,
    },
    /// A model that was asked for something could not answer. Nothing was changed.
    #[error("{model} could not answer")]
    Model {
        /// Which.
        model: String,
        /// What happened.
        source: Cause,
    },
    /// What a model answered cannot be used. Nothing was changed.
    #[error("{model} answered what cannot be used: {reason}")]
    Answer {
        /// Which.
        model: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The store failed.
    #[error("{place} failed")]
    Store {
        /// Which store.
        place: String,
        /// What happened.
        source: Cause,
    },
}

fn seen(seen: Seen) -> String {
    match seen {
        Seen::Nothing => "nothing".to_owned(),
        Seen::Version(version) => format!("version {version}"),
    }
}

impl Error {
    /// Whether the same may be tried again from its beginning.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }

    /// Its name, for counts and logs: that of the variant.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "Invalid",
            Self::Limit { .. } => "Limit",
            Self::NotFound { .. } => "NotFound",
            Self::Exists { .. } => "Exists",
            Self::Ended { .. } => "Ended",
            Self::Immutable { .. } => "Immutable",
            Self::Circle { .. } => "Circle",
            Self::Conflict { .. } => "Conflict",
            Self::Gone { .. } => "Gone",
            Self::NotUndone { .. } => "NotUndone",
            Self::NotErased { .. } => "NotErased",
            Self::Unknown { .. } => "Unknown",
            Self::Locked { .. } => "Locked",
            Self::ReadOnly { .. } => "ReadOnly",
            Self::Full { .. } => "Full",
            Self::Damaged { .. } => "Damaged",
            Self::Newer { .. } => "Newer",
            Self::Model { .. } => "Model",
            Self::Answer { .. } => "Answer",
            Self::Store { .. } => "Store",
        }
    }

    pub(super) fn invalid(what: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { what, reason: reason.into() }
    }

    /// What a model answered cannot be used.
    pub fn answer(model: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Answer { model: model.into(), reason: reason.into() }
    }

    /// A model could not answer.
    pub fn model(model: impl Into<String>, source: impl Into<Cause>) -> Self {
        Self::Model { model: model.into(), source: source.into() }
    }

    pub(super) fn limit(what: &'static str, found: usize, most: usize) -> Self {
        Self::Limit { what, found, most }
    }
}
