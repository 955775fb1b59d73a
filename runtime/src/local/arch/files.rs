//! From the files of a model to its description: GGUF says all by itself; beside safetensors lies config.json, and
//! for an encoder of sentences a folder that says how vectors are pooled.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{Pooling, Shapes, Spec, Wanted, from_config, from_gguf, tensors};
use crate::local::Error;
use crate::local::file::gguf::{self, Metadata};
use crate::local::file::{self, Format, Weights};
use crate::local::memory::Sizes;

/// The largest configuration that is read.
const LARGEST: u64 = 16 << 20;

/// A model in its files: nothing of its weights is read yet, and all that is said of them is checked.
#[derive(Debug)]
pub struct Opened {
    /// Its weights.
    pub weights: Weights,
    /// Its description.
    pub spec: Spec,
    /// All its tensors: each is in `weights`, by its name and of its shape.
    pub tensors: Vec<Wanted>,
}

impl Opened {
    /// What its memory depends on, if keys and values are cached in numbers of `cache_number` bytes.
    pub fn sizes(&self, cache_number: u64) -> Sizes {
        let (spec, attention) = (&self.spec, &self.spec.attention);
        let windows = || spec.layers.iter().filter_map(|layer| layer.window);
        let windowed_layers = windows().count();
        let routed = spec.moe.map_or(0, |moe| moe.used * moe.width + moe.shared.unwrap_or(0));
        Sizes {
            weights: self.weights.total_bytes(),
            global_layers: (spec.layers.len() - windowed_layers) as u64,
            windowed_layers: windowed_layers as u64,
            window: windows().max().unwrap_or(0) as u64,
            heads: attention.heads as u64,
            kv_heads: attention.kv_heads as u64,
            key_len: attention.key_dim as u64,
            value_len: attention.value_dim as u64,
            cache_number,
            hidden: spec.hidden as u64,
            feed_forward: spec.mlp.width.max(routed) as u64,
            vocabulary: spec.vocab as u64,
        }
    }
}

/// Opens a model: a GGUF file, or a folder (or a file in it) of safetensors with config.json.
pub fn open(path: &Path) -> Result<Opened, Error> {
    let weights = file::open(path)?;
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    describe(weights, folder)
}

/// The description of opened weights. `folder` is where the configuration of safetensors lies.
pub fn describe(weights: Weights, folder: &Path) -> Result<Opened, Error> {
    let shapes = shapes(&weights)?;
    let spec = match weights.format() {
        Format::Gguf => from_gguf(&plain(weights.metadata()), &shapes)?,
        Format::Safetensors => {
            let config = json(&folder.join("config.json"))?;
            pooled(from_config(&config, &shapes)?, folder)?
        }
    };
    let found = tensors(&spec, &shapes);
    if let Err(super::Error::Tensors { missing, .. }) = &found {
        // A tensor may be there in a format that is not read: that is the better error.
        let foreign = missing.iter().find(|name| weights.foreign().any(|(foreign, _)| foreign == *name));
        foreign.map_or(Ok(()), |name| weights.get(name).map(|_| ()))?;
    }
    Ok(Opened { tensors: found?, weights, spec })
}

fn shapes(weights: &Weights) -> Result<Shapes, Error> {
    weights.names().map(|name| Ok((name.to_owned(), weights.get(name)?.shape.to_vec()))).collect()
}

/// Metadata without what takes place: long lists.
fn plain(metadata: Metadata<'_>) -> Map<String, Value> {
    metadata.iter().filter_map(|(key, value)| Some((key.to_owned(), json_of(&value)?))).collect()
}

/// A value as JSON. `None`: no number at all, no text, or a long list.
fn json_of(value: &gguf::Value<'_>) -> Option<Value> {
    const LONGEST: usize = 4096;
    if let Some(array) = value.as_array() {
        let elements = || array.iter().map(|element| json_of(&element).unwrap_or_default()).collect();
        return (array.len() <= LONGEST).then(|| Value::Array(elements()));
    }
    let whole = value.as_u64().map(Value::from).or_else(|| value.as_i64().map(Value::from));
    let number = || value.as_f64().and_then(serde_json::Number::from_f64).map(Value::Number);
    whole
        .or_else(number)
        .or_else(|| value.as_bool().map(Value::Bool))
        .or_else(|| value.as_str().map(Value::from))
}

/// How an encoder of sentences pools, if a file beside the weights says so.
fn pooled(mut spec: Spec, folder: &Path) -> Result<Spec, Error> {
    let path = folder.join("1_Pooling/config.json");
    let Some(encoder) = spec.encoder.as_mut().filter(|_| path.is_file()) else { return Ok(spec) };
    encoder.pooling = pooling(&path)?;
    Ok(spec)
}

/// What the configuration of a pooling module says. Older ones have a flag a kind, newer ones a name.
pub(in crate::local) fn pooling(path: &Path) -> Result<Pooling, Error> {
    let config = json(path)?;
    let object = config.as_object().ok_or_else(|| Error::malformed(path, "not an object"))?;
    let is_on = |(key, value): (&String, &Value)| {
        key.strip_prefix("pooling_mode_").filter(|_| value == true).map(str::to_owned)
    };
    let modes: Vec<String> = match object.get("pooling_mode") {
        Some(Value::String(mode)) => vec![mode.clone()],
        Some(Value::Array(modes)) => modes.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => object.iter().filter_map(is_on).collect(),
    };
    match modes.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["mean_tokens" | "mean"] => Ok(Pooling::Mean),
        ["cls_token" | "cls"] => Ok(Pooling::First),
        ["lasttoken"] => Ok(Pooling::Last),
        ["max_tokens" | "max"] => Ok(Pooling::Max),
        ["mean_sqrt_len_tokens"] => Ok(Pooling::MeanSqrtLen),
        ["weightedmean_tokens" | "weightedmean"] => Ok(Pooling::WeightedMean),
        _ => Err(Error::unsupported(path, format!("pooling by {modes:?}"))),
    }
}

/// A JSON file.
pub(in crate::local) fn json(path: &Path) -> Result<Value, Error> {
    let failed = |source| Error::Read { path: PathBuf::from(path), source };
    let mut text = Vec::new();
    File::open(path).map_err(failed)?.take(LARGEST + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > LARGEST {
        return Err(Error::malformed(path, format!("larger than {LARGEST} bytes")));
    }
    serde_json::from_slice(&text).map_err(|error| Error::malformed(path, format!("not JSON: {error}")))
}
