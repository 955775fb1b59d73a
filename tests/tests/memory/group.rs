//! Threads that commit at once share transactions of the database: what each is told is what was done, whatever happens to
//! the others.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use typewright_runtime::memory::sqlite::{Config, SqliteStore};
use typewright_runtime::memory::store::{Batch, Change, Commit, Committed, Logged, Store};
use typewright_runtime::memory::{Clock, Content, Error, Id, MemoryNode, Random, Settings, Timestamp};
use typewright_tests::memory::history::History;

use crate::store::Folder;

const THREADS: usize = 8;

/// A clock that holds up the first who asks, in the middle of a transaction, until all others are about to commit.
#[derive(Debug, Default)]
struct Gate {
    entered: AtomicUsize,
    is_held: AtomicBool,
    /// The name of a thread that is not told the time.
    panics: Option<&'static str>,
}

impl Clock for Gate {
    fn now(&self) -> Timestamp {
        if !self.is_held.swap(true, Ordering::SeqCst) {
            while self.entered.load(Ordering::SeqCst) < THREADS {
                thread::yield_now();
            }
            // Between being about to and waiting there is nothing that could be looked at.
            thread::sleep(Duration::from_millis(50));
        }
        let current = thread::current();
        assert!(self.panics.is_none() || Thread::name(&current) != self.panics, "there is no time");
        Timestamp::parse("2026-01-01T00:00:00Z").unwrap()
    }
}

/// What became of the batch of each thread; nothing, where that panicked.
type Told = Vec<Option<Result<Committed, Error>>>;

fn at_once(store: &SqliteStore, gate: &Gate, batches: &[Batch]) -> Told {
    thread::scope(|scope| {
        let work = |batch| {
            gate.entered.fetch_add(1, Ordering::SeqCst);
            store.commit(batch)
        };
        let spawn = |(at, batch)| {
            let builder = thread::Builder::new().name(format!("writer {at}"));
            builder.spawn_scoped(scope, move || work(batch)).unwrap()
        };
        let threads: Vec<_> = batches.iter().enumerate().map(spawn).collect();
        threads.into_iter().map(|thread| thread.join().ok()).collect()
    })
}

struct World {
    store: SqliteStore,
    gate: Arc<Gate>,
    nodes: Vec<MemoryNode>,
    folder: Folder,
}

impl World {
    fn new(name: &str, gate: Gate, config: Config) -> Self {
        let folder = Folder::new(name);
        let gate = Arc::new(gate);
        let settings = Arc::new(Settings::new(Arc::clone(&gate) as Arc<dyn Clock>, Random::new(1)));
        let store = SqliteStore::open(&folder.path().join("store.db"), config, settings).unwrap();
        let mut history = History::new(1);
        let nodes = (0..THREADS).map(|_| history.node()).collect();
        Self { store, gate, nodes, folder }
    }

    /// One memory a thread.
    fn batches(&self) -> Vec<Batch> {
        self.nodes.iter().map(adding).collect()
    }

    fn tell(&self, batches: &[Batch]) -> Told {
        at_once(&self.store, &self.gate, batches)
    }

    /// The memories that are there.
    fn there(&self) -> BTreeSet<Id> {
        let ids: Vec<Id> = self.nodes.iter().map(|node| node.id).collect();
        let found = self.store.nodes(&ids, self.store.head().unwrap()).unwrap();
        found.into_iter().map(|node| node.id).collect()
    }

    /// The memories whose thread was told that they are.
    fn acknowledged(&self, told: &Told) -> BTreeSet<Id> {
        let is_done = |told: &Option<Result<Committed, Error>>| matches!(told, Some(Ok(_)));
        self.nodes.iter().zip(told).filter(|(_, told)| is_done(told)).map(|(node, _)| node.id).collect()
    }

    fn is_whole(&self) {
        assert_eq!(self.store.check().unwrap().0, Vec::<String>::new());
    }
}

fn adding(node: &MemoryNode) -> Batch {
    Batch { changes: vec![Change::Add(Box::new(node.clone()))], ..Batch::default() }
}

fn commits(told: &Told) -> BTreeSet<Commit> {
    told.iter().flatten().flatten().map(|committed| committed.commit).collect()
}

/// The transactions in the log of a database that was never put back: frames that tell how large the database is then.
fn transactions(path: &Path) -> usize {
    let log = std::fs::read(path.join("store.db-wal")).unwrap();
    let page = u32::from_be_bytes(log[8..12].try_into().unwrap()) as usize;
    log[32..].chunks(24 + page).filter(|frame| frame[4..8] != [0; 4]).count()
}

