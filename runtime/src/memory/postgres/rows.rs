//! What a transaction writes: the rows of each table together, and everything in one round trip with its end.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use bytes::Bytes;
use tokio_postgres::types::ToSql;

use super::fault::{Fault, Result};
use super::pool::{Asked, Connection};
use super::row::{self, Vector};
use super::view::{Known, State};
use super::words::Words;
use super::write::Writing;
use crate::memory::content::Digested;
use crate::memory::id::Id;
use crate::memory::relation::Relation;

#[derive(Debug)]
pub(super) struct StateRow {
    pub(super) s: i64,
    pub(super) n: i64,
    pub(super) ns: i32,
    pub(super) state: State,
    pub(super) until: Option<i64>,
}

#[derive(Debug)]
pub(super) struct ContentRow {
    pub(super) c: i64,
    pub(super) n: i64,
    pub(super) ns: i32,
    pub(super) kind: i16,
    pub(super) body: Option<Vec<u8>>,
    pub(super) digest: Option<Digested>,
    pub(super) mime: Option<String>,
    pub(super) caption: Option<Vec<u8>>,
}

#[derive(Debug)]
pub(super) struct VectorRow {
    pub(super) v: i64,
    pub(super) n: i64,
    pub(super) id: Id,
    pub(super) ns: i32,
    pub(super) m: i32,
    pub(super) data: Vector,
}

#[derive(Debug)]
pub(super) struct RelationRow {
    pub(super) r: i64,
    pub(super) a: i64,
    pub(super) b: i64,
    pub(super) ns_a: i32,
    pub(super) ns_b: i32,
    pub(super) relation: Relation,
    pub(super) until: Option<i64>,
}

#[derive(Debug)]
pub(super) struct LogRow {
    pub(super) op: i16,
    pub(super) n: Option<i64>,
    pub(super) ns: i32,
    pub(super) state: Option<i64>,
    pub(super) before: Option<i64>,
    pub(super) r: Option<i64>,
}

/// All that is to be written.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) namespaces: Vec<(i32, String)>,
    pub(super) models: Vec<(i32, String, i32)>,
    /// Memories whose row is new, or whose state or use is another.
    pub(super) added: BTreeSet<Id>,
    pub(super) changed: BTreeSet<Id>,
    /// Memories that were removed and are added again in another namespace, with that.
    pub(super) moved: Vec<(i64, i32)>,
    pub(super) states: Vec<StateRow>,
    closed: Vec<i64>,
    pub(super) contents: Vec<ContentRow>,
    pub(super) blobs: BTreeMap<(i32, [u8; 32]), Bytes>,
    pub(super) vectors: Vec<VectorRow>,
    /// The words of memories, and whose have gone.
    pub(super) words: BTreeMap<i64, Option<(i32, Words)>>,
    pub(super) relations: Vec<RelationRow>,
    ended: Vec<i64>,
    pub(super) forgotten: Vec<i64>,
    pub(super) log: Vec<LogRow>,
}

impl Rows {
    /// Ends a state, which may be one that is not written yet. Those are in the order of their numbers.
    pub(super) fn close(&mut self, s: i64, seq: i64) {
        match self.states.binary_search_by_key(&s, |row| row.s) {
            Ok(at) => self.states[at].until = Some(seq),
            Err(_) => self.closed.push(s),
        }
    }

    pub(super) fn end_relation(&mut self, r: i64, seq: i64) {
        match self.relations.binary_search_by_key(&r, |row| row.r) {
            Ok(at) => self.relations[at].until = Some(seq),
            Err(_) => self.ended.push(r),
        }
    }

    /// Nothing of a memory is written, and what is there is erased.
    pub(super) fn forget(&mut self, n: i64, seq: i64) {
        self.states.retain(|row| row.n != n);
        self.contents.retain(|row| row.n != n);
        self.vectors.retain(|row| row.n != n);
        for row in self.relations.iter_mut().filter(|row| row.a == n || row.b == n) {
            row.until.get_or_insert(seq);
            row.relation.provenance = None;
        }
        self.forgotten.push(n);
    }
}

