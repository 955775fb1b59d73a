//! Texts to vectors.

use std::path::Path;

use super::encoder::Encoder;
use super::framing::Framed;
use super::{Config, Cut, Stop, Tokens, load, pooling};
use crate::local::Error;
use crate::local::arch::{Pooling, Spec};
use crate::local::memory::Need;

/// An encoder in memory, the threads that run it, and how it makes one vector of a text.
pub struct Embedder {
    encoder: Encoder,
    pooling: Pooling,
    normalised: bool,
}

/// The vectors of some texts, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    dims: usize,
    numbers: Vec<f32>,
    /// How many tokens of each text were computed, those at its ends among them.
    pub tokens: Vec<usize>,
    /// Texts that were longer than the model takes. Their vectors stand for their beginnings.
    pub cut: Vec<Cut>,
}

impl Embeddings {
    /// How many numbers a vector has.
    pub fn dims(&self) -> usize {
        self.dims
    }

    /// How many vectors there are.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The vector of a text.
    pub fn get(&self, index: usize) -> Option<&[f32]> {
        self.numbers.get(index.checked_mul(self.dims)?..)?.get(..self.dims)
    }

    /// All vectors.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.numbers.chunks_exact(self.dims)
    }

    /// All numbers, one vector after the other.
    pub fn into_numbers(self) -> Vec<f32> {
        self.numbers
    }
}

impl Embedder {
    /// The memory that the model in `path` needs, without its files.
    ///
    /// # Errors
    /// When there is no model there.
    pub fn need(path: &Path, config: &Config) -> Result<Need, Error> {
        Ok(load::need(&load::open(path)?, config))
    }

    /// Loads the encoder in `path`: a GGUF file, or a folder of safetensors with `config.json` and `tokenizer.json`, where
    /// `modules.json` and what it names say how texts are pooled and how long they are.
    ///
    /// # Errors
    /// When the files are damaged, the model is no encoder or needs what is not here, or there is not the memory for it.
    pub fn load(path: &Path, config: &Config) -> Result<Self, Error> {
        let source = load::open(path)?;
        let (found, path) = (source.opened.spec.encoder, source.opened.weights.path());
        if found.is_some_and(|found| found.labels.is_some()) {
            return Err(Error::unsupported(path, "a reranker: it gives scores of pairs, not vectors"));
        }
        let encoder = load::encoder(&source, config)?;
        let said = found.map_or((Pooling::Mean, true), |found| (found.pooling, found.normalised));
        let (pooling, normalised) = (config.pooling.unwrap_or(said.0), config.normalised.unwrap_or(said.1));
        Ok(Self { encoder, pooling, normalised })
    }

    /// What the model is made of.
    pub fn spec(&self) -> &Spec {
        &self.encoder.spec
    }

    /// How many numbers a vector has.
    pub fn dims(&self) -> usize {
        self.encoder.spec.hidden
    }

    /// The most tokens of a text, those at its ends among them.
    pub fn max_len(&self) -> usize {
        self.encoder.max_len
    }

    /// Which vector stands for a text, and whether it has the length one.
    pub fn pooling(&self) -> (Pooling, bool) {
        (self.pooling, self.normalised)
    }

    /// The vectors of texts. Names of control tokens in a text are text.
    ///
    /// # Errors
    /// When a text is too long and should not be cut, or has no tokens at all.
    pub fn embed(&self, texts: &[&str]) -> Result<Embeddings, Error> {
        self.embed_until(texts, &Stop::default())
    }

    /// The same, for somebody who may lose interest.
    ///
    /// # Errors
    /// As [`embed`](Self::embed); [`Error::Stopped`] once `stop` says so.
    pub fn embed_until(&self, texts: &[&str], stop: &Stop) -> Result<Embeddings, Error> {
        let encoder = &self.encoder;
        let tokens = encoder.tokens(texts)?;
        let framed: Vec<Framed> =
            tokens.iter().map(|tokens| encoder.framing.one(tokens, encoder.max_len)).collect();
        self.run(&framed, stop)
    }

    /// The vectors of texts that are tokens already.
    ///
    /// # Errors
    /// When a text is empty or longer than the model takes, or a token is not in the vocabulary.
    pub fn embed_tokens(&self, texts: &[Tokens<'_>]) -> Result<Embeddings, Error> {
        self.run(&texts.iter().map(Framed::of).collect::<Vec<_>>(), &Stop::default())
    }

    fn run(&self, texts: &[Framed], stop: &Stop) -> Result<Embeddings, Error> {
        let (dims, cut) = (self.dims(), self.encoder.check(texts)?);
        let mut numbers = self.encoder.run(texts, self.pooling, stop)?;
        if self.normalised {
            let vectors = numbers.chunks_exact_mut(dims);
            vectors.for_each(|vector| pooling::normalise(self.encoder.level, vector));
        }
        let tokens = texts.iter().map(|text| text.tokens.len()).collect();
        Ok(Embeddings { dims, numbers, tokens, cut })
    }
}
