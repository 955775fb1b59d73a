//! What an operator asks of a store in a file: whether its indexes have what it has, how far they lag, how much room is left.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use typewright_runtime::memory::health::{Config, Finding, Health, Lag, examine};
use typewright_runtime::memory::sqlite::{self, SqliteStore};
use typewright_runtime::memory::store::measured::Measured;
use typewright_runtime::memory::store::{Batch, Change, Commit, Derived, Filter, Nearest, Search, Store};
use typewright_runtime::memory::{Content, Embedding, Error, Id, MemoryNode, Namespace, index};
use typewright_tests::memory::history::History;
use typewright_tests::memory::search::cosine;

use crate::store::{Folder, settings};

const LEN: usize = 8;
const NEAREST: usize = 10;

fn vector(history: &mut History) -> Embedding {
    let vector = (0..LEN).map(|_| history.random.f32() - 0.5).collect();
    Embedding { model: "m".to_owned(), vector }
}

/// Memories of one namespace, each with a vector.
fn nodes(history: &mut History, count: usize) -> Vec<MemoryNode> {
    let one = |_| MemoryNode {
        namespace: Namespace::new("a").unwrap(),
        content: Content::text("x".repeat(500)),
        embedding: Some(vector(history)),
        ..history.node()
    };
    (0..count).map(one).collect()
}

fn add(store: &SqliteStore, nodes: &[MemoryNode]) -> Result<(), Error> {
    let changes = nodes.iter().map(|node| Change::Add(Box::new(node.clone()))).collect();
    store.commit(&Batch { changes, ..Batch::default() }).map(drop)
}

fn configured(path: &Path, config: sqlite::Config) -> SqliteStore {
    SqliteStore::open(path, sqlite::Config { is_durable: false, ..config }, settings().1).unwrap()
}

fn ask(store: &SqliteStore, to: &Embedding) {
    let filter = Filter::of(Namespace::new("a").unwrap());
    let asked = Nearest { to, filter: &filter, most: NEAREST, search: Search::Recall(0.9) };
    assert_eq!(store.nearest(&asked).unwrap().len(), NEAREST);
}

/// Looks at all vectors, and changes nothing.
fn looked(store: &dyn Store) -> Health {
    examine(store, &Config { samples: 1000, nearest: NEAREST, commits: false, ..Config::default() }).unwrap()
}

/// A store whose index has seen these memories, while its tables have others, of the same commit.
fn swapped(folder: &Folder, indexed: &[MemoryNode], stored: &[MemoryNode]) -> SqliteStore {
    let (here, there) = (folder.path().join("here.db"), folder.path().join("there.db"));
    add(&configured(&there, sqlite::Config::default()), stored).unwrap();
    let store = configured(&here, sqlite::Config::default());
    add(&store, indexed).unwrap();
    ask(&store, indexed[0].embedding.as_ref().unwrap());
    let other = Connection::open(&here).unwrap();
    other
        .execute_batch(&format!("PRAGMA foreign_keys = OFF; ATTACH '{}' AS there; BEGIN", there.display()))
        .unwrap();
    for table in ["namespaces", "models", "nodes", "states", "contents", "vectors", "commits"] {
        let swap = format!("DELETE FROM main.{table}; INSERT INTO main.{table} SELECT * FROM there.{table}");
        other.execute_batch(&swap).unwrap();
    }
    other.execute_batch("COMMIT").unwrap();
    store
}

/// The nearest of memories to a vector, with their scores.
fn top(nodes: &[MemoryNode], to: &Embedding) -> Vec<(Id, f64)> {
    let score = |node: &MemoryNode| (node.id, cosine(&node.embedding.as_ref().unwrap().vector, &to.vector));
    let mut all: Vec<(Id, f64)> = nodes.iter().map(score).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all.truncate(NEAREST);
    all
}

/// Of how many stored memories an index of others tells other nearest ones, and the share of those that are true.
fn differences(indexed: &[MemoryNode], stored: &[MemoryNode]) -> (usize, f64) {
    let (mut differing, mut found) = (0, 0);
    for node in stored {
        let to = node.embedding.as_ref().unwrap();
        let (told, is) = (top(indexed, to), top(stored, to));
        differing += usize::from(told != is);
        found += told.iter().filter(|one| is.contains(one)).count();
    }
    (differing, found as f64 / (stored.len() * NEAREST) as f64)
}

