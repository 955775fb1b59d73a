//! Cognition, on cases whose right answer is known: by hand, from a publication, or from another way to compute it.

mod committee;
mod learned;
mod search;
mod working;

use std::sync::Arc;
use std::time::Duration;

use typewright_runtime::memory::store::{Store, Transaction};
use typewright_runtime::memory::time::ManualClock;
use typewright_runtime::memory::{Id, Settings, Timestamp};

use crate::store::{Folder, open, settings};

/// A store of its own.
struct Room {
    _folder: Folder,
    clock: Arc<ManualClock>,
    settings: Arc<Settings>,
    store: Arc<dyn Store>,
}

impl Room {
    fn new() -> Self {
        let folder = Folder::new("cognition");
        let (clock, settings) = settings();
        let store = Arc::new(open(&folder.path().join("store.db"), &settings).unwrap());
        Self { _folder: folder, clock, settings, store }
    }

    fn begin(&self) -> Transaction {
        Transaction::begin(Arc::clone(&self.store), Arc::clone(&self.settings)).unwrap()
    }
}

fn id(number: u128) -> Id {
    Id::from_u128(number)
}

/// So many seconds after a beginning.
fn at(seconds: u64) -> Timestamp {
    Timestamp::parse("2026-01-01T00:00:00Z").unwrap().plus(Duration::from_secs(seconds))
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}
