//! Products of vectors, for the instructions that this processor has: what search among the vectors of memory stands on.
//!
//! Vectors that are compared often are kept as [`lines`]: 64 bytes, aligned, filled up with what counts nothing. Numbers
//! are floats, or bytes that are 128 too large (so that dot products of unsigned by signed bytes serve, which processors
//! have). Products of bytes are the same to the bit whatever the instructions; products of floats differ by their
//! rounding, and [`rounding`] says how much they may.
//!
//! `level` finds out what there is, `scalar` says what is computed, in plain Rust, and the files of the instruction sets
//! compute the same. It is the one place of search that has `unsafe`: loads by pointer, and calls of what was compiled
//! for instructions that were found before. It knows nothing of memories.
//! Lines are of this crate alone: what is seen as numbers without a look at its type has to be numbers and nothing else.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod level;
pub(crate) mod lines;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;
#[cfg(test)]
mod tests;

pub use level::Level;
use lines::{Floats, Signed, Unsigned};

/// The most that a product of floats differs from the true one, as a part of the product of the lengths of both vectors.
/// Each level sums in at least eight lanes.
pub fn rounding(numbers: usize) -> f32 {
    (numbers / 8 + 16) as f32 * f32::EPSILON
}

/// Calls the function of a level that this processor has.
macro_rules! dispatch {
    ($level:expr, $name:ident($($arg:expr),*)) => {
        match $level.usable() {
            // SAFETY: `usable` says that this processor has the instructions.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512Vnni => unsafe { avx512::$name($($arg),*) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { avx2::$name($($arg),*) },
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            Level::Neon => unsafe { neon::$name($($arg),*) },
            _ => scalar::$name($($arg),*),
        }
    };
}

/// The product of two vectors of the same length; of others, of what both have.
#[cfg_attr(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    expect(unsafe_code, reason = "calls what was compiled for a level")
)]
pub fn dot(level: Level, a: &[f32], b: &[f32]) -> f32 {
    let (a, b) = (&a[..a.len().min(b.len())], &b[..a.len().min(b.len())]);
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks(), b.as_chunks());
    dispatch!(level, float(a, b)) + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

/// The product of unsigned by signed bytes.
#[cfg_attr(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    expect(unsafe_code, reason = "calls what was compiled for a level")
)]
pub fn dot_bytes(level: Level, a: &[u8], b: &[i8]) -> i32 {
    let (a, b) = (&a[..a.len().min(b.len())], &b[..a.len().min(b.len())]);
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks(), b.as_chunks());
    let rest: i32 = a_rest.iter().zip(b_rest).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
    dispatch!(level, byte(a, b)) + rest
}

/// The products of a vector by rows of as many lines, one after the other.
#[cfg_attr(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    expect(unsafe_code, reason = "calls what was compiled for a level")
)]
pub(crate) fn dots(level: Level, query: &[Floats], rows: &[Floats], out: &mut [f32]) {
    dispatch!(level, floats(lines::plain(query), lines::plain(rows), out));
}

/// The products of a vector by some of the rows.
#[cfg_attr(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    expect(unsafe_code, reason = "calls what was compiled for a level")
)]
pub(crate) fn dots_at(level: Level, query: &[Floats], rows: &[Floats], at: &[u32], out: &mut [f32]) {
    dispatch!(level, floats_at(lines::plain(query), lines::plain(rows), at, out));
}

/// The products of a vector by rows of as many lines, one after the other.
#[cfg_attr(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    expect(unsafe_code, reason = "calls what was compiled for a level")
)]
pub(crate) fn byte_dots(level: Level, query: &[Signed], rows: &[Unsigned], out: &mut [i32]) {
    dispatch!(level, bytes(lines::plain(query), lines::plain(rows), out));
}

/// The products of a vector by some of the rows.
#[cfg_attr(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    expect(unsafe_code, reason = "calls what was compiled for a level")
)]
pub(crate) fn byte_dots_at(level: Level, query: &[Signed], rows: &[Unsigned], at: &[u32], out: &mut [i32]) {
    dispatch!(level, bytes_at(lines::plain(query), lines::plain(rows), at, out));
}

/// In how many bits rows of as many words, one after the other, differ from a query.
#[cfg_attr(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    expect(unsafe_code, reason = "calls what was compiled for a level")
)]
pub fn differing(level: Level, query: &[u64], rows: &[u64], out: &mut [u32]) {
    dispatch!(level, differing(query, rows, out));
}

/// The Hadamard transform of a power of two of numbers, larger by the root of how many there are.
#[cfg_attr(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    expect(unsafe_code, reason = "calls what was compiled for a level")
)]
pub fn hadamard(level: Level, numbers: &mut [f32]) {
    dispatch!(level, hadamard(numbers));
}

/// How many bytes of rows are asked for before they are used.
const UNDER_WAY: usize = 2048;

/// Defines for a level what goes through rows: `one` is the product of two vectors, `four` are those of four rows, `ahead`
/// asks for a row that comes.
macro_rules! through_rows {
    ($(#[$attribute:meta])* $all:ident, $some:ident, $one:ident, $four:ident, $query:ty, $row:ty, $out:ty, $ahead:ident) => {
        $(#[$attribute])*
        pub(super) fn $all(query: &[$query], rows: &[$row], out: &mut [$out]) {
            let row = |at: usize| &rows[at * query.len()..][..query.len()];
            // The memory gives more to who reads at several places at once.
            let part = out.len() / 4;
            for at in 0..part {
                let at = [at, part + at, 2 * part + at, 3 * part + at];
                for (at, product) in at.into_iter().zip($four(at.map(row), query)) {
                    out[at] = product;
                }
            }
            for at in 4 * part..out.len() {
                out[at] = $one(row(at), query);
            }
        }

        $(#[$attribute])*
        pub(super) fn $some(query: &[$query], rows: &[$row], at: &[u32], out: &mut [$out]) {
            let row = |at: &u32| &rows[*at as usize * query.len()..][..query.len()];
            // As many rows are under way at once as a core can wait for.
            let under_way = (UNDER_WAY / size_of_val(query).max(1)).max(1);
            at.iter().take(under_way).for_each(|at| $ahead(row(at)));
            for ((which, this), out) in at.iter().enumerate().zip(out) {
                if let Some(next) = at.get(which + under_way) {
                    $ahead(row(next));
                }
                *out = $one(row(this), query);
            }
        }
    };
}
use through_rows;