#[test]
fn writers_at_once_share_a_transaction() {
    let world = World::new("group", Gate::default(), Config::default());
    let before = transactions(world.folder.path());
    let told = world.tell(&world.batches());
    assert_eq!(commits(&told), (1..=THREADS as u64).map(Commit).collect());
    let shared = transactions(world.folder.path()) - before;
    assert!(shared < THREADS, "{shared} transactions");
    let mut logged = Vec::new();
    let take = &mut |one: Logged| {
        logged.push(one.commit);
        Ok(())
    };
    world.store.log(Commit(0), take).unwrap();
    assert_eq!(logged, (1..=THREADS as u64).map(Commit).collect::<Vec<_>>());
    assert_eq!(world.there(), world.nodes.iter().map(|node| node.id).collect());
    world.is_whole();
}

/// All but one want to add a memory, and one wants another of the same name: whoever comes later does nothing at all.
#[test]
fn who_fails_fails_alone() {
    let world = World::new("group-fails", Gate::default(), Config::default());
    let mut batches = world.batches();
    let contested = History::new(2).node();
    let mut other = contested.clone();
    other.importance = if other.importance == 1.0 { 0.5 } else { 1.0 };
    for (at, batch) in batches.iter_mut().enumerate() {
        let wanted = if at == THREADS - 1 { &other } else { &contested };
        batch.changes.push(Change::Add(Box::new(wanted.clone())));
    }
    let told = world.tell(&batches);
    let fails = |told: &Option<Result<Committed, Error>>| match told {
        Some(Err(Error::Exists { id })) => *id == contested.id,
        Some(Ok(_)) => false,
        other => panic!("{other:?}"),
    };
    let failed = told.iter().filter(|told| fails(told)).count();
    assert_eq!(failed, if fails(&told[THREADS - 1]) { 1 } else { THREADS - 1 }, "{told:?}");
    assert_eq!(world.there(), world.acknowledged(&told));
    assert_eq!(commits(&told), (1..=(THREADS - failed) as u64).map(Commit).collect());
    world.is_whole();
}

#[test]
fn who_panics_takes_nobody_along() {
    let gate = Gate { panics: Some("writer 3"), ..Gate::default() };
    let world = World::new("group-panics", gate, Config::default());
    let told = world.tell(&world.batches());
    assert!(told[3].is_none());
    assert_eq!(told.iter().filter(|told| matches!(told, Some(Ok(_)))).count(), THREADS - 1, "{told:?}");
    assert_eq!(world.there(), world.acknowledged(&told));
    world.is_whole();
    world.store.commit(&adding(&world.nodes[3])).unwrap();
    assert_eq!(world.there().len(), THREADS);
}

/// Each finds room or is told that there is none, and what was taken back with others is done by itself.
#[test]
fn who_finds_no_room_takes_nobody_along() {
    let config = Config { most_bytes: Some(600_000), ..Config::default() };
    let mut world = World::new("group-full", Gate::default(), config);
    for node in world.nodes.iter_mut().step_by(2) {
        node.content = Content::Text("word ".repeat(30_000));
    }
    let told = world.tell(&world.batches());
    assert!(told.iter().all(|told| matches!(told, Some(Ok(_) | Err(Error::Full { .. })))), "{told:?}");
    assert!(told.iter().any(|told| matches!(told, Some(Err(_)))));
    assert!(told.iter().skip(1).step_by(2).all(|told| matches!(told, Some(Ok(_)))), "{told:?}");
    assert_eq!(world.there(), world.acknowledged(&told));
    world.is_whole();
}

/// Other work on the file ends what is open before it begins.
#[test]
fn upkeep_comes_between() {
    let world = World::new("group-upkeep", Gate::default(), Config::default());
    let told = thread::scope(|scope| {
        let upkeep = scope.spawn(|| {
            while world.gate.entered.load(Ordering::SeqCst) < THREADS {
                thread::yield_now();
            }
            for _ in 0..5 {
                world.store.expire(10).unwrap();
                world.store.compact(Duration::from_secs(3600)).unwrap();
            }
        });
        let told = world.tell(&world.batches());
        upkeep.join().unwrap();
        told
    });
    assert_eq!(commits(&told), (1..=THREADS as u64).map(Commit).collect());
    assert_eq!(world.there().len(), THREADS);
    world.is_whole();
}

/// Another program is not kept from writing: what it has done is seen.
#[test]
fn what_another_program_writes_is_seen() {
    let world =
        World::new("group-other", Gate { is_held: true.into(), ..Gate::default() }, Config::default());
    let [one, two] = [0, 1].map(|at| adding(&world.nodes[at]));
    world.store.commit(&one).unwrap();
    let other = rusqlite::Connection::open(world.folder.path().join("store.db")).unwrap();
    other.execute_batch("INSERT INTO commits (seq, at, log) VALUES (2, 1767225600000000, '')").unwrap();
    assert_eq!(world.store.commit(&two).unwrap().commit, Commit(3));
    // It gave its row no sum.
    let found = world.store.check().unwrap().0;
    assert_eq!(found, ["1 rows of commits that are not what was written"]);
}
