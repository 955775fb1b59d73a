//! What can go wrong with a download, told apart by what a caller would do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a file could not be downloaded. No address in it has a query or credentials.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No connection, a broken one, a clock that ran out, or TLS.
    #[error(transparent)]
    Transport(#[from] crate::Error),
    /// The server answered that it will not, or cannot.
    #[error("{url}: status {status}{}", said(.detail))]
    Status {
        /// The HTTP status.
        status: u16,
        /// Who answered.
        url: String,
        /// How long to wait, if the server said so.
        retry_after: Option<Duration>,
        /// The start of what the server said.
        detail: String,
    },
    /// A redirect that is not followed.
    #[error("{url}: redirect not followed: {reason}")]
    Redirect {
        /// Who redirects.
        url: String,
        /// Why it is not followed.
        reason: &'static str,
    },
    /// The token would travel in clear text.
    #[error("{url}: a token is sent over https only")]
    ClearText {
        /// Where to.
        url: String,
    },
    /// The server encodes the file although it was asked not to: neither ranges nor checksums would fit.
    #[error("the file comes encoded as `{encoding}`, although the plain file was asked for")]
    Encoded {
        /// The encoding.
        encoding: String,
    },
    /// The file is of another kind than was allowed.
    #[error("the file is of type `{found}`, allowed is {}", .allowed.join(", "))]
    ContentType {
        /// What the server says that it is.
        found: String,
        /// What was allowed.
        allowed: Vec<String>,
    },
    /// The file is larger than was allowed.
    #[error("the file is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The file has another length than was expected.
    #[error("the file has {found} bytes, expected are {expected}")]
    Size {
        /// What was expected.
        expected: u64,
        /// What the server says, or what arrived.
        found: u64,
    },
    /// The file has another content than was expected. It was removed.
    #[error("the SHA-256 of the file is {found}, expected is {expected}")]
    Checksum {
        /// What was expected, in hexadecimal.
        expected: String,
        /// What arrived, in hexadecimal.
        found: String,
    },
    /// The connection ended before the end of the file.
    #[error("the connection ended at byte {at}, before the end of the file")]
    Short {
        /// Where it ended.
        at: u64,
    },
    /// The answer does not fit the range that was asked for.
    #[error("the answer does not fit the range that was asked for: {reason}")]
    Range {
        /// What does not fit.
        reason: String,
    },
    /// The file changed on the server while it was downloaded, more often than it was tried again.
    #[error("the file changed on the server while it was downloaded: {reason}")]
    Changed {
        /// How it was noticed.
        reason: &'static str,
    },
    /// Another process downloads the same file.
    #[error("{} is being downloaded by another process (waited {waited:?})", path.display())]
    Locked {
        /// The file that is locked.
        path: PathBuf,
        /// How long was waited for it.
        waited: Duration,
    },
    /// There is no room for the file.
    #[error("no space left to write {}", path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file could not be read, written, renamed.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Why a transfer stops before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// For good.
    Failed(Error),
    /// What has arrived cannot be continued: from zero again.
    Again(&'static str),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Error {
    /// Whether the same download may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Transport(error) => error.is_retryable(),
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504),
            Self::Short { .. } | Self::Changed { .. } | Self::Locked { .. } => true,
            _ => false,
        }
    }

    /// How long the server asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Transport(error) => error.retry_after(),
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What the system said about `action` on the file at `path`.
    pub(crate) fn file(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path, source },
            _ => Self::File { action, path, source },
        }
    }

    pub(super) fn range(reason: impl Into<String>) -> Self {
        Self::Range { reason: reason.into() }
    }
}

fn said(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!(": {detail}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_failures() {
        let of = |kind: io::ErrorKind| Error::file("write", Path::new("model.bin"), kind.into());
        assert!(matches!(of(io::ErrorKind::StorageFull), Error::DiskFull { .. }));
        assert!(matches!(of(io::ErrorKind::QuotaExceeded), Error::DiskFull { .. }));
        let denied = of(io::ErrorKind::PermissionDenied);
        assert_eq!(denied.to_string(), "cannot write model.bin");
        assert!(!denied.is_retryable() && std::error::Error::source(&denied).is_some());
    }

    #[test]
    fn errors_are_small() {
        assert!(size_of::<Error>() <= 80, "{}", size_of::<Error>());
    }
}
