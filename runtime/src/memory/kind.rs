//! Kinds of memories. A kind decides nothing by itself: it is the key of a policy, which says how long a memory counts, how
//! it may change, and where it is found. All kinds are stored alike, and as durably: what is at hand in the memory of this
//! process alone is [`WorkingMemory`](super::cognition::working::WorkingMemory).
//!
//! The names are those of psychology as they are used of agents (Tulving; Squire; CoALA, arXiv 2309.02427). Some of its
//! words are no kinds here: declarative, explicit and implicit are [classes](Kind::class) of kinds; long-term is what is
//! durable; an episodic memory is an [`Episode`](Kind::Episode).

use std::time::Duration;

/// How pleasant something was that is remembered of an [`Emotional`](Kind::Emotional) memory: the metadata with this key is a
/// number from -1 to 1.
///
/// ```
/// use typewright_runtime::json::RawJson;
/// use typewright_runtime::memory::{Kind, MemoryDraft, Namespace, kind};
///
/// let draft = MemoryDraft::new(Namespace::new("ada")?, Kind::Emotional, "the engine ran at last")
///     .metadata(kind::VALENCE, RawJson::new("0.9")?)
///     .metadata(kind::AROUSAL, RawJson::new("0.7")?);
/// assert_eq!(draft.metadata[kind::VALENCE].as_str(), "0.9");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub const VALENCE: &str = "valence";
/// How stirring something was that is remembered of an [`Emotional`](Kind::Emotional) memory: the metadata with this key is a
/// number from 0 to 1.
pub const AROUSAL: &str = "arousal";
/// Where a [`Spatial`](Kind::Spatial) memory is about: the metadata with this key is a number of degrees north, from -90 to 90
/// (WGS 84).
pub const LATITUDE: &str = "latitude";
/// Where a [`Spatial`](Kind::Spatial) memory is about: the metadata with this key is a number of degrees east, from -180 to
/// 180 (WGS 84).
pub const LONGITUDE: &str = "longitude";

/// What a memory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// One statement about the world, true for an interval of time.
    Fact,
    /// What happened or was said, as it was: the root of what was concluded from it.
    Episode,
    /// Knowledge that was concluded from several memories.
    Semantic,
    /// How something is done: steps, or a rule for instructions. Has versions.
    Procedural,
    /// The scratch pad of a conversation: short-lived, found by no search, in the context of each request.
    Working,
    /// What holds for one conversation.
    Contextual,
    /// Something whose point is when: the interval in which it is valid is what it says.
    Temporal,
    /// Something whose point is where: its metadata has [`LATITUDE`] and [`LONGITUDE`].
    Spatial,
    /// What belongs together: its relations are what it says.
    Associative,
    /// How something felt: its metadata has [`VALENCE`] and [`AROUSAL`].
    Emotional,
    /// A kind of a later version, or of the caller's own, by its number.
    Other(u8),
}

/// Whether what is remembered can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// It can be stated: declarative, also called explicit.
    Declarative,
    /// It shows in what is done: implicit.
    Implicit,
}

/// How a memory may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mutability {
    /// Never. What is wrong is contradicted by another.
    AppendOnly,
    /// By a new version, beside the old ones.
    Versioned,
    /// In place.
    Replace,
}

/// What holds for the memories of a kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// After so long without being used, a memory counts half of what it did for its recency. `None`: it stays as it is.
    pub half_life: Option<Duration>,
    /// How important a memory is of which that is not said: 0 to 1.
    pub importance: f32,
    /// How it may change.
    pub mutability: Mutability,
    /// After so long it is gone by itself. `None`: it stays.
    pub lifetime: Option<Duration>,
    /// It is found by search: its text and its vector are indexed.
    pub is_indexed: bool,
    /// It belongs into the context of each request of the conversation that has its namespace:
    /// [`Conversation::context`](super::conversation::Conversation::context) puts it there.
    pub in_context: bool,
}

