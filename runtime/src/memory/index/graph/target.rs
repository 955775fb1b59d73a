//! How near the vectors of a graph are to one, by their codes, which are a quarter as long as their floats.
//!
//! What a search of a graph costs is reading vectors from all over the memory. By codes it reads less, and errs a little:
//! who asks compares the best of what is found in full.

use super::Space;
use crate::simd;
use crate::simd::lines::Signed;

/// How many products are taken at once.
const AT_ONCE: usize = 64;

/// What is looked for, as codes. Its scores compare only with each other.
#[derive(Debug, Clone, Copy)]
pub(in crate::memory::index) struct Target<'a> {
    pub(in crate::memory::index) space: Space<'a>,
    pub(in crate::memory::index) codes: &'a [Signed],
}

impl Target<'_> {
    pub(super) fn score(self, slot: u32) -> f32 {
        let mut product = [0];
        simd::byte_dots_at(self.space.level, self.codes, &self.space.rows.codes, &[slot], &mut product);
        product[0] as f32
    }

    pub(super) fn scores(self, at: &[u32], out: &mut Vec<f32>) {
        let Space { rows, level } = self.space;
        let mut products = [0; AT_ONCE];
        out.clear();
        for at in at.chunks(AT_ONCE) {
            let products = &mut products[..at.len()];
            simd::byte_dots_at(level, self.codes, &rows.codes, at, products);
            out.extend(products.iter().map(|product| *product as f32));
        }
    }
}
