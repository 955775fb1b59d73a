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
        if op.name.value == "chat" {
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
    statuses(errors, op.span, &mut out, sink);
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

fn statuses(errors: &ast::Errors, span: Span, out: &mut Errors, sink: &mut Sink) {
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
    if !errors.status.iter().any(|(status, _)| status.value == "_") {
        sink.push(
            Diagnostic::error("TW0615", span, "the table `errors.status` has no row for the rest")
                .label("is not total")
                .help("add `_: Server`"),
        );
    }
}

fn headers(node: &Node, out: &mut Errors, sink: &mut Sink) {
    for entry in node.as_map().unwrap_or_default() {
        match entry.key.as_str() {
            "request_id" => out.request_id = names(&entry.value),
            "should_retry" => out.should_retry = entry.value.as_str().map(str::to_owned),
            "retry_after" => {
                out.retry_after =
                    many(&entry.value).iter().filter_map(|node| timed(node, "name", "unit", sink)).collect()
            }
            "limits" => out.rate_limits = timed(&entry.value, "pattern", "reset", sink),
            other => sink.push(
                Diagnostic::error("TW0629", entry.key_span, format!("unknown header role `{other}`"))
                    .label("not a role")
                    .suggest(other, ["request_id", "should_retry", "retry_after", "limits"]),
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

fn names(node: &Node) -> Vec<String> {
    many(node).iter().filter_map(Node::as_str).map(str::to_lowercase).collect()
}

/// A header (or pattern) with the unit it tells time in.
fn timed(node: &Node, name: &str, unit: &str, sink: &mut Sink) -> Option<(String, String)> {
    let header = node.get(name).and_then(Node::as_str)?;
    let word = node.get(unit).and_then(Node::as_str).unwrap_or("seconds");
    if !UNITS.contains(&word) {
        sink.push(
            Diagnostic::error(
                "TW0620",
                node.get(unit).map_or(node.span, |unit| unit.span),
                format!("`{word}` is not a unit of time"),
            )
            .label("unknown unit")
            .suggest(word, UNITS.iter().copied()),
        );
        return None;
    }
    Some((header.to_owned(), word.to_owned()))
}
