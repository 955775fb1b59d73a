//! `conformance` and `bench`: they need the runtime and generated crates, so they run through cargo.

use std::process::Command;

use crate::flags::{Bench, Conformance};
use crate::{Failure, Outcome, paths};

pub fn conformance(flags: &Conformance) -> Result<Outcome, Failure> {
    let mut arguments: Vec<String> = Vec::new();
    let mut option = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            arguments.extend([name.to_owned(), value]);
        }
    };
    option("--corpus", flags.corpus.as_ref().map(|folder| folder.display().to_string()));
    option("--provider", flags.provider.clone());
    option("--dialect", flags.dialect.clone());
    arguments.extend(flags.exhaustive.then(|| "--exhaustive".to_owned()));
    arguments.extend(flags.json.then(|| "--json".to_owned()));
    run("conformance", &[], arguments)
}

pub fn bench(flags: &Bench) -> Result<Outcome, Failure> {
    let mut arguments: Vec<String> = flags.section.iter().cloned().collect();
    if let Some(folder) = &flags.peers {
        arguments.extend(["--peers".to_owned(), folder.display().to_string()]);
    }
    arguments.extend(flags.quick.then(|| "--quick".to_owned()));
    arguments.extend(flags.json.then(|| "--json".to_owned()));
    run("bench", &["--release"], arguments)
}

/// Runs a program of the crate `typewright-tests` and ends as it ends.
fn run(program: &str, build: &[&str], arguments: Vec<String>) -> Result<Outcome, Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--manifest-path"]).arg(paths::in_repository("Cargo.toml"));
    command.args(["--package", "typewright-tests", "--bin", program]).args(build).arg("--").args(arguments);
    let status = command.status()?;
    Ok(Outcome::Ended(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(2)))
}
