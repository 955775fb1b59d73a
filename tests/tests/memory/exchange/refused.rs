//! Files that are whole, and say what a store cannot take: told with the line, and before anything is stored where that can
//! be known.

use std::time::{Duration, Instant};

use typewright_runtime::memory::exchange::jsonl::check;
use typewright_runtime::memory::store::measured::Measured;
use typewright_runtime::memory::{self, Content, Embedding, Interval, Limits, RelationKind};
use typewright_tests::memory::history::History;

use super::jsonl::sealed;
use super::*;

on_each_store!(
    counts_that_cannot_be_counted_on_are_refused,
    vectors_of_two_lengths_are_refused_before_anything_is_stored,
    a_name_of_two_relations_is_refused_before_anything_is_stored,
    what_only_the_store_knows_is_told_with_its_line
);

/// Memories with these words, named 1, 2, …
fn nodes(count: u128) -> Vec<MemoryNode> {
    let mut history = History::new(9);
    let one = |n: u128| MemoryNode {
        id: Id::from_u128(n),
        namespace: namespace("a"),
        content: Content::text(format!("memory {n}")),
        embedding: None,
        ..history.node()
    };
    (1..=count).map(one).collect()
}

fn relation(n: u128, from: u128, kind: RelationKind, to: u128) -> Relation {
    Relation {
        id: Id::from_u128(n),
        from: Id::from_u128(from),
        kind,
        to: Id::from_u128(to),
        weight: 1.0,
        valid: Interval::ALWAYS,
        created: time("2026-01-01T00:00:00Z"),
        provenance: None,
    }
}

/// The file of these memories and relations.
fn file(on: Engine, nodes: Vec<MemoryNode>, relations: Vec<Relation>) -> Vec<u8> {
    let place = Place::new(on);
    let nodes = nodes.into_iter().map(|node| Change::Add(Box::new(node)));
    let relations = relations.into_iter().map(|relation| Change::Relate(Box::new(relation)));
    place.commit(nodes.chain(relations).collect());
    place.jsonl()
}

/// With another text in one line.
fn changed(file: &[u8], number: usize, from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(file.to_vec()).unwrap();
    let target = text.lines().nth(number - 1).unwrap();
    assert!(target.contains(from), "{target}");
    sealed(file, |line| if line == target { line.replacen(from, to, 1) } else { line.to_owned() })
}

/// In which line, and why.
fn refused(result: Result<Report, Error>) -> (u64, memory::Error) {
    match result.unwrap_err() {
        Error::Refused { line, source } => (line, source),
        other => panic!("{other:?}"),
    }
}

fn is_empty(place: &Place) -> bool {
    place.store.namespaces().unwrap().is_empty()
}

fn counts_that_cannot_be_counted_on_are_refused(on: Engine) {
    let file = file(on, nodes(2), Vec::new());
    let most = 1_u64 << 53;
    let other = Place::new(on);
    for (from, to, what) in [
        ("\"version\":1", format!("\"version\":{}", i64::MAX), "version"),
        ("\"version\":1", format!("\"version\":{}", most + 1), "version"),
        ("\"version\":1", "\"version\":0".to_owned(), "version"),
        ("\"accesses\":0", format!("\"accesses\":{}", i64::MAX), "accesses"),
        ("\"accesses\":0", format!("\"accesses\":{}", most + 1), "accesses"),
    ] {
        let (line, error) = refused(other.import(&changed(&file, 3, from, &to), Mode::Store));
        assert!(line == 3 && matches!(error, memory::Error::Invalid { what: found, .. } if found == what));
        assert!(is_empty(&other), "{to}");
    }
    // With the most that are taken, a memory is used, changed and forgotten like any other.
    let full = changed(&file, 3, "\"version\":1", &format!("\"version\":{most}"));
    let full = changed(&full, 3, "\"accesses\":0", &format!("\"accesses\":{most}"));
    other.import(&full, Mode::Store).unwrap();
    let id = Id::from_u128(2);
    other.commit(vec![Change::Touch { id, at: time("2026-05-01T00:00:00Z") }]);
    other.commit(vec![Change::Expire { id }]);
    assert_eq!((other.node(id).version, other.node(id).accesses), (most + 1, most + 1));
    Place::new(on).import(&other.jsonl(), Mode::Store).unwrap();
    other.commit(vec![Change::Forget { id }]);
    assert_eq!(other.node(id).status, Status::Forgotten);
}

