//! Finding memories.
//!
//! What one statement reads is of one moment. Whether the state of a commit is kept is asked after it was read: what is
//! kept later was kept before.

use tokio_postgres::Row;

use super::fault::{Fault, Result};
use super::filter::{Where, order};
use super::pool::{Asked, Connection};
use super::row;
use crate::memory::id::Id;
use crate::memory::node::{Embedding, MemoryNode};
use crate::memory::relation::{Relation, RelationKind};
use crate::memory::store::{Change, Commit, Direction, Filter, Item, Logged, Page, Stored, op};
use crate::memory::{Error, Namespace};

/// A transaction whose statements all read the state of one moment.
pub(super) const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const HORIZON: &str = "SELECT horizon FROM head";
const HEAD: &str = "SELECT seq FROM head";

pub(super) fn head(connection: &mut Connection) -> Result<Commit> {
    commit(connection.query(HEAD, &[])?.first())
}

fn commit(row: Option<&Row>) -> Result<Commit> {
    let row = row.ok_or_else(|| Fault::wrong("there is no head"))?;
    Ok(Commit(row.try_get::<_, i64>(0)?.cast_unsigned()))
}

/// Fails when the state at a commit is not kept.
fn is_kept(horizon: &[Row], at: Commit) -> Result<()> {
    let earliest = commit(horizon.first())?;
    if at < earliest { Err(Error::Gone { commit: at, earliest }.into()) } else { Ok(()) }
}

/// The rows that are asked for, if the state at a commit is kept.
fn kept(connection: &mut Connection, asked: Asked<'_>, at: Commit) -> Result<Vec<Row>> {
    let mut answers = connection.all(&[asked, Asked::plain(HORIZON)])?;
    is_kept(&answers.pop().unwrap_or_default(), at)?;
    Ok(answers.pop().unwrap_or_default())
}

pub(super) fn nodes(connection: &mut Connection, ids: &[Id], at: Commit) -> Result<Vec<MemoryNode>> {
    let query = format!(
        "SELECT {}, i.at FROM unnest($1::uuid[]) WITH ORDINALITY i (id, at) JOIN nodes k ON k.id = i.id \
         JOIN states s ON s.n = k.n AND s.since <= $2 AND (s.until IS NULL OR s.until > $2) {} ORDER BY i.at",
        row::NODE,
        row::TABLES.trim_start_matches("states s JOIN nodes k ON k.n = s.n")
    );
    let (ids, seq) = (row::keys(ids.iter().copied()), at.number());
    let rows = kept(connection, Asked::new(&query, &[&ids, &seq]), at)?;
    rows.iter().map(|found| row::node(found, 0).map(|read| read.node)).collect()
}

pub(super) fn find(connection: &mut Connection, filter: &Filter, at: Commit) -> Result<Vec<MemoryNode>> {
    let mut conditions = Where::of(filter, Some(at));
    let Page { order: by, skip, most } = filter.page;
    let most = conditions.value(i64::try_from(most).unwrap_or(i64::MAX));
    let skip = conditions.value(i64::try_from(skip).unwrap_or(i64::MAX));
    let query = format!(
        "SELECT {} FROM {} WHERE {} ORDER BY {} LIMIT {most} OFFSET {skip}",
        row::NODE,
        row::TABLES,
        conditions.text(),
        order(by)
    );
    let rows = kept(connection, Asked { sql: &query, values: conditions.values() }, at)?;
    rows.iter().map(|found| row::node(found, 0).map(|read| read.node)).collect()
}

pub(super) fn ids(connection: &mut Connection, filter: &Filter) -> Result<Vec<Id>> {
    let conditions = Where::of(filter, None);
    let query =
        format!("SELECT k.id FROM nodes k JOIN states s ON s.s = k.current WHERE {}", conditions.text());
    let rows = connection.query(&query, &conditions.values())?;
    rows.iter().map(|found| Ok(row::id(found.try_get(0)?))).collect()
}

pub(super) fn relations(
    connection: &mut Connection,
    ids: &[Id],
    kinds: &[RelationKind],
    direction: Direction,
    at: Commit,
) -> Result<Vec<Relation>> {
    let query = |end: &str| {
        format!(
            "SELECT {} FROM relations r JOIN nodes x ON x.n = r.a JOIN nodes y ON y.n = r.b \
             WHERE {end}.id = ANY($1::uuid[]) AND r.since <= $2 AND (r.until IS NULL OR r.until > $2)",
            row::RELATION
        )
    };
    let (out, into) = (query("x"), query("y"));
    let (keys, seq) = (row::keys(ids.iter().copied()), at.number());
    let asked = [Asked::new(&out, &[&keys, &seq]), Asked::new(&into, &[&keys, &seq]), Asked::plain(HORIZON)];
    let mut answers = connection.all(&asked)?;
    is_kept(&answers.pop().unwrap_or_default(), at)?;
    // A symmetric relation is stored from one end, and leads both ways.
    let is_asked = [direction != Direction::In, direction != Direction::Out];
    let mut found = Vec::new();
    for (rows, is_asked) in answers.iter().zip(is_asked) {
        for relation in rows.iter().map(|found| row::relation(found, 0)) {
            let relation = relation?;
            let is_meant =
                kinds.is_empty() || kinds.iter().any(|kind| kind.canonical().kind == relation.kind);
            if is_meant && (is_asked || relation.kind.is_symmetric()) {
                found.push(relation);
            }
        }
    }
    found.sort_by_key(|relation| relation.id);
    found.dedup_by_key(|relation| relation.id);
    Ok(found)
}

