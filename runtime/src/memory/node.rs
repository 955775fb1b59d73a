//! A memory: what is remembered, whose it is, when it holds, where it is from. Drafts are what a store is given, nodes what
//! it gives back.

use std::collections::BTreeMap;

use super::content::Content;
use super::id::Id;
use super::kind::{Kind, Policy};
use super::namespace::Namespace;
use super::time::{Interval, Timestamp};
use super::{Error, Limits};
use crate::json::RawJson;

/// A vector, and the model that made it. Vectors of different models are never compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// The model.
    pub model: String,
    /// The vector.
    pub vector: Vec<f32>,
}

/// Where something is from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    /// Who said or concluded it: a person, a tool, a model.
    pub source: String,
    /// The memories that it was concluded from.
    pub derived_from: Vec<Id>,
    /// Where it can be looked up: an address, a line of a log.
    pub reference: Option<String>,
}

/// What has become of a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// It holds.
    Live,
    /// Another one says now what it said.
    Superseded,
    /// It has turned out not to hold any more in the world; since when, its interval says.
    Invalidated,
    /// Its time was over.
    Expired,
    /// Nothing is left of it but that it was there.
    Forgotten,
}

/// A memory as it is stored. Its time in the world is `valid`; its time in the store begins with `created`, and ends with
/// `ended` when it is no longer live.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryNode {
    /// Its name.
    pub id: Id,
    /// Whose it is.
    pub namespace: Namespace,
    /// What it is.
    pub kind: Kind,
    /// What is remembered. Of what was forgotten, an empty text.
    pub content: Content,
    /// Its vector.
    pub embedding: Option<Embedding>,
    /// How important it is: 0 to 1.
    pub importance: f32,
    /// When it holds in the world.
    pub valid: Interval,
    /// When it was stored.
    pub created: Timestamp,
    /// When it was changed last.
    pub updated: Timestamp,
    /// When it stopped to be live.
    pub ended: Option<Timestamp>,
    /// From when on it is not recalled any more, and [`Store::expire`](super::store::Store::expire) ends it.
    pub expires: Option<Timestamp>,
    /// When it was recalled last. At first, when it was stored.
    pub last_access: Timestamp,
    /// How often it was recalled.
    pub accesses: u64,
    /// What has become of it.
    pub status: Status,
    /// How often it was changed, and 1: what a change has to name.
    pub version: u64,
    /// Where it is from.
    pub provenance: Option<Provenance>,
    /// What the caller keeps with it.
    pub metadata: BTreeMap<String, RawJson>,
}

/// A memory that is to be stored. Made by [`MemoryDraft::new`] and its setters; what is not said, the policy of the kind
/// and the store say.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryDraft {
    /// Its name, where it has one already: a name that is there is not stored twice.
    pub id: Option<Id>,
    /// Whose it is.
    pub namespace: Namespace,
    /// What it is.
    pub kind: Kind,
    /// What is remembered.
    pub content: Content,
    /// Its vector.
    pub embedding: Option<Embedding>,
    /// How important it is: 0 to 1.
    pub importance: Option<f32>,
    /// When it holds in the world.
    pub valid: Interval,
    /// From when on it is not recalled any more, and [`Store::expire`](super::store::Store::expire) ends it.
    pub expires: Option<Timestamp>,
    /// Where it is from.
    pub provenance: Option<Provenance>,
    /// What the caller keeps with it.
    pub metadata: BTreeMap<String, RawJson>,
}

impl MemoryDraft {
    /// A memory that says no more than this.
    pub fn new(namespace: Namespace, kind: Kind, content: impl Into<Content>) -> Self {
        Self {
            id: None,
            namespace,
            kind,
            content: content.into(),
            embedding: None,
            importance: None,
            valid: Interval::ALWAYS,
            expires: None,
            provenance: None,
            metadata: BTreeMap::new(),
        }
    }

    /// Its name, so that storing it again stores nothing.
    #[must_use]
    pub fn id(self, id: Id) -> Self {
        Self { id: Some(id), ..self }
    }

    /// Its vector, and the model that made it.
    #[must_use]
    pub fn embedding(self, model: impl Into<String>, vector: Vec<f32>) -> Self {
        Self { embedding: Some(Embedding { model: model.into(), vector }), ..self }
    }

    /// How important it is: 0 to 1.
    #[must_use]
    pub fn importance(self, importance: f32) -> Self {
        Self { importance: Some(importance), ..self }
    }

    /// When it holds in the world.
    #[must_use]
    pub fn valid(self, valid: Interval) -> Self {
        Self { valid, ..self }
    }

    /// From when on [`Store::expire`](super::store::Store::expire) ends it.
    #[must_use]
    pub fn expires(self, expires: Timestamp) -> Self {
        Self { expires: Some(expires), ..self }
    }

    /// Where it is from.
    #[must_use]
    pub fn provenance(self, provenance: Provenance) -> Self {
        Self { provenance: Some(provenance), ..self }
    }

    /// What is kept with it.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: RawJson) -> Self {
        self.metadata.insert(key.into(), value);
        self
    }

    /// Whether a store can take it.
    ///
    /// # Errors
    /// When a number is none or out of range, an interval is empty, a vector points nowhere, or something is too long.
    pub fn check(&self, limits: &Limits) -> Result<(), Error> {
        self.content.check(limits)?;
        self.valid.checked()?;
        self.importance.map_or(Ok(()), check_importance)?;
        self.embedding.iter().try_for_each(|embedding| embedding.check(limits))?;
        self.provenance.iter().try_for_each(|provenance| provenance.check(limits))?;
        check_metadata(&self.metadata, limits)
    }

    /// The node that a store makes of it.
    pub(super) fn into_node(self, id: Id, now: Timestamp, policy: &Policy) -> MemoryNode {
        MemoryNode {
            id,
            namespace: self.namespace,
            kind: self.kind,
            content: self.content,
            embedding: self.embedding,
            importance: self.importance.unwrap_or(policy.importance),
            valid: self.valid,
            created: now,
            updated: now,
            ended: None,
            expires: self.expires.or_else(|| policy.lifetime.map(|lifetime| now.plus(lifetime))),
            last_access: now,
            accesses: 0,
            status: Status::Live,
            version: 1,
            provenance: self.provenance,
            metadata: self.metadata,
        }
    }
}

