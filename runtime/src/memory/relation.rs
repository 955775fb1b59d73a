//! How memories belong together: kinds of relations with their algebra, and relations.

use std::fmt;

use super::id::Id;
use super::node::Provenance;
use super::time::{Interval, Timestamp};
use super::{Error, Limits};

/// What one memory is to another. Each kind but a custom one can be said from either side: [`inverse`](Self::inverse).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RelationKind {
    /// Both have to do with each other.
    RelatedTo,
    /// Both mean nearly the same.
    SimilarTo,
    /// Both belong together by habit.
    AssociatedWith,
    /// Both cannot be done together.
    ConflictsWith,
    /// Both cannot be true together. What is contradicted stays.
    Contradicts,
    /// The first needs the second.
    DependsOn,
    /// The second needs the first.
    RequiredBy,
    /// The first is what came of the second.
    CausedBy,
    /// The second is what came of the first.
    Causes,
    /// The first is before the second.
    Precedes,
    /// The first is after the second.
    Follows,
    /// The first speaks for the second.
    Supports,
    /// The second speaks for the first.
    SupportedBy,
    /// The first belongs to the second.
    PartOf,
    /// The second belongs to the first.
    HasPart,
    /// The first holds more generally.
    GeneralizationOf,
    /// The first holds more specially.
    SpecializationOf,
    /// The first is what is said now instead of the second.
    Supersedes,
    /// The second is what is said now instead of the first.
    SupersededBy,
    /// The first was concluded from the second.
    DerivedFrom,
    /// The second was concluded from the first.
    SourceOf,
    /// The caller's own.
    Custom {
        /// Lower-case letters, digits and hyphens, 64 at most.
        name: String,
        /// It is the same from either side.
        is_symmetric: bool,
    },
}

/// Which way a relation is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canonical {
    /// The kind under which it is stored.
    pub kind: RelationKind,
    /// Its ends change places.
    pub is_turned: bool,
}

use RelationKind as R;

/// All kinds that have a name: each with its inverse, the one that is stored first.
const PAIRS: [(RelationKind, RelationKind); 13] = [
    (R::RelatedTo, R::RelatedTo),
    (R::SimilarTo, R::SimilarTo),
    (R::AssociatedWith, R::AssociatedWith),
    (R::ConflictsWith, R::ConflictsWith),
    (R::Contradicts, R::Contradicts),
    (R::DependsOn, R::RequiredBy),
    (R::CausedBy, R::Causes),
    (R::Precedes, R::Follows),
    (R::Supports, R::SupportedBy),
    (R::PartOf, R::HasPart),
    (R::GeneralizationOf, R::SpecializationOf),
    (R::Supersedes, R::SupersededBy),
    (R::DerivedFrom, R::SourceOf),
];

impl RelationKind {
    /// All kinds but custom ones.
    pub fn named() -> impl Iterator<Item = Self> {
        PAIRS.into_iter().flat_map(|(kind, inverse)| {
            let other = (kind != inverse).then_some(inverse);
            std::iter::once(kind).chain(other)
        })
    }

    /// The same, said from the other side. `None`: a custom kind has no word for it.
    pub fn inverse(&self) -> Option<Self> {
        if let R::Custom { is_symmetric, .. } = self {
            return is_symmetric.then(|| self.clone());
        }
        let other = |(kind, inverse): &(Self, Self)| match self {
            one if one == kind => Some(inverse.clone()),
            one if one == inverse => Some(kind.clone()),
            _ => None,
        };
        PAIRS.iter().find_map(other)
    }

    /// Whether it is the same from either side. It is stored once then.
    pub fn is_symmetric(&self) -> bool {
        self.inverse().as_ref() == Some(self)
    }

    /// Whether what holds from one to a second, and from there to a third, holds from the first to the third.
    pub fn is_transitive(&self) -> bool {
        matches!(
            self.canonical().kind,
            R::DependsOn | R::Precedes | R::PartOf | R::GeneralizationOf | R::Supersedes | R::DerivedFrom
        )
    }

