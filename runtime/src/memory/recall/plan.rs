//! How a query is answered: which channels are asked for how many, from indexes or memory by memory, exactly or not. A rule
//! over what was counted of the store and what things were measured to cost; a plan never changes what is meant, only how
//! soon it is found.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::query::{Query, Scope, Strategy};
use super::source::Source;
use super::text;
use crate::memory::store::{Commit, Filter, Search, Store};
use crate::memory::{Error, Timestamp};

/// A way in which candidates are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// The nearest vectors.
    Vector,
    /// The words.
    Words,
    /// Names that stand in it literally.
    Exact,
    /// The newest.
    Time,
    /// What is related to what the others found.
    Graph,
}

/// What a channel is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Asked {
    /// Which.
    pub channel: Channel,
    /// How much it counts. 0: it only says from where relations are followed.
    pub weight: f64,
    /// The most that it gives.
    pub most: usize,
}

/// From where candidates are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// From the words and vectors that the store has in order.
    Indexed,
    /// From everything that is meant, compared one by one.
    Each,
}

/// What was counted of a store for a query. Upper bounds: what filters leave is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Live memories of the namespaces that are meant.
    pub scope: u64,
    /// Live memories of the store.
    pub live: u64,
}

/// What things cost, in microseconds: what `memory_recall_costs` of the tests measures over 100 000 memories of some twenty
/// words and 384 numbers. Ratios matter; a factor of two between machines does not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Costs {
    /// To read a memory by its name.
    pub read: f64,
    /// To read a memory among all of its namespace.
    pub each: f64,
    /// To look for words, some of which are common, as those of questions are, for each memory of the store,
    pub words: f64,
    /// and for each that is in scope: it is ranked.
    pub ranked: f64,
    /// To compare a vector, for each memory in scope.
    pub vector: f64,
    /// Up to so many memories every vector is compared, rather than to ask an index that may miss some.
    pub exact_up_to: u64,
    /// The share of the nearest that an index has to find, beyond that.
    pub recall: f32,
}

impl Default for Costs {
    fn default() -> Self {
        // Measured while other programs ran, which all of these bore alike: 41, 40, 0.65, 2.7 and 0.4 µs.
        Self {
            read: 13.0,
            each: 13.0,
            words: 0.2,
            ranked: 0.9,
            vector: 0.13,
            exact_up_to: 200_000,
            recall: 0.99,
        }
    }
}

/// What both ways of reading would cost, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// From what is in order.
    pub indexed: f64,
    /// One by one.
    pub each: f64,
}

/// How a query is answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The strategy that was asked for.
    pub strategy: Strategy,
    /// What is asked of which channel, in the order in which they are asked.
    pub channels: Vec<Asked>,
    /// From where.
    pub reading: Reading,
    /// How vectors are looked for.
    pub search: Search,
    /// What was known of the store.
    pub statistics: Statistics,
    /// What it would cost either way. `None`: there was no choice.
    pub estimate: Option<Estimate>,
    /// What is looked for literally.
    pub names: Vec<String>,
}

/// The most candidates of a channel: `max(4 k, 64)`.
pub(super) fn candidates(most: usize) -> usize {
    (4 * most).max(64)
}

/// How many times as many words are asked of a store as are needed: they are ranked again.
pub(super) const AGAIN: usize = 4;

impl Plan {
    /// The plan for a query on a store of which this is known.
    pub fn of(query: &Query, statistics: Statistics, costs: &Costs) -> Self {
        let names = query.names();
        let channels = channels(query, &names);
        let exact = statistics.scope <= costs.exact_up_to;
        let usual = if exact { Search::Exact } else { Search::Recall(costs.recall) };
        let search = query.search.unwrap_or(usual);
        let estimate = Source::is_indexed(query).then(|| estimate(&channels, query.most, statistics, costs));
        let is_each = estimate.is_none_or(|estimate| estimate.each <= estimate.indexed);
        let reading = if is_each { Reading::Each } else { Reading::Indexed };
        Self { strategy: query.strategy, channels, reading, search, statistics, estimate, names }
    }

    /// What a channel is asked, if it is.
    pub fn asked(&self, channel: Channel) -> Option<&Asked> {
        self.channels.iter().find(|asked| asked.channel == channel)
    }
}

fn channels(query: &Query, names: &[String]) -> Vec<Asked> {
    let weights = &query.scoring.weights;
    let has_words = query.text.as_deref().is_some_and(|text| !text::words(text).is_empty());
    let (has_vector, has_names) = (query.vector.is_some(), !names.is_empty());
    let hybrid = query.strategy == Strategy::Hybrid;
    let temporal = query.strategy == Strategy::Temporal;
    let graph = query.strategy == Strategy::Graph;
    let is = |strategy: Strategy| query.strategy == strategy || hybrid || graph;
    let fused = |weight: f64| if graph { 0.0 } else { weight };
    let all = [
        (Channel::Vector, has_vector && (is(Strategy::Vector) || temporal), fused(weights.vector)),
        (Channel::Words, has_words && (is(Strategy::Words) || temporal), fused(weights.words)),
        (Channel::Exact, has_names && is(Strategy::ExactId), fused(weights.exact)),
        (Channel::Time, temporal, weights.time),
        (Channel::Graph, hybrid || graph, weights.graph),
    ];
    let most = candidates(query.most);
    let asked = all.into_iter().filter(|(_, is_asked, _)| *is_asked);
    asked.map(|(channel, _, weight)| Asked { channel, weight, most }).collect()
}

