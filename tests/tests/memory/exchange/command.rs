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

/// What cannot be done.
fn refused(folder: &Path, words: &str) -> String {
    ended(folder, words, 1)
}

/// What is not said right.
fn misused(folder: &Path, words: &str) -> String {
    ended(folder, words, 2)
}

fn ended(folder: &Path, words: &str, code: i32) -> String {
    let output = run(folder, words);
    assert_eq!(output.status.code(), Some(code), "{words}: {output:?}");
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
    assert!(misused(place, "").contains("memory stats  STORE"));
    assert!(misused(place, "stats").contains("memory stats  STORE"));
    assert!(said(place, "--help").starts_with("memory stats  STORE"));
    assert!(said(place, "export --help").starts_with("memory stats  STORE"));
    assert!(refused(place, "stats no.db").contains("there is no store no.db"));
    assert!(!place.join("no.db").exists());
    assert!(refused(place, "import no.db all.jsonl --dry-run").contains("there is no all.jsonl"));
    assert!(misused(place, "stats store.db --verbose").contains("there is no `--verbose`"));
    assert!(misused(place, "search store.db tea --namespace a//b").contains("a part has no name"));
    assert!(misused(place, "search store.db tea --most many").contains("`--most`: invalid digit"));
    fs::write(place.join("x.json"), "[]").unwrap();
    for (words, reason) in [
        ("x.json", "`--format` has to say"),
        ("x.json --format mem0", "`--namespace` has to say"),
        ("x.json --format nonsense", "there is no import of `nonsense`"),
        ("x.json --format", "`--format` needs a value"),
    ] {
        assert!(misused(place, &format!("import new.db {words}")).contains(reason), "{words}");
        assert!(!place.join("new.db").exists(), "{words}");
    }
    assert!(
        misused(place, "export store.db --format xml --to x.xml").contains("there is no export to `xml`")
    );
    said(place, "export store.db --to all.jsonl");
    assert!(refused(place, "export store.db --to all.jsonl").contains("all.jsonl is there already"));
    let mut file = fs::read(place.join("all.jsonl")).unwrap();
    let at = file.windows(5).position(|bytes| bytes == b"green").unwrap();
    file[at] = b'G';
    fs::write(place.join("bad.jsonl"), file).unwrap();
    let error = refused(place, "import store.db bad.jsonl");
    assert!(error.contains("line 5, column ") && error.contains("the file is damaged"), "{error}");
    assert!(refused(place, "check bad.jsonl").contains("line 5, column "));
    // Nothing stays of a store that was to be made of it.
    assert_eq!(refused(place, "import fresh.db bad.jsonl"), error);
    let left = fs::read_dir(place).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().starts_with("fresh")));
    let open =
        SqliteStore::open(&place.join("store.db"), Config::default(), Arc::new(Settings::default())).unwrap();
    assert!(refused(place, "stats store.db").contains("in use by another process"));
    drop(open);
    fs::write(place.join("text.db"), "this is no database, but long enough to look like a file of one")
        .unwrap();
    assert!(refused(place, "check text.db").contains("damaged"));
}

