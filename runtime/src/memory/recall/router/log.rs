//! What was chosen and what it was worth, and what another way of choosing would have given.

use super::{Choice, PerArm, position};

/// A choice, and what it was worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The choice, with how likely each was.
    pub choice: Choice,
    /// The reward: 0 to 1.
    pub reward: f64,
}

/// A mean over a log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The mean reward.
    pub mean: f64,
    /// Its standard error.
    pub error: f64,
    /// Over so many.
    pub count: usize,
}

/// The mean reward of a way of choosing, from the log of another one: each reward counts as much more as it would have been
/// chosen more often (inverse propensity). Without bias as long as each strategy that would be chosen could have been.
/// `chances` may be a difference of two ways, and then so is the mean.
pub fn estimate(log: &[Entry], chances: impl Fn(&Choice) -> PerArm) -> Estimate {
    let worth = |entry: &Entry| {
        let arm = position(entry.choice.strategy);
        let chance = chances(&entry.choice).get(arm).copied().unwrap_or_default();
        let propensity = entry.choice.propensity();
        if propensity > 0.0 { entry.reward * chance / propensity } else { 0.0 }
    };
    let count = log.len();
    let size = count.max(1) as f64;
    let mean = log.iter().map(worth).sum::<f64>() / size;
    let spread = log.iter().map(|entry| (worth(entry) - mean).powi(2)).sum::<f64>() / (size - 1.0).max(1.0);
    Estimate { mean, error: (spread / size).sqrt(), count }
}
