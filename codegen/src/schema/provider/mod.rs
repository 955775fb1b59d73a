//! The provider file: its types, and the typed provider that is read from it.
//!
//! [`read`] goes through the tree node by node and never stops at the first mistake. What the schema reports about a
//! node is not said again; a wrong value counts as absent. Wire formats are not looked at here.

mod auth;
mod capability;
mod exact;
mod fields;
mod file;
mod form;
mod inherit;
mod local;
mod model;
mod option;
mod price;

pub use file::*;

use super::Kind;
use crate::diagnostic::{Diagnostic, Sink};
use crate::ir::provider;
use crate::ir::provider::Provider;
use crate::names;
use crate::source::{Node, Span};
use fields::{owned, text};
use std::collections::HashSet;

/// The dialect of a provider that names none and has no operations of its own.
const DEFAULT_DIALECT: &str = include_str!("../../../defaults/dialect").trim_ascii();

/// Validates a provider file and reads it. `None` only if it has no name, or no base URL although it needs one; whether what was read may be
/// generated from is the sink's to say.
pub fn read(node: &Node, sink: &mut Sink) -> Option<Provider> {
    if !super::validate(node, Kind::Provider, sink) {
        return None;
    }
    let (name, span) = text(node, "name")?;
    form::provider_name(name, span, sink);
    let transport = local::transport(node);
    local::check(node, transport, sink);
    let is_local = transport == provider::Transport::Local;
    let provider = Provider {
        name: name.to_owned(),
        crate_name: format!("typewright-{name}"),
        type_name: type_name(node, name, sink),
        display_name: owned(node, "display_name").unwrap_or_else(|| display_name(name)),
        description: owned(node, "description"),
        docs_url: page(node, sink),
        transport,
        base_url: if is_local { local::hub(node, sink) } else { base_url(node, sink) }.unwrap_or_default(),
        base_url_env: base_url_env(node, sink),
        auth: if is_local { provider::Auth::None } else { auth::read(node, name, sink) },
        headers: headers(node, sink),
        dialect: if is_local { String::new() } else { dialect(node, name) },
        options: option::read(node, sink),
        models: model::read(node, is_priced(node, sink), transport, sink),
        span,
    };
    not_generated(node, sink);
    (is_local || !provider.base_url.is_empty()).then_some(provider)
}

/// The dialect that a provider file names, or the default one; with the place that names it.
pub fn dialect_of(node: &Node) -> (String, Span) {
    let name = text(node, "name").unwrap_or(("", node.span));
    let span = text(node, "dialect").map_or(name.1, |(_, span)| span);
    (dialect(node, name.0), span)
}

fn dialect(node: &Node, name: &str) -> String {
    let own = || node.get("operations").and_then(Node::as_map).map(|_| name.to_owned());
    owned(node, "dialect").or_else(own).unwrap_or_else(|| DEFAULT_DIALECT.to_owned())
}

fn type_name(node: &Node, name: &str, sink: &mut Sink) -> String {
    if let Some((given, span)) = text(node, "type_name") {
        form::type_name(given, span, sink);
        return given.to_owned();
    }
    names::type_name(&spoken(name).join("-"))
}

/// The words of a provider's name: a closing "ai" is one of its own.
fn spoken(name: &str) -> Vec<&str> {
    let mut words: Vec<&str> = name.split(['-', '_']).filter(|word| !word.is_empty()).collect();
    if let Some(stem) = words.last().and_then(|last| last.strip_suffix("ai")).filter(|stem| stem.len() > 2) {
        words.pop();
        words.extend([stem, "ai"]);
    }
    words
}

/// `acme-cloud` is read as `Acme Cloud`, `acmeai` as `AcmeAI`.
fn display_name(name: &str) -> String {
    let words: Vec<&str> = name.split(['-', '_']).filter(|word| !word.is_empty()).collect();
    let spoken = spoken(name);
    let joined = spoken.len() > words.len();
    let mut out = String::new();
    for (at, word) in spoken.iter().enumerate() {
        if at > 0 && !(joined && at + 1 == spoken.len()) {
            out.push(' ');
        }
        match (*word, word.chars().next()) {
            ("ai", _) => out.push_str("AI"),
            (_, Some(first)) => {
                out.push(first.to_ascii_uppercase());
                out.push_str(&word[first.len_utf8()..]);
            }
            _ => {}
        }
    }
    out
}

fn page(node: &Node, sink: &mut Sink) -> Option<String> {
    let (url, span) = text(node, "docs_url")?;
    form::page_url(url, span, sink);
    Some(url.to_owned())
}

fn base_url(node: &Node, sink: &mut Sink) -> Option<String> {
    let (url, span) = text(node, "base_url")?;
    form::base_url(url, span, sink);
    Some(url.trim_end_matches('/').to_owned())
}

fn base_url_env(node: &Node, sink: &mut Sink) -> Option<String> {
    let (name, span) = text(node, "base_url_env")?;
    form::env_name(name, span, sink);
    Some(name.to_owned())
}

fn headers(node: &Node, sink: &mut Sink) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut known = HashSet::new();
    for entry in node.get("headers").and_then(Node::as_map).unwrap_or_default() {
        let Some(value) = entry.value.as_str() else { continue };
        form::header(&entry.key, entry.key_span, Some((value, entry.value.span)), sink);
        if !known.insert(entry.key.to_ascii_lowercase()) {
            let problem = Diagnostic::error(
                "TW0216",
                entry.key_span,
                format!("the header `{}` stands here twice", entry.key),
            );
            sink.push(problem.note("names of headers are the same in upper and lower case"));
        }
        headers.push((entry.key.clone(), value.to_owned()));
    }
    headers
}

/// Costs are counted in US dollars.
fn is_priced(node: &Node, sink: &mut Sink) -> bool {
    let Some((currency, span)) = text(node, "currency").filter(|(currency, _)| *currency != "USD") else {
        return true;
    };
    sink.push(
        Diagnostic::warning("TW0232", span, format!("prices in {currency} are left out"))
            .label("not US dollars")
            .note("costs are counted in US dollars, and an unknown price is better than a wrong one"),
    );
    false
}

/// Fields that are checked, but nothing is made from them yet.
fn not_generated(node: &Node, sink: &mut Sink) {
    for entry in node.get("regions").and_then(Node::as_map).unwrap_or_default() {
        if let Some(url) = entry.value.as_str() {
            form::base_url(url, entry.value.span, sink);
        }
    }
    for key in ["regions", "rate_limits"] {
        if let Some(entry) = node.entry(key).filter(|entry| entry.value.as_map().is_some()) {
            sink.push(Diagnostic::warning(
                "TW0232",
                entry.key_span,
                format!("nothing is generated from `{key}` yet"),
            ));
        }
    }
}

#[cfg(test)]
mod tests;
