//! Numbers at the ends of what there is, names that come back, policies that change.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use typewright_runtime::memory::sqlite::{Config, SqliteStore};
use typewright_runtime::memory::store::{
    Batch, Change, Commit, Direction, Expected, Filter, Revision, Seen, Store,
};
use typewright_runtime::memory::{
    Content, Error, Id, Interval, Kind, MemoryNode, Namespace, Policy, Relation, RelationKind, Settings,
    Status, Timestamp,
};

use crate::store::{Engine, Folder, Place, on_each_store, open, settings};

on_each_store!(
    a_commit_that_there_cannot_be_is_after_all_others,
    what_is_counted_to_the_end_can_still_be_used_and_forgotten,
    what_is_no_number_is_refused,
    zeros_are_equal,
    who_has_seen_a_memory_does_not_take_another_for_it,
    a_relation_that_was_undone_twice_is_told_and_undone_again
);

const GREATEST: u64 = i64::MAX.cast_unsigned();

fn node(number: u128, text: &str) -> MemoryNode {
    let now = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
    MemoryNode {
        id: Id::from_u128(number),
        namespace: Namespace::new("a").unwrap(),
        kind: Kind::Fact,
        content: Content::text(text),
        embedding: None,
        importance: 0.5,
        valid: Interval::ALWAYS,
        created: now,
        updated: now,
        ended: None,
        expires: None,
        last_access: now,
        accesses: 0,
        status: Status::Live,
        version: 1,
        provenance: None,
        metadata: Default::default(),
    }
}

fn commit(store: &dyn Store, changes: Vec<Change>) -> Result<Commit, Error> {
    store.commit(&Batch { changes, ..Batch::default() }).map(|done| done.commit)
}

fn add(store: &dyn Store, node: MemoryNode) -> Result<Commit, Error> {
    commit(store, vec![Change::Add(Box::new(node))])
}

fn there(store: &dyn Store, number: u128) -> Option<MemoryNode> {
    store.nodes(&[Id::from_u128(number)], store.head().unwrap()).unwrap().pop()
}

fn relation(number: u128) -> Relation {
    Relation {
        id: Id::from_u128(number),
        from: Id::from_u128(1),
        kind: RelationKind::Supports,
        to: Id::from_u128(2),
        weight: 1.0,
        valid: Interval::ALWAYS,
        created: Timestamp::parse("2026-01-01T00:00:00Z").unwrap(),
        provenance: None,
    }
}

fn logged(store: &dyn Store, after: Commit) -> Vec<Change> {
    let mut told = Vec::new();
    let mut take = |logged: typewright_runtime::memory::store::Logged| {
        told.push(logged.change);
        Ok(())
    };
    store.log(after, &mut take).unwrap();
    told
}

fn a_commit_that_there_cannot_be_is_after_all_others(on: Engine) {
    let Place { store, clock, .. } = &on.place("edges");
    let expiring =
        MemoryNode { expires: Some(Timestamp::parse("2026-01-01T00:00:01Z").unwrap()), ..node(2, "two") };
    commit(&**store, vec![Change::Add(Box::new(node(1, "one"))), Change::Add(Box::new(expiring))]).unwrap();
    commit(&**store, vec![Change::Relate(Box::new(relation(3)))]).unwrap();
    let filter = Filter::of(Namespace::new("a").unwrap());
    for at in [Commit(GREATEST), Commit(GREATEST + 1), Commit(u64::MAX)] {
        assert_eq!(store.nodes(&[Id::from_u128(1)], at).unwrap().len(), 1, "{at:?}");
        assert_eq!(store.find(&filter, at).unwrap().len(), 2, "{at:?}");
        let relations = store.relations(&[Id::from_u128(1)], &[], Direction::Both, at).unwrap();
        assert_eq!(relations.len(), 1, "{at:?}");
        let mut count = 0;
        let mut take = |_| {
            count += 1;
            Ok(())
        };
        store.all(at, &mut take).unwrap();
        assert_eq!(count, 3, "{at:?}");
        assert_eq!(logged(&**store, at), [], "{at:?}");
        assert!(matches!(store.undo(at), Err(Error::NotUndone { .. })), "{at:?}");
    }
    clock.set(Timestamp::parse("2026-01-02T00:00:00Z").unwrap());
    assert_eq!(store.expire(usize::MAX).unwrap(), 1);
    store.compact(Duration::MAX).unwrap();
}

