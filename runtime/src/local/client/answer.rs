//! Requests of a client, answered by the models on the shelf.

use std::task::{Context, Poll};

use super::error::{Error, of_model};
use super::shelf::Lease;
use super::{Shared, place};
use crate::chat::{ChatEvent, ChatRequest, ChatResponse};
use crate::client::{Answering, Backend, Embedded, Pending};
use crate::embed::EmbedRequest;
use crate::error::{Error as CallError, Result};
use crate::local;
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
    /// The model of that name, loaded.
    pub(super) async fn lease(&self, name: &str) -> Result<Lease> {
        let lease = async {
            let place = place::find(self.wire, &self.settings, name).await?;
            let config = self.settings.model(name, &place);
            self.shelf.lease(name, place, config, self.settings.serve.clone()).await
        };
        lease.await.map_err(|error: Error| error.of(self.wire.name, name))
    }

    async fn answer(&self, request: ChatRequest) -> Result<Box<dyn Answering>> {
        let (provider, model) = (self.wire.name, request.model.clone());
        let lease = self.lease(&model).await?;
        let answers = lease.server().answer(request).await;
        let answers = answers.map_err(|error| {
            if matches!(error, local::Error::Stopped { .. }) {
                self.shelf.forget(&lease);
            }
            of_model(error, provider, &model)
        })?;
        Ok(Box::new(Answer { answers, _lease: lease, provider, model }))
    }
}

impl Backend for Shared {
    fn chat(&self, request: ChatRequest) -> Pending<'_, Box<dyn Answering>> {
        Box::pin(self.answer(request))
    }

    fn embed(&self, request: EmbedRequest) -> Pending<'_, Embedded> {
        let refused = "local models make no vectors yet";
        Box::pin(
            async move { Err(CallError::unsupported(self.wire.name, &request.model, "embeddings", refused)) },
        )
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
