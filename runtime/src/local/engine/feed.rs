//! The feed-forward part.

use super::experts;
use super::pass::{Pass, linear, linears, normed};
use super::scratch::{Buffers, part};
use super::weights::{Dense, Feed, Layer};
use crate::local::Error;
use crate::local::arch::Activation;
use crate::local::kernels::{Activations, Kinds, math};

/// What it says of all rows of `x`, into `buffers.y`.
pub(super) fn feed(pass: Pass<'_>, layer: &Layer, x: &[f32], buffers: &mut Buffers) -> Result<(), Error> {
    let norm = layer.feed_norms.before.as_ref();
    match &layer.feed {
        Feed::Dense(feed) => {
            normed(pass, norm, feed.kinds(), x, &mut buffers.inputs)?;
            let Buffers { inputs, gate, up, y, .. } = buffers;
            inner(pass, feed, inputs, gate, up)?;
            outer(pass, feed, inputs, [gate, up], part(y, x.len()))
        }
        Feed::Experts(experts) => experts::feed(pass, experts, norm, x, buffers),
    }
}

impl Dense {
    /// What its first products need.
    pub(super) fn kinds(&self) -> Kinds {
        let gate = self.gate.as_ref().map(|gate| &gate.matrix);
        Kinds::all(gate.into_iter().chain([&self.up.matrix]))
    }
}

/// The first products.
pub(super) fn inner(
    pass: Pass<'_>,
    feed: &Dense,
    inputs: &Activations,
    gate: &mut Vec<f32>,
    up: &mut Vec<f32>,
) -> Result<(), Error> {
    let len = inputs.rows() * feed.up.matrix.rows();
    let up = part(up, len);
    match &feed.gate {
        Some(linear) => linears(pass, inputs, [(linear, part(gate, len)), (&feed.up, up)]),
        None => linear(pass, &feed.up, inputs, up),
    }
}

/// What stands between, into `inputs`, and the last product.
pub(super) fn outer(
    pass: Pass<'_>,
    feed: &Dense,
    inputs: &mut Activations,
    [gate, up]: [&[f32]; 2],
    out: &mut [f32],
) -> Result<(), Error> {
    let (rows, cols) = (inputs.rows(), feed.up.matrix.rows());
    let (pool, level, kinds) = (pass.pool, pass.level, Kinds::all([&feed.down.matrix]));
    let up = &up[..rows * cols];
    let of = |row: usize| row * cols..(row + 1) * cols;
    let shape = [rows, cols];
    if feed.gate.is_none() {
        inputs.fill_with(pool, level, kinds, shape, |row, into| {
            into.copy_from_slice(&up[of(row)]);
            activate(pass, feed.activation, into);
        })?;
    } else {
        let gate = &gate[..rows * cols];
        match feed.activation {
            Activation::Silu => inputs.fill_silu_mul(pool, level, kinds, cols, [gate, up])?,
            Activation::GeluTanh => inputs.fill_with(pool, level, kinds, shape, |row, into| {
                math::gelu_tanh_mul(level, &gate[of(row)], &up[of(row)], into);
            })?,
            Activation::Gelu | Activation::Relu => {
                inputs.fill_with(pool, level, kinds, shape, |row, into| {
                    into.copy_from_slice(&gate[of(row)]);
                    activate(pass, feed.activation, into);
                    math::mul(level, into, &up[of(row)]);
                })?
            }
        }
    }
    linear(pass, &feed.down, inputs, out)
}

fn activate(pass: Pass<'_>, activation: Activation, x: &mut [f32]) {
    match activation {
        Activation::Silu => math::silu(pass.level, x),
        Activation::Gelu => math::gelu(pass.level, x),
        Activation::GeluTanh => math::gelu_tanh(pass.level, x),
        Activation::Relu => x.iter_mut().for_each(|x| *x = x.max(0.0)),
    }
}
