//! What one shape of a row binds: slots and constants with their paths, key alternatives spelled out.

use super::fields::OpField;
use super::tables::Lowering;
use crate::diagnostic::{Diagnostic, Sink};
use crate::dialect::ast::{Const, Field, Pred, Shape, ShapeKind, Slot, Spanned};
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
    /// Where on the wire the usage table was used, and in the file, if it was.
    pub(super) usage: Option<(Vec<String>, Span)>,
    /// Something in it was reported, so that nothing can be said to be missing.
    pub(super) wrong: bool,
    /// The shape is written as well, so that it may say things that only matter there.
    pub(super) both_ways: bool,
    /// It is written in a form that cannot be read back.
    pub(super) one_way: bool,
    /// Names of shapes under expansion, to find cycles.
    using: Vec<String>,
    /// There was more than can be.
    full: bool,
}

/// How many slots and constants a row may have, alternatives spelled out.
const MAX_BINDINGS: usize = 1000;

impl Bindings {
    /// Nothing yet of a shape that is read, and perhaps written as well.
    pub(super) fn new(both_ways: bool) -> Self {
        Self { both_ways, ..Self::default() }
    }

    /// How much was bound.
    pub(super) fn len(&self) -> usize {
        self.slots.len() + self.constants.len()
    }

    fn problem(&mut self, problem: Diagnostic, sink: &mut Sink) {
        self.wrong = true;
        sink.push(problem);
    }

    /// Reports what only means something where JSON is written.
    fn outgoing_only(&mut self, what: &str, span: Span, sink: &mut Sink) {
        if !self.both_ways {
            let problem =
                Diagnostic::error("TW0645", span, format!("{what} means nothing where JSON is read"))
                    .label("would be passed over")
                    .note("guards, defaults and null say what is written; a row says what is there");
            self.problem(problem.help("leave it out, or write rows of their own under `$one`"), sink);
        }
    }
}

/// Collects what `shape` binds below `prefix`.
pub(super) fn collect(
    lowering: &Lowering<'_>,
    prefix: &[String],
    shape: &Shape,
    out: &mut Bindings,
    sink: &mut Sink,
) {
    if out.len() >= MAX_BINDINGS || prefix.len() > MAX_PATH {
        return too_much(shape.span, out, sink);
    }
    match &shape.kind {
        ShapeKind::Slot(slot) => {
            if let Some(other) = &slot.fallback {
                out.outgoing_only("`??`", other.span, sink);
            }
            out.slots.push(Binding { path: prefix.to_vec(), slot: slot.clone() });
        }
        ShapeKind::Const(Const::Null) => out.outgoing_only("`null`", shape.span, sink),
        ShapeKind::Const(value) => {
            out.constants.push(Constant { path: prefix.to_vec(), value: value.clone(), span: shape.span });
        }
        ShapeKind::Object(fields) => {
            fields.iter().for_each(|field| collect_field(lowering, prefix, field, out, sink));
        }
        ShapeKind::Use(table) => collect_used(lowering, prefix, table, out, sink),
        ShapeKind::If { cond, then } => {
            // A guard is about what goes out; what comes in is read all the same.
            if *cond != Pred::Wrong {
                out.outgoing_only("`$if`", shape.span, sink);
            }
            collect(lowering, prefix, then, out, sink);
        }
        ShapeKind::Wrong(_) => out.wrong = true,
        ShapeKind::Absent => {}
        ShapeKind::List(items) if items.is_empty() => {}
        _ if out.both_ways => out.one_way = true,
        _ => out.problem(
            Diagnostic::error("TW0607", shape.span, "this construct cannot be read from the wire")
                .label("has no incoming meaning here")
                .help("a row takes objects, constants, slots and `$use`; iterate lists with `$.path[]:`"),
            sink,
        ),
    }
}

/// How long a path may be.
const MAX_PATH: usize = 40;

fn too_much(span: Span, out: &mut Bindings, sink: &mut Sink) {
    if !std::mem::replace(&mut out.full, true) {
        let problem = Diagnostic::error("TW0643", span, "this row has too many slots, or nests too deep")
            .label(format!("more than {MAX_BINDINGS} slots, or {MAX_PATH} keys on the way to one"))
            .note("alternatives of keys (`a|b`) multiply with those around them");
        out.problem(problem.help("name fewer alternatives"), sink);
    }
}

fn collect_field(
    lowering: &Lowering<'_>,
    prefix: &[String],
    field: &Field,
    out: &mut Bindings,
    sink: &mut Sink,
) {
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
        if out.full {
            return;
        }
        let mut path = prefix.to_vec();
        path.push(key.clone());
        collect(lowering, &path, &field.shape, out, sink);
    }
}

fn collect_used(
    lowering: &Lowering<'_>,
    prefix: &[String],
    table: &Spanned<String>,
    out: &mut Bindings,
    sink: &mut Sink,
) {
    lowering.note_use(&table.value);
    let shapes = lowering.op.shapes.iter().map(|(name, _)| name.value.as_str());
    let known: Vec<&str> = shapes.chain(lowering.op.usage.iter().map(|_| "usage")).collect();
    let meant = match known.contains(&table.value.as_str()) {
        true => Some(table.value.as_str()),
        false => lowering.report_missing_table("shape", table, &known, sink),
    };
    if meant == Some("usage") && lowering.op.usage.is_some() {
        out.usage = Some((prefix.to_vec(), table.span));
        return;
    }
    let Some((name, shape)) = lowering.op.shapes.iter().find(|(name, _)| Some(name.value.as_str()) == meant)
    else {
        out.wrong = true;
        return;
    };
    if out.using.contains(&name.value) {
        let problem =
            Diagnostic::error("TW0624", table.span, format!("the shape `{}` uses itself", name.value))
                .label("comes back to itself here")
                .related(name.span, "defined here")
                .help("write out the part that is meant: what comes in has an end");
        return out.problem(problem, sink);
    }
    out.using.push(name.value.clone());
    collect(lowering, prefix, shape, out, sink);
    out.using.pop();
}

/// How the slot is read, by its field and its codec; `None` if it cannot be. Of what is written as well, the codecs
/// were checked there.
pub(super) fn leaf_of(slot: &Slot, field: OpField, both_ways: bool, sink: &mut Sink) -> Option<Leaf> {
    let mut leaf = field.leaf;
    for codec in &slot.codecs {
        leaf = match (codec.value.as_str(), leaf) {
            ("json", Leaf::Text) => Leaf::JsonText,
            ("object", Leaf::Text) => Leaf::ObjectText,
            ("concat" | "collapse", leaf) => leaf,
            _ if both_ways => return None,
            (other, _) => {
                let problem = format!("the codec `{other}` cannot read `{}`", field.name);
                sink.push(Diagnostic::error("TW0621", codec.span, problem).label("does not fit").help(
                    "`json` reads text that holds JSON, `object` reads JSON as it stands, both into texts",
                ));
                return None;
            }
        };
    }
    Some(leaf)
}
