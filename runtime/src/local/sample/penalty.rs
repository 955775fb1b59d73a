//! Changes of single logits before anything is filtered: bias, and penalties for what occurred.

use std::collections::HashMap;

use super::config::{Dry, Penalties};

/// Logits that are changed, and what they were.
#[derive(Debug, Default)]
pub(super) struct Edits(Vec<(u32, f32)>);

impl Edits {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Changes a logit. It stays finite, unless it is −∞ or becomes so on purpose.
    pub(super) fn edit(&mut self, logits: &mut [f32], token: u32, change: impl FnOnce(f32) -> f32) {
        let Some(logit) = logits.get_mut(token as usize).filter(|logit| **logit > f32::NEG_INFINITY) else {
            return;
        };
        self.0.push((token, *logit));
        let changed = change(*logit);
        *logit = if changed == f32::NEG_INFINITY { changed } else { changed.clamp(f32::MIN, f32::MAX) };
    }

    /// Which tokens were changed.
    pub(super) fn tokens(&self) -> impl Iterator<Item = u32> {
        self.0.iter().map(|&(token, _)| token)
    }

    /// What the logit of a token was before it was changed first.
    pub(super) fn before(&self, token: u32) -> Option<f32> {
        self.0.iter().find(|(edited, _)| *edited == token).map(|&(_, logit)| logit)
    }
}

/// The last tokens, and how often each of the penalised window occurs.
#[derive(Debug)]
pub(super) struct History {
    tokens: Vec<u32>,
    /// How many are needed.
    keep: usize,
    window: usize,
    counts: HashMap<u32, u32>,
}

impl History {
    pub(super) fn new(penalties: Option<&Penalties>, dry: Option<&Dry>) -> Self {
        let window = penalties.map_or(0, |penalties| penalties.window);
        let keep = dry.map_or(0, |dry| dry.window).max(window);
        Self { tokens: Vec::new(), keep, window, counts: HashMap::new() }
    }

    /// Takes the next token in.
    pub(super) fn push(&mut self, token: u32) {
        if self.keep == 0 {
            return;
        }
        if self.window > 0 {
            self.count(token);
        }
        // The front is dropped only now and then, so that it costs nothing on average.
        if self.tokens.len() >= self.keep.saturating_mul(2) {
            self.tokens.drain(..self.tokens.len() - self.keep);
        }
        self.tokens.push(token);
    }

    fn count(&mut self, token: u32) {
        let leaving = self.tokens.len().checked_sub(self.window).and_then(|at| self.tokens.get(at));
        if let Some(count) = leaving.and_then(|leaving| self.counts.get_mut(leaving)) {
            *count -= 1;
            if *count == 0 {
                leaving.map(|leaving| self.counts.remove(leaving));
            }
        }
        *self.counts.entry(token).or_insert(0) += 1;
    }

    /// The last tokens, at most `window`.
    pub(super) fn last(&self, window: usize) -> &[u32] {
        &self.tokens[self.tokens.len().saturating_sub(window)..]
    }

    /// Penalises what occurred.
    pub(super) fn penalise(&self, penalties: &Penalties, logits: &mut [f32], edits: &mut Edits) {
        for (&token, &count) in &self.counts {
            edits.edit(logits, token, |logit| {
                let repeated =
                    if logit > 0.0 { logit / penalties.repetition } else { logit * penalties.repetition };
                repeated - count as f32 * penalties.frequency - penalties.presence
            });
        }
    }
}

/// Penalises tokens that would make a repeated sequence longer.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    /// For every place before the end: how many tokens up to it equal the last tokens.
    lengths: Vec<usize>,
    /// The longest sequence that a token would repeat.
    longest: HashMap<u32, usize>,
}

impl Repeats {
    pub(super) fn penalise(&mut self, dry: &Dry, last: &[u32], logits: &mut [f32], edits: &mut Edits) {
        let reach = last.iter().rev().take_while(|token| !dry.breakers.contains(token)).count();
        if reach < dry.allowed {
            return;
        }
        self.measure(last, reach);
        self.longest.clear();
        for (back, &length) in self.lengths.iter().enumerate().skip(1) {
            if length >= dry.allowed {
                let next = last[last.len() - back];
                let longest = self.longest.entry(next).or_insert(0);
                *longest = length.max(*longest);
            }
        }
        for (&token, &length) in &self.longest {
            let power = f64::from(dry.base).powf((length - dry.allowed) as f64);
            let penalty = (f64::from(dry.multiplier) * power) as f32;
            edits.edit(logits, token, |logit| logit - penalty.min(f32::MAX));
        }
    }

