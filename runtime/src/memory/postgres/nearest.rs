//! The nearest vectors: all that are meant are compared where they are few, an index is asked where they are many.
//!
//! The index finds candidates by its own arithmetic; what is told is the cosine in 64 bits, so that it is the same
//! however it was found. An index that has found fewer than are asked for has not looked far enough: then all are compared.
//!
//! The server compares with squares of 32 bits. Those of very short vectors are zero, and of very long ones infinite: such odd
//! vectors, which nearly never are, have an index of their own, and are all compared here.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_postgres::Row;

use super::fault::{Fault, Result};
use super::filter::{Where, is_plain};
use super::pool::{Asked, Connection};
use super::row::{self, Vector};
use crate::memory::store::{Match, Nearest, Search, best, comparable, cosine, finite, unit};
use crate::memory::{Id, Namespace};

/// What comparing one vector costs, in microseconds, beside a candidate of the index (384 numbers; both measured).
const COMPARED: f64 = 1.1;
const CANDIDATE: f64 = 14.0;
/// The most candidates that an index looks at for a question.
const WIDEST: usize = 1000;
/// Vectors whose cosine differs by less may be in another order by the arithmetic of the server.
const CLOSE: f64 = 1e-5;

/// What was there of a model, of late: it decides what is faster, and never what is true. Asked for again after a while.
#[derive(Debug, Default)]
pub(super) struct Hints(Mutex<HashMap<Scope, (Instant, Model)>>);

/// Of a model, in a namespace, and below it or not.
type Scope = (String, Namespace, bool);

/// How long a hint is good, and how many are kept.
const LATE: Duration = Duration::from_secs(2);
const HINTS: usize = 1000;

impl Hints {
    fn of(&self, connection: &mut Connection, asked: &Nearest<'_>) -> Result<Option<Model>> {
        let key = (asked.to.model.clone(), asked.filter.namespace.clone(), asked.filter.below);
        let held = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = held().get(&key).filter(|(at, _)| at.elapsed() < LATE).map(|(_, model)| *model);
        if known.is_some() {
            return Ok(known);
        }
        let model = model(connection, asked)?;
        if let Some(model) = model {
            let mut held = held();
            if held.len() >= HINTS {
                held.clear();
            }
            held.insert(key, (Instant::now(), model));
        }
        Ok(model)
    }
}

/// What there is of a model.
#[derive(Debug, Clone, Copy)]
struct Model {
    m: i32,
    dimension: usize,
    is_indexed: bool,
    /// How many live vectors it has, and how many of them in the namespaces that are meant.
    live: i64,
    meant: i64,
}

impl Model {
    /// Whether those that are meant are better looked up than all gone through. The server knows not which namespaces are meant
    /// when it decides that, and takes them for many.
    fn has_few(&self) -> bool {
        self.meant < self.live / 2
    }
}

pub(super) fn nearest(connection: &mut Connection, hints: &Hints, asked: &Nearest<'_>) -> Result<Vec<Match>> {
    finite(&asked.to.vector)?;
    let Some(model) = hints.of(connection, asked)? else { return Ok(Vec::new()) };
    comparable(asked.to.vector.len(), model.dimension)?;
    let most = asked.most;
    if let Some(width) = width(asked.search, &model, most) {
        let [candidates, odd] = by_index(connection, asked, &model, width)?;
        if candidates.len() >= most {
            return told(&candidates, &odd, asked);
        }
    }
    let [rows, odd] = exact(connection, asked, &model)?;
    told(&rows, &odd, asked)
}

fn model(connection: &mut Connection, asked: &Nearest<'_>) -> Result<Option<Model>> {
    let mut conditions = Where::default();
    let name = conditions.value(asked.to.model.as_bytes().to_vec());
    conditions.namespace("y.ns", &asked.filter.namespace, asked.filter.below);
    let query = format!(
        "SELECT m.m, m.dimension, coalesce((SELECT indisvalid FROM pg_index \
           WHERE indexrelid = to_regclass('vectors_hnsw_' || m.m)), false), \
         (SELECT coalesce(sum(y.live), 0)::bigint FROM tally y WHERE y.m = m.m), \
         (SELECT coalesce(sum(y.live), 0)::bigint FROM tally y WHERE y.m = m.m AND {}) \
         FROM models m WHERE m.name = {name}",
        conditions.text()
    );
    let rows = connection.query(&query, &conditions.values())?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Model {
        m: row.try_get(0)?,
        dimension: usize::try_from(row.try_get::<_, i32>(1)?).map_err(Fault::wrong)?,
        is_indexed: row.try_get(2)?,
        live: row.try_get(3)?,
        meant: row.try_get(4)?,
    }))
}

