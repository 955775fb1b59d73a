//! The memory command of the umbrella, as it stands there, over a store in a file.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use typewright_runtime::memory::sqlite::{Config, SqliteStore};
use typewright_runtime::memory::store::Transaction;
use typewright_runtime::memory::{Kind, MemoryDraft};

use super::*;

fn run(folder: &Path, words: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_memory"));
    command.args(words.split_whitespace()).current_dir(folder).output().unwrap()
}

fn said(folder: &Path, words: &str) -> String {
    let output = run(folder, words);
    assert!(output.status.success(), "{words}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn refused(folder: &Path, words: &str) -> String {
    let output = run(folder, words);
    assert!(!output.status.success(), "{words}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// A folder with a store that nobody has open.
fn folder() -> Folder {
    let folder = Folder::new("command");
    let settings = Arc::new(Settings::default());
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path, Config::default(), Arc::clone(&settings)).unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let mut transaction = Transaction::begin(store, settings).unwrap();
    for (path, text) in [
        ("acme/ada", "Ada likes green tea"),
        ("acme/ada", "Ada is allergic to nuts"),
        ("acme/bob", "Bob\u{1b}[31m likes tea, tea and tea"),
    ] {
        transaction.add(MemoryDraft::new(namespace(path), Kind::Fact, text)).unwrap();
    }
    transaction.commit().unwrap();
    folder
}

#[test]
fn a_store_is_looked_at() {
    let folder = folder();
    let stats = said(folder.path(), "stats store.db");
    for line in ["       3 memories live", "       2 live in acme/ada", "       0 relations"] {
        assert!(stats.lines().any(|found| found == line), "{line}: {stats}");
    }
    assert!(stats.contains(" bytes free on its disk\n"), "{stats}");
    let found = said(folder.path(), "search store.db tea");
    let lines: Vec<&str> = found.lines().collect();
    assert!(
        lines.len() == 2 && lines[0].contains("Bob") && lines[1].contains("Ada likes green tea"),
        "{found}"
    );
    assert!(!found.contains('\u{1b}'), "{found}");
    let found = said(folder.path(), "search store.db green tea --namespace acme/ada --most 1");
    assert!(found.lines().count() == 1 && found.contains("fact: Ada likes green tea"), "{found}");
    assert_eq!(said(folder.path(), "search store.db coffee"), "");
    assert_eq!(said(folder.path(), "check store.db"), "nothing wrong was found\n");
}

#[test]
fn a_store_goes_to_a_file_and_back() {
    let folder = folder();
    let place = folder.path();
    said(place, "export store.db --to all.jsonl");
    assert_eq!(said(place, "check all.jsonl"), "3 memories, 0 relations: the file is whole\n");
    assert_eq!(said(place, "export store.db").into_bytes(), fs::read(place.join("all.jsonl")).unwrap());
    let report = said(place, "import other.db all.jsonl");
    assert!(report.contains("memories: 3 added, 0 there already"), "{report}");
    let report = said(place, "import other.db all.jsonl --dry-run");
    assert!(report.starts_with("would be done") && report.contains("0 added, 3 there already"), "{report}");
    assert_eq!(said(place, "export other.db").into_bytes(), fs::read(place.join("all.jsonl")).unwrap());
    said(place, "export store.db --to table.csv");
    let report = said(place, "import third.db table.csv");
    assert!(report.contains("memories: 3 added"), "{report}");
    fs::write(
        place.join("mem0.json"),
        "{\"results\":[{\"id\":\"a\",\"memory\":\"likes tea\",\"hash\":\"x\"}]}",
    )
    .unwrap();
    let report = said(place, "import third.db mem0.json --format mem0 --namespace m");
    assert!(
        report.contains("memories: 1 added") && report.contains("not carried over: field `hash`"),
        "{report}"
    );
    fs::write(place.join("graph.json"), "{\"nodes\":[{\"uuid\":\"a\",\"name\":\"tea\"}]}").unwrap();
    said(place, "import third.db graph.json --format graphiti --namespace g");
    fs::create_dir(place.join("memories")).unwrap();
    fs::write(place.join("memories/a.txt"), "tea at five").unwrap();
    said(place, "import third.db memories --namespace f");
    assert_eq!(said(place, "search third.db tea").lines().count(), 5);
}

#[test]
fn what_cannot_be_done_is_said() {
    let folder = folder();
    let place = folder.path();
    assert!(refused(place, "").contains("memory stats  STORE"));
    assert!(refused(place, "stats").contains("memory stats  STORE"));
    assert!(refused(place, "stats no.db").contains("there is no store no.db"));
    assert!(!place.join("no.db").exists());
    assert!(refused(place, "import no.db all.jsonl --dry-run").contains("there is no all.jsonl"));
    assert!(refused(place, "stats store.db --verbose").contains("there is no `--verbose`"));
    assert!(refused(place, "search store.db tea --namespace a//b").contains("a part has no name"));
    fs::write(place.join("x.json"), "[]").unwrap();
    assert!(refused(place, "import store.db x.json").contains("`--format` has to say"));
    assert!(refused(place, "import store.db x.json --format mem0").contains("`--namespace` has to say"));
    said(place, "export store.db --to all.jsonl");
    assert!(refused(place, "export store.db --to all.jsonl").contains("all.jsonl is there already"));
    let mut file = fs::read(place.join("all.jsonl")).unwrap();
    let at = file.windows(5).position(|bytes| bytes == b"green").unwrap();
    file[at] = b'G';
    fs::write(place.join("bad.jsonl"), file).unwrap();
    let error = refused(place, "import store.db bad.jsonl");
    assert!(error.contains("line 5, column ") && error.contains("the file is damaged"), "{error}");
    assert!(refused(place, "check bad.jsonl").contains("line 5, column "));
    let open =
        SqliteStore::open(&place.join("store.db"), Config::default(), Arc::new(Settings::default())).unwrap();
    assert!(refused(place, "stats store.db").contains("in use by another process"));
    drop(open);
    fs::write(place.join("text.db"), "this is no database, but long enough to look like a file of one")
        .unwrap();
    assert!(refused(place, "check text.db").contains("damaged"));
}
