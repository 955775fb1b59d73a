//! A streamed answer: bytes become events as they come. Also the opening of a stream and the fetching of a whole
//! answer, which differ only in what comes back.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use reqwest::header::CONTENT_TYPE;

use super::backend::Told;
use super::call::Prepared;
use super::chat::Ready;
use super::source::Source;
use super::{Client, Meta, Reply, failure};
use crate::chat::{ChatEvent, ChatResponse, Collector, Warning};
use crate::error::{Error, Result};
use crate::http::{Attempt, Attempts, Body, RateLimits};
use crate::model::ChosenModel;
use crate::wire::v1::{Framing, WireError};

/// A streamed answer of a chat model.
///
/// Dropping it cancels the request. What has come is collected on the way, so that after the last event, or after
/// an error, the whole of it is still there.
#[must_use = "an answer that is dropped is cancelled"]
pub struct ChatStream(Box<State>);

/// All of a stream, in one place that does not move: many may be open at once, and tasks hold them.
struct State {
    source: Source,
    body: Option<Body>,
    /// Why the bytes ended before their time, if they did.
    broken: Option<Error>,
    /// Events that came while the stream was opened.
    early: VecDeque<ChatEvent<'static>>,
    collector: Collector,
    over: bool,
    meta: Meta,
    warnings: Vec<Warning>,
    model: ChosenModel,
    tier: Option<String>,
}

impl ChatStream {
    fn new(source: Source, body: Option<Body>, meta: Meta, ready: &Ready) -> Self {
        Self(Box::new(State {
            source,
            body,
            broken: None,
            early: VecDeque::new(),
            collector: Collector::new(ready.wire.provider),
            over: false,
            meta,
            warnings: ready.warnings.clone(),
            model: ready.model.clone(),
            tier: ready.tier.clone(),
        }))
    }

    /// What a backend tells.
    pub(super) fn told(told: Told, meta: Meta, client: &Client, model: ChosenModel) -> Self {
        let warnings = told.warnings();
        Self(Box::new(State {
            source: Source::Told(Box::new(told)),
            body: None,
            broken: None,
            early: VecDeque::new(),
            collector: Collector::new(client.provider().name),
            over: false,
            meta,
            warnings,
            model,
            tier: None,
        }))
    }

    /// Waits until there is output.
    pub(super) async fn wait_for_output(&mut self) -> Result<()> {
        self.0.wait_for_output().await
    }

    /// The next event. Its text borrows from the stream; [`ChatEvent::into_owned`] keeps it. `None` at the end;
    /// after an error nothing more comes.
    pub async fn next(&mut self) -> Option<Result<ChatEvent<'_>>> {
        let state = &mut *self.0;
        if let Some(event) = state.take_early() {
            return Some(Ok(event));
        }
        match poll_fn(|cx| state.poll_ready(cx)).await? {
            Ok(()) => state.take().map(Ok),
            Err(error) => Some(Err(error)),
        }
    }

    /// The events as a [`futures_core::Stream`], each with its text copied.
    pub fn into_stream(self) -> Events {
        Events(self)
    }

    /// Waits for the end and returns the whole answer.
    pub async fn collect(mut self) -> Result<Reply> {
        while let Some(event) = self.next().await {
            event?;
        }
        Ok(self.into_reply())
    }

    /// What has come so far, as an answer. Whole once [`ChatStream::next`] has returned `None`.
    pub fn into_reply(self) -> Reply {
        let mut state = self.0;
        let mut response = state.collected();
        response.warnings.append(&mut state.warnings);
        Reply::new(response, state.meta, state.model, state.tier)
    }

    /// What was changed or dropped on the way to the provider.
    pub fn warnings(&self) -> &[Warning] {
        &self.0.warnings
    }

    /// The id under which the provider can find the request.
    pub fn request_id(&self) -> Option<&str> {
        self.0.meta.request_id()
    }

    /// How much more may be asked, as far as the provider says.
    pub fn rate_limits(&self) -> RateLimits {
        self.0.meta.rate_limits()
    }

    /// The attempts that failed before the one that succeeded, and why.
    pub fn attempts(&self) -> &[Attempt] {
        self.0.meta.attempts()
    }

    /// What came with the answer besides its content.
    pub fn meta(&self) -> &Meta {
        &self.0.meta
    }
}

