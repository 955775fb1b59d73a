//! What is asked: one typed query for all ways of finding. `check` says what it means, and refuses what has no bound or no
//! meaning.

mod check;

use std::collections::BTreeMap;

use super::score::Scoring;
use crate::json::RawJson;
use crate::memory::store::{Commit, Search};
use crate::memory::{Embedding, Id, Interval, Kind, Namespace, RelationKind, Status, Timestamp};

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

impl Query {
    /// The most that can be asked for.
    pub const MOST: usize = 1000;

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
}