    /// Whether nothing may come back to itself along it.
    pub fn is_acyclic(&self) -> bool {
        self.is_transitive() || self.canonical().kind == R::CausedBy
    }

    /// Which way it is stored.
    pub fn canonical(&self) -> Canonical {
        let turned = PAIRS.iter().find(|(kind, inverse)| kind != inverse && self == inverse);
        match turned {
            Some((kind, _)) => Canonical { kind: kind.clone(), is_turned: true },
            None => Canonical { kind: self.clone(), is_turned: false },
        }
    }

    /// Its name in stores and files.
    pub fn name(&self) -> String {
        let name = match self {
            R::RelatedTo => "related_to",
            R::SimilarTo => "similar_to",
            R::AssociatedWith => "associated_with",
            R::ConflictsWith => "conflicts_with",
            R::Contradicts => "contradicts",
            R::DependsOn => "depends_on",
            R::RequiredBy => "required_by",
            R::CausedBy => "caused_by",
            R::Causes => "causes",
            R::Precedes => "precedes",
            R::Follows => "follows",
            R::Supports => "supports",
            R::SupportedBy => "supported_by",
            R::PartOf => "part_of",
            R::HasPart => "has_part",
            R::GeneralizationOf => "generalization_of",
            R::SpecializationOf => "specialization_of",
            R::Supersedes => "supersedes",
            R::SupersededBy => "superseded_by",
            R::DerivedFrom => "derived_from",
            R::SourceOf => "source_of",
            R::Custom { name, is_symmetric: false } => return format!("custom:{name}"),
            R::Custom { name, is_symmetric: true } => return format!("custom-symmetric:{name}"),
        };
        name.to_owned()
    }

    /// The kind of a name.
    ///
    /// # Errors
    /// When there is no such kind.
    pub fn of_name(text: &str) -> Result<Self, Error> {
        if let Some(name) = text.strip_prefix("custom:") {
            return Self::custom(name, false);
        }
        if let Some(name) = text.strip_prefix("custom-symmetric:") {
            return Self::custom(name, true);
        }
        let unknown = || Error::invalid("relation", format!("no kind is called {text:?}"));
        Self::named().find(|kind| kind.name() == text).ok_or_else(unknown)
    }

    /// A kind of the caller's own.
    ///
    /// # Errors
    /// When the name is not 1 to 64 lower-case letters, digits and hyphens.
    pub fn custom(name: &str, is_symmetric: bool) -> Result<Self, Error> {
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=64).contains(&name.len()) && name.bytes().all(is_word) {
            return Ok(R::Custom { name: name.to_owned(), is_symmetric });
        }
        let reason = format!("{name:?} is not 1 to 64 lower-case letters, digits and hyphens");
        Err(Error::invalid("relation", reason))
    }
}

impl fmt::Display for RelationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// Two memories, and what the first is to the second.
#[derive(Debug, Clone, PartialEq)]
pub struct Relation {
    /// Its name.
    pub id: Id,
    /// The first.
    pub from: Id,
    /// What it is to the second.
    pub kind: RelationKind,
    /// The second.
    pub to: Id,
    /// How strongly: 0 to 1.
    pub weight: f32,
    /// When it holds in the world.
    pub valid: Interval,
    /// When it was stored.
    pub created: Timestamp,
    /// Where it is from.
    pub provenance: Option<Provenance>,
}

/// A relation that is to be stored. [`RelationDraft::new`] has the usual for the rest.
#[derive(Debug, Clone, PartialEq)]
pub struct RelationDraft {
    /// The first.
    pub from: Id,
    /// What it is to the second.
    pub kind: RelationKind,
    /// The second.
    pub to: Id,
    /// How strongly: 0 to 1.
    pub weight: f32,
    /// When it holds in the world.
    pub valid: Interval,
    /// Where it is from.
    pub provenance: Option<Provenance>,
}

