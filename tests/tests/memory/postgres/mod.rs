//! The store on a real PostgreSQL: what every store promises, and what only this one does.

mod bounds;
mod edges;
mod failover;
mod faults;
mod health;
mod login;
mod migration;
mod nearest;
mod roles;
mod tls;
mod words;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Once};

use typewright_runtime::memory::postgres::{Config, PostgresStore};
use typewright_runtime::memory::store::{Batch, Change};
use typewright_runtime::memory::{
    Content, Embedding, Id, Interval, Kind, MemoryNode, Namespace, Settings, Status, Timestamp,
};
use typewright_tests::memory::server::{self, Server};

/// The server of these tests, or none, which is said once.
pub(crate) fn server() -> Option<&'static Server> {
    static SAID: Once = Once::new();
    let server = server::shared();
    if server.is_none() {
        SAID.call_once(|| println!("TYPEWRIGHT_PG_BIN is not set: nothing is run on PostgreSQL"));
    }
    server
}

/// A name for the tables of a store that no other test has.
pub(crate) fn schema() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("store_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn config(server: &Server, role: &str, schema: &str) -> Config {
    Config::new(&server.address(role)).unwrap().schema(schema)
}

/// A store of its own.
pub(crate) fn open(server: &Server, schema: &str, settings: &Arc<Settings>) -> PostgresStore {
    PostgresStore::open(config(server, "tester", schema), Arc::clone(settings)).unwrap()
}

pub(crate) fn namespace(path: &str) -> Namespace {
    Namespace::new(path).unwrap()
}

/// A memory by this number that says this.
pub(crate) fn node(number: u128, path: &str, text: &str) -> MemoryNode {
    let now = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
    MemoryNode {
        id: Id::from_u128(number),
        namespace: namespace(path),
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

pub(crate) fn embedded(node: MemoryNode, vector: Vec<f32>) -> MemoryNode {
    MemoryNode { embedding: Some(Embedding { model: "m".to_owned(), vector }), ..node }
}

pub(crate) fn adding(nodes: impl IntoIterator<Item = MemoryNode>) -> Batch {
    let changes = nodes.into_iter().map(|node| Change::Add(Box::new(node))).collect();
    Batch { changes, ..Batch::default() }
}
