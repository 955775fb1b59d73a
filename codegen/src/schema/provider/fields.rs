//! Typed access to the fields of a mapping. Values of the wrong type are absent here: validation has reported them.

use super::exact;
use crate::diagnostic::{Diagnostic, Sink};
use crate::source::{Node, Span, Value};

/// A text and where it stands.
pub(super) type Text<'a> = (&'a str, Span);

pub(super) fn text<'a>(node: &'a Node, key: &str) -> Option<Text<'a>> {
    as_text(node.get(key)?)
}

pub(super) fn as_text(node: &Node) -> Option<Text<'_>> {
    Some((node.as_str()?, node.span))
}

pub(super) fn owned(node: &Node, key: &str) -> Option<String> {
    text(node, key).map(|(text, _)| text.to_owned())
}

pub(super) fn flag(node: &Node, key: &str) -> Option<bool> {
    as_flag(node.get(key)?)
}

pub(super) fn as_flag(node: &Node) -> Option<bool> {
    if let Value::Bool(value) = node.value { Some(value) } else { None }
}

/// The texts of a list.
pub(super) fn texts<'a>(node: &'a Node, key: &str) -> Vec<Text<'a>> {
    node.get(key).and_then(Node::as_seq).unwrap_or_default().iter().filter_map(as_text).collect()
}

/// The texts of a list, or a single text.
pub(super) fn one_or_many<'a>(node: &'a Node, key: &str) -> Vec<Text<'a>> {
    text(node, key).map_or_else(|| texts(node, key), |one| vec![one])
}

pub(super) fn number<'a>(node: &'a Node, key: &str) -> Option<Text<'a>> {
    let node = node.get(key)?;
    if let Value::Number(text) = &node.value { Some((text, node.span)) } else { None }
}

/// A count of tokens, requests, dimensions: whole, more than zero.
pub(super) fn count(node: &Node, key: &str, sink: &mut Sink) -> Option<u64> {
    let (text, span) = number(node, key)?;
    match exact::units(text, 0) {
        Ok(0) => {
            let problem = Diagnostic::error("TW0229", span, format!("`{key}` is 0"));
            sink.push(problem.label("no limit is zero").help("leave it out where it is unknown"));
            None
        }
        Ok(value) => Some(value),
        // Negative numbers and fractions were reported against the schema.
        Err(exact::Inexact::Large) => {
            sink.push(
                Diagnostic::error("TW0229", span, format!("`{key}` is too large")).label("more than 64 bits"),
            );
            None
        }
        Err(_) => None,
    }
}
