//! Sentences of an encoder, beside other programs that run it. The folder with its files is named by `TYPEWRIGHT_MINILM`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{THREADS, number};
use crate::bench::process::said;
use crate::bench::row::Report;
use crate::bench::sample::Pairs;
use crate::bench::{Failure, Options};

const FOLDER: &str = "TYPEWRIGHT_MINILM";
const PEERS: [&str; 2] = ["sentences-onnxruntime", "sentences-torch"];
/// Rows, and what programs call them.
const SHAPES: [(&str, &str); 2] =
    [("MiniLM, batches of 1 of 32 tokens", "1x32"), ("MiniLM, batches of 32 of 128 tokens", "32x128")];

pub(super) fn run(options: &Options, child: &Path, report: &mut Report<'_>) -> Result<(), Failure> {
    let there =
        |name: &str| options.peers.as_ref().map(|folder| folder.join(name)).filter(|file| file.is_file());
    let peers: Vec<PathBuf> = PEERS.into_iter().filter_map(there).collect();
    let missing = match env::var_os(FOLDER) {
        None => format!("not measured: {FOLDER} names no folder with the encoder"),
        Some(_) if peers.is_empty() => {
            format!("not measured: run with --peers DIR, where DIR/{} is", PEERS[0])
        }
        Some(folder) => return compare(options, child, Path::new(&folder), &peers, report),
    };
    SHAPES.iter().try_for_each(|(name, _)| Ok(report.missing(name, missing.clone())?))
}

fn compare(
    options: &Options,
    child: &Path,
    folder: &Path,
    peers: &[PathBuf],
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    let mut runs: Vec<(Value, Vec<Value>)> = Vec::new();
    for _ in 0..options.pairs(5) {
        let ours = said(Command::new(child).arg("sentences").arg(folder).arg(THREADS))?;
        let theirs = peers.iter().map(|peer| said(Command::new(peer).arg(folder).arg(THREADS)));
        runs.push((ours, theirs.collect::<Result<_, _>>()?));
    }
    for (name, key) in SHAPES {
        let mut pairs = Pairs { ours: Vec::new(), theirs: Vec::new() };
        for (ours, theirs) in &runs {
            let theirs = theirs.iter().map(|told| number(told, key)).collect::<Result<Vec<f64>, _>>()?;
            pairs.ours.push(number(ours, key)?);
            pairs.theirs.push(theirs.into_iter().fold(f64::INFINITY, f64::min));
        }
        report.pairs(name, &pairs)?;
    }
    Ok(())
}
