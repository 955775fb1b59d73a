//! All that a store has: at earlier commits what was there then, and of each namespace that anything was ever said in.

use std::io::Cursor;
use std::time::Duration;

use typewright_runtime::memory::exchange::{Mode, jsonl};
use typewright_runtime::memory::store::{Commit, Revision};
use typewright_runtime::memory::{Id, Kind, MemoryDraft, Namespace, RelationDraft, RelationKind, Timestamp};

use crate::store::{Engine, Place, on_each_store};

on_each_store!(
    namespaces_are_told_whatever_has_become_of_their_memories,
    what_was_undone_later_was_there_then
);

fn of(namespace: &str, text: &str) -> MemoryDraft {
    MemoryDraft::new(Namespace::new(namespace).unwrap(), Kind::Semantic, text)
}

fn add(place: &Place, namespace: &str, text: &str) -> (Id, Commit) {
    let mut transaction = place.begin();
    let id = transaction.add(of(namespace, text)).unwrap();
    (id, transaction.commit().unwrap().commit)
}

fn namespaces(place: &Place) -> Vec<String> {
    let found = place.store.namespaces().unwrap();
    found.iter().map(|namespace| namespace.as_str().to_owned()).collect()
}

fn namespaces_are_told_whatever_has_become_of_their_memories(on: Engine) {
    let place = on.place("namespaces");
    assert_eq!(namespaces(&place), Vec::<String>::new());
    let all = ["expired", "forgotten", "forgotten/below", "invalidated", "live", "superseded"];
    let ids = all.map(|namespace| add(&place, namespace, "x").0);
    let mut transaction = place.begin();
    transaction.expire(ids[0]).unwrap();
    transaction.forget(ids[1]);
    transaction.invalidate(ids[3], Timestamp::parse("2025-01-01T00:00:00Z").unwrap()).unwrap();
    transaction.supersede(ids[5], of("live", "y")).unwrap();
    transaction.commit().unwrap();
    assert_eq!(namespaces(&place), all);
    // What was never added, in the end, is not there.
    let (_, commit) = add(&place, "undone", "x");
    assert_eq!(namespaces(&place).len(), 7);
    place.store.undo(commit).unwrap();
    assert_eq!(namespaces(&place), all);
    place.clock.advance(Duration::from_secs(1));
    place.store.compact(Duration::ZERO).unwrap();
    assert_eq!(namespaces(&place), all);
    add(&place, "undone", "x");
    assert_eq!(namespaces(&place)[6], "undone");
}

fn exported(place: &Place, at: Commit) -> String {
    String::from_utf8(place.exported(at)).unwrap()
}

/// A history with additions that are undone; what was exported after each commit, when it was the last.
fn history(place: &Place) -> Vec<String> {
    let mut files = vec![exported(place, Commit(0))];
    let mut keep = |place: &Place| files.push(exported(place, place.store.head().unwrap()));
    let (first, _) = add(place, "a", "stays");
    keep(place);
    let mut transaction = place.begin();
    let gone = transaction.add(of("b", "is undone").embedding("m", vec![1.0, 0.5])).unwrap();
    let also = transaction.add(of("a", "is undone, too")).unwrap();
    for (from, to) in [(first, gone), (also, first), (gone, also)] {
        transaction.relate(RelationDraft::new(from, RelationKind::Supports, to)).unwrap();
    }
    let undone = transaction.commit().unwrap().commit;
    keep(place);
    let mut transaction = place.begin();
    let revision = Revision { content: Some("stays, said otherwise".into()), ..Revision::default() };
    transaction.revise(first, revision).unwrap();
    transaction.commit().unwrap();
    keep(place);
    place.store.undo(undone).unwrap();
    keep(place);
    let mut transaction = place.begin();
    transaction.expire(first).unwrap();
    transaction.commit().unwrap();
    keep(place);
    files
}

fn what_was_undone_later_was_there_then(on: Engine) {
    let place = on.place("then");
    let files = history(&place);
    let memories = |file: &String| file.matches("\"memory\":").count();
    assert_eq!(files.iter().map(memories).collect::<Vec<_>>(), [0, 1, 3, 3, 1, 1]);
    for (file, at) in files.iter().zip(0..) {
        assert_eq!(&exported(&place, Commit(at)), file, "at {at}");
    }
    // Whatever a store stands on, what it exports is the same, and comes back as the same.
    assert_eq!(history(&Engine::Sqlite.place("then")), files);
    let other = Engine::Sqlite.place("then");
    jsonl::import(&*other.store, &other.settings, &mut Cursor::new(&files[3]), Mode::Store).unwrap();
    assert_eq!(exported(&other, other.store.head().unwrap()), files[3]);
    // What is compacted is gone, and not empty.
    place.clock.advance(Duration::from_secs(1));
    place.store.compact(Duration::ZERO).unwrap();
    assert!(jsonl::export(&*place.store, Commit(2), &mut Vec::new()).is_err());
    assert_eq!(exported(&place, Commit(5)), files[5]);
}
