//! The reference executor: any model of `arch`, in f32, on any device of candle, written to be read and not to be fast.
//! It is what the engine on kernels is compared with, and the way onto devices that the engine has no kernels for.
//!
//! One sequence, no batch. `forward` and its [`Cache`] are for decoders, `encode`, `embed` and `classify` for encoders.
//! Each concept is one function: `attention`, `mlp`, `experts` with `route`, `ops` (norms, rotation, softmax).

mod attention;
mod encoder;
mod experts;
mod mlp;
mod ops;
mod weights;

use candle_core::D;
pub use candle_core::{Device, Tensor};

pub use encoder::{classify, embed, encode};
pub use experts::route;

use super::Error;
use super::arch::{Layer, Opened, Placement, Role, Spec, Wanted};
use super::file::blocks::{BadLength, dequantize};
use attention::Keys;
use ops::{Rotation, cap};
use weights::{At, Weights};

/// A model in memory.
pub struct Model {
    spec: Spec,
    weights: Weights,
    context: usize,
    /// Angles of all layers, and of those with a window of their own.
    frequencies: [Option<Vec<f32>>; 2],
}

/// Keys and values of the positions that a model has seen.
pub struct Cache {
    layers: Vec<Option<Keys>>,
    len: usize,
}

impl Cache {
    /// Of a sequence that has not begun.
    pub fn new(model: &Model) -> Self {
        Self { layers: vec![None; model.spec.layers.len()], len: 0 }
    }

    /// The first `len` positions, which share their memory with these.
    ///
    /// # Errors
    /// When there are not so many, or the device fails.
    pub fn first(&self, len: usize) -> Result<Self, Error> {
        let narrow = |(keys, values): &Keys| Ok((keys.narrow(1, 0, len)?, values.narrow(1, 0, len)?));
        let first = |keys: &Option<Keys>| match keys {
            Some(_) if len == 0 => Ok(None),
            Some(keys) => narrow(keys).map(Some),
            None => Ok(None),
        };
        Ok(Self { layers: self.layers.iter().map(first).collect::<Result<_, Error>>()?, len })
    }

    /// How many positions it holds.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Of which positions logits are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logits {
    /// Of all that are given.
    All,
    /// Of the last one.
    Last,
}

/// The model of opened files on `device`, for runs of up to `context` positions, its numbers all in f32.
pub fn open(opened: &Opened, context: usize, device: &Device) -> Result<Model, Error> {
    load(opened.spec.clone(), &opened.tensors, context, device, |one| {
        let view = opened.weights.shaped(&one.name, &one.shape)?;
        let mut numbers = vec![0.0; one.shape.iter().product()];
        let wrong =
            |error: BadLength| Error::malformed(opened.weights.path(), format!("{}: {error}", one.name));
        dequantize(view.dtype, view.bytes, &mut numbers).map_err(wrong)?;
        Ok(numbers)
    })
}

/// The model of `spec` on `device`, for runs of up to `context` positions. `numbers` gives a tensor of the files in f32;
/// `wanted` is what `arch::tensors` found to be there.
pub fn load(
    spec: Spec,
    wanted: &[Wanted],
    context: usize,
    device: &Device,
    mut numbers: impl FnMut(&Wanted) -> Result<Vec<f32>, Error>,
) -> Result<Model, Error> {
    let weights = Weights::load(wanted, device, &mut numbers)?;
    let mut frequencies = [None, None];
    for (rope, frequencies) in [&spec.rope, &spec.local_rope].into_iter().zip(&mut frequencies) {
        let Some(rope) = rope else { continue };
        let divisors = rope.tensor(context).map(|role| weights.at(0).numbers(role)).transpose()?;
        *frequencies = Some(rope.frequencies(context, divisors.as_deref()));
    }
    Ok(Model { spec, weights, context, frequencies })
}

impl Model {
    /// What it is made of.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// How the vectors of `len` positions from `start` are turned: in all layers, and in local ones.
    fn rotations(&self, start: usize, len: usize) -> Result<[Option<Rotation>; 2], Error> {
        let ropes = [&self.spec.rope, &self.spec.local_rope];
        let mut rotations = [None, None];
        for ((rope, frequencies), rotation) in ropes.into_iter().zip(&self.frequencies).zip(&mut rotations) {
            if let (Some(rope), Some(frequencies)) = (rope, frequencies) {
                *rotation =
                    Some(Rotation::new(rope, frequencies, start..start + len, self.weights.device())?);
            }
        }
        Ok(rotations)
    }
}

