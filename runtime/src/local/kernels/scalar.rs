//! Kernels in plain Rust: what tests compare with, and what processors without vectors use.
//!
//! They say what all kernels compute, to the bit. Sums of bytes are whole numbers; a block's sum takes its scale, and
//! then that of the inputs, by fused multiplications in the order of the columns.

use half::{bf16, f16};

use super::activations::{Blocks, Floats, Four, LargeBlocks};
use super::tiles::{Halves, Q4K, Q5K, Q6K, Q40, Q80, ROWS};

/// What a kernel leaves: for each row of inputs, 16 outputs of each strip.
type Out<'a, const MR: usize, const NT: usize> = &'a mut [[[f32; ROWS]; NT]; MR];

fn wide(bits: u16) -> f32 {
    f16::from_bits(bits).to_f32()
}

/// Adds the products of four columns to the sums of a strip.
fn dot(sums: &mut [i32; ROWS], weights: impl Fn(usize) -> u8, inputs: Four) {
    for (row, sum) in sums.iter_mut().enumerate() {
        *sum += (0..4).map(|at| i32::from(weights(4 * row + at)) * i32::from(inputs[at])).sum::<i32>();
    }
}

fn fma(acc: &mut [f32; ROWS], a: impl Fn(usize) -> f32, b: impl Fn(usize) -> f32) {
    acc.iter_mut().enumerate().for_each(|(row, acc)| *acc = a(row).mul_add(b(row), *acc));
}

pub(super) fn q8_0<const MR: usize, const NT: usize>(
    weights: [&[Q80]; NT],
    inputs: Blocks<'_, MR>,
    out: Out<'_, MR, NT>,
) {
    for (row, out) in out.iter_mut().enumerate() {
        for (tiles, acc) in weights.iter().zip(out) {
            for (block, qs) in inputs.qs.iter().enumerate() {
                let (tile, at) = (&tiles[block / 2], block % 2);
                let mut sums = [inputs.starts[block][row]; ROWS];
                tile.qs[at]
                    .iter()
                    .zip(qs)
                    .for_each(|(vector, qs)| dot(&mut sums, |byte| vector[byte], qs[row]));
                fma(acc, |row| sums[row] as f32, |lane| wide(tile.d[at][lane]) * inputs.scales[block][row]);
            }
        }
    }
}

pub(super) fn q4_0<const MR: usize, const NT: usize>(
    weights: [&[Q40]; NT],
    inputs: Blocks<'_, MR>,
    out: Out<'_, MR, NT>,
) {
    for (row, out) in out.iter_mut().enumerate() {
        for (tiles, acc) in weights.iter().zip(out) {
            for (block, qs) in inputs.qs.iter().enumerate() {
                let (tile, at) = (&tiles[block / 2], block % 2);
                let mut sums = [inputs.starts[block][row] >> 4; ROWS];
                for (vector, qs) in tile.qs[at].iter().zip(qs.as_chunks::<2>().0) {
                    dot(&mut sums, |byte| vector[byte] & 15, qs[0][row]);
                    dot(&mut sums, |byte| vector[byte] >> 4, qs[1][row]);
                }
                fma(acc, |row| sums[row] as f32, |lane| wide(tile.d[at][lane]) * inputs.scales[block][row]);
            }
        }
    }
}

