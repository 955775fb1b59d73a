//! The engine as a program, and folders of input for it. What is measured with them stands elsewhere.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::Value;

use crate::bench::Failure;
use crate::bench::process::{cargo_into, copy, results};
use crate::corpus::workspace_root;

/// The role in which this program runs another and says what that took.
pub const WATCH: &str = "compiler-watch";
const DIALECTS: [&str; 3] = ["openai-chat", "anthropic-messages", "ollama-chat"];
/// How old a change has to be to show in a stamp for certain, and a little more.
const SETTLE: std::time::Duration = std::time::Duration::from_millis(2_100);

/// The compiler's command line, built for release.
pub struct Engine(PathBuf);

/// A folder with providers, dialects and templates, and what they are compiled into.
pub struct Tree {
    folder: PathBuf,
    /// How many providers there are.
    pub providers: usize,
    models: usize,
}

/// What a run took.
pub struct Took {
    /// The whole process, milliseconds.
    pub milliseconds: f64,
    /// What the compiler says of it.
    pub summary: Value,
    /// The most memory that it held, in megabytes.
    pub megabytes: f64,
}

impl Engine {
    /// Builds it.
    pub fn build() -> Result<Self, Failure> {
        let (root, target) = (workspace_root(), results().join("engine"));
        let manifest = root.join("xtask/Cargo.toml").display().to_string();
        cargo_into(&target, &root, &["build", "--release", "--quiet", "--manifest-path", &manifest])?;
        Ok(Self(target.join("release/xtask")))
    }

    fn generate(&self, tree: &Tree, more: &[&str]) -> Command {
        let mut command = Command::new(&self.0);
        command.args(["gen", "--json", "--runtime", "0.1"]);
        for name in ["providers", "dialects", "templates", "out"] {
            command.arg(format!("--{name}")).arg(tree.at(name));
        }
        command.args(more).env("CARGO_TARGET_DIR", tree.at("cache")).stdin(Stdio::null());
        command
    }

    /// Runs it over `tree`: milliseconds and the summary.
    pub fn run(&self, tree: &Tree, more: &[&str]) -> Result<Took, Failure> {
        taken(self.generate(tree, more))
    }

    /// Runs it over `tree` from another process, which says how much memory it held.
    pub fn watched(&self, tree: &Tree, more: &[&str]) -> Result<Took, Failure> {
        let inner = self.generate(tree, more);
        let mut outer = Command::new(std::env::current_exe()?);
        outer.arg(WATCH).arg(inner.get_program()).args(inner.get_args()).stdin(Stdio::null());
        outer.env("CARGO_TARGET_DIR", tree.at("cache"));
        taken(outer)
    }
}

fn taken(mut command: Command) -> Result<Took, Failure> {
    let start = Instant::now();
    let output = command.output()?;
    let milliseconds = start.elapsed().as_secs_f64() * 1e3;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::Program(format!("{command:?}: {}\n{errors}{text}", output.status)));
    }
    let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let summary = lines.next().unwrap_or_default();
    let watched = lines.next().unwrap_or_default();
    let milliseconds = watched["milliseconds"].as_f64().unwrap_or(milliseconds);
    Ok(Took { milliseconds, summary, megabytes: watched["megabytes"].as_f64().unwrap_or(f64::NAN) })
}

/// Runs the program that the arguments name, lets it print, and adds a line with what it took.
pub fn watch(arguments: &[String]) -> Result<(), Failure> {
    let (program, arguments) =
        arguments.split_first().ok_or_else(|| Failure::Program("no program to watch".to_owned()))?;
    let start = Instant::now();
    let status = Command::new(program).args(arguments).status()?;
    let milliseconds = start.elapsed().as_secs_f64() * 1e3;
    if !status.success() {
        return Err(Failure::Program(format!("{program}: {status}")));
    }
    let kilobytes = getrusage(UsageWho::RUSAGE_CHILDREN).map_or(f64::NAN, |usage| usage.max_rss() as f64);
    let found = serde_json::json!({ "milliseconds": milliseconds, "megabytes": kilobytes / 1024.0 });
    use std::io::Write as _;
    writeln!(std::io::stdout(), "{found}")?;
    Ok(())
}

impl Tree {
    /// Writes a tree of so many providers with so many models each; nothing is compiled yet.
    pub fn write(name: &str, providers: usize, models: usize) -> Result<Self, Failure> {
        let tree = Self { folder: results().join("compiler").join(name), providers, models };
        if tree.folder.exists() {
            fs::remove_dir_all(&tree.folder)?;
        }
        fs::create_dir_all(tree.at("providers"))?;
        copy(&workspace_root().join("providers/dialects"), &tree.at("dialects"))?;
        copy(&workspace_root().join("templates"), &tree.at("templates"))?;
        for number in 0..providers {
            tree.write_provider(number, 0)?;
        }
        Ok(tree)
    }

    /// A folder of it.
    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes one provider file, with `price` added to the price of its first model.
    pub fn write_provider(&self, number: usize, price: usize) -> Result<(), Failure> {
        let dialect = DIALECTS[number % DIALECTS.len()];
        let mut text = format!(
            "name: prov{number:04}\nbase_url: https://prov{number:04}.example/v1\ndialect: {dialect}\nmodels:\n"
        );
        for model in 0..self.models {
            let input = model + 1 + if model == 0 { price } else { 0 };
            // Writing to a text does not fail.
            let _ = write!(
                text,
                "  - name: model-{number}-{model}\n    context_window: {}\n    max_output_tokens: {}\n    \
                 input_price: {input}.25\n    output_price: {}.5\n    supports_vision: {}\n    \
                 supports_function_calling: true\n    knowledge: 2025-01-{:02}\n",
                100_000 + model,
                1000 + model,
                model + 2,
                model % 2 == 1,
                model % 28 + 1
            );
        }
        Ok(fs::write(self.at("providers").join(format!("prov{number:04}.yaml")), text)?)
    }

    /// Adds a line of text to a base template that every provider is rendered with, or takes it out again.
    pub fn change_template(&self, number: usize) -> Result<(), Failure> {
        let path = self.at("templates").join("crate/README.md.j2");
        let original = fs::read_to_string(workspace_root().join("templates/crate/README.md.j2"))?;
        Ok(fs::write(path, format!("{original}\nEdition {number}.\n"))?)
    }

    /// Forgets what was made of it.
    pub fn forget(&self) -> Result<(), Failure> {
        for name in ["out", "cache"] {
            if self.at(name).exists() {
                fs::remove_dir_all(self.at(name))?;
            }
        }
        Ok(())
    }

    /// Lines of Rust that were made of it.
    pub fn lines(&self) -> Result<f64, Failure> {
        Ok(lines(&self.at("out"))? as f64)
    }

    /// Compiles it and waits until a run after it need not look twice at what was just written.
    pub fn settle(&self, engine: &Engine) -> Result<(), Failure> {
        engine.run(self, &[])?;
        std::thread::sleep(SETTLE);
        engine.run(self, &[])?;
        Ok(())
    }
}

/// Waits until what was just written is old enough to be told by its stamp.
pub fn wait() {
    std::thread::sleep(SETTLE);
}

/// Every file below a folder.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    Ok(found)
}

/// Lines of Rust below a folder.
pub fn lines(folder: &Path) -> Result<usize, Failure> {
    let mut count = 0;
    for path in files(folder)?.into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs")) {
        count += fs::read(path)?.iter().filter(|byte| **byte == b'\n').count();
    }
    Ok(count)
}
