//! The tests that cross rooms, in one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by it"
)]

mod conformance;
mod diagnostics;
mod folder;
mod fuzz;
mod generate;
mod outside;
mod slim;
mod tls;