/// What the two formats with minima have in common. `bits(tile, group, vector, byte)` are the high bits, in place.
macro_rules! with_minima {
    ($name:ident, $tile:ty, $bits:expr) => {
        pub(super) fn $name<const MR: usize, const NT: usize>(
            weights: [&[$tile]; NT],
            inputs: LargeBlocks<'_, MR>,
            out: Out<'_, MR, NT>,
        ) {
            let bits = $bits;
            for (row, out) in out.iter_mut().enumerate() {
                for (tiles, acc) in weights.iter().zip(out) {
                    for (block, tile) in tiles.iter().enumerate() {
                        let mut total = [0.0; ROWS];
                        for group in 0..8 {
                            let mut sums = [0; ROWS];
                            for (vector, bytes) in tile.qs[group].iter().enumerate() {
                                let qs = &inputs.qs[block][8 * group + 2 * vector..][..2];
                                let low =
                                    |byte: usize| bytes[byte] & 15 | bits(tile, group, 2 * vector, byte);
                                let high =
                                    |byte: usize| bytes[byte] >> 4 | bits(tile, group, 2 * vector + 1, byte);
                                dot(&mut sums, low, qs[0][row]);
                                dot(&mut sums, high, qs[1][row]);
                            }
                            let scale =
                                |lane: usize| f32::from(tile.scales[group][lane]) * wide(tile.d[lane]);
                            fma(&mut total, |lane| sums[lane] as f32, scale);
                        }
                        let scale = inputs.scales[block][row];
                        fma(acc, |lane| total[lane], |_| scale);
                        let mut mins = [0; ROWS];
                        for (pair, sums) in inputs.sums[block].iter().enumerate() {
                            for (lane, min) in mins.iter_mut().enumerate() {
                                let [a, b] = tile.mins[pair][lane];
                                *min += i32::from(a) * i32::from(sums[row][0])
                                    + i32::from(b) * i32::from(sums[row][1]);
                            }
                        }
                        fma(acc, |lane| -(mins[lane] as f32), |lane| wide(tile.dmin[lane]) * scale);
                    }
                }
            }
        }
    };
}

with_minima!(q4_k, Q4K, |_: &Q4K, _: usize, _: usize, _: usize| 0u8);
with_minima!(q5_k, Q5K, |tile: &Q5K, group: usize, vector: usize, byte: usize| {
    (tile.high[group][byte] >> vector & 1) << 4
});

pub(super) fn q6_k<const MR: usize, const NT: usize>(
    weights: [&[Q6K]; NT],
    inputs: LargeBlocks<'_, MR>,
    out: Out<'_, MR, NT>,
) {
    for (row, out) in out.iter_mut().enumerate() {
        for (tiles, acc) in weights.iter().zip(out) {
            for (block, tile) in tiles.iter().enumerate() {
                let mut total = [0.0; ROWS];
                for group in 0..16 {
                    let mut sums = [inputs.starts[block][group][row]; ROWS];
                    for vector in 0..4 {
                        let (nibbles, high) = (&tile.qs[group][vector / 2], &tile.high[group]);
                        let low = |byte: usize| nibbles[byte] >> (4 * (vector % 2)) & 15;
                        let high = |byte: usize| (high[byte] >> (2 * vector) & 3) << 4;
                        let qs = inputs.qs[block][4 * group + vector][row];
                        dot(&mut sums, |byte| low(byte) | high(byte), qs);
                    }
                    let scale = |lane: usize| f32::from(tile.scales[group][lane]) * wide(tile.d[lane]);
                    fma(&mut total, |lane| sums[lane] as f32, scale);
                }
                fma(acc, |lane| total[lane], |_| inputs.scales[block][row]);
            }
        }
    }
}

pub(super) fn half<const MR: usize, const NT: usize, const BRAIN: bool>(
    weights: [&[Halves]; NT],
    inputs: Floats<'_, MR>,
    out: Out<'_, MR, NT>,
) {
    let wide = |bits| if BRAIN { bf16::from_bits(bits).to_f32() } else { wide(bits) };
    for (row, out) in out.iter_mut().enumerate() {
        for (tiles, acc) in weights.iter().zip(out) {
            tiles.iter().zip(inputs).for_each(|(column, x)| fma(acc, |lane| wide(column[lane]), |_| x[row]));
        }
    }
}

pub(super) fn single<const MR: usize, const NT: usize>(
    weights: [&[[f32; ROWS]]; NT],
    inputs: Floats<'_, MR>,
    out: Out<'_, MR, NT>,
) {
    for (row, out) in out.iter_mut().enumerate() {
        for (tiles, acc) in weights.iter().zip(out) {
            tiles.iter().zip(inputs).for_each(|(column, x)| fma(acc, |lane| column[lane], |_| x[row]));
        }
    }
}
