//! Looking after the store: what has expired, what is too old, indexes, damage, and what is in it.

use std::time::Duration;

use super::fault::{Fault, Result};
use super::nearest::indexed_as;
use super::pool::{Asked, Connection};
use super::row;
use super::schema;
use super::view::{self, Wanted};
use super::write::Writing;
use crate::memory::node::Status;
use crate::memory::store::op::Op;
use crate::memory::store::{Census, Commit, Findings};
use crate::memory::{Error, Settings};

/// Tables that hold something of a memory.
pub(super) const HOLDING: &str = "contents, blobs, vectors, words, states, relations, log, notes";

/// Ends what is due. Nothing to be written: nothing was.
pub(super) fn expire<'a>(
    connection: &mut Connection,
    settings: &'a Settings,
    most: usize,
) -> Result<(Option<Writing<'a>>, usize)> {
    const DUE: &str = "SELECT k.id FROM states s JOIN nodes k ON k.current = s.s \
         WHERE s.until IS NULL AND s.status = 0 AND s.expires IS NOT NULL AND s.expires <= $1 \
         ORDER BY s.expires, k.id LIMIT $2";
    let now = settings.clock.now();
    let (until, limit) = (now.micros(), i64::try_from(most).unwrap_or(i64::MAX));
    let [begin, lock] = schema::BEGIN;
    let mut answers = connection.all(&[begin, lock, Asked::new(DUE, &[&until, &limit])])?;
    let due = answers.pop().unwrap_or_default();
    let due = due.iter().map(|found| Ok(row::id(found.try_get(0)?))).collect::<Result<Vec<_>>>()?;
    if due.is_empty() {
        return Ok((None, 0));
    }
    let mut wanted = Wanted::default();
    wanted.ids.extend(&due);
    let mut writing = Writing::begin(settings, view::within(connection, &wanted)?, now)?;
    writing.note = Some("expired");
    due.iter().try_for_each(|id| writing.end(*id, Op::Expire, Status::Expired))?;
    Ok((Some(writing), due.len()))
}

/// Drops what is older. The caller ends the transaction.
pub(super) fn compact(connection: &mut Connection, settings: &Settings, keep: Duration) -> Result<()> {
    const HORIZON: &str =
        "SELECT greatest((SELECT horizon FROM head), (SELECT max(seq) FROM commits WHERE at <= $1), 0)";
    let before = settings.clock.now().minus(keep).micros();
    let [begin, lock] = schema::BEGIN;
    let mut answers = connection.all(&[begin, lock, Asked::new(HORIZON, &[&before])])?;
    let rows = answers.pop().unwrap_or_default();
    let horizon: i64 = rows.first().ok_or_else(|| Fault::wrong("there is no head"))?.try_get(0)?;
    // The state at the horizon stays, what is older goes.
    let drop = [
        "UPDATE head SET horizon = $1",
        "DELETE FROM states WHERE until IS NOT NULL AND until <= $1",
        "DELETE FROM relations WHERE until IS NOT NULL AND until <= $1",
        "DELETE FROM log WHERE seq <= $1",
        "DELETE FROM commits WHERE seq < $1",
        "DELETE FROM notes WHERE seq < $1",
    ];
    let loose = [
        "DELETE FROM nodes k WHERE current IS NULL AND NOT EXISTS (SELECT 1 FROM states s WHERE s.n = k.n)",
        "DELETE FROM vectors v WHERE NOT EXISTS (SELECT 1 FROM states s WHERE s.n = v.n AND s.v = v.v)",
        "DELETE FROM contents c WHERE NOT EXISTS (SELECT 1 FROM states s WHERE s.n = c.n AND s.c = c.c)",
        "DELETE FROM blobs o WHERE NOT EXISTS (SELECT 1 FROM contents c WHERE c.ns = o.ns AND c.digest = o.digest)",
    ];
    let mut asked: Vec<Asked<'_>> = drop.iter().map(|sql| Asked::new(sql, &[&horizon])).collect();
    asked.extend(loose.iter().map(|sql| Asked::plain(sql)));
    connection.all(&asked).map(|_| ())
}

