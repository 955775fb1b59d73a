//! From a line of a generated file back to what made it.
//!
//! Nothing is recorded on the disk: the file is made anew in memory, where every emitter says which lines it made of
//! what, and looked up there. So the answer is never older than the provider file.

use std::path::PathBuf;

use crate::compiler::Compilation;
use crate::fingerprint;

/// Where a generated line comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The line itself, as it is generated now.
    pub text: String,
    /// The YAML file with line and column, and the text there; nothing if it is the same for every provider.
    pub source: Option<Place>,
    /// The template that gave it its form.
    pub template: Option<String>,
    /// The module of the compiler that made it, such as `emit::models`.
    pub emitter: &'static str,
    /// Whether the file on the disk differs from what is generated now.
    pub is_stale: bool,
}

/// A line of an input file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// The text of the line.
    pub text: String,
}

/// Where line `line` (from 1) of the output `path` comes from. `on_disk` is the file as it stands there. Nothing if no
/// such file is generated, or if it has no such line.
pub fn line(compilation: &Compilation, path: &str, line: usize, on_disk: Option<&str>) -> Option<Provenance> {
    let output = compilation.outputs.iter().find(|output| output.path == path)?;
    let text = output.text.lines().nth(line.checked_sub(1)?)?.to_owned();
    let is_stale = on_disk.is_some_and(|on_disk| fingerprint::lf(on_disk) != *output.text);
    // Lines that no emitter claims are the head of the file: its first line and its documentation.
    let Some(origin) = output.origin_of(line) else {
        let source =
            output.origins.iter().find_map(|origin| origin.source).map(|span| place(compilation, span));
        return Some(Provenance { text, source, template: None, emitter: "emit::rust", is_stale });
    };
    let source = origin.source.map(|span| place(compilation, span));
    Some(Provenance { text, source, template: origin.template.clone(), emitter: origin.emitter, is_stale })
}

fn place(compilation: &Compilation, span: crate::source::Span) -> Place {
    let (path, line, column) = compilation.sources.locate(span);
    let text = compilation.sources.file(span.file).text.lines().nth(line - 1).unwrap_or_default();
    Place { path: path.to_owned(), line, column, text: text.to_owned() }
}