impl MemoryNode {
    /// Whether a store can take it as it is now.
    pub(super) fn check(&self, limits: &Limits) -> Result<(), Error> {
        self.content.check(limits)?;
        self.valid.checked()?;
        check_importance(self.importance)?;
        self.embedding.iter().try_for_each(|embedding| embedding.check(limits))?;
        check_metadata(&self.metadata, limits)
    }
}

fn check_importance(importance: f32) -> Result<(), Error> {
    if (0.0..=1.0).contains(&importance) {
        return Ok(());
    }
    Err(Error::invalid("importance", format!("{importance} is not 0 to 1")))
}

fn check_metadata(metadata: &BTreeMap<String, RawJson>, limits: &Limits) -> Result<(), Error> {
    let bytes = metadata.iter().map(|(key, value)| key.len() + value.as_str().len()).sum::<usize>();
    if bytes > limits.metadata_bytes {
        return Err(Error::limit("metadata", bytes, limits.metadata_bytes));
    }
    match metadata.keys().find(|key| key.is_empty()) {
        Some(_) => Err(Error::invalid("metadata", "a key is empty")),
        None => Ok(()),
    }
}

impl Embedding {
    /// Whether it can be compared with others.
    pub(super) fn check(&self, limits: &Limits) -> Result<(), Error> {
        let invalid = |reason: &str| Err(Error::invalid("embedding", reason.to_owned()));
        if self.model.is_empty() || self.model.len() > 256 {
            return invalid("the name of its model is empty or longer than 256 bytes");
        }
        if self.vector.len() > limits.dimensions {
            return Err(Error::limit("embedding", self.vector.len(), limits.dimensions));
        }
        if self.vector.iter().any(|x| !x.is_finite()) {
            return invalid("a number of it is none, or infinite");
        }
        let norm = self.vector.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        if norm == 0.0 { invalid("it is nothing but zeros") } else { Ok(()) }
    }
}

impl Provenance {
    /// From this source.
    pub fn new(source: impl Into<String>) -> Self {
        Self { source: source.into(), ..Self::default() }
    }

    /// Concluded from these memories.
    #[must_use]
    pub fn derived_from(self, ids: impl IntoIterator<Item = Id>) -> Self {
        Self { derived_from: ids.into_iter().collect(), ..self }
    }

    /// Where it can be looked up.
    #[must_use]
    pub fn reference(self, reference: impl Into<String>) -> Self {
        Self { reference: Some(reference.into()), ..self }
    }

    pub(super) fn check(&self, limits: &Limits) -> Result<(), Error> {
        let bytes =
            self.source.len() + self.reference.as_ref().map_or(0, String::len) + 16 * self.derived_from.len();
        if bytes > limits.metadata_bytes {
            return Err(Error::limit("provenance", bytes, limits.metadata_bytes));
        }
        Ok(())
    }
}

impl Status {
    /// All.
    pub const ALL: [Self; 5] =
        [Self::Live, Self::Superseded, Self::Invalidated, Self::Expired, Self::Forgotten];

    /// Its name in stores and files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Superseded => "superseded",
            Self::Invalidated => "invalidated",
            Self::Expired => "expired",
            Self::Forgotten => "forgotten",
        }
    }

    /// The status of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> MemoryDraft {
        MemoryDraft::new(Namespace::new("a").unwrap(), Kind::Fact, "Ada was born in 1815")
    }

    #[test]
    fn drafts_are_checked() {
        let limits = Limits { dimensions: 4, metadata_bytes: 20, ..Limits::default() };
        let good =
            draft().importance(0.0).embedding("m", vec![0.0, -1.0]).metadata("k", RawJson::string("v"));
        assert!(good.check(&limits).is_ok());
        let wrong = [
            draft().importance(1.5),
            draft().importance(f32::NAN),
            draft().embedding("m", vec![0.0, 0.0]),
            draft().embedding("m", vec![]),
            draft().embedding("m", vec![1.0, f32::INFINITY]),
            draft().embedding("m", vec![1.0; 5]),
            draft().embedding("", vec![1.0]),
            draft().metadata("", RawJson::string("v")),
            draft().metadata("key", RawJson::string("far too long for it")),
            draft().provenance(Provenance::new("x").derived_from([Id::from_u128(1), Id::from_u128(2)])),
        ];
        for wrong in wrong {
            assert!(wrong.check(&limits).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_policy_says_what_a_draft_does_not() {
        let now = Timestamp::parse("2026-11-20T00:00:00Z").unwrap();
        let policy = Kind::Working.policy();
        let node = MemoryDraft { kind: Kind::Working, ..draft() }.into_node(Id::from_u128(1), now, &policy);
        assert_eq!((node.importance, node.version, node.status), (0.5, 1, Status::Live));
        assert_eq!(node.expires, policy.lifetime.map(|lifetime| now.plus(lifetime)));
        for status in Status::ALL {
            assert_eq!(Status::of_name(status.name()), Some(status));
        }
    }
}
