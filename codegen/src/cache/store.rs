//! Writing an index: whole, under another name first, and never more of them than are of use.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::delta::{self, Seen};
use super::index::{Builder, FileRecord, NamedRecord, Role};
use super::reuse::bits;
use super::stamp;
use super::{Cache, KEPT, MAX_BYTES, Open};
use crate::emit::package::Operations;
use crate::fingerprint::{self, Fingerprint};
use crate::source::SourceMap;

/// What is kept of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnitFacts {
    /// Its name.
    pub(crate) name: String,
    /// The file it was read from.
    pub(crate) path: PathBuf,
    /// What its wire can do.
    pub(crate) operations: Operations,
    /// Of what its wire is made of.
    pub(crate) wire: Fingerprint,
    /// Of what the umbrella says of it.
    pub(crate) summary: Fingerprint,
}

impl Seen {
    /// Whether `text`, which was read from this file afterwards, is what it said. A byte order mark is no text.
    fn says(&self, text: &str) -> bool {
        self.content == fingerprint::of_bytes(text.as_bytes())
            || self.content == fingerprint::of_bytes(format!("\u{feff}{text}").as_bytes())
    }
}

/// Whether what was read for good is what was looked at before: nobody edited a file in between.
pub(crate) fn agree(seen: &[Seen], sources: &SourceMap) -> bool {
    let seen: HashMap<&Path, &Seen> = seen.iter().map(|seen| (seen.path.as_path(), seen)).collect();
    let mut files = sources.files();
    files.all(|(_, file)| seen.get(file.path.as_path()).is_none_or(|seen| seen.says(&file.text)))
}

/// All that an index says.
pub(crate) struct Facts<'a> {
    /// What was read.
    pub(crate) inputs: &'a [Seen],
    /// The folder that is written to.
    pub(crate) out: &'a Path,
    /// Outputs: where, what they are made of, and what they say.
    pub(crate) outputs: &'a [(String, Fingerprint, Fingerprint)],
    /// The providers, by name.
    pub(crate) units: &'a [UnitFacts],
    /// The dialects.
    pub(crate) dialects: &'a [(String, Fingerprint)],
    /// The README, and what its table is made of.
    pub(crate) readme: Option<(&'a Path, Fingerprint)>,
}

/// Writes an index. A cache that cannot be written makes the next run slower and nothing else, so whoever calls may
/// leave the error.
pub(crate) fn store(cache: &Cache, facts: &Facts<'_>) -> io::Result<()> {
    let Some(bytes) = build(facts).and_then(|builder| builder.finish(cache.key, cache.now)) else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    replace(&cache.path, &bytes)
}

fn build(facts: &Facts<'_>) -> Option<Builder> {
    let mut builder = Builder::default();
    for Seen { path, role, stamp, content } in facts.inputs {
        let key = Fingerprint::default();
        let record = FileRecord { path: path.to_str()?, role: *role, stamp: *stamp, content: *content, key };
        builder.file(record);
    }
    for (path, key, content) in facts.outputs {
        let path = facts.out.join(path);
        let stamp = stamp::of(&path);
        builder.file(FileRecord {
            path: path.to_str()?,
            role: Role::Output,
            stamp,
            content: *content,
            key: *key,
        });
    }
    let manifest = crate::write::manifest_path(facts.out);
    other(&mut builder, &manifest, Role::Manifest, Fingerprint::default())?;
    if let Some((path, key)) = facts.readme {
        other(&mut builder, path, Role::Readme, key)?;
    }
    let numbered = facts.inputs.iter().enumerate();
    let numbers: HashMap<&Path, usize> = numbered.map(|(at, seen)| (seen.path.as_path(), at)).collect();
    for unit in facts.units {
        let file = *numbers.get(unit.path.as_path())?;
        builder.unit(NamedRecord {
            name: &unit.name,
            file: u32::try_from(file).ok()?,
            operations: bits(unit.operations),
            wire: unit.wire,
            summary: unit.summary,
        });
    }
    for (name, summary) in facts.dialects {
        let wire = Fingerprint::default();
        builder.dialect(NamedRecord { name, file: 0, operations: 0, wire, summary: *summary });
    }
    Some(builder)
}

/// A file that is written by the compiler and compared as it stands.
fn other(builder: &mut Builder, path: &Path, role: Role, key: Fingerprint) -> Option<()> {
    let stamp = stamp::of(path);
    let content = delta::content(path, role);
    builder.file(FileRecord { path: path.to_str()?, role, stamp, content, key });
    Some(())
}

/// The same index with the stamps of now, after every file of it was found to say what it said.
pub(crate) fn refresh(cache: &Cache, open: &Open) -> Option<()> {
    let view = open.view()?;
    let mut builder = Builder::default();
    for record in view.files() {
        let record = record?;
        let path = Path::new(record.path);
        let stamp = stamp::of(path);
        // What changed since it was found to be the same is not taken for it.
        let is_same = record.role == Role::Folder
            || stamp == record.stamp
            || delta::content(path, record.role) == record.content;
        if !is_same {
            return None;
        }
        builder.file(FileRecord { stamp, ..record });
    }
    view.units().try_for_each(|unit| unit.map(|unit| builder.unit(unit)))?;
    view.dialects().try_for_each(|dialect| dialect.map(|dialect| builder.dialect(dialect)))?;
    replace(&cache.path, &builder.finish(cache.key, cache.now)?).ok()
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    crate::write::write_beside(folder, &name, bytes).map_err(io::Error::other)?;
    bound(folder);
    Ok(())
}

/// Removes the indexes that were used the longest time ago, and what an interrupted run left.
fn bound(folder: &Path) {
    let is_ours = |path: &Path| path.extension().is_some_and(|end| end == "index" || end == "tmp");
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let entries = entries.filter(|entry| is_ours(&entry.path()));
    let aged = entries.filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())));
    let mut aged: Vec<_> = aged.collect();
    aged.sort();
    let surplus = aged.len().saturating_sub(KEPT);
    for (_, path) in aged.into_iter().take(surplus) {
        // Another run may have been quicker.
        let _ = fs::remove_file(path);
    }
}
