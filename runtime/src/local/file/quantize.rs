//! Numbers into storage formats, for files of tests and for weights made here. `F16`, `BF16`, `Q8_0` and `Q4_0` are
//! bit for bit what GGML's reference code writes. The K formats take scales from the smallest and the largest number of
//! each group; GGML searches for better ones, so a checkpoint that matters is not to be made with this.
//!
//! Numbers are finite. One that is not gives a block without meaning, but no panic.

use half::{bf16, f16};

use super::blocks::BadLength;
use crate::local::dtype::Dtype;

/// The blocks of `numbers`.
///
/// # Errors
/// When `numbers` are no whole number of blocks; the error says 0 bytes then.
pub fn quantize(dtype: Dtype, numbers: &[f32]) -> Result<Vec<u8>, BadLength> {
    let bad = BadLength { dtype, bytes: 0, numbers: numbers.len() };
    let mut out = Vec::with_capacity(dtype.bytes(numbers.len()).ok_or(bad)?);
    for block in numbers.chunks_exact(dtype.block_len()) {
        match dtype {
            Dtype::F32 => out.extend(block[0].to_le_bytes()),
            Dtype::F16 => out.extend(f16::from_f32(block[0]).to_le_bytes()),
            Dtype::BF16 => out.extend(bf16::from_f32(block[0]).to_le_bytes()),
            Dtype::Q8_0 => q8_0(block, &mut out),
            Dtype::Q4_0 => q4_0(block, &mut out),
            Dtype::Q4_K => q4_k(block, &mut out),
            Dtype::Q5_K => q5_k(block, &mut out),
            Dtype::Q6_K => q6_k(block, &mut out),
        }
    }
    Ok(out)
}

fn q8_0(block: &[f32], out: &mut Vec<u8>) {
    let d = largest(block).abs() / 127.0;
    let inverse = inverse(d);
    out.extend(f16::from_f32(d).to_le_bytes());
    out.extend(block.iter().map(|x| ((x * inverse).round() as i8).cast_unsigned()));
}

fn q4_0(block: &[f32], out: &mut Vec<u8>) {
    let d = largest(block) / -8.0;
    let inverse = inverse(d);
    out.extend(f16::from_f32(d).to_le_bytes());
    let q = |x: f32| ((x * inverse + 8.5) as u8).min(15);
    out.extend((0..16).map(|l| q(block[l]) | q(block[l + 16]) << 4));
}

fn q4_k(block: &[f32], out: &mut Vec<u8>) {
    let q = with_minima(block, 15, out);
    nibbles(&q, out);
}

fn q5_k(block: &[f32], out: &mut Vec<u8>) {
    let q = with_minima(block, 31, out);
    out.extend((0..32).map(|l| (0..8).fold(0, |bits, group| bits | (q[32 * group + l] >> 4) << group)));
    nibbles(&q, out);
}

fn q6_k(block: &[f32], out: &mut Vec<u8>) {
    let scales: Vec<f32> = block.chunks_exact(16).map(|group| largest(group).abs() / 31.0).collect();
    let d = f16::from_f32(largest(&scales) / 127.0);
    let steps = scales.iter().map(|scale| (scale * inverse(d.to_f32())).round() as i8).collect::<Vec<_>>();
    let q = |at: usize| {
        let scale = d.to_f32() * f32::from(steps[at / 16]);
        ((block[at] * inverse(scale)).round().clamp(-32.0, 31.0) + 32.0) as u8
    };
    let halves = [0, 128];
    for half in halves {
        out.extend((half..half + 64).map(|at| q(at) & 15 | (q(at + 64) & 15) << 4));
    }
    for half in halves {
        out.extend(
            (half..half + 32)
                .map(|at| (0..4).fold(0, |bits, part| bits | (q(at + 32 * part) >> 4) << (2 * part))),
        );
    }
    out.extend(steps.iter().map(|step| step.cast_unsigned()));
    out.extend(d.to_le_bytes());
}

/// Writes `d`, `dmin` and the packed scales of a block with minima, and gives its numbers as steps up to `top`.
fn with_minima(block: &[f32], top: u8, out: &mut Vec<u8>) -> Vec<u8> {
    let ranges: Vec<(f32, f32)> = block.chunks_exact(32).map(|group| range(group, top)).collect();
    let most = |of: fn(&(f32, f32)) -> f32| f16::from_f32(ranges.iter().map(of).fold(0.0, f32::max) / 63.0);
    let (d, dmin) = (most(|range| range.0), most(|range| range.1));
    let step = |x: f32, d: f16| (x * inverse(d.to_f32())).round().clamp(0.0, 63.0) as u8;
    let scales: [u8; 8] = std::array::from_fn(|group| step(ranges[group].0, d));
    let mins: [u8; 8] = std::array::from_fn(|group| step(ranges[group].1, dmin));
    out.extend(d.to_le_bytes());
    out.extend(dmin.to_le_bytes());
    out.extend(pack(&scales, &mins));
    let number = |(at, x): (usize, &f32)| {
        let (scale, min) =
            (d.to_f32() * f32::from(scales[at / 32]), dmin.to_f32() * f32::from(mins[at / 32]));
        ((x + min) * inverse(scale)).round().clamp(0.0, f32::from(top)) as u8
    };
    block.iter().enumerate().map(number).collect()
}

/// How wide a step of a group is, and how far below zero the group begins.
fn range(group: &[f32], top: u8) -> (f32, f32) {
    let (low, high) = group.iter().fold((0.0_f32, 0.0_f32), |(low, high), x| (low.min(*x), high.max(*x)));
    ((high - low) / f32::from(top), -low)
}

/// The reverse of [`super::blocks::scale_and_min`].
fn pack(scales: &[u8; 8], mins: &[u8; 8]) -> [u8; 12] {
    std::array::from_fn(|at| match at {
        0..4 => scales[at] & 63 | (scales[at + 4] >> 4) << 6,
        4..8 => mins[at - 4] & 63 | (mins[at] >> 4) << 6,
        _ => scales[at - 4] & 15 | mins[at - 4] << 4,
    })
}

fn nibbles(q: &[u8], out: &mut Vec<u8>) {
    for pair in q.chunks_exact(64) {
        out.extend((0..32).map(|l| pair[l] & 15 | (pair[l + 32] & 15) << 4));
    }
}

/// The number with the largest size, with its sign.
fn largest(numbers: &[f32]) -> f32 {
    numbers.iter().fold(0.0, |most: f32, x| if x.abs() > most.abs() { *x } else { most })
}

/// A scale of zero stands for a block of zeros.
fn inverse(x: f32) -> f32 {
    if x == 0.0 { 0.0 } else { 1.0 / x }
}
