//! What is near, by the indexes of a store: the same as comparing every vector that it has.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use typewright_runtime::memory::sqlite::{Config, SqliteStore};
use typewright_runtime::memory::store::{Commit, Filter, Match, Nearest, Search, Store, Transaction, exact};
use typewright_runtime::memory::{Embedding, Error, Id, Kind, MemoryDraft, Namespace, Settings, index};
use typewright_tests::memory::history::History;
use typewright_tests::memory::oracle::Oracle;

use crate::store::{Engine, Folder, on_each_store, open, settings};

on_each_store!(what_is_no_number_is_refused_and_more_than_there_is_can_be_asked_for);

fn query(history: &mut History) -> Embedding {
    let (model, len) = [("small", 3), ("large", 5), ("none", 4)][history.random.usize(..3)];
    let vector = (0..len).map(|_| history.random.f32() - 0.3).collect();
    Embedding { model: model.to_owned(), vector }
}

fn both(store: &dyn Store, asked: &Nearest<'_>) -> (Vec<Match>, Vec<Match>) {
    (store.nearest(asked).unwrap(), exact(store, asked).unwrap())
}

/// Histories with undone, ended and forgotten memories, with logs that are compacted while an index lags.
fn run(seed: u64, steps: usize) {
    let folder = Folder::new("index");
    let path = folder.path().join("store.db");
    let (clock, settings) = settings();
    let mut store = open(&path, &settings).unwrap();
    let (mut oracle, mut history) = (Oracle::default(), History::new(seed));
    let mut found_any = 0;
    for step in 0..steps {
        if history.random.u32(..12) == 0 && oracle.head() > 0 {
            let commit = history.random.usize(1..=oracle.head());
            clock.set(history.now());
            let undone = store.undo(Commit(commit as u64)).is_ok();
            assert_eq!(undone, oracle.undo(commit, history.now()).is_ok());
        } else {
            let batch = history.batch(&oracle);
            assert_eq!(store.commit(&batch).is_ok(), oracle.commit(&batch, history.now()).is_ok());
        }
        match history.random.u32(..30) {
            0 => {
                drop(store);
                store = open(&path, &settings).unwrap();
            }
            1 => {
                // A log that is gone cannot be undone any more: this is the end of the comparison with the oracle, not
                // of the one with the store itself.
                clock.set(history.now());
                store.compact(Duration::ZERO).unwrap();
                let (to, filter) = (query(&mut history), history.filter());
                let asked = Nearest { to: &to, filter: &filter, most: 5, search: Search::Exact };
                let (found, expected) = both(&store, &asked);
                assert_eq!(found, expected, "seed {seed}, step {step}: compacted");
                return;
            }
            2..10 => continue,
            _ => {}
        }
        let (to, filter) = (query(&mut history), history.filter());
        let search = [Search::Exact, Search::Recall(0.9)][history.random.usize(..2)];
        let asked = Nearest { to: &to, filter: &filter, most: history.random.usize(..8), search };
        let (found, expected) = both(&store, &asked);
        assert_eq!(found, expected, "seed {seed}, step {step}: {filter:?}");
        found_any += usize::from(!found.is_empty());
    }
    assert!(found_any > steps / 20, "{found_any}");
}

#[test]
fn random_histories_are_searched_as_comparing_all_does() {
    for seed in 100..112 {
        run(seed, 200);
    }
}

/// A store whose indexes have graphs, and files of them.
fn open_small(path: &Path, settings: &Arc<Settings>) -> Arc<SqliteStore> {
    let shape = index::Settings { crossover: 100, links: 8, candidates: 40, threads: 2, seed: 1 };
    let config = Config { is_durable: false, index: shape, ..Config::default() };
    Arc::new(SqliteStore::open(path, config, Arc::clone(settings)).unwrap())
}

fn vector(random: &mut fastrand::Rng) -> Vec<f32> {
    (0..24).map(|_| random.f32() - 0.5).collect()
}

fn add(
    store: &Arc<SqliteStore>,
    settings: &Arc<Settings>,
    random: &mut fastrand::Rng,
    count: usize,
) -> Vec<Id> {
    let mut transaction =
        Transaction::begin(Arc::clone(store) as Arc<dyn Store>, Arc::clone(settings)).unwrap();
    let draft =
        |vector| MemoryDraft::new(Namespace::new("a").unwrap(), Kind::Fact, "x").embedding("m", vector);
    let ids = (0..count).map(|_| transaction.add(draft(vector(random))).unwrap()).collect();
    transaction.commit().unwrap();
    ids
}

fn forget(store: &Arc<SqliteStore>, settings: &Arc<Settings>, id: Id) {
    let mut transaction =
        Transaction::begin(Arc::clone(store) as Arc<dyn Store>, Arc::clone(settings)).unwrap();
    transaction.forget(id);
    transaction.commit().unwrap();
}

/// The files of graphs in a folder.
fn files(folder: &Folder) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "index")).collect()
}

