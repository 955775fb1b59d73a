//! The order of what was found: fused, weighed, judged again, and with room for what is unlike.

use std::collections::BTreeSet;
use std::time::Duration;

use super::lists::Lists;
use super::mmr::{Balance, Item, Taken, mmr};
use super::plan::{Channel, Plan};
use super::query::Rest;
use super::score::{self, Ranked, Scoring};
use super::source::Source;
use super::{Found, Recalled, Rerank};
use crate::memory::{Error, Id, MemoryNode, Settings, Timestamp};

/// What a channel has said for a memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// Which channel.
    pub channel: Channel,
    /// What it measured: a cosine, a BM25, a count of names, an activation, microseconds since 1970.
    pub measured: f64,
    /// The rank that this is, from 1.
    pub rank: usize,
    /// How much the channel counts.
    pub weight: f64,
    /// `weight / (k + rank)`.
    pub part: f64,
}

/// Every number of a score.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// What the channels say. Empty: no channel speaks for it, it fills the answer up.
    pub parts: Vec<Part>,
    /// The sum of the parts.
    pub rrf: f64,
    /// The sum as a share of the most that it can be.
    pub rrf_n: f64,
    /// The relevance that was judged in place of it.
    pub reranked: Option<f64>,
    /// How long ago it was used.
    pub age: Duration,
    /// What is left of its recency.
    pub recency: f64,
    /// Its importance.
    pub importance: f64,
    /// What both make.
    pub factor: f64,
    /// The relevance times the factor.
    pub score: f64,
    /// Its likeness to what stands before it.
    pub likeness: f64,
    /// By what it was chosen.
    pub value: f64,
    /// What fills up: its cosine, or the score of its words.
    pub filled: Option<f64>,
}

/// What a ranking depends on beside what was found.
pub(super) struct By<'a> {
    pub(super) settings: &'a Settings,
    pub(super) now: Timestamp,
    pub(super) reranker: Option<&'a dyn Rerank>,
}

pub(super) fn rank(
    source: &mut Source<'_>,
    plan: Plan,
    lists: Lists,
    by: &By<'_>,
) -> Result<Recalled, Error> {
    let query = source.query;
    let (most, scoring) = (query.most, query.scoring);
    let counted = lists.lists.iter().filter(|list| list.asked.weight > 0.0);
    let ids: BTreeSet<Id> = counted.flat_map(|list| list.hits.iter().map(|hit| hit.id)).collect();
    let meant = source.meant(&ids.into_iter().collect::<Vec<_>>())?;
    let nodes = meant.iter().filter_map(|id| source.node(*id));
    let mut scored: Vec<Found> = nodes.map(|node| scored(node, &lists, &scoring, by)).collect();
    by_score(&mut scored);
    let candidates = scored.len();
    scored.truncate(4 * most);
    judge(&mut scored, query.text.as_deref(), &scoring, by.reranker)?;
    let balance = Balance { lambda: scoring.lambda, alike: scoring.alike };
    let mut found = diverse(scored, balance, most);
    if query.rest == Rest::Fill && found.len() < most {
        let mut seen: BTreeSet<Id> = found.iter().map(|found| found.node.id).collect();
        let far: Vec<_> = lists.far.iter().filter(|hit| seen.insert(hit.id)).collect();
        let meant = source.meant(&far.iter().map(|hit| hit.id).collect::<Vec<_>>())?;
        let far = far.into_iter().filter(|hit| meant.contains(&hit.id)).take(most - found.len());
        for hit in far {
            let Some(node) = source.node(hit.id) else { continue };
            let mut one = scored_by(node, Vec::new(), &[], &scoring, by);
            one.terms.filled = Some(hit.score);
            found.push(one);
        }
    }
    Ok(Recalled { found, at: source.at, now: by.now, plan, candidates, scoring })
}

fn by_score(found: &mut [Found]) {
    found.sort_by(|a, b| b.terms.score.total_cmp(&a.terms.score).then(a.node.id.cmp(&b.node.id)));
}

fn scored(node: &MemoryNode, lists: &Lists, scoring: &Scoring, by: &By<'_>) -> Found {
    let lists = lists.lists.iter().filter(|list| list.asked.weight > 0.0);
    let weights: Vec<f64> = lists.clone().map(|list| list.asked.weight).collect();
    let part = |list: &super::lists::List| {
        let (hit, Ranked { weight, rank }) = list.rank(node.id)?;
        let part = weight / (scoring.k + rank as f64);
        Some(Part { channel: list.asked.channel, measured: hit.score, rank, weight, part })
    };
    scored_by(node, lists.filter_map(part).collect(), &weights, scoring, by)
}

fn scored_by(node: &MemoryNode, parts: Vec<Part>, weights: &[f64], scoring: &Scoring, by: &By<'_>) -> Found {
    let ranks: Vec<Ranked> =
        parts.iter().map(|part| Ranked { weight: part.weight, rank: part.rank }).collect();
    let (rrf, rrf_n) = (score::rrf(&ranks, scoring.k), score::rrf_n(&ranks, weights, scoring.k));
    let age = by.now.since(node.last_access);
    let recency = score::recency(age, by.settings.policy(node.kind).half_life);
    let importance = f64::from(node.importance);
    let factor = score::factor(recency, importance, scoring);
    let score = rrf_n * factor;
    let terms = Terms {
        parts,
        rrf,
        rrf_n,
        reranked: None,
        age,
        recency,
        importance,
        factor,
        score,
        likeness: 0.0,
        value: score,
        filled: None,
    };
    Found { node: node.clone(), terms }
}

/// Lets a model say how relevant each is.
fn judge(
    found: &mut [Found],
    asked: Option<&str>,
    scoring: &Scoring,
    reranker: Option<&dyn Rerank>,
) -> Result<(), Error> {
    let (Some(reranker), Some(asked), false) = (reranker, asked, found.is_empty()) else { return Ok(()) };
    let texts: Vec<_> = found.iter().map(|found| found.node.content.words().into_owned()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let judged = reranker.rerank(asked, &texts)?;
    if judged.len() != found.len() || judged.iter().any(|one| !(0.0..=1.0).contains(one)) {
        let reason = format!("{} documents need as many numbers from 0 to 1", found.len());
        return Err(Error::Invalid { what: "the reranker", reason });
    }
    for (found, judged) in found.iter_mut().zip(judged) {
        found.terms.reranked = Some(judged);
        found.terms.score = judged * score::factor(found.terms.recency, found.terms.importance, scoring);
    }
    by_score(found);
    Ok(())
}

/// The first of them, with room for what is unlike.
fn diverse(scored: Vec<Found>, balance: Balance, most: usize) -> Vec<Found> {
    let items: Vec<Item<'_>> = scored.iter().map(item).collect();
    let taken = mmr(&items, balance, most);
    let chosen = |Taken { at, likeness, value }: &Taken| {
        let found = scored.get(*at)?.clone();
        Some(Found { terms: Terms { likeness: *likeness, value: *value, ..found.terms }, ..found })
    };
    taken.iter().filter_map(chosen).collect()
}

fn item(found: &Found) -> Item<'_> {
    let vector = found.node.embedding.as_ref();
    let vector = vector.map(|of| (of.model.as_str(), of.vector.as_slice()));
    Item { relevance: found.terms.score, vector }
}
