//! Diagnostics as programs read them: one JSON object a line.

use super::{Diagnostic, Severity};
use crate::source::{SourceMap, Span};
use serde::Serialize;

/// A diagnostic with its place spelled out. Lines and columns count from 1, columns in characters.
#[derive(Serialize)]
struct View<'a> {
    code: &'a str,
    severity: &'a str,
    message: &'a str,
    #[serde(flatten)]
    place: Place,
    label: Option<&'a str>,
    note: Option<&'a str>,
    help: Option<&'a str>,
    related: Vec<Related<'a>>,
}

#[derive(Serialize)]
struct Related<'a> {
    #[serde(flatten)]
    place: Place,
    label: &'a str,
}

#[derive(Serialize)]
struct Place {
    file: String,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

/// One JSON object a diagnostic, each on a line.
pub fn to_json(map: &SourceMap, diagnostics: &[Diagnostic]) -> String {
    let line = |diagnostic| serde_json::to_string(&view(map, diagnostic)).unwrap_or_default() + "\n";
    diagnostics.iter().map(line).collect()
}

fn view<'a>(map: &SourceMap, diagnostic: &'a Diagnostic) -> View<'a> {
    View {
        code: diagnostic.code,
        severity: match diagnostic.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        },
        message: &diagnostic.message,
        place: place(map, diagnostic.span),
        label: Some(diagnostic.label.as_str()).filter(|label| !label.is_empty()),
        note: diagnostic.note.as_deref(),
        help: diagnostic.help.as_deref(),
        related: diagnostic
            .related
            .iter()
            .map(|(span, label)| Related { place: place(map, *span), label })
            .collect(),
    }
}

fn place(map: &SourceMap, span: Span) -> Place {
    let (path, line, column) = map.locate(span);
    let (_, end_line, end_column) = map.locate(Span { start: span.end, ..span });
    Place { file: path.to_string_lossy().replace('\\', "/"), line, column, end_line, end_column }
}
