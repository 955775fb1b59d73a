//! Other programs: cargo projects written below the target folder and built, and this program in another role, each
//! pinned to a core where the system can.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use super::{Failure, Options};
use crate::corpus::workspace_root;

/// The core that clients run on.
pub const CLIENTS: &str = "0";
/// The core that servers run on.
pub const SERVERS: &str = "1";

/// A cargo project below the target folder, a workspace of its own.
pub struct Project {
    name: String,
    dependencies: String,
    main: String,
}

/// A program that can be run.
#[derive(Debug, Clone)]
pub struct Program(PathBuf);

impl Project {
    /// A project with these dependencies and this `main.rs`. Nothing is written yet.
    pub fn new(name: &str, dependencies: impl Into<String>, main: impl Into<String>) -> Self {
        Self { name: name.to_owned(), dependencies: dependencies.into(), main: main.into() }
    }

    /// Where it is.
    pub fn folder(&self) -> PathBuf {
        results().join(&self.name)
    }

    /// Writes its files where they differ.
    pub fn write(&self) -> Result<PathBuf, Failure> {
        let manifest = format!(
            "[package]\nname = \"{}\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n[dependencies]\n{}\n\
             [profile.release]\nstrip = \"symbols\"\n\n[workspace]\n",
            self.name, self.dependencies
        );
        fs::create_dir_all(self.folder().join("src"))?;
        write_new(&self.folder().join("Cargo.toml"), &manifest)?;
        write_new(&self.folder().join("src/main.rs"), &self.main)?;
        Ok(self.folder())
    }

    /// The program, built if peers are to be measured, else only if it was built before.
    pub fn built(&self, options: &Options) -> Result<Option<Program>, Failure> {
        let program = self.folder().join("target/release").join(&self.name);
        if options.peers.is_some() {
            cargo(&self.write()?, &["build", "--release", "--quiet"])?;
        }
        Ok(program.is_file().then_some(Program(program)))
    }
}

impl Program {
    /// A program that is there.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// This program.
    pub fn this() -> Result<Self, Failure> {
        Ok(Self(std::env::current_exe()?))
    }

    /// A command that runs it on this core.
    pub fn on(&self, core: &str) -> Command {
        if !can_pin() {
            return Command::new(&self.0);
        }
        let mut command = Command::new("taskset");
        command.args([OsStr::new("-c"), OsStr::new(core), self.0.as_os_str()]);
        command
    }

    /// Runs it on the clients' core and returns what it printed, line by line.
    pub fn lines(&self, arguments: &[&str]) -> Result<Vec<String>, Failure> {
        let output = self.on(CLIENTS).args(arguments).stdin(Stdio::null()).output()?;
        let text = printed(&self.0.display().to_string(), output)?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// Where projects and results are kept.
pub fn results() -> PathBuf {
    workspace_root().join("target/bench")
}

/// Copies the files of a folder, and those of its folders but for what was built.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if !entry.file_type()?.is_dir() {
            write_new(&target, &fs::read_to_string(&source)?)?;
        } else if entry.file_name() != "target" {
            copy(&source, &target)?;
        }
    }
    Ok(())
}

/// Runs cargo in `folder` with a target folder of its own, and returns what it printed.
pub fn cargo(folder: &Path, arguments: &[&str]) -> Result<String, Failure> {
    cargo_into(&folder.join("target"), folder, arguments)
}

/// The same with the target folder `target`.
pub fn cargo_into(target: &Path, folder: &Path, arguments: &[&str]) -> Result<String, Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command.env("CARGO_TARGET_DIR", target);
    // What cargo says to a program that it runs is not meant for the next cargo.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_")
            && !matches!(&*text, "CARGO_HOME" | "CARGO_TARGET_DIR" | "CARGO_NET_OFFLINE")
        {
            command.env_remove(&name);
        }
    }
    printed(&format!("cargo {} in {}", arguments.join(" "), folder.display()), command.output()?)
}

/// What a program printed, if it succeeded.
pub fn printed(what: &str, output: Output) -> Result<String, Failure> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = errors.lines().rev().take(12).collect();
    let last: Vec<&str> = last.into_iter().rev().collect();
    Err(Failure::Program(format!("{what}: {}\n{}", output.status, last.join("\n"))))
}

/// The line of JSON that a program prints.
pub fn said(command: &mut Command) -> Result<Value, Failure> {
    let what = command.get_program().display().to_string();
    Ok(serde_json::from_str(&printed(&what, command.output()?)?)?)
}

/// Whether processes can be kept on one core each; on a machine of one core there is nothing to keep apart.
pub fn can_pin() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    *CAN.get_or_init(|| {
        let tried = Command::new("taskset").args(["-c", SERVERS, "true"]).output();
        tried.is_ok_and(|output| output.status.success())
    })
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|found| found == text) { Ok(()) } else { fs::write(path, text) }
}
