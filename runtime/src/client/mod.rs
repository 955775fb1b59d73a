//! The client: sends canonical requests to one provider and reads its answers.
//!
//! A generated crate wraps a [`Client`] in a type of its own and hands it a [`ProviderWire`]. This module knows no
//! provider. What goes over the wire is said by the wire's functions; how it goes there by [`crate::http`]. A client may
//! also stand on a [`Backend`], which answers in this process: then nothing is sent, and all else is the same.

mod backend;
mod builder;
mod call;
mod chat;
mod check;
mod count;
mod embed;
mod failure;
mod list;
mod options;
mod reply;
mod size;
mod source;
mod stream;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex};

use reqwest::Url;
use reqwest::header::HeaderMap;

use crate::auth::AuthScheme;
use crate::embed::EmbedWire;
use crate::error::{Error, Result};
use crate::http::{Clocks, Transport};
use crate::model::{IntoModel, Model};
use crate::models::ListWire;
use crate::secret::Secret;
use crate::wire::v1::ChatWire;

pub use backend::{Answering, Backend, Embedded, Pending};
pub use builder::Builder;
pub use chat::ChatCall;
pub use count::{Count, CountCall, CountWire};
pub use embed::{EmbedCall, EmbedReply};
pub use options::ProviderOptions;
pub use reply::{Meta, Reply};
#[doc(hidden)]
pub use size::of as body_size;
pub use stream::{ChatStream, Events};

/// Everything that a generated crate says about its provider: constant data and function pointers.
#[derive(Debug)]
pub struct ProviderWire {
    /// The provider's name.
    pub name: &'static str,
    /// Where its API is, without a trailing slash.
    pub base_url: &'static str,
    /// The environment variable that replaces the base URL, if it is set.
    pub base_url_env: Option<&'static str>,
    /// How requests authenticate.
    pub auth: AuthScheme,
    /// Headers of every request, their names in lower case.
    pub headers: &'static [(&'static str, &'static str)],
    /// How it converses.
    pub chat: Option<&'static ChatWire>,
    /// How it makes vectors.
    pub embed: Option<&'static EmbedWire>,
    /// How it lists its models.
    pub models: Option<&'static ListWire>,
    /// How it counts tokens.
    pub count: Option<&'static CountWire>,
    /// The models that are known of it.
    pub catalog: &'static [&'static Model],
}

/// A client of one provider. Cheap to clone; clones share connections.
///
/// Calls need a Tokio runtime with its timer and I/O enabled.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    wire: &'static ProviderWire,
    way: Way,
}

/// How a request gets to its model.
#[expect(clippy::large_enum_variant, reason = "it lies in an Arc as it is")]
enum Way {
    Http(Http),
    /// To what answers in this process, and how long that may take.
    Backend(Arc<dyn Backend>, Clocks),
}

/// How requests are sent.
struct Http {
    base: Url,
    key: Option<Secret>,
    headers: HeaderMap,
    transport: Transport,
    last_url: Mutex<Option<call::LastUrl>>,
}

impl Client {
    /// A client with `key` and defaults for everything else.
    pub fn new(wire: &'static ProviderWire, key: impl Into<Secret>) -> Result<Self> {
        Self::builder(wire).api_key(key).build()
    }

    /// A client with the key and base URL that the environment holds.
    pub fn from_env(wire: &'static ProviderWire) -> Result<Self> {
        Self::builder(wire).build()
    }

    /// A client with everything as you like it.
    pub fn builder(wire: &'static ProviderWire) -> Builder {
        Builder::new(wire)
    }

    /// A client whose requests `backend` answers in this process. Of the clocks, those for the first output, for what
    /// stands still and for the whole call count; nothing is sent again.
    pub fn over(wire: &'static ProviderWire, backend: Arc<dyn Backend>, clocks: Clocks) -> Self {
        Self { inner: Arc::new(Inner { wire, way: Way::Backend(backend, clocks) }) }
    }

    /// The provider that this client talks to.
    pub fn provider(&self) -> &'static ProviderWire {
        self.inner.wire
    }

    /// What is known of the model `id`, by its id or an alias.
    pub fn model(&self, id: &str) -> Option<&'static Model> {
        let catalog = self.inner.wire.catalog;
        catalog
            .iter()
            .find(|model| model.id == id)
            .or_else(|| catalog.iter().find(|model| model.answers_to(id)))
            .copied()
    }

    /// Begins a conversation with `model`: a typed model, or an id as text.
    pub fn chat<M: IntoModel>(&self, model: M) -> ChatCall<M::Model> {
        let wire = self.inner.wire;
        ChatCall::new(self.clone(), model.choose(wire.name, wire.catalog))
    }

    /// Begins a request for vectors.
    pub fn embed<M>(&self, model: M) -> EmbedCall
    where
        M: IntoModel,
        M::Model: crate::model::Embeddings,
    {
        let wire = self.inner.wire;
        EmbedCall::new(self.clone(), model.choose(wire.name, wire.catalog))
    }

    /// Begins to count the tokens of a conversation with `model`.
    pub fn count_tokens<M: IntoModel>(&self, model: M) -> CountCall {
        let wire = self.inner.wire;
        CountCall::new(self.clone(), model.choose(wire.name, wire.catalog))
    }

    /// The models that the provider says it has.
    pub async fn models(&self) -> Result<Vec<crate::models::ListedModel>> {
        list::models(self).await
    }

    /// What answers in this process, if something does.
    fn backend(&self) -> Option<(&Arc<dyn Backend>, Clocks)> {
        if let Way::Backend(backend, clocks) = &self.inner.way { Some((backend, *clocks)) } else { None }
    }

    fn http(&self) -> Result<&Http> {
        match &self.inner.way {
            Way::Http(http) => Ok(http),
            Way::Backend(..) => Err(self.has_no("", "http")),
        }
    }

    /// The refusal of what the provider has no wire for.
    fn has_no(&self, model: &str, feature: &'static str) -> Error {
        Error::unsupported(self.inner.wire.name, model, feature, "the provider offers no such operation")
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Client");
        shown.field("provider", &self.inner.wire.name);
        match &self.inner.way {
            Way::Http(http) => shown.field("base_url", &builder::shown(&http.base)).field("key", &http.key),
            Way::Backend(backend, _) => shown.field("backend", backend),
        };
        shown.finish_non_exhaustive()
    }
}
