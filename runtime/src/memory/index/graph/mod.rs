//! A graph of near vectors, which leads a search to those nearest to any vector without comparing all: HNSW (Malkov and
//! Yashunin, arXiv 1603.09320), over vectors as floats.
//!
//! Each vector has a list of links to near ones, twice as many on the lowest level as above; one in `links` vectors stands
//! on the next level, too. Links are atomic numbers: searches read them while others insert, and may see a list half old
//! and half new, of which each entry is a slot. Who writes a list holds its lock. `search` follows links, `insert` makes
//! them, `repair` leads them around what is gone, `reach` to what they have left out. A slot that is linked to is not used
//! for another vector before that.

mod insert;
mod reach;
mod repair;
mod search;
mod target;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::bits::Bits;
use super::rows::Rows;
use crate::memory::Id;
use crate::random::Random;
use crate::simd::lines::{self, Floats};
use crate::simd::{self, Level};

pub(super) use search::Scratch;
pub(super) use target::Target;

/// No link, and no level.
pub(super) const NONE: u32 = u32::MAX;
pub(super) const NO_LEVEL: u8 = u8::MAX;
/// The highest level.
pub(super) const HIGHEST: u8 = 15;
/// How many lists share a lock.
const LOCKS: usize = 4096;

/// How a graph is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// Links of a vector on each level; twice as many on the lowest.
    pub(super) links: usize,
    /// How many near vectors links are chosen from.
    pub(super) candidates: usize,
    /// What decides which vectors stand on which level.
    pub(super) seed: u64,
}

/// Links between slots.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) shape: Shape,
    /// The highest level on which a slot stands. [`NO_LEVEL`]: it has no place.
    pub(super) levels: Vec<u8>,
    pub(super) base: Vec<AtomicU32>,
    /// Where the links of the higher levels begin.
    upper_at: Vec<u32>,
    pub(super) upper: Vec<AtomicU32>,
    /// Links of higher levels that belong to nothing, by how many levels they are.
    free: Vec<Vec<u32>>,
    /// What can be found.
    members: Members,
    /// Where searches begin: the level and 1, and the slot; 0: nowhere.
    entry: AtomicU64,
    rising: Mutex<()>,
    locks: Vec<Mutex<()>>,
}

/// Where searches begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) slot: u32,
    pub(super) level: u8,
}

/// The vectors of a graph, and how they are compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Space<'a> {
    pub(super) rows: &'a Rows,
    pub(super) level: Level,
}

impl Space<'_> {
    fn score(self, to: &[Floats], slot: u32) -> f32 {
        simd::dot(self.level, lines::numbers(to), lines::numbers(self.rows.row(slot)))
    }

    fn scores(self, to: &[Floats], at: &[u32], out: &mut Vec<f32>) {
        out.resize(at.len(), 0.0);
        simd::dots_at(self.level, to, &self.rows.floats, at, out);
    }
}

/// A set of slots that many change at once.
#[derive(Debug, Default)]
struct Members(Vec<AtomicU64>);

impl Members {
    fn change(&self, slot: u32, is_member: bool) {
        let bit = 1 << (slot % 64);
        if let Some(word) = self.0.get(slot as usize / 64) {
            match is_member {
                true => word.fetch_or(bit, Ordering::Relaxed),
                false => word.fetch_and(!bit, Ordering::Relaxed),
            };
        }
    }

    fn bits(&self) -> Bits {
        Bits::of_words(self.0.iter().map(|word| word.load(Ordering::Relaxed)).collect())
    }
}

impl Graph {
    pub(super) fn new(shape: Shape) -> Self {
        Self {
            shape,
            levels: Vec::new(),
            base: Vec::new(),
            upper_at: Vec::new(),
            upper: Vec::new(),
            free: vec![Vec::new(); usize::from(HIGHEST) + 1],
            members: Members::default(),
            entry: AtomicU64::new(0),
            rising: Mutex::default(),
            locks: (0..LOCKS).map(|_| Mutex::default()).collect(),
        }
    }

    /// What can be found.
    pub(super) fn members(&self) -> Bits {
        self.members.bits()
    }

