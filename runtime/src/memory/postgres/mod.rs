//! Memories on a PostgreSQL server with pgvector: the same promises, where one machine is not enough.
//!
//! A transaction reads what it needs in one round trip, is made in memory (`view`, `write`, `undo`), and is written with
//! its end in another (`rows`). `read`, `words` and `nearest` find, `upkeep` looks after the tables, which `schema` has.
//! `pool` has the connections, `tls` makes them secret, `fault` says what their errors mean.
//!
//! # What is as elsewhere, and what is not
//!
//! Transactions are serializable. Those that write take turns, because the number of a commit is its order; what comes in
//! their way all the same (somebody else's transaction) is done again, a bounded number of times, and
//! [counted](PostgresStore::statistics). A connection that breaks before the end of a transaction was sent is replaced and
//! the transaction done again; after that it is [`Error::Unknown`], and the batch may be committed again.
//!
//! `forget` deletes the rows and vacuums: no statement reads them any more, and the planner keeps samples of no column that says
//! what was remembered. A role that may not vacuum is told so ([`Error::NotErased`]): before version 17 of the server that is
//! everybody but the owner of the tables, who then has to. It does not reach, until their time comes: samples of times and of how
//! important memories were, free places in pages of the tables ([`PostgresStore::rewrite`] writes them anew), the write-ahead
//! log and its archive, standbys until they have replayed it, snapshots of disks, and backups. Copies are made by the server's
//! own means (`pg_basebackup`, `pg_dump`): [`Store::backup`] refuses.
//!
//! When a policy changes whether the words of a kind are indexed, a memory of it follows when its content is revised next.
//!
//! # Whose memories are seen
//!
//! Every row of a memory carries its namespace, and row level security holds roles to what they were
//! [admitted](PostgresStore::admit) to; others see nothing. Within that, [`Config::namespace`] narrows a store further, by the
//! setting `typewright.namespace` of its sessions: that guards against mistakes of the program, not against who may send
//! statements of their own. The owner of the tables and superusers are held to nothing, so that they are refused a
//! namespace. What a role can learn of others: how many commits there were and how much each changed, the names of models,
//! that an id is taken, and that relations lead from others to its memories, or through them. What it forgets is not related to
//! others any more; it undoes no commit of which it sees only a part. All roles write to `head` and `commits`: who may send
//! statements of its own can spoil the store for the others, though not read what they have.
//!
//! Tables of an earlier version are brought up by the first of their owners that opens the store. That takes as long as
//! [`PostgresStore::index`], and nobody can use the store meanwhile; programs of that version cannot write to it any more.
//!
//! # How to grow
//!
//! 1. One server. Memory for the indexes of the vectors (2 kB a vector of 384 numbers) before processors; writers take
//!    turns, so batches are what makes them fast. [`PostgresStore::index`] after a model has come to many vectors.
//! 2. Standbys. Reads of a store go wherever its address points: a second store with the address of a standby reads there,
//!    a little later. `synchronous_commit = remote_apply` with a synchronous standby loses no acknowledged commit when the
//!    primary is lost, and costs a round trip a commit. An address with all hosts and `target_session_attrs=read-write` finds the
//!    primary that was promoted.
//! 3. Stores. Commits are ordered within a store and not between stores: what is never asked together (tenants) belongs
//!    in stores of its own, one [schema](Config::schema) each, first in one database, then on several servers. That multiplies
//!    writers, and is the step to take before any other.
//! 4. Partitions. Where one tenant is too large, `vectors`, `words` and `states` can be partitioned by the list of their `ns`;
//!    an index of vectors a partition is smaller, and filters by namespace skip the others. The keys have to be widened by `ns`
//!    then, which is a migration that this version does not make.
//! 5. Above one server for one store there is nothing here: a distributed PostgreSQL that keeps serializable transactions
//!    and row level security would do; splitting one namespace over servers by hand would break what a commit promises.

mod config;
mod fault;
mod filter;
mod letters;
mod nearest;
mod pool;
mod read;
mod row;
mod rows;
mod schema;
mod tls;
mod undo;
mod upkeep;
mod view;
mod words;
mod write;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::id::Id;
use super::node::MemoryNode;
use super::relation::{Relation, RelationKind};
use super::store::{
    Batch, Census, Change, Commit, Committed, Direction, Filter, Findings, Item, Logged, Match, Nearest,
    Store, Stored,
};
use super::{Error, Namespace, Settings};
use fault::{Fault, Result};
use pool::{Connection, Pool, Taken};
use write::Writing;

pub use config::Config;

