//! When to send a request again, and how long to wait first.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use reqwest::header::HeaderMap;
use tokio::time::Instant;

use super::config::RetryPolicy;
use super::date::{compound, until, until_http_date, until_rfc3339};
use crate::error::{Clock, Error, ErrorKind, Result};

const THIRTY_YEARS: Duration = Duration::from_secs(30 * 365 * 86_400);

/// An attempt that failed and was followed by another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Why it failed.
    pub reason: RetryReason,
    /// How long was waited before the next one.
    pub wait: Duration,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryReason {
    /// The provider said so.
    Api {
        /// What kind of failure it was.
        kind: ErrorKind,
        /// The HTTP status.
        status: u16,
        /// The provider's id of the attempt.
        request_id: Option<String>,
    },
    /// There was no connection, or it broke.
    Connection,
    /// A clock ran out.
    Timeout(Clock),
    /// The answer ended before its first output.
    Empty,
}

/// The attempts of one call so far.
#[derive(Debug)]
pub(crate) struct Attempts {
    policy: RetryPolicy,
    deadline: Option<Instant>,
    failed: Vec<Attempt>,
}

impl Attempts {
    pub(crate) fn new(policy: RetryPolicy, total: Option<Duration>) -> Self {
        let deadline = total.map(|total| Instant::now() + total);
        Self { policy, deadline, failed: Vec::new() }
    }

    /// When the whole call has to be done.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The attempts that failed.
    pub(crate) fn into_failed(self) -> Vec<Attempt> {
        self.failed
    }

    /// Waits until it is time to send again, or gives `error` back if it is not to be sent again.
    pub(crate) async fn again(&mut self, error: Error) -> Result<()> {
        let Some(wait) = self.wait_after(&error) else { return Err(error) };
        self.failed.push(Attempt { reason: reason(&error), wait });
        tokio::time::sleep(wait).await;
        Ok(())
    }

    fn wait_after(&self, error: &Error) -> Option<Duration> {
        let made = u32::try_from(self.failed.len()).ok()?;
        if !error.is_retryable() {
            return None;
        }
        self.policy.wait(made, error.retry_after(), self.deadline)
    }
}

impl RetryPolicy {
    /// How long to wait after `made` retries, if there is to be another: `asked` is what the answer asks for, and the
    /// wait has to be over by `deadline`.
    pub(crate) fn wait(
        &self,
        made: u32,
        asked: Option<Duration>,
        deadline: Option<Instant>,
    ) -> Option<Duration> {
        let wait = match asked {
            _ if made >= self.max_retries => return None,
            Some(asked) if asked > self.retry_after_cap => return None,
            Some(asked) => asked,
            None => self.backoff(made),
        };
        let in_time = deadline.is_none_or(|deadline| Instant::now() + wait < deadline);
        in_time.then_some(wait)
    }

    /// Doubled with each retry up to the cap, and shortened by up to a quarter, so that clients which failed
    /// together do not come back together.
    fn backoff(&self, made: u32) -> Duration {
        let longest = self.base.saturating_mul(1 << made.min(20)).min(self.cap);
        longest.mul_f64(1.0 - random() / 4.0)
    }
}

/// Random bits that keep no secret: the keys of a hash map, which are drawn anew each time.
pub(crate) fn random_bits() -> u64 {
    RandomState::new().hash_one(())
}

/// A random number from 0 up to 1.
fn random() -> f64 {
    (random_bits() >> 11) as f64 / (1_u64 << 53) as f64
}

fn reason(error: &Error) -> RetryReason {
    match error {
        Error::Api(api) => {
            RetryReason::Api { kind: api.kind, status: api.status, request_id: api.request_id.clone() }
        }
        Error::Timeout { clock, .. } => RetryReason::Timeout(*clock),
        Error::Truncated { .. } => RetryReason::Empty,
        _ => RetryReason::Connection,
    }
}

/// How long the headers ask to wait. `named` are the headers of the provider, each with whether a bare number
/// in it is milliseconds; the common ones are looked at after them.
pub(crate) fn retry_after<'a>(
    headers: &HeaderMap,
    named: impl IntoIterator<Item = (&'a str, bool)>,
) -> Option<Duration> {
    let named = named.into_iter().chain([("retry-after-ms", true), ("retry-after", false)]);
    let mut found = named.filter_map(|(name, millis)| Some((headers.get(name)?.to_str().ok()?, millis)));
    found.find_map(|(text, millis)| length(text, millis))
}

/// A length of time in any form in use: a number, numbers with units, a point in time to wait for.
pub(crate) fn length(text: &str, millis: bool) -> Option<Duration> {
    let text = text.trim();
    match text.parse::<f64>() {
        Ok(number) => number_of_seconds(if millis { number / 1000.0 } else { number }),
        Err(_) => compound(text).or_else(|| until_http_date(text)).or_else(|| until_rfc3339(text)),
    }
}

/// A number too large to be a wait is a point in time, in seconds since 1970.
fn number_of_seconds(number: f64) -> Option<Duration> {
    let length = Duration::try_from_secs_f64(number).ok()?;
    if length < THIRTY_YEARS { Some(length) } else { until(length.as_secs().try_into().ok()?) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let value = |text| reqwest::header::HeaderValue::from_static(text);
        pairs
            .iter()
            .map(|(name, text)| (reqwest::header::HeaderName::from_static(name), value(text)))
            .collect()
    }

    #[test]
    fn every_form_of_retry_after_is_read() {
        let common = |pairs: &[_]| retry_after(&headers(pairs), []);
        assert_eq!(common(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
        assert_eq!(common(&[("retry-after", "0.5")]), Some(Duration::from_millis(500)));
        assert_eq!(
            common(&[("retry-after-ms", "20"), ("retry-after", "7")]),
            Some(Duration::from_millis(20))
        );
        assert_eq!(common(&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")]), Some(Duration::ZERO));
        assert_eq!(common(&[("retry-after", "1m2s")]), Some(Duration::from_secs(62)));
        assert_eq!(common(&[("retry-after", "-1")]), None);
        let named = retry_after(&headers(&[("x-wait", "9"), ("retry-after", "7")]), [("x-wait", false)]);
        assert_eq!(named, Some(Duration::from_secs(9)));
    }

    #[test]
    fn waits_double_up_to_the_cap_and_stay_within_a_quarter() {
        let policy = RetryPolicy::default();
        for (made, longest) in [(0, 500), (1, 1000), (3, 4000), (9, 8000)] {
            let wait = policy.backoff(made).as_millis();
            assert!((longest * 3 / 4..=longest).contains(&wait), "{made}: {wait}");
        }
    }

    #[test]
    fn a_longer_wait_than_allowed_is_not_waited_for() {
        let attempts = Attempts::new(RetryPolicy::default(), None);
        let error = |seconds| {
            Error::Api(Box::new(crate::error::ApiError {
                kind: ErrorKind::RateLimited,
                provider: "acme",
                status: 429,
                wire_kind: None,
                code: None,
                message: String::new(),
                param: None,
                request_id: None,
                retry_after: Some(Duration::from_secs(seconds)),
                retryable: true,
                body: None,
                partial: None,
            }))
        };
        assert_eq!(attempts.wait_after(&error(60)), Some(Duration::from_secs(60)));
        assert_eq!(attempts.wait_after(&error(61)), None);
        assert_eq!(attempts.wait_after(&Error::timeout(Clock::Total, Duration::ZERO)), None);
    }
}
