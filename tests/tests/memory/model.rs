//! Random histories against the simplest of all stores: whatever is asked, at whatever commit, both say the same.

use std::collections::{BTreeMap, BTreeSet};

use typewright_runtime::memory::store::{
    Commit, Direction, Filter, Item, Match, Nearest, Order, Page, Search, Store, exact,
};
use typewright_runtime::memory::{Error, Id, MemoryNode, Namespace, Relation, Status};
use typewright_tests::memory::history::{History, MODELS};
use typewright_tests::memory::oracle::Oracle;
use typewright_tests::memory::replica::Replica;
use typewright_tests::memory::step::Step;

use crate::store::{Engine, Folder, on_each_store, settings};

on_each_store!(random_histories_say_what_the_simplest_store_says);

/// What is told of the present alone: how a memory was used is no part of its states.
fn without_use(mut node: MemoryNode) -> MemoryNode {
    (node.last_access, node.accesses) = (node.created, 0);
    node
}

fn plain(nodes: Vec<MemoryNode>) -> Vec<MemoryNode> {
    nodes.into_iter().map(without_use).collect()
}

fn known(oracle: &Oracle, at: usize) -> Vec<Id> {
    let ids = oracle.now().nodes.keys().chain(oracle.at(at).nodes.keys());
    ids.copied().collect::<BTreeSet<_>>().into_iter().collect()
}

/// All of a world, as a store has it.
pub(crate) fn check_world(store: &dyn Store, oracle: &Oracle, at: usize, context: &str) {
    let ids = known(oracle, at);
    let found = store.nodes(&ids, Commit(at as u64)).unwrap();
    let expected: Vec<MemoryNode> = oracle.at(at).nodes.values().cloned().collect();
    if at == oracle.head() {
        assert_eq!(found, expected, "{context}: nodes at {at}");
    } else {
        assert_eq!(plain(found), plain(expected), "{context}: nodes at {at}");
    }
    let relations = store.relations(&ids, &[], Direction::Both, Commit(at as u64)).unwrap();
    let expected: Vec<_> = oracle.at(at).relations.values().cloned().collect();
    assert_eq!(relations, expected, "{context}: relations at {at}");
}

/// The same, as it is told when everything is asked for.
fn check_all(store: &dyn Store, oracle: &Oracle, at: usize, context: &str) {
    let (mut nodes, mut relations) = (Vec::new(), Vec::new());
    let take = &mut |item| {
        match item {
            Item::Node(node) => nodes.push(*node),
            Item::Relation(relation) => relations.push(*relation),
        }
        Ok(())
    };
    store.all(Commit(at as u64), take).unwrap();
    let world = oracle.at(at);
    let expected: Vec<MemoryNode> = world.nodes.values().cloned().collect();
    assert_eq!(plain(nodes), plain(expected), "{context}: all nodes at {at}");
    let mut expected: Vec<Relation> = world.relations.values().cloned().collect();
    expected.sort_by_key(|relation| (relation.from, relation.id));
    assert_eq!(relations, expected, "{context}: all relations at {at}");
}

/// What is compacted is told to be gone, and not to be empty.
fn check_gone(store: &dyn Store, oracle: &Oracle, filter: &Filter, at: usize) {
    let (ids, at) = (known(oracle, at), Commit(at as u64));
    let told = [
        store.nodes(&ids, at).map(drop),
        store.find(filter, at).map(drop),
        store.relations(&ids, &[], Direction::Both, at).map(drop),
        store.log(at, &mut |_| Ok(())),
        store.all(at, &mut |_| Ok(())),
    ];
    for told in told {
        assert!(matches!(told, Err(Error::Gone { .. })), "{told:?} at {at:?}");
    }
}

fn check_found(store: &dyn Store, oracle: &Oracle, filter: &Filter, at: usize, context: &str) {
    let head = Commit(oracle.head() as u64);
    let found = store.find(filter, head).unwrap();
    assert_eq!(found, oracle.find(filter, oracle.head()), "{context}: {filter:?}");
    if filter.page.order != Order::LastAccess {
        let then = store.find(filter, Commit(at as u64)).unwrap();
        assert_eq!(plain(then), plain(oracle.find(filter, at)), "{context}: {filter:?} at {at}");
    }
    let all = Filter { page: Page { order: Order::Oldest, skip: 0, most: usize::MAX }, ..filter.clone() };
    let mut expected: Vec<Id> = oracle.find(&all, oracle.head()).into_iter().map(|node| node.id).collect();
    let mut found = store.ids(filter).unwrap();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected, "{context}: names of {filter:?}");
}

/// Both found the same, up to how numbers are rounded: the order of what is equally good may differ then.
fn check_matches(found: &[Match], expected: &[Match], all: &[Match], context: &str) {
    assert_eq!(found.len(), expected.len(), "{context}: {found:?} {expected:?}");
    let is_near = |a: f64, b: f64| (a - b).abs() <= 1e-6 * (1.0 + b.abs());
    let scores: BTreeMap<Id, f64> = all.iter().map(|one| (one.id, one.score)).collect();
    let names: BTreeSet<Id> = found.iter().map(|one| one.id).collect();
    assert_eq!(names.len(), found.len(), "{context}: one is there twice");
    for (one, other) in found.iter().zip(expected) {
        assert!(is_near(one.score, other.score), "{context}: {found:?} {expected:?}");
        let score = scores.get(&one.id).copied();
        assert!(score.is_some_and(|score| is_near(one.score, score)), "{context}: {one:?} {score:?}");
    }
    let falls = |pair: &[Match]| {
        pair[0].score > pair[1].score || pair[0].score == pair[1].score && pair[0].id < pair[1].id
    };
    assert!(found.windows(2).all(falls), "{context}: {found:?}");
}

