//! Decisions from votes. None of them depends on the order of the votes.

use std::collections::BTreeMap;

/// When votes decide.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quorum {
    /// So many have to say something. Who abstains does not.
    pub votes: usize,
    /// Of those, at least this share has to say the same.
    pub agreement: f64,
}

/// What votes come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<V> {
    /// This.
    Agreed(V),
    /// Nothing: two say the same as often, or too few say the same.
    Divided,
    /// Nothing: too few say anything.
    TooFew,
}

/// Shares and distances are compared with so much tolerance: two of three are two thirds, and 0.4 is 0.3 from 0.1.
const NEARLY: f64 = 1e-9;

impl Quorum {
    /// What most say, if that is enough.
    pub fn decide<V: Ord + Clone>(&self, votes: &[Option<V>]) -> Outcome<V> {
        let count = count(votes);
        let cast: usize = count.values().sum();
        if cast < self.votes.max(1) {
            return Outcome::TooFew;
        }
        let (first, second) = leaders(&count);
        match first {
            Some((vote, most)) if most > second && self.is_enough(most, cast) => {
                Outcome::Agreed(vote.clone())
            }
            _ => Outcome::Divided,
        }
    }

    /// Whether the votes come to the same decision whatever those say that are still to come.
    pub fn is_settled<V: Ord + Clone>(&self, votes: &[Option<V>], left: usize) -> bool {
        let count = count(votes);
        let cast: usize = count.values().sum();
        let (first, second) = leaders(&count);
        let most = first.map_or(0, |(_, most)| most);
        cast >= self.votes.max(1) && most > second + left && self.is_enough(most, cast + left)
    }

    fn is_enough(&self, most: usize, cast: usize) -> bool {
        most as f64 + NEARLY >= self.agreement * cast as f64
    }
}

fn count<V: Ord>(votes: &[Option<V>]) -> BTreeMap<&V, usize> {
    let mut count = BTreeMap::new();
    votes.iter().flatten().for_each(|vote| *count.entry(vote).or_insert(0) += 1);
    count
}

/// What was said most often, and how often the next was.
fn leaders<'a, V>(count: &BTreeMap<&'a V, usize>) -> (Option<(&'a V, usize)>, usize) {
    let (mut first, mut second) = (None, 0);
    for (vote, found) in count {
        let most = first.map_or(0, |(_, most)| most);
        if *found > most {
            (first, second) = (Some((*vote, *found)), most);
        } else {
            second = second.max(*found);
        }
    }
    (first, second)
}

/// What was said, in order. What is no number was not said.
fn said(votes: &[Option<f64>]) -> Vec<f64> {
    let mut said: Vec<f64> = votes.iter().flatten().copied().filter(|vote| vote.is_finite()).collect();
    said.sort_by(f64::total_cmp);
    said
}

/// The median of what was said; of an even number the mean of the two in the middle. What is no number was not said.
pub fn median(votes: &[Option<f64>]) -> Option<f64> {
    let said = said(votes);
    let upper = *said.get(said.len() / 2)?;
    let lower = *said.get((said.len() - 1) / 2)?;
    // Their difference may be more than any number.
    Some(lower.midpoint(upper))
}

/// The median, if enough was said, and it is not too far apart.
pub(super) fn score(votes: &[Option<f64>], least: usize, spread: f64) -> Outcome<f64> {
    let said = said(votes);
    let Some(median) = median(votes).filter(|_| said.len() >= least) else { return Outcome::TooFew };
    // In their order, and from the median: sums are rounded the same way each time, and equal ones are nothing apart.
    let from_median = || said.iter().map(|vote| vote - median);
    let count = said.len() as f64;
    let mean = from_median().sum::<f64>() / count;
    let variance = from_median().map(|vote| (vote - mean).powi(2)).sum::<f64>() / count;
    if is_within(variance.sqrt(), spread) { Outcome::Agreed(median) } else { Outcome::Divided }
}

/// Whether something is no further away than that, but for rounding.
pub(super) fn is_within(distance: f64, spread: f64) -> bool {
    distance <= spread + NEARLY * spread.max(1.0)
}
