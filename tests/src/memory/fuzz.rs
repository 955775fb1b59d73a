//! What readers of files of memories must survive: any bytes at all. The same function runs in the bounded tests and under
//! cargo-fuzz.

use std::io::Cursor;
use std::sync::{Arc, OnceLock};

use typewright_runtime::memory::exchange::{Error, Mode, Report, csv, graphiti, jsonl, mem0};
use typewright_runtime::memory::sqlite::{Config, SqliteStore};
use typewright_runtime::memory::time::ManualClock;
use typewright_runtime::memory::{Limits, Namespace, Random, Settings};

/// How many formats there are.
pub const FORMATS: u8 = 4;

fn settings() -> Settings {
    let mut settings = Settings::new(Arc::new(ManualClock::default()), Random::new(1));
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
        SqliteStore::open(&folder.join("store.db"), Config::default(), Arc::new(settings())).ok()
    };
    STORE.get_or_init(open).as_ref()
}

/// Reads `bytes` as a file of the format that `choice` picks. Nothing may panic; what is refused is refused with its place.
pub fn files(choice: u8, bytes: &[u8]) {
    let Some(store) = store() else { return };
    let (settings, mode) = (settings(), Mode::DryRun);
    let Ok(namespace) = Namespace::new("fuzz") else { return };
    let mut from = Cursor::new(bytes);
    let read = match choice % FORMATS {
        0 => jsonl::import(store, &settings, &mut from, mode),
        1 => csv::import(store, &settings, from, Some(&namespace), mode),
        2 => mem0::import(store, &settings, from, &namespace, mode),
        _ => {
            let import = graphiti::Import { namespace, model: Some("m".to_owned()), mode };
            graphiti::import(store, &settings, &mut from, &import)
        }
    };
    check(read, bytes);
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
