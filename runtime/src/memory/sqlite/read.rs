//! Finding memories.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use super::log::{self, Done, Entry};
use super::write::Fault;
use super::{row, sum};
use crate::memory::id::Id;
use crate::memory::node::{Embedding, MemoryNode, Status};
use crate::memory::relation::{Relation, RelationKind};
use crate::memory::store::{Change, Commit, Committed, Direction, Filter, Logged, Order, Page, Stored, op};
use crate::memory::{Error, Namespace};

type Result<T> = std::result::Result<T, Fault>;

pub(super) fn head(connection: &Connection) -> Result<Commit> {
    let mut statement = connection.prepare_cached("SELECT coalesce(max(seq), 0) FROM commits")?;
    Ok(Commit(statement.query_row((), |row| row.get(0))?))
}

/// The last commit, and when it was.
pub(super) fn last(connection: &Connection) -> std::result::Result<Committed, rusqlite::Error> {
    let mut last = connection.prepare_cached("SELECT seq, at FROM commits ORDER BY seq DESC LIMIT 1")?;
    let last = last.query_row((), |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let (seq, at): (u64, i64) = last.unwrap_or_default();
    Ok(Committed { commit: Commit(seq), at: row::timestamp(1, at)? })
}

/// The earliest commit whose state is kept.
pub(super) fn horizon(connection: &Connection) -> Result<Commit> {
    let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE key = 'horizon'")?;
    Ok(Commit(statement.query_row((), |row| row.get(0))?))
}

/// Fails when the state at a commit is not kept.
pub(super) fn is_kept(connection: &Connection, commit: Commit) -> Result<()> {
    let earliest = horizon(connection)?;
    if commit < earliest { Err(Error::Gone { commit, earliest }.into()) } else { Ok(()) }
}

pub(super) fn nodes(connection: &Connection, ids: &[Id], at: Commit) -> Result<Vec<MemoryNode>> {
    is_kept(connection, at)?;
    let query = format!("{} WHERE k.id = ?1 AND {}", *row::NODES, row::at("?2"));
    let mut statement = connection.prepare_cached(&query)?;
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        let read = statement.query_row(params![row::key(*id), at.number()], |row| row::node(connection, row));
        found.extend(read.optional()?.map(|read| read.node));
    }
    Ok(found)
}

/// The conditions of a filter, and their values.
pub(super) struct Where {
    conditions: Vec<String>,
    pub(super) values: Vec<Value>,
}

impl Where {
    pub(super) fn of(filter: &Filter, at: Option<Commit>) -> Self {
        let mut this = Self { conditions: Vec::new(), values: Vec::new() };
        this.namespace(filter);
        match at {
            Some(at) => {
                let at = this.value(Value::Integer(at.number()));
                this.conditions.push(row::at(&at));
            }
            None => this.conditions.push("s.s = k.current".to_owned()),
        }
        let numbers = |numbers: Vec<u8>| numbers.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
        if !filter.kinds.is_empty() {
            let kinds = numbers(filter.kinds.iter().map(|kind| kind.number()).collect());
            this.conditions.push(format!("k.kind IN ({kinds})"));
        }
        let statuses = numbers(filter.statuses.iter().map(|status| row::status(*status)).collect());
        this.conditions.push(format!("s.status IN ({statuses})"));
        if let Some(time) = filter.valid_at {
            let time = this.value(Value::Integer(time.micros()));
            this.conditions.push(format!(
                "(s.valid_from IS NULL OR s.valid_from <= {time}) AND (s.valid_to IS NULL OR s.valid_to > {time})"
            ));
        }
        if let Some(time) = filter.unexpired_at() {
            let (time, live) = (this.value(Value::Integer(time.micros())), row::status(Status::Live));
            let lasts = format!("(s.status <> {live} OR s.expires IS NULL OR s.expires > {time})");
            this.conditions.push(lasts);
        }
        for (bound, sign) in [(filter.created.from, ">="), (filter.created.to, "<")] {
            if let Some(bound) = bound {
                let bound = this.value(Value::Integer(bound.micros()));
                this.conditions.push(format!("k.created {sign} {bound}"));
            }
        }
        if let Some(importance) = filter.importance {
            let importance = this.value(Value::Real(f64::from(importance)));
            this.conditions.push(format!("s.importance >= {importance}"));
        }
        this
    }

