//! The provider file, as it is written: the source of its JSON Schema and of its reference.
//!
//! A field that is absent, or null, takes its default; in a model with a `base_model`, null deletes what was inherited.

use crate::schema::dialect::{Operation, Shape};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A model provider: where it is, how it authenticates, which wire format it speaks and which models it has.
///
/// The smallest provider is a `name` and a `base_url`; everything else is optional. One whose models run in the program's
/// own process has `transport: local` in place of a `base_url`, and neither keys nor a wire format.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    title = "Typewright provider",
    extend("if" = {"properties": {"transport": {"const": "local"}}, "required": ["transport"]}),
    extend("else" = {"required": ["base_url"]})
)]
pub struct ProviderFile {
    /// The provider's name in crate names and in `name:model` texts: lower-case letters, digits, `-` and `_`, first a
    /// letter.
    #[schemars(example = &"acme")]
    pub name: String,
    /// The name that people read. Default: `name`, capitalised.
    #[schemars(example = &"Acme AI")]
    pub display_name: Option<String>,
    /// The name of the generated client type. Default: `name` in CamelCase.
    #[schemars(example = &"AcmeAi")]
    pub type_name: Option<String>,
    /// One line about the provider.
    pub description: Option<String>,
    /// Where the provider's own API reference is.
    #[schemars(example = &"https://docs.acme.example/api")]
    pub docs_url: Option<String>,
    /// How requests get to the models. Default: `http`.
    pub transport: Option<Transport>,
    /// Where the files of models come from, for `transport: local`.
    #[schemars(example = &"https://hub.example")]
    pub hub: Option<String>,
    /// How requests authenticate, in one word. Default: `api_key`.
    pub auth_type: Option<AuthType>,
    /// How requests authenticate, in full.
    pub auth: Option<Auth>,
    /// The URL that paths of the wire format are appended to. `http` is for this machine only.
    #[schemars(example = &"https://api.acme.example/v1")]
    pub base_url: Option<String>,
    /// An environment variable that replaces `base_url` where it is set.
    #[schemars(example = &"ACME_BASE_URL")]
    pub base_url_env: Option<String>,
    /// Constant headers of every request.
    pub headers: Option<BTreeMap<String, String>>,
    /// The wire format: the name of a dialect file. Default: the dialect that most providers speak, or the provider's own
    /// where it has `operations`.
    #[schemars(example = &"acme-chat")]
    pub dialect: Option<String>,
    /// What differs from the dialect. Merged into it key by key; null deletes; naming what is not there is an error.
    pub wire: Option<BTreeMap<String, Shape>>,
    /// The wire format of a provider that speaks no known dialect, in the words of a dialect file.
    pub operations: Option<BTreeMap<String, Operation>>,
    /// Request options that only this provider has. Each becomes a typed method, and the slot `$options.<name>`.
    pub options: Option<BTreeMap<String, OptionEntry>>,
    /// Rate limits that hold for a new account.
    pub rate_limits: Option<RateLimits>,
    /// Base URLs by region, where there are several.
    pub regions: Option<BTreeMap<String, String>>,
    /// The currency of all prices. Default: `USD`. Prices in another currency are left out, since costs are counted in
    /// US dollars.
    #[schemars(example = &"USD")]
    pub currency: Option<String>,
    /// The models. A provider whose models are only known at run time has none.
    pub models: Option<Vec<ModelEntry>>,
}

/// How requests get to the models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Over the network, to `base_url`.
    Http,
    /// Not at all: the models run in the program's own process, from files.
    Local,
}

/// How requests authenticate, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthType {
    /// A key, sent as `Authorization: Bearer KEY` unless `auth` names a header or a query parameter.
    ApiKey,
    /// The same, for providers that call their key a token.
    Bearer,
    /// The key in a header of its own, which `auth.header` names.
    Header,
    /// The key as a query parameter, which `auth.query` names.
    Query,
    /// No key at all.
    None,
}

/// How requests authenticate, in full.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// The scheme. Default: what `auth_type` says, or what `header` and `query` imply.
    #[serde(rename = "type")]
    pub kind: Option<AuthType>,
    /// The header that carries the key.
    #[schemars(example = &"x-api-key")]
    pub header: Option<String>,
    /// The query parameter that carries the key.
    #[schemars(example = &"key")]
    pub query: Option<String>,
    /// Environment variables that may hold the key; the first that is set. Default: `<NAME>_API_KEY`.
    pub env: Option<OneOrMany>,
    /// Requests may go without a key. Only for bearer keys.
    pub optional: Option<bool>,
}

