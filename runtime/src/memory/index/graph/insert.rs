//! Making links between a new vector and those that are near.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::search::Wanted;
use super::{Entry, Graph, NONE, Scratch, Space, Target, linked, write};
use crate::memory::index::bits::Bits;
use crate::simd::lines::Floats;

impl Graph {
    /// Links a slot that has a place to what is near, and what is near to it; whether it can be found then. Where nothing
    /// was found to link it to, it is no member, and has to be inserted again. Many may be inserted at once.
    pub(in crate::memory::index) fn insert(
        &self,
        space: Space<'_>,
        slot: u32,
        dead: &Bits,
        scratch: &mut Scratch,
    ) -> bool {
        let level = self.levels[slot as usize];
        let is_rising = |entry: Option<Entry>| entry.is_none_or(|entry| level > entry.level);
        // Who raises the graph does so alone.
        let rising =
            is_rising(self.entry()).then(|| self.rising.lock().unwrap_or_else(PoisonError::into_inner));
        let entry = self.entry();
        let is_linked = entry.is_none_or(|entry| self.link(space, slot, entry, dead, scratch));
        if is_linked && is_rising(entry) {
            self.set_entry(Some(Entry { slot, level }));
        }
        drop(rising);
        self.set_member(slot, is_linked);
        is_linked
    }

    /// Whether there is something to which it links.
    fn link(&self, space: Space<'_>, slot: u32, entry: Entry, dead: &Bits, scratch: &mut Scratch) -> bool {
        let level = self.levels[slot as usize];
        let codes = space.rows.codes_of(space.rows.vector(slot));
        let to = Target { space, codes: &codes };
        let mut best = (to.score(entry.slot), entry.slot);
        for level in (level + 1..=entry.level).rev() {
            scratch.clear(self.levels.len());
            scratch.see(slot);
            best = self.climb(to, best, level, dead, scratch);
        }
        let mut starts = vec![best];
        let mut is_linked = false;
        for level in (0..=level.min(entry.level)).rev() {
            scratch.clear(self.levels.len());
            // It is not found by itself.
            scratch.see(slot);
            let wanted = Wanted { effort: self.shape.candidates, level, dead };
            self.search_level(to, &starts, wanted, scratch, |_, _| ());
            starts.clear();
            starts.extend(scratch.found());
            let candidates = in_full(space, slot, starts.iter().map(|(_, slot)| *slot).collect(), scratch);
            let chosen = choose(space, &candidates, self.shape.links);
            self.write(slot, level, &chosen);
            for near in &chosen {
                self.link_back(space, near.1, slot, level, scratch);
            }
            if starts.is_empty() {
                starts.push(best);
            }
            is_linked = !chosen.is_empty();
        }
        is_linked
    }

    fn write(&self, slot: u32, level: u8, chosen: &[(f32, u32)]) {
        let _lock = self.lock(slot).lock().unwrap_or_else(PoisonError::into_inner);
        write(self.list(slot, level), chosen.iter().map(|(_, slot)| *slot));
    }

    /// Adds a link; where there is no room, those that lead in the most different directions stay.
    fn link_back(&self, space: Space<'_>, slot: u32, new: u32, level: u8, scratch: &mut Scratch) {
        let _lock = self.lock(slot).lock().unwrap_or_else(PoisonError::into_inner);
        let list = self.list(slot, level);
        for link in list {
            let there = link.load(Ordering::Relaxed);
            if there == new {
                return;
            }
            if there == NONE {
                return link.store(new, Ordering::Relaxed);
            }
        }
        let all = in_full(space, slot, linked(list).chain([new]).collect(), scratch);
        write(list, choose(space, &all, list.len()).into_iter().map(|(_, slot)| slot));
    }
}

/// How near these are to a slot by their floats, the nearest first.
pub(super) fn in_full(space: Space<'_>, slot: u32, near: Vec<u32>, scratch: &mut Scratch) -> Vec<(f32, u32)> {
    space.scores(space.rows.row(slot), &near, &mut scratch.scores);
    let mut all: Vec<(f32, u32)> = scratch.scores.iter().copied().zip(near).collect();
    all.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    all
}

/// Of candidates, the nearest first, at most `most`: those that are nearer to the vector than to any that was chosen.
pub(super) fn choose(space: Space<'_>, from: &[(f32, u32)], most: usize) -> Vec<(f32, u32)> {
    let mut chosen: Vec<(f32, u32)> = Vec::with_capacity(most);
    for one in from {
        let row: &[Floats] = space.rows.row(one.1);
        if chosen.iter().all(|other| space.score(row, other.1) <= one.0) {
            chosen.push(*one);
            if chosen.len() == most {
                break;
            }
        }
    }
    chosen
}
