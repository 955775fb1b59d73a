//! The tables of a store in one file, their versions, and how a file is opened.
//!
//! | table | what |
//! |---|---|
//! | `commits` | one row a transaction |
//! | `log` | what each did, in order: an operation, the node, its state after and before, or the relation |
//! | `nodes` | what never changes of a memory, and how it is used; `current` is its state now |
//! | `states` | each version of a memory, from the commit `since` up to, and without, `until` |
//! | `contents`, `blobs`, `vectors` | what states refer to, so that a new version copies nothing of the old one |
//! | `relations` | with the commits between which they hold |
//! | `words` | the words of current live states, by the number of the node; the texts themselves stand in `contents`, so that what is taken out has to be told |
//! | `meta` | `horizon`: the earliest commit whose state is kept |

use std::fs::{File, TryLockError};
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::failed;
use crate::memory::Error;
use crate::memory::index::Settings;

/// Stands in the header of the file, so that other programs and we know it.
const APPLICATION: i32 = i32::from_be_bytes(*b"TwM1");
/// The version of the tables.
const VERSION: u32 = 1;
const TABLES: &str = include_str!("schema.sql");

/// How a file is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Each commit waits until the disk has it. Without, the last commits may be lost when the power fails; never a part
    /// of one.
    pub is_durable: bool,
    /// Connections that read at once.
    pub readers: usize,
    /// Bytes of the file that are mapped for reading.
    pub mapped_bytes: u64,
    /// How near vectors are found.
    pub index: Settings,
}

impl Default for Config {
    fn default() -> Self {
        Self { is_durable: true, readers: 4, mapped_bytes: 1 << 30, index: Settings::default() }
    }
}

/// Holds a store for this process. Two would not see each other's indexes.
pub(super) fn lock(path: &Path) -> Result<File, Error> {
    let place = path.display().to_string();
    let beside = path.with_added_extension("lock");
    let file = File::options().create(true).truncate(false).write(true).open(beside);
    let file = file.map_err(|error| failed_to_open(&place, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked { place }),
        Err(TryLockError::Error(error)) => Err(failed_to_open(&place, error)),
    }
}

fn failed_to_open(place: &str, error: std::io::Error) -> Error {
    let place = place.to_owned();
    match error.kind() {
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            Error::ReadOnly { place }
        }
        std::io::ErrorKind::StorageFull => Error::Full { place },
        _ => Error::Store { place, source: Box::new(error) },
    }
}

/// The connection that writes. Makes the tables of a new file, and brings older ones up to date.
pub(super) fn writer(path: &Path, config: &Config) -> Result<Connection, Error> {
    let place = path.display().to_string();
    let wrong = |error: rusqlite::Error| failed(&place, error);
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(wrong)?;
    prepare(&connection, config).map_err(wrong)?;
    let is_new = connection
        .query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get::<_, i64>(0))
        .map_err(wrong)?
        == 0;
    if is_new {
        let transaction = connection.transaction().map_err(wrong)?;
        transaction.execute_batch(TABLES).map_err(wrong)?;
        transaction.pragma_update(None, "application_id", APPLICATION).map_err(wrong)?;
        transaction.pragma_update(None, "user_version", VERSION).map_err(wrong)?;
        transaction.commit().map_err(wrong)?;
    }
    check(&connection, &place)?;
    Ok(connection)
}

/// A connection that reads.
pub(super) fn reader(path: &Path, config: &Config) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection, config)?;
    Ok(connection)
}

fn prepare(connection: &Connection, config: &Config) -> Result<(), rusqlite::Error> {
    // Who comes upon a checkpoint waits for it.
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    if !connection.is_readonly("main")? {
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        let synchronous = if config.is_durable { "FULL" } else { "NORMAL" };
        connection.pragma_update(None, "synchronous", synchronous)?;
        // What is deleted is overwritten, so that nothing of what is forgotten stays in a free page.
        connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    }
    connection.pragma_update_and_check(None, "mmap_size", config.mapped_bytes, |_| Ok(()))?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn check(connection: &Connection, place: &str) -> Result<(), Error> {
    let wrong = |error: rusqlite::Error| failed(place, error);
    let pragma =
        |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(wrong);
    let place = place.to_owned();
    if pragma("application_id")? != i64::from(APPLICATION) {
        return Err(Error::Damaged { place, reason: "it is a database of another program".to_owned() });
    }
    match u32::try_from(pragma("user_version")?).unwrap_or_default() {
        VERSION => Ok(()),
        found if found > VERSION => Err(Error::Newer { place, found, known: VERSION }),
        found => Err(Error::Damaged { place, reason: format!("there is no version {found}") }),
    }
}
