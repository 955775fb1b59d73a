//! A transaction, change by change.

use std::sync::LazyLock;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::row::{self, Read};
use super::{sum, upkeep};
use crate::memory::content::{Content, Digested};
use crate::memory::id::Id;
use crate::memory::node::{Embedding, MemoryNode, Status};
use crate::memory::relation::{Relation, RelationKind};
use crate::memory::store::{Batch, Change, Commit, Committed, Expected, Revision, Seen};
use crate::memory::time::{Interval, Timestamp};
use crate::memory::{Error, Settings};

/// Contents of media that are larger are stored by their digest, once.
const LARGE: usize = 64 << 10;

/// What a change was, in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Op {
    Add = 0,
    Revise = 1,
    Supersede = 2,
    Invalidate = 3,
    Expire = 4,
    Forget = 5,
    Embed = 6,
    Relate = 7,
    Unrelate = 8,
    /// An undone addition.
    Remove = 9,
    /// An earlier state again.
    Restore = 10,
    /// No change, but the last entry of a transaction: where it is missing, something was lost.
    End = 11,
}

/// What went wrong: in our words, or those of the database.
pub(super) enum Fault {
    Ours(Error),
    Database(rusqlite::Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

type Result<T> = std::result::Result<T, Fault>;

/// A transaction under way.
pub(super) struct Writing<'a> {
    pub(super) transaction: &'a Transaction<'a>,
    pub(super) settings: &'a Settings,
    pub(super) seq: u64,
    pub(super) at: Timestamp,
    /// The commit whose opposite this is.
    pub(super) undoes: Option<u64>,
    ord: u32,
    next: Next,
    /// The last namespace and the last model, with their numbers: most memories have those of the one before.
    namespace: Option<(String, i64)>,
    model: Option<(String, usize, i64)>,
    /// Something is to be erased, not only deleted.
    pub(super) is_scrubbed: bool,
}

/// The numbers of the next rows.
struct Next {
    n: i64,
    s: i64,
    c: i64,
    v: i64,
}

impl Next {
    fn after(transaction: &Transaction<'_>) -> Result<Self> {
        const LAST: &str = "SELECT coalesce((SELECT max(n) FROM nodes), 0), coalesce((SELECT max(s) FROM states), 0), \
             coalesce((SELECT max(c) FROM contents), 0), coalesce((SELECT max(v) FROM vectors), 0)";
        let mut statement = transaction.prepare_cached(LAST)?;
        let last = |row: &rusqlite::Row<'_>, column| row.get::<_, i64>(column).map(|last| last + 1);
        Ok(statement.query_row((), |row| {
            Ok(Self { n: last(row, 0)?, s: last(row, 1)?, c: last(row, 2)?, v: last(row, 3)? })
        })?)
    }
}

/// The number of the next row of a table that seldom grows.
fn next(transaction: &Transaction<'_>, table: &str, column: &str) -> Result<i64> {
    let query = format!("SELECT coalesce(max({column}), 0) + 1 FROM {table}");
    Ok(transaction.prepare_cached(&query)?.query_row((), |row| row.get(0))?)
}

/// A state that is to be written: columns of `states` that are not those of the transaction.
struct State {
    status: Status,
    version: u64,
    importance: f32,
    valid: Interval,
    updated: Timestamp,
    ended: Option<Timestamp>,
    expires: Option<Timestamp>,
    content: Option<i64>,
    vector: Option<i64>,
    provenance: Option<String>,
    metadata: Option<String>,
}

/// Does a batch. The caller commits the transaction.
pub(super) fn batch<'a>(
    transaction: &'a Transaction<'a>,
    settings: &'a Settings,
    batch: &Batch,
) -> Result<(Committed, bool)> {
    for expected in &batch.expected {
        expect(transaction, expected)?;
    }
    let at = batch.at.unwrap_or_else(|| settings.clock.now());
    let mut writing = Writing::begin(transaction, settings, at, batch.note.as_deref(), None)?;
    for change in &batch.changes {
        writing.change(change)?;
    }
    if writing.is_scrubbed {
        upkeep::to_scrub(transaction)?;
    }
    let committed = writing.end()?;
    Ok((committed, writing.is_scrubbed))
}

