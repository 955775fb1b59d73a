//! Random stores and random queries: what is recalled is what the plainest way recalls, read either way.

use fastrand::Rng;
use typewright_runtime::memory::recall::{Query, Reading, Rest, Scope, Scoring, Strategy};
use typewright_runtime::memory::store::{Commit, Store};
use typewright_runtime::memory::{Id, Namespace, Status};
use typewright_tests::memory::history::History;
use typewright_tests::memory::oracle::Oracle;
use typewright_tests::memory::recalled::recalled;

use super::by;
use crate::store::{Engine, on_each_store, settings};

on_each_store!(what_is_recalled_is_what_the_plainest_way_recalls);

const STRATEGIES: [Strategy; 6] = [
    Strategy::Hybrid,
    Strategy::ExactId,
    Strategy::Words,
    Strategy::Vector,
    Strategy::Graph,
    Strategy::Temporal,
];

fn query(history: &mut History, oracle: &Oracle) -> Query {
    let filter = history.filter();
    let text = history.words(4);
    let random = &mut history.random;
    let mut scopes = vec![Scope { namespace: filter.namespace, below: filter.below }];
    if random.bool() {
        let path = ["a", "a/b", "ab"][random.usize(..3)];
        scopes.push(Scope { namespace: Namespace::new(path).unwrap(), below: random.bool() });
    }
    let vector = (0..3).map(|_| random.f32() - 0.3).collect();
    let mut query = Query::new(scopes[0].namespace.clone(), random.usize(1..15)).scopes(scopes);
    query.kinds = filter.kinds;
    query.importance = filter.importance;
    query.metadata = filter.metadata;
    query.created = filter.created;
    if random.bool() {
        query = query.text(text);
    }
    if random.bool() {
        query = query.vector("small", vector);
    }
    if random.u32(..4) == 0 {
        query = query.identifier(["1843", "ada wrote", "the-engine", "note"][random.usize(..4)]);
    }
    let nodes = &oracle.at(oracle.head()).nodes;
    if random.u32(..4) == 0 && !nodes.is_empty() {
        let any = |random: &mut Rng| nodes.keys().nth(random.usize(..nodes.len())).copied();
        let seeds: Vec<Id> = (0..2).filter_map(|_| any(random)).collect();
        let named = any(random).map(|id| id.to_string());
        query = query.seeds(seeds).identifier(named.unwrap());
    }
    query = match random.u32(..3) {
        0 => query,
        1 => query.any_time(),
        _ => query.valid_at(filter.valid_at.unwrap_or_default()),
    };
    if random.u32(..3) == 0 {
        query = query.ended();
    }
    if random.u32(..3) == 0 {
        query = query.rest(Rest::Leave);
    }
    let floor = [0.1, 0.7][random.usize(..2)];
    let alike = [0.8, 0.0, 0.5][random.usize(..3)];
    let lambda = [0.7, 1.0, 0.3][random.usize(..3)];
    query.strategy(STRATEGIES[random.usize(..8).saturating_sub(2)]).scoring(Scoring {
        floor,
        lambda,
        alike,
        ..Scoring::default()
    })
}

fn compare(store: &dyn Store, query: &Query, oracle: &Oracle, at: usize, context: &str) -> usize {
    let (clock, settings) = settings();
    clock.set(oracle.at(oracle.head()).nodes.values().map(|node| node.updated).max().unwrap_or_default());
    if query.check(&settings.limits).is_err() {
        return 0;
    }
    let is_head = query.as_of.is_none();
    let expected = recalled(oracle.at(at), query, settings.clock.now());
    let can_be_indexed = is_head && query.statuses == [Status::Live];
    let readings = if can_be_indexed { vec![Reading::Each, Reading::Indexed] } else { vec![Reading::Each] };
    for reading in readings {
        let found = by(store, &settings, query, reading).unwrap();
        let ids: Vec<Id> = expected.iter().map(|one| one.0).collect();
        assert_eq!(found.ids(), ids, "{context}, {reading:?}: {query:?}\n{}", found.explain());
        for (found, (_, score)) in found.found.iter().zip(&expected) {
            assert_eq!(found.terms.filled.is_none(), score.is_some(), "{context}");
            assert!((found.terms.score - score.unwrap_or(0.0)).abs() < 1e-9, "{context}: {query:?}");
        }
    }
    expected.len()
}

fn what_is_recalled_is_what_the_plainest_way_recalls(on: Engine) {
    let (mut compared, seeds) = (0, on.count(6, 2) as u64);
    for seed in 100..100 + seeds {
        let place = on.place("recall");
        let store = &*place.store;
        let (mut oracle, mut history) = (Oracle::default(), History::new(seed));
        for step in 0..on.count(120, 60) {
            let batch = history.batch(&oracle);
            let told = store.commit(&batch);
            assert_eq!(told.is_ok(), oracle.commit(&batch, history.now()).is_ok());
            let context = format!("seed {seed}, step {step}");
            for _ in 0..4 {
                let asked = query(&mut history, &oracle);
                compared += compare(store, &asked, &oracle, oracle.head(), &context);
            }
        }
        // Words alone, so that nothing depends on when something was used, which is told of the present only.
        for step in 0..on.count(20, 10) {
            let at = history.random.usize(1..=oracle.head());
            let usual = Scoring { recency: 0.0, ..Scoring::default() };
            let asked = query(&mut history, &oracle).as_of(Commit(at as u64)).scoring(usual);
            compared += compare(store, &asked, &oracle, at, &format!("seed {seed}, then {step}"));
        }
    }
    println!("{compared} memories were recalled");
    assert!(compared > on.count(1000, 100), "{compared}");
}
