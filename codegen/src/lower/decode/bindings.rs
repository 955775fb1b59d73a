//! What one shape of a row binds: slots and constants with their paths, key alternatives spelled out.

use super::fields::OpField;
use super::tables::Lowering;
use crate::dialect::ast::{Const, Field, Shape, ShapeKind, Slot};
use crate::diagnostic::{Diagnostic, Sink};
use crate::ir::decode::Leaf;
use crate::source::Span;

/// A slot at a path.
pub(super) struct Binding {
    pub(super) path: Vec<String>,
    pub(super) slot: Slot,
}

/// A constant at a path.
pub(super) struct Constant {
    pub(super) path: Vec<String>,
    pub(super) value: Const,
    pub(super) span: Span,
}

/// Everything a shape says.
#[derive(Default)]
pub(super) struct Bindings {
    pub(super) slots: Vec<Binding>,
    pub(super) constants: Vec<Constant>,
    /// `$k: word`: keys that are not on the wire.
    pub(super) fixed: Vec<(String, String)>,
    /// Where the usage table was used, if it was.
    pub(super) usage: Option<Vec<String>>,
}

/// Collects what `shape` binds below `prefix`.
pub(super) fn collect(lowering: &Lowering<'_>, prefix: &[String], shape: &Shape, out: &mut Bindings, sink: &mut Sink) {
    match &shape.kind {
        ShapeKind::Slot(slot) => out.slots.push(Binding { path: prefix.to_vec(), slot: slot.clone() }),
        ShapeKind::Const(value) => {
            out.constants.push(Constant { path: prefix.to_vec(), value: value.clone(), span: shape.span });
        }
        ShapeKind::Object(fields) => fields.iter().for_each(|field| collect_field(lowering, prefix, field, out, sink)),
        ShapeKind::Use(table) => collect_used(lowering, prefix, table, out, sink),
        // A guard is about what goes out; what comes in is read all the same.
        ShapeKind::If { then, .. } => collect(lowering, prefix, then, out, sink),
        ShapeKind::Absent => {}
        ShapeKind::List(items) if items.is_empty() => {}
        _ => sink.push(
            Diagnostic::error("TW0607", shape.span, "this construct cannot be read from the wire")
                .label("has no incoming meaning here")
                .help("a row of an operation table takes objects, constants, slots and `$use`; iterate lists with `$.path[]:`"),
        ),
    }
}

fn collect_field(lowering: &Lowering<'_>, prefix: &[String], field: &Field, out: &mut Bindings, sink: &mut Sink) {
    if field.keys.is_empty() {
        return collect(lowering, prefix, &field.shape, out, sink);
    }
    if let [key] = field.keys.as_slice()
        && let Some(name) = key.strip_prefix('$')
        && let ShapeKind::Const(Const::Str(word)) = &field.shape.kind
    {
        out.fixed.push((name.to_owned(), word.clone()));
        return;
    }
    for key in &field.keys {
        let mut path = prefix.to_vec();
        path.push(key.clone());
        collect(lowering, &path, &field.shape, out, sink);
    }
}

fn collect_used(
    lowering: &Lowering<'_>,
    prefix: &[String],
    table: &crate::dialect::ast::Spanned<String>,
    out: &mut Bindings,
    sink: &mut Sink,
) {
    if table.value == "usage" && lowering.op.usage.is_some() {
        out.usage = Some(prefix.to_vec());
        return;
    }
    if let Some((_, shape)) = lowering.op.shapes.iter().find(|(name, _)| name.value == table.value) {
        return collect(lowering, prefix, shape, out, sink);
    }
    let known = lowering.op.shapes.iter().map(|(name, _)| name.value.as_str()).chain(lowering.op.usage.iter().map(|_| "usage"));
    sink.push(
        Diagnostic::error("TW0604", table.span, format!("there is no shape `{}`", table.value))
            .label("not defined in this operation")
            .suggest(&table.value, known),
    );
}

/// How the slot is read, by its field and its codec.
pub(super) fn leaf_of(slot: &Slot, field: OpField, sink: &mut Sink) -> Leaf {
    let mut leaf = field.leaf;
    for codec in &slot.codecs {
        leaf = match (codec.value.as_str(), leaf) {
            ("json", Leaf::Text) => Leaf::JsonText,
            ("object", Leaf::Text) => Leaf::ObjectText,
            ("concat" | "collapse", leaf) => leaf,
            (other, leaf) => {
                sink.push(
                    Diagnostic::error("TW0621", codec.span, format!("the codec `{other}` cannot read `{}`", field.name))
                        .label("does not fit")
                        .help("incoming codecs: `json` (text that holds JSON) and `object` (JSON as it stands) on texts"),
                );
                leaf
            }
        };
    }
    leaf
}
