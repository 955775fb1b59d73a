//! What the section `local` of the benchmarks starts, for it alone needs local inference. Each prints one line of JSON.
//!
//! - `model FILE THREADS` runs a model once.
//! - `sentences FOLDER THREADS` embeds texts of two sizes.
//! - `samplers` samples.
//! - `write FORMAT FILE` writes a model of 1.1 billion random weights.
//! - `greedy FILE TOKENS COUNT` says how the tokens, numbers with commas between, go on.
//! - `divergence FILE TOKENS LOGITS` says how far probabilities are from those of exact products: ours, and those of another
//!   program's logits after each token, a file of f32.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use serde_json::{Value, json};
use typewright_runtime::local::arch::{self, Opened};
use typewright_runtime::local::dtype::Dtype;
use typewright_runtime::local::embed::{self, Embedder, Tokens};
use typewright_runtime::local::engine::{CacheNumber, Config, Engine, Item, Logits, SequenceId};
use typewright_runtime::local::model::{self, Cache, Device};
use typewright_runtime::local::sample::{Sampler, Sampling};
use typewright_tests::bench::clock;
use typewright_tests::local::divergence::kl_divergence;
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
        ["sentences", folder, threads] => sentences(Path::new(folder), threads),
        ["greedy", file, tokens, count] => greedy(Path::new(file), tokens, count),
        ["divergence", file, tokens, logits] => divergence(Path::new(file), tokens, Path::new(logits)),
        _ => Err("local_child model | sentences | samplers | write | greedy | divergence".into()),
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

/// Milliseconds of a batch, as the fastest of all runs has it: one text of 32 tokens, and 32 of 128.
fn sentences(folder: &Path, threads: &str) -> Result<Value, Failure> {
    let config = embed::Config { threads: threads.parse()?, ..embed::Config::default() };
    let embedder = Embedder::load(folder, &config)?;
    let (one, many) = (embedded(&embedder, 1, 32)?, embedded(&embedder, 32, 128)?);
    Ok(json!({ "1x32": one, "32x128": many }))
}

fn embedded(embedder: &Embedder, count: usize, len: usize) -> Result<f64, Failure> {
    let vocab = embedder.spec().vocab;
    let first = vocab.min(1000);
    let ids: Vec<u32> = (0..count * len)
        .map(|at| (first + at * 7919 % (vocab - first).max(1)).min(vocab - 1) as u32)
        .collect();
    let texts: Vec<Tokens<'_>> = ids.chunks_exact(len).map(|ids| Tokens { ids, parts: &[] }).collect();
    let mut fastest = f64::INFINITY;
    for _ in 0..if count == 1 { 200 } else { 10 } {
        let began = Instant::now();
        embedder.embed_tokens(&texts)?;
        fastest = fastest.min(began.elapsed().as_secs_f64());
    }
    Ok(1e3 * fastest)
}

fn tokens(listed: &str) -> Result<Vec<u32>, Failure> {
    Ok(listed.split(',').map(str::parse).collect::<Result<_, _>>()?)
}

/// An engine that loses nothing by its cache.
fn exact_cache(opened: &Opened) -> Result<(Engine, SequenceId), Failure> {
    let config = Config { cache_number: CacheNumber::F32, ..Config::default() };
    let mut engine = Engine::load(opened, &config)?;
    let sequence = engine.create();
    Ok((engine, sequence))
}

fn greedy(file: &Path, listed: &str, count: &str) -> Result<Value, Failure> {
    let (mut engine, sequence) = exact_cache(&arch::open(file)?)?;
    let mut said = vec![run(&mut engine, sequence, &tokens(listed)?)?];
    while said.len() < count.parse()? {
        said.push(run(&mut engine, sequence, &said[said.len() - 1..])?);
    }
    Ok(json!(said))
}

fn divergence(file: &Path, listed: &str, logits: &Path) -> Result<Value, Failure> {
    let (opened, tokens) = (arch::open(file)?, tokens(listed)?);
    let model = model::open(&opened, tokens.len(), &Device::Cpu)?;
    let exact = model::forward(&model, &mut Cache::new(&model), &tokens, model::Logits::All)?;
    let exact: Vec<Vec<f32>> = exact.to_vec2()?;
    drop(model);
    let (mut engine, sequence) = exact_cache(&opened)?;
    let ours: Vec<Vec<f32>> = engine
        .step(&[Item { sequence, tokens: &tokens, want: Logits::All }])?
        .iter()
        .map(<[f32]>::to_vec)
        .collect();
    let bytes = std::fs::read(logits)?;
    let numbers: Vec<f32> =
        bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect();
    let theirs: Vec<Vec<f32>> = numbers.chunks(engine.spec().vocab).map(<[f32]>::to_vec).collect();
    Ok(json!({ "ours": mean_divergence(&exact, &ours)?, "theirs": mean_divergence(&exact, &theirs)? }))
}

fn mean_divergence(expected: &[Vec<f32>], found: &[Vec<f32>]) -> Result<f64, Failure> {
    if expected.len() != found.len() {
        return Err(format!("logits of {} tokens, not of {}", found.len(), expected.len()).into());
    }
    let sum: f64 = expected.iter().zip(found).map(|(expected, found)| kl_divergence(expected, found)).sum();
    Ok(sum / expected.len() as f64)
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
