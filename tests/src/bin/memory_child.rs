//! A program that uses a store, for tests that kill it, record it, or need a second process.
//!
//! `open PATH` opens it and says how that went. `hold PATH` opens it, and ends when it is told a line. `history SEED STEPS
//! PATH` goes through a random history, `forget SEED PATH` forgets something, `writers SEED THREADS PATH` commits until it is
//! killed, `fill PATH` until there is no space. What is done is said on a line of its own, after it is done.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::panic, reason = "a program of tests")]

use std::io;
use std::path::Path;
use std::sync::Arc;

use typewright_runtime::memory::sqlite::{Config, SqliteStore};
use typewright_runtime::memory::store::Store;
use typewright_runtime::memory::time::ManualClock;
use typewright_runtime::memory::{Clock, Error, Random, Settings, Timestamp};
use typewright_tests::memory::history::History;
use typewright_tests::memory::oracle::Oracle;
use typewright_tests::memory::step::Step;
use typewright_tests::memory::writers;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["open", path] => match open(Path::new(path)) {
            Ok(_) => println!("opened"),
            Err(error) => println!("{}", error.name()),
        },
        ["hold", path] => {
            let _store = open(Path::new(path)).unwrap();
            println!("opened");
            wait();
        }
        ["history", seed, steps, path] => {
            wait();
            history(seed.parse().unwrap(), steps.parse().unwrap(), Path::new(path));
        }
        ["forget", seed, path] => {
            wait();
            let store = open(Path::new(path)).unwrap();
            writers::forget(&store, seed.parse().unwrap(), |said| println!("{said}")).unwrap();
        }
        ["writers", seed, threads, path] => {
            let store = open(Path::new(path)).unwrap();
            let (seed, threads) = (seed.parse().unwrap(), threads.parse().unwrap());
            writers::run(&store, seed, threads, |said| println!("{said}")).unwrap();
        }
        ["fill", path] => {
            let store = open(Path::new(path)).unwrap();
            let error = writers::run(&store, 1, 1, |said| println!("{said}")).unwrap_err();
            println!("{}", error.name());
            println!("{:?}", store.check().map(|findings| findings.0));
        }
        _ => panic!("{arguments:?}"),
    }
}

fn wait() {
    io::stdin().read_line(&mut String::new()).unwrap();
}

fn settings() -> (Arc<ManualClock>, Arc<Settings>) {
    let clock = Arc::new(ManualClock::new(Timestamp::parse("2026-01-01T00:00:00Z").unwrap()));
    let settings = Settings::new(Arc::clone(&clock) as Arc<dyn Clock>, Random::new(1));
    (clock, Arc::new(settings))
}

fn open(path: &Path) -> Result<SqliteStore, Error> {
    SqliteStore::open(path, Config::default(), settings().1)
}

fn history(seed: u64, steps: usize, path: &Path) {
    let (clock, settings) = settings();
    let open = || SqliteStore::open(path, Config::default(), Arc::clone(&settings)).unwrap();
    let mut store = open();
    println!("open");
    let (mut oracle, mut history) = (Oracle::default(), History::new(seed));
    for number in 1..=steps {
        let step = history.step(&oracle);
        clock.set(history.now());
        if matches!(step, Step::Reopen) {
            drop(store);
            store = open();
        }
        let told = step.on(&store).map_err(|error| error.name());
        assert_eq!(told, step.told(&mut oracle, history.now()), "{step:?}");
        println!("done {number}");
    }
}
