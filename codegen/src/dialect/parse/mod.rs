//! From the YAML tree of a dialect to the [`super::ast`].
//!
//! Reads form only: which sections there are, which entries are rows, focuses or groups. What slots, tables and
//! operations mean is the business of [`crate::lower`]. What cannot be read is reported and replaced by what was
//! probably meant, or by [`ShapeKind::Wrong`](super::ast::ShapeKind::Wrong), so that nothing more is said about it.

mod nodes;
mod operations;
mod parts;
mod shapes;
mod tables;

pub use operations::op_table;
pub use shapes::shape;

use super::ast::{Dialect, Operation, Spanned};
use super::words;
use crate::diagnostic::{Diagnostic, Sink, closest};
use crate::source::{Entry, Node, Span, Value};
use nodes::{entries, items, key, named, pairs, text, texts};
use shapes::fields;

/// Tables whose rows are the variants of a canonical sum type (or one shape of a canonical struct).
pub const VARIANT_TABLES: &[&str] =
    &["message", "part", "system", "tool", "tool_choice", "format", "reasoning", "cache"];

/// Tables that translate the words of an enum.
pub const ENUM_TABLES: &[&str] = &["finish", "effort"];

const SECTIONS: &[&str] = &[
    "http",
    "policies",
    "unsupported",
    "limits",
    "rules",
    "request",
    "response",
    "stream",
    "usage",
    "errors",
    "ops",
    "shapes",
];

/// How deep a dialect may nest. Generated code nests as deep, and so does whoever compiles it.
pub const MAX_DEPTH: usize = 40;

/// Reads a dialect document.
pub fn dialect(node: &Node, sink: &mut Sink) -> Option<Dialect> {
    if let Some(deep) = below(node, MAX_DEPTH) {
        sink.push(
            Diagnostic::error("TW0419", deep, "a dialect nests too deep here")
                .label(format!("is more than {MAX_DEPTH} deep"))
                .note("real wire formats nest about ten deep")
                .help("name an inner part under `ops:` or `shapes:`, and `$use` it"),
        );
        return None;
    }
    let name = node.get("dialect").and_then(|name| text(name, sink))?;
    let operations = entries(node.get("operations")?, "operations", sink)?;
    let operations = operations.iter().filter_map(|entry| operation(entry, sink)).collect();
    Some(Dialect { name, operations })
}

/// The first node that is more than `depth` below `node`.
fn below(node: &Node, depth: usize) -> Option<Span> {
    let Some(depth) = depth.checked_sub(1) else { return Some(node.span) };
    let inner = |node: &Node| below(node, depth);
    match &node.value {
        Value::Seq(items) => items.iter().find_map(inner),
        Value::Map(entries) => entries.iter().find_map(|entry| inner(&entry.value)),
        _ => None,
    }
}

fn operation(entry: &Entry, sink: &mut Sink) -> Option<Operation> {
    let name = operation_name(entry, sink)?;
    let entry = &Entry { key: name.value.clone(), value: as_meant(&entry.value, sink)?, ..entry.clone() };
    let node = &entry.value;
    let sections = entries(node, "an operation", sink)?;
    let torn = is_torn(node);
    if !torn {
        report_missing_parts(entry, sink);
    }
    let at = |section: &str, part: &str| node.get(section).and_then(|section| section.get(part));
    Some(Operation {
        method: at("http", "method")
            .and_then(|method| text(method, sink))
            .unwrap_or(Spanned { value: "POST".to_owned(), span: entry.key_span }),
        path: at("http", "path").and_then(|path| shape(path, sink)),
        query: at("http", "query").map(|query| fields(query, sink)).unwrap_or_default(),
        headers: at("http", "headers").map(|headers| fields(headers, sink)).unwrap_or_default(),
        policies: pairs(node.get("policies"), "policies", sink),
        unsupported: texts(node.get("unsupported"), "unsupported", sink),
        limits: pairs(node.get("limits"), "limits", sink),
        rules: items(node.get("rules"), "rules", sink)
            .iter()
            .filter_map(|rule| parts::rule(rule, sink))
            .collect(),
        body_key: node
            .get("request")
            .and_then(|request| request.entry("body"))
            .map_or(entry.key_span, |body| body.key_span),
        body: at("request", "body").and_then(|body| shape(body, sink)),
        tables: listed(sections, VARIANT_TABLES).filter_map(|table| tables::table(table, sink)).collect(),
        enums: listed(sections, ENUM_TABLES).map(|table| tables::enum_table(table, sink)).collect(),
        name,
        usage: node.get("usage").and_then(|usage| shape(usage, sink)),
        op_tables: named(node.get("ops"), "ops", sink, |table, sink| Some(op_table(table, sink))),
        shapes: named(node.get("shapes"), "shapes", sink, shape),
        response: node.get("response").map(|response| op_table(response, sink)),
        stream: node.entry("stream").and_then(|stream| parts::stream(stream, sink)),
        errors: node.get("errors").map(|errors| parts::errors(errors, sink)),
        torn,
        span: entry.key_span,
    })
}

