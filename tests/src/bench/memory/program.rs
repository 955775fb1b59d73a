//! The programs that search vectors: ours, and those of the peers, which are spoken to in the same way.
//!
//! `DIR/memory/NAME BASE QUERIES` reads two arrays of floats as numpy writes them, of vectors of unit length, then a line
//! at a time, and answers each with a line of JSON until there are no more:
//!
//! | line | what it does | answer |
//! |---|---|---|
//! | `exact COUNT` | finds the ten nearest of the first COUNT queries by comparing all, query after query, on one thread | `qps`, `ids` |
//! | `build` | makes a graph of the vectors with 16 links (M) and 200 candidates (efConstruction), on two threads | `s` |
//! | `graph EFFORT` | finds the ten nearest of all queries by it, on one thread, with EFFORT candidates (ef) | `qps`, `ids` |
//! | `load` | writes the graph and what it leads to into a file, and reads that | `s` of reading |
//! | `commit COUNT` | stores COUNT vectors in a file, each in a transaction that is on the disk before the next begins | `per_s` |
//! | `batch COUNT` | stores all vectors in a file, COUNT in such a transaction | `per_s` |
//!
//! `qps` are queries a second, `ids` the numbers of the vectors that were found, counted from zero, ten for each query,
//! nearest first; -1 where nothing was found. What a program does not do it answers with `{"cannot": "why"}`. How much of
//! what is nearest was found is counted here, for all of them alike.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use super::vectors::NEAREST;
use crate::bench::Failure;

/// The peers that search vectors.
pub(super) const PEERS: [&str; 4] = ["hnswlib", "faiss", "usearch", "sqlite-vec"];

/// A program that answers.
pub(super) struct Program {
    /// Its name in rows.
    pub(super) name: String,
    child: Child,
    lines: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// What was found, and how fast.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    /// Queries a second.
    pub(super) qps: f64,
    /// Ten for each query.
    pub(super) ids: Vec<u64>,
}

impl Program {
    /// Starts it.
    pub(super) fn start(name: &str, mut command: Command) -> Result<Self, Failure> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (lines, answers) = (child.stdin.take(), child.stdout.take());
        let answers = answers.ok_or_else(|| Failure::Program(format!("{name} says nothing")))?;
        Ok(Self { name: name.to_owned(), child, lines, answers: BufReader::new(answers) })
    }

    /// Starts that of a peer, if it is there.
    pub(super) fn peer(
        folder: &Path,
        name: &str,
        base: &Path,
        queries: &Path,
    ) -> Result<Option<Self>, Failure> {
        let program = folder.join("memory").join(name);
        if !program.is_file() {
            return Ok(None);
        }
        let mut command = Command::new(program);
        command.arg(base).arg(queries);
        Self::start(name, command).map(Some)
    }

    /// What it answers to a line.
    pub(super) fn ask(&mut self, line: &str) -> Result<Value, Failure> {
        let failed = |why: &str| Failure::Program(format!("{}, asked `{line}`: {why}", self.name));
        let lines = self.lines.as_mut().ok_or_else(|| failed("it does not listen"))?;
        writeln!(lines, "{line}").and_then(|()| lines.flush()).map_err(|error| failed(&error.to_string()))?;
        let mut answer = String::new();
        if self.answers.read_line(&mut answer)? == 0 {
            return Err(failed("it ended"));
        }
        let answer: Value = serde_json::from_str(&answer)?;
        match answer["cannot"].as_str() {
            Some(why) => Err(Failure::Program(format!("{}: {why}", self.name))),
            None => Ok(answer),
        }
    }

    /// The number of this name that it answers with.
    pub(super) fn number(&mut self, line: &str, name: &str) -> Result<f64, Failure> {
        let answer = self.ask(line)?;
        answer[name].as_f64().ok_or_else(|| {
            Failure::Program(format!("{}, asked `{line}`: no number `{name}` in {answer}", self.name))
        })
    }

    /// What it finds of so many queries.
    pub(super) fn found(&mut self, line: &str, queries: usize) -> Result<Found, Failure> {
        let answer = self.ask(line)?;
        // What is no number was not found.
        let ids = answer["ids"].as_array().into_iter().flatten().map(|id| id.as_u64().unwrap_or(u64::MAX));
        let ids: Vec<u64> = ids.collect();
        match answer["qps"].as_f64() {
            Some(qps) if ids.len() == queries * NEAREST => Ok(Found { qps, ids }),
            _ => Err(Failure::Program(format!(
                "{}, asked `{line}`: no `qps`, or not {NEAREST} `ids` of each of {queries} queries",
                self.name
            ))),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // The end of its lines is its end.
        drop(self.lines.take());
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(script: &str) -> Program {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Program::start("peer", command).unwrap()
    }

    #[test]
    fn a_peer_answers_line_after_line() {
        let mut peer = peer("while read -r what rest; do echo \"{\\\"s\\\": ${rest:-1}.5}\"; done");
        assert_eq!(peer.number("build", "s").unwrap(), 1.5);
        assert_eq!(peer.number("graph 16", "s").unwrap(), 16.5);
        assert!(peer.number("build", "per_s").unwrap_err().to_string().contains("no number `per_s`"));
    }

    #[test]
    fn what_a_peer_cannot_do_is_told_and_so_is_its_end() {
        let mut peer = peer("read line; echo '{\"cannot\": \"no graph\"}'");
        assert_eq!(peer.ask("build").unwrap_err().to_string(), "peer: no graph");
        assert!(peer.ask("build").is_err());
    }

    #[test]
    fn ten_are_found_for_each_query() {
        let ids = (0..9).map(|id| id.to_string()).collect::<Vec<_>>().join(", ");
        let mut peer =
            peer(&format!("while read -r line; do echo '{{\"qps\": 2, \"ids\": [{ids}, -1]}}'; done"));
        let found = peer.found("exact 1", 1).unwrap();
        assert_eq!((found.qps, found.ids[0], found.ids[9]), (2.0, 0, u64::MAX));
        assert!(peer.found("exact 2", 2).is_err());
    }
}
