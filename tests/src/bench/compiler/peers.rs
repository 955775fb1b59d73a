//! Other generators, where they are installed: a published specification into Rust, and once more.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::engine::lines;
use crate::bench::process::results;
use crate::bench::row::Report;
use crate::bench::sample::Pairs;
use crate::bench::{Failure, Options};
use crate::corpus::locate;

const NAME: &str = "openapi-generator-cli";
const ROWS: [&str; 3] = [
    "openapi-generator: OpenAI's specification",
    "openapi-generator: lines of Rust",
    "openapi-generator: a second run",
];

/// Runs this part of the section; `ours` is how many lines a second the compiler makes.
pub(super) fn run(options: &Options, ours: f64, report: &mut Report<'_>) -> Result<(), Failure> {
    report.missing(
        "progenitor: lines of Rust",
        "not run: progenitor 0.15 stops with an error on this specification, which is OpenAPI 3.1",
    )?;
    let missing =
        |report: &mut Report<'_>, why: &str| ROWS.iter().try_for_each(|row| report.missing(row, why));
    if options.peers.is_none() {
        return Ok(missing(report, "not measured: run with --peers DIR")?);
    }
    let Some(program) = found(options) else {
        return Ok(missing(
            report,
            "openapi-generator-cli is neither in the folder of peers nor on the path",
        )?);
    };
    let Some(specification) = specification() else {
        return Ok(missing(report, "the corpus with OpenAI's specification is not there")?);
    };
    let out = results().join("compiler/openapi-generator");
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    let first = generate(&program, &specification, &out)?;
    let speed = lines(&out)? as f64 / first;
    let second = generate(&program, &specification, &out)?;
    report.value(ROWS[0], &[first])?;
    report.pairs(ROWS[1], &Pairs { ours: vec![ours], theirs: vec![speed] })?;
    Ok(report.pairs(ROWS[2], &Pairs { ours: vec![second], theirs: vec![first] })?)
}

fn found(options: &Options) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let peers = options.peers.iter().flat_map(|folder| [folder.clone(), folder.join("bin")]);
    peers.chain(std::env::split_paths(&path)).map(|folder| folder.join(NAME)).find(|path| path.is_file())
}

fn specification() -> Option<PathBuf> {
    let corpus = locate(None).ok().flatten()?;
    let path = corpus.root.join("catalogs/openai-openapi/openapi.yaml");
    path.is_file().then_some(path)
}

fn generate(program: &Path, specification: &Path, out: &Path) -> Result<f64, Failure> {
    let mut command = Command::new(program);
    command.args(["generate", "-g", "rust", "--skip-validate-spec", "-i"]).arg(specification);
    command.arg("-o").arg(out).stdin(Stdio::null());
    let start = Instant::now();
    let output = command.output()?;
    let took = start.elapsed().as_secs_f64();
    if output.status.success() {
        return Ok(took);
    }
    Err(Failure::Program(format!("{}: {}", program.display(), output.status)))
}
