//! What is computed, in plain Rust.

use super::{UNDER_WAY, through_rows};

/// Nothing is asked for: the compiler's vectors are slower than the memory.
fn ahead<T>(_: &[T]) {}

/// The product of two vectors, summed in sixteen lanes.
pub(super) fn float(row: &[[f32; 16]], query: &[[f32; 16]]) -> f32 {
    let mut sums = [0.0_f32; 16];
    for (row, query) in row.iter().zip(query) {
        for ((sum, row), query) in sums.iter_mut().zip(row).zip(query) {
            *sum += row * query;
        }
    }
    sums.iter().sum()
}

/// The product of unsigned by signed bytes.
pub(super) fn byte(row: &[[u8; 64]], query: &[[i8; 64]]) -> i32 {
    let product = |(row, query): (&u8, &i8)| i32::from(i16::from(*row) * i16::from(*query));
    row.iter().zip(query).map(|(row, query)| row.iter().zip(query).map(product).sum::<i32>()).sum()
}

/// The products of four rows.
fn four_floats(rows: [&[[f32; 16]]; 4], query: &[[f32; 16]]) -> [f32; 4] {
    rows.map(|row| float(row, query))
}

/// The products of four rows.
fn four_bytes(rows: [&[[u8; 64]]; 4], query: &[[i8; 64]]) -> [i32; 4] {
    rows.map(|row| byte(row, query))
}

through_rows!(floats, floats_at, float, four_floats, [f32; 16], [f32; 16], f32, ahead);
through_rows!(bytes, bytes_at, byte, four_bytes, [i8; 64], [u8; 64], i32, ahead);

/// Sums and differences of neighbours, of pairs, of fours and so on. Inlined, so that it is compiled for each level; the
/// first three steps at once, since the compiler has vectors for what lies eight apart.
#[inline(always)]
pub(super) fn hadamard(numbers: &mut [f32]) {
    let (eights, rest) = numbers.as_chunks_mut::<8>();
    eights.iter_mut().for_each(|eight| *eight = of_eight(*eight));
    steps(rest, 1);
    steps(numbers, 8);
}

/// The steps from one on, of a power of two of numbers.
#[inline(always)]
fn steps(numbers: &mut [f32], from: usize) {
    let mut half = from;
    while half < numbers.len() {
        for pair in numbers.chunks_exact_mut(2 * half) {
            let (a, b) = pair.split_at_mut(half);
            a.iter_mut().zip(b).for_each(|(a, b)| (*a, *b) = (*a + *b, *a - *b));
        }
        half *= 2;
    }
}

#[inline(always)]
fn of_eight(x: [f32; 8]) -> [f32; 8] {
    let step = |x: [f32; 8], half: usize| -> [f32; 8] {
        std::array::from_fn(|at| if at & half == 0 { x[at] + x[at ^ half] } else { x[at ^ half] - x[at] })
    };
    step(step(step(x, 1), 2), 4)
}

/// In how many bits rows of as many words differ from a query. Inlined, so that it is compiled for each level; and for
/// the usual lengths of vectors.
#[inline(always)]
pub(super) fn differing(query: &[u64], rows: &[u64], out: &mut [u32]) {
    match query.len() {
        4 => differing_in::<4>(query, rows, out),
        6 => differing_in::<6>(query, rows, out),
        8 => differing_in::<8>(query, rows, out),
        12 => differing_in::<12>(query, rows, out),
        16 => differing_in::<16>(query, rows, out),
        24 => differing_in::<24>(query, rows, out),
        len => {
            for (row, out) in rows.chunks_exact(len.max(1)).zip(out) {
                *out = bits_apart(row, query);
            }
        }
    }
}

#[inline(always)]
fn differing_in<const WORDS: usize>(query: &[u64], rows: &[u64], out: &mut [u32]) {
    let Some(query) = query.first_chunk::<WORDS>() else { return };
    for (row, out) in rows.as_chunks::<WORDS>().0.iter().zip(out) {
        *out = bits_apart(row, query);
    }
}

#[inline(always)]
fn bits_apart(row: &[u64], query: &[u64]) -> u32 {
    row.iter().zip(query).map(|(row, query)| (row ^ query).count_ones()).sum()
}
