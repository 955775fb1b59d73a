//! Names of messages and summaries: made of the conversation and the place, so that a place is taken once, whoever takes it.

use crate::memory::{Id, Namespace, named};

/// The last place: one that the end of a range can still be after.
pub(super) const LAST: u32 = u32::MAX - 1;

/// The name of the message at a place.
pub(super) fn message(namespace: &Namespace, order: u32) -> Id {
    named::id(&[b"message", namespace.as_str().as_bytes()], order)
}

/// The name of a summary: the first, the second …
pub(super) fn summary(namespace: &Namespace, count: u32) -> Id {
    named::id(&[b"summary", namespace.as_str().as_bytes()], count)
}

/// The place of a message, if the name is one of this conversation.
pub(super) fn order(namespace: &Namespace, id: Id) -> Option<u32> {
    let order = id.as_u128() as u32;
    ((1..=LAST).contains(&order) && message(namespace, order) == id).then_some(order)
}
