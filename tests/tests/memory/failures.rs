//! What can go wrong with a file, and how that is told: no space, no right to write, somebody else, damage, other versions.
//! Nothing that was acknowledged is lost by any of it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use fastrand::Rng;
use rusqlite::Connection;
use typewright_runtime::memory::content::{Blob, Media};
use typewright_runtime::memory::sqlite::{Config, SqliteStore};
use typewright_runtime::memory::store::{
    Batch, Change, Commit, Direction, Filter, Order, Page, Revision, Store,
};
use typewright_runtime::memory::{
    Content, Embedding, Error, Id, Interval, Kind, MemoryNode, Namespace, Relation, RelationKind, Status,
};
use typewright_tests::memory::history::{History, MODELS};
use typewright_tests::memory::oracle::Oracle;
use typewright_tests::memory::step::Step;

use crate::model::check_world;
use crate::store::{Folder, open, settings};

const CHILD: &str = env!("CARGO_BIN_EXE_memory_child");

/// A store after a random history, without what would be gone of it.
fn with_history(path: &Path, seed: u64, steps: usize) -> (SqliteStore, Oracle, History) {
    let (clock, settings) = settings();
    let store = open(path, &settings).unwrap();
    let (mut oracle, mut history) = (Oracle::default(), History::new(seed));
    for _ in 0..steps {
        let step = Step::Commit(history.batch(&oracle));
        clock.set(history.now());
        assert_eq!(step.on(&store).is_ok(), step.told(&mut oracle, history.now()).is_ok());
    }
    (store, oracle, history)
}

fn child(arguments: &[&str], path: &Path) -> String {
    let out = Command::new(CHILD).args(arguments).arg(path).output().unwrap();
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_full_store_refuses_and_loses_nothing() {
    let folder = Folder::new("full");
    let path = folder.path().join("store.db");
    let (store, mut oracle, mut history) = with_history(&path, 1, 20);
    drop(store);
    let (clock, settings) = settings();
    let config = Config { most_bytes: Some(400_000), is_durable: false, ..Config::default() };
    let store = SqliteStore::open(&path, config, Arc::clone(&settings)).unwrap();
    let mut full = 0;
    while full < 20 {
        let batch = history.batch(&oracle);
        clock.set(history.now());
        match store.commit(&batch) {
            Err(Error::Full { .. }) => full += 1,
            told => {
                let expected = oracle.commit(&batch, history.now());
                // To erase, there has to be space for a copy.
                let is_done = matches!(told, Ok(_) | Err(Error::NotErased { .. }));
                assert_eq!(is_done, expected.is_ok(), "{told:?} {expected:?}");
            }
        }
        check_world(&store, &oracle, oracle.head(), "full");
    }
    assert!(std::fs::metadata(&path).unwrap().len() <= 400_000);
    drop(store);
    // With more space it goes on.
    let store = open(&path, &settings).unwrap();
    for _ in 0..20 {
        let batch = history.batch(&oracle);
        assert_eq!(store.commit(&batch).is_ok(), oracle.commit(&batch, history.now()).is_ok());
    }
    check_world(&store, &oracle, oracle.head(), "with space");
    assert_eq!(store.check().unwrap().0, Vec::<String>::new());
}

/// On a disk that is full indeed, where this process may make one.
#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let folder = Folder::new("disk");
    let script = "mount -t tmpfs -o size=1500k tmpfs \"$1\" && exec \"$0\" fill \"$1/store.db\"";
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, CHILD]);
    let out = command.arg(folder.path()).output();
    let said = out.as_ref().map(|out| String::from_utf8_lossy(&out.stdout).into_owned()).unwrap_or_default();
    if said.is_empty() {
        println!("not run: this process may not mount a small disk: {out:?}");
        return;
    }
    let lines: Vec<&str> = said.lines().collect();
    let [.., error, findings] = lines[..] else { panic!("{said}") };
    assert!(lines.iter().filter(|line| line.starts_with("done")).count() > 3, "{said}");
    assert_eq!((error, findings), ("Full", "Ok([])"), "{said}");
}

