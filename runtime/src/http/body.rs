//! The body of an answer, piece by piece, watched by the idle and the total clock and by the limit of its size.
//!
//! A clock is read only when the reader has to wait, so that pieces that are already there cost nothing.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::task::coop::unconstrained;
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
    alarm: Alarm,
}

/// Wakes whoever waits for too long. One timer serves the wait for the head of an answer and those for its pieces: it
/// is set lazily and moved on lazily, so that it may ring early, never late.
#[derive(Default)]
pub(crate) struct Alarm(Option<Set>);

/// A timer that was polled: it wakes `waker` at `rings`. Until then there is no need to look at it again, which with
/// many streams is memory that would have to be fetched for each piece.
struct Set {
    sleep: Pin<Box<Sleep>>,
    rings: Instant,
    waker: Waker,
}

impl Alarm {
    /// Ready at `deadline`. Until then it rings at least every `step`, so that deadlines which are that far off from
    /// now on need no other timer.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant, step: Duration) -> Poll<()> {
        let now = Instant::now();
        let set = match &mut self.0 {
            Some(set) if set.rings > now && set.waker.will_wake(cx.waker()) => return Poll::Pending,
            Some(set) => set,
            None => {
                let rings = deadline.min(later(now, step));
                self.0.insert(Set { sleep: Box::pin(sleep_until(rings)), rings, waker: cx.waker().clone() })
            }
        };
        set.waker.clone_from(cx.waker());
        // A task that has used up its turn would be told to wait without being noted down.
        while pin!(unconstrained(set.sleep.as_mut())).poll(cx).is_ready() {
            let now = Instant::now();
            if now >= deadline {
                return Poll::Ready(());
            }
            set.rings = deadline.min(later(now, step));
            set.sleep.as_mut().reset(set.rings);
        }
        Poll::Pending
    }
}

/// The time at which `wait` is over. One that no clock can tell is as good as never.
pub(crate) fn after(wait: Duration) -> Instant {
    later(Instant::now(), wait)
}

fn later(now: Instant, wait: Duration) -> Instant {
    const NEVER: Duration = Duration::from_secs(30 * 365 * 86_400);
    now.checked_add(wait).unwrap_or_else(|| now + NEVER)
}

impl Body {
    /// The body of `response`, whose head was waited for with `alarm`.
    pub(crate) fn new(
        response: reqwest::Response,
        config: &Config,
        deadline: Option<Instant>,
        alarm: Alarm,
    ) -> Self {
        Self {
            response,
            idle: config.clocks.idle,
            total: deadline.zip(config.clocks.total),
            limit: config.limits.body,
            received: 0,
            deadline: None,
            alarm,
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
            (self.deadline, self.alarm) = (None, Alarm::default());
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

    /// Waits for the next piece; `None` at the end.
    pub(crate) async fn chunk(&mut self) -> Option<Result<Bytes>> {
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
        self.alarm.poll(cx, deadline, self.idle).map(|()| self.timed_out(deadline))
    }

    fn next_deadline(&self) -> Instant {
        let idle = after(self.idle);
        self.total.map_or(idle, |(total, _)| total.min(idle))
    }

    fn timed_out(&self, deadline: Instant) -> Error {
        match self.total {
            Some((at, given)) if at <= deadline => Error::timeout(Clock::Total, given),
            _ => Error::timeout(Clock::Idle, self.idle),
        }
    }
}