/// Waits until the graph is in its file.
fn file(folder: &Folder) -> PathBuf {
    let began = Instant::now();
    loop {
        if let [file] = files(folder).as_slice() {
            return file.clone();
        }
        assert!(began.elapsed() < Duration::from_secs(60), "no file of the graph");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// As many are found as are asked for, by either way; nearly all that are nearest, and no others by comparing all.
fn works(store: &SqliteStore, random: &mut fastrand::Rng) {
    let filter = Filter::of(Namespace::new("a").unwrap());
    let mut hits = 0;
    for _ in 0..20 {
        let to = Embedding { model: "m".to_owned(), vector: vector(random) };
        let ask = |search| Nearest { to: &to, filter: &filter, most: 10, search };
        let (found, expected) = both(store, &ask(Search::Exact));
        assert_eq!(found, expected);
        let found = store.nearest(&ask(Search::Recall(0.95))).unwrap();
        assert_eq!(found.len(), 10);
        hits += found.iter().filter(|one| expected.contains(one)).count();
    }
    assert!(hits >= 180, "{hits} of 200");
}

#[test]
fn a_graph_is_kept_beside_the_store_and_nothing_of_what_is_forgotten_in_it() {
    let folder = Folder::new("graph");
    let path = folder.path().join("store.db");
    let (_, settings) = settings();
    let mut random = fastrand::Rng::with_seed(1);
    let store = open_small(&path, &settings);
    let ids = add(&store, &settings, &mut random, 600);
    works(&store, &mut random);
    let kept = file(&folder);
    let bytes_of = |id: Id| id.as_u128().to_le_bytes();
    let has = |bytes: &[u8], id: Id| bytes.windows(16).any(|window| window == bytes_of(id));
    assert!(ids.iter().all(|id| has(&std::fs::read(&kept).unwrap(), *id)));
    forget(&store, &settings, ids[7]);
    assert_eq!(files(&folder), Vec::<PathBuf>::new(), "gone before it returns");
    works(&store, &mut random);
    drop(store);
    let bytes = std::fs::read(&kept).unwrap();
    assert!(!has(&bytes, ids[7]) && has(&bytes, ids[8]));
    // Opened again, it goes on where it was, also after changes that it has not seen.
    let store = open_small(&path, &settings);
    add(&store, &settings, &mut random, 30);
    works(&store, &mut random);
    drop(store);
    let whole = std::fs::read(&kept).unwrap();
    for _ in 0..12 {
        let mut damaged = whole.clone();
        match random.u8(..3) {
            0 => damaged.truncate(random.usize(..damaged.len())),
            1 => damaged.clear(),
            _ => (0..4).for_each(|_| damaged[random.usize(..whole.len())] ^= random.u8(1..)),
        }
        std::fs::write(&kept, &damaged).unwrap();
        let store = open_small(&path, &settings);
        works(&store, &mut random);
    }
    // Forgetting needs no index to be there.
    std::fs::write(&kept, &whole).unwrap();
    let store = open_small(&path, &settings);
    forget(&store, &settings, ids[8]);
    assert_eq!(files(&folder), Vec::<PathBuf>::new());
    works(&store, &mut random);
}

#[test]
fn threads_search_while_others_write() {
    let folder = Folder::new("threads");
    let (_, settings) = settings();
    let store = open_small(&folder.path().join("store.db"), &settings);
    let mut random = fastrand::Rng::with_seed(1);
    let first = add(&store, &settings, &mut random, 300);
    std::thread::scope(|scope| {
        for seed in 0..2 {
            let store = &store;
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(seed);
                let filter = Filter::of(Namespace::new("a").unwrap());
                for _ in 0..150 {
                    let to = Embedding { model: "m".to_owned(), vector: vector(&mut random) };
                    let asked = Nearest { to: &to, filter: &filter, most: 7, search: Search::Recall(0.95) };
                    assert_eq!(store.nearest(&asked).unwrap().len(), 7);
                }
            });
        }
        for id in first.iter().take(40) {
            let mut transaction =
                Transaction::begin(Arc::clone(&store) as Arc<dyn Store>, Arc::clone(&settings)).unwrap();
            transaction.expire(*id).unwrap();
            transaction.commit().unwrap();
            add(&store, &settings, &mut random, 3);
        }
    });
    works(&store, &mut random);
}

fn what_is_no_number_is_refused_and_more_than_there_is_can_be_asked_for(on: Engine) {
    let place = on.place("odd");
    let (namespace, mut random) = (Namespace::new("a").unwrap(), fastrand::Rng::with_seed(1));
    let mut transaction = place.begin();
    for _ in 0..40 {
        let draft = MemoryDraft::new(namespace.clone(), Kind::Fact, "x");
        transaction.add(draft.embedding("m", vector(&mut random))).unwrap();
    }
    transaction.commit().unwrap();
    let (store, filter) = (&*place.store, Filter::of(namespace));
    let mut to = Embedding { model: "m".to_owned(), vector: vector(&mut random) };
    let searches = [Search::Exact, Search::Recall(0.9)];
    for (most, search) in
        [usize::MAX, 1 << 60].into_iter().flat_map(|most| searches.map(|search| (most, search)))
    {
        let (found, expected) = both(store, &Nearest { to: &to, filter: &filter, most, search });
        assert_eq!((found.len(), found), (40, expected));
    }
    for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        to.vector[3] = wrong;
        for search in searches {
            let asked = Nearest { to: &to, filter: &filter, most: 5, search };
            let told = [store.nearest(&asked), exact(store, &asked)];
            assert!(told.iter().all(|told| matches!(told, Err(Error::Invalid { .. }))), "{told:?}");
            assert_eq!(format!("{:?}", told[0]), format!("{:?}", told[1]));
        }
    }
}
