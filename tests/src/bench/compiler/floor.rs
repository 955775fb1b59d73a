//! The floor of a run with nothing to do: a process that asks for the state of every file and hashes the input.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use typewright_codegen::fingerprint;

use super::engine::{Tree, files};
use crate::bench::Failure;

/// The role of this program that is the floor.
pub const FLOOR: &str = "compiler-floor";

/// Writes down which files there are, so that the floor need not look for them.
pub fn list(tree: &Tree) -> Result<PathBuf, Failure> {
    let mut text = String::new();
    for (folder, mark) in [("providers", 'i'), ("dialects", 'i'), ("templates", 'i'), ("out", 'o')] {
        for path in files(&tree.at(folder))? {
            text.push_str(&format!("{mark}{}\n", path.display()));
        }
    }
    let list = tree.at("files.txt");
    fs::write(&list, text)?;
    Ok(list)
}

/// Milliseconds of the whole process.
pub fn milliseconds(list: &Path) -> Result<f64, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(FLOOR).arg(list).stdin(Stdio::null());
    let start = Instant::now();
    let output = command.output()?;
    let took = start.elapsed().as_secs_f64() * 1e3;
    if output.status.success() { Ok(took) } else { Err(Failure::Program("the floor failed".to_owned())) }
}

/// What that process does.
pub fn main(arguments: &[String]) -> Result<(), Failure> {
    let list = arguments.first().ok_or_else(|| Failure::Program("no list of files".to_owned()))?;
    for line in fs::read_to_string(list)?.lines() {
        match line.split_at_checked(1) {
            Some(("i", path)) => {
                black_box(fs::metadata(path)?);
                black_box(fingerprint::of_bytes(&fs::read(path)?));
            }
            Some((_, path)) => drop(black_box(fs::metadata(path)?)),
            None => {}
        }
    }
    Ok(())
}