    pub(super) fn set_member(&self, slot: u32, is_member: bool) {
        self.members.change(slot, is_member);
    }

    pub(super) fn entry(&self) -> Option<Entry> {
        let bits = self.entry.load(Ordering::Acquire);
        (bits != 0).then(|| Entry { slot: bits as u32, level: ((bits >> 32) - 1) as u8 })
    }

    pub(super) fn set_entry(&self, entry: Option<Entry>) {
        let bits = |entry: Entry| (u64::from(entry.level) + 1) << 32 | u64::from(entry.slot);
        self.entry.store(entry.map_or(0, bits), Ordering::Release);
    }

    /// Whether a slot has a place, found or not.
    pub(super) fn has_place(&self, slot: u32) -> bool {
        self.levels.get(slot as usize).is_some_and(|level| *level != NO_LEVEL)
    }

    /// Gives a slot its place, without links.
    pub(super) fn place(&mut self, slot: u32, id: Id) {
        let level = level_of(self.shape, id);
        self.place_at(slot, level);
    }

    /// Gives a slot a place up to a level.
    pub(super) fn place_at(&mut self, slot: u32, level: u8) {
        let at = slot as usize;
        if at >= self.levels.len() {
            self.resize(at + 1);
        }
        self.levels[at] = level;
        if level > 0 {
            self.upper_at[at] = self.free[usize::from(level)].pop().unwrap_or_else(|| self.grow(level));
        }
    }

    /// Has room for so many slots.
    pub(super) fn resize(&mut self, slots: usize) {
        let none = || AtomicU32::new(NONE);
        self.levels.resize(slots, NO_LEVEL);
        self.upper_at.resize(slots, NONE);
        self.base.resize_with(slots * 2 * self.shape.links, none);
        self.members.0.resize_with(slots.div_ceil(64), AtomicU64::default);
    }

    fn grow(&mut self, level: u8) -> u32 {
        let at = self.upper.len() as u32;
        let len = self.upper.len() + usize::from(level) * self.shape.links;
        self.upper.resize_with(len, || AtomicU32::new(NONE));
        at
    }

    /// Takes a slot out, to which nothing links any more.
    pub(super) fn displace(&mut self, slot: u32) {
        let level = std::mem::replace(&mut self.levels[slot as usize], NO_LEVEL);
        if level == NO_LEVEL {
            return;
        }
        for level in 0..=level {
            self.list(slot, level).iter().for_each(|link| link.store(NONE, Ordering::Relaxed));
        }
        if level > 0 {
            let at = std::mem::replace(&mut self.upper_at[slot as usize], NONE);
            self.free[usize::from(level)].push(at);
        }
        self.set_member(slot, false);
    }

    /// The links of a slot on a level on which it stands.
    pub(super) fn list(&self, slot: u32, level: u8) -> &[AtomicU32] {
        let (at, links) = (slot as usize, self.shape.links);
        if level == 0 {
            return &self.base[at * 2 * links..][..2 * links];
        }
        let from = self.upper_at[at] as usize + usize::from(level - 1) * links;
        &self.upper[from..][..links]
    }

    fn lock(&self, slot: u32) -> &Mutex<()> {
        &self.locks[slot as usize % LOCKS]
    }
}

/// What a list links to.
pub(super) fn linked(list: &[AtomicU32]) -> impl Iterator<Item = u32> {
    list.iter().map(|link| link.load(Ordering::Relaxed)).take_while(|link| *link != NONE)
}

/// Writes a list.
fn write(list: &[AtomicU32], links: impl Iterator<Item = u32>) {
    let all = links.chain(std::iter::repeat(NONE));
    list.iter().zip(all).for_each(|(link, to)| link.store(to, Ordering::Relaxed));
}

/// On which level a vector stands: the same for a seed, whatever was there before.
fn level_of(shape: Shape, id: Id) -> u8 {
    let id = id.as_u128();
    let unit = Random::new(shape.seed ^ id as u64 ^ (id >> 64) as u64).unit();
    let level = -(1.0 - unit).ln() / (shape.links.max(2) as f64).ln();
    (level as u8).min(HIGHEST)
}
