//! Arithmetic that candle's core has no one function for: norms, softmax, caps, rotation, masks.

use std::ops::Range;

use candle_core::{D, DType, Device, Tensor};

use crate::local::Error;
use crate::local::arch::{Rope, RopeKind};

pub(super) fn rms_norm(x: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor, Error> {
    let root = (x.sqr()?.mean_keepdim(D::Minus1)? + eps)?.sqrt()?;
    Ok(x.broadcast_div(&root)?.broadcast_mul(weight)?)
}

pub(super) fn layer_norm(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<Tensor, Error> {
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let normed = rms_norm(&centred, weight, eps)?;
    Ok(match bias {
        Some(bias) => normed.broadcast_add(bias)?,
        None => normed,
    })
}

/// Over the last dimension.
pub(super) fn softmax(x: &Tensor) -> Result<Tensor, Error> {
    let raised = x.broadcast_sub(&x.max_keepdim(D::Minus1)?)?.exp()?;
    Ok(raised.broadcast_div(&raised.sum_keepdim(D::Minus1)?)?)
}

/// `cap * tanh(x / cap)`.
pub(super) fn cap(x: &Tensor, cap: Option<f64>) -> Result<Tensor, Error> {
    let Some(cap) = cap else { return Ok(x.clone()) };
    Ok(((x / cap)?.tanh()? * cap)?)
}

/// What is added to the scores of `len` queries from `start` for `start + len` keys: nothing where a query sees a key,
/// minus infinity elsewhere.
pub(super) fn mask(
    start: usize,
    len: usize,
    window: Option<usize>,
    device: &Device,
) -> Result<Tensor, Error> {
    let keys = start + len;
    let window = window.unwrap_or(usize::MAX);
    let seen = |query: usize, key: usize| key <= query && query - key < window;
    let of = |query: usize| (0..keys).map(move |key| if seen(query, key) { 0.0 } else { f32::NEG_INFINITY });
    let mask: Vec<f32> = (start..keys).flat_map(of).collect();
    Ok(Tensor::from_vec(mask, (len, keys), device)?)
}

/// How the heads of some positions are turned.
pub(super) struct Rotation {
    kind: RopeKind,
    dim: usize,
    /// `[positions, dim / 2]`, times the magnitude.
    cos: Tensor,
    sin: Tensor,
}

impl Rotation {
    pub(super) fn new(
        rope: &Rope,
        frequencies: &[f32],
        positions: Range<usize>,
        device: &Device,
    ) -> Result<Self, Error> {
        let shape = (positions.len(), frequencies.len());
        let angle = |position: usize| frequencies.iter().map(move |frequency| position as f32 * frequency);
        let angles: Vec<f32> = positions.flat_map(angle).collect();
        let table = |of: fn(f64) -> f64| {
            let turned = |angle: &f32| (of(f64::from(*angle)) * rope.magnitude()) as f32;
            Tensor::from_vec(angles.iter().map(turned).collect(), shape, device)
        };
        Ok(Self { kind: rope.kind, dim: rope.dim, cos: table(f64::cos)?, sin: table(f64::sin)? })
    }

    /// `x [heads, positions, width]`, its first numbers turned.
    pub(super) fn turn(&self, x: &Tensor) -> Result<Tensor, Error> {
        let (heads, positions, width) = x.dims3()?;
        let part = x.narrow(2, 0, self.dim)?;
        let (a, b) = match self.kind {
            RopeKind::Half => (part.narrow(2, 0, self.dim / 2)?, part.narrow(2, self.dim / 2, self.dim / 2)?),
            RopeKind::Adjacent => {
                let pairs = part.reshape((heads, positions, self.dim / 2, 2))?;
                (pairs.narrow(3, 0, 1)?.squeeze(3)?, pairs.narrow(3, 1, 1)?.squeeze(3)?)
            }
        };
        let (a, b) = (
            (a.broadcast_mul(&self.cos)? - b.broadcast_mul(&self.sin)?)?,
            (a.broadcast_mul(&self.sin)? + b.broadcast_mul(&self.cos)?)?,
        );
        let turned = match self.kind {
            RopeKind::Half => Tensor::cat(&[a, b], 2)?,
            RopeKind::Adjacent => Tensor::stack(&[a, b], 3)?.flatten(2, 3)?,
        };
        if self.dim == width {
            return Ok(turned);
        }
        Ok(Tensor::cat(&[turned, x.narrow(2, self.dim, width - self.dim)?], 2)?)
    }
}

/// Numbers on this machine.
pub(super) fn rows(x: &Tensor) -> Result<Vec<Vec<f32>>, Error> {
    Ok(x.to_dtype(DType::F32)?.to_vec2()?)
}
