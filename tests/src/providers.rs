//! From the names of the corpus to generated clients: the one place that knows the generated crates.

use typewright_runtime::client::{Builder, Client};
use typewright_runtime::error::Result;
use typewright_runtime::wire::v1::ChatWire;

/// Who speaks a recorded wire: the provider itself, or for its imitation of another one's wire, that one.
fn speaker<'a>(dialect: &str, provider: &'a str) -> &'a str {
    match (dialect, provider) {
        ("openai-chat" | "openai-embeddings" | "openai-models", "ollama") => "openai",
        _ => provider,
    }
}

/// A client that speaks `dialect` as `provider` does, of the server at `url`; `None` if no such client is built.
///
/// It never tries again, so that a recorded failure is seen as it was recorded.
pub fn client(dialect: &str, provider: &str, url: &str) -> Option<Client> {
    fn ready<C: From<Client>>(builder: Builder<C>, url: &str) -> Result<C> {
        builder.environment(false).no_proxy().max_retries(0).api_key("a-key").base_url(url).build()
    }
    let client = match speaker(dialect, provider) {
        "anthropic" => {
            ready(typewright::anthropic::Anthropic::builder(), url).map(|client| client.into_inner())
        }
        "deepseek" => ready(typewright::deepseek::DeepSeek::builder(), url).map(|client| client.into_inner()),
        "groq" => ready(typewright::groq::Groq::builder(), url).map(|client| client.into_inner()),
        "ollama" => ready(typewright::ollama::Ollama::builder(), url).map(|client| client.into_inner()),
        "openai" => ready(typewright::openai::OpenAi::builder(), url).map(|client| client.into_inner()),
        "openrouter" => {
            ready(typewright::openrouter::OpenRouter::builder(), url).map(|client| client.into_inner())
        }
        "together" => ready(typewright::together::Together::builder(), url).map(|client| client.into_inner()),
        "xai" => ready(typewright::xai::Xai::builder(), url).map(|client| client.into_inner()),
        _ => return None,
    };
    client.ok()
}

/// The chat wire of `dialect` as `provider` speaks it.
pub fn chat_wire(dialect: &str, provider: &str) -> Option<&'static ChatWire> {
    client(dialect, provider, "http://127.0.0.1:9")?.provider().chat
}
