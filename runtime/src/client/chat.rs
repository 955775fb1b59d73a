//! A conversation on its way to a model: built step by step, checked, and sent for a stream or a whole answer.

use std::fmt;
use std::marker::PhantomData;

use super::backend::{self, Job};
use super::call::{Head, Prepared};
use super::stream::{self, ChatStream};
use super::{Client, ProviderOptions, Reply, check, size};
use crate::chat::{
    ChatRequest, Effort, Format, Media, Message, Part, ReasoningConfig, Role, SchemaFormat, Tool, ToolChoice,
    ToolDefinition, Warning,
};
use crate::error::{Error, Result};
use crate::json::RawJson;
use crate::model::{
    AudioInput, ChosenModel, Documents, JsonMode, Logprobs, Reasoning, Sampling, StopSequences,
    StructuredOutput, Tools, TypedModel, Vision,
};
use crate::wire::v1::{ChatWire, Cx, JsonWriter, Refused, warn_foreign_reasoning};

/// A conversation to be sent to a model.
///
/// What the model `M` cannot do does not compile; for a model named by text, and for requests made elsewhere,
/// the same is checked by [`ChatCall::send`] and [`ChatCall::stream`] before anything is sent.
#[must_use = "nothing is sent before `send` or `stream`"]
pub struct ChatCall<M> {
    client: Client,
    model: ChosenModel,
    /// In a box, for a call is moved at every step.
    request: Box<ChatRequest>,
    /// Why the provider options that were given cannot be sent.
    refused: Option<String>,
    typed: PhantomData<fn() -> M>,
}

impl<M> Clone for ChatCall<M> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            model: self.model.clone(),
            request: self.request.clone(),
            refused: self.refused.clone(),
            typed: PhantomData,
        }
    }
}

impl<M> fmt::Debug for ChatCall<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatCall")
            .field("client", &self.client)
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

impl<M: TypedModel> ChatCall<M> {
    pub(super) fn new(client: Client, model: ChosenModel) -> Self {
        let request = Box::new(ChatRequest::new(model.id.clone()));
        Self { client, model, request, refused: None, typed: PhantomData }
    }

    /// Adds instructions to the model.
    pub fn system(self, text: impl Into<String>) -> Self {
        self.message(Message::text(Role::System, text))
    }

    /// Adds what the user says.
    pub fn user(self, text: impl Into<String>) -> Self {
        self.message(Message::text(Role::User, text))
    }

    /// Adds what the model said.
    pub fn assistant(self, text: impl Into<String>) -> Self {
        self.message(Message::text(Role::Assistant, text))
    }

    /// Adds a message.
    pub fn message(mut self, message: Message) -> Self {
        self.request.messages.push(message);
        self
    }

    /// Adds messages, such as the history of the conversation.
    pub fn messages(mut self, messages: impl IntoIterator<Item = Message>) -> Self {
        self.request.messages.extend(messages);
        self
    }

    /// Adds an image to what the user says.
    pub fn image(self, image: impl Into<Media>) -> Self
    where
        M: Vision,
    {
        self.part(Part::Image(image.into()))
    }

    /// Adds a document to what the user says.
    pub fn document(self, document: impl Into<Media>) -> Self
    where
        M: Documents,
    {
        self.part(Part::File(document.into()))
    }

    /// Adds a sound recording to what the user says.
    pub fn audio(self, audio: impl Into<Media>) -> Self
    where
        M: AudioInput,
    {
        self.part(Part::Audio(audio.into()))
    }

    /// Offers the tool `T`.
    pub fn tool<T: Tool>(self) -> Self
    where
        M: Tools,
    {
        self.tool_def(T::definition())
    }

    /// Offers a tool.
    pub fn tool_def(mut self, tool: ToolDefinition) -> Self
    where
        M: Tools,
    {
        self.request.tools.push(tool);
        self
    }

    /// Whether and which tool the model must call.
    pub fn tool_choice(mut self, choice: ToolChoice) -> Self
    where
        M: Tools,
    {
        self.request.tool_choice = Some(choice);
        self
    }

    /// Whether several tools may be called at once.
    pub fn parallel_tool_calls(mut self, allowed: bool) -> Self
    where
        M: Tools,
    {
        self.request.parallel_tool_calls = Some(allowed);
        self
    }