/// Looks at a store whose index has other memories; what is found, and what was to be.
fn compared(name: &str, indexed: &[MemoryNode], stored: &[MemoryNode]) -> (Vec<Finding>, usize) {
    let folder = Folder::new(name);
    let store = swapped(&folder, indexed, stored);
    let health = looked(&store);
    let (differing, recall) = differences(indexed, stored);
    assert_eq!(health.recall["m"], recall, "{name}");
    assert_eq!(health.lag["m"].after, Some(0), "{name}");
    // An index that is made anew is right.
    drop(store);
    let again = looked(&configured(&folder.path().join("here.db"), sqlite::Config::default()));
    assert!(again.is_good() && again.recall["m"] == 1.0, "{name}: {:?}", again.findings);
    (health.findings, differing)
}

#[test]
fn an_index_with_other_rows_than_the_store_is_found_out() {
    let mut history = History::new(3);
    let all = nodes(&mut history, 300);
    let (findings, differing) = compared("same", &all, &all);
    assert!(findings.is_empty() && differing == 0, "{findings:?}");

    let (findings, differing) = compared("missing", &all[1..], &all);
    assert!(
        matches!(&findings[..], [Finding::Rows { indexed: 299, stored: 300, .. }, Finding::Differs { searches, .. }]
            if *searches == differing && differing > 0),
        "{differing}: {findings:?}"
    );

    let (findings, differing) = compared("foreign", &all, &all[1..]);
    assert!(
        matches!(&findings[..], [Finding::Rows { indexed: 300, stored: 299, .. }, Finding::Differs { searches, .. }]
            if *searches == differing && differing > 0),
        "{differing}: {findings:?}"
    );

    // As many rows, and one of them with another vector.
    let mut wrong = all.clone();
    wrong[7].embedding = Some(vector(&mut history));
    let (findings, differing) = compared("wrong", &wrong, &all);
    assert!(
        matches!(&findings[..], [Finding::Differs { searches, .. }] if *searches == differing && differing > 0),
        "{differing}: {findings:?}"
    );
}

/// Half of the vectors are others: that is too little for what is asked by recall, too.
#[test]
fn an_index_of_other_vectors_finds_too_little() {
    let mut history = History::new(4);
    let all = nodes(&mut history, 200);
    let mut wrong = all.clone();
    wrong.iter_mut().step_by(2).for_each(|node| node.embedding = Some(vector(&mut history)));
    let (findings, differing) = compared("half", &wrong, &all);
    assert!(
        matches!(&findings[..], [Finding::Recall { found, .. }, Finding::Differs { searches, .. }]
            if *found < 0.6 && *searches == differing && differing == 200),
        "{differing}: {findings:?}"
    );
}

#[test]
fn an_index_lags_until_it_is_asked() {
    let folder = Folder::new("lag");
    let store = configured(&folder.path().join("store.db"), sqlite::Config::default());
    let mut history = History::new(5);
    let all = nodes(&mut history, 33);
    add(&store, &all[..30]).unwrap();
    let seen = || store.indexes().unwrap().into_iter().map(|index: Derived| index.seen).collect::<Vec<_>>();
    assert_eq!(seen(), [None]);
    let lag = |health: &Health| health.lag["m"];
    let first = looked(&store);
    assert!(first.is_good() && matches!(lag(&first), Lag { before: None, after: Some(0), file: None, .. }));
    assert_eq!(seen(), [Some((Commit(1), 30))]);
    all[30..].iter().for_each(|node| add(&store, std::slice::from_ref(node)).unwrap());
    assert_eq!(seen(), [Some((Commit(1), 30))]);
    // Without a probe, nobody asks the index, and that it lags is no fault.
    let config = Config { samples: 0, commits: false, ..Config::default() };
    let idle = examine(&store, &config).unwrap();
    assert!(idle.is_good() && matches!(lag(&idle), Lag { before: Some(3), after: None, file: None, .. }));
    let second = looked(&store);
    assert!(second.is_good() && matches!(lag(&second), Lag { before: Some(3), after: Some(0), .. }));
    assert_eq!(seen(), [Some((Commit(4), 33))]);
    // What is forgotten is out of the index before that returns.
    let changes = vec![Change::Forget { id: all[3].id }];
    store.commit(&Batch { changes, ..Batch::default() }).unwrap();
    assert_eq!(seen(), [Some((Commit(5), 32))]);
}

