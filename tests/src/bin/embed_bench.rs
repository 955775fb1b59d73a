//! How fast a local encoder is: `embed_bench PATH [THREADS] [RUNS]` reads a GGUF file or a folder of safetensors and
//! prints load time, sentences a second for one and for 32 texts of 32 and of 128 tokens, best and median of all runs,
//! and the peak of the memory.

#![allow(clippy::print_stdout, reason = "a program that reports")]

use std::path::Path;
use std::time::Instant;

use typewright_runtime::local::embed::{Config, Embedder, Tokens};
use typewright_tests::bench::clock;

type Failure = Box<dyn std::error::Error>;

/// Texts, and tokens of each.
const SHAPES: [(usize, usize); 4] = [(1, 32), (1, 128), (32, 32), (32, 128)];

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("embed_bench PATH [THREADS] [RUNS]")?;
    let mut config = Config::default();
    if let Some(threads) = arguments.next() {
        config.threads = threads.parse()?;
    }
    let runs: usize = arguments.next().map_or(Ok(5), |runs| runs.parse())?;
    let path = Path::new(&path);
    let need = Embedder::need(path, &config)?;
    let began = Instant::now();
    let embedder = Embedder::load(path, &config)?;
    println!(
        "load {:.3} s, {} threads, {:?}, needs {need}",
        began.elapsed().as_secs_f64(),
        config.threads,
        config.level
    );
    for (count, len) in SHAPES {
        let (best, median) = measure(&embedder, count, len, runs)?;
        let speed = |seconds: f64| count as f64 / seconds;
        println!(
            "{count} texts of {len} tokens: best {:.2} ms ({:.1} a second), median {:.2} ms ({:.1} a second)",
            best * 1e3,
            speed(best),
            median * 1e3,
            speed(median)
        );
    }
    println!("peak {} MiB", clock::peak_kb() >> 10);
    Ok(())
}

/// Seconds of a batch: the best of all, and the median.
fn measure(embedder: &Embedder, count: usize, len: usize, runs: usize) -> Result<(f64, f64), Failure> {
    let vocab = embedder.spec().vocab;
    let first = vocab.min(1000);
    let ids: Vec<u32> = (0..count * len)
        .map(|at| (first + at * 7919 % (vocab - first).max(1)).min(vocab - 1) as u32)
        .collect();
    let texts: Vec<Tokens<'_>> = ids.chunks_exact(len).map(|ids| Tokens { ids, parts: &[] }).collect();
    let repeats = if count == 1 { 40 } else { 160 / len + 1 };
    let mut seconds = Vec::new();
    for _ in 0..runs * repeats {
        let began = Instant::now();
        embedder.embed_tokens(&texts)?;
        seconds.push(began.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok((seconds[0], seconds[seconds.len() / 2]))
}
