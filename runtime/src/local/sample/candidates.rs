//! The tokens that are left once a filter has kept few of them: a list of keys that sort the best token first.
//!
//! A key is the logit, turned into an integer that falls as the logit rises, above the token's id: of equal logits
//! the lower id is the better one.

use crate::local::kernels::sample::exp;
use crate::random::Random;

/// Tokens that may still be picked.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    keys: Vec<u64>,
    sorted: bool,
    weights: Vec<f64>,
    /// Distances from what is typical, above places in `keys`.
    distances: Vec<u64>,
}

/// The key of a token.
pub(super) fn key(logit: f32, token: u32) -> u64 {
    (u64::from(!ordered(logit)) << 32) | u64::from(token)
}

/// The token of a key.
pub(super) fn token(key: u64) -> u32 {
    key as u32
}

/// The logit of a key.
pub(super) fn logit(key: u64) -> f32 {
    let ordered = !((key >> 32) as u32);
    let sign = if ordered >> 31 == 1 { 1 << 31 } else { u32::MAX };
    f32::from_bits(ordered ^ sign)
}

/// An integer that is greater for a greater number. Both zeros are one.
fn ordered(number: f32) -> u32 {
    let bits = (number + 0.0).to_bits();
    if bits >> 31 == 1 { !bits } else { bits | (1 << 31) }
}

impl Candidates {
    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.sorted = false;
    }

    pub(super) fn push(&mut self, logit: f32, token: u32) {
        self.keys.push(key(logit, token));
    }

    /// The keys, in the order that they are in.
    pub(super) fn keys(&self) -> &[u64] {
        &self.keys
    }

    /// The best first.
    pub(super) fn sort(&mut self) -> &[u64] {
        if !self.sorted {
            self.keys.sort_unstable();
            self.sorted = true;
        }
        &self.keys
    }

    /// Keeps the `k` best, sorted.
    pub(super) fn top_k(&mut self, k: usize) {
        if !self.sorted && k > 0 && k < self.keys.len() {
            self.keys.select_nth_unstable(k - 1);
        }
        self.keys.truncate(k);
        self.sort();
    }

    /// Keeps the fewest of the best whose weights add up to `part` of `total`; all if they do not, and then false.
    /// Without a total, that of the candidates themselves.
    pub(super) fn top_p(&mut self, part: f32, total: Option<f64>) -> bool {
        self.sort();
        let all = self.weigh(1.0);
        let target = f64::from(part) * total.unwrap_or(all);
        let (mut sum, mut kept) = (0.0, 0);
        while kept < self.keys.len() && sum < target {
            sum += self.weights[kept];
            kept += 1;
        }
        let reached = sum >= target;
        self.keys.truncate(if reached { kept.max(1) } else { kept });
        reached
    }

    /// Keeps what is at least `part` as likely as the best.
    pub(super) fn min_p(&mut self, part: f32) {
        let least = self.max() + part.ln();
        self.keys.retain(|&key| logit(key) >= least);
    }

    /// Keeps the fewest of the most typical whose probabilities add up to `part`.
    pub(super) fn typical(&mut self, part: f32) {
        self.sort();
        let total = self.weigh(1.0);
        let max = self.max();
        let below = |key: u64| f64::from(max - logit(key));
        let entropy: f64 = self
            .keys
            .iter()
            .zip(&self.weights)
            .filter(|(_, weight)| **weight > 0.0)
            .map(|(&key, w)| w * below(key))
            .sum();
        let entropy = entropy / total;
        self.distances.clear();
        self.distances.extend(self.keys.iter().enumerate().map(|(place, &key)| {
            let distance = (below(key) - entropy).abs() as f32;
            (u64::from(distance.to_bits()) << 32) | place as u64
        }));
        self.distances.sort_unstable();
        let (mut sum, mut kept) = (0.0, 0);
        while kept < self.distances.len() && (kept == 0 || sum < f64::from(part) * total) {
            sum += self.weights[self.distances[kept] as u32 as usize];
            kept += 1;
        }
        self.distances.truncate(kept);
        self.distances.iter_mut().for_each(|place| *place = self.keys[*place as u32 as usize]);
        std::mem::swap(&mut self.keys, &mut self.distances);
        self.sorted = false;
    }

    /// Of the tokens with at least this probability, keeps only the least likely.
    pub(super) fn drop_top_choices(&mut self, threshold: f32) {
        self.sort();
        let least = self.weigh(1.0) * f64::from(threshold);
        let top = self.weights.iter().take_while(|weight| **weight >= least).count();
        self.keys.drain(..top.saturating_sub(1));
    }

    /// Draws one, and tells its probability.
    pub(super) fn draw(&mut self, temperature: f32, random: &mut Random) -> Option<(u32, f64)> {
        let total = self.weigh(1.0 / temperature);
        let mut left = random.unit() * total;
        // Rounding may leave something at the end: the last one that can be drawn takes it.
        let mut drawn = None;
        for (&key, &weight) in self.keys.iter().zip(&self.weights) {
            if weight > 0.0 {
                drawn = Some((token(key), weight / total));
                left -= weight;
                if left < 0.0 {
                    break;
                }
            }
        }
        drawn
    }

    /// Writes e^((x − max) · scale) of each to `weights`, and returns the sum.
    fn weigh(&mut self, scale: f32) -> f64 {
        let max = self.max();
        self.weights.clear();
        self.weights.extend(self.keys.iter().map(|&key| f64::from(exp((logit(key) - max) * scale))));
        self.weights.iter().sum()
    }

    /// The greatest logit.
    fn max(&self) -> f32 {
        let best = if self.sorted { self.keys.first() } else { self.keys.iter().min() };
        best.map_or(f32::NEG_INFINITY, |&key| logit(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_what_they_are_made_of() {
        let numbers = [f32::NEG_INFINITY, f32::MIN, -1.5, -1e-40, 0.0, 1e-40, 2.5, f32::MAX];
        for (number, next) in numbers.iter().zip(&numbers[1..]) {
            assert!(key(*next, 9) < key(*number, 3));
        }
        assert!(numbers.iter().all(|&number| logit(key(number, 7)) == number && token(key(number, 7)) == 7));
        assert!(key(-0.0, 1) < key(0.0, 2) && key(0.0, 1) < key(-0.0, 2));
    }
}
