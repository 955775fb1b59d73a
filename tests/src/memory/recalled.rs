//! What a query recalls, worked out the plainest way: over all memories of a world at once, with no plan, no index, no
//! candidates that are left out. Right as long as no list is longer than its limit.

use std::collections::{BTreeMap, BTreeSet};

use typewright_runtime::memory::recall::text;
use typewright_runtime::memory::recall::{Query, Rest, Strategy, When, passes_on};
use typewright_runtime::memory::{Id, MemoryNode, Timestamp};

use super::oracle::{World, status_at};
use super::search::cosine;

/// What is found, with its score; nothing has a score that fills up.
pub type Expected = Vec<(Id, Option<f64>)>;

/// A list: what is in it, from the first on.
type List = Vec<(Id, f64)>;

fn list(scores: impl IntoIterator<Item = (Id, f64)>) -> List {
    let mut list: List = scores.into_iter().collect();
    list.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    list
}

fn in_scope(query: &Query, node: &MemoryNode, time: Option<Timestamp>) -> bool {
    let is_inside = query.scopes.iter().any(|scope| {
        node.namespace == scope.namespace || scope.below && scope.namespace.contains(&node.namespace)
    });
    is_inside
        && query.statuses.contains(&node.status)
        && query.statuses.contains(&status_at(node, time))
        && time.is_none_or(|time| node.valid.contains(time))
        && query.created.contains(node.created)
}

fn is_meant(query: &Query, node: &MemoryNode, time: Option<Timestamp>) -> bool {
    in_scope(query, node, time)
        && (query.kinds.is_empty() || query.kinds.contains(&node.kind))
        && query.importance.is_none_or(|least| node.importance >= least)
        && query.metadata.iter().all(|(key, value)| node.metadata.get(key) == Some(value))
}

/// As stores have it: of the vectors of length 1, with numbers of 32 bits.
fn near(a: &[f32], b: &[f32]) -> f64 {
    let unit = |x: &[f32]| -> Vec<f32> {
        let scale = 1.0 / x.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
        x.iter().map(|x| (f64::from(*x) * scale) as f32).collect()
    };
    unit(a).iter().zip(unit(b)).map(|(a, b)| f64::from(*a) * f64::from(b)).sum::<f64>().clamp(-1.0, 1.0)
}

fn split(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    // The words of the histories have one mark that a store folds.
    words.map(|word| word.to_lowercase().replace('é', "e")).collect()
}

/// BM25 over the documents that match, and which share of the question stands in each.
fn bm25(query: &str, documents: &[&MemoryNode]) -> (List, BTreeMap<Id, f64>) {
    let mut terms: BTreeSet<Vec<String>> = split(query).into_iter().map(|word| vec![word]).collect();
    let names = text::identifiers(query);
    terms.extend(names.iter().map(|name| split(name)).filter(|run| run.len() > 1));
    let split: Vec<Vec<String>> = documents.iter().map(|node| split(&node.content.words())).collect();
    let times = |term: &Vec<String>, words: &Vec<String>| {
        (0..words.len()).filter(|at| words[*at..].starts_with(term)).count() as f64
    };
    let matching: Vec<usize> =
        (0..split.len()).filter(|at| terms.iter().any(|term| times(term, &split[*at]) > 0.0)).collect();
    let n = matching.len() as f64;
    let average = matching.iter().map(|at| split[*at].len() as f64).sum::<f64>() / n.max(1.0);
    let rarity = |term: &Vec<String>| {
        let with = matching.iter().filter(|at| times(term, &split[**at]) > 0.0).count() as f64;
        (1.0 + (n - with + 0.5) / (with + 0.5)).ln()
    };
    let cover = |at: &usize| {
        let there = terms.iter().filter(|term| times(term, &split[*at]) > 0.0);
        (documents[*at].id, there.map(rarity).sum::<f64>() / terms.iter().map(rarity).sum::<f64>())
    };
    let score = |at: &usize| {
        let words = &split[*at];
        let of = |term: &Vec<String>| {
            let often = times(term, words);
            rarity(term) * often * 2.2 / (often + 1.2 * (0.25 + 0.75 * words.len() as f64 / average))
        };
        (documents[*at].id, terms.iter().map(of).sum::<f64>())
    };
    (list(matching.iter().map(score)), matching.iter().map(cover).collect())
}

struct Naive<'a> {
    world: &'a World,
    query: &'a Query,
    time: Option<Timestamp>,
    meant: Vec<&'a MemoryNode>,
}

