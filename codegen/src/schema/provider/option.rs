//! Provider-only request options.

use super::exact;
use super::fields::{number, owned, text, texts};
use crate::diagnostic::{Diagnostic, Sink};
use crate::ir::provider::{OptionType, ProviderOption};
use crate::source::{Entry, Node, Span};
use std::collections::HashMap;

/// Methods that the generated `Options` have besides those of the options.
const TAKEN: &[&str] =
    &["as_ref", "borrow", "clone", "default", "eq", "extra", "fmt", "from", "into", "new", "to_owned"];

pub(super) fn read(provider: &Node, sink: &mut Sink) -> Vec<ProviderOption> {
    let entries = provider.get("options").and_then(Node::as_map).unwrap_or_default();
    entries.iter().filter(|entry| entry.value.as_map().is_some()).map(|entry| option(entry, sink)).collect()
}

fn option(entry: &Entry, sink: &mut Sink) -> ProviderOption {
    name(&entry.key, entry.key_span, sink);
    ProviderOption {
        name: entry.key.clone(),
        wire: owned(&entry.value, "wire"),
        ty: option_type(&entry.value, sink),
        doc: owned(&entry.value, "description"),
        span: entry.key_span,
    }
}

fn name(name: &str, span: Span, sink: &mut Sink) {
    let form = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && name.len() <= crate::names::MAX_LEN;
    if form && !crate::names::is_keyword(name) && TAKEN.binary_search(&name).is_err() {
        return;
    }
    let why = match form {
        true => "a keyword of Rust, or another method of the options, has this name",
        false => "an option becomes a method: lower-case letters, digits and `_`, first a letter",
    };
    sink.push(
        Diagnostic::error("TW0231", span, format!("an option cannot be called `{name}`"))
            .note(why)
            .help("choose another name, and give the field on the wire as `wire`"),
    );
}

fn option_type(node: &Node, sink: &mut Sink) -> OptionType {
    let kind = text(node, "type").map_or("", |(kind, _)| kind);
    let bounded = matches!(kind, "integer" | "number");
    for (key, fits) in [("min", bounded), ("max", bounded), ("values", kind == "enum")] {
        if let Some(entry) = node.entry(key).filter(|_| !fits && !kind.is_empty()) {
            sink.push(contradiction(entry.key_span, format!("`{key}` says nothing about the type `{kind}`")));
        }
    }
    match kind {
        "integer" => integer(node, sink),
        "number" => decimal(node, sink),
        "string" => OptionType::String,
        "enum" => OptionType::Enum(values(node, sink)),
        "strings" => OptionType::Strings,
        "json" => OptionType::Json,
        _ => OptionType::Bool,
    }
}

fn integer(node: &Node, sink: &mut Sink) -> OptionType {
    let mut bound = |key: &str| {
        let (text, span) = number(node, key)?;
        let magnitude =
            exact::units(text.trim_start_matches('-'), 0).ok().and_then(|value| i64::try_from(value).ok());
        if magnitude.is_none() {
            sink.push(contradiction(span, format!("`{key}` of an integer is a whole number of 64 bits")));
        }
        magnitude.map(|value| if text.starts_with('-') { -value } else { value })
    };
    let (min, max) = (bound("min"), bound("max"));
    ordered(node, min.zip(max).is_none_or(|(min, max)| min <= max), sink);
    OptionType::Integer { min, max }
}

fn decimal(node: &Node, sink: &mut Sink) -> OptionType {
    let bound = |key: &str| {
        number(node, key).and_then(|(text, _)| text.parse::<f64>().ok()).filter(|value| value.is_finite())
    };
    let (min, max) = (bound("min"), bound("max"));
    ordered(node, min.zip(max).is_none_or(|(min, max)| min <= max), sink);
    OptionType::Number { min, max }
}

fn ordered(node: &Node, holds: bool, sink: &mut Sink) {
    if let (false, Some((_, min)), Some((_, max))) = (holds, number(node, "min"), number(node, "max")) {
        sink.push(contradiction(max, "`max` is less than `min`").related(min, "the least value"));
    }
}

fn values(node: &Node, sink: &mut Sink) -> Vec<String> {
    let values = texts(node, "values");
    if values.is_empty() {
        let span = node
            .entry("values")
            .map_or_else(|| text(node, "type").map_or(node.span, |(_, span)| span), |entry| entry.key_span);
        sink.push(contradiction(span, "an `enum` lists its `values`"));
    }
    let mut seen = HashMap::new();
    for (value, span) in &values {
        if let Some(first) = seen.insert(*value, *span) {
            sink.push(
                contradiction(*span, format!("`{value}` stands here twice")).related(first, "the first time"),
            );
        }
    }
    values.into_iter().map(|(value, _)| value.to_owned()).collect()
}

fn contradiction(span: Span, what: impl Into<String>) -> Diagnostic {
    Diagnostic::error("TW0230", span, what).label("does not fit")
}
