//! What memory promises, of every store. Its own binary: it links what no slim client does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by it"
)]

mod model;
#[cfg(all(feature = "postgres", unix))]
mod postgres;
mod store;