fn vectors_of_two_lengths_are_refused_before_anything_is_stored(on: Engine) {
    let mut nodes = nodes(2);
    for (node, model) in nodes.iter_mut().zip(["one", "two"]) {
        let vector = vec![1.0; model.len() + usize::from(model == "two")];
        node.embedding = Some(Embedding { model: model.to_owned(), vector });
    }
    let file = changed(&file(on, nodes, Vec::new()), 3, "\"model\":\"two\"", "\"model\":\"one\"");
    let other = Place::new(on);
    let (line, error) = refused(other.import(&file, Mode::Store));
    assert!(line == 3 && matches!(error, memory::Error::Invalid { what: "embedding", .. }), "{error:?}");
    assert!(is_empty(&other));
    assert!(matches!(check(&mut &file[..], &Limits::default()), Err(Error::Refused { line: 3, .. })));
}

fn a_name_of_two_relations_is_refused_before_anything_is_stored(on: Engine) {
    let [one, two] = [Id::from_u128(0x11), Id::from_u128(0x12)].map(|id| id.to_string());
    let relations =
        vec![relation(0x11, 1, RelationKind::PartOf, 3), relation(0x12, 2, RelationKind::PartOf, 3)];
    let file = changed(&file(on, nodes(3), relations), 6, &two, &one);
    let other = Place::new(on);
    let (line, error) = refused(other.import(&file, Mode::Store));
    assert!(line == 6 && matches!(error, memory::Error::Exists { .. }), "{error:?}");
    assert!(is_empty(&other));
    assert!(matches!(check(&mut &file[..], &Limits::default()), Err(Error::Refused { line: 6, .. })));
}

fn what_only_the_store_knows_is_told_with_its_line(on: Engine) {
    let relations =
        vec![relation(0x11, 1, RelationKind::PartOf, 2), relation(0x12, 2, RelationKind::PartOf, 3)];
    let file = file(on, nodes(3), relations);
    let [first, third] = [1, 3].map(|n| format!("\"to\":\"{}\"", Id::from_u128(n)));
    let circle = changed(&file, 6, &third, &first);
    let (line, error) = refused(Place::new(on).import(&circle, Mode::Store));
    assert!(line == 6 && matches!(error, memory::Error::Circle { .. }), "{error:?}");
    // Another relation has the name there.
    let other = Place::new(on);
    other.import(&file, Mode::Store).unwrap();
    other.commit(vec![Change::Unrelate { id: Id::from_u128(0x11) }]);
    other.commit(vec![Change::Relate(Box::new(relation(0x11, 2, RelationKind::Supports, 3)))]);
    let (line, error) = refused(other.import(&file, Mode::Store));
    assert!(line == 5 && matches!(error, memory::Error::Exists { .. }), "{error:?}");
}

#[test]
fn a_line_with_many_fields_takes_no_time() {
    let keys: String = (0..600_000).map(|n| format!("\"{n:x}\":1,")).collect();
    let file = format!("{{\"format\":\"typewright-memory\",\"version\":1}}\n{{{keys}\"memory\":1}}\n");
    let begun = Instant::now();
    let (line, _, reason) = super::place(&check(&mut file.as_bytes(), &Limits::default()).unwrap_err());
    assert_eq!((line, reason.as_str()), (2, "the object has more than 100000 fields"));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[test]
fn the_relations_of_a_memory_are_read_once() {
    let count = 2000;
    let relations = (2..=count).map(|n| relation(n, 1, RelationKind::DependsOn, n)).collect();
    let file = file(Engine::Sqlite, nodes(count), relations);
    let place = Place::new(Engine::Sqlite);
    let store = Measured::new(Arc::clone(&place.store));
    for added in [count as u64 - 1, 0] {
        let mut from = Cursor::new(&file);
        let report = exchange::jsonl::import(&store, &place.settings, &mut from, Mode::Store).unwrap();
        assert_eq!(report.relations.added, added);
        assert_eq!(report.relations.present, count as u64 - 1 - added);
    }
    let read = store.metrics().read().into_iter().find(|measure| measure.operation == "relations").unwrap();
    assert_eq!(read.count, 2);
    assert_eq!(place.jsonl(), file);
}
