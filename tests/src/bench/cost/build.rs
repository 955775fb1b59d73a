//! Builds of a project from nothing: processor seconds, crates, bytes.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use crate::bench::Failure;
use crate::bench::clock::processor_of_children;
use crate::bench::process::cargo;

/// How often the generated crate alone is checked.
const CHECKS: usize = 7;

/// What a program costs to build.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Built {
    /// Crates, the program itself among them.
    pub(super) unique: f64,
    /// Processor seconds of a check from nothing.
    pub(super) check: f64,
    /// Processor seconds of a release build from nothing.
    pub(super) release: f64,
    /// The size of the stripped program, in millions of bytes.
    pub(super) megabytes: f64,
    /// Seconds of checks of the generated crate alone; empty for peers.
    pub(super) own_check: Vec<f64>,
}

/// Builds the project in `folder` twice from nothing.
pub(super) fn measure(folder: &Path, is_ours: bool) -> Result<Built, Failure> {
    // What has to come over the network comes first.
    cargo(folder, &["fetch", "--quiet"])?;
    let unique = unique(folder)?;
    remove(&folder.join("target"))?;
    let check = seconds(|| cargo(folder, &["check", "--quiet", "--offline", "--ignore-rust-version"]))?;
    let own_check = if is_ours { own_check(folder)? } else { Vec::new() };
    remove(&folder.join("target"))?;
    let release =
        seconds(|| cargo(folder, &["build", "--release", "--quiet", "--offline", "--ignore-rust-version"]))?;
    Ok(Built { unique, check, release, megabytes: program_size(folder)? as f64 / 1e6, own_check })
}

impl Built {
    /// What is kept for later runs.
    pub(super) fn kept(&self) -> Value {
        json!({
            "unique": self.unique, "check": self.check, "release": self.release, "megabytes": self.megabytes,
            "own_check": self.own_check,
        })
    }

    /// What was kept.
    pub(super) fn read(value: &Value) -> Option<Self> {
        let number = |name: &str| value[name].as_f64();
        Some(Self {
            unique: number("unique")?,
            check: number("check")?,
            release: number("release")?,
            megabytes: number("megabytes")?,
            own_check: value["own_check"].as_array()?.iter().filter_map(Value::as_f64).collect(),
        })
    }
}

/// Processor seconds of the programs that `work` runs.
fn seconds(work: impl FnOnce() -> Result<String, Failure>) -> Result<f64, Failure> {
    let before = processor_of_children();
    work()?;
    Ok(processor_of_children() - before)
}

/// Seconds of a check of the generated crate when everything that it needs is there.
fn own_check(folder: &Path) -> Result<Vec<f64>, Failure> {
    const PACKAGE: &str = "typewright-openai";
    let mut seconds = Vec::new();
    for _ in 0..CHECKS {
        cargo(folder, &["clean", "--quiet", "--offline", "--package", PACKAGE])?;
        let start = Instant::now();
        cargo(folder, &["check", "--quiet", "--offline", "--package", PACKAGE])?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    Ok(seconds)
}

/// The crates that the program links or that make what it links.
fn unique(folder: &Path) -> Result<f64, Failure> {
    let tree = cargo(folder, &["tree", "--quiet", "--offline", "--edges", "normal", "--prefix", "none"])?;
    let crates: BTreeSet<&str> =
        tree.lines().map(|line| line.trim_end_matches(" (*)")).filter(|line| !line.is_empty()).collect();
    Ok(crates.len() as f64)
}

/// The size of the one program in the folder.
fn program_size(folder: &Path) -> Result<u64, Failure> {
    let release = folder.join("target/release");
    for entry in fs::read_dir(&release)? {
        let (path, data) = entry.and_then(|entry| Ok((entry.path(), entry.metadata()?)))?;
        if data.is_file() && path.extension().is_none() && !is_hidden(&path) {
            return Ok(data.len());
        }
    }
    Err(Failure::Program(format!("no program in {}", release.display())))
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'))
}

fn remove(folder: &Path) -> io::Result<()> {
    if folder.exists() { fs::remove_dir_all(folder) } else { Ok(()) }
}
