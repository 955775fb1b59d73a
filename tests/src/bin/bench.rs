//! Measures, beside floors and peers: `bench [SECTION] [--json] [--peers DIR] [--quick]`. Exit code 0: measured,
//! whatever came out; 1: something could not be run; 2: usage.

use std::process::ExitCode;

#[cfg(unix)]
#[global_allocator]
static COUNTING: typewright_tests::bench::alloc::Counting = typewright_tests::bench::alloc::Counting;

#[cfg(unix)]
fn main() -> ExitCode {
    ExitCode::from(typewright_tests::bench::main(std::env::args().skip(1).collect()))
}

#[cfg(not(unix))]
fn main() -> ExitCode {
    ExitCode::from(2)
}