/// One text or a list of texts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// A request option that only this provider has.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OptionEntry {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: OptionKind,
    /// The texts of an `enum`. Others stay possible.
    pub values: Option<Vec<String>>,
    /// The least value of an `integer` or `number`.
    pub min: Option<f64>,
    /// The greatest value of an `integer` or `number`.
    pub max: Option<f64>,
    /// The top-level field of the request body that carries it, where no slot of the wire format places it.
    pub wire: Option<String>,
    /// What it does.
    pub description: Option<String>,
}

/// The type of an option.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OptionKind {
    /// `true` or `false`.
    #[default]
    Boolean,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// A text.
    String,
    /// One of `values`, or another text.
    Enum,
    /// A list of texts.
    Strings,
    /// Any JSON.
    Json,
}

/// Rate limits.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimits {
    /// Requests a second.
    pub requests_per_second: Option<u64>,
    /// Requests a minute.
    pub requests_per_minute: Option<u64>,
    /// Requests a day.
    pub requests_per_day: Option<u64>,
    /// Tokens a minute.
    pub tokens_per_minute: Option<u64>,
    /// Tokens a day.
    pub tokens_per_day: Option<u64>,
    /// Requests at the same time.
    pub concurrent_requests: Option<u64>,
}

/// A model.
///
/// What a model can do follows from its `supports_…` fields, modalities and prices; `capabilities` has the last word.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelEntry {
    /// What the model is called; also its id on the wire, unless `id` is given.
    #[schemars(example = &"acme-large-2")]
    pub name: String,
    /// The id on the wire, where it is not the name. The name then is an alias.
    pub id: Option<String>,
    /// Other ids of the same model.
    pub aliases: Option<Vec<String>>,
    /// The name that people read. Default: `name`.
    pub display_name: Option<String>,
    /// One line about the model.
    pub description: Option<String>,
    /// The family, such as `acme-large`.
    pub family: Option<String>,
    /// Another model of this file whose fields hold here too, unless they are given. Mappings are merged; null deletes.
    /// Names, aliases, descriptions and deprecation are not inherited.
    pub base_model: Option<String>,
    /// What the model is used through. Default: `chat`.
    pub kind: Option<ModelKind>,
    /// All tokens that the model can hold, input and output.
    pub context_window: Option<u64>,
    /// The most input tokens.
    pub max_input_tokens: Option<u64>,
    /// The most output tokens.
    pub max_output_tokens: Option<u64>,
    /// Price of a million input tokens. Absent is unknown, never free.
    pub input_price: Option<f64>,
    /// Price of a million output tokens.
    pub output_price: Option<f64>,
    /// Price of a million input tokens read from a cache.
    pub cache_read_price: Option<f64>,
    /// Price of a million input tokens written to a cache.
    pub cache_write_price: Option<f64>,
    /// Price of a million reasoning tokens, where that is not the output price.
    pub reasoning_price: Option<f64>,
    /// Price of a million audio input tokens.
    pub input_audio_price: Option<f64>,
    /// Price of a million audio output tokens.
    pub output_audio_price: Option<f64>,
    /// Other prices from a size of the input on, ascending.
    pub price_tiers: Option<Vec<PriceTier>>,
    /// Takes images. Gives `vision`, and the input modality `image`.
    pub supports_vision: Option<bool>,
    /// Takes audio. Gives `audio_input`, and the input modality `audio`.
    pub supports_audio_input: Option<bool>,
    /// Takes PDF documents. Gives `documents`, and the input modality `pdf`.
    pub supports_pdf_input: Option<bool>,
    /// Calls tools. Gives `tools`, `tool_choice` and `parallel_tools`.
    pub supports_function_calling: Option<bool>,
    /// Calls several tools at once. Default: if it calls tools.
    pub supports_parallel_function_calling: Option<bool>,
    /// Lets a request choose the tool. Default: if it calls tools.
    pub supports_tool_choice: Option<bool>,
    /// Reasons before it answers. Gives `reasoning`. Default: if it has `reasoning_efforts` or a `reasoning_budget`.
    pub supports_reasoning: Option<bool>,
    /// Answers in a given JSON Schema. Gives `structured_output`.
    pub supports_structured_output: Option<bool>,
    /// Answers in JSON. Gives `json_mode`. Default: true for chat models.
    pub supports_json_mode: Option<bool>,
    /// Caches prompts. Gives `prompt_cache`. Default: if it has a `cache_read_price` or a `cache_write_price`.
    pub supports_prompt_caching: Option<bool>,
    /// Streams its answers. Default: true for chat models.
    pub supports_streaming: Option<bool>,
    /// Takes a system prompt. Default: true for chat models.
    pub supports_system_messages: Option<bool>,
    /// What goes in and what comes out. Default: text, and what the `supports_…` fields say.
    pub modalities: Option<Modalities>,
    /// What the model can or cannot do, whatever follows from the other fields.
    pub capabilities: Option<Capabilities>,
    /// The reasoning levels it takes, in the provider's words. Gives `reasoning` and `reasoning_effort`.
    pub reasoning_efforts: Option<Vec<String>>,
    /// The reasoning budget it takes, in tokens. Gives `reasoning` and `reasoning_budget`.
    pub reasoning_budget: Option<Budget>,
    /// Request parameters that the model refuses; each takes away the capability that it belongs to.
    pub unsupported_parameters: Option<Vec<String>>,
    /// The length of its vectors, for embedding models.
    pub dimensions: Option<u64>,
    /// Where its files come from, for `transport: local`.
    pub source: Option<Source>,
    /// Until when it knows the world: `2024-06` or `2024-06-01`.
    #[schemars(example = &"2024-06")]
    pub knowledge: Option<String>,
    /// When it came out.
    #[schemars(example = &"2025-04-14")]
    pub released: Option<String>,
    /// Set if the model is going away.
    pub deprecated: Option<Deprecated>,
    /// What differs from the provider's wire format for this model.
    pub wire: Option<BTreeMap<String, Shape>>,
}

