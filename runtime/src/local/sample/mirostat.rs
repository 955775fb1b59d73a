//! Mirostat: keeps the surprise of the chosen tokens near a target (Basu et al., "Mirostat: a neural text decoding
//! algorithm that directly controls perplexity", 2020), in the two forms that are in use.

use super::candidates::{Candidates, logit};
use super::config::{Mirostat, MirostatVersion};
use super::field::Field;
use crate::random::Random;

/// How many of the likeliest tokens the slope is estimated from.
const LIKELIEST: usize = 100;

/// The limit of surprise, in bits, as it stands.
#[derive(Debug)]
pub(super) struct Limit {
    config: Mirostat,
    mu: f64,
}

impl Limit {
    pub(super) fn new(config: Mirostat) -> Self {
        Self { config, mu: 2.0 * f64::from(config.tau) }
    }

    /// Picks a token and moves the limit.
    pub(super) fn pick(
        &mut self,
        field: &mut Field,
        logits: &mut [f32],
        temperature: f32,
        list: &mut Candidates,
        random: &mut Random,
    ) -> Option<u32> {
        match self.config.version {
            MirostatVersion::V1 => self.keep_by_rank(field, logits, temperature, list),
            MirostatVersion::V2 => self.keep_by_surprise(field, logits, temperature, list),
        }
        let (token, probability) = list.draw(temperature, random)?;
        let surprise = -probability.log2();
        self.mu -= f64::from(self.config.eta) * (surprise - f64::from(self.config.tau));
        Some(token)
    }

    /// Keeps what surprises no more than the limit, and in any case the best.
    fn keep_by_surprise(&self, field: &mut Field, logits: &[f32], temperature: f32, list: &mut Candidates) {
        let total = field.weight(logits, temperature);
        // −log2 p ≤ µ, where ln p = (x − max) / T − ln total.
        let below = (self.mu * std::f64::consts::LN_2 - total.ln()) * f64::from(temperature);
        let least = f64::from(field.max()) - below.max(0.0);
        field.list(logits, least as f32, list);
    }

    /// Keeps as many of the best as a Zipf distribution of the estimated slope would need.
    fn keep_by_rank(&self, field: &mut Field, logits: &[f32], temperature: f32, list: &mut Candidates) {
        field.top_k(logits, LIKELIEST, list);
        let slope = slope(list.keys(), temperature);
        let epsilon = slope - 1.0;
        let vocabulary = logits.len() as f64;
        // As the slope nears 1 the fraction nears 2^µ / ln N.
        let scaled = if epsilon.abs() < 1e-6 {
            self.mu.exp2() / vocabulary.ln().max(f64::MIN_POSITIVE)
        } else {
            epsilon * self.mu.exp2() / (1.0 - vocabulary.powf(-epsilon))
        };
        let k = scaled.powf(1.0 / slope);
        // What is not a number becomes 0.
        let k = (k.round() as usize).clamp(1, logits.len());
        if k > list.keys().len() {
            field.top_k(logits, k, list);
        } else {
            list.top_k(k);
        }
    }
}

/// The least-squares slope of ln p over ln rank.
fn slope(best: &[u64], temperature: f32) -> f64 {
    let (mut products, mut squares) = (0.0, 0.0);
    for (rank, pair) in best.windows(2).enumerate() {
        let step = ((rank + 2) as f64 / (rank + 1) as f64).ln();
        let fall = f64::from(logit(pair[0]) - logit(pair[1])) / f64::from(temperature);
        products += step * fall;
        squares += step * step;
    }
    if squares > 0.0 { (products / squares).max(f64::MIN_POSITIVE) } else { 1.0 }
}
