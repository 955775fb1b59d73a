//! Writing what differs, and nothing else.
//!
//! [`plan`] compares outputs with the disk and with the manifest of what was written before; it changes nothing.
//! [`commit`] carries a plan out, or refuses it as a whole. The order on the disk makes an interrupted run mendable:
//!
//! 1. the journal (`.manifest.pending.json`) says which fingerprints are about to be written,
//! 2. files are written, each under a temporary name and then renamed,
//! 3. files that are no longer generated are removed,
//! 4. the manifest is replaced, then the journal removed.
//!
//! A file on the disk is the compiler's own if its fingerprint is in the manifest, in the journal, or equal to the new
//! output. Anything else was edited by a person and is refused with its diff.

mod disk;
mod lock;
pub mod loose;
pub mod manifest;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use similar::TextDiff;

use crate::emit::output::{Output, owner};
use crate::fingerprint::{self, Fingerprint};
pub(crate) use disk::write_beside;
pub use lock::Lock;
use manifest::Manifest;

/// What to do with what differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Write it.
    Write,
    /// Report it as drift, with diffs.
    Check,
    /// Say what would be written.
    DryRun,
    /// Show the diffs.
    Diff,
}

/// The scope and the manners of a plan.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scope<'a> {
    /// Only these crates are generated; others on the disk are left alone. `None` is all.
    pub only: Option<&'a BTreeSet<String>>,
    /// Overwrite and remove what a person edited.
    pub force: bool,
}

/// What is to be done with one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The file, relative to the output folder.
    pub path: String,
    /// What is to be done.
    pub action: Action,
    /// What is on the disk; `None` if nothing is.
    pub before: Option<String>,
    /// What is to be there; `None` if nothing is.
    pub after: Option<Arc<str>>,
}

/// What is to be done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is new.
    Create,
    /// It differs.
    Update,
    /// It is no longer generated.
    Remove,
    /// A person edited it: nothing is done unless forced.
    Refuse,
}

/// What is to be done with all files.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// What differs, by path.
    pub changes: Vec<Change>,
    /// How many files are as they should be.
    pub unchanged: usize,
    /// What the manifest will say.
    manifest: Manifest,
    /// Whether the manifest on the disk, or a journal, has to be replaced though no file differs.
    stale_manifest: bool,
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Files that were new or differed.
    pub written: usize,
    /// Files that were as they should be.
    pub unchanged: usize,
    /// Files that are no longer generated.
    pub removed: usize,
}

/// Why nothing could be compared or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk failed.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// What was tried: `read`, `write`, `remove`.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The manifest is no manifest.
    #[error("{} is damaged: {reason}; restore it, or write everything anew with --force", .path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Outputs that cannot be written on every system.
    #[error("these outputs cannot be written: {}", .0.join("; "))]
    Paths(Vec<String>),
    /// A person edited generated files.
    #[error("{} generated file(s) were edited by hand: {}", .0.len(), .0.join(", "))]
    Edited(Vec<String>),
}

impl Error {
    /// The code that [`crate::codes`] explains.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "TW0901",
            Self::Manifest { .. } => "TW0902",
            Self::Paths(_) => "TW0903",
            Self::Edited(_) => "TW0904",
        }
    }
}

impl Change {
    /// What differs, as a unified diff from the disk to the output.
    pub fn diff(&self) -> String {
        let (old, new) =
            (self.before.as_deref().unwrap_or_default(), self.after.as_deref().unwrap_or_default());
        let name = |prefix, is_there| {
            let path = self.path.trim_start_matches('/');
            if is_there { format!("{prefix}/{path}") } else { "/dev/null".to_owned() }
        };
        let diff = TextDiff::from_lines(old, new);
        diff.unified_diff()
            .context_radius(3)
            .header(&name("a", self.before.is_some()), &name("b", self.after.is_some()))
            .to_string()
    }
}

impl Plan {
    /// Whether everything on the disk is as it should be.
    pub fn is_clean(&self) -> bool {
        self.changes.is_empty()
    }

    /// The files that a person edited.
    pub fn refused(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.action == Action::Refuse)
    }
}

/// Where the manifest of an output folder is.
pub fn manifest_path(out: &Path) -> PathBuf {
    out.join(manifest::NAME)
}

/// Whether a run was interrupted, so that what is under `out` has to be compared again.
pub fn is_interrupted(out: &Path) -> bool {
    out.join(manifest::JOURNAL).exists()
}

