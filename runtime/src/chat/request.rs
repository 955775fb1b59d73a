//! What is asked of a model, in nobody's wire format.

use std::borrow::Cow;

use super::message::{Message, Part};
use super::tool::{ToolChoice, ToolDefinition};
use crate::json::RawJson;

/// A chat request. Fields that are `None` or empty are not sent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChatRequest {
    /// The model's id as the provider knows it.
    pub model: String,
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// Tools the model may call.
    pub tools: Vec<ToolDefinition>,
    /// Whether and which tool the model must call.
    pub tool_choice: Option<ToolChoice>,
    /// Whether several tools may be called at once.
    pub parallel_tool_calls: Option<bool>,
    /// The form of the answer.
    pub format: Option<Format>,
    /// Whether and how hard to reason first.
    pub reasoning: Option<ReasoningConfig>,
    /// The most tokens to generate.
    pub max_tokens: Option<u64>,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling: the probability mass kept.
    pub top_p: Option<f64>,
    /// Sample from the k likeliest tokens.
    pub top_k: Option<u64>,
    /// Makes sampling repeatable, as far as the provider can.
    pub seed: Option<i64>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// Penalty that grows with a token's frequency so far.
    pub frequency_penalty: Option<f64>,
    /// Penalty for a token that occurred at all.
    pub presence_penalty: Option<f64>,
    /// Bias by token id.
    pub logit_bias: Vec<(String, f64)>,
    /// Whether to return log probabilities.
    pub logprobs: Option<bool>,
    /// How many alternatives a token to return log probabilities for.
    pub top_logprobs: Option<u64>,
    /// How many answers to generate.
    pub n: Option<u64>,
    /// An opaque identifier of the end user.
    pub user: Option<String>,
    /// The provider's service tier, in its own words.
    pub service_tier: Option<String>,
    /// Labels that the provider stores with the request.
    pub metadata: Vec<(String, String)>,
    /// Provider-only options by name, as set through a generated `Options` type.
    pub options: Vec<(Cow<'static, str>, RawJson)>,
    /// Any other top-level field of the provider's body, sent as it stands.
    pub extra: Vec<(String, RawJson)>,
}

/// The form of an answer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Format {
    /// Free text.
    Text,
    /// Any JSON value.
    Json,
    /// JSON that satisfies a schema.
    Schema(SchemaFormat),
}

/// A JSON Schema that the answer has to satisfy.
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaFormat {
    /// A name for the schema; some providers require one.
    pub name: Option<String>,
    /// What the schema is for.
    pub description: Option<String>,
    /// The JSON Schema.
    pub schema: RawJson,
    /// Whether the provider must enforce the schema exactly.
    pub strict: Option<bool>,
}

/// Whether and how hard a model reasons before it answers.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ReasoningConfig {
    /// Do not reason.
    Disabled,
    /// Reason as much as the model finds right.
    Enabled,
    /// Reason this hard.
    Effort(Effort),
    /// Reason with at most this many tokens.
    Budget(u64),
}

/// How hard to reason. Open: a level that is not listed passes through.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effort {
    /// Not at all.
    None,
    /// As little as possible.
    Minimal,
    /// A little.
    Low,
    /// Somewhat.
    Medium,
    /// A lot.
    High,
    /// More than a lot.
    XHigh,
    /// As much as the model can.
    Max,
    /// A level of one provider, in its own word.
    Other(String),
}

impl Effort {
    /// The level as the word that wires use for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
            Self::Other(level) => level,
        }
    }
}

impl From<&str> for Effort {
    fn from(level: &str) -> Self {
        match level {
            "none" => Self::None,
            "minimal" => Self::Minimal,
            "low" => Self::Low,
            "medium" => Self::Medium,
            "high" => Self::High,
            "xhigh" => Self::XHigh,
            "max" => Self::Max,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl ChatRequest {
    /// An empty request to `model`.
    pub fn new(model: impl Into<String>) -> Self {
        Self { model: model.into(), ..Self::default() }
    }

    /// The provider-only option `name`, if it was set.
    pub fn option(&self, name: &str) -> Option<&RawJson> {
        self.options.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// Every part of every message, in order.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.messages.iter().flat_map(|message| &message.parts)
    }
}
