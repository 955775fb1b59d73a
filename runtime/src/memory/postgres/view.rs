//! What a transaction has to know before it changes anything: read in one round trip, so that what follows is done in
//! memory and written in another.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use tokio_postgres::Row;

use super::fault::{Fault, Result};
use super::pool::{Asked, Connection};
use super::row::{self, Columns};
use super::schema;
use crate::memory::Kind;
use crate::memory::id::Id;
use crate::memory::node::{MemoryNode, Status};
use crate::memory::relation::Relation;
use crate::memory::store::{Batch, Change};
use crate::memory::time::{Interval, Timestamp};

/// The last commit, and the last number that was given of each kind.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Head {
    pub(super) seq: i64,
    pub(super) at: i64,
    pub(super) ns: i32,
    pub(super) m: i32,
    pub(super) n: i64,
    pub(super) s: i64,
    pub(super) c: i64,
    pub(super) v: i64,
    pub(super) r: i64,
}

/// A state as it is written: columns of `states` that are not those of the transaction.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) status: Status,
    pub(super) version: i64,
    pub(super) importance: f32,
    pub(super) valid: Interval,
    pub(super) updated: Timestamp,
    pub(super) ended: Option<Timestamp>,
    pub(super) expires: Option<Timestamp>,
    pub(super) content: Option<i64>,
    pub(super) vector: Option<i64>,
    pub(super) provenance: Option<String>,
    pub(super) metadata: Option<String>,
}

/// A memory, without what is stored elsewhere.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) n: i64,
    pub(super) ns: i32,
    pub(super) kind: Kind,
    pub(super) created: i64,
    pub(super) last_access: i64,
    pub(super) accesses: i64,
    /// Its state now, and the number of that. What was removed has none.
    pub(super) current: Option<(i64, State)>,
    /// What it was last, if it was removed.
    pub(super) last: Option<State>,
}

/// A relation that holds.
#[derive(Debug, Clone)]
pub(super) struct Tie {
    pub(super) r: i64,
    pub(super) a: i64,
    pub(super) kind: String,
    pub(super) b: i64,
    pub(super) ns: i32,
}

/// Relations that hold, as far as they matter.
#[derive(Debug, Default)]
pub(super) struct Ties {
    live: HashMap<Id, Tie>,
    by_ends: BTreeMap<(String, i64, i64), Id>,
    /// From where relations lead to where by what is not seen.
    hidden: BTreeSet<(String, i64, i64)>,
    /// What is an end of a relation with what is not seen.
    elsewhere: BTreeSet<i64>,
}

/// What is to be read.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) ids: BTreeSet<Id>,
    pub(super) numbers: BTreeSet<i64>,
    /// Memories that are added: if they are there, they have to be the same.
    added: BTreeSet<Id>,
    namespaces: BTreeSet<String>,
    models: BTreeSet<String>,
    relations: BTreeSet<Id>,
    ends: Vec<(Id, String, Id)>,
    /// Kinds that are acyclic, and from where they must not lead back.
    leading: Vec<(String, Id)>,
    /// Nodes all of whose relations matter.
    pub(super) around: Vec<i64>,
}

/// All that a transaction knows.
#[derive(Debug)]
pub(super) struct View {
    pub(super) head: Head,
    pub(super) nodes: HashMap<Id, Known>,
    pub(super) names: HashMap<i64, Id>,
    pub(super) whole: HashMap<Id, MemoryNode>,
    pub(super) namespaces: HashMap<String, i32>,
    pub(super) models: HashMap<String, (i32, usize)>,
    pub(super) ties: Ties,
}

