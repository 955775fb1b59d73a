//! What is left after a crash: everything that was acknowledged, and no half of anything.
//!
//! The power fails at every sync of random histories, and between them: what a program really wrote is recorded call by
//! call, and disks are made of it on which what was not synced is lost, kept, torn or out of order. And programs with
//! several writers are killed while they write.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use fastrand::Rng;
use typewright_runtime::memory::Status;
use typewright_runtime::memory::sqlite::SqliteStore;
use typewright_runtime::memory::store::Store;
use typewright_runtime::memory::time::ManualClock;
use typewright_tests::memory::disk::{self, Disk, Fate};
use typewright_tests::memory::history::History;
use typewright_tests::memory::oracle::Oracle;
use typewright_tests::memory::trace::{Event, record};
use typewright_tests::memory::writers;

use crate::forget::{secrets_of, traces};
use crate::model::check_world;
use crate::store::{Folder, open, settings};

const CHILD: &str = env!("CARGO_BIN_EXE_memory_child");

/// The oracle after each step of a history, the first before any.
fn worlds(seed: u64, steps: usize) -> Vec<Oracle> {
    let (mut oracle, mut history) = (Oracle::default(), History::new(seed));
    let mut worlds = vec![oracle.clone()];
    for _ in 0..steps {
        let step = history.step(&oracle);
        let _ = step.told(&mut oracle, history.now());
        worlds.push(oracle.clone());
    }
    worlds
}

/// Opens what a crash left. The clock stands where it stood: nothing of what is checked depends on it.
fn reopened(files: &BTreeMap<String, Vec<u8>>, folder: &Folder) -> SqliteStore {
    disk::write(files, folder.path()).unwrap();
    let (_clock, settings): (std::sync::Arc<ManualClock>, _) = settings();
    open(&folder.path().join("store.db"), &settings).unwrap()
}

/// It is as after the last step that was acknowledged, or the one that was under way.
fn check_prefix(store: &SqliteStore, worlds: &[Oracle], acknowledged: usize, context: &str) {
    let head = store.head().unwrap().0 as usize;
    let next = (acknowledged + 1).min(worlds.len() - 1);
    let fits = |at: &usize| worlds[*at].head() == head;
    let at = [acknowledged, next].into_iter().find(fits);
    let oracle = &worlds[at.unwrap_or_else(|| panic!("{context}: head {head} after step {acknowledged}"))];
    check_world(store, oracle, head, context);
    // What was compacted by the step under way may be gone.
    let earliest = worlds[next].horizon().min(head);
    check_world(store, oracle, earliest.max(oracle.horizon()), context);
    assert_eq!(store.check().unwrap().0, Vec::<String>::new(), "{context}");
}

/// How many disks there were, and how many of them had something that was not synced.
#[derive(Debug, Default)]
struct Counts {
    syncs: usize,
    disks: usize,
    with_pending: usize,
}

fn fail_at_every_sync(seed: u64, steps: usize, counts: &mut Counts) {
    let folder = Folder::new("recorded");
    let path = folder.path().join("store.db");
    let mut command = Command::new(CHILD);
    command.args(["history", &seed.to_string(), &steps.to_string()]).arg(&path);
    let events = record(&mut command, folder.path()).unwrap();
    let worlds = worlds(seed, steps);
    let (mut disk, mut random, mut acknowledged, mut is_made) =
        (Disk::default(), Rng::with_seed(seed), 0, false);
    for (at, event) in events.iter().enumerate() {
        let is_sync = matches!(event, Event::Sync(_) | Event::SyncFolder);
        counts.syncs += usize::from(is_sync);
        if is_made && (is_sync || random.u32(..20) == 0) {
            for fate in [Fate::Lost, Fate::Kept, Fate::Drawn] {
                let folder = Folder::new("crashed");
                let context = format!("seed {seed}, event {at}, {fate:?}, after step {acknowledged}");
                let store = reopened(&disk.after(fate, &mut random), &folder);
                check_prefix(&store, &worlds, acknowledged, &context);
                counts.disks += 1;
                counts.with_pending += usize::from(disk.pending() > 0);
            }
        }
        disk.take(event);
        if let Event::Said(said) = event {
            is_made = true;
            acknowledged = said.strip_prefix("done ").map_or(0, |number| number.parse().unwrap());
        }
    }
    assert_eq!(acknowledged, steps);
}

#[test]
fn the_power_fails_at_every_sync() {
    let mut counts = Counts::default();
    for seed in 1000..1003 {
        fail_at_every_sync(seed, 40, &mut counts);
    }
    println!("{counts:?}");
    assert!(counts.syncs > 60 && counts.with_pending * 10 > counts.disks * 8, "{counts:?}");
}

#[test]
#[ignore = "takes minutes"]
fn the_power_fails_at_every_sync_of_many_histories() {
    let mut counts = Counts::default();
    for seed in 0..40 {
        fail_at_every_sync(seed, 80, &mut counts);
    }
    println!("{counts:?}");
}

