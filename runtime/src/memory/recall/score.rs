//! What a memory counts for a question: pure functions, with the time as an argument.
//!
//! `rrf(d) = Σ w / (k + rank(d))` over the channels that found it, with ranks from 1 (Cormack, Clarke, Büttcher: Reciprocal
//! Rank Fusion, SIGIR 2009); divided by what it is for the first of all channels, `Σ w / (k + 1)`, it is in 0 to 1 and does
//! not depend on the other candidates. Recency is `2^(-age / half-life)`, as Park et al. (Generative Agents, 2023) have it
//! with an absolute age: by rank, a memory would count less because another was used. Both, and the importance, are a factor
//! around 1 that is bounded: neither can bring up what hardly matches.

use std::time::Duration;

/// How much each channel counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// The nearest vectors.
    pub vector: f64,
    /// The words.
    pub words: f64,
    /// What is related to what was found.
    pub graph: f64,
    /// Names that stand in it literally.
    pub exact: f64,
    /// The newest.
    pub time: f64,
}

/// The numbers of the score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scoring {
    /// How much each channel counts.
    pub weights: Weights,
    /// The constant of the fusion: the more, the less the first ranks stand out. With the 60 of the publication, whatever is
    /// anywhere in two lists outranks the first of one.
    pub k: f64,
    /// How much recency changes a score: by half of this up and down.
    pub recency: f64,
    /// How much importance changes a score: by half of this up and down.
    pub importance: f64,
    /// How much relevance counts against being unlike what is there already: 1 is relevance alone.
    pub lambda: f64,
    /// The cosine from which on two memories are alike, below 1.
    pub alike: f64,
    /// A vector with a lesser cosine says nothing. It depends on the model.
    pub floor: f64,
    /// Words that score less than this share of the best say nothing: what matches by `the` alone would count by its rank
    /// nearly as much as what matches.
    pub words_floor: f64,
    /// How much the words count by what they cover: a memory counts by the share of the question that stands in it, raised
    /// to this power; and what relations lead to counts no more than what they lead from. With 0, the first of those that
    /// only have `the` counts as much as one that has all words.
    pub cover: f64,
}

impl Default for Scoring {
    fn default() -> Self {
        let weights = Weights { vector: 1.0, words: 1.0, graph: 0.5, exact: 1.0, time: 0.5 };
        Self {
            weights,
            k: 2.0,
            recency: 0.3,
            importance: 0.3,
            lambda: 0.7,
            alike: 0.8,
            floor: 0.1,
            words_floor: 0.4,
            cover: 0.5,
        }
    }
}

/// A rank, from 1, in a list that counts so much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// How much the list counts.
    pub weight: f64,
    /// The rank, from 1.
    pub rank: usize,
}

/// Reciprocal rank fusion.
pub fn rrf(ranks: &[Ranked], k: f64) -> f64 {
    ranks.iter().map(|one| one.weight / (k + one.rank as f64)).sum()
}

/// The fusion as a share of the most that it can be, which is that of the first of all lists.
pub fn rrf_n(ranks: &[Ranked], weights: &[f64], k: f64) -> f64 {
    let most = weights.iter().sum::<f64>() / (k + 1.0);
    if most > 0.0 { rrf(ranks, k) / most } else { 0.0 }
}

/// What is left of the recency of a memory that was used so long ago. Without a half-life all of it.
pub fn recency(age: Duration, half_life: Option<Duration>) -> f64 {
    match half_life {
        Some(half_life) if !half_life.is_zero() => (-age.as_secs_f64() / half_life.as_secs_f64()).exp2(),
        Some(_) if !age.is_zero() => 0.0,
        _ => 1.0,
    }
}

/// The factor of recency and importance. Within ±15 % each with the usual numbers.
pub fn factor(recency: f64, importance: f64, scoring: &Scoring) -> f64 {
    1.0 + scoring.recency * (recency - 0.5) + scoring.importance * (importance - 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} is not {b}");
    }

    #[test]
    fn fusion_by_a_table() {
        let of = |weight: f64, rank: usize| Ranked { weight, rank };
        // By hand: 1/61 + 1/62, 0.5/63, 1/61 + 1/61 + 0.5/61.
        close(rrf(&[of(1.0, 1), of(1.0, 2)], 60.0), 123.0 / 3782.0);
        close(rrf(&[of(0.5, 3)], 60.0), 1.0 / 126.0);
        close(rrf(&[], 60.0), 0.0);
        let weights = [1.0, 1.0, 0.5];
        close(rrf_n(&[of(1.0, 1), of(1.0, 1), of(0.5, 1)], &weights, 60.0), 1.0);
        close(rrf_n(&[of(1.0, 1)], &weights, 60.0), 0.4);
        close(rrf_n(&[of(1.0, 62)], &weights, 60.0), 0.2);
        close(rrf_n(&[], &[], 60.0), 0.0);
        // With a constant of 0 it is the reciprocal rank.
        close(rrf(&[of(1.0, 4)], 0.0), 0.25);
    }

    #[test]
    fn recency_by_a_table() {
        let hour = Duration::from_secs(3600);
        for (hours, expected) in [(0, 1.0), (1, 0.5), (2, 0.25), (10, 1.0 / 1024.0)] {
            close(recency(hour * hours, Some(hour)), expected);
        }
        close(recency(hour * 1_000_000, None), 1.0);
        close(recency(hour, Some(Duration::ZERO)), 0.0);
        close(recency(hour / 2, Some(hour)), std::f64::consts::FRAC_1_SQRT_2);
    }

    #[test]
    fn the_factor_is_bounded() {
        let usual = Scoring::default();
        for (recency, importance, expected) in
            [(1.0, 1.0, 1.3), (0.0, 0.0, 0.7), (0.5, 0.5, 1.0), (1.0, 0.5, 1.15), (1.0, 0.0, 1.0)]
        {
            close(factor(recency, importance, &usual), expected);
        }
    }
}
