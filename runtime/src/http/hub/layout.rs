//! The cache folder as the usual tools lay it out.
//!
//! `models--ORG--NAME/blobs/ETAG` holds contents, `snapshots/COMMIT/FILE` points to them, and `refs/REVISION` holds the
//! commit that a revision was last. Whatever becomes part of a path is checked first, whoever said it.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::Error;
use crate::http::download::{self, make_folder, store};
use crate::http::random_bits;

/// The longest name of a file, with its folders.
const LONGEST: usize = 1024;
/// The longest part of a name.
const LONGEST_PART: usize = 200;
/// The most folders that a file is below.
const DEEPEST: usize = 32;

/// A repository of models at a revision.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Repository {
    /// Its name, `owner/name` or `name`.
    pub id: String,
    /// A branch, a tag or a commit.
    pub revision: String,
}

/// Files of a repository at one commit, in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// The commit.
    pub commit: String,
    /// The folder that has them under their names.
    pub folder: PathBuf,
    /// The files that were asked for, in that order.
    pub files: Vec<PathBuf>,
}

/// The folders of one repository.
#[derive(Debug, Clone)]
pub(super) struct Folders {
    repository: PathBuf,
    locks: PathBuf,
}

impl Repository {
    /// The repository `id` as it is now.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), revision: "main".to_owned() }
    }

    /// The same at another revision.
    pub fn at(self, revision: impl Into<String>) -> Self {
        Self { revision: revision.into(), ..self }
    }

    /// Checks that the names may become part of a path and an address.
    pub(super) fn check(&self) -> Result<(), Error> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let part = |part: &str| part.chars().all(plain) && is_part(part) && !part.contains("--");
        if self.id.split('/').count() > 2 || !self.id.split('/').all(part) {
            return Err(Error::name("repository", &self.id));
        }
        check_name("revision", &self.revision)
    }
}

impl Folders {
    pub(super) fn of(cache: &Path, repository: &Repository) -> Result<Self, Error> {
        repository.check()?;
        let name = format!("models--{}", repository.id.replace('/', "--"));
        Ok(Self { repository: cache.join(&name), locks: cache.join(".locks").join(name) })
    }

    /// The content with this tag.
    pub(super) fn blob(&self, etag: &str) -> PathBuf {
        self.repository.join("blobs").join(etag)
    }

    /// What is locked while it is downloaded, by the usual tools as well.
    pub(super) fn lock(&self, etag: &str) -> PathBuf {
        self.locks.join(format!("{etag}.lock"))
    }

    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.repository.join("snapshots").join(commit)
    }

    /// The commit that a revision was when it was last asked for.
    pub(super) fn commit(&self, revision: &str) -> Option<String> {
        if is_commit(revision) && self.snapshot(revision).is_dir() {
            return Some(revision.to_owned());
        }
        let text = fs::read_to_string(self.repository.join("refs").join(revision)).ok()?;
        Some(text.trim().to_owned()).filter(|commit| is_commit(commit))
    }

    /// Adds a file whose content is there to the snapshot of `commit`, which `revision` is now.
    pub(super) fn add(&self, revision: &str, commit: &str, file: &str, etag: &str) -> Result<(), Error> {
        self.point(commit, file, etag)?;
        self.note(revision, commit)
    }

    /// Notes the commit that a revision is now.
    fn note(&self, revision: &str, commit: &str) -> Result<(), Error> {
        if revision == commit || self.commit(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        let path = self.repository.join("refs").join(revision);
        make_folder(&path)?;
        Ok(store(&path, &passing(&path), commit.as_bytes())?)
    }

    /// Gives the content with this tag its name in the snapshot of `commit`.
    fn point(&self, commit: &str, file: &str, etag: &str) -> Result<(), Error> {
        let path = self.snapshot(commit).join(file);
        let up = "../".repeat(file.split('/').count() + 1);
        let target = PathBuf::from(format!("{up}blobs/{etag}"));
        if fs::read_link(&path).is_ok_and(|found| found == target) {
            return Ok(());
        }
        make_folder(&path)?;
        let failed = |source| Error::from(download::Error::file("point to the content from", &path, source));
        let new = passing(&path);
        link(&target, &self.blob(etag), &new).and_then(|()| fs::rename(&new, &path)).map_err(failed)
    }
}

/// A name beside `path` that nobody else uses, for what takes its place at once.
fn passing(path: &Path) -> PathBuf {
    path.with_file_name(format!(".new-{}-{:x}", std::process::id(), random_bits()))
}

