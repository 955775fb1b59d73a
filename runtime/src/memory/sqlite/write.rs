//! A transaction, change by change.

use std::sync::LazyLock;

use rusqlite::{Connection, OptionalExtension, params};

use super::put::{Known, State, after};
use super::row::{self, Read};
use super::{sum, upkeep};
use crate::memory::id::Id;
use crate::memory::node::{Embedding, MemoryNode, Status};
use crate::memory::relation::{Relation, RelationKind};
use crate::memory::store::kept::{counted, is_same};
use crate::memory::store::op::Op;
use crate::memory::store::{Batch, Change, Commit, Committed, Expected, Revision, Seen};
use crate::memory::time::{Interval, Timestamp};
use crate::memory::{Error, Settings};

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
    pub(super) connection: &'a Connection,
    pub(super) settings: &'a Settings,
    pub(super) seq: u64,
    pub(super) at: Timestamp,
    pub(super) about: About<'a>,
    /// What it did until now.
    pub(super) log: String,
    pub(super) known: Known,
    /// Something is to be erased, not only deleted.
    pub(super) is_scrubbed: bool,
}

/// What is said of a transaction.
pub(super) struct About<'a> {
    pub(super) at: Timestamp,
    pub(super) note: Option<&'a str>,
    /// The commit whose opposite it is.
    pub(super) undoes: Option<u64>,
}

/// A transaction that is to be committed.
pub(super) struct Written {
    pub(super) committed: Committed,
    pub(super) is_scrubbed: bool,
    /// For the next one.
    pub(super) known: Known,
}

