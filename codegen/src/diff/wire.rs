//! The wire half: which rows of the resolved dialect changed, where the lowered operation is another one.
//!
//! Whether an operation changed at all is asked of the IR; which of its rows did is read from the resolved document,
//! where everything has its name and its line.

use super::kind::Kind;
use super::wire_rows::{Row, RowChange, rows};
use super::{Log, ProviderState, Side, text};
use crate::emit::wire::OperationIr;
use crate::source::{Entry, Node};

/// Operations that came, went or changed.
pub(super) fn compare(old: &ProviderState, new: &ProviderState, log: &mut Log<'_>) {
    let (was, is) = (operations(&old.document), operations(&new.document));
    for gone in was.iter().filter(|entry| !is.iter().any(|known| known.key == entry.key)) {
        log.base(Kind::OperationRemoved, gone.key_span, format!("the operation {}", text::code(&gone.key)));
    }
    for entry in is {
        match was.iter().find(|known| known.key == entry.key) {
            None => {
                let what = format!("the operation {}", text::code(&entry.key));
                log.now(Kind::OperationAdded, entry.key_span, what);
            }
            Some(known) if lowered(old, &entry.key) != lowered(new, &entry.key) => {
                operation(known, entry, log);
            }
            Some(_) => {}
        }
    }
}

fn operations(document: &Node) -> &[Entry] {
    document.get("operations").and_then(Node::as_map).unwrap_or_default()
}

/// The lowered operation, without the provider's options: these are compared by themselves.
fn lowered(state: &ProviderState, name: &str) -> Option<OperationIr> {
    let mut found = state.operations.iter().find(|operation| operation.decode.operation == name)?.clone();
    found.encode.options.clear();
    found.encode.appended.clear();
    Some(found)
}

fn operation(old: &Entry, new: &Entry, log: &mut Log<'_>) {
    for Row { path, change } in rows(&old.value, &new.value) {
        let (Some(section), what) = (path.first(), path.join(".")) else { continue };
        let kind = kind(section, &path);
        let what = format!("{} {} of {}", noun(kind), text::code(&what), text::code(&new.key));
        match change {
            RowChange::Added(node) => {
                let to = Some(text::yaml(node.1));
                log.values(kind, (Side::Now, node.0), format!("{what} added"), None, to);
            }
            RowChange::Removed(node) => {
                let from = Some(text::yaml(node.1));
                log.values(kind, (Side::Base, node.0), format!("{what} removed"), from, None);
            }
            RowChange::Changed(was, is) => {
                let (from, to) = (Some(text::yaml(was)), Some(text::yaml(is)));
                log.values(kind, (Side::Now, is.span), what, from, to);
            }
            RowChange::Reordered(at, from, to) => {
                let (from, to) = (text::list(&from), text::list(&to));
                log.values(kind, (Side::Now, at), format!("the order within {what}"), from, to);
            }
        }
    }
}

/// What a change in this section means.
fn kind(section: &str, path: &[String]) -> Kind {
    let part = path.get(1).map_or("", String::as_str);
    match (section, part) {
        ("http", _) => Kind::WireAddress,
        ("policies", _) => Kind::WirePolicy,
        ("unsupported", _) => Kind::WireUnsupported,
        ("limits", _) => Kind::WireLimit,
        ("rules", _) => Kind::WireRule,
        ("response", _) => Kind::WireResponse,
        ("stream", "events") => Kind::WireEvent,
        ("stream", _) => Kind::WireFraming,
        ("ops" | "shapes" | "part", _) => Kind::WireTable,
        ("finish", _) => Kind::WireFinish,
        ("usage", _) => Kind::WireUsage,
        ("errors", "code" | "kind" | "status") => Kind::WireErrorClass,
        ("errors", "retry") => Kind::WireRetry,
        ("errors", "headers") => Kind::WireErrorHeader,
        ("errors", _) => Kind::WireErrorBody,
        _ => Kind::WireRequest,
    }
}

/// What a row of this kind is called.
fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::WireAddress => "the address",
        Kind::WirePolicy => "the policy",
        Kind::WireUnsupported => "the unsupported field",
        Kind::WireLimit => "the limit",
        Kind::WireRule => "the rule",
        Kind::WireResponse => "the response row",
        Kind::WireEvent => "the event row",
        Kind::WireFraming => "the framing",
        Kind::WireTable => "the table row",
        Kind::WireFinish => "the finish reason",
        Kind::WireUsage => "the usage term",
        Kind::WireErrorBody => "the error body",
        Kind::WireErrorClass => "the error class",
        Kind::WireRetry => "the retried classes",
        Kind::WireErrorHeader => "the error header",
        _ => "the request row",
    }
}
