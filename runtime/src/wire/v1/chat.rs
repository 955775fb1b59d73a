//! The seam between generated code and the runtime: a chat wire as constant data and function pointers.
//!
//! No logic: what the pointers do is generated, when they are called is the client's and the decoder's business.

use super::Corrupt;
use super::cursor::Cursor;
use super::cx::Cx;
use super::fold::{Class, Failure, Fold};
use super::frame::{Frame, Framing};
use super::writer::JsonWriter;
use crate::chat::{ChatRequest, FinishReason, Usage, Warning};
use crate::error::ErrorKind;
use crate::model::Model;

/// How one provider's chat looks on the wire. Generated crates hold one in a `static`.
#[derive(Debug, Clone, Copy)]
pub struct ChatWire {
    /// The provider's name.
    pub provider: &'static str,
    /// The dialect that the provider speaks.
    pub dialect: &'static str,
    /// The HTTP method.
    pub method: &'static str,
    /// How a stream is cut into frames.
    pub framing: Framing,
    /// Data that ends a stream, such as `[DONE]`.
    pub sentinel: Option<&'static str>,
    /// What must have been seen when the bytes of a stream end.
    pub needs: Needs,
    /// The classes whose slots open by themselves when a fragment comes.
    pub implicit: &'static [Class],
    /// How conversations are rearranged before encoding.
    pub policies: Policies,
    /// Applies rules, limits and unsupported fields to a request before it is encoded.
    pub adjust: fn(&mut ChatRequest, &Model, bool, &mut Vec<Warning>) -> Result<(), Refused>,
    /// Writes the path of the address.
    pub path: fn(&Cx<'_>, &mut String),
    /// Adds query parameters.
    pub query: fn(&Cx<'_>, &mut Vec<(&'static str, String)>),
    /// Adds headers.
    pub headers: fn(&Cx<'_>, &mut Vec<(&'static str, String)>),
    /// Writes the body.
    pub encode: fn(&Cx<'_>, &mut JsonWriter) -> Result<(), Refused>,
    /// Reads one frame of a stream.
    pub event: for<'a> fn(Frame<'a>, &mut Fold) -> Result<(), Corrupt>,
    /// Reads a whole answer.
    pub response: for<'a> fn(&'a [u8], &mut Fold) -> Result<(), Corrupt>,
    /// What a wire's finish reason means, given whether the client has to run tools. `None`: it says nothing.
    pub finish: fn(&str, bool) -> Option<FinishReason>,
    /// Solves the wire's usage leaves for the canonical fields.
    pub usage: fn(&[Option<i64>]) -> Usage,
    /// How many usage leaves there are.
    pub usage_leaves: usize,
    /// How errors look.
    pub errors: ErrorWire,
}

/// How errors look on a wire.
#[derive(Debug, Clone, Copy)]
pub struct ErrorWire {
    /// Reads an error body; `None` if it has none of the known shapes.
    pub body: for<'a> fn(&'a [u8]) -> Result<Option<Failure<'a>>, Corrupt>,
    /// The canonical class from the body's kind, the body's code and the HTTP status.
    pub classify: fn(Option<&str>, Option<&str>, u16) -> ErrorKind,
    /// The classes that may succeed when tried again.
    pub retry: &'static [ErrorKind],
    /// Headers that may carry the request's id, first first.
    pub request_id: &'static [&'static str],
    /// Headers that may say when to come back, and in which unit.
    pub retry_after: &'static [(&'static str, Unit)],
    /// A header with `true` or `false` that overrides `retry`.
    pub should_retry: Option<&'static str>,
    /// Headers with what is left of the limits.
    pub rate_limits: Option<RateLimitHeaders>,
}

/// Headers that say what is left of rate limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimitHeaders {
    /// The header's name with `${what}` (`limit`, `remaining`, `reset`) and `${resource}` (`requests`, `tokens`).
    pub pattern: &'static str,
    /// The unit of `reset`.
    pub reset: Unit,
}

