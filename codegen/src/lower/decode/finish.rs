//! The finish table: the wire's words for why a model stopped, and what they mean.

use super::fields;
use crate::diagnostic::{Diagnostic, Sink};
use crate::dialect::ast::{Const, Labelled, Operation, Pred, Shape, ShapeKind, Spanned};
use crate::ir::decode::FinishRow;

/// Lowers the finish table of `op`; a chat without one, or without a row for the rest, is reported.
pub(super) fn lower(op: &Operation, sink: &mut Sink) -> Vec<FinishRow> {
    let table = op.enums.iter().find(|table| table.name.value == "finish");
    let Some(table) = table else {
        if op.name.value == "chat" && !op.torn {
            sink.push(
                Diagnostic::error("TW0613", op.span, "a chat needs a `finish` table")
                    .label("has none")
                    .help("write `finish: {stop: stop, length: length, _: other}`"),
            );
        }
        return Vec::new();
    };
    if !table.rows.iter().any(|(wire, _)| wire.value == "_") {
        sink.push(
            Diagnostic::error("TW0613", table.name.span, "the finish table has no row for the rest")
                .label("is not total")
                .help("add `_: other`: providers invent reasons"),
        );
    }
    table.rows.iter().filter_map(|(wire, shape)| row(wire, shape, sink)).collect()
}

fn row(wire: &Spanned<String>, shape: &Shape, sink: &mut Sink) -> Option<FinishRow> {
    let (reason, with_calls) = match &shape.kind {
        ShapeKind::Wrong(_) => return None,
        ShapeKind::One(alternatives) => derived(alternatives, sink)?,
        _ => (reason(shape, sink)?, None),
    };
    let said = |reason: String| (reason != "ignore").then_some(reason);
    Some(FinishRow { wire: wire.value.clone(), reason: said(reason), with_calls: with_calls.and_then(said) })
}

/// `$one: [{$if: calls, $is: a}, b]`.
fn derived(alternatives: &[Labelled], sink: &mut Sink) -> Option<(String, Option<String>)> {
    let [first, second] = alternatives else { return unsupported(&alternatives.first()?.shape, sink) };
    if let ShapeKind::If { cond: Pred::Wrong, .. } = &first.shape.kind {
        return None;
    }
    let ShapeKind::If { cond: Pred::Word(word), then } = &first.shape.kind else {
        return unsupported(&first.shape, sink);
    };
    if word.value != "calls" {
        return unsupported(&first.shape, sink);
    }
    Some((reason(&second.shape, sink)?, Some(reason(then, sink)?)))
}

fn unsupported<T>(shape: &Shape, sink: &mut Sink) -> Option<T> {
    sink.push(
        Diagnostic::error("TW0627", shape.span, "a finish reason is a word or a choice by `calls`")
            .label("cannot be decided from the wire")
            .help("write `reason` or `$one: [{$if: calls, $is: tool_calls}, stop]`"),
    );
    None
}

fn reason(shape: &Shape, sink: &mut Sink) -> Option<String> {
    let ShapeKind::Const(Const::Str(word)) = &shape.kind else { return unsupported(shape, sink) };
    if fields::FINISH.contains(&word.as_str()) {
        return Some(word.clone());
    }
    sink.push(
        Diagnostic::error("TW0612", shape.span, format!("`{word}` is not a finish reason"))
            .label("unknown reason")
            .suggest(word, fields::FINISH.iter().copied()),
    );
    None
}
