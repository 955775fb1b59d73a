//! Streams from a server on this machine: what a chunk costs, and what many streams at once do.
//!
//! The server is a process on one core, each run of a client a process on the other, so that processor time and memory
//! are the client's alone. A server event is 185 bytes of JSON in an HTTP chunk of its own.

pub mod client;
pub mod load;
pub mod ours;
mod peers;
pub mod reqwest_client;
pub mod server;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use serde_json::Value;

use super::process::{Program, SERVERS};
use super::row::Report;
use super::sample::Pairs;
use super::{Failure, Options};
use peers::Peer;

/// The role of a server.
pub const SERVER: &str = "--as-server";
/// The role of a client.
pub const CLIENT: &str = "--as-client";

/// How many pairs make a ratio.
const PAIRS: usize = 9;

/// Runs the section.
pub fn run(options: &Options, report: &mut Report<'_>) -> Result<(), Failure> {
    let peers = peers::all(options)?;
    let (program, pairs) = (Program::this()?, options.pairs(PAIRS));
    let clients = Clients { program, server: Server::start()?, pairs, peers };
    let few = if options.quick { 20_000 } else { 200_000 };
    one(&clients, few, report)?;
    first(&clients, if options.quick { 300 } else { 2000 }, report)?;
    thousand(&clients, if options.quick { 200 } else { 1000 }, report)?;
    ten_thousand(&clients, if options.quick { 1000 } else { 10_000 }, report)
}

/// A server that runs until it is dropped.
pub struct Server {
    child: Child,
    /// Its address.
    pub url: String,
}

impl Server {
    /// Starts one on the servers' core.
    pub fn start() -> Result<Self, Failure> {
        let mut command = Program::this()?.on(SERVERS);
        let mut child = command.arg(SERVER).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut url = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut url)?;
        }
        Ok(Self { child, url: url.trim().to_owned() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Clients of one server, one run after the other.
struct Clients {
    program: Program,
    server: Server,
    pairs: usize,
    peers: Vec<Peer>,
}

impl Clients {
    fn run(&self, who: &str, mode: &str, count: usize) -> Result<Value, Failure> {
        let lines = self.program.lines(&[CLIENT, who, mode, &count.to_string(), &self.server.url])?;
        Ok(serde_json::from_str(lines.first().map_or("null", String::as_str))?)
    }

    /// Both in turn.
    fn pairs(&self, ours: &str, theirs: &str, mode: &str, count: usize) -> Result<Runs, Failure> {
        let mut runs = Runs::default();
        for pair in 0..self.pairs {
            let first = if pair % 2 == 1 { Some(self.run(theirs, mode, count)?) } else { None };
            runs.ours.push(self.run(ours, mode, count)?);
            runs.theirs.push(first.map_or_else(|| self.run(theirs, mode, count), Ok)?);
        }
        Ok(runs)
    }
}

/// What runs of two clients printed.
#[derive(Default)]
struct Runs {
    ours: Vec<Value>,
    theirs: Vec<Value>,
}

impl Runs {
    fn of(&self, field: &str) -> Pairs {
        Pairs { ours: numbers(&self.ours, field), theirs: numbers(&self.theirs, field) }
    }
}

fn numbers(runs: &[Value], field: &str) -> Vec<f64> {
    runs.iter().map(|run| run[field].as_f64().unwrap_or(f64::NAN)).collect()
}

fn one(clients: &Clients, tokens: usize, report: &mut Report<'_>) -> Result<(), Failure> {
    let runs = clients.pairs("ours", "reqwest", "one", tokens)?;
    report.pairs("one stream: a chunk", &runs.of("nanoseconds"))?;
    report.value("one stream: tokens of 200 000", &least(&runs.of("tokens").ours))?;
    let rows = [("one stream: a chunk", "nanoseconds", "cpu_ns")];
    peers::beside(clients, ("one", tokens), &rows, &runs.ours, report)?;
    let allocations = clients.pairs("ours", "body", "one", tokens)?.of("allocations");
    let beyond: Vec<f64> =
        allocations.ours.iter().zip(&allocations.theirs).map(|(ours, body)| ours - body).collect();
    report.value("one stream: allocations a chunk beyond the transport's", &beyond)?;
    let runs = clients.pairs("watched", "unwatched", "one", tokens)?;
    Ok(report.pairs("one stream: with clocks, retries and limits", &runs.of("nanoseconds"))?)
}

fn first(clients: &Clients, requests: usize, report: &mut Report<'_>) -> Result<(), Failure> {
    let runs = clients.pairs("ours", "reqwest", "first", requests)?;
    report.pairs("first token, p50", &runs.of("p50"))?;
    let rows = [("first token, p50", "p50", "p50_us")];
    peers::beside(clients, ("first", requests), &rows, &runs.ours, report)
}

fn thousand(clients: &Clients, streams: usize, report: &mut Report<'_>) -> Result<(), Failure> {
    let runs = clients.pairs("ours", "reqwest", "many", streams)?;
    report.pairs("1 000 streams: added latency, p50", &runs.of("p50"))?;
    report.pairs("1 000 streams: added latency, p99", &runs.of("p99"))?;
    let rows = [("1 000 streams: added latency, p99", "p99", "p99_us")];
    peers::beside(clients, ("many", streams), &rows, &runs.ours, report)
}

fn ten_thousand(clients: &Clients, streams: usize, report: &mut Report<'_>) -> Result<(), Failure> {
    let runs = clients.pairs("ours", "reqwest", "many", streams)?;
    report.value("10 000 streams: complete", &least(&runs.of("complete").ours))?;
    report.pairs("10 000 streams: processor time", &runs.of("seconds"))?;
    report.value("10 000 streams: memory a stream", &runs.of("kilobytes").ours)?;
    report.pairs("10 000 streams: memory a stream, reqwest", &runs.of("kilobytes"))?;
    let rows = [
        ("10 000 streams: processor time", "seconds", "cpu_s"),
        ("10 000 streams: memory a stream", "kilobytes", "kb_per_stream"),
    ];
    peers::beside(clients, ("many", streams), &rows, &runs.ours, report)
}

/// Of what must hold always, the worst case stands for all.
fn least(samples: &[f64]) -> Vec<f64> {
    let least = samples.iter().copied().fold(f64::INFINITY, f64::min);
    vec![least; samples.len()]
}
