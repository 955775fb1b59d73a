//! Working memory: what is at hand in a conversation. It has a bounded number of slots and a bounded cost; when it is full,
//! what is least active leaves. It leaves the working memory, not the store.

use std::collections::{BTreeMap, BTreeSet};

use super::activation::{Decay, Trace, strength};
use crate::memory::{Error, Id, Timestamp};

/// How much there is space for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// The most memories.
    pub slots: usize,
    /// The most that all of them cost, in tokens or whatever the caller counts.
    pub cost: usize,
}

/// What attention is on, and where it leads.
#[derive(Debug, Clone, PartialEq)]
pub struct Focus {
    /// The memories that attention is on, shared among them evenly, each with all that it is linked with.
    pub sources: BTreeMap<Id, BTreeSet<Id>>,
    /// How strongly a source leads to the only memory that it is linked with.
    pub strength: f64,
}

/// What is at hand.
#[derive(Debug, Clone)]
pub struct WorkingMemory {
    capacity: Capacity,
    decay: Decay,
    focus: Focus,
    slots: BTreeMap<Id, Slot>,
}

#[derive(Debug, Clone)]
struct Slot {
    trace: Trace,
    cost: usize,
}

impl Default for Focus {
    fn default() -> Self {
        Self { sources: BTreeMap::new(), strength: 2.0 }
    }
}

impl Focus {
    /// What it adds to the activation of a memory: `Σ W (S - ln fan)` over the sources that lead to it.
    pub fn spread(&self, to: Id) -> f64 {
        let share = 1.0 / self.sources.len().max(1) as f64;
        let leading = self.sources.values().filter(|links| links.contains(&to));
        leading.map(|links| share * strength(self.strength, links.len())).sum()
    }
}

impl WorkingMemory {
    /// With nothing in it.
    ///
    /// # Errors
    /// When there is no slot.
    pub fn new(capacity: Capacity, decay: Decay) -> Result<Self, Error> {
        if capacity.slots == 0 {
            return Err(Error::invalid("working memory", "it has no slot"));
        }
        Ok(Self { capacity, decay, focus: Focus::default(), slots: BTreeMap::new() })
    }

    /// Attention is on this now.
    pub fn focus(&mut self, focus: Focus) {
        self.focus = focus;
    }

    /// A memory is used, and is at hand from now on. What had to leave for it, in the order of leaving: each time what was
    /// least active of all others, of equal ones that with the least name.
    ///
    /// # Errors
    /// When it alone costs more than there is space for. Nothing leaves then.
    pub fn attend(&mut self, id: Id, cost: usize, now: Timestamp) -> Result<Vec<Id>, Error> {
        if cost > self.capacity.cost {
            return Err(Error::limit("working memory", cost, self.capacity.cost));
        }
        let slot = self.slots.entry(id);
        let slot = slot
            .and_modify(|slot| slot.trace.touch(now))
            .or_insert_with(|| Slot { trace: Trace::new(now), cost });
        slot.cost = cost;
        let mut left = Vec::new();
        while self.slots.len() > self.capacity.slots || self.cost() > self.capacity.cost {
            let others = self.ranked(now).into_iter().filter(|(other, _)| *other != id);
            let least = others.min_by(|(a, one), (b, other)| one.total_cmp(other).then(a.cmp(b)));
            let Some((least, _)) = least else { break };
            self.slots.remove(&least);
            left.push(least);
        }
        Ok(left)
    }

    /// A memory is not at hand any more. Whether it was.
    pub fn drop(&mut self, id: Id) -> bool {
        self.slots.remove(&id).is_some()
    }

    /// How active a memory is: its base level, and what attention adds. `None`: it is not at hand.
    pub fn activation(&self, id: Id, now: Timestamp) -> Option<f64> {
        let slot = self.slots.get(&id)?;
        Some(slot.trace.base_level(now, self.decay) + self.focus.spread(id))
    }

    /// What is at hand, the most active first; equal ones by name.
    pub fn ranked(&self, now: Timestamp) -> Vec<(Id, f64)> {
        let active = |id: &Id| Some((*id, self.activation(*id, now)?));
        let mut ranked: Vec<(Id, f64)> = self.slots.keys().filter_map(active).collect();
        ranked.sort_by(|(a, one), (b, other)| other.total_cmp(one).then(a.cmp(b)));
        ranked
    }

    /// What all of it costs.
    pub fn cost(&self) -> usize {
        self.slots.values().map(|slot| slot.cost).sum()
    }

    /// How many memories are at hand.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}