    /// A namespace alone, or all paths that go on with a slash: those between it and the next character, a zero.
    fn namespace(&mut self, filter: &Filter) {
        let path = filter.namespace.as_str();
        let own = self.value(Value::Text(path.to_owned()));
        let mut paths = format!("path = {own}");
        if filter.below {
            let from = self.value(Value::Text(format!("{path}/")));
            let to = self.value(Value::Text(format!("{path}0")));
            paths = format!("{paths} OR path >= {from} AND path < {to}");
        }
        self.conditions.push(format!("k.ns IN (SELECT ns FROM namespaces WHERE {paths})"));
    }

    pub(super) fn value(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("?{}", self.values.len())
    }

    pub(super) fn text(&self) -> String {
        self.conditions.join(" AND ")
    }
}

fn order(order: Order) -> &'static str {
    match order {
        Order::Oldest => "k.created, k.id",
        Order::Newest => "k.created DESC, k.id DESC",
        Order::Importance => "s.importance DESC, k.id",
        Order::LastAccess => "k.last_access DESC, k.id",
    }
}

pub(super) fn find(connection: &Connection, filter: &Filter, at: Commit) -> Result<Vec<MemoryNode>> {
    is_kept(connection, at)?;
    let query = format!("{} WHERE s.s = ?1", *row::NODES);
    let mut statement = connection.prepare_cached(&query)?;
    let read = |s| Ok(statement.query_row([s], |found| row::node(connection, found))?.node);
    states(connection, filter, at)?.into_iter().map(read).collect()
}

/// The numbers of the states of a page. What they say is read of these alone, and not of all that are sorted.
fn states(connection: &Connection, filter: &Filter, at: Commit) -> Result<Vec<i64>> {
    let conditions = Where::of(filter, Some(at));
    let Page { order: by, skip, most } = filter.page;
    let mut query = format!(
        "SELECT s.s, s.metadata, {} FROM states s JOIN nodes k ON k.n = s.n WHERE {} ORDER BY {}",
        sum::is_whole("states", "s"),
        conditions.text(),
        order(by)
    );
    let is_plain = filter.metadata.is_empty();
    if is_plain {
        let number = |count| i64::try_from(count).unwrap_or(i64::MAX);
        query = format!("{query} LIMIT {} OFFSET {}", number(most), number(skip));
    }
    let mut statement = connection.prepare_cached(&query)?;
    let mut rows = statement.query(params_from_iter(&conditions.values))?;
    let (mut found, mut passed) = (Vec::new(), 0);
    while let (true, Some(row)) = (found.len() < most, rows.next()?) {
        row::whole(row, 2)?;
        // Values are texts of JSON, which the database does not compare.
        if !is_plain && !has_metadata(row, filter)? {
            continue;
        }
        if !is_plain && passed < skip {
            passed += 1;
        } else {
            found.push(row.get(0)?);
        }
    }
    Ok(found)
}

fn has_metadata(row: &Row<'_>, filter: &Filter) -> Result<bool> {
    let there = row::metadata(1, row.get(1)?)?;
    Ok(filter.metadata.iter().all(|(key, value)| there.get(key) == Some(value)))
}

