//! What memory must survive: any bytes in the place of those that it has written itself, or was given by others. The same
//! functions run in the bounded tests and under cargo-fuzz.
//!
//! `files` are those that are imported, `graph` the file of an index beside a store, `database` the store itself,
//! `messages` what stands where a conversation has its own, `answers` what models say, and `numbers` how they judge,
//! `router` what a router has saved, `address` where a server is said to be.

#[cfg(feature = "postgres")]
mod address;
mod answers;
mod database;
mod files;
mod graph;
mod messages;
mod numbers;
mod router;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use typewright_runtime::memory::sqlite::{Config, SqliteStore};
use typewright_runtime::memory::store::{Store, Transaction};
use typewright_runtime::memory::time::ManualClock;
use typewright_runtime::memory::{Error, Random, Settings};

#[cfg(feature = "postgres")]
pub use address::address;
pub use answers::answers;
pub use database::database;
pub use files::{FORMATS, STORED, files, sealed};
pub use graph::graph;
pub use messages::messages;
pub use numbers::numbers;
pub use router::router;

/// A folder that is gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let shared = PathBuf::from("/dev/shm");
        let above = if shared.is_dir() { shared } else { std::env::temp_dir() };
        let folder = Self(above.join(format!("typewright-memory-fuzz-{}-{number}", std::process::id())));
        std::fs::create_dir_all(&folder.0).ok()?;
        Some(folder)
    }

    /// Where its store is.
    fn path(&self) -> PathBuf {
        self.0.join("store.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is in a folder for what is temporary.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A clock that stands, and chance that is always the same.
fn settings() -> Settings {
    Settings::new(Arc::new(ManualClock::default()), Random::new(1))
}

/// How stores are opened: what a disk would have of them is no matter here.
fn config() -> Config {
    Config { is_durable: false, ..Config::default() }
}

/// An empty store in a folder that is gone afterwards.
struct Room {
    store: Arc<SqliteStore>,
    settings: Arc<Settings>,
    /// After the store, so that it is closed when the folder goes.
    _folder: Folder,
}

impl Room {
    fn new() -> Option<Self> {
        let (folder, settings) = (Folder::new()?, Arc::new(settings()));
        let store = Arc::new(SqliteStore::open(&folder.path(), config(), Arc::clone(&settings)).ok()?);
        Some(Self { store, settings, _folder: folder })
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store) as Arc<dyn Store>
    }

    fn transaction(&self) -> Option<Transaction> {
        Transaction::begin(self.store(), Arc::clone(&self.settings)).ok()
    }
}

/// A new store in a file with these bytes.
fn opened(bytes: &[u8], folder: &Folder, config: Config) -> Result<SqliteStore, Error> {
    let path = folder.path();
    let written = std::fs::write(&path, bytes);
    assert!(written.is_ok(), "{written:?}");
    SqliteStore::open(&path, config, Arc::new(settings()))
}

/// What is still being worked on, until it is done.
fn done<T>(work: impl Future<Output = T>) -> Option<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().ok()?;
    Some(runtime.block_on(work))
}

/// Whether what was tried ended as it may: well, or with an error that says what is wrong with what was given. One that says
/// that the store has failed may be a panic of another thread.
fn ended<T>(tried: Result<T, Error>, may: &[&str]) -> Option<T> {
    match tried {
        Ok(found) => Some(found),
        Err(error) => {
            assert!(may.contains(&error.name()), "{error:?}");
            None
        }
    }
}

/// Changes of bytes: four bytes each say where, how, and what.
fn patched(whole: &[u8], patches: &[u8]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for patch in patches.chunks_exact(4) {
        let [high, low, how, what] = [patch[0], patch[1], patch[2], patch[3]];
        let place = usize::from(high) << 8 | usize::from(low);
        // Most of what decides stands at the beginning.
        let at =
            if how & 0x80 > 0 { place } else { ((place * bytes.len()) >> 16) + usize::from(how >> 2 & 0x1f) };
        match (bytes.get_mut(at), how & 3) {
            (Some(byte), 0) => *byte = what,
            (Some(byte), 1) => *byte ^= 1 << (what % 8),
            (Some(_), 2) => copy(&mut bytes, at, usize::from(what)),
            (Some(_), _) if what < 16 => bytes.truncate(at),
            (Some(byte), _) => *byte = [0, 1, 0x7f, 0xff][usize::from(what % 4)],
            (None, _) => {}
        }
    }
    bytes
}

/// Puts bytes of another place here.
fn copy(bytes: &mut [u8], to: usize, length: usize) {
    let from = (to * 7 + length * 31) % bytes.len();
    let length = length.min(bytes.len() - to).min(bytes.len() - from);
    bytes.copy_within(from..from + length, to);
}
