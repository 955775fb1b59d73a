//! Files of memories: any bytes at all; and that what is taken of them is what a store can live with.

use std::io::Cursor;
use std::sync::{Arc, OnceLock};

use typewright_runtime::memory::content::Digested;
use typewright_runtime::memory::exchange::{Error, Mode, Report, csv, graphiti, jsonl, mem0};
use typewright_runtime::memory::sqlite::SqliteStore;
use typewright_runtime::memory::store::{Batch, Change, Item, Store};
use typewright_runtime::memory::{Limits, MemoryNode, Namespace, Settings, Status, Timestamp};

use super::{Folder, config};

/// How many formats there are.
pub const FORMATS: u8 = 4;

fn settings() -> Settings {
    let mut settings = super::settings();
    // Small, so that what is too large is met.
    settings.limits = Limits { text_bytes: 400, blob_bytes: 1000, dimensions: 8, metadata_bytes: 300 };
    settings
}

/// An empty store, which stays so.
fn store() -> Option<&'static SqliteStore> {
    static STORE: OnceLock<Option<SqliteStore>> = OnceLock::new();
    let open = || {
        let name = format!("typewright-memory-fuzz-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).ok()?;
        SqliteStore::open(&folder.join("store.db"), config(), Arc::new(settings())).ok()
    };
    STORE.get_or_init(open).as_ref()
}

/// In a choice: what is accepted is stored, too.
pub const STORED: u8 = 0x80;

/// Reads `bytes` as a file of the format that `choice` picks. Nothing may panic; what is refused is refused with its place.
/// Where the choice has [`STORED`], what is accepted is lived with. Whether it was accepted.
pub fn files(choice: u8, bytes: &[u8]) -> bool {
    let Some(store) = store() else { return false };
    let format = (choice & !STORED) % FORMATS;
    let read = import(store, format, bytes, Mode::DryRun);
    let is_accepted = read.is_ok();
    check(read, bytes);
    if choice & STORED > 0 && is_accepted {
        lived_with(format, bytes);
    }
    is_accepted
}

fn import(store: &SqliteStore, format: u8, bytes: &[u8], mode: Mode) -> Result<Report, Error> {
    let (settings, mut from) = (settings(), Cursor::new(bytes));
    let namespace = Namespace::new("fuzz").map_err(Error::from)?;
    match format {
        0 => jsonl::import(store, &settings, &mut from, mode),
        1 => csv::import(store, &settings, from, Some(&namespace), mode),
        2 => mem0::import(store, &settings, from, &namespace, mode),
        _ => {
            let import = graphiti::Import { namespace, model: Some("m".to_owned()), mode };
            graphiti::import(store, &settings, &mut from, &import)
        }
    }
}

/// A file of memories with the counts and the digest that belong to its lines, so that it is read for what it says.
pub fn sealed(bytes: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let body = lines.split_last().map_or(&[][..], |(_, body)| body);
    let count = |start: &[u8]| body.iter().filter(|line| line.starts_with(start)).count();
    let (memories, relations) = (count(b"{\"memory\""), count(b"{\"relation\""));
    let mut file = body.concat();
    let digest = Digested::of(&file);
    let end = format!(
        "{{\"end\":true,\"memories\":{memories},\"relations\":{relations},\"sha256\":\"{digest}\"}}\n"
    );
    file.extend(end.into_bytes());
    file
}

/// A store in a folder that is gone afterwards.
struct Place {
    store: SqliteStore,
    _folder: Folder,
}

impl Place {
    fn new() -> Option<Self> {
        let folder = Folder::new()?;
        let store = SqliteStore::open(&folder.path(), config(), Arc::new(settings())).ok()?;
        Some(Self { store, _folder: folder })
    }

    fn commit(&self, changes: Vec<Change>) {
        let done = self.store.commit(&Batch { changes, ..Batch::default() });
        assert!(done.is_ok(), "{done:?}");
    }

    fn nodes(&self) -> Vec<MemoryNode> {
        let mut nodes = Vec::new();
        let read = self.store.head().and_then(|head| {
            self.store.all(head, &mut |item| {
                if let Item::Node(node) = item {
                    nodes.push(*node);
                }
                Ok(())
            })
        });
        assert!(read.is_ok(), "{read:?}");
        nodes
    }

    fn exported(&self) -> Vec<u8> {
        let mut file = Vec::new();
        let done = self.store.head().map_err(Error::from);
        let done = done.and_then(|head| jsonl::export(&self.store, head, &mut file));
        assert!(done.is_ok(), "{done:?}");
        file
    }

    /// What it exports is, imported, the same to the byte; and nothing is wrong with it.
    fn comes_back(&self) {
        let (file, Some(other)) = (self.exported(), Self::new()) else { return };
        let done = import(&other.store, 0, &file, Mode::Store);
        let told = String::from_utf8_lossy(&file).into_owned();
        assert!(done.is_ok(), "{done:?}: {told}");
        assert_eq!(String::from_utf8_lossy(&other.exported()), told);
        let found = self.store.check().map(|findings| findings.0);
        assert!(matches!(&found, Ok(found) if found.is_empty()), "{found:?}: {told}");
    }
}

/// Stores what a file says, uses it, copies it, ends it and forgets it.
fn lived_with(format: u8, bytes: &[u8]) {
    let Some(place) = Place::new() else { return };
    match import(&place.store, format, bytes, Mode::Store) {
        Ok(_) => {}
        // What would close a circle only the store knows.
        Err(error) => return assert!(matches!(error, Error::Refused { .. }), "{error:?}"),
    }
    place.comes_back();
    let nodes = place.nodes();
    let live = || nodes.iter().filter(|node| node.status == Status::Live).map(|node| node.id);
    place.commit(live().map(|id| Change::Touch { id, at: Timestamp::MAX }).collect());
    place.commit(live().map(|id| Change::Expire { id }).collect());
    place.comes_back();
    place.commit(nodes.iter().map(|node| Change::Forget { id: node.id }).collect());
    assert!(place.nodes().iter().all(|node| node.status == Status::Forgotten));
    place.comes_back();
}

fn check(read: Result<Report, Error>, bytes: &[u8]) {
    match read {
        Ok(report) => assert!(report.memories.added <= bytes.len() as u64),
        Err(Error::Malformed { line, column, .. }) => {
            let lines = bytes.split(|byte| *byte == b'\n').collect::<Vec<_>>();
            let at = usize::try_from(line).unwrap_or(usize::MAX);
            // One line beyond the last is where something is missing.
            assert!(at >= 1 && at <= lines.len() + 1, "line {line} of {}", lines.len());
            let length = lines.get(at - 1).map_or(0, |line| line.len());
            assert!(column >= 1 && column <= length as u64 + 1, "column {column} of {length}");
        }
        Err(Error::Newer { .. } | Error::Refused { .. }) => {}
        Err(other) => assert!(matches!(other, Error::Store(_)), "{other:?}"),
    }
}
