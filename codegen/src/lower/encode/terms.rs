//! Lowering numbers: sums of rules, ranges and counts of limits.

use super::Lower;
use super::slots::Found;
use crate::diagnostic::Diagnostic;
use crate::dialect::ast::{Const, Shape, ShapeKind, Slot, Spanned};
use crate::ir::encode::{Bound, FieldRef, Otherwise, Term};
use crate::source::{Node, Value};
use crate::vocabulary::Ty;

type Edge = Option<(String, bool)>;

impl Lower<'_> {
    /// `$a + $b`, `$a` or a number.
    pub(super) fn terms(&mut self, shape: &Shape) -> Option<Vec<(bool, Term)>> {
        match &shape.kind {
            ShapeKind::Linear(terms) => {
                let terms: Vec<_> =
                    terms.iter().map(|term| Some((term.negative, self.term(&term.slot)?))).collect();
                terms.into_iter().collect()
            }
            ShapeKind::Slot(slot) => Some(vec![(false, self.term(slot)?)]),
            ShapeKind::Const(Const::Number(text)) if text.parse::<u64>().is_ok() => {
                Some(vec![(false, Term::Number(text.parse().unwrap_or_default()))])
            }
            _ => {
                self.report(
                    Diagnostic::error("TW0513", shape.span, "a rule sets a field to a sum")
                        .label("is no sum")
                        .help("write integer fields joined by `+` and `-`, or a number"),
                );
                None
            }
        }
    }

    fn term(&mut self, slot: &Slot) -> Option<Term> {
        let Found::Field(field) = self.find(&self.request_scope(), &slot.path, slot.span) else {
            return None;
        };
        if field.ty == Ty::Uint && slot.codecs.is_empty() {
            return Some(Term::Field(field));
        }
        self.report(
            Diagnostic::error("TW0502", slot.span, format!("`{}` cannot be added", field.name))
                .label(format!("is of type {}", field.ty.name()))
                .help("only unsigned integers can"),
        );
        None
    }

    /// The number of items of a list.
    pub(super) fn items(&mut self, field: &FieldRef, name: &Spanned<String>, node: &Node) -> Option<Bound> {
        if !field.ty.is_list() {
            self.report(
                Diagnostic::error("TW0511", name.span, format!("`{}` has no items to count", field.name))
                    .label(format!("is of type {}", field.ty.name()))
                    .help("write `range` for a number"),
            );
            return None;
        }
        let count = if let Value::Number(text) = &node.value { text.parse().ok() } else { None };
        if count.is_none() {
            self.malformed(node, "a count is a whole number, such as `items: 4`");
        }
        count.map(Bound::Items)
    }

    /// `0..2`, `1024..`, `..5`, `0<..<1`.
    pub(super) fn range(&mut self, field: &FieldRef, node: &Node, otherwise: Otherwise) -> Option<Bound> {
        if !matches!(field.ty, Ty::Uint | Ty::Int | Ty::Float) {
            self.report(
                Diagnostic::error("TW0511", node.span, format!("`{}` has no range", field.name))
                    .label(format!("is of type {}", field.ty.name()))
                    .help("ranges are for numbers; lists have `items`"),
            );
            return None;
        }
        let Some((min, max)) = node.as_str().and_then(|text| edges(text, field.ty)) else {
            self.malformed(node, "write `0..2`, `1024..`, `..5`, or `0<..<1` where the ends are not allowed");
            return None;
        };
        let open = [&min, &max].iter().any(|edge| edge.as_ref().is_some_and(|(_, closed)| !closed));
        if open && otherwise == Otherwise::Clamp {
            self.malformed(node, "a value cannot be moved to an end that is not allowed itself; use `..`");
            return None;
        }
        Some(Bound::Range { min, max })
    }

    fn malformed(&mut self, node: &Node, help: &str) {
        self.report(
            Diagnostic::error("TW0511", node.span, "these bounds cannot be read")
                .label("not a range")
                .help(help),
        );
    }
}

/// The ends of a range, each with whether it is allowed itself.
fn edges(text: &str, ty: Ty) -> Option<(Edge, Edge)> {
    let (low, high) = text.split_once("..")?;
    let (low, min_closed) = low.strip_suffix('<').map_or((low, true), |low| (low, false));
    let (high, max_closed) = high.strip_prefix('<').map_or((high, true), |high| (high, false));
    let (min, max) = (edge(low.trim(), min_closed, ty)?, edge(high.trim(), max_closed, ty)?);
    let number = |edge: &Edge| edge.as_ref().and_then(|(text, _)| text.parse::<f64>().ok());
    let empty = matches!((number(&min), number(&max)), (Some(min), Some(max)) if min > max);
    if empty || (min.is_none() && max.is_none()) { None } else { Some((min, max)) }
}

fn edge(text: &str, closed: bool, ty: Ty) -> Option<Edge> {
    if text.is_empty() {
        return closed.then_some(None);
    }
    let fits = match ty {
        Ty::Uint => text.parse::<u64>().is_ok(),
        Ty::Int => text.parse::<i64>().is_ok(),
        _ => text.parse::<f64>().is_ok_and(f64::is_finite),
    };
    fits.then(|| Some((text.to_owned(), closed)))
}