    /// Asks for JSON of any form.
    pub fn json(mut self) -> Self
    where
        M: JsonMode,
    {
        self.request.format = Some(Format::Json);
        self
    }

    /// Asks for JSON that satisfies `schema`, enforced by the provider.
    pub fn schema(self, name: impl Into<String>, schema: RawJson) -> Self
    where
        M: StructuredOutput,
    {
        self.format(SchemaFormat { name: Some(name.into()), description: None, schema, strict: Some(true) })
    }

    /// Asks for JSON that satisfies a schema, with everything about it said by you.
    pub fn format(mut self, format: SchemaFormat) -> Self
    where
        M: StructuredOutput,
    {
        self.request.format = Some(Format::Schema(format));
        self
    }

    /// Asks for JSON that a `T` can be read from, by the schema that is derived for it.
    #[cfg(feature = "schemars")]
    pub fn output<T: schemars::JsonSchema>(self) -> Self
    where
        M: StructuredOutput,
    {
        self.schema(T::schema_name(), RawJson::schema_of::<T>())
    }

    /// Whether and how hard to reason first.
    pub fn reasoning(mut self, reasoning: impl Into<ReasoningConfig>) -> Self
    where
        M: Reasoning,
    {
        self.request.reasoning = Some(reasoning.into());
        self
    }

    /// The most tokens to generate.
    pub fn max_tokens(mut self, tokens: u64) -> Self {
        self.request.max_tokens = Some(tokens);
        self
    }

    /// Sampling temperature.
    pub fn temperature(mut self, temperature: f64) -> Self
    where
        M: Sampling,
    {
        self.request.temperature = Some(temperature);
        self
    }

    /// Nucleus sampling: the probability mass kept.
    pub fn top_p(mut self, mass: f64) -> Self
    where
        M: Sampling,
    {
        self.request.top_p = Some(mass);
        self
    }

    /// Sample from the `k` likeliest tokens.
    pub fn top_k(mut self, k: u64) -> Self
    where
        M: Sampling,
    {
        self.request.top_k = Some(k);
        self
    }

    /// Makes sampling repeatable, as far as the provider can.
    pub fn seed(mut self, seed: i64) -> Self {
        self.request.seed = Some(seed);
        self
    }

    /// Adds a text that ends the answer.
    pub fn stop(mut self, text: impl Into<String>) -> Self
    where
        M: StopSequences,
    {
        self.request.stop.push(text.into());
        self
    }

    /// Penalty that grows with a token's frequency so far.
    pub fn frequency_penalty(mut self, penalty: f64) -> Self {
        self.request.frequency_penalty = Some(penalty);
        self
    }

    /// Penalty for a token that occurred at all.
    pub fn presence_penalty(mut self, penalty: f64) -> Self {
        self.request.presence_penalty = Some(penalty);
        self
    }

    /// Makes a token, by its id, likelier or less likely.
    pub fn logit_bias(mut self, token: impl Into<String>, bias: f64) -> Self {
        self.request.logit_bias.push((token.into(), bias));
        self
    }

    /// Asks for log probabilities, with those of `alternatives` further tokens at each place.
    pub fn logprobs(mut self, alternatives: u64) -> Self
    where
        M: Logprobs,
    {
        self.request.logprobs = Some(true);
        self.request.top_logprobs = (alternatives > 0).then_some(alternatives);
        self
    }

    /// How many answers to generate.
    pub fn n(mut self, answers: u64) -> Self {
        self.request.n = Some(answers);
        self
    }

    /// An opaque identifier of the end user.
    pub fn user_id(mut self, id: impl Into<String>) -> Self {
        self.request.user = Some(id.into());
        self
    }

    /// The provider's service tier, in its own words.
    pub fn service_tier(mut self, tier: impl Into<String>) -> Self {
        self.request.service_tier = Some(tier.into());
        self
    }

