//! The provider compiler, built for release and run as a program: how long runs take after a change of nothing, of
//! little and of everything, beside floors and other generators.
//!
//! [`engine`] runs it over input that is made here, [`floor`] does the least that any such program has to, [`command`]
//! goes through cargo, [`peers`] runs another generator. [`inside`] calls the compiler as a library.

mod command;
pub mod engine;
pub mod floor;
mod inside;
mod peers;

use super::row::Report;
use super::sample::{Pairs, Summary};
use super::{Failure, Options};
use engine::{Engine, Tree};

/// Runs the section.
pub fn run(options: &Options, report: &mut Report<'_>) -> Result<(), Failure> {
    let engine = Engine::build()?;
    let tree = Tree::write("100x30", 100, 30)?;
    cold(&engine, &tree, options, report)?;
    unchanged(&engine, &tree, options, report)?;
    little(&engine, &tree, options, report)?;
    inside::run(report)?;
    many(&engine, options, report)?;
    command::run(options, report)?;
    let lines = lines_a_second(&engine, &tree)?;
    peers::run(options, lines, report)
}

fn unchanged(
    engine: &Engine,
    tree: &Tree,
    options: &Options,
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    tree.settle(engine)?;
    let list = floor::list(tree)?;
    let mut pairs = Pairs::default();
    for _ in 0..options.pairs(31) {
        let took = engine.run(tree, &[])?;
        if took.summary["written"] != 0 {
            return Err(Failure::Program(format!("a run with nothing to do wrote: {}", took.summary)));
        }
        pairs.ours.push(took.milliseconds);
        pairs.theirs.push(floor::milliseconds(&list)?);
    }
    report.value("nothing to do", &pairs.ours)?;
    Ok(report.pairs("nothing to do, floor", &pairs)?)
}

fn little(engine: &Engine, tree: &Tree, options: &Options, report: &mut Report<'_>) -> Result<(), Failure> {
    let (mut price, mut written, mut template) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1..=options.pairs(11) {
        tree.write_provider(number % tree.providers, number)?;
        let took = engine.run(tree, &[])?;
        price.push(took.milliseconds);
        written.push(took.summary["written"].as_f64().unwrap_or(f64::NAN));
    }
    report.value("one price changed", &price)?;
    report.value("one price changed: files written", &written)?;
    for number in 0..options.pairs(7) {
        tree.change_template(number)?;
        template.push(engine.run(tree, &[])?.milliseconds);
    }
    Ok(report.value("one base template changed", &template)?)
}

fn cold(engine: &Engine, tree: &Tree, options: &Options, report: &mut Report<'_>) -> Result<(), Failure> {
    let (mut pairs, mut memory) = (Pairs::default(), Vec::new());
    for _ in 0..options.pairs(7) {
        tree.forget()?;
        let both = engine.watched(tree, &["--jobs", "2"])?;
        memory.push(both.megabytes);
        pairs.ours.push(both.milliseconds);
        tree.forget()?;
        pairs.theirs.push(engine.run(tree, &["--jobs", "1"])?.milliseconds);
    }
    let lines = tree.lines()?;
    let speeds: Vec<f64> = pairs.ours.iter().map(|milliseconds| lines / milliseconds * 1e3).collect();
    report.value("cold, 100 providers of 30 models", &pairs.ours)?;
    report.pairs("cold, two threads", &pairs)?;
    report.value("cold: lines of Rust", &speeds)?;
    Ok(report.value("cold: peak memory", &memory)?)
}

fn lines_a_second(engine: &Engine, tree: &Tree) -> Result<f64, Failure> {
    tree.forget()?;
    let took = engine.run(tree, &[])?;
    Ok(tree.lines()? / took.milliseconds * 1e3)
}

/// Ten times the providers take ten times as long, and memory stays in bounds.
fn many(engine: &Engine, options: &Options, report: &mut Report<'_>) -> Result<(), Failure> {
    const ROWS: [&str; 3] = [
        "1 000 providers of 300 models",
        "1 000 providers of 300 models: a file",
        "1 000 providers of 300 models: peak memory",
    ];
    if options.quick {
        return Ok(ROWS.iter().try_for_each(|row| report.missing(row, "takes too long for --quick"))?);
    }
    let small = Tree::write("100x300", 100, 300)?;
    let large = Tree::write("1000x300", 1000, 300)?;
    let (mut seconds, mut memory, mut pairs) = (Vec::new(), Vec::new(), Pairs::default());
    for _ in 0..3 {
        large.forget()?;
        small.forget()?;
        let all = engine.watched(&large, &[])?;
        let tenth = engine.watched(&small, &[])?;
        let files = |took: &engine::Took| took.summary["files"].as_f64().unwrap_or(f64::NAN);
        seconds.push(all.milliseconds / 1e3);
        memory.push(all.megabytes);
        pairs.ours.push(all.milliseconds / files(&all));
        pairs.theirs.push(tenth.milliseconds / files(&tenth));
    }
    report.value(ROWS[0], &seconds)?;
    report.pairs(ROWS[1], &pairs)?;
    report.value(ROWS[2], &memory)?;
    large.forget()?;
    small.forget()
}

/// The middle of samples.
fn median(samples: &[f64]) -> f64 {
    Summary::of(samples).median
}
