//! Replays recorded exchanges through the generated clients: `conformance [--corpus DIR] [--provider P]
//! [--dialect D] [--json] [--exhaustive]`. Exit code 0: all as expected; 1: not; 2: usage.

use std::io::Write;
use std::process::ExitCode;

use typewright_tests::run::{self, Options};

const USAGE: &str = "usage: conformance [--corpus DIR] [--provider P] [--dialect D] [--json] [--exhaustive]";

fn main() -> ExitCode {
    let Some((options, json)) = options(std::env::args().skip(1)) else {
        return say(&mut std::io::stderr(), USAGE, 2);
    };
    let report = match run::run(&options) {
        Ok(report) => report,
        Err(error) => return say(&mut std::io::stderr(), &format!("error: {error}"), 1),
    };
    let text = if json { report.to_json().to_string() } else { report.to_text() };
    say(&mut std::io::stdout(), text.trim_end(), u8::from(!report.good()))
}

fn options(mut args: impl Iterator<Item = String>) -> Option<(Options, bool)> {
    let (mut options, mut json) = (Options::default(), false);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--corpus" => options.corpus = Some(args.next()?.into()),
            "--provider" => options.provider = Some(args.next()?),
            "--dialect" => options.dialect = Some(args.next()?),
            "--json" => json = true,
            "--exhaustive" => options.exhaustive = true,
            _ => return None,
        }
    }
    Some((options, json))
}

/// A reader that hung up is no failure of the run.
fn say(to: &mut dyn Write, text: &str, code: u8) -> ExitCode {
    let _ = writeln!(to, "{text}");
    ExitCode::from(code)
}
