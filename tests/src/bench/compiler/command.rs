//! `cargo xtask gen` as a person types it: cargo's own part and ours, and the first run on a fresh clone.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::bench::process::results;
use crate::bench::row::Report;
use crate::bench::sample::Pairs;
use crate::bench::{Failure, Options};
use crate::corpus::workspace_root;

/// Runs this part of the section.
pub(super) fn run(options: &Options, report: &mut Report<'_>) -> Result<(), Failure> {
    let root = workspace_root();
    let target = std::env::var_os("CARGO_TARGET_DIR").map(std::path::PathBuf::from);
    let target = target.unwrap_or_else(|| root.join("xtask/target"));
    let run = |arguments: &[&str]| seconds(&root, &target, arguments).map(|seconds| seconds * 1e3);
    // Built, the index written, and what it lists old enough.
    run(&["gen"])?;
    super::engine::wait();
    run(&["gen"])?;
    let mut pairs = Pairs::default();
    for _ in 0..if options.quick { 5 } else { 21 } {
        pairs.ours.push(run(&["gen"])?);
        pairs.theirs.push(run(&["--version"])?);
    }
    report.value("cargo xtask gen, nothing to do", &pairs.ours)?;
    report.pairs("cargo xtask gen, nothing to do, beside --version", &pairs)?;
    fresh(options, report)
}

fn fresh(options: &Options, report: &mut Report<'_>) -> Result<(), Failure> {
    const ROW: &str = "first cargo xtask gen on a fresh clone";
    if options.quick {
        return Ok(report.missing(ROW, "takes too long for --quick")?);
    }
    let clone = results().join("clone");
    if clone.exists() {
        fs::remove_dir_all(&clone)?;
    }
    let cloned = Command::new("git").args(["clone", "--quiet"]).arg(workspace_root()).arg(&clone).output();
    match cloned {
        Ok(output) if output.status.success() => {}
        _ => return Ok(report.missing(ROW, "this folder cannot be cloned")?),
    }
    let took = seconds(&clone, &clone.join("xtask/target"), &["gen"]);
    fs::remove_dir_all(&clone)?;
    Ok(report.value(ROW, &[took?])?)
}

fn seconds(folder: &Path, target: &Path, arguments: &[&str]) -> Result<f64, Failure> {
    let mut command = Command::new("cargo");
    command.arg("xtask").args(arguments).current_dir(folder).stdin(Stdio::null());
    // What cargo says to a program that it runs is not meant for the next cargo.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_") && !matches!(&*text, "CARGO_HOME" | "CARGO_NET_OFFLINE") {
            command.env_remove(&name);
        }
    }
    command.env("CARGO_TARGET_DIR", target);
    let start = Instant::now();
    let output = command.output()?;
    let took = start.elapsed().as_secs_f64();
    if output.status.success() {
        return Ok(took);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(Failure::Program(format!("cargo xtask {}: {}\n{errors}", arguments.join(" "), output.status)))
}
