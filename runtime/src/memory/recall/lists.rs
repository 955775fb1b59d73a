//! The lists of the channels: what each finds, best first, of what a query means.

use std::collections::{BTreeMap, BTreeSet};

use super::bm25::{self, Scored, Terms};
use super::graph::{self, Spread};
use super::plan::{AGAIN, Asked, Channel, Plan, Reading};
use super::query::Strategy;
use super::score::{self, Ranked};
use super::source::Source;
use super::text;
use super::{Hit, sorted};
use crate::memory::store::{Filter, Match, Nearest, Order, Page, comparable, cosine, unit};
use crate::memory::{Embedding, Error, Id, MemoryNode, Settings, Timestamp};

/// What a channel found, best first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct List {
    pub(super) asked: Asked,
    pub(super) hits: Vec<Hit>,
    pub(super) share: Share,
}

/// How much of what a list counts it does for a hit.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Share {
    /// As much for all.
    Same(f64),
    /// So much for each.
    Each(BTreeMap<Id, f64>),
}

/// What all channels found.
#[derive(Debug, Default)]
pub(super) struct Lists {
    pub(super) lists: Vec<List>,
    /// What is too far off to say anything: vectors, nearest first, and then words.
    pub(super) far: Vec<Hit>,
}

/// The most memories with the words of a name that are looked at for it, and how many at a time.
const READ_FOR_NAME: usize = 1024;
const AT_A_TIME: usize = 128;
/// From so many of those that were found relations are followed.
const SEEDS: usize = 8;

/// Asks all channels of a plan.
pub(super) fn ask(source: &mut Source<'_>, plan: &Plan, settings: &Settings) -> Result<Lists, Error> {
    if plan.reading == Reading::Each {
        source.load_all()?;
    }
    let mut found = Lists::default();
    for asked in &plan.channels {
        let all = Share::Same(1.0);
        let (mut hits, share) = match asked.channel {
            Channel::Vector => (vector(source, plan, asked)?, all),
            Channel::Words => words(source, plan, settings, asked)?,
            Channel::Exact => (exact(source, plan, settings, asked)?, all),
            Channel::Time => (time(source, plan, asked)?, all),
            Channel::Graph => related(source, plan, &found)?,
        };
        hits.truncate(asked.most);
        let floor = floor(source, asked.channel, &hits);
        let near = hits.iter().take_while(|hit| hit.score >= floor).count();
        found.far.extend(hits.split_off(near));
        found.lists.push(List { asked: *asked, hits, share });
    }
    Ok(found)
}

/// What a channel has to measure to say anything.
fn floor(source: &Source<'_>, channel: Channel, hits: &[Hit]) -> f64 {
    let scoring = &source.query.scoring;
    match channel {
        Channel::Vector => scoring.floor,
        Channel::Words => scoring.words_floor * hits.first().map_or(0.0, |best| best.score),
        _ => f64::NEG_INFINITY,
    }
}

fn vector(source: &mut Source<'_>, plan: &Plan, asked: &Asked) -> Result<Vec<Hit>, Error> {
    let Some(to) = &source.query.vector else { return Ok(Vec::new()) };
    if plan.reading == Reading::Each {
        let to = Embedding { vector: unit(&to.vector), ..to.clone() };
        let mut hits = Vec::new();
        for node in source.all() {
            hits.extend(cosine_of(&to, node)?.map(|score| Hit { id: node.id, score }));
        }
        return Ok(sorted(hits));
    }
    let nearest = |filter: &Filter| {
        source.store.nearest(&Nearest { to, filter, most: asked.most, search: plan.search })
    };
    indexed(source, nearest)
}

/// Of vectors of the same model alone, to the bit as stores have it.
fn cosine_of(to: &Embedding, node: &MemoryNode) -> Result<Option<f64>, Error> {
    let Some(of) = node.embedding.as_ref().filter(|of| of.model == to.model) else { return Ok(None) };
    comparable(to.vector.len(), of.vector.len())?;
    Ok(Some(cosine(&to.vector, &unit(&of.vector))))
}

