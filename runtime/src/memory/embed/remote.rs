//! A model behind a client: any provider's, or a local one that is asked like a provider.

use std::sync::OnceLock;

use super::{EmbeddingModel, Purpose};
use crate::client::EmbedCall;
use crate::memory::Error;
use crate::memory::pending::Pending;

/// A model that is asked through a client.
#[derive(Debug)]
pub struct Remote {
    name: String,
    call: EmbedCall,
    /// The word of the provider for each purpose, where it has one.
    document: Option<String>,
    query: Option<String>,
    /// The model that answered first, as the provider names it.
    answered: OnceLock<String>,
}

impl Remote {
    /// The model that a call without texts asks: `client.embed(model)`, with the length and the options that are wanted.
    /// The name is that of the vectors in stores, such as `provider:model`, with the length if one is chosen.
    pub fn new(name: impl Into<String>, call: EmbedCall) -> Self {
        Self { name: name.into(), call, document: None, query: None, answered: OnceLock::new() }
    }

    /// The provider's words for vectors of what is to be found, and of what is looked for.
    #[must_use]
    pub fn input_types(self, document: impl Into<String>, query: impl Into<String>) -> Self {
        Self { document: Some(document.into()), query: Some(query.into()), ..self }
    }

    fn call(&self, texts: &[&str], purpose: Purpose) -> EmbedCall {
        let call = self.call.clone().inputs(texts.iter().copied());
        let word = match purpose {
            Purpose::Document => &self.document,
            Purpose::Query => &self.query,
        };
        match word {
            Some(word) => call.input_type(word.as_str()),
            None => call,
        }
    }

    /// Whether it is the same model that answered before.
    fn check(&self, model: Option<&str>) -> Result<(), Error> {
        let Some(model) = model else { return Ok(()) };
        let first = self.answered.get_or_init(|| model.to_owned());
        if first == model {
            return Ok(());
        }
        Err(Error::answer(&self.name, format!("it is {model:?} now, and was {first:?}")))
    }
}

impl EmbeddingModel for Remote {
    fn name(&self) -> &str {
        &self.name
    }

    fn embed<'a>(&'a self, texts: &'a [&'a str], purpose: Purpose) -> Pending<'a, Vec<Vec<f32>>> {
        Box::pin(async move {
            let sent = self.call(texts, purpose).send().await;
            let reply = sent.map_err(|error| Error::model(&self.name, error))?;
            self.check(reply.model.as_deref())?;
            Ok(reply.into_response().vectors)
        })
    }
}
