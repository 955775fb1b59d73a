//! Products for AVX2 and FMA. What they compute is told in [`scalar`](super::scalar).
//!
//! Bytes are widened to 16 bits before they are multiplied: the instruction that takes bytes as they are rounds large sums
//! of two products down.

use std::arch::x86_64::*;

use super::{UNDER_WAY, scalar, through_rows};

/// Asks for the lines of a row.
#[inline(always)]
#[expect(unsafe_code, reason = "a hint by pointer")]
pub(super) fn ahead<T>(row: &[T]) {
    let from = row.as_ptr().cast::<i8>();
    for line in 0..size_of_val(row).div_ceil(64) {
        // SAFETY: a hint reads nothing and may name any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(from.wrapping_add(64 * line)) };
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
#[expect(unsafe_code, reason = "a load by pointer")]
fn load_floats(from: &[f32; 8]) -> __m256 {
    // SAFETY: eight floats are a vector, and the load asks for no alignment.
    unsafe { _mm256_loadu_ps(from.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
#[expect(unsafe_code, reason = "a load by pointer")]
fn load_bytes<T>(from: &[T; 16]) -> __m128i {
    const { assert!(size_of::<T>() == 1) };
    // SAFETY: sixteen bytes are a vector, and the load asks for no alignment.
    unsafe { _mm_loadu_si128(from.as_ptr().cast()) }
}

/// The sum of the lanes.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn sum_floats(lanes: __m256) -> f32 {
    let four = _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps::<1>(lanes));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
}

/// The sum of the lanes.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn sum_integers(lanes: __m256i) -> i32 {
    let four = _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256::<1>(lanes));
    let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b01_00_11_10>(four));
    _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<0b10_11_00_01>(two)))
}

/// The products of bytes, each sum of two of them in a lane.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn products(row: &[u8; 16], query: &[i8; 16]) -> __m256i {
    _mm256_madd_epi16(_mm256_cvtepu8_epi16(load_bytes(row)), _mm256_cvtepi8_epi16(load_bytes(query)))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn float(row: &[[f32; 16]], query: &[[f32; 16]]) -> f32 {
    let mut sums = [_mm256_setzero_ps(); 4];
    let (row, query) = (row.as_flattened().as_chunks::<8>().0, query.as_flattened().as_chunks::<8>().0);
    let ((row, row_rest), (query, query_rest)) = (row.as_chunks::<4>(), query.as_chunks::<4>());
    for (row, query) in row.iter().zip(query) {
        for ((sum, row), query) in sums.iter_mut().zip(row).zip(query) {
            *sum = _mm256_fmadd_ps(load_floats(row), load_floats(query), *sum);
        }
    }
    for ((sum, row), query) in sums.iter_mut().zip(row_rest).zip(query_rest) {
        *sum = _mm256_fmadd_ps(load_floats(row), load_floats(query), *sum);
    }
    let [a, b, c, d] = sums;
    sum_floats(_mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d)))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn byte(row: &[[u8; 64]], query: &[[i8; 64]]) -> i32 {
    let mut sums = [_mm256_setzero_si256(); 4];
    for (row, query) in row.iter().zip(query) {
        let (row, query) = (row.as_chunks::<16>().0, query.as_chunks::<16>().0);
        for ((sum, row), query) in sums.iter_mut().zip(row).zip(query) {
            *sum = _mm256_add_epi32(*sum, products(row, query));
        }
    }
    let [a, b, c, d] = sums;
    sum_integers(_mm256_add_epi32(_mm256_add_epi32(a, b), _mm256_add_epi32(c, d)))
}

/// The products of four rows, a line of each in turn.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn four_floats(rows: [&[[f32; 16]]; 4], query: &[[f32; 16]]) -> [f32; 4] {
    let (mut sums, rows) = ([[_mm256_setzero_ps(); 2]; 4], rows.map(|row| &row[..query.len()]));
    for (at, query) in query.iter().enumerate() {
        for (sums, row) in sums.iter_mut().zip(rows) {
            let (row, query) = (row[at].as_chunks::<8>().0, query.as_chunks::<8>().0);
            for ((sum, row), query) in sums.iter_mut().zip(row).zip(query) {
                *sum = _mm256_fmadd_ps(load_floats(row), load_floats(query), *sum);
            }
        }
    }
    sums.map(|[a, b]| sum_floats(_mm256_add_ps(a, b)))
}

/// The products of four rows, a line of each in turn.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn four_bytes(rows: [&[[u8; 64]]; 4], query: &[[i8; 64]]) -> [i32; 4] {
    let (mut sums, rows) = ([_mm256_setzero_si256(); 4], rows.map(|row| &row[..query.len()]));
    for (at, query) in query.iter().enumerate() {
        let query = query.as_chunks::<16>().0;
        for (sum, row) in sums.iter_mut().zip(rows) {
            for (row, query) in row[at].as_chunks::<16>().0.iter().zip(query) {
                *sum = _mm256_add_epi32(*sum, products(row, query));
            }
        }
    }
    sums.map(|sum| sum_integers(sum))
}

through_rows!(
    #[target_feature(enable = "avx2,fma")]
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
    #[target_feature(enable = "avx2,fma")]
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
#[target_feature(enable = "avx2,fma")]
pub(super) fn hadamard(numbers: &mut [f32]) {
    scalar::hadamard(numbers);
}

/// In how many bits rows of as many words differ from a query.
#[target_feature(enable = "avx2,fma,popcnt")]
pub(super) fn differing(query: &[u64], rows: &[u64], out: &mut [u32]) {
    scalar::differing(query, rows, out);
}
