//! Whether somebody still waits for what is computed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::local::Error;

/// Says to work on another thread that nobody waits for it any more. All clones say the same.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Ends the work before its next texts.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it is over.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        match self.is_stopped() {
            true => Err(Error::Stopped { reason: "nobody waits for it".to_owned() }),
            false => Ok(()),
        }
    }
}