/// A store on a server. Several, in this process or others, may be open at once.
///
/// It is blocking, and drives its connections itself: within an asynchronous runtime it is called on threads that may be
/// blocked (`spawn_blocking`). There a thread of its own waits for each answer, which costs some tens of microseconds.
pub struct PostgresStore {
    pool: Pool,
    place: String,
    settings: Arc<Settings>,
    counts: Counts,
    hints: nearest::Hints,
}

#[derive(Default)]
struct Counts {
    commits: AtomicU64,
    retries: AtomicU64,
    reconnections: AtomicU64,
    unknown: AtomicU64,
}

/// What a store has done since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Transactions that were committed.
    pub commits: u64,
    /// Transactions that were done again because another one was in the way.
    pub retries: u64,
    /// Connections that were broken and replaced.
    pub reconnections: u64,
    /// Transactions of which it is not known whether they were committed.
    pub unknown: u64,
}

/// How often what met a broken connection is done again on a new one.
const RECONNECTIONS: u32 = 2;

impl PostgresStore {
    /// Opens a store, and makes its tables where there are none, or only those of an earlier version.
    ///
    /// # Errors
    /// [`Error::Newer`] when a later version has made them, [`Error::ReadOnly`] when they are not there and may not be made,
    /// [`Error::Invalid`] when pgvector is missing or too old, or a namespace is set and the role is held to none.
    pub fn open(config: Config, settings: Arc<Settings>) -> std::result::Result<Self, Error> {
        config.check()?;
        let place = config.place();
        let tls = tls::Tls::new(&config.root_certificates)?;
        let path = |types: &str| format!("{}, {types}", config.schema);
        let first = Pool::new(config.clone(), tls.clone(), path("public"));
        let types = prepared(&first).map_err(|fault| placed(fault.told(&place), &place))?;
        let search_path = path(&types);
        let pool = Pool::new(config, tls, search_path);
        let (counts, hints) = (Counts::default(), nearest::Hints::default());
        let this = Self { pool, place, settings, counts, hints };
        this.check_namespace()?;
        Ok(this)
    }

    /// Owners are held to no namespace: who sets one would only believe to be.
    fn check_namespace(&self) -> std::result::Result<(), Error> {
        if self.pool.config.namespace.is_none() {
            return Ok(());
        }
        const HELD: &str = "SELECT row_security_active('namespaces')";
        match self
            .read(|connection| Ok(connection.query(HELD, &[])?.first().is_some_and(|row| row.get(0))))?
        {
            true => Ok(()),
            false => Err(Error::invalid(
                "the namespace",
                "the role is held to none: it owns the tables, or may do all",
            )),
        }
    }

    /// What it has done since it was opened.
    pub fn statistics(&self) -> Statistics {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Counts { commits, retries, reconnections, unknown } = &self.counts;
        Statistics {
            commits: of(commits),
            retries: of(retries),
            reconnections: of(reconnections),
            unknown: of(unknown),
        }
    }

    /// Lets a role of the server see and change a namespace and what is below it, or all; and vacuum what it has forgotten
    /// (since version 17 of the server).
    ///
    /// # Errors
    /// When there is no such role, or this one does not own the tables.
    pub fn admit(&self, role: &str, to: Option<&Namespace>) -> std::result::Result<(), Error> {
        let path = to.map_or("", Namespace::as_str);
        self.read(|connection| {
            const QUOTED: &str = "SELECT quote_ident(rolname) FROM pg_roles WHERE rolname = $1";
            let rows = connection.query(QUOTED, &[&role])?;
            let missing = || Error::invalid("the role", "the server has none of this name");
            let quoted: String = rows.first().ok_or_else(missing)?.try_get(0)?;
            let schema = &self.pool.config.schema;
            connection.run(&format!(
                "GRANT USAGE ON SCHEMA {schema} TO {quoted}; GRANT SELECT ON meta TO {quoted}; \
                 GRANT SELECT, UPDATE ON head TO {quoted}; GRANT SELECT, INSERT, UPDATE ON commits, models TO {quoted}; \
                 GRANT INSERT ON notes TO {quoted}; GRANT SELECT, INSERT, UPDATE, DELETE ON namespaces, nodes, states, \
                 contents, blobs, vectors, tally, words, relations, log TO {quoted}"
            ))?;
            const MAINTAINED: &str = "SELECT current_setting('server_version_num')::int >= 170000";
            if connection.query(MAINTAINED, &[])?.first().is_some_and(|row| row.get(0)) {
                let holding = upkeep::HOLDING;
                connection.run(&format!("GRANT MAINTAIN ON {holding} TO {quoted}"))?;
            }
            const ADMIT: &str = "INSERT INTO members (role, path) VALUES ($1::text::name, $2) ON CONFLICT DO NOTHING";
            connection.query(ADMIT, &[&role, &path]).map(drop)
        })
    }

