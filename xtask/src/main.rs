//! The command line of the compiler: parse flags, call `typewright_codegen`, print.
//!
//! It links the compiler and neither the runtime nor any generated crate, so that a generated crate that does not build
//! never stops its regeneration; what needs those runs through cargo. Each command is a file. Exit codes: 0, 1 for
//! drift or diagnostics, 2 for what cannot be run at all.

#[path = "../../tests/src/bench/alloc.rs"]
mod allocations;
mod cargo;
mod check;
mod cost;
mod diff;
mod explain;
mod flags;
mod generate;
mod git;
mod mutants;
mod new;
mod paths;
mod print;
mod schema;
mod timings;
mod watch;

use std::process::ExitCode;

use clap::Parser;
use flags::{Command, Flags};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// As asked.
    Done,
    /// With drift or diagnostics.
    Found,
    /// With this code of another program.
    Ended(u8),
}

/// Why a command could not be run: shown with its causes, exit code 2.
pub type Failure = Box<dyn std::error::Error>;

/// Counted, so that `gen --timings` can tell where memory is asked for.
#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

fn main() -> ExitCode {
    let outcome = match Flags::parse().command {
        Command::Gen(flags) => generate::run(&flags),
        Command::Check(flags) => check::run(&flags),
        Command::New(flags) => new::run(&flags),
        Command::Schema(flags) => schema::run(&flags),
        Command::Explain(flags) => explain::run(&flags),
        Command::Diff(flags) => diff::run(&flags),
        Command::Cost(flags) => cost::run(&flags),
        Command::Mutants(flags) => mutants::run(&flags),
        Command::Conformance(flags) => cargo::conformance(&flags),
        Command::Bench(flags) => cargo::bench(&flags),
    };
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Found) => ExitCode::from(1),
        Ok(Outcome::Ended(code)) => ExitCode::from(code),
        Err(error) => {
            print::failure(error.as_ref());
            ExitCode::from(2)
        }
    }
}
