//! What storing costs, beside a file that is appended to and synced: durable commits of one memory, batches, opening. And
//! PostgreSQL, beside the same SQL by hand.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

use super::searches::{Programs, tell};
use crate::bench::process::{results, said};
use crate::bench::reach::BARS;
use crate::bench::row::Report;
use crate::bench::sample::Pairs;
use crate::bench::{Failure, Options};

/// The folder with the programs of PostgreSQL.
const POSTGRES: &str = "TYPEWRIGHT_PG_BIN";
/// Memories of the store that is opened.
const OPENED: &str = "100000";

/// Rows about the store in a file.
pub(super) fn run(
    options: &Options,
    child: &Path,
    programs: &mut Programs,
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    let folder = results().join("memory/stores");
    fs::create_dir_all(&folder)?;
    let told = stores(options, child, &folder, programs, report);
    fs::remove_dir_all(&folder)?;
    told
}

fn stores(
    options: &Options,
    child: &Path,
    folder: &Path,
    programs: &mut Programs,
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    let (seconds, rounds) = if options.quick { ("0.1", "3") } else { ("0.5", "7") };
    let stored = said(Command::new(child).arg("store").arg(folder).args([seconds, rounds]))?;
    for words in ["without words", "with words"] {
        written(words, &stored[words], report)?;
    }
    beside_vectors(&stored["with words"], programs, report)?;
    let told = said(Command::new(child).arg("open").arg(folder).arg(OPENED))?;
    opened(&told, programs, report)
}

fn written(words: &str, stored: &Value, report: &mut Report<'_>) -> Result<(), Failure> {
    report.pairs(&format!("a durable commit, {words}"), &pairs(&stored["one"])?)?;
    report.pairs(&format!("a durable commit, {words}, 8 threads"), &pairs(&stored["threads"])?)?;
    report.pairs(&format!("a durable commit, {words}, one table"), &pairs(&stored["one table"])?)?;
    let batches = pairs(&stored["batches"])?;
    report.value(&format!("batches of 1 000, {words}"), &batches.ours)?;
    report.pairs(&format!("batches of 1 000, {words}, one table"), &batches)?;
    let busy = numbers(&stored["batches"]["cpu"])?;
    Ok(report.value(&format!("batches of 1 000, {words}, of processor"), &busy)?)
}

/// Memories beside vectors alone.
fn beside_vectors(stored: &Value, programs: &mut Programs, report: &mut Report<'_>) -> Result<(), Failure> {
    let (one, batches) = (pairs(&stored["one"])?.ours, pairs(&stored["batches"])?.ours);
    for (what, line, ours) in
        [("a durable commit", "commit 1000", one), ("batches of 1 000", "batch 1000", batches)]
    {
        let theirs = programs.peer("sqlite-vec").and_then(|theirs| theirs.number(line, "per_s"));
        tell(report, &format!("{what}, sqlite-vec"), theirs.map(|theirs| beside(&ours, theirs)))?;
    }
    Ok(())
}

fn opened(told: &Value, programs: &mut Programs, report: &mut Report<'_>) -> Result<(), Failure> {
    let name = "open a store of 100 000";
    report.value(name, &numbers(&told["open"])?)?;
    report.value(&format!("{name} and read its vectors"), &numbers(&told["vectors"])?)?;
    let first = numbers(&told["first"])?;
    report.value(&format!("{name} to the first answer"), &first)?;
    for peer in ["hnswlib", "usearch", "faiss"] {
        let theirs = programs.peer(peer).and_then(|theirs| theirs.number("load", "s"));
        let name = format!("{name} to the first answer, {peer}");
        tell(report, &name, theirs.map(|theirs| beside(&first, theirs)))?;
    }
    Ok(())
}

/// Samples beside a number that was measured once.
fn beside(ours: &[f64], theirs: f64) -> Pairs {
    Pairs { theirs: vec![theirs; ours.len()], ours: ours.to_vec() }
}

/// Whether there are programs of PostgreSQL to start.
pub(super) fn has_postgres() -> bool {
    env::var_os(POSTGRES).is_some_and(|folder| !folder.is_empty())
}

/// Rows about PostgreSQL.
pub(super) fn postgres(options: &Options, child: &Path, report: &mut Report<'_>) -> Result<(), Failure> {
    if !has_postgres() {
        let why = format!("not measured: {POSTGRES} names no folder with the programs of PostgreSQL");
        return missing(report, "PostgreSQL: ", &why);
    }
    let rounds = if options.quick { "1" } else { "5" };
    let told = said(Command::new(child).arg("postgres").arg(rounds))?;
    for bar in BARS.iter().filter(|bar| bar.section == "memory") {
        if let Some(what) = bar.name.strip_prefix("PostgreSQL: ") {
            report.pairs(bar.name, &pairs(&told[what])?)?;
        }
    }
    Ok(())
}

/// Tells of all rows that begin so why there is nothing to tell.
pub(super) fn missing(report: &mut Report<'_>, start: &str, why: &str) -> Result<(), Failure> {
    let mut all = BARS.iter().filter(|bar| bar.section == "memory" && bar.name.starts_with(start));
    all.try_for_each(|bar| Ok(report.missing(bar.name, why)?))
}

fn pairs(value: &Value) -> Result<Pairs, Failure> {
    Ok(Pairs { ours: numbers(&value["ours"])?, theirs: numbers(&value["theirs"])? })
}

fn numbers(value: &Value) -> Result<Vec<f64>, Failure> {
    let numbers = value.as_array().map(|all| all.iter().filter_map(Value::as_f64).collect::<Vec<_>>());
    let numbers = numbers.filter(|numbers| !numbers.is_empty());
    numbers.ok_or_else(|| Failure::Program(format!("no numbers in {value}")))
}
