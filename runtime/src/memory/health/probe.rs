//! Searching for vectors that are drawn, and comparing what is found with what is nearest indeed.
//!
//! What an index claims of what it found is not believed: names and scores are compared with those of the store. So an
//! index cannot pass that has other vectors than the store, or the same ones elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::Config;
use crate::memory::store::{Commit, Filter, Match, Nearest, Search, Store, Stored, likeness};
use crate::memory::{Error, Id, Namespace, Random, Status};

/// Scores that differ by less are the same: they are summed in another order.
const CLOSE: f64 = 1e-5;

/// What was seen of a model.
pub(super) struct Probed {
    pub(super) model: String,
    /// The share of the nearest that was found. None: there are no vectors.
    pub(super) recall: Option<f64>,
    /// Of how many drawn vectors a search that compares all told something else than the store has.
    pub(super) differing: usize,
    /// How many vectors the store had, at which commit.
    pub(super) stored: (Commit, u64),
}

/// A drawn vector, where it belongs, and the best of all there, falling.
struct Sample {
    stored: Stored,
    namespace: Namespace,
    best: Vec<(f64, Id)>,
}

/// Probes a model. How long its searches took is put to what was spent.
pub(super) fn probe(
    store: &dyn Store,
    model: &str,
    config: &Config,
    spent: &mut Vec<Duration>,
) -> Result<Probed, Error> {
    let (mut samples, stored) = draw(store, model, config)?;
    score(store, model, config.nearest, &mut samples)?;
    let (mut found, mut wanted, mut differing) = (0, 0, 0);
    for sample in &samples {
        let start = Instant::now();
        let nearest = sample.ask(store, config.nearest, Search::Recall(config.recall))?;
        spent.push(start.elapsed());
        found += sample.found(store, &nearest)?;
        wanted += sample.best.len();
        let all = sample.ask(store, config.nearest, Search::Exact)?;
        differing += usize::from(!sample.is_answered(store, &all)?);
    }
    // What was written meanwhile is a difference, and no fault.
    if store.head()? != stored.0 {
        differing = 0;
    }
    let recall = (wanted > 0).then(|| found as f64 / wanted as f64);
    Ok(Probed { model: model.to_owned(), recall, differing, stored })
}

/// Vectors of a model, each with the same chance, and how many there are.
fn draw(store: &dyn Store, model: &str, config: &Config) -> Result<(Vec<Sample>, (Commit, u64)), Error> {
    let (mut random, mut drawn, mut seen) = (Random::new(config.seed), Vec::new(), 0_u64);
    let head = store.vectors(model, &mut |stored| {
        seen += 1;
        if drawn.len() < config.samples {
            drawn.push(stored);
        } else if let Some(place) = drawn.get_mut((random.unit() * seen as f64) as usize) {
            *place = stored;
        }
        Ok(())
    })?;
    let ids: Vec<Id> = drawn.iter().map(|stored| stored.id).collect();
    let nodes = store.nodes(&ids, head)?;
    let namespaces: BTreeMap<Id, Namespace> =
        nodes.into_iter().map(|node| (node.id, node.namespace)).collect();
    let sample = |stored: Stored| {
        let namespace = namespaces.get(&stored.id)?.clone();
        Some(Sample { stored, namespace, best: Vec::new() })
    };
    Ok((drawn.into_iter().filter_map(sample).collect(), (head, seen)))
}

/// What is nearest to each, from all there is, read once.
fn score(store: &dyn Store, model: &str, most: usize, samples: &mut [Sample]) -> Result<(), Error> {
    let mut allowed: BTreeMap<Namespace, BTreeSet<Id>> = BTreeMap::new();
    for sample in samples.iter() {
        if !allowed.contains_key(&sample.namespace) {
            let ids = store.ids(&Filter::of(sample.namespace.clone()))?;
            allowed.insert(sample.namespace.clone(), ids.into_iter().collect());
        }
    }
    let mut compare = |other: Stored| {
        for sample in samples.iter_mut() {
            if allowed.get(&sample.namespace).is_some_and(|ids| ids.contains(&other.id)) {
                sample.keep(&other, most);
            }
        }
        Ok(())
    };
    store.vectors(model, &mut compare).map(drop)
}

impl Sample {
    /// Keeps the best.
    fn keep(&mut self, other: &Stored, most: usize) {
        let score = likeness(&self.stored.embedding.vector, &other.embedding.vector);
        let at = self.best.partition_point(|(better, _)| *better >= score);
        if at < most {
            self.best.insert(at, (score, other.id));
            self.best.truncate(most);
        }
    }

    fn ask(&self, store: &dyn Store, most: usize, search: Search) -> Result<Vec<Match>, Error> {
        let filter = Filter::of(self.namespace.clone());
        store.nearest(&Nearest { to: &self.stored.embedding, filter: &filter, most, search })
    }

    /// How many of the nearest are among these.
    fn found(&self, store: &dyn Store, nearest: &[Match]) -> Result<usize, Error> {
        // What is as near as the last of the best is as good: equal ones may stand in any order.
        let least = self.best.last().map_or(f64::INFINITY, |(score, _)| *score) - CLOSE;
        let mut names = BTreeSet::new();
        for one in nearest.iter().filter(|one| one.score >= least) {
            if self.is_true(store, one)? {
                names.insert(one.id);
            }
        }
        Ok(names.len().min(self.best.len()))
    }

    /// Whether these are the nearest, all of them, each once and with its score.
    fn is_answered(&self, store: &dyn Store, all: &[Match]) -> Result<bool, Error> {
        let names: BTreeSet<Id> = all.iter().map(|one| one.id).collect();
        let mut is_right = all.len() == self.best.len() && names.len() == all.len();
        for (one, (score, _)) in all.iter().zip(&self.best) {
            is_right = is_right && is_close(one.score, *score) && self.is_true(store, one)?;
        }
        Ok(is_right)
    }

    /// Whether something that was found is there, and as near as is claimed.
    fn is_true(&self, store: &dyn Store, one: &Match) -> Result<bool, Error> {
        let known = self.best.iter().find_map(|(score, id)| (*id == one.id).then_some(*score));
        let score = match known {
            Some(score) => Some(score),
            None => self.score_of(store, one.id)?,
        };
        Ok(score.is_some_and(|score| is_close(score, one.score)))
    }

    /// How near a memory is by the store, if it may be found at all.
    fn score_of(&self, store: &dyn Store, id: Id) -> Result<Option<f64>, Error> {
        let node = store.nodes(&[id], store.head()?)?.pop();
        let node = node.filter(|node| node.status == Status::Live && node.namespace == self.namespace);
        let to = &self.stored.embedding;
        let embedding = node.and_then(|node| node.embedding).filter(|found| found.model == to.model);
        Ok(embedding.map(|embedding| likeness(&to.vector, &embedding.vector)))
    }
}

fn is_close(one: f64, other: f64) -> bool {
    (one - other).abs() < CLOSE
}
