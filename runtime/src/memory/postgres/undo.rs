//! The opposite of a transaction, as a new one.

use std::collections::{BTreeSet, HashMap};

use super::fault::{Fault, Result};
use super::pool::{Asked, Connection};
use super::row::{self, Read};
use super::schema;
use super::view::{self, State, View, Wanted};
use super::write::Writing;
use crate::memory::id::Id;
use crate::memory::node::MemoryNode;
use crate::memory::relation::Relation;
use crate::memory::store::op::Op;
use crate::memory::store::{Commit, Seen};
use crate::memory::{Error, Settings};

/// An entry of the log.
struct Entry {
    op: i16,
    n: Option<i64>,
    state: Option<i64>,
    before: Option<i64>,
    r: Option<i64>,
}

/// What stood before a transaction, and what it left.
struct Past {
    entries: Vec<Entry>,
    /// States that are to come back, as the memory was then.
    whole: HashMap<i64, MemoryNode>,
    states: HashMap<i64, State>,
    relations: HashMap<i64, Relation>,
}

fn no(commit: Commit, reason: impl Into<String>) -> Fault {
    Error::NotUndone { commit, reason: reason.into() }.into()
}

/// Makes the opposite of a commit. The caller writes it.
pub(super) fn undo<'a>(
    connection: &mut Connection,
    settings: &'a Settings,
    commit: Commit,
) -> Result<Writing<'a>> {
    let past = past(connection, commit)?;
    let mut wanted = Wanted::default();
    for entry in &past.entries {
        wanted.numbers.extend(entry.n);
        wanted.around.extend(entry.n.filter(|_| entry.before.is_none()));
    }
    for relation in past.relations.values() {
        wanted.relation(relation);
        wanted.ending(relation.id);
    }
    let view = view::within(connection, &wanted)?;
    // What somebody else has changed since comes before what cannot be undone for another reason.
    unchanged(&view, &past)?;
    let mut writing = Writing::begin(settings, view, settings.clock.now())?;
    writing.undoes = Some(commit.number());
    // What was changed twice goes back once, to what was before the first time.
    let mut seen = BTreeSet::new();
    let first = past.entries.iter().filter(|entry| entry.n.is_none_or(|n| seen.insert(n)));
    let first: Vec<&Entry> = first.collect();
    first.into_iter().rev().try_for_each(|entry| one(&mut writing, &past, commit, entry))?;
    Ok(writing)
}

/// Fails when what the transaction left is not there any more, but something else.
fn unchanged(view: &View, past: &Past) -> Result<()> {
    let mut seen = BTreeSet::new();
    for entry in past.entries.iter().rev() {
        // What it changed twice, it left as it was after the last time.
        let Some(n) = entry.n.filter(|n| seen.insert(*n)) else { continue };
        let Some(id) = view.names.get(&n).copied() else { continue };
        let current = view.nodes.get(&id).and_then(|known| known.current.as_ref());
        let Some((_, state)) = current.filter(|(s, _)| entry.state != Some(*s)) else { continue };
        let version = |state: &State| Seen::Version(state.version.cast_unsigned());
        let expected = entry.state.and_then(|state| past.states.get(&state));
        let expected = expected.map_or(Seen::Nothing, version);
        return Err(Error::Conflict { id, expected, found: version(state) }.into());
    }
    Ok(())
}

fn past(connection: &mut Connection, commit: Commit) -> Result<Past> {
    const COMMIT: &str =
        "SELECT undone, seq <= (SELECT horizon FROM head), entries FROM commits WHERE seq = $1";
    const ENTRIES: &str = "SELECT op, n, state, before, r FROM log WHERE seq = $1 ORDER BY ord";
    let seq = commit.number();
    let asked = [Asked::new(COMMIT, &[&seq]), Asked::new(ENTRIES, &[&seq])];
    let mut begun = Vec::from(schema::BEGIN);
    begun.extend(asked);
    let mut answers = connection.all(&begun)?;
    let (rows, found) = (answers.pop().unwrap_or_default(), answers.pop().unwrap_or_default());
    match found.first().map(|row| row.try_get::<_, Option<i64>>(0)).transpose()? {
        None => return Err(no(commit, "there is no such commit, or its log is compacted")),
        Some(Some(by)) => return Err(no(commit, format!("commit {by} has undone it"))),
        Some(None) => {}
    }
    if found.first().is_some_and(|row| row.get(1)) {
        return Err(no(commit, "its log is compacted"));
    }
    let entries: Vec<Entry> = rows.iter().map(entry).collect::<Result<_>>()?;
    let all = found.first().map(|row| row.try_get::<_, i32>(2)).transpose()?;
    if all.and_then(|all| usize::try_from(all).ok()) != Some(entries.len()) {
        return Err(no(commit, "it changed something that is not seen here"));
    }
    if entries.iter().any(|entry| Op::Forget.is(entry.op)) {
        return Err(no(commit, "it forgot something, of which nothing is left"));
    }
    read(connection, entries)
}

