//! Several judges, one decision. Each judge says something, or abstains; who does not answer in time abstains, too. `vote`
//! makes decisions of what was said, `agreement` measures how far judges agree at all, `reliability` learns whose word
//! counts for what.

mod agreement;
mod reliability;
mod vote;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use crate::memory::pending::Pending;

pub use agreement::{Scale, alpha};
pub use reliability::{Learning, Reliability};
pub use vote::{Outcome, Quorum, median};

/// Who judges questions of a type by answers of a type.
pub trait Judge<Q: ?Sized, V>: Send + Sync + fmt::Debug {
    /// Its name, by which dissent is told.
    fn name(&self) -> &str;

    /// What it says; nothing if it abstains.
    fn judge<'a>(&'a self, question: &'a Q) -> Pending<'a, Option<V>>;
}

/// What became of the question to one judge.
#[derive(Debug, Clone, PartialEq)]
pub enum Ballot<V> {
    /// It said this.
    Said(V),
    /// It did not want to say anything.
    Abstained,
    /// It did not answer in time.
    TimedOut,
    /// It failed, and why.
    Failed(String),
    /// It was not asked: the others had decided.
    NotAsked,
}

/// Judges, and how they are asked.
#[derive(Debug, Clone)]
pub struct Committee<Q: ?Sized, V> {
    /// The judges.
    pub judges: Vec<Arc<dyn Judge<Q, V>>>,
    /// How long each may take.
    pub patience: Duration,
    /// How many are asked at a time. When what they have said decides, the next are not asked.
    pub at_once: usize,
}

/// What a committee has decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision<V> {
    /// What it has decided.
    pub outcome: Outcome<V>,
    /// What each judge said, in the order of the judges.
    pub ballots: Vec<(String, Ballot<V>)>,
    /// The judges that said something else, if it has decided something.
    pub dissent: Vec<String>,
}

impl<V: Clone> Ballot<V> {
    /// What was said, if something was.
    pub fn vote(&self) -> Option<V> {
        if let Self::Said(vote) = self { Some(vote.clone()) } else { None }
    }
}

impl<Q: ?Sized + Sync, V: Send + Clone> Committee<Q, V> {
    /// What each judge says, until `is_settled` says of the votes so far, and of how many are still to come, that no more are
    /// needed. Needs a Tokio runtime with its timer.
    pub async fn ask(
        &self,
        question: &Q,
        is_settled: impl Fn(&[Option<V>], usize) -> bool,
    ) -> Vec<Ballot<V>> {
        let mut ballots: Vec<Ballot<V>> = Vec::new();
        for judges in self.judges.chunks(self.at_once.max(1)) {
            let votes: Vec<Option<V>> = ballots.iter().map(Ballot::vote).collect();
            if !votes.is_empty() && is_settled(&votes, self.judges.len() - votes.len()) {
                break;
            }
            ballots
                .extend(together(judges.iter().map(|judge| self.ballot(&**judge, question)).collect()).await);
        }
        ballots.resize(self.judges.len(), Ballot::NotAsked);
        ballots
    }

    async fn ballot(&self, judge: &dyn Judge<Q, V>, question: &Q) -> Ballot<V> {
        match tokio::time::timeout(self.patience, judge.judge(question)).await {
            Err(_) => Ballot::TimedOut,
            Ok(Err(error)) => Ballot::Failed(error.to_string()),
            Ok(Ok(None)) => Ballot::Abstained,
            Ok(Ok(Some(vote))) => Ballot::Said(vote),
        }
    }
}

impl<Q: ?Sized + Sync, V: Send + Clone + Ord> Committee<Q, V> {
    /// What most judges say, if the quorum is reached.
    pub async fn decide(&self, question: &Q, quorum: &Quorum) -> Decision<V> {
        let ballots = self.ask(question, |votes, left| quorum.is_settled(votes, left)).await;
        let votes: Vec<Option<V>> = ballots.iter().map(Ballot::vote).collect();
        let outcome = quorum.decide(&votes);
        let differs = |vote: &V| matches!(&outcome, Outcome::Agreed(agreed) if agreed != vote);
        Decision { dissent: self.dissent(&ballots, differs), ballots: self.named(ballots), outcome }
    }
}

impl<Q: ?Sized + Sync> Committee<Q, f64> {
    /// The median of what judges say, if enough of them do and their scores are no further apart than `spread`, as a
    /// standard deviation. Dissent is what is further from the median than that.
    pub async fn score(&self, question: &Q, votes: usize, spread: f64) -> Decision<f64> {
        let ballots = self.ask(question, |_, _| false).await;
        let said: Vec<Option<f64>> = ballots.iter().map(Ballot::vote).collect();
        let outcome = vote::score(&said, votes, spread);
        let is_far =
            |vote: &f64, median: f64| vote.is_finite() && !vote::is_within((vote - median).abs(), spread);
        let differs = |vote: &f64| matches!(outcome, Outcome::Agreed(median) if is_far(vote, median));
        Decision { dissent: self.dissent(&ballots, differs), ballots: self.named(ballots), outcome }
    }
}

impl<Q: ?Sized, V: Clone> Committee<Q, V> {
    fn dissent(&self, ballots: &[Ballot<V>], differs: impl Fn(&V) -> bool) -> Vec<String> {
        let both = self.judges.iter().zip(ballots);
        let others = both.filter(|(_, ballot)| ballot.vote().is_some_and(|vote| differs(&vote)));
        others.map(|(judge, _)| judge.name().to_owned()).collect()
    }

    fn named(&self, ballots: Vec<Ballot<V>>) -> Vec<(String, Ballot<V>)> {
        self.judges.iter().map(|judge| judge.name().to_owned()).zip(ballots).collect()
    }
}

/// A future, and what it came to.
type Running<F> = (Pin<Box<F>>, Option<<F as Future>::Output>);

/// Waits for all futures; what they came to, in their order.
async fn together<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut running: Vec<Running<F>> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|cx| {
        for (future, done) in running.iter_mut().filter(|(_, done)| done.is_none()) {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                *done = Some(output);
            }
        }
        if running.iter().all(|(_, done)| done.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    running.into_iter().filter_map(|(_, done)| done).collect()
}
