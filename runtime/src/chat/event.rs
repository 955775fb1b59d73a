//! The events of a streamed answer.

use std::borrow::Cow;

use super::message::{Citation, Part, ToolCall};
use super::response::{FinishReason, Usage};
use crate::json::RawJson;

/// One step of a streamed answer. Text borrows from the frame it came in; [`ChatEvent::into_owned`] keeps it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ChatEvent<'a> {
    /// The provider named the answer or the model that gives it. Comes again only if it names the other one later.
    Start {
        /// The provider's id of the answer.
        id: Option<Cow<'a, str>>,
        /// The model that answers.
        model: Option<Cow<'a, str>>,
    },
    /// More text.
    Text(Cow<'a, str>),
    /// The opaque proof of the text so far.
    TextSignature(Cow<'a, str>),
    /// More reasoning.
    Reasoning(Cow<'a, str>),
    /// The opaque proof of the reasoning so far.
    ReasoningSignature(Cow<'a, str>),
    /// Reasoning that only the provider can read.
    ReasoningRedacted(Cow<'a, str>),
    /// The provider's identifier of the reasoning.
    ReasoningId(Cow<'a, str>),
    /// More of the model's refusal.
    Refusal(Cow<'a, str>),
    /// A part ended. The next delta, even of the same kind, begins a new part.
    PartEnd,
    /// The model begins to call a tool. `index` counts the calls of the answer from 0.
    ToolCallStart {
        /// Which call of the answer.
        index: usize,
        /// Ties the result to the call.
        id: Cow<'a, str>,
        /// The tool's name.
        name: Cow<'a, str>,
    },
    /// More of the arguments of call `index`, as JSON text.
    ToolCallDelta {
        /// Which call of the answer.
        index: usize,
        /// A fragment of the arguments.
        arguments: Cow<'a, str>,
    },
    /// Call `index` is complete.
    ToolCall {
        /// Which call of the answer.
        index: usize,
        /// The whole call.
        call: ToolCall,
    },
    /// A part that does not stream: a picture or a sound.
    Part(Part),
    /// A source for the latest text.
    Citation(Citation),
    /// Log probabilities of the latest tokens, as the provider's JSON array.
    Logprobs(RawJson),
    /// What was said so far under this kind is replaced by another text. Rare: a provider restated an item.
    Replaced(Cow<'a, str>),
    /// Something only its provider understands: an unknown event, or a part with no neutral form.
    Raw {
        /// The JSON as it stood on the wire.
        json: Cow<'a, str>,
        /// Whether it is a part of the answer, to be sent back in the history, or a bare event.
        part: bool,
    },
    /// What the request cost. Comes once, at the end.
    Usage(Usage),
    /// Why the model stopped. Comes once, at the end, if the provider says why.
    Finish(FinishReason),
    /// An event of another than the first answer, where several were asked for (`n`).
    Choice {
        /// Which answer, from 1.
        choice: u32,
        /// The event.
        event: Box<ChatEvent<'a>>,
    },
}

impl ChatEvent<'_> {
    /// The event with its text copied, to be kept beyond the next one.
    pub fn into_owned(self) -> ChatEvent<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Start { id, model } => ChatEvent::Start { id: id.map(own), model: model.map(own) },
            Self::Text(text) => ChatEvent::Text(own(text)),
            Self::TextSignature(text) => ChatEvent::TextSignature(own(text)),
            Self::Reasoning(text) => ChatEvent::Reasoning(own(text)),
            Self::ReasoningSignature(text) => ChatEvent::ReasoningSignature(own(text)),
            Self::ReasoningRedacted(text) => ChatEvent::ReasoningRedacted(own(text)),
            Self::ReasoningId(text) => ChatEvent::ReasoningId(own(text)),
            Self::Refusal(text) => ChatEvent::Refusal(own(text)),
            Self::PartEnd => ChatEvent::PartEnd,
            Self::ToolCallStart { index, id, name } => {
                ChatEvent::ToolCallStart { index, id: own(id), name: own(name) }
            }
            Self::ToolCallDelta { index, arguments } => {
                ChatEvent::ToolCallDelta { index, arguments: own(arguments) }
            }
            Self::ToolCall { index, call } => ChatEvent::ToolCall { index, call },
            Self::Part(part) => ChatEvent::Part(part),
            Self::Citation(citation) => ChatEvent::Citation(citation),
            Self::Logprobs(json) => ChatEvent::Logprobs(json),
            Self::Replaced(text) => ChatEvent::Replaced(own(text)),
            Self::Raw { json, part } => ChatEvent::Raw { json: own(json), part },
            Self::Usage(usage) => ChatEvent::Usage(usage),
            Self::Finish(reason) => ChatEvent::Finish(reason),
            Self::Choice { choice, event } => {
                ChatEvent::Choice { choice, event: Box::new(event.into_owned()) }
            }
        }
    }
}
