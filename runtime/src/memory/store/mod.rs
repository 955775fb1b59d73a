//! Where memories are kept: what every store promises, whatever it stands on.
//!
//! A store is a sequence of [`Commit`]s. Each is one transaction: nodes, relations, vectors, words and the log of changes
//! together, or nothing of it; when [`Store::commit`] has returned, it is durable. Reads name the commit that they see, so
//! that what was read stays as it was while others write. Nothing is lost by a change: what a memory was before is kept
//! until it is [compacted](Store::compact) or [forgotten](Change::Forget).
//!
//! `change` has what can be done, `transaction` collects it and watches what it was concluded from, `filter` says which
//! memories are meant, `nearest` finds vectors, `op` says what logs have, `kept` how all stores keep
//! numbers, [`measured`] counts. Stores are blocking: they are called from threads that may be blocked.

mod all;
mod change;
mod filter;
pub(super) mod kept;
pub mod measured;
mod nearest;
pub(super) mod op;
mod transaction;

use std::fmt;
use std::path::Path;
use std::time::Duration;

pub use all::all;
pub use change::{Batch, Change, Expected, Logged, Revision, Seen};
pub(super) use filter::unexpired_at;
pub use filter::{Filter, Order, Page};
pub use nearest::{Nearest, Search, exact};
pub(super) use nearest::{best, comparable, cosine, finite, likeness, unit};
#[cfg(feature = "postgres")]
pub(super) use transaction::apply;
pub use transaction::{Savepoint, Transaction};

use super::id::Id;
use super::node::{Embedding, MemoryNode};
use super::relation::{Relation, RelationKind};
use super::time::Timestamp;
use super::{Error, Namespace};

/// The number of a transaction: 1, 2, 3 …; 0 is before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Commit(pub u64);

/// What a transaction became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Its number.
    pub commit: Commit,
    /// When.
    pub at: Timestamp,
}

/// A memory that matches, and how well.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// Which.
    pub id: Id,
    /// More is better. Of words BM25 with k1 = 1.2 and b = 0.75, of vectors the cosine.
    pub score: f64,
}

/// A vector of a store, for indexes that are derived from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Whose it is.
    pub id: Id,
    /// The vector.
    pub embedding: Embedding,
}

/// What a store holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A memory.
    Node(Box<MemoryNode>),
    /// A relation.
    Relation(Box<Relation>),
}

/// Which way relations are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From a memory to others.
    Out,
    /// From others to it.
    In,
    /// Both.
    Both,
}

/// What was found wrong by [`Store::check`]. Empty: nothing was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings(pub Vec<String>);

/// What is in a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Census {
    /// The last commit.
    pub head: Commit,
    /// Nodes by status: live, superseded, invalidated, expired, forgotten.
    pub nodes: [u64; 5],
    /// Relations that hold.
    pub relations: u64,
    /// Vectors, by the model that made them, with their dimension.
    pub vectors: Vec<(String, usize, u64)>,
    /// Earlier states that are kept.
    pub history: u64,
    /// Contents that are stored by their digest.
    pub blobs: u64,
    /// Bytes on disk, as far as the store knows.
    pub bytes: u64,
    /// Bytes on disk that hold nothing any more.
    pub free_bytes: u64,
}

/// How far an index is that is derived from a store, and no part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Derived {
    /// The model that made its vectors.
    pub model: String,
    /// The last commit that it has seen, and how many vectors it had then. None: it is not made yet.
    pub seen: Option<(Commit, u64)>,
    /// The last commit that its file beside the store has seen, as the head of that file says. None: there is no file. What
    /// was committed since is read from the store when the file is.
    pub saved: Option<Commit>,
}

/// By how many bytes a store may still grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Room {
    /// What is free on the disk that it lies on, for who runs this. None: it is not known. Servers do not tell.
    pub disk: Option<u64>,
    /// What is left of a limit that was set. None: none was.
    pub limit: Option<u64>,
}

/// What keeps memories. All methods may block; all are safe to call from many threads at once.
///
/// Stores say the same of the same memories, to the byte of what is exported. By design they differ in how memories are kept:
/// - A store in a file copies itself ([`backup`](Self::backup)); one on a server refuses, because servers do that.
/// - Media that several memories have are kept once, or once in each namespace where that is who may see them; what a
///   server does not tell is counted as nothing ([`Census`]).
/// - Who reads row by row ([`vectors`](Self::vectors), [`log`](Self::log), [`all`](Self::all)) hinders erasing what is
///   forgotten meanwhile. In a file that is told and made up for; a server erases it when it cleans up next.
pub trait Store: Send + Sync + fmt::Debug {
    /// The last commit.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn head(&self) -> Result<Commit, Error>;

    /// Does all of a batch, or nothing. When this returns, it is durable.
    ///
    /// # Errors
    /// [`Error::Conflict`] when something that the batch was concluded from has changed meanwhile: begin again.
    /// [`Error::Invalid`] and its like when a change cannot be made. Then nothing was changed. When the connection breaks
    /// in the middle it is not known: [`Error::Unknown`]; a batch with the same names may be committed again.
    /// [`Error::NotErased`] when it is done, and traces of what it forgot are still in the file: the store is full, or
    /// somebody read all the while.
    fn commit(&self, batch: &Batch) -> Result<Committed, Error>;

