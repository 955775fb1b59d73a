//! What is done to a store in a random history, one step at a time: to the store, and to the oracle.

use std::time::Duration;

use typewright_runtime::memory::store::{Batch, Commit, Store};
use typewright_runtime::memory::{Error, Timestamp};

use super::history::History;
use super::oracle::Oracle;

/// One step.
#[derive(Debug, Clone)]
pub enum Step {
    /// A batch is committed.
    Commit(Batch),
    /// A commit is undone.
    Undo(usize),
    /// At most so many end whose time is over.
    Expire(usize),
    /// What is older than this goes.
    Compact(Duration),
    /// The store is closed and opened again.
    Reopen,
}

impl History {
    /// The next step, at its time.
    pub fn step(&mut self, oracle: &Oracle) -> Step {
        match self.random.u32(..40) {
            0..3 if oracle.head() > 0 => Step::Undo(self.random.usize(1..=oracle.head())),
            3 | 4 => {
                self.pass();
                Step::Expire(self.random.usize(..6))
            }
            5 => Step::Compact(Duration::from_secs(self.random.u64(..60))),
            6 | 7 => Step::Reopen,
            _ => Step::Commit(self.batch(oracle)),
        }
    }
}

impl Step {
    /// Does it. The store is opened again by the caller.
    ///
    /// # Errors
    /// As the store does.
    pub fn on(&self, store: &dyn Store) -> Result<(), Error> {
        match self {
            Self::Commit(batch) => store.commit(batch).map(drop),
            Self::Undo(commit) => store.undo(Commit(*commit as u64)).map(drop),
            Self::Expire(most) => store.expire(*most).map(drop),
            Self::Compact(keep) => store.compact(*keep),
            Self::Reopen => Ok(()),
        }
    }

    /// Does it in the oracle.
    ///
    /// # Errors
    /// The name of what a store has to say.
    pub fn told(&self, oracle: &mut Oracle, now: Timestamp) -> Result<(), &'static str> {
        match self {
            Self::Commit(batch) => oracle.commit(batch, now),
            Self::Undo(commit) => oracle.undo(*commit, now),
            Self::Expire(most) => {
                oracle.expire(*most, now);
                Ok(())
            }
            Self::Compact(keep) => {
                oracle.compact(*keep, now);
                Ok(())
            }
            Self::Reopen => Ok(()),
        }
    }
}
