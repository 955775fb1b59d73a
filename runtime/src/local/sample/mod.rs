//! Picks the next token from the logits of all tokens.
//!
//! [`Sampler`] applies what [`Sampling`] asks for, in this order: logit bias; repetition, frequency and presence
//! penalties; DRY; top-n-sigma; top-k; typical; top-p; min-p; XTC; temperature; the draw. Filters see the distribution
//! at temperature 1, and each the distribution that the one before has left, renormalised. With Mirostat, it is bias,
//! penalties, DRY, temperature, Mirostat. It is the order that is usual elsewhere, so that settings carry over.
//!
//! A seed gives the same tokens for the same logits on every machine, but for what uses the platform's
//! logarithm, which may differ in the last bit: min-p, XTC, Mirostat, DRY.

mod candidates;
mod config;
mod field;
pub mod lookup;
mod mirostat;
mod penalty;
mod sampler;
pub mod stop;

#[cfg(test)]
mod tests;

pub use crate::random::Random;
pub use config::{Dry, InvalidSampling, Mirostat, MirostatVersion, Penalties, Sampling, Xtc};
pub use sampler::{Sampled, Sampler};

/// Why no token could be picked.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Error {
    /// A logit is infinite or not a number: the model computed nonsense.
    #[error("the logit of token {token} is {logit}")]
    NotFinite {
        /// The first such token.
        token: u32,
        /// Its logit.
        logit: f32,
    },
    /// Every token is ruled out.
    #[error("no token may follow: all are ruled out")]
    NothingAllowed,
    /// The logits are of another vocabulary.
    #[error("{found} logits for a vocabulary of {expected} tokens")]
    Length {
        /// How many there should be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
}
