//! The nearest vectors by comparing all: in full, or by codes first, or by signs before.

use super::bits::{Bits, ones};
use super::codes;
use super::rows::Rows;
use super::signs;
use super::top::Top;
use crate::memory::store::{Match, best, cosine, unit};
use crate::simd::lines::{self, Floats};
use crate::simd::{self, Level};

/// A vector that is looked for.
#[derive(Debug)]
pub(super) struct Query {
    /// Of length 1.
    pub(super) vector: Vec<f32>,
    pub(super) lines: Vec<Floats>,
    pub(super) level: Level,
}

impl Query {
    pub(super) fn new(vector: &[f32], level: Level) -> Self {
        let vector = unit(vector);
        let lines = lines::of(&vector);
        Self { vector, lines, level }
    }
}

/// The nearest of a set, to the bit what comparing all by [`cosine`] says: all are kept that might be among the best, by
/// how much products of floats may differ.
pub(super) fn exact(rows: &Rows, query: &Query, set: &Bits, most: usize) -> Vec<Match> {
    let mut top = Top::new(most, 2.1 * simd::rounding(rows.dimensions));
    let (level, len) = (query.level, rows.lines);
    let block = |first: usize, out: &mut [f32]| {
        simd::dots(level, &query.lines, &rows.floats[first * len..][..out.len() * len], out);
    };
    let some = |at: &[u32], out: &mut [f32]| simd::dots_at(level, &query.lines, &rows.floats, at, out);
    each(rows.len(), set, block, some, |score| score, &mut top);
    compared(rows, query, top.into_found().into_iter().map(|(_, slot)| slot), most)
}

/// The nearest of a set by codes, the best of which are compared in full; of many, by the codes of those whose signs are
/// alike. Finds nearly all of what [`exact`] finds.
pub(super) fn coded(rows: &Rows, query: &Query, set: &Bits, most: usize) -> Vec<Match> {
    let mut top = Top::new(compared_in_full(most), 0.0);
    let (level, len, rotated) = (query.level, rows.code_lines, rows.rotated(&query.vector));
    let codes = codes::query(&rotated);
    let some = |at: &[u32], out: &mut [i32]| simd::byte_dots_at(level, &codes, &rows.codes, at, out);
    if signs::are_worth(rows, set.count()) {
        signs::offer(rows, level, &rows.signs_of(rotated), set, most, some, &mut top);
    } else {
        let block = |first: usize, out: &mut [i32]| {
            simd::byte_dots(level, &codes, &rows.codes[first * len..][..out.len() * len], out);
        };
        each(rows.len(), set, block, some, |score| score as f32, &mut top);
    }
    let mut slots: Vec<u32> = top.into_found().into_iter().map(|(_, slot)| slot).collect();
    slots.extend(rows.outliers.iter().copied().filter(|slot| set.has(*slot)));
    slots.sort_unstable();
    slots.dedup();
    compared(rows, query, slots.into_iter(), most)
}

/// How many of the best by codes are compared in full.
pub(super) fn compared_in_full(most: usize) -> usize {
    (4 * most).max(40)
}

/// The best of these slots.
pub(super) fn compared(
    rows: &Rows,
    query: &Query,
    slots: impl Iterator<Item = u32>,
    most: usize,
) -> Vec<Match> {
    let scored = |slot| Match { id: rows.id(slot), score: cosine(&query.vector, rows.vector(slot)) };
    best(slots.map(scored).collect(), most)
}

/// How many words of a set are compared at once, where much of them is meant: what is read at several places is read faster,
/// if those are not next to each other.
const AT_ONCE: usize = 16;

/// Offers the products of a set of slots, part by part: of all its slots where many are meant, else of those alone.
fn each<S: Copy + Default>(
    len: usize,
    set: &Bits,
    block: impl Fn(usize, &mut [S]),
    some: impl Fn(&[u32], &mut [S]),
    score: impl Fn(S) -> f32,
    top: &mut Top,
) {
    let (mut out, mut at) = ([S::default(); 64 * AT_ONCE], [0_u32; 64]);
    for (first, words) in parts(set.words()) {
        if !are_many(words) {
            let count = at.iter_mut().zip(ones(words[0])).map(|(at, bit)| *at = first as u32 + bit).count();
            let (at, out) = (&at[..count], &mut out[..count]);
            some(at, out);
            at.iter().zip(out).for_each(|(at, product)| top.offer(score(*product), *at));
            continue;
        }
        let out = &mut out[..(64 * words.len()).min(len - first)];
        block(first, out);
        for (bit, product) in out.iter().enumerate() {
            let product = score(*product);
            if product >= top.threshold() && words[bit / 64] >> (bit % 64) & 1 == 1 {
                top.offer(product, (first + bit) as u32);
            }
        }
    }
}

/// The words of a set that are compared at once, with the slot that they begin with.
fn parts(words: &[u64]) -> impl Iterator<Item = (usize, &[u64])> {
    (0..).step_by(64 * AT_ONCE).zip(words.chunks(AT_ONCE)).flat_map(|(first, words)| {
        let size = if are_many(words) { AT_ONCE } else { 1 };
        (first..).step_by(64 * size).zip(words.chunks(size))
    })
}

/// Whether so many are meant that it is best to compare all.
fn are_many(words: &[u64]) -> bool {
    words.iter().all(|word| word.count_ones() >= 16)
}
