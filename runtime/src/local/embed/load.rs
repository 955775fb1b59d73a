//! From files to an encoder: what they say is checked, the memory that is needed told, and only then anything packed.

use std::path::Path;
use std::sync::Mutex;

use super::encoder::{Encoder, rows_at_once};
use super::framing::Framing;
use super::modules::{self, Modules};
use super::pass::{self, Buffers};
use super::{Config, weights};
use crate::local::Error;
use crate::local::arch::{self, Opened, Spec};
use crate::local::engine::rotation::Rotation;
use crate::local::file::Format;
use crate::local::kernels::attention::Heads;
use crate::local::memory::{self, Need};
use crate::local::pool::Pool;
use crate::local::tokens::{GgufVocabulary, Tokenizer};

/// A model that was opened, with what stands beside it.
pub(super) struct Source {
    pub(super) opened: Opened,
    pub(super) modules: Modules,
}

/// Opens a GGUF file, or a folder of safetensors.
pub(super) fn open(path: &Path) -> Result<Source, Error> {
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    let mut modules = modules::read(folder)?;
    let weights = if path.is_dir() { modules.folder.clone() } else { path.to_owned() };
    let mut opened = arch::open(&weights)?;
    if opened.weights.format() == Format::Gguf {
        // Such a file says all by itself; what lies beside it belongs to another.
        modules = Modules { pooling: None, normalised: None, max_len: None, lowercase: false, ..modules };
    }
    if let Some(encoder) = &mut opened.spec.encoder {
        encoder.pooling = modules.pooling.unwrap_or(encoder.pooling);
        encoder.normalised = modules.normalised.unwrap_or(encoder.normalised);
    }
    Ok(Source { opened, modules })
}

/// The most tokens of a text.
fn max_len(source: &Source, config: &Config) -> usize {
    let spec = &source.opened.spec;
    let positions = spec.embedding.positions.map(|(rows, first)| rows.saturating_sub(first));
    let most = positions.unwrap_or(spec.context).min(spec.context);
    let wanted = config.max_len.or(source.modules.max_len);
    wanted.unwrap_or(most).min(most)
}

pub(super) fn need(source: &Source, config: &Config) -> Need {
    let rows = rows_at_once(config.threads.max(1), config.rows, max_len(source, config));
    let row = pass::row(&source.opened.spec) as u64;
    let scratch = (rows as u64).saturating_mul(4).saturating_mul(row);
    Need { weights: source.opened.weights.total_bytes(), cache: 0, scratch }
}

pub(super) fn encoder(source: &Source, config: &Config) -> Result<Encoder, Error> {
    let (opened, path) = (&source.opened, source.opened.weights.path());
    let spec = opened.spec.clone();
    if let Some(reason) = weights::unsupported(&spec) {
        return Err(Error::unsupported(path, reason));
    }
    memory::check(need(source, config), memory::available())?;
    let tokenizer = tokenizer(source)?;
    let (framing, max_len) = (Framing::find(&tokenizer)?, max_len(source, config));
    if max_len <= framing.ends() {
        return Err(Error::input(format!(
            "{max_len} tokens a text, of which {} are its ends",
            framing.ends()
        )));
    }
    let pool = Pool::new(config.threads);
    let rotation = spec.rope.as_ref().map(|rope| Rotation::new(rope, spec.context, None));
    let buffers = || Mutex::new(Buffers::new(rotation.clone()));
    Ok(Encoder {
        weights: weights::load(opened, &pool, config.level)?,
        heads: heads(&spec),
        tokenizer,
        framing,
        lowercase: source.modules.lowercase,
        max_len,
        too_long: config.too_long,
        rows: config.rows.max(1),
        level: config.level,
        buffers: (0..pool.threads()).map(|_| buffers()).collect(),
        pool,
        spec,
    })
}

fn tokenizer(source: &Source) -> Result<Tokenizer, Error> {
    let weights = &source.opened.weights;
    if weights.format() == Format::Gguf {
        return Ok(Tokenizer::from_gguf(&GgufVocabulary::read(weights.metadata()))?);
    }
    // Of older encoders the tokenizer lies beside the modules.
    let path = weights.path();
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    Ok(Tokenizer::from_file(&folder.join("tokenizer.json"))?)
}

fn heads(spec: &Spec) -> Heads {
    let attention = &spec.attention;
    Heads {
        queries: attention.heads,
        keys: attention.kv_heads,
        key_dim: attention.key_dim,
        value_dim: attention.value_dim,
        scale: attention.scale as f32,
        soft_cap: attention.softcap.map(|cap| cap as f32),
        causal: false,
        window: None,
    }
}
