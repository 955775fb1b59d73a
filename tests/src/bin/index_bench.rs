//! How fast the nearest vectors are found: `index_bench BASE.npy QUERIES.npy [THREADS]` reads two arrays of floats and
//! prints the bandwidth of reading, searches a second that compare all, in full and by codes, with what share of the ten
//! nearest they find, the time to build the graph, and searches a second by the graph. `index_bench store COUNT` prints
//! how long a store of so many nodes with vectors takes to open and to answer first.

#![allow(clippy::print_stdout, reason = "a program that reports")]

use std::collections::BTreeSet;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use typewright_runtime::memory::index::{Index, Settings as Shape};
use typewright_runtime::memory::sqlite::{Config, SqliteStore};
use typewright_runtime::memory::store::{Filter, Match, Nearest, Search, Store, Transaction};
use typewright_runtime::memory::{Embedding, Id, Kind, MemoryDraft, Namespace, Settings};
use typewright_runtime::simd::Level;

type Failure = Box<dyn std::error::Error>;

/// Bytes of the model's name and so on do not matter.
const MODEL: &str = "model";
const EFFORTS: [usize; 12] = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768];

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [what, count] if what == "store" => open_store(count.parse()?),
        [base, queries] => search(base, queries, 2),
        [base, queries, threads] => search(base, queries, threads.parse()?),
        _ => Err("index_bench BASE.npy QUERIES.npy [THREADS] | store COUNT".into()),
    }
}

/// An array of floats as numpy writes it.
struct Array {
    columns: usize,
    numbers: Vec<f32>,
}

impl Array {
    fn read(path: &str) -> Result<Self, Failure> {
        let bytes = std::fs::read(path)?;
        let head = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        let text = String::from_utf8_lossy(&bytes[10..head]);
        if !text.contains("<f4") {
            return Err(format!("{path}: {text}").into());
        }
        let shape = text.split(['(', ')']).nth(1).ok_or("no shape")?;
        let columns = shape.split(',').nth(1).ok_or("one row")?.trim().parse()?;
        let numbers = bytes[head..].as_chunks::<4>().0.iter().map(|x| f32::from_le_bytes(*x)).collect();
        Ok(Self { columns, numbers })
    }

    fn first(&self, count: usize) -> Self {
        let len = self.numbers.len().min(count * self.columns);
        Self { columns: self.columns, numbers: self.numbers[..len].to_vec() }
    }

    fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.numbers.chunks_exact(self.columns)
    }
}

fn search(base: &str, queries: &str, threads: usize) -> Result<(), Failure> {
    let (base, queries) = (Array::read(base)?, Array::read(queries)?);
    let shape = Shape { crossover: 0, threads, ..Shape::default() };
    let began = Instant::now();
    let index = Index::of(shape, base.rows().enumerate().map(|(id, row)| (Id::from_u128(id as u128), row)))?;
    println!(
        "{} vectors of {} in {:.3} s, {:?}",
        index.count(),
        base.columns,
        seconds(began),
        Level::detect()
    );
    let filter = Filter::of(Index::namespace()?);
    let ask = |search: Search, queries: &Array| -> Result<(f64, Vec<Vec<Match>>), Failure> {
        let to: Vec<Embedding> =
            queries.rows().map(|row| Embedding { model: MODEL.to_owned(), vector: row.to_vec() }).collect();
        let asked = to.iter().map(|to| Nearest { to, filter: &filter, most: 10, search });
        let began = Instant::now();
        let found = asked.map(|asked| index.find(&asked)).collect::<Result<Vec<_>, _>>()?;
        Ok((to.len() as f64 / seconds(began), found))
    };
    let (_, exact) = ask(Search::Exact, &queries)?;
    let some = queries.first(200);
    // In turn, since what the memory gives changes.
    let (mut speed, mut floor) = (0.0_f64, 0.0_f64);
    for _ in 0..10 {
        floor = floor.max((0..20).map(|_| bandwidth(&base.numbers)).fold(0.0, f64::max));
        speed = speed.max(ask(Search::Exact, &queries.first(40))?.0);
    }
    let share = 100.0 * speed * (base.numbers.len() * 4) as f64 / floor;
    println!("read {:.1} GB/s; exact: {speed:.0} a second, {share:.1} % of the bandwidth", floor / 1e9);
    let (_, coded) = ask(Search::Recall(0.99), &queries)?;
    let (speed, _) = best_of(5, || ask(Search::Recall(0.99), &some))?;
    println!("by codes: {speed:.0} a second, recall {:.4}", recall(&coded, &exact));
    let began = Instant::now();
    index.build();
    println!("build {:.2} s, {threads} threads", seconds(began));
    for effort in EFFORTS {
        let (speed, found) = best_of(3, || {
            let began = Instant::now();
            let found = queries.rows().map(|row| index.find_by_graph(row, 10, effort));
            let found = found.collect::<Result<Vec<_>, _>>()?;
            Ok((found.len() as f64 / seconds(began), found))
        })?;
        let recall = recall(&found, &exact);
        println!("graph {effort}: {speed:.0} a second, recall {recall:.4}");
        if recall > 0.997 {
            break;
        }
    }
    Ok(())
}

