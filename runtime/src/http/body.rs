//! The body of an answer, piece by piece, watched by the idle and the total clock and by the limit of its size.
//!
//! A clock is read only when the reader has to wait, so that pieces that are already there cost nothing.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, Sleep, sleep_until};

use super::config::Transport as Config;
use crate::error::{Clock, Error, Result};

/// How long a stream is read on after its provider has failed: what was used may still come.
const GRACE: Duration = Duration::from_millis(500);

/// The body of an answer.
pub(crate) struct Body {
    response: reqwest::Response,
    idle: Duration,
    /// When the whole call has to be done, and how long it was given.
    total: Option<(Instant, Duration)>,
    limit: usize,
    received: usize,
    /// When to give up waiting for the next piece. `None` while nobody waits.
    deadline: Option<Instant>,
    /// Set lazily and moved on lazily: it may ring early, never late.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Body {
    pub(crate) fn new(response: reqwest::Response, config: &Config, deadline: Option<Instant>) -> Self {
        Self {
            response,
            idle: config.clocks.idle,
            total: deadline.zip(config.clocks.total),
            limit: config.limits.body,
            received: 0,
            deadline: None,
            alarm: None,
        }
    }

    /// The next piece; `None` at the end.
    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        // Made anew for each poll: the future holds no state, and nothing of it has to be kept across polls.
        let polled = pin!(self.response.chunk()).poll(cx);
        let Poll::Ready(piece) = polled else {
            return self.poll_alarm(cx).map(|error| Some(Err(error)));
        };
        self.deadline = None;
        Poll::Ready(match piece {
            Ok(None) => None,
            Ok(Some(bytes)) => Some(self.count(bytes)),
            Err(error) => Some(Err(Error::interrupted(error))),
        })
    }

    /// Gives what is still to come at most a moment: the provider has failed, and may never close the connection.
    pub(crate) fn hurry(&mut self) {
        let last = Instant::now() + GRACE;
        if self.total.is_none_or(|(at, _)| at > last) {
            self.total = Some((last, GRACE));
            (self.deadline, self.alarm) = (None, None);
        }
    }

    /// Takes what is there of the end of the body, without waiting, so that its connection can serve the next
    /// request.
    pub(crate) fn drain(&mut self, cx: &mut Context<'_>) {
        for _ in 0..4 {
            let Poll::Ready(Ok(Some(_))) = pin!(self.response.chunk()).poll(cx) else { break };
        }
    }

    /// The whole body.
    pub(crate) async fn read(&mut self) -> Result<Bytes> {
        let Some(first) = self.chunk().await.transpose()? else { return Ok(Bytes::new()) };
        let Some(second) = self.chunk().await.transpose()? else { return Ok(first) };
        let mut whole = BytesMut::with_capacity((first.len() + second.len()) * 2);
        whole.extend_from_slice(&first);
        whole.extend_from_slice(&second);
        while let Some(piece) = self.chunk().await.transpose()? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }

    /// At most `most` bytes of the body, whatever happens to the rest.
    pub(crate) async fn read_some(&mut self, most: usize) -> Bytes {
        let mut some = BytesMut::new();
        while some.len() < most {
            let Some(Ok(piece)) = self.chunk().await else { break };
            some.extend_from_slice(&piece[..piece.len().min(most - some.len())]);
        }
        some.freeze()
    }

    async fn chunk(&mut self) -> Option<Result<Bytes>> {
        std::future::poll_fn(|cx| self.poll_chunk(cx)).await
    }

    fn count(&mut self, bytes: Bytes) -> Result<Bytes> {
        self.received = self.received.saturating_add(bytes.len());
        if self.received > self.limit { Err(Error::too_large("body", self.limit)) } else { Ok(bytes) }
    }

    /// Ready when a clock has run out.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let deadline = match self.deadline {
            Some(deadline) => deadline,
            None => *self.deadline.insert(self.next_deadline()),
        };
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        loop {
            ready!(alarm.as_mut().poll(cx));
            if Instant::now() >= deadline {
                break;
            }
            alarm.as_mut().reset(deadline);
        }
        Poll::Ready(self.timed_out(deadline))
    }

    fn next_deadline(&self) -> Instant {
        let idle = Instant::now() + self.idle;
        self.total.map_or(idle, |(total, _)| total.min(idle))
    }

    fn timed_out(&self, deadline: Instant) -> Error {
        match self.total {
            Some((at, given)) if at <= deadline => Error::timeout(Clock::Total, given),
            _ => Error::timeout(Clock::Idle, self.idle),
        }
    }
}
