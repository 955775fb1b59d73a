//! The SQL that one would write by hand for what the store on PostgreSQL does: the same rows in the same tables, statement by
//! statement, prepared, by the same driver, without the checks, the numbers and the log's meaning that the store gives them.

use std::collections::HashMap;

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Row, Statement};
use typewright_runtime::memory::MemoryNode;

use super::failed;
use crate::bench::Failure;

/// Words of a text.
pub(super) const WORDS: usize = 30;

/// A connection of its own.
pub(super) struct Hand {
    runtime: Runtime,
    client: Client,
    prepared: HashMap<String, Statement>,
    number: i64,
}

impl Hand {
    pub(super) fn new(address: &str, schema: &str) -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (client, connection) = runtime.block_on(tokio_postgres::connect(address, NoTls))?;
        runtime.spawn(connection);
        let set = format!("SET search_path = {schema}, public; SET hnsw.iterative_scan = strict_order");
        runtime.block_on(client.batch_execute(&set))?;
        Ok(Self { runtime, client, prepared: HashMap::new(), number: 0 })
    }

    pub(super) fn query(&mut self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Failure> {
        if !self.prepared.contains_key(sql) {
            let statement = self.runtime.block_on(self.client.prepare(sql))?;
            self.prepared.insert(sql.to_owned(), statement);
        }
        Ok(self.runtime.block_on(self.client.query(&self.prepared[sql], values))?)
    }

    /// One commit of these memories, a statement for each row.
    pub(super) fn add(&mut self, nodes: &[MemoryNode]) -> Result<(), Failure> {
        self.query("BEGIN ISOLATION LEVEL SERIALIZABLE", &[])?;
        let rows = self.query("SELECT seq, n, s, c, v FROM head FOR UPDATE", &[])?;
        let head = rows.first().ok_or_else(|| failed("the store has no head".to_owned()))?;
        let mut numbers: [i64; 5] = std::array::from_fn(|at| head.get(at));
        numbers[0] += 1;
        for node in nodes {
            numbers[1..].iter_mut().for_each(|number| *number += 1);
            self.rows_of(node, numbers)?;
        }
        let [seq, n, s, c, v] = numbers;
        let (documents, tokens) = (nodes.len() as i64, (WORDS * nodes.len()) as i64);
        self.query(
            "INSERT INTO commits (seq, at, entries) VALUES ($1, 0, $2)",
            &[&seq, &(nodes.len() as i32)],
        )?;
        const HEAD: &str = "UPDATE head SET seq = $1, n = $2, s = $3, c = $4, v = $5, \
             documents = documents + $6, tokens = tokens + $7";
        self.query(HEAD, &[&seq, &n, &s, &c, &v, &documents, &tokens])?;
        self.query("UPDATE tally SET live = live + $1 WHERE m = 1 AND ns = 1", &[&documents])?;
        self.query("COMMIT", &[]).map(drop)
    }

    fn rows_of(&mut self, node: &MemoryNode, [seq, n, s, c, v]: [i64; 5]) -> Result<(), Failure> {
        self.number += 1;
        let id = uuid::Uuid::from_u128(node.id.as_u128());
        if !self.query("SELECT n FROM nodes WHERE id = $1", &[&id])?.is_empty() {
            return Err(failed(format!("{id} is there")));
        }
        const NODE: &str = "INSERT INTO nodes (n, id, ns, kind, created, last_access, accesses, current) \
             VALUES ($1, $2, 1, 1, 0, 0, 0, $3)";
        self.query(NODE, &[&n, &id, &s])?;
        const STATE: &str = "INSERT INTO states (s, n, ns, since, status, version, importance, updated, c, v) \
             VALUES ($1, $2, 1, $3, 0, 1, 0.5, 0, $4, $5)";
        self.query(STATE, &[&s, &n, &seq, &c, &v])?;
        let words = node.content.words().into_owned();
        const CONTENT: &str = "INSERT INTO contents (c, n, ns, type, body) VALUES ($1, $2, 1, 0, $3)";
        self.query(CONTENT, &[&c, &n, &words.as_bytes()])?;
        let vector = node.embedding.as_ref().map_or(&[][..], |embedding| &embedding.vector);
        const VECTOR: &str = "INSERT INTO vectors (v, n, id, ns, m, is_live, data) \
             VALUES ($1, $2, $3, 1, 1, true, $4::text::vector)";
        self.query(VECTOR, &[&v, &n, &id, &format!("{vector:?}")])?;
        const TERMS: &str =
            "INSERT INTO words (n, ns, length, terms) VALUES ($1, 1, $2, array_to_tsvector($3))";
        let terms: Vec<&str> = words.split(' ').collect();
        self.query(TERMS, &[&n, &(WORDS as i32), &terms])?;
        const LOG: &str = "INSERT INTO log (seq, ord, op, n, ns, state) VALUES ($1, $2, 0, $3, 1, $4)";
        self.query(LOG, &[&seq, &(self.number as i32), &n, &s]).map(drop)
    }

    /// How many are found nearest: by comparing all of a namespace, or by the graph.
    pub(super) fn nearest(&mut self, to: &[f32], namespace: &str, is_exact: bool) -> Result<usize, Failure> {
        let by = if is_exact { "data".to_owned() } else { format!("data::vector({})", to.len()) };
        let to = format!("{to:?}");
        let sql = format!(
            "SELECT id, {by} <=> $1::text::vector AS far FROM vectors WHERE m = 1 AND is_live AND ns = \
             (SELECT ns FROM namespaces WHERE path = $2) ORDER BY {by} <=> $1::text::vector LIMIT 10"
        );
        Ok(self.query(&sql, &[&to, &namespace])?.len())
    }

    /// How many match one of these words. What matches best is another question here: the database knows no BM25.
    pub(super) fn matches(&mut self, words: &str) -> Result<usize, Failure> {
        const MATCHES: &str = "SELECT k.id FROM words w JOIN nodes k ON k.n = w.n JOIN states s ON s.s = k.current \
             WHERE s.status = 0 AND w.ns = 1 AND w.terms @@ $1::text::tsquery \
             ORDER BY ts_rank_cd(w.terms, $1::text::tsquery) DESC, k.id LIMIT 10";
        Ok(self.query(MATCHES, &[&words])?.len())
    }
}
