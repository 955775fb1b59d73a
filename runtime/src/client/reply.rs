//! Whole answers, and what comes with an answer besides its content.

use std::ops::Deref;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use super::Client;
use crate::chat::{ChatResponse, Warning};
use crate::http::{Attempt, Attempts, RateLimits};
use crate::model::ChosenModel;
use crate::price::{self, Cost};
use crate::wire::v1::{ErrorWire, Unit};

/// What comes with an answer besides its content.
#[derive(Debug, Clone)]
pub struct Meta {
    pub(super) client: Client,
    pub(super) errors: &'static ErrorWire,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    attempts: Vec<Attempt>,
}

impl Meta {
    pub(super) fn new(
        client: &Client,
        errors: &'static ErrorWire,
        status: StatusCode,
        headers: HeaderMap,
    ) -> Self {
        Self { client: client.clone(), errors, status, headers, attempts: Vec::new() }
    }

    /// This, with the attempts that failed before.
    pub(super) fn after(mut self, attempts: Attempts) -> Self {
        self.tell(attempts);
        self
    }

    /// Tells of the attempts that failed before.
    pub(super) fn tell(&mut self, attempts: Attempts) {
        self.attempts = attempts.into_failed();
    }

    /// The id under which the provider can find the request.
    pub fn request_id(&self) -> Option<&str> {
        self.errors.request_id.iter().find_map(|name| self.header(name))
    }

    /// How much more may be asked, as far as the provider says.
    pub fn rate_limits(&self) -> RateLimits {
        let Some(limits) = &self.errors.rate_limits else { return RateLimits::default() };
        RateLimits::read(&self.headers, limits.pattern, is_millis(limits.reset))
    }

    /// The attempts that failed before the one that succeeded, and why.
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// A header of the answer, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Whether a bare number counts milliseconds.
pub(super) fn is_millis(unit: Unit) -> bool {
    matches!(unit, Unit::Milliseconds | Unit::UnixMilliseconds)
}

/// A whole answer of a chat model. Reads like its [`ChatResponse`].
#[derive(Debug, Clone)]
pub struct Reply {
    response: ChatResponse,
    meta: Meta,
    model: ChosenModel,
    /// The service tier that was asked for.
    tier: Option<String>,
}

impl Deref for Reply {
    type Target = ChatResponse;

    fn deref(&self) -> &ChatResponse {
        &self.response
    }
}

impl Reply {
    pub(super) fn new(response: ChatResponse, meta: Meta, model: ChosenModel, tier: Option<String>) -> Self {
        Self { response, meta, model, tier }
    }

    /// What the request cost, exactly. `None` if the usage is not known, or a price that it needs, or if it was
    /// served at a special tier, whose prices no catalog has.
    pub fn cost(&self) -> Option<Cost> {
        let served = self.response.service_tier.as_deref().or(self.tier.as_deref());
        let ordinary = served.is_none_or(is_ordinary);
        price::cost(&self.model, self.response.usage.as_ref()?).filter(|_| ordinary)
    }

    /// The answer alone.
    pub fn into_response(self) -> ChatResponse {
        self.response
    }

    /// What was changed or dropped on the way.
    pub fn warnings(&self) -> &[Warning] {
        &self.response.warnings
    }

    /// The id under which the provider can find the request.
    pub fn request_id(&self) -> Option<&str> {
        self.meta.request_id()
    }

    /// How much more may be asked, as far as the provider says.
    pub fn rate_limits(&self) -> RateLimits {
        self.meta.rate_limits()
    }

    /// The attempts that failed before the one that succeeded, and why.
    pub fn attempts(&self) -> &[Attempt] {
        self.meta.attempts()
    }

    /// What came with the answer besides its content.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }
}

/// Tiers that cost what the catalog says.
fn is_ordinary(tier: &str) -> bool {
    matches!(tier, "auto" | "default" | "standard" | "standard_only")
}
