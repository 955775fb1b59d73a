//! What generated clients do, end to end against a server on the loopback address: retries and clocks, what is kept
//! of a broken answer, what is sent, what it costs, and that no key is ever shown.

mod answers;
mod clocks;
mod requests;
mod retries;
mod secrets;
mod tools;

use std::time::Duration;

use typewright::anthropic::Anthropic;
use typewright::openai::OpenAi;
use typewright_runtime::client::Builder;
use typewright_runtime::http::RetryPolicy;

use crate::server::Server;

/// A whole answer of one text.
pub(crate) const HELLO: &str = r#"{"id":"c-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}"#;

/// Waits so short that a test can wait for them.
const QUICK: RetryPolicy = RetryPolicy {
    max_retries: 2,
    base: Duration::from_millis(1),
    cap: Duration::from_millis(2),
    retry_after_cap: Duration::from_secs(1),
};

/// A client builder that looks at nothing but the server.
fn at<C: From<typewright_runtime::client::Client>>(builder: Builder<C>, server: &Server) -> Builder<C> {
    builder.environment(false).no_proxy().api_key("sk-secret-key").base_url(&server.url).retry(QUICK)
}

pub(crate) fn openai(server: &Server) -> OpenAi {
    at(OpenAi::builder(), server).build().unwrap()
}

fn anthropic(server: &Server) -> Anthropic {
    at(Anthropic::builder(), server).build().unwrap()
}

/// A chunk of a streamed answer with this delta.
fn delta(delta: &str) -> String {
    format!(
        r#"{{"id":"c-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]}}"#
    )
}

/// The chunk that says why the model stopped.
fn finish(reason: &str) -> String {
    format!(
        r#"{{"id":"c-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}]}}"#
    )
}

/// A chunk of text.
fn text(text: &str) -> String {
    delta(&format!(r#"{{"content":"{text}"}}"#))
}