/// Compares `outputs` with what is under `out`. Those of `kept`, with their fingerprints, are known to be there.
pub fn plan(
    out: &Path,
    outputs: &[Output],
    kept: &[(String, Fingerprint)],
    scope: Scope<'_>,
) -> Result<Plan, Error> {
    check_paths(outputs)?;
    let known = match Manifest::load(out) {
        Err(Error::Manifest { .. }) if scope.force => Manifest::default(),
        known => known?,
    };
    let wanted: BTreeMap<&str, &Output> =
        outputs.iter().map(|output| (output.path.as_str(), output)).collect();
    let mut plan = Plan { manifest: known.kept(|path| !in_scope(path, scope)), ..Plan::default() };
    let read = |(path, output): (&&str, &&Output)| {
        let before = disk::read(&out.join(path))?;
        // What is on the disk already is not copied.
        let same = before.as_ref().is_some_and(|before| fingerprint::lf(before) == *output.text);
        Ok((output.content.to_string(), (!same).then(|| (before, Arc::clone(&output.text)))))
    };
    let read: Vec<Result<_, Error>> = wanted.par_iter().map(read).collect();
    for (path, read) in wanted.keys().zip(read) {
        let (fingerprint, differs) = read?;
        plan.manifest.insert(path, fingerprint);
        match differs {
            Some((before, after)) => plan.compare(path, before, Some(after), &known, scope),
            None => plan.unchanged += 1,
        }
    }
    for (path, fingerprint) in kept {
        plan.manifest.insert(path, fingerprint.to_string());
    }
    plan.unchanged += kept.len();
    let kept: BTreeSet<&str> = kept.iter().map(|(path, _)| path.as_str()).collect();
    let is_made = |path: &str| wanted.contains_key(path) || kept.contains(path);
    for path in known.paths().filter(|path| in_scope(path, scope) && !is_made(path)) {
        let before = disk::read(&out.join(path))?;
        plan.compare(path, before, None, &known, scope);
    }
    plan.changes.sort_by(|a, b| a.path.cmp(&b.path));
    plan.stale_manifest = plan.manifest != known;
    // Beside files that differ, that goes without saying.
    if plan.is_clean() && !plan.manifest.says_as(&known) {
        let before = disk::read(&out.join(manifest::NAME))?;
        let action = if before.is_some() { Action::Update } else { Action::Create };
        let after = Some(Arc::from(plan.manifest.text(out)?));
        plan.changes.push(Change { path: manifest::NAME.to_owned(), action, before, after });
    }
    Ok(plan)
}

fn in_scope(path: &str, scope: Scope<'_>) -> bool {
    scope.only.is_none_or(|only| only.contains(owner(path)))
}

impl Plan {
    /// What is to be done with a file that differs.
    fn compare(
        &mut self,
        path: &str,
        before: Option<String>,
        after: Option<Arc<str>>,
        known: &Manifest,
        scope: Scope<'_>,
    ) {
        if before.is_none() && after.is_none() {
            return;
        }
        let ours = before.as_ref().is_none_or(|before| known.wrote(path, &fingerprint::of(before)));
        let action = match (&before, &after) {
            _ if !ours && !scope.force => Action::Refuse,
            (None, _) => Action::Create,
            (_, None) => Action::Remove,
            _ => Action::Update,
        };
        self.changes.push(Change { path: path.to_owned(), action, before, after });
    }
}

/// Carries `plan` out; nothing is touched if any file was edited by a person.
pub fn commit(out: &Path, plan: &Plan) -> Result<Report, Error> {
    let edited: Vec<String> = plan.refused().map(|change| change.path.clone()).collect();
    if !edited.is_empty() {
        return Err(Error::Edited(edited));
    }
    let mut report = Report { unchanged: plan.unchanged, ..Report::default() };
    if plan.is_clean() && !plan.stale_manifest && !is_interrupted(out) {
        return Ok(report);
    }
    disk::clear_temporary(out)?;
    plan.manifest.write_journal(out)?;
    let texts = plan.changes.iter().filter_map(|change| Some((&change.path, change.after.as_ref()?)));
    let texts: Vec<_> = texts.collect();
    let written: Vec<_> = texts.par_iter().map(|(path, text)| disk::write(out, path, text)).collect();
    written.into_iter().collect::<Result<(), Error>>()?;
    report.written = texts.len();
    for change in plan.changes.iter().filter(|change| change.after.is_none()) {
        disk::remove(out, &change.path)?;
        report.removed += 1;
    }
    plan.manifest.store(out)?;
    disk::clear_temporary(out)?;
    Ok(report)
}

/// Paths have to work on every system: short, lower-case ASCII, no two the same, no names that Windows reserves.
fn check_paths(outputs: &[Output]) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    let mut bad = Vec::new();
    for Output { path, .. } in outputs {
        if !path.split('/').all(is_portable) {
            bad.push(format!("`{path}` is no portable path"));
        }
        if path.len() > 64 {
            bad.push(format!("`{path}` is longer than 64 characters"));
        }
        if !seen.insert(path.to_lowercase()) {
            bad.push(format!("`{path}` is made twice"));
        }
    }
    if bad.is_empty() { Ok(()) } else { Err(Error::Paths(bad)) }
}

fn is_portable(component: &str) -> bool {
    let reserved = ["con", "prn", "aux", "nul"];
    let stem = component.split('.').next().unwrap_or_default();
    let port = |prefix: &str| {
        stem.strip_prefix(prefix).is_some_and(|n| n.len() == 1 && n.chars().all(|c| c.is_ascii_digit()))
    };
    let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    // These two names are the tools' own.
    let conventional = matches!(component, "Cargo.toml" | "README.md");
    !component.is_empty()
        && !component.starts_with('.')
        && !component.ends_with('.')
        && !reserved.contains(&stem)
        && !port("com")
        && !port("lpt")
        && (conventional || component.chars().all(lower))
}

#[cfg(test)]
mod tests;
