//! Products for AVX-512 with VNNI. What they compute is told in [`scalar`](super::scalar).

use std::arch::x86_64::*;

use super::avx2::ahead;
use super::{UNDER_WAY, scalar, through_rows};

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
#[expect(unsafe_code, reason = "a load by pointer")]
fn load_floats(from: &[f32; 16]) -> __m512 {
    // SAFETY: sixteen floats are a vector, and the load asks for no alignment.
    unsafe { _mm512_loadu_ps(from.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
#[expect(unsafe_code, reason = "a load by pointer")]
fn load_bytes<T>(from: &[T; 64]) -> __m512i {
    const { assert!(size_of::<T>() == 1) };
    // SAFETY: 64 bytes are a vector, and the load asks for no alignment.
    unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn float(row: &[[f32; 16]], query: &[[f32; 16]]) -> f32 {
    let mut sums = [_mm512_setzero_ps(); 4];
    let ((row, row_rest), (query, query_rest)) = (row.as_chunks::<4>(), query.as_chunks::<4>());
    for (row, query) in row.iter().zip(query) {
        for ((sum, row), query) in sums.iter_mut().zip(row).zip(query) {
            *sum = _mm512_fmadd_ps(load_floats(row), load_floats(query), *sum);
        }
    }
    for ((sum, row), query) in sums.iter_mut().zip(row_rest).zip(query_rest) {
        *sum = _mm512_fmadd_ps(load_floats(row), load_floats(query), *sum);
    }
    let [a, b, c, d] = sums;
    _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(a, b), _mm512_add_ps(c, d)))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn byte(row: &[[u8; 64]], query: &[[i8; 64]]) -> i32 {
    let mut sums = [_mm512_setzero_si512(); 2];
    let ((row, row_rest), (query, query_rest)) = (row.as_chunks::<2>(), query.as_chunks::<2>());
    for (row, query) in row.iter().zip(query) {
        for ((sum, row), query) in sums.iter_mut().zip(row).zip(query) {
            *sum = _mm512_dpbusd_epi32(*sum, load_bytes(row), load_bytes(query));
        }
    }
    for ((sum, row), query) in sums.iter_mut().zip(row_rest).zip(query_rest) {
        *sum = _mm512_dpbusd_epi32(*sum, load_bytes(row), load_bytes(query));
    }
    _mm512_reduce_add_epi32(_mm512_add_epi32(sums[0], sums[1]))
}

/// The products of four rows, a line of each in turn.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn four_floats(rows: [&[[f32; 16]]; 4], query: &[[f32; 16]]) -> [f32; 4] {
    let (mut sums, rows) = ([_mm512_setzero_ps(); 4], rows.map(|row| &row[..query.len()]));
    for (at, query) in query.iter().enumerate() {
        for (sum, row) in sums.iter_mut().zip(rows) {
            *sum = _mm512_fmadd_ps(load_floats(&row[at]), load_floats(query), *sum);
        }
    }
    sums.map(|sum| _mm512_reduce_add_ps(sum))
}

/// The products of four rows, a line of each in turn.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn four_bytes(rows: [&[[u8; 64]]; 4], query: &[[i8; 64]]) -> [i32; 4] {
    let (mut sums, rows) = ([_mm512_setzero_si512(); 4], rows.map(|row| &row[..query.len()]));
    for (at, query) in query.iter().enumerate() {
        for (sum, row) in sums.iter_mut().zip(rows) {
            *sum = _mm512_dpbusd_epi32(*sum, load_bytes(&row[at]), load_bytes(query));
        }
    }
    sums.map(|sum| _mm512_reduce_add_epi32(sum))
}

through_rows!(
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
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
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
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
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn hadamard(numbers: &mut [f32]) {
    scalar::hadamard(numbers);
}

/// In how many bits rows of as many words differ from a query.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,popcnt")]
pub(super) fn differing(query: &[u64], rows: &[u64], out: &mut [u32]) {
    scalar::differing(query, rows, out);
}
