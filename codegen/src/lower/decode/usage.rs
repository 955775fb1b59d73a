//! The usage table: wire leaves as sums of canonical fields, solved for the fields.
//!
//! `input_tokens: $input - $cache_read` says what the wire's number is; solved, `input` is that number plus the
//! leaf of `cache_read`. The equations have to be triangular: no field may depend on itself.

use super::fields;
use crate::diagnostic::{Diagnostic, Sink, closest};
use crate::dialect::ast::{Operation, Shape, ShapeKind, Slot, Term};
use crate::ir::decode::{Usage, UsageField};
use crate::source::Span;
use std::collections::BTreeSet;

/// The leaves of the table, and what they add up to.
#[derive(Default)]
pub(super) struct UsageLeaves {
    /// The path of every leaf, and where it stands.
    pub(super) leaves: Vec<(Vec<String>, Span)>,
    pub(super) solved: Usage,
}

/// One equation: the wire's leaves (the first that is present) equal the sum of the terms.
struct Equation {
    leaves: Vec<usize>,
    terms: Vec<(bool, String)>,
    span: Span,
}

/// Lowers the usage table of `op`, if it has one.
pub(super) fn lower(op: &Operation, sink: &mut Sink) -> UsageLeaves {
    let mut out = UsageLeaves::default();
    let Some(shape) = &op.usage else { return out };
    let mut equations: Vec<Equation> = Vec::new();
    collect(&[], shape, &mut out.leaves, &mut equations, sink);
    merge_alternatives(&mut equations);
    check_once(&equations, sink);
    let mut cyclic = BTreeSet::new();
    for name in fields::USAGE {
        let mut trail = Vec::new();
        if let Some(terms) = solve(name, &equations, &mut trail, &mut cyclic, sink) {
            out.solved.fields.push(UsageField { name: (*name).to_owned(), terms });
        }
    }
    out.solved.leaves = out.leaves.iter().map(|(path, _)| path.join(".")).collect();
    out
}

fn collect(
    prefix: &[String],
    shape: &Shape,
    leaves: &mut Vec<(Vec<String>, Span)>,
    equations: &mut Vec<Equation>,
    sink: &mut Sink,
) {
    let ShapeKind::Object(fields) = &shape.kind else {
        sink.push(
            Diagnostic::error("TW0625", shape.span, "the usage table is an object of leaves")
                .label("not an object")
                .help("write `{prompt_tokens: $input, …}`"),
        );
        return;
    };
    for field in fields {
        let paths: Vec<Vec<String>> =
            field.keys.iter().map(|key| [prefix, std::slice::from_ref(key)].concat()).collect();
        let terms = match &field.shape.kind {
            ShapeKind::Object(_) => {
                paths.iter().for_each(|path| collect(path, &field.shape, leaves, equations, sink));
                continue;
            }
            ShapeKind::Slot(slot) => vec![(false, slot)],
            ShapeKind::Linear(terms) => {
                terms.iter().map(|Term { negative, slot }| (*negative, slot)).collect()
            }
            ShapeKind::Wrong(_) => continue,
            _ => {
                report_leaf(&field.shape, sink);
                continue;
            }
        };
        let Some(terms) = named(&terms, sink) else { continue };
        if leaves.len() + paths.len() > MAX_LEAVES {
            return report_full(field.key_span, leaves, sink);
        }
        let first = leaves.len();
        leaves.extend(paths.into_iter().map(|path| (path, field.shape.span)));
        equations.push(Equation { leaves: (first..leaves.len()).collect(), terms, span: field.shape.span });
    }
}

/// How many leaves the table may have, alternatives spelled out.
const MAX_LEAVES: usize = 200;

fn report_full(span: Span, leaves: &mut Vec<(Vec<String>, Span)>, sink: &mut Sink) {
    if !leaves.is_empty() {
        sink.push(
            Diagnostic::error("TW0643", span, "the usage table is too large")
                .label(format!("more than {MAX_LEAVES} leaves, alternatives spelled out"))
                .help("name fewer alternatives"),
        );
    }
    leaves.clear();
}

