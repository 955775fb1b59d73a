//! Diagnostics: what is wrong with the input, where, why, and what to do about it.
//!
//! Collected in a [`Sink`] by every stage, rendered once at the end of a run. A stage never stops at its first
//! mistake; a node that failed suppresses later diagnostics about itself only.

mod json;
mod render;

pub use json::to_json;
pub use render::{Color, render};

use crate::source::{FileId, Span};
use std::collections::BTreeSet;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth a look; nothing is stopped.
    Warning,
    /// Nothing is generated.
    Error,
}

/// One problem.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostic {
    /// A code of [`crate::codes::CODES`], such as `TW0101`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub span: Span,
    /// What is wrong, in one line.
    pub message: String,
    /// What stands at the span, said beside the excerpt.
    pub label: String,
    /// Other places that matter, with what stands there.
    pub related: Vec<(Span, String)>,
    /// Why, in one line.
    pub note: Option<String>,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error of `code` at `span`.
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            span,
            message: message.into(),
            label: String::new(),
            related: Vec::new(),
            note: None,
            help: None,
        }
    }

    /// A warning of `code` at `span`.
    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    /// Says what stands at the span.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Says why.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Points at another place that matters.
    #[must_use]
    pub fn related(mut self, span: Span, what: impl Into<String>) -> Self {
        self.related.push((span, what.into()));
        self
    }

    /// "did you mean" among `known`, where one is close to `word`; otherwise the known ones, unless they are many.
    #[must_use]
    pub fn suggest<'a>(self, word: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        if let Some(best) = closest(word, &known) {
            return self.help(format!("did you mean `{best}`?"));
        }
        let close = |name: &&&str| closest(word, &name.split('_').collect::<Vec<_>>()).is_some();
        let mut partly: Vec<String> = known.iter().filter(close).map(|name| format!("`{name}`")).collect();
        partly.dedup();
        partly.truncate(4);
        match partly.is_empty() {
            false => self.help(format!("did you mean {}?", partly.join(" or "))),
            true if known.is_empty() || known.len() > MANY => self,
            true => self.help(format!("known here: {}", known.join(", "))),
        }
    }
}

/// Longer lists of what is known are not shown.
const MANY: usize = 30;

/// The word of `known` that is most likely meant by `word`, if one is close.
pub fn closest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let length = word.chars().count();
    let budget = (length / 3).max(1).min(length.saturating_sub(1));
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), *candidate))
        .filter(|(distance, _)| *distance <= budget)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The problems of a run, or of a part of it.
#[derive(Debug, Default, Clone)]
pub struct Sink {
    diagnostics: Vec<Diagnostic>,
    /// The places that something was reported at.
    blamed: BTreeSet<Span>,
}

impl Sink {
    /// Reports a problem.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.blamed.insert(diagnostic.span);
        self.diagnostics.push(diagnostic);
    }

    /// A sink for a part of the run that knows the places that something was said about already.
    pub fn fork(&self) -> Self {
        Self { diagnostics: Vec::new(), blamed: self.blamed.clone() }
    }

    /// Takes over what another sink collected.
    pub fn merge(&mut self, other: Self) {
        self.blamed.extend(other.blamed);
        self.diagnostics.extend(other.diagnostics);
    }

    /// Takes over what a later stage collected, but for places that something was said about already.
    pub fn follow(&mut self, later: Self) {
        let earlier = self.blamed.clone();
        later
            .diagnostics
            .into_iter()
            .filter(|found| !earlier.contains(&found.span))
            .for_each(|found| self.push(found));
    }

    /// Whether anything stops generation.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }

    /// Whether anything stops generation from this file.
    pub fn has_errors_in(&self, file: FileId) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error && d.span.file == file)
    }

    /// Whether something was reported at exactly this place.
    pub fn blames(&self, span: Span) -> bool {
        self.blamed.contains(&span)
    }

    /// The places that something was reported at.
    pub fn spans(&self) -> impl Iterator<Item = Span> {
        self.blamed.iter().copied()
    }

    /// How many were reported.
    pub fn len(&self) -> usize {
        self.diagnostics.len()
    }

    /// Whether none was reported.
    pub fn is_empty(&self) -> bool {
        self.diagnostics.is_empty()
    }

    /// All of them in the order of the sources, each once.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.diagnostics.sort_by(|a, b| (a.span, a.code, &a.message).cmp(&(b.span, b.code, &b.message)));
        self.diagnostics.dedup();
        self.diagnostics
    }
}
