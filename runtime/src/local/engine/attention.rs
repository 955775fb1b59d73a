//! Attention, up to what heads have read: queries, keys and values of all rows, turned, and the keys and values kept.

use super::cache::Store;
use super::latent;
use super::pass::{Pass, linears, normed};
use super::rotation::Rotation;
use super::scratch::{Buffers, part};
use super::weights::{Attention, Layer, Norm, Projected};
use crate::local::Error;
use crate::local::kernels::attention::{Heads, Sequence};
use crate::local::kernels::{Kinds, each_row, math};

/// What the heads of all rows of `x` read, into `buffers.attended`.
pub(super) fn attention(
    pass: Pass<'_>,
    (index, layer): (usize, &Layer),
    store: &mut Store<'_>,
    sequences: &[Sequence<'_>],
    x: &[f32],
    buffers: &mut Buffers,
) -> Result<(), Error> {
    let heads = Heads { window: layer.window, ..pass.heads };
    let rotation = pass.rotations[usize::from(layer.local)].as_ref();
    let norm = layer.attention_norms.before.as_ref();
    let rows = x.len() / pass.spec.hidden;
    match &layer.attention {
        Attention::Projected(projected) => {
            let kinds = [&projected.query, &projected.key, &projected.value].map(|linear| &linear.matrix);
            normed(pass, norm, Kinds::all(kinds), x, &mut buffers.inputs)?;
            project(pass, projected, rotation, rows, buffers)?;
        }
        Attention::Latent(latent) => {
            normed(pass, norm, latent::kinds(latent), x, &mut buffers.inputs)?;
            latent::project(pass, latent, rotation, rows, buffers)?;
        }
    }
    let Buffers { queries, keys, values, attended, latent: narrow, .. } = buffers;
    let queries = &queries[..rows * heads.queries * heads.key_dim];
    let keys = &keys[..rows * heads.keys * heads.key_dim];
    let values = &values[..rows * heads.keys * heads.value_dim];
    store.put(index, &heads, sequences, keys, values)?;
    let threads = (pass.pool, pass.level);
    match &layer.attention {
        Attention::Projected(_) => {
            let attended = part(attended, rows * pass.attended());
            store.attend(threads, index, &heads, sequences, queries, attended)
        }
        Attention::Latent(latent) => {
            let read = part(&mut narrow.whole, rows * heads.queries * heads.value_dim);
            store.attend(threads, index, &heads, sequences, queries, read)?;
            latent::values(pass, latent, rows, narrow, attended)
        }
    }
}

fn project(
    pass: Pass<'_>,
    projected: &Projected,
    rotation: Option<&Rotation>,
    rows: usize,
    buffers: &mut Buffers,
) -> Result<(), Error> {
    let Heads { queries: heads, keys: key_heads, key_dim, value_dim, .. } = pass.heads;
    let queries = part(&mut buffers.queries, rows * heads * key_dim);
    let keys = part(&mut buffers.keys, rows * key_heads * key_dim);
    let values = part(&mut buffers.values, rows * key_heads * value_dim);
    let products =
        [(&projected.query, &mut *queries), (&projected.key, &mut *keys), (&projected.value, values)];
    linears(pass, &buffers.inputs, products)?;
    turn(pass, rotation, projected.query_norm.as_ref(), heads, queries)?;
    turn(pass, rotation, projected.key_norm.as_ref(), key_heads, keys)
}

/// Normalises and turns each head of all rows.
fn turn(
    pass: Pass<'_>,
    rotation: Option<&Rotation>,
    norm: Option<&Norm>,
    heads: usize,
    x: &mut [f32],
) -> Result<(), Error> {
    if rotation.is_none() && norm.is_none() {
        return Ok(());
    }
    let dim = pass.heads.key_dim;
    each_row(pass.pool, heads * dim, x, |row, x| {
        for head in x.chunks_exact_mut(dim) {
            if let Some(norm) = norm {
                math::rms_norm_in_place(pass.level, head, &norm.weight, norm.eps);
            }
            if let Some(rotation) = rotation {
                rotation.turn(pass.level, row, head);
            }
        }
    })?;
    Ok(())
}
