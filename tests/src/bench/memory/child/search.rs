//! Searches vectors, and answers as the programs of peers do; `codes COUNT` finds the nearest by codes, and `read` is the
//! floor: how many bytes a second a loop reads that does nothing else, as fast as it can.

use std::hint::black_box;
use std::io;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use typewright_runtime::memory::index::{Index, Settings};
use typewright_runtime::memory::store::{Filter, Match, Nearest, Search};
use typewright_runtime::memory::{Embedding, Id};

use super::{failed, number, say};
use crate::bench::Failure;
use crate::bench::memory::vectors::{NEAREST, Vectors};

/// Threads that build the graph.
const THREADS: usize = 2;
/// What the fastest way has to find.
const RECALL: f32 = 0.99;
/// How often all is read.
const READ: usize = 10;

/// What is searched.
struct Searched {
    base: Vectors,
    queries: Vectors,
    index: Index,
}

pub(super) fn run(base: &Path, queries: &Path) -> Result<(), Failure> {
    let (base, queries) = (Vectors::read(base)?, Vectors::read(queries)?);
    let index = index(&base, usize::MAX)?;
    let mut searched = Searched { base, queries, index };
    for line in io::stdin().lines() {
        say(&searched.answer(&line?)?)?;
    }
    Ok(())
}

/// An index, which gets a graph if there are more vectors than `crossover`.
fn index(base: &Vectors, crossover: usize) -> Result<Index, Failure> {
    let settings = Settings { crossover, threads: THREADS, ..Settings::default() };
    let rows = base.rows().enumerate().map(|(id, row)| (Id::from_u128(id as u128), row));
    Ok(Index::of(settings, rows)?)
}

impl Searched {
    fn answer(&mut self, line: &str) -> Result<Value, Failure> {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["read"] => Ok(json!({ "bytes_s": read(&self.base.numbers) })),
            ["exact", count] => self.find(number(count)?, Search::Exact),
            ["codes", count] => self.find(number(count)?, Search::Recall(RECALL)),
            ["build"] => self.build(),
            ["graph", effort] => self.by_graph(number(effort)?),
            _ => Ok(json!({ "cannot": format!("{line}: no such thing") })),
        }
    }

    fn find(&self, count: usize, search: Search) -> Result<Value, Failure> {
        if self.index.count() != self.base.count() {
            return Err(failed("the index has not all vectors".to_owned()));
        }
        let filter = Filter::of(Index::namespace()?);
        let vectors = self.queries.rows().take(count);
        let to: Vec<Embedding> =
            vectors.map(|vector| Embedding { model: "model".to_owned(), vector: vector.to_vec() }).collect();
        let asked = to.iter().map(|to| Nearest { to, filter: &filter, most: NEAREST, search });
        let begun = Instant::now();
        let found = asked.map(|asked| self.index.find(&asked)).collect::<Result<Vec<_>, _>>()?;
        Ok(told(begun, &found))
    }

    /// Builds the graph anew. Putting the vectors is part of it, as it is of others.
    fn build(&mut self) -> Result<Value, Failure> {
        let begun = Instant::now();
        self.index = index(&self.base, 0)?;
        self.index.build();
        Ok(json!({ "s": begun.elapsed().as_secs_f64() }))
    }

    fn by_graph(&self, effort: usize) -> Result<Value, Failure> {
        let begun = Instant::now();
        let asked = self.queries.rows().map(|row| self.index.find_by_graph(row, NEAREST, effort));
        let found = asked.collect::<Result<Vec<Vec<Match>>, _>>()?;
        Ok(told(begun, &found))
    }
}

fn told(begun: Instant, found: &[Vec<Match>]) -> Value {
    let qps = found.len() as f64 / begun.elapsed().as_secs_f64();
    let id = |found: &Vec<Match>, at: usize| found.get(at).map_or(-1, |one| one.id.as_u128() as i64);
    let ids = found.iter().flat_map(|found| (0..NEAREST).map(move |at| id(found, at)));
    json!({ "qps": qps, "ids": ids.collect::<Vec<_>>() })
}

/// Bytes a second of the fastest of loops that only read: one place after another, or several at once, which a processor
/// fetches sooner.
fn read(numbers: &[f32]) -> f64 {
    [read_at::<1>, read_at::<4>, read_at::<8>].map(|read| read(numbers)).into_iter().fold(0.0, f64::max)
}

fn read_at<const PLACES: usize>(numbers: &[f32]) -> f64 {
    let begun = Instant::now();
    let lines = numbers.as_chunks::<64>().0;
    let part = lines.len() / PLACES;
    for _ in 0..READ {
        let (mut sums, lines) = ([0_u32; 64], black_box(lines));
        for at in 0..part {
            for place in 0..PLACES {
                let line = &lines[place * part + at];
                sums.iter_mut().zip(line).for_each(|(sum, number)| *sum ^= number.to_bits());
            }
        }
        black_box(&sums);
    }
    (READ * part * PLACES * 64 * 4) as f64 / begun.elapsed().as_secs_f64()
}
