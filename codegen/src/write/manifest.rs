//! What was written: the fingerprint of every generated file, committed beside the files.
//!
//! Sorted and one file a line, so that it merges like text. The journal has the same form; while it is there, a run was
//! interrupted, and what it lists may be on the disk already. Fingerprints of several interrupted runs add up.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Error, disk};

/// The name of the manifest.
pub const NAME: &str = ".manifest.json";
/// The name of the journal.
pub const JOURNAL: &str = ".manifest.pending.json";

/// The fingerprints of what is, or may be, on the disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    written: BTreeMap<String, String>,
    pending: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestFile {
    version: u32,
    files: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JournalFile {
    version: u32,
    files: BTreeMap<String, BTreeSet<String>>,
}

impl Manifest {
    /// What stands in the folder; nothing if there is no manifest.
    pub(super) fn load(out: &Path) -> Result<Self, Error> {
        let written: Option<ManifestFile> = read(&out.join(NAME))?;
        // A journal is written before the first file and in one piece: one that is damaged says nothing.
        let pending: Option<JournalFile> = read(&out.join(JOURNAL)).or_else(damaged_is_none)?;
        Ok(Self {
            written: written.map(|file| file.files).unwrap_or_default(),
            pending: pending.map(|file| file.files).unwrap_or_default(),
        })
    }

    /// The entries whose path `keep` wants. Those of the journal stay: what they say may still be on the disk.
    pub(super) fn kept(&self, keep: impl Fn(&str) -> bool) -> Self {
        let written = self.written.iter().filter(|(path, _)| keep(path));
        let pending = self.pending.iter().filter(|(path, _)| keep(path));
        Self {
            written: written.map(|(path, hash)| (path.clone(), hash.clone())).collect(),
            pending: pending.map(|(path, hashes)| (path.clone(), hashes.clone())).collect(),
        }
    }

    pub(super) fn insert(&mut self, path: &str, fingerprint: String) {
        self.written.insert(path.to_owned(), fingerprint);
    }

    /// Every path that is, or may be, on the disk.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        let all: BTreeSet<&str> =
            self.written.keys().chain(self.pending.keys()).map(String::as_str).collect();
        all.into_iter()
    }

    /// Whether the compiler wrote `path` with this fingerprint.
    pub(super) fn wrote(&self, path: &str, fingerprint: &str) -> bool {
        self.written.get(path).is_some_and(|known| known == fingerprint)
            || self.pending.get(path).is_some_and(|known| known.contains(fingerprint))
    }

    /// Whether the same files, with the same fingerprints, were written.
    pub(super) fn says_as(&self, other: &Self) -> bool {
        self.written == other.written
    }

    /// What is to stand in the manifest of a folder.
    pub(super) fn text(&self, out: &Path) -> Result<String, Error> {
        text(out, NAME, &ManifestFile { version: 1, files: self.written.clone() })
    }

    /// Says what is about to be on the disk, beside what an earlier interrupted run may have left there.
    pub(super) fn write_journal(&self, out: &Path) -> Result<(), Error> {
        let mut files = read::<JournalFile>(&out.join(JOURNAL))
            .or_else(damaged_is_none)?
            .map(|file| file.files)
            .unwrap_or_default();
        for (path, fingerprint) in &self.written {
            files.entry(path.clone()).or_default().insert(fingerprint.clone());
        }
        write(out, JOURNAL, &JournalFile { version: 1, files })
    }

    /// Replaces the manifest. The journal goes, unless it speaks of files outside this run's scope.
    pub(super) fn store(&self, out: &Path) -> Result<(), Error> {
        disk::write(out, NAME, &self.text(out)?)?;
        if self.pending.is_empty() {
            return disk::remove(out, JOURNAL);
        }
        write(out, JOURNAL, &JournalFile { version: 1, files: self.pending.clone() })
    }
}

fn damaged_is_none<T>(error: Error) -> Result<Option<T>, Error> {
    if matches!(error, Error::Manifest { .. }) { Ok(None) } else { Err(error) }
}

fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<Option<T>, Error> {
    let Some(text) = disk::read(path)? else { return Ok(None) };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|error| Error::Manifest { path: path.to_owned(), reason: error.to_string() })
}

fn write(out: &Path, name: &str, file: &impl Serialize) -> Result<(), Error> {
    disk::write(out, name, &text(out, name, file)?)
}

fn text(out: &Path, name: &str, file: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string_pretty(file)
        .map(|text| text + "\n")
        .map_err(|error| Error::Manifest { path: out.join(name), reason: error.to_string() })
}