/// How a header writes a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number of seconds, or an HTTP date.
    Seconds,
    /// A number of milliseconds.
    Milliseconds,
    /// `6m0s`, `1h2m3.5s`, `20ms`.
    GoDuration,
    /// `3.5s`.
    PbDuration,
    /// A point in time, `2025-01-01T00:00:00Z`.
    Rfc3339,
    /// A point in time, in seconds since 1970.
    UnixSeconds,
    /// A point in time, in milliseconds since 1970.
    UnixMilliseconds,
}

/// What must have been seen when the bytes of a stream end, or the answer counts as truncated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// The terminal event, or the sentinel.
    End,
    /// A finish reason, or the sentinel.
    Finish,
}

/// How a conversation is rearranged before it is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policies {
    /// Where system messages go.
    pub system: SystemPolicy,
    /// Whether roles must alternate.
    pub roles: Roles,
    /// Where results of tools go.
    pub tool_results: ToolResults,
    /// Who names calls of tools.
    pub tool_ids: ToolIds,
    /// Which reasoning of earlier answers is sent back.
    pub replay_reasoning: Replay,
}

/// Where system messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemPolicy {
    /// They stay where they are.
    Inline,
    /// They leave the conversation for a place of their own.
    Hoist,
}

/// Whether roles must alternate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Roles {
    /// They come as they are.
    AsIs,
    /// Neighbours of one role become one turn.
    Alternate,
}

/// Where results of tools go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolResults {
    /// Into messages of their own role.
    Message,
    /// Into the user's turn, before everything else.
    UserFirst,
}

/// Who names calls of tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolIds {
    /// The provider; every call has an id on the wire.
    Provider,
    /// The provider if it likes; an id that was minted here is not sent.
    Optional,
}

/// Which reasoning of earlier answers is sent back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// The provider's own, exactly as it came.
    Verbatim,
    /// The provider's own, as the text of a field.
    Field,
    /// None.
    Never,
}

/// The request asks for what this wire cannot say. Nothing that cannot be sent is sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{feature}: {reason}")]
pub struct Refused {
    /// The feature, in the words of the canonical vocabulary.
    pub feature: String,
    /// Why it cannot be sent.
    pub reason: String,
}

impl Policies {
    /// Everything as it comes; the provider's own reasoning is sent back verbatim.
    pub const PLAIN: Self = Self {
        system: SystemPolicy::Inline,
        roles: Roles::AsIs,
        tool_results: ToolResults::Message,
        tool_ids: ToolIds::Provider,
        replay_reasoning: Replay::Verbatim,
    };
}

impl Refused {
    /// A refusal of `feature`.
    pub fn new(feature: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { feature: feature.into(), reason: reason.into() }
    }
}

impl ErrorWire {
    /// Errors about which nothing is known but their status.
    pub const UNKNOWN: Self = Self {
        body: no_body,
        classify: by_status,
        retry: &[ErrorKind::RateLimited, ErrorKind::Overloaded, ErrorKind::Server],
        request_id: &[],
        retry_after: &[("retry-after", Unit::Seconds)],
        should_retry: None,
        rate_limits: None,
    };
}

fn no_body(bytes: &[u8]) -> Result<Option<Failure<'_>>, Corrupt> {
    Cursor::new(bytes).skip().map(|()| None)
}

fn by_status(_: Option<&str>, _: Option<&str>, status: u16) -> ErrorKind {
    match status {
        401 => ErrorKind::Authentication,
        402 => ErrorKind::QuotaExceeded,
        403 => ErrorKind::PermissionDenied,
        404 => ErrorKind::NotFound,
        408 | 504 => ErrorKind::Timeout,
        413 => ErrorKind::ContextLengthExceeded,
        429 => ErrorKind::RateLimited,
        503 | 529 => ErrorKind::Overloaded,
        400..=499 => ErrorKind::InvalidRequest,
        500..=599 => ErrorKind::Server,
        _ => ErrorKind::Other,
    }
}
