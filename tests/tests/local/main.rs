//! What local inference promises, on tiny models made from seeds. Its own binary: it links what no slim client does.

mod architectures;
mod engine;
mod files;

/// Counted, so that tests can bound what hostile input makes a reader ask for.
#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: typewright_tests::bench::alloc::Counting = typewright_tests::bench::alloc::Counting;
