//! Stores in folders of their own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use typewright_runtime::memory::sqlite::{Config, SqliteStore};
use typewright_runtime::memory::time::ManualClock;
use typewright_runtime::memory::{Clock, Error, Random, Settings, Timestamp};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A folder that is gone afterwards.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // In memory where that is a folder: what a disk would have is tested by what is written to it.
        let shared = PathBuf::from("/dev/shm");
        let above = if shared.is_dir() { shared } else { std::env::temp_dir() };
        let path = above.join(format!("typewright-memory-{}-{name}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A clock that stands, and settings by it.
pub(crate) fn settings() -> (Arc<ManualClock>, Arc<Settings>) {
    let clock = Arc::new(ManualClock::new(Timestamp::parse("2026-01-01T00:00:00Z").unwrap()));
    let settings = Settings::new(Arc::clone(&clock) as Arc<dyn Clock>, Random::new(1));
    (clock, Arc::new(settings))
}

pub(crate) fn open(path: &Path, settings: &Arc<Settings>) -> Result<SqliteStore, Error> {
    // How much waits for the disk is no matter here; what crashes leave is tested elsewhere.
    let config = Config { is_durable: false, ..Config::default() };
    SqliteStore::open(path, config, Arc::clone(settings))
}
