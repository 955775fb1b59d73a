//! What storing costs: durable commits of one memory beside a file that is appended to and synced, and batches. Both beside
//! one table by hand, which is what the database itself costs.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::sync;
use serde_json::{Map, Value, json};
use typewright_runtime::memory::Kind;
use typewright_runtime::memory::sqlite::SqliteStore;
use typewright_runtime::memory::store::{Batch, Store};

use super::failed;
use super::nodes::{Memories, NUMBERS, TEXT, open};
use super::table::Table;
use crate::bench::Failure;
use crate::bench::clock::processor;

const THREADS: u64 = 8;
/// Memories of a batch.
pub(super) const BATCH: usize = 1000;
/// Working memories are not searched by words.
const KINDS: [(&str, Kind); 2] = [("without words", Kind::Working), ("with words", Kind::Fact)];

pub(super) fn run(folder: &Path, lasting: Duration, rounds: usize) -> Result<Value, Failure> {
    let mut told = Map::new();
    for (words, kind) in KINDS {
        let mut measured = Measured { folder, words, kind, lasting, rounds };
        let value = json!({
            "one": measured.one()?,
            "threads": measured.threads()?,
            "one table": measured.beside_table(1)?,
            "batches": measured.beside_table(BATCH)?,
        });
        told.insert(words.to_owned(), value);
    }
    Ok(Value::Object(told))
}

/// How a kind is measured.
struct Measured<'a> {
    folder: &'a Path,
    words: &'static str,
    kind: Kind,
    lasting: Duration,
    rounds: usize,
}

impl Measured<'_> {
    fn store(&self, name: &str) -> Result<SqliteStore, Failure> {
        open(&self.folder.join(format!("{name} {}.db", self.words)))
    }

    /// Commits of one memory, and records that are appended, in turn.
    fn one(&mut self) -> Result<Value, Failure> {
        let (store, mut memories) = (self.store("one")?, Memories::of(self.kind, 0));
        self.beside_appended(|lasting, _| {
            Ok(stored(&mut memories, 1, lasting, |batch| commit(&store, batch))?.0)
        })
    }

    /// The same of several threads at once.
    fn threads(&mut self) -> Result<Value, Failure> {
        let (store, kind) = (self.store("threads")?, self.kind);
        self.beside_appended(|lasting, round| at_once(&store, kind, round as u64, lasting))
    }

    /// Batches of a size, and the same rows in one table by hand, in turn. What the others have left to the system to write
    /// is written before.
    fn beside_table(&mut self, size: usize) -> Result<Value, Failure> {
        let store = self.store(&format!("by {size}"))?;
        let mut table =
            Table::open(&self.folder.join(format!("table by {size} {}.db", self.words)), self.kind)?;
        let mut memories = Memories::of(self.kind, 0);
        let (mut ours, mut theirs, mut busy) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            sync();
            theirs.push(stored(&mut memories, size, self.lasting, |batch| table.commit(batch))?.0);
            sync();
            let (clock, processor) =
                stored(&mut memories, size, self.lasting, |batch| commit(&store, batch))?;
            ours.push(clock);
            busy.push(processor);
        }
        Ok(json!({ "ours": ours, "theirs": theirs, "cpu": busy }))
    }

    fn beside_appended(
        &self,
        mut work: impl FnMut(Duration, usize) -> Result<f64, Failure>,
    ) -> Result<Value, Failure> {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..self.rounds {
            theirs.push(appended(self.folder, self.lasting)?);
            ours.push(work(self.lasting, round)?);
        }
        Ok(json!({ "ours": ours, "theirs": theirs }))
    }
}

/// Records of the size of a memory a second, each synced.
fn appended(folder: &Path, lasting: Duration) -> Result<f64, Failure> {
    let mut file = File::create(folder.join("appended"))?;
    let record = [7; TEXT + 4 * NUMBERS];
    let (begun, mut count) = (Instant::now(), 0);
    while begun.elapsed() < lasting {
        file.write_all(&record)?;
        file.sync_data()?;
        count += 1;
    }
    Ok(f64::from(count) / begun.elapsed().as_secs_f64())
}

fn commit(store: &SqliteStore, batch: &Batch) -> Result<(), Failure> {
    Ok(store.commit(batch).map(drop)?)
}

/// Memories in batches of a size, for each second of the clock and of a processor. What they say is made beforehand.
fn stored(
    memories: &mut Memories,
    size: usize,
    lasting: Duration,
    mut commit: impl FnMut(&Batch) -> Result<(), Failure>,
) -> Result<(f64, f64), Failure> {
    let (mut spent, mut busy, mut count) = (Duration::ZERO, 0, 0);
    while spent < lasting {
        let batch = memories.batch(size)?;
        let (begun, before) = (Instant::now(), processor());
        commit(&batch)?;
        spent += begun.elapsed();
        busy += processor() - before;
        count += size;
    }
    Ok((count as f64 / spent.as_secs_f64(), count as f64 / (busy as f64 / 1e9)))
}

/// Commits of one memory a second, of several threads at once.
fn at_once(store: &SqliteStore, kind: Kind, round: u64, lasting: Duration) -> Result<f64, Failure> {
    let ready = Barrier::new(THREADS as usize);
    let work = |thread: u64| -> Result<(Instant, Instant, u32), Failure> {
        let mut memories = Memories::of(kind, 1 + thread + round * THREADS);
        // What they say is made beforehand.
        let batches = (0..1000).map(|_| memories.batch(1)).collect::<Result<Vec<Batch>, _>>();
        ready.wait();
        let (begun, mut count) = (Instant::now(), 0);
        for batch in batches?.iter().take_while(|_| begun.elapsed() < lasting) {
            store.commit(batch)?;
            count += 1;
        }
        Ok((begun, Instant::now(), count))
    };
    let done = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || work(thread))).collect();
        let ended = threads.into_iter().map(|thread| thread.join());
        let ended = ended.map(|done| done.unwrap_or_else(|_| Err(failed("a thread failed".to_owned()))));
        ended.collect::<Result<Vec<_>, _>>()
    })?;
    let (first, last) = (done.iter().map(|done| done.0).min(), done.iter().map(|done| done.1).max());
    let count: u32 = done.iter().map(|done| done.2).sum();
    match first.zip(last) {
        Some((first, last)) => Ok(f64::from(count) / (last - first).as_secs_f64()),
        None => Err(failed("no thread committed".to_owned())),
    }
}
