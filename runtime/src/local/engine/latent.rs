//! Latent attention. A head of keys is a product of the narrow vector that a cache holds, and so is a head of values:
//! the products are made with the query before, and with what was read after, so that the cache stays narrow. All heads
//! read the same key: the narrow vector, and behind it the part that is turned.

use std::cell::RefCell;

use super::pass::{Pass, linear};
use super::rotation::Rotation;
use super::scratch::{self, Buffers, part};
use super::weights::{Latent, LatentQuery};
use crate::local::Error;
use crate::local::arch::Mla;
use crate::local::kernels::{self, Activations, Kinds, Matrix, each_row, math, matmul};

thread_local! {
    /// The inputs of a head.
    static INPUTS: RefCell<Activations> = RefCell::default();
}

/// What the first products need.
pub(super) fn kinds(latent: &Latent) -> Kinds {
    let query = match &latent.query {
        LatentQuery::Direct(matrix) => matrix,
        LatentQuery::Narrow { down, .. } => &down.matrix,
    };
    Kinds::all([query, &latent.down.matrix])
}

/// Queries, keys and values as the cache has them.
pub(super) fn project(
    pass: Pass<'_>,
    latent: &Latent,
    rotation: Option<&Rotation>,
    rows: usize,
    buffers: &mut Buffers,
) -> Result<(), Error> {
    let Some(mla) = &pass.spec.attention.mla else { return Ok(()) };
    keys(pass, mla, latent, rotation, rows, buffers)?;
    let head = mla.nope + mla.rope;
    let width = pass.heads.queries * head;
    whole_queries(pass, latent, rows * width, buffers)?;
    let Buffers { queries, latent: scratch::Latent { whole, by_head, .. }, .. } = buffers;
    let whole = &whole[..rows * width];
    let own = |row: usize, at: usize| &whole[row * width + at * head..][..head];
    let by_head = part(by_head, pass.heads.queries * rows * mla.kv_lora);
    heads(pass, &latent.keys, rows, mla.nope, |row, at| &own(row, at)[..mla.nope], by_head)?;
    let dim = pass.heads.key_dim;
    let queries = part(queries, rows * pass.heads.queries * dim);
    each_row(pass.pool, pass.heads.queries * dim, queries, |row, queries| {
        for (at, query) in queries.chunks_exact_mut(dim).enumerate() {
            let (narrow, turned) = query.split_at_mut(mla.kv_lora);
            narrow.copy_from_slice(&by_head[(at * rows + row) * mla.kv_lora..][..mla.kv_lora]);
            turned.copy_from_slice(&own(row, at)[mla.nope..]);
            rotation.into_iter().for_each(|rotation| rotation.turn(pass.level, row, turned));
        }
    })?;
    Ok(())
}

/// The narrow vectors, and behind them what is turned; without that they are the values.
fn keys(
    pass: Pass<'_>,
    mla: &Mla,
    latent: &Latent,
    rotation: Option<&Rotation>,
    rows: usize,
    buffers: &mut Buffers,
) -> Result<(), Error> {
    let keys = part(&mut buffers.keys, rows * (mla.kv_lora + mla.rope));
    linear(pass, &latent.down, &buffers.inputs, keys)?;
    each_row(pass.pool, mla.kv_lora + mla.rope, keys, |row, key| {
        let (narrow, turned) = key.split_at_mut(mla.kv_lora);
        math::rms_norm_in_place(pass.level, narrow, &latent.norm.weight, latent.norm.eps);
        rotation.into_iter().for_each(|rotation| rotation.turn(pass.level, row, turned));
    })?;
    let values = part(&mut buffers.values, rows * mla.kv_lora);
    let keys = keys.chunks_exact(mla.kv_lora + mla.rope);
    let pairs = values.chunks_exact_mut(mla.kv_lora).zip(keys);
    pairs.for_each(|(value, key)| value.copy_from_slice(&key[..mla.kv_lora]));
    Ok(())
}

/// Queries as they are before they are made for narrow vectors, into `latent.whole`.
fn whole_queries(pass: Pass<'_>, latent: &Latent, len: usize, buffers: &mut Buffers) -> Result<(), Error> {
    let Buffers { inputs, expert_inputs, latent: scratch::Latent { narrow, whole, .. }, .. } = buffers;
    let whole = part(whole, len);
    match &latent.query {
        LatentQuery::Direct(matrix) => matmul(pass.pool, matrix, inputs, whole)?,
        LatentQuery::Narrow { down, norm, up } => {
            let narrow = part(narrow, inputs.rows() * down.matrix.rows());
            linear(pass, down, inputs, narrow)?;
            let kinds = Kinds::all([up]);
            expert_inputs.fill_rms_norm(pass.pool, pass.level, kinds, narrow, &norm.weight, norm.eps)?;
            matmul(pass.pool, up, expert_inputs, whole)?;
        }
    }
    Ok(())
}

/// From what heads have read, in `narrow.whole`, to values.
pub(super) fn values(
    pass: Pass<'_>,
    latent: &Latent,
    rows: usize,
    narrow: &mut scratch::Latent,
    attended: &mut Vec<f32>,
) -> Result<(), Error> {
    let Some(mla) = &pass.spec.attention.mla else { return Ok(()) };
    let (count, width) = (pass.heads.queries, pass.heads.value_dim);
    let read = &narrow.whole[..rows * count * width];
    let by_head = part(&mut narrow.by_head, count * rows * mla.value);
    heads(
        pass,
        &latent.values,
        rows,
        width,
        |row, at| &read[(row * count + at) * width..][..width],
        by_head,
    )?;
    each_row(pass.pool, count * mla.value, part(attended, rows * count * mla.value), |row, into| {
        for (at, into) in into.chunks_exact_mut(mla.value).enumerate() {
            into.copy_from_slice(&by_head[(at * rows + row) * mla.value..][..mla.value]);
        }
    })?;
    Ok(())
}

/// A product a head: `out` has all rows of the first head, then those of the next.
fn heads<'x>(
    pass: Pass<'_>,
    matrices: &[Matrix],
    rows: usize,
    cols: usize,
    input: impl Fn(usize, usize) -> &'x [f32] + Sync,
    out: &mut [f32],
) -> Result<(), Error> {
    let failed = std::sync::Mutex::new(Ok(()));
    let one = |at: usize, out: &mut [f32]| -> Result<(), kernels::Error> {
        INPUTS.with_borrow_mut(|inputs| {
            let kinds = Kinds::all([&matrices[at]]);
            let make = |row: usize, into: &mut [f32]| into.copy_from_slice(input(row, at));
            inputs.fill_with(pass.pool, pass.level, kinds, [rows, cols], make)?;
            matmul(pass.pool, &matrices[at], inputs, out)
        })
    };
    let len = out.len() / matrices.len().max(1);
    each_row(pass.pool, len, out, |at, out| {
        if let (Err(error), Ok(mut failed)) = (one(at, out), failed.lock()) {
            *failed = Err(error);
        }
    })?;
    Ok(failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)?)
}