/// How many candidates the index has to look at, if it is to be asked. It looks at so many more as are not meant; what
/// a filter says beside the namespace is not counted before.
#[expect(clippy::cast_precision_loss, reason = "numbers of vectors, of which the first digits count")]
fn width(search: Search, model: &Model, most: usize) -> Option<usize> {
    let Search::Recall(recall) = search else { return None };
    // Measured on vectors of real text: 0.952, 0.979, 0.993 and 0.996 of the nearest ten.
    let width = match recall {
        ..=0.9 => 40,
        ..=0.95 => 80,
        ..=0.98 => 160,
        ..=0.99 => 200,
        ..=0.995 => 400,
        _ => return None,
    };
    let width = width.max(most.saturating_mul(2));
    let share = model.meant as f64 / (model.live.max(1)) as f64;
    let asked = CANDIDATE * (width as f64).max(most as f64 / share.max(1e-9));
    (model.is_indexed && width <= WIDEST && COMPARED * model.meant as f64 > asked).then_some(width)
}

/// What is read of a candidate, and from where: of vectors alone if the filter says no more than they know.
fn tables(asked: &Nearest<'_>, conditions: &mut Where) -> &'static str {
    conditions.and("v.is_live".to_owned());
    conditions.namespace("v.ns", &asked.filter.namespace, asked.filter.below);
    if is_plain(asked.filter) {
        return "vectors v";
    }
    "vectors v JOIN nodes k ON k.n = v.n JOIN states s ON s.s = k.current"
}

fn conditions(asked: &Nearest<'_>) -> Where {
    if is_plain(asked.filter) { Where::default() } else { Where::of(asked.filter, None) }
}

/// More than are asked for, so that those are among them whose order is another by our arithmetic.
const BESIDE: usize = 16;

/// All that are meant, compared; those that may be among the nearest, and the odd ones.
fn exact(connection: &mut Connection, asked: &Nearest<'_>, model: &Model) -> Result<[Vec<Row>; 2]> {
    let mut all = asked.most.saturating_add(BESIDE);
    let [mut rows, odd] = first(connection, asked, model, all)?;
    // So many of them may stand where they do not belong.
    let most = asked.most.saturating_add(odd.len());
    if most >= all && rows.len() == all {
        all = most.saturating_add(BESIDE);
        [rows, _] = first(connection, asked, model, all)?;
    }
    let far = |at: usize| rows.get(at).map(|row| row.try_get::<_, f64>(2)).transpose();
    // The last of them is as near as the last that is asked for: there may be more that are.
    match (far(most.saturating_sub(1))?, far(all - 1)?) {
        (Some(edge), Some(last)) if last - edge <= CLOSE || edge.is_nan() => {
            Ok([within(connection, asked, model, edge + CLOSE)?, odd])
        }
        _ => Ok([rows, odd]),
    }
}

/// A question for the vectors that the server cannot compare.
fn odd(asked: &Nearest<'_>, model: &Model) -> (String, Where) {
    let mut conditions = conditions(asked);
    let model = conditions.value(model.m);
    let is_plain = is_plain(asked.filter);
    if is_plain {
        conditions.namespace("v.ns", &asked.filter.namespace, asked.filter.below);
    }
    let mut meant = conditions.text();
    if !is_plain {
        // For one after the other: the server believes that they are many.
        meant = format!(
            "EXISTS (SELECT FROM nodes k JOIN states s ON s.s = k.current WHERE k.n = v.n AND {meant} OFFSET 0)"
        );
    }
    // As the index says it, or it is not used.
    let odd = "v.is_live AND vector_norm(v.data) NOT BETWEEN 1e-15 AND 1e15";
    (format!("SELECT v.id, v.data FROM vectors v WHERE v.m = {model} AND {odd} AND {meant}"), conditions)
}

/// The first of all that are meant, and the odd ones, in one round trip.
fn first(
    connection: &mut Connection,
    asked: &Nearest<'_>,
    model: &Model,
    most: usize,
) -> Result<[Vec<Row>; 2]> {
    let (odd, meant) = odd(asked, model);
    let mut conditions = compared(asked, model);
    let most = conditions.1.value(i64::try_from(most).unwrap_or(i64::MAX));
    let (tables, conditions, to) = conditions;
    // Vectors themselves are read of the first alone: what is sorted is copied.
    let query = format!(
        "SELECT w.id, w.data, f.far FROM (SELECT v.v, v.data <=> {to}::vector AS far FROM {tables} WHERE {} \
         ORDER BY far LIMIT {most}) f JOIN vectors w ON w.v = f.v ORDER BY f.far",
        conditions.text()
    );
    let found = Asked { sql: &query, values: conditions.values() };
    let odd = Asked { sql: &odd, values: meant.values() };
    if model.has_few() {
        // The server keeps the plan of a statement, whatever was set when it was made: this has to be one of its own.
        let few = format!("{query} /* few */");
        let set = "SELECT set_config('enable_seqscan', 'off', true)";
        return apart(connection, Asked::plain(set), [Asked { sql: &few, ..found }, odd]);
    }
    answers(connection, [found, odd])
}

/// Asks both with settings of their own. They decide how the server finds, and never what.
fn apart(connection: &mut Connection, set: Asked<'_>, asked: [Asked<'_>; 2]) -> Result<[Vec<Row>; 2]> {
    let [found, odd] = asked;
    let script = [Asked::plain(super::read::BEGIN), set, found, odd, Asked::plain("COMMIT")];
    let [_, _, found, odd, _] = answers(connection, script)?;
    Ok([found, odd])
}

