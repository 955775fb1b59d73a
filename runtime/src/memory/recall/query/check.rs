//! What a query means: whether it can be answered, which names and times stand in it, and its conditions as stores have them.

use super::{Query, Scope, Scoring, Strategy, When};
use crate::memory::recall::text;
use crate::memory::store::Filter;
use crate::memory::{Error, Interval, Limits, Status, Timestamp};

/// The most of everything else that a query may have.
const SCOPES: usize = 64;
const NAMES: usize = 16;
const SEEDS: usize = 64;

impl Query {
    /// Whether it can be answered.
    ///
    /// # Errors
    /// When it has no bound, asks for nothing, or has what its strategy cannot use or values out of range.
    pub fn check(&self, limits: &Limits) -> Result<(), Error> {
        bounded("query: scopes", self.scopes.len(), 1..=SCOPES)?;
        bounded("query: most", self.most, 1..=Self::MOST)?;
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

    /// Whether it has what its strategy asks by.
    pub(in crate::memory) fn check_meaning(&self) -> Result<(), Error> {
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
    pub(in crate::memory::recall) fn filter(&self, scope: &Scope, valid_at: Option<Timestamp>) -> Filter {
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
            && [self.k, self.cover].into_iter().all(is_size)
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
    use crate::memory::{Id, Namespace};

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
