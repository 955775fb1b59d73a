//! What local inference promises, on tiny models made from seeds. Its own binary: it links what no slim client does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by it"
)]

mod architectures;
mod chat;
mod constrained;
mod download;
mod engine;
mod files;
mod parse;
mod serve;
mod template;
mod tokens;

/// Counted, so that tests can bound what hostile input makes a reader ask for.
#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: typewright_tests::bench::alloc::Counting = typewright_tests::bench::alloc::Counting;
