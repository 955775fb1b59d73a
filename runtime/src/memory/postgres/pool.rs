//! Connections to the server: a bounded number of them, each with an executor of its own, so that whoever has one drives
//! it on the thread that it is on. What is asked together travels together, in one round trip.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, RowStream, Statement};

use super::config::Config;
use super::fault::{Fault, Result};
use super::tls::Tls;

/// What is asked of the server, and with which values.
pub(super) struct Asked<'a> {
    pub(super) sql: &'a str,
    pub(super) values: Vec<&'a (dyn ToSql + Sync)>,
}

impl<'a> Asked<'a> {
    pub(super) fn new(sql: &'a str, values: &[&'a (dyn ToSql + Sync)]) -> Self {
        Self { sql, values: values.to_vec() }
    }

    pub(super) fn plain(sql: &'a str) -> Self {
        Self { sql, values: Vec::new() }
    }
}

/// A connection. Whoever has it has it alone.
pub(super) struct Connection {
    client: Client,
    /// Driven by what is asked; `None` when it is dropped.
    runtime: Option<Runtime>,
    statements: HashMap<String, Statement>,
    patience: Duration,
}

/// The most statements that a connection keeps prepared.
const STATEMENTS: usize = 256;

impl Connection {
    fn open(config: &Config, tls: &Tls, search_path: &str) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Fault::Started)?;
        let connecting = async {
            let connecting = config.server.connect(tls.clone());
            tokio::time::timeout(config.patience, connecting).await
        };
        let (client, connection) = wait(&runtime, connecting)?.map_err(|_| Fault::Late)??;
        runtime.spawn(connection);
        let (patience, statements) = (config.patience, HashMap::new());
        let mut this = Self { client, runtime: Some(runtime), statements, patience };
        this.prepare_session(config, search_path)?;
        Ok(this)
    }

    fn prepare_session(&mut self, config: &Config, search_path: &str) -> Result<()> {
        let namespace = config.namespace.as_ref().map_or("", |namespace| namespace.as_str());
        let millis = config.patience.as_millis().to_string();
        // A statement's own limit would also end the wait for a standby, and call that a commit: it is ours that holds.
        let settings = [
            ("search_path", search_path),
            ("lock_timeout", millis.as_str()),
            ("statement_timeout", "0"),
            ("idle_in_transaction_session_timeout", millis.as_str()),
            ("bytea_output", "hex"),
            // Compiling a question takes longer than answering it.
            ("jit", "off"),
            ("typewright.namespace", namespace),
        ];
        const SET: &str = "SELECT set_config($1, $2, false)";
        for (name, value) in settings {
            self.query(SET, &[&name, &value])?;
        }
        Ok(())
    }

    fn drive<T: Send>(&self, work: impl Future<Output = T> + Send) -> Result<T> {
        let Some(runtime) = &self.runtime else { return Err(Fault::Late) };
        let patience = self.patience;
        // Twice, so that the server is the first to say that another holds a lock.
        let timed = async move { tokio::time::timeout(patience * 2, work).await };
        wait(runtime, timed)?.map_err(|_| Fault::Late)
    }

    fn prepared(&mut self, sql: &str) -> Result<Statement> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        if self.statements.len() >= STATEMENTS {
            self.statements.clear();
        }
        let statement = self.drive(self.client.prepare(sql))??;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    pub(super) fn query(&mut self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>> {
        let statement = self.prepared(sql)?;
        Ok(self.drive(self.client.query(&statement, values))??)
    }

    /// Prepares what will be asked: nothing is sent between the first and the last of what is then asked together.
    pub(super) fn prepare(&mut self, asked: &[Asked<'_>]) -> Result<()> {
        asked.iter().try_for_each(|one| self.prepared(one.sql).map(drop))
    }

    /// Asks all in one round trip. The first error, if there is one; the server has answered everything then.
    pub(super) fn all(&mut self, asked: &[Asked<'_>]) -> Result<Vec<Vec<Row>>> {
        self.prepare(asked)?;
        let statements: Vec<Statement> =
            asked.iter().map(|one| self.prepared(one.sql)).collect::<Result<_>>()?;
        let sent = asked.iter().zip(&statements);
        let answers = sent.map(|(one, statement)| self.client.query(statement, &one.values));
        Ok(self.drive(together(answers.collect()))?.into_iter().collect::<std::result::Result<_, _>>()?)
    }

    /// Asks for rows that are not held in memory together.
    pub(super) fn stream(&mut self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<RowStream> {
        let statement = self.prepared(sql)?;
        // Of a known length, as the driver wants it.
        Ok(self.drive(self.client.query_raw(&statement, values.to_vec()))??)
    }

    /// The next row. What is done with it is done outside of the executor, so that it may use the store.
    pub(super) fn next(&self, rows: &mut Pin<Box<RowStream>>) -> Result<Option<Row>> {
        use futures_core::Stream as _;
        let row = self.drive(poll_fn(|cx| rows.as_mut().poll_next(cx)))?;
        Ok(row.transpose()?)
    }

    /// Does what takes long and stands in no transaction.
    pub(super) fn run(&mut self, sql: &str) -> Result<()> {
        let Some(runtime) = &self.runtime else { return Err(Fault::Late) };
        Ok(wait(runtime, self.client.batch_execute(sql))??)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // An executor must not be waited for within another.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Waits for work on an executor of ours. Within another one that must not be: there a thread of its own waits, and who asked
/// is blocked as by every store.
fn wait<T: Send>(runtime: &Runtime, work: impl Future<Output = T> + Send) -> Result<T> {
    if Handle::try_current().is_err() {
        return Ok(runtime.block_on(work));
    }
    std::thread::scope(|scope| {
        let waiting = std::thread::Builder::new().spawn_scoped(scope, || runtime.block_on(work));
        waiting.map_err(Fault::Started)?.join().map_err(|_| Fault::Late)
    })
}

/// All of them, in this order from the first poll on, until the last is done.
async fn together<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut open: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    poll_fn(|cx| {
        let mut is_done = true;
        for (future, output) in &mut open {
            if output.is_none() {
                match pin!(future).poll(cx) {
                    Poll::Ready(ready) => *output = Some(ready),
                    Poll::Pending => is_done = false,
                }
            }
        }
        if is_done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    open.into_iter().filter_map(|(_, output)| output).collect()
}

/// The connections of a store.
pub(super) struct Pool {
    pub(super) config: Config,
    tls: Tls,
    search_path: String,
    held: Mutex<Held>,
    freed: Condvar,
}

#[derive(Default)]
struct Held {
    idle: Vec<Connection>,
    out: usize,
}

impl Pool {
    pub(super) fn new(config: Config, tls: Tls, search_path: String) -> Self {
        Self { config, tls, search_path, held: Mutex::default(), freed: Condvar::new() }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection, once there is one.
    pub(super) fn take(&self) -> Result<Taken<'_>> {
        let until = Instant::now() + self.config.patience;
        let mut held = self.held();
        while held.out >= self.config.connections {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Fault::Busy);
            }
            held = self.freed.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        held.out += 1;
        let idle = held.idle.pop();
        drop(held);
        let mut taken = Taken { pool: self, connection: idle };
        if taken.connection.as_ref().is_none_or(Connection::is_closed) {
            taken.connection = Some(Connection::open(&self.config, &self.tls, &self.search_path)?);
        }
        Ok(taken)
    }

    /// Drops what is idle: after one connection has broken, the others are likely to have.
    pub(super) fn clear(&self) {
        let idle = std::mem::take(&mut self.held().idle);
        drop(idle);
    }
}

/// A connection that goes back when it is dropped, if it was not [lost](Self::lose).
pub(super) struct Taken<'a> {
    pool: &'a Pool,
    connection: Option<Connection>,
}

impl Taken<'_> {
    pub(super) fn get(&mut self) -> Result<&mut Connection> {
        self.connection.as_mut().ok_or(Fault::Late)
    }

    /// It is not used again.
    pub(super) fn lose(&mut self) {
        self.connection = None;
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let connection = self.connection.take().filter(|connection| !connection.is_closed());
        let mut held = self.pool.held();
        held.out -= 1;
        held.idle.extend(connection);
        drop(held);
        self.pool.freed.notify_one();
    }
}