/// Frees what was deleted, so that no statement reads it and what comes takes its place. The server only warns who may not.
pub(super) fn vacuum(connection: &mut Connection) -> Result<()> {
    const MAY: &str = "SELECT bool_and(pg_has_role(c.relowner, 'USAGE') OR pg_has_role(d.datdba, 'USAGE') OR \
           CASE WHEN current_setting('server_version_num')::int >= 170000 THEN has_table_privilege(c.oid, 'MAINTAIN') \
           ELSE false END) FROM pg_class c, pg_database d WHERE d.datname = current_database() \
         AND c.relnamespace = current_schema()::regnamespace AND c.relname = ANY(string_to_array($1, ', '))";
    let rows = connection.query(MAY, &[&HOLDING])?;
    if rows.first().map(|row| row.try_get(0)).transpose()?.flatten() != Some(true) {
        let reason = "it may not vacuum the tables: what was deleted is there until somebody does";
        return Err(Error::invalid("the role", reason).into());
    }
    connection.run(&format!("VACUUM {HOLDING}"))
}

/// Writes the tables anew, so that nothing of what was deleted is in their files.
pub(super) fn rewrite(connection: &mut Connection) -> Result<()> {
    connection.run(&format!("VACUUM (FULL, ANALYZE) {HOLDING}"))?;
    connection.run("CHECKPOINT")
}

/// Makes the indexes of models that have so many live vectors; how many it made. Others may write meanwhile.
pub(super) fn index(connection: &mut Connection, from: u64) -> Result<usize> {
    const WITHOUT: &str = "SELECT m.m, m.dimension FROM models m WHERE m.dimension <= 4000 \
         AND (SELECT sum(y.live) FROM tally y WHERE y.m = m.m) >= $1::bigint AND NOT coalesce((SELECT indisvalid \
         FROM pg_index WHERE indexrelid = to_regclass('vectors_hnsw_' || m.m)), false) ORDER BY m.m";
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    let rows = connection.query(WITHOUT, &[&from])?;
    for found in &rows {
        let (m, dimension): (i32, i32) = (found.try_get(0)?, found.try_get(1)?);
        let kind = indexed_as(usize::try_from(dimension).map_err(Fault::wrong)?);
        // One that was begun and not ended is no good.
        connection.run(&format!("DROP INDEX IF EXISTS vectors_hnsw_{m}"))?;
        connection.run(&format!(
            "CREATE INDEX CONCURRENTLY vectors_hnsw_{m} ON vectors USING hnsw \
             ((data::{kind}({dimension})) {kind}_cosine_ops) WITH (m = 16, ef_construction = 200) WHERE m = {m} AND is_live"
        ))?;
        // The planner would keep some of them.
        connection.run(&format!("ALTER INDEX vectors_hnsw_{m} ALTER COLUMN 1 SET STATISTICS 0"))?;
    }
    Ok(rows.len())
}

const CHECKS: [(&str, &str); 11] = [
    (
        "nodes whose state is of another, or ended",
        "SELECT count(*) FROM nodes k LEFT JOIN states s ON s.s = k.current \
         WHERE k.current IS NOT NULL AND (s.s IS NULL OR s.n <> k.n OR s.until IS NOT NULL)",
    ),
    (
        "states without a node",
        "SELECT count(*) FROM states s WHERE NOT EXISTS (SELECT 1 FROM nodes k WHERE k.n = s.n)",
    ),
    (
        "states without their content",
        "SELECT count(*) FROM states s WHERE c IS NOT NULL AND NOT EXISTS (SELECT 1 FROM contents c WHERE c.c = s.c)",
    ),
    (
        "states without their vector",
        "SELECT count(*) FROM states s WHERE v IS NOT NULL AND NOT EXISTS (SELECT 1 FROM vectors v WHERE v.v = s.v)",
    ),
    (
        "media without their bytes",
        "SELECT count(*) FROM contents c WHERE digest IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM blobs o WHERE o.ns = c.ns AND o.digest = c.digest)",
    ),
    (
        "relations without an end",
        "SELECT count(*) FROM relations r WHERE NOT EXISTS (SELECT 1 FROM nodes k WHERE k.n = r.a) \
         OR NOT EXISTS (SELECT 1 FROM nodes k WHERE k.n = r.b)",
    ),
    (
        "vectors of another length than their model has",
        "SELECT count(*) FROM vectors v JOIN models m ON m.m = v.m WHERE vector_dims(v.data) <> m.dimension",
    ),
    (
        "vectors that are live and not of a live state, or the reverse",
        "SELECT count(*) FROM vectors v LEFT JOIN (nodes k JOIN states s ON s.s = k.current AND s.status = 0) \
         ON s.v = v.v AND k.n = v.n WHERE v.is_live <> (s.s IS NOT NULL)",
    ),
    (
        "words without a live memory",
        "SELECT count(*) FROM words w WHERE NOT EXISTS \
         (SELECT 1 FROM nodes k JOIN states s ON s.s = k.current WHERE k.n = w.n AND s.status = 0)",
    ),
    (
        "counts of vectors that are wrong",
        "SELECT count(*) FROM (SELECT ns, m, count(*) AS live FROM vectors WHERE is_live GROUP BY ns, m) v \
         FULL JOIN tally y USING (ns, m) WHERE coalesce(v.live, 0) <> coalesce(y.live, 0)",
    ),
    (
        "counts of words that are wrong",
        "SELECT count(*) FROM head h, (SELECT count(*) AS documents, coalesce(sum(length), 0) AS tokens FROM words) w \
         WHERE NOT row_security_active('words') AND (h.documents <> w.documents OR h.tokens <> w.tokens)",
    ),
];

