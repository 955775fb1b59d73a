//! Stores of tests: each in a folder of its own, or in tables of its own, and on whatever there is to stand on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use typewright_runtime::memory::exchange::jsonl;
use typewright_runtime::memory::sqlite::{Config, SqliteStore};
use typewright_runtime::memory::store::{Commit, Store, Transaction};
use typewright_runtime::memory::time::ManualClock;
use typewright_runtime::memory::{Clock, Error, Random, Settings, Timestamp};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A folder that is gone afterwards.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// No other folder of this process has it.
    #[cfg(all(feature = "postgres", unix))]
    number: u32,
}

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // In memory where that is a folder: what a disk would have is tested by what is written to it.
        let shared = PathBuf::from("/dev/shm");
        let above = if shared.is_dir() { shared } else { std::env::temp_dir() };
        let path = above.join(format!("typewright-memory-{}-{name}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self {
            path,
            #[cfg(all(feature = "postgres", unix))]
            number,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The schema of its store, where that is on a server.
    #[cfg(all(feature = "postgres", unix))]
    pub(crate) fn schema(&self) -> String {
        format!("folder_{}", self.number)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
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

/// What a store stands on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Engine {
    Sqlite,
    #[cfg(all(feature = "postgres", unix))]
    Postgres(&'static typewright_tests::memory::server::Server),
}

impl Engine {
    /// The store of a folder: opened again, it is the same one.
    pub(crate) fn open(self, folder: &Folder, settings: &Arc<Settings>) -> Arc<dyn Store> {
        match self {
            Self::Sqlite => Arc::new(open(&folder.path().join("store.db"), settings).unwrap()),
            #[cfg(all(feature = "postgres", unix))]
            Self::Postgres(server) => Arc::new(crate::postgres::open(server, &folder.schema(), settings)),
        }
    }

    /// A new store.
    pub(crate) fn place(self, name: &str) -> Place {
        let (folder, (clock, settings)) = (Folder::new(name), settings());
        Place { store: self.open(&folder, &settings), settings, clock, folder }
    }

    /// How much is done: less of it where each question is a way to a server.
    pub(crate) fn count(self, in_process: usize, on_server: usize) -> usize {
        if matches!(self, Self::Sqlite) { in_process } else { on_server }
    }
}

/// A store of its own.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) clock: Arc<ManualClock>,
    /// After the store, so that it is closed when the folder goes.
    pub(crate) folder: Folder,
}

impl Place {
    pub(crate) fn begin(&self) -> Transaction {
        Transaction::begin(Arc::clone(&self.store), Arc::clone(&self.settings)).unwrap()
    }

    /// All that it had at a commit, as a file.
    pub(crate) fn exported(&self, at: Commit) -> Vec<u8> {
        let mut file = Vec::new();
        jsonl::export(&*self.store, at, &mut file).unwrap();
        file
    }
}

/// Makes tests of functions that are given an [`Engine`], one for each: `on_sqlite`, and `on_postgres` where there is a server.
macro_rules! on_each_store {
    ($($name:ident),* $(,)? $(; async $($later:ident),+ $(,)?)?) => {
        mod on_sqlite {
            use crate::store::Engine;

            $(#[test]
            fn $name() {
                super::$name(Engine::Sqlite);
            })*
            $($(#[tokio::test]
            async fn $later() {
                super::$later(Engine::Sqlite).await;
            })+)?
        }

        #[cfg(all(feature = "postgres", unix))]
        mod on_postgres {
            use crate::postgres::server;
            use crate::store::Engine;

            $(#[test]
            fn $name() {
                let Some(server) = server() else { return };
                super::$name(Engine::Postgres(server));
            })*
            $($(#[tokio::test]
            async fn $later() {
                let Some(server) = server() else { return };
                super::$later(Engine::Postgres(server)).await;
            })+)?
        }
    };
}

pub(crate) use on_each_store;
