//! The vectors of an index: one after the other, aligned, as floats, as bytes and as signs, with whose they are.
//!
//! A vector has a slot. Slots of vectors that are gone are used again, but not while a graph still has links to them; what
//! stood there is overwritten at once.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use super::bits::Bits;
use super::codes;
use super::coding::Coding;
use super::facts::{Columns, Facts};
use super::signs;
use super::work::on_threads;
use crate::memory::Id;
use crate::simd::lines::{self, Floats, Line, Signed, Unsigned};

/// The most vectors that a scale is made of.
const SAMPLE: usize = 4096;
/// How many slots a thread encodes before it takes others.
const PORTION: usize = 1024;

/// Vectors in slots.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) dimensions: usize,
    /// How many lines a vector fills, as floats and as codes; how many words as signs.
    pub(super) lines: usize,
    pub(super) code_lines: usize,
    pub(super) sign_words: usize,
    pub(super) floats: Vec<Floats>,
    pub(super) codes: Vec<Unsigned>,
    /// A bit for each number of a rotated vector, in words: whether it is above the mean.
    pub(super) signs: Vec<u64>,
    pub(super) facts: Columns,
    pub(super) live: Bits,
    /// Vectors that their codes do not say well.
    pub(super) outliers: BTreeSet<u32>,
    ids: Vec<Id>,
    slots: HashMap<Id, u32>,
    free: Vec<u32>,
    coding: Coding,
    /// How many vectors there were when the coding was chosen.
    coded: usize,
    /// Slots without codes.
    fresh: Vec<u32>,
}

impl Rows {
    pub(super) fn new(dimensions: usize) -> Self {
        Self {
            dimensions,
            lines: dimensions.div_ceil(Floats::NUMBERS),
            code_lines: codes::lines_of(dimensions),
            sign_words: signs::words_of(dimensions),
            floats: Vec::new(),
            codes: Vec::new(),
            signs: Vec::new(),
            facts: Columns::default(),
            live: Bits::default(),
            outliers: BTreeSet::new(),
            ids: Vec::new(),
            slots: HashMap::new(),
            free: Vec::new(),
            coding: Coding::new(dimensions),
            coded: 0,
            fresh: Vec::new(),
        }
    }

    /// Makes room, so that what comes is not moved.
    pub(super) fn reserve(&mut self, count: usize) {
        self.floats.reserve_exact(count * self.lines);
        self.codes.reserve_exact(count * self.code_lines);
        self.signs.reserve_exact(count * self.sign_words);
        self.slots.reserve(count);
        self.ids.reserve(count);
    }