impl Wanted {
    pub(super) fn of(batch: &Batch) -> Self {
        let mut this = Self::default();
        this.ids.extend(batch.expected.iter().map(|expected| expected.id));
        for change in &batch.changes {
            this.ids.extend(change.touches());
            this.change(change);
        }
        this
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Add(node) => {
                self.added.insert(node.id);
                self.namespaces.insert(node.namespace.as_str().to_owned());
                self.models.extend(node.embedding.as_ref().map(|embedding| embedding.model.clone()));
            }
            Change::Revise { revision, .. } => {
                self.models.extend(revision.embedding.as_ref().map(|embedding| embedding.model.clone()));
            }
            Change::Embed { embedding, .. } => {
                self.models.extend(embedding.as_ref().map(|embedding| embedding.model.clone()));
            }
            Change::Supersede { id, by, relation } => {
                self.relation(&super::write::superseding(*id, *by, *relation, Timestamp::MIN));
            }
            Change::Relate(relation) => self.relation(relation),
            Change::Unrelate { id } => drop(self.relations.insert(*id)),
            Change::Invalidate { .. }
            | Change::Expire { .. }
            | Change::Forget { .. }
            | Change::Touch { .. } => {}
        }
    }

    /// A relation that is to be made.
    pub(super) fn relation(&mut self, relation: &Relation) {
        let kind = relation.kind.name();
        self.ids.extend([relation.from, relation.to]);
        self.relations.insert(relation.id);
        self.ends.push((relation.from, kind.clone(), relation.to));
        if relation.kind.is_acyclic() {
            self.leading.push((kind, relation.to));
        }
    }

    /// A relation that is to end.
    pub(super) fn ending(&mut self, id: Id) {
        self.relations.insert(id);
    }
}

const HEAD: &str = "SELECT seq, at, ns, m, n, s, c, v, r FROM head";
const KNOWN: &str = "SELECT k.id, k.n, k.ns, k.kind, k.created, k.last_access, k.accesses, k.current, s.status, s.version, \
     s.importance, s.valid_from, s.valid_to, s.updated, s.ended, s.expires, s.c, s.v, s.provenance, s.metadata::text \
     FROM nodes k JOIN states s ON s.s = coalesce(k.current, (SELECT max(t.s) FROM states t WHERE t.n = k.n)) WHERE k.id = ANY($1::uuid[])";
const NUMBERED: &str = "SELECT k.id, k.n, k.ns, k.kind, k.created, k.last_access, k.accesses, k.current, s.status, s.version, \
     s.importance, s.valid_from, s.valid_to, s.updated, s.ended, s.expires, s.c, s.v, s.provenance, s.metadata::text \
     FROM nodes k JOIN states s ON s.s = coalesce(k.current, (SELECT max(t.s) FROM states t WHERE t.n = k.n)) WHERE k.n = ANY($1::bigint[])";
const NAMESPACES: &str = "SELECT path, ns FROM namespaces WHERE path = ANY($1::text[])";
const MODELS: &str = "SELECT name, m, dimension FROM models WHERE name = ANY($1::bytea[])";
const RELATIONS: &str = "SELECT r.id, r.r, r.a, r.kind, r.b, r.ns_a FROM relations r \
     WHERE r.until IS NULL AND r.id = ANY($1::uuid[])";
const ENDS: &str = "SELECT r.id, r.r, r.a, r.kind, r.b, r.ns_a \
     FROM unnest($1::uuid[], $2::text[], $3::uuid[]) t (a, kind, b) JOIN nodes x ON x.id = t.a JOIN nodes y ON y.id = t.b \
     JOIN relations r ON r.a = x.n AND r.kind = t.kind AND r.b = y.n WHERE r.until IS NULL";
const LEADING: &str = "WITH RECURSIVE reached (kind, n) AS (\
     SELECT t.kind COLLATE \"C\", k.n FROM unnest($1::text[], $2::uuid[]) t (kind, id) JOIN nodes k ON k.id = t.id UNION \
     SELECT r.kind, r.b FROM relations r JOIN reached q ON r.a = q.n AND r.kind = q.kind WHERE r.until IS NULL) \
     SELECT r.id, r.r, r.a, r.kind, r.b, r.ns_a FROM relations r \
     JOIN reached q ON r.a = q.n AND r.kind = q.kind WHERE r.until IS NULL";
/// Where the same leads through what is not seen, and the relations beyond.
const LED: &str =
    "SELECT kind, a, b FROM led($1::text[], $2::uuid[]) WHERE row_security_active('relations') AND a <> b";
const BEYOND: &str = "SELECT r.id, r.r, r.a, r.kind, r.b, r.ns_a FROM led($1::text[], $2::uuid[]) q \
     JOIN relations r ON r.a = q.a AND r.kind = q.kind COLLATE \"C\" \
     WHERE q.a = q.b AND r.until IS NULL AND row_security_active('relations')";
const ELSEWHERE: &str = "SELECT n FROM ends_elsewhere($1::bigint[]) n WHERE row_security_active('relations')";
const AROUND: &str = "SELECT r.id, r.r, r.a, r.kind, r.b, r.ns_a FROM relations r \
     WHERE r.until IS NULL AND (r.a = ANY($1::bigint[]) OR r.b = ANY($1::bigint[]))";

