//! Why there is no tokenizer, or no tokens. Not what is wrong with a whole model: [`crate::local::Error`] wraps this.

use std::path::PathBuf;

/// Why a tokenizer cannot be made, or cannot read a text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The description of the tokenizer contradicts itself or is cut off.
    #[error("the tokenizer is malformed: {reason}")]
    Malformed {
        /// What is wrong.
        reason: String,
    },
    /// The description is sound, but asks for what this crate does not do.
    #[error("{what} `{name}` of the tokenizer is not supported")]
    Unsupported {
        /// What kind of thing is asked for, such as "pre-tokenizer".
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The tokenizer cannot read this text.
    #[error("the text cannot be turned into tokens: {reason}")]
    Encode {
        /// What it ran into.
        reason: String,
    },
    /// A text or a file beyond the limit.
    #[error("{what} has {len} bytes, more than {limit}")]
    TooLong {
        /// What is too long.
        what: &'static str,
        /// Its length.
        len: usize,
        /// The most that is taken.
        limit: usize,
    },
}

impl TokenizerError {
    pub(super) fn malformed(reason: impl Into<String>) -> Self {
        Self::Malformed { reason: reason.into() }
    }

    pub(super) fn unsupported(what: &'static str, name: impl Into<String>) -> Self {
        Self::Unsupported { what, name: name.into() }
    }

    pub(super) fn encode(reason: impl ToString) -> Self {
        Self::Encode { reason: reason.to_string() }
    }
}
