//! What can be wrong with a local model. Not what a request asks for in vain: that is [`crate::Error`].

use std::path::{Path, PathBuf};

/// Why a model cannot be loaded or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be opened, read or mapped.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not what it says that it is.
    #[error("{}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the place.
        reason: String,
    },
    /// The file is sound, but holds what this crate cannot run.
    #[error("{}: {reason}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What it would need.
        reason: String,
    },
    /// No model can be built from the description of the files.
    #[error(transparent)]
    Architecture(#[from] super::arch::Error),
    /// What a model was given cannot go into it.
    #[error("{reason}")]
    Input {
        /// What was given, and what can be.
        reason: String,
    },
    /// Arithmetic on a device failed.
    #[error("cannot compute")]
    Compute(#[from] candle_core::Error),
}

impl Error {
    /// What cannot go into a model.
    pub fn input(reason: impl Into<String>) -> Self {
        Self::Input { reason: reason.into() }
    }

    /// A file that is not what it says that it is.
    pub fn malformed(path: &Path, reason: impl Into<String>) -> Self {
        Self::Malformed { path: path.to_owned(), reason: reason.into() }
    }

    /// A sound file that cannot be run here.
    pub fn unsupported(path: &Path, reason: impl Into<String>) -> Self {
        Self::Unsupported { path: path.to_owned(), reason: reason.into() }
    }
}
