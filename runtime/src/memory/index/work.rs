//! Building the graph, a portion at a time: whoever brings the index up to date waits for no more than that.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::Builder;

use super::bits::Bits;
use super::graph::{Graph, Scratch, Space};
use super::{Index, State};
use crate::simd::Level;

/// How many vectors a portion inserts, and of how many it looks at the links.
const PORTION: usize = 512;
const REPAIRED: usize = 32 * PORTION;

/// What is to be done next.
enum Work {
    /// These have places, and no links.
    Insert(Vec<u32>),
    /// Links to these lead nowhere.
    Repair(Bits),
    /// No link may lead to some.
    Reach,
    Nothing,
}

impl Index {
    /// Whether there is something to build.
    pub(in crate::memory) fn is_behind(&self) -> bool {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        match &state.graph {
            None => state.rows.count() > self.settings.crossover,
            Some(graph) => {
                state.is_to_be_repaired()
                    || state.is_to_be_reached()
                    || state.rows.live.without(&graph.members()).count() > 0
            }
        }
    }

    /// Builds all that there is to build.
    pub fn build(&self) {
        while self.work() {}
    }

    /// Does a portion; whether there is more to do, and going on is of use.
    pub(in crate::memory) fn work(&self) -> bool {
        let work = {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            state.next_work(&self.settings)
        };
        match work {
            Work::Nothing => false,
            Work::Insert(slots) => self.insert(&slots),
            Work::Repair(dead) => {
                self.repair(&dead);
                true
            }
            Work::Reach => {
                self.reach();
                true
            }
        }
    }

    /// Whether it was of use. What could not be linked is tried again when something has changed.
    pub(super) fn insert(&self, slots: &[u32]) -> bool {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let Some(graph) = &state.graph else { return true };
        let stuck = AtomicUsize::new(0);
        let space = Space { rows: &state.rows, level: Level::detect() };
        // The first ones lead all others.
        let threads = if graph.members().count() < PORTION { 1 } else { self.settings.threads };
        spread(threads, slots, |slot, scratch| {
            if state.rows.live.has(slot)
                && graph.has_place(slot)
                && !graph.insert(space, slot, &state.dead, scratch)
            {
                stuck.fetch_add(1, Ordering::Relaxed);
            }
        });
        stuck.into_inner() < slots.len()
    }

    /// Looks at all links, then lets the dead slots be used again. Others may die meanwhile.
    fn repair(&self, dead: &Bits) {
        let mut from = 0;
        loop {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            let Some(graph) = &state.graph else { return };
            let space = Space { rows: &state.rows, level: Level::detect() };
            if from >= graph.levels.len() {
                break;
            }
            let to = graph.levels.len().min(from + REPAIRED);
            let slots: Vec<u32> =
                (from as u32..to as u32).filter(|slot| graph.has_place(*slot) && !dead.has(*slot)).collect();
            spread(self.settings.threads, &slots, |slot, scratch| graph.repair(space, slot, dead, scratch));
            from = to;
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.bury(dead);
    }

    /// Leads to all that cannot be found.
    fn reach(&self) {
        let led = {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            let Some(graph) = &state.graph else { return };
            graph.lead_to_all(Space { rows: &state.rows, level: Level::detect() }, &state.dead)
        };
        self.state.write().unwrap_or_else(PoisonError::into_inner).unsaved += led;
    }
}

/// Does something with each slot, on some threads.
fn spread(threads: usize, slots: &[u32], work: impl Fn(u32, &mut Scratch) + Sync) {
    let next = AtomicUsize::new(0);
    let run = || {
        let mut scratch = Scratch::default();
        while let Some(slot) = slots.get(next.fetch_add(1, Ordering::Relaxed)) {
            work(*slot, &mut scratch);
        }
    };
    on_threads(threads, run);
}

/// Does something on so many threads, of which this is one; on fewer, where the system gives no more.
pub(super) fn on_threads(threads: usize, run: impl Fn() + Sync) {
    std::thread::scope(|scope| {
        for _ in 1..threads {
            if Builder::new().spawn_scoped(scope, &run).is_err() {
                break;
            }
        }
        run();
    });
}

impl State {
    /// Lets searches and insertions begin at something that lives: what is dead may lead to nothing else.
    pub(super) fn enter_alive(&self) {
        if let Some(graph) = &self.graph
            && graph.entry().is_some_and(|entry| self.dead.has(entry.slot))
        {
            graph.enter_alive(&self.dead);
        }
    }

    fn is_to_be_repaired(&self) -> bool {
        self.dead.count() > 64.max(self.rows.count() / 32)
    }

    /// Looking for what cannot be found follows all links: that is worth it after so many changes.
    fn is_to_be_reached(&self) -> bool {
        self.relinked > self.rows.count() / 64
    }

    fn next_work(&mut self, settings: &super::Settings) -> Work {
        let (count, dead) = (self.rows.count(), self.dead.count());
        if self.graph.is_none() && count <= settings.crossover {
            return Work::Nothing;
        }
        // Where few are left, or little of what the links were made for, they are not worth it.
        if self.graph.is_some() && (count <= settings.crossover / 2 || dead > count) {
            self.drop_graph();
            return self.next_work(settings);
        }
        if self.is_to_be_repaired() {
            return Work::Repair(self.dead.clone());
        }
        let graph = self.graph.get_or_insert_with(|| Graph::new(settings.shape()));
        let slots: Vec<u32> = self.rows.live.without(&graph.members()).iter().take(PORTION).collect();
        if slots.is_empty() {
            return self.last_work();
        }
        if graph.levels.len() < self.rows.len() {
            graph.resize(self.rows.len());
        }
        for slot in &slots {
            if !graph.has_place(*slot) {
                graph.place(*slot, self.rows.id(*slot));
            }
        }
        self.unsaved += slots.len();
        self.relinked += slots.len();
        Work::Insert(slots)
    }

    /// What is to be done once all have links.
    fn last_work(&mut self) -> Work {
        if !self.is_to_be_reached() {
            return Work::Nothing;
        }
        self.relinked = 0;
        Work::Reach
    }

    fn drop_graph(&mut self) {
        self.graph = None;
        self.relinked = 0;
        let dead = std::mem::take(&mut self.dead);
        dead.iter().for_each(|slot| self.rows.release(slot));
    }

    /// Nothing links to these any more.
    fn bury(&mut self, dead: &Bits) {
        let Some(graph) = &mut self.graph else { return };
        graph.enter_alive(&self.dead);
        for slot in dead.iter() {
            graph.displace(slot);
            self.rows.release(slot);
        }
        self.unsaved += dead.count();
        self.relinked += dead.count();
        self.dead = self.dead.without(dead);
    }
}