/// The logits of `tokens`, which follow those in `cache`: `[positions, vocabulary]`. On an error the cache holds part
/// of a step and must be dropped.
pub fn forward(model: &Model, cache: &mut Cache, tokens: &[u32], logits: Logits) -> Result<Tensor, Error> {
    let Some(output) = &model.spec.output else { return Err(Error::input("an encoder has no logits")) };
    if cache.len.saturating_add(tokens.len()) > model.context {
        let reason = format!("{} + {} tokens in a context of {}", cache.len, tokens.len(), model.context);
        return Err(Error::input(reason));
    }
    let mut x = embedded(model, tokens)?;
    let rotations = model.rotations(cache.len, tokens.len())?;
    for (at, keys) in cache.layers.iter_mut().enumerate() {
        x = layer(model, at, &x, keys, (cache.len, &rotations))?;
    }
    cache.len += tokens.len();
    if logits == Logits::Last {
        x = x.narrow(0, tokens.len() - 1, 1)?;
    }
    let at = model.weights.at(0);
    let x = at.norm(&x, Role::OutputNorm, &model.spec.norm)?;
    let role = if output.tied { Role::Embed } else { Role::Output };
    let found = (at.linear(&x, role)? * output.scale)?;
    cap(&found, output.softcap)
}

/// The vectors of tokens, scaled.
fn embedded(model: &Model, tokens: &[u32]) -> Result<Tensor, Error> {
    if tokens.is_empty() {
        return Err(Error::input("no tokens"));
    }
    if let Some(id) = tokens.iter().find(|id| **id as usize >= model.spec.vocab) {
        return Err(Error::input(format!("token {id} in a vocabulary of {}", model.spec.vocab)));
    }
    let x = model.weights.at(0).rows(Role::Embed, tokens)?;
    Ok((x * model.spec.embedding.scale)?)
}

/// One layer. `position`: how many positions came before, and how vectors are turned.
fn layer(
    model: &Model,
    at: usize,
    x: &Tensor,
    keys: &mut Option<Keys>,
    (start, rotations): (usize, &[Option<Rotation>; 2]),
) -> Result<Tensor, Error> {
    let spec = &model.spec;
    let kind = spec.layers.get(at).copied().unwrap_or_default();
    let at = model.weights.at(at);
    let rotation = if kind.local { &rotations[1] } else { &rotations[0] };
    let place = attention::Place { start, window: kind.window, rotation: rotation.as_ref() };
    let attend = |x: &Tensor, keys: &mut Option<Keys>| attention::attention(spec, at, x, keys, &place);
    match spec.placement {
        Placement::Pre => {
            let x = (x + attend(&at.norm(x, Role::AttentionNorm, &spec.norm)?, keys)?)?;
            let normed = at.norm(&x, Role::MlpNorm, &spec.norm)?;
            Ok((&x + feed_forward(spec, at, kind, &normed)?)?)
        }
        Placement::Sandwich => {
            let attended = attend(&at.norm(x, Role::AttentionNorm, &spec.norm)?, keys)?;
            let x = (x + at.norm(&attended, Role::AttentionPostNorm, &spec.norm)?)?;
            let normed = at.norm(&x, Role::MlpNorm, &spec.norm)?;
            let fed = feed_forward(spec, at, kind, &normed)?;
            Ok((&x + at.norm(&fed, Role::MlpPostNorm, &spec.norm)?)?)
        }
        Placement::Post => {
            let x = at.norm(&(x + attend(x, keys)?)?, Role::AttentionSumNorm, &spec.norm)?;
            let fed = feed_forward(spec, at, kind, &x)?;
            at.norm(&(&x + fed)?, Role::MlpSumNorm, &spec.norm)
        }
    }
}

fn feed_forward(spec: &Spec, at: At<'_>, kind: Layer, x: &Tensor) -> Result<Tensor, Error> {
    match spec.moe.as_ref().filter(|_| kind.experts) {
        Some(moe) => experts::experts(spec, moe, at, x),
        None => mlp::mlp(&spec.mlp, at, x),
    }
}

/// The index of the largest logit of each row; the first of equal ones.
pub fn best(logits: &Tensor) -> Result<Vec<u32>, Error> {
    Ok(logits.argmax(D::Minus1)?.to_vec1()?)
}
