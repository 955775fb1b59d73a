//! The thread that has the engine: step after step, for all answers under way.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::Sender;

use super::answers::Message;
use super::guess::{Draft, Luck, look_up};
use super::prefix::{self, Prefixes, common};
use super::{Shared, State, Statistics, schedule};
use crate::local::Error;
use crate::local::chat::Turn;
use crate::local::decoder::Decoder;
use crate::local::engine::{Item, Logits, Rows, SequenceId};

/// How long the worker sleeps at most when it is not woken.
const NAP: Duration = Duration::from_millis(250);

/// An answer, from the door to its last event.
pub(super) struct Job {
    turn: Turn,
    sender: Sender<Message>,
    /// Held until the answer has left.
    _permit: OwnedSemaphorePermit,
    /// The prompt and what was picked so far.
    tokens: Vec<u32>,
    luck: Luck,
    /// Its prompt was begun; it may have lost its memory since.
    is_begun: bool,
}

/// An answer that has a sequence of the engine.
struct Running {
    id: u64,
    job: Job,
    sequence: SequenceId,
    /// How many of its tokens the sequence has: all but the last, once the prompt is read.
    done: usize,
    /// What went wrong in the last step.
    failure: Option<Error>,
}

/// What an answer does in the step that is planned.
#[derive(Debug, Clone, Copy)]
struct Planned {
    /// Which one.
    at: usize,
    /// Tokens that are run, guessed ones included.
    rows: usize,
    /// How many of them are guessed: they stand at the end of its tokens.
    guessed: usize,
}

pub(super) struct Worker {
    shared: Arc<Shared>,
    engine: Decoder,
    draft: Option<Draft>,
    waiting: VecDeque<Job>,
    /// The oldest first.
    running: Vec<Running>,
    /// Answers whose last events nobody has read yet.
    leaving: Vec<Job>,
    kept: Prefixes,
    plan: Vec<Planned>,
    left: Vec<usize>,
    shares: Vec<usize>,
    logits: Vec<f32>,
    statistics: Statistics,
    next_id: u64,
}

impl Job {
    pub(super) fn new(turn: Turn, sender: Sender<Message>, permit: OwnedSemaphorePermit) -> Self {
        let (tokens, luck) = (turn.prompt().to_vec(), Luck::default());
        Self { turn, sender, _permit: permit, tokens, luck, is_begun: false }
    }

    /// Tells as many events as may wait. There is always room left for the end.
    fn tell(&mut self) {
        while self.sender.capacity() > 1 {
            let Some(event) = self.turn.next_event() else { return };
            if self.sender.try_send(Message::Event(event)).is_err() {
                self.turn.cancel();
            }
        }
    }

    /// Whether there is something to tell, and room for it.
    fn can_tell(&self) -> bool {
        self.sender.is_closed() || self.turn.has_events() && self.sender.capacity() > 1
    }

    /// Tells the end.
    fn leave(self) {
        let answer = self.turn.into_answer();
        // Who does not listen any more does not miss it.
        let _ = self.sender.try_send(Message::Done(Box::new(answer)));
    }
}

impl Running {
    /// The tokens that the sequence has.
    fn read(&self) -> &[u32] {
        &self.job.tokens[..self.done]
    }

    /// How many are still to be run.
    fn left(&self) -> usize {
        self.job.tokens.len() - self.done
    }

    /// An answer whose events nobody takes is not gone on with.
    fn is_paused(&self) -> bool {
        self.job.turn.has_events()
    }
}

