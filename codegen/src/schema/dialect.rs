//! The dialect file, as it is written: the source of its JSON Schema and of its reference.
//!
//! Only the outer structure is typed here. What stands in a [`Shape`] is a language of its own, which the dialect
//! reader checks.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A wire format: how the canonical vocabulary looks in the JSON of one family of providers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Typewright dialect")]
pub struct DialectFile {
    /// The dialect's name: what `dialect:` of a provider file says.
    #[schemars(example = &"acme-chat")]
    pub dialect: String,
    /// Another dialect, into which this one is merged key by key; null deletes.
    pub extends: Option<String>,
    /// One line about the wire format.
    pub description: Option<String>,
    /// What one can do over it: `chat`, `embed`, `models`, `count_tokens`.
    pub operations: BTreeMap<String, Operation>,
}

/// One operation. Besides the fields below it holds tables: `message`, `part`, `tool`, `tool_choice`, `format`, … and
/// those that a `$use` names.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct Operation {
    /// The HTTP request.
    pub http: Option<Http>,
    /// Named policies for what shapes cannot say.
    pub policies: Option<BTreeMap<String, Shape>>,
    /// Canonical fields that this wire cannot say, and what happens to them.
    pub unsupported: Option<BTreeMap<String, Action>>,
    /// Ranges of canonical fields: `0..2`, `{range: 1024.., else: clamp}`, `{items: 4}`.
    pub limits: Option<BTreeMap<String, Shape>>,
    /// Rules over the canonical request, run from top to bottom before encoding.
    pub rules: Option<Vec<Rule>>,
    /// The request body.
    pub request: Option<Request>,
    /// What a whole answer means.
    pub response: Option<Shape>,
    /// How an answer streams.
    pub stream: Option<Stream>,
    /// Where the wire counts tokens: an object of slots, or of sums of slots.
    pub usage: Option<Shape>,
    /// The wire's reasons for the end of an answer, and the canonical ones.
    pub finish: Option<Shape>,
    /// What errors look like.
    pub errors: Option<Errors>,
    /// Tables.
    #[serde(flatten)]
    pub tables: BTreeMap<String, Shape>,
}

/// The HTTP request of an operation.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// The method.
    pub method: Option<Method>,
    /// The path behind the base URL.
    pub path: Option<Shape>,
    /// Query parameters.
    pub query: Option<BTreeMap<String, Shape>>,
    /// Headers; a list is a set, joined by commas.
    pub headers: Option<BTreeMap<String, Shape>>,
}

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
}

/// What happens to a field that a wire cannot say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The request is refused before it is sent.
    Error,
    /// The field is left out, with a warning.
    WarnDrop,
    /// The field is brought into its range, with a warning.
    Clamp,
    /// A policy says it in another way.
    Emulate,
}

/// A rule over the canonical request.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// When: words such as `stream`, `has temperature`, `caps.sampling`, with `and`, `or`, `not`.
    #[serde(rename = "if")]
    pub condition: String,
    /// Leaves these fields out, with a warning.
    pub drop: Option<Vec<String>>,
    /// Sets a field.
    pub set: Option<BTreeMap<String, Shape>>,
    /// The upper bound of what is set.
    pub clamp: Option<Shape>,
    /// Refuses the request.
    pub error: Option<Shape>,
    /// Why, for the warning or the error.
    pub why: String,
}

/// The request body of an operation.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The JSON that goes on the wire, with slots. The order of keys is the order of bytes.
    pub body: Option<Shape>,
}

/// How an answer streams.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// How the bytes are cut into events.
    pub framing: Option<Framing>,
    /// Classes whose slots open by themselves: `text`, `reasoning`, …
    pub implicit: Option<Vec<String>>,
    /// What each event means, by its name; `_` is the rest.
    pub events: Option<BTreeMap<String, Shape>>,
}

/// How the bytes of a stream are cut into events.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Framing {
    /// The kind.
    pub kind: Option<FramingKind>,
    /// Places that hold the name of an event: `$frame.event`, `$.type`. The first that is present.
    pub tag: Option<TagPlaces>,
    /// Data that ends the stream.
    #[schemars(example = &"[DONE]")]
    pub sentinel: Option<String>,
    /// What must have been seen when the bytes end; otherwise the answer was cut off.
    pub needs: Option<Needs>,
}

/// How the bytes of a stream are cut into events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FramingKind {
    /// Server-sent events.
    Sse,
    /// One JSON value a line.
    Ndjson,
}

/// One place or several.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TagPlaces {
    /// One.
    One(String),
    /// Several, the first that is present.
    Many(Vec<String>),
}

/// What must have been seen when the bytes end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Needs {
    /// A finish reason.
    Finish,
    /// The terminal event.
    End,
}

/// What errors look like.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Errors {
    /// Shapes of an error body; the first that matches.
    pub body: Option<Shape>,
    /// From the body's code to the canonical class.
    pub code: Option<BTreeMap<String, String>>,
    /// From the body's kind to the canonical class.
    pub kind: Option<BTreeMap<String, String>>,
    /// From the HTTP status to the canonical class.
    pub status: Option<BTreeMap<String, String>>,
    /// The classes that may be retried.
    pub retry: Option<Vec<String>>,
    /// Which headers carry what: `request_id`, `retry_after`, `should_retry`, `limits`.
    pub headers: Option<BTreeMap<String, Shape>>,
}

/// JSON with slots, or a table of such.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Shape(pub serde_json::Value);

impl JsonSchema for Shape {
    fn schema_name() -> Cow<'static, str> {
        "Shape".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let this = generator.subschema_for::<Self>();
        json_schema!({
            "description": "JSON with slots (`$field`, `$field!`, `$a ?? b`, `$f|codec`, `\"a${f}b\"`), guards (`$if`, `$is`), \
                choices (`$one`), runs (`$runs`) and uses of tables (`$use`); or a table of such. What it means is in \
                the reference of the dialect language.",
            "anyOf": [
                { "type": ["null", "boolean", "number", "string"] },
                { "type": "array", "items": this },
                { "type": "object", "additionalProperties": this }
            ]
        })
    }
}
