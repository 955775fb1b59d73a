//! The tests that cross rooms, in one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by it"
)]

mod builds;
mod built;
mod cached;
mod changes;
mod client;
mod command;
mod conformance;
mod diagnostics;
mod folder;
mod fuzz;
mod generate;
mod invented;
mod mutants;
mod names;
mod offered;
mod outside;
mod quality;
mod server;
mod slim;
mod small;
mod snapshots;
mod tls;
mod tour;
mod typed;
