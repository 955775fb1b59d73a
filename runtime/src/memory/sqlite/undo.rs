//! The opposite of a transaction, as a new one.

use rusqlite::{OptionalExtension, Transaction, params};

use super::row;
use super::write::{Fault, Op, Writing};
use crate::memory::store::{Commit, Committed, Seen};
use crate::memory::{Error, Settings};

type Result<T> = std::result::Result<T, Fault>;

/// An entry of the log.
struct Entry {
    op: u8,
    n: Option<i64>,
    state: Option<i64>,
    before: Option<i64>,
    r: Option<i64>,
}

pub(super) fn undo(transaction: &Transaction<'_>, settings: &Settings, commit: Commit) -> Result<Committed> {
    let no = |reason: &str| Fault::from(Error::NotUndone { commit, reason: reason.to_owned() });
    const COMMIT: &str = "SELECT undone FROM commits WHERE seq = ?1";
    let found: Option<Option<u64>> =
        transaction.prepare_cached(COMMIT)?.query_row([commit.0], |row| row.get(0)).optional()?;
    match found {
        None => return Err(no("there is no such commit, or its log is compacted")),
        Some(Some(by)) => return Err(no(&format!("commit {by} has undone it"))),
        Some(None) => {}
    }
    let entries = entries(transaction, commit)?;
    if entries.iter().any(|entry| entry.op == Op::Forget as u8) {
        return Err(no("it forgot something, of which nothing is left"));
    }
    let at = settings.clock.now();
    let mut writing = Writing::begin(transaction, settings, at, None, Some(commit.0))?;
    entries.iter().rev().try_for_each(|entry| one(&mut writing, entry))?;
    const UNDONE: &str = "UPDATE commits SET undone = ?2 WHERE seq = ?1";
    transaction.prepare_cached(UNDONE)?.execute(params![commit.0, writing.seq])?;
    Ok(writing.committed())
}

fn entries(transaction: &Transaction<'_>, commit: Commit) -> Result<Vec<Entry>> {
    const QUERY: &str = "SELECT op, n, state, before, r FROM log WHERE seq = ?1 ORDER BY ord";
    let mut statement = transaction.prepare_cached(QUERY)?;
    let rows = statement.query_map([commit.0], |row| {
        Ok(Entry { op: row.get(0)?, n: row.get(1)?, state: row.get(2)?, before: row.get(3)?, r: row.get(4)? })
    })?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

fn one(writing: &mut Writing<'_>, entry: &Entry) -> Result<()> {
    if let Some(r) = entry.r {
        return relation(writing, entry.op, r);
    }
    let Some(n) = entry.n else { return Ok(()) };
    let query = format!("SELECT {} FROM {} WHERE k.n = ?1 AND s.s = k.current", row::NODE, row::TABLES);
    let mut statement = writing.transaction.prepare_cached(&query)?;
    let current = statement.query_row([n], |found| row::node(writing.transaction, found)).optional()?;
    drop(statement);
    let Some(current) = current else {
        // What was removed is there again; what is not there any more need not be removed.
        return match (entry.state, entry.before) {
            (None, Some(before)) => writing.revive(n, before).and_then(|()| index(writing, n)),
            _ => Ok(()),
        };
    };
    if entry.state != Some(current.s) && !is_ours(writing, current.s)? {
        let (id, found) = (current.node.id, Seen::Version(current.node.version));
        return Err(Error::Conflict { id, expected: version_of(writing, entry.state)?, found }.into());
    }
    writing.unindex(n, &current.node)?;
    match entry.before {
        None => {
            is_alone(writing, n)?;
            writing.close(current.s)?;
            writing.set_current(n, None)?;
            writing.log(Op::Remove, Some(n), [None, Some(current.s)], None)
        }
        Some(before) => {
            writing.restore(n, current.s, before)?;
            index(writing, n)
        }
    }
}

/// The words of a node as it is now.
fn index(writing: &Writing<'_>, n: i64) -> Result<()> {
    let query = format!("SELECT {} FROM {} WHERE k.n = ?1 AND s.s = k.current", row::NODE, row::TABLES);
    let mut statement = writing.transaction.prepare_cached(&query)?;
    let node = statement.query_row([n], |found| row::node(writing.transaction, found))?.node;
    writing.index(n, &node)
}

/// Whether a state was made by this transaction: a later change of the same memory is undone already.
fn is_ours(writing: &Writing<'_>, s: i64) -> Result<bool> {
    let mut statement = writing.transaction.prepare_cached("SELECT since FROM states WHERE s = ?1")?;
    let since: u64 = statement.query_row([s], |row| row.get(0))?;
    Ok(since == writing.seq)
}

fn version_of(writing: &Writing<'_>, s: Option<i64>) -> Result<Seen> {
    let mut statement = writing.transaction.prepare_cached("SELECT version FROM states WHERE s = ?1")?;
    let version = statement.query_row([s], |row| row.get(0)).optional()?;
    Ok(version.map_or(Seen::Nothing, Seen::Version))
}

fn relation(writing: &mut Writing<'_>, op: u8, r: i64) -> Result<()> {
    if op == Op::Relate as u8 {
        // By its name: what was undone and done again stands in another row.
        const END: &str = "UPDATE relations SET until = ?2 \
             WHERE id = (SELECT id FROM relations WHERE r = ?1) AND until IS NULL";
        // It may have ended meanwhile, with a memory that was forgotten.
        if writing.transaction.prepare_cached(END)?.execute(params![r, writing.seq])? == 0 {
            return Ok(());
        }
        return writing.log(Op::Unrelate, None, [None, None], Some(r));
    }
    let query = format!(
        "SELECT {} FROM relations r JOIN nodes x ON x.n = r.a JOIN nodes y ON y.n = r.b WHERE r.r = ?1",
        row::RELATION
    );
    let ended = writing.transaction.prepare_cached(&query)?.query_row([r], row::relation)?;
    // As it could not be related now, it cannot be related again.
    writing.relate(&ended).map_err(|fault| match fault {
        Fault::Ours(error) => no(writing, &format!("{} cannot be related again: {error}", ended.id)),
        other => other,
    })
}

fn no(writing: &Writing<'_>, reason: &str) -> Fault {
    Error::NotUndone { commit: Commit(writing.undoes.unwrap_or_default()), reason: reason.to_owned() }.into()
}

/// Fails when a node that is to be removed is an end of what stays.
fn is_alone(writing: &Writing<'_>, n: i64) -> Result<()> {
    const QUERY: &str = "SELECT 1 FROM relations WHERE until IS NULL AND (a = ?1 OR b = ?1)";
    match writing.transaction.prepare_cached(QUERY)?.exists([n])? {
        true => Err(no(writing, "a memory that it added is related to others since")),
        false => Ok(()),
    }
}
