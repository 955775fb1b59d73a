//! Products for NEON, which 64-bit ARM processors have. What they compute is told in [`scalar`](super::scalar).
//!
//! Unsigned bytes are made signed by taking 128 away, as products of bytes are of one sign, and 128 times the other
//! vector is added again.

use std::arch::aarch64::*;

use super::{UNDER_WAY, scalar, through_rows};

/// Nothing is asked for: there is no stable way to say it.
fn ahead<T>(_: &[T]) {}

#[inline]
#[target_feature(enable = "neon")]
#[expect(unsafe_code, reason = "a load by pointer")]
fn load_floats(from: &[f32; 4]) -> float32x4_t {
    // SAFETY: four floats are a vector, and the load asks for no more than their alignment.
    unsafe { vld1q_f32(from.as_ptr()) }
}

#[inline]
#[target_feature(enable = "neon")]
#[expect(unsafe_code, reason = "a load by pointer")]
fn load_unsigned(from: &[u8; 16]) -> uint8x16_t {
    // SAFETY: sixteen bytes are a vector.
    unsafe { vld1q_u8(from.as_ptr()) }
}

#[inline]
#[target_feature(enable = "neon")]
#[expect(unsafe_code, reason = "a load by pointer")]
fn load_signed(from: &[i8; 16]) -> int8x16_t {
    // SAFETY: sixteen bytes are a vector.
    unsafe { vld1q_s8(from.as_ptr()) }
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn float(row: &[[f32; 16]], query: &[[f32; 16]]) -> f32 {
    let mut sums = [vdupq_n_f32(0.0); 4];
    for (row, query) in row.iter().zip(query) {
        let (row, query) = (row.as_chunks::<4>().0, query.as_chunks::<4>().0);
        for ((sum, row), query) in sums.iter_mut().zip(row).zip(query) {
            *sum = vfmaq_f32(*sum, load_floats(row), load_floats(query));
        }
    }
    let [a, b, c, d] = sums;
    vaddvq_f32(vaddq_f32(vaddq_f32(a, b), vaddq_f32(c, d)))
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn byte(row: &[[u8; 64]], query: &[[i8; 64]]) -> i32 {
    let mut sums = [vdupq_n_s32(0); 4];
    let mut taken = [vdupq_n_s32(0); 4];
    for (row, query) in row.iter().zip(query) {
        let (row, query) = (row.as_chunks::<16>().0, query.as_chunks::<16>().0);
        for (((sum, taken), row), query) in sums.iter_mut().zip(&mut taken).zip(row).zip(query) {
            let row = vreinterpretq_s8_u8(veorq_u8(load_unsigned(row), vdupq_n_u8(128)));
            let query = load_signed(query);
            *sum = vpadalq_s16(*sum, vmull_s8(vget_low_s8(row), vget_low_s8(query)));
            *sum = vpadalq_s16(*sum, vmull_high_s8(row, query));
            *taken = vpadalq_s16(*taken, vpaddlq_s8(query));
        }
    }
    let all = |[a, b, c, d]: [int32x4_t; 4]| vaddvq_s32(vaddq_s32(vaddq_s32(a, b), vaddq_s32(c, d)));
    all(sums) + 128 * all(taken)
}

/// The products of four rows.
#[inline]
#[target_feature(enable = "neon")]
fn four_floats(rows: [&[[f32; 16]]; 4], query: &[[f32; 16]]) -> [f32; 4] {
    rows.map(|row| float(row, query))
}

/// The products of four rows.
#[inline]
#[target_feature(enable = "neon")]
fn four_bytes(rows: [&[[u8; 64]]; 4], query: &[[i8; 64]]) -> [i32; 4] {
    rows.map(|row| byte(row, query))
}

through_rows!(
    #[target_feature(enable = "neon")]
    floats,
    floats_at,
    float,
    four_floats,
    [f32; 16],
    [f32; 16],
    f32,
    ahead
);
through_rows!(
    #[target_feature(enable = "neon")]
    bytes,
    bytes_at,
    byte,
    four_bytes,
    [i8; 64],
    [u8; 64],
    i32,
    ahead
);

/// The Hadamard transform of a power of two of numbers.
#[target_feature(enable = "neon")]
pub(super) fn hadamard(numbers: &mut [f32]) {
    scalar::hadamard(numbers);
}

/// In how many bits rows of as many words differ from a query.
#[target_feature(enable = "neon")]
pub(super) fn differing(query: &[u64], rows: &[u64], out: &mut [u32]) {
    scalar::differing(query, rows, out);
}
