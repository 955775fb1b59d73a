//! Rows, as a transaction writes them: each once, with its sum, and what it refers to before it.

use std::sync::LazyLock;

use rusqlite::{Connection, OptionalExtension, params};

use super::log::{self, Entry};
use super::write::{Fault, Writing};
use super::{read, row, sum};
use crate::memory::content::{Content, Digested};
use crate::memory::node::{Embedding, MemoryNode, Status};
use crate::memory::store::kept::{counted, important};
use crate::memory::store::op::Op;
use crate::memory::store::{Commit, Committed};
use crate::memory::time::{Interval, Timestamp};
use crate::memory::{Error, Settings};

/// Contents of media that are larger are stored by their digest, once.
const LARGE: usize = 64 << 10;

/// What versions and accesses are counted to, and no further: the greatest number that the database has.
const COUNTED: u64 = i64::MAX.cast_unsigned();

type Result<T> = std::result::Result<T, Fault>;

/// The version after one.
pub(super) fn after(version: u64) -> u64 {
    version.saturating_add(1).min(COUNTED)
}

/// What a transaction begins after. As long as nobody else writes, it need not be read again.
pub(super) struct Known {
    /// The last commit.
    pub(super) seq: u64,
    pub(super) at: Timestamp,
    pub(super) next: Next,
    /// The last namespace and the last model, with their numbers: most memories have those of the one before.
    pub(super) namespace: Option<(String, i64)>,
    pub(super) model: Option<(String, usize, i64)>,
}

impl Known {
    pub(super) fn read(connection: &Connection) -> Result<Self> {
        let Committed { commit: Commit(seq), at } = read::last(connection)?;
        Ok(Self { seq, at, next: Next::after(connection)?, namespace: None, model: None })
    }
}

/// The numbers of the next rows.
pub(super) struct Next {
    pub(super) n: i64,
    s: i64,
    c: i64,
    v: i64,
}

impl Next {
    fn after(connection: &Connection) -> Result<Self> {
        const LAST: &str = "SELECT coalesce((SELECT max(n) FROM nodes), 0), coalesce((SELECT max(s) FROM states), 0), \
             coalesce((SELECT max(c) FROM contents), 0), coalesce((SELECT max(v) FROM vectors), 0)";
        let mut statement = connection.prepare_cached(LAST)?;
        let last = |row: &rusqlite::Row<'_>, column| row.get::<_, i64>(column).map(|last| last + 1);
        Ok(statement.query_row((), |row| {
            Ok(Self { n: last(row, 0)?, s: last(row, 1)?, c: last(row, 2)?, v: last(row, 3)? })
        })?)
    }
}

/// The number of the next row of a table that seldom grows.
pub(super) fn next(connection: &Connection, table: &str, column: &str) -> Result<i64> {
    let query = format!("SELECT coalesce(max({column}), 0) + 1 FROM {table}");
    Ok(connection.prepare_cached(&query)?.query_row((), |row| row.get(0))?)
}

/// Puts the words of a node into the index.
pub(super) fn words(connection: &Connection, n: i64, node: &MemoryNode) -> Result<()> {
    let mut statement = connection.prepare_cached("INSERT INTO words (rowid, body) VALUES (?1, ?2)")?;
    statement.execute(params![n, node.content.words()])?;
    Ok(())
}

/// Takes the words of a node out of the index.
pub(super) fn no_words(connection: &Connection, n: i64, node: &MemoryNode) -> Result<()> {
    const DELETE: &str = "INSERT INTO words (words, rowid, body) VALUES ('delete', ?1, ?2)";
    let mut statement = connection.prepare_cached(DELETE)?;
    statement.execute(params![n, node.content.words()])?;
    Ok(())
}

/// A state that is to be written: columns of `states` that are not those of the transaction.
pub(super) struct State {
    pub(super) status: Status,
    pub(super) version: u64,
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

impl Writing<'_> {
    /// Words are found as long as a memory is live, and of a kind that is searched.
    pub(super) fn is_indexed(settings: &Settings, node: &MemoryNode) -> bool {
        node.status == Status::Live && settings.policy(node.kind).is_indexed
    }

    pub(super) fn index(&self, n: i64, node: &MemoryNode) -> Result<()> {
        if Self::is_indexed(self.settings, node) {
            words(self.connection, n, node)?;
        }
        Ok(())
    }

    pub(super) fn unindex(&self, n: i64, node: &MemoryNode) -> Result<()> {
        if Self::is_indexed(self.settings, node) {
            no_words(self.connection, n, node)?;
        }
        Ok(())
    }

    pub(super) fn namespace(&mut self, path: &str) -> Result<i64> {
        if let Some((known, number)) = &self.known.namespace
            && known == path
        {
            return Ok(*number);
        }
        let mut there = self.connection.prepare_cached("SELECT ns FROM namespaces WHERE path = ?1")?;
        let number = match there.query_row([path], |row| row.get(0)).optional()? {
            Some(number) => number,
            None => {
                let number = next(self.connection, "namespaces", "ns")?;
                self.connection.prepare_cached(sum::insert("namespaces"))?.execute(params![number, path])?;
                number
            }
        };
        self.known.namespace = Some((path.to_owned(), number));
        Ok(number)
    }

