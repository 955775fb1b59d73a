//! All logits of a vocabulary: their greatest, the best of them, and filters that never sort them all.
//!
//! The greatest logit of every chunk is known. A filter that keeps few looks only into the chunks that reach its
//! threshold; one that keeps many sets the rest to −∞, in place.

use super::Error;
use super::candidates::{Candidates, key, logit, token};
use crate::local::kernels::sample::{self as kernel, BUCKETS, CHUNK, exp};
use crate::random::Random;

/// How many chunks a nucleus is first looked for in.
const FIRST_GUESS: usize = 192;
/// From this part on it pays to draw from all: what was drawn is in the nucleus more often than not.
const WIDE: f32 = 0.5;
/// How often that is tried. With 0.9 and no more warmth than 1, one of a hundred million answers tries as often.
const TRIES: usize = 8;

/// What is known of all logits.
#[derive(Debug)]
pub(super) struct Field {
    /// The greatest logit of each chunk.
    maxima: Vec<f32>,
    /// The sum of the weights of each chunk, where a pass has computed it.
    sums: Vec<f32>,
    /// The greatest of all.
    max: f32,
    scratch: Vec<u64>,
    buckets: Box<[f64; BUCKETS]>,
}

/// A nucleus, and how warm what is drawn from it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nucleus {
    /// The share of all that it has.
    pub(super) part: f32,
    pub(super) temperature: f32,
}

/// Which of the logits a filter likes best, and what it has to keep.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    /// The best logit is this far above the greatest.
    shift: f32,
    /// The sum of the weights to reach.
    weight: f64,
}

impl Field {
    pub(super) fn new(vocabulary: usize) -> Self {
        let chunks = vocabulary.div_ceil(CHUNK);
        Self {
            maxima: vec![0.0; chunks],
            sums: vec![0.0; chunks],
            max: 0.0,
            scratch: Vec::with_capacity(chunks),
            buckets: Box::new([0.0; BUCKETS]),
        }
    }

    /// Looks at all logits, and refuses what is no distribution.
    pub(super) fn scan(&mut self, logits: &[f32]) -> Result<(), Error> {
        let numbers = kernel::scan(logits, &mut self.maxima);
        self.max = self.maxima.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        if !numbers || self.max == f32::INFINITY {
            return Err(wrong(logits));
        }
        if self.max == f32::NEG_INFINITY { Err(Error::NothingAllowed) } else { Ok(()) }
    }

    /// Looks again at the chunks of tokens whose logits were changed.
    pub(super) fn rescan(&mut self, logits: &[f32], changed: impl Iterator<Item = u32>) -> Result<(), Error> {
        for token in changed {
            let chunk = token as usize / CHUNK;
            let end = (chunk * CHUNK + CHUNK).min(logits.len());
            let range = chunk * CHUNK..end;
            self.maxima[chunk] = logits[range].iter().copied().fold(f32::NEG_INFINITY, f32::max);
        }
        self.max = self.maxima.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        if self.max == f32::NEG_INFINITY { Err(Error::NothingAllowed) } else { Ok(()) }
    }

    /// The greatest logit.
    pub(super) fn max(&self) -> f32 {
        self.max
    }

    /// The token of the greatest logit; the lowest id of several.
    pub(super) fn best(&self, logits: &[f32]) -> u32 {
        let chunk = self.maxima.iter().position(|max| *max == self.max).unwrap_or(0);
        let start = chunk * CHUNK;
        let within = logits[start..].iter().position(|logit| *logit == self.max).unwrap_or(0);
        (start + within) as u32
    }

    /// Σ e^((x − max) / temperature).
    pub(super) fn weight(&mut self, logits: &[f32], temperature: f32) -> f64 {
        kernel::weigh(logits, self.max, 1.0 / temperature, &mut self.sums)
    }

    /// Lists the tokens whose logit is at least `least`.
    pub(super) fn list(&self, logits: &[f32], least: f32, list: &mut Candidates) {
        list.clear();
        let least = least.max(f32::MIN);
        for (number, (chunk, max)) in logits.chunks(CHUNK).zip(&self.maxima).enumerate() {
            if *max < least {
                continue;
            }
            for (place, &logit) in chunk.iter().enumerate() {
                if logit >= least {
                    list.push(logit, (number * CHUNK + place) as u32);
                }
            }
        }
    }

