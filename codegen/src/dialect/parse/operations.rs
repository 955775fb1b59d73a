//! Operation tables: rows, focuses, choices and uses of what comes in.

use super::nodes::{entries, key, no_alternatives, text};
use super::shapes::shape;
use super::tables::variant_of;
use crate::diagnostic::{Diagnostic, Sink, closest};
use crate::dialect::ast::{Each, OpEntry, OpTable, Spanned};
use crate::dialect::words;
use crate::source::{Entry, Node, Span};

/// Reads an operation table. What is none was reported, and says nothing.
pub fn op_table(node: &Node, sink: &mut Sink) -> OpTable {
    if node.as_str().is_some() {
        return OpTable { with: None, entries: raw_row(node, sink).into_iter().collect() };
    }
    let mut table = OpTable::default();
    let Some(entries) = entries(node, "an operation table", sink) else {
        table.entries.push(OpEntry::Wrong);
        return table;
    };
    let verb = node.get("as").filter(|_| node.get("$use").is_some());
    let verb = verb.and_then(|verb| text(verb, sink));
    for entry in entries {
        match entry.key.as_str() {
            "with" => table.with = shape(&entry.value, sink),
            "as" if node.get("$use").is_some() => {}
            "$use" => table.entries.push(used(entry, verb.clone(), sink)),
            _ => table.entries.push(op_entry(entry, false, sink)),
        }
    }
    table
}

fn raw_row(node: &Node, sink: &mut Sink) -> Option<OpEntry> {
    let shape = shape(node, sink)?;
    Some(OpEntry::Row { op: Spanned { value: vec!["_".to_owned()], span: node.span }, label: None, shape })
}

fn op_entry(entry: &Entry, in_one: bool, sink: &mut Sink) -> OpEntry {
    if let Some(path) = entry.key.strip_prefix("$.") {
        return focus(entry, path, sink);
    }
    match entry.key.as_str() {
        "$one" => choice(entry, sink),
        "$use" => used(entry, None, sink),
        _ if is_operation(&entry.key) && !(entry.key == "_" && is_group(&entry.value)) => {
            op_row(entry, &entry.key, sink)
        }
        _ if in_one && is_group(&entry.value) => {
            OpEntry::Group { name: key(entry), table: op_table(&entry.value, sink) }
        }
        _ => unknown(entry, sink),
    }
}

fn choice(entry: &Entry, sink: &mut Sink) -> OpEntry {
    let Some(alternatives) = entries(&entry.value, "the alternatives", sink) else { return OpEntry::Wrong };
    if alternatives.is_empty() {
        no_alternatives(&entry.value, sink);
    }
    let alternatives = alternatives.iter().map(|entry| op_entry(entry, true, sink)).collect();
    OpEntry::One { span: entry.key_span, alternatives }
}

/// A row that is misspelt is reported, and counts as the one that was meant.
fn unknown(entry: &Entry, sink: &mut Sink) -> OpEntry {
    let word = entry.key.split(['.', '/']).next().unwrap_or_default();
    sink.push(
        Diagnostic::error("TW0409", entry.key_span, format!("`{}` is not an operation", entry.key))
            .label("unknown operation")
            .suggest(word, words::OPS.iter().copied()),
    );
    match closest(word, words::OPS) {
        Some(meant) => op_row(entry, &entry.key.replacen(word, meant, 1), sink),
        None => OpEntry::Wrong,
    }
}

fn used(entry: &Entry, verb: Option<Spanned<String>>, sink: &mut Sink) -> OpEntry {
    text(&entry.value, sink).map_or(OpEntry::Wrong, |table| OpEntry::Use { table, verb })
}

fn is_operation(key: &str) -> bool {
    let word = key.split(['.', '/']).next().unwrap_or_default();
    word == "_" || words::OPS.contains(&word)
}

/// `_:` stands for a nested table if anything in it is an operation, and for a raw row otherwise.
fn is_group(node: &Node) -> bool {
    let is_entry = |key: &str| {
        key.starts_with("$.") || key == "$one" || key == "with" || key == "$use" || is_operation(key)
    };
    node.as_map().is_some_and(|entries| entries.iter().any(|entry| is_entry(&entry.key)))
}

pub(super) fn op_row(entry: &Entry, name: &str, sink: &mut Sink) -> OpEntry {
    let (op, label) = variant_of(name);
    let op = Spanned { value: op.split('.').map(str::to_owned).collect(), span: entry.key_span };
    let row = |shape| OpEntry::Row { op, label: label.map(str::to_owned), shape };
    shape(&entry.value, sink).map_or(OpEntry::Wrong, row)
}

fn focus(entry: &Entry, path: &str, sink: &mut Sink) -> OpEntry {
    let (path, each) = match path.split_once('[') {
        None => (path, None),
        Some((path, "]")) => (path, Some(Each { index: None })),
        Some((path, "$k]")) => (path, Some(Each { index: Some("k".to_owned()) })),
        Some(_) => ("", Some(Each { index: None })),
    };
    let keys: Vec<String> = path.split('.').map(str::to_owned).collect();
    if keys.iter().any(|key| key.is_empty() || key.contains(['|', '$', ']'])) {
        malformed_focus(entry.key_span, &entry.key, sink);
    }
    let path = Spanned { value: keys, span: entry.key_span };
    OpEntry::Focus { path, each, table: op_table(&entry.value, sink) }
}

fn malformed_focus(span: Span, key: &str, sink: &mut Sink) {
    sink.push(
        Diagnostic::error("TW0410", span, format!("`{key}` is not a path")).label("cannot be read").help(
            "write `$.key.key`, `$.key[]` for every element, or `$.key[$k]` where its index names the slot",
        ),
    );
}