pub(super) fn ids(connection: &Connection, filter: &Filter) -> Result<Vec<Id>> {
    if !filter.metadata.is_empty() {
        let page = Page { order: Order::Oldest, skip: 0, most: usize::MAX };
        let all = Filter { page, ..filter.clone() };
        // What they say may be far more than fits into memory.
        const ID: &str = "SELECT k.id FROM states s JOIN nodes k ON k.n = s.n WHERE s.s = ?1";
        let mut name = connection.prepare_cached(ID)?;
        let states = states(connection, &all, head(connection)?)?.into_iter();
        let names = states.map(|s| name.query_row([s], |found| found.get(0).map(row::id)));
        return Ok(names.collect::<std::result::Result<_, _>>()?);
    }
    let conditions = Where::of(filter, None);
    let query =
        format!("SELECT k.id FROM nodes k JOIN states s ON s.s = k.current WHERE {}", conditions.text());
    let mut statement = connection.prepare_cached(&query)?;
    let rows =
        statement.query_map(params_from_iter(&conditions.values), |found| found.get(0).map(row::id))?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn relations(
    connection: &Connection,
    ids: &[Id],
    kinds: &[RelationKind],
    direction: Direction,
    at: Commit,
) -> Result<Vec<Relation>> {
    is_kept(connection, at)?;
    let ends: &[&str] = match direction {
        Direction::Out => &["x"],
        Direction::In => &["y"],
        Direction::Both => &["x", "y"],
    };
    // A symmetric relation is stored from one end, and leads both ways.
    let mut found: Vec<Relation> = Vec::new();
    for (end, is_asked) in ["x", "y"].map(|end| (end, ends.contains(&end))) {
        let query = format!(
            "{} WHERE {end}.id = ?1 AND r.since <= ?2 AND (r.until IS NULL OR r.until > ?2)",
            *row::RELATIONS
        );
        let mut statement = connection.prepare_cached(&query)?;
        for id in ids {
            let rows = statement.query_map(params![row::key(*id), at.number()], row::relation)?;
            for relation in rows {
                let relation = relation?;
                let is_meant =
                    kinds.is_empty() || kinds.iter().any(|kind| kind.canonical().kind == relation.kind);
                if is_meant && (is_asked || relation.kind.is_symmetric()) {
                    found.push(relation);
                }
            }
        }
    }
    found.sort_by_key(|relation| relation.id);
    found.dedup_by_key(|relation| relation.id);
    Ok(found)
}

pub(super) fn vectors(
    connection: &Connection,
    model: &str,
    take: &mut dyn FnMut(Stored) -> std::result::Result<(), Error>,
) -> Result<Commit> {
    let query = format!(
        "SELECT k.id, v.data, {} FROM nodes k JOIN states s ON s.s = k.current JOIN vectors v ON v.v = s.v \
         JOIN models m ON m.m = v.m WHERE m.name = ?1 AND s.status = 0 ORDER BY k.id",
        sum::is_whole("vectors", "v")
    );
    let mut statement = connection.prepare_cached(&query)?;
    let mut rows = statement.query([model])?;
    while let Some(found) = rows.next()? {
        row::whole(found, 2)?;
        let data = found.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        let embedding = Embedding { model: model.to_owned(), vector: row::floats(data) };
        take(Stored { id: row::id(found.get(0)?), embedding })?;
    }
    head(connection)
}

pub(super) fn log(
    connection: &Connection,
    after: Commit,
    take: &mut dyn FnMut(Logged) -> std::result::Result<(), Error>,
) -> Result<()> {
    is_kept(connection, after)?;
    log::each(connection, after, &mut |done: Done| {
        let (commit, at) = (done.commit, row::timestamp(1, done.at)?);
        for entry in &done.entries {
            if let Some(change) = change(connection, entry)? {
                take(Logged { commit, at, change })?;
            }
        }
        Ok(())
    })
}

/// The change of an entry, from the state that it made. A state that is gone was forgotten.
fn change(connection: &Connection, entry: &Entry) -> Result<Option<Change>> {
    if let Some(r) = entry.r {
        let query = format!("{} WHERE r.r = ?1", *row::RELATIONS);
        let relation = connection.prepare_cached(&query)?.query_row([r], row::relation).optional()?;
        return Ok(relation.map(|relation| op::of_relation(entry.op, relation)));
    }
    let Some(n) = entry.n else { return Ok(None) };
    let id = connection.prepare_cached("SELECT id FROM nodes WHERE n = ?1")?.query_row([n], |row| row.get(0));
    let Some(id) = id.optional()?.map(row::id) else { return Ok(None) };
    let query = format!("{} WHERE s.s = ?1", *row::NODES);
    let state = match entry.state {
        Some(s) => connection
            .prepare_cached(&query)?
            .query_row([s], |found| row::node(connection, found))
            .optional()?,
        None => None,
    };
    let Some(node) = state.map(|read| read.node) else {
        return Ok(Some(op::of_nothing(entry.op, id)));
    };
    Ok(Some(op::of_state(entry.op, entry.before.is_none(), id, node)))
}

pub(super) fn namespaces(connection: &Connection) -> Result<Vec<Namespace>> {
    const QUERY: &str = "SELECT path FROM namespaces p WHERE EXISTS \
         (SELECT 1 FROM nodes k WHERE k.ns = p.ns AND k.current IS NOT NULL) ORDER BY path";
    let mut statement = connection.prepare_cached(QUERY)?;
    let paths = statement.query_map((), |row| row.get::<_, String>(0))?;
    let mut found = Vec::new();
    for path in paths {
        found.push(Namespace::new(path?)?);
    }
    Ok(found)
}
