//! How fast a local model is: `local_bench FILE [THREADS] [RUNS]` reads a GGUF file or a folder of safetensors and prints load time,
//! prefill of 512 tokens, decode of 128, decode of 16 sequences at once, and the peak of the memory. Best of all runs.

#![allow(clippy::print_stdout, reason = "a program that reports")]

use std::path::Path;
use std::time::Instant;

use typewright_runtime::local::arch;
use typewright_runtime::local::engine::{Config, Engine, Item, Logits, SequenceId};

type Failure = Box<dyn std::error::Error>;

const PROMPT: usize = 512;
const SAID: usize = 128;
const STREAMS: usize = 16;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("local_bench FILE [THREADS] [RUNS]")?;
    let mut config = Config::default();
    if let Some(threads) = arguments.next() {
        config.threads = threads.parse()?;
    }
    let runs: usize = arguments.next().map_or(Ok(3), |runs| runs.parse())?;
    let began = Instant::now();
    let opened = arch::open(Path::new(&path))?;
    println!(
        "{path}, {} threads, {:?}, needs {}",
        config.threads,
        config.level,
        Engine::need(&opened, &config)
    );
    let mut engine = Engine::load(&opened, &config)?;
    drop(opened);
    let loaded = began.elapsed();
    let first = engine.create();
    run(&mut engine, first, &[1], Logits::Last)?;
    println!(
        "load {:.3} s, first token {:.3} s, {}",
        loaded.as_secs_f64(),
        began.elapsed().as_secs_f64(),
        memory("VmRSS")
    );
    engine.remove(first);
    let (mut prefill, mut decode, mut streams) = (0.0_f64, 0.0_f64, 0.0_f64);
    for _ in 0..runs {
        let one = measure(&mut engine)?;
        (prefill, decode) = (prefill.max(one[0]), decode.max(one[1]));
        streams = streams.max(measure_streams(&mut engine)?);
        println!("prefill {PROMPT} {:.1} tok/s, decode {SAID} {:.2} tok/s", one[0], one[1]);
    }
    println!("best: prefill {prefill:.1}, decode {decode:.2}, {STREAMS} streams {streams:.1} tok/s");
    println!("{}, {}", memory("VmRSS"), memory("VmHWM"));
    Ok(())
}

fn run(engine: &mut Engine, sequence: SequenceId, tokens: &[u32], want: Logits) -> Result<u32, Failure> {
    let rows = engine.step(&[Item { sequence, tokens, want }])?;
    Ok(rows.get(0).map(best).unwrap_or_default())
}

fn best(row: &[f32]) -> u32 {
    let most = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    most.map_or(0, |(at, _)| at as u32)
}

/// Prefill of an empty sequence, and decode of another empty one.
fn measure(engine: &mut Engine) -> Result<[f64; 2], Failure> {
    let vocab = engine.spec().vocab;
    let prompt: Vec<u32> = (0..PROMPT).map(|at| (at * 7919 % vocab) as u32).collect();
    let sequence = engine.create();
    let began = Instant::now();
    run(engine, sequence, &prompt, Logits::Last)?;
    let prefill = PROMPT as f64 / began.elapsed().as_secs_f64();
    engine.remove(sequence);
    let sequence = engine.create();
    let mut token = 1;
    let began = Instant::now();
    for _ in 0..SAID {
        token = run(engine, sequence, &[token], Logits::Last)?;
    }
    let decode = SAID as f64 / began.elapsed().as_secs_f64();
    engine.remove(sequence);
    Ok([prefill, decode])
}

fn measure_streams(engine: &mut Engine) -> Result<f64, Failure> {
    let sequences: Vec<SequenceId> = (0..STREAMS).map(|_| engine.create()).collect();
    let mut tokens: Vec<[u32; 1]> = (1..=STREAMS as u32).map(|token| [token]).collect();
    let began = Instant::now();
    for _ in 0..SAID / 4 {
        let items = sequences.iter().zip(&tokens);
        let items: Vec<Item<'_>> = items
            .map(|(sequence, tokens)| Item { sequence: *sequence, tokens, want: Logits::Last })
            .collect();
        let said: Vec<[u32; 1]> = engine.step(&items)?.iter().map(|row| [best(row)]).collect();
        tokens = said;
    }
    let speed = (STREAMS * (SAID / 4)) as f64 / began.elapsed().as_secs_f64();
    sequences.into_iter().for_each(|sequence| drop(engine.remove(sequence)));
    Ok(speed)
}

/// A line of what Linux says of this process.
fn memory(line: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|status| status.strip_prefix(line)?.strip_prefix(':'));
    let kib: Option<u64> = found.and_then(|found| found.trim().strip_suffix(" kB")?.parse().ok());
    kib.map_or_else(|| format!("no {line}"), |kib| format!("{line} {} MiB", kib >> 10))
}
