//! Which recorded exchanges a client is held to. One table; what is outside of it is counted by name.

/// Folders of the wires that are built.
pub const DIALECTS: [&str; 5] =
    ["openai-chat", "anthropic-messages", "ollama", "openai-embeddings", "openai-models"];
/// The operations that are built.
pub const OPERATIONS: [&str; 4] = ["chat", "embed", "models", "count_tokens"];
/// The providers that are built.
pub const PROVIDERS: [&str; 8] =
    ["openai", "anthropic", "ollama", "groq", "deepseek", "openrouter", "xai", "together"];

/// Why a case is out of scope, by name; `None` if it is in scope.
pub fn outside(dialect: &str, provider: &str, operation: &str) -> Option<String> {
    if !DIALECTS.contains(&dialect) {
        return Some(format!("dialect {dialect}"));
    }
    if !PROVIDERS.contains(&provider) {
        return Some(format!("provider {provider}"));
    }
    (!OPERATIONS.contains(&operation)).then(|| operation.to_owned())
}
