//! Merging: a provider's `wire:` over its dialect, a dialect over the one it extends.
//!
//! Works on YAML trees, so every node keeps the span it was written at. A plain key replaces what is there, `+key`
//! adds what is not, `null` deletes: an override of nothing is a mistake, and so is an addition of something.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Sink};
use crate::source::{Entry, Node, Value};

/// The document of the dialect `name`, with everything it extends merged in.
pub fn dialect<'a>(name: &str, documents: &BTreeMap<String, &'a Node>, sink: &mut Sink) -> Option<Node> {
    let mut chain: Vec<&'a Node> = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    let mut next = Some(name);
    while let Some(name) = next {
        let document = *documents.get(name)?;
        if let Some(from) = names.iter().position(|known| *known == name) {
            report_circle(&names[from..], &chain[from..], sink);
            return None;
        }
        let extends = document.get("extends");
        chain.push(document);
        names.push(name);
        next = extends.and_then(Node::as_str);
        if let (Some(base), Some(extends)) = (next, extends)
            && !documents.contains_key(base)
        {
            sink.push(
                Diagnostic::error("TW0304", extends.span, format!("there is no dialect `{base}`"))
                    .label("not found")
                    .suggest(base, documents.keys().map(String::as_str)),
            );
            return None;
        }
    }
    let base = chain.pop()?.clone();
    if let Some(operations) = base.get("operations") {
        check_literal(operations, sink);
    }
    Some(chain.into_iter().rev().fold(base, |base, patch| extend(&base, patch, sink)))
}

/// One circle is reported once, whichever of its dialects it was met at.
fn report_circle(names: &[&str], chain: &[&Node], sink: &mut Sink) {
    let places = chain.iter().map(|node| node.get("extends").map_or(node.span, |extends| extends.span));
    let Some((first, span)) = places.enumerate().min_by_key(|(_, span)| *span) else { return };
    let circle = names.iter().cycle().skip(first).take(names.len() + 1).copied();
    sink.push(
        Diagnostic::error("TW0303", span, format!("the dialect `{}` extends itself", names[first]))
            .label("comes back to itself")
            .note(format!("the circle is {}", circle.collect::<Vec<_>>().join(" → ")))
            .help("let one of them stand on its own"),
    );
}

/// A document over the one it extends: its `operations` are merged, everything else is its own.
fn extend(base: &Node, patch: &Node, sink: &mut Sink) -> Node {
    let Some(operations) = patch.get("operations") else { return rename(base, patch) };
    wire(&rename(base, patch), operations, sink)
}

fn rename(base: &Node, patch: &Node) -> Node {
    let mut document = base.clone();
    if let (Value::Map(entries), Some(name)) = (&mut document.value, patch.entry("dialect")) {
        entries.iter_mut().filter(|entry| entry.key == "dialect").for_each(|entry| *entry = name.clone());
    }
    document
}

/// The dialect document `base` with a provider's `wire:` merged into its operations.
pub fn wire(base: &Node, patch: &Node, sink: &mut Sink) -> Node {
    let mut document = base.clone();
    if let Value::Map(entries) = &mut document.value {
        for entry in entries.iter_mut().filter(|entry| entry.key == "operations") {
            entry.value = merge(&entry.value, patch, sink);
        }
    }
    document
}

/// `patch` over `base`, key by key. Sequences and scalars are replaced whole.
pub fn merge(base: &Node, patch: &Node, sink: &mut Sink) -> Node {
    let (Value::Map(base_entries), Value::Map(patches)) = (&base.value, &patch.value) else {
        check_literal(patch, sink);
        return patch.clone();
    };
    let mut entries = base_entries.clone();
    for patch in patches {
        match patch.key.strip_prefix('+') {
            Some(key) => add(&mut entries, key, patch, sink),
            None => replace(&mut entries, patch, sink),
        }
    }
    Node { value: Value::Map(entries), span: base.span }
}

fn add(entries: &mut Vec<Entry>, key: &str, patch: &Entry, sink: &mut Sink) {
    if let Some(known) = entries.iter().find(|entry| entry.key == key) {
        sink.push(
            Diagnostic::error("TW0302", patch.key_span, format!("`{key}` is there already"))
                .label("added here")
                .related(known.key_span, "first written here")
                .help(format!("write `{key}:` without the `+` to replace it")),
        );
        return;
    }
    check_literal(&patch.value, sink);
    // The row for the rest stays last.
    let at = entries.iter().position(|entry| entry.key == "_").unwrap_or(entries.len());
    entries.insert(at, Entry { key: key.to_owned(), key_span: patch.key_span, value: patch.value.clone() });
}

fn replace(entries: &mut Vec<Entry>, patch: &Entry, sink: &mut Sink) {
    let Some(at) = entries.iter().position(|entry| entry.key == patch.key) else {
        let problem =
            Diagnostic::error("TW0301", patch.key_span, format!("`{}` overrides nothing", patch.key))
                .label("the dialect has no such key here");
        sink.push(
            match crate::diagnostic::closest(
                &patch.key,
                &entries.iter().map(|e| e.key.as_str()).collect::<Vec<_>>(),
            ) {
                Some(best) => {
                    problem.help(format!("did you mean `{best}`? To add a key, write `+{}:`", patch.key))
                }
                None => problem.help(format!("to add a key, write `+{}:`", patch.key)),
            },
        );
        return;
    };
    if patch.value.value == Value::Null {
        entries.remove(at);
    } else {
        entries[at].value = merge(&entries[at].value, &patch.value, sink);
    }
}

/// What is not merged into anything is taken as it stands, so a `+` in it would go on the wire.
pub fn check_literal(node: &Node, sink: &mut Sink) {
    node.as_seq().unwrap_or_default().iter().for_each(|item| check_literal(item, sink));
    for entry in node.as_map().unwrap_or_default() {
        if let Some(key) = entry.key.strip_prefix('+').filter(|key| !key.is_empty()) {
            sink.push(
                Diagnostic::error("TW0306", entry.key_span, format!("`{}` adds to nothing", entry.key))
                    .label("stands in something that is new as a whole")
                    .note(
                        "`+` adds a key to a mapping of the dialect; what is new has no keys to tell it from",
                    )
                    .help(format!("write `{key}:`")),
            );
        }
        check_literal(&entry.value, sink);
    }
}

/// A document that extends another without what it changes, which is checked when it is whole.
pub fn frame(node: &Node) -> Node {
    let mut frame = node.clone();
    if let Value::Map(entries) = &mut frame.value {
        let operations = entries.iter_mut().filter(|entry| entry.key == "operations");
        operations
            .filter(|entry| entry.value.as_map().is_some())
            .for_each(|entry| entry.value.value = Value::Map(Vec::new()));
    }
    frame
}
