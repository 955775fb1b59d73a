//! What filters ask of memories, kept with their vectors, so that a filter is answered without the store.

use std::collections::HashMap;

use super::bits::Bits;
use crate::memory::store::Filter;
use crate::memory::{Interval, Kind, Namespace, Status, Timestamp};

/// What a filter may ask of a live memory, but for what is kept with it.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::memory) struct Facts {
    pub(in crate::memory) namespace: Namespace,
    pub(in crate::memory) kind: Kind,
    pub(in crate::memory) importance: f32,
    pub(in crate::memory) created: Timestamp,
    pub(in crate::memory) valid: Interval,
    pub(in crate::memory) expires: Option<Timestamp>,
}

impl Facts {
    /// Of a namespace, and nothing else.
    pub(super) fn of(namespace: Namespace) -> Self {
        let (created, valid) = (Timestamp::MIN, Interval::ALWAYS);
        Self { namespace, kind: Kind::Fact, importance: 0.0, created, valid, expires: None }
    }
}

/// The facts of all slots, by what they say.
#[derive(Debug, Default)]
pub(super) struct Columns {
    namespaces: Vec<Namespace>,
    numbers: HashMap<Namespace, u32>,
    namespace: Vec<u32>,
    kind: Vec<u8>,
    importance: Vec<f32>,
    created: Vec<i64>,
    /// From when and up to when, with the ends of time where nothing is said.
    valid: Vec<[i64; 2]>,
    /// The end of time, where nothing is said.
    expires: Vec<i64>,
}

impl Columns {
    pub(super) fn put(&mut self, slot: u32, facts: &Facts) {
        let (slot, number) = (slot as usize, self.number(&facts.namespace));
        if slot >= self.namespace.len() {
            let len = slot + 1;
            self.namespace.resize(len, 0);
            self.kind.resize(len, 0);
            self.importance.resize(len, 0.0);
            self.created.resize(len, 0);
            self.valid.resize(len, [0; 2]);
            self.expires.resize(len, 0);
        }
        self.namespace[slot] = number;
        self.kind[slot] = facts.kind.number();
        self.importance[slot] = facts.importance;
        self.created[slot] = facts.created.micros();
        let Interval { from, to } = facts.valid;
        self.valid[slot] = [from.map_or(i64::MIN, Timestamp::micros), to.map_or(i64::MAX, Timestamp::micros)];
        self.expires[slot] = facts.expires.map_or(i64::MAX, Timestamp::micros);
    }

    fn number(&mut self, namespace: &Namespace) -> u32 {
        if let Some(number) = self.numbers.get(namespace) {
            return *number;
        }
        let number = self.namespaces.len() as u32;
        self.namespaces.push(namespace.clone());
        self.numbers.insert(namespace.clone(), number);
        number
    }

    /// Those of the live slots that a filter means, whatever it asks of what is kept with them.
    pub(super) fn meant(&self, live: &Bits, filter: &Filter) -> Bits {
        if !filter.statuses.contains(&Status::Live) {
            return Bits::default();
        }
        let is_inside =
            |one: &Namespace| *one == filter.namespace || filter.below && filter.namespace.contains(one);
        let inside: Vec<bool> = self.namespaces.iter().map(is_inside).collect();
        let mut words = live.words().to_vec();
        keep(&mut words, &self.namespace, |number| inside[*number as usize]);
        if !filter.kinds.is_empty() {
            let mut kinds = [false; 256];
            filter.kinds.iter().for_each(|kind| kinds[usize::from(kind.number())] = true);
            keep(&mut words, &self.kind, |kind| kinds[usize::from(*kind)]);
        }
        if let Some(least) = filter.importance {
            keep(&mut words, &self.importance, |importance| *importance >= least);
        }
        let bound = |bound: Option<Timestamp>, none: i64| bound.map_or(none, Timestamp::micros);
        let (from, to) = (bound(filter.created.from, i64::MIN), bound(filter.created.to, i64::MAX));
        if filter.created != Interval::ALWAYS {
            keep(&mut words, &self.created, |created| (from..to).contains(created));
        }
        if let Some(time) = filter.valid_at.map(Timestamp::micros) {
            keep(&mut words, &self.valid, |[from, to]| (*from..*to).contains(&time));
        }
        if let Some(time) = filter.unexpired_at().map(Timestamp::micros) {
            keep(&mut words, &self.expires, |expires| *expires > time);
        }
        Bits::of_words(words)
    }
}

/// Takes out of a set what a column says is not meant.
fn keep<T>(words: &mut [u64], column: &[T], is_meant: impl Fn(&T) -> bool) {
    for (word, column) in words.iter_mut().zip(column.chunks(64)) {
        if *word != 0 {
            let bits = column.iter().enumerate().map(|(bit, one)| u64::from(is_meant(one)) << bit);
            *word &= bits.fold(0, |bits, bit| bits | bit);
        }
    }
}
