//! Requests of a client, answered by the models on the shelf.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::error::{Error, of_model};
use super::place::Place;
use super::shelf::{Lease, Model, Purpose, blocking};
use super::{Shared, place};
use crate::chat::{ChatEvent, ChatRequest, ChatResponse, Usage, Warning};
use crate::client::{Answering, Backend, Embedded, Pending};
use crate::embed::{EmbedRequest, EmbedResponse};
use crate::error::{Error as CallError, Result};
use crate::local;
use crate::local::embed::{Embeddings, Stop};
use crate::local::serve::Answers;
use crate::models::ListedModel;

/// An answer, and the model that gives it: it is not unloaded before.
struct Answer {
    answers: Answers,
    _lease: Lease,
    provider: &'static str,
    model: String,
}

impl Shared {
    /// The model of that name, loaded for a purpose.
    pub(super) async fn lease(&self, name: &str, purpose: impl FnOnce(&Place) -> Purpose) -> Result<Lease> {
        let lease = async {
            let place = place::find(self.wire, &self.settings, name).await?;
            let purpose = purpose(&place);
            self.shelf.lease(name, place, purpose).await
        };
        lease.await.map_err(|error: Error| error.of(self.wire.name, name))
    }

    async fn answer(&self, request: ChatRequest) -> Result<Box<dyn Answering>> {
        let (provider, model) = (self.wire.name, request.model.clone());
        let lease = self.lease(&model, |place| self.settings.chat(&model, place)).await?;
        let Model::Chat(server) = lease.model() else {
            return Err(self.refusal(&model, "chat", "it makes vectors"));
        };
        let answers = server.answer(request).await;
        let answers = answers.map_err(|error| {
            if matches!(error, local::Error::Stopped { .. }) {
                self.shelf.forget(&lease);
            }
            of_model(error, provider, &model)
        })?;
        Ok(Box::new(Answer { answers, _lease: lease, provider, model }))
    }
}

impl Shared {
    async fn vectors(&self, request: EmbedRequest) -> Result<Embedded> {
        let warnings = self.check(&request)?;
        let EmbedRequest { model, input, dimensions, .. } = request;
        let lease = self.lease(&model, |_| Purpose::Vectors(self.settings.embed.clone())).await?;
        let Model::Vectors(embedder) = lease.model() else {
            return Err(self.refusal(&model, "embeddings", "it makes none"));
        };
        if dimensions.is_some_and(|dimensions| dimensions != embedder.dims() as u64) {
            return Err(self.refusal(&model, "dimensions", "its vectors have one length"));
        }
        let embedder = Arc::clone(embedder);
        let waiting = Waiting::default();
        let stop = waiting.0.clone();
        let made = blocking(move || {
            let texts: Vec<&str> = input.iter().map(String::as_str).collect();
            Ok(embedder.embed_until(&texts, &stop)?)
        });
        let made = made.await.map_err(|error| error.of(self.wire.name, &model))?;
        drop(lease);
        Ok(told(&made, model, warnings))
    }

    /// What a request for vectors says that no encoder knows of.
    fn check(&self, request: &EmbedRequest) -> Result<Vec<Warning>> {
        let no = |feature: String, reason| {
            Err(CallError::unsupported(self.wire.name, &request.model, feature, reason))
        };
        if request.input_type.is_some() {
            return no("input_type".to_owned(), "the model knows of no purposes");
        }
        let option = request.options.first().map(|(name, _)| name.to_string());
        if let Some(name) = option.or(request.extra.first().map(|(name, _)| name.clone())) {
            return no(name, "there is no such option for vectors");
        }
        let user = request.user.as_ref().map(|_| Warning {
            feature: "user".to_owned(),
            message: "nothing is stored by a local model: dropped".to_owned(),
        });
        Ok(user.into_iter().collect())
    }

    pub(super) fn refusal(&self, model: &str, feature: &'static str, reason: &'static str) -> CallError {
        CallError::unsupported(self.wire.name, model, feature, reason)
    }
}

/// Somebody who waits for work on another thread. When it is dropped, the work ends at the next texts.
#[derive(Default)]
pub(super) struct Waiting(pub(super) Stop);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Vectors as a client gets them. A text that was cut is told.
fn told(made: &Embeddings, model: String, mut warnings: Vec<Warning>) -> Embedded {
    let cut = made.cut.iter().map(|cut| Warning {
        feature: "input".to_owned(),
        message: format!("text {} has {} tokens: cut after {}", cut.index, cut.tokens, cut.kept),
    });
    warnings.extend(cut);
    let tokens = made.tokens.iter().map(|tokens| *tokens as u64).sum();
    let usage = Usage { input: Some(tokens), total: Some(tokens), ..Usage::default() };
    let vectors = made.iter().map(<[f32]>::to_vec).collect();
    let response = EmbedResponse { vectors, id: None, model: Some(model), usage: Some(usage) };
    Embedded { response, warnings }
}

impl Backend for Shared {
    fn chat(&self, request: ChatRequest) -> Pending<'_, Box<dyn Answering>> {
        Box::pin(self.answer(request))
    }

    fn embed(&self, request: EmbedRequest) -> Pending<'_, Embedded> {
        Box::pin(self.vectors(request))
    }

    fn models(&self) -> Pending<'_, Vec<ListedModel>> {
        Box::pin(async { Ok(place::listed(self.wire, &self.settings)) })
    }
}

impl Answering for Answer {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<ChatEvent<'static>>>> {
        let told = self.answers.poll_next(cx);
        told.map_err(|error| of_model(error, self.provider, &self.model))
    }

    fn warnings(&self) -> Vec<crate::chat::Warning> {
        self.answers.warnings().to_vec()
    }

    fn describe(&self, response: &mut ChatResponse) {
        let Some(answer) = self.answers.answer() else { return };
        response.stop_sequence.clone_from(&answer.response.stop_sequence);
        let known = self.answers.warnings();
        let further = answer.response.warnings.iter().filter(|warning| !known.contains(warning));
        response.warnings.extend(further.cloned());
    }
}