#[cfg(unix)]
fn link(target: &Path, _: &Path, new: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, new)
}

/// Elsewhere a link needs rights that not everybody has.
#[cfg(not(unix))]
fn link(_: &Path, blob: &Path, new: &Path) -> std::io::Result<()> {
    fs::copy(blob, new).map(|_| ())
}

/// Whether `text` is a commit: hexadecimal, and long enough to be no branch by chance.
pub(super) fn is_commit(text: &str) -> bool {
    (40..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Checks a name of several parts that are to become folders and a file.
pub(super) fn check_name(what: &'static str, name: &str) -> Result<(), Error> {
    let sound = name.len() <= LONGEST && name.split('/').count() <= DEEPEST && name.split('/').all(is_part);
    if sound { Ok(()) } else { Err(Error::name(what, name)) }
}

/// Checks a tag that is to become the name of a file.
pub(super) fn check_etag(etag: &str) -> Result<(), Error> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if is_part(etag) && etag.bytes().all(plain) { Ok(()) } else { Err(Error::name("ETag", etag)) }
}

/// Whether `part` names something in a folder on every system: neither the folder nor the one above it, no drive, no
/// stream, no wildcard, nothing that a system would cut off.
fn is_part(part: &str) -> bool {
    let wrong = |c: char| c.is_control() || "\\:*?\"<>|".contains(c);
    let device = part.split('.').next().unwrap_or_default().to_ascii_uppercase();
    !part.is_empty()
        && part.len() <= LONGEST_PART
        && !part.ends_with(['.', ' '])
        && !part.contains(wrong)
        && !is_device(&device)
}

/// Names that mean a device in every folder of some systems.
fn is_device(name: &str) -> bool {
    let numbered =
        |prefix: &str| name.strip_prefix(prefix).is_some_and(|rest| rest.len() == 1 && rest != "0");
    matches!(name, "CON" | "PRN" | "AUX" | "NUL") || numbered("COM") || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["config.json", "onnx/model.onnx", ".gitattributes", "a b/c+d", "console.log", "ü.txt"] {
            assert!(check_name("file name", name).is_ok(), "{name}");
        }
        for name in [
            "",
            "..",
            ".",
            "../x",
            "a/../x",
            "a/..",
            "/etc/passwd",
            "a//b",
            "a/",
            "C:/x",
            "c:x",
            "a\\..\\x",
            "x\0",
            "x\n",
            "a./b",
            "x ",
            "nul",
            "a/COM1.txt",
            "file:stream",
            "...",
        ] {
            assert!(matches!(check_name("file name", name), Err(Error::Name { .. })), "{name}");
        }
        assert!(check_name("file name", &"a/".repeat(40)).is_err());
        assert!(check_name("file name", &"a".repeat(300)).is_err());
    }

    #[test]
    fn any_name_that_is_taken_stays_below_its_folder() {
        let mut random = fastrand::Rng::with_seed(21);
        let mut taken = 0;
        for _ in 0..200_000 {
            let length = random.usize(1..8);
            let name: String =
                (0..length).map(|_| *random.choice(b"./\\a:C ~\0-").unwrap() as char).collect();
            if check_name("file name", &name).is_ok() {
                taken += 1;
                let path = Path::new(&name);
                let normal = |part| matches!(part, std::path::Component::Normal(_));
                assert!(path.components().all(normal) && path.components().count() > 0, "{name:?}");
            }
        }
        assert!(taken > 1_000, "{taken}");
    }

    #[test]
    fn repositories_have_plain_names() {
        for id in ["tiny", "owner/name", "Owner-1/name_2.5-b"] {
            assert!(Repository::new(id).check().is_ok(), "{id}");
        }
        for id in ["", "/", "a/", "a/b/c", "../a", "a/..", "a--b/c", "a b", "a/b?x", "a\\b", "a:b"] {
            assert!(Repository::new(id).check().is_err(), "{id}");
        }
        assert!(Repository::new("a").at("refs/pr/1").check().is_ok());
        assert!(Repository::new("a").at("../main").check().is_err());
    }

    #[test]
    fn tags_become_names_only_if_they_are_plain() {
        assert!(check_etag("d41d8cd98f00b204e9800998ecf8427e-3").is_ok());
        for etag in ["", "..", "a/b", "a b", "a\"b", "a\\b"] {
            assert!(check_etag(etag).is_err(), "{etag}");
        }
    }
}
