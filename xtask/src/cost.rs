//! `cost`: what the generated crates cost those who compile them, beside the committed baseline.
//!
//! The crates are built through cargo, in the folder where everything is built. Times are shown and never judged.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;
use std::{env, fs};

use serde_json::Value;
use typewright_codegen::cost::{self, Costs, DEPENDENCIES, RLIB};

use crate::flags::{Cost, Folders};
use crate::{Failure, Outcome, paths, print};

/// The command that accepts what things cost now.
const ACCEPT: &str = "cargo xtask cost --update";
/// Seconds in which a generated crate should be checked.
const REACH: f64 = 1.0;
/// The crate over all others, with its features on.
const UMBRELLA: &str = "typewright";
/// Dependencies are counted for one platform, so that every machine counts the same.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

pub fn run(flags: &Cost) -> Result<Outcome, Failure> {
    let folders = Folders { providers: None, dialects: None, templates: None, out: None, runtime: None };
    let compilation = paths::compiler(&folders).compile()?;
    if compilation.has_errors() {
        print::diagnostics(&compilation, flags.json);
        return Ok(Outcome::Found);
    }
    let crates = cost::counts(&compilation.outputs).into_iter();
    let crates = crates.map(|(folder, counts)| (package(&folder), counts)).collect();
    let mut now = Costs { compiler: None, crates };
    let names: Vec<String> = now.crates.keys().cloned().collect();
    for (name, counts) in &mut now.crates {
        counts.insert(DEPENDENCIES.to_owned(), dependencies(name)?);
    }
    let mut seconds = BTreeMap::new();
    if !flags.quick {
        seconds = checks(&names)?;
        now.compiler = Some(compiler()?);
        for (name, size) in sizes(&names)? {
            now.crates.entry(name).or_default().insert(RLIB.to_owned(), size);
        }
    }
    let baseline = (!flags.update).then(baseline).transpose()?;
    if flags.json {
        json(&now, &seconds)
    } else {
        table(&now, baseline.as_ref(), &seconds)
    }
    match baseline {
        Some(baseline) if flags.check => Ok(judge(&baseline, &now, flags.json)),
        Some(_) => Ok(Outcome::Done),
        None => update(&now),
    }
}

/// The package in a folder of generated crates.
fn package(folder: &str) -> String {
    if folder == UMBRELLA { folder.to_owned() } else { format!("{UMBRELLA}-{folder}") }
}

fn file() -> PathBuf {
    paths::in_repository("tests").join("cost.json")
}

fn baseline() -> Result<Costs, Failure> {
    let file = file();
    if !file.exists() {
        return Ok(Costs::default());
    }
    let text = fs::read_to_string(&file)?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()).into())
}

fn update(now: &Costs) -> Result<Outcome, Failure> {
    fs::write(file(), format!("{:#}\n", serde_json::json!(now)))?;
    eprintln!("wrote {}", file().display());
    Ok(Outcome::Done)
}

fn judge(baseline: &Costs, now: &Costs, json: bool) -> Outcome {
    let findings = cost::compare(baseline, now);
    findings.iter().for_each(|finding| eprintln!("{finding}"));
    if now.compiler.is_some() && baseline.compiler != now.compiler {
        eprintln!("sizes were not compared: the baseline was built by another compiler");
    }
    if findings.is_empty() {
        if !json {
            println!("no crate costs more than {} allows", file().display());
        }
        return Outcome::Done;
    }
    eprintln!("if that is meant, run `{ACCEPT}` and commit {}", file().display());
    Outcome::Found
}

fn table(now: &Costs, baseline: Option<&Costs>, seconds: &BTreeMap<String, f64>) {
    for (name, counts) in &now.crates {
        let before = baseline.and_then(|baseline| baseline.crates.get(name));
        let shown = counts.iter().map(|(count, new)| {
            match before.and_then(|before| before.get(count)).filter(|old| *old != new) {
                Some(old) => format!("{count} {new} (was {old})"),
                None => format!("{count} {new}"),
            }
        });
        println!("{name}: {}", shown.collect::<Vec<_>>().join(", "));
        if let Some(seconds) = seconds.get(name) {
            let word = if *seconds <= REACH { "within" } else { "over" };
            println!("  checked in {seconds:.2} s with cargo's own part, {word} the {REACH} s to reach");
        }
    }
}

