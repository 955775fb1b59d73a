//! The subjects and sums of a conversation, field by field as in the runtime's `chat` module.

use super::{Field, Payload, Read, Subject, Sum, Ty, Variant};

/// Every struct with slots.
pub const SUBJECTS: &[&Subject] = &[
    &REQUEST,
    &MESSAGE,
    &TEXT,
    &MEDIA[0],
    &MEDIA[1],
    &MEDIA[2],
    &REASONING_PART,
    &REFUSAL,
    &TOOL_CALL,
    &TOOL_RESULT,
    &FUNCTION,
    &SCHEMA,
    &CACHE,
    &super::embed::REQUEST,
];

/// Every enum with a variant table.
pub const SUMS: &[&Sum] = &[&ROLES, &PART, &TOOL, &TOOL_CHOICE, &FORMAT, &REASONING];

/// Fields of the runtime's structs that no slot names, with the reason.
pub const NOT_SLOTS: &[(&str, &str, &str)] = &[
    ("ChatRequest", "options", "named one by one as `$options.<name>`"),
    ("ChatRequest", "extra", "appended to the body as it stands"),
    ("EmbedRequest", "options", "named one by one as `$options.<name>`"),
    ("EmbedRequest", "extra", "appended to the body as it stands"),
    ("Message", "role", "the row's name in the table `message`"),
    ("Media", "source", "matched by the slots `url`, `mime`, `data` and `file_id`"),
    ("Reasoning", "origin", "read by the policy `replay`"),
];

/// What `uses.<name>` may ask of a request; the runtime has a function of each name.
pub const USES: &[&str] = &["files", "images", "audio", "documents", "cache", "provider_tools"];

/// What `$model.<name>` may ask of the model.
pub const MODEL_LIMITS: &[&str] = &["context_window", "max_input", "max_output"];

/// A chat request.
pub const REQUEST: Subject = Subject {
    name: "request",
    rust: "ChatRequest",
    var: "r",
    fields: &[
        Field::always("model", Ty::Str),
        Field::maybe("system", Ty::List("part")).read(Read::Context("system")),
        Field::always("messages", Ty::List("message")).read(Read::Context("turns")),
        Field::maybe("tools", Ty::List("tool")),
        Field::maybe("tool_choice", Ty::Table("tool_choice")),
        Field::maybe("parallel_tool_calls", Ty::Bool),
        Field::maybe("format", Ty::Table("format")),
        Field::maybe("reasoning", Ty::Table("reasoning")),
        Field::maybe("max_tokens", Ty::Uint),
        Field::maybe("temperature", Ty::Float),
        Field::maybe("top_p", Ty::Float),
        Field::maybe("top_k", Ty::Uint),
        Field::maybe("seed", Ty::Int),
        Field::maybe("stop", Ty::StrList),
        Field::maybe("frequency_penalty", Ty::Float),
        Field::maybe("presence_penalty", Ty::Float),
        Field::maybe("logit_bias", Ty::FloatMap),
        Field::maybe("logprobs", Ty::Bool),
        Field::maybe("top_logprobs", Ty::Uint),
        Field::maybe("n", Ty::Uint),
        Field::maybe("user", Ty::Str),
        Field::maybe("service_tier", Ty::Str),
        Field::maybe("metadata", Ty::StrMap),
        Field::always("stream", Ty::Bool).read(Read::Stream),
    ],
};

/// A turn of the conversation: messages after the policies.
const MESSAGE: Subject = Subject {
    name: "message",
    rust: "Message",
    var: "turn",
    fields: &[
        Field::maybe("name", Ty::Str).read(Read::Turn),
        Field::maybe("parts", Ty::List("part")).read(Read::Turn),
    ],
};

const TEXT: Subject = Subject { name: "text part", rust: "Text", var: "text", fields: TEXT_FIELDS };
const REFUSAL: Subject = Subject { name: "refusal part", rust: "Text", var: "refusal", fields: TEXT_FIELDS };

const TEXT_FIELDS: &[Field] = &[
    Field::always("text", Ty::Str),
    Field::maybe("citations", Ty::JsonList),
    Field::maybe("signature", Ty::Str),
    Field::maybe("cache", Ty::Table("cache")),
];

const MEDIA: [Subject; 3] = [
    Subject { name: "image part", rust: "Media", var: "image", fields: MEDIA_FIELDS },
    Subject { name: "audio part", rust: "Media", var: "audio", fields: MEDIA_FIELDS },
    Subject { name: "file part", rust: "Media", var: "file", fields: MEDIA_FIELDS },
];

const MEDIA_FIELDS: &[Field] = &[
    Field::maybe("url", Ty::Str).read(Read::Source("url")),
    Field::maybe("mime", Ty::Mime).read(Read::Source("bytes")),
    Field::maybe("data", Ty::Bytes).read(Read::Source("bytes")),
    Field::maybe("file_id", Ty::Str).read(Read::Source("id")),
    Field::maybe("detail", Ty::Str),
    Field::maybe("filename", Ty::Str),
    Field::maybe("cache", Ty::Table("cache")),
];

