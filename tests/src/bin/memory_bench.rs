//! What storing costs: durable commits of one memory beside a file that is appended to and synced, batches, and opening.
//! Each memory has 1.5 kB of text and 384 numbers. `memory_bench FOLDER [SECONDS]`.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program that measures")]

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use fastrand::Rng;
use nix::time::{ClockId, clock_gettime};
use typewright_runtime::memory::sqlite::{Config, SqliteStore};
use typewright_runtime::memory::store::{Batch, Change, Store};
use typewright_runtime::memory::{
    Content, Embedding, Id, Kind, MemoryNode, Namespace, Settings, Status, Timestamp,
};

const TEXT: usize = 1500;
const NUMBERS: usize = 384;

/// Memories of a kind, one after another, with texts of words that are as frequent as words are.
struct Memories {
    kind: Kind,
    random: Rng,
    next: u128,
    words: Vec<String>,
}

impl Memories {
    fn new(kind: Kind) -> Self {
        Self::of(kind, 0)
    }

    /// Those of a thread, whose names are no other's.
    fn of(kind: Kind, thread: u64) -> Self {
        let mut random = Rng::with_seed(1 + thread);
        let mut word = || (0..random.usize(2..10)).map(|_| random.lowercase()).collect();
        let words = (0..20_000).map(|_| word()).collect();
        Self { kind, random, next: 1 + (u128::from(thread) << 32), words }
    }

    fn text(&mut self) -> String {
        let mut text = String::with_capacity(TEXT + 10);
        while text.len() < TEXT {
            // The second word is half as frequent as the first, the third a third …
            let rank = (self.words.len() as f64).powf(self.random.f64()) as usize - 1;
            text.push_str(&self.words[rank]);
            text.push(' ');
        }
        text.truncate(TEXT);
        text
    }

    fn node(&mut self) -> MemoryNode {
        self.next += 1;
        let now = Timestamp::from_micros(1_767_225_600_000_000).unwrap();
        MemoryNode {
            id: Id::from_u128(self.next << 64 | u128::from(self.random.u64(..))),
            namespace: Namespace::new("bench").unwrap(),
            kind: self.kind,
            content: Content::Text(self.text()),
            embedding: Some(Embedding {
                model: "model".to_owned(),
                vector: (0..NUMBERS).map(|_| self.random.f32() - 0.5).collect(),
            }),
            importance: 0.5,
            valid: Default::default(),
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

    fn batch(&mut self, size: usize) -> Batch {
        let changes = (0..size).map(|_| Change::Add(Box::new(self.node()))).collect();
        Batch { changes, ..Batch::default() }
    }
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, Config::default(), Arc::new(Settings::default())).unwrap()
}

/// Records of the size of a memory, each synced.
fn appended(folder: &Path, lasting: Duration) -> f64 {
    let mut file = File::create(folder.join("appended")).unwrap();
    let record = [7; TEXT + 4 * NUMBERS];
    let (start, mut count) = (Instant::now(), 0);
    while start.elapsed() < lasting {
        file.write_all(&record).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

/// The time that this process has had of the processors.
fn processor() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).unwrap().into()
}

/// Memories a second in batches of a size, by the clock and by the processor. What they say is made beforehand.
fn stored(store: &SqliteStore, memories: &mut Memories, size: usize, lasting: Duration) -> [f64; 2] {
    let (mut spent, mut busy, mut count) = (Duration::ZERO, Duration::ZERO, 0);
    while spent < lasting {
        let batch = memories.batch(size);
        let (start, before) = (Instant::now(), processor());
        store.commit(&batch).unwrap();
        spent += start.elapsed();
        busy += processor() - before;
        count += size;
    }
    [spent, busy].map(|spent| count as f64 / spent.as_secs_f64())
}

/// Commits of one memory a second, of several threads at once.
fn at_once(store: &SqliteStore, kind: Kind, threads: u64, lasting: Duration) -> f64 {
    let ready = Barrier::new(threads as usize);
    let work = |thread: u64| {
        let mut memories = Memories::of(kind, thread);
        // What they say is made beforehand.
        let batches: Vec<Batch> = (0..1000).map(|_| memories.batch(1)).collect();
        ready.wait();
        let (start, mut count) = (Instant::now(), 0);
        for batch in batches.iter().take_while(|_| start.elapsed() < lasting) {
            store.commit(batch).unwrap();
            count += 1;
        }
        (start, Instant::now(), count)
    };
    let done: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..=threads).map(|thread| scope.spawn(move || work(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let first = done.iter().map(|(start, ..)| *start).min().unwrap();
    let last = done.iter().map(|(_, end, _)| *end).max().unwrap();
    let count: u32 = done.iter().map(|(.., count)| count).sum();
    f64::from(count) / (last - first).as_secs_f64()
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

fn fresh(folder: &Path, name: &str) -> PathBuf {
    for end in ["", "-wal", "-shm", ".lock"] {
        let _ = std::fs::remove_file(folder.join(format!("{name}{end}")));
    }
    folder.join(name)
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap());
    let seconds: f64 = arguments.next().map_or(1.0, |seconds| seconds.parse().unwrap());
    let lasting = Duration::from_secs_f64(seconds);
    for (kind, words) in [(Kind::Working, "without words"), (Kind::Fact, "with words")] {
        let store = open(&fresh(&folder, "single.db"));
        let mut memories = Memories::new(kind);
        let (mut floors, mut singles) = (Vec::new(), Vec::new());
        for _ in 0..7 {
            floors.push(appended(&folder, lasting / 4));
            singles.push(stored(&store, &mut memories, 1, lasting / 4)[0]);
        }
        let (floor, single) = (median(floors), median(singles));
        println!("{words}: single {single:.0}/s, appended {floor:.0}/s, ratio {:.2}", single / floor);
        for threads in [2, 8, 32] {
            let store = open(&fresh(&folder, "threads.db"));
            let committed = at_once(&store, kind, threads, lasting);
            println!("{words}: single of {threads} threads {committed:.0}/s, ratio {:.2}", committed / floor);
        }
        for size in [100, 1000] {
            let store = open(&fresh(&folder, "batch.db"));
            let [clock, busy] = stored(&store, &mut memories, size, lasting);
            println!("{words}: batches of {size} {clock:.0}/s, {busy:.0} for each second of a processor");
        }
    }
    let path = fresh(&folder, "open.db");
    let (store, mut memories) = (open(&path), Memories::new(Kind::Fact));
    let start = Instant::now();
    for _ in 0..100 {
        store.commit(&memories.batch(1000)).unwrap();
    }
    println!("100 000 with words, made and stored in {:.1} s", start.elapsed().as_secs_f64());
    drop(store);
    let samples = (0..7).map(|_| {
        let start = Instant::now();
        let store = open(&path);
        store.head().unwrap();
        start.elapsed().as_secs_f64()
    });
    println!(
        "opened in {:.4} s, {} MB",
        median(samples.collect()),
        std::fs::metadata(&path).unwrap().len() >> 20
    );
    let store = open(&path);
    let start = Instant::now();
    let mut count = 0;
    let mut take = |_| {
        count += 1;
        Ok(())
    };
    store.vectors("model", &mut take).unwrap();
    println!("{count} vectors read in {:.3} s", start.elapsed().as_secs_f64());
}