fn json(now: &Costs, seconds: &BTreeMap<String, f64>) {
    let mut out = serde_json::json!(now);
    out["check_seconds"] = serde_json::json!(seconds);
    println!("{out}");
}

/// How many crates this one brings along.
fn dependencies(name: &str) -> Result<u64, Failure> {
    let mut command = cargo("tree");
    command.args(["--quiet", "--locked", "--package", name, "--edges", "normal", "--prefix", "none"]);
    command.args(["--target", PLATFORM]).args(features([name]));
    let tree = output(command)?;
    let crates: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(" (").next()).collect();
    Ok(crates.len().saturating_sub(1) as u64)
}

/// Seconds of a check of each crate, when everything that it needs is there.
fn checks(names: &[String]) -> Result<BTreeMap<String, f64>, Failure> {
    let packages = || names.iter().flat_map(|name| ["--package", name.as_str()]);
    let all = || features(names.iter().map(String::as_str));
    let check = || {
        let mut command = cargo("check");
        command.args(["--quiet", "--locked"]);
        command
    };
    let mut command = check();
    command.args(packages()).args(all());
    output(command)?;
    let mut command = cargo("clean");
    command.args(["--quiet", "--locked"]).args(packages());
    output(command)?;
    let mut seconds = BTreeMap::new();
    // The one that needs all others comes last.
    let (last, others): (Vec<&String>, Vec<&String>) = names.iter().partition(|name| *name == UMBRELLA);
    for (done, name) in others.into_iter().chain(last).enumerate() {
        watch(done, names.len(), name);
        let mut command = check();
        command.args(["--package", name]).args(features([name.as_str()]));
        let start = Instant::now();
        output(command)?;
        seconds.insert(name.clone(), start.elapsed().as_secs_f64());
    }
    watch(names.len(), names.len(), "");
    Ok(seconds)
}

/// The size of each crate's library.
fn sizes(names: &[String]) -> Result<Vec<(String, u64)>, Failure> {
    let mut command = cargo("build");
    command.args(["--quiet", "--locked", "--lib", "--message-format", "json"]);
    command.args(names.iter().flat_map(|name| ["--package", name.as_str()]));
    command.args(features(names.iter().map(String::as_str)));
    let messages = output(command)?;
    let mut sizes = Vec::new();
    for message in messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let library = message["target"]["name"].as_str().unwrap_or_default().replace('_', "-");
        let Some(name) = names.iter().find(|name| **name == library) else { continue };
        let files = message["filenames"].as_array().into_iter().flatten().filter_map(Value::as_str);
        for file in files.filter(|file| file.ends_with(".rlib")) {
            sizes.push((name.clone(), fs::metadata(file)?.len()));
        }
    }
    if sizes.len() == names.len() { Ok(sizes) } else { Err("cargo built fewer libraries than crates".into()) }
}

/// The crate over all others is measured with all of them.
fn features<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let has_umbrella = names.into_iter().any(|name| name == UMBRELLA);
    if has_umbrella { vec!["--features".to_owned(), format!("{UMBRELLA}/all")] } else { Vec::new() }
}

fn compiler() -> Result<String, Failure> {
    let mut command = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    command.current_dir(paths::root()).arg("-vV");
    let said = output(command)?;
    let line = |start: &str| said.lines().find(|line| line.starts_with(start)).unwrap_or_default().to_owned();
    Ok(format!("{}, {}", line("rustc "), line("host: ")))
}

fn cargo(command: &str) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.arg(command).arg("--manifest-path").arg(paths::in_repository("Cargo.toml"));
    cargo
}

fn output(mut command: Command) -> Result<String, Failure> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{} failed\n{}", command.get_program().display(), said.trim()).into())
}

fn watch(done: usize, total: usize, name: &str) {
    if print::is_watched() {
        print::progress(typewright_codegen::compiler::Progress { done, total, name });
    }
}
