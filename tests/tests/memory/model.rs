//! Random histories against the simplest of all stores: whatever is asked, at whatever commit, both say the same.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use typewright_runtime::memory::store::{Commit, Direction, Page, Store};
use typewright_runtime::memory::{Error, Id, MemoryNode, Settings, Status};
use typewright_tests::memory::history::History;
use typewright_tests::memory::oracle::Oracle;

use crate::store::{Folder, open, settings};

fn name(error: &Error) -> String {
    let text = format!("{error:?}");
    text.split([' ', '{', '(']).next().unwrap_or_default().to_owned()
}

/// What is told of the present alone: how a memory was used is no part of its states.
fn without_use(mut node: MemoryNode) -> MemoryNode {
    (node.last_access, node.accesses) = (node.created, 0);
    node
}

fn check_world(store: &dyn Store, oracle: &Oracle, at: usize, context: &str) {
    let ids: Vec<Id> =
        oracle.at(oracle.head()).nodes.keys().chain(oracle.at(at).nodes.keys()).copied().collect();
    let ids: Vec<Id> = ids.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    let found = store.nodes(&ids, Commit(at as u64)).unwrap();
    let expected: Vec<MemoryNode> = oracle.at(at).nodes.values().cloned().collect();
    if at == oracle.head() {
        assert_eq!(found, expected, "{context}: nodes at {at}");
    } else {
        let plain = |nodes: Vec<MemoryNode>| nodes.into_iter().map(without_use).collect::<Vec<_>>();
        assert_eq!(plain(found), plain(expected), "{context}: nodes at {at}");
    }
    let relations = store.relations(&ids, &[], Direction::Both, Commit(at as u64)).unwrap();
    let expected: Vec<_> = oracle.at(at).relations.values().cloned().collect();
    assert_eq!(relations, expected, "{context}: relations at {at}");
}

/// Opens the store of a path, the same one each time.
pub(crate) type Open<'a> = &'a dyn Fn(&Path, &Arc<Settings>) -> Box<dyn Store>;

/// One history, on any store.
pub(crate) fn run(open: Open<'_>, seed: u64, steps: usize) {
    let folder = Folder::new("model");
    let path = folder.path().join("store.db");
    let (clock, settings) = settings();
    let mut store = open(&path, &settings);
    let (mut oracle, mut history) = (Oracle::default(), History::new(seed));
    for step in 0..steps {
        let context = format!("seed {seed}, step {step}");
        if history.random.u32(..12) == 0 && oracle.head() > 0 {
            let commit = history.random.usize(1..=oracle.head());
            clock.set(history.now());
            let (found, expected) = (store.undo(Commit(commit as u64)), oracle.undo(commit, history.now()));
            let told = format!("{found:?}");
            let found = found.map(drop).map_err(|error| name(&error));
            assert_eq!(found, expected.map_err(str::to_owned), "{context}: undo {commit}: {told}");
        } else {
            let batch = history.batch(&oracle);
            let (found, expected) = (store.commit(&batch), oracle.commit(&batch, history.now()));
            let found = found.map(drop).map_err(|error| name(&error));
            assert_eq!(found, expected.map_err(str::to_owned), "{context}: {batch:?}");
        }
        assert_eq!(store.head().unwrap(), Commit(oracle.head() as u64), "{context}");
        check_world(&*store, &oracle, oracle.head(), &context);
        check_world(&*store, &oracle, history.random.usize(..=oracle.head()), &context);
        let (filter, at) = (history.filter(), history.random.usize(..=oracle.head()));
        let found: Vec<MemoryNode> = store.find(&filter, Commit(oracle.head() as u64)).unwrap();
        assert_eq!(found, oracle.find(&filter, oracle.head()), "{context}: {filter:?}");
        if filter.page.order != typewright_runtime::memory::store::Order::LastAccess {
            let then: Vec<_> = store.find(&filter, Commit(at as u64)).unwrap();
            let plain = |nodes: Vec<MemoryNode>| nodes.into_iter().map(without_use).collect::<Vec<_>>();
            assert_eq!(plain(then), plain(oracle.find(&filter, at)), "{context}: {filter:?} at {at}");
        }
        let words = history.words(3);
        let found = store.matches(&words, &filter, Page::MOST).unwrap();
        assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score), "{context}");
        let found: BTreeSet<Id> = found.into_iter().map(|found| found.id).collect();
        assert_eq!(found, oracle.with_words(&words, &filter), "{context}: {words} {filter:?}");
        if history.random.u32(..20) == 0 {
            drop(store);
            store = open(&path, &settings);
        }
    }
    assert_eq!(store.check().unwrap().0, Vec::<String>::new(), "seed {seed}");
    let nodes = oracle.at(oracle.head()).nodes.values();
    let census = store.census().unwrap();
    for (status, count) in Status::ALL.iter().zip(census.nodes) {
        assert_eq!(nodes.clone().filter(|node| node.status == *status).count() as u64, count, "{status:?}");
    }
}

#[test]
fn random_histories_say_what_the_simplest_store_says() {
    for seed in 0..8 {
        run(&|path, settings| Box::new(open(path, settings).unwrap()), seed, 150);
    }
}
