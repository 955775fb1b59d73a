//! A recall told: the plan, and every term of every score, as text that a person reads and a test compares.

use std::fmt;

use super::plan::{Channel, Reading};
use super::rank::Terms;
use super::{Found, Recalled};
use crate::memory::store::Search;

/// Shows how something was recalled.
#[derive(Debug, Clone, Copy)]
pub struct Explanation<'a>(pub(super) &'a Recalled);

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Recalled { found, at, now, plan, candidates, scoring } = self.0;
        writeln!(f, "{:?} at commit {}, {now}", plan.strategy, at.0)?;
        self.reading(f)?;
        for asked in &plan.channels {
            let name = asked.channel.name();
            write!(f, "  {name}: up to {}, weight {}", asked.most, asked.weight)?;
            match asked.channel {
                Channel::Vector => {
                    writeln!(f, ", {}, from a cosine of {} on", search(plan.search), scoring.floor)?
                }
                Channel::Words => {
                    writeln!(f, ", from {} of the best on, cover ^ {}", scoring.words_floor, scoring.cover)?
                }
                Channel::Exact => writeln!(f, ", {:?}", plan.names)?,
                _ => writeln!(f)?,
            }
        }
        writeln!(
            f,
            "{} of {candidates} candidates, k = {}, lambda = {}",
            found.len(),
            scoring.k,
            scoring.lambda
        )?;
        found.iter().zip(1..).try_for_each(|(found, place)| one(f, place, found, scoring.lambda))
    }
}

impl Explanation<'_> {
    fn reading(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = &self.0.plan;
        let way = match plan.reading {
            Reading::Indexed => "from indexes",
            Reading::Each => "one by one",
        };
        write!(f, "read {way}")?;
        let Some(estimate) = plan.estimate else {
            return writeln!(f, ": what has ended, and earlier states, are in no index");
        };
        writeln!(
            f,
            ": {:.0} µs from indexes, {:.0} µs one by one, with {} of {} memories in scope",
            estimate.indexed, estimate.each, plan.statistics.scope, plan.statistics.live
        )
    }
}

fn search(search: Search) -> String {
    match search {
        Search::Exact => "exact".to_owned(),
        Search::Recall(share) => format!("recall {share}"),
    }
}

fn one(f: &mut fmt::Formatter<'_>, place: usize, found: &Found, lambda: f64) -> fmt::Result {
    let Terms { rrf, rrf_n, recency, importance, factor, score, likeness, value, .. } = &found.terms;
    writeln!(f, "{place}. {} {} v{}", found.node.id, found.node.kind.name(), found.node.version)?;
    if let Some(far) = found.terms.filled {
        return writeln!(f, "   fills up: too far off to say anything, {far:.4}");
    }
    for part in &found.terms.parts {
        let (name, rank) = (part.channel.name(), part.rank);
        writeln!(
            f,
            "   {name}: rank {rank} by {:.4}, {} / (k + {rank}) = {:.6}",
            part.measured, part.weight, part.part
        )?;
    }
    writeln!(f, "   rrf {rrf:.6}, of the most {rrf_n:.4}")?;
    let relevance = found.terms.reranked.unwrap_or(*rrf_n);
    if let Some(judged) = found.terms.reranked {
        writeln!(f, "   judged {judged:.4}")?;
    }
    let age = found.terms.age.as_secs();
    writeln!(f, "   recency {recency:.4} after {age} s, importance {importance:.4}: factor {factor:.4}")?;
    writeln!(f, "   score {relevance:.4} * {factor:.4} = {score:.4}")?;
    // What is left of 1, with as many digits as there are, and without those that rounding adds.
    let room = ((1.0 - lambda) * 1e12).round() / 1e12;
    writeln!(f, "   chosen by {lambda} * {score:.4} - {room} * {likeness:.4} = {value:.4}")
}

impl Channel {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vector => "vector",
            Self::Words => "words",
            Self::Exact => "exact",
            Self::Time => "time",
            Self::Graph => "graph",
        }
    }
}