const REASONING_PART: Subject = Subject {
    name: "reasoning part",
    rust: "Reasoning",
    var: "thought",
    fields: &[
        Field::always("text", Ty::Str),
        Field::maybe("signature", Ty::Str),
        Field::maybe("redacted", Ty::Str),
        Field::maybe("item_id", Ty::Str),
    ],
};

const TOOL_CALL: Subject = Subject {
    name: "tool_call part",
    rust: "ToolCall",
    var: "call",
    fields: &[
        Field::always("id", Ty::Str),
        Field::always("name", Ty::Str),
        Field::always("arguments", Ty::JsonText),
        Field::maybe("signature", Ty::Str),
        Field::maybe("item_id", Ty::Str),
        Field::maybe("cache", Ty::Table("cache")),
    ],
};

const TOOL_RESULT: Subject = Subject {
    name: "tool_result part",
    rust: "ToolResult",
    var: "result",
    fields: &[
        Field::always("call_id", Ty::Str),
        Field::maybe("content", Ty::List("part")),
        Field::maybe("is_error", Ty::Bool),
        Field::maybe("cache", Ty::Table("cache")),
    ],
};

const FUNCTION: Subject = Subject {
    name: "function tool",
    rust: "FunctionTool",
    var: "function",
    fields: &[
        Field::always("name", Ty::Str),
        Field::maybe("description", Ty::Str),
        Field::maybe("schema", Ty::Json),
        Field::maybe("strict", Ty::Bool),
        Field::maybe("cache", Ty::Table("cache")),
    ],
};

const SCHEMA: Subject = Subject {
    name: "schema format",
    rust: "SchemaFormat",
    var: "form",
    fields: &[
        Field::maybe("name", Ty::Str),
        Field::maybe("description", Ty::Str),
        Field::always("schema", Ty::Json),
        Field::maybe("strict", Ty::Bool),
    ],
};

const CACHE: Subject =
    Subject { name: "cache", rust: "Cache", var: "marker", fields: &[Field::maybe("ttl", Ty::Str)] };

const RAW: Variant =
    Variant { name: "raw", payload: Payload::Value(Field::always("raw", Ty::Json).read(Read::Payload)) };

const ROLES: Sum = Sum {
    name: "message",
    rust: "Role",
    var: "turn",
    open: false,
    variants: &[
        Variant { name: "system", payload: Payload::Struct(&MESSAGE) },
        Variant { name: "user", payload: Payload::Struct(&MESSAGE) },
        Variant { name: "assistant", payload: Payload::Struct(&MESSAGE) },
        Variant { name: "tool", payload: Payload::Struct(&MESSAGE) },
    ],
};

/// The parts of a message.
pub const PART: Sum = Sum {
    name: "part",
    rust: "Part",
    var: "piece",
    open: true,
    variants: &[
        Variant { name: "text", payload: Payload::Struct(&TEXT) },
        Variant { name: "image", payload: Payload::Struct(&MEDIA[0]) },
        Variant { name: "audio", payload: Payload::Struct(&MEDIA[1]) },
        Variant { name: "file", payload: Payload::Struct(&MEDIA[2]) },
        Variant { name: "reasoning", payload: Payload::Struct(&REASONING_PART) },
        Variant { name: "refusal", payload: Payload::Struct(&REFUSAL) },
        Variant { name: "tool_call", payload: Payload::Struct(&TOOL_CALL) },
        Variant { name: "tool_result", payload: Payload::Struct(&TOOL_RESULT) },
        RAW,
    ],
};

const TOOL: Sum = Sum {
    name: "tool",
    rust: "ToolDefinition",
    var: "definition",
    open: true,
    variants: &[Variant { name: "function", payload: Payload::Struct(&FUNCTION) }, RAW],
};

const TOOL_CHOICE: Sum = Sum {
    name: "tool_choice",
    rust: "ToolChoice",
    var: "choice",
    open: false,
    variants: &[
        Variant { name: "auto", payload: Payload::Unit },
        Variant { name: "none", payload: Payload::Unit },
        Variant { name: "required", payload: Payload::Unit },
        Variant { name: "tool", payload: Payload::Value(Field::always("name", Ty::Str).read(Read::Payload)) },
    ],
};

const FORMAT: Sum = Sum {
    name: "format",
    rust: "Format",
    var: "wanted",
    open: true,
    variants: &[
        Variant { name: "text", payload: Payload::Unit },
        Variant { name: "json", payload: Payload::Unit },
        Variant { name: "schema", payload: Payload::Struct(&SCHEMA) },
    ],
};

const REASONING: Sum = Sum {
    name: "reasoning",
    rust: "ReasoningConfig",
    var: "config",
    open: true,
    variants: &[
        Variant { name: "disabled", payload: Payload::Unit },
        Variant { name: "enabled", payload: Payload::Unit },
        Variant {
            name: "effort",
            payload: Payload::Value(Field::always("effort", Ty::Effort).read(Read::Payload)),
        },
        Variant {
            name: "budget",
            payload: Payload::Value(Field::always("budget", Ty::Uint).read(Read::Payload)),
        },
    ],
};
