//! Our client, as a user writes it.

use std::time::Duration;

use typewright::openai::{ChatEvent, OpenAi, models};
use typewright_runtime::client::Builder;
use typewright_runtime::http::{Clocks, Limits, RetryPolicy};

use super::load::Client;
use crate::bench::Failure;

/// A generated client.
#[derive(Clone)]
pub struct Ours(OpenAi);

impl Ours {
    /// As it comes: retries, clocks and limits are on.
    pub fn new(url: &str) -> Result<Self, Failure> {
        Self::built(OpenAi::builder(), url)
    }

    /// With all there is to be watched.
    pub fn watched(url: &str) -> Result<Self, Failure> {
        let clocks = Clocks { total: Some(Duration::from_secs(600)), ..Clocks::default() };
        Self::built(OpenAi::builder().clocks(clocks).max_retries(5), url)
    }

    /// With as little to be watched as can be.
    pub fn unwatched(url: &str) -> Result<Self, Failure> {
        let long = Duration::from_secs(365 * 86_400);
        let clocks = Clocks { connect: long, first_byte: long, idle: long, total: None };
        let limits = Limits { body: usize::MAX, line: usize::MAX, event: usize::MAX };
        Self::built(OpenAi::builder().clocks(clocks).limits(limits).retry(RetryPolicy::NEVER), url)
    }

    fn built(builder: Builder<OpenAi>, url: &str) -> Result<Self, Failure> {
        Ok(Self(builder.environment(false).no_proxy().api_key("a-key").base_url(url).build()?))
    }
}

impl Client for Ours {
    async fn stream(&self, mut text: impl FnMut(&str) + Send) -> Result<(), Failure> {
        let mut events = self.0.chat(models::GPT_4_1).user("hi").stream().await?;
        while let Some(event) = events.next().await {
            if let ChatEvent::Text(more) = event? {
                text(&more);
            }
        }
        Ok(())
    }
}
