//! A client in a process of its own: runs one load and prints what it cost, as one line of JSON.

use std::io::{self, Write as _};

use super::load;
use super::ours::Ours;
use super::reqwest_client::{BodyAlone, ByHand};
use crate::bench::{Failure, clock};

/// `WHO MODE COUNT URL`.
pub fn main(arguments: &[String]) -> Result<(), Failure> {
    let [who, mode, count, server] = arguments else {
        return Err(Failure::Program("a client needs four arguments".to_owned()));
    };
    let count: usize = count.parse().map_err(|_| Failure::Program(format!("no number: {count}")))?;
    clock::raise_file_limit();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let run = |mode: &str, count: usize| -> Result<serde_json::Value, Failure> {
        let url = format!("{server}{}", load::path(mode, count));
        match who.as_str() {
            "ours" => runtime.block_on(load::run(mode, count, Ours::new(&url)?)),
            "watched" => runtime.block_on(load::run(mode, count, Ours::watched(&url)?)),
            "unwatched" => runtime.block_on(load::run(mode, count, Ours::unwatched(&url)?)),
            "reqwest" => runtime.block_on(load::run(mode, count, ByHand::new(&url)?)),
            "body" => runtime.block_on(load::run(mode, count, BodyAlone::new(&url)?)),
            _ => Err(Failure::Program(format!("no such client: {who}"))),
        }
    };
    // Once around, so that the program's own pages are in memory before anything is measured.
    run("one", 1)?;
    let cost = run(mode, count)?;
    Ok(writeln!(io::stdout(), "{cost}")?)
}
