//! What hardly ever happens, and has to be right all the same: names that come again elsewhere, vectors of no usual length, and
//! what is stored and forgotten at once. What is so in every store stands in `edges`, beside.

use std::sync::Arc;

use typewright_runtime::memory::content::{Blob, Media};
use typewright_runtime::memory::kind::Policy;
use typewright_runtime::memory::store::{
    Batch, Change, Commit, Direction, Filter, Nearest, Page, Revision, Search, Store,
};
use typewright_runtime::memory::{
    Clock, Content, Embedding, Id, Interval, Kind, MemoryNode, Provenance, Relation, RelationKind, Settings,
};

use super::{adding, embedded, namespace, node, open, schema, server};
use crate::store::settings;

pub(super) fn large(number: u128, path: &str) -> MemoryNode {
    let bytes = vec![7; 100_000].into();
    let content = Content::Blob(Blob {
        media: Media::Audio,
        mime: "audio/wav".to_owned(),
        bytes,
        caption: Some("a song".to_owned()),
    });
    MemoryNode { content, ..node(number, path, "x") }
}

pub(super) fn related(number: u128, from: u128, kind: RelationKind, to: u128) -> Change {
    Change::Relate(Box::new(Relation {
        id: Id::from_u128(number),
        from: Id::from_u128(from),
        kind,
        to: Id::from_u128(to),
        weight: 1.0,
        valid: Interval::ALWAYS,
        created: settings().0.now(),
        provenance: Some(Provenance::new("said in passing")),
    }))
}

pub(super) fn commit(store: &dyn Store, changes: Vec<Change>) -> Commit {
    store.commit(&Batch { changes, ..Batch::default() }).unwrap().commit
}

pub(super) fn forget(number: u128) -> Change {
    Change::Forget { id: Id::from_u128(number) }
}

fn near(store: &dyn Store, path: &str, vector: &[f32], most: usize) -> Vec<u128> {
    let to = Embedding { model: "m".to_owned(), vector: vector.to_vec() };
    let filter = Filter::of(namespace(path));
    let asked = Nearest { to: &to, filter: &filter, most, search: Search::Exact };
    store.nearest(&asked).unwrap().iter().map(|one| one.id.as_u128()).collect()
}

fn sound(store: &dyn Store) {
    assert_eq!(store.check().unwrap().0, Vec::<String>::new());
}

#[test]
fn a_large_medium_that_is_forgotten_at_once_is_not_stored() {
    let Some(server) = server() else { return };
    let store = open(server, &schema(), &settings().1);
    commit(&store, vec![Change::Add(Box::new(large(1, "a"))), forget(1)]);
    assert_eq!(store.census().unwrap().blobs, 0);
    commit(&store, vec![Change::Add(Box::new(node(2, "a", "x")))]);
    let revision = Revision { content: Some(large(2, "a").content), ..Revision::default() };
    commit(&store, vec![Change::Revise { id: Id::from_u128(2), revision }, forget(2)]);
    assert_eq!(store.census().unwrap().blobs, 0);
    // One that another memory has stays.
    let both = [3, 4].map(|number| Change::Add(Box::new(large(number, "a"))));
    let head = commit(&store, both.into_iter().chain([forget(3)]).collect());
    let there = store.nodes(&[Id::from_u128(4)], head).unwrap();
    assert_eq!((there[0].content.len(), store.census().unwrap().blobs), (100_000, 1));
}

#[test]
fn a_memory_that_comes_back_elsewhere_is_found_there() {
    let Some(server) = server() else { return };
    let name = schema();
    let store = open(server, &name, &settings().1);
    let first = store.commit(&adding([embedded(large(1, "a"), vec![1.0, 0.0])])).unwrap().commit;
    let removed = store.undo(first).unwrap().commit;
    let second = store.commit(&adding([node(1, "b", "elsewhere")])).unwrap().commit;
    store.undo(second).unwrap();
    let head = store.undo(removed).unwrap().commit;
    let there = store.nodes(&[Id::from_u128(1)], head).unwrap();
    assert_eq!((there[0].namespace.as_str(), there[0].content.len()), ("b", 100_000));
    assert_eq!((near(&store, "b", &[1.0, 0.0], 5), near(&store, "a", &[1.0, 0.0], 5)), (vec![1], vec![]));
    assert_eq!(store.matches("song", &Filter::of(namespace("b")), 5).unwrap().len(), 1);
    for table in ["states", "contents", "blobs", "vectors", "log"] {
        let sql = format!(
            "SELECT string_agg(DISTINCT p.path, ',') FROM {name}.{table} t JOIN {name}.namespaces p USING (ns)"
        );
        assert_eq!(server.sql(&sql).unwrap(), "b", "{table}");
    }
    sound(&store);
}

