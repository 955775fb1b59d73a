//! Kernels for AVX2. What they compute is told in [`scalar`](super::scalar).
//!
//! Products of bytes are summed in 16 bits as long as they fit, then in 32. A strip is two vectors of eight rows.
#![allow(clippy::needless_range_loop, reason = "loops over registers, which the compiler unrolls")]

use std::arch::x86_64::*;

use super::activations::{Blocks, Floats, Four, LargeBlocks};
use super::tiles::{Bytes, Halves, Q4K, Q5K, Q6K, Q40, Q80, ROWS};

/// What a kernel leaves: for each row of inputs, 16 outputs of each strip.
type Out<'a, const MR: usize, const NT: usize> = &'a mut [[[f32; ROWS]; NT]; MR];
/// Eight rows of whole numbers, twice.
type Whole = [__m256i; 2];
/// Eight rows of floats, twice.
type Float = [__m256; 2];

/// How far ahead of its use a line of weights is asked for.
const AHEAD: usize = 4096;
/// Up to how many rows of inputs leave the time to ask.
const FEW: usize = 4;

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
#[expect(unsafe_code, reason = "loads by pointer")]
fn bytes(from: &Bytes) -> Whole {
    let from = from.as_ptr().cast::<__m256i>();
    // SAFETY: 64 bytes are two vectors, and the loads ask for no alignment.
    unsafe { [_mm256_loadu_si256(from), _mm256_loadu_si256(from.add(1))] }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
#[expect(unsafe_code, reason = "loads by pointer")]
fn bytes16(from: &[u8; ROWS]) -> __m128i {
    // SAFETY: 16 bytes are a vector, and the load asks for no alignment.
    unsafe { _mm_loadu_si128(from.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
#[expect(unsafe_code, reason = "loads by pointer")]
fn halves(from: &Halves) -> [__m128i; 2] {
    let from = from.as_ptr().cast::<__m128i>();
    // SAFETY: 16 numbers of two bytes are two vectors, and the loads ask for no alignment.
    unsafe { [_mm_loadu_si128(from), _mm_loadu_si128(from.add(1))] }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
#[expect(unsafe_code, reason = "loads by pointer")]
fn floats(from: &[f32; ROWS]) -> Float {
    // SAFETY: 16 floats are two vectors, and the loads ask for no alignment.
    unsafe { [_mm256_loadu_ps(from.as_ptr()), _mm256_loadu_ps(from.as_ptr().add(8))] }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
#[expect(unsafe_code, reason = "stores by pointer")]
fn store(acc: Float, out: &mut [f32; ROWS]) {
    // SAFETY: two vectors are 16 floats, and the stores ask for no alignment.
    unsafe {
        _mm256_storeu_ps(out.as_mut_ptr(), acc[0]);
        _mm256_storeu_ps(out.as_mut_ptr().add(8), acc[1]);
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn wide(from: &Halves) -> Float {
    let [low, high] = halves(from);
    [_mm256_cvtph_ps(low), _mm256_cvtph_ps(high)]
}

/// Asks for the lines of `AHEAD` bytes behind some of a tile.
#[inline(always)]
#[expect(unsafe_code, reason = "a hint by pointer")]
fn ahead<const MR: usize, T>(part: &T) {
    if MR <= FEW {
        let from = std::ptr::from_ref(part).cast::<i8>();
        for line in 0..size_of::<T>().div_ceil(64) {
            // SAFETY: a hint reads nothing and may name any address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(from.wrapping_add(AHEAD + 64 * line)) };
        }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn splat(four: Four) -> __m256i {
    _mm256_set1_epi32(i32::from_ne_bytes(four.map(i8::cast_unsigned)))
}

/// `start` and the products of vectors of unsigned weights, `PER` of which fit into 16 bits.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn sum<const N: usize, const PER: usize>(start: i32, weights: &[Whole; N], inputs: &[Four; N]) -> Whole {
    let ones = _mm256_set1_epi16(1);
    let mut sums = [_mm256_set1_epi32(start); 2];
    for half in 0..2 {
        for first in (0..N).step_by(PER) {
            let mut few = _mm256_maddubs_epi16(weights[first][half], splat(inputs[first]));
            for at in first + 1..first + PER {
                few = _mm256_add_epi16(few, _mm256_maddubs_epi16(weights[at][half], splat(inputs[at])));
            }
            sums[half] = _mm256_add_epi32(sums[half], _mm256_madd_epi16(few, ones));
        }
    }
    sums
}

/// The products of vectors of signed weights. Their signs go to the inputs, which are never −128.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn signed_sum(weights: &[Whole; 8], inputs: &[Four; 8]) -> Whole {
    let ones = _mm256_set1_epi16(1);
    let mut sums = [_mm256_setzero_si256(); 2];
    for at in 0..8 {
        let inputs = splat(inputs[at]);
        for half in 0..2 {
            let weights = weights[at][half];
            let few = _mm256_maddubs_epi16(_mm256_abs_epi8(weights), _mm256_sign_epi8(inputs, weights));
            sums[half] = _mm256_add_epi32(sums[half], _mm256_madd_epi16(few, ones));
        }
    }
    sums
}

/// The inputs of one row.
#[inline(always)]
fn row_of<const N: usize, const MR: usize>(inputs: &[[Four; MR]], row: usize) -> [Four; N] {
    let mut four = [[0; 4]; N];
    for at in 0..N {
        four[at] = inputs[at][row];
    }
    four
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn add(acc: &mut Float, sums: Whole, scale: Float) {
    for half in 0..2 {
        acc[half] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[half]), scale[half], acc[half]);
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn times(a: Float, b: f32) -> Float {
    let b = _mm256_set1_ps(b);
    [_mm256_mul_ps(a[0], b), _mm256_mul_ps(a[1], b)]
}

/// Nibbles of a vector: those of the even vector, and those of the odd one.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn nibbles(from: &Bytes) -> [Whole; 2] {
    let ([a, b], mask) = (bytes(from), _mm256_set1_epi8(15));
    let high = [
        _mm256_and_si256(_mm256_srli_epi16::<4>(a), mask),
        _mm256_and_si256(_mm256_srli_epi16::<4>(b), mask),
    ];
    [[_mm256_and_si256(a, mask), _mm256_and_si256(b, mask)], high]
}

#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn q8_0<const MR: usize, const NT: usize>(
    weights: [&[Q80]; NT],
    inputs: Blocks<'_, MR>,
    out: Out<'_, MR, NT>,
) {
    let flip = _mm256_set1_epi8(i8::MIN);
    let mut acc = [[[_mm256_setzero_ps(); 2]; NT]; MR];
    for (block, (qs, scales)) in inputs.qs.iter().zip(inputs.scales).enumerate() {
        for strip in 0..NT {
            let (tile, at) = (&weights[strip][block / 2], block % 2);
            ahead::<MR, _>(&tile.d[at]);
            let mut signed = [[_mm256_setzero_si256(); 2]; 8];
            for vector in 0..8 {
                ahead::<MR, _>(&tile.qs[at][vector]);
                let [low, high] = bytes(&tile.qs[at][vector]);
                signed[vector] = [_mm256_xor_si256(low, flip), _mm256_xor_si256(high, flip)];
            }
            let d = wide(&tile.d[at]);
            for row in 0..MR {
                let sums = signed_sum(&signed, &row_of(qs, row));
                add(&mut acc[row][strip], sums, times(d, scales[row]));
            }
        }
    }
    store_all(&acc, out);
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn store_all<const MR: usize, const NT: usize>(acc: &[[Float; NT]; MR], out: Out<'_, MR, NT>) {
    for row in 0..MR {
        for strip in 0..NT {
            store(acc[row][strip], &mut out[row][strip]);
        }
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn q4_0<const MR: usize, const NT: usize>(
    weights: [&[Q40]; NT],
    inputs: Blocks<'_, MR>,
    out: Out<'_, MR, NT>,
) {
    let mut acc = [[[_mm256_setzero_ps(); 2]; NT]; MR];
    let blocks = inputs.qs.iter().zip(inputs.scales).zip(inputs.starts);
    for (block, ((qs, scales), starts)) in blocks.enumerate() {
        for strip in 0..NT {
            let (tile, at) = (&weights[strip][block / 2], block % 2);
            ahead::<MR, _>(&tile.d[at]);
            let mut vectors = [[_mm256_setzero_si256(); 2]; 8];
            for vector in 0..4 {
                ahead::<MR, _>(&tile.qs[at][vector]);
                [vectors[2 * vector], vectors[2 * vector + 1]] = nibbles(&tile.qs[at][vector]);
            }
            let d = wide(&tile.d[at]);
            for row in 0..MR {
                let sums = sum::<8, 8>(starts[row] >> 4, &vectors, &row_of(qs, row));
                add(&mut acc[row][strip], sums, times(d, scales[row]));
            }
        }
    }
    store_all(&acc, out);
}

/// The scales of a group, and what multiplies them all.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn group_scale(scales: __m128i, d: Float, signed: bool) -> Float {
    let (low, high) = (scales, _mm_srli_si128::<8>(scales));
    let [low, high] = if signed {
        [_mm256_cvtepi8_epi32(low), _mm256_cvtepi8_epi32(high)]
    } else {
        [_mm256_cvtepu8_epi32(low), _mm256_cvtepu8_epi32(high)]
    };
    [_mm256_mul_ps(_mm256_cvtepi32_ps(low), d[0]), _mm256_mul_ps(_mm256_cvtepi32_ps(high), d[1])]
}

/// `acc -= minima · (dmin · scale)` for one row of inputs.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn less_minima(acc: &mut Float, mins: &[[[u8; 2]; ROWS]; 4], dmin: Float, sums: [[i16; 2]; 4], scale: f32) {
    let mut total = [_mm256_setzero_si256(); 2];
    for pair in 0..4 {
        let (a, b) = mins[pair].as_flattened().split_at(ROWS);
        let [low, high] = sums[pair];
        let sums = _mm256_set1_epi32(i32::from(high) << 16 | i32::from(low.cast_unsigned()));
        for (half, mins) in [a, b].into_iter().enumerate() {
            let Some(mins) = mins.first_chunk() else { continue };
            let mins = _mm256_cvtepu8_epi16(bytes16(mins));
            total[half] = _mm256_add_epi32(total[half], _mm256_madd_epi16(mins, sums));
        }
    }
    let scale = times(dmin, scale);
    for half in 0..2 {
        acc[half] = _mm256_fnmadd_ps(_mm256_cvtepi32_ps(total[half]), scale[half], acc[half]);
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn add_block(acc: &mut Float, total: Float, scale: f32) {
    let scale = _mm256_set1_ps(scale);
    for half in 0..2 {
        acc[half] = _mm256_fmadd_ps(total[half], scale, acc[half]);
    }
}

macro_rules! with_minima {
    ($name:ident, $tile:ty, $per:literal, $high:expr) => {
        #[target_feature(enable = "avx2,fma,f16c")]
        pub(super) fn $name<const MR: usize, const NT: usize>(
            weights: [&[$tile]; NT],
            inputs: LargeBlocks<'_, MR>,
            out: Out<'_, MR, NT>,
        ) {
            let mut acc = [[[_mm256_setzero_ps(); 2]; NT]; MR];
            for (block, (qs, scales)) in inputs.qs.iter().zip(inputs.scales).enumerate() {
                for strip in 0..NT {
                    let tile = &weights[strip][block];
                    let (d, dmin) = (wide(&tile.d), wide(&tile.dmin));
                    let mut total = [[_mm256_setzero_ps(); 2]; MR];
                    for group in 0..8 {
                        let mut vectors = [[_mm256_setzero_si256(); 2]; 8];
                        for vector in 0..4 {
                            ahead::<MR, _>(&tile.qs[group][vector]);
                            [vectors[2 * vector], vectors[2 * vector + 1]] = nibbles(&tile.qs[group][vector]);
                        }
                        $high(tile, group, &mut vectors);
                        let scale = group_scale(bytes16(&tile.scales[group]), d, false);
                        for row in 0..MR {
                            let sums = sum::<8, $per>(0, &vectors, &row_of(&qs[8 * group..], row));
                            add(&mut total[row], sums, scale);
                        }
                    }
                    ahead::<MR, _>(&tile.scales);
                    ahead::<MR, _>(&tile.mins);
                    ahead::<MR, _>(&tile.d);
                    for row in 0..MR {
                        add_block(&mut acc[row][strip], total[row], scales[row]);
                        let sums = inputs.sums[block].map(|rows| rows[row]);
                        less_minima(&mut acc[row][strip], &tile.mins, dmin, sums, scales[row]);
                    }
                }
            }
            store_all(&acc, out);
        }
    };
}

#[inline(always)]
fn no_bits(_: &Q4K, _: usize, _: &mut [Whole; 8]) {}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn fifth_bits(tile: &Q5K, group: usize, vectors: &mut [Whole; 8]) {
    let high = bytes(&tile.high[group]);
    let mask = _mm256_set1_epi8(16);
    for (vector, into) in vectors.iter_mut().enumerate() {
        for half in 0..2 {
            // Bit `vector` to bit 4: what crosses into the neighbouring byte is masked away.
            let left =
                _mm256_sll_epi16(high[half], _mm_cvtsi64_si128(4_i64.saturating_sub(vector as i64).max(0)));
            let bits = _mm256_srl_epi16(left, _mm_cvtsi64_si128((vector as i64 - 4).max(0)));
            into[half] = _mm256_or_si256(into[half], _mm256_and_si256(bits, mask));
        }
    }
}

with_minima!(q4_k, Q4K, 8, no_bits);
with_minima!(q5_k, Q5K, 4, fifth_bits);

#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn q6_k<const MR: usize, const NT: usize>(
    weights: [&[Q6K]; NT],
    inputs: LargeBlocks<'_, MR>,
    out: Out<'_, MR, NT>,
) {
    let mask = _mm256_set1_epi8(48);
    let mut acc = [[[_mm256_setzero_ps(); 2]; NT]; MR];
    for (block, (qs, scales)) in inputs.qs.iter().zip(inputs.scales).enumerate() {
        for strip in 0..NT {
            let tile = &weights[strip][block];
            let d = wide(&tile.d);
            let mut total = [[_mm256_setzero_ps(); 2]; MR];
            for group in 0..16 {
                ahead::<MR, _>(&tile.high[group]);
                ahead::<MR, _>(&tile.qs[group]);
                let high = bytes(&tile.high[group]);
                let mut vectors = [[_mm256_setzero_si256(); 2]; 4];
                [vectors[0], vectors[1]] = nibbles(&tile.qs[group][0]);
                [vectors[2], vectors[3]] = nibbles(&tile.qs[group][1]);
                for half in 0..2 {
                    let high = high[half];
                    let bits = [
                        _mm256_slli_epi16::<4>(high),
                        _mm256_slli_epi16::<2>(high),
                        high,
                        _mm256_srli_epi16::<2>(high),
                    ];
                    for vector in 0..4 {
                        let bits = _mm256_and_si256(bits[vector], mask);
                        vectors[vector][half] = _mm256_or_si256(vectors[vector][half], bits);
                    }
                }
                let scale = group_scale(bytes16(&tile.scales[group].map(i8::cast_unsigned)), d, true);
                for row in 0..MR {
                    let start = inputs.starts[block][group][row];
                    let sums = sum::<4, 2>(start, &vectors, &row_of(&qs[4 * group..], row));
                    add(&mut total[row], sums, scale);
                }
            }
            ahead::<MR, _>(&tile.scales);
            ahead::<MR, _>(&tile.d);
            for row in 0..MR {
                add_block(&mut acc[row][strip], total[row], scales[row]);
            }
        }
    }
    store_all(&acc, out);
}

/// Products of floats: `wide` makes two vectors of a column.
macro_rules! floats_of {
    ($name:ident, $column:ty, <$($flag:ident)?>, $wide:expr) => {
        #[target_feature(enable = "avx2,fma,f16c")]
        pub(super) fn $name<const MR: usize, const NT: usize $(, const $flag: bool)?>(
            weights: [&[$column]; NT],
            inputs: Floats<'_, MR>,
            out: Out<'_, MR, NT>,
        ) {
            /// Some rows of inputs with some strips: as many as there are registers for.
            #[inline]
            #[target_feature(enable = "avx2,fma,f16c")]
            fn some<const MR: usize, const NT: usize, const R: usize, const S: usize $(, const $flag: bool)?>(
                weights: [&[$column]; NT],
                inputs: Floats<'_, MR>,
                out: Out<'_, MR, NT>,
                (first, strip): (usize, usize),
            ) {
                let mut acc = [[[_mm256_setzero_ps(); 2]; S]; R];
                for (at, x) in inputs.iter().enumerate() {
                    for next in 0..S {
                        let from = &weights[strip + next][at];
                        ahead::<MR, _>(from);
                        let column = $wide(from);
                        for row in 0..R {
                            add_block(&mut acc[row][next], column, x[first + row]);
                        }
                    }
                }
                for row in 0..R {
                    for next in 0..S {
                        store(acc[row][next], &mut out[first + row][strip + next]);
                    }
                }
            }
            match MR {
                12 => {
                    for (strip, first) in (0..NT).flat_map(|strip| [(strip, 0), (strip, 6)]) {
                        some::<MR, NT, 6, 1 $(, $flag)?>(weights, inputs, out, (first, strip));
                    }
                }
                4 | 8 => {
                    for (strip, first) in (0..NT).flat_map(|strip| (0..MR).step_by(4).map(move |row| (strip, row))) {
                        some::<MR, NT, 4, 1 $(, $flag)?>(weights, inputs, out, (first, strip));
                    }
                }
                _ => some::<MR, NT, MR, NT $(, $flag)?>(weights, inputs, out, (0, 0)),
            }
        }
    };
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn wide_brain(from: &Halves) -> Float {
    let [low, high] = halves(from);
    [
        _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(low))),
        _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(high))),
    ]
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn either<const BRAIN: bool>(from: &Halves) -> Float {
    if BRAIN { wide_brain(from) } else { wide(from) }
}

floats_of!(half, Halves, <BRAIN>, either::<BRAIN>);
floats_of!(single, [f32; ROWS], <>, floats);
