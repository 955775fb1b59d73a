//! Diagnostics as people read them: the form of rustc, with an excerpt of the source.

use super::{Diagnostic, Severity};
use crate::source::{SourceFile, SourceMap, Span};
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use std::collections::BTreeSet;
use std::ops::Range;

/// How wide an excerpt gets.
const WIDTH: usize = 120;

/// The longest excerpt, in bytes, that is shown as it stands; of longer ones each line is cut around its carets.
const EXCERPT_BYTES: usize = 16 * 1024;

/// Places that are further apart, in lines, have excerpts of their own.
const NEAR: usize = 200;

/// Whether terminal colours are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// Plain text.
    Never,
    /// ANSI colours.
    Always,
}

/// All diagnostics in the order given, and a last line that counts them. Empty if there are none.
pub fn render(map: &SourceMap, diagnostics: &[Diagnostic], color: Color) -> String {
    if diagnostics.is_empty() {
        return String::new();
    }
    let renderer = match color {
        Color::Never => Renderer::plain(),
        Color::Always => Renderer::styled(),
    };
    let renderer = renderer.term_width(WIDTH);
    let mut out = String::new();
    for diagnostic in diagnostics {
        out.push_str(&relocated(map, diagnostic, renderer.render(&[group(map, diagnostic)])));
        out.push_str("\n\n");
    }
    out.push_str(&summary(diagnostics));
    out.push('\n');
    out
}

fn group<'a>(map: &'a SourceMap, diagnostic: &'a Diagnostic) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let line = |span: Span| map.file(span.file).line_number(span.start);
    let near =
        |span: Span| span.file == diagnostic.span.file && line(span).abs_diff(line(diagnostic.span)) <= NEAR;
    let (here, elsewhere): (Vec<_>, Vec<_>) = diagnostic.related.iter().partition(|(span, _)| near(*span));
    let mut group = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code).element(excerpt(
        map,
        Some((diagnostic.span, diagnostic.label.as_str())),
        &here,
    ));
    for related in elsewhere {
        group = group.element(excerpt(map, None, &[related]));
    }
    group
        .elements(diagnostic.note.iter().map(|note| Level::NOTE.message(note.as_str())))
        .elements(diagnostic.help.iter().map(|help| Level::HELP.message(help.as_str())))
}

/// The lines of one file that a diagnostic points at.
fn excerpt<'a>(
    map: &'a SourceMap,
    primary: Option<(Span, &'a str)>,
    related: &[&'a (Span, String)],
) -> Snippet<'a, Annotation<'a>> {
    let related = related.iter().map(|(span, label)| (AnnotationKind::Context, *span, label.as_str()));
    let marks: Vec<_> = primary
        .into_iter()
        .map(|(span, label)| (AnnotationKind::Primary, span, label))
        .chain(related)
        .collect();
    let first = marks.iter().map(|(_, span, _)| span.start).min().unwrap_or(0);
    let last = marks.iter().map(|(_, span, _)| span.start).max().unwrap_or(0);
    let Some((_, span, _)) = marks.first() else { return Snippet::source("") };
    let file = map.file(span.file);
    let window = file.line_at(first).start..file.line_at(last).end;
    let text = file.text.get(window.clone()).unwrap_or_default();
    let ranges: Vec<Range<usize>> =
        marks.iter().map(|(_, span, _)| on_one_line(file, *span, window.start)).collect();
    let (text, ranges) =
        if text.len() > EXCERPT_BYTES { cut(text, &ranges) } else { (text.to_owned(), ranges) };
    let annotations = marks.iter().zip(ranges).map(|((kind, _, label), range)| {
        let label = Some(*label).filter(|label| !label.is_empty());
        kind.span(range).label(label)
    });
    Snippet::source(text)
        .line_start(file.line_number(first))
        .path(file.path.to_string_lossy().replace('\\', "/"))
        .annotations(annotations)
}

/// Where lines were cut, the renderer counts columns from the cut: puts the true place into the first ` --> `.
fn relocated(map: &SourceMap, diagnostic: &Diagnostic, text: String) -> String {
    let (path, line, column) = map.locate(diagnostic.span);
    let path = path.to_string_lossy().replace('\\', "/");
    let place = format!("--> {path}:{line}:");
    let Some((before, after)) = text.split_once(&place) else { return text };
    let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{before}{place}{column}{after}")
}

/// The part of a span on its first line, relative to `base`.
fn on_one_line(file: &SourceFile, span: Span, base: usize) -> Range<usize> {
    let line_end = file.line_at(span.start).end;
    let start = file.char_boundary(span.start as usize).min(line_end);
    let end = file.char_boundary(span.end as usize).clamp(start, line_end);
    start - base..end - base
}

/// Blanks out what is far from every mark, keeping the lines.
fn cut(text: &str, ranges: &[Range<usize>]) -> (String, Vec<Range<usize>>) {
    let mut out = String::new();
    let mut moved = ranges.to_vec();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let here: Vec<usize> =
            (0..ranges.len()).filter(|i| (at..at + line.len()).contains(&ranges[*i].start)).collect();
        let from = here.iter().map(|i| ranges[*i].start - at).min().unwrap_or(0).saturating_sub(WIDTH);
        let to = here.iter().map(|i| ranges[*i].start - at).max().unwrap_or(0) + WIDTH;
        let from = (0..=from).rev().find(|i| line.is_char_boundary(*i)).unwrap_or(0);
        let to = (to..line.len()).find(|i| line.is_char_boundary(*i)).unwrap_or(line.len());
        let kept = line[from..to].trim_end_matches('\n');
        for i in here {
            let start = (ranges[i].start - at - from).min(kept.len());
            let len = ranges[i].len();
            moved[i] = out.len() + start..out.len() + (start + len).min(kept.len());
        }
        out.push_str(kept);
        out.push('\n');
        at += line.len();
    }
    (out, moved)
}

fn summary(diagnostics: &[Diagnostic]) -> String {
    let (errors, warnings): (Vec<_>, Vec<_>) =
        diagnostics.iter().partition(|d| d.severity == Severity::Error);
    let count = |found: &[&Diagnostic], what: &str| {
        let files: BTreeSet<_> = found.iter().map(|d| d.span.file).collect();
        let plural = |n: usize| if n == 1 { "" } else { "s" };
        format!(
            "{} {what}{} in {} file{}",
            found.len(),
            plural(found.len()),
            files.len(),
            plural(files.len())
        )
    };
    match (errors.is_empty(), warnings.is_empty()) {
        (false, true) => format!("error: {}", count(&errors, "problem")),
        (false, false) => format!("error: {}; {}", count(&errors, "problem"), count(&warnings, "warning")),
        _ => format!("warning: {}", count(&warnings, "warning")),
    }
}
