//! What an agent knows, and can find again.
//!
//! The vocabulary: a [`MemoryNode`] is one memory of a [`Kind`], with its [`Content`], its vector and its times;
//! [`Relation`] says how two belong together; a [`Namespace`] says whose they are. `time` and `id` have the times and the
//! names, and who makes them, so that everything that depends on the clock or on chance is given both. [`store`] has what
//! can be done to memories, and what every store promises; [`sqlite`] keeps them in one file, `postgres` on a server. [`index`] finds the nearest
//! vectors without reading all of them from there; [`recall`] finds memories again; [`exchange`] brings them to files and
//! back. [`embed`] makes their vectors, [`conversation`] remembers what was said, [`cognition`] is what is done with memories
//! besides finding them, and [`asked`] a chat model for both.

pub mod asked;
pub mod cognition;
pub mod content;
pub mod conversation;
pub mod embed;
mod error;
pub mod exchange;
pub mod health;
pub mod id;
pub mod index;
pub mod kind;
mod letters;
pub mod lineage;
mod named;
mod namespace;
pub mod node;
mod pending;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod recall;
pub mod relation;
pub mod sqlite;
pub mod store;
mod sum;
pub mod time;
pub mod tokens;

pub use crate::random::Random;
pub use content::Content;
pub use error::Error;
pub use id::{Id, Ids};
pub use kind::{Kind, Policy};
pub use namespace::Namespace;
pub use node::{Embedding, MemoryDraft, MemoryNode, Provenance, Status};
pub use pending::Pending;
pub use relation::{Relation, RelationDraft, RelationKind};
pub use time::{Clock, Interval, Timestamp};

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::random;

/// What holds for all memories of a store: who says the time, who makes names, what a kind means, how large things may be.
#[derive(Debug)]
pub struct Settings {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The names.
    pub ids: Ids,
    /// Policies of kinds that are not the usual ones.
    pub policies: BTreeMap<Kind, Policy>,
    /// How large things may be.
    pub limits: Limits,
}

impl Settings {
    /// The usual, with the time of this clock and names from this source of random numbers.
    pub fn new(clock: Arc<dyn Clock>, random: Random) -> Self {
        let ids = Ids::new(Arc::clone(&clock), random);
        Self { clock, ids, policies: BTreeMap::new(), limits: Limits::default() }
    }

    /// What holds for a kind.
    pub fn policy(&self, kind: Kind) -> Policy {
        self.policies.get(&kind).copied().unwrap_or_else(|| kind.policy())
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new(Arc::new(time::SystemClock), Random::unseeded())
    }
}

/// How large what is stored may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a text, or of JSON.
    pub text_bytes: usize,
    /// Bytes of a medium.
    pub blob_bytes: usize,
    /// Numbers of a vector.
    pub dimensions: usize,
    /// Bytes of what is kept with a memory: its metadata, and its provenance.
    pub metadata_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { text_bytes: 1 << 20, blob_bytes: 64 << 20, dimensions: 8192, metadata_bytes: 64 << 10 }
    }
}