/// What the store says for each namespace, best first.
fn indexed(
    source: &Source<'_>,
    ask: impl Fn(&Filter) -> Result<Vec<Match>, Error>,
) -> Result<Vec<Hit>, Error> {
    let mut hits = Vec::new();
    for filter in source.filters() {
        let found = ask(&filter)?;
        hits.extend(found.into_iter().map(|found| Hit { id: found.id, score: found.score }));
    }
    Ok(sorted(hits))
}

fn words(
    source: &mut Source<'_>,
    plan: &Plan,
    settings: &Settings,
    asked: &Asked,
) -> Result<(Vec<Hit>, Share), Error> {
    let query = source.query;
    let Some(asked_text) = &query.text else { return Ok((Vec::new(), Share::Same(1.0))) };
    let ids = match plan.reading {
        Reading::Each => with_words(source, settings),
        Reading::Indexed => {
            let store = source.store;
            let most = (AGAIN * asked.most).min(Page::MOST);
            let found = indexed(source, |filter| store.matches(asked_text, filter, most))?;
            let ids: Vec<Id> = found.iter().map(|hit| hit.id).collect();
            let meant = source.meant(&ids)?;
            ids.into_iter().filter(|id| meant.contains(id)).collect()
        }
    };
    let terms = Terms::of(asked_text);
    let texts: Vec<_> =
        ids.iter().filter_map(|id| source.node(*id)).map(|node| node.content.words()).collect();
    let scores = bm25::scores(&terms, texts.iter().map(AsRef::as_ref));
    // What the store takes for a match by rules of its own stands last.
    let least = if plan.reading == Reading::Indexed { f64::MIN_POSITIVE } else { 0.0 };
    let share = |one: &Scored| one.cover.powf(query.scoring.cover);
    let shares = ids.iter().zip(&scores).map(|(id, one)| (*id, share(one))).collect();
    let hits = ids.into_iter().zip(scores).map(|(id, one)| Hit { id, score: one.score.max(least) });
    Ok((sorted(hits.filter(|hit| hit.score > 0.0).collect()), Share::Each(shares)))
}

/// What is meant and is found by its words.
fn with_words(source: &Source<'_>, settings: &Settings) -> Vec<Id> {
    let is_indexed = |node: &&MemoryNode| settings.policy(node.kind).is_indexed;
    source.all().filter(is_indexed).map(|node| node.id).collect()
}

/// Memories in which names stand, by how many do; or that have one.
fn exact(
    source: &mut Source<'_>,
    plan: &Plan,
    settings: &Settings,
    asked: &Asked,
) -> Result<Vec<Hit>, Error> {
    let named: Vec<Id> = plan.names.iter().filter_map(|name| name.parse().ok()).collect();
    let mut found = source.meant(&named)?;
    for name in &plan.names {
        let ids = match plan.reading {
            Reading::Each => with_words(source, settings),
            Reading::Indexed => {
                let store = source.store;
                let hits = indexed(source, |filter| store.matches(name, filter, READ_FOR_NAME))?;
                hits.into_iter().map(|hit| hit.id).collect()
            }
        };
        let enough = if plan.reading == Reading::Each { usize::MAX } else { asked.most };
        found.extend(standing(source, name, &ids, enough)?);
    }
    let score = |node: &MemoryNode| {
        let text = node.content.words();
        let names = plan.names.iter().filter(|name| text::stands_in(&text, name)).count();
        (names + usize::from(named.contains(&node.id))) as f64
    };
    let nodes = found.iter().filter_map(|id| source.node(*id));
    Ok(sorted(nodes.map(|node| Hit { id: node.id, score: score(node) }).collect()))
}

/// Those of these in which a name stands, until there are enough.
fn standing(source: &mut Source<'_>, name: &str, ids: &[Id], enough: usize) -> Result<BTreeSet<Id>, Error> {
    let mut found = BTreeSet::new();
    for some in ids.chunks(AT_A_TIME) {
        if found.len() >= enough {
            break;
        }
        let meant = source.meant(some)?;
        let nodes = meant.iter().filter_map(|id| source.node(*id));
        let standing = nodes.filter(|node| text::stands_in(&node.content.words(), name));
        found.extend(standing.map(|node| node.id));
    }
    Ok(found)
}

