//! Following links to what is near.

use super::{Entry, Graph, Target, linked};
use crate::memory::index::bits::Bits;

/// Marks a candidate whose links were followed.
const DONE: u32 = 1 << 31;

/// What a search writes down, kept for the next one.
#[derive(Debug, Default)]
pub(in crate::memory::index) struct Scratch {
    /// What was seen, and which words of it are not empty.
    seen: Vec<u64>,
    touched: Vec<u32>,
    /// The best so far, the best first.
    pool: Vec<(f32, u32)>,
    pub(super) fresh: Vec<u32>,
    /// What is gone, and has to be looked beyond.
    gone: Vec<u32>,
    pub(super) scores: Vec<f32>,
}

/// What is looked for on a level.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// How many of the nearest are kept.
    pub(super) effort: usize,
    pub(super) level: u8,
    /// What leads on, but is not found.
    pub(super) dead: &'a Bits,
}

impl Scratch {
    pub(super) fn clear(&mut self, slots: usize) {
        for word in self.touched.drain(..) {
            self.seen[word as usize] = 0;
        }
        self.seen.resize(slots.div_ceil(64), 0);
    }

    /// Whether a slot is seen for the first time.
    pub(super) fn see(&mut self, slot: u32) -> bool {
        let word = slot / 64;
        let Some(seen) = self.seen.get_mut(word as usize) else { return false };
        if *seen == 0 {
            self.touched.push(word);
        }
        let before = *seen;
        *seen |= 1 << (slot % 64);
        before != *seen
    }

    /// The best that were found, the best first.
    pub(in crate::memory::index) fn found(&self) -> impl Iterator<Item = (f32, u32)> {
        self.pool.iter().map(|(score, slot)| (*score, slot & !DONE))
    }
}

impl Graph {
    /// Leaves the `effort` nearest in the scratch. All that were compared are offered. Nothing that is dead is found.
    pub(in crate::memory::index) fn search(
        &self,
        to: Target<'_>,
        effort: usize,
        dead: &Bits,
        scratch: &mut Scratch,
        offer: impl FnMut(f32, u32),
    ) {
        scratch.pool.clear();
        let Some(Entry { slot, level }) = self.entry() else { return };
        let mut best = (to.score(slot), slot);
        for level in (1..=level).rev() {
            scratch.clear(self.levels.len());
            best = self.climb(to, best, level, dead, scratch);
        }
        scratch.clear(self.levels.len());
        let wanted = Wanted { effort, level: 0, dead };
        self.search_level(to, &[best], wanted, scratch, offer);
    }

    /// The nearest on a level that can be reached by ever nearer ones, but for what was seen.
    pub(super) fn climb(
        &self,
        to: Target<'_>,
        mut best: (f32, u32),
        level: u8,
        dead: &Bits,
        scratch: &mut Scratch,
    ) -> (f32, u32) {
        loop {
            let from = best.1;
            self.look_around(from, level, dead, scratch);
            to.scores(&scratch.fresh, &mut scratch.scores);
            for (score, slot) in scratch.scores.iter().zip(&scratch.fresh) {
                if *score > best.0 {
                    best = (*score, *slot);
                }
            }
            if best.1 == from {
                return best;
            }
        }
    }

    /// Leaves in the scratch what a slot links to and was not seen yet. Above the lowest level what is dead leads on to what
    /// that links to: few stand there, and what is gone may have been the only way to many.
    pub(super) fn look_around(&self, from: u32, level: u8, dead: &Bits, scratch: &mut Scratch) {
        scratch.fresh.clear();
        scratch.gone.push(from);
        while let Some(from) = scratch.gone.pop() {
            for link in linked(self.list(from, level)) {
                match (scratch.see(link), dead.has(link)) {
                    (true, false) => scratch.fresh.push(link),
                    (true, true) if level > 0 => scratch.gone.push(link),
                    _ => {}
                }
            }
        }
    }

    /// Leaves the `effort` nearest of a level in the scratch.
    pub(super) fn search_level(
        &self,
        to: Target<'_>,
        starts: &[(f32, u32)],
        wanted: Wanted<'_>,
        scratch: &mut Scratch,
        mut offer: impl FnMut(f32, u32),
    ) {
        let Wanted { effort, level, dead } = wanted;
        scratch.pool.clear();
        for (score, slot) in starts {
            if scratch.see(*slot) {
                scratch.pool.push((*score, *slot));
                if !dead.has(*slot) {
                    offer(*score, *slot);
                }
            }
        }
        scratch.pool.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        scratch.pool.truncate(effort);
        let mut next = 0;
        while let Some((_, slot)) = scratch.pool.get_mut(next) {
            let from = *slot;
            *slot |= DONE;
            self.look_around(from, level, dead, scratch);
            to.scores(&scratch.fresh, &mut scratch.scores);
            let mut nearest = next + 1;
            for (score, slot) in scratch.scores.iter().zip(&scratch.fresh) {
                offer(*score, *slot);
                if let Some(at) = enter(&mut scratch.pool, effort, (*score, *slot)) {
                    nearest = nearest.min(at);
                }
            }
            let is_done = |(_, slot): &(f32, u32)| slot & DONE != 0;
            next = nearest;
            while scratch.pool.get(next).is_some_and(is_done) {
                next += 1;
            }
        }
        // What is dead leads on from where a search begins, but is not found.
        scratch.pool.retain(|(_, slot)| !dead.has(slot & !DONE));
    }
}

/// Puts a candidate into its place, if it is among the best; which place.
#[inline]
fn enter(pool: &mut Vec<(f32, u32)>, most: usize, one: (f32, u32)) -> Option<usize> {
    if pool.len() >= most {
        if pool.last().is_some_and(|last| one.0 <= last.0) {
            return None;
        }
        pool.pop();
    }
    let at = pool.partition_point(|other| other.0 >= one.0);
    pool.insert(at, one);
    Some(at)
}
