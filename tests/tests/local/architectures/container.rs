//! The files of a reference: its weights as published, and as a converter puts them into GGUF.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use typewright_runtime::local::arch::{Rope, RopeKind, Scaling, from_config};
use typewright_runtime::local::dtype::Dtype;
use typewright_tests::local::gguf::{Data, Gguf};
use typewright_tests::local::safetensors::Safetensors;

use super::reference::Reference;

/// A folder with config.json and one file of weights.
pub(crate) fn safetensors(reference: &Reference, folder: &Path) {
    let shapes = reference.shapes();
    let all = shapes
        .iter()
        .fold(Safetensors::default(), |file, (name, shape)| file.f32(name, shape, &reference.numbers(name)));
    fs::write(folder.join("model.safetensors"), all.bytes()).unwrap();
    fs::write(folder.join("config.json"), reference.config.to_string()).unwrap();
}

/// A tensor on its way into GGUF.
struct Tensor {
    shape: Vec<usize>,
    numbers: Vec<f32>,
}

/// The file. `split`: latent keys and values in two tensors, as newer converters write them; `None` where there are none.
pub(crate) fn gguf(reference: &Reference, split: bool) -> Option<Gguf> {
    let metadata = reference.gguf["metadata"].as_object().unwrap();
    let config = &reference.config;
    let (mut entries, mut tensors) = (metadata.clone(), converted(reference));
    if split {
        let size = |key: &str| config[key].as_u64().map(|size| size as usize);
        let sizes = [
            size("num_attention_heads")?,
            size("qk_nope_head_dim")?,
            size("v_head_dim")?,
            size("kv_lora_rank")?,
        ];
        tensors = tensors.into_iter().flat_map(|(name, tensor)| halves(name, tensor, sizes)).collect();
        let rotated = size("qk_rope_head_dim")?;
        for (key, value) in [
            ("head_count_kv", 1),
            ("key_length", sizes[3] + rotated),
            ("value_length", sizes[3]),
            ("key_length_mla", sizes[1] + rotated),
            ("value_length_mla", sizes[2]),
        ] {
            entries.insert(format!("deepseek2.attention.{key}"), value.into());
        }
    }
    let file = entries.iter().fold(Gguf::default(), |file, (key, value)| file.entry(key, data(value)));
    Some(
        tensors.into_iter().fold(file, |file, (name, tensor)| {
            file.tensor(&name, Dtype::F32, &tensor.shape, &tensor.numbers)
        }),
    )
}

fn data(value: &Value) -> Data {
    match value {
        Value::String(text) => text.as_str().into(),
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) if number.is_u64() => (number.as_u64().unwrap() as u32).into(),
        Value::Number(number) => (number.as_f64().unwrap() as f32).into(),
        _ => panic!("{value}"),
    }
}

/// All tensors by their GGUF names, changed as the converter changes them.
fn converted(reference: &Reference) -> BTreeMap<String, Tensor> {
    let config = &reference.config;
    let architecture = reference.gguf["metadata"]["general.architecture"].as_str().unwrap();
    let mut tensors: BTreeMap<String, Tensor> = BTreeMap::new();
    let mut sources: Vec<(&String, &str)> = reference.gguf["names"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(from, to)| (from, to.as_str().unwrap()))
        .collect();
    sources.sort_by_key(|(from, _)| expert(from));
    for (from, to) in sources {
        let mut tensor = Tensor { shape: reference.shapes()[from].clone(), numbers: reference.numbers(from) };
        let heads = |key: &str| config[key].as_u64().unwrap() as usize;
        if architecture == "llama" && to.ends_with("attn_q.weight") {
            tensor.numbers = side_by_side(&tensor, heads("num_attention_heads"));
        }
        if architecture == "llama" && to.ends_with("attn_k.weight") {
            tensor.numbers = side_by_side(&tensor, heads("num_key_value_heads"));
        }
        if architecture.starts_with("gemma") && to.ends_with("norm.weight") {
            tensor.numbers.iter_mut().for_each(|number| *number += 1.0);
        }
        if config["model_type"] == "xlm-roberta" && to == "position_embd.weight" {
            let (first, width) = (heads("pad_token_id") + 1, tensor.shape[1]);
            tensor.numbers.drain(..first * width);
            tensor.shape[0] -= first;
        }
        match (expert(from), tensors.get_mut(to)) {
            (None, _) => drop(tensors.insert(to.to_owned(), tensor)),
            (Some(_), None) => {
                tensor.shape.insert(0, 1);
                tensors.insert(to.to_owned(), tensor);
            }
            (Some(_), Some(stack)) => {
                stack.shape[0] += 1;
                stack.numbers.extend(tensor.numbers);
            }
        }
    }
    tensors.extend(divisors(reference));
    tensors
}

/// The number of the expert that a tensor belongs to.
fn expert(name: &str) -> Option<usize> {
    name.split(".experts.").nth(1)?.split('.').next()?.parse().ok()
}

/// Rows of each head in the order `0, n/2, 1, n/2 + 1, …`.
fn side_by_side(tensor: &Tensor, heads: usize) -> Vec<f32> {
    let (rows, width) = (tensor.shape[0], tensor.shape[1]);
    let dim = rows / heads;
    let source = |row: usize| row / dim * dim + row % dim / 2 + row % 2 * (dim / 2);
    (0..rows).flat_map(|row| tensor.numbers[source(row) * width..][..width].to_vec()).collect()
}

/// What the converter computes of scaled ropes: lists of divisors.
fn divisors(reference: &Reference) -> Vec<(String, Tensor)> {
    let list =
        |name: &str, numbers: Vec<f32>| (name.to_owned(), Tensor { shape: vec![numbers.len()], numbers });
    let Some(rope) = from_config(&reference.config, &reference.shapes()).unwrap().rope else {
        return Vec::new();
    };
    match &rope.scaling {
        Scaling::Long { factors: Some((short, long)), .. } => {
            vec![
                list("rope_factors_short.weight", short.clone()),
                list("rope_factors_long.weight", long.clone()),
            ]
        }
        Scaling::ByWavelength { .. } => {
            let plain = Rope { scaling: Scaling::None, kind: RopeKind::Half, ..rope.clone() };
            let pairs = plain.frequencies(0, None).into_iter().zip(rope.frequencies(0, None));
            vec![list("rope_freqs.weight", pairs.map(|(plain, stretched)| plain / stretched).collect())]
        }
        _ => Vec::new(),
    }
}

/// The one tensor of latent keys and values as two: keys transposed a head, values as they are.
fn halves(name: String, tensor: Tensor, [heads, nope, value, latent]: [usize; 4]) -> Vec<(String, Tensor)> {
    let Some(block) = name.strip_suffix("attn_kv_b.weight") else { return vec![(name, tensor)] };
    let number = |head: usize, row: usize, column: usize| {
        tensor.numbers[(head * (nope + value) + row) * latent + column]
    };
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for head in 0..heads {
        (0..latent).for_each(|column| keys.extend((0..nope).map(|row| number(head, row, column))));
        (0..value).for_each(|row| values.extend((0..latent).map(|column| number(head, nope + row, column))));
    }
    vec![
        (format!("{block}attn_k_b.weight"), Tensor { shape: vec![heads, latent, nope], numbers: keys }),
        (format!("{block}attn_v_b.weight"), Tensor { shape: vec![heads, value, latent], numbers: values }),
    ]
}