/// The newest, by when they were stored; of those that were stored at once, the last by name, which is the order of a
/// store's [`Order::Newest`]: of many that are equal, it gives only those that come first in it.
fn time(source: &mut Source<'_>, plan: &Plan, asked: &Asked) -> Result<Vec<Hit>, Error> {
    let place = |node: &MemoryNode| (node.created, node.id);
    let mut newest: BTreeSet<(Timestamp, Id)> = BTreeSet::new();
    if plan.reading == Reading::Each {
        newest.extend(source.all().map(place));
    } else {
        let page = Page { order: Order::Newest, skip: 0, most: asked.most };
        for filter in source.filters() {
            newest.extend(source.store.find(&filter.page(page), source.at)?.iter().map(place));
        }
        let ids: Vec<Id> = newest.iter().map(|(_, id)| *id).collect();
        source.load(&ids)?;
    }
    let hit = |(created, id): (Timestamp, Id)| Hit { id, score: created.micros() as f64 };
    Ok(newest.into_iter().rev().map(hit).collect())
}

/// What is related to the first of what the others found, and to what was named for it.
fn related(source: &mut Source<'_>, plan: &Plan, found: &Lists) -> Result<(Vec<Hit>, Share), Error> {
    let query = source.query;
    // A list that only serves to find these counts for them as it usually does.
    let weights = &query.scoring.weights;
    let weight = |channel: Channel| match channel {
        Channel::Vector => weights.vector,
        Channel::Words => weights.words,
        _ => weights.exact,
    };
    let lists: Vec<List> =
        found.lists.iter().map(|list| weighted(list, weight(list.asked.channel))).collect();
    let mut seeds = fused(&lists, query.scoring.k);
    seeds.truncate(SEEDS);
    for id in
        query.seeds.iter().filter(|id| !seeds.iter().any(|seed| seed.id == **id)).collect::<BTreeSet<_>>()
    {
        seeds.push(Hit { id: *id, score: 1.0 });
    }
    let with_seeds = plan.strategy == Strategy::Graph;
    let (at, kinds) = (source.at, query.relations.as_slice());
    let hits = graph::spread(source, &Spread { seeds: &seeds, kinds, at, with_seeds })?;
    // What is led to tells no more than the best of what leads there.
    let best = seeds.iter().map(|seed| seed.score).fold(0.0, f64::max);
    Ok((hits, Share::Same(if query.scoring.cover > 0.0 { best } else { 1.0 })))
}

fn weighted(list: &List, weight: f64) -> List {
    List { asked: Asked { weight, ..list.asked }, ..list.clone() }
}

/// All that lists found, by the share of the fusion.
fn fused(lists: &[List], k: f64) -> Vec<Hit> {
    let weights: Vec<f64> = lists.iter().map(|list| list.asked.weight).collect();
    let ids: BTreeSet<Id> = lists.iter().flat_map(|list| list.hits.iter().map(|hit| hit.id)).collect();
    let score = |id: Id| {
        let ranks: Vec<Ranked> =
            lists.iter().filter_map(|list| list.rank(id)).map(|(_, ranked)| ranked).collect();
        score::rrf_n(&ranks, &weights, k)
    };
    sorted(ids.into_iter().map(|id| Hit { id, score: score(id) }).collect())
}

impl List {
    /// Where a memory stands in it. Names stand or do not: those in which as many do have one rank.
    pub(super) fn rank(&self, id: Id) -> Option<(Hit, Ranked)> {
        let at = self.hits.iter().position(|hit| hit.id == id)?;
        let hit = *self.hits.get(at)?;
        let before = match self.asked.channel {
            Channel::Exact => self.hits.iter().filter(|other| other.score > hit.score).count(),
            _ => at,
        };
        let share = match &self.share {
            Share::Same(share) => *share,
            Share::Each(shares) => *shares.get(&id)?,
        };
        Some((hit, Ranked { weight: self.asked.weight * share, rank: before + 1 }))
    }
}
