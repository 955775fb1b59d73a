//! A provider that is made up: models in the roles that memory has for them, whose answers a test decides.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use typewright_runtime::Result;
use typewright_runtime::auth::AuthScheme;
use typewright_runtime::chat::{ChatEvent, ChatRequest, FinishReason};
use typewright_runtime::client::{Answering, Backend, Client, Embedded, Pending, ProviderWire};
use typewright_runtime::embed::EmbedRequest;
use typewright_runtime::http::Clocks;
use typewright_runtime::models::ListedModel;

/// What is known of it: its name.
pub static INVENTED: ProviderWire = ProviderWire {
    name: "invented",
    base_url: "",
    base_url_env: None,
    auth: AuthScheme::None,
    headers: &[],
    chat: None,
    embed: None,
    models: None,
    count: None,
    catalog: &[],
};

/// A client whose chat models say a text, and why they stopped, as `answer` decides of each request. Asked for anything
/// else, it panics.
pub fn chatting(answer: impl Fn(ChatRequest) -> (String, FinishReason) + Send + Sync + 'static) -> Client {
    Client::over(&INVENTED, Arc::new(Chatting(answer)) as Arc<dyn Backend>, Clocks::default())
}

struct Chatting<F>(F);

impl<F> fmt::Debug for Chatting<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chatting")
    }
}

struct Events(VecDeque<ChatEvent<'static>>);

impl Answering for Events {
    fn poll_next(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<ChatEvent<'static>>>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }
}

impl<F: Fn(ChatRequest) -> (String, FinishReason) + Send + Sync + 'static> Backend for Chatting<F> {
    fn chat(&self, request: ChatRequest) -> Pending<'_, Box<dyn Answering>> {
        let (text, finish) = (self.0)(request);
        let events = VecDeque::from([ChatEvent::Text(text.into()), ChatEvent::Finish(finish)]);
        Box::pin(async { Ok(Box::new(Events(events)) as Box<dyn Answering>) })
    }

    fn embed(&self, _: EmbedRequest) -> Pending<'_, Embedded> {
        unreachable!("nobody asks for vectors")
    }

    fn models(&self) -> Pending<'_, Vec<ListedModel>> {
        unreachable!("nobody asks for models")
    }
}