#[test]
fn somebody_elses_store_is_not_opened() {
    let folder = Folder::new("locked");
    let path = folder.path().join("store.db");
    let (store, ..) = with_history(&path, 2, 5);
    assert_eq!(child(&["open"], &path), "Locked");
    let (_clock, settings) = settings();
    assert!(matches!(open(&path, &settings), Err(Error::Locked { .. })));
    drop(store);
    assert_eq!(child(&["open"], &path), "opened");

    let mut other = Command::new(CHILD)
        .arg("hold")
        .arg(&path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(other.stdout.as_mut().unwrap()), &mut said)
        .unwrap();
    assert_eq!(said, "opened\n");
    assert!(matches!(open(&path, &settings), Err(Error::Locked { .. })));
    other.stdin.take().unwrap().write_all(b"end\n").unwrap();
    other.wait().unwrap();
    assert!(open(&path, &settings).is_ok());
}

/// Who may do everything may write to what is read-only: then somebody else has to try.
#[cfg(unix)]
#[test]
fn what_may_not_be_written_is_told() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;

    let folder = Folder::new("read-only");
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    // A copy, where it can be reached by anybody.
    let program = folder.path().join("child");
    std::fs::copy(CHILD, &program).unwrap();
    let is_root = nix::unistd::geteuid().is_root();
    let open = |path: &Path| {
        let mut command = Command::new(&program);
        command.arg("open").arg(path);
        if is_root {
            command.uid(65_534).gid(65_534);
        }
        let out = command.output().unwrap();
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    };
    let own = folder.path().join("own");
    std::fs::create_dir(&own).unwrap();
    let path = own.join("store.db");
    drop(with_history(&path, 3, 5));
    let files = || std::fs::read_dir(&own).unwrap().map(|entry| entry.unwrap().path());
    mode(&own, 0o777);
    files().for_each(|file| mode(&file, 0o666));
    assert_eq!(open(&path), "opened");
    let before = std::fs::read(&path).unwrap();
    mode(&path, 0o444);
    assert_eq!(open(&path), "ReadOnly", "the file");
    mode(&path, 0o666);
    mode(&own, 0o555);
    files()
        .filter(|file| file.extension().is_some_and(|end| end == "lock"))
        .for_each(|file| mode(&file, 0o444));
    assert_eq!(open(&path), "ReadOnly", "the folder");
    assert_eq!(open(&own.join("new.db")), "ReadOnly", "a new file in the folder");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    mode(&own, 0o777);
}

