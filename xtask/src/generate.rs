//! `gen`: compile and write what differs.

use std::time::Instant;

use typewright_codegen::compiler::{Compilation, Compiler, Drift, Error, Unchanged};
use typewright_codegen::write::{Action, Change, Mode, Report};

use crate::flags::Gen;
use crate::{Failure, Outcome, paths, print};

/// The command that mends drift.
const REGENERATE: &str = "cargo xtask gen";

pub fn run(flags: &Gen) -> Result<Outcome, Failure> {
    let start = Instant::now();
    let compiler = compiler(flags);
    let mode = mode(flags);
    let mut run = compiler.begin(mode)?;
    if let Some(Unchanged { providers, files }) = run.unchanged() {
        let report = Report { unchanged: files, ..Report::default() };
        summary(flags, &Made { providers, files, bytes: 0 }, &[], report, start.elapsed().as_secs_f64());
        return Ok(Outcome::Done);
    }
    let compilation = run.compile()?;
    print::diagnostics(&compilation, flags.json);
    if compilation.has_errors() {
        return Ok(Outcome::Found);
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
    let report = match report {
        Ok(report) => report,
        Err(error) => return refused(error, flags),
    };
    let changes: Vec<&Change> = drift.changes().collect();
    summary(flags, &made(&compilation), &changes, report, start.elapsed().as_secs_f64());
    let failed = matches!(mode, Mode::Check | Mode::Diff) && !drift.is_clean();
    Ok(if failed { Outcome::Found } else { Outcome::Done })
}

/// What there is, for the last line.
struct Made {
    providers: usize,
    files: usize,
    /// Of the files that were made in this run.
    bytes: usize,
}

fn made(compilation: &Compilation) -> Made {
    Made {
        providers: compilation.providers,
        files: compilation.outputs.len() + compilation.kept.len(),
        bytes: compilation.outputs.iter().map(|output| output.text.len()).sum(),
    }
}

fn compiler(flags: &Gen) -> Compiler {
    let mut compiler = paths::compiler(&flags.folders).only(flags.only.iter().cloned());
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
fn refused(error: Error, flags: &Gen) -> Result<Outcome, Failure> {
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
    Ok(Outcome::Found)
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

fn summary(flags: &Gen, made: &Made, changes: &[&Change], report: Report, seconds: f64) {
    let (Report { written, unchanged, removed }, Made { providers, files, bytes }) = (report, made);
    if flags.json {
        let changes: Vec<_> = changes
            .iter()
            .map(|change| serde_json::json!({ "path": change.path, "action": word(change.action) }))
            .collect();
        let report = serde_json::json!({
            "providers": providers, "files": files, "bytes": bytes, "written": written, "unchanged": unchanged,
            "removed": removed, "seconds": seconds, "changes": changes,
        });
        println!("{report}");
        return;
    }
    let would = if mode(flags) == Mode::Write { "" } else { "would be " };
    println!(
        "providers: {providers}, files: {files} ({would}written {written}, unchanged {unchanged}, {would}removed {removed}), {seconds:.3} s"
    );
}
