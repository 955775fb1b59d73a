//! `mutants`: how many wires that are wrong in one place the tests notice.
//!
//! The compiler makes the mutants; here they are written below `target/`, built through cargo, and run. A mutant that
//! does not build is left out, and the rest is made anew.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use serde_json::Value;
use typewright_codegen::compiler::Runtime;
use typewright_codegen::mutate::{self, Draw, Plan};

use crate::flags::{Folders, Mutants};
use crate::{Failure, Outcome, paths};

/// How often mutants that do not build may be sorted out.
const ATTEMPTS: usize = 5;

pub fn run(flags: &Mutants) -> Result<Outcome, Failure> {
    let root = fs::canonicalize(paths::root())?;
    let folder = fs::canonicalize(paths::target()).unwrap_or_else(|_| paths::target()).join("mutants");
    let draw = Draw { count: flags.count, seed: flags.seed };
    let mut stillborn = BTreeSet::new();
    for _ in 0..ATTEMPTS {
        let plan = plan(&root, &folder, draw, &stillborn)?;
        if flags.list {
            list(&plan);
            return Ok(Outcome::Done);
        }
        write(&plan, &root, &folder)?;
        let (is_built, messages) = build(&folder)?;
        let found = stillborn_of(&plan, &folder, &messages);
        if !is_built && found.is_empty() {
            return Err("the mutants could not be built, and no mutant is why".into());
        }
        if is_built {
            let drawn = plan.mutants.len();
            eprintln!(
                "{} places to change, {drawn} drawn by seed {}; besides, {} made no other code and {} did not build",
                plan.enumerated,
                flags.seed,
                plan.same,
                stillborn.len()
            );
            return tried(&root, &folder, flags);
        }
        stillborn.extend(found);
    }
    Err(format!("some mutants still do not build after {ATTEMPTS} attempts").into())
}

fn plan(root: &Path, folder: &Path, draw: Draw, without: &BTreeSet<String>) -> Result<Plan, Failure> {
    let folders = Folders {
        providers: None,
        dialects: None,
        templates: None,
        out: Some(folder.join("generated")),
        runtime: Some(Runtime::Path(root.join("runtime"))),
    };
    Ok(mutate::plan(&paths::compiler(&folders), draw, without)?)
}

fn list(plan: &Plan) {
    for mutant in &plan.mutants {
        println!("{}\n  --> {} ({})", mutant.name, mutant.place, mutant.providers.join(", "));
    }
}

/// Writes what differs, so that cargo builds no more than it has to.
fn write(plan: &Plan, root: &Path, folder: &Path) -> Result<(), Failure> {
    let mutants = serde_json::to_string(&plan.mutants)?;
    let mut files: Vec<(PathBuf, String)> =
        plan.files.iter().map(|(path, text)| (folder.join(path), text.clone())).collect();
    files.push((folder.join("plan.json"), mutants));
    files.push((folder.join("Cargo.toml"), workspace(root)?));
    files.push((folder.join("Cargo.lock"), fs::read_to_string(root.join("Cargo.lock"))?));
    files.push((folder.join("tests/Cargo.toml"), tests(root)?));
    for (path, text) in files {
        if path.ends_with("Cargo.lock") && path.exists() {
            continue;
        }
        if fs::read_to_string(&path).is_ok_and(|known| known == text) {
            continue;
        }
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, text)?;
    }
    Ok(())
}

/// The manifest of this repository's workspace, over the crates with mutants.
fn workspace(root: &Path) -> Result<String, Failure> {
    let own = fs::read_to_string(root.join("Cargo.toml"))?;
    let line = |line: &str| match line.split(' ').next() {
        Some("members") => "members = [\"generated/*\", \"switch\", \"tests\"]".to_owned(),
        Some("exclude") => String::new(),
        _ => line.to_owned(),
    };
    Ok(own.lines().map(line).collect::<Vec<_>>().join("\n"))
}

/// The manifest of the tests' library, over the crates with mutants, with the program that runs them.
fn tests(root: &Path) -> Result<String, Failure> {
    let own = fs::read_to_string(root.join("tests/Cargo.toml"))?;
    // Programs and test binaries are left out, and lints, which the root of another workspace would have to hold.
    let is_kept = |section: &str| !section.starts_with('[') && !section.starts_with("lints");
    let own = format!("\n{own}");
    let own = own.split("\n[").filter(|section| is_kept(section)).collect::<Vec<_>>().join("\n[");
    let root = root.display().to_string().replace('\\', "/");
    let own = own
        .replace("path = \"../generated/", "path = \"@/")
        .replace("path = \"../", &format!("path = \"{root}/"));
    let own = own.replace("path = \"@/", "path = \"../generated/");
    let own =
        own.replace("\n[dependencies]\n", "\n[dependencies]\ntypewright-switch = { path = \"../switch\" }\n");
    Ok(format!(
        "{own}\n[lib]\npath = \"{root}/tests/src/lib.rs\"\n\n[[bin]]\nname = \"mutants\"\npath = \"{root}/tests/mutants/main.rs\"\n"
    ))
}

/// Builds everything: whether it builds, and what was said, one JSON object a line.
fn build(folder: &Path) -> Result<(bool, String), Failure> {
    let mut command = cargo(folder, "build");
    let output = command.args(["--message-format", "json"]).stdout(Stdio::piped()).output()?;
    let messages = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok((output.status.success(), messages))
}

fn cargo(folder: &Path, subcommand: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg(subcommand).arg("--quiet").arg("--manifest-path").arg(folder.join("Cargo.toml"));
    // What is not generated is built as everywhere, and so but once.
    command
        .args(["--package", "typewright-tests", "--bin", "mutants", "--target-dir"])
        .arg(folder.parent().unwrap_or(folder));
    command
}

/// The names of mutants that an error lies in.
fn stillborn_of(plan: &Plan, folder: &Path, messages: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for message in messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let message = &message["message"];
        if message["level"] != "error" {
            continue;
        }
        for span in message["spans"].as_array().into_iter().flatten() {
            let id = span["file_name"]
                .as_str()
                .and_then(|file| mutant_at(&folder.join(file), span["line_start"].as_u64()?));
            let mutant = id.and_then(|id| plan.mutants.iter().find(|mutant| mutant.id == id));
            names.extend(mutant.map(|mutant| mutant.name.clone()));
        }
    }
    names
}

/// The mutant whose function stands around a line: the last that was begun before it.
fn mutant_at(file: &Path, line: u64) -> Option<usize> {
    let text = fs::read_to_string(file).ok()?;
    let before: Vec<&str> = text.lines().take(usize::try_from(line).ok()?).collect();
    let name = before.iter().rev().find_map(|line| line.split_once("__m"))?.1;
    name.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn tried(root: &Path, folder: &Path, flags: &Mutants) -> Result<Outcome, Failure> {
    let mut command = cargo(folder, "run");
    command.arg("--").arg("--plan").arg(folder.join("plan.json")).arg("--root").arg(root);
    let corpus =
        env::var_os("TYPEWRIGHT_CORPUS").map_or_else(|| root.join("../shared"), |named| root.join(named));
    if corpus.join("fixtures").is_dir() {
        command.arg("--corpus").arg(corpus);
    }
    command.args(flags.json.then_some("--json"));
    let status = command.status()?;
    Ok(Outcome::Ended(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(2)))
}
