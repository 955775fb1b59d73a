//! The peers under the same loads: each is a program of its own that is built once and asks the same server. What it
//! prints has names of its own.

use serde_json::Value;

use super::{Clients, numbers};
use crate::bench::process::{Program, cargo_into, copy, results};
use crate::bench::row::Report;
use crate::bench::sample::Pairs;
use crate::bench::{Failure, Options};

/// The peers, and hyper by hand.
const PEERS: [&str; 5] = ["floor-hyper", "async-openai", "genai", "llm", "rig"];
/// How often a peer is run: its rows are shown for what they tell.
const RUNS: usize = 3;

/// A peer, and its program if it was built.
pub(super) struct Peer {
    name: &'static str,
    program: Option<Program>,
}

/// A row: what it is called, our name of its number, and theirs.
pub(super) type Shown = (&'static str, &'static str, &'static str);

/// Builds the peers whose projects are there.
pub(super) fn all(options: &Options) -> Result<Vec<Peer>, Failure> {
    PEERS.into_iter().map(|name| Ok(Peer { name, program: built(name, options)? })).collect()
}

fn built(name: &str, options: &Options) -> Result<Option<Program>, Failure> {
    let all = results().join("peers");
    let target = all.join("target");
    if let Some(clients) = options.peers.as_ref().map(|folder| folder.join("clients"))
        && clients.join(name).join("bench/Cargo.toml").is_file()
    {
        copy(&clients.join("common"), &all.join("common"))?;
        copy(&clients.join(name), &all.join(name))?;
        let folder = all.join(name).join("bench");
        cargo_into(&target, &folder, &["build", "--release", "--quiet", "--ignore-rust-version"])?;
    }
    let program = target.join("release").join(format!("bench-{name}"));
    Ok(program.is_file().then(|| Program::at(program)))
}

/// Puts the peers through a load that ours went through, and reports both.
pub(super) fn beside(
    clients: &Clients,
    (mode, count): (&str, usize),
    rows: &[Shown],
    ours: &[Value],
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    for peer in &clients.peers {
        let theirs = runs(peer, mode, count, &clients.server.url)?;
        for (bar, our_name, their_name) in rows {
            let name = format!("{bar}, {}", peer.name);
            if theirs.is_empty() {
                report.missing(&name, "not built: run with --peers DIR")?;
                continue;
            }
            let ours = numbers(ours.get(..theirs.len()).unwrap_or(ours), our_name);
            report.pairs(&name, &Pairs { ours, theirs: numbers(&theirs, their_name) })?;
        }
    }
    Ok(())
}

fn runs(peer: &Peer, mode: &str, count: usize, server: &str) -> Result<Vec<Value>, Failure> {
    let Some(program) = &peer.program else { return Ok(Vec::new()) };
    let mode = if mode == "first" { "ttft" } else { mode };
    let run = || -> Result<Value, Failure> {
        let lines = program.lines(&[mode, &count.to_string(), server])?;
        Ok(serde_json::from_str(lines.last().map_or("null", String::as_str))?)
    };
    (0..RUNS).map(|_| run()).collect()
}