/// Where the files of a model come from: `repository` and `files`, here or in the `base_model`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The repository of the hub, `owner/name`.
    #[schemars(example = &"acme/tiny-model")]
    pub repository: Option<String>,
    /// A branch, a tag or a commit. Default: `main`.
    pub revision: Option<String>,
    /// The licence that the repository names.
    #[schemars(example = &"apache-2.0")]
    pub licence: Option<String>,
    /// The files of it that the model is. A GGUF file that comes first is opened by itself, and otherwise the folder.
    pub files: Option<Vec<SourceFile>>,
}

/// A file of a repository.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceFile {
    /// Its name, with its folders.
    #[schemars(example = &"tiny-q8_0.gguf")]
    pub path: String,
    /// How long it is, in bytes.
    pub bytes: Option<u64>,
    /// Its SHA-256 digest, as 64 hexadecimal digits.
    pub sha256: Option<String>,
}

/// What a model is used through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// Conversation.
    Chat,
    /// Vectors of texts.
    Embedding,
    /// Ranking of texts.
    Reranker,
    /// Making images.
    Image,
    /// Making videos.
    Video,
    /// Text to speech.
    Speech,
    /// Speech to text.
    Transcription,
    /// Other uses of sound.
    Audio,
    /// Judging content.
    Moderation,
    /// Something else.
    Other,
}

/// Prices from a size of the input on. What is absent stays as below.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceTier {
    /// The prices hold for requests with more input tokens than this.
    pub above: u64,
    /// Price of a million input tokens.
    pub input_price: Option<f64>,
    /// Price of a million output tokens.
    pub output_price: Option<f64>,
    /// Price of a million input tokens read from a cache.
    pub cache_read_price: Option<f64>,
    /// Price of a million input tokens written to a cache.
    pub cache_write_price: Option<f64>,
    /// Price of a million reasoning tokens.
    pub reasoning_price: Option<f64>,
    /// Price of a million audio input tokens.
    pub input_audio_price: Option<f64>,
    /// Price of a million audio output tokens.
    pub output_audio_price: Option<f64>,
}

/// What goes in and what comes out.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Modalities {
    /// What goes in.
    pub input: Option<Vec<Modality>>,
    /// What comes out.
    pub output: Option<Vec<Modality>>,
}

/// A kind of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Modality {
    /// Text.
    Text,
    /// Images.
    Image,
    /// Sound.
    Audio,
    /// Moving images.
    Video,
    /// PDF documents.
    Pdf,
}

/// What a model can or cannot do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Capabilities {
    /// `{seed: false, logprobs: true}`.
    Map(BTreeMap<String, bool>),
    /// `[logprobs, -seed]`: `-` takes away.
    List(Vec<String>),
}

/// A reasoning budget, in tokens.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// The least. Default: 0.
    pub min: Option<u64>,
    /// The greatest. Default: as many as the model may write.
    pub max: Option<u64>,
}

/// That a model is going away.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Deprecated {
    /// It is deprecated, or not.
    Flag(bool),
    /// It is deprecated, and more is known.
    More(Deprecation),
}

/// When a model goes away, and what to use then.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deprecation {
    /// Since when it is deprecated.
    pub since: Option<String>,
    /// When it stops working.
    pub retires: Option<String>,
    /// The model to use instead.
    pub replacement: Option<String>,
}
