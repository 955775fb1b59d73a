//! Memories in one file: the store that is there without a server.
//!
//! SQLite in WAL mode, one connection that writes and some that read. `schema` has the tables, `migration` those of
//! earlier versions, `row` what stands in them, `log` what was done, `write` does a transaction, with `put` for rows and
//! `relate` for relations, `group` lets threads share one, `undo` does the opposite of one, `read` and `all` find, `index`
//! finds what is near, `indexed` follows policies that say otherwise than they did, `upkeep` looks after the file,
//! `backup` copies it, `check` looks for damage, `sum` has the checksums.
//! Everything of a transaction is in that file, words and vectors included; who derives an index from it keeps the commit
//! that it has seen.

mod all;
mod backup;
mod check;
mod group;
mod index;
mod indexed;
mod log;
mod migration;
mod put;
mod read;
mod relate;
mod row;
mod schema;
mod sum;
mod undo;
mod upkeep;
mod words;
mod write;

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf, absolute};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::id::Id;
use super::node::MemoryNode;
use super::relation::{Relation, RelationKind};
use super::store::{
    Batch, Census, Change, Commit, Committed, Derived, Direction, Filter, Findings, Item, Logged, Match,
    Nearest, Room, Store, Stored,
};
use super::{Error, Namespace, Settings};
use group::Turns;
use write::Fault;

pub use schema::Config;

/// A store in one file. A second one on the same file, in this process or another, is refused.
///
/// Threads that commit at once wait for one sync of the disk together, so that many small commits of several threads are
/// faster than those of one; each is done or not for itself.
pub struct SqliteStore {
    path: PathBuf,
    place: String,
    config: Config,
    settings: Arc<Settings>,
    /// Closed before the writer, which is the one that puts the log of the database back into its file.
    readers: Mutex<Vec<Connection>>,
    writer: Turns,
    indexes: index::Indexes,
    /// As long as this is open, the file is ours.
    _lock: File,
}

impl SqliteStore {
    /// Opens a store, or makes a new one where there is no file.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::ReadOnly`], [`Error::Newer`], [`Error::Damaged`], as they say.
    pub fn open(path: &Path, config: Config, settings: Arc<Settings>) -> Result<Self, Error> {
        // By one name, whatever links lead to it.
        let path = &fs::canonicalize(path).or_else(|_| absolute(path)).unwrap_or_else(|_| path.to_owned());
        let lock = schema::lock(path)?;
        let mut writer = schema::writer(path, &config)?;
        let (path, place) = (path.to_owned(), path.display().to_string());
        indexed::follow(&mut writer, &settings).map_err(|fault| told(&place, fault))?;
        let writer = Turns::new(writer);
        let (readers, indexes) = (Mutex::default(), index::Indexes::new(&path, config.index.clone()));
        let store = Self { path, place, config, settings, writer, readers, indexes, _lock: lock };
        // What was forgotten is erased, also when the power failed in the middle.
        if upkeep::is_to_scrub(&store.writer.alone()).map_err(|error| failed(&store.place, error))? {
            let _saving = index::before_erasing(&store)?;
            store.scrub()?;
        }
        Ok(store)
    }

    /// Does something that reads, on a state that stays the same meanwhile.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Error> {
        let mut connection = self.reader()?;
        let found = within(&mut connection, TransactionBehavior::Deferred, |transaction| work(transaction));
        self.give_back(connection);
        found.map_err(|fault| self.told(fault))
    }

    fn reader(&self) -> Result<Connection, Error> {
        let pooled = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match pooled {
            Some(connection) => Ok(connection),
            None => schema::reader(&self.path, &self.config).map_err(|error| failed(&self.place, error)),
        }
    }

    fn give_back(&self, connection: Connection) {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < self.config.readers {
            readers.push(connection);
        }
    }

    /// Does something that writes, all of it or nothing.
    fn write<T>(
        &self,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, Error> {
        let mut writer = self.writer.alone();
        within(&mut writer, TransactionBehavior::Immediate, work).map_err(|fault| self.told(fault))
    }

    fn told(&self, fault: Fault) -> Error {
        told(&self.place, fault)
    }
}

fn told(place: &str, fault: Fault) -> Error {
    match fault {
        Fault::Ours(error) => error,
        Fault::Database(error) => failed(place, error),
    }
}

fn within<T>(
    connection: &mut Connection,
    behavior: TransactionBehavior,
    work: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let transaction = connection.transaction_with_behavior(behavior)?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}

/// The file whose name has this at its end.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// What the database says, by what it means.
fn failed(place: &str, error: rusqlite::Error) -> Error {
    let place = place.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::Full { place },
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Error::ReadOnly { place },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Locked { place },
        // All statements are ours, so that only what is there can be wrong with them.
        None | Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown) => {
            Error::Damaged { place, reason: error.to_string() }
        }
        _ => Error::Store { place, source: Box::new(error) },
    }
}

impl Store for SqliteStore {
    fn head(&self) -> Result<Commit, Error> {
        self.read(read::head)
    }

