//! Lowering of what comes in: operation tables become visits with typed leaves, tests and operations.
//!
//! [`tables`] turns focuses and choices into visits, [`rows`] what stands in them, [`fields`] says what a row may bind, [`builder`] merges
//! paths, [`usage`], [`finish`] and [`errors`] lower the tables of those names, [`laws`] checks what only shows
//! over the whole operation.

mod bindings;
mod builder;
mod errors;
pub mod fields;
mod finish;
mod laws;
mod rows;
mod stream;
mod tables;
mod usage;

use crate::diagnostic::Sink;
use crate::dialect::ast::Operation;
use crate::ir::decode::Decode;

/// Lowers everything that comes in for one operation, reporting every problem.
pub fn lower(op: &Operation, sink: &mut Sink) -> Decode {
    let usage = usage::lower(op, sink);
    let mut lowering = tables::Lowering::new(op, &usage);
    let response = op
        .response
        .as_ref()
        .map(|table| lowering.root("on_response", "a whole response", table, op.span, sink));
    let stream = op.stream.as_ref().map(|stream| stream::lower(&mut lowering, stream, sink));
    let errors = errors::lower(&mut lowering, op, sink);
    let (is_whole, is_vague) = (!lowering.lost && !op.torn, lowering.vague);
    if is_whole && !lowering.unsure {
        laws::check_used(&lowering, sink);
    }
    let decode = Decode {
        operation: op.name.value.clone(),
        visits: lowering.into_visits(),
        response,
        stream: stream.flatten(),
        finish: finish::lower(op, sink),
        usage: usage.solved,
        errors,
    };
    if op.response.is_none() && !op.torn {
        laws::report_no_response(op, sink);
    }
    // Where a row was lost, nothing can be said to be missing.
    if is_whole {
        laws::check(op, &decode, is_vague, sink);
    }
    decode
}