impl RelationDraft {
    /// A relation that holds always and with full weight.
    pub fn new(from: Id, kind: RelationKind, to: Id) -> Self {
        Self { from, kind, to, weight: 1.0, valid: Interval::ALWAYS, provenance: None }
    }

    /// How strongly: 0 to 1.
    #[must_use]
    pub fn weight(self, weight: f32) -> Self {
        Self { weight, ..self }
    }

    /// When it holds in the world.
    #[must_use]
    pub fn valid(self, valid: Interval) -> Self {
        Self { valid, ..self }
    }

    /// Where it is from.
    #[must_use]
    pub fn provenance(self, provenance: Provenance) -> Self {
        Self { provenance: Some(provenance), ..self }
    }

    /// The way in which it is stored: said from the side that has the name, and the lesser end first where both sides are
    /// the same.
    ///
    /// # Errors
    /// When it leads from a memory to itself, its weight is not 0 to 1, its interval is empty, or what it says of its origin
    /// is too long.
    pub fn stored(mut self, limits: &Limits) -> Result<Self, Error> {
        if self.from == self.to {
            return Err(Error::invalid("relation", format!("{} would be related to itself", self.from)));
        }
        if !(0.0..=1.0).contains(&self.weight) {
            return Err(Error::invalid("relation", format!("a weight of {} is not 0 to 1", self.weight)));
        }
        self.valid = self.valid.checked()?;
        if let Some(provenance) = &self.provenance {
            provenance.check(limits)?;
        }
        let Canonical { kind, is_turned } = self.kind.canonical();
        if is_turned || kind.is_symmetric() && self.from > self.to {
            std::mem::swap(&mut self.from, &mut self.to);
        }
        Ok(Self { kind, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_algebra_holds() {
        let named: Vec<R> = RelationKind::named().collect();
        assert_eq!(named.len(), 21);
        for kind in &named {
            let inverse = kind.inverse().unwrap();
            assert_eq!(inverse.inverse().as_ref(), Some(kind));
            assert_eq!(kind.is_symmetric(), inverse == *kind);
            assert_eq!(
                (kind.is_transitive(), kind.is_acyclic()),
                (inverse.is_transitive(), inverse.is_acyclic())
            );
            assert!(!(kind.is_symmetric() && kind.is_acyclic()), "{kind}");
            assert_eq!(kind.canonical().kind, inverse.canonical().kind);
            assert_eq!(RelationKind::of_name(&kind.name()).unwrap(), *kind);
        }
        for kind in [R::DependsOn, R::PartOf, R::Supersedes, R::Precedes] {
            assert!(kind.is_acyclic(), "{kind}");
        }
    }

    #[test]
    fn custom_kinds_have_a_name_of_their_own() {
        let one = RelationKind::custom("met-at", false).unwrap();
        let both = RelationKind::custom("met-at", true).unwrap();
        assert_eq!((one.inverse(), both.inverse()), (None, Some(both.clone())));
        for kind in [one, both] {
            assert_eq!(RelationKind::of_name(&kind.name()).unwrap(), kind);
        }
        for wrong in ["", "Met", "met at", &"x".repeat(65)] {
            assert!(RelationKind::custom(wrong, false).is_err(), "{wrong}");
        }
        assert!(RelationKind::of_name("knows").is_err());
    }

    #[test]
    fn relations_are_stored_from_one_side() {
        let [a, b] = [1, 2].map(Id::from_u128);
        let stored = |draft: RelationDraft| draft.stored(&Limits::default());
        let whole = stored(RelationDraft::new(a, R::HasPart, b)).unwrap();
        assert_eq!((whole.from, whole.kind, whole.to), (b, R::PartOf, a));
        let alike = stored(RelationDraft::new(b, R::SimilarTo, a)).unwrap();
        assert_eq!((alike.from, alike.to), (a, b));
        assert!(stored(RelationDraft::new(a, R::PartOf, a)).is_err());
        for weight in [-0.1, 1.1, f32::NAN] {
            assert!(stored(RelationDraft::new(a, R::PartOf, b).weight(weight)).is_err(), "{weight}");
        }
    }
}
