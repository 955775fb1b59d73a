//! The program that is built with all mutants behind a switch: `mutants --plan FILE --root DIR [--corpus DIR] [--json]`.
//! `cargo xtask mutants` writes the crates that it is built over, and runs it. Exit code 1: too many mutants survive.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use typewright_tests::mutants::{self, Mutant, Score, Suite, Switch};

type Failure = Box<dyn std::error::Error>;

/// The share of mutants that has to be caught, and the most that may be called equivalent.
const CAUGHT: f64 = 0.95;
const EQUIVALENT: f64 = 0.03;

/// The tests, and those of them that need no recorded corpus.
const ALL: [&str; 3] = ["samples", "tours", "corpus"];
const COMMITTED: [&str; 2] = ["samples", "tours"];

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool, Failure> {
    let (mut plan, mut root, mut corpus, mut json) = (None, None, None, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--plan" => plan = arguments.next(),
            "--root" => root = arguments.next().map(PathBuf::from),
            "--corpus" => corpus = arguments.next().map(PathBuf::from),
            "--json" => json = true,
            other => return Err(format!("unknown argument {other}").into()),
        }
    }
    let plan = std::fs::read_to_string(plan.ok_or("no --plan")?)?;
    let root = root.ok_or("no --root")?;
    let plan: Vec<Mutant> = serde_json::from_str(&plan)?;
    let mut suites = vec![Suite::samples(&root)?, Suite::tours(&root)?];
    if let Some(corpus) = &corpus {
        suites.push(Suite::corpus(corpus)?);
    }
    let switch = Switch { choose: typewright_switch::choose, passed: typewright_switch::passed };
    let mut score = mutants::run(plan, &suites, switch);
    let equivalents = std::fs::read_to_string(root.join("tests/mutants/equivalent.json"))?;
    let listed: BTreeMap<String, String> = serde_json::from_str(&equivalents)?;
    score.equivalents = listed.into_iter().filter(|(name, _)| score.mutants.iter().any(|(mutant, _)| mutant.name == *name)).collect();
    let is_good = is_good(&score, corpus.is_some());
    let text = if json { score.to_json().to_string() } else { text(&score, corpus.is_some()) };
    writeln!(std::io::stdout(), "{}", text.trim_end())?;
    Ok(is_good)
}

/// Without the recorded corpus there is nothing to hold the score against.
fn is_good(score: &Score, has_corpus: bool) -> bool {
    let most = score.mutants.len() as f64 * EQUIVALENT;
    let is_caught = !has_corpus || score.share(&ALL) >= CAUGHT;
    is_caught && score.wavering.is_empty() && score.mistaken().next().is_none() && score.equivalent() as f64 <= most.max(1.0)
}

fn text(score: &Score, has_corpus: bool) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    for mutant in score.survivors() {
        line(format!("survives: {}\n  --> {} ({})", mutant.name, mutant.place, mutant.providers.join(", ")));
    }
    for mutant in score.mistaken() {
        line(format!("listed as equivalent, but caught: {}", mutant.name));
    }
    for name in &score.wavering {
        line(format!("without a mutant, finds something else each time: {name}"));
    }
    let percent = |suites: &[&str]| format!("{:.1} %", score.share(suites) * 100.0);
    line(format!("{} mutants, {} of them equivalent, {} trials", score.mutants.len(), score.equivalent(), score.trials));
    line(format!("caught by what is committed: {}", percent(&COMMITTED)));
    if has_corpus {
        line(format!("caught with the recorded corpus: {}", percent(&ALL)));
    } else {
        line("corpus absent: recorded exchanges were not tried".to_owned());
    }
    out
}
