//! What can go wrong with a repository, beside what can go wrong with a download.

use std::path::PathBuf;

use super::super::download;

/// Why files of a repository are not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be downloaded, written or read.
    #[error(transparent)]
    Download(#[from] download::Error),
    /// Nobody said where repositories are.
    #[error("no address of a hub: set HF_ENDPOINT or give one")]
    NoEndpoint,
    /// The files are not in the cache, and nobody may be asked for them.
    #[error("offline, and not in {}: {id} at `{revision}`: {}", cache.display(), listed(.files))]
    Missing {
        /// The repository.
        id: String,
        /// Its revision.
        revision: String,
        /// What is missing; empty if nothing of this revision is there.
        files: Vec<String>,
        /// The cache folder.
        cache: PathBuf,
    },
    /// What was asked for, or what a server says, is no name that may become part of a path.
    #[error("not a usable {what}: `{name}`")]
    Name {
        /// What it is to name: `file name`, `repository`, `revision`, `commit`, `ETag`.
        what: &'static str,
        /// The name, cut at 80 characters.
        name: String,
    },
    /// The server does not answer as a hub does.
    #[error("{url}: not the answer of a hub: {reason}")]
    NotAHub {
        /// Who was asked.
        url: String,
        /// What is missing or wrong.
        reason: String,
    },
}

impl Error {
    pub(super) fn name(what: &'static str, name: &str) -> Self {
        Self::Name { what, name: name.chars().filter(|c| !c.is_control()).take(80).collect() }
    }
}

fn listed(files: &[String]) -> String {
    if files.is_empty() { "nothing of this revision is there".to_owned() } else { files.join(", ") }
}
