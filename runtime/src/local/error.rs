//! What can be wrong with a local model. Not what a request asks for in vain: that is [`crate::Error`].

use std::path::{Path, PathBuf};

use super::memory::{Bytes, Need};

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
    /// A tensor that a model needs is not there.
    #[error("{}: no tensor {name:?}{}", path.display(), meant(nearest.as_deref()))]
    NoTensor {
        /// What was opened.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// One of a name that is nearly the same.
        nearest: Option<String>,
    },
    /// A tensor has another shape than the model needs.
    #[error("{}: tensor {name:?} has shape {found:?}, not {expected:?}", path.display())]
    Shape {
        /// What was opened.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The shape in the file.
        found: Vec<usize>,
        /// The shape that the model needs.
        expected: Vec<usize>,
    },
    /// There is less memory than a model needs.
    #[error("the model needs {need}, but {available} are available")]
    TooLarge {
        /// What it needs.
        need: Need,
        /// What there is.
        available: Bytes,
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
    /// The pages of keys and values do not suffice. Nothing was changed: sequences can be freed, and the step tried again.
    #[error("the cache has {free} free pages, and {needed} are needed")]
    CacheFull {
        /// Pages that the step takes.
        needed: usize,
        /// Pages that no sequence holds.
        free: usize,
    },
    /// Numeric work on the processor failed.
    #[error("cannot compute on the processor")]
    Kernel(#[from] super::kernels::Error),
    /// Arithmetic on a device failed.
    #[error("cannot compute")]
    Compute(#[from] candle_core::Error),
    /// The tokenizer cannot be made, or cannot read a text.
    #[error(transparent)]
    Tokenizer(#[from] super::tokens::TokenizerError),
    /// The chat template gives no prompt.
    #[error(transparent)]
    Template(#[from] super::template::TemplateError),
    /// No token could be picked.
    #[error("cannot pick a token")]
    Sample(#[from] super::sample::Error),
    /// The settings for sampling make no sense.
    #[error(transparent)]
    Sampling(#[from] super::sample::InvalidSampling),
    /// The answer could not be held to its form.
    #[cfg(feature = "constrain")]
    #[error("cannot hold the answer to its form")]
    Constrain(#[from] super::constrain::Error),
    /// The request asks for what the model, or this crate, cannot do. Nothing ran.
    #[error(transparent)]
    Request(Box<crate::error::Unsupported>),
    /// More answers were asked for than may wait. Nothing ran.
    #[error("{waiting} answers wait already")]
    Busy {
        /// How many may wait, or be under way.
        waiting: usize,
    },
    /// The model is not there any more: it was unloaded, or what ran it has ended.
    #[error("the model has stopped: {reason}")]
    Stopped {
        /// Why.
        reason: String,
    },
    /// The model failed while it answered.
    #[error("the model failed in the middle of its answer")]
    Interrupted {
        /// What it had said.
        partial: Box<crate::chat::ChatResponse>,
        /// What happened.
        source: Box<Error>,
    },
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean {name:?}?")).unwrap_or_default()
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
