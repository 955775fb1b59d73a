//! What of the last run holds in this one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::Open;
use super::delta::{self, Listing, Places, Seen, Verdict};
use super::index::{NamedRecord, Role};
use super::stamp::Trust;
use super::store::UnitFacts;
use crate::emit::package::Operations;
use crate::fingerprint::Fingerprint;

/// What has to be looked at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// These provider files: all others are as they were.
    Files(Vec<PathBuf>),
    /// All provider files; outputs that are made of the same are kept.
    All,
}

/// What of the last run holds.
#[derive(Debug)]
pub(crate) struct Reuse {
    pub(crate) scope: Scope,
    /// Providers by name, with their files.
    units: Vec<UnitFacts>,
    /// Dialects by name, with the fingerprint of all that they are made of; empty if any changed.
    dialects: HashMap<String, Fingerprint>,
    /// Outputs that are on the disk as they were made: of what, and what they say.
    outputs: HashMap<String, (Fingerprint, Fingerprint)>,
    /// What the table of the README was made of, if it is as it was.
    readme: Option<Fingerprint>,
}

/// What there is when nothing differs from an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settled {
    /// How many providers there are.
    pub(crate) providers: usize,
    /// How many files they are made into.
    pub(crate) outputs: usize,
    /// Whether an index written now would make the next run quicker.
    pub(crate) is_worn: bool,
}

/// Whether nothing differs from an index, so that there is nothing to do.
pub(crate) fn settled(open: &Open, places: Places<'_>, out: &Path, trust: Trust) -> Option<Settled> {
    let view = open.view()?;
    let verdict = delta::verdict(view, places, trust);
    if verdict == Verdict::Different || crate::write::is_interrupted(out) {
        return None;
    }
    let outputs = view.files().flatten().filter(|record| record.role == Role::Output).count();
    let is_worn = verdict == Verdict::SameAfterReading && trust == Trust::Stamps;
    Some(Settled { providers: view.units().count(), outputs, is_worn })
}

/// Looks at all input, with the help of an index if there is one.
pub(crate) fn look(open: Option<&Open>, listing: &Listing, trust: Trust) -> Vec<Seen> {
    delta::look(listing, open.and_then(Open::view), trust)
}

/// What of an index holds, for input that was `seen`. `None` if it is of no use.
pub(crate) fn reuse(open: &Open, listing: &Listing, seen: &[Seen], out: &Path) -> Option<Reuse> {
    let view = open.view()?;
    let same = delta::unchanged(view, seen)?;
    let is_listed = delta::lists(view, listing);
    let (mut files, mut outputs, mut readme) = (Vec::new(), HashMap::new(), None);
    let mut is_all = !is_listed;
    let mut dialects_changed = !is_listed;
    let paths: Vec<PathBuf> = view.files().flatten().map(|record| PathBuf::from(record.path)).collect();
    let units = view.units().map(|unit| facts(unit?, &paths)).collect::<Option<Vec<_>>>()?;
    let is_unit = |path: &PathBuf| units.iter().any(|unit| unit.path == *path);
    for (record, is_same) in view.files().flatten().zip(same) {
        let path = PathBuf::from(record.path);
        match (record.role, is_same) {
            (Role::Output, true) => {
                let name = path.strip_prefix(out).ok()?.to_str()?.replace('\\', "/");
                outputs.insert(name, (record.key, record.content));
            }
            (Role::Readme, true) => readme = Some(record.key),
            (Role::Provider, false) if is_unit(&path) => files.push(path),
            // A file among the providers may be a dialect.
            (Role::Provider | Role::Dialect, false) => (is_all, dialects_changed) = (true, true),
            // A file that was edited or removed belongs to some provider, or to the umbrella: all are asked.
            (Role::Template | Role::Output | Role::Readme, false) => is_all = true,
            _ => {}
        }
    }
    let known = view.dialects().flatten().map(|dialect| (dialect.name.to_owned(), dialect.summary));
    let dialects = if dialects_changed { HashMap::new() } else { known.collect() };
    let scope = if is_all { Scope::All } else { Scope::Files(files) };
    Some(Reuse { scope, units, dialects, outputs, readme })
}

fn facts(record: NamedRecord<'_>, paths: &[PathBuf]) -> Option<UnitFacts> {
    Some(UnitFacts {
        name: record.name.to_owned(),
        path: paths.get(record.file as usize)?.clone(),
        operations: operations(record.operations),
        wire: record.wire,
        summary: record.summary,
    })
}

/// Operations as bits, for the index.
pub(super) fn bits(operations: Operations) -> u32 {
    let Operations { chat, embed, models, count_tokens } = operations;
    [chat, embed, models, count_tokens].iter().rev().fold(0, |bits, is| bits << 1 | u32::from(*is))
}

fn operations(bits: u32) -> Operations {
    let is = |at: u32| bits >> at & 1 == 1;
    Operations { chat: is(0), embed: is(1), models: is(2), count_tokens: is(3) }
}

impl Reuse {
    /// This, with every provider file looked at again.
    pub(crate) fn widened(self) -> Self {
        Self { scope: Scope::All, ..self }
    }

    /// The provider files that have to be looked at, if not all.
    pub(crate) fn files(&self) -> Option<&[PathBuf]> {
        if let Scope::Files(files) = &self.scope { Some(files) } else { None }
    }

    /// Whether the output at `path` is on the disk, made of what has this fingerprint.
    pub(crate) fn keeps(&self, path: &str, key: Fingerprint) -> bool {
        self.outputs.get(path).is_some_and(|(known, _)| *known == key)
    }

    /// What the output at `path` says, if it is as it was made.
    pub(crate) fn content(&self, path: &str) -> Option<Fingerprint> {
        self.outputs.get(path).map(|(_, content)| *content)
    }

    /// Every output that is as it was made, with what it was made of.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = (&str, Fingerprint)> {
        self.outputs.iter().map(|(path, (key, _))| (path.as_str(), *key))
    }

    /// The providers of the last run, by name.
    pub(crate) fn units(&self) -> &[UnitFacts] {
        &self.units
    }

    /// The dialects of the last run, unless any changed.
    pub(crate) fn dialects(&self) -> impl Iterator<Item = (&str, Fingerprint)> {
        self.dialects.iter().map(|(name, key)| (name.as_str(), *key))
    }

    /// Whether the table of the README is there, made of what has this fingerprint.
    pub(crate) fn keeps_readme(&self, key: Fingerprint) -> bool {
        self.readme == Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_bits_and_back() {
        for number in 0..16 {
            assert_eq!(bits(operations(number)), number);
        }
    }
}