/// Statements with their values.
#[derive(Default)]
struct Script(Vec<(&'static str, Vec<Box<dyn ToSql + Sync>>)>);

type Column = Box<dyn ToSql + Sync>;

fn column<R, T: ToSql + Sync + 'static>(rows: &[R], of: impl Fn(&R) -> T) -> Column {
    Box::new(rows.iter().map(of).collect::<Vec<T>>())
}

impl Script {
    fn add(&mut self, sql: &'static str, values: Vec<Column>) {
        self.0.push((sql, values));
    }

    /// Rows of a table, if there are any.
    fn rows<R>(&mut self, sql: &'static str, rows: &[R], columns: impl FnOnce(&[R]) -> Vec<Column>) {
        if !rows.is_empty() {
            self.add(sql, columns(rows));
        }
    }
}

/// Writes everything, and ends the transaction.
pub(super) fn commit(connection: &mut Connection, writing: &Writing<'_>) -> Result<()> {
    let script = script(writing);
    let mut asked: Vec<Asked<'_>> = script.0.iter().map(|(sql, values)| question(sql, values)).collect();
    asked.push(Asked::plain("COMMIT"));
    connection.prepare(&asked)?;
    let in_doubt = |fault: Fault| if fault.is_lost() { Fault::Doubt(Box::new(fault)) } else { fault };
    connection.all(&asked).map(drop).map_err(in_doubt)
}

fn question<'a>(sql: &'a str, values: &'a [Column]) -> Asked<'a> {
    Asked { sql, values: values.iter().map(|value| &**value).collect() }
}

fn script(writing: &Writing<'_>) -> Script {
    let mut script = Script::default();
    names(&mut script, &writing.rows);
    nodes(&mut script, writing);
    moved(&mut script, &writing.rows);
    states(&mut script, &writing.rows, writing.seq);
    contents(&mut script, &writing.rows);
    vectors(&mut script, writing);
    apart(&mut script, writing);
    relations(&mut script, &writing.rows, writing.seq);
    words(&mut script, writing);
    forgotten(&mut script, writing);
    ends(&mut script, writing);
    script
}

fn names(script: &mut Script, rows: &Rows) {
    const NAMESPACES: &str = "INSERT INTO namespaces (ns, path) SELECT * FROM unnest($1::int[], $2::text[])";
    script.rows(NAMESPACES, &rows.namespaces, |rows| {
        vec![column(rows, |row| row.0), column(rows, |row| row.1.clone())]
    });
    const MODELS: &str =
        "INSERT INTO models (m, name, dimension) SELECT * FROM unnest($1::int[], $2::bytea[], $3::int[])";
    script.rows(MODELS, &rows.models, |rows| {
        let name = column(rows, |row| row.1.clone().into_bytes());
        vec![column(rows, |row| row.0), name, column(rows, |row| row.2)]
    });
}

fn nodes(script: &mut Script, writing: &Writing<'_>) {
    const ADD: &str = "INSERT INTO nodes (n, id, ns, kind, created, last_access, accesses, current) \
         SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::int[], $4::smallint[], $5::bigint[], $6::bigint[], \
         $7::bigint[], $8::bigint[]) ON CONFLICT (n) DO UPDATE SET ns = excluded.ns, kind = excluded.kind, \
         created = excluded.created, last_access = excluded.last_access, accesses = excluded.accesses, \
         current = excluded.current";
    const CHANGE: &str = "UPDATE nodes k SET last_access = t.last_access, accesses = t.accesses, current = t.current \
         FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) t (n, last_access, accesses, current) \
         WHERE k.n = t.n";
    let current = |known: &Known| known.current.as_ref().map(|(s, _)| *s);
    let [added, changed] = writing.nodes();
    let added: Vec<(Id, &Known)> = added.into_iter().collect();
    script.rows(ADD, &added, |rows| {
        vec![
            column(rows, |(_, known)| known.n),
            column(rows, |(id, _)| row::key(*id)),
            column(rows, |(_, known)| known.ns),
            column(rows, |(_, known)| i16::from(known.kind.number())),
            column(rows, |(_, known)| known.created),
            column(rows, |(_, known)| known.last_access),
            column(rows, |(_, known)| known.accesses),
            column(rows, |(_, known)| current(known)),
        ]
    });
    let changed: Vec<&Known> = changed.into_values().collect();
    script.rows(CHANGE, &changed, |rows| {
        vec![
            column(rows, |known| known.n),
            column(rows, |known| known.last_access),
            column(rows, |known| known.accesses),
            column(rows, |known| current(known)),
        ]
    });
}

/// What is left of memories goes where they are now. One after the other: they may have media in common.
fn moved(script: &mut Script, rows: &Rows) {
    const MEDIA: &str = "WITH moved AS (UPDATE contents c SET ns = $2 FROM contents o \
           WHERE c.n = $1 AND o.c = c.c AND o.ns <> $2 RETURNING o.ns AS was, c.digest), \
         copied AS (INSERT INTO blobs (ns, digest, bytes) SELECT DISTINCT ON (o.digest) $2::int, o.digest, o.bytes \
           FROM moved m JOIN blobs o ON o.ns = m.was AND o.digest = m.digest ON CONFLICT DO NOTHING) \
         DELETE FROM blobs o USING moved m WHERE o.ns = m.was AND o.digest = m.digest AND NOT EXISTS \
           (SELECT 1 FROM contents c WHERE c.ns = o.ns AND c.digest = o.digest AND c.n <> $1)";
    // None of its vectors is live: nothing is to be counted.
    const OTHERS: [&str; 5] = [
        "UPDATE states SET ns = $2 WHERE n = $1",
        "UPDATE vectors SET ns = $2 WHERE n = $1",
        "UPDATE relations SET ns_a = $2 WHERE a = $1",
        "UPDATE relations SET ns_b = $2 WHERE b = $1",
        "UPDATE log SET ns = $2 WHERE n = $1 AND ns <> $2",
    ];
    for (n, ns) in &rows.moved {
        for sql in [MEDIA].into_iter().chain(OTHERS) {
            script.add(sql, vec![Box::new(*n), Box::new(*ns)]);
        }
    }
}

fn states(script: &mut Script, rows: &Rows, seq: i64) {
    const ADD: &str = "INSERT INTO states (s, n, ns, since, until, status, version, importance, valid_from, valid_to, \
         updated, ended, expires, c, v, provenance, metadata) \
         SELECT t.s, t.n, t.ns, $1::bigint, t.until, t.status, t.version, t.importance, t.valid_from, t.valid_to, t.updated, \
         t.ended, t.expires, t.c, t.v, t.provenance, t.metadata::bytea[] \
         FROM unnest($2::bigint[], $3::bigint[], $4::int[], $5::bigint[], $6::smallint[], $7::bigint[], $8::real[], \
         $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], \
         $16::text[], $17::text[]) t (s, n, ns, until, status, version, importance, valid_from, valid_to, updated, ended, \
         expires, c, v, provenance, metadata)";
    script.rows(ADD, &rows.states, |rows| {
        vec![
            Box::new(seq),
            column(rows, |row| row.s),
            column(rows, |row| row.n),
            column(rows, |row| row.ns),
            column(rows, |row| row.until),
            column(rows, |row| row::status(row.state.status)),
            column(rows, |row| row.state.version),
            column(rows, |row| row.state.importance),
            column(rows, |row| row::micros(row.state.valid.from)),
            column(rows, |row| row::micros(row.state.valid.to)),
            column(rows, |row| row.state.updated.micros()),
            column(rows, |row| row::micros(row.state.ended)),
            column(rows, |row| row::micros(row.state.expires)),
            column(rows, |row| row.state.content),
            column(rows, |row| row.state.vector),
            column(rows, |row| row.state.provenance.clone()),
            column(rows, |row| row.state.metadata.clone()),
        ]
    });
    const CLOSE: &str = "UPDATE states SET until = $1 WHERE s = ANY($2::bigint[])";
    script.rows(CLOSE, &rows.closed, |rows| vec![Box::new(seq), column(rows, |s| *s)]);
}

fn contents(script: &mut Script, rows: &Rows) {
    const ADD: &str = "INSERT INTO contents (c, n, ns, type, body, digest, mime, caption) SELECT * FROM \
         unnest($1::bigint[], $2::bigint[], $3::int[], $4::smallint[], $5::bytea[], $6::bytea[], $7::text[], $8::bytea[])";
    script.rows(ADD, &rows.contents, |rows| {
        vec![
            column(rows, |row| row.c),
            column(rows, |row| row.n),
            column(rows, |row| row.ns),
            column(rows, |row| row.kind),
            column(rows, |row| row.body.clone()),
            column(rows, |row| row.digest.map(|digest| digest.as_bytes().to_vec())),
            column(rows, |row| row.mime.clone()),
            column(rows, |row| row.caption.clone()),
        ]
    });
    const BLOBS: &str = "INSERT INTO blobs (ns, digest, bytes) SELECT * FROM unnest($1::int[], $2::bytea[], $3::bytea[]) \
         ON CONFLICT DO NOTHING";
    // Of what is forgotten again there is no content any more.
    let meant = rows.contents.iter().filter_map(|row| Some((row.ns, *row.digest.as_ref()?.as_bytes())));
    let meant: HashSet<(i32, [u8; 32])> = meant.collect();
    let blobs: Vec<_> = rows.blobs.iter().filter(|(key, _)| meant.contains(key)).collect();
    script.rows(BLOBS, &blobs, |rows| {
        let digest = column(rows, |((_, digest), _)| digest.to_vec());
        vec![column(rows, |((ns, _), _)| *ns), digest, column(rows, |(_, bytes)| bytes.to_vec())]
    });
}

fn vectors(script: &mut Script, writing: &Writing<'_>) {
    const ADD: &str = "WITH added AS (INSERT INTO vectors (v, n, id, ns, m, is_live, data) SELECT * FROM \
         unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::int[], $5::int[], $6::boolean[], $7::vector[]) \
         RETURNING ns, m, is_live) \
         INSERT INTO tally AS y (ns, m, live) SELECT ns, m, count(*) FILTER (WHERE is_live) FROM added GROUP BY ns, m \
         ON CONFLICT (ns, m) DO UPDATE SET live = y.live + excluded.live";
    // After what is added: that is as it has to be already.
    const TURN: &str = "WITH turned AS (UPDATE vectors SET is_live = v = ANY($2::bigint[]) \
         WHERE n = ANY($1::bigint[]) AND is_live <> (v = ANY($2::bigint[])) RETURNING ns, m, is_live) \
         INSERT INTO tally AS y (ns, m, live) SELECT ns, m, sum(CASE WHEN is_live THEN 1 ELSE -1 END) FROM turned \
         GROUP BY ns, m ON CONFLICT (ns, m) DO UPDATE SET live = y.live + excluded.live";
    let (live, there) = writing.live_vectors();
    script.rows(ADD, &writing.rows.vectors, |rows| {
        vec![
            column(rows, |row| row.v),
            column(rows, |row| row.n),
            column(rows, |row| row::key(row.id)),
            column(rows, |row| row.ns),
            column(rows, |row| row.m),
            column(rows, |row| live.contains(&row.v)),
            column(rows, |row| row.data.clone()),
        ]
    });
    script.rows(TURN, &there, |rows| {
        vec![column(rows, |n| *n), Box::new(live.iter().copied().collect::<Vec<i64>>())]
    });
}

/// Ends the relations of what is forgotten, before others take their names.
fn apart(script: &mut Script, writing: &Writing<'_>) {
    const SEEN: &str = "UPDATE relations SET until = coalesce(until, $2), provenance = NULL \
         WHERE a = ANY($1::bigint[]) OR b = ANY($1::bigint[])";
    // Those that lead to what a role does not see.
    const HIDDEN: &str = "SELECT apart($1::bigint[]) WHERE row_security_active('relations')";
    let rows = &writing.rows.forgotten;
    script.rows(SEEN, rows, |rows| vec![column(rows, |n| *n), Box::new(writing.seq)]);
    script.rows(HIDDEN, rows, |rows| vec![column(rows, |n| *n)]);
}

fn relations(script: &mut Script, rows: &Rows, seq: i64) {
    const ADD: &str = "INSERT INTO relations (r, id, a, kind, b, ns_a, ns_b, weight, valid_from, valid_to, created, since, \
         until, provenance) SELECT t.r, t.id, t.a, t.kind, t.b, t.ns_a, t.ns_b, t.weight, t.valid_from, t.valid_to, \
         t.created, $1::bigint, t.until, t.provenance FROM unnest($2::bigint[], $3::uuid[], $4::bigint[], $5::text[], \
         $6::bigint[], $7::int[], $8::int[], $9::real[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], \
         $14::text[]) t (r, id, a, kind, b, ns_a, ns_b, weight, valid_from, valid_to, created, until, provenance)";
    // What has ended first: the same may be related again.
    const END: &str = "UPDATE relations SET until = $1 WHERE r = ANY($2::bigint[])";
    script.rows(END, &rows.ended, |rows| vec![Box::new(seq), column(rows, |r| *r)]);
    script.rows(ADD, &rows.relations, |rows| {
        vec![
            Box::new(seq),
            column(rows, |row| row.r),
            column(rows, |row| row::key(row.relation.id)),
            column(rows, |row| row.a),
            column(rows, |row| row.relation.kind.name()),
            column(rows, |row| row.b),
            column(rows, |row| row.ns_a),
            column(rows, |row| row.ns_b),
            column(rows, |row| row.relation.weight),
            column(rows, |row| row::micros(row.relation.valid.from)),
            column(rows, |row| row::micros(row.relation.valid.to)),
            column(rows, |row| row.relation.created.micros()),
            column(rows, |row| row.until),
            column(rows, |row| row.relation.provenance.as_ref().map(row::provenance_text)),
        ]
    });
}

fn words(script: &mut Script, writing: &Writing<'_>) {
    const DROP: &str = "WITH gone AS (DELETE FROM words WHERE n = ANY($1::bigint[]) RETURNING length) \
         UPDATE head SET documents = head.documents - g.documents, tokens = head.tokens - g.tokens \
         FROM (SELECT count(*) AS documents, coalesce(sum(length), 0) AS tokens FROM gone) g";
    const ADD: &str = "INSERT INTO words (n, ns, length, terms, repeated) \
         SELECT t.n, t.ns, t.length, t.terms::tsvector, t.repeated::jsonb \
         FROM unnest($1::bigint[], $2::int[], $3::int[], $4::text[], $5::text[]) t (n, ns, length, terms, repeated)";
    let words = &writing.rows.words;
    let there: Vec<i64> = words.keys().copied().filter(|n| *n <= writing.before.n).collect();
    script.rows(DROP, &there, |rows| vec![column(rows, |n| *n)]);
    let added: Vec<_> =
        words.iter().filter_map(|(n, words)| words.as_ref().map(|(ns, words)| (*n, *ns, words))).collect();
    script.rows(ADD, &added, |rows| {
        vec![
            column(rows, |row| row.0),
            column(rows, |row| row.1),
            column(rows, |row| row.2.length),
            column(rows, |row| row.2.terms.clone()),
            column(rows, |row| row.2.repeated.clone()),
        ]
    });
}

fn forgotten(script: &mut Script, writing: &Writing<'_>) {
    const VECTORS: &str = "WITH gone AS (DELETE FROM vectors WHERE n = ANY($1::bigint[]) RETURNING ns, m, is_live) \
         UPDATE tally y SET live = y.live - g.live FROM \
         (SELECT ns, m, count(*) FILTER (WHERE is_live) AS live FROM gone GROUP BY ns, m) g \
         WHERE y.ns = g.ns AND y.m = g.m";
    const BLOBS: &str = "WITH gone AS (DELETE FROM contents WHERE n = ANY($1::bigint[]) RETURNING c, ns, digest) \
         DELETE FROM blobs o USING gone g WHERE o.ns = g.ns AND o.digest = g.digest AND NOT EXISTS \
         (SELECT 1 FROM contents c WHERE c.ns = o.ns AND c.digest = o.digest AND c.n <> ALL($1::bigint[]))";
    const STATES: &str = "DELETE FROM states WHERE n = ANY($1::bigint[]) AND since < $2";
    let rows = &writing.rows.forgotten;
    for sql in [VECTORS, BLOBS] {
        script.rows(sql, rows, |rows| vec![column(rows, |n| *n)]);
    }
    script.rows(STATES, rows, |rows| vec![column(rows, |n| *n), Box::new(writing.seq)]);
}

/// The log, and the commit itself.
fn ends(script: &mut Script, writing: &Writing<'_>) {
    const LOG: &str = "INSERT INTO log (seq, ord, op, n, ns, state, before, r) \
         SELECT $1::bigint, t.ord - 1, t.op, t.n, t.ns, t.state, t.before, t.r FROM unnest($2::smallint[], $3::bigint[], \
         $4::int[], $5::bigint[], $6::bigint[], $7::bigint[]) WITH ORDINALITY t (op, n, ns, state, before, r, ord)";
    const COMMIT: &str = "INSERT INTO commits (seq, at, undoes, entries) VALUES ($1, $2, $3, $4)";
    const UNDONE: &str = "UPDATE commits SET undone = $2 WHERE seq = $1";
    const NOTE: &str = "INSERT INTO notes (seq, note) VALUES ($1, $2)";
    const HEAD: &str = "UPDATE head SET seq = $1, at = $2, ns = $3, m = $4, n = $5, s = $6, c = $7, v = $8, r = $9, \
         documents = documents + $10, tokens = tokens + $11";
    let (seq, at) = (writing.seq, writing.at.micros());
    script.rows(LOG, &writing.rows.log, |rows| {
        vec![
            Box::new(seq),
            column(rows, |row| row.op),
            column(rows, |row| row.n),
            column(rows, |row| row.ns),
            column(rows, |row| row.state),
            column(rows, |row| row.before),
            column(rows, |row| row.r),
        ]
    });
    let entries = i32::try_from(writing.rows.log.len()).unwrap_or(i32::MAX);
    script.add(COMMIT, vec![Box::new(seq), Box::new(at), Box::new(writing.undoes), Box::new(entries)]);
    if let Some(undoes) = writing.undoes {
        script.add(UNDONE, vec![Box::new(undoes), Box::new(seq)]);
    }
    if let Some(note) = writing.note {
        script.add(NOTE, vec![Box::new(seq), Box::new(note.as_bytes().to_vec())]);
    }
    let head = &writing.view.head;
    let added = || writing.rows.words.values().flatten();
    let documents = i64::try_from(added().count()).unwrap_or(i64::MAX);
    let tokens: i64 = added().map(|(_, words)| i64::from(words.length)).sum();
    let numbers: [i64; 5] = [head.n, head.s, head.c, head.v, head.r];
    let mut values: Vec<Column> = vec![Box::new(seq), Box::new(at), Box::new(head.ns), Box::new(head.m)];
    values.extend(numbers.map(|number| Box::new(number) as Column));
    values.extend([Box::new(documents) as Column, Box::new(tokens)]);
    script.add(HEAD, values);
}
