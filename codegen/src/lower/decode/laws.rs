//! What only shows over the whole operation: the end of a stream is reachable, what is appended to is opened under the
//! same key, and what is written down is used.

use super::fields;
use super::tables::Lowering;
use crate::diagnostic::{Diagnostic, Sink, closest};
use crate::dialect::ast::{self, Operation, Spanned};
use crate::ir::decode::{Decode, Op, Place, Row, Step};
use crate::source::Span;

/// Checks the laws of the stream and of errors.
pub(super) fn check(op: &Operation, decode: &Decode, is_vague: bool, sink: &mut Sink) {
    let (mut rows, mut own) = (Vec::new(), Vec::new());
    for visit in &decode.visits {
        visit.steps.iter().for_each(|step| collect(step, &mut rows));
        // Elsewhere rows may have keys of the list that they stand in.
        if !visit.takes_place {
            visit.steps.iter().for_each(|step| collect(step, &mut own));
        }
    }
    if let Some(stream) = &op.stream {
        check_terminal(stream, &rows, sink);
        check_opened(&rows, stream, sink);
        check_implicit(&rows, stream, sink);
        check_keys(&rows, &own, stream, sink);
    }
    if let Some(errors) = op.errors.as_ref().filter(|_| !is_vague) {
        check_classed(&rows, "code", &errors.code, sink);
        check_classed(&rows, "kind", &errors.kind, sink);
    }
}

/// Reports an operation that says nothing about answers.
pub(super) fn report_no_response(op: &Operation, sink: &mut Sink) {
    sink.push(
        Diagnostic::error("TW0631", op.span, format!("the operation `{}` has no `response`", op.name.value))
            .label("nothing says what comes back")
            .help("write `response: {meta: {id: $id}, …}`"),
    );
}

/// Reports tables and shapes that nothing uses.
pub(super) fn check_used(lowering: &Lowering<'_>, sink: &mut Sink) {
    let op = lowering.op;
    let named = op.op_tables.iter().map(|(name, _)| name).chain(op.shapes.iter().map(|(name, _)| name));
    let unused = |name: &str, span: Span, what: &str| {
        Diagnostic::warning("TW0644", span, format!("nothing uses {what} `{name}`"))
            .label("says nothing")
            .help(format!("write `$use: {name}` where it counts, or remove it"))
    };
    for Spanned { value: name, span } in named.filter(|name| !lowering.is_used(&name.value)) {
        sink.push(unused(name, *span, "the table"));
    }
    if let Some(usage) = op.usage.as_ref().filter(|_| !lowering.is_used("usage")) {
        sink.push(unused("usage", usage.span, "the table"));
    }
}

fn check_terminal(stream: &ast::Stream, rows: &[&Row], sink: &mut Sink) {
    let reached = |wanted: fn(&Op) -> bool| rows.iter().any(|row| wanted(&row.op));
    let is_seen = match stream.needs.value.as_str() {
        "end" => stream.sentinel.is_some() || reached(|op| matches!(op, Op::End)),
        "finish" => reached(|op| matches!(op, Op::Finish)),
        _ => true,
    };
    if is_seen {
        return;
    }
    let needs = &stream.needs;
    sink.push(
        Diagnostic::error("TW0610", needs.span, format!("no row of this stream ever says `{}`", needs.value))
            .label("can never be seen")
            .note("every stream would end as truncated")
            .help(format!("add a row `{}:` to the event that ends the answer", needs.value)),
    );
}

/// The class of a row that goes on with a part.
fn continued(row: &Row) -> Option<&str> {
    match &row.op {
        Op::Append(class) | Op::Set(class) => Some(class),
        _ => None,
    }
}

fn opens<'a>(rows: &[&'a Row], class: &str) -> Vec<&'a Row> {
    rows.iter().filter(|row| matches!(&row.op, Op::Open(known) if known == class)).copied().collect()
}

fn is_implicit(stream: &ast::Stream, class: &str) -> bool {
    // A class that is misspelt counts as the one that was meant.
    let is_it = |known: &Spanned<String>| closest(&known.value, fields::CLASSES) == Some(class);
    stream.implicit.iter().any(is_it)
}

fn check_opened(rows: &[&Row], stream: &ast::Stream, sink: &mut Sink) {
    let mut reported: Vec<&str> = Vec::new();
    for row in rows {
        let Op::Append(class) = &row.op else { continue };
        let is_opened = is_implicit(stream, class) || !opens(rows, class).is_empty();
        if is_opened || reported.contains(&class.as_str()) {
            continue;
        }
        reported.push(class);
        sink.push(
            Diagnostic::error(
                "TW0611",
                row.span,
                format!("nothing opens the `{class}` that this appends to"),
            )
            .label("would never be seen")
            .help(format!("add a row `open.{class}:`, or list `{class}` under `implicit:`")),
        );
    }
}

fn check_implicit(rows: &[&Row], stream: &ast::Stream, sink: &mut Sink) {
    for class in stream.implicit.iter().filter(|class| fields::CLASSES.contains(&class.value.as_str())) {
        if rows.iter().any(|row| continued(row) == Some(class.value.as_str())) {
            continue;
        }
        sink.push(
            Diagnostic::error("TW0637", class.span, format!("nothing ever appends to `{}`", class.value))
                .label("opens by itself, and stays empty")
                .help(format!("add a row `append.{}:`, or take it out of `implicit`", class.value)),
        );
    }
}

/// A part that is continued under a key has to be opened under one, and under a pair of keys if that is what is given.
fn check_keys(rows: &[&Row], own: &[&Row], stream: &ast::Stream, sink: &mut Sink) {
    let keys = |place: &Place| usize::from(place.key.is_some()) + usize::from(place.key2.is_some());
    for row in own {
        let Some(class) = continued(row).filter(|class| !is_implicit(stream, class)) else { continue };
        let opens = opens(rows, class);
        if opens.iter().any(|open| !own.iter().any(|own| std::ptr::eq(*own, *open))) {
            continue;
        }
        let fits = |open: &&Row| keys(&row.at) == 0 || keys(&row.at) == keys(&open.at);
        if let Some(open) = opens.first()
            && !opens.iter().any(fits)
        {
            let count = |row: &Row| match keys(&row.at) {
                0 => "no key",
                1 => "a key",
                _ => "a pair of keys",
            };
            sink.push(
                Diagnostic::error("TW0646", row.span, format!("this `{class}` would never be found"))
                    .label(format!("is looked for under {}", count(row)))
                    .related(open.span, format!("is opened under {}", count(open)))
                    .help("bind the same `$k` (and `$k2`) where it is opened and where it goes on"),
            );
        }
    }
}

/// A table by `code` or `kind` counts only if some row of a failure reads one.
fn check_classed(rows: &[&Row], field: &str, table: &[(Spanned<String>, Spanned<String>)], sink: &mut Sink) {
    let reads = |row: &&Row| matches!(row.op, Op::Fail) && row.args.iter().any(|(name, _)| name == field);
    if let Some((first, _)) = table.first().filter(|_| !rows.iter().any(reads)) {
        sink.push(
            Diagnostic::error("TW0640", first.span, format!("no row of a failure reads `${field}`"))
                .label(format!("the table `errors.{field}` would never be asked"))
                .help(format!("put `${field}` into `errors.body` where the wire carries it")),
        );
    }
}

fn collect<'a>(step: &'a Step, rows: &mut Vec<&'a Row>) {
    match step {
        Step::Fire(row) => rows.push(row),
        Step::First(arms) => arms.iter().flat_map(|(_, steps)| steps).for_each(|step| collect(step, rows)),
        Step::Each { .. } => {}
    }
}