    pub(super) fn content(&mut self, content: &Content) -> Result<i64> {
        let (c, nothing) = (self.known.next.c, None::<i64>);
        self.known.next.c += 1;
        let number = row::content_type(content);
        let mut insert = self.connection.prepare_cached(sum::insert("contents"))?;
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
        let mut there = self.connection.prepare_cached("SELECT 1 FROM blobs WHERE digest = ?1")?;
        if !there.exists([&digest.as_bytes()[..]])? {
            let b = next(self.connection, "blobs", "b")?;
            let mut insert = self.connection.prepare_cached(sum::insert("blobs"))?;
            insert.execute(params![b, &digest.as_bytes()[..], bytes])?;
        }
        Ok(digest)
    }

    pub(super) fn vector(&mut self, embedding: &Embedding) -> Result<i64> {
        let (m, v) = (self.model(&embedding.model, embedding.vector.len())?, self.known.next.v);
        self.known.next.v += 1;
        let mut insert = self.connection.prepare_cached(sum::insert("vectors"))?;
        insert.execute(params![v, m, row::bytes_of(&embedding.vector)])?;
        Ok(v)
    }

    /// The number of a model. All its vectors have one length.
    fn model(&mut self, name: &str, dimension: usize) -> Result<i64> {
        let other = |there: usize| {
            let reason = format!("vectors of {name:?} have {there} numbers, and this one {dimension}");
            Fault::from(Error::invalid("embedding", reason))
        };
        if let Some((known, there, number)) = &self.known.model
            && known == name
        {
            return if *there == dimension { Ok(*number) } else { Err(other(*there)) };
        }
        const THERE: &str = "SELECT m, dimension FROM models WHERE name = ?1";
        let mut there = self.connection.prepare_cached(THERE)?;
        let there = there.query_row([name], |row| Ok((row.get(0)?, row.get::<_, u64>(1)? as usize)));
        let (number, there) = match there.optional()? {
            Some(there) => there,
            None => {
                let number = next(self.connection, "models", "m")?;
                let mut insert = self.connection.prepare_cached(sum::insert("models"))?;
                insert.execute(params![number, name, dimension as u64])?;
                (number, dimension)
            }
        };
        if there != dimension {
            return Err(other(there));
        }
        self.known.model = Some((name.to_owned(), dimension, number));
        Ok(number)
    }

    /// Writes a state that begins with this transaction; its number.
    ///
    /// # Errors
    /// When the database would not keep its numbers as they are.
    pub(super) fn state(&mut self, n: i64, state: &State) -> Result<i64> {
        let importance = important(state.importance)?;
        let version = counted("version", state.version)?;
        let s = self.known.next.s;
        self.known.next.s += 1;
        let row = params![
            s,
            n,
            self.seq,
            None::<u64>,
            row::status(state.status),
            version,
            f64::from(importance),
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
        self.connection.prepare_cached(sum::insert("states"))?.execute(row)?;
        Ok(s)
    }

    /// A state as it is written, to be changed in part.
    pub(super) fn copied(&self, s: i64) -> Result<State> {
        const QUERY: &str = "SELECT status, version, importance, valid_from, valid_to, updated, ended, expires, c, v, \
             provenance, metadata FROM states WHERE s = ?1";
        let mut statement = self.connection.prepare_cached(QUERY)?;
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
    pub(super) fn replace(&mut self, n: i64, s: i64, state: State) -> Result<i64> {
        let state = State { version: after(state.version), updated: self.at, ..state };
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
        self.log(Op::Restore, Some(n), [Some(new), Some(s)], None);
        Ok(())
    }

    /// A node that was removed is there again, as the version after `of`.
    pub(super) fn revive(&mut self, n: i64, of: i64) -> Result<()> {
        let state = self.copied(of)?;
        let new = self.state(n, &State { version: after(state.version), updated: self.at, ..state })?;
        self.set_current(n, Some(new))?;
        self.log(Op::Restore, Some(n), [Some(new), None], None);
        Ok(())
    }

    pub(super) fn close(&self, s: i64) -> Result<()> {
        static CLOSE: LazyLock<String> =
            LazyLock::new(|| format!("{} WHERE s = ?1", sum::set("states", &[("until", "?2")])));
        self.connection.prepare_cached(&CLOSE)?.execute(params![s, self.seq])?;
        Ok(())
    }

    pub(super) fn set_current(&self, n: i64, s: Option<i64>) -> Result<()> {
        static SET: LazyLock<String> =
            LazyLock::new(|| format!("{} WHERE n = ?1", sum::set("nodes", &[("current", "?2")])));
        self.connection.prepare_cached(&SET)?.execute(params![n, s])?;
        Ok(())
    }

    pub(super) fn log(&mut self, op: Op, n: Option<i64>, [state, before]: [Option<i64>; 2], r: Option<i64>) {
        log::push(&mut self.log, &Entry { op: op as i16, n, state, before, r });
    }
}

impl State {
    /// What a node says, but for what is stored elsewhere.
    pub(super) fn of(node: &MemoryNode) -> Self {
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
