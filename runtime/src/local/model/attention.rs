//! Attention: from queries, keys and values of any origin to vectors.

use candle_core::{D, Tensor};

use super::ops::{Rotation, cap, mask, softmax};
use super::weights::At;
use crate::local::Error;
use crate::local::arch::{Attention, Mla, Role, Spec};

/// Keys and values of a layer: `[heads, positions, width]`.
pub(super) type Keys = (Tensor, Tensor);

/// Where in the sequence and how.
pub(super) struct Place<'a> {
    /// How many positions came before.
    pub(super) start: usize,
    pub(super) window: Option<usize>,
    pub(super) rotation: Option<&'a Rotation>,
}

/// What each position takes from those that it sees: `[positions, hidden]`.
pub(super) fn attention(
    spec: &Spec,
    at: At<'_>,
    x: &Tensor,
    cache: &mut Option<Keys>,
    place: &Place<'_>,
) -> Result<Tensor, Error> {
    let attention = &spec.attention;
    let (queries, keys, values) = match &attention.mla {
        Some(mla) => latent(spec, mla, at, x, place)?,
        None => projected(spec, at, x, place)?,
    };
    let (keys, values) = match cache.take() {
        Some(seen) => (Tensor::cat(&[&seen.0, &keys], 1)?, Tensor::cat(&[&seen.1, &values], 1)?),
        None => (keys, values),
    };
    let taken = taken(attention, &queries, (&keys, &values), place)?;
    *cache = Some((keys, values));
    at.linear(&taken, Role::AttentionOut)
}

/// The sums of values, weighted by scores: `[positions, heads * width]`. Query heads that share keys lie side by side.
fn taken(
    attention: &Attention,
    queries: &Tensor,
    (keys, values): (&Tensor, &Tensor),
    place: &Place<'_>,
) -> Result<Tensor, Error> {
    let (heads, len, width) = queries.dims3()?;
    let (kv_heads, seen, value_width) = values.dims3()?;
    let queries = queries.contiguous()?.reshape((kv_heads, heads / kv_heads * len, width))?;
    let scores = (queries.matmul(&keys.transpose(1, 2)?.contiguous()?)? * attention.scale)?;
    let mut scores = cap(&scores, attention.softcap)?.reshape((heads, len, seen))?;
    if attention.causal {
        scores = scores.broadcast_add(&mask(place.start, len, place.window, queries.device())?)?;
    }
    let weights = softmax(&scores)?.reshape((kv_heads, heads / kv_heads * len, seen))?;
    let sums = weights.matmul(&values.contiguous()?)?.reshape((heads, len, value_width))?;
    Ok(sums.transpose(0, 1)?.contiguous()?.flatten(1, 2)?)
}

/// Queries, keys and values by one projection each, normalised and turned.
fn projected(
    spec: &Spec,
    at: At<'_>,
    x: &Tensor,
    place: &Place<'_>,
) -> Result<(Tensor, Tensor, Tensor), Error> {
    let attention = &spec.attention;
    let (queries, keys, values) = if attention.fused {
        let all = at.linear(x, Role::QueryKeyValue)?;
        let queries = attention.heads * attention.key_dim;
        let keys = attention.kv_heads * attention.key_dim;
        let values = attention.kv_heads * attention.value_dim;
        (all.narrow(1, 0, queries)?, all.narrow(1, queries, keys)?, all.narrow(1, queries + keys, values)?)
    } else {
        (at.linear(x, Role::Query)?, at.linear(x, Role::Key)?, at.linear(x, Role::Value)?)
    };
    let mut queries = in_heads(&queries, attention.heads)?;
    let mut keys = in_heads(&keys, attention.kv_heads)?;
    if attention.qk_norm {
        queries = at.rms_norm(&queries, Role::QueryNorm, &spec.norm)?;
        keys = at.rms_norm(&keys, Role::KeyNorm, &spec.norm)?;
    }
    if let Some(rotation) = place.rotation {
        (queries, keys) = (rotation.turn(&queries)?, rotation.turn(&keys)?);
    }
    Ok((queries, keys, in_heads(&values, attention.kv_heads)?))
}

/// `[positions, heads * width]` to `[heads, positions, width]`.
fn in_heads(x: &Tensor, heads: usize) -> Result<Tensor, Error> {
    let (len, width) = x.dims2()?;
    Ok(x.reshape((len, heads, width / heads))?.transpose(0, 1)?.contiguous()?)
}

/// Queries, keys and values of multi-head latent attention. A head is a part that is not turned, its own, and a part
/// that is, whose keys all heads share. Keys and values are made anew from the latent vector for every head; the
/// cache holds them so, which is clear but large.
fn latent(
    spec: &Spec,
    mla: &Mla,
    at: At<'_>,
    x: &Tensor,
    place: &Place<'_>,
) -> Result<(Tensor, Tensor, Tensor), Error> {
    let heads = spec.attention.heads;
    let queries = if mla.q_lora.is_some() {
        let narrow = at.rms_norm(&at.linear(x, Role::QueryDown)?, Role::QueryDownNorm, &spec.norm)?;
        at.linear(&narrow, Role::QueryUp)?
    } else {
        at.linear(x, Role::Query)?
    };
    let queries = in_heads(&queries, heads)?;
    let down = at.linear(x, Role::LatentDown)?;
    let latent = at.rms_norm(&down.narrow(1, 0, mla.kv_lora)?, Role::LatentNorm, &spec.norm)?;
    let shared = down.narrow(1, mla.kv_lora, mla.rope)?.unsqueeze(0)?;
    let (own, values) = from_latent(mla, heads, at, &latent)?;
    let own_queries = queries.narrow(2, 0, mla.nope)?;
    let turned = |x: &Tensor| place.rotation.map_or_else(|| Ok(x.clone()), |rotation| rotation.turn(x));
    let turned_queries = turned(&queries.narrow(2, mla.nope, mla.rope)?)?;
    let turned_keys = turned(&shared)?.broadcast_as((heads, x.dim(0)?, mla.rope))?;
    let queries = Tensor::cat(&[own_queries, turned_queries], D::Minus1)?;
    let keys = Tensor::cat(&[own, turned_keys.contiguous()?], D::Minus1)?;
    Ok((queries, keys, values))
}

/// The parts of keys that are not turned, and values: `[heads, positions, width]`.
fn from_latent(mla: &Mla, heads: usize, at: At<'_>, latent: &Tensor) -> Result<(Tensor, Tensor), Error> {
    if mla.split {
        let latent = latent.unsqueeze(0)?.broadcast_as((heads, latent.dim(0)?, mla.kv_lora))?.contiguous()?;
        let keys = latent.matmul(at.tensor(Role::LatentKey)?)?;
        let values = latent.matmul(&at.tensor(Role::LatentValue)?.transpose(1, 2)?.contiguous()?)?;
        return Ok((keys, values));
    }
    let both = in_heads(&at.linear(latent, Role::LatentUp)?, heads)?;
    Ok((both.narrow(2, 0, mla.nope)?, both.narrow(2, mla.nope, mla.value)?.contiguous()?))
}
