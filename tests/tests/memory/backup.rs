//! Copies of a file that is in use.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use typewright_runtime::memory::Error;
use typewright_runtime::memory::exchange::jsonl;
use typewright_runtime::memory::store::{Batch, Change, Commit, Store};
use typewright_tests::memory::history::History;

use crate::store::{Engine, Folder, open, settings};

fn exported(store: &dyn Store, at: Commit) -> Vec<u8> {
    let mut file = Vec::new();
    jsonl::export(store, at, &mut file).unwrap();
    file
}

fn adding(history: &mut History) -> Batch {
    Batch { changes: vec![Change::Add(Box::new(history.node()))], ..Batch::default() }
}

/// Each copy is the store as it was at the commit that is told, whatever is written meanwhile.
#[test]
fn a_copy_is_the_store_at_one_commit_while_others_write() {
    let (folder, (_, settings)) = (Folder::new("backup"), settings());
    let store = open(&folder.path().join("store.db"), &settings).unwrap();
    let is_enough = AtomicBool::new(false);
    let copies = thread::scope(|scope| {
        for seed in 0..2 {
            let (store, is_enough) = (&store, &is_enough);
            scope.spawn(move || {
                let mut history = History::new(seed);
                while !is_enough.load(Ordering::Relaxed) {
                    store.commit(&adding(&mut history)).unwrap();
                }
            });
        }
        let copy = |number| {
            let path = folder.path().join(format!("copy {number}.db"));
            (store.backup(&path).unwrap(), path)
        };
        let copies: Vec<_> = (0..8).map(copy).collect();
        is_enough.store(true, Ordering::Relaxed);
        copies
    });
    assert!(copies.windows(2).all(|two| two[0].0.commit <= two[1].0.commit));
    assert!(copies[0].0.commit < copies[7].0.commit, "nobody has written");
    for (committed, path) in copies {
        let copy = open(&path, &settings).unwrap();
        assert_eq!(copy.head().unwrap(), committed.commit);
        assert_eq!(copy.check().unwrap().0, Vec::<String>::new());
        assert!(exported(&copy, committed.commit) == exported(&store, committed.commit), "{committed:?}");
    }
}

#[test]
fn a_copy_is_whole_or_not_there() {
    let place = Engine::Sqlite.place("backup");
    place.store.commit(&adding(&mut History::new(1))).unwrap();
    let folder = place.folder.path();
    let files = || {
        let mut names: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let path = folder.join("copy.db");
    place.store.backup(&path).unwrap();
    let (there, bytes) = (files(), std::fs::read(&path).unwrap());
    assert!(matches!(place.store.backup(&path), Err(Error::Invalid { .. })));
    assert!(place.store.backup(&folder.join("no such folder/copy.db")).is_err());
    assert!(place.store.backup(&folder.join("copy.db/copy.db")).is_err());
    // Nothing of what failed is left, and what was there is as it was.
    assert_eq!(files(), there);
    assert!(std::fs::read(&path).unwrap() == bytes);
    // It can be written as any other, and copied again.
    let copy = open(&path, &place.settings).unwrap();
    let head = copy.head().unwrap();
    assert_eq!(copy.backup(&folder.join("of the copy.db")).unwrap().commit, head);
}
