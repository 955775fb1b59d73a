//! From the names of the corpus to generated clients: the one place that knows the generated crates.

use typewright_runtime::client::Client;
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
    let _ = (speaker(dialect, provider), url);
    None
}

/// The chat wire of `dialect` as `provider` speaks it.
pub fn chat_wire(dialect: &str, provider: &str) -> Option<&'static ChatWire> {
    client(dialect, provider, "http://127.0.0.1:9")?.provider().chat
}
