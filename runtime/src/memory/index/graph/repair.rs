//! Leading links around what is gone.

use std::sync::PoisonError;

use super::insert::{choose, in_full};
use super::{Entry, Graph, Scratch, Space, linked, write};
use crate::memory::index::bits::Bits;

impl Graph {
    /// Links of a slot to what is dead become links to what that was linked to. What has no links left is to be inserted
    /// again.
    pub(in crate::memory::index) fn repair(
        &self,
        space: Space<'_>,
        slot: u32,
        dead: &Bits,
        scratch: &mut Scratch,
    ) {
        for level in 0..=self.levels[slot as usize] {
            let list = self.list(slot, level);
            if !linked(list).any(|link| dead.has(link)) {
                continue;
            }
            let around = self.around(slot, level, dead, scratch);
            let _lock = self.lock(slot).lock().unwrap_or_else(PoisonError::into_inner);
            let all = in_full(space, slot, around, scratch);
            let chosen = choose(space, &all, list.len());
            if chosen.is_empty() && level == 0 {
                self.set_member(slot, false);
            }
            write(list, chosen.into_iter().map(|(_, slot)| slot));
        }
    }

    /// What a slot links to, and what the dead of it link to, as far as it lives.
    fn around(&self, slot: u32, level: u8, dead: &Bits, scratch: &mut Scratch) -> Vec<u32> {
        scratch.clear(self.levels.len());
        scratch.see(slot);
        self.look_around(slot, level, dead, scratch);
        let mut around = std::mem::take(&mut scratch.fresh);
        for link in linked(self.list(slot, level)).filter(|link| dead.has(*link)) {
            let next = linked(self.list(link, level)).filter(|next| !dead.has(*next));
            around.extend(next.filter(|next| scratch.see(*next)));
        }
        around
    }

    /// Begins searches at something that lives.
    pub(in crate::memory::index) fn enter_alive(&self, dead: &Bits) {
        let members = self.members().without(dead);
        let entry = |slot: u32| Entry { slot, level: self.levels[slot as usize] };
        self.set_entry(members.iter().map(entry).max_by_key(|entry| (entry.level, entry.slot)));
    }
}