#[test]
fn the_power_fails_while_something_is_forgotten() {
    let (folder, seed) = (Folder::new("forgetting"), 7);
    let path = folder.path().join("store.db");
    let mut command = Command::new(CHILD);
    command.args(["forget", &seed.to_string()]).arg(&path);
    let events = record(&mut command, folder.path()).unwrap();
    let secrets = secrets_of(&[writers::secret(seed).as_bytes()]);
    let said = |what: &str| events.iter().position(|event| *event == Event::Said(what.to_owned())).unwrap();
    let (stored, forgotten) = (said("stored"), said("forgotten"));
    let (mut disk, mut random) = (Disk::default(), Rng::with_seed(seed));
    let (mut there, mut gone, mut finished) = (0, 0, 0);
    for (at, event) in events.iter().enumerate() {
        let is_drawn = at > stored && (matches!(event, Event::Sync(_)) || at % 7 == 0 || at > forgotten);
        for fate in [Fate::Lost, Fate::Kept, Fate::Drawn] {
            if !is_drawn {
                continue;
            }
            let (folder, context) = (Folder::new("forgot"), format!("event {at}, {fate:?}"));
            let files = disk.after(fate, &mut random);
            let is_clean = files.values().all(|bytes| traces(bytes, &secrets) == 0);
            if at > forgotten {
                assert!(is_clean, "{context}: acknowledged, and still in the files");
            }
            let store = reopened(&files, &folder);
            let status = store.nodes(&[writers::secret_id()], store.head().unwrap()).unwrap()[0].status;
            assert_eq!(store.check().unwrap().0, Vec::<String>::new(), "{context}");
            drop(store);
            if status == Status::Live {
                assert!(at < forgotten, "{context}: acknowledged, and still there");
                there += 1;
                continue;
            }
            gone += 1;
            finished += usize::from(!is_clean);
            for entry in std::fs::read_dir(folder.path()).unwrap() {
                let path = entry.unwrap().path();
                assert_eq!(traces(&std::fs::read(&path).unwrap(), &secrets), 0, "{context}: {path:?}");
            }
        }
        disk.take(event);
    }
    println!("{there} before, {gone} after, of which {finished} were finished when opened");
    assert!(there > 3 && gone > 3 && finished > 3, "{there} {gone} {finished}");
}

/// What the writers said until they were killed.
#[derive(Debug, Default)]
struct Said {
    begun: Vec<(u64, u64)>,
    done: Vec<(u64, u64)>,
}

fn written(pid: u32) -> Option<u64> {
    let io = std::fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    io.lines().find_map(|line| line.strip_prefix("wchar: ")?.parse().ok())
}

/// Runs writers on a store until they have written so many bytes, and kills them there.
fn killed(path: &Path, seed: u64, bytes: u64) -> Said {
    let mut child = Command::new(CHILD)
        .args(["writers", &seed.to_string(), "4"])
        .arg(path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut said = Said::default();
        for line in BufReader::new(out).lines() {
            let line = line.unwrap();
            let mut words = line.split(' ');
            let (what, mut number) = (words.next().unwrap(), || words.next().unwrap().parse().unwrap());
            let pair = (number(), number());
            if what == "begin" { said.begun.push(pair) } else { said.done.push(pair) }
        }
        said
    });
    // The bytes that it writes, of which those are not drawn that only open the store.
    let mut from = None;
    loop {
        let written = written(child.id()).unwrap();
        let is_writing =
            from.is_some() || path.with_extension("db-wal").metadata().is_ok_and(|wal| wal.len() > 0);
        if is_writing && written >= *from.get_or_insert(written) + bytes {
            break;
        }
        assert!(child.try_wait().unwrap().is_none(), "it has ended by itself");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

/// Whether the log of the database ends with pages of a transaction that was not committed: the frame that ends one says
/// how large the database is then.
fn is_part_written(path: &Path) -> bool {
    let wal = std::fs::read(path.with_extension("db-wal")).unwrap_or_default();
    let number = |at: usize| wal.get(at..at + 4).map(|bytes| u32::from_be_bytes(bytes.try_into().unwrap()));
    let (Some(page), Some(salt)) = (number(8), number(16)) else { return false };
    let mut frames = (0..).map(|frame| 32 + frame * (24 + page as usize));
    let mut last = 1;
    while let Some(at) = frames.next()
        && number(at + 8) == Some(salt)
    {
        last = number(at + 4).unwrap();
    }
    last == 0
}

fn kill_at_random_points(points: u64, seed: u64) {
    println!("seed {seed}");
    let mut random = Rng::with_seed(seed);
    let (mut inside, mut part_written, mut acknowledged) = (0, 0, 0);
    let mut folder = Folder::new("killed");
    let mut done: Vec<(u64, u64)> = Vec::new();
    for point in 0..points {
        // Some crashes come upon what earlier ones left.
        if point % 20 == 0 {
            folder = Folder::new("killed");
            done.clear();
        }
        let path = folder.path().join("store.db");
        let said = killed(&path, seed << 16 | point, random.u64(..2_000_000));
        inside += u64::from(said.begun.len() > said.done.len());
        part_written += u64::from(is_part_written(&path));
        acknowledged += said.done.len();
        done.extend(&said.done);
        let (_clock, settings) = settings();
        let store = open(&path, &settings).unwrap();
        for (writer, number) in &done {
            assert_eq!(
                writers::is_there(&store, *writer, *number),
                Ok(true),
                "point {point}: {writer} {number}"
            );
        }
        for (writer, number) in &said.begun {
            let there = writers::is_there(&store, *writer, *number);
            assert!(there.is_ok(), "point {point}: {there:?}");
            // It was done, and nobody was told.
            if there == Ok(true) && !done.contains(&(*writer, *number)) {
                done.push((*writer, *number));
            }
        }
        assert_eq!(store.check().unwrap().0, Vec::<String>::new(), "point {point}");
    }
    println!(
        "{points} kills: {inside} inside a transaction, {part_written} with one in part in the log; \
         {acknowledged} were acknowledged"
    );
    assert!(inside * 10 >= points * 8, "{inside} of {points} were inside a transaction");
}

#[test]
fn writers_are_killed_at_random_points() {
    kill_at_random_points(30, 1);
}

#[test]
#[ignore = "takes minutes"]
fn writers_are_killed_at_many_random_points() {
    kill_at_random_points(200, 2);
}
