//! The state of a session: what is at hand, how attention is shared among the channels that memories come by, how present
//! each memory is, and how sure one can be of what was found.

use std::collections::BTreeMap;

use super::activation::{Decay, Trace};
use super::calibration::Calibration;
use super::weights::softmax;
use super::working::WorkingMemory;
use crate::memory::{Error, Id, MemoryNode, Timestamp};

/// The state of a session. `C` is a channel: words, vectors, relations, or whatever memories come by.
#[derive(Debug, Clone)]
pub struct CognitiveState<C> {
    /// What is at hand.
    pub working: WorkingMemory,
    /// What scores are worth. `None`: nothing is known about that yet.
    pub calibration: Option<Calibration>,
    attention: BTreeMap<C, f64>,
}

impl<C: Ord + Clone> CognitiveState<C> {
    /// With attention shared evenly.
    ///
    /// # Errors
    /// When there is no channel.
    pub fn new(working: WorkingMemory, channels: impl IntoIterator<Item = C>) -> Result<Self, Error> {
        let mut this = Self { working, calibration: None, attention: BTreeMap::new() };
        this.attend(&channels.into_iter().map(|channel| (channel, 0.0)).collect(), 1.0)?;
        Ok(this)
    }

    /// Shares attention by how useful each channel was: the cooler, the more goes to the best. Channels that are not named
    /// get none.
    ///
    /// # Errors
    /// When there is no channel, a score is no finite number, or the temperature is not above 0. Then nothing changes.
    pub fn attend(&mut self, useful: &BTreeMap<C, f64>, temperature: f64) -> Result<(), Error> {
        let scores: Vec<f64> = useful.values().copied().collect();
        let shares = softmax(&scores, temperature)?;
        self.attention = useful.keys().cloned().zip(shares).collect();
        Ok(())
    }

    /// The shares of attention: never negative, one together.
    pub fn attention(&self) -> &BTreeMap<C, f64> {
        &self.attention
    }

    /// How likely what was found with a score is relevant, as far as that was learned.
    pub fn confidence(&self, score: f64) -> Option<f64> {
        self.calibration.as_ref().map(|learned| learned.probability(score))
    }
}

/// How present memories of a store are, by what it knows of their uses.
pub fn activations(nodes: &[MemoryNode], now: Timestamp, decay: Decay) -> BTreeMap<Id, f64> {
    nodes.iter().map(|node| (node.id, Trace::of(node).base_level(now, decay))).collect()
}
