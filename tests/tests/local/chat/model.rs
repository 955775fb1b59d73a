//! A tiny model in a file of its own: random weights, a vocabulary of bytes, and a template of three control tokens.

use std::fs;

use typewright_runtime::chat::{ChatRequest, Message, Role};
use typewright_runtime::local::chat::{Config, LocalModel};
use typewright_runtime::local::dtype::Dtype;
use typewright_runtime::local::engine;
use typewright_tests::local::gguf::{Data, Gguf};

use crate::files::{Folder, numbers};

/// The token that ends an answer.
pub(crate) const END: u32 = 257;
/// The token that ends reasoning, where the template knows of it.
pub(crate) const CLOSE: u32 = 260;
const CONTROLS: [&str; 5] = ["<s>", "</s>", "</u>", "<a>", "</think>"];
/// Rows of logits; the last ones are of no token.
const ROWS: usize = 256 + CONTROLS.len() + 4;
const WIDTH: usize = 32;
const LAYERS: usize = 2;
pub(crate) const TEMPLATE: &str = "{{ bos_token }}{% if tools %}{{ tools[0].function.parameters | tojson }}<tool_call>{% endif %}{% for message in messages \
     %}{{ message.content }}</u>{% endfor %}{% if add_generation_prompt %}<a>{% endif %}";

/// The character that stands for a byte in vocabularies of this kind.
fn letter(byte: u8) -> char {
    let printable = |byte: u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let before = (0..byte).filter(|byte| !printable(*byte)).count() as u32;
    if printable(byte) { char::from(byte) } else { char::from_u32(256 + before).unwrap() }
}

pub(crate) fn file() -> Gguf {
    file_of(CONTROLS)
}

/// A file whose control tokens have these names.
pub(crate) fn file_of(controls: [&str; 5]) -> Gguf {
    let mut tokens: Vec<String> = (0..=255).map(|byte| letter(byte).to_string()).collect();
    tokens.extend(controls.map(str::to_owned));
    let types = (0..tokens.len()).map(|at| if at < 256 { 1 } else { 3 });
    let types = Data::ints(types);
    let file = Gguf::default()
        .entry("general.architecture", "llama")
        .entry("llama.context_length", 256_u32)
        .entry("llama.embedding_length", WIDTH as u32)
        .entry("llama.block_count", LAYERS as u32)
        .entry("llama.feed_forward_length", 64_u32)
        .entry("llama.attention.head_count", 2_u32)
        .entry("llama.attention.head_count_kv", 1_u32)
        .entry("llama.attention.layer_norm_rms_epsilon", 1e-5_f32)
        .entry("tokenizer.ggml.model", "gpt2")
        .entry("tokenizer.ggml.pre", "gpt-2")
        .entry("tokenizer.ggml.tokens", Data::strings(tokens))
        .entry("tokenizer.ggml.token_type", types)
        .entry("tokenizer.ggml.merges", Data::strings::<&str>([]))
        .entry("tokenizer.ggml.bos_token_id", 256_u32)
        .entry("tokenizer.ggml.eos_token_id", END);
    let mut seed = 0;
    let mut add = |file: Gguf, name: &str, shape: &[usize], scale: f32| {
        seed += 1;
        let all: Vec<f32> =
            numbers(seed, shape.iter().product()).into_iter().map(|number| number * scale).collect();
        file.tensor(name, Dtype::F32, shape, &all)
    };
    let mut file = add(file, "token_embd.weight", &[ROWS, WIDTH], 1.0);
    file = add(file, "output.weight", &[ROWS, WIDTH], 0.4);
    file = file.tensor("output_norm.weight", Dtype::F32, &[WIDTH], &[1.0; WIDTH]);
    for layer in 0..LAYERS {
        let name = |part: &str| format!("blk.{layer}.{part}.weight");
        for norm in ["attn_norm", "ffn_norm"] {
            file = file.tensor(&name(norm), Dtype::F32, &[WIDTH], &[1.0; WIDTH]);
        }
        for (part, rows, columns) in [
            ("attn_q", WIDTH, WIDTH),
            ("attn_k", WIDTH / 2, WIDTH),
            ("attn_v", WIDTH / 2, WIDTH),
            ("attn_output", WIDTH, WIDTH),
            ("ffn_gate", 64, WIDTH),
            ("ffn_up", 64, WIDTH),
            ("ffn_down", WIDTH, 64),
        ] {
            file = add(file, &name(part), &[rows, columns], 0.3);
        }
    }
    file
}

pub(crate) fn config() -> Config {
    let engine = engine::Config { threads: 1, cache_bytes: 4 << 20, batch: 4, ..engine::Config::default() };
    Config { engine, ..Config::default() }
}

/// A file of this content, loaded.
pub(crate) fn load(file: &Gguf, config: &Config) -> Result<LocalModel, typewright_runtime::local::Error> {
    let folder = Folder::new("chat");
    let path = folder.path().join("tiny.gguf");
    fs::write(&path, file.bytes()).unwrap();
    LocalModel::load(&path, config)
}

pub(crate) fn loaded() -> LocalModel {
    load(&file().entry("tokenizer.chat_template", TEMPLATE), &config()).unwrap()
}

/// Something to say, with a seed, no end and no more than 40 tokens.
pub(crate) fn request(text: &str) -> ChatRequest {
    ChatRequest {
        messages: vec![Message::text(Role::User, text)],
        seed: Some(1),
        max_tokens: Some(40),
        logit_bias: vec![(END.to_string(), -100.0)],
        ..ChatRequest::new("any")
    }
}
