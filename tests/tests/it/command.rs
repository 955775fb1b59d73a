//! The command line as a person or a script meets it: exit codes, what is printed where, and what goes on while somebody
//! edits. What the compiler makes is tested without it.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::folder::{Folder, provider, root};

/// The program, built once.
fn xtask() -> Command {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        let manifest = root().join("xtask/Cargo.toml");
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build
            .args(["build", "--quiet", "--locked", "--message-format", "json", "--manifest-path"])
            .arg(manifest);
        let output = build.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout).unwrap();
        let messages = said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let made = messages.filter_map(|message| Some(message["executable"].as_str()?.to_owned()));
        PathBuf::from(made.collect::<Vec<_>>().pop().unwrap())
    });
    Command::new(program)
}

fn generate(folder: &Folder, more: &[&str]) -> Command {
    let mut command = xtask();
    command.arg("gen").arg("--providers").arg(folder.path().join("providers"));
    command.arg("--out").arg(folder.path().join("generated")).args(["--runtime", "0.1"]).args(more);
    command.env("CARGO_TARGET_DIR", folder.path().join("target"));
    command
}

fn run(folder: &Folder, more: &[&str]) -> Output {
    generate(folder, more).output().unwrap()
}

fn report(folder: &Folder, more: &[&str]) -> Value {
    let output = run(folder, more);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn exit_codes_tell_drift_and_mistakes_from_what_cannot_be_run() {
    let folder = Folder::new("codes");
    folder.write("providers/acme.yaml", &provider("acme"));
    assert_eq!(run(&folder, &["--check"]).status.code(), Some(1));
    assert_eq!(run(&folder, &[]).status.code(), Some(0));
    assert_eq!(run(&folder, &["--check"]).status.code(), Some(0));
    folder.write("providers/acme.yaml", "name: acme\nnonsense: 1\n");
    let mistaken = run(&folder, &[]);
    assert_eq!(mistaken.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&mistaken.stderr).contains("acme.yaml:2:1"));
    assert_eq!(run(&folder, &["--no-such-flag"]).status.code(), Some(2));
    assert_eq!(run(&folder, &["--check", "--watch"]).status.code(), Some(2));
}

#[test]
fn timings_tell_stages_hits_allocations_and_memory() {
    let folder = Folder::new("timings");
    folder.write("providers/acme.yaml", &provider("acme")).write("providers/bolt.yaml", &provider("bolt"));
    let cold = report(&folder, &["--json", "--timings"]);
    let stage = |name: &str| {
        let stages = cold["timings"]["stages"].as_array().unwrap();
        stages.iter().find(|stage| stage["stage"] == name).unwrap_or_else(|| panic!("{name}: {cold}")).clone()
    };
    for name in ["read", "parse", "check", "lower", "emit", "compare", "write", "remember"] {
        assert!(stage(name)["laps"].as_u64() > Some(0), "{name}");
    }
    assert_eq!(stage("emit")["bytes"], cold["bytes"]);
    assert!(stage("emit")["allocations"].as_u64() > Some(1_000));
    assert_eq!((&cold["timings"]["cache_hits"], &cold["kept"]), (&Value::from(0), &Value::from(0)));
    let warm = report(&folder, &["--json", "--timings"]);
    assert_eq!(warm["timings"]["cache_hits"], cold["files"]);
    assert_eq!(warm["written"], 0);
    let page = folder.read("target/typewright/timings.html");
    assert!(page.contains("<svg") && page.contains("kept by the cache"));
    let all = report(&folder, &["--json", "--no-cache"]);
    assert_eq!(all["kept"], 0);
}

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn wait_for(what: &str, is_there: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_there() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn whoever_edits_while_it_watches_finds_the_files_made_anew() {
    let folder = Folder::new("watch");
    folder.write("providers/acme.yaml", &provider("acme"));
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let mut watch = generate(&folder, &["--watch"]);
    let _running = Running(watch.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap());
    let models = "generated/acme/src/models.rs";
    wait_for("the first run", || folder.has(models));
    // What is saved before the watch is set up is seen by the first run; what is saved after, by the watch.
    folder.write("providers/acme.yaml", &provider("acme").replace("input_price: 1,", "input_price: 77,"));
    wait_for("the second run", || folder.read(models).contains("77_000_000_000"));
    folder.write("providers/acme.yaml", "name: acme\nnonsense: 1\n");
    wait_for("the diagnostic", || folder.read("log").contains("acme.yaml:2:1"));
    folder.write("providers/acme.yaml", &provider("acme"));
    wait_for("the mended file", || !folder.read(models).contains("77_000_000_000"));
}
