//! The weights of an encoder in memory: layers packed as kernels read them, tables of vectors as their files have them.

use crate::local::Error;
use crate::local::arch::{Activation, NormKind, Opened, Placement, Role, Spec};
use crate::local::dtype::Dtype;
use crate::local::engine::weights::{Attention, Dense, Feed, Layer, Linear, Loader, Norm, Projected};
use crate::local::file::blocks::dequantize;
use crate::local::kernels::{self, Finish, Level};
use crate::local::pool::Pool;

pub(super) struct Weights {
    pub(super) embed: Table,
    /// Rows of f32.
    pub(super) positions: Option<Vec<f32>>,
    pub(super) segments: Option<Vec<f32>>,
    pub(super) embed_norm: Norm,
    pub(super) layers: Vec<Block>,
    /// Of a reranker: dense, tanh, scores.
    pub(super) classifier: Option<[Linear; 2]>,
}

/// A layer.
pub(super) struct Block {
    pub(super) attention: Projected,
    pub(super) attention_out: Linear,
    pub(super) attention_norm: Norm,
    pub(super) feed: Dense,
    pub(super) feed_norm: Norm,
}

/// Vectors by number. They are looked up one by one, so that they stay as they are in their file.
pub(super) struct Table {
    dtype: Dtype,
    row: usize,
    bytes: Vec<u8>,
}

impl Table {
    /// Whether there is such a row of this length.
    pub(super) fn get(&self, index: usize, out: &mut [f32]) -> bool {
        let bytes = self.bytes.get(index * self.row..(index + 1) * self.row);
        bytes.is_some_and(|bytes| dequantize(self.dtype, bytes, out).is_ok())
    }
}

/// Why this model cannot be run here, if it cannot.
pub(super) fn unsupported(spec: &Spec) -> Option<String> {
    let attention = &spec.attention;
    if spec.encoder.is_none() || attention.causal {
        return Some("a decoder: its last vectors are not given out here".to_owned());
    }
    let layers = spec.layers.iter().any(|layer| layer.window.is_some() || layer.local || layer.experts);
    if layers || attention.mla.is_some() || attention.qk_norm || spec.moe.is_some() {
        return Some("an encoder with windows, experts, latent keys or norms of queries".to_owned());
    }
    if spec.placement != Placement::Post || spec.norm.kind != NormKind::Layer || !spec.embedding.norm {
        return Some("an encoder whose norms do not follow its sums".to_owned());
    }
    if !attention.value_dim.is_multiple_of(16) {
        return Some(format!("values of {} numbers, which is no multiple of 16", attention.value_dim));
    }
    None
}

pub(super) fn load(opened: &Opened, pool: &Pool, level: Level) -> Result<Weights, Error> {
    let (spec, loader) = (&opened.spec, Loader::new(opened, pool, level));
    let top = loader.at(0);
    let rows = |has: bool, role: Role| has.then(|| top.numbers(role)).transpose();
    let layers = (0..spec.layers.len()).map(|index| block(loader.at(index).layer()?));
    let classifier = spec.encoder.and_then(|encoder| encoder.labels);
    let classifier = classifier.map(|_| -> Result<_, Error> {
        Ok([top.linear(Role::ClassifierDense)?, top.linear(Role::Classifier)?])
    });
    let weights = Weights {
        embed: top.taken(Role::Embed, |view| {
            let row = view.dtype.bytes(spec.hidden).unwrap_or_default();
            Ok(Table { dtype: view.dtype, row, bytes: view.bytes.to_vec() })
        })?,
        positions: rows(spec.embedding.positions.is_some(), Role::Positions)?,
        segments: rows(spec.embedding.segments.is_some(), Role::Segments)?,
        embed_norm: top.norm(Role::EmbedNorm)?,
        layers: layers.collect::<Result<_, _>>()?,
        classifier: classifier.transpose()?,
    };
    opened.weights.check()?;
    Ok(weights)
}

/// What [`unsupported`] refuses cannot come here.
fn block(layer: Layer) -> Result<Block, Error> {
    let Layer { attention, attention_out, attention_norms, feed, feed_norms, .. } = layer;
    let (Attention::Projected(attention), Feed::Dense(feed)) = (attention, feed) else {
        return Err(Error::input("a layer of a decoder"));
    };
    let (Some(attention_norm), Some(feed_norm)) = (attention_norms.sum, feed_norms.sum) else {
        return Err(Error::input("a layer without norms of its sums"));
    };
    Ok(Block { attention: *attention, attention_out, attention_norm, feed: *feed, feed_norm })
}

/// A product as kernels take it.
pub(super) fn dense(linear: &Linear, finish: Finish) -> kernels::Dense<'_> {
    kernels::Dense { matrix: &linear.matrix, bias: linear.bias.as_deref(), finish }
}

pub(super) fn finish(activation: Activation) -> Finish {
    match activation {
        Activation::Silu => Finish::Silu,
        Activation::Gelu => Finish::Gelu,
        Activation::GeluTanh => Finish::GeluTanh,
        Activation::Relu => Finish::Relu,
    }
}
