//! Cognition, on cases whose right answer is known: by hand, from a publication, or from another way to compute it.

mod committee;
mod learned;
mod search;
mod working;

use std::time::Duration;

use typewright_runtime::memory::{Id, Timestamp};

use crate::store::{Engine, Place, on_each_store};

fn id(number: u128) -> Id {
    Id::from_u128(number)
}

/// So many seconds after a beginning.
fn at(seconds: u64) -> Timestamp {
    Timestamp::parse("2026-01-01T00:00:00Z").unwrap().plus(Duration::from_secs(seconds))
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}