impl Naive<'_> {
    fn vector(&self) -> List {
        let Some(to) = &self.query.vector else { return Vec::new() };
        let of = |node: &&MemoryNode| {
            let of = node.embedding.as_ref().filter(|of| of.model == to.model)?;
            Some((node.id, near(&to.vector, &of.vector)))
        };
        list(self.meant.iter().filter_map(of))
    }

    fn indexed(&self) -> Vec<&MemoryNode> {
        self.meant.iter().copied().filter(|node| node.kind.policy().is_indexed).collect()
    }

    fn words(&self) -> (List, BTreeMap<Id, f64>) {
        let asked = self.query.text.as_deref().unwrap_or_default();
        bm25(asked, &self.indexed())
    }

    fn exact(&self) -> List {
        let names = self.query.names();
        let of = |node: &&MemoryNode| {
            let is_indexed = node.kind.policy().is_indexed;
            let words = node.content.words();
            let there = names.iter().filter(|name| is_indexed && text::stands_in(&words, name)).count();
            let named = usize::from(names.contains(&node.id.to_string()));
            (there + named > 0).then_some((node.id, (there + named) as f64))
        };
        list(self.meant.iter().filter_map(of))
    }

    fn newest(&self) -> List {
        let mut newest: Vec<_> = self.meant.iter().map(|node| (node.created, node.id)).collect();
        newest.sort_by(|a, b| b.cmp(a));
        newest.into_iter().map(|(created, id)| (id, created.micros() as f64)).collect()
    }

    fn graph(&self, seeds: &[(Id, f64)]) -> List {
        let inside =
            |id: Id| self.world.nodes.get(&id).is_some_and(|node| in_scope(self.query, node, self.time));
        let holds =
            |valid: &typewright_runtime::memory::Interval| self.time.is_none_or(|time| valid.contains(time));
        let mut steps: Vec<(Id, Id, f64)> = Vec::new();
        for one in self.world.relations.values() {
            let is_meant = self.query.relations.is_empty()
                || self.query.relations.iter().any(|kind| kind.canonical().kind == one.kind);
            if is_meant && holds(&one.valid) && inside(one.from) && inside(one.to) {
                let strength = f64::from(one.weight) * passes_on(&one.kind) * 0.5;
                steps.extend([(one.from, one.to, strength), (one.to, one.from, strength)]);
            }
        }
        let mut active: BTreeMap<Id, f64> = BTreeMap::new();
        for (seed, much) in seeds {
            if self.query.strategy == Strategy::Graph {
                *active.entry(*seed).or_default() += much;
            }
            for (_, middle, first) in steps.iter().filter(|step| step.0 == *seed) {
                *active.entry(*middle).or_default() += much * first;
                for (_, end, second) in steps.iter().filter(|step| step.0 == *middle && step.1 != *seed) {
                    *active.entry(*end).or_default() += much * first * second;
                }
            }
        }
        let meant: BTreeSet<Id> = self.meant.iter().map(|node| node.id).collect();
        list(active.into_iter().filter(|(id, much)| meant.contains(id) && *much > 0.0))
    }
}

/// A list, how much it counts, and how.
type Counted<'a> = (&'a List, f64, By<'a>);

/// How the places of a list count.
#[derive(Clone, Copy)]
enum By<'a> {
    Place,
    /// Equal ones share the best of their places.
    Ties,
    /// Each by its share, raised to a power.
    Shares(&'a BTreeMap<Id, f64>, f64),
    /// All by this one.
    Share(f64),
}

