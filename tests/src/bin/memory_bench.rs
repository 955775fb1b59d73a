//! What `bench memory` starts to be measured: see `bench::memory::child`.

use std::process::ExitCode;

#[cfg(unix)]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    ExitCode::from(typewright_tests::bench::memory::child::main(&arguments))
}

#[cfg(not(unix))]
fn main() -> ExitCode {
    ExitCode::from(2)
}
