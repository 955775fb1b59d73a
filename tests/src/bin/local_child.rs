//! What the section `local` of the benchmarks starts, for it alone needs local inference: `local_child model FILE THREADS`
//! runs a model once, `local_child samplers` samples, `local_child write FORMAT FILE` writes a model of 1.1 billion random
//! weights. Each prints one line of JSON.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use serde_json::{Value, json};
use typewright_runtime::local::arch;
use typewright_runtime::local::dtype::Dtype;
use typewright_runtime::local::engine::{Config, Engine, Item, Logits, SequenceId};
use typewright_runtime::local::sample::{Sampler, Sampling};
use typewright_tests::bench::clock;
use typewright_tests::local::gguf::{Data, Gguf};

type Failure = Box<dyn std::error::Error>;

const PROMPT: usize = 512;
const SAID: usize = 128;
const STREAMS: usize = 16;
/// Tokens of each stream.
const OF_A_STREAM: usize = 32;
/// Of the vocabulary that is sampled from.
const SAMPLED: usize = 128_256;

// The shape of a known model of 1.1 billion weights, with 32 heads of which 4 have keys.
const HIDDEN: usize = 2048;
const WIDTH: usize = 5632;
const KEYS: usize = 256;
const LAYERS: usize = 22;
const VOCAB: usize = 32_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (mut out, mut errors) = (std::io::stdout(), std::io::stderr());
    let told = match arguments[..] {
        ["model", file, threads] => model(Path::new(file), threads),
        ["samplers"] => samplers(),
        ["write", format, file] => write(format, Path::new(file)),
        _ => Err("local_child model FILE THREADS | samplers | write FORMAT FILE".into()),
    };
    let written = match &told {
        Ok(line) => writeln!(out, "{line}"),
        Err(error) => writeln!(errors, "{error}"),
    };
    if told.is_ok() && written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn model(file: &Path, threads: &str) -> Result<Value, Failure> {
    let config = Config { threads: threads.parse()?, ..Config::default() };
    let began = Instant::now();
    let mut engine = Engine::load(&arch::open(file)?, &config)?;
    let sequence = engine.create();
    run(&mut engine, sequence, &[1])?;
    let first = began.elapsed().as_secs_f64();
    engine.remove(sequence);
    let vocab = engine.spec().vocab;
    let prompt: Vec<u32> = (0..PROMPT).map(|at| (at * 7919 % vocab) as u32).collect();
    let prefill = timed(&mut engine, |engine, sequence| run(engine, sequence, &prompt).map(drop))?;
    let decode = timed(&mut engine, |engine, sequence| {
        (0..SAID).try_fold(1, |token, _| run(engine, sequence, &[token])).map(drop)
    })?;
    // Nothing where the system does not tell.
    let peak = Some(clock::peak_kb() as f64 * 1024.0).filter(|peak| *peak > 0.0);
    let streams = streams(&mut engine)?;
    let bytes = std::fs::metadata(file)?.len() as f64;
    Ok(json!({
        "first_ms": 1e3 * first,
        "prefill_ms": 1e3 * prefill / PROMPT as f64,
        "decode_ms": 1e3 * decode / SAID as f64,
        "streams": (STREAMS * OF_A_STREAM) as f64 / streams * decode / SAID as f64,
        "peak": peak.map(|peak| peak / bytes),
    }))
}

/// Seconds of work on an empty sequence.
fn timed(
    engine: &mut Engine,
    work: impl FnOnce(&mut Engine, SequenceId) -> Result<(), Failure>,
) -> Result<f64, Failure> {
    let sequence = engine.create();
    let began = Instant::now();
    work(engine, sequence)?;
    let took = began.elapsed().as_secs_f64();
    engine.remove(sequence);
    Ok(took)
}

/// Runs tokens and says which comes next.
fn run(engine: &mut Engine, sequence: SequenceId, tokens: &[u32]) -> Result<u32, Failure> {
    let rows = engine.step(&[Item { sequence, tokens, want: Logits::Last }])?;
    Ok(rows.get(0).map(best).unwrap_or_default())
}

fn best(row: &[f32]) -> u32 {
    let most = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    most.map_or(0, |(at, _)| at as u32)
}

/// Seconds of all streams side by side.
fn streams(engine: &mut Engine) -> Result<f64, Failure> {
    let sequences: Vec<SequenceId> = (0..STREAMS).map(|_| engine.create()).collect();
    let mut tokens: Vec<[u32; 1]> = (1..=STREAMS as u32).map(|token| [token]).collect();
    let began = Instant::now();
    for _ in 0..OF_A_STREAM {
        let items = sequences.iter().zip(&tokens);
        let items: Vec<Item<'_>> = items
            .map(|(sequence, tokens)| Item { sequence: *sequence, tokens, want: Logits::Last })
            .collect();
        let said: Vec<[u32; 1]> = engine.step(&items)?.iter().map(|row| [best(row)]).collect();
        tokens = said;
    }
    let took = began.elapsed().as_secs_f64();
    for sequence in sequences {
        engine.remove(sequence);
    }
    Ok(took)
}

/// Microseconds of a token, as the fastest of ten runs has it.
fn samplers() -> Result<Value, Failure> {
    let both = Sampling {
        top_k: Some(40),
        top_p: Some(0.95),
        temperature: 0.8,
        seed: Some(42),
        ..Sampling::default()
    };
    let nucleus = Sampling { top_k: None, ..both.clone() };
    Ok(json!({ "top_k_top_p_us": sampled(both)?, "top_p_us": sampled(nucleus)? }))
}

