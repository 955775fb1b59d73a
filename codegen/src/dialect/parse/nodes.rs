//! Plain helpers over nodes: what a node has to be, and what is said if it is not.

use crate::diagnostic::{Diagnostic, Sink};
use crate::dialect::ast::Spanned;
use crate::source::{Entry, Node, Span, Value};

pub(super) fn key(entry: &Entry) -> Spanned<String> {
    Spanned { value: entry.key.clone(), span: entry.key_span }
}

pub(super) fn expected(node: &Node, what: &str, sink: &mut Sink) {
    sink.push(
        Diagnostic::error("TW0406", node.span, format!("expected {what}, found {}", node.kind()))
            .label(format!("should be {what}")),
    );
}

pub(super) fn entries<'a>(node: &'a Node, what: &str, sink: &mut Sink) -> Option<&'a [Entry]> {
    let entries = node.as_map();
    if entries.is_none() {
        expected(node, &format!("a mapping for {what}"), sink);
    }
    entries
}

pub(super) fn items<'a>(node: Option<&'a Node>, what: &str, sink: &mut Sink) -> &'a [Node] {
    let Some(node) = node else { return &[] };
    let items = node.as_seq();
    if items.is_none() {
        expected(node, &format!("a list for {what}"), sink);
    }
    items.unwrap_or_default()
}

pub(super) fn text(node: &Node, sink: &mut Sink) -> Option<Spanned<String>> {
    let value = match &node.value {
        Value::Str(text) | Value::Number(text) => text.clone(),
        Value::Bool(value) => value.to_string(),
        _ => {
            expected(node, "a string", sink);
            return None;
        }
    };
    Some(Spanned { value, span: node.span })
}

pub(super) fn pairs(node: Option<&Node>, what: &str, sink: &mut Sink) -> Vec<(Spanned<String>, Node)> {
    let Some(node) = node else { return Vec::new() };
    let entries = entries(node, what, sink).unwrap_or_default();
    entries.iter().map(|entry| (key(entry), entry.value.clone())).collect()
}

pub(super) fn texts(
    node: Option<&Node>,
    what: &str,
    sink: &mut Sink,
) -> Vec<(Spanned<String>, Spanned<String>)> {
    let Some(node) = node else { return Vec::new() };
    let entries = entries(node, what, sink).unwrap_or_default();
    entries.iter().filter_map(|entry| Some((key(entry), text(&entry.value, sink)?))).collect()
}

pub(super) fn named<T>(
    node: Option<&Node>,
    what: &str,
    sink: &mut Sink,
    read: impl Fn(&Node, &mut Sink) -> Option<T>,
) -> Vec<(Spanned<String>, T)> {
    let Some(node) = node else { return Vec::new() };
    let entries = entries(node, what, sink).unwrap_or_default();
    entries.iter().filter_map(|entry| Some((key(entry), read(&entry.value, sink)?))).collect()
}

/// A dotted name, each segment of it: `reasoning.effort`.
pub(super) fn words(node: &Node, sink: &mut Sink) -> Vec<Spanned<String>> {
    match node.as_seq() {
        Some(items) => items.iter().filter_map(|item| text(item, sink)).collect(),
        None => text(node, sink).into_iter().collect(),
    }
}

pub(super) fn no_alternatives(node: &Node, sink: &mut Sink) {
    sink.push(
        Diagnostic::error("TW0406", node.span, "expected alternatives, found none")
            .label("is empty")
            .help("write at least one"),
    );
}

/// Something that stands where nobody looks.
pub(super) fn unread(span: Span, what: &str, why: &str, sink: &mut Sink) {
    sink.push(
        Diagnostic::error("TW0414", span, format!("`{what}` says nothing here"))
            .label("is never looked at")
            .note(why)
            .help("remove it, or write it where it counts"),
    );
}
