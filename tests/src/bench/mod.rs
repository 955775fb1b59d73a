//! What a client costs, measured beside floors and peers, section by section.
//!
//! [`reach`] says what is measured and what is to be reached, [`row`] judges and prints, [`sample`] takes samples in
//! pairs. [`compiler`] runs the provider compiler, [`scale`] over ever more input; [`codec`] decodes and encodes in this
//! process; [`stream`] runs clients against a server of its own, each in a process of its own; [`cost`] builds programs;
//! [`local`] runs models; [`memory`] searches vectors and stores. Whether a bar is met is no matter of tests.

pub mod alloc;
pub mod clock;
pub mod codec;
pub mod compiler;
pub mod cost;
pub mod local;
pub mod memory;
pub mod process;
pub mod reach;
pub mod row;
pub mod sample;
pub mod scale;
pub mod stream;

use std::io::{self, Write};
use std::path::PathBuf;

use row::Report;

const USAGE: &str = "usage: bench [compiler | codec | cost | stream | local | memory | scale] [--json] [--peers DIR] \
    [--quick]\n\
    --peers DIR  measure the peers as well: DIR/clients/NAME is a cargo project that prints a streamed answer of\n\
                 the server at its first argument, DIR/clients/NAME/bench puts the same client under load; takes\n\
                 minutes and the network; DIR/llama-bench, DIR/candle and DIR/mistralrs run local models;\n\
                 DIR/memory/NAME searches and stores vectors, of hnswlib, faiss, usearch and sqlite-vec\n\
    --quick      fewer and shorter samples: to try a change, not to judge it";
const SECTIONS: [&str; 6] = ["compiler", "codec", "cost", "stream", "local", "memory"];

/// What to measure, and how.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The section; all but `scale` if none is named.
    pub section: Option<String>,
    /// Print JSON lines.
    pub json: bool,
    /// Where the peers' programs are.
    pub peers: Option<PathBuf>,
    /// Take fewer and shorter samples.
    pub quick: bool,
}

/// Something that could not be run.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The system refused something.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A call of a client failed.
    #[error("a call failed: {0}")]
    Call(#[from] typewright_runtime::Error),
    /// A call of the client that we compare with failed.
    #[error("a call of the client compared with failed: {0}")]
    Peer(#[from] reqwest::Error),
    /// JSON is not what was expected.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The recorded exchanges cannot be read.
    #[error(transparent)]
    Corpus(#[from] crate::corpus::CorpusError),
    /// Memory refused something.
    #[cfg(feature = "memory")]
    #[error("memory: {0}")]
    Memory(#[from] typewright_runtime::memory::Error),
    /// A table by hand was refused.
    #[cfg(feature = "memory")]
    #[error("one table by hand: {0}")]
    Table(#[from] rusqlite::Error),
    /// SQL by hand was refused.
    #[cfg(feature = "postgres")]
    #[error("SQL by hand: {0}: {cause}", cause = .0.as_db_error().map_or("", |error| error.message()))]
    Sql(#[from] tokio_postgres::Error),
    /// A program of the benchmark failed.
    #[error("{0}")]
    Program(String),
}

impl Options {
    /// How many pairs to take: `usual`, or fewer.
    pub fn pairs(&self, usual: usize) -> usize {
        if self.quick { 3 } else { usual }
    }
}

/// Runs the command line and returns the exit code.
pub fn main(arguments: Vec<String>) -> u8 {
    // The programs that a section starts: this one, in another role.
    match arguments.first().map(String::as_str) {
        Some(stream::SERVER) => return ended(stream::server::main()),
        Some(compiler::engine::WATCH) => return ended(compiler::engine::watch(&arguments[1..])),
        Some(compiler::floor::FLOOR) => return ended(compiler::floor::main(&arguments[1..])),
        Some(stream::CLIENT) => return ended(stream::client::main(&arguments[1..])),
        _ => {}
    }
    let Some(options) = options(arguments.into_iter()) else { return say(USAGE, 2) };
    match options.section.as_deref() {
        Some("scale") => ended(scale::run(&options)),
        Some(section) if !SECTIONS.contains(&section) => say(USAGE, 2),
        _ => ended(run(&options)),
    }
}

fn run(options: &Options) -> Result<(), Failure> {
    let mut out = io::stdout();
    let wanted = |section: &str| options.section.as_deref().is_none_or(|named| named == section);
    for section in SECTIONS.into_iter().filter(|section| wanted(section)) {
        let mut report = Report::new(&mut out, options.json, section)?;
        match section {
            "compiler" => compiler::run(options, &mut report)?,
            "codec" => codec::run(options, &mut report)?,
            "cost" => cost::run(options, &mut report)?,
            "local" => local::run(options, &mut report)?,
            "memory" => memory::run(options, &mut report)?,
            _ => stream::run(options, &mut report)?,
        }
        report.finish()?;
    }
    Ok(())
}

fn options(mut arguments: impl Iterator<Item = String>) -> Option<Options> {
    let mut options = Options::default();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => options.json = true,
            "--quick" => options.quick = true,
            "--peers" => options.peers = Some(arguments.next()?.into()),
            section if !section.starts_with('-') && options.section.is_none() => {
                options.section = Some(section.to_owned());
            }
            _ => return None,
        }
    }
    Some(options)
}

fn ended(result: Result<(), Failure>) -> u8 {
    result.map_or_else(|error| say(&format!("error: {error}"), 1), |()| 0)
}

/// A reader that hung up is no failure of the run.
fn say(text: &str, code: u8) -> u8 {
    let _ = writeln!(io::stderr(), "{text}");
    code
}
