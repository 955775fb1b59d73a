//! What only shows over the whole operation: the end of a stream is reachable, and what is appended to is opened.

use crate::diagnostic::{Diagnostic, Sink};
use crate::dialect::ast::Operation;
use crate::ir::decode::{Decode, Op, Row, Step};

/// Checks the laws of the stream and the response.
pub(super) fn check(op: &Operation, decode: &Decode, sink: &mut Sink) {
    let mut rows = Vec::new();
    for visit in &decode.visits {
        visit.steps.iter().for_each(|step| collect(step, &mut rows));
    }
    if let (Some(stream), Some(ast)) = (&decode.stream, &op.stream) {
        let reached = |wanted: fn(&Op) -> bool| rows.iter().any(|row| wanted(&row.op));
        let is_end =
            reached(|op| matches!(op, Op::End)) || (stream.needs == "end" && stream.sentinel.is_some());
        let is_finish = reached(|op| matches!(op, Op::Finish));
        if (stream.needs == "end" && !is_end) || (stream.needs == "finish" && !is_finish) {
            sink.push(
                Diagnostic::error(
                    "TW0610",
                    ast.needs.span,
                    format!("no row of this stream ever says `{}`", stream.needs),
                )
                .label("can never be seen")
                .note("every stream would end as truncated")
                .help(format!("add a row `{}:` to the event that ends the answer", stream.needs)),
            );
        }
        check_opened(&rows, &stream.implicit, sink);
    }
    if op.response.is_none() {
        sink.push(
            Diagnostic::error(
                "TW0631",
                op.span,
                format!("the operation `{}` has no `response`", op.name.value),
            )
            .label("nothing says what comes back"),
        );
    }
}

fn check_opened(rows: &[&Row], implicit: &[String], sink: &mut Sink) {
    let opened = |class: &str| {
        implicit.iter().any(|known| known == class)
            || rows.iter().any(|row| matches!(&row.op, Op::Open(known) if known == class))
    };
    let mut reported: Vec<&str> = Vec::new();
    for row in rows {
        let Op::Append(class) = &row.op else { continue };
        if opened(class) || reported.contains(&class.as_str()) {
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

fn collect<'a>(step: &'a Step, rows: &mut Vec<&'a Row>) {
    match step {
        Step::Fire(row) => rows.push(row),
        Step::First(arms) => arms.iter().flat_map(|(_, steps)| steps).for_each(|step| collect(step, rows)),
        Step::Each { .. } => {}
    }
}
