//! Kernels for AVX-512 with VNNI. What they compute is told in [`scalar`](super::scalar).
//!
//! Weights are read as a stream, faster than the processor foresees: kernels ask for the lines of a page ahead.
#![allow(clippy::needless_range_loop, reason = "loops over registers, which the compiler unrolls")]

use std::arch::x86_64::*;

use super::activations::{Blocks, Floats, Four, LargeBlocks};
use super::tiles::{Bytes, Halves, Q4K, Q5K, Q6K, Q40, Q80, ROWS};

/// What a kernel leaves: for each row of inputs, 16 outputs of each strip.
type Out<'a, const MR: usize, const NT: usize> = &'a mut [[[f32; ROWS]; NT]; MR];

/// How far ahead of its use a line of weights is asked for.
const AHEAD: usize = 4096;

macro_rules! load {
    ($(#[$doc:meta])* $name:ident($ty:ty) -> $vector:ty = $instruction:ident) => {
        $(#[$doc])*
        #[inline]
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c")]
        #[expect(unsafe_code, reason = "a load by pointer")]
        fn $name(from: &$ty) -> $vector {
            const { assert!(size_of::<$ty>() == size_of::<$vector>()) };
            // SAFETY: the type has as many bytes as the vector, and the load asks for no alignment.
            unsafe { $instruction(std::ptr::from_ref(from).cast()) }
        }
    };
}

load!(bytes(Bytes) -> __m512i = _mm512_loadu_si512);
load!(bytes16([u8; ROWS]) -> __m128i = _mm_loadu_si128);
load!(signed16([i8; ROWS]) -> __m128i = _mm_loadu_si128);
load!(pairs16([[u8; 2]; ROWS]) -> __m256i = _mm256_loadu_si256);
load!(halves16(Halves) -> __m256i = _mm256_loadu_si256);
load!(floats16([f32; ROWS]) -> __m512 = _mm512_loadu_ps);

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c")]
#[expect(unsafe_code, reason = "a store by pointer")]
fn store<const MR: usize, const NT: usize>(acc: &[[__m512; NT]; MR], out: Out<'_, MR, NT>) {
    for row in 0..MR {
        for strip in 0..NT {
            // SAFETY: the array has 16 floats, and the store asks for no alignment.
            unsafe { _mm512_storeu_ps(out[row][strip].as_mut_ptr(), acc[row][strip]) };
        }
    }
}

/// Asks for the lines of `AHEAD` bytes behind some of a tile.
#[inline(always)]
#[expect(unsafe_code, reason = "a hint by pointer")]
fn ahead<T>(part: &T) {
    let from = std::ptr::from_ref(part).cast::<i8>();
    for line in 0..size_of::<T>().div_ceil(64) {
        // SAFETY: a hint reads nothing and may name any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(from.wrapping_add(AHEAD + 64 * line)) };
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c")]
fn splat(four: Four) -> __m512i {
    _mm512_set1_epi32(i32::from_ne_bytes(four.map(i8::cast_unsigned)))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c")]
fn splat2([low, high]: [i16; 2]) -> __m512i {
    _mm512_set1_epi32(i32::from(high) << 16 | i32::from(low.cast_unsigned()))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c")]
fn wide(halves: &Halves) -> __m512 {
    _mm512_cvtph_ps(halves16(halves))
}

/// Adds the products of four columns of a strip with those of each row of inputs.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c")]
fn dot<const MR: usize, const NT: usize>(
    sums: &mut [[__m512i; NT]; MR],
    strip: usize,
    weights: __m512i,
    inputs: &[Four; MR],
) {
    for row in 0..MR {
        sums[row][strip] = _mm512_dpbusd_epi32(sums[row][strip], weights, splat(inputs[row]));
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c")]
fn starts<const MR: usize, const NT: usize>(from: &[i32; MR]) -> [[__m512i; NT]; MR] {
    let mut sums = [[_mm512_setzero_si512(); NT]; MR];
    for row in 0..MR {
        sums[row] = [_mm512_set1_epi32(from[row]); NT];
    }
    sums
}

/// `acc += sums · scale` for one strip.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c")]
fn scaled<const MR: usize, const NT: usize>(
    acc: &mut [[__m512; NT]; MR],
    strip: usize,
    sums: &[[__m512i; NT]; MR],
    scale: __m512,
) {
    for row in 0..MR {
        acc[row][strip] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums[row][strip]), scale, acc[row][strip]);
    }
}

/// `acc += sums · (d · scales)` for one strip, each row of inputs with its own scale.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c")]
fn scaled_by_rows<const MR: usize, const NT: usize>(
    acc: &mut [[__m512; NT]; MR],
    strip: usize,
    sums: &[[__m512i; NT]; MR],
    d: __m512,
    scales: &[f32; MR],
) {
    for row in 0..MR {
        let scale = _mm512_mul_ps(d, _mm512_set1_ps(scales[row]));
        acc[row][strip] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums[row][strip]), scale, acc[row][strip]);
    }
}

/// Nibbles of a vector: those of the even vector, and those of the odd one.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c")]
fn nibbles(from: &Bytes) -> [__m512i; 2] {
    let (both, mask) = (bytes(from), _mm512_set1_epi8(15));
    [_mm512_and_si512(both, mask), _mm512_and_si512(_mm512_srli_epi16::<4>(both), mask)]
}

/// Low bits, and those high bits that the mask lets through.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c")]
fn join(low: __m512i, high: __m512i, mask: i8) -> __m512i {
    _mm512_ternarylogic_epi32::<0xf8>(low, high, _mm512_set1_epi8(mask)) // low | high & mask
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c")]
pub(super) fn q8_0<const MR: usize, const NT: usize>(
    weights: [&[Q80]; NT],
    inputs: Blocks<'_, MR>,
    out: Out<'_, MR, NT>,
) {
    let mut acc = [[_mm512_setzero_ps(); NT]; MR];
    let blocks = inputs.qs.iter().zip(inputs.scales).zip(inputs.starts);
    for (block, ((qs, scales), start)) in blocks.enumerate() {
        let mut sums = starts::<MR, NT>(start);
        for strip in 0..NT {
            let tile = &weights[strip][block / 2];
            ahead(&tile.d[block % 2]);
            for vector in 0..8 {
                let from = &tile.qs[block % 2][vector];
                ahead(from);
                dot(&mut sums, strip, bytes(from), &qs[vector]);
            }
            scaled_by_rows(&mut acc, strip, &sums, wide(&tile.d[block % 2]), scales);
        }
    }
    store(&acc, out);
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c")]
pub(super) fn q4_0<const MR: usize, const NT: usize>(
    weights: [&[Q40]; NT],
    inputs: Blocks<'_, MR>,
    out: Out<'_, MR, NT>,
) {
    let more = _mm512_set1_epi8(120); // from 8 too much to 128 too much, where sums start
    let mut acc = [[_mm512_setzero_ps(); NT]; MR];
    let blocks = inputs.qs.iter().zip(inputs.scales).zip(inputs.starts);
    for (block, ((qs, scales), start)) in blocks.enumerate() {
        let mut sums = starts::<MR, NT>(start);
        for strip in 0..NT {
            let tile = &weights[strip][block / 2];
            ahead(&tile.d[block % 2]);
            for vector in 0..4 {
                let from = &tile.qs[block % 2][vector];
                ahead(from);
                let [even, odd] = nibbles(from);
                dot(&mut sums, strip, _mm512_add_epi8(even, more), &qs[2 * vector]);
                dot(&mut sums, strip, _mm512_add_epi8(odd, more), &qs[2 * vector + 1]);
            }
            scaled_by_rows(&mut acc, strip, &sums, wide(&tile.d[block % 2]), scales);
        }
    }
    store(&acc, out);
}

/// `acc -= minima · (dmin · scales)` for one strip.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c")]
fn less_minima<const MR: usize, const NT: usize>(
    acc: &mut [[__m512; NT]; MR],
    strip: usize,
    (mins, dmin): (&[[[u8; 2]; ROWS]; 4], &Halves),
    (sums, scales): (&[[[i16; 2]; MR]; 4], &[f32; MR]),
) {
    let mut total = [_mm512_setzero_si512(); MR];
    for pair in 0..4 {
        let mins = _mm512_cvtepu8_epi16(pairs16(&mins[pair]));
        for row in 0..MR {
            total[row] = _mm512_dpwssd_epi32(total[row], mins, splat2(sums[pair][row]));
        }
    }
    let dmin = wide(dmin);
    for row in 0..MR {
        let scale = _mm512_mul_ps(dmin, _mm512_set1_ps(scales[row]));
        acc[row][strip] = _mm512_fnmadd_ps(_mm512_cvtepi32_ps(total[row]), scale, acc[row][strip]);
    }
}

/// `acc += total · scales`, each row of inputs with its own scale.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c")]
fn add_block<const MR: usize, const NT: usize>(
    acc: &mut [[__m512; NT]; MR],
    total: &[[__m512; NT]; MR],
    scales: &[f32; MR],
) {
    for row in 0..MR {
        for strip in 0..NT {
            acc[row][strip] =
                _mm512_fmadd_ps(total[row][strip], _mm512_set1_ps(scales[row]), acc[row][strip]);
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c")]
pub(super) fn q4_k<const MR: usize, const NT: usize>(
    weights: [&[Q4K]; NT],
    inputs: LargeBlocks<'_, MR>,
    out: Out<'_, MR, NT>,
) {
    let mut acc = [[_mm512_setzero_ps(); NT]; MR];
    for (block, (qs, scales)) in inputs.qs.iter().zip(inputs.scales).enumerate() {
        let mut total = [[_mm512_setzero_ps(); NT]; MR];
        for group in 0..8 {
            let mut sums = [[_mm512_setzero_si512(); NT]; MR];
            for strip in 0..NT {
                let tile = &weights[strip][block];
                for vector in 0..4 {
                    let from = &tile.qs[group][vector];
                    ahead(from);
                    let [even, odd] = nibbles(from);
                    dot(&mut sums, strip, even, &qs[8 * group + 2 * vector]);
                    dot(&mut sums, strip, odd, &qs[8 * group + 2 * vector + 1]);
                }
                let scale = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes16(&tile.scales[group])));
                scaled(&mut total, strip, &sums, _mm512_mul_ps(scale, wide(&tile.d)));
            }
        }
        add_block(&mut acc, &total, scales);
        for strip in 0..NT {
            let tile = &weights[strip][block];
            ahead(&tile.scales);
            ahead(&tile.mins);
            ahead(&tile.d);
            less_minima(&mut acc, strip, (&tile.mins, &tile.dmin), (&inputs.sums[block], scales));
        }
    }
    store(&acc, out);
}

/// The fifth bits of a vector, in place among other bits.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c")]
fn fifth(high: __m512i, vector: usize) -> __m512i {
    match vector {
        0..4 => _mm512_sll_epi16(high, _mm_cvtsi64_si128(4 - vector as i64)),
        _ => _mm512_srl_epi16(high, _mm_cvtsi64_si128(vector as i64 - 4)),
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c")]
pub(super) fn q5_k<const MR: usize, const NT: usize>(
    weights: [&[Q5K]; NT],
    inputs: LargeBlocks<'_, MR>,
    out: Out<'_, MR, NT>,
) {
    let mut acc = [[_mm512_setzero_ps(); NT]; MR];
    for (block, (qs, scales)) in inputs.qs.iter().zip(inputs.scales).enumerate() {
        let mut total = [[_mm512_setzero_ps(); NT]; MR];
        for group in 0..8 {
            let mut sums = [[_mm512_setzero_si512(); NT]; MR];
            for strip in 0..NT {
                let tile = &weights[strip][block];
                ahead(&tile.high[group]);
                let high = bytes(&tile.high[group]);
                for vector in 0..4 {
                    let from = &tile.qs[group][vector];
                    ahead(from);
                    let [even, odd] = nibbles(from);
                    let (even, odd) =
                        (join(even, fifth(high, 2 * vector), 16), join(odd, fifth(high, 2 * vector + 1), 16));
                    dot(&mut sums, strip, even, &qs[8 * group + 2 * vector]);
                    dot(&mut sums, strip, odd, &qs[8 * group + 2 * vector + 1]);
                }
                let scale = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes16(&tile.scales[group])));
                scaled(&mut total, strip, &sums, _mm512_mul_ps(scale, wide(&tile.d)));
            }
        }
        add_block(&mut acc, &total, scales);
        for strip in 0..NT {
            let tile = &weights[strip][block];
            ahead(&tile.scales);
            ahead(&tile.mins);
            ahead(&tile.d);
            less_minima(&mut acc, strip, (&tile.mins, &tile.dmin), (&inputs.sums[block], scales));
        }
    }
    store(&acc, out);
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c")]
pub(super) fn q6_k<const MR: usize, const NT: usize>(
    weights: [&[Q6K]; NT],
    inputs: LargeBlocks<'_, MR>,
    out: Out<'_, MR, NT>,
) {
    let mut acc = [[_mm512_setzero_ps(); NT]; MR];
    for (block, (qs, scales)) in inputs.qs.iter().zip(inputs.scales).enumerate() {
        let mut total = [[_mm512_setzero_ps(); NT]; MR];
        for group in 0..16 {
            let mut sums = starts::<MR, NT>(&inputs.starts[block][group]);
            for strip in 0..NT {
                let tile = &weights[strip][block];
                ahead(&tile.high[group]);
                ahead(&tile.qs[group]);
                let high = bytes(&tile.high[group]);
                let [a, b] = nibbles(&tile.qs[group][0]);
                let [c, d] = nibbles(&tile.qs[group][1]);
                dot(&mut sums, strip, join(a, _mm512_slli_epi16::<4>(high), 48), &qs[4 * group]);
                dot(&mut sums, strip, join(b, _mm512_slli_epi16::<2>(high), 48), &qs[4 * group + 1]);
                dot(&mut sums, strip, join(c, high, 48), &qs[4 * group + 2]);
                dot(&mut sums, strip, join(d, _mm512_srli_epi16::<2>(high), 48), &qs[4 * group + 3]);
                let scale = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(signed16(&tile.scales[group])));
                scaled(&mut total, strip, &sums, _mm512_mul_ps(scale, wide(&tile.d)));
            }
        }
        add_block(&mut acc, &total, scales);
        for strip in 0..NT {
            ahead(&weights[strip][block].scales);
            ahead(&weights[strip][block].d);
        }
    }
    store(&acc, out);
}

/// `acc += columns · x`, for each row of inputs.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c")]
fn add_columns<const MR: usize, const NT: usize>(
    acc: &mut [[__m512; NT]; MR],
    columns: &[__m512; NT],
    inputs: &[f32; MR],
) {
    for row in 0..MR {
        let x = _mm512_set1_ps(inputs[row]);
        for strip in 0..NT {
            acc[row][strip] = _mm512_fmadd_ps(columns[strip], x, acc[row][strip]);
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c")]
pub(super) fn half<const MR: usize, const NT: usize, const BRAIN: bool>(
    weights: [&[Halves]; NT],
    inputs: Floats<'_, MR>,
    out: Out<'_, MR, NT>,
) {
    let mut acc = [[_mm512_setzero_ps(); NT]; MR];
    for (at, x) in inputs.iter().enumerate() {
        let mut columns = [_mm512_setzero_ps(); NT];
        for strip in 0..NT {
            let from = &weights[strip][at];
            ahead(from);
            columns[strip] = if BRAIN {
                _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(halves16(from))))
            } else {
                wide(from)
            };
        }
        add_columns(&mut acc, &columns, x);
    }
    store(&acc, out);
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c")]
pub(super) fn single<const MR: usize, const NT: usize>(
    weights: [&[[f32; ROWS]]; NT],
    inputs: Floats<'_, MR>,
    out: Out<'_, MR, NT>,
) {
    let mut acc = [[_mm512_setzero_ps(); NT]; MR];
    for (at, x) in inputs.iter().enumerate() {
        let mut columns = [_mm512_setzero_ps(); NT];
        for strip in 0..NT {
            ahead(&weights[strip][at]);
            columns[strip] = floats16(&weights[strip][at]);
        }
        add_columns(&mut acc, &columns, x);
    }
    store(&acc, out);
}
