//! The program that is measured: `search BASE QUERIES` answers as peers do, `store FOLDER SECONDS ROUNDS` stores memories,
//! `open FOLDER COUNT` opens a store of so many, `postgres ROUNDS` has a server beside SQL by hand. It prints JSON.

#[cfg(feature = "postgres")]
mod by_hand;
#[cfg(feature = "postgres")]
mod hand;
mod nodes;
mod open;
mod search;
mod store;
mod table;

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::bench::Failure;

/// Runs the command line and returns the exit code.
pub fn main(arguments: &[String]) -> u8 {
    match run(arguments) {
        Ok(()) => 0,
        Err(error) => {
            // A reader that hung up is no failure of the run.
            let _ = writeln!(io::stderr(), "error: {error}");
            1
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["search", base, queries] => search::run(Path::new(base), Path::new(queries)),
        ["store", folder, seconds, rounds] => {
            let lasting = Duration::from_secs_f64(number(seconds)?);
            say(&store::run(Path::new(folder), lasting, number(rounds)?)?)
        }
        ["open", folder, count] => say(&open::run(Path::new(folder), number(count)?)?),
        ["postgres", rounds] => postgres(number(rounds)?),
        _ => Err(failed(format!("no such command: {arguments:?}"))),
    }
}

#[cfg(feature = "postgres")]
fn postgres(rounds: usize) -> Result<(), Failure> {
    say(&by_hand::run(rounds)?)
}

#[cfg(not(feature = "postgres"))]
fn postgres(_rounds: usize) -> Result<(), Failure> {
    Err(failed("this program is built without the feature postgres".to_owned()))
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| failed(format!("{text} is no number")))
}

fn failed(what: String) -> Failure {
    Failure::Program(what)
}

/// A line, at once.
fn say(value: &Value) -> Result<(), Failure> {
    let mut out = io::stdout();
    writeln!(out, "{value}")?;
    Ok(out.flush()?)
}
