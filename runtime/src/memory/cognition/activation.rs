//! How present a memory is: the base level and the spreading of ACT-R (Anderson & Lebiere 1998).
//!
//! The base level is `B = ln Σ age^-d` over all uses, with ages in seconds. Of long histories the latest uses are kept, and
//! the rest is taken as spread evenly between the first use and those (Petrov 2006), so that a history has a bounded size.

use std::collections::VecDeque;

use crate::memory::{Error, MemoryNode, Timestamp};

/// The uses of a memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// The latest uses, in order.
    recent: VecDeque<Timestamp>,
    first: Timestamp,
    count: u64,
}

/// How fast activation falls: between 0 and 1, as a rule 0.5.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decay(f64);

/// So many of the latest uses are known exactly.
const KEPT: usize = 16;
/// A use is at least so many seconds ago: what is used now is not infinitely present.
const LEAST_AGE: f64 = 1.0;

impl Decay {
    /// A decay.
    ///
    /// # Errors
    /// When it is not between 0 and 1.
    pub fn new(decay: f64) -> Result<Self, Error> {
        if decay > 0.0 && decay < 1.0 {
            return Ok(Self(decay));
        }
        Err(Error::invalid("decay", format!("{decay} is not between 0 and 1")))
    }
}

impl Default for Decay {
    fn default() -> Self {
        Self(0.5)
    }
}

impl Trace {
    /// One use.
    pub fn new(at: Timestamp) -> Self {
        Self { recent: VecDeque::from([at]), first: at, count: 1 }
    }

    /// What a store knows of the uses of a memory: that it was stored, how often it was recalled, and when last.
    pub fn of(node: &MemoryNode) -> Self {
        let last = if node.accesses == 0 { node.created } else { node.last_access };
        Self { recent: VecDeque::from([last]), first: node.created, count: node.accesses + 1 }
    }

    /// One more use. Uses come in the order of time; an earlier one counts as one now.
    pub fn touch(&mut self, at: Timestamp) {
        let at = self.recent.back().map_or(at, |last| at.max(*last));
        self.recent.push_back(at);
        self.count += 1;
        if self.recent.len() > KEPT {
            self.recent.pop_front();
        }
    }

    /// How often it was used.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Its base level.
    pub fn base_level(&self, now: Timestamp, decay: Decay) -> f64 {
        let Decay(d) = decay;
        let age = |at: Timestamp| now.since(at).as_secs_f64().max(LEAST_AGE);
        let recent: f64 = self.recent.iter().map(|at| age(*at).powf(-d)).sum();
        let rest = self.count - (self.recent.len() as u64).min(self.count);
        if rest == 0 {
            return recent.ln();
        }
        let (oldest, newest) = (age(self.first), self.recent.front().map_or(LEAST_AGE, |at| age(*at)));
        let mean = match oldest - newest {
            span if span > 0.0 => (oldest.powf(1.0 - d) - newest.powf(1.0 - d)) / ((1.0 - d) * span),
            _ => oldest.powf(-d),
        };
        (recent + rest as f64 * mean).ln()
    }
}

/// How strongly a source of attention leads to each of `fan` memories that it is linked with: `most - ln fan`. Less than
/// nothing for a source that leads nearly everywhere.
pub fn strength(most: f64, fan: usize) -> f64 {
    most - (fan.max(1) as f64).ln()
}
