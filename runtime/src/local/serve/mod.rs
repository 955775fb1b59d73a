//! Many answers at once from one model: a thread that has the engine to itself, and a door to it.
//!
//! [`Server::answer`] reads a request on the side of who asks, so that what cannot be done is refused there, and hands
//! the rest to the thread (`worker`). Each step of the engine takes one token of every answer under way, and pieces of
//! the prompts of those that begin (`schedule`). What a conversation has computed is kept for those that begin alike
//! (`prefix`); tokens that are easily guessed are computed several at a time (`guess`). What an answer says depends on
//! none of that: not on its neighbours, not on the order, not on what was kept or guessed. Events go to who asked through
//! a short queue (`answers`): an answer that nobody reads pauses, and one that is dropped is over and its memory free.

mod answers;
mod guess;
mod prefix;
mod schedule;
mod statistics;
mod worker;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, mpsc};

use super::Error;
use super::chat::{Frontend, LocalModel, Turn};
use crate::chat::ChatRequest;
use worker::{Job, Worker};

pub use answers::Answers;
pub use guess::Guessing;
pub use statistics::Statistics;

/// How many are served, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The most answers that are computed together.
    pub streams: usize,
    /// How many more may wait for their turn. Who asks beyond that waits before the door.
    pub queue: usize,
    /// The most tokens of prompts in a step: others wait so long for their next token, and so long takes a cancellation.
    pub prompt_rows: usize,
    /// How many events may wait for a reader before its answer pauses.
    pub events: usize,
    /// The most conversations whose computed beginnings are kept while they are idle. They take no memory that answers
    /// under way need.
    pub kept: usize,
    /// How next tokens are guessed. `None`: they are not.
    pub guessing: Option<Guessing>,
}

impl Default for Config {
    fn default() -> Self {
        let guessing = Some(Guessing::default());
        Self { streams: 64, queue: 256, prompt_rows: 256, events: 64, kept: 32, guessing }
    }
}

/// A model that answers many at once. Clones are doors to the same model; when the last is gone, the model is
/// unloaded as soon as the answers under way are over.
#[derive(Clone)]
pub struct Server(Arc<Door>);

/// The side of those who ask.
struct Door {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What both sides see.
struct Shared {
    frontend: Arc<Frontend>,
    config: Config,
    inbox: Mutex<Inbox>,
    /// Rung when there is something for a worker that sleeps.
    bell: Condvar,
    asleep: AtomicBool,
    /// One permit for each answer under way or waiting.
    room: Arc<Semaphore>,
    statistics: Mutex<Statistics>,
}

#[derive(Default)]
struct Inbox {
    jobs: VecDeque<Job>,
    state: State,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    #[default]
    Open,
    /// What is under way is finished.
    Closing,
    /// Nothing is finished.
    Stopping,
    /// The worker has ended.
    Ended,
}

impl Server {
    /// Serves a model, on a thread of its own.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn start(model: LocalModel, config: Config) -> Result<Self, Error> {
        Self::launch(model, None, config)
    }

    /// Serves a model whose next tokens a smaller one guesses. That costs the memory of both, and pays where the guesses
    /// are mostly right.
    ///
    /// # Errors
    /// When the two have not the same tokens, or no thread can be had.
    pub fn start_with_draft(model: LocalModel, draft: LocalModel, config: Config) -> Result<Self, Error> {
        if !model.has_tokens_of(&draft) {
            return Err(Error::input("the model that guesses has other tokens than the model"));
        }
        Self::launch(model, Some(draft), config)
    }

    fn launch(model: LocalModel, draft: Option<LocalModel>, config: Config) -> Result<Self, Error> {
        let (engine, frontend) = model.into_parts();
        let room = config.streams.max(1).saturating_add(config.queue).min(Semaphore::MAX_PERMITS);
        let shared = Arc::new(Shared {
            frontend,
            config,
            inbox: Mutex::default(),
            bell: Condvar::new(),
            asleep: AtomicBool::new(false),
            room: Arc::new(Semaphore::new(room)),
            statistics: Mutex::default(),
        });
        let worker = Worker::new(Arc::clone(&shared), engine, draft.map(|draft| draft.into_parts().0));
        let thread = std::thread::Builder::new().name("local model".to_owned()).spawn(|| worker.run());
        let stopped = |error: std::io::Error| Error::Stopped { reason: error.to_string() };
        let thread = Mutex::new(Some(thread.map_err(stopped)?));
        Ok(Self(Arc::new(Door { shared, thread })))
    }

