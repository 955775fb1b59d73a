//! What can be wrong with memories.

/// Why something was not stored, found or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was given cannot be stored. Nothing was changed.
    #[error("{what}: {reason}")]
    Invalid {
        /// Which part of it.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Something is larger than the limits of the store allow. Nothing was changed.
    #[error("{what}: {found} is more than {most}")]
    Limit {
        /// What.
        what: &'static str,
        /// How large it is.
        found: usize,
        /// How large it may be.
        most: usize,
    },
}

impl Error {
    pub(super) fn invalid(what: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { what, reason: reason.into() }
    }

    pub(super) fn limit(what: &'static str, found: usize, most: usize) -> Self {
        Self::Limit { what, found, most }
    }
}
