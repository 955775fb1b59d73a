//! The operations of decode tables, and the closed lists of words that tables map to.

use super::Ty;

/// An operation of a decode table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Op {
    /// Its name.
    pub name: &'static str,
    /// Whether a class follows (`append.text`).
    pub class: bool,
    /// Its own fields, besides those of the class and the keys.
    pub fields: &'static [(&'static str, Ty)],
}

/// All operations.
pub const OPS: &[Op] = &[
    Op {
        name: "meta",
        class: false,
        fields: &[("id", Ty::Str), ("model", Ty::Str), ("created", Ty::Int), ("tier", Ty::Str)],
    },
    Op { name: "open", class: true, fields: &[("delta", Ty::Str)] },
    Op { name: "append", class: true, fields: &[("delta", Ty::Str)] },
    Op { name: "set", class: true, fields: &[] },
    Op { name: "whole", class: true, fields: &[] },
    Op { name: "fill", class: true, fields: &[] },
    Op { name: "restate", class: true, fields: &[] },
    Op { name: "close", class: true, fields: &[] },
    Op {
        name: "cite",
        class: false,
        fields: &[
            ("url", Ty::Str),
            ("title", Ty::Str),
            ("start", Ty::Uint),
            ("end", Ty::Uint),
            ("text", Ty::Str),
            ("raw", Ty::Json),
        ],
    },
    Op { name: "logprobs", class: false, fields: &[("tokens", Ty::Json)] },
    Op {
        name: "usage",
        class: false,
        fields: &[
            ("input", Ty::Uint),
            ("output", Ty::Uint),
            ("cache_read", Ty::Uint),
            ("cache_write", Ty::Uint),
            ("reasoning", Ty::Uint),
            ("total", Ty::Uint),
            ("input_audio", Ty::Uint),
            ("output_audio", Ty::Uint),
        ],
    },
    Op { name: "finish", class: false, fields: &[("reason", Ty::Str), ("stop_sequence", Ty::Str)] },
    Op { name: "end", class: false, fields: &[] },
    Op { name: "beat", class: false, fields: &[] },
    Op {
        name: "fail",
        class: false,
        fields: &[
            ("kind", Ty::Str),
            ("code", Ty::Str),
            ("message", Ty::Str),
            ("param", Ty::Str),
            ("status", Ty::Uint),
            ("retry_after", Ty::Str),
            ("request_id", Ty::Str),
        ],
    },
];

/// The classes of part that a stream opens.
pub const CLASSES: &[&str] = &["text", "reasoning", "refusal", "tool_call", "image", "audio", "raw"];

/// A capability: its name in YAML and whether it is a marker trait of the generated models.
pub const CAPABILITIES: &[(&str, bool)] = &[
    ("vision", true),
    ("audio_input", true),
    ("documents", true),
    ("tools", true),
    ("parallel_tools", false),
    ("structured_output", true),
    ("json_mode", true),
    ("reasoning", true),
    ("reasoning_effort", false),
    ("reasoning_budget", false),
    ("adaptive_thinking", false),
    ("sampling", true),
    ("penalties", false),
    ("stop_sequences", true),
    ("logprobs", true),
    ("seed", false),
    ("streaming", false),
    ("prompt_cache", true),
    ("legacy_max_tokens", false),
    ("developer_role", false),
    ("tool_choice", false),
    ("system_prompt", false),
    ("image_output", false),
    ("audio_output", false),
    ("embeddings", true),
];

/// The capability called `name` as the runtime's enum spells it.
pub fn capability(name: &str) -> Option<String> {
    CAPABILITIES.iter().find(|(known, _)| *known == name).map(|(known, _)| super::camel(known))
}

/// Canonical finish reasons.
pub const FINISH_REASONS: &[&str] =
    &["stop", "length", "tool_calls", "content_filter", "pause", "error", "other", "ignore"];

/// Canonical error kinds, as the runtime's enum spells them.
pub const ERROR_KINDS: &[&str] = &[
    "Authentication",
    "PermissionDenied",
    "NotFound",
    "InvalidRequest",
    "ContextLengthExceeded",
    "RateLimited",
    "QuotaExceeded",
    "Overloaded",
    "ContentFiltered",
    "Timeout",
    "Server",
    "Cancelled",
    "Other",
];