    /// Makes indexes of the vectors of models that have [many](Config::indexed_from); how many it made. Others may use the store
    /// meanwhile. Of vectors with more than 4000 numbers there is none. Those with more than 2000 are indexed with numbers of 16
    /// bits: of a model of which some are greater than 65504 there can be none, and once there is, such a vector is refused.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn index(&self) -> std::result::Result<usize, Error> {
        self.read(|connection| upkeep::index(connection, self.pool.config.indexed_from))
    }

    /// Writes the tables anew, so that their files hold nothing of what was deleted, and gives the space back. Nobody can
    /// use them meanwhile. The role has to own the tables, and to be one that may checkpoint.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn rewrite(&self) -> std::result::Result<(), Error> {
        self.read(upkeep::rewrite)
    }

    /// Does something that reads, and may be done twice.
    fn read<T>(&self, work: impl Fn(&mut Connection) -> Result<T>) -> std::result::Result<T, Error> {
        self.reconnected(|taken| work(taken.get()?)).map_err(|fault| fault.told(&self.place))
    }

    /// Does something that writes, all of it or nothing, again as long as others are in the way.
    fn write<T>(&self, work: impl Fn(&mut Connection) -> Result<T>) -> std::result::Result<T, Error> {
        let mut attempt = 0;
        let done = loop {
            match self.reconnected(|taken| rolled_back(taken, &work)) {
                Err(fault) if fault.is_in_the_way() && attempt < self.pool.config.retries => {
                    attempt += 1;
                    self.counts.retries.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(pause(attempt));
                }
                done => break done,
            }
        };
        let count = match &done {
            Ok(_) => Some(&self.counts.commits),
            Err(Fault::Doubt(_)) => Some(&self.counts.unknown),
            Err(_) => None,
        };
        count.map(|count| count.fetch_add(1, Ordering::Relaxed));
        done.map_err(|fault| fault.told(&self.place))
    }

    /// Does something again on a new connection when the one that it had was broken.
    fn reconnected<T>(&self, work: impl Fn(&mut Taken<'_>) -> Result<T>) -> Result<T> {
        let mut attempt = 0;
        loop {
            let mut taken = self.pool.take()?;
            let done = work(&mut taken);
            let Err(fault) = &done else { return done };
            let is_lost = fault.is_lost();
            if is_lost || matches!(fault, Fault::Doubt(_)) {
                taken.lose();
                self.pool.clear();
            }
            // What was not answered in time is not likely to be the next time.
            if !is_lost || matches!(fault, Fault::Late) || attempt == RECONNECTIONS {
                return done;
            }
            attempt += 1;
            self.counts.reconnections.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Reads what is given on row by row, within one transaction. Its beginning may be done twice, and nothing after.
    fn stream<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T>) -> std::result::Result<T, Error> {
        let done = self.begun().and_then(|mut taken| {
            let done = taken.get().and_then(work);
            // What is left of the rows goes with the connection.
            if done.is_err() || taken.get()?.query("COMMIT", &[]).is_err() {
                taken.lose();
            }
            done
        });
        done.map_err(|fault| fault.told(&self.place))
    }

    /// A connection with a transaction that reads.
    fn begun(&self) -> Result<Taken<'_>> {
        let mut attempt = 0;
        loop {
            let mut taken = self.pool.take()?;
            match read::begin(taken.get()?) {
                Ok(()) => return Ok(taken),
                Err(fault) if fault.is_lost() && attempt < RECONNECTIONS => {
                    attempt += 1;
                    taken.lose();
                    self.pool.clear();
                    self.counts.reconnections.fetch_add(1, Ordering::Relaxed);
                }
                Err(fault) => return Err(fault),
            }
        }
    }
}

/// Sees to the tables, and says where the types of pgvector are.
fn prepared(pool: &Pool) -> Result<String> {
    let mut taken = pool.take()?;
    let prepared = schema::prepare(taken.get()?, &pool.config.schema);
    // A transaction that failed goes with its connection.
    taken.lose();
    prepared
}

fn placed(error: Error, at: &str) -> Error {
    match error {
        Error::Newer { found, known, .. } => Error::Newer { place: at.to_owned(), found, known },
        other => other,
    }
}

/// Does something that writes. What fails is rolled back, on a connection that is used again.
fn rolled_back<T>(taken: &mut Taken<'_>, work: impl Fn(&mut Connection) -> Result<T>) -> Result<T> {
    let connection = taken.get()?;
    let done = work(connection);
    let has_failed = done.as_ref().is_err_and(|fault| !fault.is_lost() && !matches!(fault, Fault::Doubt(_)));
    if has_failed && connection.query("ROLLBACK", &[]).is_err() {
        taken.lose();
    }
    done
}