#[test]
fn the_file_of_an_index_lags_too() {
    let folder = Folder::new("file");
    let path = folder.path().join("store.db");
    let shape = index::Settings { crossover: 100, links: 8, candidates: 40, threads: 2, seed: 1 };
    let open = || configured(&path, sqlite::Config { index: shape.clone(), ..sqlite::Config::default() });
    let store = open();
    let mut history = History::new(6);
    let all = nodes(&mut history, 402);
    add(&store, &all[..400]).unwrap();
    ask(&store, all[0].embedding.as_ref().unwrap());
    let saved = |store: &SqliteStore| store.indexes().unwrap()[0].saved;
    let began = Instant::now();
    while saved(&store).is_none() {
        assert!(began.elapsed() < Duration::from_secs(60), "no file of the graph");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(saved(&store), Some(Commit(1)));
    all[400..].iter().for_each(|node| add(&store, std::slice::from_ref(node)).unwrap());
    let health = looked(&store);
    assert!(health.is_good(), "{:?}", health.findings);
    assert!(matches!(health.lag["m"], Lag { before: Some(2), after: Some(0), file: Some(2), .. }));
    drop(store);
    // What is no file of an index says nothing.
    let entries = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let file = entries.into_iter().find(|path| path.extension().is_some_and(|name| name == "index")).unwrap();
    for content in [&b"TwIx"[..], &[0; 100]] {
        std::fs::write(&file, content).unwrap();
        assert_eq!(saved(&open()), None);
    }
}

#[test]
fn what_is_left_of_a_limit_is_told() {
    const MOST: u64 = 400_000;
    const PAGE: u64 = 4096;
    let folder = Folder::new("limit");
    let config = sqlite::Config { most_bytes: Some(MOST), ..sqlite::Config::default() };
    let store = configured(&folder.path().join("store.db"), config);
    let left = || store.room().unwrap().limit.unwrap();
    let mut history = History::new(7);
    let last = loop {
        let census = store.census().unwrap();
        assert_eq!(left(), MOST / PAGE * PAGE - census.bytes + census.free_bytes);
        match add(&store, &nodes(&mut history, 1)) {
            Err(Error::Full { .. }) => break left(),
            told => told.unwrap(),
        }
    };
    // One memory takes a few pages.
    assert!(last < 16 * PAGE, "{last}");
    let with = |room| {
        let config = Config { room, commits: false, samples: 0, ..Config::default() };
        examine(&store, &config).unwrap().findings
    };
    assert!(matches!(&with(last + 1)[..], [Finding::Limit { left }] if *left == last), "{last}");
    assert!(with(last).is_empty());
    // What is forgotten gives its space back.
    let ids = store.ids(&Filter::of(Namespace::new("a").unwrap())).unwrap();
    let store = Arc::new(store);
    for id in ids.iter().step_by(2) {
        match store.commit(&Batch { changes: vec![Change::Forget { id: *id }], ..Batch::default() }) {
            Ok(_) | Err(Error::NotErased { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(store.room().unwrap().limit.unwrap() > last + 4 * PAGE);
}

#[cfg(unix)]
#[test]
fn what_is_free_on_the_disk_is_what_the_system_says() {
    let folder = Folder::new("free");
    let store = configured(&folder.path().join("store.db"), sqlite::Config::default());
    assert_eq!(store.room().unwrap().limit, None);
    let system = || {
        let said = nix::sys::statvfs::statvfs(folder.path()).unwrap();
        said.blocks_available() as u64 * said.fragment_size() as u64
    };
    // Others write there, too: what was the same before and after was so in between.
    let same = (0..1000).find_map(|_| {
        let (before, told, after) = (system(), store.room().unwrap().disk, system());
        (before == after).then_some((before, told))
    });
    let (free, told) = same.unwrap();
    assert_eq!(told, Some(free));
    let with = |room| {
        let config = Config { room, commits: false, ..Config::default() };
        examine(&store, &config).unwrap().findings
    };
    assert!(matches!(with(u64::MAX)[..], [Finding::Disk { left }] if left > 0));
    assert!(with(0).is_empty());
}

#[test]
fn a_store_that_counts_tells_the_same() {
    let folder = Folder::new("counted");
    let config = sqlite::Config { most_bytes: Some(1 << 20), ..sqlite::Config::default() };
    let store = Arc::new(configured(&folder.path().join("store.db"), config));
    let all = nodes(&mut History::new(8), 20);
    add(&store, &all).unwrap();
    ask(&store, all[0].embedding.as_ref().unwrap());
    let measured = Measured::new(Arc::clone(&store) as Arc<dyn Store>);
    let metrics = measured.metrics();
    assert_eq!(measured.indexes().unwrap(), store.indexes().unwrap());
    assert_eq!(measured.room().unwrap().limit, store.room().unwrap().limit);
    let counted: Vec<_> = metrics.read().iter().map(|one| (one.operation, one.count)).collect();
    assert_eq!(counted, [("indexes", 1), ("room", 1)]);
}