fn what_is_counted_to_the_end_can_still_be_used_and_forgotten(on: Engine) {
    let Place { store, .. } = &on.place("edges");
    let store = &**store;
    let counted = |number| MemoryNode { version: GREATEST, accesses: GREATEST, ..node(number, "counted") };
    for number in [1, 2, 3] {
        add(store, counted(number)).unwrap();
    }
    let at = Timestamp::parse("2026-01-02T00:00:00Z").unwrap();
    commit(store, vec![Change::Touch { id: Id::from_u128(1), at }]).unwrap();
    let touched = there(store, 1).unwrap();
    assert_eq!((touched.accesses, touched.last_access), (GREATEST, at));
    let revision = Revision { importance: Some(0.25), ..Revision::default() };
    commit(store, vec![Change::Revise { id: Id::from_u128(1), revision }]).unwrap();
    commit(store, vec![Change::Expire { id: Id::from_u128(2) }]).unwrap();
    commit(store, vec![Change::Forget { id: Id::from_u128(3) }]).unwrap();
    let statuses = [1, 2, 3].map(|number| there(store, number).unwrap().status);
    assert_eq!(statuses, [Status::Live, Status::Expired, Status::Forgotten]);
    assert_eq!(store.check().unwrap().0, Vec::<String>::new());
    for more in [
        MemoryNode { version: GREATEST + 1, ..node(4, "more") },
        MemoryNode { accesses: GREATEST + 1, ..node(4, "more") },
    ] {
        assert!(matches!(add(store, more), Err(Error::Invalid { .. })));
    }
    assert_eq!(there(store, 4), None);
}

fn what_is_no_number_is_refused(on: Engine) {
    let Place { store, .. } = &on.place("edges");
    let store = &**store;
    add(store, node(1, "one")).unwrap();
    for importance in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let added = add(store, MemoryNode { importance, ..node(2, "two") });
        assert!(matches!(added, Err(Error::Invalid { .. })), "{added:?}");
        let revision = Revision { importance: Some(importance), ..Revision::default() };
        let revised = commit(store, vec![Change::Revise { id: Id::from_u128(1), revision }]);
        assert!(matches!(revised, Err(Error::Invalid { .. })), "{revised:?}");
    }
    assert_eq!(store.head().unwrap(), Commit(1));
}

fn zeros_are_equal(on: Engine) {
    let place = on.place("edges");
    let zero = MemoryNode { importance: -0.0, ..node(1, "nothing") };
    for _ in 0..2 {
        add(&*place.store, zero.clone()).unwrap();
    }
    assert_eq!(there(&*place.store, 1).unwrap().importance.to_bits(), 0);
}

/// A name that is added again, after that was undone, is not at the version again that somebody has seen.
fn who_has_seen_a_memory_does_not_take_another_for_it(on: Engine) {
    let Place { store, .. } = &on.place("edges");
    let store = &**store;
    let first = add(store, node(1, "one")).unwrap();
    let expected = vec![Expected { id: Id::from_u128(1), seen: Seen::Version(1) }];
    store.undo(first).unwrap();
    add(store, node(1, "another")).unwrap();
    assert_eq!(there(store, 1).unwrap().version, 2);
    let revision = Revision { importance: Some(0.25), ..Revision::default() };
    let changes = vec![Change::Revise { id: Id::from_u128(1), revision }];
    let late = store.commit(&Batch { changes, expected, ..Batch::default() });
    assert!(matches!(late, Err(Error::Conflict { .. })), "{late:?}");
}

fn a_relation_that_was_undone_twice_is_told_and_undone_again(on: Engine) {
    let Place { store, clock, .. } = &on.place("edges");
    let store = &**store;
    commit(store, vec![Change::Add(Box::new(node(1, "one"))), Change::Add(Box::new(node(2, "two")))])
        .unwrap();
    let related = commit(store, vec![Change::Relate(Box::new(relation(5)))]).unwrap();
    let unrelated = commit(store, vec![Change::Unrelate { id: Id::from_u128(5) }]).unwrap();
    let again = store.undo(unrelated).unwrap().commit;
    clock.set(Timestamp::parse("2026-01-02T00:00:00Z").unwrap());
    let ended = store.undo(related).unwrap().commit;
    // What was there a second ago is kept.
    clock.set(Timestamp::parse("2026-01-02T00:00:01Z").unwrap());
    store.compact(Duration::from_secs(2)).unwrap();
    assert_eq!(logged(store, again), [Change::Unrelate { id: Id::from_u128(5) }]);
    store.undo(ended).unwrap();
    let ids = |relations: Vec<Relation>| relations.iter().map(|one| one.id).collect::<Vec<_>>();
    let relations = store.relations(&[Id::from_u128(1)], &[], Direction::Out, store.head().unwrap()).unwrap();
    assert_eq!(ids(relations), [Id::from_u128(5)]);
}

