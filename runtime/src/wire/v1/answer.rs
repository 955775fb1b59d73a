//! A whole answer from its bytes, through the same fold as a stream.

use super::fold::Fold;
use super::{ChatWire, WireError};
use crate::chat::{ChatResponse, Collector};

/// Reads the body of a whole answer. What was read before a failure comes with it.
pub fn answer(wire: &'static ChatWire, body: &[u8], seed: u64) -> (ChatResponse, Option<WireError>) {
    let mut fold = Fold::new(wire);
    fold.set_seed(seed);
    fold.begin(body);
    let error = match (wire.response)(body, &mut fold) {
        Err(corrupt) => Some(WireError::Corrupt(corrupt)),
        Ok(()) => fold.failure().map(|failure| WireError::Failed(Box::new(failure.clone()))),
    };
    if error.is_some() {
        fold.stop()
    } else {
        fold.complete()
    }
    let mut collector = Collector::new(wire.provider);
    while let Some(event) = fold.pop(body) {
        collector.add(event);
    }
    fold.describe(&mut collector);
    (collector.into_response(), error)
}
