//! The tables of a store in one file, their versions, and how a file is opened.
//!
//! | table | what |
//! |---|---|
//! | `commits` | one row a transaction, and what it did, of which `log` tells |
//! | `nodes` | what never changes of a memory, and how it is used; `current` is its state now |
//! | `states` | each version of a memory, from the commit `since` up to, and without, `until`; those that have ended are found by their node, the others are `current` |
//! | `contents`, `blobs`, `vectors` | what states refer to, so that a new version copies nothing of the old one |
//! | `relations` | with the commits between which they hold |
//! | `words` | the words of current live states, by the number of the node; the texts themselves stand in `contents`, so that what is taken out has to be told |
//! | `meta` | `horizon`: the earliest commit whose state is kept; `scrub`: something is deleted, and not yet erased; `left out`: the kinds whose words are not in the index |
//!
//! Each table has a last column `sum`, of which `sum` tells.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::migration::migrate;
use super::{beside, failed, sum};
use crate::memory::Error;
use crate::memory::index::Settings;

/// Stands in the header of the file, so that other programs and we know it.
const APPLICATION: i32 = i32::from_be_bytes(*b"TwM1");
/// The version of the tables.
const VERSION: u32 = 3;
/// How long somebody waits who comes upon a checkpoint, or upon another program.
const PATIENCE: Duration = Duration::from_secs(10);
/// What the connection that writes keeps in memory.
const CACHE_KIB: i64 = 32 << 10;
/// The pages after which the log of the database is put back into its file.
const LOG_PAGES: u32 = 4000;
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
    /// The most bytes that the file may have: what would be more is refused as if the disk were full.
    pub most_bytes: Option<u64>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            is_durable: true,
            readers: 4,
            mapped_bytes: 1 << 30,
            index: Settings::default(),
            most_bytes: None,
        }
    }
}

/// Holds a store for this process. Two would not see each other's indexes.
pub(super) fn lock(path: &Path) -> Result<File, Error> {
    let place = path.display().to_string();
    let file = File::options().create(true).truncate(false).write(true).open(beside(path, "lock"));
    let file = file.map_err(|error| failed_to_open(&place, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked { place }),
        Err(TryLockError::Error(error)) => Err(failed_to_open(&place, error)),
    }
}

/// Waits until the names in the folder of a store are on disk. Where a folder cannot be opened, the system sees to it.
pub(super) fn sync_folder(path: &Path) -> Result<(), Error> {
    if !cfg!(unix) {
        return Ok(());
    }
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let synced = File::open(above).and_then(|folder| folder.sync_all());
    synced.map_err(|error| failed_to_open(&path.display().to_string(), error))
}

pub(super) fn failed_to_open(place: &str, error: std::io::Error) -> Error {
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
    if connection.is_readonly("main").map_err(wrong)? {
        return Err(Error::ReadOnly { place });
    }
    connection.busy_timeout(PATIENCE).map_err(wrong)?;
    // Looked at before anything is set: what is not ours stays as it is.
    let version = version(&connection, &place)?;
    prepare(&connection, config).map_err(wrong)?;
    if version != Some(VERSION) {
        let transaction = connection.transaction().map_err(wrong)?;
        let made = match version {
            None => transaction.execute_batch(TABLES),
            Some(version) => migrate(&transaction, version),
        };
        made.map_err(wrong)?;
        transaction.pragma_update(None, "application_id", APPLICATION).map_err(wrong)?;
        transaction.pragma_update(None, "user_version", VERSION).map_err(wrong)?;
        transaction.commit().map_err(wrong)?;
    }
    Ok(connection)
}

/// A connection that reads.
pub(super) fn reader(path: &Path, config: &Config) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    prepare(&connection, config)?;
    Ok(connection)
}

fn prepare(connection: &Connection, config: &Config) -> Result<(), rusqlite::Error> {
    sum::register(connection)?;
    if !connection.is_readonly("main")? {
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        let synchronous = if config.is_durable { "FULL" } else { "NORMAL" };
        connection.pragma_update(None, "synchronous", synchronous)?;
        // What is deleted is overwritten, so that nothing of what is forgotten stays in a free page.
        connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
        // A batch of a thousand memories has its pages in memory until it is committed.
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        // What is written twice is put back once.
        connection.pragma_update_and_check(None, "wal_autocheckpoint", LOG_PAGES, |_| Ok(()))?;
        if let Some(most) = config.most_bytes {
            let page: u64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
            connection.pragma_update_and_check(None, "max_page_count", (most / page).max(1), |_| Ok(()))?;
        }
    }
    connection.pragma_update_and_check(None, "mmap_size", config.mapped_bytes, |_| Ok(()))?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// The version of the tables of a file; none if it is new.
fn version(connection: &Connection, place: &str) -> Result<Option<u32>, Error> {
    let wrong = |error: rusqlite::Error| failed(place, error);
    let number =
        |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).map_err(wrong);
    let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get::<_, i64>(0));
    let (tables, application) = (tables.map_err(wrong)?, number("application_id")?);
    let place = place.to_owned();
    if tables == 0 && application == 0 {
        return Ok(None);
    }
    if application != i64::from(APPLICATION) {
        return Err(Error::Damaged { place, reason: "it is a database of another program".to_owned() });
    }
    match u32::try_from(number("user_version")?).unwrap_or_default() {
        found if found > VERSION => Err(Error::Newer { place, found, known: VERSION }),
        0 => Err(Error::Damaged { place, reason: "there is no version 0".to_owned() }),
        found => Ok(Some(found)),
    }
}

/// What of the tables is not as a new file has it.
pub(super) fn differences(connection: &Connection) -> Result<Vec<String>, rusqlite::Error> {
    let fresh = Connection::open_in_memory()?;
    sum::register(&fresh)?;
    fresh.execute_batch(TABLES)?;
    let (there, expected) = (shape(connection)?, shape(&fresh)?);
    let missing = expected.iter().filter(|part| !there.contains(*part));
    Ok(missing.map(|part| format!("not as it should be: {part}")).collect())
}

/// Columns of tables, and how indexes and the words are made. Tables that were migrated are written otherwise.
fn shape(connection: &Connection) -> Result<BTreeSet<String>, rusqlite::Error> {
    const COLUMNS: &str = "SELECT t.name || '.' || c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' || c.pk \
         FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'";
    const INDEXES: &str = "SELECT type || ' ' || name || ' ' || tbl_name || ' ' || coalesce(sql, '') FROM sqlite_schema \
         WHERE type <> 'table' OR sql LIKE 'CREATE VIRTUAL%'";
    let mut shape = BTreeSet::new();
    for query in [COLUMNS, INDEXES] {
        let mut statement = connection.prepare(query)?;
        let rows = statement.query_map((), |row| row.get::<_, String>(0))?;
        shape.extend(rows.collect::<Result<Vec<_>, _>>()?);
    }
    Ok(shape)
}