    /// Makes a transaction undone by a new one that does the opposite. Its history stays.
    ///
    /// # Errors
    /// [`Error::NotUndone`] when it forgot something, was undone already, or its log is compacted; then [`Error::Conflict`]
    /// when a later one has changed the same; then [`Error::NotUndone`] when a memory that it added is related since, or a
    /// relation that it ended cannot be made again.
    fn undo(&self, commit: Commit) -> Result<Committed, Error>;

    /// Memories as they were at a commit, in the order of `ids`. What was not there is left out.
    ///
    /// # Errors
    /// [`Error::Gone`] when the states of that time are compacted.
    fn nodes(&self, ids: &[Id], at: Commit) -> Result<Vec<MemoryNode>, Error>;

    /// Memories that a filter means, as they were at a commit.
    ///
    /// # Errors
    /// As [`nodes`](Self::nodes).
    fn find(&self, filter: &Filter, at: Commit) -> Result<Vec<MemoryNode>, Error>;

    /// The names of all that a filter means at the head: what a search is held to.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn ids(&self, filter: &Filter) -> Result<Vec<Id>, Error>;

    /// Relations of memories as they were at a commit; of these kinds, or of all if there are none.
    ///
    /// # Errors
    /// As [`nodes`](Self::nodes).
    fn relations(
        &self,
        ids: &[Id],
        kinds: &[RelationKind],
        direction: Direction,
        at: Commit,
    ) -> Result<Vec<Relation>, Error>;

    /// The `most` memories at the head, of those that a filter means, whose words match best; equal ones by name.
    ///
    /// # Errors
    /// When the store cannot be read. Words are words: no query is malformed.
    fn matches(&self, words: &str, filter: &Filter, most: usize) -> Result<Vec<Match>, Error>;

    /// The memories at the head whose vectors are nearest, by their cosine; equal ones by name. As many as are asked for
    /// if the filter means so many that have a vector of the model.
    ///
    /// # Errors
    /// When the store cannot be read, the vector's dimension is not that of the stored ones, or a number of it is none, or
    /// infinite.
    fn nearest(&self, asked: &Nearest<'_>) -> Result<Vec<Match>, Error> {
        exact(self, asked)
    }

    /// All vectors of a model at the head, in the order of their names. An error of `take` ends it.
    ///
    /// # Errors
    /// When the store cannot be read, or `take` fails.
    fn vectors(
        &self,
        model: &str,
        take: &mut dyn FnMut(Stored) -> Result<(), Error>,
    ) -> Result<Commit, Error>;

    /// What was changed after a commit, in order: what indexes that lag have to catch up with.
    ///
    /// # Errors
    /// [`Error::Gone`] when that is compacted.
    fn log(&self, after: Commit, take: &mut dyn FnMut(Logged) -> Result<(), Error>) -> Result<(), Error>;

    /// Ends what has expired until now, at most `most` of it. How many did. Whoever keeps memories that expire calls this now
    /// and then: nothing does it by itself. What has expired is not recalled in any case; until this is called it is live to
    /// who asks the store for what is live [at no certain time](Filter::valid_at).
    ///
    /// # Errors
    /// When the store cannot be written.
    fn expire(&self, most: usize) -> Result<usize, Error>;

    /// Drops states and log from before `keep` ago, and gives space back. What is there at that time stays as it was then.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn compact(&self, keep: Duration) -> Result<(), Error>;

    /// Copies the store, as it is at one commit, to a new file, while it is in use.
    ///
    /// # Errors
    /// When there is such a file, or it cannot be written. Stores that are no file refuse.
    fn backup(&self, to: &Path) -> Result<Committed, Error>;

    /// Looks for what cannot be: damaged pages, relations without ends, words or vectors without nodes.
    ///
    /// # Errors
    /// When the store cannot be read at all.
    fn check(&self) -> Result<Findings, Error>;

    /// What is in it.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn census(&self) -> Result<Census, Error>;

    /// How far the indexes are that are derived from it, by their models. A store without such has none.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn indexes(&self) -> Result<Vec<Derived>, Error> {
        Ok(Vec::new())
    }

    /// By how many bytes it may still grow, as far as that is known.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn room(&self) -> Result<Room, Error> {
        Ok(Room::default())
    }

    /// Everything as it was at a commit: first the memories by their names, whatever has become of them; then the relations
    /// by the names of the memories that they lead from, and by their own. An error of `take` ends it.
    ///
    /// What was there then is told although adding it was undone later. Only stores that have no better way than this
    /// default leave that out: they find names by what is there now.
    ///
    /// # Errors
    /// As [`nodes`](Self::nodes), or when `take` fails.
    fn all(&self, at: Commit, take: &mut dyn FnMut(Item) -> Result<(), Error>) -> Result<(), Error> {
        all::all(self, at, take)
    }

    /// Namespaces that have memories, whatever has become of them, at the head.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn namespaces(&self) -> Result<Vec<Namespace>, Error>;
}
