//! What is near, by the indexes of a store: the same as comparing every vector that it has.

use std::time::Duration;

use typewright_runtime::memory::Embedding;
use typewright_runtime::memory::store::{Commit, Match, Nearest, Search, Store, exact};
use typewright_tests::memory::history::History;
use typewright_tests::memory::oracle::Oracle;

use crate::store::{Folder, open, settings};

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