impl State {
    /// Ready when an event can be taken, or nothing more will come.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<()>>> {
        while !self.over {
            match self.source.advance() {
                Ok(true) => return Poll::Ready(Some(Ok(()))),
                Ok(false) if self.source.is_done() => self.finish(cx),
                Ok(false) => ready!(self.poll_bytes(cx)),
                Err(error) => return Poll::Ready(Some(Err(self.fail(error)))),
            }
        }
        Poll::Ready(None)
    }

    /// Ready when the source has more bytes to read, or knows that there are no more.
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Source::Told(told) = &mut self.source {
            if let Err(error) = ready!(told.poll(cx)) {
                self.broken = Some(error);
            }
            return Poll::Ready(());
        }
        let piece = match &mut self.body {
            Some(body) => {
                // All events of the last bytes were taken. Held any longer, those would keep the connection from
                // reading into the same buffer again.
                self.source.feed(Bytes::new());
                if self.source.is_failing() {
                    body.hurry();
                }
                ready!(body.poll_chunk(cx))
            }
            None => None,
        };
        match piece {
            Some(Ok(bytes)) => self.source.feed(bytes),
            Some(Err(error)) => {
                // If all that matters has come, the answer is whole however the connection ended.
                self.broken = Some(error);
                self.body = None;
                self.source.finish();
            }
            None => self.source.finish(),
        }
        Poll::Ready(())
    }

    /// The answer is complete. What little is left of its bytes is read, so that the connection can be kept.
    fn finish(&mut self, cx: &mut Context<'_>) {
        self.over = true;
        if let Some(mut body) = self.body.take() {
            body.drain(cx);
        }
    }

    fn fail(&mut self, error: WireError) -> Error {
        self.over = true;
        self.body = None;
        let partial = self.collected();
        let error = match (error, self.broken.take()) {
            (WireError::Truncated, Some(broken)) => broken,
            (error, _) => of_wire(error, &self.meta),
        };
        error.with_partial(partial)
    }

    fn collected(&mut self) -> ChatResponse {
        self.source.response(std::mem::take(&mut self.collector))
    }

    #[inline]
    fn take(&mut self) -> Option<ChatEvent<'_>> {
        let event = self.source.event()?;
        self.collector.add(event.clone());
        Some(event)
    }

    /// The next event that came while the stream was opened. The last one takes the room for them along.
    fn take_early(&mut self) -> Option<ChatEvent<'static>> {
        let event = self.early.pop_front()?;
        if self.early.is_empty() {
            self.early = VecDeque::new();
        }
        Some(event)
    }

    /// Waits until there is output. A failure before that is a failure of the whole request.
    async fn wait_for_output(&mut self) -> Result<()> {
        while let Some(ready) = poll_fn(|cx| self.poll_ready(cx)).await {
            ready?;
            if self.source.has_output() {
                break;
            }
            let Some(event) = self.take() else { break };
            let event = event.into_owned();
            self.early.push_back(event);
        }
        Ok(())
    }
}

impl fmt::Debug for ChatStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatStream")
            .field("meta", &self.0.meta)
            .field("over", &self.0.over)
            .finish_non_exhaustive()
    }
}

/// The events of a [`ChatStream`], each with its text copied.
#[derive(Debug)]
#[must_use = "an answer that is dropped is cancelled"]
pub struct Events(ChatStream);

impl Events {
    /// The stream itself, to ask what came with the answer.
    pub fn get_ref(&self) -> &ChatStream {
        &self.0
    }

    /// The stream itself.
    pub fn into_inner(self) -> ChatStream {
        self.0
    }
}

impl futures_core::Stream for Events {
    type Item = Result<ChatEvent<'static>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let stream = &mut *self.0.0;
        if let Some(event) = stream.take_early() {
            return Poll::Ready(Some(Ok(event)));
        }
        Poll::Ready(match ready!(stream.poll_ready(cx)) {
            Some(Ok(())) => stream.take().map(|event| Ok(event.into_owned())),
            Some(Err(error)) => Some(Err(error)),
            None => None,
        })
    }
}

/// Sends a request until its first output is there.
pub(super) async fn open(request: Box<(Ready, Prepared)>) -> Result<ChatStream> {
    let (ready, prepared) = &*request;
    let mut attempts = ready.client.attempts()?;
    loop {
        match open_once(ready, prepared, &attempts).await {
            Ok(mut stream) => {
                stream.0.meta.tell(attempts);
                return Ok(stream);
            }
            Err(error) => attempts.again(error).await?,
        }
    }
}

