//! What may stand on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use typewright_codegen::compiler::Runtime;

/// The compiler of model providers: YAML files in, Rust client crates out.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 110)]
pub struct Flags {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compile the provider files and write what differs
    Gen(Gen),
    /// Check provider and dialect files without writing anything
    Check(Check),
    /// Write the first file of a provider
    New(New),
    /// Write the JSON Schemas of the YAML formats
    Schema(Schema),
    /// Explain a diagnostic code, or where a generated line comes from
    Explain(Explain),
    /// Say what changed in the provider files since a revision, and what that means for users
    Diff(Diff),
    /// Measure what the generated crates cost those who compile them
    Cost(Cost),
    /// Replay recorded exchanges through the generated clients
    Conformance(Conformance),
    /// Break wires in one place each, and count how many the tests notice; takes minutes
    Mutants(Mutants),
    /// Measure, beside the floors and the peers
    Bench(Bench),
}

/// Where input and output are.
#[derive(Debug, Args)]
pub struct Folders {
    /// The folder of provider files
    #[arg(long, value_name = "DIR")]
    pub providers: Option<PathBuf>,
    /// The folder of dialect files [default: dialects/ below the providers, or this repository's]
    #[arg(long, value_name = "DIR")]
    pub dialects: Option<PathBuf>,
    /// The folder of base templates [default: this repository's]
    #[arg(long, value_name = "DIR")]
    pub templates: Option<PathBuf>,
    /// The folder to write to
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The runtime that generated crates link: a folder or a version
    #[arg(long, value_name = "PATH|VERSION")]
    pub runtime: Option<Runtime>,
}

#[derive(Debug, Args)]
pub struct Gen {
    #[command(flatten)]
    pub folders: Folders,
    /// Only these providers; others, the umbrella and the README are left alone
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Fail if anything on the disk differs, and show how
    #[arg(long, group = "mode")]
    pub check: bool,
    /// Say what would be written
    #[arg(long, group = "mode")]
    pub dry_run: bool,
    /// Show what would change; fail if anything would
    #[arg(long, group = "mode")]
    pub diff: bool,
    /// Overwrite generated files that were edited by hand
    #[arg(long)]
    pub force: bool,
    /// How many threads
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Go on, and generate again whenever a provider, a dialect or a template is saved
    #[arg(long, conflicts_with = "mode")]
    pub watch: bool,
    /// Say where the time goes, and write it as a page to target/typewright/timings.html
    #[arg(long)]
    pub timings: bool,
    /// Do all of it, as if nothing had been generated before
    #[arg(long)]
    pub no_cache: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Check {
    /// Files to check; all of the folders if none is named
    #[arg(value_name = "FILES")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub folders: Folders,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct New {
    /// The provider's name, in lower case
    #[arg(value_name = "NAME", value_parser = provider_name)]
    pub name: String,
    /// Where its API is
    #[arg(long, value_name = "URL")]
    pub base_url: String,
    /// The wire it speaks [default: openai-chat]
    #[arg(long, value_name = "DIALECT")]
    pub dialect: Option<String>,
    /// The folder of provider files
    #[arg(long, value_name = "DIR")]
    pub providers: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Schema {
    /// Fail if the schemas on the disk differ, and show how
    #[arg(long)]
    pub check: bool,
}

#[derive(Debug, Args)]
pub struct Explain {
    /// A code such as TW0101, or a line such as generated/x/src/models.rs:40
    #[arg(value_name = "CODE | FILE:LINE")]
    pub what: String,
    #[command(flatten)]
    pub folders: Folders,
}

#[derive(Debug, Args)]
pub struct Diff {
    /// The revision to compare with, as git names it
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    pub base: String,
    /// The folder of provider files
    #[arg(long, value_name = "DIR")]
    pub providers: Option<PathBuf>,
    /// The folder of dialect files [default: dialects/ below the providers, or this repository's]
    #[arg(long, value_name = "DIR")]
    pub dialects: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Cost {
    /// Fail if a crate costs more than the baseline allows
    #[arg(long, group = "mode")]
    pub check: bool,
    /// Write the baseline
    #[arg(long, group = "mode")]
    pub update: bool,
    /// Only count: no build, no times and sizes
    #[arg(long, conflicts_with = "update")]
    pub quick: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Conformance {
    /// The folder that holds fixtures/
    #[arg(long, value_name = "DIR")]
    pub corpus: Option<PathBuf>,
    /// Only this provider
    #[arg(long, value_name = "P")]
    pub provider: Option<String>,
    /// Only this dialect
    #[arg(long, value_name = "D")]
    pub dialect: Option<String>,
    /// Split every stream at every pair of bytes
    #[arg(long)]
    pub exhaustive: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Mutants {
    /// How many places to draw; of some nothing else comes out, or what does not build
    #[arg(long, value_name = "N", default_value_t = 550)]
    pub count: usize,
    /// What the draw depends on
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Print the drawn mutants and build none
    #[arg(long)]
    pub list: bool,
    /// Print the scores as a JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Bench {
    /// compiler, codec, cost, stream, scale, local or memory; all but scale if none is named
    #[arg(value_name = "SECTION")]
    pub section: Option<String>,
    /// Measure the peers as well, whose programs are in this folder; takes minutes
    #[arg(long, value_name = "DIR")]
    pub peers: Option<PathBuf>,
    /// Take fewer and shorter samples, to try a change and not to judge it
    #[arg(long)]
    pub quick: bool,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}

fn provider_name(text: &str) -> Result<String, String> {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let is_name =
        text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(word) && text.len() <= 40;
    if is_name {
        Ok(text.to_owned())
    } else {
        Err("a name is lower-case letters, digits, - and _, at most 40".to_owned())
    }
}