/// Begins a transaction that writes, and reads what it has to know.
pub(super) fn begin(connection: &mut Connection, wanted: &Wanted) -> Result<View> {
    read(connection, &schema::BEGIN, wanted)
}

/// Reads what a transaction has to know that has begun.
pub(super) fn within(connection: &mut Connection, wanted: &Wanted) -> Result<View> {
    read(connection, &[], wanted)
}

fn read(connection: &mut Connection, first: &[Asked<'static>], wanted: &Wanted) -> Result<View> {
    let (ids, added) = (row::keys(wanted.ids.iter().copied()), row::keys(wanted.added.iter().copied()));
    let numbers: Vec<i64> = wanted.numbers.iter().copied().collect();
    let paths: Vec<&str> = wanted.namespaces.iter().map(String::as_str).collect();
    let models: Vec<&[u8]> = wanted.models.iter().map(String::as_bytes).collect();
    let relations = row::keys(wanted.relations.iter().copied());
    let from = row::keys(wanted.ends.iter().map(|(from, ..)| *from));
    let kinds: Vec<&str> = wanted.ends.iter().map(|(_, kind, _)| kind.as_str()).collect();
    let to = row::keys(wanted.ends.iter().map(|(.., to)| *to));
    let leading: Vec<&str> = wanted.leading.iter().map(|(kind, _)| kind.as_str()).collect();
    let led = row::keys(wanted.leading.iter().map(|(_, id)| *id));
    let whole =
        format!("SELECT {} FROM {} WHERE k.id = ANY($1::uuid[]) AND s.s = k.current", row::NODE, row::TABLES);
    let questions = [
        (Part::Head, Asked::plain(HEAD), false),
        (Part::Known, Asked::new(KNOWN, &[&ids]), ids.is_empty()),
        (Part::Known, Asked::new(NUMBERED, &[&numbers]), numbers.is_empty()),
        (Part::Whole, Asked::new(&whole, &[&added]), added.is_empty()),
        (Part::Namespaces, Asked::new(NAMESPACES, &[&paths]), paths.is_empty()),
        (Part::Models, Asked::new(MODELS, &[&models]), models.is_empty()),
        (Part::Ties, Asked::new(RELATIONS, &[&relations]), relations.is_empty()),
        (Part::Ties, Asked::new(ENDS, &[&from, &kinds, &to]), from.is_empty()),
        (Part::Ties, Asked::new(LEADING, &[&leading, &led]), led.is_empty()),
        (Part::Hidden, Asked::new(LED, &[&leading, &led]), led.is_empty()),
        (Part::Ties, Asked::new(BEYOND, &[&leading, &led]), led.is_empty()),
        (Part::Ties, Asked::new(AROUND, &[&wanted.around]), wanted.around.is_empty()),
        (Part::Elsewhere, Asked::new(ELSEWHERE, &[&wanted.around]), wanted.around.is_empty()),
    ];
    let (mut parts, mut asked) = (Vec::new(), Vec::new());
    asked.extend(first.iter().map(|one| Asked { sql: one.sql, values: Vec::new() }));
    for (part, question, is_empty) in questions {
        if !is_empty {
            parts.push(part);
            asked.push(question);
        }
    }
    let answers = connection.all(&asked)?;
    View::of(parts.into_iter().zip(answers.into_iter().skip(first.len())))
}

/// What an answer is about.
#[derive(Clone, Copy)]
enum Part {
    Head,
    Known,
    Whole,
    Namespaces,
    Models,
    Ties,
    Hidden,
    Elsewhere,
}

impl View {
    fn of(answers: impl Iterator<Item = (Part, Vec<Row>)>) -> Result<Self> {
        let (nodes, names, whole) = (HashMap::new(), HashMap::new(), HashMap::new());
        let (namespaces, models, ties) = (HashMap::new(), HashMap::new(), Ties::default());
        let head = Head::default();
        let mut this = Self { head, nodes, names, whole, namespaces, models, ties };
        for (part, rows) in answers {
            rows.iter().try_for_each(|row| this.take(part, row))?;
        }
        Ok(this)
    }

    fn take(&mut self, part: Part, row: &Row) -> Result<()> {
        match part {
            Part::Head => self.head = head(row)?,
            Part::Known => {
                let (id, known) = known(row)?;
                self.names.insert(known.n, id);
                self.nodes.insert(id, known);
            }
            Part::Whole => {
                let node = row::node(row, 0)?.node;
                self.whole.insert(node.id, node);
            }
            Part::Namespaces => drop(self.namespaces.insert(row.try_get(0)?, row.try_get(1)?)),
            Part::Models => {
                let dimension = usize::try_from(row.try_get::<_, i32>(2)?).map_err(Fault::wrong)?;
                self.models.insert(row::text(row.try_get(0)?)?, (row.try_get(1)?, dimension));
            }
            Part::Ties => {
                let (r, a, kind, b) = (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?, row.try_get(4)?);
                self.ties.insert(row::id(row.try_get(0)?), Tie { r, a, kind, b, ns: row.try_get(5)? });
            }
            Part::Hidden => {
                self.ties.hidden.insert((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
            }
            Part::Elsewhere => {
                self.ties.elsewhere.insert(row.try_get(0)?);
            }
        }
        Ok(())
    }
}

fn head(row: &Row) -> Result<Head> {
    Ok(Head {
        seq: row.try_get(0)?,
        at: row.try_get(1)?,
        ns: row.try_get(2)?,
        m: row.try_get(3)?,
        n: row.try_get(4)?,
        s: row.try_get(5)?,
        c: row.try_get(6)?,
        v: row.try_get(7)?,
        r: row.try_get(8)?,
    })
}

fn known(row: &Row) -> Result<(Id, Known)> {
    let current: Option<i64> = row.try_get(7)?;
    let known = Known {
        n: row.try_get(1)?,
        ns: row.try_get(2)?,
        kind: row::kind(row.try_get(3)?),
        created: row.try_get(4)?,
        last_access: row.try_get(5)?,
        accesses: row.try_get(6)?,
        current: current.map(|s| Ok::<_, Fault>((s, state(row, 8)?))).transpose()?,
        last: if current.is_none() { Some(state(row, 8)?) } else { None },
    };
    Ok((row::id(row.try_get(0)?), known))
}

/// The columns of a state, from `status` on.
pub(super) fn state(row: &Row, from: usize) -> Result<State> {
    let row = Columns { row, from };
    Ok(State {
        status: row::status_of(row.get(0)?)?,
        version: row.get(1)?,
        importance: row.get(2)?,
        valid: Interval { from: row.later(3)?, to: row.later(4)? },
        updated: row.time(5)?,
        ended: row.later(6)?,
        expires: row.later(7)?,
        content: row.get(8)?,
        vector: row.get(9)?,
        provenance: row.get(10)?,
        metadata: row.get(11)?,
    })
}

impl Ties {
    pub(super) fn insert(&mut self, id: Id, tie: Tie) {
        self.by_ends.insert((tie.kind.clone(), tie.a, tie.b), id);
        self.live.insert(id, tie);
    }

    pub(super) fn remove(&mut self, id: Id) -> Option<Tie> {
        let tie = self.live.remove(&id)?;
        self.by_ends.remove(&(tie.kind.clone(), tie.a, tie.b));
        Some(tie)
    }

    /// Ends all of a node.
    pub(super) fn cut(&mut self, n: i64) {
        let cut = self.live.iter().filter(|(_, tie)| tie.a == n || tie.b == n);
        let cut: Vec<Id> = cut.map(|(id, _)| *id).collect();
        cut.into_iter().for_each(|id| drop(self.remove(id)));
    }

    /// The relation of this name, or between the same.
    pub(super) fn there(&self, id: Id, a: i64, kind: &str, b: i64) -> Option<Id> {
        let named = self.live.contains_key(&id).then_some(id);
        named.or_else(|| self.by_ends.get(&(kind.to_owned(), a, b)).copied())
    }

    pub(super) fn is_end(&self, n: i64) -> bool {
        self.elsewhere.contains(&n) || self.live.values().any(|tie| tie.a == n || tie.b == n)
    }

    /// Whether relations of a kind lead from one node to another.
    pub(super) fn lead(&self, from: i64, kind: &str, to: i64) -> bool {
        let (mut open, mut seen) = (vec![from], HashSet::new());
        while let Some(n) = open.pop() {
            if n == to {
                return true;
            }
            if seen.insert(n) {
                let all = (kind.to_owned(), n, i64::MIN)..=(kind.to_owned(), n, i64::MAX);
                open.extend(self.by_ends.range(all.clone()).map(|((.., b), _)| *b));
                open.extend(self.hidden.range(all).map(|(.., b)| *b));
            }
        }
        false
    }
}
