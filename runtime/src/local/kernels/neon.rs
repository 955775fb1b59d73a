//! Kernels for NEON, which 64-bit ARM processors have. What they compute is told in [`scalar`](super::scalar).
//!
//! Products of bytes are summed in 16 bits as long as they fit, then in 32. A strip is four quarters, each a vector of
//! four rows: kernels go through a tile quarter by quarter, so that twelve rows of inputs fit the registers.
#![allow(clippy::needless_range_loop, reason = "loops over registers, which the compiler unrolls")]

use std::arch::aarch64::*;

use super::activations::{Blocks, Floats, Four, LargeBlocks};
use super::tiles::{Bytes, Halves, Q4K, Q5K, Q6K, Q40, Q80, ROWS};

/// What a kernel leaves: for each row of inputs, 16 outputs of each strip.
type Out<'a, const MR: usize, const NT: usize> = &'a mut [[[f32; ROWS]; NT]; MR];
/// What a kernel has of one strip: the quarters, each for all rows of inputs.
type Sums<const MR: usize> = [[float32x4_t; MR]; 4];

macro_rules! load {
    ($(#[$doc:meta])* $name:ident($ty:ty) -> $vector:ty = $instruction:ident) => {
        $(#[$doc])*
        #[inline]
        #[target_feature(enable = "neon")]
        #[expect(unsafe_code, reason = "a load by pointer")]
        fn $name(from: &$ty) -> $vector {
            const { assert!(size_of::<$ty>() == size_of::<$vector>()) };
            // SAFETY: the type has as many bytes as the vector, and the load asks for no more than the alignment of one
            // of its numbers.
            unsafe { $instruction(from.as_ptr()) }
        }
    };
}

load!(bytes([u8; 16]) -> uint8x16_t = vld1q_u8);
load!(bytes8([u8; 8]) -> uint8x8_t = vld1_u8);
load!(halves([u16; 4]) -> uint16x4_t = vld1_u16);
load!(floats([f32; 4]) -> float32x4_t = vld1q_f32);

#[inline]
#[target_feature(enable = "neon")]
#[expect(unsafe_code, reason = "a store by pointer")]
fn store(from: float32x4_t, into: &mut [f32; 4]) {
    // SAFETY: four floats are a vector, and the store asks for no more than their alignment.
    unsafe { vst1q_f32(into.as_mut_ptr(), from) };
}

/// The numbers of a quarter.
#[inline(always)]
fn quarter_of<T>(from: &[T; ROWS], quarter: usize) -> &[T; 4] {
    &from.as_chunks().0[quarter]
}

/// Four rows of four columns.
#[inline]
#[target_feature(enable = "neon")]
fn vector(from: &Bytes, quarter: usize) -> uint8x16_t {
    bytes(&from.as_chunks().0[quarter])
}

#[inline]
#[target_feature(enable = "neon")]
fn splat(four: Four) -> int8x16_t {
    vreinterpretq_s8_s32(vdupq_n_s32(i32::from_ne_bytes(four.map(i8::cast_unsigned))))
}

/// Halves to floats. Beside those bits that say how large a number is, the exponent of a float is larger by 112; what
/// is small is scaled exactly, and what is not finite stays so.
#[inline]
#[target_feature(enable = "neon")]
fn wide(from: &[u16; 4]) -> float32x4_t {
    const SCALE: f32 = f32::from_bits((112 + 127) << 23);
    let bits = vshll_n_u16::<13>(halves(from));
    let size = vandq_u32(bits, vdupq_n_u32(0x0fff_e000));
    let size = vmulq_n_f32(vreinterpretq_f32_u32(size), SCALE);
    let endless = vcgeq_f32(size, vdupq_n_f32(65536.0));
    let endless = vandq_u32(endless, vdupq_n_u32(f32::INFINITY.to_bits()));
    let size = vorrq_u32(vreinterpretq_u32_f32(size), endless);
    vreinterpretq_f32_u32(vbslq_u32(vdupq_n_u32(1 << 31), vshlq_n_u32::<3>(bits), size))
}

#[inline]
#[target_feature(enable = "neon")]
fn wide_brain(from: &[u16; 4]) -> float32x4_t {
    vreinterpretq_f32_u32(vshlq_n_u32::<16>(vmovl_u16(halves(from))))
}

/// `start` and the products of vectors of unsigned weights, `PER` of which fit into 16 bits, also with the neighbour.
#[inline]
#[target_feature(enable = "neon")]
fn sum<const N: usize, const PER: usize, const MR: usize>(
    start: i32,
    weights: &[uint8x16_t; N],
    inputs: &[[Four; MR]],
    row: usize,
) -> int32x4_t {
    let mut sums = vdupq_n_s32(start);
    for first in (0..N).step_by(PER) {
        let (mut low, mut high) = (vdupq_n_s16(0), vdupq_n_s16(0));
        for at in first..first + PER {
            let (weights, inputs) = (vreinterpretq_s8_u8(weights[at]), splat(inputs[at][row]));
            low = vmlal_s8(low, vget_low_s8(weights), vget_low_s8(inputs));
            high = vmlal_high_s8(high, weights, inputs);
        }
        sums = vpadalq_s16(sums, vpaddq_s16(low, high));
    }
    sums
}

/// The products of vectors of signed weights: two fit into 16 bits, for inputs are never −128.
#[inline]
#[target_feature(enable = "neon")]
fn signed_sum<const MR: usize>(weights: &[int8x16_t; 8], inputs: &[[Four; MR]; 8], row: usize) -> int32x4_t {
    let (mut low, mut high) = (vdupq_n_s32(0), vdupq_n_s32(0));
    for first in [0, 2, 4, 6] {
        let (a, b) = (weights[first], weights[first + 1]);
        let (x, y) = (splat(inputs[first][row]), splat(inputs[first + 1][row]));
        let both = vmull_s8(vget_low_s8(a), vget_low_s8(x));
        low = vpadalq_s16(low, vmlal_s8(both, vget_low_s8(b), vget_low_s8(y)));
        high = vpadalq_s16(high, vmlal_high_s8(vmull_high_s8(a, x), b, y));
    }
    vpaddq_s32(low, high)
}

/// `acc += sums · scale`
#[inline]
#[target_feature(enable = "neon")]
fn add(acc: &mut float32x4_t, sums: int32x4_t, scale: float32x4_t) {
    *acc = vfmaq_f32(*acc, vcvtq_f32_s32(sums), scale);
}

#[inline]
#[target_feature(enable = "neon")]
fn store_all<const MR: usize, const NT: usize>(acc: &Sums<MR>, strip: usize, out: Out<'_, MR, NT>) {
    for row in 0..MR {
        for (quarter, into) in out[row][strip].as_chunks_mut().0.iter_mut().enumerate() {
            store(acc[quarter][row], into);
        }
    }
}

/// Nibbles of four vectors: those of the even vectors, and those of the odd ones.
#[inline]
#[target_feature(enable = "neon")]
fn nibbles(from: &[Bytes; 4], quarter: usize) -> [uint8x16_t; 8] {
    let mut vectors = [vdupq_n_u8(0); 8];
    for at in 0..4 {
        let both = vector(&from[at], quarter);
        vectors[2 * at] = vandq_u8(both, vdupq_n_u8(15));
        vectors[2 * at + 1] = vshrq_n_u8::<4>(both);
    }
    vectors
}

#[target_feature(enable = "neon")]
pub(super) fn q8_0<const MR: usize, const NT: usize>(
    weights: [&[Q80]; NT],
    inputs: Blocks<'_, MR>,
    out: Out<'_, MR, NT>,
) {
    for strip in 0..NT {
        let mut acc: Sums<MR> = [[vdupq_n_f32(0.0); MR]; 4];
        for (block, (qs, scales)) in inputs.qs.iter().zip(inputs.scales).enumerate() {
            let (tile, at) = (&weights[strip][block / 2], block % 2);
            for quarter in 0..4 {
                let mut vectors = [vdupq_n_s8(0); 8];
                for (into, from) in vectors.iter_mut().zip(&tile.qs[at]) {
                    *into = vreinterpretq_s8_u8(veorq_u8(vector(from, quarter), vdupq_n_u8(128)));
                }
                let d = wide(quarter_of(&tile.d[at], quarter));
                for row in 0..MR {
                    let sums = signed_sum(&vectors, qs, row);
                    add(&mut acc[quarter][row], sums, vmulq_n_f32(d, scales[row]));
                }
            }
        }
        store_all(&acc, strip, out);
    }
}

#[target_feature(enable = "neon")]
pub(super) fn q4_0<const MR: usize, const NT: usize>(
    weights: [&[Q40]; NT],
    inputs: Blocks<'_, MR>,
    out: Out<'_, MR, NT>,
) {
    for strip in 0..NT {
        let mut acc: Sums<MR> = [[vdupq_n_f32(0.0); MR]; 4];
        let blocks = inputs.qs.iter().zip(inputs.scales).zip(inputs.starts);
        for (block, ((qs, scales), starts)) in blocks.enumerate() {
            let (tile, at) = (&weights[strip][block / 2], block % 2);
            for quarter in 0..4 {
                let vectors = nibbles(&tile.qs[at], quarter);
                let d = wide(quarter_of(&tile.d[at], quarter));
                for row in 0..MR {
                    let sums = sum::<8, 8, MR>(starts[row] >> 4, &vectors, qs, row);
                    add(&mut acc[quarter][row], sums, vmulq_n_f32(d, scales[row]));
                }
            }
        }
        store_all(&acc, strip, out);
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn unsigned_scale(from: &[u8; ROWS], quarter: usize, d: float32x4_t) -> float32x4_t {
    let scales = quarter_of(from, quarter).map(f32::from);
    vmulq_f32(floats(&scales), d)
}

#[inline]
#[target_feature(enable = "neon")]
fn signed_scale(from: &[i8; ROWS], quarter: usize, d: float32x4_t) -> float32x4_t {
    let scales = quarter_of(from, quarter).map(f32::from);
    vmulq_f32(floats(&scales), d)
}

/// `acc -= minima · (dmin · scale)` for one row of inputs.
#[inline]
#[target_feature(enable = "neon")]
fn less_minima(
    acc: &mut float32x4_t,
    minima: &[[int16x4_t; 2]; 4],
    dmin: float32x4_t,
    sums: [[i16; 2]; 4],
    scale: f32,
) {
    let mut total = vdupq_n_s32(0);
    for pair in 0..4 {
        total = vmlal_n_s16(total, minima[pair][0], sums[pair][0]);
        total = vmlal_n_s16(total, minima[pair][1], sums[pair][1]);
    }
    *acc = vfmsq_f32(*acc, vcvtq_f32_s32(total), vmulq_n_f32(dmin, scale));
}

/// The minima of neighbouring groups, each in a vector.
#[inline]
#[target_feature(enable = "neon")]
fn minima(from: &[[[u8; 2]; ROWS]; 4], quarter: usize) -> [[int16x4_t; 2]; 4] {
    let mut minima = [[vdup_n_s16(0); 2]; 4];
    for pair in 0..4 {
        let both = bytes8(&from[pair].as_flattened().as_chunks().0[quarter]);
        let both = vreinterpretq_s16_u16(vmovl_u8(both));
        minima[pair] = [vget_low_s16(vuzp1q_s16(both, both)), vget_low_s16(vuzp2q_s16(both, both))];
    }
    minima
}

macro_rules! with_minima {
    ($name:ident, $tile:ty, $per:literal, $vectors:ident) => {
        #[target_feature(enable = "neon")]
        pub(super) fn $name<const MR: usize, const NT: usize>(
            weights: [&[$tile]; NT],
            inputs: LargeBlocks<'_, MR>,
            out: Out<'_, MR, NT>,
        ) {
            for strip in 0..NT {
                let mut acc: Sums<MR> = [[vdupq_n_f32(0.0); MR]; 4];
                for (block, (qs, scales)) in inputs.qs.iter().zip(inputs.scales).enumerate() {
                    let tile = &weights[strip][block];
                    for quarter in 0..4 {
                        let d = wide(quarter_of(&tile.d, quarter));
                        let mut total = [vdupq_n_f32(0.0); MR];
                        for group in 0..8 {
                            let vectors = $vectors(tile, group, quarter);
                            let scale = unsigned_scale(&tile.scales[group], quarter, d);
                            for row in 0..MR {
                                let sums = sum::<8, $per, MR>(0, &vectors, &qs[8 * group..][..8], row);
                                add(&mut total[row], sums, scale);
                            }
                        }
                        let dmin = wide(quarter_of(&tile.dmin, quarter));
                        let minima = minima(&tile.mins, quarter);
                        for row in 0..MR {
                            let acc = &mut acc[quarter][row];
                            *acc = vfmaq_n_f32(*acc, total[row], scales[row]);
                            let sums = inputs.sums[block].map(|rows| rows[row]);
                            less_minima(acc, &minima, dmin, sums, scales[row]);
                        }
                    }
                }
                store_all(&acc, strip, out);
            }
        }
    };
}

#[inline]
#[target_feature(enable = "neon")]
fn four_bits(tile: &Q4K, group: usize, quarter: usize) -> [uint8x16_t; 8] {
    nibbles(&tile.qs[group], quarter)
}

#[inline]
#[target_feature(enable = "neon")]
fn five_bits(tile: &Q5K, group: usize, quarter: usize) -> [uint8x16_t; 8] {
    let mut vectors = nibbles(&tile.qs[group], quarter);
    let high = vector(&tile.high[group], quarter);
    let bits = [
        vshlq_n_u8::<4>(high),
        vshlq_n_u8::<3>(high),
        vshlq_n_u8::<2>(high),
        vshlq_n_u8::<1>(high),
        high,
        vshrq_n_u8::<1>(high),
        vshrq_n_u8::<2>(high),
        vshrq_n_u8::<3>(high),
    ];
    for (into, bits) in vectors.iter_mut().zip(bits) {
        *into = vbslq_u8(vdupq_n_u8(16), bits, *into);
    }
    vectors
}

with_minima!(q4_k, Q4K, 8, four_bits);
with_minima!(q5_k, Q5K, 4, five_bits);

/// Low nibbles and the two bits above them.
#[inline]
#[target_feature(enable = "neon")]
fn six_bits(tile: &Q6K, group: usize, quarter: usize) -> [uint8x16_t; 4] {
    let [first, second] = tile.qs[group].each_ref().map(|from| vector(from, quarter));
    let (high, low) = (vector(&tile.high[group], quarter), vdupq_n_u8(15));
    let mask = vdupq_n_u8(48);
    [
        vbslq_u8(mask, vshlq_n_u8::<4>(high), vandq_u8(first, low)),
        vbslq_u8(mask, vshlq_n_u8::<2>(high), vshrq_n_u8::<4>(first)),
        vbslq_u8(mask, high, vandq_u8(second, low)),
        vbslq_u8(mask, vshrq_n_u8::<2>(high), vshrq_n_u8::<4>(second)),
    ]
}

#[target_feature(enable = "neon")]
pub(super) fn q6_k<const MR: usize, const NT: usize>(
    weights: [&[Q6K]; NT],
    inputs: LargeBlocks<'_, MR>,
    out: Out<'_, MR, NT>,
) {
    for strip in 0..NT {
        let mut acc: Sums<MR> = [[vdupq_n_f32(0.0); MR]; 4];
        for (block, (qs, scales)) in inputs.qs.iter().zip(inputs.scales).enumerate() {
            let tile = &weights[strip][block];
            for quarter in 0..4 {
                let d = wide(quarter_of(&tile.d, quarter));
                let mut total = [vdupq_n_f32(0.0); MR];
                for group in 0..16 {
                    let vectors = six_bits(tile, group, quarter);
                    let scale = signed_scale(&tile.scales[group], quarter, d);
                    let starts = &inputs.starts[block][group];
                    for row in 0..MR {
                        let sums = sum::<4, 2, MR>(starts[row], &vectors, &qs[4 * group..][..4], row);
                        add(&mut total[row], sums, scale);
                    }
                }
                for row in 0..MR {
                    let acc = &mut acc[quarter][row];
                    *acc = vfmaq_n_f32(*acc, total[row], scales[row]);
                }
            }
        }
        store_all(&acc, strip, out);
    }
}

/// Products of floats: `wide` makes a vector of four numbers of a column.
macro_rules! floats_of {
    ($name:ident, $column:ty, <$($flag:ident)?>, $wide:expr) => {
        #[target_feature(enable = "neon")]
        pub(super) fn $name<const MR: usize, const NT: usize $(, const $flag: bool)?>(
            weights: [&[$column]; NT],
            inputs: Floats<'_, MR>,
            out: Out<'_, MR, NT>,
        ) {
            /// Some quarters of a strip: as many as there are registers for.
            #[inline]
            #[target_feature(enable = "neon")]
            fn some<const MR: usize, const Q: usize $(, const $flag: bool)?>(
                weights: &[$column],
                inputs: Floats<'_, MR>,
                first: usize,
                mut put: impl FnMut(usize, usize, float32x4_t),
            ) {
                let mut acc = [[vdupq_n_f32(0.0); Q]; MR];
                for (column, x) in weights.iter().zip(inputs) {
                    for quarter in 0..Q {
                        let column = $wide(quarter_of(column, first + quarter));
                        for row in 0..MR {
                            acc[row][quarter] = vfmaq_n_f32(acc[row][quarter], column, x[row]);
                        }
                    }
                }
                for (row, quarter) in (0..MR).flat_map(|row| (0..Q).map(move |quarter| (row, quarter))) {
                    put(row, first + quarter, acc[row][quarter]);
                }
            }
            for strip in 0..NT {
                let mut put = |row: usize, quarter: usize, acc| {
                    store(acc, &mut out[row][strip].as_chunks_mut().0[quarter]);
                };
                if MR > 6 {
                    some::<MR, 2 $(, $flag)?>(weights[strip], inputs, 0, &mut put);
                    some::<MR, 2 $(, $flag)?>(weights[strip], inputs, 2, &mut put);
                } else {
                    some::<MR, 4 $(, $flag)?>(weights[strip], inputs, 0, &mut put);
                }
            }
        }
    };
}

#[inline]
#[target_feature(enable = "neon")]
fn either<const BRAIN: bool>(from: &[u16; 4]) -> float32x4_t {
    if BRAIN { wide_brain(from) } else { wide(from) }
}

floats_of!(half, Halves, <BRAIN>, either::<BRAIN>);
floats_of!(single, [f32; ROWS], <>, floats);

#[cfg(test)]
mod tests {
    use half::{bf16, f16};

    use super::*;

    #[target_feature(enable = "neon")]
    fn widened(bits: u16, brain: bool) -> f32 {
        let mut out = [0.0; 4];
        store(if brain { wide_brain(&[bits; 4]) } else { wide(&[bits; 4]) }, &mut out);
        out[3]
    }

    #[test]
    #[cfg(target_feature = "neon")]
    #[expect(unsafe_code, reason = "calls what was compiled for a level")]
    fn each_half_is_widened_to_its_number() {
        for bits in 0..=u16::MAX {
            for (wanted, brain) in
                [(f16::from_bits(bits).to_f32(), false), (bf16::from_bits(bits).to_f32(), true)]
            {
                // SAFETY: this test is compiled for processors with NEON only.
                let found = unsafe { widened(bits, brain) };
                let same = found.to_bits() == wanted.to_bits() || found.is_nan() && wanted.is_nan();
                assert!(same, "{bits:#x}, {brain}: {found} for {wanted}");
            }
        }
    }
}
