//! Kernels for AVX2 and AVX-512. What they compute is told in [`scalar`](super::scalar).
//!
//! Inputs are broadcast from where they lie, so that nothing is packed. A few registers hold columns of weights, all
//! others sums.
#![allow(clippy::needless_range_loop, reason = "loops over registers, which the compiler unrolls")]

use std::arch::x86_64::*;

use super::super::tiles::{Halves, ROWS};
use super::{After, Finish, finish_each};

/// The fewest columns of all strips, for `MR` rows of so many numbers at least.
#[inline(always)]
fn shared<T, const MR: usize, const NT: usize>(columns: &[&[T]; NT], rows: &[&[f32]; MR]) -> usize {
    let columns = columns.iter().map(|columns| columns.len());
    columns.chain(rows.iter().map(|row| row.len())).min().unwrap_or(0)
}

/// Asks for the line of a column that is needed soon. Nothing to ask for: the same column again.
#[inline(always)]
#[expect(unsafe_code, reason = "a hint by pointer")]
fn ask<T>(ahead: *const T, at: usize) {
    // SAFETY: a hint reads nothing and may name any address.
    unsafe { _mm_prefetch::<_MM_HINT_T1>(ahead.wrapping_add(at).cast()) };
}

macro_rules! kernels {
    ($features:literal, $lanes:literal, $zero:ident, $splat:ident, $fma:ident, $store:ident;
     $($(#[$attribute:meta])* $vis:vis fn $name:ident($column:ty) = $wide:ident;)*) => {
        #[target_feature(enable = $features)]
        fn finished(finish: Finish, sums: &mut [[f32; ROWS]]) {
            finish_each(finish, sums);
        }
        $(
        $(#[$attribute])*
        #[target_feature(enable = $features)]
        $vis fn $name<const MR: usize, const NT: usize>(
            columns: [&[$column]; NT],
            rows: [&[f32]; MR],
            ahead: &[$column],
            after: After<'_, NT>,
            out: &mut [&mut [f32]; MR],
        ) {
            const PARTS: usize = ROWS / $lanes;
            let count = shared(&columns, &rows);
            let ahead = if ahead.is_empty() { columns[0] } else { ahead }.as_ptr();
            let weights = columns.map(|columns| columns.as_ptr());
            let rows = rows.map(|row| row.as_ptr());
            let mut acc = [[[$zero(); PARTS]; NT]; MR];
            for strip in 0..NT {
                let bias = single(after.bias[strip]);
                for row in 0..MR {
                    acc[row][strip] = bias;
                }
            }
            for at in 0..count {
                ask(ahead, at);
                let mut w = [[$zero(); PARTS]; NT];
                for strip in 0..NT {
                    // SAFETY: `at` is below the length of all columns and rows.
                    w[strip] = $wide(unsafe { &*weights[strip].add(at) });
                }
                for row in 0..MR {
                    // SAFETY: as above.
                    let x = $splat(unsafe { *rows[row].add(at) });
                    for strip in 0..NT {
                        for part in 0..PARTS {
                            acc[row][strip][part] = $fma(w[strip][part], x, acc[row][strip][part]);
                        }
                    }
                }
            }
            let store = |from: &[[[_; PARTS]; NT]; MR], out: &mut [&mut [f32]; MR]| {
                for row in 0..MR {
                    for (out, from) in out[row].chunks_exact_mut($lanes).zip(from[row].as_flattened()) {
                        // SAFETY: the chunk has as many floats as the vector, and the store asks for no alignment.
                        unsafe { $store(out.as_mut_ptr(), *from) };
                    }
                }
            };
            if after.finish == Finish::Plain {
                return store(&acc, out);
            }
            let mut sums = [[[0.0; ROWS]; NT]; MR];
            let mut into = sums.each_mut().map(|sums| sums.as_flattened_mut());
            store(&acc, &mut into);
            finished(after.finish, sums.as_flattened_mut());
            for (out, sums) in out.iter_mut().zip(&sums) {
                out.as_chunks_mut::<ROWS>().0.iter_mut().zip(sums).for_each(|(out, sums)| *out = *sums);
            }
        }
    )*};
}

#[expect(unsafe_code, reason = "loads, stores and hints by pointer")]
pub(super) mod avx512 {
    use super::*;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma,f16c")]
    fn single(from: &[f32; ROWS]) -> [__m512; 1] {
        // SAFETY: 16 floats are a vector, and the load asks for no alignment.
        unsafe { [_mm512_loadu_ps(from.as_ptr())] }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma,f16c")]
    fn bits(from: &Halves) -> __m256i {
        // SAFETY: 16 numbers of two bytes are a vector, and the load asks for no alignment.
        unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma,f16c")]
    fn half(from: &Halves) -> [__m512; 1] {
        [_mm512_cvtph_ps(bits(from))]
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma,f16c")]
    fn brain(from: &Halves) -> [__m512; 1] {
        [_mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(bits(from))))]
    }

    kernels! {
        "avx512f,avx512bw,avx512dq,avx512vl,fma,f16c", 16, _mm512_setzero_ps, _mm512_set1_ps, _mm512_fmadd_ps,
        _mm512_storeu_ps;
        pub(in super::super) fn singles([f32; ROWS]) = single;
        pub(in super::super) fn halves(Halves) = half;
        pub(in super::super) fn brains(Halves) = brain;
    }
}

#[expect(unsafe_code, reason = "loads, stores and hints by pointer")]
pub(super) mod avx2 {
    use super::*;

    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    fn single(from: &[f32; ROWS]) -> [__m256; 2] {
        // SAFETY: 16 floats are two vectors, and the loads ask for no alignment.
        unsafe { [_mm256_loadu_ps(from.as_ptr()), _mm256_loadu_ps(from.as_ptr().add(8))] }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    fn bits(from: &Halves) -> [__m128i; 2] {
        let from = from.as_ptr().cast::<__m128i>();
        // SAFETY: 16 numbers of two bytes are two vectors, and the loads ask for no alignment.
        unsafe { [_mm_loadu_si128(from), _mm_loadu_si128(from.add(1))] }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    fn half(from: &Halves) -> [__m256; 2] {
        bits(from).map(|bits| _mm256_cvtph_ps(bits))
    }

    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    fn brain(from: &Halves) -> [__m256; 2] {
        bits(from).map(|bits| _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(bits))))
    }

    kernels! {
        "avx2,fma,f16c", 8, _mm256_setzero_ps, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_storeu_ps;
        #[inline]
        fn few_singles([f32; ROWS]) = single;
        #[inline]
        fn few_halves(Halves) = half;
        #[inline]
        fn few_brains(Halves) = brain;
    }

    /// As many rows of one strip at a time as there are registers for.
    macro_rules! in_groups {
        ($($name:ident($column:ty) = $few:ident;)*) => {$(
            #[target_feature(enable = "avx2,fma,f16c")]
            pub(in super::super) fn $name<const MR: usize, const NT: usize>(
                columns: [&[$column]; NT],
                rows: [&[f32]; MR],
                ahead: &[$column],
                after: After<'_, NT>,
                out: &mut [&mut [f32]; MR],
            ) {
                for strip in 0..NT {
                    macro_rules! group {
                        ($size:literal) => {
                            for (rows, out) in rows.as_chunks().0.iter().zip(out.as_chunks_mut::<$size>().0) {
                                let mut out = out.each_mut().map(|out| &mut out[strip * ROWS..][..ROWS]);
                                let after = After { bias: [after.bias[strip]], finish: after.finish };
                                $few([columns[strip]], *rows, ahead, after, &mut out);
                            }
                        };
                    }
                    match MR {
                        12 => group!(6),
                        8 | 4 => group!(4),
                        2 => group!(2),
                        _ => group!(1),
                    }
                }
            }
        )*};
    }

    in_groups! {
        singles([f32; ROWS]) = few_singles;
        halves(Halves) = few_halves;
        brains(Halves) = few_brains;
    }
}