fn answers<const N: usize>(connection: &mut Connection, asked: [Asked<'_>; N]) -> Result<[Vec<Row>; N]> {
    let short = |_| Fault::wrong("the server has answered less than it was asked");
    connection.all(&asked)?.try_into().map_err(short)
}

/// All that are not farther away.
fn within(connection: &mut Connection, asked: &Nearest<'_>, model: &Model, far: f64) -> Result<Vec<Row>> {
    let (tables, mut conditions, to) = compared(asked, model);
    let far = conditions.value(far);
    conditions.and(format!("v.data <=> {to}::vector <= {far}"));
    let query = format!("SELECT v.id, v.data FROM {tables} WHERE {}", conditions.text());
    connection.query(&query, &conditions.values())
}

/// Where vectors are that are compared, which they are, and the place of what they are compared with.
fn compared(asked: &Nearest<'_>, model: &Model) -> (&'static str, Where, String) {
    let mut conditions = conditions(asked);
    let tables = tables(asked, &mut conditions);
    let model = conditions.value(model.m);
    conditions.and(format!("v.m = {model}"));
    let to = conditions.value(Vector(unit(&asked.to.vector)));
    (tables, conditions, to)
}

/// The candidates that the index of a model has, and the odd ones.
fn by_index(
    connection: &mut Connection,
    asked: &Nearest<'_>,
    model: &Model,
    width: usize,
) -> Result<[Vec<Row>; 2]> {
    let (odd, meant) = odd(asked, model);
    let mut conditions = conditions(asked);
    let tables = tables(asked, &mut conditions);
    let Model { m, dimension, .. } = model;
    // As the index says it, or it is not used.
    conditions.and(format!("v.m = {m}"));
    let to = conditions.value(Vector(unit(&asked.to.vector)));
    let most = conditions.value(i64::try_from(asked.most).unwrap_or(i64::MAX));
    let kind = indexed_as(*dimension);
    let query = format!(
        "SELECT v.id, v.data FROM {tables} WHERE {} ORDER BY v.data::{kind}({dimension}) <=> {to}::vector::{kind}({dimension}) \
         LIMIT {most}",
        conditions.text()
    );
    // It is decided that the index is asked: the server, which knows nothing of what comparing costs, is not.
    let set = "SELECT set_config('hnsw.iterative_scan', 'strict_order', true), set_config('hnsw.ef_search', $1, true), \
               set_config('enable_sort', 'off', true)";
    let width = width.to_string();
    let found = Asked { sql: &query, values: conditions.values() };
    apart(connection, Asked::new(set, &[&width]), [found, Asked { sql: &odd, values: meant.values() }])
}

/// The type by which vectors of so many numbers are indexed.
pub(super) fn indexed_as(dimension: usize) -> &'static str {
    if dimension > 2000 { "halfvec" } else { "vector" }
}

/// The best of them, by the arithmetic of all stores. The odd ones may be there twice.
fn told(rows: &[Row], odd: &[Row], asked: &Nearest<'_>) -> Result<Vec<Match>> {
    let to = unit(&asked.to.vector);
    let mut found: HashMap<Id, Match> = HashMap::with_capacity(rows.len());
    for row in rows.iter().chain(odd) {
        let (id, Vector(vector)) = (row::id(row.try_get(0)?), row.try_get(1)?);
        found.insert(id, Match { id, score: cosine(&to, &unit(&vector)) });
    }
    Ok(best(found.into_values().collect(), asked.most))
}
