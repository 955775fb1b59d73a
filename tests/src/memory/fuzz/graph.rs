//! The file of a graph beside a store: any bytes. It is derived from the store, so that whatever stands in it, what is near is
//! found as it is without it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Once, OnceLock};
use std::time::Duration;

use typewright_runtime::memory::content::Digested;
use typewright_runtime::memory::index;
use typewright_runtime::memory::sqlite::{Config, SqliteStore};
use typewright_runtime::memory::store::{Batch, Change, Filter, Nearest, Search, Store, Transaction, exact};
use typewright_runtime::memory::{Embedding, Error, Id, Kind, MemoryDraft, Namespace};

use super::{Folder, opened, patched};

const COUNT: usize = 120;
const DIMENSIONS: usize = 8;
const CHECK: usize = 32;

/// A store, and the file that it has made itself.
struct Made {
    store: Vec<u8>,
    name: OsString,
    file: Vec<u8>,
}

/// Puts a file beside a store: `bytes`, or by the choice changes of the file that belongs there, and those also with the
/// digest that makes them right. What is near is found all the same, also when the store is opened again.
pub fn graph(choice: u8, bytes: &[u8]) {
    let (Some(made), Some(folder)) = (made(), Folder::new()) else { return };
    let file = match choice % 4 {
        0 => bytes.to_vec(),
        1 => sealed(bytes),
        2 => patched(&made.file, bytes),
        _ => sealed(&patched(&made.file[..made.file.len() - CHECK], bytes)),
    };
    let written = std::fs::write(folder.0.join(&made.name), file);
    assert!(written.is_ok(), "{written:?}");
    let before = panics();
    lives(opened(&made.store, &folder, config()), choice);
    lives(SqliteStore::open(&folder.path(), config(), Arc::new(super::settings())), choice ^ 8);
    assert_eq!(panics(), before, "a thread that builds has panicked");
}

/// A body with its digest after it.
fn sealed(body: &[u8]) -> Vec<u8> {
    [body, Digested::of(body).as_bytes()].concat()
}

/// Graphs of few vectors, and few links.
fn config() -> Config {
    let shape = index::Settings { crossover: 60, links: 4, candidates: 20, threads: 1, seed: 1 };
    Config { index: shape, ..super::config() }
}

fn vector(at: usize) -> Vec<f32> {
    (0..DIMENSIONS).map(|number| ((at * 7 + number * 13 + at * number) as f32).sin()).collect()
}

/// The store, made once.
fn made() -> Option<&'static Made> {
    static MADE: OnceLock<Option<Made>> = OnceLock::new();
    let made = MADE.get_or_init(|| make().ok());
    assert!(made.is_some(), "no store with a graph could be made");
    made.as_ref()
}

fn make() -> Result<Made, Box<dyn std::error::Error>> {
    let folder = Folder::new().ok_or("no folder")?;
    let settings = Arc::new(super::settings());
    let open = || SqliteStore::open(&folder.path(), config(), Arc::clone(&settings));
    let store = Arc::new(open()?);
    let mut transaction = Transaction::begin(Arc::clone(&store) as Arc<dyn Store>, Arc::clone(&settings))?;
    let namespace = Namespace::new("a")?;
    for at in 0..COUNT {
        let draft = MemoryDraft::new(namespace.clone(), Kind::Fact, "x").embedding("m", vector(at));
        transaction.add(draft.id(Id::from_u128(1 + at as u128)))?;
    }
    transaction.commit()?;
    let file = wait(&store, &folder)?;
    // Slots of what is gone are in the file, too.
    let changes = (1..8).map(|at| Change::Expire { id: Id::from_u128(at * 9) }).collect();
    store.commit(&Batch { changes, ..Batch::default() })?;
    finds(&store, 0);
    drop(store);
    let name = file.file_name().ok_or("no name")?.to_owned();
    Ok(Made { store: std::fs::read(folder.path())?, name, file: std::fs::read(file)? })
}

/// Asks until the graph is in its file.
fn wait(store: &SqliteStore, folder: &Folder) -> Result<PathBuf, Box<dyn std::error::Error>> {
    for _ in 0..2000 {
        finds(store, 0);
        for entry in std::fs::read_dir(&folder.0)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "index") {
                return Ok(path);
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Err("no file of a graph".into())
}

/// Asks a store, changes it, and asks again.
fn lives(store: Result<SqliteStore, Error>, choice: u8) {
    assert!(store.is_ok(), "{store:?}");
    let Ok(store) = store else { return };
    finds(&store, choice.into());
    // Time for the thread that builds to begin: it is told to stop when the store is closed.
    std::thread::sleep(Duration::from_micros(300));
    let embedding = Embedding { model: "m".to_owned(), vector: vector(usize::from(choice) + COUNT) };
    let changes = [100 + u128::from(choice % 16), 40]
        .map(|id| Change::Embed { id: Id::from_u128(id), embedding: (id != 40).then(|| embedding.clone()) });
    let done = store.commit(&Batch { changes: changes.into(), ..Batch::default() });
    assert!(done.is_ok(), "{done:?}");
    finds(&store, usize::from(choice) + 1);
}

/// What is nearest is what comparing all finds, and each once.
fn finds(store: &SqliteStore, at: usize) {
    let Ok(namespace) = Namespace::new("a") else { return };
    let filter = Filter::of(namespace);
    let to = Embedding { model: "m".to_owned(), vector: vector(at * 3) };
    let ask = |most, search| Nearest { to: &to, filter: &filter, most, search };
    let all = exact(store, &ask(COUNT, Search::Exact));
    assert!(all.as_ref().is_ok_and(|all| all.len() > COUNT - 9), "{all:?}");
    let all = all.unwrap_or_default();
    for (most, search) in [(1, Search::Recall(0.9)), (10, Search::Exact), (1000, Search::Recall(0.9))] {
        let found = store.nearest(&ask(most, search));
        assert!(found.as_ref().is_ok_and(|found| *found == all[..most.min(all.len())]), "{found:?} {all:?}");
        let ids: BTreeSet<Id> = found.iter().flatten().map(|one| one.id).collect();
        assert_eq!(ids.len(), most.min(all.len()));
    }
}

/// How many threads that build graphs have panicked: nobody else is told.
fn panics() -> u32 {
    static WATCHED: Once = Once::new();
    static PANICS: AtomicU32 = AtomicU32::new(0);
    WATCHED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().name() == Some("index") {
                PANICS.fetch_add(1, Ordering::Relaxed);
            }
            before(panic);
        }));
    });
    PANICS.load(Ordering::Relaxed)
}
