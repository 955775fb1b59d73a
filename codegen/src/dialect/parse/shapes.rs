//! Shapes: JSON with slots, guards and choices. The language inside strings is read by [`super::super::scalar`].

use super::nodes::{entries, expected, key, no_alternatives, text, unread};
use crate::diagnostic::{Diagnostic, Sink};
use crate::dialect::ast::{Const, Field, Labelled, Pred, Shape, ShapeKind};
use crate::dialect::scalar::{self, Scalar};
use crate::source::{Entry, Node, Value};

/// Reads a shape: JSON with slots.
pub fn shape(node: &Node, sink: &mut Sink) -> Option<Shape> {
    let kind = match &node.value {
        Value::Null => ShapeKind::Const(Const::Null),
        Value::Bool(value) => ShapeKind::Const(Const::Bool(*value)),
        Value::Number(text) => ShapeKind::Const(Const::Number(text.clone())),
        Value::Str(text) => return Some(scalar::shape(Scalar::new(text, node.span), sink)),
        Value::Seq(items) => ShapeKind::List(items.iter().filter_map(|item| shape(item, sink)).collect()),
        Value::Map(entries) => return object(node, entries, sink),
    };
    Some(Shape { kind, span: node.span })
}

fn object(node: &Node, entries: &[Entry], sink: &mut Sink) -> Option<Shape> {
    let at = |kind| Some(Shape { kind, span: node.span });
    if let Some(cond) = node.get("$if") {
        return guarded(node, entries, cond, sink);
    }
    match entries {
        [only] if only.key == "$one" && is_empty(&only.value) => {
            no_alternatives(&only.value, sink);
            at(wrong(&only.value))
        }
        [only] if only.key == "$one" => at(ShapeKind::One(labelled(&only.value, sink))),
        [only] if only.key == "$runs" && only.value.as_map().is_none() => {
            expected(&only.value, "a mapping from kinds of parts to shapes", sink);
            at(wrong(&only.value))
        }
        [only] if only.key == "$runs" => at(ShapeKind::Runs(labelled(&only.value, sink))),
        [only] if only.key == "$raw" => at(ShapeKind::RawIf(Box::new(shape(&only.value, sink)?))),
        [only] if only.key == "$use" => at(ShapeKind::Use(text(&only.value, sink)?)),
        _ => at(ShapeKind::Object(object_fields(entries, sink))),
    }
}

fn guarded(node: &Node, entries: &[Entry], cond: &Node, sink: &mut Sink) -> Option<Shape> {
    let cond = predicate(cond, sink);
    let then = match node.get("$is") {
        Some(value) => {
            let others = entries.iter().filter(|entry| !matches!(entry.key.as_str(), "$if" | "$is"));
            others.for_each(|entry| unread(entry.key_span, &entry.key, "`$is` is the whole value", sink));
            shape(value, sink)?
        }
        None => {
            let rest: Vec<Entry> = entries.iter().filter(|entry| entry.key != "$if").cloned().collect();
            let rest = Node { value: Value::Map(rest), span: node.span };
            shape(&rest, sink)?
        }
    };
    Some(Shape { kind: ShapeKind::If { cond, then: Box::new(then) }, span: node.span })
}

pub(super) fn predicate(node: &Node, sink: &mut Sink) -> Pred {
    let Some(words) = node.as_str() else {
        expected(node, "a predicate", sink);
        return Pred::Wrong;
    };
    scalar::predicate(Scalar::new(words, node.span), sink)
}

/// What stands in for something that was reported: the strings in it, which may be slots.
fn wrong(node: &Node) -> ShapeKind {
    let mut texts = Vec::new();
    strings(node, &mut texts);
    ShapeKind::Wrong(texts)
}

fn strings(node: &Node, out: &mut Vec<String>) {
    match &node.value {
        Value::Str(text) if text.contains('$') => out.push(text.clone()),
        Value::Seq(items) => items.iter().for_each(|item| strings(item, out)),
        Value::Map(entries) => entries.iter().for_each(|entry| strings(&entry.value, out)),
        _ => {}
    }
}

fn is_empty(node: &Node) -> bool {
    node.as_seq().is_some_and(<[Node]>::is_empty) || node.as_map().is_some_and(<[Entry]>::is_empty)
}

fn labelled(node: &Node, sink: &mut Sink) -> Vec<Labelled> {
    match &node.value {
        Value::Seq(items) => items
            .iter()
            .filter_map(|item| Some(Labelled { label: None, shape: shape(item, sink)? }))
            .collect(),
        Value::Map(rows) => rows
            .iter()
            .filter_map(|row| Some(Labelled { label: Some(key(row)), shape: shape(&row.value, sink)? }))
            .collect(),
        _ => {
            expected(node, "a list or a mapping of alternatives", sink);
            Vec::new()
        }
    }
}

pub(super) fn fields(node: &Node, sink: &mut Sink) -> Vec<Field> {
    entries(node, "fields", sink).map(|entries| object_fields(entries, sink)).unwrap_or_default()
}

fn object_fields(entries: &[Entry], sink: &mut Sink) -> Vec<Field> {
    entries.iter().filter_map(|entry| field(entry, sink)).collect()
}

fn field(entry: &Entry, sink: &mut Sink) -> Option<Field> {
    if entry.key == "$use" {
        let table = text(&entry.value, sink)?;
        let shape = Shape { span: table.span, kind: ShapeKind::Use(table) };
        return Some(Field { keys: Vec::new(), key_span: entry.key_span, shape });
    }
    let is_fixed_key = entry.key == "$k" || entry.key == "$k2" || entry.key == "$choice";
    if entry.key.starts_with('$') && !is_fixed_key {
        sink.push(
            Diagnostic::error("TW0407", entry.key_span, format!("`{}` cannot stand here", entry.key))
                .label("not a construct that goes beside other keys")
                .suggest(&entry.key, ["$if", "$is", "$one", "$runs", "$raw", "$use"]),
        );
        let kind = wrong(&entry.value);
        let shape = Shape { kind, span: entry.value.span };
        return Some(Field { keys: vec![entry.key.clone()], key_span: entry.key_span, shape });
    }
    if is_fixed_key && !is_fixed(entry) {
        report_fixed(entry, sink);
        // It counts as fixed, so that nobody misses the key.
        let kind = ShapeKind::Const(Const::Str(String::new()));
        let shape = Shape { kind, span: entry.value.span };
        return Some(Field { keys: vec!["$k".to_owned()], key_span: entry.key_span, shape });
    }
    let keys: Vec<String> = entry.key.split('|').map(str::to_owned).collect();
    if keys.len() > 1 && keys.iter().any(String::is_empty) {
        sink.push(
            Diagnostic::error("TW0407", entry.key_span, "an alternative of this key is empty")
                .label("nothing beside a `|`")
                .help("write `first|second`"),
        );
        return None;
    }
    Some(Field { keys, key_span: entry.key_span, shape: shape(&entry.value, sink)? })
}

/// `$k: word` names a slot that has no key on the wire; only a word can.
fn is_fixed(entry: &Entry) -> bool {
    entry.key != "$choice" && entry.value.as_str().is_some_and(|word| !word.is_empty() && !word.contains('$'))
}

fn report_fixed(entry: &Entry, sink: &mut Sink) {
    sink.push(
        Diagnostic::error("TW0415", entry.key_span, format!("`{}` cannot be fixed like this", entry.key))
            .label("is no key of the wire")
            .note("`$k: word` gives a slot a name that does not stand on the wire")
            .help(format!("write `$k: word`, or `name: {}` to read it from the key `name`", entry.key)),
    );
}
