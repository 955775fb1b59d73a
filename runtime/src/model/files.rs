//! Where the files of a model come from, for models that run in this process. Constant data; nothing here downloads.

/// A repository of a hub, and the files of it that a model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelFiles {
    /// Its name, `owner/name`.
    pub repository: &'static str,
    /// A branch, a tag or a commit.
    pub revision: &'static str,
    /// The files. The first is opened, unless there are several: then their folder is.
    pub files: &'static [ModelFile],
    /// The licence that the repository names, such as `apache-2.0`.
    pub licence: Option<&'static str>,
}

/// One file of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelFile {
    /// Its name, with its folders.
    pub path: &'static str,
    /// How long it is.
    pub bytes: Option<u64>,
    /// Its SHA-256 digest, as 64 hexadecimal digits.
    pub sha256: Option<&'static str>,
}

impl ModelFile {
    /// A file of which only the name is known.
    pub const fn new(path: &'static str) -> Self {
        Self { path, bytes: None, sha256: None }
    }
}