    /// A label that the provider stores with the request.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.request.metadata.push((key.into(), value.into()));
        self
    }

    /// Options that this provider alone has. Those of another provider are refused before sending.
    pub fn options(mut self, options: impl Into<ProviderOptions>) -> Self {
        let options = options.into();
        self.refused = self.refused.or(options.refusal(self.client.provider().name));
        for (name, value) in options.values {
            self.request.options.retain(|(other, _)| *other != name);
            self.request.options.push((name, value));
        }
        self
    }

    /// Any other top-level field of the provider's body, sent as it stands.
    pub fn extra(mut self, key: impl Into<String>, value: RawJson) -> Self {
        self.request.extra.push((key.into(), value));
        self
    }

    /// Puts a ready-made request in place of everything said so far, but for the model.
    pub fn request(mut self, request: ChatRequest) -> Self {
        *self.request = ChatRequest { model: std::mem::take(&mut self.request.model), ..request };
        self
    }

    /// The request as it stands.
    pub fn as_request(&self) -> &ChatRequest {
        &self.request
    }

    /// Sends the request and returns when the first output is there.
    pub async fn stream(self) -> Result<ChatStream> {
        if self.client.backend().is_some() {
            return Box::pin(backend::open(self.for_backend()?)).await;
        }
        stream::open(Box::new(self.prepare(true)?)).await
    }

    /// Sends the request and returns the whole answer.
    pub async fn send(self) -> Result<Reply> {
        if self.client.backend().is_some() {
            return Box::pin(backend::open(self.for_backend()?)).await?.collect().await;
        }
        let (ready, prepared) = self.prepare(false)?;
        stream::whole(ready, &prepared).await
    }

    /// Adds to the user's last message, or begins one.
    fn part(mut self, part: Part) -> Self {
        match self.request.messages.last_mut() {
            Some(message) if message.role == Role::User => message.parts.push(part),
            _ => return self.message(Message { role: Role::User, name: None, parts: vec![part] }),
        }
        self
    }

    /// Checks the request, for what answers in this process. Nothing has run when this fails.
    fn for_backend(mut self) -> Result<Job> {
        self.check()?;
        Ok(Job { client: self.client, model: self.model, request: *self.request })
    }

    fn check(&mut self) -> Result<()> {
        let provider = self.client.provider().name;
        if let Some(reason) = self.refused.take() {
            return Err(Error::unsupported(provider, &self.model.id, "options", reason));
        }
        check::chat(&self.request, &self.model, provider)
    }

    /// Checks and encodes the request. Nothing has been sent when this fails.
    fn prepare(mut self, stream: bool) -> Result<(Ready, Prepared)> {
        let provider = self.client.provider();
        let wire = provider.chat.ok_or_else(|| self.client.has_no(&self.model.id, "chat"))?;
        self.check()?;
        let mut warnings = Vec::new();
        let adjusted = (wire.adjust)(&mut self.request, &self.model, stream, &mut warnings);
        adjusted.map_err(|refused| self.refused(refused))?;
        warn_foreign_reasoning(&self.request, wire, &mut warnings);
        let prepared = self.encode(wire, stream)?;
        let tier = self.request.service_tier.take();
        Ok((Ready { client: self.client, model: self.model, wire, warnings, tier }, prepared))
    }

    fn encode(&self, wire: &'static ChatWire, stream: bool) -> Result<Prepared> {
        let cx = Cx::new(wire, &self.request, &self.model, stream);
        let (mut path, mut query, mut headers) = (String::new(), Vec::new(), Vec::new());
        (wire.path)(&cx, &mut path);
        (wire.query)(&cx, &mut query);
        (wire.headers)(&cx, &mut headers);
        let mut body = JsonWriter::with_capacity(size::of(&self.request));
        (wire.encode)(&cx, &mut body).map_err(|refused| self.refused(refused))?;
        let head = Head { method: wire.method, path: &path, query: &query, headers: &headers };
        Prepared::new(&self.client, &head, Some(body.into_bytes()))
    }

    fn refused(&self, refused: Refused) -> Error {
        Error::unsupported(self.client.provider().name, &self.model.id, refused.feature, refused.reason)
    }
}

/// What is needed to read the answer to a request that was made ready.
pub(super) struct Ready {
    pub(super) client: Client,
    pub(super) model: ChosenModel,
    pub(super) wire: &'static ChatWire,
    pub(super) warnings: Vec<Warning>,
    pub(super) tier: Option<String>,
}

impl From<Effort> for ReasoningConfig {
    fn from(effort: Effort) -> Self {
        Self::Effort(effort)
    }
}
