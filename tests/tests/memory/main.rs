//! What memory promises, of every store. Its own binary: it links what no slim client does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by it"
)]

mod asked;
mod backup;
mod cognition;
mod conversation;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod crash;
mod edges;
mod embed;
mod everything;
mod exchange;
mod failures;
mod forget;
mod fuzz;
mod group;
mod health;
mod index;
mod model;
mod operator;
#[cfg(all(feature = "postgres", unix))]
mod postgres;
mod recall;
mod store;
mod tour;
mod transaction;
mod words;