fn seconds(began: Instant) -> f64 {
    began.elapsed().as_secs_f64()
}

fn best_of<T>(times: usize, mut run: impl FnMut() -> Result<(f64, T), Failure>) -> Result<(f64, T), Failure> {
    let mut best = run()?;
    for _ in 1..times {
        let next = run()?;
        if next.0 > best.0 {
            best = next;
        }
    }
    Ok(best)
}

/// Bytes a second of a loop that does nothing but read.
fn bandwidth(numbers: &[f32]) -> f64 {
    let began = Instant::now();
    let mut sums = [0_u32; 64];
    for line in black_box(numbers).as_chunks::<64>().0 {
        sums.iter_mut().zip(line).for_each(|(sum, number)| *sum ^= number.to_bits());
    }
    black_box(&sums);
    (numbers.len() * 4) as f64 / seconds(began)
}

/// Which share of the expected was found.
fn recall(found: &[Vec<Match>], expected: &[Vec<Match>]) -> f64 {
    let ids = |all: &[Match]| -> BTreeSet<Id> { all.iter().map(|one| one.id).collect() };
    let hits: usize = found.iter().zip(expected).map(|(a, b)| ids(a).intersection(&ids(b)).count()).sum();
    hits as f64 / expected.iter().map(Vec::len).sum::<usize>() as f64
}

fn open_store(count: usize) -> Result<(), Failure> {
    let folder = std::env::temp_dir().join(format!("typewright-index-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let done = measure_store(&folder.join("store.db"), count);
    std::fs::remove_dir_all(&folder)?;
    done
}

fn measure_store(path: &Path, count: usize) -> Result<(), Failure> {
    let settings = Arc::new(Settings::default());
    let config = Config { is_durable: false, ..Config::default() };
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(path, config.clone(), Arc::clone(&settings))?);
    let namespace = Namespace::new("bench")?;
    let mut random = fastrand::Rng::with_seed(1);
    let mut vector = || -> Vec<f32> { (0..384).map(|_| random.f32() - 0.5).collect() };
    let text = "What is remembered here is about as long as a paragraph. ".repeat(26);
    for first in (0..count).step_by(1000) {
        let mut transaction = Transaction::begin(Arc::clone(&store), Arc::clone(&settings))?;
        for _ in first..count.min(first + 1000) {
            let draft = MemoryDraft::new(namespace.clone(), Kind::Fact, text.as_str());
            transaction.add(draft.embedding(MODEL, vector()))?;
        }
        transaction.commit()?;
    }
    drop(store);
    let (filter, to) = (Filter::of(namespace), Embedding { model: MODEL.to_owned(), vector: vector() });
    for _ in 0..3 {
        let began = Instant::now();
        let store = SqliteStore::open(path, config.clone(), Arc::clone(&settings))?;
        let opened = seconds(began);
        let asked = Nearest { to: &to, filter: &filter, most: 10, search: Search::Recall(0.99) };
        let found = store.nearest(&asked)?.len();
        let first = seconds(began);
        let began = Instant::now();
        for _ in 0..200 {
            store.nearest(&asked)?;
        }
        let speed = 200.0 / seconds(began);
        println!(
            "{count} nodes: open {opened:.3} s, first {found} found after {first:.3} s, then {speed:.0} a second"
        );
    }
    Ok(())
}