    /// Lists the `k` best, sorted; fewer if no more are left.
    pub(super) fn top_k(&mut self, logits: &[f32], k: usize, list: &mut Candidates) {
        // As many chunks have a logit that great.
        let least = self.great(k);
        self.list(logits, least, list);
        list.top_k(k);
    }

    /// Keeps the nucleus: the fewest of the best whose probabilities add up to `part`. True: they are listed, sorted;
    /// false: they are what is left of `logits`.
    pub(super) fn top_p(&mut self, logits: &mut [f32], part: f32, list: &mut Candidates) -> bool {
        let total = self.weight(logits, 1.0);
        if self.list_nucleus(logits, part, total, list) {
            return true;
        }
        self.keep(logits, Wanted { shift: 0.0, weight: f64::from(part) * total });
        false
    }

    /// Draws one of the nucleus. Where that is wide its border is not looked for: something is drawn from all until what
    /// was drawn is in it.
    pub(super) fn draw_nucleus(
        &mut self,
        logits: &mut [f32],
        nucleus: Nucleus,
        list: &mut Candidates,
        random: &mut Random,
    ) -> Option<u32> {
        let Nucleus { part, temperature } = nucleus;
        let total = self.weight(logits, 1.0);
        if self.list_nucleus(logits, part, total, list) {
            return list.draw(temperature, random).map(|(token, _)| token);
        }
        let target = f64::from(part) * total;
        let warm = self.weight(logits, temperature);
        for _ in 0..if part < WIDE { 0 } else { TRIES } {
            let (token, _) = self.draw_of(warm, logits, temperature, random);
            if self.weight_before(logits, token) < target {
                return Some(token);
            }
        }
        self.keep(logits, Wanted { shift: 0.0, weight: target });
        Some(self.draw(logits, temperature, random).0)
    }

    /// Lists a nucleus, sorted, if it lies within few chunks; the sums of all are known.
    fn list_nucleus(&mut self, logits: &[f32], part: f32, total: f64, list: &mut Candidates) -> bool {
        let least = self.great(FIRST_GUESS);
        if self.weight_reaching(least) < f64::from(part) * total {
            return false;
        }
        self.list(logits, least, list);
        list.top_p(part, Some(total))
    }

    /// The weight of all chunks that reach a logit: what is listed by it has at most that.
    fn weight_reaching(&self, least: f32) -> f64 {
        let chunks = self.maxima.iter().zip(&self.sums);
        chunks.filter(|(max, _)| **max >= least).map(|(_, sum)| f64::from(*sum)).sum()
    }

    /// The weight of all that are better than a token.
    fn weight_before(&self, logits: &[f32], token: u32) -> f64 {
        let (before, after) = logits.split_at(token as usize);
        let logit = after.first().copied().unwrap_or(f32::NEG_INFINITY);
        // Of equal ones the lower id is better.
        kernel::weigh_above(before, self.max, logit.next_down()) + kernel::weigh_above(after, self.max, logit)
    }

    /// Keeps the fewest of the most typical whose probabilities add up to `part`.
    pub(super) fn typical(&mut self, logits: &mut [f32], part: f32) {
        let (total, moment) = kernel::moments(logits, self.max);
        let shift = -(moment / total) as f32;
        self.keep(logits, Wanted { shift, weight: f64::from(part) * total });
        self.renew(logits);
    }

    /// Lists what is at most `sigmas` standard deviations below the best.
    pub(super) fn top_n_sigma(&self, logits: &[f32], sigmas: f32, list: &mut Candidates) {
        let (_, _, variance) = kernel::spread(logits);
        let least = f64::from(self.max) - f64::from(sigmas) * variance.sqrt();
        self.list(logits, least as f32, list);
    }

    /// Of the tokens with at least this probability, keeps only the least likely.
    pub(super) fn drop_top_choices(&mut self, logits: &mut [f32], threshold: f32, list: &mut Candidates) {
        let total = self.weight(logits, 1.0);
        let least = f64::from(self.max) + (f64::from(threshold) * total).ln();
        self.list(logits, least as f32, list);
        let Some((_, top)) = list.sort().split_last() else { return };
        top.iter().for_each(|&key| logits[token(key) as usize] = f32::NEG_INFINITY);
        self.renew(logits);
    }