    fn commit(&self, batch: &Batch) -> Result<Committed, Error> {
        if batch.changes.iter().any(|change| matches!(change, Change::Forget { .. })) {
            let _saving = index::before_erasing(self)?;
            return self.commit_alone(batch);
        }
        match self.writer.commit(&self.settings, batch) {
            Ok(Some(committed)) => Ok(committed),
            Ok(None) => self.commit_alone(batch),
            Err(fault) => Err(self.told(fault)),
        }
    }

    fn undo(&self, commit: Commit) -> Result<Committed, Error> {
        self.write(|transaction| undo::undo(transaction, &self.settings, commit))
    }

    fn nodes(&self, ids: &[Id], at: Commit) -> Result<Vec<MemoryNode>, Error> {
        self.read(|connection| read::nodes(connection, ids, at))
    }

    fn find(&self, filter: &Filter, at: Commit) -> Result<Vec<MemoryNode>, Error> {
        filter.check()?;
        self.read(|connection| read::find(connection, filter, at))
    }

    fn ids(&self, filter: &Filter) -> Result<Vec<Id>, Error> {
        filter.check()?;
        self.read(|connection| read::ids(connection, filter))
    }

    fn relations(
        &self,
        ids: &[Id],
        kinds: &[RelationKind],
        direction: Direction,
        at: Commit,
    ) -> Result<Vec<Relation>, Error> {
        self.read(|connection| read::relations(connection, ids, kinds, direction, at))
    }

    fn matches(&self, words: &str, filter: &Filter, most: usize) -> Result<Vec<Match>, Error> {
        filter.check()?;
        self.read(|connection| words::matches(connection, words, filter, most))
    }

    fn nearest(&self, asked: &Nearest<'_>) -> Result<Vec<Match>, Error> {
        asked.filter.check()?;
        index::nearest(self, asked)
    }

    fn vectors(
        &self,
        model: &str,
        take: &mut dyn FnMut(Stored) -> Result<(), Error>,
    ) -> Result<Commit, Error> {
        self.read(|connection| read::vectors(connection, model, take))
    }

    fn log(&self, after: Commit, take: &mut dyn FnMut(Logged) -> Result<(), Error>) -> Result<(), Error> {
        self.read(|connection| read::log(connection, after, take))
    }

    fn expire(&self, most: usize) -> Result<usize, Error> {
        self.write(|transaction| upkeep::expire(transaction, &self.settings, most))
    }

    fn compact(&self, keep: Duration) -> Result<(), Error> {
        self.write(|transaction| upkeep::compact(transaction, &self.settings, keep))?;
        self.erase(self.head()?)
    }

    fn backup(&self, to: &Path) -> Result<Committed, Error> {
        let connection = self.reader()?;
        let copied = backup::backup(&connection, &self.config, to);
        self.give_back(connection);
        copied
    }

    fn check(&self) -> Result<Findings, Error> {
        self.read(|connection| check::check(connection, &self.settings))
    }

    fn census(&self) -> Result<Census, Error> {
        self.read(upkeep::census)
    }

    fn indexes(&self) -> Result<Vec<Derived>, Error> {
        index::derived(self)
    }

    fn room(&self) -> Result<Room, Error> {
        let left = |most| self.read(|connection| upkeep::left(connection, most));
        let limit = self.config.most_bytes.map(left).transpose()?;
        // Not every system tells.
        Ok(Room { disk: fs4::available_space(&self.path).ok(), limit })
    }

    fn all(&self, at: Commit, take: &mut dyn FnMut(Item) -> Result<(), Error>) -> Result<(), Error> {
        self.read(|connection| all::all(connection, at, take))
    }

    fn namespaces(&self) -> Result<Vec<Namespace>, Error> {
        self.read(read::namespaces)
    }
}

impl SqliteStore {
    fn commit_alone(&self, batch: &Batch) -> Result<Committed, Error> {
        let written = self.write(|connection| write::batch(connection, &self.settings, None, batch))?;
        if written.is_scrubbed {
            self.erase(written.committed.commit)?;
        }
        Ok(written.committed)
    }

    /// Leaves nothing of what was deleted in free pages or in the log of the database.
    fn scrub(&self) -> Result<(), Error> {
        // Their caches have pages as they were.
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let writer = self.writer.alone();
        let is_to_scrub = upkeep::is_to_scrub(&writer).map_err(|error| failed(&self.place, error))?;
        // Somebody else may have done it meanwhile.
        if !is_to_scrub {
            return Ok(());
        }
        // The names of indexes that were removed must not come back.
        schema::sync_folder(&self.path)?;
        upkeep::scrub(&writer).map_err(|error| failed(&self.place, error))
    }

    /// Erases what a transaction has deleted that is committed already.
    fn erase(&self, commit: Commit) -> Result<(), Error> {
        let erased = index::erase(self).and_then(|()| self.scrub());
        erased.map_err(|error| Error::NotErased { commit, source: Box::new(error) })
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}
