//! What is done to the canonical request before it is encoded.

use super::{Cond, FieldRef};
use crate::source::Span;

/// A step of adjusting the canonical request.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A rule.
    Rule {
        /// When.
        cond: Cond,
        /// What.
        action: Action,
        /// Why, for the warning or refusal.
        why: String,
        /// Where it stands.
        span: Span,
    },
    /// A field that this wire has no place for.
    Unsupported {
        /// The field.
        field: FieldRef,
        /// Refused rather than dropped.
        refuse: bool,
        /// Where it stands.
        span: Span,
    },
    /// A field that is sent only with another one.
    Depends {
        /// The field.
        field: FieldRef,
        /// Any of these has to be there.
        on: Vec<FieldRef>,
    },
    /// How many prompt-cache markers a request may have.
    CacheMarkers {
        /// So many; the earliest are dropped.
        most: u64,
        /// Where it stands.
        span: Span,
    },
    /// The bounds of a field.
    Limit(Limit),
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Drop fields.
    Drop(Vec<FieldRef>),
    /// Refuse the request, naming this feature.
    Refuse(String),
    /// Set an integer field to a sum.
    Set(Box<Set>),
}

/// An integer field and the sum that it is set to.
#[derive(Debug, Clone, PartialEq)]
pub struct Set {
    /// The field.
    pub field: FieldRef,
    /// The terms, with whether they are subtracted.
    pub terms: Vec<(bool, Term)>,
    /// The upper bound.
    pub clamp: Option<Term>,
}

/// A term of a sum.
#[derive(Debug, Clone, PartialEq)]
pub enum Term {
    /// A field.
    Field(FieldRef),
    /// A number.
    Number(u64),
}

/// The bounds of a field.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// The field.
    pub field: FieldRef,
    /// The bounds, in the words of the dialect.
    pub text: String,
    /// What is bounded.
    pub bound: Bound,
    /// What happens outside.
    pub otherwise: Otherwise,
    /// Where it stands.
    pub span: Span,
}

/// What is bounded.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// The value.
    Range {
        /// The least value, and whether it is allowed itself.
        min: Option<(String, bool)>,
        /// The greatest value, and whether it is allowed itself.
        max: Option<(String, bool)>,
    },
    /// The number of items.
    Items(u64),
}

/// What happens to a value out of bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    /// The request is refused.
    Refuse,
    /// The nearest bound is sent, with a warning.
    Clamp,
    /// The field is dropped, with a warning.
    Drop,
}
