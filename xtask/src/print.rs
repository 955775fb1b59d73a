//! What people and machines read. Results go to standard output; diagnostics and progress to standard error.

use std::error::Error;
use std::io::{IsTerminal, Write, stderr};

use typewright_codegen::compiler::{Compilation, Progress};
use typewright_codegen::diagnostic::{Color, Diagnostic, render, to_json};
use typewright_codegen::source::SourceMap;

/// Whether a person watches.
pub fn is_watched() -> bool {
    stderr().is_terminal()
}

/// Diagnostics, for a person or a machine.
pub fn diagnostics(compilation: &Compilation, json: bool) {
    problems(&compilation.sources, &compilation.diagnostics, json);
}

/// Diagnostics of files that were not compiled to the end.
pub fn problems(sources: &SourceMap, diagnostics: &[Diagnostic], json: bool) {
    if json {
        print!("{}", to_json(sources, diagnostics));
        return;
    }
    let color =
        if is_watched() && std::env::var_os("NO_COLOR").is_none() { Color::Always } else { Color::Never };
    eprint!("{}", render(sources, diagnostics, color));
}

/// An error with its causes.
pub fn failure(error: &(dyn Error + 'static)) {
    eprintln!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprintln!("  because: {cause}");
        source = cause.source();
    }
}

/// One line that is written over; only for a person who watches.
pub fn progress(progress: Progress<'_>) {
    let Progress { done, total, name } = progress;
    let end = if done == total { "\r\x1b[K" } else { "" };
    let mut err = stderr().lock();
    // A terminal that went away is no reason to stop.
    let _ = write!(err, "\r\x1b[K{done}/{total} {name}{end}").and_then(|()| err.flush());
}