    /// The Z function of the tokens read backwards, of lengths up to `reach`: linear in the window.
    fn measure(&mut self, last: &[u32], reach: usize) {
        let count = last.len();
        let at = |back: usize| last[count - 1 - back];
        self.lengths.clear();
        self.lengths.resize(count, 0);
        let (mut left, mut right) = (0, 0);
        for place in 1..count {
            let mut length = if place < right { self.lengths[place - left].min(right - place) } else { 0 };
            while place + length < count && at(length) == at(place + length) {
                length += 1;
            }
            if place + length > right {
                (left, right) = (place, place + length);
            }
            self.lengths[place] = length;
        }
        self.lengths.iter_mut().for_each(|length| *length = (*length).min(reach));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_those_of_the_window() {
        let penalties = Penalties { window: 5, ..Penalties::default() };
        let mut history = History::new(Some(&penalties), None);
        let mut random = fastrand::Rng::with_seed(1);
        let mut all = Vec::new();
        for _ in 0..1000 {
            let token = random.u32(..4);
            history.push(token);
            all.push(token);
            let window = &all[all.len().saturating_sub(5)..];
            assert_eq!(history.last(5), window);
            for token in 0..4 {
                let count = window.iter().filter(|seen| **seen == token).count() as u32;
                assert_eq!(history.counts.get(&token).copied().unwrap_or(0), count);
            }
        }
    }

    #[test]
    fn penalties_follow_their_definition() {
        let penalties = Penalties { window: 8, repetition: 2.0, frequency: 0.5, presence: 0.25 };
        let mut history = History::new(Some(&penalties), None);
        [0, 1, 1].into_iter().for_each(|token| history.push(token));
        let mut logits = [4.0, -1.0, 3.0];
        let mut edits = Edits::default();
        history.penalise(&penalties, &mut logits, &mut edits);
        assert_eq!(logits, [4.0 / 2.0 - 0.5 - 0.25, -2.0 - 1.0 - 0.25, 3.0]);
        assert_eq!((edits.before(1), edits.before(2)), (Some(-1.0), None));
    }

    /// By definition: for every earlier place, how far the tokens before it equal the last tokens.
    fn naive(last: &[u32], dry: &Dry) -> HashMap<u32, usize> {
        let mut longest = HashMap::new();
        for place in 1..last.len() {
            let mut length = 0;
            while length < place
                && last[place - 1 - length] == last[last.len() - 1 - length]
                && !dry.breakers.contains(&last[place - 1 - length])
            {
                length += 1;
            }
            if length >= dry.allowed {
                let entry = longest.entry(last[place]).or_insert(0);
                *entry = length.max(*entry);
            }
        }
        longest
    }

    #[test]
    fn repeats_are_found_as_a_naive_search_finds_them() {
        let mut random = fastrand::Rng::with_seed(5);
        let mut found = 0;
        for _ in 0..2000 {
            let breakers = if random.bool() { vec![3] } else { vec![] };
            let dry = Dry { breakers, allowed: random.usize(1..4), ..Dry::default() };
            let last: Vec<u32> = (0..random.usize(..40)).map(|_| random.u32(..4)).collect();
            let mut logits = [0.0; 4];
            Repeats::default().penalise(&dry, &last, &mut logits, &mut Edits::default());
            let expected = naive(&last, &dry);
            for token in 0..4 {
                let penalty = expected
                    .get(&token)
                    .map_or(0.0, |length| 0.8 * 1.75_f64.powf((length - dry.allowed) as f64));
                assert!(
                    (f64::from(logits[token as usize]) + penalty).abs() <= 1e-5 * penalty,
                    "{last:?} {dry:?}"
                );
            }
            found += expected.len();
        }
        assert!(found > 1000);
    }
}
