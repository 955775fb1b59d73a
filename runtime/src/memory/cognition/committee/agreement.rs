//! How far judges agree beyond what chance would bring: Krippendorff's alpha (K. Krippendorff, Computing Krippendorff's
//! Alpha-Reliability, 2011). Any number of judges, and any of them may be silent about any question.
//!
//! It is one less the share of the observed differences in the expected ones, of all pairs of answers. Neither is summed
//! pair by pair. With numbers, the squares of all differences come to the count times the squares of the differences from
//! the mean. The difference of two in an order is that of their ranks, where equal ones share the rank in their middle.

use std::collections::BTreeMap;

/// What the difference of two answers means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// They are the same or not.
    Nominal,
    /// They have an order.
    Ordinal,
    /// They are numbers whose differences count.
    Interval,
}

/// Alpha of answers, one row for each question and one column for each judge: 1 if all agree, 0 if they agree as by chance,
/// less if they agree less than that. `None` where it is not defined: no question has two answers, or all answers are the
/// same. Answers that are no finite number count as silence.
pub fn alpha(questions: &[Vec<Option<f64>>], scale: Scale) -> Option<f64> {
    let questions: Vec<Vec<f64>> = questions
        .iter()
        // Both zeros are one answer.
        .map(|answers| answers.iter().flatten().filter(|one| one.is_finite()).map(|one| one + 0.0).collect())
        .filter(|answers: &Vec<f64>| answers.len() > 1)
        .collect();
    let mut values: Vec<f64> = questions.iter().flatten().copied().collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let places = |answers: &[f64]| {
        let mut counts = BTreeMap::new();
        for answer in answers {
            *counts.entry(values.partition_point(|value| value < answer)).or_insert(0.0) += 1.0;
        }
        counts
    };
    let questions: Vec<Counts> = questions.iter().map(|answers| places(answers)).collect();
    of_counts(&values, &questions, scale)
}

/// How often each value was said, by its place among all values.
type Counts = BTreeMap<usize, f64>;

/// Alpha of how often each value was said to each question.
fn of_counts(values: &[f64], questions: &[Counts], scale: Scale) -> Option<f64> {
    let mut all = Counts::new();
    for (place, count) in questions.iter().flatten() {
        *all.entry(*place).or_insert(0.0) += count;
    }
    let numbers = match scale {
        Scale::Nominal => None,
        Scale::Ordinal => Some(ranks(&all)),
        Scale::Interval => Some(shares(values)),
    };
    let apart = |counts: &Counts| apart(counts, numbers.as_deref());
    let observed: f64 = questions.iter().map(|counts| apart(counts) / (said(counts) - 1.0)).sum();
    let expected = apart(&all);
    (expected > 0.0).then(|| 1.0 - (said(&all) - 1.0) * observed / expected)
}

fn said(counts: &Counts) -> f64 {
    counts.values().sum()
}

/// The sum of the differences of all pairs: of how many differ, or of the squares of the differences of their numbers.
fn apart(counts: &Counts, numbers: Option<&[f64]>) -> f64 {
    let all = said(counts);
    let Some(numbers) = numbers else {
        return counts.values().map(|count| count * (all - count)).sum::<f64>() / 2.0;
    };
    let number = |place: &usize| numbers.get(*place).copied().unwrap_or_default();
    // From the first, so that equal ones are nothing apart, however they are rounded.
    let first = counts.keys().next().map(number).unwrap_or_default();
    let from_first = || counts.iter().map(|(place, count)| (number(place) - first, count));
    let mean = from_first().map(|(number, count)| number * count).sum::<f64>() / all;
    all * from_first().map(|(number, count)| count * (number - mean).powi(2)).sum::<f64>()
}

/// The rank of each value, in the middle of those who said it.
fn ranks(counts: &Counts) -> Vec<f64> {
    let mut below = 0.0;
    let rank = |count: &f64| {
        below += count;
        below - count / 2.0
    };
    counts.values().map(rank).collect()
}

/// Where each of sorted values is between the least and the most: from 0 to 1, so that no square is too large or too small.
fn shares(values: &[f64]) -> Vec<f64> {
    let (Some(low), Some(high)) = (values.first(), values.last()) else { return Vec::new() };
    // The difference of the largest numbers is none; that of their halves is.
    let half = if (high - low).is_finite() { 1.0 } else { 0.5 };
    values.iter().map(|value| (value * half - low * half) / (high * half - low * half)).collect()
}
