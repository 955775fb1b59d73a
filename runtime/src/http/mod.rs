//! Transport: one HTTP client with clocks, limits and retries, and what the headers of an answer say.
//!
//! It moves bytes and knows statuses and headers. What a body means is the business of [`crate::client`] and of
//! generated wire code. Files are the business of `download`, and repositories of models that of `hub`; both are behind
//! the feature `download`.

mod body;
mod config;
mod date;
#[cfg(feature = "download")]
pub mod download;
#[cfg(feature = "download")]
pub mod hub;
mod rate_limit;
mod retry;
mod transport;

pub use config::{Clocks, Limits, RetryPolicy};
pub use rate_limit::{RateLimit, RateLimits};
pub use retry::{Attempt, RetryReason};

pub(crate) use body::Body;
pub(crate) use config::Transport as TransportConfig;
#[cfg(feature = "download")]
pub(crate) use date::http_date;
pub(crate) use retry::{Attempts, length, random_bits, retry_after};
#[cfg(feature = "download")]
pub(crate) use transport::is_loopback;
pub(crate) use transport::{Answer, Call, Transport};
