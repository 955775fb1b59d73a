//! Links to what no link leads to.
//!
//! Lists of links have an end, and links are chosen to lead in different directions: a vector, or all of a group of vectors
//! that is far from the others, can lose the last link that leads to it, and would not be found by any search. Such ones
//! get a link from the nearest that can be found and has one to spare: one whose end it links to by way of another, too.
//! So nothing that can be found gets lost by that.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::insert::in_full;
use super::{Graph, NONE, Scratch, Space, Target, linked};
use crate::memory::index::bits::Bits;

impl Graph {
    /// Links to the members that no search comes to, as far as there is a place for that; to how many.
    pub(in crate::memory::index) fn lead_to_all(&self, space: Space<'_>, dead: &Bits) -> usize {
        let (mut way, mut scratch) = (Scratch::default(), Scratch::default());
        let mut reached = self.reached(dead, &mut way);
        let mut led = 0;
        for slot in self.members().without(dead).without(&reached).iter() {
            // One of a group leads to the others.
            if reached.has(slot) || !self.lead_to(space, slot, dead, &mut scratch) {
                continue;
            }
            led += 1;
            way.see(slot);
            let mut group = vec![slot];
            self.follow(&mut group, 0, dead, &mut way);
            reached.extend(group);
        }
        led
    }

    /// What searches come to. The scratch has seen it.
    pub(in crate::memory::index) fn reached(&self, dead: &Bits, scratch: &mut Scratch) -> Bits {
        let mut reached = Bits::default();
        let Some(entry) = self.entry() else { return reached };
        let mut all = vec![entry.slot];
        for level in (0..=entry.level).rev() {
            scratch.clear(self.levels.len());
            for slot in &all {
                scratch.see(*slot);
            }
            self.follow(&mut all, level, dead, scratch);
        }
        reached.extend(all);
        reached
    }

    /// Adds what these lead to on a level, but for what was seen.
    fn follow(&self, from: &mut Vec<u32>, level: u8, dead: &Bits, scratch: &mut Scratch) {
        let mut next = 0;
        while let Some(slot) = from.get(next) {
            self.look_around(*slot, level, dead, scratch);
            from.extend(&scratch.fresh);
            next += 1;
        }
    }

    /// Whether there was a place for a link to it.
    fn lead_to(&self, space: Space<'_>, slot: u32, dead: &Bits, scratch: &mut Scratch) -> bool {
        let codes = space.rows.codes_of(space.rows.vector(slot));
        let to = Target { space, codes: &codes };
        self.search(to, self.shape.candidates, dead, scratch, |_, _| ());
        let near: Vec<u32> = scratch.found().map(|(_, near)| near).filter(|near| *near != slot).collect();
        near.into_iter().any(|near| self.spare_link(space, near, slot, dead, scratch))
    }

    /// Links to a new one instead of the farthest of those that another link leads to, if there is one.
    fn spare_link(&self, space: Space<'_>, from: u32, new: u32, dead: &Bits, scratch: &mut Scratch) -> bool {
        let _lock = self.lock(from).lock().unwrap_or_else(PoisonError::into_inner);
        let list = self.list(from, 0);
        let links: Vec<u32> = linked(list).collect();
        let leads_to =
            |by: u32, to: u32| by != to && !dead.has(by) && linked(self.list(by, 0)).any(|link| link == to);
        let is_spare = |to: u32| dead.has(to) || links.iter().any(|by| leads_to(*by, to));
        let spare = match links.len() < list.len() {
            true => Some(NONE),
            false => {
                let all = in_full(space, from, links.clone(), scratch);
                all.into_iter().rev().map(|(_, link)| link).find(|link| is_spare(*link))
            }
        };
        let place = spare.and_then(|spare| list.iter().find(|link| link.load(Ordering::Relaxed) == spare));
        place.map(|link| link.store(new, Ordering::Relaxed)).is_some()
    }
}
