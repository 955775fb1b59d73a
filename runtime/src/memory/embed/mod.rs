//! Vectors of memories: any provider's embedding model, or one on this machine, behind one trait.
//!
//! [`Embedder`] is what callers use: it asks an [`EmbeddingModel`] for what it does not know yet, in batches of bounded
//! size, and refuses vectors that nothing can be compared with. `remote` is a model behind a client, `local` one that is
//! loaded here, `fill` gives vectors to memories that have none.
//!
//! What was embedded is cached by its sha256, in memory alone: the vectors that last are those of the store, which erases
//! them with their memories. So that nothing of what is forgotten stays in the cache either,
//! [`Embedder::forget_since`] follows the log of a store, and [`Embedder::forget`] drops one text.

mod batch;
mod cache;
mod fill;
#[cfg(feature = "candle")]
mod local;
mod remote;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::node::Embedding;
use super::pending::Pending;
use super::store::{Change, Commit, Store};
use super::tokens::{CountTokens, Estimate};
use super::{Error, Limits};
use cache::{Cache, Key};

pub use batch::Batching;
pub use fill::{Filled, LeftOut, fill};
#[cfg(feature = "candle")]
pub use local::Local;
pub use remote::Remote;

/// What a vector is for. Some models make other vectors of questions than of what answers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// Of what is to be found.
    Document,
    /// Of what is looked for.
    Query,
}

/// A model that makes vectors of texts.
pub trait EmbeddingModel: Send + Sync + fmt::Debug {
    /// Its name in stores. Vectors of one name are compared with each other, so that whatever changes the vectors (the
    /// provider, a chosen length, a prefix) has to change the name.
    fn name(&self) -> &str;

    /// A vector for each text, in their order.
    fn embed<'a>(&'a self, texts: &'a [&'a str], purpose: Purpose) -> Pending<'a, Vec<Vec<f32>>>;
}

/// How vectors are asked for and kept.
#[derive(Debug, Clone)]
pub struct Config {
    /// How much is asked for at once.
    pub batching: Batching,
    /// Who counts tokens.
    pub counter: Arc<dyn CountTokens>,
    /// The numbers of each vector. `None`: as many as the first has.
    pub dimensions: Option<usize>,
    /// The most vectors that are cached.
    pub cache_entries: usize,
    /// The most bytes that the cache takes.
    pub cache_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            batching: Batching::default(),
            counter: Arc::new(Estimate),
            dimensions: None,
            cache_entries: 10_000,
            cache_bytes: 64 << 20,
        }
    }
}

/// What becomes of the rest when a vector cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unusable {
    /// It fails.
    Ends,
    /// It is made, and of the one it is told why there is none.
    IsTold,
}

/// Makes vectors, each text once.
#[derive(Debug)]
pub struct Embedder {
    model: Arc<dyn EmbeddingModel>,
    config: Config,
    dimensions: OnceLock<usize>,
    cache: Mutex<Cache>,
}

impl Embedder {
    /// Vectors of this model.
    pub fn new(model: Arc<dyn EmbeddingModel>, config: Config) -> Self {
        let cache = Mutex::new(Cache::new(config.cache_entries, config.cache_bytes));
        let dimensions = config.dimensions.map(OnceLock::from).unwrap_or_default();
        Self { model, config, dimensions, cache }
    }

    /// The name of the model.
    pub fn name(&self) -> &str {
        self.model.name()
    }

    /// How many vectors are cached.
    pub fn cached(&self) -> usize {
        self.cache().len()
    }

