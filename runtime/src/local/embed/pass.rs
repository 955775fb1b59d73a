//! The forward pass: rows of all tokens of some texts, beside each other and without padding, through all layers.

use super::framing::Framed;
use super::weights::{Block, Weights, dense, finish};
use crate::local::Error;
use crate::local::arch::Spec;
use crate::local::engine::rotation::Rotation;
use crate::local::engine::weights::Norm;
use crate::local::kernels::attention::Heads;
use crate::local::kernels::{self, Activations, Finish, Level, Span, attend_all, each_row, math};
use crate::local::pool::Pool;

/// What a pass needs to know.
#[derive(Clone, Copy)]
pub(super) struct Pass<'a> {
    pub(super) pool: &'a Pool,
    pub(super) level: Level,
    pub(super) spec: &'a Spec,
    pub(super) heads: &'a Heads,
    pub(super) weights: &'a Weights,
}

/// Kept from pass to pass; they grow to what one needs.
#[derive(Default)]
pub(super) struct Buffers {
    x: Vec<f32>,
    y: Vec<f32>,
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
    gate: Vec<f32>,
    up: Vec<f32>,
    inputs: Activations,
    rotation: Option<Rotation>,
    spans: Vec<Span>,
}

impl Buffers {
    pub(super) fn new(rotation: Option<Rotation>) -> Self {
        Self { rotation, ..Self::default() }
    }
}

/// Numbers of a row in all buffers.
pub(super) fn row(spec: &Spec) -> usize {
    let attention = &spec.attention;
    let keys = attention.kv_heads * (attention.key_dim + attention.value_dim);
    let queries = attention.heads * (attention.key_dim + attention.value_dim);
    3 * spec.hidden + queries + keys + 3 * spec.mlp.width
}

/// The first `len` numbers of a buffer.
fn part(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    &mut buffer[..len]
}

/// Runs texts, none of them empty, and calls `each(text, vectors)` for each in turn.
pub(super) fn run(
    pass: Pass<'_>,
    buffers: &mut Buffers,
    texts: &[&Framed],
    mut each: impl FnMut(usize, &[f32]),
) -> Result<(), Error> {
    let hidden = pass.spec.hidden;
    let mut row = 0;
    buffers.spans.clear();
    buffers.rotation.iter_mut().for_each(Rotation::clear);
    for text in texts {
        let rows = text.tokens.len();
        buffers.spans.push(Span { row, rows });
        buffers.rotation.iter_mut().for_each(|rotation| (0..rows).for_each(|at| rotation.push(at)));
        row += rows;
    }
    embed(pass, texts, &buffers.spans, part(&mut buffers.x, row * hidden))?;
    for layer in &pass.weights.layers {
        attention(pass, layer, row, buffers)?;
        feed(pass, layer, row, buffers)?;
    }
    for (at, span) in buffers.spans.iter().enumerate() {
        each(at, &buffers.x[span.row * hidden..][..span.rows * hidden]);
    }
    Ok(())
}

fn embed(pass: Pass<'_>, texts: &[&Framed], spans: &[Span], x: &mut [f32]) -> Result<(), Error> {
    let Pass { level, spec, weights, .. } = pass;
    let (hidden, first) = (spec.hidden, spec.embedding.positions.map_or(0, |(_, first)| first));
    let nth = |table: &Option<Vec<f32>>, at: usize, x: &mut [f32]| {
        let row = table.as_ref().and_then(|table| table.get(at * hidden..(at + 1) * hidden));
        row.into_iter().for_each(|row| math::add(level, x, row));
    };
    // Tokens, positions and parts were looked at before, so that no row is missing.
    each_row(pass.pool, hidden, x, |row, x| {
        let text = spans.partition_point(|span| span.row <= row) - 1;
        let (text, at) = (texts[text], row - spans[text].row);
        weights.embed.get(text.tokens[at] as usize, x);
        if spec.embedding.scale != 1.0 {
            math::scale(level, x, spec.embedding.scale as f32);
        }
        nth(&weights.positions, first + at, x);
        nth(&weights.segments, text.segments.get(at).map_or(0, |part| *part as usize), x);
        let Norm { weight, bias, eps, .. } = &weights.embed_norm;
        math::add_layer_norm(level, x, &[], weight, bias, *eps);
    })?;
    Ok(())
}

fn attention(pass: Pass<'_>, layer: &Block, rows: usize, buffers: &mut Buffers) -> Result<(), Error> {
    let Pass { pool, level, heads, .. } = pass;
    let hidden = pass.spec.hidden;
    let Buffers { x, y, queries, keys, values, up, inputs, rotation, spans, .. } = buffers;
    let x = &mut x[..rows * hidden];
    let queries = part(queries, rows * heads.queries * heads.key_dim);
    let keys = part(keys, rows * heads.keys * heads.key_dim);
    let values = part(values, rows * heads.keys * heads.value_dim);
    let plain = |linear| dense(linear, Finish::Plain);
    let projected = &layer.attention;
    let products = [
        (plain(&projected.query), &mut *queries),
        (plain(&projected.key), &mut *keys),
        (plain(&projected.value), &mut *values),
    ];
    kernels::dense(pool, inputs, x, products)?;
    if let Some(rotation) = rotation {
        for (count, x) in [(heads.queries, &mut *queries), (heads.keys, &mut *keys)] {
            each_row(pool, count * heads.key_dim, x, |row, x| {
                x.chunks_exact_mut(heads.key_dim).for_each(|head| rotation.turn(level, row, head));
            })?;
        }
    }
    let attended = part(up, rows * heads.queries * heads.value_dim);
    attend_all(pool, level, heads, spans, [queries, keys, values], attended)?;
    let y = part(y, x.len());
    kernels::dense(pool, inputs, attended, [(plain(&layer.attention_out), &mut *y)])?;
    add(pass, &layer.attention_norm, x, y)
}

fn feed(pass: Pass<'_>, layer: &Block, rows: usize, buffers: &mut Buffers) -> Result<(), Error> {
    let Pass { pool, level, .. } = pass;
    let Buffers { x, y, gate, up, inputs, .. } = buffers;
    let (x, feed) = (&mut x[..rows * pass.spec.hidden], &layer.feed);
    let (width, activation) = (feed.up.matrix.rows(), finish(feed.activation));
    let up = part(up, rows * width);
    let inner = match &feed.gate {
        None => {
            kernels::dense(pool, inputs, x, [(dense(&feed.up, activation), &mut *up)])?;
            up
        }
        Some(linear) => {
            let gate = part(gate, rows * width);
            let products =
                [(dense(linear, activation), &mut *gate), (dense(&feed.up, Finish::Plain), &mut *up)];
            kernels::dense(pool, inputs, x, products)?;
            each_row(pool, width, gate, |row, gate| math::mul(level, gate, &up[row * width..][..width]))?;
            gate
        }
    };
    let y = part(y, x.len());
    kernels::dense(pool, inputs, inner, [(dense(&feed.down, Finish::Plain), &mut *y)])?;
    add(pass, &layer.feed_norm, x, y)
}

/// Adds what a part of a layer says, and normalises the sum.
fn add(pass: Pass<'_>, norm: &Norm, x: &mut [f32], y: &[f32]) -> Result<(), Error> {
    let hidden = pass.spec.hidden;
    each_row(pass.pool, hidden, x, |row, x| {
        let y = &y[row * hidden..][..hidden];
        math::add_layer_norm(pass.level, x, y, &norm.weight, &norm.bias, norm.eps);
    })?;
    Ok(())
}