    /// How many slots there are.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// How many vectors there are.
    pub(super) fn count(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn id(&self, slot: u32) -> Id {
        self.ids[slot as usize]
    }

    pub(super) fn slot(&self, id: Id) -> Option<u32> {
        self.slots.get(&id).copied()
    }

    /// The lines of a vector.
    pub(super) fn row(&self, slot: u32) -> &[Floats] {
        &self.floats[slot as usize * self.lines..][..self.lines]
    }

    /// A vector, of length 1.
    pub(super) fn vector(&self, slot: u32) -> &[f32] {
        vector(&self.floats, self.dimensions, slot)
    }

    /// Keeps a vector of length 1 in an empty slot; which.
    pub(super) fn add(&mut self, id: Id, vector: &[f32], facts: &Facts) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| self.grow());
        self.occupy(slot, id, vector, facts);
        slot
    }

    /// Keeps a vector of length 1 in a slot that is empty.
    pub(super) fn occupy(&mut self, slot: u32, id: Id, vector: &[f32], facts: &Facts) {
        let row = &mut self.floats[slot as usize * self.lines..][..self.lines];
        lines::numbers_mut(row)[..vector.len()].copy_from_slice(vector);
        self.ids[slot as usize] = id;
        self.slots.insert(id, slot);
        self.facts.put(slot, facts);
        self.live.insert(slot);
        self.fresh.push(slot);
    }

    /// A slot at the end.
    pub(super) fn grow(&mut self) -> u32 {
        let slot = self.len() as u32;
        self.ids.push(Id::from_u128(0));
        self.floats.resize(self.floats.len() + self.lines, Floats::NOTHING);
        self.codes.resize(self.codes.len() + self.code_lines, Unsigned::NOTHING);
        self.signs.resize(self.signs.len() + self.sign_words, 0);
        slot
    }

    /// Takes a vector out, and overwrites it. Its slot waits until it is [released](Self::release).
    pub(super) fn remove(&mut self, id: Id) -> Option<u32> {
        let slot = self.slots.remove(&id)?;
        let at = slot as usize;
        self.floats[at * self.lines..][..self.lines].fill(Floats::NOTHING);
        self.codes[at * self.code_lines..][..self.code_lines].fill(Unsigned::NOTHING);
        self.signs[at * self.sign_words..][..self.sign_words].fill(0);
        self.ids[at] = Id::from_u128(0);
        self.live.remove(slot);
        self.outliers.remove(&slot);
        Some(slot)
    }

    /// Lets a slot be used again.
    pub(super) fn release(&mut self, slot: u32) {
        self.free.push(slot);
    }

    /// Brings the codes up to date, on so many threads where that is much.
    pub(super) fn settle(&mut self, threads: usize) {
        let fresh = std::mem::take(&mut self.fresh);
        if self.count() > 2 * self.coded {
            return self.recode(threads);
        }
        for slot in fresh {
            if self.live.has(slot) {
                self.encode(slot);
            }
        }
        if self.outliers.len() > self.most_outliers() {
            self.recode(threads);
        }
    }

    fn most_outliers(&self) -> usize {
        self.count() / 512 + 16
    }

    /// Chooses the coding anew. There are ever fewer outliers with more room.
    fn recode(&mut self, threads: usize) {
        self.coded = self.count();
        let (step, dimensions) = (self.count().div_ceil(SAMPLE).max(1), self.dimensions);
        let sample = self.live.iter().step_by(step);
        self.coding.suit(sample.map(|slot| vector(&self.floats, dimensions, slot)));
        self.encode_all(threads);
        while self.outliers.len() > self.most_outliers() {
            self.coding.widen();
            self.encode_all(threads);
        }
    }

    fn encode(&mut self, slot: u32) {
        let at = slot as usize;
        let vector = vector(&self.floats, self.dimensions, slot);
        let codes = lines::numbers_mut(&mut self.codes[at * self.code_lines..][..self.code_lines]);
        let signs = &mut self.signs[at * self.sign_words..][..self.sign_words];
        match self.coding.encode(vector, codes, signs) {
            true => self.outliers.insert(slot),
            false => self.outliers.remove(&slot),
        };
    }

    fn encode_all(&mut self, threads: usize) {
        let threads = threads.min(self.len().div_ceil(PORTION));
        let Self { dimensions, code_lines, sign_words, ref floats, ref live, ref coding, .. } = *self;
        let codes = self.codes.chunks_mut((PORTION * code_lines).max(1));
        let signs = self.signs.chunks_mut((PORTION * sign_words).max(1));
        let portions = Mutex::new((0_u32..).step_by(PORTION).zip(codes.zip(signs)));
        let outliers = Mutex::new(BTreeSet::new());
        // The slot of a vector whose codes lost much.
        let encode = |(slot, (codes, signs)): (u32, (&mut [Unsigned], &mut [u64]))| {
            let has_lost = live.has(slot)
                && coding.encode(vector(floats, dimensions, slot), lines::numbers_mut(codes), signs);
            has_lost.then_some(slot)
        };
        let next = || portions.lock().unwrap_or_else(PoisonError::into_inner).next();
        on_threads(threads, || {
            while let Some((first, (codes, signs))) = next() {
                let each = codes.chunks_mut(code_lines.max(1)).zip(signs.chunks_mut(sign_words.max(1)));
                let lost: Vec<u32> = (first..).zip(each).filter_map(&encode).collect();
                outliers.lock().unwrap_or_else(PoisonError::into_inner).extend(lost);
            }
        });
        self.outliers = outliers.into_inner().unwrap_or_else(PoisonError::into_inner);
    }

    /// A vector rotated.
    pub(super) fn rotated(&self, vector: &[f32]) -> Vec<f32> {
        self.coding.rotated(vector)
    }

    /// A vector that is looked for, as signed codes. What the means would add to products is the same for all rows.
    pub(super) fn codes_of(&self, vector: &[f32]) -> Vec<Signed> {
        codes::query(&self.rotated(vector))
    }

    /// The signs of a vector that is looked for, which is rotated already.
    pub(super) fn signs_of(&self, rotated: Vec<f32>) -> Vec<u64> {
        let mut words = vec![0; self.sign_words];
        self.coding.signs(rotated, &mut words);
        words
    }
}

/// A vector of those that stand one after the other, each in lines of its own.
fn vector(floats: &[Floats], dimensions: usize, slot: u32) -> &[f32] {
    let lines = dimensions.div_ceil(Floats::NUMBERS);
    &lines::numbers(&floats[slot as usize * lines..][..lines])[..dimensions]
}
