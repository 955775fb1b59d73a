//! A reference: a tiny model and what another implementation says of it. See `references/renew.py`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use typewright_runtime::local::arch::Shapes;

/// One of `references/*.json`.
pub(crate) struct Reference {
    /// config.json as models are published.
    pub(crate) config: Value,
    /// The same, as the other implementation saves it.
    pub(crate) saved: Value,
    pub(crate) prompt: Vec<u32>,
    pub(crate) segments: Vec<u32>,
    /// Logits, or an encoder's vectors, of some positions.
    pub(crate) rows: BTreeMap<usize, Vec<f32>>,
    /// The best token of all positions.
    pub(crate) best: Vec<u32>,
    pub(crate) greedy: Vec<u32>,
    /// Of the logits.
    pub(crate) deviation: f32,
    pub(crate) mean: Vec<f32>,
    pub(crate) first: Vec<f32>,
    pub(crate) scores: Vec<f32>,
    /// Metadata and names of tensors in GGUF.
    pub(crate) gguf: Value,
    tensors: BTreeMap<String, Recipe>,
}

/// How the numbers of a tensor are made.
struct Recipe {
    shape: Vec<usize>,
    offset: f64,
    scale: f64,
}

impl Reference {
    pub(crate) fn read(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/local/references");
        let text = fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let rows = value["rows"].as_object().into_iter().flatten();
        let tensors = value["tensors"].as_array().unwrap().iter();
        Self {
            config: value["config"].clone(),
            saved: value["saved"].clone(),
            prompt: list(&value["prompt"]),
            segments: list(&value["segments"]),
            rows: rows.map(|(at, row)| (at.parse().unwrap(), list(row))).collect(),
            best: list(&value["best"]),
            greedy: list(&value["greedy"]),
            deviation: value["std"].as_f64().unwrap_or_default() as f32,
            mean: list(&value["mean"]),
            first: list(&value["cls"]),
            scores: list(&value["scores"]),
            gguf: value["gguf"].clone(),
            tensors: tensors.map(recipe).collect(),
        }
    }

    pub(crate) fn has_gguf(&self) -> bool {
        !self.gguf.is_null()
    }

    pub(crate) fn shapes(&self) -> Shapes {
        self.tensors.iter().map(|(name, recipe)| (name.clone(), recipe.shape.clone())).collect()
    }

    /// The positions that the runs of this reference are made for: all, or those before stretching begins.
    pub(crate) fn context(&self) -> usize {
        let whole = self.config["max_position_embeddings"].as_u64().unwrap() as usize;
        let original =
            self.config["original_max_position_embeddings"].as_u64().map(|original| original as usize);
        original.filter(|original| *original >= self.prompt.len() + self.greedy.len()).unwrap_or(whole)
    }

    /// The numbers of a tensor, by its name.
    pub(crate) fn numbers(&self, name: &str) -> Vec<f32> {
        let Recipe { shape, offset, scale } = &self.tensors[name];
        (1..=shape.iter().product::<usize>() as u64)
            .map(|at| (offset + scale * uniform(name, at)) as f32)
            .collect()
    }
}

fn recipe(value: &Value) -> (String, Recipe) {
    let shape = list(&value[1]).into_iter().map(|size: u32| size as usize).collect();
    let number = |at: usize| value[at].as_f64().unwrap();
    (value[0].as_str().unwrap().to_owned(), Recipe { shape, offset: number(2), scale: number(3) })
}

fn list<T: serde::de::DeserializeOwned>(value: &Value) -> Vec<T> {
    if value.is_null() { Vec::new() } else { serde_json::from_value(value.clone()).unwrap() }
}

/// Number `at`, from 1, of a tensor: splitmix64, in [-1, 1).
fn uniform(name: &str, at: u64) -> f64 {
    let seed = name.bytes().fold(0xCBF2_9CE4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    let mut z = at.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(seed);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    (z >> 40) as f64 / 8_388_608.0 - 1.0
}
