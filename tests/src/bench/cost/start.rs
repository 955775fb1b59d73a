//! What it takes to begin: a fresh process makes a client and asks for its first token.

use std::path::Path;

use crate::bench::process::Program;
use crate::bench::row::Report;
use crate::bench::sample::Pairs;
use crate::bench::stream::Server;
use crate::bench::{Failure, Options};

const MADE: &str = "client construction";
const FIRST: &str = "client construction and first token";

/// Runs this part of the section.
pub(super) fn run(
    ours: &Path,
    theirs: &Path,
    options: &Options,
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    if !ours.is_file() {
        return Ok(report.missing(MADE, "the program was not built: run without --quick")?);
    }
    let server = Server::start()?;
    let url = format!("{}/1/0/0/0", server.url);
    let (mut made, mut pairs) = (Vec::new(), Pairs::default());
    for _ in 0..options.pairs(31) {
        let [construction, first] = started(ours, &url)?;
        made.push(construction);
        pairs.ours.push(first);
        if theirs.is_file() {
            pairs.theirs.push(started(theirs, &url)?[1]);
        }
    }
    report.value(MADE, &made)?;
    if pairs.theirs.is_empty() {
        return Ok(report.missing(FIRST, "the program by hand was not built: run with --peers DIR")?);
    }
    Ok(report.pairs(FIRST, &pairs)?)
}

/// Milliseconds until there was a client, and until there was text.
fn started(program: &Path, url: &str) -> Result<[f64; 2], Failure> {
    let lines = Program::at(program).lines(&[url, "timed"])?;
    let mut numbers = lines.last().map_or("", String::as_str).split(' ').map(|number| number.parse::<f64>());
    match (numbers.next(), numbers.next()) {
        (Some(Ok(made)), Some(Ok(first))) => Ok([made / 1e6, first / 1e6]),
        _ => Err(Failure::Program(format!("{} printed no times", program.display()))),
    }
}
