//! The error tables: shapes of error bodies, their classes, and the headers that say when to come back.

use super::fields;
use super::tables::Lowering;
use crate::diagnostic::{Diagnostic, Sink};
use crate::dialect::ast::{self, OpEntry, OpTable, Operation, Shape, Spanned};
use crate::ir::decode::Errors;
use crate::source::{Node, Span, Value};

/// The units in which headers tell time.
const UNITS: &[&str] = &["seconds", "milliseconds", "rfc3339", "go_duration"];

/// Lowers `errors:`; a chat without it is reported.
pub(super) fn lower(lowering: &mut Lowering<'_>, op: &Operation, sink: &mut Sink) -> Errors {
    let Some(errors) = &op.errors else {
        if op.name.value == "chat" && !op.torn {
            sink.push(
                Diagnostic::error("TW0615", op.span, "a chat needs `errors`")
                    .label("says nothing about errors")
                    .help("write `errors: {body: […], status: {401: Authentication, …, _: Server}}`"),
            );
        }
        return Errors::default();
    };
    let mut out = Errors { body: body(lowering, &errors.body, op.span, sink), ..Errors::default() };
    out.code = classes(&errors.code, sink);
    out.kind = classes(&errors.kind, sink);
    for (wire, _) in errors.code.iter().chain(&errors.kind).filter(|(wire, _)| wire.value == "_") {
        sink.push(
            Diagnostic::error("TW0639", wire.span, "only `errors.status` has a row for the rest")
                .label("would wait for the word `_`")
                .note("a code or kind that is not listed is classed by the status")
                .help("move it to `status:`"),
        );
    }
    statuses(errors, op, &mut out, sink);
    out.retry = errors.retry.iter().filter_map(|class| class_of(class, sink)).collect();
    if let Some(headers) = &errors.headers {
        self::headers(headers, &mut out, sink);
    }
    out
}

fn body(
    lowering: &mut Lowering<'_>,
    shapes: &[Shape],
    span: Span,
    sink: &mut Sink,
) -> Option<crate::ir::decode::VisitId> {
    let fail = |shape: &Shape| OpEntry::Row {
        op: Spanned { value: vec!["fail".to_owned()], span: shape.span },
        label: None,
        shape: shape.clone(),
    };
    if shapes.is_empty() {
        return None;
    }
    let one = OpEntry::One { span, alternatives: shapes.iter().map(fail).collect() };
    let table = OpTable { with: None, entries: vec![one] };
    Some(lowering.root("error_body", "the body of an error", &table, span, sink))
}

fn class_of(class: &Spanned<String>, sink: &mut Sink) -> Option<String> {
    if fields::ERROR_KINDS.contains(&class.value.as_str()) {
        return Some(class.value.clone());
    }
    sink.push(
        Diagnostic::error("TW0614", class.span, format!("`{}` is not a class of errors", class.value))
            .label("unknown class")
            .suggest(&class.value, fields::ERROR_KINDS.iter().copied()),
    );
    None
}

fn classes(rows: &[(Spanned<String>, Spanned<String>)], sink: &mut Sink) -> Vec<(String, String)> {
    rows.iter().filter_map(|(wire, class)| Some((wire.value.clone(), class_of(class, sink)?))).collect()
}

fn statuses(errors: &ast::Errors, op: &Operation, out: &mut Errors, sink: &mut Sink) {
    for (status, class) in &errors.status {
        let Some(name) = class_of(class, sink) else { continue };
        if status.value == "_" {
            out.rest = name;
        } else if let Ok(code @ 100..=599) = status.value.parse::<u16>() {
            out.status.push((code, name));
        } else {
            sink.push(
                Diagnostic::error("TW0628", status.span, format!("`{}` is not an HTTP status", status.value))
                    .label("expected 100 to 599, or `_`"),
            );
        }
    }
    if !op.torn && !errors.status.iter().any(|(status, _)| status.value == "_") {
        let at = errors.status.first().map_or(op.span, |(status, _)| status.span);
        sink.push(
            Diagnostic::error("TW0615", at, "the table `errors.status` has no row for the rest")
                .label("is not total")
                .help("add `_: Server`"),
        );
    }
}

/// What headers may carry.
const ROLES: &[&str] = &["request_id", "should_retry", "retry_after", "limits"];

fn headers(node: &Node, out: &mut Errors, sink: &mut Sink) {
    for entry in node.as_map().unwrap_or_default() {
        let value = &entry.value;
        match entry.key.as_str() {
            "request_id" => out.request_id = names(value, sink),
            "should_retry" => out.should_retry = name(value, sink),
            "retry_after" => {
                out.retry_after =
                    many(value).iter().filter_map(|node| timed(node, "name", "unit", sink)).collect();
            }
            "limits" => out.rate_limits = timed(value, "pattern", "reset", sink),
            other => sink.push(
                Diagnostic::error("TW0629", entry.key_span, format!("unknown header role `{other}`"))
                    .label("not a role")
                    .suggest(other, ROLES.iter().copied()),
            ),
        }
    }
}

fn many(node: &Node) -> &[Node] {
    match &node.value {
        Value::Seq(items) => items,
        _ => std::slice::from_ref(node),
    }
}

fn names(node: &Node, sink: &mut Sink) -> Vec<String> {
    many(node).iter().filter_map(|node| name(node, sink)).collect()
}

/// The name of a header; they come in lower case.
fn name(node: &Node, sink: &mut Sink) -> Option<String> {
    let Some(name) = node.as_str() else {
        return malformed(node.span, "a header has a name", "expected a name", "`x-request-id`", sink);
    };
    Some(name.to_lowercase())
}

fn malformed<T>(span: Span, problem: &str, label: &str, example: &str, sink: &mut Sink) -> Option<T> {
    sink.push(Diagnostic::error("TW0638", span, problem).label(label).help(format!("write {example}")));
    None
}

/// A header (or pattern) with the unit it tells time in.
fn timed(node: &Node, name: &str, unit: &str, sink: &mut Sink) -> Option<(String, String)> {
    let example = match name {
        "pattern" => "`{pattern: \"x-ratelimit-${what}-${resource}\", reset: seconds}`",
        _ => "`{name: retry-after, unit: seconds}`",
    };
    let unknown =
        node.as_map().unwrap_or_default().iter().find(|entry| entry.key != name && entry.key != unit);
    if let Some(entry) = unknown {
        let problem = format!("a header that tells time has no `{}`", entry.key);
        return malformed(entry.key_span, &problem, "unknown", example, sink);
    }
    let Some(header) = node.get(name).and_then(Node::as_str) else {
        return malformed(
            node.span,
            &format!("a header that tells time has a `{name}`"),
            "not said here",
            example,
            sink,
        );
    };
    if name == "pattern" && !["${what}", "${resource}"].iter().all(|part| header.contains(part)) {
        let span = node.get(name).map_or(node.span, |pattern| pattern.span);
        let problem = "a pattern has `${what}` and `${resource}`";
        return malformed(span, problem, "does not say what stands where", example, sink);
    }
    let word = node.get(unit).map_or(Some("seconds"), Node::as_str).unwrap_or_default();
    if !UNITS.contains(&word) {
        let span = node.get(unit).map_or(node.span, |unit| unit.span);
        sink.push(
            Diagnostic::error("TW0620", span, format!("`{word}` is not a unit of time"))
                .label("unknown unit")
                .suggest(word, UNITS.iter().copied()),
        );
        return None;
    }
    Some((header.to_lowercase(), word.to_owned()))
}
