//! The side of one who asks: events of an answer as they come.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::mpsc::Receiver;

use super::Shared;
use crate::chat::{ChatEvent, Warning};
use crate::local::Error;
use crate::local::chat::Answer;

/// From the worker.
pub(super) enum Message {
    Event(ChatEvent<'static>),
    /// The last.
    Done(Box<Result<Answer, Error>>),
}

/// An answer while it is given. Dropped, it is cancelled: nothing more is computed, and its memory is free.
#[must_use = "an answer that is dropped is cancelled"]
pub struct Answers {
    shared: Arc<Shared>,
    receiver: Receiver<Message>,
    warnings: Vec<Warning>,
    answer: Option<Answer>,
    over: bool,
}

impl Answers {
    pub(super) fn new(shared: Arc<Shared>, receiver: Receiver<Message>, warnings: Vec<Warning>) -> Self {
        Self { shared, receiver, warnings, answer: None, over: false }
    }

    /// The next event; `None` at the end. After an error nothing more comes.
    pub async fn next(&mut self) -> Option<Result<ChatEvent<'static>, Error>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`next`](Self::next), without a runtime.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<ChatEvent<'static>, Error>>> {
        if self.over {
            return Poll::Ready(None);
        }
        let message = ready!(self.receiver.poll_recv(cx));
        Poll::Ready(self.take(message))
    }

    /// As [`next`](Self::next), on a thread that may be blocked.
    pub fn next_blocking(&mut self) -> Option<Result<ChatEvent<'static>, Error>> {
        if self.over {
            return None;
        }
        let message = self.receiver.blocking_recv();
        self.take(message)
    }

    fn take(&mut self, message: Option<Message>) -> Option<Result<ChatEvent<'static>, Error>> {
        self.shared.ring();
        match message {
            Some(Message::Event(event)) => return Some(Ok(event)),
            Some(Message::Done(done)) => match *done {
                Ok(answer) => self.answer = Some(answer),
                Err(error) => return self.fail(error),
            },
            None => {
                let reason = "what runs it has ended".to_owned();
                return self.fail(Error::Stopped { reason });
            }
        }
        self.over = true;
        None
    }

    fn fail(&mut self, error: Error) -> Option<Result<ChatEvent<'static>, Error>> {
        self.over = true;
        Some(Err(error))
    }

    /// What was to be told beside the answer before it began. The whole answer has all of them.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The whole answer and how fast it was given, after the last event.
    pub fn answer(&self) -> Option<&Answer> {
        self.answer.as_ref()
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        self.receiver.close();
        self.shared.ring();
    }
}

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answers").field("over", &self.over).finish_non_exhaustive()
    }
}
