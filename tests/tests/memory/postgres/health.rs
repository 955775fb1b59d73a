//! How a store on a server is: what is known of it, and that damage would be noticed.

use typewright_runtime::memory::health::{Config, Finding, examine};
use typewright_runtime::memory::store::{Room, Store};
use typewright_tests::memory::server::{Server, programs};

use super::{adding, embedded, node, open, schema, server};
use crate::store::settings;

#[test]
fn a_good_store_is_healthy_and_its_disk_is_not_known() {
    let Some(server) = server() else { return };
    let (name, settings) = (schema(), settings().1);
    let store = open(server, &name, &settings);
    let vector = |number: u128| vec![number as f32, 1.0, (number % 7) as f32];
    let nodes = (1..=100_u128).map(|number| embedded(node(number, "a", "text"), vector(number)));
    store.commit(&adding(nodes)).unwrap();
    // Less than all of a disk would be too little, if it were known.
    let config = Config { reads_all: true, room: u64::MAX, ..Config::default() };
    let health = examine(&store, &config).unwrap();
    assert!(health.is_good(), "{:?}", health.findings);
    assert_eq!((health.room, health.lag.len()), (Room::default(), 0));
    assert_eq!(health.recall.into_iter().collect::<Vec<_>>(), [("m".to_owned(), 1.0)]);
    assert!(health.census.bytes > 0);
}

#[test]
fn a_server_without_checksums_of_pages_is_told() {
    let Some(bin) = programs() else { return };
    let (server, name, settings) = (Server::without_checksums(&bin).unwrap(), schema(), settings().1);
    let store = open(&server, &name, &settings);
    store.commit(&adding([node(1, "a", "text")])).unwrap();
    let found = store.check().unwrap().0;
    assert!(matches!(&found[..], [told] if told.contains("pg_checksums --enable")), "{found:?}");
    let config = Config { reads_all: true, ..Config::default() };
    let findings = examine(&store, &config).unwrap().findings;
    assert!(matches!(&findings[..], [Finding::Damaged(told)] if *told == found[0]), "{findings:?}");
}