/// The share of the fusion of each memory.
fn fused(lists: &[Counted<'_>], k: f64) -> BTreeMap<Id, f64> {
    let most: f64 = lists.iter().map(|(_, weight, _)| weight / (k + 1.0)).sum();
    let mut fused: BTreeMap<Id, f64> = BTreeMap::new();
    for (list, weight, by) in lists {
        for (at, (id, score)) in list.iter().enumerate() {
            let (before, share) = match by {
                By::Place => (at, 1.0),
                By::Ties => (list.iter().filter(|other| other.1 > *score).count(), 1.0),
                By::Shares(shares, power) => (at, shares[id].powf(*power)),
                By::Share(share) => (at, *share),
            };
            *fused.entry(*id).or_default() += weight * share / (k + before as f64 + 1.0) / most;
        }
    }
    fused
}

/// What a query recalls of a world.
pub fn recalled(world: &World, query: &Query, now: Timestamp) -> Expected {
    let time = match query.when {
        When::Now => Some(now),
        When::At(time) => Some(time),
        When::Any => None,
    };
    let meant = world.nodes.values().filter(|node| is_meant(query, node, time)).collect();
    let naive = Naive { world, query, time, meant };
    let (scoring, strategy) = (&query.scoring, query.strategy);
    let (weights, k) = (&scoring.weights, scoring.k);
    let is = |these: &[Strategy]| these.contains(&strategy);
    let (near, far): (List, List) = match is(&[Strategy::ExactId, Strategy::Words]) {
        true => (Vec::new(), Vec::new()),
        false => naive.vector().into_iter().partition(|hit| hit.1 >= scoring.floor),
    };
    let has_words = query.text.as_deref().is_some_and(|text| !split(text).is_empty());
    let ((words, shares), exact, newest) = (naive.words(), naive.exact(), naive.newest());
    let floor = scoring.words_floor * words.first().map_or(0.0, |best| best.1);
    let (words, weak): (List, List) = words.into_iter().partition(|hit| hit.1 >= floor);
    let mut lists: Vec<Counted<'_>> = Vec::new();
    if query.vector.is_some() && !is(&[Strategy::ExactId, Strategy::Words]) {
        lists.push((&near, weights.vector, By::Place));
    }
    let by_words = has_words && !is(&[Strategy::ExactId, Strategy::Vector]);
    if by_words {
        lists.push((&words, weights.words, By::Shares(&shares, scoring.cover)));
    }
    if !query.names().is_empty() && is(&[Strategy::ExactId, Strategy::Graph, Strategy::Hybrid]) {
        lists.push((&exact, weights.exact, By::Ties));
    }
    let (mut related, mut led_to) = (Vec::new(), By::Place);
    if is(&[Strategy::Hybrid, Strategy::Graph]) {
        let mut seeds = list(fused(&lists, k));
        seeds.truncate(8);
        for id in &query.seeds {
            if !seeds.iter().any(|seed| seed.0 == *id) {
                seeds.push((*id, 1.0));
            }
        }
        related = naive.graph(&seeds);
        if scoring.cover > 0.0 {
            led_to = By::Share(seeds.iter().map(|seed| seed.1).fold(0.0, f64::max));
        }
    }
    match strategy {
        Strategy::Graph => lists = vec![(&related, weights.graph, led_to)],
        Strategy::Hybrid => lists.push((&related, weights.graph, led_to)),
        Strategy::Temporal => lists.push((&newest, weights.time, By::Place)),
        _ => {}
    }
    let scored = list(
        fused(&lists, k).into_iter().map(|(id, share)| (id, share * factor(&world.nodes[&id], query, now))),
    );
    let mut found = diverse(world, &scored[..scored.len().min(4 * query.most)], query);
    if query.rest == Rest::Fill {
        let weak = if by_words { weak } else { Vec::new() };
        for (id, _) in far.into_iter().chain(weak) {
            if found.len() < query.most && !found.iter().any(|one| one.0 == id) {
                found.push((id, None));
            }
        }
    }
    found
}

fn factor(node: &MemoryNode, query: &Query, now: Timestamp) -> f64 {
    let age = now.since(node.last_access).as_secs_f64();
    let half_life = node.kind.policy().half_life.map(|half_life| half_life.as_secs_f64());
    let recency = half_life.map_or(1.0, |half_life| 0.5_f64.powf(age / half_life));
    let about = |much: f64, of: f64| much * (of - 0.5);
    1.0 + about(query.scoring.recency, recency) + about(query.scoring.importance, f64::from(node.importance))
}

/// Greedy, every likeness anew.
fn diverse(world: &World, scored: &[(Id, f64)], query: &Query) -> Expected {
    let (lambda, from, most) = (query.scoring.lambda, query.scoring.alike, query.most);
    let mut left = scored.to_vec();
    let mut found: Expected = Vec::new();
    while found.len() < most && !left.is_empty() {
        let value = |(id, score): &(Id, f64)| {
            let of = |id: &Id| world.nodes[id].embedding.as_ref();
            let like = |other: &(Id, Option<f64>)| {
                let (a, b) = (of(id)?, of(&other.0)?);
                (a.model == b.model).then(|| cosine(&a.vector, &b.vector))
            };
            let like = found.iter().filter_map(like).max_by(f64::total_cmp).unwrap_or(0.0);
            let like = if from == 0.0 { like } else { ((like - from) / (1.0 - from)).max(0.0) };
            lambda * score - (1.0 - lambda) * like
        };
        let values: Vec<f64> = left.iter().map(value).collect();
        let best = values.iter().copied().fold(f64::MIN, f64::max);
        let at = values.iter().position(|value| *value == best).unwrap_or(0);
        let (id, score) = left.remove(at);
        found.push((id, Some(score)));
    }
    found
}
