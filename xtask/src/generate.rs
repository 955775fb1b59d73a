//! `gen`: compile and write what differs.

use std::sync::Arc;

use serde_json::{Value, json};
use typewright_codegen::compiler::{Compilation, Compiler, Drift, Error, Unchanged};
use typewright_codegen::timings::Timings;
use typewright_codegen::write::{Action, Mode, Report};

use crate::flags::Gen;
use crate::{Failure, Outcome, allocations, paths, print, timings, watch};

/// The command that mends drift.
const REGENERATE: &str = "cargo xtask gen";

pub fn run(flags: &Gen) -> Result<Outcome, Failure> {
    if flags.watch { watch::run(flags, &compiler(flags)) } else { once(flags) }
}

/// One run.
pub fn once(flags: &Gen) -> Result<Outcome, Failure> {
    let timings = Arc::new(Timings::new(allocations::allocations));
    let compiler = compiler(flags);
    let compiler = if flags.timings { compiler.timings(Arc::clone(&timings)) } else { compiler };
    let Some(ended) = walk(flags, &compiler)? else { return Ok(Outcome::Found) };
    if flags.json {
        println!("{}", ended.json(&timings, flags));
    } else {
        println!("{}", ended.line(&timings, flags));
    }
    if flags.timings {
        timings::report(&timings, &ended, flags.json)?;
    }
    let failed = matches!(mode(flags), Mode::Check | Mode::Diff) && !ended.changes.is_empty();
    Ok(if failed { Outcome::Found } else { Outcome::Done })
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Ended {
    pub providers: usize,
    /// All files that are generated.
    pub files: usize,
    /// Those that did not have to be made.
    pub kept: usize,
    /// Of those that were made.
    bytes: usize,
    changes: Vec<(String, Action)>,
    report: Report,
}

/// Compiles and writes what differs. `None` if that could not be; why was told.
fn walk(flags: &Gen, compiler: &Compiler) -> Result<Option<Ended>, Failure> {
    let mode = mode(flags);
    let mut run = compiler.begin(mode)?;
    if let Some(Unchanged { providers, files }) = run.unchanged() {
        let report = Report { unchanged: files, ..Report::default() };
        return Ok(Some(Ended { providers, files, kept: files, report, ..Ended::default() }));
    }
    let compilation = run.compile()?;
    print::diagnostics(&compilation, flags.json);
    if compilation.has_errors() {
        return Ok(None);
    }
    let drift = match run.plan(&compilation, flags.force) {
        Ok(drift) => drift,
        Err(error) => return refused(error, flags),
    };
    if !flags.json {
        show(&drift, mode);
    }
    let report = match mode {
        Mode::Write => run.commit(&compilation, &drift),
        Mode::Check | Mode::DryRun | Mode::Diff => Ok(counted(&drift)),
    };
    match report {
        Ok(report) => Ok(Some(ended(&compilation, &drift, report))),
        Err(error) => refused(error, flags),
    }
}

fn ended(compilation: &Compilation, drift: &Drift, report: Report) -> Ended {
    Ended {
        providers: compilation.providers,
        files: compilation.outputs.len() + compilation.kept.len(),
        kept: compilation.kept.len(),
        bytes: compilation.outputs.iter().map(|output| output.text.len()).sum(),
        changes: drift.changes().map(|change| (change.path.clone(), change.action)).collect(),
        report,
    }
}

fn compiler(flags: &Gen) -> Compiler {
    let mut compiler = paths::compiler(&flags.folders).only(flags.only.iter().cloned());
    if !flags.no_cache {
        compiler = compiler.cache(paths::target());
    }
    if let Some(jobs) = flags.jobs {
        compiler = compiler.jobs(usize::from(jobs));
    }
    if print::is_watched() && !flags.json { compiler.on_progress(print::progress) } else { compiler }
}

fn mode(flags: &Gen) -> Mode {
    match (flags.check, flags.dry_run, flags.diff) {
        (true, ..) => Mode::Check,
        (_, true, _) => Mode::DryRun,
        (.., true) => Mode::Diff,
        _ => Mode::Write,
    }
}

/// What the output folder is in the way of was found, like a diagnostic; a disk that fails is a failure.
fn refused(error: Error, flags: &Gen) -> Result<Option<Ended>, Failure> {
    let Some(code) = error.code().filter(|code| *code != "TW0901") else { return Err(error.into()) };
    if flags.json {
        println!(
            "{}",
            serde_json::json!({ "code": code, "severity": "error", "message": error.to_string() })
        );
    } else {
        eprintln!(
            "error[{code}]: {error}\nnothing was written; `cargo xtask explain {code}` says what to do"
        );
    }
    Ok(None)
}

fn show(drift: &Drift, mode: Mode) {
    for change in drift.changes() {
        let word = word(change.action);
        match mode {
            Mode::DryRun => println!("{word} {}", change.path),
            Mode::Check | Mode::Diff => print!("{}", change.diff()),
            Mode::Write if change.action == Action::Refuse => eprint!("{}", change.diff()),
            Mode::Write => {}
        }
    }
    if mode == Mode::Check && !drift.is_clean() {
        eprintln!("{} file(s) differ from what is generated; run `{REGENERATE}`", drift.changes().count());
    }
}

fn word(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Remove => "remove",
        Action::Refuse => "refuse",
    }
}

fn counted(drift: &Drift) -> Report {
    let removed = drift.changes().filter(|change| change.action == Action::Remove).count();
    Report { written: drift.changes().count() - removed, unchanged: drift.unchanged(), removed }
}

impl Ended {
    fn json(&self, timings: &Timings, flags: &Gen) -> Value {
        let Report { written, unchanged, removed } = self.report;
        let change = |(path, action): &(String, Action)| json!({ "path": path, "action": word(*action) });
        let changes: Vec<Value> = self.changes.iter().map(change).collect();
        let timings_json = if flags.timings { timings::json(timings, self) } else { Value::Null };
        json!({
            "providers": self.providers, "files": self.files, "bytes": self.bytes, "written": written,
            "unchanged": unchanged, "removed": removed, "kept": self.kept,
            "seconds": timings.elapsed().as_secs_f64(), "changes": changes, "timings": timings_json,
        })
    }

    fn line(&self, timings: &Timings, flags: &Gen) -> String {
        let (Self { providers, files, .. }, Report { written, unchanged, removed }) = (self, self.report);
        let would = if mode(flags) == Mode::Write { "" } else { "would be " };
        let seconds = timings.elapsed().as_secs_f64();
        format!(
            "providers: {providers}, files: {files} ({would}written {written}, unchanged {unchanged}, \
             {would}removed {removed}), {seconds:.3} s"
        )
    }
}
