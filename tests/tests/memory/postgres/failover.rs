//! A primary with a synchronous standby, the loss of the first, and what the second has.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use typewright_runtime::memory::postgres::PostgresStore;
use typewright_runtime::memory::store::{Batch, Change, Direction, Store};
use typewright_runtime::memory::{Clock, Error, Id, Interval, Relation, RelationKind, Settings};
use typewright_tests::memory::server::{Server, programs};

use super::{adding, config, embedded, node, schema};
use crate::store::settings;

/// Two memories with a vector, their words, and a relation of one to the other.
pub(super) fn pair(number: u128) -> Batch {
    let (a, b) = (number * 4, number * 4 + 1);
    let mut batch = adding([
        embedded(node(a, "a", &format!("first of {number}")), vec![1.0, number as f32]),
        embedded(node(b, "a", &format!("second of {number}")), vec![number as f32, 1.0]),
    ]);
    batch.changes.push(Change::Relate(Box::new(Relation {
        id: Id::from_u128(a + 2),
        from: Id::from_u128(a),
        kind: RelationKind::PartOf,
        to: Id::from_u128(b),
        weight: 1.0,
        valid: Interval::ALWAYS,
        created: settings().0.now(),
        provenance: None,
    })));
    batch
}

/// All pairs that were acknowledged are there, every pair is there as a whole or not at all; how many there are.
pub(super) fn is_whole(store: &PostgresStore, acknowledged: &[u128], last: u128) -> usize {
    let head = store.head().unwrap();
    let mut there = 0;
    for number in 1..=last {
        let ids = [number * 4, number * 4 + 1].map(Id::from_u128);
        let nodes = store.nodes(&ids, head).unwrap();
        let relations = store.relations(&ids, &[], Direction::Both, head).unwrap();
        let found = (nodes.len(), relations.len());
        assert!(found == (2, 1) || found == (0, 0), "{number} is half: {found:?}");
        assert!(nodes.iter().all(|node| node.embedding.is_some()));
        assert!(found == (2, 1) || !acknowledged.contains(&number), "{number} was acknowledged and is lost");
        there += usize::from(found == (2, 1));
    }
    let (mut vectors, mut logged) = (0, 0);
    store
        .vectors("m", &mut |_| {
            vectors += 1;
            Ok(())
        })
        .unwrap();
    store
        .log(typewright_runtime::memory::store::Commit(0), &mut |_| {
            logged += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!((vectors, logged), (2 * there, 3 * there));
    assert_eq!(store.check().unwrap().0, Vec::<String>::new());
    there
}

#[test]
fn nothing_acknowledged_is_lost_when_the_primary_is() {
    let Some(bin) = programs() else {
        println!("TYPEWRIGHT_PG_BIN is not set: not run");
        return;
    };
    let primary = Server::start(&bin, &["wal_keep_size=64MB"]).unwrap();
    let standby = primary.standby("second", &["hot_standby=on"]).unwrap();
    primary.sql("ALTER SYSTEM SET synchronous_standby_names = 'second'").unwrap();
    primary.sql("ALTER SYSTEM SET synchronous_commit = 'remote_apply'").unwrap();
    primary.sql("SELECT pg_reload_conf()").unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while primary.sql("SELECT sync_state FROM pg_stat_replication").unwrap() != "sync" {
        assert!(Instant::now() < until, "{}", standby.told());
        std::thread::sleep(Duration::from_millis(50));
    }
    let (name, settings): (String, std::sync::Arc<Settings>) = (schema(), settings().1);
    let hosts = format!(
        "host=127.0.0.1,127.0.0.1 port={},{} user=tester dbname=postgres target_session_attrs=read-write",
        primary.port(),
        standby.port()
    );
    let both = typewright_runtime::memory::postgres::Config::new(&hosts).unwrap().schema(&name);
    let store = PostgresStore::open(both, std::sync::Arc::clone(&settings)).unwrap();
    let is_lost = AtomicBool::new(false);
    let (mut acknowledged, mut in_doubt, mut number) = (Vec::new(), Vec::new(), 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_secs(2));
            primary.lose().unwrap();
            is_lost.store(true, Ordering::SeqCst);
        });
        while !is_lost.load(Ordering::SeqCst) {
            number += 1;
            match store.commit(&pair(number)) {
                Ok(_) => acknowledged.push(number),
                Err(Error::Unknown { .. }) => in_doubt.push(number),
                Err(_) => {}
            }
        }
    });
    assert!(acknowledged.len() > 20, "{}", acknowledged.len());
    // What is read on a standby is what was acknowledged.
    let reading = PostgresStore::open(config(&standby, "tester", &name), settings).unwrap();
    assert!(matches!(reading.commit(&pair(number + 1)), Err(Error::ReadOnly { .. })));
    standby.promote().unwrap();
    let there = is_whole(&reading, &acknowledged, number);
    println!("{} acknowledged, {there} there, in doubt {in_doubt:?}", acknowledged.len());
    assert!(there <= acknowledged.len() + in_doubt.len());
    // The same store finds the new primary, and what was in doubt is done again, once.
    for number in &in_doubt {
        match store.commit(&pair(*number)) {
            Ok(_) | Err(Error::Exists { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    store.commit(&pair(number + 1)).unwrap();
    acknowledged.extend(in_doubt);
    acknowledged.push(number + 1);
    is_whole(&store, &acknowledged, number + 1);
}
