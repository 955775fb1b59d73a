//! Temporary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test fails by it")]
mod folder;
mod built;
mod invented;
mod names;
mod server;
mod small;
mod client;
mod quality;
