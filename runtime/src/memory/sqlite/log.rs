//! What each transaction did, in order: a text in its row of `commits`.
//!
//! Changes are separated by `;`. Each has five numbers, `-` where there is none: the operation, the memory, its state
//! after and before, or the relation.

use std::collections::BTreeSet;
use std::fmt::Write;

use rusqlite::types::Type;
use rusqlite::{Connection, Error, Row};

use super::{row, sum};
use crate::memory::store::Commit;

type Result<T> = std::result::Result<T, Error>;

/// A change.
pub(super) struct Entry {
    pub(super) op: i16,
    pub(super) n: Option<i64>,
    pub(super) state: Option<i64>,
    pub(super) before: Option<i64>,
    pub(super) r: Option<i64>,
}

/// What a transaction did.
pub(super) struct Done {
    pub(super) commit: Commit,
    /// In microseconds.
    pub(super) at: i64,
    pub(super) entries: Vec<Entry>,
}

/// Puts a change at the end of a log.
pub(super) fn push(log: &mut String, entry: &Entry) {
    if !log.is_empty() {
        log.push(';');
    }
    // Writing into a string does not fail.
    let _ = write!(log, "{}", entry.op);
    for number in [entry.n, entry.state, entry.before, entry.r] {
        let _ = match number {
            Some(number) => write!(log, " {number}"),
            None => write!(log, " -"),
        };
    }
}

/// Takes what transactions after a commit did, in order.
pub(super) fn each<E: From<Error>>(
    connection: &Connection,
    after: Commit,
    take: &mut dyn FnMut(Done) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let mut statement = connection.prepare_cached(&query("c.seq > ?1"))?;
    let mut rows = statement.query([after.number()])?;
    while let Some(found) = rows.next()? {
        take(done(found)?)?;
    }
    Ok(())
}

/// What a transaction did.
pub(super) fn of(connection: &Connection, commit: Commit) -> Result<Vec<Entry>> {
    let mut statement = connection.prepare_cached(&query("c.seq = ?1"))?;
    Ok(statement.query_row([commit.number()], done)?.entries)
}

/// The memories that have changed since a commit.
pub(super) fn changed(connection: &Connection, since: Commit) -> Result<BTreeSet<i64>> {
    let mut changed = BTreeSet::new();
    each(connection, since, &mut |done: Done| {
        changed.extend(done.entries.iter().filter_map(|entry| entry.n));
        Ok::<(), Error>(())
    })?;
    Ok(changed)
}

fn query(condition: &str) -> String {
    let whole = sum::is_whole("commits", "c");
    format!("SELECT c.seq, c.at, c.log, {whole} FROM commits c WHERE {condition} ORDER BY c.seq")
}

fn done(found: &Row<'_>) -> Result<Done> {
    row::whole(found, 3)?;
    let log: String = found.get(2)?;
    let entries = log.split_terminator(';').map(entry).collect::<Option<_>>();
    let wrong = || Error::FromSqlConversionFailure(2, Type::Text, "it is no log of a transaction".into());
    Ok(Done { commit: Commit(found.get(0)?), at: found.get(1)?, entries: entries.ok_or_else(wrong)? })
}

fn entry(text: &str) -> Option<Entry> {
    let mut parts = text.split(' ');
    let op = parts.next()?.parse().ok()?;
    let mut number = || match parts.next()? {
        "-" => Some(None),
        number => number.parse().ok().map(Some),
    };
    let entry = Entry { op, n: number()?, state: number()?, before: number()?, r: number()? };
    parts.next().is_none().then_some(entry)
}
