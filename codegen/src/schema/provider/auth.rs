//! How requests authenticate: `auth_type` in one word, `auth` in full.

use super::fields::{Text, flag, one_or_many, text};
use super::form;
use crate::diagnostic::{Diagnostic, Sink};
use crate::ir::provider::Auth;
use crate::source::Node;

/// Reads both fields. Without either, a bearer key of `<NAME>_API_KEY`.
pub(super) fn read(provider: &Node, name: &str, sink: &mut Sink) -> Auth {
    let empty = Node { value: crate::source::Value::Null, span: provider.span };
    let auth = provider.get("auth").unwrap_or(&empty);
    let (header, query) = (text(auth, "header"), text(auth, "query"));
    if let Some((header, span)) = header {
        form::header(header, span, None, sink);
    }
    let scheme = scheme(provider, auth, header, query, sink);
    let env = env(auth, name, sink);
    let optional = flag(auth, "optional").unwrap_or(false);
    if optional && !matches!(scheme, Scheme::Bearer) {
        let span = auth.entry("optional").map_or(auth.span, |entry| entry.key_span);
        sink.push(contradiction(span, "only a bearer key can be optional"));
    }
    match scheme {
        Scheme::None => Auth::None,
        Scheme::Bearer => Auth::Bearer { env, optional },
        Scheme::Header(name) => Auth::Header { name, env },
        Scheme::Query(name) => Auth::Query { name, env },
    }
}

enum Scheme {
    None,
    Bearer,
    Header(String),
    Query(String),
}

/// Where the key goes. `api_key` leaves that to the other fields.
fn scheme(
    provider: &Node,
    auth: &Node,
    header: Option<Text>,
    query: Option<Text>,
    sink: &mut Sink,
) -> Scheme {
    let (short, long) = (text(provider, "auth_type"), text(auth, "type"));
    agree(short, long, sink);
    if let (Some(_), Some((_, span))) = (header, query) {
        sink.push(contradiction(span, "the key goes into a header or into the query, not both"));
    }
    let Some((kind, said_at)) = long.or(short).filter(|(kind, _)| *kind != "api_key") else {
        return match (header, query) {
            (Some((header, _)), _) => Scheme::Header(header.to_owned()),
            (None, Some((query, _))) => Scheme::Query(query.to_owned()),
            (None, None) => Scheme::Bearer,
        };
    };
    let place = header.or(query).map(|(_, span)| span);
    match (kind, header, query, place) {
        ("header", Some((header, _)), _, _) => return Scheme::Header(header.to_owned()),
        ("query", _, Some((query, _)), _) => return Scheme::Query(query.to_owned()),
        ("header" | "query", ..) => {
            let problem = contradiction(said_at, format!("which {kind} carries the key is not said"));
            sink.push(problem.help(format!("add `auth.{kind}`")));
        }
        ("none", _, _, Some(span)) => sink.push(contradiction(span, "there is no key to send")),
        (_, _, _, Some(span)) => {
            let problem = contradiction(span, "a bearer key goes into `Authorization`");
            sink.push(problem.help("write `type: header` or `type: query`"));
        }
        _ => {}
    }
    if kind == "none" { Scheme::None } else { Scheme::Bearer }
}

/// The short form may leave open what the long form says, but not say otherwise.
fn agree(short: Option<Text>, long: Option<Text>, sink: &mut Sink) {
    let (Some((short, span)), Some((long, other))) = (short, long) else { return };
    if short != long && (short != "api_key" || long == "none") {
        let problem = contradiction(span, format!("`auth_type` is `{short}`, `auth.type` is `{long}`"));
        sink.push(problem.related(other, "says otherwise"));
    }
}

fn contradiction(span: crate::source::Span, what: impl Into<String>) -> Diagnostic {
    Diagnostic::error("TW0217", span, what).label("does not fit")
}

fn env(auth: &Node, name: &str, sink: &mut Sink) -> Vec<String> {
    let named = one_or_many(auth, "env");
    for (name, span) in &named {
        form::env_name(name, *span, sink);
    }
    if named.is_empty() {
        return vec![default_env(name)];
    }
    named.into_iter().map(|(name, _)| name.to_owned()).collect()
}

/// `<NAME>_API_KEY`.
fn default_env(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    upper.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).chain("_API_KEY".chars()).collect()
}