fn sampled(config: Sampling) -> Result<f64, Failure> {
    let mut random = Random(12_345);
    let logits: Vec<f32> =
        (0..SAMPLED).map(|_| 6.0 * (0..4).map(|_| random.unit() - 0.5).sum::<f32>()).collect();
    let mut sampler = Sampler::new(config, SAMPLED)?;
    let (mut copy, mut fastest) = (logits.clone(), f64::INFINITY);
    for _ in 0..10 {
        let mut took = 0.0;
        for _ in 0..40 {
            copy.copy_from_slice(&logits);
            let began = Instant::now();
            sampler.next(&mut copy)?;
            took += began.elapsed().as_secs_f64();
        }
        fastest = f64::min(fastest, took / 40.0);
    }
    Ok(1e6 * fastest)
}

fn write(format: &str, file: &Path) -> Result<Value, Failure> {
    let (usual, better) = match format {
        "q4_k_m" => (Dtype::Q4_K, Dtype::Q6_K),
        "q8_0" => (Dtype::Q8_0, Dtype::Q8_0),
        "f16" => (Dtype::F16, Dtype::F16),
        other => return Err(format!("no format {other}: q4_k_m, q8_0 or f16").into()),
    };
    let mut random = Random(1234);
    let mut gguf = Gguf::default()
        .entry("general.architecture", "llama")
        .entry("tokenizer.ggml.model", "no_vocab")
        .entry("llama.attention.layer_norm_rms_epsilon", 1e-5_f32);
    for (key, value) in [
        ("block_count", LAYERS),
        ("context_length", 2048),
        ("embedding_length", HIDDEN),
        ("feed_forward_length", WIDTH),
        ("attention.head_count", 32),
        ("attention.head_count_kv", 4),
        ("rope.dimension_count", 64),
        ("vocab_size", VOCAB),
    ] {
        gguf = gguf.entry(&format!("llama.{key}"), Data::U32(value as u32));
    }
    let mut matrix = |gguf: Gguf, name: &str, dtype: Dtype, [rows, cols]: [usize; 2]| {
        gguf.raw(name, dtype.to_ggml(), &[rows, cols], random.weights(dtype, rows, cols))
    };
    let norm = |gguf: Gguf, name: &str| gguf.tensor(name, Dtype::F32, &[HIDDEN], &[1.0; HIDDEN]);
    gguf = matrix(gguf, "token_embd.weight", usual, [VOCAB, HIDDEN]);
    gguf = matrix(norm(gguf, "output_norm.weight"), "output.weight", better, [VOCAB, HIDDEN]);
    for layer in 0..LAYERS {
        let name = |part: &str| format!("blk.{layer}.{part}.weight");
        // The layers whose widest products have more bits in the usual mix.
        let inner = LAYERS / 8..7 * LAYERS / 8;
        let more = !inner.contains(&layer) || (layer - inner.start) % 3 == 2;
        let of = if more { better } else { usual };
        gguf = norm(norm(gguf, &name("attn_norm")), &name("ffn_norm"));
        for (part, dtype, shape) in [
            ("attn_q", usual, [HIDDEN, HIDDEN]),
            ("attn_k", usual, [KEYS, HIDDEN]),
            ("attn_v", of, [KEYS, HIDDEN]),
            ("attn_output", usual, [HIDDEN, HIDDEN]),
            ("ffn_gate", usual, [WIDTH, HIDDEN]),
            ("ffn_up", usual, [WIDTH, HIDDEN]),
            ("ffn_down", of, [HIDDEN, WIDTH]),
        ] {
            gguf = matrix(gguf, &name(part), dtype, shape);
        }
    }
    let bytes = gguf.bytes();
    std::fs::write(file, &bytes)?;
    Ok(json!({ "bytes": bytes.len() }))
}

/// Xorshift: the same numbers everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 24) as f32
    }

    /// Blocks of random numbers around zero, about as large as those of a model.
    fn weights(&mut self, dtype: Dtype, rows: usize, cols: usize) -> Vec<u8> {
        let block = dtype.block_bytes();
        let mut bytes = vec![0; dtype.bytes(rows * cols).unwrap_or(0)];
        bytes.chunks_exact_mut(8).for_each(|bytes| bytes.copy_from_slice(&self.next().to_le_bytes()));
        let deviation = 1.0 / (cols as f32).sqrt();
        let f16 = |number: f32| half(number).to_le_bytes();
        for bytes in bytes.chunks_exact_mut(block) {
            match dtype {
                Dtype::Q4_K => {
                    // Scales of 32 and minima of 60: numbers from −240 to 240.
                    bytes[..2].copy_from_slice(&f16(deviation / 150.0));
                    bytes[2..4].copy_from_slice(&f16(deviation / 150.0 * 4.0));
                    bytes[4..8].fill(32 | 2 << 6);
                    bytes[8..12].fill(60 | 3 << 6);
                    bytes[12..16].fill(12 << 4);
                }
                Dtype::Q6_K => {
                    bytes[192..208].fill(32);
                    bytes[208..210].copy_from_slice(&f16(deviation / 600.0));
                }
                Dtype::Q8_0 => bytes[..2].copy_from_slice(&f16(deviation / 74.0)),
                // The sign and the digits are random; the size is half of the deviation to all of it.
                _ => {
                    let size = half(deviation).to_le_bytes()[1] & 0x7C;
                    bytes[1] = bytes[1] & 0x83 | size;
                }
            }
        }
        bytes
    }
}

/// A small number that is no subnormal one, cut to half its bits.
fn half(number: f32) -> u16 {
    let bits = number.to_bits();
    let exponent = (bits >> 23 & 0xFF).saturating_sub(112);
    (exponent << 10 | bits >> 13 & 0x3FF) as u16
}
