//! Vectors of texts, and how well documents answer a query, by encoders on the processor.
//!
//! The way through: `load` opens the files of a model, `modules` those that say how an encoder of sentences is used;
//! `framing` puts tokens between those that the model wants at their ends, and cuts what is too long; `encoder` sorts
//! texts by length and shares them among threads; `pass` is the forward pass over rows of many texts, without padding;
//! `pooling` makes one vector of a text's. [`Embedder`] and [`Reranker`] are what this is for.
//!
//! The numbers of a text depend on its tokens alone: not on what is embedded beside it, or on the number of threads.
//! Not here: decoders as embedders. They are refused.

mod embedder;
mod encoder;
mod framing;
mod load;
mod modules;
mod pass;
mod pooling;
mod rerank;
mod stop;
mod weights;

use super::arch::Pooling;
use super::kernels::Level;

pub use embedder::{Embedder, Embeddings};
pub use rerank::{Reranker, Scores, Scoring};
pub use stop::Stop;

/// How an encoder is run.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Threads that compute; as many as there are cores is best.
    pub threads: usize,
    /// Which instructions.
    pub level: Level,
    /// The most tokens of a text, those at its ends among them. `None`: what the model's files say. Never more than it
    /// has positions for.
    pub max_len: Option<usize>,
    /// What happens to longer texts.
    pub too_long: TooLong,
    /// The most rows that all threads compute together. A text that is longer is computed alone.
    pub rows: usize,
    /// One vector for a text. `None`: as the model's files say.
    pub pooling: Option<Pooling>,
    /// Whether vectors are divided by their length. `None`: as the model's files say.
    pub normalised: Option<bool>,
    /// What scores of a reranker become. `None`: as the model's files say.
    pub scoring: Option<Scoring>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            level: Level::default(),
            max_len: None,
            too_long: TooLong::default(),
            rows: 512,
            pooling: None,
            normalised: None,
            scoring: None,
        }
    }
}

/// What happens to a text of more tokens than the model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TooLong {
    /// Its end is cut off, and the result says so.
    #[default]
    Cut,
    /// Nothing is computed.
    Refuse,
}

/// A text, or a pair of texts, that is tokens already: those at its ends are among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens<'a> {
    /// The tokens.
    pub ids: &'a [u32],
    /// Of which part of a pair each is, 0 or 1. Empty: all of the first.
    pub parts: &'a [u32],
}

/// A text that was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Which text, or which document.
    pub index: usize,
    /// How many tokens it has, those at its ends among them.
    pub tokens: usize,
    /// How many of them were computed.
    pub kept: usize,
}
