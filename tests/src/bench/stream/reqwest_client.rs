//! The client that one writes by hand in an afternoon: reqwest, memchr, serde_json. No retries, no clocks, no limits.
//! Also the reading of a body without a look at it, which is what the transport alone costs.

use std::borrow::Cow;

use memchr::memchr;
use serde::{Deserialize, Serialize};

use super::load::Client;
use crate::bench::Failure;

/// A client by hand.
#[derive(Clone)]
pub struct ByHand {
    http: reqwest::Client,
    url: String,
}

/// A reader of bodies.
#[derive(Clone)]
pub struct BodyAlone(ByHand);

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    messages: [Message<'a>; 1],
    stream: bool,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'a str,
    content: &'a str,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    choices: Vec<Choice<'a>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Delta<'a>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    content: Option<Cow<'a, str>>,
}

impl ByHand {
    /// A client of the server at `url`.
    pub fn new(url: &str) -> Result<Self, Failure> {
        // Another one may be installed; then it stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { http, url: format!("{url}/chat/completions") })
    }

    async fn send(&self) -> Result<reqwest::Response, Failure> {
        let messages = [Message { role: "user", content: "hi" }];
        let body = serde_json::to_vec(&Request { model: "gpt-4.1", messages, stream: true })?;
        let request =
            self.http.post(&self.url).bearer_auth("a-key").header("content-type", "application/json");
        Ok(request.body(body).send().await?.error_for_status()?)
    }
}

impl BodyAlone {
    /// A client of the server at `url`.
    pub fn new(url: &str) -> Result<Self, Failure> {
        ByHand::new(url).map(Self)
    }
}

impl Client for ByHand {
    async fn stream(&self, mut text: impl FnMut(&str) + Send) -> Result<(), Failure> {
        let mut response = self.send().await?;
        let mut buffer: Vec<u8> = Vec::with_capacity(16 << 10);
        while let Some(bytes) = response.chunk().await? {
            buffer.extend_from_slice(&bytes);
            let mut done = 0;
            while let Some(length) = memchr(b'\n', &buffer[done..]) {
                let line = &buffer[done..done + length];
                done += length + 1;
                let Some(data) = line.strip_prefix(b"data: ") else { continue };
                if data == b"[DONE]" {
                    return Ok(());
                }
                let chunk: Chunk<'_> = serde_json::from_slice(data)?;
                if let Some(more) = chunk.choices.first().and_then(|choice| choice.delta.content.as_deref()) {
                    text(more);
                }
            }
            buffer.drain(..done);
        }
        Ok(())
    }
}

impl Client for BodyAlone {
    async fn stream(&self, mut text: impl FnMut(&str) + Send) -> Result<(), Failure> {
        let mut response = self.0.send().await?;
        while let Some(bytes) = response.chunk().await? {
            if !bytes.is_empty() {
                text("");
            }
        }
        Ok(())
    }
}
