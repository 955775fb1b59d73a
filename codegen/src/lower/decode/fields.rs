//! What the rows of operation tables may bind: the fields of every operation, with the JSON they are read from.

use crate::ir::decode::Leaf;

/// A field that a row can bind.
#[derive(Debug, Clone, Copy)]
pub struct OpField {
    /// Its name behind the dollar.
    pub name: &'static str,
    /// How it is read.
    pub leaf: Leaf,
    /// A row without it means nothing.
    pub required: bool,
}

const fn field(name: &'static str, leaf: Leaf) -> OpField {
    OpField { name, leaf, required: false }
}

const fn required(name: &'static str, leaf: Leaf) -> OpField {
    OpField { name, leaf, required: true }
}

const TEXT: OpField = field("text", Leaf::Text);
const DELTA: OpField = field("delta", Leaf::Text);
const SIGNATURE: OpField = field("signature", Leaf::Text);
const ITEM_ID: OpField = field("item_id", Leaf::Text);

/// Part classes that can come in.
pub const CLASSES: &[&str] = &["text", "reasoning", "refusal", "tool_call", "image", "audio"];

/// The words of the canonical finish reasons.
pub const FINISH: &[&str] =
    &["stop", "length", "tool_calls", "content_filter", "pause", "error", "other", "ignore"];

/// The canonical classes of errors.
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

/// The canonical usage fields.
pub const USAGE: &[&str] =
    &["input", "output", "cache_read", "cache_write", "reasoning", "total", "input_audio", "output_audio"];

/// The fields of an operation on parts of `class`.
fn class_fields(class: &str) -> &'static [OpField] {
    match class {
        "text" | "refusal" => const { &[TEXT, DELTA, SIGNATURE] },
        "reasoning" => const { &[TEXT, DELTA, SIGNATURE, field("redacted", Leaf::Text), ITEM_ID] },
        "tool_call" => {
            const {
                &[
                    field("id", Leaf::Text),
                    field("name", Leaf::Text),
                    field("arguments", Leaf::Text),
                    DELTA,
                    SIGNATURE,
                    ITEM_ID,
                ]
            }
        }
        "image" | "audio" => {
            const { &[field("mime", Leaf::Text), field("data", Leaf::Text), field("url", Leaf::Text)] }
        }
        _ => const { &[] },
    }
}

/// The fields of the operation `op` on `class` (empty where it has none).
pub fn fields(op: &str, class: &str) -> &'static [OpField] {
    match op {
        "meta" => {
            const {
                &[
                    field("id", Leaf::Text),
                    field("model", Leaf::Text),
                    field("created", Leaf::Int),
                    field("tier", Leaf::Scalar),
                ]
            }
        }
        "served" => const { &[required("model", Leaf::Text)] },
        "open" | "append" | "set" | "whole" | "fill" | "restate" => class_fields(class),
        "cite" => {
            const {
                &[
                    field("url", Leaf::Text),
                    field("title", Leaf::Text),
                    field("start", Leaf::Uint),
                    field("end", Leaf::Uint),
                    field("raw", Leaf::Raw),
                ]
            }
        }
        "logprobs" => const { &[required("tokens", Leaf::Raw)] },
        "finish" => const { &[required("reason", Leaf::Text), field("stop_sequence", Leaf::Text)] },
        "fail" => {
            const {
                &[
                    field("kind", Leaf::Scalar),
                    field("code", Leaf::Scalar),
                    field("message", Leaf::Scalar),
                    field("param", Leaf::Scalar),
                    field("status", Leaf::Uint),
                    field("retry_after", Leaf::Scalar),
                    field("request_id", Leaf::Scalar),
                ]
            }
        }
        "_" => const { &[required("raw", Leaf::Raw)] },
        "embedding" => const { &[field("index", Leaf::Uint), required("vector", Leaf::Raw)] },
        "model" => {
            const {
                &[
                    required("id", Leaf::Text),
                    field("name", Leaf::Text),
                    field("created", Leaf::Int),
                    field("owner", Leaf::Text),
                ]
            }
        }
        "next" => const { &[required("cursor", Leaf::Text)] },
        "tokens" => const { &[required("input", Leaf::Uint)] },
        _ => const { &[] },
    }
}

/// What the operation `op` on `class` cannot do without, beside what [`fields`] marks.
pub fn required_by_class(op: &str, class: &str) -> &'static [&'static str] {
    match (op, class) {
        ("append", _) => &["delta"],
        ("whole" | "fill" | "restate", "text" | "refusal") => &["text"],
        ("whole" | "fill" | "restate" | "open", "tool_call") => &["name"],
        _ => &[],
    }
}

/// The operations that a table of `operation` may use.
pub fn allowed(operation: &str) -> &'static [&'static str] {
    match operation {
        "chat" => &[
            "meta", "served", "open", "append", "set", "whole", "fill", "restate", "close", "cite",
            "logprobs", "usage", "finish", "end", "beat", "fail", "_",
        ],
        "embed" => &["meta", "embedding", "usage", "fail"],
        "models" => &["model", "next", "fail"],
        "count_tokens" => &["tokens", "fail"],
        _ => &[],
    }
}
