//! What a user pays to depend on a generated crate: a program that streams one answer is built from nothing, beside
//! the same program on the peers. Processor seconds, so that what else runs counts little; still, nothing else should.
//!
//! Peers are measured when a folder with their programs is named, and what was found is kept for later runs.

mod build;
mod start;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::process::{Project, results};
use super::row::Report;
use super::sample::Pairs;
use super::{Failure, Options};
use crate::corpus::workspace_root;
use build::Built;

const OURS: &str = "hello-typewright";
const BY_HAND: &str = "hello-reqwest";
/// Peers and the projects that stand for them.
const PEERS: [&str; 4] = ["async-openai", "genai", "rig", "llm"];
const COMMON: &str = "tokio = { version = \"1\", features = [\"macros\", \"rt\"] }\n";
const BY_HAND_DEPENDENCIES: &str = "memchr = \"2\"\nreqwest = { version = \"0.13\", default-features = false, features = [\"json\", \"rustls\", \
    \"stream\"] }\nserde = { version = \"1\", features = [\"derive\"] }\nserde_json = \"1\"\n";

/// Runs the section.
pub fn run(options: &Options, report: &mut Report<'_>) -> Result<(), Failure> {
    let ours = found(OURS, !options.quick, || ours().write())?.ok_or_else(|| {
        Failure::Program("nothing was measured before: run without --quick first".to_owned())
    })?;
    report.value("release build", &[ours.release])?;
    report.value("clean check", &[ours.check])?;
    report.value("unique crates", &[ours.unique])?;
    report.value("stripped binary", &[ours.megabytes])?;
    report.value("the generated crate's own check", &ours.own_check)?;
    let again = options.peers.is_some();
    beside("reqwest by hand", &ours, found(BY_HAND, again, || by_hand().write())?, again, report)?;
    for peer in PEERS {
        let source = options.peers.as_ref().map(|folder| folder.join("clients").join(peer));
        let there = source.as_ref().is_some_and(|folder| folder.join("Cargo.toml").is_file());
        let built = found(peer, there, || copied(peer, source.as_deref().unwrap_or(Path::new("."))))?;
        beside(peer, &ours, built, there, report)?;
    }
    start::run(&ours_program(), &by_hand_program(), options, report)
}

fn ours() -> Project {
    let crate_folder = workspace_root().join("generated/openai");
    let dependencies =
        format!("{COMMON}typewright-openai = {{ path = {:?} }}\n", crate_folder.display().to_string());
    Project::new(OURS, dependencies, include_str!("../programs/hello_typewright.rs"))
}

fn by_hand() -> Project {
    let dependencies = format!("{BY_HAND_DEPENDENCIES}{COMMON}");
    Project::new(BY_HAND, dependencies, include_str!("../programs/hello_reqwest.rs"))
}

fn ours_program() -> PathBuf {
    ours().folder().join("target/release").join(OURS)
}

fn by_hand_program() -> PathBuf {
    by_hand().folder().join("target/release").join(BY_HAND)
}

/// What a program costs: measured, or else as it was kept.
fn found(
    name: &str,
    measure: bool,
    project: impl FnOnce() -> Result<PathBuf, Failure>,
) -> Result<Option<Built>, Failure> {
    let file = results().join("cost.json");
    let mut all: Map<String, Value> =
        fs::read_to_string(&file).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    if !measure {
        return Ok(all.get(name).and_then(Built::read));
    }
    let built = build::measure(&project()?, name == OURS)?;
    all.insert(name.to_owned(), built.kept());
    fs::create_dir_all(results())?;
    fs::write(&file, format!("{:#}\n", json!(all)))?;
    Ok(Some(built))
}

/// A peer's program, copied to where nothing of it is disturbed.
fn copied(peer: &str, source: &Path) -> Result<PathBuf, Failure> {
    let folder = results().join(peer);
    fs::create_dir_all(folder.join("src"))?;
    fs::copy(source.join("Cargo.toml"), folder.join("Cargo.toml"))?;
    for entry in fs::read_dir(source.join("src"))? {
        let entry = entry?;
        fs::copy(entry.path(), folder.join("src").join(entry.file_name()))?;
    }
    Ok(folder)
}

fn beside(
    peer: &str,
    ours: &Built,
    theirs: Option<Built>,
    now: bool,
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    for (what, ours, theirs) in [
        ("release build", ours.release, theirs.as_ref().map(|built| built.release)),
        ("clean check", ours.check, theirs.as_ref().map(|built| built.check)),
        ("unique crates", ours.unique, theirs.as_ref().map(|built| built.unique)),
        ("stripped binary", ours.megabytes, theirs.as_ref().map(|built| built.megabytes)),
    ] {
        let name = format!("{what}, {peer}");
        match theirs {
            None => report.missing(&name, "not measured: run with --peers DIR")?,
            Some(theirs) => {
                let pairs = Pairs { ours: vec![ours], theirs: vec![theirs] };
                if now { report.pairs(&name, &pairs)? } else { report.kept(&name, &pairs)? }
            }
        }
    }
    Ok(())
}