    /// Draws one, and tells its probability.
    pub(super) fn draw(&mut self, logits: &[f32], temperature: f32, random: &mut Random) -> (u32, f64) {
        let total = self.weight(logits, temperature);
        self.draw_of(total, logits, temperature, random)
    }

    /// The same, where the weights are known.
    fn draw_of(&self, total: f64, logits: &[f32], temperature: f32, random: &mut Random) -> (u32, f64) {
        let mut left = random.unit() * total;
        let mut drawn = 0;
        for (chunk, &sum) in self.sums.iter().enumerate() {
            if sum > 0.0 {
                drawn = chunk;
                if left < f64::from(sum) {
                    break;
                }
                left -= f64::from(sum);
            }
        }
        let (token, weight) =
            within(logits, drawn * CHUNK, left, |logit| exp((logit - self.max) * (1.0 / temperature)));
        (token, weight / total)
    }

    /// A logit that is reached in `chunks` chunks; −∞ if there are not so many.
    fn great(&mut self, chunks: usize) -> f32 {
        if chunks == 0 || chunks >= self.maxima.len() {
            return f32::NEG_INFINITY;
        }
        self.scratch.clear();
        self.scratch.extend(self.maxima.iter().map(|&max| key(max, 0)));
        logit(*self.scratch.select_nth_unstable(chunks - 1).1)
    }

    /// Sets to −∞ all but the fewest of the nearest whose weights add up to what is wanted.
    fn keep(&mut self, logits: &mut [f32], wanted: Wanted) {
        let Wanted { shift, weight } = wanted;
        self.buckets.fill(0.0);
        kernel::histogram(logits, self.max, shift, &mut self.buckets);
        let (mut sum, mut border) = (0.0, BUCKETS - 1);
        for (number, bucket) in self.buckets.iter().enumerate() {
            if sum + bucket >= weight {
                border = number;
                break;
            }
            sum += bucket;
        }
        self.collect(logits, shift, border);
        let nearest = &self.scratch;
        let mut kept = 0;
        while kept < nearest.len() && (sum < weight || kept == 0) {
            sum += f64::from(exp(logits[nearest[kept] as u32 as usize] - self.max));
            kept += 1;
        }
        let Some(last) = kept.checked_sub(1).map(|last| nearest[last]) else { return };
        kernel::cut(logits, self.max, shift, f32::from_bits((last >> 32) as u32));
        // Those as far as the last one that is kept.
        nearest[kept..].iter().take_while(|far| *far >> 32 == last >> 32).for_each(|&tie| {
            logits[tie as u32 as usize] = f32::NEG_INFINITY;
        });
    }

    /// Collects what lies in a bucket: distances above tokens, the nearest first.
    fn collect(&mut self, logits: &[f32], shift: f32, border: usize) {
        self.scratch.clear();
        kernel::collect(logits, self.max, shift, border, &mut self.scratch);
        self.scratch.sort_unstable();
    }

    fn renew(&mut self, logits: &[f32]) {
        kernel::scan(logits, &mut self.maxima);
        self.max = self.maxima.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    }
}

/// The token of a chunk at which the weights have used up `left`; the last that has a weight if they do not.
fn within(logits: &[f32], start: usize, mut left: f64, weigh: impl Fn(f32) -> f32) -> (u32, f64) {
    let (mut drawn, mut drawn_weight) = (start, 0.0);
    for (place, &logit) in logits[start..].iter().take(CHUNK).enumerate() {
        let weight = f64::from(weigh(logit));
        if weight > 0.0 {
            (drawn, drawn_weight) = (start + place, weight);
            left -= weight;
            if left < 0.0 {
                break;
            }
        }
    }
    (drawn as u32, drawn_weight)
}

fn wrong(logits: &[f32]) -> Error {
    let at = logits.iter().position(|logit| logit.is_nan() || *logit == f32::INFINITY).unwrap_or(0);
    Error::NotFinite { token: at as u32, logit: logits.get(at).copied().unwrap_or(f32::NAN) }
}