/// The server sums squares in 32 bits: those of very short vectors are zero, and of very long ones infinite.
#[test]
fn very_short_and_very_long_vectors_are_compared() {
    let Some(server) = server() else { return };
    let store = open(server, &schema(), &settings().1);
    let important = |node: MemoryNode| MemoryNode { importance: 0.75, ..node };
    let worse = |number: u128| embedded(node(number, "a", "x"), vec![1.0, 0.01 * number as f32]);
    let odd = [
        important(embedded(node(101, "a", "x"), vec![1e-30, 0.0])),
        embedded(node(102, "a", "x"), vec![1e30, 1e27]),
        // Its squares are not zero, but next to nothing is left of them.
        important(embedded(node(103, "a", "x"), vec![4e-22, 8e-25])),
        embedded(node(104, "a", "x"), vec![-1e30, 0.0]),
    ];
    let others = [41, 42].map(worse).map(important);
    store.commit(&adding((1..=40).map(worse).chain(odd).chain(others))).unwrap();
    for to in [[1.0, 0.0], [1e-30, 0.0], [1e30, 0.0]] {
        assert_eq!(near(&store, "a", &to, 1), [101], "{to:?}");
        assert_eq!(near(&store, "a", &to, 4), [101, 102, 103, 1], "{to:?}");
        let all = near(&store, "a", &to, 100);
        assert_eq!((all.len(), all.last()), (46, Some(&104)), "{to:?}");
    }
    // Those that a filter says more of.
    let to = Embedding { model: "m".to_owned(), vector: vec![1.0, 0.0] };
    for (least, found) in [(0.4, [101, 102, 103, 1]), (0.6, [101, 103, 41, 42])] {
        let filter = Filter { importance: Some(least), ..Filter::of(namespace("a")) };
        let asked = Nearest { to: &to, filter: &filter, most: 4, search: Search::Exact };
        let told: Vec<u128> = store.nearest(&asked).unwrap().iter().map(|one| one.id.as_u128()).collect();
        assert_eq!(told, found, "{least}");
    }
    // What is forgotten is not read again.
    commit(&store, vec![forget(101), forget(102)]);
    assert_eq!(near(&store, "a", &[1.0, 0.0], 2), [103, 1]);
    sound(&store);
}

#[test]
fn more_than_a_page_of_nearest_can_be_had() {
    let Some(server) = server() else { return };
    let store = open(server, &schema(), &settings().1);
    let count = Page::MOST as u128 + 20;
    let one = |number: u128| embedded(node(number, "a", "x"), vec![1.0, number as f32]);
    let nodes: Vec<MemoryNode> = (1..=count).map(one).collect();
    for part in nodes.chunks(2000) {
        store.commit(&adding(part.to_vec())).unwrap();
    }
    for most in [20_000, usize::MAX] {
        let found = near(&store, "a", &[1.0, 0.0], most);
        assert_eq!((found.len() as u128, found.first(), found.last()), (count, Some(&1), Some(&count)));
    }
}

#[test]
fn words_go_when_a_kind_is_not_indexed_any_more() {
    let Some(server) = server() else { return };
    let (name, (clock, settings)) = (schema(), settings());
    let store = open(server, &name, &settings);
    store.commit(&adding([node(1, "a", "figs")])).unwrap();
    let policy = Policy { is_indexed: false, ..Kind::Fact.policy() };
    let random = typewright_runtime::memory::Random::new(1);
    let mut other = Settings::new(clock as Arc<dyn Clock>, random);
    other.policies.insert(Kind::Fact, policy);
    let store = open(server, &name, &Arc::new(other));
    let revision = Revision { content: Some(Content::text("plums")), ..Revision::default() };
    commit(&store, vec![Change::Revise { id: Id::from_u128(1), revision }]);
    let filter = Filter::of(namespace("a"));
    let found = ["figs", "plums"].map(|word| store.matches(word, &filter, 5).unwrap().len());
    assert_eq!(found, [0, 0]);
    sound(&store);
}

#[test]
fn a_relation_takes_the_name_of_one_that_is_forgotten_with_its_end() {
    let Some(server) = server() else { return };
    let store = open(server, &schema(), &settings().1);
    store.commit(&adding([1, 2, 3].map(|number| node(number, "a", "x")))).unwrap();
    commit(&store, vec![related(5, 1, RelationKind::Supports, 2)]);
    let head = commit(&store, vec![forget(1), related(5, 2, RelationKind::Supports, 3)]);
    let found = store.relations(&[1, 2, 3].map(Id::from_u128), &[], Direction::Both, head).unwrap();
    assert_eq!(found.iter().map(|one| one.from.as_u128()).collect::<Vec<_>>(), [2]);
    // The one of the memory that is forgotten tells nothing any more.
    let before = store.relations(&[Id::from_u128(1)], &[], Direction::Both, Commit(head.0 - 1)).unwrap();
    assert!(before.iter().all(|one| one.provenance.is_none()), "{before:?}");
}
