//! Looking after the file: what has expired, what is too old, and what is in it.

use std::time::Duration;

use rusqlite::{Connection, params};

use super::put::Known;
use super::write::{About, Fault, Writing};
use super::{row, sum};
use crate::memory::Settings;
use crate::memory::node::Status;
use crate::memory::store::Census;
use crate::memory::store::op::Op;

type Result<T> = std::result::Result<T, Fault>;

pub(super) fn expire(connection: &Connection, settings: &Settings, most: usize) -> Result<usize> {
    const DUE: &str = "SELECT k.id FROM states s JOIN nodes k ON k.current = s.s \
         WHERE s.until IS NULL AND s.status = 0 AND s.expires IS NOT NULL AND s.expires <= ?1 ORDER BY s.expires, k.id LIMIT ?2";
    let now = settings.clock.now();
    let mut statement = connection.prepare_cached(DUE)?;
    let rows = statement
        .query_map(params![now.micros(), i64::try_from(most).unwrap_or(i64::MAX)], |found| {
            found.get(0).map(row::id)
        })?;
    let due: Vec<_> = rows.collect::<std::result::Result<_, _>>()?;
    drop(statement);
    if due.is_empty() {
        return Ok(0);
    }
    let about = About { at: now, note: Some("expired"), undoes: None };
    let mut writing = Writing::begin(connection, settings, Known::read(connection)?, about);
    due.iter().try_for_each(|id| writing.conclude(*id, Op::Expire, Status::Expired))?;
    writing.end()?;
    Ok(due.len())
}

pub(super) fn compact(connection: &Connection, settings: &Settings, keep: Duration) -> Result<()> {
    let before = settings.clock.now().minus(keep);
    const HORIZON: &str = "SELECT coalesce(max(seq), 0) FROM commits WHERE at <= ?1";
    let horizon: u64 = connection.prepare_cached(HORIZON)?.query_row([before.micros()], |row| row.get(0))?;
    // The state at the horizon stays, what is older goes.
    let drop = [
        "DELETE FROM states WHERE until IS NOT NULL AND until <= ?1",
        "DELETE FROM relations WHERE until IS NOT NULL AND until <= ?1",
    ];
    for drop in drop {
        connection.prepare_cached(drop)?.execute([horizon])?;
    }
    // What is damaged must not be given a sum again.
    let whole = sum::is_whole("commits", "commits");
    let empty = format!("{} WHERE seq <= ?1 AND {whole}", sum::set("commits", &[("log", "''")]));
    connection.execute(&empty, [horizon])?;
    let set = sum::set("meta", &[("value", "max(value, ?1)")]);
    connection.execute(&format!("{set} WHERE key = 'horizon'"), [horizon])?;
    let loose = [
        "DELETE FROM nodes WHERE current IS NULL \
         AND NOT EXISTS (SELECT 1 FROM states s WHERE s.n = nodes.n AND s.until IS NOT NULL)",
        "DELETE FROM vectors WHERE v NOT IN (SELECT v FROM states WHERE v IS NOT NULL)",
        "DELETE FROM contents WHERE c NOT IN (SELECT c FROM states WHERE c IS NOT NULL)",
        "DELETE FROM blobs WHERE digest NOT IN (SELECT digest FROM contents WHERE digest IS NOT NULL)",
        "DELETE FROM commits WHERE seq < (SELECT value FROM meta WHERE key = 'horizon')",
    ];
    for loose in loose {
        connection.prepare_cached(loose)?.execute(())?;
    }
    to_scrub(connection)
}

/// What this transaction deletes is to be erased: if not now, when the store is opened again.
pub(super) fn to_scrub(connection: &Connection) -> Result<()> {
    const MARK: &str =
        "INSERT OR REPLACE INTO meta (key, value, sum) VALUES ('scrub', 1, row_sum('scrub', 1))";
    connection.execute(MARK, ())?;
    Ok(())
}

/// Whether something is deleted and not yet erased.
pub(super) fn is_to_scrub(connection: &Connection) -> std::result::Result<bool, rusqlite::Error> {
    connection.prepare_cached("SELECT 1 FROM meta WHERE key = 'scrub'")?.exists(())
}

/// Erases what was deleted: rewrites the index of words and the file, and empties the log of the database.
pub(super) fn scrub(connection: &Connection) -> std::result::Result<(), rusqlite::Error> {
    // The index keeps words that were deleted as borders between its pages until it is merged, and merges what is more
    // than one piece: a row that is there for a moment makes it so.
    const WORDS: &str = "BEGIN IMMEDIATE; INSERT INTO words (rowid, body) VALUES (0, 'x'); \
         INSERT INTO words (words) VALUES ('optimize'); \
         INSERT INTO words (words, rowid, body) VALUES ('delete', 0, 'x'); COMMIT";
    if let Err(error) = connection.execute_batch(WORDS) {
        if !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK")?;
        }
        return Err(error);
    }
    connection.execute_batch("VACUUM")?;
    let is_busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0))?;
    if is_busy {
        let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
        return Err(rusqlite::Error::SqliteFailure(busy, Some("readers hold its log".to_owned())));
    }
    connection.execute("DELETE FROM meta WHERE key = 'scrub'", ())?;
    Ok(())
}

pub(super) fn census(connection: &Connection) -> Result<Census> {
    let count = |query: &str| connection.query_row(query, (), |row| row.get::<_, u64>(0));
    let mut census = Census {
        head: super::read::head(connection)?,
        relations: count("SELECT count(*) FROM relations WHERE until IS NULL")?,
        history: count("SELECT count(*) FROM states WHERE until IS NOT NULL")?,
        blobs: count("SELECT count(*) FROM blobs")?,
        ..Census::default()
    };
    for (status, count_of) in Status::ALL.iter().zip(&mut census.nodes) {
        const QUERY: &str =
            "SELECT count(*) FROM nodes k JOIN states s ON s.s = k.current WHERE s.status = ?1";
        *count_of = connection.query_row(QUERY, [row::status(*status)], |row| row.get(0))?;
    }
    const VECTORS: &str = "SELECT m.name, m.dimension, count(*) FROM nodes k JOIN states s ON s.s = k.current \
         JOIN vectors v ON v.v = s.v JOIN models m ON m.m = v.m GROUP BY m.m ORDER BY m.name";
    let mut statement = connection.prepare(VECTORS)?;
    let rows =
        statement.query_map((), |row| Ok((row.get(0)?, row.get::<_, u64>(1)? as usize, row.get(2)?)))?;
    census.vectors = rows.collect::<std::result::Result<_, _>>()?;
    let page = count("PRAGMA page_size")?;
    census.bytes = page * count("PRAGMA page_count")?;
    census.free_bytes = page * count("PRAGMA freelist_count")?;
    Ok(census)
}

/// By how many bytes the file may grow before it comes to a limit. Free pages are taken first.
pub(super) fn left(connection: &Connection, most: u64) -> Result<u64> {
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, u64>(0));
    let (page, pages, free) = (number("page_size")?, number("page_count")?, number("freelist_count")?);
    // A limit below what is there already is one at what is there.
    Ok(page * ((most / page).max(pages) - pages + free))
}