/// Says that the worker has ended, also when it panicked: nobody is to wait for it.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        let mut inbox = self.0.inbox();
        inbox.state = State::Ended;
        let jobs = std::mem::take(&mut inbox.jobs);
        drop(inbox);
        self.0.room.close();
        drop(jobs);
    }
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, engine: Decoder, draft: Option<Decoder>) -> Self {
        let kept = Prefixes::new(shared.config.kept);
        Self {
            shared,
            engine,
            draft: draft.map(Draft::new),
            waiting: VecDeque::new(),
            running: Vec::new(),
            leaving: Vec::new(),
            kept,
            plan: Vec::new(),
            left: Vec::new(),
            shares: Vec::new(),
            logits: Vec::new(),
            statistics: Statistics::default(),
            next_id: 0,
        }
    }

    pub(super) fn run(mut self) {
        let _ended = Ended(Arc::clone(&self.shared));
        loop {
            match self.receive() {
                State::Stopping | State::Ended => return self.stop(),
                State::Closing if self.is_idle() => return,
                State::Open | State::Closing => {}
            }
            self.drop_cancelled();
            self.tell();
            self.admit();
            let is_planned = self.plan();
            if is_planned {
                self.step();
            }
            self.publish();
            if !is_planned {
                self.sleep();
            }
        }
    }

    fn receive(&mut self) -> State {
        let mut inbox = self.shared.inbox();
        self.waiting.extend(inbox.jobs.drain(..));
        inbox.state
    }

    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty() && self.leaving.is_empty()
    }

    /// Ends all that is under way.
    fn stop(mut self) {
        let running = std::mem::take(&mut self.running).into_iter().map(|running| running.job);
        for mut job in running.chain(std::mem::take(&mut self.waiting)) {
            job.turn.end(Err(super::stopped()));
            job.tell();
            job.leave();
        }
        self.leaving.drain(..).for_each(Job::leave);
    }

    /// Frees what nobody wants to hear any more.
    fn drop_cancelled(&mut self) {
        let Self { engine, draft, waiting, running, leaving, statistics, .. } = self;
        let before = waiting.len() + running.len();
        waiting.retain(|job| !job.sender.is_closed());
        leaving.retain(|job| !job.sender.is_closed());
        running.retain(|running| {
            let is_heard = !running.job.sender.is_closed();
            if !is_heard {
                engine.remove(running.sequence);
                draft.iter_mut().for_each(|draft| draft.forget(running.id));
            }
            is_heard
        });
        statistics.cancelled += (before - waiting.len() - running.len()) as u64;
    }

    fn tell(&mut self) {
        self.running.iter_mut().for_each(|running| running.job.tell());
        self.leaving.iter_mut().for_each(Job::tell);
        self.leaving.extract_if(.., |job| !job.turn.has_events()).for_each(Job::leave);
    }

    /// Sleeps until somebody rings.
    fn sleep(&self) {
        let inbox = self.shared.inbox();
        self.shared.asleep.store(true, Ordering::SeqCst);
        // Either who rings sees that this sleeps, or this sees what was done before the bell.
        fence(Ordering::SeqCst);
        let mut jobs = self.running.iter().map(|running| &running.job).chain(&self.leaving);
        let is_called = !inbox.jobs.is_empty()
            || inbox.state > State::Open && self.is_idle()
            || inbox.state > State::Closing
            || jobs.any(Job::can_tell);
        if !is_called {
            // A nap, for a bell that rang in vain would be waited for forever. A poisoned lock is found by who uses it.
            let _ = self.shared.bell.wait_timeout(inbox, NAP);
        }
        self.shared.asleep.store(false, Ordering::SeqCst);
    }

    /// Gives sequences to those who wait, in the order in which they came, as long as there is the memory.
    fn admit(&mut self) {
        let mut at = 0;
        while self.running.len() < self.shared.config.streams.max(1) && at < self.waiting.len() {
            let tokens = &self.waiting[at].tokens;
            let found = self.kept.find(tokens);
            let found = best(
                found,
                self.running.iter().map(|running| prefix::Shared {
                    sequence: running.sequence,
                    len: common(running.read(), tokens),
                }),
            );
            let reused = found.map_or(0, |found| found.len.min(tokens.len() - 1));
            if self.is_being_read(tokens, reused) {
                at += 1;
                continue;
            }
            let Some(sequence) = self.sequence(found, reused, tokens.len()) else { return };
            if let Some(job) = self.waiting.remove(at) {
                self.begin(job, sequence, reused);
            }
        }
    }

    /// Whether an answer under way reads the same beginning just now, so that it pays to wait for it.
    fn is_being_read(&self, tokens: &[u32], reused: usize) -> bool {
        let page = self.engine.page_len();
        let more = |running: &Running| {
            running.left() > 1 && common(&running.job.tokens, tokens) >= reused.max(running.done) + page
        };
        self.running.iter().any(more)
    }

    /// A sequence that has the first `reused` of `len` tokens, if there is room for the others, and one page more for all
    /// who run. If nobody runs there always is.
    fn sequence(&mut self, found: Option<prefix::Shared>, reused: usize, len: usize) -> Option<SequenceId> {
        let engine = &mut self.engine;
        let sequence = match found.filter(|_| reused > 0) {
            Some(found) => engine.fork(found.sequence, reused).ok()?,
            None => engine.create(),
        };
        let needed = (len - reused).div_ceil(engine.page_len()) + 1 + self.running.len();
        while engine.pages().0 < needed && self.kept.drop_oldest(engine) {}
        if engine.pages().0 < needed && !self.running.is_empty() {
            engine.remove(sequence);
            return None;
        }
        Some(sequence)
    }

    fn begin(&mut self, mut job: Job, sequence: SequenceId, reused: usize) {
        if !std::mem::replace(&mut job.is_begun, true) {
            job.turn.start(reused);
            self.statistics.prompt_tokens += job.tokens.len() as u64;
            self.statistics.reused_tokens += reused as u64;
        }
        self.next_id += 1;
        job.tell();
        self.running.push(Running { id: self.next_id, job, sequence, done: reused, failure: None });
    }

    /// Decides who runs what. Whether anybody does.
    fn plan(&mut self) -> bool {
        loop {
            self.propose();
            if self.plan.is_empty() || self.has_room() {
                return !self.plan.is_empty();
            }
            self.forget_guesses();
            if !self.kept.drop_oldest(&mut self.engine) {
                self.preempt();
            }
        }
    }

    fn propose(&mut self) {
        let Self { running, left, shares, plan, shared, .. } = self;
        let prompt = |running: &Running| match running.left() {
            left if left > 1 && !running.is_paused() => left,
            _ => 0,
        };
        left.clear();
        left.extend(running.iter().map(prompt));
        schedule::shares(left, shared.config.prompt_rows.max(1), shares);
        plan.clear();
        for at in 0..self.running.len() {
            let running = &self.running[at];
            if running.is_paused() {
                continue;
            }
            let guessed = if running.left() == 1 { self.guess(at) } else { 0 };
            let rows = if self.left[at] == 0 { 1 + guessed } else { self.shares[at] };
            if rows > 0 {
                self.plan.push(Planned { at, rows, guessed });
            }
        }
    }

    /// Guesses next tokens of an answer and writes them behind its own. How many.
    fn guess(&mut self, at: usize) -> usize {
        let (guessing, streams) = (self.shared.config.guessing, self.running.len());
        let Some(guessing) = guessing.filter(|guessing| streams <= guessing.streams) else { return 0 };
        let Running { id, job, done, .. } = &mut self.running[at];
        let context = self.shared.frontend.context();
        let room = context.saturating_sub(*done + 1).min(job.turn.remaining().saturating_sub(1));
        let most = guessing.most.min(room);
        if most == 0 {
            return 0;
        }
        let most = job.luck.worth(most);
        let guess = match (&mut self.draft, look_up(&job.tokens, guessing.alike, most)) {
            (Some(draft), []) => draft.guess(*id, &job.tokens, most),
            (_, found) => found.to_vec(),
        };
        job.tokens.extend_from_slice(&guess);
        guess.len()
    }

    /// Takes all guesses of the plan back.
    fn forget_guesses(&mut self) {
        for planned in &self.plan {
            let tokens = &mut self.running[planned.at].job.tokens;
            tokens.truncate(tokens.len() - planned.guessed);
        }
    }

    fn has_room(&self) -> bool {
        let pages = |planned: &Planned| {
            self.engine.pages_for(self.running[planned.at].sequence, planned.rows).unwrap_or_default()
        };
        self.plan.iter().map(pages).sum::<usize>() <= self.engine.pages().0
    }

    /// The youngest gives its memory back, and waits as the first. One that is alone can wait for nobody.
    fn preempt(&mut self) {
        if let [running] = &mut self.running[..] {
            let (free, _) = self.engine.pages();
            running.failure = Some(Error::CacheFull { needed: free + 1, free });
            return self.finish(0);
        }
        if let Some(Running { id, job, sequence, .. }) = self.running.pop() {
            self.engine.remove(sequence);
            self.draft.iter_mut().for_each(|draft| draft.forget(id));
            self.waiting.push_front(job);
            self.statistics.preempted += 1;
        }
    }

    /// Runs the plan.
    fn step(&mut self) {
        let began = Instant::now();
        let Self { engine, running, plan, logits, statistics, .. } = self;
        let items: Vec<Item<'_>> = plan.iter().map(|planned| item(&running[planned.at], *planned)).collect();
        let picked = statistics.answer_tokens;
        let read = plan.iter().filter(|planned| planned.rows > planned.guessed + 1);
        let read: usize = read.map(|planned| planned.rows).sum();
        match engine.step(&items) {
            Ok(rows) => hear(rows, running, plan, logits, statistics),
            // All who took part fail: nobody knows what of it was done.
            Err(error) => plan.iter().for_each(|planned| {
                let reason = error.to_string();
                running[planned.at].failure = Some(Error::Stopped { reason });
            }),
        }
        self.settle();
        let (took, statistics) = (began.elapsed(), &mut self.statistics);
        statistics.steps += 1;
        if read > 0 {
            statistics.prefill += took;
            statistics.prefill_rows += read as u64;
        } else {
            statistics.decode += took;
            statistics.decode_tokens += statistics.answer_tokens - picked;
        }
    }

    /// Forgets guesses that were wrong, and takes out who is over.
    fn settle(&mut self) {
        for planned in std::mem::take(&mut self.plan).into_iter().rev() {
            let running = &mut self.running[planned.at];
            if planned.guessed > 0
                && let Err(error) = self.engine.truncate(running.sequence, running.done)
            {
                running.failure.get_or_insert(error);
            }
            if running.failure.is_some() || running.job.turn.is_over() {
                self.finish(planned.at);
            }
        }
    }

    /// An answer is over: its last events are told, and what was computed is kept for others.
    fn finish(&mut self, at: usize) {
        let Running { id, mut job, sequence, done, failure } = self.running.remove(at);
        self.draft.iter_mut().for_each(|draft| draft.forget(id));
        let statistics = &mut self.statistics;
        if failure.is_some() {
            self.engine.remove(sequence);
            statistics.failed += 1;
        } else {
            job.tokens.truncate(done);
            self.kept.keep(&mut self.engine, sequence, std::mem::take(&mut job.tokens));
            statistics.completed += 1;
        }
        let of_turn = job.turn.statistics();
        if of_turn.answer_tokens > 0 {
            statistics.first_token += of_turn.first_token;
            statistics.first_tokens += 1;
        }
        job.turn.end(failure.map_or(Ok(()), Err));
        job.tell();
        self.leaving.push(job);
    }

    /// Shows what was done.
    fn publish(&mut self) {
        let statistics = &mut self.statistics;
        (statistics.running, statistics.waiting) = (self.running.len(), self.waiting.len());
        statistics.kept = self.kept.len();
        (statistics.pages_free, statistics.pages) = self.engine.pages();
        self.shared.statistics().clone_from(statistics);
    }
}