const HOUR: Duration = Duration::from_secs(60 * 60);
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// All kinds that have a name, in the order of their numbers.
pub const KINDS: [Kind; 10] = [
    Kind::Fact,
    Kind::Episode,
    Kind::Semantic,
    Kind::Procedural,
    Kind::Working,
    Kind::Contextual,
    Kind::Temporal,
    Kind::Spatial,
    Kind::Associative,
    Kind::Emotional,
];

impl Kind {
    /// Its number in stores and files. Numbers are never given twice.
    pub const fn number(self) -> u8 {
        match self {
            Self::Fact => 1,
            Self::Episode => 2,
            Self::Semantic => 3,
            Self::Procedural => 4,
            Self::Working => 5,
            Self::Contextual => 6,
            Self::Temporal => 7,
            Self::Spatial => 8,
            Self::Associative => 9,
            Self::Emotional => 10,
            Self::Other(number) => number,
        }
    }

    /// The kind of a number. What has no name is kept.
    pub fn of_number(number: u8) -> Self {
        KINDS.into_iter().find(|kind| kind.number() == number).unwrap_or(Self::Other(number))
    }

    /// Its name in files.
    pub fn name(self) -> String {
        let name = match self {
            Self::Fact => "fact",
            Self::Episode => "episode",
            Self::Semantic => "semantic",
            Self::Procedural => "procedural",
            Self::Working => "working",
            Self::Contextual => "contextual",
            Self::Temporal => "temporal",
            Self::Spatial => "spatial",
            Self::Associative => "associative",
            Self::Emotional => "emotional",
            Self::Other(number) => return format!("other-{number}"),
        };
        name.to_owned()
    }

    /// The kind of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        let other = || name.strip_prefix("other-")?.parse().ok().map(Self::of_number);
        KINDS.into_iter().find(|kind| kind.name() == name).or_else(other)
    }

    /// Whether it can be said.
    pub fn class(self) -> Class {
        match self {
            Self::Procedural | Self::Emotional => Class::Implicit,
            _ => Class::Declarative,
        }
    }

    /// What holds for it unless a store is told otherwise.
    pub fn policy(self) -> Policy {
        let lasting = Policy {
            half_life: None,
            importance: 0.5,
            mutability: Mutability::AppendOnly,
            lifetime: None,
            is_indexed: true,
            in_context: false,
        };
        match self {
            Self::Fact | Self::Temporal | Self::Spatial | Self::Associative => lasting,
            Self::Episode | Self::Emotional | Self::Other(_) => Policy { half_life: Some(WEEK), ..lasting },
            Self::Semantic => Policy { importance: 0.6, mutability: Mutability::Versioned, ..lasting },
            Self::Procedural => Policy { mutability: Mutability::Versioned, in_context: true, ..lasting },
            Self::Working => Policy {
                half_life: Some(HOUR),
                mutability: Mutability::Replace,
                lifetime: Some(24 * HOUR),
                is_indexed: false,
                in_context: true,
                ..lasting
            },
            Self::Contextual => {
                Policy { half_life: Some(24 * HOUR), mutability: Mutability::Versioned, ..lasting }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_lead_back() {
        for number in 0..=u8::MAX {
            let kind = Kind::of_number(number);
            assert_eq!(kind.number(), number);
            assert_eq!(Kind::of_name(&kind.name()), Some(kind));
        }
        for wrong in ["", "Fact", "other-", "other-256", "episodic"] {
            assert_eq!(Kind::of_name(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_kind_has_a_sound_policy() {
        for number in 0..=u8::MAX {
            let kind = Kind::of_number(number);
            let policy = kind.policy();
            assert!((0.0..=1.0).contains(&policy.importance), "{kind:?}");
            assert!(
                policy.is_indexed || policy.in_context,
                "{kind:?} would neither be found nor be there by itself"
            );
            assert!(policy.half_life.is_none_or(|half_life| !half_life.is_zero()), "{kind:?}");
        }
        assert_eq!(Kind::Procedural.class(), Class::Implicit);
        assert_eq!(Kind::Fact.class(), Class::Declarative);
    }
}
