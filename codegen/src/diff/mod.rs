//! What changed between two states of the provider files, and what each change means for users of the generated crates.
//!
//! Works on the IR, not on text: comments, order of keys without meaning, and moving a row to another file are no
//! changes. [`diff`] is pure; where the states come from is the caller's business
//! ([`Compiler::state`](crate::compiler::Compiler::state)). [`kind`] holds what each kind of change means, [`changelog`]
//! writes it down.

pub mod changelog;
pub mod kind;
mod models;
mod options;
mod provider;
mod text;
mod wire;
mod wire_rows;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use kind::{Heading, Kind, Level};

use crate::diagnostic::{Diagnostic, Severity};
use crate::emit::wire::OperationIr;
use crate::ir::provider::Provider;
use crate::source::{Node, SourceMap, Span};

/// The crate over all generated ones.
const UMBRELLA: &str = "typewright";

/// The provider files, checked and lowered.
#[derive(Debug, Default)]
pub struct State {
    /// Every file that was read.
    pub sources: SourceMap,
    /// Every problem of every file.
    pub diagnostics: Vec<Diagnostic>,
    /// The providers, by name. Incomplete if there are errors.
    pub providers: Vec<ProviderState>,
}

/// One provider of a [`State`].
#[derive(Debug, Clone)]
pub struct ProviderState {
    /// Its catalog half.
    pub provider: Provider,
    /// Its wire, with everything merged in, where each node keeps its place.
    pub document: Node,
    /// Its wire, lowered, where each part keeps its place.
    pub placed: Vec<OperationIr>,
    /// Its wire, lowered without places.
    pub operations: Vec<OperationIr>,
}

/// Everything that changed, by crate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// The crates in which something changed, by name.
    pub crates: Vec<CrateDiff>,
}

/// Everything that changed in one crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrateDiff {
    /// The crate's name.
    pub name: String,
    /// What changed, in the order of the provider file.
    pub changes: Vec<Change>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What kind of change it is, and so what it means.
    pub kind: Kind,
    /// What changed, such as `` the input price of `large` ``.
    pub what: String,
    /// What it was; nothing if it was not there.
    pub from: Option<String>,
    /// What it is; nothing if it is gone.
    pub to: Option<String>,
    /// Where it stands; where it stood, if it is gone.
    pub place: Place,
}

/// A place in one of the two states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Which state.
    pub side: Side,
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
}

/// One of the two states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one that is compared with.
    Base,
    /// The one that is there now.
    Now,
}

impl State {
    /// Whether there is anything that stops generation, so that a comparison says nothing.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

impl Diff {
    /// The most that any change means; nothing if nothing changed.
    pub fn level(&self) -> Option<Level> {
        self.crates.iter().filter_map(CrateDiff::level).max()
    }
}

impl CrateDiff {
    /// The most that any change means.
    pub fn level(&self) -> Option<Level> {
        self.changes.iter().map(|change| change.kind.level()).max()
    }
}

impl Change {
    /// The change in one line, with what it was and is.
    pub fn line(&self) -> String {
        match (&self.from, &self.to) {
            (None, None) => self.what.clone(),
            (Some(from), Some(to)) => format!("{}: {from} → {to}", self.what),
            (None, Some(to)) => format!("{}: {to}", self.what),
            (Some(from), None) => format!("{}: was {from}", self.what),
        }
    }
}

/// What changed from `base` to `now`. Neither may have errors: what was not lowered counts as not there.
pub fn diff(base: &State, now: &State) -> Diff {
    let find = |state: &State| -> BTreeMap<String, usize> {
        let names = state.providers.iter().enumerate();
        names.map(|(at, state)| (state.provider.name.clone(), at)).collect()
    };
    let (was, is) = (find(base), find(now));
    let names: std::collections::BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let mut umbrella = Log::new(base, now);
    let mut crates = Vec::new();
    for name in names {
        let old = was.get(name).map(|at| &base.providers[*at]);
        let new = is.get(name).map(|at| &now.providers[*at]);
        let mut log = Log::new(base, now);
        match (old, new) {
            (Some(old), Some(new)) => provider::compare(old, new, &mut log),
            (None, Some(new)) => added(&new.provider, &mut log, &mut umbrella),
            (Some(old), None) => removed(&old.provider, &mut log, &mut umbrella),
            (None, None) => {}
        }
        let crate_name = new.or(old).map(|state| state.provider.crate_name.clone()).unwrap_or_default();
        crates.push(CrateDiff { name: crate_name, changes: log.changes });
    }
    crates.push(CrateDiff { name: UMBRELLA.to_owned(), changes: umbrella.changes });
    crates.retain(|changed| !changed.changes.is_empty());
    crates.sort_by(|a, b| a.name.cmp(&b.name));
    Diff { crates }
}

fn added(provider: &Provider, log: &mut Log<'_>, umbrella: &mut Log<'_>) {
    let what = format!("the crate, with {} models", provider.models.len());
    log.now(Kind::CrateAdded, provider.span, what);
    umbrella.now(Kind::FeatureAdded, provider.span, format!("the feature `{}`", provider.name));
}

fn removed(provider: &Provider, log: &mut Log<'_>, umbrella: &mut Log<'_>) {
    log.base(Kind::CrateRemoved, provider.span, "the crate".to_owned());
    umbrella.base(Kind::FeatureRemoved, provider.span, format!("the feature `{}`", provider.name));
}

/// What was found so far, and where places are looked up.
struct Log<'a> {
    base: &'a SourceMap,
    now: &'a SourceMap,
    changes: Vec<Change>,
}

impl<'a> Log<'a> {
    fn new(base: &'a State, now: &'a State) -> Self {
        Self { base: &base.sources, now: &now.sources, changes: Vec::new() }
    }

    /// A change that is seen in the new state.
    fn now(&mut self, kind: Kind, span: Span, what: String) {
        self.values(kind, (Side::Now, span), what, None, None);
    }

    /// A change that is seen in the old state.
    fn base(&mut self, kind: Kind, span: Span, what: String) {
        self.values(kind, (Side::Base, span), what, None, None);
    }

    /// A value that changed, if it did; nothing on a side where it is not there.
    fn value(&mut self, kind: Kind, span: Span, what: String, from: Option<String>, to: Option<String>) {
        if from != to {
            self.values(kind, (Side::Now, span), what, from, to);
        }
    }

    fn values(
        &mut self,
        kind: Kind,
        (side, span): (Side, Span),
        what: String,
        from: Option<String>,
        to: Option<String>,
    ) {
        let sources = if side == Side::Base { self.base } else { self.now };
        let (path, line, _) = sources.locate(span);
        let place = Place { side, path: path.to_owned(), line };
        self.changes.push(Change { kind, what, from, to, place });
    }
}
