//! A step, pass by pass: which rows, through which layers, and which of them have logits at last.

use super::cache::Store;
use super::rotation::Rotation;
use super::scratch::{Buffers, Scratch, part};
use super::weights::{Layer, Linear, Norm, Norms, Weights};
use super::{Engine, Item, Logits, attention, feed};
use crate::local::Error;
use crate::local::arch::{NormKind, Spec};
use crate::local::kernels::attention::{Heads, Sequence};
use crate::local::kernels::{Activations, Kinds, Level, Matrix, each_row, math, matmul, matmul_many};
use crate::local::pool::Pool;

/// What all parts of a pass need to know.
#[derive(Clone, Copy)]
pub(super) struct Pass<'a> {
    pub(super) pool: &'a Pool,
    pub(super) level: Level,
    pub(super) spec: &'a Spec,
    pub(super) heads: Heads,
    pub(super) rotations: &'a [Option<Rotation>; 2],
}

/// Where a step is: an item and how many of its tokens were run.
#[derive(Clone, Copy, Default)]
struct Cursor {
    item: usize,
    done: usize,
}

pub(super) fn step(engine: &mut Engine, items: &[Item<'_>]) -> Result<(), Error> {
    check(engine, items)?;
    for item in items {
        engine.cache.reserve(item.sequence, item.tokens.len())?;
    }
    engine.scratch.logits.clear();
    let mut cursor = Cursor::default();
    while cursor.item < items.len() {
        cursor = pass(engine, items, cursor)?;
    }
    for item in items {
        engine.cache.advance(item.sequence, item.tokens.len())?;
    }
    Ok(())
}

fn check(engine: &Engine, items: &[Item<'_>]) -> Result<(), Error> {
    let mut needed = 0;
    for (index, item) in items.iter().enumerate() {
        if item.tokens.is_empty() {
            return Err(Error::input("no tokens"));
        }
        if items[..index].iter().any(|other| other.sequence == item.sequence) {
            return Err(Error::input("a sequence is in a step twice"));
        }
        let vocab = engine.spec.vocab;
        if let Some(id) = item.tokens.iter().find(|id| **id as usize >= vocab) {
            return Err(Error::input(format!("token {id} in a vocabulary of {vocab}")));
        }
        let (len, more) = (engine.cache.len(item.sequence)?, item.tokens.len());
        if len.saturating_add(more) > engine.context {
            return Err(Error::input(format!("{len} + {more} tokens in a context of {}", engine.context)));
        }
        needed += engine.cache.missing(item.sequence, more)?;
    }
    let free = engine.cache.free_pages();
    if needed > free { Err(Error::CacheFull { needed, free }) } else { Ok(()) }
}

/// Runs as many rows as go together, from `cursor` on.
fn pass(engine: &mut Engine, items: &[Item<'_>], mut cursor: Cursor) -> Result<Cursor, Error> {
    let Engine { spec, weights, heads, rotations, cache, scratch, pool, level, batch, .. } = engine;
    let (lists, mut store) = cache.parts();
    // Lists of pages are borrowed from their sequences for one pass; the memory of the list itself is kept.
    let mut sequences: Vec<Sequence<'_>> = std::mem::take(&mut scratch.plan.sequences);
    rotations.iter_mut().flatten().for_each(Rotation::clear);
    let plan = &mut scratch.plan;
    plan.tokens.clear();
    plan.wanted.clear();
    while cursor.item < items.len() && plan.tokens.len() < *batch {
        let item = &items[cursor.item];
        let (len, pages) = lists.get(item.sequence)?;
        let (row, position) = (plan.tokens.len(), len + cursor.done);
        let rows = (item.tokens.len() - cursor.done).min(*batch - row);
        plan.tokens.extend(&item.tokens[cursor.done..cursor.done + rows]);
        sequences.push(Sequence { row, rows, position, pages });
        let rotations = rotations.iter_mut().flatten();
        rotations
            .for_each(|rotation| (position..position + rows).for_each(|position| rotation.push(position)));
        let end = cursor.done + rows == item.tokens.len();
        plan.wanted.extend(wanted(item.want, row, rows, end));
        cursor = if end {
            Cursor { item: cursor.item + 1, done: 0 }
        } else {
            Cursor { done: cursor.done + rows, ..cursor }
        };
    }
    let pass = Pass { pool, level: *level, spec, heads: *heads, rotations };
    let result = run(pass, weights, &mut store, scratch, &sequences);
    scratch.plan.sequences = emptied(sequences);
    result.map(|()| cursor)
}

/// Which of some rows have logits. `end`: they are the last of their item.
fn wanted(want: Logits, row: usize, rows: usize, end: bool) -> std::ops::Range<u32> {
    let (from, to) = (row as u32, (row + rows) as u32);
    match want {
        Logits::All => from..to,
        Logits::Last if end => to - 1..to,
        Logits::Last | Logits::None => to..to,
    }
}

/// The same memory, without what was borrowed.
fn emptied(sequences: Vec<Sequence<'_>>) -> Vec<Sequence<'static>> {
    sequences.into_iter().filter_map(|_| None).collect()
}

fn run(
    pass: Pass<'_>,
    weights: &Weights,
    store: &mut Store<'_>,
    scratch: &mut Scratch,
    sequences: &[Sequence<'_>],
) -> Result<(), Error> {
    let Scratch { x, buffers, logits, plan } = scratch;
    let hidden = pass.spec.hidden;
    let mut rows = plan.tokens.len();
    embed(pass, &weights.embed, &plan.tokens, part(x, rows * hidden))?;
    for (index, layer) in weights.layers.iter().enumerate() {
        let x = part(x, rows * hidden);
        attention::attention(pass, (index, layer), store, sequences, x, buffers)?;
        if index + 1 == weights.layers.len() {
            // Behind the last keys and values only wanted rows matter.
            keep(x, hidden, &plan.wanted);
            keep(&mut buffers.attended, pass.attended(), &plan.wanted);
            rows = plan.wanted.len();
        }
        if rows > 0 {
            let x = &mut x[..rows * hidden];
            rest(pass, layer, x, buffers)?;
        }
    }
    if rows > 0 {
        let inputs = &mut buffers.inputs;
        output(pass, weights, &x[..rows * hidden], inputs, logits)?;
    }
    Ok(())
}

/// A layer, from what attention has read.
fn rest(pass: Pass<'_>, layer: &Layer, x: &mut [f32], buffers: &mut Buffers) -> Result<(), Error> {
    let rows = x.len() / pass.spec.hidden;
    let attended = &buffers.attended[..rows * pass.attended()];
    let out = &layer.attention_out;
    buffers.inputs.fill(pass.pool, pass.level, Kinds::all([&out.matrix]), pass.attended(), attended)?;
    linear(pass, out, &buffers.inputs, part(&mut buffers.y, x.len()))?;
    add(pass, &layer.attention_norms, x, &mut buffers.y)?;
    feed::feed(pass, layer, x, buffers)?;
    add(pass, &layer.feed_norms, x, &mut buffers.y)
}

/// The vectors of tokens.
fn embed(pass: Pass<'_>, matrix: &Matrix, tokens: &[u32], x: &mut [f32]) -> Result<(), Error> {
    let scale = pass.spec.embedding.scale as f32;
    // Tokens were looked at before, so that no row is missing.
    each_row(pass.pool, pass.spec.hidden, x, |row, x| {
        let _ = matrix.row(tokens[row] as usize, x);
        if scale != 1.0 {
            math::scale(pass.level, x, scale);
        }
    })?;
    Ok(())
}

/// Moves the rows that are wanted to the front.
fn keep(x: &mut [f32], cols: usize, wanted: &[u32]) {
    for (to, from) in wanted.iter().enumerate() {
        let from = *from as usize * cols;
        x.copy_within(from..from + cols, to * cols);
    }
}

/// Adds what a part of a layer says, normalised before or after where the model does that.
fn add(pass: Pass<'_>, norms: &Norms, x: &mut [f32], y: &mut Vec<f32>) -> Result<(), Error> {
    let (level, cols) = (pass.level, pass.spec.hidden);
    let y = part(y, x.len());
    if let Some(norm) = &norms.after {
        each_row(pass.pool, cols, y, |_, y| math::rms_norm_in_place(level, y, &norm.weight, norm.eps))?;
    }
    let Some(norm) = &norms.sum else {
        each_row(pass.pool, cols, x, |row, x| math::add(level, x, &y[row * cols..][..cols]))?;
        return Ok(());
    };
    each_row(pass.pool, cols, y, |row, y| math::add(level, y, &x[row * cols..][..cols]))?;
    each_row(pass.pool, cols, x, |row, x| norm.apply(level, &y[row * cols..][..cols], x))?;
    Ok(())
}

/// The logits of rows, after those that are there.
fn output(
    pass: Pass<'_>,
    weights: &Weights,
    x: &[f32],
    inputs: &mut Activations,
    logits: &mut Vec<f32>,
) -> Result<(), Error> {
    let Some(output) = &pass.spec.output else { return Ok(()) };
    let matrix = weights.output.as_ref().unwrap_or(&weights.embed);
    normed(pass, Some(&weights.norm), Kinds::all([matrix]), x, inputs)?;
    let from = logits.len();
    logits.resize(from + inputs.rows() * matrix.rows(), 0.0);
    let logits = &mut logits[from..];
    matmul(pass.pool, matrix, inputs, logits)?;
    let (scale, level) = (output.scale as f32, pass.level);
    if scale == 1.0 && output.softcap.is_none() {
        return Ok(());
    }
    // Pieces that threads share, for one row is long.
    let piece = if matrix.rows().is_multiple_of(16) { matrix.rows() / 16 } else { matrix.rows() };
    each_row(pass.pool, piece, logits, |_, x| {
        math::scale(level, x, scale);
        output.softcap.into_iter().for_each(|cap| math::soft_cap(level, x, cap as f32));
    })?;
    Ok(())
}

/// Rows as inputs of products, normalised before where there is a norm.
pub(super) fn normed(
    pass: Pass<'_>,
    norm: Option<&Norm>,
    kinds: Kinds,
    x: &[f32],
    inputs: &mut Activations,
) -> Result<(), Error> {
    let (pool, level, cols) = (pass.pool, pass.level, pass.spec.hidden);
    match norm {
        None => inputs.fill(pool, level, kinds, cols, x)?,
        Some(norm) if norm.kind == NormKind::Rms => {
            inputs.fill_rms_norm(pool, level, kinds, x, &norm.weight, norm.eps)?;
        }
        Some(norm) => {
            let make = |row: usize, into: &mut [f32]| norm.apply(level, &x[row * cols..][..cols], into);
            inputs.fill_with(pool, level, kinds, [x.len() / cols, cols], make)?;
        }
    }
    Ok(())
}

impl Norm {
    pub(super) fn apply(&self, level: Level, x: &[f32], out: &mut [f32]) {
        match self.kind {
            NormKind::Rms => math::rms_norm(level, x, &self.weight, self.eps, out),
            NormKind::Layer => math::layer_norm(level, x, &self.weight, &self.bias, self.eps, out),
        }
    }
}

impl Pass<'_> {
    /// Numbers of a row that attention has read, of all heads.
    pub(super) fn attended(&self) -> usize {
        self.spec.attention.heads * self.spec.attention.value_dim
    }
}

/// One product, with its bias.
pub(super) fn linear(
    pass: Pass<'_>,
    linear: &Linear,
    inputs: &Activations,
    out: &mut [f32],
) -> Result<(), Error> {
    linears(pass, inputs, [(linear, out)])
}

/// Products of the same inputs, with their biases.
pub(super) fn linears<const N: usize>(
    pass: Pass<'_>,
    inputs: &Activations,
    mut products: [(&Linear, &mut [f32]); N],
) -> Result<(), Error> {
    let plain = products.each_mut().map(|(linear, out)| (&linear.matrix, &mut **out));
    matmul_many(pass.pool, inputs, plain)?;
    for (linear, out) in products {
        if let Some(bias) = &linear.bias {
            each_row(pass.pool, bias.len(), out, |_, out| math::add(pass.level, out, bias))?;
        }
    }
    Ok(())
}
