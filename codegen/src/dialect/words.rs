//! The fixed words of the language: operations of a dialect, operations of a table, variants of a table.

/// What a dialect can describe.
pub const OPERATIONS: &[&str] = &["chat", "embed", "models", "count_tokens"];

/// The stream operations that a row of an operation table can name.
pub const OPS: &[&str] = &[
    "meta",
    "served",
    "open",
    "append",
    "set",
    "whole",
    "fill",
    "restate",
    "close",
    "cite",
    "logprobs",
    "usage",
    "finish",
    "end",
    "beat",
    "fail",
    "embedding",
    "model",
    "next",
    "tokens",
];

/// The variants that the rows of a table can stand for; none for a table of one shape.
pub fn variants(table: &str) -> &'static [&'static str] {
    match table {
        "message" => &["system", "user", "assistant", "tool", "_"],
        "part" | "system" => &[
            "text",
            "image",
            "audio",
            "file",
            "reasoning",
            "refusal",
            "tool_call",
            "tool_result",
            "raw",
            "_",
        ],
        "tool" => &["function", "raw", "_"],
        "tool_choice" => &["auto", "none", "required", "tool"],
        "format" => &["text", "json", "schema"],
        "reasoning" => &["disabled", "enabled", "effort", "budget"],
        _ => &[],
    }
}
