//! Whether a store does what it should: it can be read and written, nothing in it is damaged, and what is looked for by
//! vectors is found. Works on every store; asks nothing that others could not ask.
//!
//! The recall probe draws stored vectors, and compares what an index finds for them with what is nearest indeed. An index
//! that lacks some of the store's vectors, or has others, cannot pass it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::store::{Batch, Census, Commit, Filter, Nearest, Search, Store, Stored};
use super::{Embedding, Error, Id, Namespace, Random};

/// What is looked at, and what is still good.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Vectors of each model that are drawn for the recall probe. None: there is no probe.
    pub samples: usize,
    /// How many nearest are compared for each.
    pub nearest: usize,
    /// The share of them that has to be found.
    pub recall: f32,
    /// The seed by which vectors are drawn.
    pub seed: u64,
    /// Commit a transaction without changes, to see whether that can be done.
    pub commits: bool,
    /// Look at every page and row, by [`Store::check`]. Takes as long as reading all.
    pub reads_all: bool,
    /// The share of the store's bytes that may hold nothing any more.
    pub free: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { samples: 50, nearest: 10, recall: 0.95, seed: 0, commits: true, reads_all: false, free: 0.5 }
    }
}

/// How a store is.
#[derive(Debug)]
pub struct Health {
    /// The last commit when it was looked at.
    pub head: Commit,
    /// What is in it.
    pub census: Census,
    /// What is wrong. Nothing: it is healthy.
    pub findings: Vec<Finding>,
    /// The share of the nearest that was found, by model.
    pub recall: BTreeMap<String, f64>,
    /// How long the searches of the probe took: half of them no longer than the first, and of a hundred 99 no longer than
    /// the second.
    pub latency: Option<(Duration, Duration)>,
}

/// What is wrong with a store.
#[derive(Debug)]
#[non_exhaustive]
pub enum Finding {
    /// Nothing can be committed.
    NotWritten(Error),
    /// Something is damaged.
    Damaged(String),
    /// Too little is found by vectors of a model.
    Recall {
        /// The model.
        model: String,
        /// The share that was found.
        found: f64,
    },
    /// Too many of its bytes hold nothing: compact it.
    Fragmented {
        /// The share that holds nothing.
        free: f64,
    },
}

impl Health {
    /// Whether nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Looks at a store.
///
/// # Errors
/// When it cannot be read.
pub fn examine(store: &dyn Store, config: &Config) -> Result<Health, Error> {
    let mut findings = Vec::new();
    if config.commits
        && let Err(error) = store.commit(&Batch::default())
    {
        findings.push(Finding::NotWritten(error));
    }
    let (head, census) = (store.head()?, store.census()?);
    if config.reads_all {
        findings.extend(store.check()?.0.into_iter().map(Finding::Damaged));
    }
    let free = census.free_bytes as f64 / census.bytes.max(1) as f64;
    if free > config.free {
        findings.push(Finding::Fragmented { free });
    }
    let (mut recall, mut spent) = (BTreeMap::new(), Vec::new());
    for (model, ..) in census.vectors.iter().filter(|_| config.samples > 0 && config.nearest > 0) {
        let Some(found) = probe(store, model, config, &mut spent)? else { continue };
        if found < f64::from(config.recall) {
            findings.push(Finding::Recall { model: model.clone(), found });
        }
        recall.insert(model.clone(), found);
    }
    spent.sort_unstable();
    let at = |share: f64| spent.get((spent.len() as f64 * share) as usize).copied();
    Ok(Health { head, census, findings, recall, latency: at(0.5).zip(at(0.99)) })
}

/// A drawn vector, where it belongs, and the best scores of others there.
struct Sample {
    stored: Stored,
    namespace: Namespace,
    best: Vec<f64>,
}

/// The share of the nearest of drawn vectors that is found. None: there are no vectors.
fn probe(
    store: &dyn Store,
    model: &str,
    config: &Config,
    spent: &mut Vec<Duration>,
) -> Result<Option<f64>, Error> {
    let mut samples = draw(store, model, config)?;
    score(store, model, config, &mut samples)?;
    let (mut found, mut wanted) = (0, 0);
    for Sample { stored, namespace, best } in &samples {
        let filter = Filter::of(namespace.clone());
        let search = Search::Recall(config.recall);
        let asked = Nearest { to: &stored.embedding, filter: &filter, most: config.nearest, search };
        let start = Instant::now();
        let nearest = store.nearest(&asked)?;
        spent.push(start.elapsed());
        // What is as near as the last of the best is as good: equal ones may stand in any order.
        let least = best.last().copied().unwrap_or(f64::INFINITY) - 1e-5;
        let names: BTreeSet<Id> = nearest.iter().filter(|one| one.score >= least).map(|one| one.id).collect();
        found += names.len().min(best.len());
        wanted += best.len();
    }
    Ok((wanted > 0).then(|| found as f64 / wanted as f64))
}

/// Vectors of a model, each with the same chance.
fn draw(store: &dyn Store, model: &str, config: &Config) -> Result<Vec<Sample>, Error> {
    let (mut random, mut drawn, mut seen) = (Random::new(config.seed), Vec::new(), 0_u64);
    store.vectors(model, &mut |stored| {
        seen += 1;
        if drawn.len() < config.samples {
            drawn.push(stored);
        } else if let Some(place) = drawn.get_mut((random.unit() * seen as f64) as usize) {
            *place = stored;
        }
        Ok(())
    })?;
    let ids: Vec<Id> = drawn.iter().map(|stored| stored.id).collect();
    let nodes = store.nodes(&ids, store.head()?)?;
    let namespaces: BTreeMap<Id, Namespace> =
        nodes.into_iter().map(|node| (node.id, node.namespace)).collect();
    let sample = |stored: Stored| {
        let namespace = namespaces.get(&stored.id)?.clone();
        Some(Sample { stored, namespace, best: Vec::new() })
    };
    Ok(drawn.into_iter().filter_map(sample).collect())
}

/// The scores of what is nearest to each, from all there is, read once.
fn score(store: &dyn Store, model: &str, config: &Config, samples: &mut [Sample]) -> Result<(), Error> {
    let mut allowed: BTreeMap<Namespace, BTreeSet<Id>> = BTreeMap::new();
    for sample in samples.iter() {
        if !allowed.contains_key(&sample.namespace) {
            let ids = store.ids(&Filter::of(sample.namespace.clone()))?;
            allowed.insert(sample.namespace.clone(), ids.into_iter().collect());
        }
    }
    store
        .vectors(model, &mut |other| {
            for sample in samples.iter_mut() {
                if allowed.get(&sample.namespace).is_some_and(|ids| ids.contains(&other.id)) {
                    keep(
                        &mut sample.best,
                        cosine(&sample.stored.embedding, &other.embedding),
                        config.nearest,
                    );
                }
            }
            Ok(())
        })
        .map(drop)
}

/// Keeps the best scores, falling.
fn keep(best: &mut Vec<f64>, score: f64, most: usize) {
    let at = best.partition_point(|other| *other >= score);
    if at < most {
        best.insert(at, score);
        best.truncate(most);
    }
}

fn cosine(a: &Embedding, b: &Embedding) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let lengths = (dot(&a.vector, &a.vector) * dot(&b.vector, &b.vector)).sqrt();
    if lengths > 0.0 { dot(&a.vector, &b.vector) / lengths } else { 0.0 }
}