fn report_leaf(shape: &Shape, sink: &mut Sink) {
    sink.push(
        Diagnostic::error("TW0641", shape.span, "a leaf of the usage table is a field, or a sum of fields")
            .label("names no field")
            .help("write `wire_name: $input`, or `wire_name: $input - $cache_read`"),
    );
}

fn named(terms: &[(bool, &Slot)], sink: &mut Sink) -> Option<Vec<(bool, String)>> {
    let mut out = Vec::new();
    for (negative, slot) in terms {
        let name = slot.path.join(".");
        if !fields::USAGE.contains(&name.as_str()) {
            sink.push(
                Diagnostic::error("TW0616", slot.span, format!("usage has no field `{name}`"))
                    .label("unknown field")
                    .suggest(&name, fields::USAGE.iter().copied()),
            );
        }
        for codec in &slot.codecs {
            sink.push(
                Diagnostic::error(
                    "TW0621",
                    codec.span,
                    format!("the codec `{}` cannot read a count", codec.value),
                )
                .label("does not fit")
                .help("counts are numbers; remove the codec"),
            );
        }
        // A field that is misspelt counts as the one that was meant.
        out.push((*negative, closest(&name, fields::USAGE)?.to_owned()));
    }
    Some(out)
}

/// Several plain leaves of one field are alternatives: the first that is present counts.
fn merge_alternatives(equations: &mut Vec<Equation>) {
    let mut merged: Vec<Equation> = Vec::new();
    for equation in equations.drain(..) {
        let plain = |e: &Equation| e.terms.len() == 1;
        match merged
            .iter_mut()
            .find(|known| plain(known) && plain(&equation) && known.terms == equation.terms)
        {
            Some(known) => known.leaves.extend(equation.leaves),
            None => merged.push(equation),
        }
    }
    *equations = merged;
}

/// A field that stands first in two equations would have two values.
fn check_once(equations: &[Equation], sink: &mut Sink) {
    let first = |equation: &Equation| equation.terms.first().map(|(_, name)| name.clone());
    for (at, equation) in equations.iter().enumerate() {
        if let Some(earlier) = equations[..at].iter().find(|earlier| first(earlier) == first(equation)) {
            let name = first(equation).unwrap_or_default();
            sink.push(
                Diagnostic::error(
                    "TW0642",
                    equation.span,
                    format!("the usage field `{name}` has two meanings"),
                )
                .label("would be passed over")
                .related(earlier.span, "the first")
                .note("several leaves of one field are alternatives only if each is the field alone")
                .help("keep one, or put another field first in this sum"),
            );
        }
    }
}

/// The leaves that add up to `name`: its own equation, with every other field replaced by its leaves.
fn solve(
    name: &str,
    equations: &[Equation],
    trail: &mut Vec<String>,
    cyclic: &mut BTreeSet<String>,
    sink: &mut Sink,
) -> Option<Vec<(bool, Vec<usize>)>> {
    let equation = equations.iter().find(|e| e.terms.first().is_some_and(|(_, field)| field == name))?;
    if cyclic.contains(name) {
        return None;
    }
    if trail.iter().any(|open| open == name) {
        cyclic.extend(trail.iter().cloned());
        sink.push(
            Diagnostic::error("TW0617", equation.span, format!("the usage field `{name}` depends on itself"))
                .label("cannot be solved")
                .help("give one of the fields a leaf of its own"),
        );
        return None;
    }
    trail.push(name.to_owned());
    let mut terms = vec![(false, equation.leaves.clone())];
    for (negative, other) in &equation.terms[1..] {
        let Some(inner) = solve(other, equations, trail, cyclic, sink) else {
            if !cyclic.contains(other) {
                report_unsolved(equation, other, sink);
            }
            continue;
        };
        // leaf = name ± other, so name = leaf ∓ other.
        terms.extend(inner.into_iter().map(|(sign, leaves)| (sign == *negative, leaves)));
    }
    trail.pop();
    Some(terms)
}

fn report_unsolved(equation: &Equation, other: &str, sink: &mut Sink) {
    sink.push(
        Diagnostic::error("TW0626", equation.span, format!("no leaf gives the usage field `{other}`"))
            .label("needed to solve this leaf")
            .help(format!("add a leaf `…: ${other}`, or leave `${other}` out of this sum")),
    );
}
