//! The nearest vectors, compared and by the index.

use std::collections::BTreeSet;

use fastrand::Rng;
use typewright_runtime::memory::postgres::PostgresStore;
use typewright_runtime::memory::store::{Change, Filter, Match, Nearest, Search, Store, exact};
use typewright_runtime::memory::{Embedding, Id, MemoryNode, Status};

use super::{adding, config, embedded, namespace, node, schema, server};
use crate::store::settings;

const LEN: usize = 24;

/// Vectors that lie in heaps, as those of texts do.
fn vector(random: &mut Rng) -> Vec<f32> {
    let heap = random.usize(..LEN);
    (0..LEN).map(|at| random.f32() - 0.5 + f32::from(u8::from(at == heap))).collect()
}

/// 4000 memories: nine tenths in one namespace, a few in one below it, the rest elsewhere.
fn filled() -> Option<(PostgresStore, Rng, String)> {
    let server = server()?;
    let name = schema();
    let settings = settings().1;
    let mut config = config(server, "tester", &name);
    config.indexed_from = 1000;
    let store = PostgresStore::open(config, settings).unwrap();
    let mut random = Rng::with_seed(5);
    let nodes: Vec<_> = (1..=4000_u128)
        .map(|number| {
            let path = match number % 100 {
                0 => "a/few",
                1..=9 => "b",
                _ => "a",
            };
            let importance = if number % 50 == 1 { 1.0 } else { 0.25 };
            let node = embedded(node(number, path, "text"), vector(&mut random));
            MemoryNode { importance, ..node }
        })
        .collect();
    for part in nodes.chunks(500) {
        store.commit(&adding(part.to_vec())).unwrap();
    }
    Some((store, random, name))
}

fn filters() -> [(Filter, usize); 5] {
    let of = |path| Filter::of(namespace(path));
    [
        (of("a"), 3600),
        (of("a").below(), 3640),
        (of("a/few"), 40),
        (Filter { importance: Some(0.9), ..of("a") }, 0),
        (Filter { statuses: vec![Status::Live, Status::Expired], ..of("b") }, 360),
    ]
}

fn ids(found: &[Match]) -> BTreeSet<Id> {
    found.iter().map(|one| one.id).collect()
}

#[test]
fn what_is_nearest_is_what_comparing_all_says() {
    let Some((store, mut random, name)) = filled() else { return };
    for (filter, _) in filters() {
        for most in [0, 1, 10, 100] {
            let to = Embedding { model: "m".to_owned(), vector: vector(&mut random) };
            let asked = Nearest { to: &to, filter: &filter, most, search: Search::Exact };
            assert_eq!(store.nearest(&asked).unwrap(), exact(&store, &asked).unwrap(), "{filter:?} {most}");
        }
    }
    assert_eq!((store.index().unwrap(), store.index().unwrap()), (1, 0));
    // What the store knows of the model is of late, and is asked for again.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let server = server().unwrap();
    let scans = format!(
        "SELECT sum(idx_scan) FROM pg_stat_user_indexes WHERE schemaname = '{name}' AND indexrelname LIKE '%hnsw%'"
    );
    for (filter, meant) in filters() {
        let (mut hits, mut all) = (0, 0);
        for recall in [0.5, 0.95, 0.99, 1.0].repeat(10) {
            let to = Embedding { model: "m".to_owned(), vector: vector(&mut random) };
            let asked = Nearest { to: &to, filter: &filter, most: 10, search: Search::Recall(recall) };
            let (found, expected) = (store.nearest(&asked).unwrap(), exact(&store, &asked).unwrap());
            assert_eq!(found.len(), expected.len(), "{filter:?}");
            assert!(meant == 0 || found.len() == 10);
            assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score));
            if recall >= 0.95 {
                hits += ids(&found).intersection(&ids(&expected)).count();
                all += expected.len();
            }
        }
        assert!(hits as f64 >= 0.95 * all as f64, "{hits} of {all}: {filter:?}");
    }
    // The index was asked, and not only where all would have been compared.
    let mut used = 0;
    for _ in 0..50 {
        used = server.sql(&scans).unwrap().parse().unwrap_or(0);
        if used > 0 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    assert!(used > 0, "the index was not used");
    // What has ended is not found any more, and what is there again is.
    let gone: Vec<Id> = (1..=400).map(Id::from_u128).collect();
    let mut batch = adding([]);
    batch.changes = gone.iter().map(|id| Change::Expire { id: *id }).collect();
    let ended = store.commit(&batch).unwrap();
    let to = Embedding { model: "m".to_owned(), vector: vector(&mut random) };
    let filter = Filter::of(namespace("a"));
    for is_back in [false, true] {
        let asked = Nearest { to: &to, filter: &filter, most: 400, search: Search::Recall(0.95) };
        let (found, expected) = (store.nearest(&asked).unwrap(), exact(&store, &asked).unwrap());
        assert_eq!(found.len(), expected.len());
        assert_eq!(found.iter().any(|one| gone.contains(&one.id)), is_back);
        if !is_back {
            store.undo(ended.commit).unwrap();
        }
    }
    // By the index, too, one that is too short for the arithmetic of the server, and one that is too long.
    let scaled = |number, by: f32| {
        let vector = to.vector.iter().map(|x| x * by).collect();
        embedded(node(number, "a", "text"), vector)
    };
    store.commit(&adding([scaled(5001, 1e-30), scaled(5002, 1e30)])).unwrap();
    let asked = Nearest { to: &to, filter: &filter, most: 10, search: Search::Recall(0.95) };
    let found = store.nearest(&asked).unwrap();
    assert_eq!(
        (found.len(), ids(&found).len(), ids(&found[..2])),
        (10, 10, [5001, 5002].map(Id::from_u128).into())
    );
    assert_eq!(store.check().unwrap().0, Vec::<String>::new());
}