fn check_search(store: &dyn Store, oracle: &Oracle, history: &mut History, filter: &Filter, context: &str) {
    let (words, most) = (history.words(3), history.random.usize(..8));
    let expected = oracle.with_words(&words, filter);
    for most in [most, Page::MOST] {
        let found = store.matches(&words, filter, most).unwrap();
        let first = &expected[..most.min(expected.len())];
        check_matches(&found, first, &expected, &format!("{context}: {words:?} {filter:?}"));
    }
    let to = history.vector();
    let context = format!("{context}: nearest to {to:?} {filter:?}");
    let expected = oracle.nearest(&to, filter, usize::MAX);
    for search in [Search::Exact, Search::Recall(1.0)] {
        let asked = Nearest { to: &to, filter, most, search };
        let first = &expected[..most.min(expected.len())];
        check_matches(&store.nearest(&asked).unwrap(), first, &expected, &context);
        check_matches(&exact(store, &asked).unwrap(), first, &expected, &context);
    }
}

fn check_present(store: &dyn Store, oracle: &Oracle, replica: &mut Replica, context: &str) {
    replica.follow(store).unwrap();
    for model in MODELS {
        let mut found = BTreeMap::new();
        let take = &mut |stored: typewright_runtime::memory::store::Stored| {
            found.insert(stored.id, stored.embedding.vector);
            Ok(())
        };
        assert_eq!(store.vectors(model, take).unwrap(), Commit(oracle.head() as u64), "{context}");
        assert_eq!(found, oracle.vectors(model), "{context}: vectors of {model}");
        assert_eq!(replica.of(model), found, "{context}: vectors of {model}, by the log");
    }
    let nodes = oracle.now().nodes.values();
    let namespaces: BTreeSet<Namespace> = nodes.map(|node| node.namespace.clone()).collect();
    assert_eq!(store.namespaces().unwrap(), namespaces.into_iter().collect::<Vec<_>>(), "{context}");
}

fn check_end(store: &dyn Store, oracle: &Oracle, context: &str) {
    assert_eq!(store.check().unwrap().0, Vec::<String>::new(), "{context}");
    let nodes = oracle.now().nodes.values();
    let census = store.census().unwrap();
    assert_eq!(census.head, Commit(oracle.head() as u64));
    assert_eq!(census.relations, oracle.now().relations.len() as u64, "{context}");
    for (status, count) in Status::ALL.iter().zip(census.nodes) {
        assert_eq!(nodes.clone().filter(|node| node.status == *status).count() as u64, count, "{status:?}");
    }
}

/// How often each thing happened, so that no history passes because nothing did.
#[derive(Debug, Default)]
struct Happened(BTreeMap<String, u32>);

impl Happened {
    fn count(&mut self, step: &Step, told: &Result<(), &str>) {
        let step = format!("{step:?}");
        let step = step.split([' ', '(']).next().unwrap_or_default();
        let told = told.map_or_else(|error| error, |()| "done");
        *self.0.entry(format!("{step} {told}")).or_default() += 1;
    }
}

/// One history, on any store.
fn run(on: Engine, seed: u64, steps: usize, happened: &mut Happened) {
    let folder = Folder::new("model");
    let (clock, settings) = settings();
    let mut store = on.open(&folder, &settings);
    let (mut oracle, mut history, mut replica) = (Oracle::default(), History::new(seed), Replica::default());
    for number in 0..steps {
        let step = history.step(&oracle);
        let context = format!("seed {seed}, step {number}: {step:?}");
        clock.set(history.now());
        if matches!(step, Step::Reopen) {
            drop(store);
            store = on.open(&folder, &settings);
        }
        let told = step.on(&*store);
        let (said, told) = (format!("{told:?}"), told.map_err(|error| error.name()));
        let expected = step.told(&mut oracle, history.now());
        assert_eq!(told, expected, "{context}: {said}");
        happened.count(&step, &told);
        assert_eq!(store.head().unwrap(), Commit(oracle.head() as u64), "{context}");
        let (filter, at) = (history.filter(), history.random.usize(..=oracle.head()));
        check_world(&*store, &oracle, oracle.head(), &context);
        if at < oracle.horizon() {
            check_gone(&*store, &oracle, &filter, at);
        }
        let at = at.max(oracle.horizon());
        check_world(&*store, &oracle, at, &context);
        check_all(&*store, &oracle, at, &context);
        check_found(&*store, &oracle, &filter, at, &context);
        check_search(&*store, &oracle, &mut history, &filter, &context);
        check_present(&*store, &oracle, &mut replica, &context);
    }
    check_end(&*store, &oracle, &format!("seed {seed}"));
}

fn run_all(on: Engine, seeds: std::ops::Range<u64>) {
    let mut happened = Happened::default();
    for seed in seeds {
        run(on, seed, 150, &mut happened);
    }
    println!("{happened:#?}");
    for what in [
        "Commit done",
        "Commit Conflict",
        "Undo done",
        "Undo Conflict",
        "Undo NotUndone",
        "Expire done",
        "Compact done",
        "Reopen done",
    ] {
        assert!(happened.0.contains_key(what), "no history has {what}");
    }
}

fn random_histories_say_what_the_simplest_store_says(on: Engine) {
    run_all(on, 0..6);
}

#[test]
#[ignore = "takes minutes"]
fn many_random_histories_say_what_the_simplest_store_says() {
    run_all(Engine::Sqlite, 0..200);
}