fn entry(row: &tokio_postgres::Row) -> Result<Entry> {
    Ok(Entry {
        op: row.try_get(0)?,
        n: row.try_get(1)?,
        state: row.try_get(2)?,
        before: row.try_get(3)?,
        r: row.try_get(4)?,
    })
}

fn read(connection: &mut Connection, entries: Vec<Entry>) -> Result<Past> {
    let before: Vec<i64> = entries.iter().filter_map(|entry| entry.before).collect();
    let states: Vec<i64> = entries.iter().flat_map(|entry| [entry.before, entry.state]).flatten().collect();
    let relations: Vec<i64> = entries.iter().filter_map(|entry| entry.r).collect();
    let whole = format!("SELECT {} FROM {} WHERE s.s = ANY($1::bigint[])", row::NODE, row::TABLES);
    const STATES: &str = "SELECT s.s, s.status, s.version, s.importance, s.valid_from, s.valid_to, s.updated, s.ended, \
         s.expires, s.c, s.v, s.provenance, s.metadata::text FROM states s WHERE s.s = ANY($1::bigint[])";
    let ties = format!(
        "SELECT {}, r.r FROM relations r JOIN nodes x ON x.n = r.a JOIN nodes y ON y.n = r.b \
         WHERE r.r = ANY($1::bigint[])",
        row::RELATION
    );
    let asked =
        [Asked::new(&whole, &[&before]), Asked::new(STATES, &[&states]), Asked::new(&ties, &[&relations])];
    let answers = connection.all(&asked)?;
    let [whole, states, relations] = <[_; 3]>::try_from(answers).unwrap_or_default();
    let whole = whole.iter().map(|found| {
        let Read { node, s, .. } = row::node(found, 0)?;
        Ok((s, node))
    });
    let states = states.iter().map(|found| Ok((found.try_get(0)?, view::state(found, 1)?)));
    let relations = relations.iter().map(|found| Ok((found.try_get(9)?, row::relation(found, 0)?)));
    Ok(Past {
        whole: whole.collect::<Result<_>>()?,
        states: states.collect::<Result<_>>()?,
        relations: relations.collect::<Result<_>>()?,
        entries,
    })
}

fn one(writing: &mut Writing<'_>, past: &Past, commit: Commit, entry: &Entry) -> Result<()> {
    if let Some(r) = entry.r {
        return relation(writing, past, commit, entry.op, r);
    }
    let Some(n) = entry.n else { return Ok(()) };
    let Some(id) = writing.view.names.get(&n).copied() else { return Ok(()) };
    let known = writing.view.nodes.get(&id);
    let current = known.and_then(|known| known.current.as_ref()).map(|(s, _)| *s);
    let before = entry.before.and_then(|before| past.states.get(&before));
    let Some(s) = current else {
        // What was removed is there again; what is not there any more need not be removed.
        if let (None, Some(state)) = (entry.state, before) {
            writing.revive(id, state);
            index(writing, past, id, entry);
        }
        return Ok(());
    };
    writing.unindex(n);
    match (entry.before, before) {
        (None, _) => {
            // What is to be removed must not be an end of what stays.
            if writing.view.ties.is_end(n) {
                return Err(no(commit, "a memory that it added is related to others since"));
            }
            writing.remove(id, s);
        }
        (Some(_), Some(state)) => {
            writing.restore(id, s, state);
            index(writing, past, id, entry);
        }
        (Some(_), None) => return Err(no(commit, "what was before it is compacted")),
    }
    Ok(())
}

/// The words of a memory as it is again.
fn index(writing: &mut Writing<'_>, past: &Past, id: Id, entry: &Entry) {
    if let Some(node) = entry.before.and_then(|before| past.whole.get(&before)) {
        writing.index(id, node);
    }
}

fn relation(writing: &mut Writing<'_>, past: &Past, commit: Commit, op: i16, r: i64) -> Result<()> {
    let Some(relation) = past.relations.get(&r) else {
        return Err(no(commit, "a relation of it is compacted, or not seen here"));
    };
    if Op::Relate.is(op) {
        // By its name: what was undone and done again stands in another row. It may have ended meanwhile, with a memory
        // that was forgotten.
        if let Some(tie) = writing.untie(relation.id) {
            writing.log(Op::Unrelate, None, tie.ns, [None, None], Some(tie.r));
        }
        return Ok(());
    }
    // As it could not be related now, it cannot be related again.
    writing.relate(relation).map_err(|fault| match fault {
        Fault::Ours(error) => no(commit, format!("{} cannot be related again: {error}", relation.id)),
        other => other,
    })
}
