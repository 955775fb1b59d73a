//! Commits of several threads at once: what waits for the connection joins the transaction that is open, and one sync of
//! the disk is for all.
//!
//! A transaction stays open as long as somebody waits to add to it; the last one commits, and the others wait for that.
//! Where anything in it fails, all of it is taken back and each does its own alone: nobody is told what depends on
//! something that was never committed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::put::Known;
use super::write::{self, Fault};
use crate::memory::Settings;
use crate::memory::store::{Batch, Committed};

/// Changes of a transaction to which nobody is let in any more: one sync more is nothing beside them.
const CHANGES: usize = 1000;

/// The connection that writes, and who waits for it to add something.
pub(super) struct Turns {
    writer: Mutex<Writer>,
    waiting: AtomicUsize,
}

/// The connection that writes.
struct Writer {
    connection: Connection,
    open: Option<Open>,
    /// What the last transaction has left, if that was one of a group, and the version of the file for this connection:
    /// it is another one when another program has written.
    known: Option<(Known, i64)>,
}

/// A transaction that is not committed yet.
#[derive(Default)]
struct Open {
    group: Arc<Group>,
    changes: usize,
    /// Somebody has left it open, and waits for its end.
    is_awaited: bool,
}

/// Those who wait for a transaction.
#[derive(Default)]
struct Group {
    /// Whether it was committed, once that is known.
    is_committed: Mutex<Option<bool>>,
    ended: Condvar,
}

/// The connection, and nobody else's transaction on it.
pub(super) struct Alone<'a>(MutexGuard<'a, Writer>);

impl Turns {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            writer: Mutex::new(Writer { connection, open: None, known: None }),
            waiting: AtomicUsize::new(0),
        }
    }

    /// The connection, for what is no commit of a group. One that is open is ended.
    pub(super) fn alone(&self) -> Alone<'_> {
        let mut writer = self.writer();
        // Its members see whether that went well.
        let _ = writer.conclude();
        writer.known = None;
        Alone(writer)
    }

    /// Does a batch, together with others if there are any. Nothing, where it is to be done alone.
    pub(super) fn commit(&self, settings: &Settings, batch: &Batch) -> Result<Option<Committed>, Fault> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut writer = self.writer();
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        let (group, is_first) = writer.join(batch.changes.len())?;
        let committed = match Adding(&mut writer).add(settings, batch) {
            Ok(committed) => committed,
            Err(fault) => {
                writer.take_back();
                return if is_first { Err(fault) } else { Ok(None) };
            }
        };
        // Whoever waits comes for certain, since this was looked at while the connection was ours.
        if self.waiting.load(Ordering::SeqCst) > 0 && writer.leave_open() {
            drop(writer);
            return Ok(group.wait().then_some(committed));
        }
        match writer.conclude() {
            Ok(()) => Ok(Some(committed)),
            Err(error) if is_first => Err(error.into()),
            Err(_) => Ok(None),
        }
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // A panic in the middle of a transaction has rolled it back.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    /// Begins a transaction, or takes part in the one that is open; its group, and whether it is the first of it.
    fn join(&mut self, changes: usize) -> Result<(Arc<Group>, bool), rusqlite::Error> {
        let is_first = self.open.is_none();
        if is_first {
            self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute(())?;
        }
        let open = self.open.get_or_insert_default();
        open.changes += changes;
        Ok((Arc::clone(&open.group), is_first))
    }

    /// Lets somebody else go on with what is open; not, where that is enough.
    fn leave_open(&mut self) -> bool {
        let open = self.open.as_mut().filter(|open| open.changes < CHANGES);
        open.map(|open| open.is_awaited = true).is_some()
    }

    /// Commits what is open.
    fn conclude(&mut self) -> Result<(), rusqlite::Error> {
        if self.open.is_none() {
            return Ok(());
        }
        match self.connection.prepare_cached("COMMIT").and_then(|mut commit| commit.execute(())) {
            Ok(_) => self.end(true),
            Err(error) => {
                self.take_back();
                return Err(error);
            }
        }
        Ok(())
    }

    /// Takes back what is open.
    fn take_back(&mut self) {
        self.known = None;
        // Of some errors the database takes all back by itself. What cannot be taken back was not committed, either: the
        // next transaction cannot begin, and says why.
        if !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        self.end(false);
    }

    fn end(&mut self, is_committed: bool) {
        if let Some(open) = self.open.take().filter(|open| open.is_awaited) {
            open.group.end(is_committed);
        }
    }
}

impl Group {
    fn end(&self, is_committed: bool) {
        *self.is_committed.lock().unwrap_or_else(PoisonError::into_inner) = Some(is_committed);
        self.ended.notify_all();
    }

    /// Waits for the end; whether it was committed.
    fn wait(&self) -> bool {
        let known = self.is_committed.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.ended.wait_while(known, |known| known.is_none());
        known.unwrap_or_else(PoisonError::into_inner).unwrap_or(false)
    }
}

/// A batch that is being added: when that panics, all is taken back, and the others are told.
struct Adding<'a>(&'a mut Writer);

impl Adding<'_> {
    fn add(self, settings: &Settings, batch: &Batch) -> Result<Committed, Fault> {
        let connection = &self.0.connection;
        let mut version = connection.prepare_cached("PRAGMA data_version")?;
        let version: i64 = version.query_row((), |row| row.get(0))?;
        let known = self.0.known.take().filter(|(_, seen)| *seen == version).map(|(known, _)| known);
        let written = write::batch(connection, settings, known, batch)?;
        self.0.known = Some((written.known, version));
        Ok(written.committed)
    }
}

impl Drop for Adding<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.take_back();
        }
    }
}

impl std::ops::Deref for Alone<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0.connection
    }
}

impl std::ops::DerefMut for Alone<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0.connection
    }
}
