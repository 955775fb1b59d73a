//! Two resolved operations side by side: the rows by which they differ.
//!
//! A row is what a reader of the dialect would name: a key of the body, a variant of a table, one operation of an
//! event, one finish reason. What is below a row is shown with it and not taken apart.

use super::text;
use crate::dialect::words;
use crate::fingerprint;
use crate::source::{Entry, Node, Span};

/// A row that differs.
pub(super) struct Row<'a> {
    /// The keys that lead to it.
    pub(super) path: Vec<String>,
    /// How.
    pub(super) change: RowChange<'a>,
}

/// How a row differs.
pub(super) enum RowChange<'a> {
    /// It is new.
    Added((Span, &'a Node)),
    /// It is gone.
    Removed((Span, &'a Node)),
    /// It says something else.
    Changed(&'a Node, &'a Node),
    /// The same rows in another order.
    Reordered(Span, Vec<String>, Vec<String>),
}

/// The rows by which two operations differ.
pub(super) fn rows<'a>(old: &'a Node, new: &'a Node) -> Vec<Row<'a>> {
    let mut out = Vec::new();
    walk(old, new, &mut Vec::new(), &mut out);
    out
}

fn walk<'a>(old: &'a Node, new: &'a Node, path: &mut Vec<String>, out: &mut Vec<Row<'a>>) {
    if is_same(old, new) {
        return;
    }
    match (old.as_map(), new.as_map()) {
        (Some(was), Some(is)) if is_open(path) => entries((was, is), new.span, path, out),
        _ => match (old.as_seq(), new.as_seq()) {
            (Some(was), Some(is)) if is_list_of_rows(path) => items(was, is, path, out),
            _ => out.push(Row { path: path.clone(), change: RowChange::Changed(old, new) }),
        },
    }
}

/// Spans count for nothing in a fingerprint.
fn is_same(old: &Node, new: &Node) -> bool {
    fingerprint::of_value(old) == fingerprint::of_value(new)
}

/// Whether what stands here is rows, and not a row.
fn is_open(path: &[String]) -> bool {
    let Some((last, above)) = path.split_last() else { return true };
    let path: Vec<&str> = above.iter().map(String::as_str).collect();
    match path[..] {
        [] => true,
        ["http"] => matches!(last.as_str(), "headers" | "query"),
        ["request"] => last == "body",
        ["errors"] => matches!(last.as_str(), "code" | "kind" | "status" | "headers"),
        ["stream"] => true,
        ["stream", "events", ..] | ["response", ..] | ["ops", ..] => !is_row(last),
        _ => false,
    }
}

/// Lists whose items are named by what they say.
fn is_list_of_rows(path: &[String]) -> bool {
    path == ["rules"] || path == ["errors", "body"]
}

/// Whether a key of an operation table is a row, and not a focus, a choice or a group.
fn is_row(key: &str) -> bool {
    let word = key.split(['.', '/']).next().unwrap_or_default();
    key == "with" || key == "$use" || key == "as" || !key.starts_with("$.") && words::OPS.contains(&word)
}

type Sides<'a> = (&'a [Entry], &'a [Entry]);

fn entries<'a>((was, is): Sides<'a>, at: Span, path: &mut Vec<String>, out: &mut Vec<Row<'a>>) {
    let has = |entries: &[Entry], key: &str| entries.iter().any(|entry| entry.key == key);
    let mut push = |path: &[String], key: &str, change| {
        let path = path.iter().cloned().chain([key.to_owned()]).collect();
        out.push(Row { path, change });
    };
    for gone in was.iter().filter(|entry| !has(is, &entry.key)) {
        push(path, &gone.key, RowChange::Removed((gone.key_span, &gone.value)));
    }
    for new in is.iter().filter(|entry| !has(was, &entry.key)) {
        push(path, &new.key, RowChange::Added((new.key_span, &new.value)));
    }
    let common = |entries: &[Entry], others: &[Entry]| -> Vec<String> {
        entries.iter().filter(|entry| has(others, &entry.key)).map(|entry| entry.key.clone()).collect()
    };
    let (from, to) = (common(was, is), common(is, was));
    if from != to && !path.is_empty() {
        out.push(Row { path: path.clone(), change: RowChange::Reordered(at, from, to) });
    }
    for new in is {
        if let Some(old) = was.iter().find(|entry| entry.key == new.key) {
            path.push(new.key.clone());
            walk(&old.value, &new.value, path, out);
            path.pop();
        }
    }
}

fn items<'a>(was: &'a [Node], is: &'a [Node], path: &[String], out: &mut Vec<Row<'a>>) {
    let before = out.len();
    let lacks = |nodes: &[Node], node: &Node| !nodes.iter().any(|known| is_same(known, node));
    for gone in was.iter().filter(|node| lacks(is, node)) {
        out.push(Row { path: path.to_vec(), change: RowChange::Removed((gone.span, gone)) });
    }
    for new in is.iter().filter(|node| lacks(was, node)) {
        out.push(Row { path: path.to_vec(), change: RowChange::Added((new.span, new)) });
    }
    // The same items in another order, or one of them twice.
    if let (true, Some(first)) = (out.len() == before, is.first()) {
        let texts = |nodes: &[Node]| nodes.iter().map(text::flow).collect();
        out.push(Row {
            path: path.to_vec(),
            change: RowChange::Reordered(first.span, texts(was), texts(is)),
        });
    }
}