fn expect(connection: &Connection, expected: &Expected) -> Result<()> {
    const QUERY: &str = "SELECT s.version FROM nodes k JOIN states s ON s.s = k.current WHERE k.id = ?1";
    let mut statement = connection.prepare_cached(QUERY)?;
    let found = statement.query_row([row::key(expected.id)], |row| row.get(0)).optional()?;
    let found = found.map_or(Seen::Nothing, Seen::Version);
    if found == expected.seen {
        return Ok(());
    }
    Err(Error::Conflict { id: expected.id, expected: expected.seen, found }.into())
}

impl<'a> Writing<'a> {
    pub(super) fn begin(
        transaction: &'a Transaction<'a>,
        settings: &'a Settings,
        at: Timestamp,
        note: Option<&str>,
        undoes: Option<u64>,
    ) -> Result<Self> {
        const LAST: &str = "SELECT seq, at FROM commits ORDER BY seq DESC LIMIT 1";
        let last = transaction
            .prepare_cached(LAST)?
            .query_row((), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let (seq, before): (u64, i64) = last.unwrap_or_default();
        // The times of commits never go back, whatever the clock does.
        let (seq, at) = (seq + 1, at.max(row::timestamp(1, before)?));
        transaction.prepare_cached(sum::insert("commits"))?.execute(params![
            seq,
            at.micros(),
            note,
            undoes,
            None::<u64>
        ])?;
        let next = Next::after(transaction)?;
        let (ord, namespace, model, is_scrubbed) = (0, None, None, false);
        Ok(Self { transaction, settings, seq, at, undoes, ord, next, namespace, model, is_scrubbed })
    }

    /// Nothing more is changed.
    pub(super) fn end(&mut self) -> Result<Committed> {
        self.log(Op::End, None, [None, None], None)?;
        Ok(Committed { commit: Commit(self.seq), at: self.at })
    }

    fn change(&mut self, change: &Change) -> Result<()> {
        match change {
            Change::Add(node) => self.add(node),
            Change::Revise { id, revision } => self.revise(*id, revision),
            Change::Supersede { id, by, relation } => self.supersede(*id, *by, *relation),
            Change::Invalidate { id, at } => self.invalidate(*id, *at),
            Change::Expire { id } => self.conclude(*id, Op::Expire, Status::Expired),
            Change::Forget { id } => self.forget(*id),
            Change::Embed { id, embedding } => self.embed(*id, embedding.as_ref()),
            Change::Touch { id, at } => self.touch(*id, *at),
            Change::Relate(relation) => self.relate(relation),
            Change::Unrelate { id } => self.unrelate(*id),
        }
    }

    /// A node as it is now.
    pub(super) fn current(&self, id: Id) -> Result<Option<Read>> {
        static QUERY: LazyLock<String> =
            LazyLock::new(|| format!("{} WHERE k.id = ?1 AND s.s = k.current", *row::NODES));
        let mut statement = self.transaction.prepare_cached(&QUERY)?;
        Ok(statement.query_row([row::key(id)], |found| row::node(self.transaction, found)).optional()?)
    }

    fn live(&self, id: Id) -> Result<Read> {
        match self.current(id)? {
            Some(read) if read.node.status == Status::Live => Ok(read),
            Some(read) => Err(Error::Ended { id, status: read.node.status }.into()),
            None => Err(Error::NotFound { id }.into()),
        }
    }

    fn add(&mut self, node: &MemoryNode) -> Result<()> {
        if let Some(there) = self.current(node.id)? {
            return if is_same(&there.node, node) {
                Ok(())
            } else {
                Err(Error::Exists { id: node.id }.into())
            };
        }
        // An addition that was undone has left its row, without a state.
        let mut statement = self.transaction.prepare_cached("SELECT n FROM nodes WHERE id = ?1")?;
        let left = statement.query_row([row::key(node.id)], |row| row.get(0)).optional()?;
        drop(statement);
        let (n, namespace) = (left.unwrap_or(self.next.n), self.namespace(node.namespace.as_str())?);
        let content = self.content(&node.content)?;
        let vector = node.embedding.as_ref().map(|embedding| self.vector(embedding)).transpose()?;
        let s = self.state(n, &State { content: Some(content), vector, ..State::of(node) })?;
        self.next.n = self.next.n.max(n + 1);
        let row = params![
            n,
            row::key(node.id),
            namespace,
            node.kind.number(),
            node.created.micros(),
            node.last_access.micros(),
            node.accesses,
            s
        ];
        if left.is_some() {
            self.transaction.prepare_cached("DELETE FROM nodes WHERE n = ?1")?.execute([n])?;
        }
        self.transaction.prepare_cached(sum::insert("nodes"))?.execute(row)?;
        self.index(n, node)?;
        self.log(Op::Add, Some(n), [Some(s), None], None)
    }

    fn revise(&mut self, id: Id, revision: &Revision) -> Result<()> {
        let Read { node, n, s } = self.live(id)?;
        let mut state = self.copied(s)?;
        if let Some(content) = &revision.content {
            self.unindex(n, &node)?;
            (state.content, state.vector) = (Some(self.content(content)?), None);
        }
        if let Some(embedding) = &revision.embedding {
            state.vector = Some(self.vector(embedding)?);
        }
        state.importance = revision.importance.unwrap_or(state.importance);
        state.valid = revision.valid.unwrap_or(state.valid).checked()?;
        state.expires = revision.expires.unwrap_or(state.expires);
        if let Some(metadata) = &revision.metadata {
            state.metadata = row::metadata_text(metadata);
        }
        let new = self.replace(n, s, state)?;
        if let Some(content) = &revision.content {
            self.index(n, &MemoryNode { content: content.clone(), ..node })?;
        }
        self.log(Op::Revise, Some(n), [Some(new), Some(s)], None)
    }

    fn supersede(&mut self, id: Id, by: Id, relation: Id) -> Result<()> {
        self.conclude(id, Op::Supersede, Status::Superseded)?;
        self.relate(&Relation {
            id: relation,
            from: by,
            kind: RelationKind::Supersedes,
            to: id,
            weight: 1.0,
            valid: Interval::ALWAYS,
            created: self.at,
            provenance: None,
        })
    }

    fn invalidate(&mut self, id: Id, at: Timestamp) -> Result<()> {
        let Read { node, n, s } = self.live(id)?;
        let mut state = self.copied(s)?;
        state.valid.to = Some(state.valid.to.map_or(at, |to| to.min(at)));
        state.valid = state.valid.checked()?;
        (state.status, state.ended) = (Status::Invalidated, Some(self.at));
        self.unindex(n, &node)?;
        let new = self.replace(n, s, state)?;
        self.log(Op::Invalidate, Some(n), [Some(new), Some(s)], None)
    }

    pub(super) fn conclude(&mut self, id: Id, op: Op, status: Status) -> Result<()> {
        let Read { node, n, s } = self.live(id)?;
        let state = State { status, ended: Some(self.at), ..self.copied(s)? };
        self.unindex(n, &node)?;
        let new = self.replace(n, s, state)?;
        self.log(op, Some(n), [Some(new), Some(s)], None)
    }

    fn embed(&mut self, id: Id, embedding: Option<&Embedding>) -> Result<()> {
        let Read { n, s, .. } = self.live(id)?;
        let vector = embedding.map(|embedding| self.vector(embedding)).transpose()?;
        let state = State { vector, ..self.copied(s)? };
        let new = self.replace(n, s, state)?;
        self.log(Op::Embed, Some(n), [Some(new), Some(s)], None)
    }

    fn touch(&mut self, id: Id, at: Timestamp) -> Result<()> {
        static UPDATE: LazyLock<String> = LazyLock::new(|| {
            let new = [("last_access", "max(last_access, ?2)"), ("accesses", "accesses + 1")];
            format!("{} WHERE id = ?1 AND current IS NOT NULL", sum::set("nodes", &new))
        });
        // Read first: what is damaged must not be given a sum again.
        self.current(id)?.ok_or(Error::NotFound { id })?;
        self.transaction.prepare_cached(&UPDATE)?.execute(params![row::key(id), at.micros()])?;
        Ok(())
    }

    fn forget(&mut self, id: Id) -> Result<()> {
        let (node, n) = match self.current(id)? {
            Some(Read { node, .. }) if node.status == Status::Forgotten => return Ok(()),
            Some(Read { node, n, .. }) => {
                self.unindex(n, &node)?;
                (node, n)
            }
            None => self.removed(id)?.map(|read| (read.node, read.n)).ok_or(Error::NotFound { id })?,
        };
        let erase = [
            "DELETE FROM vectors WHERE v IN (SELECT v FROM states WHERE n = ?1)",
            "DELETE FROM contents WHERE c IN (SELECT c FROM states WHERE n = ?1)",
            "DELETE FROM states WHERE n = ?1",
        ];
        for erase in erase {
            self.transaction.prepare_cached(erase)?.execute([n])?;
        }
        const LOOSE: &str =
            "DELETE FROM blobs WHERE digest NOT IN (SELECT digest FROM contents WHERE digest IS NOT NULL)";
        self.transaction.prepare_cached(LOOSE)?.execute(())?;
        let apart = sum::set("relations", &[("until", "coalesce(until, ?2)"), ("provenance", "NULL")]);
        let apart = format!("{apart} WHERE a = ?1 OR b = ?1");
        self.transaction.prepare_cached(&apart)?.execute(params![n, self.seq])?;
        let (status, ended) = (Status::Forgotten, Some(self.at));
        let (version, updated) = (node.version + 1, self.at);
        let empty = MemoryNode { metadata: Default::default(), provenance: None, ..node };
        let s = self.state(n, &State { status, version, updated, ended, ..State::of(&empty) })?;
        self.set_current(n, Some(s))?;
        self.is_scrubbed = true;
        self.log(Op::Forget, Some(n), [Some(s), None], None)
    }

    /// A memory whose addition was undone, as it was last.
    fn removed(&self, id: Id) -> Result<Option<Read>> {
        let query =
            format!("{} WHERE k.id = ?1 AND k.current IS NULL ORDER BY s.s DESC LIMIT 1", *row::NODES);
        let mut statement = self.transaction.prepare_cached(&query)?;
        Ok(statement.query_row([row::key(id)], |found| row::node(self.transaction, found)).optional()?)
    }

    pub(super) fn relate(&mut self, relation: &Relation) -> Result<()> {
        let (a, b) = (self.end_of(relation.from)?, self.end_of(relation.to)?);
        let kind = relation.kind.name();
        const THERE: &str =
            "SELECT id FROM relations WHERE until IS NULL AND (id = ?1 OR a = ?2 AND kind = ?3 AND b = ?4)";
        let mut there = self.transaction.prepare_cached(THERE)?;
        let there =
            there.query_row(params![row::key(relation.id), a, kind, b], |row| row.get(0)).optional()?;
        if let Some(id) = there {
            return Err(Error::Exists { id: row::id(id) }.into());
        }
        if relation.kind.is_acyclic() && self.leads_to(b, &kind, a)? {
            let Relation { from, kind, to, .. } = relation.clone();
            return Err(Error::Circle { from, kind, to }.into());
        }
        let r = next(self.transaction, "relations", "r")?;
        let row = params![
            r,
            row::key(relation.id),
            a,
            kind,
            b,
            f64::from(relation.weight),
            row::micros(relation.valid.from),
            row::micros(relation.valid.to),
            relation.created.micros(),
            self.seq,
            None::<u64>,
            relation.provenance.as_ref().map(row::provenance_text)
        ];
        self.transaction.prepare_cached(sum::insert("relations"))?.execute(row)?;
        self.log(Op::Relate, None, [None, None], Some(r))
    }

    fn end_of(&self, id: Id) -> Result<i64> {
        const QUERY: &str =
            "SELECT k.n, s.status FROM nodes k JOIN states s ON s.s = k.current WHERE k.id = ?1";
        let mut statement = self.transaction.prepare_cached(QUERY)?;
        let found =
            statement.query_row([row::key(id)], |row| Ok((row.get(0)?, row.get::<_, u8>(1)?))).optional()?;
        match found {
            None => Err(Error::NotFound { id }.into()),
            Some((_, status)) if status == row::status(Status::Forgotten) => {
                Err(Error::Ended { id, status: Status::Forgotten }.into())
            }
            Some((n, _)) => Ok(n),
        }
    }

    /// Whether relations of a kind lead from one node to another.
    fn leads_to(&self, from: i64, kind: &str, to: i64) -> Result<bool> {
        const QUERY: &str = "WITH RECURSIVE reached (n) AS (SELECT ?1 UNION \
             SELECT r.b FROM relations r JOIN reached ON r.a = reached.n WHERE r.kind = ?2 AND r.until IS NULL) \
             SELECT 1 FROM reached WHERE n = ?3";
        let found = self.transaction.prepare_cached(QUERY)?.exists(params![from, kind, to])?;
        Ok(found)
    }

    fn unrelate(&mut self, id: Id) -> Result<()> {
        static UPDATE: LazyLock<String> = LazyLock::new(|| {
            let set = sum::set("relations", &[("until", "?2")]);
            format!("{set} WHERE id = ?1 AND until IS NULL RETURNING r")
        });
        let mut statement = self.transaction.prepare_cached(&UPDATE)?;
        let ended = statement.query_row(params![row::key(id), self.seq], |row| row.get(0)).optional()?;
        drop(statement);
        let r: i64 = ended.ok_or(Error::NotFound { id })?;
        self.log(Op::Unrelate, None, [None, None], Some(r))
    }

    /// Words are found as long as a memory is live, and of a kind that is searched.
    pub(super) fn is_indexed(settings: &Settings, node: &MemoryNode) -> bool {
        node.status == Status::Live && settings.policy(node.kind).is_indexed
    }

    pub(super) fn index(&self, n: i64, node: &MemoryNode) -> Result<()> {
        if Self::is_indexed(self.settings, node) {
            let mut statement =
                self.transaction.prepare_cached("INSERT INTO words (rowid, body) VALUES (?1, ?2)")?;
            statement.execute(params![n, node.content.words()])?;
        }
        Ok(())
    }

    pub(super) fn unindex(&self, n: i64, node: &MemoryNode) -> Result<()> {
        if Self::is_indexed(self.settings, node) {
            const DELETE: &str = "INSERT INTO words (words, rowid, body) VALUES ('delete', ?1, ?2)";
            let mut statement = self.transaction.prepare_cached(DELETE)?;
            statement.execute(params![n, node.content.words()])?;
        }
        Ok(())
    }

    fn namespace(&mut self, path: &str) -> Result<i64> {
        if let Some((known, number)) = &self.namespace
            && known == path
        {
            return Ok(*number);
        }
        let mut there = self.transaction.prepare_cached("SELECT ns FROM namespaces WHERE path = ?1")?;
        let number = match there.query_row([path], |row| row.get(0)).optional()? {
            Some(number) => number,
            None => {
                let number = next(self.transaction, "namespaces", "ns")?;
                self.transaction.prepare_cached(sum::insert("namespaces"))?.execute(params![number, path])?;
                number
            }
        };
        self.namespace = Some((path.to_owned(), number));
        Ok(number)
    }

    fn content(&mut self, content: &Content) -> Result<i64> {
        let (c, nothing) = (self.next.c, None::<i64>);
        self.next.c += 1;
        let number = row::content_type(content);
        let mut insert = self.transaction.prepare_cached(sum::insert("contents"))?;
        match content {
            Content::Text(text) => insert.execute(params![c, number, text, nothing, nothing, nothing])?,
            Content::Json(json) => {
                insert.execute(params![c, number, json.as_str(), nothing, nothing, nothing])?
            }
            Content::Blob(blob) if blob.bytes.len() <= LARGE => {
                insert.execute(params![c, number, &blob.bytes[..], nothing, blob.mime, blob.caption])?
            }
            Content::Blob(blob) => {
                let digest = self.blob(&blob.bytes)?;
                let digest = &digest.as_bytes()[..];
                insert.execute(params![c, number, nothing, digest, blob.mime, blob.caption])?
            }
        };
        Ok(c)
    }

    /// Stores bytes by their digest, unless they are there.
    fn blob(&self, bytes: &[u8]) -> Result<Digested> {
        let digest = Digested::of(bytes);
        let mut there = self.transaction.prepare_cached("SELECT 1 FROM blobs WHERE digest = ?1")?;
        if !there.exists([&digest.as_bytes()[..]])? {
            let b = next(self.transaction, "blobs", "b")?;
            let mut insert = self.transaction.prepare_cached(sum::insert("blobs"))?;
            insert.execute(params![b, &digest.as_bytes()[..], bytes])?;
        }
        Ok(digest)
    }

    fn vector(&mut self, embedding: &Embedding) -> Result<i64> {
        let (m, v) = (self.model(&embedding.model, embedding.vector.len())?, self.next.v);
        self.next.v += 1;
        let mut insert = self.transaction.prepare_cached(sum::insert("vectors"))?;
        insert.execute(params![v, m, row::bytes_of(&embedding.vector)])?;
        Ok(v)
    }

    /// The number of a model. All its vectors have one length.
    fn model(&mut self, name: &str, dimension: usize) -> Result<i64> {
        let other = |there: usize| {
            let reason = format!("vectors of {name:?} have {there} numbers, and this one {dimension}");
            Fault::from(Error::invalid("embedding", reason))
        };
        if let Some((known, there, number)) = &self.model
            && known == name
        {
            return if *there == dimension { Ok(*number) } else { Err(other(*there)) };
        }
        const THERE: &str = "SELECT m, dimension FROM models WHERE name = ?1";
        let mut there = self.transaction.prepare_cached(THERE)?;
        let there = there.query_row([name], |row| Ok((row.get(0)?, row.get::<_, u64>(1)? as usize)));
        let (number, there) = match there.optional()? {
            Some(there) => there,
            None => {
                let number = next(self.transaction, "models", "m")?;
                let mut insert = self.transaction.prepare_cached(sum::insert("models"))?;
                insert.execute(params![number, name, dimension as u64])?;
                (number, dimension)
            }
        };
        if there != dimension {
            return Err(other(there));
        }
        self.model = Some((name.to_owned(), dimension, number));
        Ok(number)
    }

    /// Writes a state that begins with this transaction; its number.
    fn state(&mut self, n: i64, state: &State) -> Result<i64> {
        let s = self.next.s;
        self.next.s += 1;
        let row = params![
            s,
            n,
            self.seq,
            None::<u64>,
            row::status(state.status),
            state.version,
            f64::from(state.importance),
            row::micros(state.valid.from),
            row::micros(state.valid.to),
            state.updated.micros(),
            row::micros(state.ended),
            row::micros(state.expires),
            state.content,
            state.vector,
            state.provenance,
            state.metadata
        ];
        self.transaction.prepare_cached(sum::insert("states"))?.execute(row)?;
        Ok(s)
    }

    /// A state as it is written, to be changed in part.
    fn copied(&self, s: i64) -> Result<State> {
        const QUERY: &str = "SELECT status, version, importance, valid_from, valid_to, updated, ended, expires, c, v, \
             provenance, metadata FROM states WHERE s = ?1";
        let mut statement = self.transaction.prepare_cached(QUERY)?;
        let state = statement.query_row([s], |row| {
            let later = |column: usize| {
                let micros: Option<i64> = row.get(column)?;
                micros.map(|micros| row::timestamp(column, micros)).transpose()
            };
            let status: u8 = row.get(0)?;
            Ok(State {
                status: Status::ALL.get(usize::from(status)).copied().unwrap_or(Status::Live),
                version: row.get(1)?,
                importance: row.get::<_, f64>(2)? as f32,
                valid: Interval { from: later(3)?, to: later(4)? },
                updated: row::timestamp(5, row.get(5)?)?,
                ended: later(6)?,
                expires: later(7)?,
                content: row.get(8)?,
                vector: row.get(9)?,
                provenance: row.get(10)?,
                metadata: row.get(11)?,
            })
        })?;
        Ok(state)
    }

    /// Ends a state, and begins the next version.
    fn replace(&mut self, n: i64, s: i64, state: State) -> Result<i64> {
        let state = State { version: state.version + 1, updated: self.at, ..state };
        self.close(s)?;
        let new = self.state(n, &state)?;
        self.set_current(n, Some(new))?;
        Ok(new)
    }

    /// The state `of` an earlier time again, as the version after `s`.
    pub(super) fn restore(&mut self, n: i64, s: i64, of: i64) -> Result<()> {
        let version = self.copied(s)?.version;
        let state = State { version, ..self.copied(of)? };
        let new = self.replace(n, s, state)?;
        self.log(Op::Restore, Some(n), [Some(new), Some(s)], None)
    }

    /// A node that was removed is there again, as the version after `of`.
    pub(super) fn revive(&mut self, n: i64, of: i64) -> Result<()> {
        let state = self.copied(of)?;
        let new = self.state(n, &State { version: state.version + 1, updated: self.at, ..state })?;
        self.set_current(n, Some(new))?;
        self.log(Op::Restore, Some(n), [Some(new), None], None)
    }

    pub(super) fn close(&self, s: i64) -> Result<()> {
        static CLOSE: LazyLock<String> =
            LazyLock::new(|| format!("{} WHERE s = ?1", sum::set("states", &[("until", "?2")])));
        self.transaction.prepare_cached(&CLOSE)?.execute(params![s, self.seq])?;
        Ok(())
    }

    pub(super) fn set_current(&self, n: i64, s: Option<i64>) -> Result<()> {
        static SET: LazyLock<String> =
            LazyLock::new(|| format!("{} WHERE n = ?1", sum::set("nodes", &[("current", "?2")])));
        self.transaction.prepare_cached(&SET)?.execute(params![n, s])?;
        Ok(())
    }

    pub(super) fn log(
        &mut self,
        op: Op,
        n: Option<i64>,
        [s, before]: [Option<i64>; 2],
        r: Option<i64>,
    ) -> Result<()> {
        let row = params![self.seq, self.ord, op as u8, n, s, before, r];
        self.transaction.prepare_cached(sum::insert("log"))?.execute(row)?;
        self.ord += 1;
        Ok(())
    }
}

impl State {
    /// What a node says, but for what is stored elsewhere.
    fn of(node: &MemoryNode) -> Self {
        Self {
            status: node.status,
            version: node.version,
            importance: node.importance,
            valid: node.valid,
            updated: node.updated,
            ended: node.ended,
            expires: node.expires,
            content: None,
            vector: None,
            provenance: node.provenance.as_ref().map(row::provenance_text),
            metadata: row::metadata_text(&node.metadata),
        }
    }
}

/// Whether storing a memory again changes nothing: all is the same but for when it was stored and used.
fn is_same(there: &MemoryNode, new: &MemoryNode) -> bool {
    let MemoryNode {
        id, namespace, kind, content, embedding, importance, valid, provenance, metadata, ..
    } = new;
    there.id == *id
        && there.namespace == *namespace
        && there.kind == *kind
        && there.content == *content
        && there.embedding == *embedding
        && there.importance.to_bits() == importance.to_bits()
        && there.valid == *valid
        && there.provenance == *provenance
        && there.metadata == *metadata
}