fn estimate(channels: &[Asked], most: usize, statistics: Statistics, costs: &Costs) -> Estimate {
    let (most, scope) = (candidates(most) as f64, statistics.scope as f64);
    let cost = |asked: &Asked| match asked.channel {
        Channel::Vector => scope * costs.vector + most * costs.read,
        Channel::Words => {
            statistics.live as f64 * costs.words + scope * costs.ranked + AGAIN as f64 * most * costs.read
        }
        Channel::Exact | Channel::Time => most * costs.read,
        Channel::Graph => 0.0,
    };
    Estimate { indexed: channels.iter().map(cost).sum(), each: scope * costs.each }
}

/// Makes plans. Keeps what it counted of a store for a while: counting takes as long as a query.
#[derive(Debug, Default)]
pub struct Planner {
    /// What things cost.
    pub costs: Costs,
    known: Mutex<BTreeMap<Scope, Known>>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    statistics: Statistics,
    at: Commit,
    when: Timestamp,
}

/// So long, or for so many commits, what was counted is good enough for a plan.
const SECONDS: u64 = 60;
const COMMITS: u64 = 256;
/// The most namespaces of which it is kept what was counted.
const KEPT: usize = 1024;

impl Planner {
    /// The plan for a query.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn plan(&self, store: &dyn Store, query: &Query, now: Timestamp) -> Result<Plan, Error> {
        let mut statistics = Statistics::default();
        // Where there is no choice nothing is counted.
        if Source::is_indexed(query) {
            for scope in &query.scopes {
                let one = self.statistics(store, scope, now)?;
                statistics = Statistics { scope: statistics.scope + one.scope, ..one };
            }
        }
        Ok(Plan::of(query, statistics, &self.costs))
    }

    fn statistics(&self, store: &dyn Store, scope: &Scope, now: Timestamp) -> Result<Statistics, Error> {
        let head = store.head()?;
        let is_good = |known: &Known| {
            now.since(known.when).as_secs() < SECONDS
                && head.0.checked_sub(known.at.0).is_some_and(|since| since < COMMITS)
        };
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(scope).filter(|known| is_good(known)) {
            return Ok(known.statistics);
        }
        let statistics = count(store, scope)?;
        let mut known = lock();
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(scope.clone(), Known { statistics, at: head, when: now });
        Ok(statistics)
    }
}

fn count(store: &dyn Store, scope: &Scope) -> Result<Statistics, Error> {
    let filter = Filter { below: scope.below, ..Filter::of(scope.namespace.clone()) };
    let census = store.census()?;
    Ok(Statistics {
        scope: store.ids(&filter)?.len() as u64,
        live: census.nodes.first().copied().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Namespace;

    fn query() -> Query {
        Query::new(Namespace::new("a").unwrap(), 10).text("who sold ZX-1?").vector("m", vec![1.0])
    }

    fn plan(query: &Query, scope: u64, all: u64) -> Plan {
        let statistics = Statistics { scope, live: all };
        Plan::of(query, statistics, &Costs::default())
    }

    fn channels(query: &Query) -> Vec<Channel> {
        plan(query, 1, 1).channels.iter().map(|asked| asked.channel).collect()
    }

    #[test]
    fn a_strategy_asks_its_channels() {
        use Channel::{Exact, Graph, Time, Vector, Words};
        let of = |strategy: Strategy| channels(&query().strategy(strategy));
        assert_eq!(of(Strategy::Hybrid), [Vector, Words, Exact, Graph]);
        assert_eq!(of(Strategy::Vector), [Vector]);
        assert_eq!(of(Strategy::Words), [Words]);
        assert_eq!(of(Strategy::ExactId), [Exact]);
        assert_eq!(of(Strategy::Temporal), [Vector, Words, Time]);
        assert_eq!(of(Strategy::Graph), [Vector, Words, Exact, Graph]);
        assert_eq!(channels(&query().text("who sold it?")), [Vector, Words, Graph]);
        let graph = plan(&query().strategy(Strategy::Graph), 1, 1);
        let counted = graph.channels.iter().filter(|asked| asked.weight > 0.0);
        assert_eq!(counted.map(|asked| asked.channel).collect::<Vec<_>>(), [Graph]);
    }

    #[test]
    fn what_is_selective_is_read_one_by_one() {
        assert_eq!(plan(&query(), 100, 100_000).reading, Reading::Each);
        assert_eq!(plan(&query(), 100_000, 100_000).reading, Reading::Indexed);
        // What has ended is in no index.
        let ended = plan(&query().ended(), 100_000, 100_000);
        assert_eq!((ended.reading, ended.estimate), (Reading::Each, None));
        assert_eq!(plan(&query().as_of(Commit(3)), 100_000, 100_000).reading, Reading::Each);
    }

    #[test]
    fn vectors_are_compared_exactly_as_long_as_that_is_fast() {
        assert_eq!(plan(&query(), 200_000, 200_000).search, Search::Exact);
        assert_eq!(plan(&query(), 200_001, 200_001).search, Search::Recall(0.99));
        assert_eq!(plan(&query().search(Search::Exact), 300_000, 300_000).search, Search::Exact);
        assert_eq!((plan(&query(), 1, 1).channels[0].most, candidates(100)), (64, 400));
    }
}
