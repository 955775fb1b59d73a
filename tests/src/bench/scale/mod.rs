//! How the compiler grows with what it is given: time and memory of runs from nothing, and of runs with nothing to do,
//! from one small provider to a thousand large ones. A table, or JSON lines, and a plot. There is nothing to be reached
//! here: what has to hold of large input is a row of the section `compiler`.

mod plot;

use std::io::{self, Write};

use serde_json::json;

use super::compiler::engine::{Engine, Tree};
use super::process::results;
use super::sample::Summary;
use super::{Failure, Options};

/// Providers and models of each.
const SIZES: [[usize; 2]; 7] = [[1, 30], [10, 30], [100, 30], [1000, 30], [10, 300], [100, 300], [1000, 300]];
const QUICK: usize = 3;

/// What a size took.
pub(super) struct Point {
    providers: usize,
    /// Of all providers.
    models: usize,
    files: f64,
    lines: f64,
    /// From nothing, in seconds.
    cold: f64,
    /// With nothing to do, in milliseconds.
    unchanged: f64,
    /// The most memory of a run from nothing, in megabytes.
    megabytes: f64,
}

/// Runs all sizes, tells each as it is there, and plots them.
pub fn run(options: &Options) -> Result<(), Failure> {
    let engine = Engine::build()?;
    let mut out = io::stdout();
    if !options.json {
        let heads = ["providers", "models", "files", "lines", "cold s", "ms a file", "no-op ms", "peak MB"];
        writeln!(out, "{}", heads.map(|head| format!("{head:>10}")).concat())?;
    }
    let sizes = if options.quick { &SIZES[..QUICK] } else { &SIZES[..] };
    let mut points = Vec::new();
    for [providers, models] in sizes {
        let point = point(&engine, *providers, *models, options)?;
        writeln!(out, "{}", if options.json { point.to_json() } else { point.to_text() })?;
        out.flush()?;
        points.push(point);
    }
    let path = results().join("scale.svg");
    std::fs::write(&path, plot::svg(&points))?;
    super::say(&format!("plotted in {}", path.display()), 0);
    Ok(())
}

fn point(engine: &Engine, providers: usize, models: usize, options: &Options) -> Result<Point, Failure> {
    let tree = Tree::write(&format!("scale-{providers}x{models}"), providers, models)?;
    let (mut cold, mut megabytes, mut files) = (Vec::new(), Vec::new(), 0.0);
    // Large ones take long, and vary little.
    for _ in 0..options.pairs(if providers * models > 30_000 { 1 } else { 5 }) {
        tree.forget()?;
        let took = engine.watched(&tree, &[])?;
        cold.push(took.milliseconds / 1e3);
        megabytes.push(took.megabytes);
        files = took.summary["files"].as_f64().unwrap_or(f64::NAN);
    }
    tree.settle(engine)?;
    let mut unchanged = Vec::new();
    for _ in 0..options.pairs(7) {
        unchanged.push(engine.run(&tree, &[])?.milliseconds);
    }
    let lines = tree.lines()?;
    tree.forget()?;
    let median = |samples: &[f64]| Summary::of(samples).median;
    Ok(Point {
        providers,
        models: providers * models,
        files,
        lines,
        cold: median(&cold),
        unchanged: median(&unchanged),
        megabytes: median(&megabytes),
    })
}

impl Point {
    fn to_text(&self) -> String {
        let (cold, file) = (self.cold, self.cold * 1e3 / self.files);
        format!(
            "{:>10}{:>10}{:>10}{:>10}{cold:>10.3}{file:>10.3}{:>10.2}{:>10.0}",
            self.providers, self.models, self.files, self.lines, self.unchanged, self.megabytes
        )
    }

    fn to_json(&self) -> String {
        json!({
            "section": "scale", "providers": self.providers, "models": self.models, "files": self.files,
            "lines": self.lines, "cold_s": self.cold, "unchanged_ms": self.unchanged, "peak_mb": self.megabytes,
        })
        .to_string()
    }
}