#[test]
fn what_is_not_ours_is_not_touched() {
    let folder = Folder::new("other");
    let (_clock, settings) = settings();
    let path = folder.path().join("text.db");
    std::fs::write(&path, "no database, but a text of more than a hundred bytes. ".repeat(100)).unwrap();
    assert!(matches!(open(&path, &settings), Err(Error::Damaged { .. })));
    let path = folder.path().join("other.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(open(&path, &settings), Err(Error::Damaged { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert!(matches!(open(&folder.path().join("no/such/folder.db"), &settings), Err(Error::Store { .. })));
}

#[test]
fn a_later_version_is_not_opened() {
    let folder = Folder::new("newer");
    let path = folder.path().join("store.db");
    drop(with_history(&path, 4, 5));
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = std::fs::read(&path).unwrap();
    let (_clock, settings) = settings();
    match open(&path, &settings) {
        Err(Error::Newer { found: 99, known, .. }) => assert!(known < 99),
        told => panic!("{told:?}"),
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

/// Stores of earlier versions, as they were written then.
#[test]
fn an_older_version_is_brought_up_to_date() {
    for version in [include_str!("version-1.sql"), include_str!("version-2.sql")] {
        is_brought_up_to_date(version);
    }
}

fn is_brought_up_to_date(tables: &str) {
    let folder = Folder::new("older");
    let path = folder.path().join("store.db");
    Connection::open(&path).unwrap().execute_batch(tables).unwrap();
    let (_clock, settings) = settings();
    for _ in 0..2 {
        let store = open(&path, &settings).unwrap();
        assert_eq!(store.check().unwrap().0, Vec::<String>::new());
        assert_eq!(store.head().unwrap(), Commit(2));
        let [one, other] = [1, 2].map(Id::from_u128);
        let nodes = store.nodes(&[one, other], Commit(2)).unwrap();
        let texts: Vec<_> = nodes.iter().map(|node| node.content.words()).collect();
        assert_eq!(texts, ["Ada wrote the first program", "Babbage built no engine"]);
        assert_eq!(nodes[0].embedding.as_ref().unwrap().vector, [1.0, -2.0]);
        assert_eq!(store.nodes(&[one], Commit(1)).unwrap()[0].content.words(), "Ada wrote a program");
        assert_eq!(store.relations(&[one], &[], Direction::Out, Commit(2)).unwrap().len(), 1);
        let filter = Filter::of(Namespace::new("a").unwrap());
        assert_eq!(store.matches("first engine", &filter, 10).unwrap().len(), 2);
    }
    let store = open(&path, &settings).unwrap();
    store.undo(Commit(2)).unwrap();
    let node = store.nodes(&[Id::from_u128(1)], Commit(3)).unwrap().remove(0);
    assert_eq!((node.content.words().as_ref(), node.version), ("Ada wrote a program", 3));
    assert_eq!(store.check().unwrap().0, Vec::<String>::new());
}

/// What is damaged in an older version is told, and not given a sum as if it were right.
#[test]
fn an_older_version_that_is_damaged_stays_as_it_is() {
    let damages = [
        ("UPDATE commits SET at = at + 1 WHERE seq = 2", "1 commits that are not what was written"),
        ("UPDATE log SET before = 2 WHERE seq = 2 AND ord = 0", "1 changes that are not what was written"),
        ("DELETE FROM log WHERE seq = 2 AND ord = 0", "1 commits of which changes are missing"),
        ("DELETE FROM log WHERE seq = 2 AND ord = 1", "1 commits of which changes are missing"),
    ];
    for (damage, expected) in damages {
        let folder = Folder::new("older-damaged");
        let path = folder.path().join("store.db");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(include_str!("version-2.sql")).unwrap();
        connection.execute_batch(damage).unwrap();
        drop(connection);
        match open(&path, &settings().1) {
            Err(Error::Damaged { reason, .. }) => assert!(reason.contains(expected), "{reason}"),
            told => panic!("{damage}: {told:?}"),
        }
        let version =
            |connection: Connection| connection.pragma_query_value(None, "user_version", |row| row.get(0));
        assert_eq!(version(Connection::open(&path).unwrap()), Ok(2), "{damage}");
    }
}

/// All that a store tells of the present.
fn told(store: &SqliteStore, oracle: &Oracle) -> Result<Vec<String>, Error> {
    let ids: Vec<Id> = oracle.now().nodes.keys().copied().collect();
    let head = store.head()?;
    let page = Page { order: Order::Oldest, skip: 0, most: Page::MOST };
    let all = Filter::of(Namespace::new("a").unwrap()).below().statuses(Status::ALL).page(page);
    let mut told = vec![
        format!("{head:?} {:?}", store.nodes(&ids, head)?),
        format!("{:?}", store.relations(&ids, &[], Direction::Both, head)?),
        format!("{:?}", store.find(&all, head)?),
        format!("{:?}", store.matches("ada engine note loom", &all, 100)?),
        format!("{:?}", store.nodes(&ids, Commit(head.0 / 2))?),
    ];
    for model in MODELS {
        store.vectors(model, &mut |stored| {
            told.push(format!("{stored:?}"));
            Ok(())
        })?;
    }
    store.log(Commit(0), &mut |logged| {
        told.push(format!("{logged:?}"));
        Ok(())
    })?;
    Ok(told)
}

/// Whatever is taken from between the rows of a store, or put there, is told by its name.
#[test]
fn what_does_not_belong_together_is_found() {
    const WORDS: &str = "the index of words, which is not that of the memories";
    let damages = [
        ("UPDATE nodes SET current = 2 WHERE n = 1", "1 nodes whose state is of another, or ended"),
        (
            "UPDATE nodes SET current = 2 WHERE n = 1",
            "1 nodes with a state that has not ended, and is not theirs",
        ),
        ("UPDATE nodes SET current = 2 WHERE n = 1", "1 rows of nodes that are not what was written"),
        ("DELETE FROM nodes WHERE n = 1", "2 states without a node"),
        ("DELETE FROM nodes WHERE n = 1", "1 relations without an end"),
        ("DELETE FROM namespaces", "2 nodes without a namespace"),
        ("DELETE FROM contents WHERE c = 1", "2 states without their content"),
        ("DELETE FROM vectors", "2 states without their vector"),
        ("DELETE FROM blobs", "1 media without their bytes"),
        ("UPDATE blobs SET bytes = x'00'", "a medium that does not have its digest"),
        ("DELETE FROM models", "1 vectors of another length than their model has"),
        ("DELETE FROM commits WHERE seq = 1", "1 commits that are missing"),
        ("DELETE FROM commits WHERE seq = 2", "1 commits that are missing"),
        ("DELETE FROM commits WHERE seq = 3", "2 states of commits that are missing"),
        ("DELETE FROM commits WHERE seq = 3", "1 relations of commits that are missing"),
        ("UPDATE contents SET body = 'else' WHERE c = 1", "1 rows of contents that are not what was written"),
        ("DROP INDEX nodes_ns", "not as it should be: index nodes_ns"),
        ("INSERT INTO words (words, rowid, body) VALUES ('delete', 1, 'first')", WORDS),
        ("INSERT INTO words (rowid, body) VALUES (9, 'more')", WORDS),
        ("UPDATE words_docsize SET sz = x'02' WHERE id = 1", WORDS),
        ("DELETE FROM words_docsize", WORDS),
        ("UPDATE words_data SET block = x'0909' WHERE id = 1", WORDS),
    ];
    for (damage, expected) in damages {
        let folder = Folder::new("between");
        let path = folder.path().join("store.db");
        let store = open(&path, &settings().1).unwrap();
        store_of_three_commits(&store);
        assert_eq!(store.check().unwrap().0, Vec::<String>::new());
        Connection::open(&path).unwrap().execute_batch(damage).unwrap();
        let found = store.check().unwrap().0;
        assert!(found.iter().any(|found| found.starts_with(expected)), "{damage}: {found:?}");
    }
}

/// A memory with a vector; a medium that is stored by its digest; and how they are related, with the first one revised.
fn store_of_three_commits(store: &SqliteStore) {
    let mut history = History::new(3);
    let [mut first, mut second] = [history.node(), history.node()];
    for node in [&mut first, &mut second] {
        (node.kind, node.namespace) = (Kind::Fact, Namespace::new("a").unwrap());
        (node.embedding, node.expires) = (None, None);
    }
    first.content = Content::Text("first".to_owned());
    first.embedding = Some(Embedding { model: "m".to_owned(), vector: vec![1.0, 2.0] });
    let bytes = Bytes::from(vec![1; 100_000]);
    second.content =
        Content::Blob(Blob { media: Media::Image, mime: "image/png".to_owned(), bytes, caption: None });
    let relation = Relation {
        id: Id::from_u128(7),
        from: first.id,
        kind: RelationKind::Supports,
        to: second.id,
        weight: 1.0,
        valid: Interval::ALWAYS,
        created: first.created,
        provenance: None,
    };
    let revision = Revision { importance: Some(0.1), ..Revision::default() };
    for changes in [
        vec![Change::Add(Box::new(first.clone()))],
        vec![Change::Add(Box::new(second))],
        vec![Change::Relate(Box::new(relation)), Change::Revise { id: first.id, revision }],
    ] {
        store.commit(&Batch { changes, ..Batch::default() }).unwrap();
    }
}

/// What came of a flipped bit.
#[derive(Debug, Default)]
struct Flips {
    refused: u32,
    failed: u32,
    found: u32,
    harmless: u32,
}

/// Flips bits anywhere in a file: it is refused, or an error, or found by looking for it, or nothing is told otherwise
/// than before. Never is what is wrong taken for right.
fn flip(seed: u64, rounds: u32, flips: &mut Flips) {
    let folder = Folder::new("flipped");
    let path = folder.path().join("store.db");
    let (store, oracle, _) = with_history(&path, seed, 60);
    let expected = told(&store, &oracle).unwrap();
    drop(store);
    assert!(!path.with_extension("db-wal").exists());
    let whole = std::fs::read(&path).unwrap();
    let mut random = Rng::with_seed(seed);
    for round in 0..rounds {
        let (at, bit) = (random.usize(..whole.len()), random.u8(..8));
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << bit;
        let folder = Folder::new("flip");
        let path = folder.path().join("store.db");
        std::fs::write(&path, bytes).unwrap();
        let (_clock, settings) = settings();
        let store = match open(&path, &settings) {
            Ok(store) => store,
            Err(Error::Damaged { .. } | Error::Newer { .. }) => {
                flips.refused += 1;
                continue;
            }
            Err(error) => panic!("seed {seed}, round {round}, byte {at}: {error:?}"),
        };
        let told = told(&store, &oracle);
        let findings = store.check();
        match (told, findings) {
            (Err(error), _) => {
                assert_eq!(error.name(), "Damaged", "byte {at}: {error:?}");
                flips.failed += 1;
            }
            (_, Err(error)) => {
                assert_eq!(error.name(), "Damaged", "byte {at}: {error:?}");
                flips.found += 1;
            }
            (_, Ok(findings)) if !findings.0.is_empty() => flips.found += 1,
            (Ok(told), Ok(_)) => {
                assert_eq!(told, expected, "seed {seed}, byte {at}, bit {bit}: wrong, and nobody says so");
                flips.harmless += 1;
            }
        }
    }
}

#[test]
fn flipped_bits_are_never_taken_for_what_was_written() {
    let mut flips = Flips::default();
    for seed in 10..14 {
        flip(seed, 60, &mut flips);
    }
    println!("{flips:?}");
    assert!(flips.failed > 20 && flips.found > 0, "{flips:?}");
}

#[test]
#[ignore = "takes minutes"]
fn many_flipped_bits_are_never_taken_for_what_was_written() {
    let mut flips = Flips::default();
    for seed in 100..140 {
        flip(seed, 200, &mut flips);
    }
    println!("{flips:?}");
}

/// A batch that fails in the middle has done nothing.
#[test]
fn half_a_batch_is_not_done() {
    let folder = Folder::new("half");
    let (store, oracle, mut history) = with_history(&folder.path().join("store.db"), 5, 10);
    let node: MemoryNode = history.node();
    let missing = Change::Expire { id: Id::from_u128(1) };
    let batch = Batch { changes: vec![Change::Add(Box::new(node)), missing], ..Batch::default() };
    assert!(matches!(store.commit(&batch), Err(Error::NotFound { .. })));
    check_world(&store, &oracle, oracle.head(), "half");
    assert_eq!(store.check().unwrap().0, Vec::<String>::new());
}

/// What the connection that looks has seen before does not matter.
#[test]
fn what_is_whole_is_whole_again_after_a_change() {
    let folder = Folder::new("again");
    let store = open(&folder.path().join("store.db"), &settings().1).unwrap();
    let mut node = History::new(3).node();
    (node.kind, node.expires) = (Kind::Fact, None);
    node.content = Content::Text("first".to_owned());
    let id = node.id;
    for change in [Change::Add(Box::new(node)), Change::Expire { id }, Change::Forget { id }] {
        store.commit(&Batch { changes: vec![change], ..Batch::default() }).unwrap();
        assert_eq!(store.check().unwrap().0, Vec::<String>::new());
    }
}
