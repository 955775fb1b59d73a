//! Makes errors of what a provider says about a failure: in the body of a refusal, or inside an answer.

use std::time::Duration;

use super::Meta;
use super::reply::is_millis;
use crate::error::{ApiError, Error, ErrorKind};
use crate::http::{length, retry_after};
use crate::wire::v1::ProviderFailure;

/// How much of a body without any known shape is shown as the message.
const SHOWN: usize = 300;

/// The refusal of a whole request, by its status and body.
pub(super) fn of_body(meta: &Meta, body: &[u8]) -> Error {
    let failure = read(meta, body).unwrap_or_default();
    let text = meta.redact(String::from_utf8_lossy(body).into_owned());
    let mut error = of(meta, failure);
    if error.message.is_empty() {
        error.message = text.trim().chars().take(SHOWN).collect();
    }
    error.body = Some(text).filter(|text| !text.is_empty());
    Error::Api(Box::new(error))
}

/// A failure that an answer reports, although its status says otherwise.
pub(super) fn of_answer(meta: &Meta, failure: ProviderFailure) -> Error {
    Error::Api(Box::new(of(meta, failure)))
}

/// What the body of a failure says, if it has a shape that the wire knows.
pub(super) fn read(meta: &Meta, body: &[u8]) -> Option<ProviderFailure> {
    let failure = (meta.errors.body)(body).ok()??;
    Some(ProviderFailure::of(&failure))
}

fn of(meta: &Meta, failure: ProviderFailure) -> ApiError {
    let status = failure.status.unwrap_or(meta.status.as_u16());
    let kind = (meta.errors.classify)(failure.kind.as_deref(), failure.code.as_deref(), status);
    let provider = meta.client.provider().name;
    ApiError {
        kind,
        provider,
        status,
        message: meta.redact(failure.message.unwrap_or_default()),
        param: failure.param.map(|text| meta.redact(text)),
        request_id: meta.request_id().map(str::to_owned).or(failure.request_id),
        retry_after: wait(meta, failure.retry_after.as_deref()),
        retryable: is_retryable(meta, kind),
        wire_kind: failure.kind.map(|text| meta.redact(text)),
        code: failure.code.map(|text| meta.redact(text)),
        body: None,
        partial: None,
    }
}

fn wait(meta: &Meta, in_body: Option<&str>) -> Option<Duration> {
    let named = meta.errors.retry_after.iter().map(|(name, unit)| (*name, is_millis(*unit)));
    retry_after(&meta.headers, named).or_else(|| length(in_body?, false))
}

/// The provider's own word on it, where it has one, or else what the wire says of the kind.
fn is_retryable(meta: &Meta, kind: ErrorKind) -> bool {
    match meta.header(meta.errors.should_retry.unwrap_or("x-should-retry")) {
        Some("true") => true,
        Some("false") => false,
        _ => kind == ErrorKind::Timeout || meta.errors.retry.contains(&kind),
    }
}

impl Meta {
    /// Providers repeat a wrong key in their message; it must not get into a log that way.
    fn redact(&self, text: String) -> String {
        let key = self.client.http().ok().and_then(|http| http.key.as_ref()).map(|key| key.expose().trim());
        match key {
            Some(key) if key.len() >= 4 && text.contains(key) => text.replace(key, "[redacted]"),
            _ => text,
        }
    }
}
