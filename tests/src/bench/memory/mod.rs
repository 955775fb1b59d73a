//! Memory: how fast and how well the nearest vectors are found, what storing costs, and PostgreSQL beside SQL by hand. What
//! is measured runs in a child that is built for it, for it alone needs memory.
//!
//! Vectors are those of the [set](vectors) that comes out the same everywhere, 100 000 of 384 numbers, which is easy for
//! graphs, and vectors of real text, which is not. Nothing of the latter is kept here: `TYPEWRIGHT_VECTORS` names a folder
//! with `base.npy` and `queries.npy`, arrays of floats as numpy writes them. `program` says how peers are spoken to.

#[cfg(feature = "memory")]
pub mod child;
mod program;
mod searches;
mod stores;
pub mod vectors;

use std::path::{Path, PathBuf};
use std::{env, fs};

use super::process::{cargo_into, results};
use super::row::Report;
use super::{Failure, Options};
use crate::corpus::workspace_root;
use searches::{Programs, Set};
use vectors::Vectors;

const CHILD: &str = "memory_bench";
const VECTORS: &str = "TYPEWRIGHT_VECTORS";
/// What rows begin with.
const EXACT: &str = "bit-exact";
const REAL: &str = "real text";

/// Runs the section.
pub fn run(options: &Options, report: &mut Report<'_>) -> Result<(), Failure> {
    let child = built()?;
    let folder = results().join("memory");
    let told = search_bit_exact(options, &child, &folder.join("bit-exact"), report)
        .and_then(|()| search_real(options, &child, &folder.join("real"), report));
    // Nothing of what was written is needed again.
    let removed = fs::remove_dir_all(&folder);
    told?;
    removed?;
    stores::postgres(options, &child, report)
}

/// The child, beside this program in the target folder.
fn built() -> Result<PathBuf, Failure> {
    let program = env::current_exe()?;
    let target = program.parent().and_then(Path::parent).unwrap_or(Path::new("target"));
    let features = if stores::has_postgres() { "memory,postgres" } else { "memory" };
    let build = ["build", "--release", "--quiet", "--package", "typewright-tests", "--features", features];
    cargo_into(target, &workspace_root(), &[&build[..], &["--bin", CHILD]].concat())?;
    Ok(target.join("release").join(CHILD))
}

fn search_bit_exact(
    options: &Options,
    child: &Path,
    folder: &Path,
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    fs::create_dir_all(folder)?;
    let (base, queries) = vectors::exact_to_the_bit();
    let path = folder.join("base.npy");
    base.write(&path)?;
    let set = Set::new(EXACT, (path, base), some(options, queries), folder)?;
    let mut programs = Programs::start(options, child, &set)?;
    searches::exact(options, &set, &mut programs, report)?;
    searches::codes(options, &set, &mut programs.ours, report)?;
    searches::graph(options, &set, &mut programs, report)?;
    stores::run(options, child, &mut programs, report)
}

fn search_real(
    options: &Options,
    child: &Path,
    folder: &Path,
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    let Some(kept) = env::var_os(VECTORS).map(PathBuf::from) else {
        let why = format!("not measured: {VECTORS} names no folder with base.npy and queries.npy");
        return stores::missing(report, REAL, &why);
    };
    fs::create_dir_all(folder)?;
    let base = kept.join("base.npy");
    let vectors = Vectors::read(&base)?;
    let queries = Vectors::read(&kept.join("queries.npy"))?;
    let set = Set::new(REAL, (base, vectors), some(options, queries), folder)?;
    let mut programs = Programs::start(options, child, &set)?;
    searches::codes(options, &set, &mut programs.ours, report)?;
    searches::graph(options, &set, &mut programs, report)
}

/// All queries, or few of them.
fn some(options: &Options, queries: Vectors) -> Vectors {
    if options.quick { queries.first(200) } else { queries }
}
