//! Counting the tokens of a conversation before it is sent.

use super::call::{Head, Prepared};
use super::{Client, Meta, check, failure};
use crate::chat::{ChatRequest, Message, Role};
use crate::error::{Error, Result};
use crate::model::ChosenModel;
use crate::wire::v1::{Corrupt, Cx, ErrorWire, Failure, JsonWriter, Policies, ProviderFailure, Refused};

/// How counting tokens looks on a wire. One `static` of a generated crate.
#[derive(Debug, Clone, Copy)]
pub struct CountWire {
    /// The provider's name.
    pub provider: &'static str,
    /// The HTTP method.
    pub method: &'static str,
    /// Appends the path, with a leading slash.
    pub path: fn(&Cx<'_>, &mut String),
    /// Adds query parameters.
    pub query: fn(&Cx<'_>, &mut Vec<(&'static str, String)>),
    /// Adds headers.
    pub headers: fn(&Cx<'_>, &mut Vec<(&'static str, String)>),
    /// Writes the body.
    pub encode: fn(&Cx<'_>, &mut JsonWriter) -> Result<(), Refused>,
    /// Reads an answer.
    pub response: for<'a> fn(&'a [u8], &mut Count) -> Result<(), Corrupt>,
    /// How errors look.
    pub errors: ErrorWire,
}

/// What a decoder reports of a count of tokens.
#[derive(Debug, Default)]
pub struct Count {
    tokens: Option<u64>,
    failure: Option<Box<ProviderFailure>>,
}

impl Count {
    /// Nothing reported yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tokens of the input.
    pub fn tokens(&mut self, tokens: u64) -> Result<(), Corrupt> {
        self.tokens = Some(tokens);
        Ok(())
    }

    /// The provider failed, although the status says otherwise.
    pub fn fail(&mut self, failure: Failure<'_>) -> Result<(), Corrupt> {
        self.failure = Some(Box::new(ProviderFailure::of(&failure)));
        Ok(())
    }
}

/// A count of tokens to come. It is made of a conversation, and sent by [`CountCall::send`].
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before `send`"]
pub struct CountCall {
    client: Client,
    model: ChosenModel,
    request: ChatRequest,
}

impl CountCall {
    pub(super) fn new(client: Client, model: ChosenModel) -> Self {
        Self { client, request: ChatRequest::new(model.id.clone()), model }
    }

    /// Adds a system message.
    pub fn system(self, text: impl Into<String>) -> Self {
        self.message(Message::text(Role::System, text))
    }

    /// Adds a message of the user.
    pub fn user(self, text: impl Into<String>) -> Self {
        self.message(Message::text(Role::User, text))
    }

    /// Adds a message.
    pub fn message(mut self, message: Message) -> Self {
        self.request.messages.push(message);
        self
    }

    /// Counts a ready-made request, but with the model of this call.
    pub fn request(mut self, request: ChatRequest) -> Self {
        self.request = ChatRequest { model: self.request.model, ..request };
        self
    }

    /// Asks the provider how many tokens the input has.
    pub async fn send(self) -> Result<u64> {
        let provider = self.client.provider();
        let wire = provider.count.ok_or_else(|| self.client.has_no(&self.model.id, "count_tokens"))?;
        check::chat(&self.request, &self.model, provider.name)?;
        let prepared = self.prepare(wire)?;
        let (tokens, _) =
            prepared.whole(&self.client, &wire.errors, |body, meta| count(wire, body, meta)).await?;
        Ok(tokens)
    }

    fn prepare(&self, wire: &CountWire) -> Result<Prepared> {
        let policies = self.client.provider().chat.map_or(Policies::PLAIN, |chat| chat.policies);
        let (request, model) = (&self.request, &*self.model);
        let cx = Cx { request, model, stream: false, provider: wire.provider, policies };
        let (mut path, mut query, mut headers) = (String::new(), Vec::new(), Vec::new());
        (wire.path)(&cx, &mut path);
        (wire.query)(&cx, &mut query);
        (wire.headers)(&cx, &mut headers);
        let mut body = JsonWriter::new();
        (wire.encode)(&cx, &mut body).map_err(|refused| self.refused(refused))?;
        Prepared::new(
            &self.client,
            &Head { method: wire.method, path: &path, query: &query, headers: &headers },
            Some(body.into_bytes()),
        )
    }

    fn refused(&self, refused: Refused) -> Error {
        Error::unsupported(self.client.provider().name, &self.model.id, refused.feature, refused.reason)
    }
}

fn count(wire: &CountWire, body: &[u8], meta: &Meta) -> Result<u64> {
    let mut count = Count::new();
    (wire.response)(body, &mut count).map_err(|corrupt| Error::corrupt(corrupt.at, corrupt.reason))?;
    if let Some(failure) = count.failure {
        return Err(failure::of_answer(meta, *failure));
    }
    count.tokens.ok_or_else(|| Error::corrupt(0, "the answer holds no count of tokens"))
}
