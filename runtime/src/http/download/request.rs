//! What to download, where from and where to, and how much of it to take. Plain data with defaults.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::client::{address, shown};
use crate::http::RetryPolicy;
use crate::secret::Secret;

/// What to download and from where.
#[derive(Clone)]
pub struct Request {
    /// The address. Its query is never printed.
    pub url: String,
    /// Headers to send, to this origin and to no other that it redirects to.
    pub headers: Vec<(String, Secret)>,
    /// Sent as `Authorization: Bearer …` to this origin and to no other, and never in clear text but to this machine.
    pub token: Option<Secret>,
    /// What is known of the file beforehand.
    pub expected: Expected,
    /// What is taken of an answer.
    pub limits: DownloadLimits,
    /// How many ranges are fetched at a time.
    pub parts: Parts,
    /// When to ask again. What has arrived is kept, and bytes that arrive give new retries.
    pub retry: RetryPolicy,
}

/// What is known of a file before it is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expected {
    /// Its length in bytes.
    pub size: Option<u64>,
    /// Its SHA-256.
    pub sha256: Option<[u8; 32]>,
}

/// What is taken of an answer before giving up on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadLimits {
    /// The largest file. 1 TiB.
    pub bytes: u64,
    /// The content types that are taken, as `type/subtype` or `type/*`. Empty: all.
    pub content_types: Vec<String>,
    /// How many redirects are followed. 10.
    pub redirects: u32,
}

/// How many ranges of a file are fetched at a time. More than one only if the server tells the length and a strong
/// `ETag`, and says that it accepts ranges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Parts {
    /// One; four for a file of 256 MiB or more.
    #[default]
    Automatic,
    /// At most so many, up to 16.
    UpTo(u8),
}

/// Where to put a file, and how.
#[derive(Debug, Clone)]
pub struct Target {
    /// The file. Its folder is made where it is missing. Until the file is whole it is called `NAME.part`, with what
    /// is known of it in `NAME.part.state`.
    pub path: PathBuf,
    /// The file that is locked meanwhile. `NAME.part.lock`, removed afterwards; one that is named here stays.
    pub lock: Option<PathBuf>,
    /// How long to wait for another process that downloads the same file. 10 minutes.
    pub lock_wait: Duration,
    /// What to do with a file that is there already.
    pub existing: Existing,
    /// After how many bytes what has arrived is made to survive a failure of power. 64 MiB; also every two seconds.
    pub checkpoint: u64,
}

/// What to do with a file that is there already under its final name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Existing {
    /// Keep it if it is what was expected: a file gets its final name only when it is whole.
    #[default]
    Keep,
    /// Download it anew.
    Replace,
}

impl Request {
    /// The file at `url`, of which nothing else is known.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            headers: Vec::new(),
            token: None,
            expected: Expected::default(),
            limits: DownloadLimits::default(),
            parts: Parts::default(),
            retry: RetryPolicy {
                max_retries: 5,
                retry_after_cap: Duration::from_secs(300),
                ..RetryPolicy::default()
            },
        }
    }
}

/// The address is printed without credentials and query, which may hold a secret.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, headers, token, expected, limits, parts, retry } = self;
        f.debug_struct("Request")
            .field("url", &address(url).map_or_else(|_| String::new(), |url| shown(&url)))
            .field("headers", headers)
            .field("token", token)
            .field("expected", expected)
            .field("limits", limits)
            .field("parts", parts)
            .field("retry", retry)
            .finish()
    }
}

impl Default for DownloadLimits {
    fn default() -> Self {
        Self { bytes: 1 << 40, content_types: Vec::new(), redirects: 10 }
    }
}

impl Target {
    /// The file at `path`.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            lock: None,
            lock_wait: Duration::from_secs(600),
            existing: Existing::default(),
            checkpoint: 64 << 20,
        }
    }
}

impl Parts {
    /// How many ranges of a file of `total` bytes to fetch at a time.
    pub(super) fn of(self, total: u64) -> u8 {
        match self {
            Self::Automatic if total >= 256 << 20 => 4,
            Self::Automatic => 1,
            Self::UpTo(most) => most.clamp(1, 16),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_printed_without_its_secrets() {
        let mut request = Request::new("https://user:secret@host/file?token=secret");
        request.headers.push(("x-key".to_owned(), "secret".into()));
        request.token = Some("secret".into());
        let text = format!("{request:?}");
        assert!(!text.contains("secret") && text.contains("https://host/file"), "{text}");
    }
}
