//! How well documents answer a query, by an encoder that reads both at once.

use std::path::Path;

use super::encoder::Encoder;
use super::framing::Framed;
use super::weights::dense;
use super::{Config, Cut, Stop, Tokens, load};
use crate::local::arch::{self, Pooling, Spec};
use crate::local::kernels::{self, Activations, Finish};
use crate::local::memory::Need;
use crate::local::{Error, file::Format};

/// What scores become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scoring {
    /// What the model says, of any size.
    Plain,
    /// Between 0 and 1: 1 / (1 + e⁻ˣ).
    #[default]
    Sigmoid,
}

/// An encoder with a classifier, in memory.
pub struct Reranker {
    encoder: Encoder,
    scoring: Scoring,
}

/// The scores of documents, in their order. More is better.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// A score for each document.
    pub scores: Vec<f32>,
    /// How many tokens were computed for each, those of the query and at the ends among them.
    pub tokens: Vec<usize>,
    /// Documents that, with the query, were longer than the model takes: the longer of both was cut.
    pub cut: Vec<Cut>,
}

impl Scores {
    /// The documents, the best first; of equal ones the first.
    pub fn best_first(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.scores.len()).collect();
        order.sort_by(|a, b| self.scores[*b].total_cmp(&self.scores[*a]));
        order
    }
}

impl Reranker {
    /// The memory that the model in `path` needs, without its files.
    ///
    /// # Errors
    /// When there is no model there.
    pub fn need(path: &Path, config: &Config) -> Result<Need, Error> {
        Ok(load::need(&load::open(path)?, config))
    }

    /// Loads the reranker in `path`, from the same files as an [`Embedder`](super::Embedder).
    ///
    /// # Errors
    /// When the files are damaged, the model has no classifier or one of several scores, needs what is not here, or there
    /// is not the memory for it.
    pub fn load(path: &Path, config: &Config) -> Result<Self, Error> {
        let source = load::open(path)?;
        let path = source.opened.weights.path();
        match source.opened.spec.encoder.and_then(|encoder| encoder.labels) {
            Some(1) => (),
            Some(labels) => {
                return Err(Error::unsupported(
                    path,
                    format!("a classifier of {labels} scores ranks nothing"),
                ));
            }
            None => return Err(Error::unsupported(path, "no classifier: it gives no scores")),
        }
        let scoring = match config.scoring {
            Some(scoring) => scoring,
            None if source.opened.weights.format() == Format::Gguf => Scoring::default(),
            None => scoring(&source.modules.folder)?,
        };
        Ok(Self { encoder: load::encoder(&source, config)?, scoring })
    }

    /// What the model is made of.
    pub fn spec(&self) -> &Spec {
        &self.encoder.spec
    }

    /// The most tokens of a query with a document, those at their ends among them.
    pub fn max_len(&self) -> usize {
        self.encoder.max_len
    }

    /// A score for each document. Names of control tokens in a text are text.
    ///
    /// # Errors
    /// When a document is too long and should not be cut, or the model has no form for two texts.
    pub fn rerank(&self, query: &str, documents: &[&str]) -> Result<Scores, Error> {
        self.rerank_until(query, documents, &Stop::default())
    }

    /// The same, for somebody who may lose interest.
    ///
    /// # Errors
    /// As [`rerank`](Self::rerank); [`Error::Stopped`] once `stop` says so.
    pub fn rerank_until(&self, query: &str, documents: &[&str], stop: &Stop) -> Result<Scores, Error> {
        let encoder = &self.encoder;
        let query = encoder.tokens(&[query])?;
        let query = query.first().map(Vec::as_slice).unwrap_or_default();
        let framed = |document: &Vec<u32>| {
            let framed = encoder.framing.two(query, document, encoder.max_len);
            let mut framed = framed.ok_or_else(|| Error::input("the tokenizer has no form for two texts"))?;
            if encoder.spec.embedding.segments.is_none_or(|parts| parts < 2) {
                framed.segments.clear();
            }
            Ok(framed)
        };
        let framed: Vec<Framed> =
            encoder.tokens(documents)?.iter().map(framed).collect::<Result<_, Error>>()?;
        self.run(&framed, stop)
    }

    /// A score for each pair that is tokens already.
    ///
    /// # Errors
    /// When a pair is empty or longer than the model takes, or a token is not in the vocabulary.
    pub fn rerank_tokens(&self, pairs: &[Tokens<'_>]) -> Result<Scores, Error> {
        self.run(&pairs.iter().map(Framed::of).collect::<Vec<_>>(), &Stop::default())
    }

    fn run(&self, texts: &[Framed], stop: &Stop) -> Result<Scores, Error> {
        let cut = self.encoder.check(texts)?;
        let mut scores = self.classify(&self.encoder.run(texts, Pooling::First, stop)?)?;
        if self.scoring == Scoring::Sigmoid {
            scores.iter_mut().for_each(|score| *score = 1.0 / (1.0 + (-*score).exp()));
        }
        let tokens = texts.iter().map(|text| text.tokens.len()).collect();
        Ok(Scores { scores, tokens, cut })
    }

    /// From first vectors to scores.
    fn classify(&self, first: &[f32]) -> Result<Vec<f32>, Error> {
        let Some([inner, outer]) = &self.encoder.weights.classifier else { return Ok(Vec::new()) };
        let (pool, mut inputs) = (&self.encoder.pool, Activations::new());
        let rows = first.len() / self.encoder.spec.hidden;
        let mut between = vec![0.0; rows * inner.matrix.rows()];
        kernels::dense(pool, &mut inputs, first, [(dense(inner, Finish::Plain), &mut between)])?;
        between.iter_mut().for_each(|x| *x = x.tanh());
        let mut scores = vec![0.0; rows * outer.matrix.rows()];
        kernels::dense(pool, &mut inputs, &between, [(dense(outer, Finish::Plain), &mut scores)])?;
        Ok(scores)
    }
}

/// What config.json says, in the places where it may stand: the last word of the name of a function.
fn scoring(folder: &Path) -> Result<Scoring, Error> {
    let path = folder.join("config.json");
    let config = arch::json(&path)?;
    let stated =
        [&config["sentence_transformers"]["activation_fn"], &config["sbert_ce_default_activation_function"]];
    let Some(name) = stated.into_iter().find_map(|value| value.as_str()) else {
        return Ok(Scoring::default());
    };
    match name.rsplit('.').next() {
        Some("Identity") => Ok(Scoring::Plain),
        Some("Sigmoid") => Ok(Scoring::Sigmoid),
        _ => Err(Error::unsupported(&path, format!("scores by {name:?}"))),
    }
}