/// Longer each time, and not the same for two.
fn pause(attempt: u32) -> Duration {
    use std::hash::{BuildHasher, RandomState};
    let longest = 2_u64 << attempt.min(8);
    Duration::from_millis(1 + RandomState::new().hash_one(attempt) % longest)
}

impl Store for PostgresStore {
    fn head(&self) -> std::result::Result<Commit, Error> {
        self.read(read::head)
    }

    fn commit(&self, batch: &Batch) -> std::result::Result<Committed, Error> {
        let wanted = view::Wanted::of(batch);
        let committed = self.write(|connection| {
            let view = view::begin(connection, &wanted)?;
            let writing = write::batch(&self.settings, view, batch)?;
            ended(connection, &writing)
        })?;
        if batch.changes.iter().any(|change| matches!(change, Change::Forget { .. })) {
            let not_erased = |source| Error::NotErased { commit: committed.commit, source: Box::new(source) };
            self.read(upkeep::vacuum).map_err(not_erased)?;
        }
        Ok(committed)
    }

    fn undo(&self, commit: Commit) -> std::result::Result<Committed, Error> {
        self.write(|connection| {
            let writing = undo::undo(connection, &self.settings, commit)?;
            ended(connection, &writing)
        })
    }

    fn nodes(&self, ids: &[Id], at: Commit) -> std::result::Result<Vec<MemoryNode>, Error> {
        self.read(|connection| read::nodes(connection, ids, at))
    }

    fn find(&self, filter: &Filter, at: Commit) -> std::result::Result<Vec<MemoryNode>, Error> {
        filter.check()?;
        self.read(|connection| read::find(connection, filter, at))
    }

    fn ids(&self, filter: &Filter) -> std::result::Result<Vec<Id>, Error> {
        filter.check()?;
        self.read(|connection| read::ids(connection, filter))
    }

    fn relations(
        &self,
        ids: &[Id],
        kinds: &[RelationKind],
        direction: Direction,
        at: Commit,
    ) -> std::result::Result<Vec<Relation>, Error> {
        self.read(|connection| read::relations(connection, ids, kinds, direction, at))
    }

    fn matches(&self, words: &str, filter: &Filter, most: usize) -> std::result::Result<Vec<Match>, Error> {
        filter.check()?;
        self.read(|connection| words::matches(connection, words, filter, most))
    }

    fn nearest(&self, asked: &Nearest<'_>) -> std::result::Result<Vec<Match>, Error> {
        asked.filter.check()?;
        self.read(|connection| nearest::nearest(connection, &self.hints, asked))
    }

    fn vectors(
        &self,
        model: &str,
        take: &mut dyn FnMut(Stored) -> std::result::Result<(), Error>,
    ) -> std::result::Result<Commit, Error> {
        self.stream(|connection| read::vectors(connection, model, take))
    }

    fn log(
        &self,
        after: Commit,
        take: &mut dyn FnMut(Logged) -> std::result::Result<(), Error>,
    ) -> std::result::Result<(), Error> {
        self.stream(|connection| read::log(connection, after, take))
    }

    fn expire(&self, most: usize) -> std::result::Result<usize, Error> {
        self.write(|connection| match upkeep::expire(connection, &self.settings, most)? {
            (Some(writing), count) => ended(connection, &writing).map(|_| count),
            (None, count) => connection.query("COMMIT", &[]).map(|_| count),
        })
    }

    fn compact(&self, keep: Duration) -> std::result::Result<(), Error> {
        self.write(|connection| {
            upkeep::compact(connection, &self.settings, keep)?;
            connection.query("COMMIT", &[]).map(drop)
        })?;
        self.read(upkeep::vacuum)
    }

    fn backup(&self, _: &Path) -> std::result::Result<Committed, Error> {
        let reason = "a store on a server is copied by the server: pg_basebackup, or pg_dump";
        Err(Error::invalid("backup", reason))
    }

    fn check(&self) -> std::result::Result<Findings, Error> {
        self.read(upkeep::check)
    }

    fn census(&self) -> std::result::Result<Census, Error> {
        self.read(upkeep::census)
    }

    fn all(
        &self,
        at: Commit,
        take: &mut dyn FnMut(Item) -> std::result::Result<(), Error>,
    ) -> std::result::Result<(), Error> {
        self.stream(|connection| read::all(connection, at, take))
    }

    fn namespaces(&self) -> std::result::Result<Vec<Namespace>, Error> {
        self.read(read::namespaces)
    }
}

/// Writes a transaction and ends it.
fn ended(connection: &mut Connection, writing: &Writing<'_>) -> Result<Committed> {
    rows::commit(connection, writing)?;
    Ok(writing.committed())
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("place", &self.place).finish_non_exhaustive()
    }
}