/// Settings by which the words of these kinds are in the index, and of no others.
fn indexing(kinds: &[Kind]) -> Arc<Settings> {
    let mut settings = Arc::into_inner(settings().1).unwrap();
    for kind in [Kind::Fact, Kind::Episode, Kind::Working] {
        let policy = Policy { is_indexed: kinds.contains(&kind), ..kind.policy() };
        settings.policies.insert(kind, policy);
    }
    Arc::new(settings)
}

/// What is found by words is what the policies of today say, and all of it can be changed and forgotten, whatever those of
/// yesterday said.
#[test]
fn policies_of_words_that_change_are_followed() {
    let folder = Folder::new("policies");
    let path = folder.path().join("store.db");
    let kinds = [Kind::Fact, Kind::Episode, Kind::Working];
    let orders: [&[Kind]; 5] = [&[], &kinds, &kinds[2..], &kinds[..1], &kinds];
    let mut number = 0;
    for (round, indexed) in orders.into_iter().enumerate() {
        let store = open(&path, &indexing(indexed)).unwrap();
        for kind in kinds {
            for _ in 0..2 {
                number += 1;
                add(&store, MemoryNode { kind, ..node(number, &format!("plums {kind:?}")) }).unwrap();
            }
        }
        let filter = Filter::of(Namespace::new("a").unwrap());
        let matches = store.matches("plums", &filter, 100).unwrap();
        let found: BTreeSet<Id> = matches.into_iter().map(|one| one.id).collect();
        let meant = store.find(&filter, store.head().unwrap()).unwrap();
        let meant: BTreeSet<Id> =
            meant.iter().filter(|node| indexed.contains(&node.kind)).map(|node| node.id).collect();
        assert_eq!(found, meant, "{round}");
        assert_eq!(store.check().unwrap().0, Vec::<String>::new(), "{round}");
        // One of each kind of an earlier round.
        for gone in 0..3 * usize::from(round > 0) {
            let id = Id::from_u128((6 * (round - 1) + 2 * gone + 1) as u128);
            commit(&store, vec![Change::Forget { id }]).unwrap();
        }
        assert_eq!(store.check().unwrap().0, Vec::<String>::new(), "{round}");
    }
}

/// By what is not what was written down, words would be taken out that are not there.
#[test]
fn what_is_written_of_policies_is_not_believed_when_it_is_damaged() {
    let folder = Folder::new("policies");
    let path = folder.path().join("store.db");
    add(&open(&path, &indexing(&[Kind::Fact])).unwrap(), node(1, "plums")).unwrap();
    for damage in ["value = '3'", "value = 'plums'", "sum = NULL"] {
        let file = rusqlite::Connection::open(&path).unwrap();
        let keep = "CREATE TEMP TABLE kept AS SELECT * FROM meta WHERE key = 'left out'";
        file.execute_batch(&format!("{keep}; UPDATE meta SET {damage} WHERE key = 'left out'")).unwrap();
        let opened = open(&path, &indexing(&[Kind::Fact]));
        if damage == "sum = NULL" {
            // A sum that is missing is no wrong one, until somebody looks for damage.
            assert!(!opened.unwrap().check().unwrap().0.is_empty());
        } else {
            assert!(matches!(opened, Err(Error::Damaged { .. })), "{damage}");
        }
        file.execute_batch("INSERT OR REPLACE INTO meta SELECT * FROM kept").unwrap();
    }
    let store = open(&path, &indexing(&[Kind::Fact])).unwrap();
    assert_eq!(store.check().unwrap().0, Vec::<String>::new());
}

#[cfg(unix)]
#[test]
fn a_store_is_locked_by_whatever_name() {
    let folder = Folder::new("links");
    let [path, link] = ["store.db", "link.db"].map(|name| folder.path().join(name));
    let (_, settings) = settings();
    drop(open(&path, &settings).unwrap());
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let store = open(&link, &settings).unwrap();
    for name in [&path, &link] {
        let second = SqliteStore::open(name, Config::default(), Arc::clone(&settings));
        assert!(matches!(second, Err(Error::Locked { .. })), "{}", name.display());
    }
    add(&store, node(1, "one")).unwrap();
    drop(store);
    assert!(there(&open(&path, &settings).unwrap(), 1).is_some());
}
