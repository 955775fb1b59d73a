//! A whole answer: its parts, why it ended, what it cost. How it is put together from events is in [`super::Collector`].

use super::message::{Part, ToolCall};
use crate::json::RawJson;

/// A whole answer of a model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChatResponse {
    /// The provider's id of the answer.
    pub id: Option<String>,
    /// The model that answered, as the provider names it.
    pub model: Option<String>,
    /// When it was given, in seconds since 1970.
    pub created: Option<i64>,
    /// The service tier that it was given in, in the provider's word.
    pub service_tier: Option<String>,
    /// The answer, in order.
    pub parts: Vec<Part>,
    /// Why the model stopped; `None` if the provider did not say.
    pub finish: Option<FinishReason>,
    /// The provider's own word for why the model stopped.
    pub finish_raw: Option<String>,
    /// The stop text that ended the answer, where the provider says.
    pub stop_sequence: Option<String>,
    /// What the request cost.
    pub usage: Option<Usage>,
    /// Log probabilities, one JSON object a token.
    pub logprobs: Vec<RawJson>,
    /// The other answers, where several were asked for.
    pub alternatives: Vec<ChatResponse>,
    /// What was changed or dropped on the way.
    pub warnings: Vec<Warning>,
    /// Events and fields that nobody here understands, as they stood on the wire.
    pub unknown: Vec<RawJson>,
}

/// Why a model stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FinishReason {
    /// It was done, or met a stop text.
    Stop,
    /// It reached the limit of tokens.
    Length,
    /// It waits for the results of tools.
    ToolCalls,
    /// The provider filtered the answer, or the model refused.
    ContentFilter,
    /// It paused; sending the answer back makes it go on.
    Pause,
    /// The provider failed in the middle.
    Error,
    /// A reason that is not listed, in the provider's own word.
    Other(String),
}

/// Tokens used. `None` is "the provider did not say", which is not 0.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Usage {
    /// All input tokens, those read from and written to caches included.
    pub input: Option<u64>,
    /// All output tokens, reasoning included.
    pub output: Option<u64>,
    /// Input tokens read from a cache.
    pub cache_read: Option<u64>,
    /// Input tokens written to a cache.
    pub cache_write: Option<u64>,
    /// Output tokens spent on reasoning.
    pub reasoning: Option<u64>,
    /// The provider's own total.
    pub total: Option<u64>,
    /// Input tokens of audio.
    pub input_audio: Option<u64>,
    /// Output tokens of audio.
    pub output_audio: Option<u64>,
    /// The provider's usage object as it stood on the wire.
    pub raw: Option<RawJson>,
}

/// Something was changed, dropped or noticed on the way to or from the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The field or feature concerned, in the canonical vocabulary.
    pub feature: String,
    /// What happened and why.
    pub message: String,
}

impl ChatResponse {
    /// All visible text, joined with nothing between.
    pub fn text(&self) -> String {
        self.parts
            .iter()
            .filter_map(|part| if let Part::Text(text) = part { Some(text.text.as_str()) } else { None })
            .collect()
    }

    /// All readable reasoning, joined with nothing between.
    pub fn reasoning(&self) -> String {
        self.parts
            .iter()
            .filter_map(|part| if let Part::Reasoning(r) = part { Some(r.text.as_str()) } else { None })
            .collect()
    }

    /// The tools that the model asks to have run.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.parts.iter().filter_map(|part| if let Part::ToolCall(call) = part { Some(call) } else { None })
    }

    /// What the request cost in tokens.
    pub fn usage(&self) -> Option<&Usage> {
        self.usage.as_ref()
    }
}
