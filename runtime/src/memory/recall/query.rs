//! What is asked: one typed query for all ways of finding, which refuses what has no bound or no meaning.

use std::collections::BTreeMap;

use super::score::Scoring;
use super::text;
use crate::json::RawJson;
use crate::memory::store::{Commit, Filter, Search};
use crate::memory::{
    Embedding, Error, Id, Interval, Kind, Limits, Namespace, RelationKind, Status, Timestamp,
};

/// Which way memories are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Strategy {
    /// By names that stand in them literally.
    ExactId,
    /// By words.
    Words,
    /// By vectors.
    Vector,
    /// By relations from what words and vectors find.
    Graph,
    /// By time: the newest first, and words and vectors.
    Temporal,
    /// All but time, fused.
    #[default]
    Hybrid,
}

/// Whose memories are meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    /// Of this namespace.
    pub namespace: Namespace,
    /// And of those below it.
    pub below: bool,
}

/// When memories have to hold in the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum When {
    /// Now, by the clock.
    #[default]
    Now,
    /// At this time.
    At(Timestamp),
    /// At any time.
    Any,
}

/// What is done when fewer memories match than are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Rest {
    /// The nearest of those that do not match fill it up, after all that do.
    #[default]
    Fill,
    /// Fewer are given.
    Leave,
}

/// A question. Made by [`Query::new`] and its setters; what it has to say, one of text, vector, identifiers, seeds or a span
/// of time, [`check`](Self::check) tells.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Whose memories.
    pub scopes: Vec<Scope>,
    /// What is asked, in words. Names in it are looked for literally, too.
    pub text: Option<String>,
    /// What is asked, as a vector.
    pub vector: Option<Embedding>,
    /// Names that have to stand in a memory literally, or that it has.
    pub identifiers: Vec<String>,
    /// Memories from which relations are followed.
    pub seeds: Vec<Id>,
    /// Relations that are followed; all if none is named.
    pub relations: Vec<RelationKind>,
    /// What the memories are; all kinds if none is named.
    pub kinds: Vec<Kind>,
    /// What has become of them.
    pub statuses: Vec<Status>,
    /// When they hold.
    pub when: When,
    /// The state of the store that is asked. The present, if none is named.
    pub as_of: Option<Commit>,
    /// When they were stored.
    pub created: Interval,
    /// How important they are at least.
    pub importance: Option<f32>,
    /// What is kept with them.
    pub metadata: BTreeMap<String, RawJson>,
    /// The most that are given.
    pub most: usize,
    /// Which way.
    pub strategy: Strategy,
    /// How vectors are looked for. `None`: the plan says.
    pub search: Option<Search>,
    /// When there are too few.
    pub rest: Rest,
    /// The numbers of the score.
    pub scoring: Scoring,
}

/// The most of everything that a query may have.
const MOST: usize = 1000;
const SCOPES: usize = 64;
const NAMES: usize = 16;
const SEEDS: usize = 64;

impl Query {
    /// A question to the live memories of a namespace that hold now.
    pub fn new(namespace: Namespace, most: usize) -> Self {
        Self {
            scopes: vec![Scope { namespace, below: false }],
            text: None,
            vector: None,
            identifiers: Vec::new(),
            seeds: Vec::new(),
            relations: Vec::new(),
            kinds: Vec::new(),
            statuses: vec![Status::Live],
            when: When::Now,
            as_of: None,
            created: Interval::ALWAYS,
            importance: None,
            metadata: BTreeMap::new(),
            most,
            strategy: Strategy::Hybrid,
            search: None,
            rest: Rest::Fill,
            scoring: Scoring::default(),
        }
    }

    /// Of these namespaces.
    #[must_use]
    pub fn scopes(self, scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self { scopes: scopes.into_iter().collect(), ..self }
    }

    /// Of the namespaces below those that are named, too.
    #[must_use]
    pub fn below(mut self) -> Self {
        self.scopes.iter_mut().for_each(|scope| scope.below = true);
        self
    }

