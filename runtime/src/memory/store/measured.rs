//! How often a store is asked what, how long that takes, and what goes wrong: a store around another one that counts.
//!
//! Named as OpenTelemetry's semantic conventions for database clients name it: the histogram `db.client.operation.duration`
//! in seconds, by `db.operation.name` and `error.type`. Who exports it reads [`Metrics::read`] now and then.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{
    Batch, Census, Commit, Committed, Derived, Direction, Filter, Findings, Item, Logged, Match, Nearest,
    Room, Store, Stored,
};
use crate::memory::{Error, Id, MemoryNode, Namespace, Relation, RelationKind};

/// The name of the histogram.
pub const DURATION: &str = "db.client.operation.duration";
/// The upper bounds of its buckets, in seconds, as the conventions advise, and finer ones for what is in this process.
pub const BOUNDS: [f64; 13] =
    [0.000_01, 0.000_03, 0.000_1, 0.000_3, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

const OPERATIONS: [&str; 20] = [
    "head",
    "commit",
    "undo",
    "nodes",
    "find",
    "ids",
    "relations",
    "matches",
    "nearest",
    "vectors",
    "log",
    "expire",
    "compact",
    "backup",
    "check",
    "census",
    "indexes",
    "room",
    "all",
    "namespaces",
];

/// One histogram: of an operation that went well, or failed in one way.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// `db.operation.name`.
    pub operation: &'static str,
    /// `error.type`: the name of an [`Error`].
    pub error: Option<&'static str>,
    /// How often.
    pub count: u64,
    /// All of them together took so long.
    pub sum: Duration,
    /// How many took no longer than each of [`BOUNDS`], and longer than the one before; the last are those beyond.
    pub buckets: [u64; BOUNDS.len() + 1],
}

#[derive(Debug, Default)]
struct Histogram {
    nanos: AtomicU64,
    buckets: [AtomicU64; BOUNDS.len() + 1],
}

impl Histogram {
    fn add(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS.partition_point(|bound| *bound < seconds);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Relaxed);
        }
        self.nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    fn read(&self, operation: &'static str, error: Option<&'static str>) -> Measure {
        let buckets = self.buckets.each_ref().map(|bucket| bucket.load(Relaxed));
        let sum = Duration::from_nanos(self.nanos.load(Relaxed));
        Measure { operation, error, count: buckets.iter().sum(), sum, buckets }
    }
}

/// What was counted.
#[derive(Debug, Default)]
pub struct Metrics {
    done: [Histogram; OPERATIONS.len()],
    failed: Mutex<BTreeMap<(&'static str, &'static str), Histogram>>,
}

impl Metrics {
    /// All that was counted until now, of what was done at least once.
    pub fn read(&self) -> Vec<Measure> {
        let done = OPERATIONS.iter().zip(&self.done).map(|(operation, done)| done.read(operation, None));
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = failed.iter().map(|((operation, error), failed)| failed.read(operation, Some(error)));
        done.chain(failed).filter(|measure| measure.count > 0).collect()
    }

    fn add(&self, operation: &'static str, took: Duration, error: Option<&Error>) {
        if let Some(error) = error {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.entry((operation, error.name())).or_default().add(took);
        } else if let Some(at) = OPERATIONS.iter().position(|one| *one == operation)
            && let Some(done) = self.done.get(at)
        {
            done.add(took);
        }
    }
}

/// A store that counts what it is asked.
#[derive(Debug)]
pub struct Measured {
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
}

impl Measured {
    /// Counts what is asked of a store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, metrics: Arc::default() }
    }

    /// What was counted.
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    fn timed<T>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&dyn Store) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let start = Instant::now();
        let done = work(&*self.store);
        self.metrics.add(operation, start.elapsed(), done.as_ref().err());
        done
    }
}

impl Store for Measured {
    fn head(&self) -> Result<Commit, Error> {
        self.timed("head", |store| store.head())
    }

    fn commit(&self, batch: &Batch) -> Result<Committed, Error> {
        self.timed("commit", |store| store.commit(batch))
    }

    fn undo(&self, commit: Commit) -> Result<Committed, Error> {
        self.timed("undo", |store| store.undo(commit))
    }

    fn nodes(&self, ids: &[Id], at: Commit) -> Result<Vec<MemoryNode>, Error> {
        self.timed("nodes", |store| store.nodes(ids, at))
    }

    fn find(&self, filter: &Filter, at: Commit) -> Result<Vec<MemoryNode>, Error> {
        self.timed("find", |store| store.find(filter, at))
    }

    fn ids(&self, filter: &Filter) -> Result<Vec<Id>, Error> {
        self.timed("ids", |store| store.ids(filter))
    }

    fn relations(
        &self,
        ids: &[Id],
        kinds: &[RelationKind],
        direction: Direction,
        at: Commit,
    ) -> Result<Vec<Relation>, Error> {
        self.timed("relations", |store| store.relations(ids, kinds, direction, at))
    }

    fn matches(&self, words: &str, filter: &Filter, most: usize) -> Result<Vec<Match>, Error> {
        self.timed("matches", |store| store.matches(words, filter, most))
    }

    fn nearest(&self, asked: &Nearest<'_>) -> Result<Vec<Match>, Error> {
        self.timed("nearest", |store| store.nearest(asked))
    }

    fn vectors(
        &self,
        model: &str,
        take: &mut dyn FnMut(Stored) -> Result<(), Error>,
    ) -> Result<Commit, Error> {
        self.timed("vectors", |store| store.vectors(model, take))
    }

    fn log(&self, after: Commit, take: &mut dyn FnMut(Logged) -> Result<(), Error>) -> Result<(), Error> {
        self.timed("log", |store| store.log(after, take))
    }

    fn expire(&self, most: usize) -> Result<usize, Error> {
        self.timed("expire", |store| store.expire(most))
    }

    fn compact(&self, keep: Duration) -> Result<(), Error> {
        self.timed("compact", |store| store.compact(keep))
    }

    fn backup(&self, to: &Path) -> Result<Committed, Error> {
        self.timed("backup", |store| store.backup(to))
    }

    fn check(&self) -> Result<Findings, Error> {
        self.timed("check", |store| store.check())
    }

    fn census(&self) -> Result<Census, Error> {
        self.timed("census", |store| store.census())
    }

    fn indexes(&self) -> Result<Vec<Derived>, Error> {
        self.timed("indexes", |store| store.indexes())
    }

    fn room(&self) -> Result<Room, Error> {
        self.timed("room", |store| store.room())
    }

    fn all(&self, at: Commit, take: &mut dyn FnMut(Item) -> Result<(), Error>) -> Result<(), Error> {
        self.timed("all", |store| store.all(at, take))
    }

    fn namespaces(&self) -> Result<Vec<Namespace>, Error> {
        self.timed("namespaces", |store| store.namespaces())
    }
}