fn listed<'a>(sections: &'a [Entry], names: &'a [&str]) -> impl Iterator<Item = &'a Entry> {
    sections.iter().filter(|section| names.contains(&section.key.as_str()))
}

/// The operation that an entry describes; one that is misspelt is reported, and read as the one that was meant.
fn operation_name(entry: &Entry, sink: &mut Sink) -> Option<Spanned<String>> {
    if words::OPERATIONS.contains(&entry.key.as_str()) {
        return Some(key(entry));
    }
    let problem = Diagnostic::error("TW0404", entry.key_span, format!("unknown operation `{}`", entry.key));
    sink.push(problem.label("not an operation").suggest(&entry.key, words::OPERATIONS.iter().copied()));
    let meant = closest(&entry.key, words::OPERATIONS)?;
    Some(Spanned { value: meant.to_owned(), span: entry.key_span })
}

/// The operation with its misspelt sections, which are reported, under the names that were meant.
fn as_meant(node: &Node, sink: &mut Sink) -> Option<Node> {
    let mut sections = entries(node, "an operation", sink)?.to_vec();
    let known: Vec<&str> = SECTIONS.iter().chain(VARIANT_TABLES).chain(ENUM_TABLES).copied().collect();
    let present: Vec<String> = sections.iter().map(|section| section.key.clone()).collect();
    for section in sections.iter_mut().filter(|section| !known.contains(&section.key.as_str())) {
        let problem = format!("unknown section `{}` of an operation", section.key);
        sink.push(
            Diagnostic::error("TW0405", section.key_span, problem)
                .label("not a section or table")
                .suggest(&section.key, known.iter().copied()),
        );
        let meant = closest(&section.key, &known).filter(|meant| !present.iter().any(|name| name == meant));
        section.key = meant.map_or_else(|| section.key.clone(), str::to_owned);
    }
    sections.iter_mut().for_each(correct_section);
    Some(Node { value: Value::Map(sections), span: node.span })
}

/// The keys of the sections that the schema knows, so that it has reported others.
const KEYS: &[(&str, &[&str])] = &[
    ("http", &["method", "path", "query", "headers"]),
    ("request", &["body"]),
    ("stream", &["framing", "implicit", "events"]),
    ("framing", &["kind", "tag", "sentinel", "needs"]),
    ("errors", &["body", "code", "kind", "status", "retry", "headers"]),
    ("rules", &["if", "drop", "set", "clamp", "error", "why"]),
];

/// Puts the keys that were meant in the place of misspelt ones, which the schema has reported.
fn correct_section(section: &mut Entry) {
    let Some((_, known)) = KEYS.iter().find(|(name, _)| *name == section.key) else { return };
    match &mut section.value.value {
        Value::Seq(items) => items.iter_mut().for_each(|item| correct(item, known)),
        _ => correct(&mut section.value, known),
    }
}

fn correct(node: &mut Node, known: &[&str]) {
    let Value::Map(entries) = &mut node.value else { return };
    let present: Vec<String> = entries.iter().map(|entry| entry.key.clone()).collect();
    for entry in entries.iter_mut() {
        let meant = closest(&entry.key, known).filter(|meant| !present.iter().any(|key| key == meant));
        entry.key = meant.map_or_else(|| entry.key.clone(), str::to_owned);
        if entry.key == "framing" {
            correct_section(entry);
        }
    }
}

/// Whether a mapping has a key that the schema does not know, and has reported.
fn has_foreign(section: &str, node: &Node) -> bool {
    let known = KEYS.iter().find(|(name, _)| *name == section).map_or(&[][..], |(_, known)| known);
    node.as_map().is_none_or(|entries| entries.iter().any(|entry| !known.contains(&entry.key.as_str())))
}

/// Whether a section, or a key of one, is near nothing that is known. It was reported.
fn is_torn(node: &Node) -> bool {
    let known = || SECTIONS.iter().chain(VARIANT_TABLES).chain(ENUM_TABLES);
    let sections = node.as_map().unwrap_or_default();
    let framing = node.get("stream").and_then(|stream| stream.entry("framing"));
    let typed = |entry: &&Entry| entry.key != "rules" && KEYS.iter().any(|(name, _)| *name == entry.key);
    sections.iter().any(|section| !known().any(|name| *name == section.key))
        || sections
            .iter()
            .chain(framing)
            .filter(typed)
            .any(|section| has_foreign(&section.key, &section.value))
}

/// Without a path there is nothing to call, and without a body nothing is said to who is called.
fn report_missing_parts(entry: &Entry, sink: &mut Sink) {
    let missing = |what: &str, example: &str| {
        Diagnostic::error("TW0418", entry.key_span, format!("the operation `{}` has no `{what}`", entry.key))
            .label("not said here")
            .help(format!("write `{example}`"))
    };
    let has =
        |section: &str, part: &str| entry.value.get(section).is_some_and(|node| node.get(part).is_some());
    if !has("http", "path") {
        sink.push(missing("http.path", "http: {path: /v1/…}"));
    }
    if entry.key != "models" && !has("request", "body") {
        sink.push(missing("request.body", "request: {body: {model: $model, …}}"));
    }
}
