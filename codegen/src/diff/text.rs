//! Values as a line of a report says them.

use crate::emit::models::dollars;
use crate::emit::rust::grouped;
use crate::ir::provider::Price;
use crate::source::{Node, Value};

/// Longer values are cut.
const LONGEST: usize = 100;

/// A count, in groups of three digits.
pub(super) fn count(count: Option<u64>) -> Option<String> {
    count.map(|count| grouped(count, ' '))
}

/// A price in dollars.
pub(super) fn price(price: Option<Price>) -> Option<String> {
    let price = price?;
    let mut text = "$".to_owned();
    dollars(price, &mut text);
    Some(text)
}

/// A text, in backticks.
pub(super) fn code(text: &str) -> String {
    format!("`{}`", cut(text))
}

/// An optional text, in backticks.
pub(super) fn maybe(text: Option<&String>) -> Option<String> {
    text.map(|text| code(text))
}

/// A list of texts; nothing for an empty one.
pub(super) fn list(texts: &[String]) -> Option<String> {
    (!texts.is_empty()).then(|| texts.iter().map(|text| code(text)).collect::<Vec<_>>().join(", "))
}

/// YAML on one line, in backticks.
pub(super) fn yaml(node: &Node) -> String {
    code(&flow(node))
}

/// YAML on one line.
pub(super) fn flow(node: &Node) -> String {
    let mut out = String::new();
    write(node, &mut out);
    out
}

fn write(node: &Node, out: &mut String) {
    match &node.value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(text) | Value::Str(text) => out.push_str(text),
        Value::Seq(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                write(item, out);
            }
            out.push(']');
        }
        Value::Map(entries) => {
            out.push('{');
            for (at, entry) in entries.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                out.push_str(&entry.key);
                out.push_str(": ");
                write(&entry.value, out);
            }
            out.push('}');
        }
    }
}

fn cut(text: &str) -> String {
    let line = text.replace(['\n', '\r'], " ").replace('`', "'");
    if line.chars().count() <= LONGEST {
        line
    } else {
        line.chars().take(LONGEST).collect::<String>() + "…"
    }
}
