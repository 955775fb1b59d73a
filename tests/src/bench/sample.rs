//! How samples are taken and what they add up to: interleaved pairs, medians, quartiles.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::alloc::allocations;

/// What samples add up to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// How many there are.
    pub samples: usize,
    /// The middle one.
    pub median: f64,
    /// A quarter is below.
    pub low: f64,
    /// A quarter is above.
    pub high: f64,
}

/// Samples of two things that were measured in turn, so that a noisy moment hits both.
#[derive(Debug, Clone, Default)]
pub struct Pairs {
    /// Of what is ours.
    pub ours: Vec<f64>,
    /// Of what it is compared with.
    pub theirs: Vec<f64>,
}

impl Pairs {
    /// Takes `count` pairs; who goes first changes each time.
    pub fn take(count: usize, mut ours: impl FnMut() -> f64, mut theirs: impl FnMut() -> f64) -> Self {
        let mut pairs = Self::default();
        for number in 0..count {
            let first_theirs = (number % 2 == 1).then(&mut theirs);
            pairs.ours.push(ours());
            pairs.theirs.push(first_theirs.unwrap_or_else(&mut theirs));
        }
        pairs
    }

    /// Ours by theirs, pair by pair.
    pub fn ratios(&self) -> Vec<f64> {
        self.ours.iter().zip(&self.theirs).map(|(ours, theirs)| ours / theirs).collect()
    }
}

impl Summary {
    /// Of these samples; of none, nothing is a number.
    pub fn of(samples: &[f64]) -> Self {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |part: f64| quantile(&sorted, part);
        Self { samples: sorted.len(), median: at(0.5), low: at(0.25), high: at(0.75) }
    }
}

/// The value below which this part of the sorted samples lies, between two of them where it has to be.
pub fn quantile(sorted: &[f64], part: f64) -> f64 {
    let place = sorted.len().saturating_sub(1) as f64 * part;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    match (sorted.get(below), sorted.get(above)) {
        (Some(low), Some(high)) => low + (high - low) * place.fract(),
        _ => f64::NAN,
    }
}

/// Nanoseconds of one call of `work`, over as many calls as fill `about`.
pub fn nanoseconds<T>(about: Duration, mut work: impl FnMut() -> T) -> f64 {
    let mut calls = 1_u32;
    loop {
        let start = Instant::now();
        (0..calls).for_each(|_| drop(black_box(work())));
        let took = start.elapsed();
        if took * 2 >= about || calls > u32::MAX / 4 {
            return took.as_nanos() as f64 / f64::from(calls);
        }
        calls *= 2;
    }
}

/// How often one call of `work` allocates, once it has run a few times.
pub fn allocations_of<T>(mut work: impl FnMut() -> T) -> f64 {
    const CALLS: u32 = 1000;
    (0..16).for_each(|_| drop(black_box(work())));
    let before = allocations();
    (0..CALLS).for_each(|_| drop(black_box(work())));
    (allocations() - before) as f64 / f64::from(CALLS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_samples_is_found() {
        let summary = Summary::of(&[4.0, 1.0, 3.0, 2.0, 5.0]);
        assert_eq!(summary, Summary { samples: 5, median: 3.0, low: 2.0, high: 4.0 });
        assert!((Summary::of(&[1.0, 2.0]).median - 1.5).abs() < 1e-12);
        assert!(Summary::of(&[]).median.is_nan());
    }

    #[test]
    fn pairs_keep_together_what_was_measured_together() {
        let (mut ours, mut theirs) = ((1..).map(f64::from), (1..).map(|n| f64::from(n * 2)));
        let pairs = Pairs::take(4, || ours.next().unwrap(), || theirs.next().unwrap());
        assert_eq!(pairs.ratios(), [0.5; 4]);
    }
}
