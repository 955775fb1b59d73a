//! What the headers of an answer say about how much more may be asked.

use std::time::Duration;

use reqwest::header::HeaderMap;

use super::retry::length;

/// One limited resource, such as `requests` or `tokens`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RateLimit {
    /// The resource, in the provider's word.
    pub resource: String,
    /// How much may be used in a period.
    pub limit: Option<u64>,
    /// How much is left of it.
    pub remaining: Option<u64>,
    /// How long until it is whole again.
    pub reset: Option<Duration>,
}

/// What the provider says of its limits; empty if it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RateLimits(Vec<RateLimit>);

impl std::ops::Deref for RateLimits {
    type Target = [RateLimit];

    fn deref(&self) -> &[RateLimit] {
        &self.0
    }
}

/// The two slots of a header pattern.
enum Slot {
    What,
    Resource,
}

const WHAT: &str = "${what}";
const RESOURCE: &str = "${resource}";

impl RateLimits {
    /// Reads the headers that fit `pattern`, such as `x-limit-${what}-${resource}`, where `what` is `limit`,
    /// `remaining` or `reset`. A bare number in `reset` is milliseconds if `millis` says so.
    pub(crate) fn read(headers: &HeaderMap, pattern: &str, millis: bool) -> Self {
        let mut limits = Self::default();
        for (name, value) in headers {
            let Some((what, resource)) = fit(pattern, name.as_str()) else { continue };
            let Ok(text) = value.to_str() else { continue };
            limits.put(what, resource, text.trim(), millis);
        }
        limits
    }

    /// The limit of `resource`.
    pub fn of(&self, resource: &str) -> Option<&RateLimit> {
        self.0.iter().find(|limit| limit.resource == resource)
    }

    fn put(&mut self, what: &str, resource: &str, text: &str, millis: bool) {
        let limit = self.entry(resource);
        match what {
            "limit" => limit.limit = text.parse().ok(),
            "remaining" => limit.remaining = text.parse().ok(),
            _ => limit.reset = length(text, millis),
        }
    }

    fn entry(&mut self, resource: &str) -> &mut RateLimit {
        let at = self.0.iter().position(|limit| limit.resource == resource).unwrap_or(self.0.len());
        if at == self.0.len() {
            self.0.push(RateLimit { resource: resource.to_owned(), ..RateLimit::default() });
        }
        &mut self.0[at]
    }
}

/// `what` and `resource` of a header's name, if it fits the pattern.
fn fit<'a>(pattern: &str, name: &'a str) -> Option<(&'a str, &'a str)> {
    let (slot, prefix, rest) = first_slot(pattern)?;
    let name = name.strip_prefix(prefix)?;
    match slot {
        Slot::What => {
            let (what, name) = split_what(name)?;
            let (between, after) = rest.split_once(RESOURCE).unwrap_or((rest, ""));
            Some((what, name.strip_prefix(between)?.strip_suffix(after)?))
        }
        Slot::Resource => {
            let (between, after) = rest.split_once(WHAT)?;
            let (resource, what) = name.strip_suffix(after)?.rsplit_once(between)?;
            is_what(what).then_some((what, resource))
        }
    }
}

fn first_slot(pattern: &str) -> Option<(Slot, &str, &str)> {
    let what = pattern.find(WHAT)?;
    match pattern.find(RESOURCE) {
        Some(resource) if resource < what => {
            Some((Slot::Resource, &pattern[..resource], &pattern[resource + RESOURCE.len()..]))
        }
        _ => Some((Slot::What, &pattern[..what], &pattern[what + WHAT.len()..])),
    }
}

fn split_what(name: &str) -> Option<(&str, &str)> {
    let end = ["limit", "remaining", "reset"].into_iter().find(|what| name.starts_with(what))?.len();
    Some(name.split_at(end))
}

fn is_what(word: &str) -> bool {
    matches!(word, "limit" | "remaining" | "reset")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pattern: &str, pairs: &[(&'static str, &'static str)]) -> RateLimits {
        let value = |text| reqwest::header::HeaderValue::from_static(text);
        let pairs =
            pairs.iter().map(|(name, text)| (reqwest::header::HeaderName::from_static(name), value(text)));
        RateLimits::read(&pairs.collect(), pattern, false)
    }

    #[test]
    fn both_orders_of_the_slots_are_read() {
        let first = read(
            "x-limit-${what}-${resource}",
            &[
                ("x-limit-limit-tokens", "100"),
                ("x-limit-remaining-tokens", "3"),
                ("x-limit-reset-tokens", "1m2s"),
            ],
        );
        let tokens = RateLimit {
            resource: "tokens".into(),
            limit: Some(100),
            remaining: Some(3),
            reset: Some(Duration::from_secs(62)),
        };
        assert_eq!(first.of("tokens"), Some(&tokens));
        let second =
            read("a-${resource}-${what}", &[("a-input-tokens-limit", "7"), ("a-requests-remaining", "x")]);
        assert_eq!(second.of("input-tokens").and_then(|limit| limit.limit), Some(7));
        assert_eq!(second.of("requests").map(|limit| limit.remaining), Some(None));
        assert_eq!(second.len(), 2);
    }

    #[test]
    fn other_headers_are_left_alone() {
        assert!(
            read("x-limit-${what}-${resource}", &[("x-limit-used-tokens", "1"), ("date", "x")]).is_empty()
        );
        assert!(
            read("a-${resource}-${what}", &[("a-requests-used", "1"), ("b-requests-limit", "1")]).is_empty()
        );
    }
}
