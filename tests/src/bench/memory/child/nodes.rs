//! Memories of 1.5 kB of text and 384 numbers, and the store that they go to.

use std::path::Path;
use std::sync::Arc;

use fastrand::Rng;
use typewright_runtime::memory::sqlite::{Config, SqliteStore};
use typewright_runtime::memory::store::{Batch, Change};
use typewright_runtime::memory::{
    Content, Embedding, Id, Interval, Kind, MemoryNode, Namespace, Settings, Status, Timestamp,
};

use crate::bench::Failure;

/// Bytes of a text.
pub(super) const TEXT: usize = 1500;
/// Numbers of a vector.
pub(super) const NUMBERS: usize = 384;
/// Who made the vectors.
pub(super) const MODEL: &str = "model";
/// Where all of them are.
pub(super) const NAMESPACE: &str = "bench";
const WORDS: usize = 20_000;

/// Memories of a kind, one after another, with texts of words that are as frequent as words are.
pub(super) struct Memories {
    kind: Kind,
    random: Rng,
    next: u128,
    words: Vec<String>,
}

impl Memories {
    /// Those of a thread, whose names are no other's.
    pub(super) fn of(kind: Kind, thread: u64) -> Self {
        let mut random = Rng::with_seed(1 + thread);
        let mut word = || (0..random.usize(2..10)).map(|_| random.lowercase()).collect();
        let words = (0..WORDS).map(|_| word()).collect();
        Self { kind, random, next: 1 + (u128::from(thread) << 32), words }
    }

    fn text(&mut self) -> String {
        let mut text = String::with_capacity(TEXT + 10);
        while text.len() < TEXT {
            // The second word is half as frequent as the first, the third a third …
            let rank = (self.words.len() as f64).powf(self.random.f64()) as usize - 1;
            text.push_str(&self.words[rank]);
            text.push(' ');
        }
        text.truncate(TEXT);
        text
    }

    /// A vector that is no other's.
    pub(super) fn vector(&mut self) -> Embedding {
        let vector = (0..NUMBERS).map(|_| self.random.f32() - 0.5).collect();
        Embedding { model: MODEL.to_owned(), vector }
    }

    fn node(&mut self) -> Result<MemoryNode, Failure> {
        self.next += 1;
        let id = Id::from_u128((self.next << 64) | u128::from(self.random.u64(..)));
        let (text, vector) = (self.text(), self.vector());
        node(id, NAMESPACE, self.kind, text, vector)
    }

    /// So many.
    pub(super) fn batch(&mut self, size: usize) -> Result<Batch, Failure> {
        let nodes: Vec<MemoryNode> = (0..size).map(|_| self.node()).collect::<Result<_, _>>()?;
        Ok(adding(nodes))
    }
}

/// A memory.
pub(super) fn node(
    id: Id,
    namespace: &str,
    kind: Kind,
    text: String,
    vector: Embedding,
) -> Result<MemoryNode, Failure> {
    let now = Timestamp::parse("2026-01-01T00:00:00Z")?;
    Ok(MemoryNode {
        id,
        namespace: Namespace::new(namespace)?,
        kind,
        content: Content::Text(text),
        embedding: Some(vector),
        importance: 0.5,
        valid: Interval::ALWAYS,
        created: now,
        updated: now,
        ended: None,
        expires: None,
        last_access: now,
        accesses: 0,
        status: Status::Live,
        version: 1,
        provenance: None,
        metadata: Default::default(),
    })
}

/// What adds them.
pub(super) fn adding(nodes: Vec<MemoryNode>) -> Batch {
    let changes = nodes.into_iter().map(|node| Change::Add(Box::new(node))).collect();
    Batch { changes, ..Batch::default() }
}

/// A store in a file.
pub(super) fn open(path: &Path) -> Result<SqliteStore, Failure> {
    Ok(SqliteStore::open(path, Config::default(), Arc::new(Settings::default()))?)
}
