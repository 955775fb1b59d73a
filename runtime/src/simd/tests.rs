//! Every level against plain sums, on random vectors of random lengths.

use fastrand::Rng;

use super::lines::{self, Floats, Signed, Unsigned};
use super::*;

fn floats(random: &mut Rng, len: usize) -> Vec<f32> {
    let scale = [1.0, 1e-3, 1e3][random.usize(..3)];
    (0..len).map(|_| (random.f32() * 2.0 - 1.0) * scale).collect()
}

fn bytes(random: &mut Rng, len: usize) -> (Vec<u8>, Vec<i8>) {
    // Among them those whose products are the largest, in a row.
    match random.u32(..4) {
        0 => (vec![255; len], vec![-128; len]),
        1 => (vec![255; len], vec![127; len]),
        _ => (0..len).map(|_| (random.u8(..), random.i8(..))).unzip(),
    }
}

/// The product, and the sum of the sizes of what it adds up.
fn truly(a: &[f32], b: &[f32]) -> (f64, f64) {
    let products = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b));
    products.fold((0.0, 0.0), |(sum, size), product| (sum + product, size + product.abs()))
}

fn exactly(a: &[u8], b: &[i8]) -> i32 {
    a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
}

fn lengths(random: &mut Rng) -> impl Iterator<Item = usize> {
    let random: Vec<usize> = (0..200).map(|_| random.usize(..2000)).collect();
    (0..200).chain(random)
}

#[test]
fn products_of_floats_are_the_plain_ones_within_rounding() {
    let mut random = Rng::with_seed(1);
    for len in lengths(&mut random.clone()) {
        let (a, b) = (floats(&mut random, len), floats(&mut random, len));
        let (expected, size) = truly(&a, &b);
        for level in Level::all() {
            let found = f64::from(dot(level, &a, &b));
            let most = f64::from(rounding(len)) * size;
            assert!((found - expected).abs() <= most, "{level:?}, {len}: {found}, not {expected}");
        }
    }
}

#[test]
fn products_of_bytes_are_the_plain_ones() {
    let mut random = Rng::with_seed(2);
    for len in lengths(&mut random.clone()) {
        let (a, b) = bytes(&mut random, len);
        for level in Level::all() {
            assert_eq!(dot_bytes(level, &a, &b), exactly(&a, &b), "{level:?}, {len}");
        }
    }
}

#[test]
fn rows_one_after_the_other_and_here_and_there() {
    let mut random = Rng::with_seed(3);
    for _ in 0..100 {
        let (len, rows) = (random.usize(1..700), random.usize(1..50));
        let at: Vec<u32> = (0..random.usize(..70)).map(|_| random.u32(..rows as u32)).collect();
        let all: Vec<Vec<f32>> = (0..rows).map(|_| floats(&mut random, len)).collect();
        let query = floats(&mut random, len);
        let stored: Vec<Floats> = all.iter().flat_map(|row| lines::of::<Floats>(row)).collect();
        let (as_bytes, signed): (Vec<_>, Vec<_>) = (0..rows).map(|_| bytes(&mut random, len)).unzip();
        let stored_bytes: Vec<Unsigned> =
            as_bytes.iter().flat_map(|row| lines::of::<Unsigned>(row)).collect();
        for level in Level::all() {
            let mut found = vec![0.0; rows];
            dots(level, &lines::of::<Floats>(&query), &stored, &mut found);
            let mut some = vec![0.0; at.len()];
            dots_at(level, &lines::of::<Floats>(&query), &stored, &at, &mut some);
            let found = all.iter().zip(found).chain(at.iter().map(|at| &all[*at as usize]).zip(some));
            for (row, found) in found {
                let (expected, size) = truly(row, &query);
                assert!((f64::from(found) - expected).abs() <= f64::from(rounding(len)) * size, "{level:?}");
            }
            let query = lines::of::<Signed>(&signed[0]);
            let mut found = vec![0; rows];
            byte_dots(level, &query, &stored_bytes, &mut found);
            let expected: Vec<i32> = as_bytes.iter().map(|row| exactly(row, &signed[0])).collect();
            assert_eq!(found, expected, "{level:?}");
            let mut some = vec![0; at.len()];
            byte_dots_at(level, &query, &stored_bytes, &at, &mut some);
            assert_eq!(some, at.iter().map(|at| expected[*at as usize]).collect::<Vec<_>>(), "{level:?}");
        }
    }
}

#[test]
fn what_there_is_not_is_not_used() {
    let here: Vec<Level> = Level::all().collect();
    assert_eq!(here.first(), Some(&Level::Scalar));
    assert!(here.contains(&Level::detect()));
    for level in [Level::Scalar, Level::Neon, Level::Avx2, Level::Avx512Vnni] {
        assert!(here.contains(&level.usable()), "{level:?}");
    }
    assert_eq!(dot(Level::Neon, &[2.0], &[3.0]), 6.0);
}

#[test]
fn lines_are_aligned_and_filled_up() {
    let lines: Vec<Unsigned> = lines::of(&[1, 2, 3]);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines.as_ptr().addr() % 64, 0);
    assert_eq!(lines::numbers(&lines)[..5], [1, 2, 3, 128, 128]);
}

#[test]
fn hadamard_transforms_are_the_plain_ones() {
    let mut random = Rng::with_seed(5);
    for power in 0..10 {
        let numbers = floats(&mut random, 1 << power);
        let sign = |row: usize, at: usize| if (row & at).count_ones().is_multiple_of(2) { 1.0 } else { -1.0 };
        for level in Level::all() {
            let mut found = numbers.clone();
            hadamard(level, &mut found);
            for (row, found) in found.iter().enumerate() {
                let terms = numbers.iter().enumerate().map(|(at, x)| sign(row, at) * f64::from(*x));
                let (expected, size) = terms.fold((0.0, 0.0), |(sum, size), x| (sum + x, size + f64::abs(x)));
                assert!((f64::from(*found) - expected).abs() <= 1e-6 * size, "{level:?}, {power}");
            }
        }
    }
}

#[test]
fn bits_that_differ_are_counted() {
    let mut random = Rng::with_seed(4);
    for _ in 0..200 {
        let (len, rows) = (random.usize(1..30), random.usize(..50));
        let mut words = |count: usize| -> Vec<u64> {
            (0..count).map(|_| [0, u64::MAX, random.u64(..)][random.usize(..3)]).collect()
        };
        let (query, all) = (words(len), words(len * rows));
        let naive = |row: &[u64]| -> u32 {
            let bit = |at: usize| (row[at / 64] >> (at % 64) & 1) != (query[at / 64] >> (at % 64) & 1);
            (0..64 * len).map(|at| u32::from(bit(at))).sum()
        };
        let expected: Vec<u32> = all.chunks(len).map(naive).collect();
        for level in Level::all() {
            let mut found = vec![0; rows];
            differing(level, &query, &all, &mut found);
            assert_eq!(found, expected, "{level:?}");
        }
    }
}