/// Does a batch. The caller commits the transaction.
pub(super) fn batch(
    connection: &Connection,
    settings: &Settings,
    known: Option<Known>,
    batch: &Batch,
) -> Result<Written> {
    for expected in &batch.expected {
        expect(connection, expected)?;
    }
    let known = known.map_or_else(|| Known::read(connection), Ok)?;
    let at = batch.at.unwrap_or_else(|| settings.clock.now());
    let about = About { at, note: batch.note.as_deref(), undoes: None };
    let mut writing = Writing::begin(connection, settings, known, about);
    for change in &batch.changes {
        writing.change(change)?;
    }
    if writing.is_scrubbed {
        upkeep::to_scrub(connection)?;
    }
    writing.end()
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
        connection: &'a Connection,
        settings: &'a Settings,
        known: Known,
        about: About<'a>,
    ) -> Self {
        // The times of commits never go back, whatever the clock does.
        let (seq, at) = (known.seq + 1, about.at.max(known.at));
        Self { connection, settings, about, seq, at, log: String::new(), known, is_scrubbed: false }
    }

    /// Nothing more is changed.
    pub(super) fn end(self) -> Result<Written> {
        let Self { seq, at, about, is_scrubbed, known, .. } = self;
        let row = params![seq, at.micros(), about.note, about.undoes, None::<u64>, self.log];
        self.connection.prepare_cached(sum::insert("commits"))?.execute(row)?;
        let committed = Committed { commit: Commit(seq), at };
        Ok(Written { committed, is_scrubbed, known: Known { seq, at, ..known } })
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
        let mut statement = self.connection.prepare_cached(&QUERY)?;
        Ok(statement.query_row([row::key(id)], |found| row::node(self.connection, found)).optional()?)
    }

    fn live(&self, id: Id) -> Result<Read> {
        match self.current(id)? {
            Some(read) if read.node.status == Status::Live => Ok(read),
            Some(read) => Err(Error::Ended { id, status: read.node.status }.into()),
            None => Err(Error::NotFound { id }.into()),
        }
    }

    fn add(&mut self, node: &MemoryNode) -> Result<()> {
        counted("accesses", node.accesses)?;
        // An addition that was undone has left its row, without a state. Mostly there is none.
        let mut there = self.connection.prepare_cached("SELECT n FROM nodes WHERE id = ?1")?;
        let left = there.query_row([row::key(node.id)], |row| row.get(0)).optional()?;
        if left.is_some()
            && let Some(there) = self.current(node.id)?
        {
            let id = node.id;
            return if is_same(&there.node, node) { Ok(()) } else { Err(Error::Exists { id }.into()) };
        }
        let (n, namespace) = (left.unwrap_or(self.known.next.n), self.namespace(node.namespace.as_str())?);
        let content = self.content(&node.content)?;
        let vector = node.embedding.as_ref().map(|embedding| self.vector(embedding)).transpose()?;
        let version = left.map(|n| self.last_version(n)).transpose()?.flatten();
        let version = version.map_or(node.version, |last| node.version.max(after(last)));
        let s = self.state(n, &State { version, content: Some(content), vector, ..State::of(node) })?;
        self.known.next.n = self.known.next.n.max(n + 1);
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
            self.connection.prepare_cached("DELETE FROM nodes WHERE n = ?1")?.execute([n])?;
        }
        self.connection.prepare_cached(sum::insert("nodes"))?.execute(row)?;
        self.index(n, node)?;
        self.log(Op::Add, Some(n), [Some(s), None], None);
        Ok(())
    }

    /// The version of a node that was removed, after which it goes on: who has seen that one is not to take another
    /// memory for it.
    fn last_version(&self, n: i64) -> Result<Option<u64>> {
        const LAST: &str = "SELECT max(version) FROM states WHERE n = ?1 AND until IS NOT NULL";
        Ok(self.connection.prepare_cached(LAST)?.query_row([n], |row| row.get(0))?)
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
        self.log(Op::Revise, Some(n), [Some(new), Some(s)], None);
        Ok(())
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
        self.log(Op::Invalidate, Some(n), [Some(new), Some(s)], None);
        Ok(())
    }

    pub(super) fn conclude(&mut self, id: Id, op: Op, status: Status) -> Result<()> {
        let Read { node, n, s } = self.live(id)?;
        let state = State { status, ended: Some(self.at), ..self.copied(s)? };
        self.unindex(n, &node)?;
        let new = self.replace(n, s, state)?;
        self.log(op, Some(n), [Some(new), Some(s)], None);
        Ok(())
    }

    fn embed(&mut self, id: Id, embedding: Option<&Embedding>) -> Result<()> {
        let Read { n, s, .. } = self.live(id)?;
        let vector = embedding.map(|embedding| self.vector(embedding)).transpose()?;
        let state = State { vector, ..self.copied(s)? };
        let new = self.replace(n, s, state)?;
        self.log(Op::Embed, Some(n), [Some(new), Some(s)], None);
        Ok(())
    }

    fn touch(&mut self, id: Id, at: Timestamp) -> Result<()> {
        static UPDATE: LazyLock<String> = LazyLock::new(|| {
            let new = [
                ("last_access", "max(last_access, ?2)"),
                ("accesses", "min(accesses, 9223372036854775806) + 1"),
            ];
            format!("{} WHERE id = ?1 AND current IS NOT NULL", sum::set("nodes", &new))
        });
        // Read first: what is damaged must not be given a sum again.
        self.current(id)?.ok_or(Error::NotFound { id })?;
        self.connection.prepare_cached(&UPDATE)?.execute(params![row::key(id), at.micros()])?;
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
            "DELETE FROM vectors WHERE v IN (SELECT v FROM states WHERE",
            "DELETE FROM contents WHERE c IN (SELECT c FROM states WHERE",
            "DELETE FROM states WHERE s IN (SELECT s FROM states WHERE",
        ];
        // Its state now, and those before.
        const OF: &str = "s = (SELECT current FROM nodes WHERE n = ?1) OR n = ?1 AND until IS NOT NULL)";
        for erase in erase {
            self.connection.prepare_cached(&format!("{erase} {OF}"))?.execute([n])?;
        }
        const LOOSE: &str =
            "DELETE FROM blobs WHERE digest NOT IN (SELECT digest FROM contents WHERE digest IS NOT NULL)";
        self.connection.prepare_cached(LOOSE)?.execute(())?;
        let apart = sum::set("relations", &[("until", "coalesce(until, ?2)"), ("provenance", "NULL")]);
        let apart = format!("{apart} WHERE a = ?1 OR b = ?1");
        self.connection.prepare_cached(&apart)?.execute(params![n, self.seq])?;
        let (status, ended) = (Status::Forgotten, Some(self.at));
        let (version, updated) = (after(node.version), self.at);
        let empty = MemoryNode { metadata: Default::default(), provenance: None, ..node };
        let s = self.state(n, &State { status, version, updated, ended, ..State::of(&empty) })?;
        self.set_current(n, Some(s))?;
        self.is_scrubbed = true;
        self.log(Op::Forget, Some(n), [Some(s), None], None);
        Ok(())
    }

    /// A memory whose addition was undone, as it was last.
    fn removed(&self, id: Id) -> Result<Option<Read>> {
        let query = format!(
            "{} WHERE k.id = ?1 AND k.current IS NULL AND s.until IS NOT NULL ORDER BY s.s DESC LIMIT 1",
            *row::NODES
        );
        let mut statement = self.connection.prepare_cached(&query)?;
        Ok(statement.query_row([row::key(id)], |found| row::node(self.connection, found)).optional()?)
    }
}