/// Begins to read what is not held in memory together: a transaction, and what it asks first.
pub(super) fn begin(connection: &mut Connection) -> Result<()> {
    connection.query(BEGIN, &[]).map(drop)
}

pub(super) fn vectors(
    connection: &mut Connection,
    model: &str,
    take: &mut dyn FnMut(Stored) -> std::result::Result<(), Error>,
) -> Result<Commit> {
    const QUERY: &str = "SELECT v.id, v.data FROM vectors v JOIN models m ON m.m = v.m \
         WHERE m.name = $1 AND v.is_live ORDER BY v.id";
    let mut rows = Box::pin(connection.stream(QUERY, &[&model.as_bytes()])?);
    while let Some(found) = connection.next(&mut rows)? {
        let row::Vector(vector) = found.try_get(1)?;
        let embedding = Embedding { model: model.to_owned(), vector };
        take(Stored { id: row::id(found.try_get(0)?), embedding })?;
    }
    head(connection)
}

/// Everything at a commit, in the order of names.
pub(super) fn all(
    connection: &mut Connection,
    at: Commit,
    take: &mut dyn FnMut(Item) -> std::result::Result<(), Error>,
) -> Result<()> {
    is_kept(&connection.query(HORIZON, &[])?, at)?;
    let at = at.number();
    let nodes = format!(
        "SELECT {} FROM {} WHERE s.since <= $1 AND (s.until IS NULL OR s.until > $1) ORDER BY k.id",
        row::NODE,
        row::TABLES
    );
    let mut rows = Box::pin(connection.stream(&nodes, &[&at])?);
    while let Some(found) = connection.next(&mut rows)? {
        take(Item::Node(Box::new(row::node(&found, 0)?.node)))?;
    }
    let relations = format!(
        "SELECT {} FROM relations r JOIN nodes x ON x.n = r.a JOIN nodes y ON y.n = r.b \
         WHERE r.since <= $1 AND (r.until IS NULL OR r.until > $1) ORDER BY x.id, r.id",
        row::RELATION
    );
    let mut rows = Box::pin(connection.stream(&relations, &[&at])?);
    while let Some(found) = connection.next(&mut rows)? {
        take(Item::Relation(Box::new(row::relation(&found, 0)?)))?;
    }
    Ok(())
}

pub(super) fn log(
    connection: &mut Connection,
    after: Commit,
    take: &mut dyn FnMut(Logged) -> std::result::Result<(), Error>,
) -> Result<()> {
    is_kept(&connection.query(HORIZON, &[])?, after)?;
    let query = format!(
        "SELECT l.seq, e.at, l.op, l.r, u.id, l.before, {}, {} FROM log l JOIN commits e ON e.seq = l.seq \
         LEFT JOIN nodes u ON u.n = l.n LEFT JOIN relations r ON r.r = l.r \
         LEFT JOIN nodes x ON x.n = r.a LEFT JOIN nodes y ON y.n = r.b \
         LEFT JOIN ({}) ON s.s = l.state WHERE l.seq > $1 ORDER BY l.seq, l.ord",
        row::RELATION,
        row::NODE,
        row::TABLES
    );
    let mut rows = Box::pin(connection.stream(&query, &[&after.number()])?);
    while let Some(found) = connection.next(&mut rows)? {
        let (commit, at) =
            (Commit(found.try_get::<_, i64>(0)?.cast_unsigned()), row::timestamp(found.try_get(1)?)?);
        if let Some(change) = change(&found)? {
            take(Logged { commit, at, change })?;
        }
    }
    Ok(())
}

/// Where in an entry of the log a relation begins, and a node.
const RELATION_FROM: usize = 6;
const NODE_FROM: usize = RELATION_FROM + 9;

/// The change of an entry, from the state that it made. A state that is gone was forgotten.
fn change(found: &Row) -> Result<Option<Change>> {
    let op: i16 = found.try_get(2)?;
    if found.try_get::<_, Option<i64>>(3)?.is_some() {
        if found.try_get::<_, Option<uuid::Uuid>>(RELATION_FROM)?.is_none() {
            return Ok(None);
        }
        let relation = row::relation(found, RELATION_FROM)?;
        return Ok(Some(op::of_relation(op, relation)));
    }
    let Some(id) = found.try_get::<_, Option<uuid::Uuid>>(4)?.map(row::id) else { return Ok(None) };
    if found.try_get::<_, Option<uuid::Uuid>>(NODE_FROM)?.is_none() {
        return Ok(Some(op::of_nothing(op, id)));
    }
    let is_first = found.try_get::<_, Option<i64>>(5)?.is_none();
    Ok(Some(op::of_state(op, is_first, id, row::node(found, NODE_FROM)?.node)))
}

pub(super) fn namespaces(connection: &mut Connection) -> Result<Vec<Namespace>> {
    const QUERY: &str = "SELECT path FROM namespaces p WHERE EXISTS \
         (SELECT 1 FROM nodes k WHERE k.ns = p.ns AND k.current IS NOT NULL) ORDER BY path";
    let rows = connection.query(QUERY, &[])?;
    rows.iter().map(|found| Ok(Namespace::new(found.try_get::<_, String>(0)?)?)).collect()
}