async fn open_once(ready: &Ready, prepared: &Prepared, attempts: &Attempts) -> Result<ChatStream> {
    let mut stream = begin(ready, prepared, attempts).await?;
    stream.wait_for_output().await?;
    Ok(stream)
}

/// Waits for the head of the answer. In a box, so that streams which are open hold nothing of what that takes.
fn begin<'a>(
    ready: &'a Ready,
    prepared: &'a Prepared,
    attempts: &'a Attempts,
) -> Pin<Box<dyn Future<Output = Result<ChatStream>> + Send + 'a>> {
    Box::pin(async move {
        let mut answer = prepared.send(&ready.client, &ready.wire.errors, attempts).await?;
        let meta = Meta::new(&ready.client, &ready.wire.errors, answer.status, answer.headers);
        if ready.wire.framing != Framing::Sse || !is_json(&meta) {
            let source = Source::frames(ready.wire, &ready.client.http()?.transport.config.limits);
            return Ok(ChatStream::new(source, Some(answer.body), meta, ready));
        }
        let body = answer.body.read().await?;
        refused_all_the_same(ready, &meta, &body)?;
        Ok(ChatStream::new(Source::whole(ready.wire, body), None, meta, ready))
    })
}

/// Sends a request until the whole answer is there.
pub(super) async fn whole(ready: Ready, prepared: &Prepared) -> Result<Reply> {
    let decode = |body: &Bytes, meta: &Meta| read(&ready, body, meta);
    let (mut response, meta) = prepared.whole(&ready.client, &ready.wire.errors, decode).await?;
    response.warnings.extend(ready.warnings);
    Ok(Reply::new(response, meta, ready.model, ready.tier))
}

/// Reads a whole answer; also one that streams although it was not to.
fn read(ready: &Ready, body: &Bytes, meta: &Meta) -> Result<ChatResponse> {
    let mut source = if is_event_stream(meta) {
        let mut source = Source::frames(ready.wire, &ready.client.http()?.transport.config.limits);
        source.feed(body.clone());
        source.finish();
        source
    } else {
        refused_all_the_same(ready, meta, body)?;
        Source::whole(ready.wire, body.clone())
    };
    let mut collector = Collector::new(ready.wire.provider);
    loop {
        match source.advance() {
            Ok(true) => source.event().into_iter().for_each(|event| collector.add(event)),
            Ok(false) => return Ok(source.response(collector)),
            Err(error) => return Err(of_wire(error, meta).with_partial(source.response(collector))),
        }
    }
}

/// A body that the wire reads as a failure and not as an answer, whatever its status.
fn refused_all_the_same(ready: &Ready, meta: &Meta, body: &[u8]) -> Result<()> {
    let Some(failure) = failure::read(meta, body) else { return Ok(()) };
    let (response, error) = crate::wire::v1::answer(ready.wire, body, 0);
    let says_something = response.finish.is_some() || !response.parts.is_empty();
    if says_something || matches!(error, Some(WireError::Failed(_))) {
        return Ok(());
    }
    Err(failure::of_answer(meta, failure))
}

fn of_wire(error: WireError, meta: &Meta) -> Error {
    match error {
        WireError::Failed(failed) => failure::of_answer(meta, *failed),
        WireError::Truncated => Error::Truncated { partial: Box::default() },
        WireError::Corrupt(corrupt) => Error::corrupt(corrupt.at, corrupt.reason),
        WireError::Oversized(large) => Error::too_large(large.what, large.limit),
    }
}

fn is_json(meta: &Meta) -> bool {
    const SUFFIX: &str = "+json";
    media_type(meta).is_some_and(|media| {
        let tail = media.len().checked_sub(SUFFIX.len()).and_then(|at| media.get(at..));
        media.eq_ignore_ascii_case("application/json")
            || tail.is_some_and(|tail| tail.eq_ignore_ascii_case(SUFFIX))
    })
}

fn is_event_stream(meta: &Meta) -> bool {
    media_type(meta).is_some_and(|media| media.eq_ignore_ascii_case("text/event-stream"))
}

fn media_type(meta: &Meta) -> Option<&str> {
    Some(meta.headers.get(CONTENT_TYPE)?.to_str().ok()?.split(';').next()?.trim())
}
