//! One table by hand: a text, a vector and a time of each memory, an index by time, and one of words if its kind is searched
//! by them. What the database costs without names, states, sums and a log, which a store of memories has beside them.

use std::path::Path;

use rusqlite::{Connection, params};
use typewright_runtime::memory::Kind;
use typewright_runtime::memory::store::{Batch, Change};

use crate::bench::Failure;

/// As the store has them.
const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000; \
    PRAGMA cache_size = -32768; PRAGMA secure_delete = ON";
const TABLE: &str = "CREATE TABLE memories (n INTEGER PRIMARY KEY, time INTEGER, text TEXT, vector BLOB); \
    CREATE INDEX memories_time ON memories (time)";
const WORDS: &str = "CREATE VIRTUAL TABLE words USING fts5 (body, content = '', \
    tokenize = 'unicode61 remove_diacritics 2')";

/// A file with one table.
pub(super) struct Table {
    connection: Connection,
    has_words: bool,
    rows: i64,
}

impl Table {
    pub(super) fn open(path: &Path, kind: Kind) -> Result<Self, Failure> {
        let (connection, has_words) = (Connection::open(path)?, kind == Kind::Fact);
        connection.execute_batch(SETTINGS)?;
        connection.execute_batch(TABLE)?;
        if has_words {
            connection.execute_batch(WORDS)?;
        }
        Ok(Self { connection, has_words, rows: 0 })
    }

    /// What a batch adds, in one transaction.
    pub(super) fn commit(&mut self, batch: &Batch) -> Result<(), Failure> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute(())?;
        for change in &batch.changes {
            self.add(change)?;
        }
        self.connection.prepare_cached("COMMIT")?.execute(())?;
        Ok(())
    }

    fn add(&mut self, change: &Change) -> Result<(), Failure> {
        let Change::Add(node) = change else { return Ok(()) };
        self.rows += 1;
        let (text, numbers) = (node.content.words(), node.embedding.iter().flat_map(|one| &one.vector));
        let vector: Vec<u8> = numbers.flat_map(|number| number.to_le_bytes()).collect();
        let mut row = self.connection.prepare_cached("INSERT INTO memories VALUES (?1, ?2, ?3, ?4)")?;
        row.execute(params![self.rows, node.created.micros() + self.rows, text, vector])?;
        if self.has_words {
            let mut words =
                self.connection.prepare_cached("INSERT INTO words (rowid, body) VALUES (?1, ?2)")?;
            words.execute(params![self.rows, text])?;
        }
        Ok(())
    }
}