#[test]
fn options_without_a_meaning_are_refused_by_name() {
    let folder = folder();
    let place = folder.path();
    said(place, "export store.db --to all.jsonl");
    said(place, "export store.db --to all.csv");
    fs::write(place.join("x.json"), "[]").unwrap();
    let of = |option: &str| match option {
        "--dry-run" => option.to_owned(),
        "--most" => "--most 3".to_owned(),
        other => format!("{other} acme/ada"),
    };
    let all = ["--namespace", "--most", "--format", "--to", "--model", "--dry-run"];
    for (command, what, allowed) in [
        ("stats store.db", "stats", vec![]),
        ("check store.db", "check", vec![]),
        ("search store.db tea", "search", vec!["--namespace", "--most"]),
        ("export store.db", "export", vec!["--format", "--to"]),
        ("import new.db all.jsonl", "import` of `jsonl", vec!["--format", "--dry-run"]),
        ("import new.db all.csv", "import` of `csv", vec!["--format", "--dry-run", "--namespace"]),
    ] {
        for option in all.into_iter().filter(|option| !allowed.contains(option)) {
            let error = misused(place, &format!("{command} {}", of(option)));
            assert!(error.contains(&format!("`{what}` has no `{option}`")), "{command} {option}: {error}");
        }
    }
    let error = misused(place, "import new.db x.json --format mem0 --namespace a --model m");
    assert!(error.contains("`import` of `mem0` has no `--model`"), "{error}");
    let error = misused(place, "import new.db x.json --format graphiti --namespace a --most 3");
    assert!(error.contains("`import` of `graphiti` has no `--most`"), "{error}");
    let error = misused(place, "import new.db x.json --format folder --namespace a --to x");
    assert!(error.contains("`import` of `folder` has no `--to`"), "{error}");
    assert!(!place.join("new.db").exists() && !place.join("acme").exists());
}

#[test]
fn an_export_destroys_nothing() {
    let folder = folder();
    let place = folder.path();
    fs::write(place.join("all.jsonl.part"), "of somebody else").unwrap();
    assert!(refused(place, "export store.db --to all.jsonl").contains("all.jsonl.part: "));
    assert_eq!(fs::read_to_string(place.join("all.jsonl.part")).unwrap(), "of somebody else");
    assert!(!place.join("all.jsonl").exists());
    fs::remove_file(place.join("all.jsonl.part")).unwrap();
    assert!(refused(place, "export no.db --to all.jsonl").contains("there is no store no.db"));
    assert!(!place.join("all.jsonl.part").exists());
    said(place, "export store.db --to all.jsonl");
    assert!(!place.join("all.jsonl.part").exists());
}

#[cfg(unix)]
#[test]
fn whoever_has_read_enough_may_go() {
    let folder = folder();
    for words in
        [&["stats", "store.db"][..], &["export", "store.db"], &["--help"], &["search", "store.db", "tea"]]
    {
        let (read, write) = std::io::pipe().unwrap();
        drop(read);
        let mut command = Command::new(env!("CARGO_BIN_EXE_memory"));
        let output = command.args(words).current_dir(folder.path()).stdout(write).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{words:?}: {output:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(!told.contains("pipe") && !told.contains("panicked"), "{words:?}: {told}");
    }
}

#[cfg(unix)]
#[test]
fn paths_are_any_bytes() {
    use std::os::unix::ffi::OsStrExt;

    let folder = folder();
    let strange = std::ffi::OsStr::from_bytes(b"a\xff.db");
    fs::copy(folder.path().join("store.db"), folder.path().join(strange)).unwrap();
    let of = |words: &[&std::ffi::OsStr]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_memory"));
        command.args(words).current_dir(folder.path()).output().unwrap()
    };
    let output = of(&["stats".as_ref(), strange]);
    assert!(output.status.success() && output.stdout.starts_with(b"commit 1, "), "{output:?}");
    let output = of(&["search".as_ref(), strange, strange]);
    assert!(output.status.code() == Some(2), "{output:?}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("is not UTF-8"));
}

#[test]
fn nothing_in_a_file_speaks_to_the_terminal() {
    let folder = folder();
    let place = folder.path();
    let dump = "{\"\\u001b[31mcolour\":1,\"results\":[{\"id\":\"a\",\"memory\":\"x\"}]}";
    fs::write(place.join("a.json"), dump).unwrap();
    let report = said(place, "import store.db a.json --format mem0 --namespace m");
    assert!(report.contains("\\u{1b}[31mcolour") && !report.contains('\u{1b}'), "{report}");
    fs::write(place.join("b.csv"), "content,kind\nx,\u{1b}[31mred\n").unwrap();
    let error = refused(place, "import store.db b.csv --namespace m");
    assert!(error.contains("[31mred") && !error.contains('\u{1b}'), "{error}");
}
