//! The opposite of a transaction, as a new one.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};

use super::log::{self, Entry};
use super::put::Known;
use super::row::{self, Read};
use super::write::{About, Fault, Writing};
use super::{read, sum};
use crate::memory::store::op::Op;
use crate::memory::store::{Commit, Committed, Seen};
use crate::memory::{Error, Settings};

type Result<T> = std::result::Result<T, Fault>;

pub(super) fn undo(connection: &Connection, settings: &Settings, commit: Commit) -> Result<Committed> {
    let no = |reason: &str| Fault::from(Error::NotUndone { commit, reason: reason.to_owned() });
    const COMMIT: &str = "SELECT undone FROM commits WHERE seq = ?1";
    let found: Option<Option<u64>> =
        connection.prepare_cached(COMMIT)?.query_row([commit.number()], |row| row.get(0)).optional()?;
    match found {
        None => return Err(no("there is no such commit, or its log is compacted")),
        Some(Some(by)) => return Err(no(&format!("commit {by} has undone it"))),
        Some(None) => {}
    }
    if commit <= read::horizon(connection)? {
        return Err(no("its log is compacted"));
    }
    let entries = log::of(connection, commit)?;
    if entries.iter().any(|entry| Op::Forget.is(entry.op)) {
        return Err(no("it forgot something, of which nothing is left"));
    }
    // What somebody else has changed since comes before what cannot be undone for another reason.
    unchanged(connection, &entries)?;
    let at = settings.clock.now();
    let about = About { at, note: None, undoes: Some(commit.0) };
    let mut writing = Writing::begin(connection, settings, Known::read(connection)?, about);
    // What was changed twice goes back once, to what was before the first time.
    let mut seen = BTreeSet::new();
    let first: Vec<&Entry> = entries.iter().filter(|entry| entry.n.is_none_or(|n| seen.insert(n))).collect();
    first.into_iter().rev().try_for_each(|entry| one(&mut writing, entry))?;
    let undone = format!("{} WHERE seq = ?1", sum::set("commits", &[("undone", "?2")]));
    connection.prepare_cached(&undone)?.execute(params![commit.0, writing.seq])?;
    Ok(writing.end()?.committed)
}

/// Fails when what the transaction left is not there any more, but something else.
fn unchanged(connection: &Connection, entries: &[Entry]) -> Result<()> {
    let mut seen = BTreeSet::new();
    for entry in entries.iter().rev() {
        let Some(n) = entry.n else { continue };
        // What it changed twice, it left as it was after the last time.
        if !seen.insert(n) {
            continue;
        }
        let Some(current) = current(connection, n)? else { continue };
        if entry.state != Some(current.s) {
            let (id, found) = (current.node.id, Seen::Version(current.node.version));
            return Err(Error::Conflict { id, expected: version_of(connection, entry.state)?, found }.into());
        }
    }
    Ok(())
}

fn current(connection: &Connection, n: i64) -> Result<Option<Read>> {
    let query = format!("{} WHERE k.n = ?1 AND s.s = k.current", *row::NODES);
    let mut statement = connection.prepare_cached(&query)?;
    Ok(statement.query_row([n], |found| row::node(connection, found)).optional()?)
}

fn one(writing: &mut Writing<'_>, entry: &Entry) -> Result<()> {
    if let Some(r) = entry.r {
        return relation(writing, entry, r);
    }
    let Some(n) = entry.n else { return Ok(()) };
    let Some(current) = current(writing.connection, n)? else {
        // What was removed is there again; what is not there any more need not be removed.
        return match (entry.state, entry.before) {
            (None, Some(before)) => writing.revive(n, before).and_then(|()| index(writing, n)),
            _ => Ok(()),
        };
    };
    writing.unindex(n, &current.node)?;
    match entry.before {
        None => {
            is_alone(writing, n)?;
            writing.close(current.s)?;
            writing.set_current(n, None)?;
            writing.log(Op::Remove, Some(n), [None, Some(current.s)], None);
            Ok(())
        }
        Some(before) => {
            writing.restore(n, current.s, before)?;
            index(writing, n)
        }
    }
}

/// The words of a node as it is now.
fn index(writing: &Writing<'_>, n: i64) -> Result<()> {
    match current(writing.connection, n)? {
        Some(current) => writing.index(n, &current.node),
        None => Ok(()),
    }
}

fn version_of(connection: &Connection, s: Option<i64>) -> Result<Seen> {
    let mut statement = connection.prepare_cached("SELECT version FROM states WHERE s = ?1")?;
    let version = statement.query_row([s], |row| row.get(0)).optional()?;
    Ok(version.map_or(Seen::Nothing, Seen::Version))
}

fn relation(writing: &mut Writing<'_>, entry: &Entry, r: i64) -> Result<()> {
    if Op::Relate.is(entry.op) {
        // By its name: what was undone and done again stands in another row.
        let end = sum::set("relations", &[("until", "?2")]);
        let end =
            format!("{end} WHERE id = (SELECT id FROM relations WHERE r = ?1) AND until IS NULL RETURNING r");
        let mut end = writing.connection.prepare_cached(&end)?;
        let ended = end.query_row(params![r, writing.seq], |row| row.get::<_, i64>(0)).optional()?;
        // It may have ended meanwhile, with a memory that was forgotten.
        if let Some(ended) = ended {
            writing.log(Op::Unrelate, None, [None, None], Some(ended));
        }
        return Ok(());
    }
    let ended = format!("{} WHERE r.r = ?1", *row::RELATIONS);
    let ended = writing.connection.prepare_cached(&ended)?.query_row([r], row::relation)?;
    // As it could not be related now, it cannot be related again.
    writing.relate(&ended).map_err(|fault| match fault {
        Fault::Ours(error) => no(writing, &format!("{} cannot be related again: {error}", ended.id)),
        other => other,
    })
}

fn no(writing: &Writing<'_>, reason: &str) -> Fault {
    Error::NotUndone { commit: Commit(writing.about.undoes.unwrap_or_default()), reason: reason.to_owned() }
        .into()
}

/// Fails when a node that is to be removed is an end of what stays.
fn is_alone(writing: &Writing<'_>, n: i64) -> Result<()> {
    const QUERY: &str = "SELECT 1 FROM relations WHERE until IS NULL AND (a = ?1 OR b = ?1)";
    match writing.connection.prepare_cached(QUERY)?.exists([n])? {
        true => Err(no(writing, "a memory that it added is related to others since")),
        false => Ok(()),
    }
}
