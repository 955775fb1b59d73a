//! A client that stands on something else than HTTP: what answers requests in this process, event by event.
//!
//! Checks, clocks and what is collected are the same as for an answer that comes over a wire; how a request is answered is
//! the backend's business. Nothing is sent again: what failed here fails again.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use tokio::time::{Instant, Sleep, sleep};

use super::stream::ChatStream;
use super::{Client, Meta};
use crate::chat::{ChatEvent, ChatRequest, ChatResponse, Warning};
use crate::embed::{EmbedRequest, EmbedResponse};
use crate::error::{Clock, Error, Result};
use crate::http::Clocks;
use crate::model::ChosenModel;
use crate::models::ListedModel;
use crate::wire::v1::ErrorWire;

/// What is still being worked on.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// What answers requests in this process. Whatever of a request it cannot do, it refuses before anything runs.
pub trait Backend: fmt::Debug + Send + Sync {
    /// Begins an answer. Ready when it is certain that the request is not refused.
    fn chat(&self, request: ChatRequest) -> Pending<'_, Box<dyn Answering>>;

    /// Makes vectors, one for each text, in the order of the texts.
    fn embed(&self, request: EmbedRequest) -> Pending<'_, Embedded>;

    /// The models that it has.
    fn models(&self) -> Pending<'_, Vec<ListedModel>>;
}

/// An answer that is being given. Dropping it breaks off the work.
pub trait Answering: Send {
    /// The next event, in the order and with the meaning of [`ChatEvent`]: the last one but for an error is
    /// [`ChatEvent::Finish`].
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<ChatEvent<'static>>>>;

    /// What was changed or dropped before the answer began.
    fn warnings(&self) -> Vec<Warning> {
        Vec::new()
    }

    /// Adds to the answer what no event tells: the stop text that ended it, and warnings of what came later.
    fn describe(&self, response: &mut ChatResponse) {
        let _ = response;
    }
}

/// Vectors, and what was changed or dropped on the way to them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Embedded {
    /// The vectors.
    pub response: EmbedResponse,
    /// What was changed or dropped.
    pub warnings: Vec<Warning>,
}

/// There is no wire, and so no way to report errors on it.
static NO_WIRE: ErrorWire = ErrorWire::UNKNOWN;

/// A request that was checked.
pub(super) struct Job {
    pub(super) client: Client,
    pub(super) model: ChosenModel,
    pub(super) request: ChatRequest,
}

/// Begins an answer; ready with its first output.
pub(super) async fn open(job: Job) -> Result<ChatStream> {
    let Job { client, model, request } = job;
    let Some((backend, clocks)) = client.backend() else { return Err(client.has_no(&model.id, "chat")) };
    let mut watch = Watch::new(clocks);
    let answering = watch.over(backend.chat(request)).await?;
    let mut stream = ChatStream::told(Told::new(answering, watch), meta(&client), &client, model);
    stream.wait_for_output().await?;
    Ok(stream)
}

/// Makes vectors within the time that a call may take.
pub(super) async fn embed(client: &Client, request: EmbedRequest) -> Result<Embedded> {
    let Some((backend, clocks)) = client.backend() else {
        return Err(client.has_no(&request.model, "embeddings"));
    };
    Watch::new(clocks).over(backend.embed(request)).await
}

/// What comes with an answer over no wire: nothing.
pub(super) fn meta(client: &Client) -> Meta {
    Meta::new(client, &NO_WIRE, StatusCode::OK, HeaderMap::new())
}

/// The events of an answer, and the clocks that watch it.
pub(super) struct Told {
    answering: Box<dyn Answering>,
    watch: Watch,
    next: Option<ChatEvent<'static>>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// All of its events have come.
    Finished,
    /// It is whole, and so is what no event tells.
    Ended,
    /// Nothing more comes, and it is not whole.
    Broken,
}

impl Told {
    fn new(answering: Box<dyn Answering>, watch: Watch) -> Self {
        Self { answering, watch, next: None, state: State::Open }
    }

    /// Whether an event waits; `Err` when the answer broke off.
    pub(super) fn advance(&self) -> Result<bool, ()> {
        match (&self.next, self.state) {
            (Some(_), _) => Ok(true),
            (None, State::Broken) => Err(()),
            (None, _) => Ok(false),
        }
    }

    pub(super) fn warnings(&self) -> Vec<Warning> {
        self.answering.warnings()
    }

    pub(super) fn take(&mut self) -> Option<ChatEvent<'static>> {
        self.next.take()
    }

    pub(super) fn has_output(&self) -> bool {
        self.next.as_ref().is_some_and(|event| !matches!(event, ChatEvent::Start { .. }))
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Ended | State::Broken) && self.next.is_none()
    }

    pub(super) fn describe(&self, response: &mut ChatResponse) {
        self.answering.describe(response);
    }

    /// Ready when an event waits or none will come; `Err` says why the answer broke off.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let told = match self.answering.poll_next(cx) {
            Poll::Pending => match self.watch.poll(cx) {
                Poll::Ready(error) => Some(Err(error)),
                Poll::Pending => return Poll::Pending,
            },
            Poll::Ready(told) => told,
        };
        match told {
            Some(Ok(event)) => {
                if !matches!(event, ChatEvent::Start { .. }) {
                    self.watch.restart();
                }
                if matches!(event, ChatEvent::Finish(_)) {
                    self.state = State::Finished;
                }
                self.next = Some(event);
            }
            Some(Err(error)) => {
                self.state = State::Broken;
                return Poll::Ready(Err(error));
            }
            None if self.state == State::Finished => self.state = State::Ended,
            None => self.state = State::Broken,
        }
        Poll::Ready(Ok(()))
    }
}

/// The clocks of a call: until the first output, between two events, and for the whole.
struct Watch {
    clocks: Clocks,
    end: Option<Instant>,
    clock: Clock,
    sleep: Pin<Box<Sleep>>,
}

impl Watch {
    fn new(clocks: Clocks) -> Self {
        let end = clocks.total.and_then(|total| Instant::now().checked_add(total));
        let mut watch =
            Self { clocks, end, clock: Clock::FirstByte, sleep: Box::pin(sleep(clocks.first_byte)) };
        watch.set(Clock::FirstByte, clocks.first_byte);
        watch
    }

    /// Something came: from now on, it is what stands still that is watched.
    fn restart(&mut self) {
        self.set(Clock::Idle, self.clocks.idle);
    }

    fn set(&mut self, clock: Clock, limit: Duration) {
        // What no calendar holds is never.
        let at = Instant::now().checked_add(limit);
        let (clock, at) = match (at, self.end) {
            (Some(at), Some(end)) if end < at => (Clock::Total, end),
            (None, Some(end)) => (Clock::Total, end),
            (Some(at), _) => (clock, at),
            (None, None) => return self.sleep = Box::pin(sleep(Duration::MAX)),
        };
        self.clock = clock;
        self.sleep.as_mut().reset(at);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        self.sleep.as_mut().poll(cx).map(|()| self.error())
    }

    fn error(&self) -> Error {
        let limit = match self.clock {
            Clock::Total => self.clocks.total.unwrap_or_default(),
            Clock::Idle => self.clocks.idle,
            _ => self.clocks.first_byte,
        };
        Error::timeout(self.clock, limit)
    }

    /// Work, for as long as it may take.
    async fn over<T>(&mut self, mut work: Pending<'_, T>) -> Result<T> {
        std::future::poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(done),
            Poll::Pending => self.poll(cx).map(Err),
        })
        .await
    }
}

#[cfg(test)]
mod tests;