/// More of those that the server cannot compare than are asked for beside, and as many that are the same.
#[test]
fn many_vectors_that_the_server_cannot_compare_are_compared() {
    let Some(server) = server() else { return };
    let store = super::open(server, &schema(), &settings().1);
    let mut random = Rng::with_seed(9);
    let same = vector(&mut random);
    let mut one = |number: u128| {
        let by = [1.0, 1e-30, 1e30, 1.0][number as usize % 4];
        let vector = if number % 4 == 3 { same.clone() } else { vector(&mut random) };
        // In a namespace that has a few of all, and in one that has most.
        let path = if number < 200 { "a" } else { "b" };
        let importance = if number.is_multiple_of(5) { 0.25 } else { 0.75 };
        let node = embedded(node(number, path, "x"), vector.iter().map(|x| x * by).collect());
        MemoryNode { importance, ..node }
    };
    let nodes: Vec<MemoryNode> = (1..=800).map(&mut one).collect();
    store.commit(&adding(nodes)).unwrap();
    for (path, importance) in ["a", "b"].into_iter().flat_map(|path| [(path, None), (path, Some(0.5))]) {
        let filter = Filter { importance, ..Filter::of(namespace(path)) };
        for most in [1, 10, 60, 150, 1000] {
            for vector in [same.clone(), vector(&mut random)] {
                let to = Embedding { model: "m".to_owned(), vector };
                let asked = Nearest { to: &to, filter: &filter, most, search: Search::Exact };
                assert_eq!(store.nearest(&asked).unwrap(), exact(&store, &asked).unwrap(), "{path} {most}");
            }
        }
    }
}

#[test]
fn a_vector_of_another_length_is_told() {
    let Some(server) = server() else { return };
    let store = super::open(server, &schema(), &settings().1);
    let filter = Filter::of(namespace("a"));
    let to = Embedding { model: "m".to_owned(), vector: vec![1.0, 0.0] };
    let asked = Nearest { to: &to, filter: &filter, most: 3, search: Search::Exact };
    assert_eq!(store.nearest(&asked).unwrap(), []);
    store.commit(&adding([embedded(node(1, "a", "x"), vec![0.5; 3])])).unwrap();
    let told = store.nearest(&asked).unwrap_err();
    assert!(matches!(told, typewright_runtime::memory::Error::Invalid { .. }), "{told}");
    // More numbers than an index of whole ones takes, and more than any index does.
    for (number, len) in [(2_u128, 3000), (3, 5000)] {
        let model = format!("of {len}");
        let embedding = Embedding { model, vector: (0..len).map(|at| 1.0 / (1 + at) as f32).collect() };
        let one = MemoryNode { embedding: Some(embedding.clone()), ..node(number, "a", "x") };
        store.commit(&adding([one])).unwrap();
        let asked = Nearest { to: &embedding, filter: &filter, most: 3, search: Search::Recall(0.9) };
        let found = store.nearest(&asked).unwrap();
        assert_eq!((found.len(), found[0].id), (1, Id::from_u128(number)));
        assert!((found[0].score - 1.0).abs() < 1e-12);
    }
}