    /// What answers name as their model.
    pub fn name(&self) -> &str {
        self.0.shared.frontend.name()
    }

    /// Asks for an answer. While as many as may wait do, this waits too. Needs a tokio runtime: the request is read on
    /// one of its blocking threads.
    ///
    /// # Errors
    /// [`Error::Request`] when the request asks for what cannot be done; nothing ran. [`Error::Stopped`] when the model is
    /// not there any more.
    pub async fn answer(&self, request: ChatRequest) -> Result<Answers, Error> {
        let shared = Arc::clone(&self.0.shared);
        let permit = Arc::clone(&shared.room).acquire_owned().await.map_err(|_: AcquireError| stopped())?;
        let frontend = Arc::clone(&shared.frontend);
        let turn = tokio::task::spawn_blocking(move || Turn::new(&frontend, &request));
        let turn = turn.await.map_err(|error| Error::Stopped { reason: error.to_string() })??;
        enter(&shared, turn, permit)
    }

    /// Asks for an answer without waiting, and without a tokio runtime.
    ///
    /// # Errors
    /// As [`answer`](Self::answer), and [`Error::Busy`] when as many as may wait do.
    pub fn try_answer(&self, request: &ChatRequest) -> Result<Answers, Error> {
        let shared = &self.0.shared;
        let permit = Arc::clone(&shared.room).try_acquire_owned().map_err(|error| match error {
            tokio::sync::TryAcquireError::Closed => stopped(),
            tokio::sync::TryAcquireError::NoPermits => {
                Error::Busy { waiting: shared.config.streams.saturating_add(shared.config.queue) }
            }
        })?;
        enter(shared, Turn::new(&shared.frontend, request)?, permit)
    }

    /// What was done until now.
    pub fn statistics(&self) -> Statistics {
        self.0.shared.statistics().clone()
    }

    /// Unloads the model now: answers under way end with [`Error::Stopped`]. Its memory is free when this returns; that
    /// takes one step of the engine at most, during which the thread that calls is blocked.
    pub fn stop(&self) {
        self.0.shared.set(State::Stopping);
        let thread = self.0.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // The worker has told its answers; how it ended is nothing more to tell.
            let _ = thread.join();
        }
    }
}

fn enter(shared: &Arc<Shared>, turn: Turn, permit: OwnedSemaphorePermit) -> Result<Answers, Error> {
    let (sender, receiver) = mpsc::channel(shared.config.events.max(1).saturating_add(1));
    let answers = Answers::new(Arc::clone(shared), receiver, turn.warnings().to_vec());
    let mut inbox = shared.inbox();
    if inbox.state != State::Open {
        return Err(stopped());
    }
    inbox.jobs.push_back(Job::new(turn, sender, permit));
    drop(inbox);
    shared.ring();
    Ok(answers)
}

fn stopped() -> Error {
    Error::Stopped { reason: "it was unloaded".to_owned() }
}

impl Shared {
    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn statistics(&self) -> MutexGuard<'_, Statistics> {
        self.statistics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A state only ever becomes a later one.
    fn set(&self, state: State) {
        let mut inbox = self.inbox();
        inbox.state = inbox.state.max(state);
        drop(inbox);
        self.ring();
    }

    /// Wakes the worker if it sleeps. What it is to see was done before.
    fn ring(&self) {
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::SeqCst) {
            // With the lock, so that it does not fall asleep between looking around and waiting.
            drop(self.inbox());
            self.bell.notify_one();
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.shared.set(State::Closing);
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("name", &self.name()).finish_non_exhaustive()
    }
}
