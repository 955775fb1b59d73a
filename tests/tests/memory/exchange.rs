//! Memories to files and back.

mod command;
mod csv;
mod folder;
pub(crate) mod fuzz;
mod graphiti;
mod jsonl;
mod mem0;
mod refused;

use std::io::Cursor;
use std::ops::Deref;
use std::sync::Arc;

use typewright_runtime::memory::exchange::{self, Error, Mode, Report};
use typewright_runtime::memory::store::{Batch, Change, Direction, Filter, Store};
use typewright_runtime::memory::{Id, MemoryNode, Namespace, Relation, Settings, Status, Timestamp};

use crate::store::{self, Engine, Folder, on_each_store};

/// A store of its own, and what is asked of it here.
struct Place(store::Place);

impl Deref for Place {
    type Target = store::Place;

    fn deref(&self) -> &store::Place {
        &self.0
    }
}

impl Place {
    fn new(on: Engine) -> Self {
        Self(on.place("exchange"))
    }

    fn jsonl(&self) -> Vec<u8> {
        self.exported(self.store.head().unwrap())
    }

    fn import(&self, file: &[u8], mode: Mode) -> Result<Report, Error> {
        exchange::jsonl::import(&*self.store, &self.settings, &mut Cursor::new(file), mode)
    }

    fn commit(&self, changes: Vec<Change>) {
        self.store.commit(&Batch { changes, ..Batch::default() }).unwrap();
    }

    fn node(&self, id: Id) -> MemoryNode {
        self.store.nodes(&[id], self.store.head().unwrap()).unwrap().pop().unwrap()
    }

    /// All memories of a namespace and below it, the oldest first.
    fn all(&self, namespace: &str) -> Vec<MemoryNode> {
        let filter = Filter::of(Namespace::new(namespace).unwrap()).below().statuses(Status::ALL);
        let mut nodes = self.store.find(&filter, self.store.head().unwrap()).unwrap();
        nodes.sort_by_key(|node| node.id);
        nodes
    }

    fn from(&self, id: Id) -> Vec<Relation> {
        let head = self.store.head().unwrap();
        let relations = self.store.relations(&[id], &[], Direction::Both, head).unwrap();
        relations.into_iter().filter(|relation| relation.from == id).collect()
    }
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn namespace(path: &str) -> Namespace {
    Namespace::new(path).unwrap()
}

fn id(text: &str) -> Id {
    text.parse().unwrap()
}

/// What an error says of where it is.
fn place(error: &Error) -> (u64, u64, String) {
    match error {
        Error::Malformed { line, column, reason } => (*line, *column, reason.clone()),
        other => panic!("{other:?}"),
    }
}