/// What the engine is told of a part of the plan.
fn item<'a>(running: &'a Running, planned: Planned) -> Item<'a> {
    let end = running.done + planned.rows;
    let want = match planned.guessed {
        0 if end < running.job.tokens.len() => Logits::None,
        0 => Logits::Last,
        _ => Logits::All,
    };
    Item { sequence: running.sequence, tokens: &running.job.tokens[running.done..end], want }
}

/// Picks the next tokens of all whose logits were computed.
fn hear(
    rows: Rows<'_>,
    running: &mut [Running],
    plan: &[Planned],
    logits: &mut Vec<f32>,
    statistics: &mut Statistics,
) {
    let mut rows = rows.iter();
    for planned in plan {
        let Running { job, done, failure, .. } = &mut running[planned.at];
        *done += planned.rows - planned.guessed;
        if *done + planned.guessed < job.tokens.len() {
            continue;
        }
        // Guesses hold as long as just these tokens are picked.
        let own = rows.by_ref().take(1 + planned.guessed);
        let mut is_on_track = true;
        let (mut picked, mut right) = (0, 0);
        for row in own {
            if !is_on_track {
                continue;
            }
            logits.clear();
            logits.extend_from_slice(row);
            picked += 1;
            let token = job.turn.take(logits).unwrap_or_else(|error| {
                *failure = Some(error);
                None
            });
            is_on_track = token.is_some() && job.tokens.get(*done) == token.as_ref();
            if is_on_track {
                *done += 1;
                right += 1;
            } else {
                job.tokens.truncate(*done);
                job.tokens.extend(token);
            }
        }
        statistics.answer_tokens += picked;
        statistics.guessed += planned.guessed as u64;
        statistics.guessed_right += right;
        job.luck.tell(planned.guessed, right as usize);
    }
}

/// The one of which more is shared.
fn best(
    first: Option<prefix::Shared>,
    others: impl Iterator<Item = prefix::Shared>,
) -> Option<prefix::Shared> {
    first.into_iter().chain(others).max_by_key(|shared| shared.len)
}
