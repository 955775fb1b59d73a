//! What differs between an index and the disk.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::index::{FileRecord, Role, View};
use super::stamp::{self, Stamp, Trust};
use crate::fingerprint::{self, Fingerprint};
use crate::source;

/// Where the input is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places<'a> {
    /// The folder of provider files, with a provider's own templates below it.
    pub(crate) providers: &'a Path,
    /// The folder of dialect files.
    pub(crate) dialects: &'a Path,
    /// The folder of base templates, if any are used but those built in.
    pub(crate) templates: Option<&'a Path>,
}

/// Every folder and file that a run reads, sorted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    /// Folders whose list of files matters, whether they are there or not.
    pub(crate) folders: Vec<PathBuf>,
    /// Provider files.
    pub(crate) providers: Vec<PathBuf>,
    /// Dialect files.
    pub(crate) dialects: Vec<PathBuf>,
    /// Templates, of the base and of providers.
    pub(crate) templates: Vec<PathBuf>,
}

impl Listing {
    /// What there is now. A folder that cannot be read counts as empty here; whoever reads it will say so.
    pub(crate) fn of(places: Places<'_>) -> Self {
        let mut listing = Self::default();
        listing.yaml(places.providers, |listing| &mut listing.providers);
        listing.yaml(places.dialects, |listing| &mut listing.dialects);
        for folder in subfolders(places.providers) {
            let own = folder.join("templates");
            listing.folders.push(folder);
            if own.is_dir() {
                listing.below(&own);
            }
        }
        if let Some(folder) = places.templates {
            listing.below(folder);
        }
        listing.folders.sort();
        listing.folders.dedup();
        listing.templates.sort();
        listing
    }

    fn yaml(&mut self, folder: &Path, list: fn(&mut Self) -> &mut Vec<PathBuf>) {
        self.folders.push(folder.to_owned());
        list(self).extend(source::yaml_files(folder).unwrap_or_default());
    }

    fn below(&mut self, folder: &Path) {
        self.folders.push(folder.to_owned());
        for path in entries(folder) {
            if path.is_dir() {
                self.below(&path);
            } else if source::is_template(&path) {
                self.templates.push(path);
            }
        }
    }

    /// Everything with its role.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Path, Role)> {
        let Self { folders, providers, dialects, templates } = self;
        let lists = [
            (folders, Role::Folder),
            (providers, Role::Provider),
            (dialects, Role::Dialect),
            (templates, Role::Template),
        ];
        lists.into_iter().flat_map(|(paths, role)| paths.iter().map(move |path| (path.as_path(), role)))
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    entries(folder).filter(|path| path.is_dir()).collect()
}

/// Whether anything differs at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Same,
    /// Nothing, but some files had to be read to know, whose stamps an index written now would hold.
    SameAfterReading,
    /// Something.
    Different,
}

/// Whether anything differs. Allocates nothing as long as stamps are believed and the same.
pub(super) fn verdict(view: View<'_>, places: Places<'_>, trust: Trust) -> Verdict {
    let mut verdict = Verdict::Same;
    let mut relist = false;
    for record in view.files() {
        let Some(record) = record else { return Verdict::Different };
        if is_settled(&record, view.time(), trust) {
            continue;
        }
        verdict = Verdict::SameAfterReading;
        match record.role {
            Role::Folder => relist = true,
            _ if is_same_content(&record) => {}
            _ => return Verdict::Different,
        }
    }
    if relist && !lists(view, &Listing::of(places)) { Verdict::Different } else { verdict }
}

fn is_settled(record: &FileRecord<'_>, time: u64, trust: Trust) -> bool {
    trust == Trust::Stamps
        && record.stamp.is_settled(time)
        && stamp::of(Path::new(record.path)) == record.stamp
}

fn is_same_content(record: &FileRecord<'_>) -> bool {
    content(Path::new(record.path), record.role) == record.content
}

/// The fingerprint of a file; all zero if it is not there. Outputs are texts, whose line ends a checkout may have
/// changed.
pub(super) fn content(path: &Path, role: Role) -> Fingerprint {
    let Ok(bytes) = fs::read(path) else { return Fingerprint::default() };
    if role != Role::Output {
        return fingerprint::of_bytes(&bytes);
    }
    fingerprint::of_text(&String::from_utf8_lossy(&bytes))
}

/// Whether the index lists these files and no others.
pub(super) fn lists(view: View<'_>, listing: &Listing) -> bool {
    let known = view.files().flatten().filter(|record| record.role <= Role::Template);
    let mut known: Vec<(Role, &Path)> = known.map(|record| (record.role, Path::new(record.path))).collect();
    let mut there: Vec<(Role, &Path)> = listing.all().map(|(path, role)| (role, path)).collect();
    known.sort();
    there.sort();
    known == there
}

/// A folder or file of the input as it was found: everything later in the run goes by this, so that a file which is
/// edited meanwhile is never taken for what it was.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(super) path: PathBuf,
    pub(super) role: Role,
    /// What the system said right before it was read.
    pub(super) stamp: Stamp,
    pub(super) content: Fingerprint,
}

/// Looks at every folder and file of a listing. What an index knows by its stamp is not read.
pub(super) fn look(listing: &Listing, known: Option<View<'_>>, trust: Trust) -> Vec<Seen> {
    let records = known.into_iter().flat_map(|view| view.files().flatten());
    let records: HashMap<(&str, Role), FileRecord<'_>> =
        records.map(|record| ((record.path, record.role), record)).collect();
    let time = known.map_or(0, |view| view.time());
    let see = |(path, role): (&Path, Role)| {
        let stamp = stamp::of(path);
        let record = path.to_str().and_then(|path| records.get(&(path, role)));
        let is_known = |record: &&FileRecord<'_>| {
            trust == Trust::Stamps && stamp.is_settled(time) && record.stamp == stamp
        };
        let content = match record.filter(is_known) {
            Some(record) => record.content,
            None if role == Role::Folder => Fingerprint::default(),
            None => content(path, role),
        };
        Seen { path: path.to_owned(), role, stamp, content }
    };
    listing.all().map(see).collect()
}

/// Whether each file of an index is what it was, by number: inputs as they were seen, all others as they are now.
/// `None` for an index that cannot be read.
pub(super) fn unchanged(view: View<'_>, seen: &[Seen]) -> Option<Vec<bool>> {
    let seen: HashMap<(&Path, Role), Fingerprint> =
        seen.iter().map(|seen| ((seen.path.as_path(), seen.role), seen.content)).collect();
    let is_same = |record: FileRecord<'_>| match seen.get(&(Path::new(record.path), record.role)) {
        Some(content) => *content == record.content,
        None if record.role <= Role::Template => false,
        None => is_settled(&record, view.time(), Trust::Stamps) || is_same_content(&record),
    };
    view.files().map(|record| record.map(is_same)).collect()
}
