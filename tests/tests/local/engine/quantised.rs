//! Quantised weights: the engine multiplies them with quantised inputs, and is compared with exact products of the same
//! weights by how far its probabilities are from theirs.

use std::path::Path;

use typewright_runtime::local::arch::{self, Opened};
use typewright_runtime::local::dtype::Dtype;
use typewright_runtime::local::engine::Engine;
use typewright_runtime::local::file;
use typewright_runtime::local::model::{self, Cache, Device};
use typewright_tests::local::divergence::kl_divergence;
use typewright_tests::local::gguf::Gguf;

use super::{by, config, is_the_same_however};

const HIDDEN: usize = 256;
const WIDTH: usize = 512;
const VOCAB: usize = 300;
const LAYERS: usize = 2;

/// Numbers in [-1, 1) by a name.
fn numbers(name: &str, len: usize, scale: f32) -> Vec<f32> {
    let mut state = name
        .bytes()
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3));
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((state >> 40) as f32 / 8_388_608.0 - 1.0) * scale
    };
    (0..len).map(|_| next()).collect()
}

/// A model whose matrices are all of one format.
fn opened(dtype: Dtype) -> Opened {
    let number = |file: Gguf, key: &str, value: usize| file.entry(&format!("llama.{key}"), value as u32);
    let file = Gguf::default().entry("general.architecture", "llama");
    let file = [
        ("block_count", LAYERS),
        ("context_length", 256),
        ("embedding_length", HIDDEN),
        ("feed_forward_length", WIDTH),
        ("attention.head_count", 4),
        ("attention.head_count_kv", 2),
        ("vocab_size", VOCAB),
    ]
    .into_iter()
    .fold(file, |file, (key, value)| number(file, key, value));
    let file = file.entry("llama.attention.layer_norm_rms_epsilon", 1e-5_f32);
    let matrix = |file: Gguf, name: &str, rows: usize, cols: usize| {
        let scale = if name == "output.weight" { 3.0 } else { 1.7 };
        file.tensor(name, dtype, &[rows, cols], &numbers(name, rows * cols, scale / (cols as f32).sqrt()))
    };
    let norm = |file: Gguf, name: &str| {
        let weights: Vec<f32> = numbers(name, HIDDEN, 0.2).iter().map(|weight| 1.0 + weight).collect();
        file.tensor(name, Dtype::F32, &[HIDDEN], &weights)
    };
    let mut file = matrix(file, "token_embd.weight", VOCAB, HIDDEN);
    file = matrix(norm(file, "output_norm.weight"), "output.weight", VOCAB, HIDDEN);
    for layer in 0..LAYERS {
        let name = |part: &str| format!("blk.{layer}.{part}.weight");
        file = norm(norm(file, &name("attn_norm")), &name("ffn_norm"));
        for (part, rows, cols) in [
            ("attn_q", HIDDEN, HIDDEN),
            ("attn_k", HIDDEN / 2, HIDDEN),
            ("attn_v", HIDDEN / 2, HIDDEN),
            ("attn_output", HIDDEN, HIDDEN),
            ("ffn_gate", WIDTH, HIDDEN),
            ("ffn_up", WIDTH, HIDDEN),
            ("ffn_down", HIDDEN, WIDTH),
        ] {
            file = matrix(file, &name(part), rows, cols);
        }
    }
    arch::describe(file::from_bytes(file.bytes()).unwrap(), Path::new("")).unwrap()
}

fn prompt() -> Vec<u32> {
    (0..70_u32).map(|at| at * 37 % VOCAB as u32).collect()
}

/// Mean over all positions, at most: twice and more what was measured. Floats meet floats, all else inputs of 8 bits, with a
/// scale for 32 or for 256 numbers.
fn limit(dtype: Dtype) -> f64 {
    match dtype {
        Dtype::F32 | Dtype::F16 | Dtype::BF16 => 1e-10,
        Dtype::Q8_0 | Dtype::Q4_0 => 1.2e-3,
        Dtype::Q4_K | Dtype::Q5_K | Dtype::Q6_K => 2.5e-3,
    }
}

#[test]
fn every_format_says_what_its_numbers_say() {
    let prompt = prompt();
    for dtype in Dtype::ALL {
        let opened = opened(dtype);
        let model = model::open(&opened, 256, &Device::Cpu).unwrap();
        let all = model::forward(&model, &mut Cache::new(&model), &prompt, model::Logits::All).unwrap();
        let expected: Vec<Vec<f32>> = all.to_vec2().unwrap();
        let found = by(&mut Engine::load(&opened, &config()).unwrap(), &prompt, prompt.len());
        let rows = expected.iter().zip(&found);
        let mean =
            rows.map(|(expected, found)| kl_divergence(expected, found)).sum::<f64>() / prompt.len() as f64;
        println!("{dtype}: KL {mean:.2e}");
        assert!(mean <= limit(dtype), "{dtype}: {mean}");
    }
}

#[test]
fn cuts_neighbours_threads_and_instructions_change_no_bit() {
    for dtype in Dtype::ALL {
        is_the_same_however(dtype.name(), &opened(dtype), &config(), &prompt()[..30]);
    }
}
