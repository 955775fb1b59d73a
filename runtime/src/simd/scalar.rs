//! What is computed, in plain Rust.

use super::{UNDER_WAY, through_rows};

const AHEAD: usize = 0;

/// Nothing is asked for: the compiler's vectors are slower than the memory.
fn ahead<T>(_: &[T], _: usize) {}

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

through_rows!(floats, floats_at, float, [f32; 16], [f32; 16], f32, ahead);
through_rows!(bytes, bytes_at, byte, [i8; 64], [u8; 64], i32, ahead);
