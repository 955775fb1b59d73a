//! A request for vectors: built, sent, answered.

use std::ops::Deref;

use bytes::Bytes;

use super::backend::{self, Embedded};
use super::call::{Head, Prepared};
use super::{Client, Meta, ProviderOptions, check, failure};
use crate::chat::Warning;
use crate::embed::{EmbedRequest, EmbedResponse, EmbedWire, Embeddings};
use crate::error::{Error, Result};
use crate::json::RawJson;
use crate::model::ChosenModel;
use crate::price::{self, Cost};
use crate::wire::v1::{JsonWriter, Refused};

/// A request for vectors to be sent.
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before `send`"]
pub struct EmbedCall {
    client: Client,
    model: ChosenModel,
    request: EmbedRequest,
    /// Why the provider options that were given cannot be sent.
    refused: Option<String>,
}

impl EmbedCall {
    pub(super) fn new(client: Client, model: ChosenModel) -> Self {
        let request = EmbedRequest { model: model.id.clone().into_owned(), ..EmbedRequest::default() };
        Self { client, model, request, refused: None }
    }

    /// Adds a text.
    pub fn input(mut self, text: impl Into<String>) -> Self {
        self.request.input.push(text.into());
        self
    }

    /// Adds texts.
    pub fn inputs<T: Into<String>>(mut self, texts: impl IntoIterator<Item = T>) -> Self {
        self.request.input.extend(texts.into_iter().map(Into::into));
        self
    }

    /// The length of the vectors, where the model lets one choose.
    pub fn dimensions(mut self, length: u64) -> Self {
        self.request.dimensions = Some(length);
        self
    }

    /// What the vectors are for, in the provider's words.
    pub fn input_type(mut self, purpose: impl Into<String>) -> Self {
        self.request.input_type = Some(purpose.into());
        self
    }

    /// An opaque identifier of the end user.
    pub fn user_id(mut self, id: impl Into<String>) -> Self {
        self.request.user = Some(id.into());
        self
    }

    /// Options that this provider alone has. Those of another provider are refused before sending.
    pub fn options(mut self, options: impl Into<ProviderOptions>) -> Self {
        let options = options.into();
        self.refused = self.refused.or(options.refusal(self.client.provider().name));
        self.request.options.extend(options.values);
        self
    }

    /// Any other top-level field of the provider's body, sent as it stands.
    pub fn extra(mut self, key: impl Into<String>, value: RawJson) -> Self {
        self.request.extra.push((key.into(), value));
        self
    }

    /// Sends the request and returns the vectors, one for each text, in the order of the texts.
    pub async fn send(mut self) -> Result<EmbedReply> {
        if self.client.backend().is_some() {
            return Box::pin(self.compute()).await;
        }
        let provider = self.client.provider();
        let wire = provider.embed.ok_or_else(|| self.client.has_no(&self.model.id, "embeddings"))?;
        self.check()?;
        let mut warnings = Vec::new();
        let adjusted = (wire.adjust)(&mut self.request, &self.model, &mut warnings);
        adjusted.map_err(|Refused { feature, reason }| self.refusal(feature, reason))?;
        let prepared = self.prepare(wire)?;
        let texts = self.request.input.len();
        let decode = |body: &Bytes, meta: &Meta| vectors(wire, body, meta, texts);
        let (response, meta) = prepared.whole(&self.client, &wire.errors, decode).await?;
        Ok(EmbedReply { response, meta, model: self.model, warnings })
    }

    /// Has the vectors made in this process.
    async fn compute(self) -> Result<EmbedReply> {
        self.check()?;
        let Self { client, model, request, .. } = self;
        let texts = request.input.len();
        let Embedded { response, warnings } = backend::embed(&client, request).await?;
        if response.vectors.len() != texts {
            return Err(Error::corrupt(0, "there are not as many vectors as texts"));
        }
        Ok(EmbedReply { response, meta: backend::meta(&client), model, warnings })
    }

    fn check(&self) -> Result<()> {
        if let Some(reason) = self.refused.clone() {
            return Err(self.refusal("options", reason));
        }
        check::embed(&self.model, self.client.provider().name)
    }

    fn prepare(&self, wire: &EmbedWire) -> Result<Prepared> {
        let (mut path, mut query, mut headers) = (String::new(), Vec::new(), Vec::new());
        (wire.path)(&self.request, &mut path);
        (wire.query)(&self.request, &mut query);
        (wire.headers)(&self.request, &mut headers);
        let size = self.request.input.iter().map(|text| text.len() + text.len() / 8 + 16).sum::<usize>();
        let mut body = JsonWriter::with_capacity(256 + size);
        let encoded = (wire.encode)(&self.request, &self.model, &mut body);
        encoded.map_err(|Refused { feature, reason }| self.refusal(feature, reason))?;
        let head = Head { method: wire.method, path: &path, query: &query, headers: &headers };
        Prepared::new(&self.client, &head, Some(body.into_bytes()))
    }

    fn refusal(&self, feature: impl Into<std::borrow::Cow<'static, str>>, reason: String) -> Error {
        Error::unsupported(self.client.provider().name, &self.model.id, feature, reason)
    }
}

fn vectors(wire: &EmbedWire, body: &[u8], meta: &Meta, texts: usize) -> Result<EmbedResponse> {
    let mut answer = Embeddings::new();
    (wire.response)(body, &mut answer).map_err(|corrupt| Error::corrupt(corrupt.at, corrupt.reason))?;
    let response = answer.finish(wire).map_err(|failed| failure::of_answer(meta, *failed))?;
    if response.vectors.len() != texts {
        return Err(Error::corrupt(body.len(), "there are not as many vectors as texts"));
    }
    Ok(response)
}

/// Vectors with what came beside them. Reads like its [`EmbedResponse`].
#[derive(Debug, Clone)]
pub struct EmbedReply {
    response: EmbedResponse,
    meta: Meta,
    model: ChosenModel,
    warnings: Vec<Warning>,
}

impl Deref for EmbedReply {
    type Target = EmbedResponse;

    fn deref(&self) -> &EmbedResponse {
        &self.response
    }
}

impl EmbedReply {
    /// What the request cost, exactly. `None` if the usage, or a price that it needs, is not known.
    pub fn cost(&self) -> Option<Cost> {
        price::input_only(&self.model, self.response.usage.as_ref()?)
    }

    /// The answer alone.
    pub fn into_response(self) -> EmbedResponse {
        self.response
    }

    /// What was left out of the request, and why.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// What came with the answer besides its content.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }
}