/// Rows have no sums here: what a disk returns wrongly is noticed by the sums of pages, or not at all.
const SUMS: &str = "SELECT current_setting('data_checksums')";
const NO_SUMS: &str = "the server keeps no checksums of pages, so that a damaged one may be believed: stop it, and run \
     pg_checksums --enable on its data";

pub(super) fn check(connection: &mut Connection) -> Result<Findings> {
    let mut asked = vec![Asked::plain(super::read::BEGIN)];
    asked.extend(CHECKS.iter().map(|(_, sql)| Asked::plain(sql)));
    asked.extend([Asked::plain(SUMS), Asked::plain("COMMIT")]);
    let answers = connection.all(&asked)?;
    let mut findings = Vec::new();
    for ((what, _), rows) in CHECKS.iter().zip(answers.iter().skip(1)) {
        match rows.first().map(|found| found.try_get::<_, i64>(0)).transpose()? {
            Some(0) | None => {}
            Some(count) => findings.push(format!("{count} {what}")),
        }
    }
    let sums = answers.get(1 + CHECKS.len()).and_then(|rows| rows.first());
    if sums.map(|found| found.try_get::<_, String>(0)).transpose()?.as_deref() != Some("on") {
        findings.push(NO_SUMS.to_owned());
    }
    Ok(Findings(findings))
}

pub(super) fn census(connection: &mut Connection) -> Result<Census> {
    const COUNTS: &str = "SELECT (SELECT seq FROM head), (SELECT count(*) FROM relations WHERE until IS NULL), \
         (SELECT count(*) FROM states WHERE until IS NOT NULL), (SELECT count(*) FROM blobs), \
         (SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class \
          WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r')";
    const NODES: &str =
        "SELECT s.status, count(*) FROM nodes k JOIN states s ON s.s = k.current GROUP BY s.status";
    const VECTORS: &str = "SELECT m.name, m.dimension, count(*) FROM nodes k JOIN states s ON s.s = k.current \
         JOIN vectors v ON v.v = s.v JOIN models m ON m.m = v.m GROUP BY m.m, m.name, m.dimension ORDER BY m.name";
    let begin = Asked::plain(super::read::BEGIN);
    let questions =
        [begin, Asked::plain(COUNTS), Asked::plain(NODES), Asked::plain(VECTORS), Asked::plain("COMMIT")];
    let answers = connection.all(&questions)?;
    let [_, counts, nodes, vectors, _] = <[_; 5]>::try_from(answers).unwrap_or_default();
    let counts = counts.first().ok_or_else(|| Fault::wrong("there is no head"))?;
    let number = |column: usize| {
        Ok::<_, Fault>(counts.try_get::<_, Option<i64>>(column)?.unwrap_or_default().cast_unsigned())
    };
    let mut census = Census {
        head: Commit(number(0)?),
        relations: number(1)?,
        history: number(2)?,
        blobs: number(3)?,
        bytes: number(4)?,
        ..Census::default()
    };
    for found in &nodes {
        let status = usize::try_from(found.try_get::<_, i16>(0)?).unwrap_or(usize::MAX);
        if let Some(count) = census.nodes.get_mut(status) {
            *count = found.try_get::<_, i64>(1)?.cast_unsigned();
        }
    }
    for found in &vectors {
        let dimension = usize::try_from(found.try_get::<_, i32>(1)?).map_err(Fault::wrong)?;
        let count = found.try_get::<_, i64>(2)?.cast_unsigned();
        census.vectors.push((row::text(found.try_get(0)?)?, dimension, count));
    }
    Ok(census)
}