    /// As much of the beginning of a text as is asked for at once: that of a question says what it is about, where all of it
    /// is too long.
    pub fn beginning<'a>(&self, text: &'a str) -> &'a str {
        batch::beginning(text, &self.config)
    }

    /// The vector of a question.
    ///
    /// # Errors
    /// As [`embed`](Self::embed).
    pub async fn query(&self, text: &str) -> Result<Embedding, Error> {
        let mut found = self.embed(&[text], Purpose::Query).await?;
        found.pop().ok_or_else(|| Error::answer(self.name(), "there is no vector"))
    }

    /// Vectors of texts, in their order: all of them, or none. What earlier batches have brought stays cached if a later
    /// one fails.
    ///
    /// # Errors
    /// [`Error::Invalid`] or [`Error::Limit`] when a text is empty or too long, before anything is asked;
    /// [`Error::Model`] when the model could not answer; [`Error::Answer`] when a vector cannot be compared with others.
    pub async fn embed(&self, texts: &[&str], purpose: Purpose) -> Result<Vec<Embedding>, Error> {
        batch::check(&self.config)?;
        texts.iter().try_for_each(|text| batch::check_text(text, &self.config))?;
        self.vectors(texts, purpose, Unusable::Ends).await?.into_iter().collect()
    }

    /// Vectors of those texts that can be asked for and whose vectors can be used; of the others, why not.
    async fn embed_usable(
        &self,
        texts: &[&str],
        purpose: Purpose,
    ) -> Result<Vec<Result<Embedding, Error>>, Error> {
        batch::check(&self.config)?;
        let checked = texts.iter().map(|text| batch::check_text(text, &self.config).map(|()| *text));
        let checked: Vec<Result<&str, Error>> = checked.collect();
        let asked: Vec<&str> = checked.iter().flatten().copied().collect();
        let mut vectors = self.vectors(&asked, purpose, Unusable::IsTold).await?.into_iter();
        let missing = || Err(Error::answer(self.name(), "a text has no vector"));
        let mut vector =
            |text: Result<&str, Error>| text.and_then(|_| vectors.next().unwrap_or_else(missing));
        Ok(checked.into_iter().map(&mut vector).collect())
    }

    /// Vectors of texts that can be asked for, in their order: from the cache, or from the model.
    async fn vectors(
        &self,
        texts: &[&str],
        purpose: Purpose,
        unusable: Unusable,
    ) -> Result<Vec<Result<Embedding, Error>>, Error> {
        let keys: Vec<Key> = texts.iter().map(|text| cache::key(self.name(), purpose, text)).collect();
        let (mut known, generation) = self.cache().known(&keys);
        let mut refused: BTreeMap<Key, String> = BTreeMap::new();
        let missing = missing(&keys, texts, |key| known.contains_key(key));
        for batch in batch::split(&missing, &self.config, |(_, text)| text) {
            let batch_texts: Vec<&str> = batch.iter().map(|(_, text)| *text).collect();
            let answers = self.ask(&batch_texts, purpose).await?;
            if let (Unusable::Ends, Some(reason)) =
                (unusable, answers.iter().find_map(|one| one.as_ref().err()))
            {
                return Err(Error::answer(self.name(), reason.as_str()));
            }
            let mut found: Vec<(Key, Arc<[f32]>)> = Vec::new();
            for ((key, _), answer) in batch.iter().zip(answers) {
                match answer {
                    Ok(vector) => found.push((*key, Arc::from(vector))),
                    Err(reason) => drop(refused.insert(*key, reason)),
                }
            }
            self.cache().keep(&found, generation);
            known.extend(found);
        }
        let reason = |key: &Key| refused.get(key).map_or("a text has no vector", String::as_str);
        let vector = |key: &Key| match known.get(key) {
            Some(vector) => Ok(self.embedding(vector)),
            None => Err(Error::answer(self.name(), reason(key))),
        };
        Ok(keys.iter().map(vector).collect())
    }

    /// Drops what is cached of a text.
    pub fn forget(&self, text: &str) {
        let keys = [Purpose::Document, Purpose::Query].map(|purpose| cache::key(self.name(), purpose, text));
        self.cache().forget(&keys);
    }

    /// Drops all that is cached.
    pub fn clear(&self) {
        self.cache().clear();
    }

    /// Drops what is cached if a store has forgotten something after a commit, or does not know any more whether it has: the
    /// log does not say what the texts were. Up to which commit that is known now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn forget_since(&self, store: &dyn Store, after: Commit) -> Result<Commit, Error> {
        let (head, mut forgets) = (store.head()?, false);
        let read = store.log(after, &mut |logged| {
            forgets |= matches!(logged.change, Change::Forget { .. });
            Ok(())
        });
        match read {
            Err(Error::Gone { .. }) => forgets = true,
            read => read?,
        }
        if forgets {
            self.clear();
        }
        Ok(head)
    }

    /// The vectors of one batch, and of those that cannot be used, why.
    async fn ask(&self, texts: &[&str], purpose: Purpose) -> Result<Vec<Result<Vec<f32>, String>>, Error> {
        let vectors = self.model.embed(texts, purpose).await?;
        if vectors.len() != texts.len() {
            let reason = format!("{} vectors for {} texts", vectors.len(), texts.len());
            return Err(Error::answer(self.name(), reason));
        }
        let answers: Vec<Result<Vec<f32>, String>> =
            vectors.into_iter().map(|vector| self.comparable(vector)).collect();
        let good = || answers.iter().flatten().map(Vec::len);
        let Some(first) = good().next() else { return Ok(answers) };
        if self.dimensions.get().is_none() && good().any(|length| length != first) {
            return Err(Error::answer(self.name(), "its vectors have different lengths"));
        }
        // Only now: what cannot be used says nothing about the next.
        let expected = *self.dimensions.get_or_init(|| first);
        let fits = |vector: Vec<f32>| match vector.len() {
            length if length == expected => Ok(vector),
            length => Err(format!("a vector of {length} numbers, not {expected}")),
        };
        Ok(answers.into_iter().map(|answer| answer.and_then(fits)).collect())
    }

    /// A vector, if it can be compared with others.
    fn comparable(&self, vector: Vec<f32>) -> Result<Vec<f32>, String> {
        let limits = Limits { dimensions: usize::MAX, ..Limits::default() };
        let embedding = Embedding { model: self.name().to_owned(), vector };
        embedding.check(&limits).map_err(|error| error.to_string())?;
        Ok(embedding.vector)
    }

    fn embedding(&self, vector: &[f32]) -> Embedding {
        Embedding { model: self.name().to_owned(), vector: vector.to_vec() }
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The texts of which nothing is known, each once, in the order of the caller, so that a model is asked the same way each
/// time.
fn missing<'a>(keys: &[Key], texts: &[&'a str], is_known: impl Fn(&Key) -> bool) -> Vec<(Key, &'a str)> {
    let mut seen = BTreeSet::new();
    let all = keys.iter().copied().zip(texts.iter().copied());
    all.filter(|(key, _)| !is_known(key) && seen.insert(*key)).collect()
}
