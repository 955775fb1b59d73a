//! Looking after the file: what has expired, what is too old, copies, damage, and what is in it.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::row;
use super::write::{Fault, Op, Writing};
use crate::memory::node::Status;
use crate::memory::store::{Census, Commit, Committed, Findings};
use crate::memory::{Error, Settings};

type Result<T> = std::result::Result<T, Fault>;

/// The most findings that are told.
const FINDINGS: usize = 100;

pub(super) fn expire(transaction: &Transaction<'_>, settings: &Settings, most: usize) -> Result<usize> {
    const DUE: &str = "SELECT k.id FROM states s JOIN nodes k ON k.current = s.s \
         WHERE s.until IS NULL AND s.status = 0 AND s.expires IS NOT NULL AND s.expires <= ?1 ORDER BY s.expires LIMIT ?2";
    let now = settings.clock.now();
    let mut statement = transaction.prepare_cached(DUE)?;
    let rows = statement.query_map(params![now.micros(), most as u64], |found| found.get(0).map(row::id))?;
    let due: Vec<_> = rows.collect::<std::result::Result<_, _>>()?;
    drop(statement);
    if due.is_empty() {
        return Ok(0);
    }
    let mut writing = Writing::begin(transaction, settings, now, Some("expired"), None)?;
    due.iter().try_for_each(|id| writing.end(*id, Op::Expire, Status::Expired))?;
    Ok(due.len())
}

pub(super) fn compact(transaction: &Transaction<'_>, settings: &Settings, keep: Duration) -> Result<()> {
    let before = settings.clock.now().minus(keep);
    const HORIZON: &str = "SELECT coalesce(max(seq), 0) FROM commits WHERE at <= ?1";
    let horizon: u64 = transaction.prepare_cached(HORIZON)?.query_row([before.micros()], |row| row.get(0))?;
    // The state at the horizon stays, what is older goes.
    let drop = [
        "DELETE FROM states WHERE until IS NOT NULL AND until <= ?1",
        "DELETE FROM relations WHERE until IS NOT NULL AND until <= ?1",
        "DELETE FROM log WHERE seq <= ?1",
        "UPDATE meta SET value = max(value, ?1) WHERE key = 'horizon'",
    ];
    for drop in drop {
        transaction.prepare_cached(drop)?.execute([horizon])?;
    }
    let loose = [
        "DELETE FROM vectors WHERE v NOT IN (SELECT v FROM states WHERE v IS NOT NULL)",
        "DELETE FROM contents WHERE c NOT IN (SELECT c FROM states WHERE c IS NOT NULL)",
        "DELETE FROM blobs WHERE digest NOT IN (SELECT digest FROM contents WHERE digest IS NOT NULL)",
        "DELETE FROM commits WHERE seq < (SELECT value FROM meta WHERE key = 'horizon')",
    ];
    for loose in loose {
        transaction.prepare_cached(loose)?.execute(())?;
    }
    Ok(())
}

/// Rewrites the file without free pages, and empties the log of the database.
pub(super) fn scrub(connection: &Connection) -> std::result::Result<(), rusqlite::Error> {
    let checkpoint = || connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()));
    checkpoint()?;
    connection.execute_batch("VACUUM")?;
    checkpoint()
}

pub(super) fn backup(connection: &Connection, to: &Path) -> Result<Committed> {
    if to.exists() {
        return Err(Error::invalid("backup", format!("{} is there already", to.display())).into());
    }
    let last = "SELECT seq, at FROM commits ORDER BY seq DESC LIMIT 1";
    let last = connection.query_row(last, (), |found| Ok((found.get(0)?, found.get(1)?))).optional()?;
    let (seq, at): (u64, i64) = last.unwrap_or_default();
    connection.execute("VACUUM INTO ?1", [to.display().to_string()])?;
    Ok(Committed { commit: Commit(seq), at: row::timestamp(1, at)? })
}

pub(super) fn check(connection: &Connection) -> Result<Findings> {
    let mut findings = Vec::new();
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check({FINDINGS})"))?;
    let told = statement.query_map((), |row| row.get::<_, String>(0))?;
    for told in told {
        let told = told?;
        if told != "ok" {
            findings.push(told);
        }
    }
    let queries = [
        (
            "nodes whose state is of another, or ended",
            "SELECT count(*) FROM nodes k LEFT JOIN states s ON s.s = k.current \
             WHERE k.current IS NOT NULL AND (s.s IS NULL OR s.n <> k.n OR s.until IS NOT NULL)",
        ),
        ("states without a node", "SELECT count(*) FROM states WHERE n NOT IN (SELECT n FROM nodes)"),
        (
            "states without their content",
            "SELECT count(*) FROM states WHERE c IS NOT NULL AND c NOT IN (SELECT c FROM contents)",
        ),
        (
            "states without their vector",
            "SELECT count(*) FROM states WHERE v IS NOT NULL AND v NOT IN (SELECT v FROM vectors)",
        ),
        (
            "media without their bytes",
            "SELECT count(*) FROM contents WHERE digest IS NOT NULL \
             AND digest NOT IN (SELECT digest FROM blobs)",
        ),
        (
            "relations without an end",
            "SELECT count(*) FROM relations WHERE a NOT IN (SELECT n FROM nodes) \
             OR b NOT IN (SELECT n FROM nodes)",
        ),
        (
            "vectors of another length than their model has",
            "SELECT count(*) FROM vectors v JOIN models m ON m.m = v.m \
             WHERE length(v.data) <> 4 * m.dimension",
        ),
    ];
    for (what, query) in queries {
        let count: u64 = connection.query_row(query, (), |row| row.get(0))?;
        if count > 0 {
            findings.push(format!("{count} {what}"));
        }
    }
    Ok(Findings(findings))
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