    /// In these words.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..self }
    }

    /// Near to this vector of this model.
    #[must_use]
    pub fn vector(self, model: impl Into<String>, vector: Vec<f32>) -> Self {
        Self { vector: Some(Embedding { model: model.into(), vector }), ..self }
    }

    /// With this name in it, literally.
    #[must_use]
    pub fn identifier(mut self, identifier: impl Into<String>) -> Self {
        self.identifiers.push(identifier.into());
        self
    }

    /// Related to these.
    #[must_use]
    pub fn seeds(self, seeds: impl IntoIterator<Item = Id>) -> Self {
        Self { seeds: seeds.into_iter().collect(), ..self }
    }

    /// By relations of these kinds alone.
    #[must_use]
    pub fn relations(self, kinds: impl IntoIterator<Item = RelationKind>) -> Self {
        Self { relations: kinds.into_iter().collect(), ..self }
    }

    /// Of these kinds.
    #[must_use]
    pub fn kinds(self, kinds: impl IntoIterator<Item = Kind>) -> Self {
        Self { kinds: kinds.into_iter().collect(), ..self }
    }

    /// Superseded, invalidated and expired ones, too. Whether they hold at the time that is asked for is another question.
    #[must_use]
    pub fn ended(self) -> Self {
        let statuses = vec![Status::Live, Status::Superseded, Status::Invalidated, Status::Expired];
        Self { statuses, ..self }
    }

    /// That hold at this time.
    #[must_use]
    pub fn valid_at(self, time: Timestamp) -> Self {
        Self { when: When::At(time), ..self }
    }

    /// Whenever they hold.
    #[must_use]
    pub fn any_time(self) -> Self {
        Self { when: When::Any, ..self }
    }

    /// As the store was at a commit.
    #[must_use]
    pub fn as_of(self, commit: Commit) -> Self {
        Self { as_of: Some(commit), ..self }
    }

    /// Stored within this time.
    #[must_use]
    pub fn created(self, created: Interval) -> Self {
        Self { created, ..self }
    }

    /// Of at least this importance.
    #[must_use]
    pub fn importance(self, importance: f32) -> Self {
        Self { importance: Some(importance), ..self }
    }

    /// Kept with this value.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: RawJson) -> Self {
        self.metadata.insert(key.into(), value);
        self
    }

    /// In this way.
    #[must_use]
    pub fn strategy(self, strategy: Strategy) -> Self {
        Self { strategy, ..self }
    }

    /// With vectors looked for like this.
    #[must_use]
    pub fn search(self, search: Search) -> Self {
        Self { search: Some(search), ..self }
    }

    /// When too few match.
    #[must_use]
    pub fn rest(self, rest: Rest) -> Self {
        Self { rest, ..self }
    }

    /// Scored by these numbers.
    #[must_use]
    pub fn scoring(self, scoring: Scoring) -> Self {
        Self { scoring, ..self }
    }

    /// Whether it can be answered.
    ///
    /// # Errors
    /// When it has no bound, asks for nothing, or has what its strategy cannot use or values out of range.
    pub fn check(&self, limits: &Limits) -> Result<(), Error> {
        bounded("query: scopes", self.scopes.len(), 1..=SCOPES)?;
        bounded("query: most", self.most, 1..=MOST)?;
        bounded("query: identifiers", self.identifiers.len(), 0..=NAMES)?;
        bounded("query: seeds", self.seeds.len(), 0..=SEEDS)?;
        let longest = self.identifiers.iter().chain(&self.text).map(String::len).max().unwrap_or_default();
        bounded("query: text", longest, 0..=limits.text_bytes)?;
        if self.identifiers.iter().any(|name| text::words(name).is_empty()) {
            return invalid("an identifier has no letter and no digit");
        }
        if self.statuses.contains(&Status::Forgotten) {
            return invalid("what is forgotten is not found");
        }
        self.vector.iter().try_for_each(|vector| vector.check(limits))?;
        self.scoring.check()?;
        for scope in &self.scopes {
            self.filter(scope, None).check()?;
        }
        self.check_meaning()
    }

    fn check_meaning(&self) -> Result<(), Error> {
        let has_words = self.text.as_deref().is_some_and(|text| !text::words(text).is_empty());
        let has_seeds = has_words || self.vector.is_some() || !self.seeds.is_empty();
        match self.strategy {
            Strategy::ExactId if self.names().is_empty() => invalid("there is no identifier in it"),
            Strategy::Words if !has_words => invalid("there is no word in it"),
            Strategy::Vector if self.vector.is_none() => invalid("there is no vector in it"),
            Strategy::Graph if !has_seeds => invalid("there is nothing from which relations could lead"),
            Strategy::Temporal if !self.has_time() => invalid("there is no time in it"),
            Strategy::Hybrid if !has_seeds && self.identifiers.is_empty() => {
                invalid("it asks for nothing: there is no word, vector, identifier or seed in it")
            }
            _ => Ok(()),
        }
    }

    /// Whether it asks for a time, by its conditions or in its words.
    pub fn has_time(&self) -> bool {
        self.created != Interval::ALWAYS
            || matches!(self.when, When::At(_))
            || text::has_date(self.text.as_deref().unwrap_or_default())
    }

    /// What is looked for literally: what is named, and what looks like a name in the text.
    pub fn names(&self) -> Vec<String> {
        let mut names = self.identifiers.clone();
        for name in text::identifiers(self.text.as_deref().unwrap_or_default()) {
            if names.len() < NAMES && !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Its conditions as a store has them, on one of its namespaces.
    pub(super) fn filter(&self, scope: &Scope, valid_at: Option<Timestamp>) -> Filter {
        Filter {
            below: scope.below,
            kinds: self.kinds.clone(),
            statuses: self.statuses.clone(),
            valid_at,
            created: self.created,
            importance: self.importance,
            metadata: self.metadata.clone(),
            ..Filter::of(scope.namespace.clone())
        }
    }
}

impl Scoring {
    fn check(&self) -> Result<(), Error> {
        let weights = [
            self.weights.vector,
            self.weights.words,
            self.weights.graph,
            self.weights.exact,
            self.weights.time,
        ];
        let is_size = |x: f64| x.is_finite() && x >= 0.0;
        let is_share = |x: f64| (0.0..=1.0).contains(&x);
        let is_sound = weights.into_iter().all(is_size)
            && is_size(self.k)
            && [self.recency, self.importance, self.lambda, self.words_floor].into_iter().all(is_share)
            && (0.0..1.0).contains(&self.alike)
            && (-1.0..=1.0).contains(&self.floor);
        if is_sound { Ok(()) } else { invalid("a number of its scoring is out of range") }
    }
}

fn invalid(reason: &str) -> Result<(), Error> {
    Err(Error::invalid("query", reason))
}

fn bounded(what: &'static str, found: usize, range: std::ops::RangeInclusive<usize>) -> Result<(), Error> {
    if found > *range.end() {
        return Err(Error::limit(what, found, *range.end()));
    }
    if found < *range.start() { Err(Error::invalid(what, "there is none")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(namespace: &str) -> Query {
        Query::new(Namespace::new(namespace).unwrap(), 10)
    }

    #[test]
    fn what_has_no_bound_or_no_meaning_is_refused() {
        let limits = Limits { text_bytes: 100, ..Limits::default() };
        let time = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        let scoring = |scoring: Scoring| of("a").text("word").scoring(scoring);
        let good = [
            of("a").text("word"),
            of("a").vector("m", vec![1.0]),
            of("a").identifier("ZX-1"),
            of("a").seeds([Id::from_u128(1)]),
            of("a").strategy(Strategy::Temporal).valid_at(time),
            of("a").strategy(Strategy::Temporal).text("what was in 2021?"),
            of("a").text("about ZX-41").strategy(Strategy::ExactId),
            of("a").seeds([Id::from_u128(1)]).strategy(Strategy::Graph),
        ];
        for good in good {
            good.check(&limits).unwrap();
        }
        let wrong = [
            of("a"),
            of("a").text(" ?! "),
            of("a").text("x".repeat(101)),
            of("a").identifier("--"),
            of("a").vector("m", vec![0.0]),
            of("a").text("word").importance(2.0),
            of("a").text("word").scopes([]),
            of("a").text("word").strategy(Strategy::Vector),
            of("a").text("word").strategy(Strategy::ExactId),
            of("a").text("word").strategy(Strategy::Temporal),
            of("a").vector("m", vec![1.0]).strategy(Strategy::Words),
            of("a").strategy(Strategy::Graph),
            of("a").text("word").seeds((0..65).map(Id::from_u128)),
            Query { most: 0, ..of("a").text("word") },
            Query { most: 1001, ..of("a").text("word") },
            Query { statuses: vec![Status::Forgotten], ..of("a").text("word") },
            Query { statuses: vec![], ..of("a").text("word") },
            scoring(Scoring { lambda: 1.5, ..Scoring::default() }),
            scoring(Scoring { k: f64::NAN, ..Scoring::default() }),
            scoring(Scoring { floor: 2.0, ..Scoring::default() }),
        ];
        for wrong in wrong {
            assert!(wrong.check(&limits).is_err(), "{wrong:?}");
        }
    }
}
