//! Providers whose models run in the program's own process: what such a file says, and what says nothing in it.

use super::fields::{count, owned, text};
use super::form;
use crate::diagnostic::{Diagnostic, Sink};
use crate::ir::provider::{ModelFile, ModelSource, Transport};
use crate::source::{Entry, Node, Span};

/// Keys that say how something travels.
const OF_HTTP: &[&str] = &[
    "base_url",
    "base_url_env",
    "auth",
    "auth_type",
    "headers",
    "dialect",
    "wire",
    "operations",
    "regions",
    "rate_limits",
];
/// The longest name of a repository, a revision or a file.
const LONGEST: usize = 200;

/// How requests get to the models of a provider.
pub(super) fn transport(provider: &Node) -> Transport {
    match text(provider, "transport") {
        Some(("local", _)) => Transport::Local,
        _ => Transport::Http,
    }
}

/// Reports keys that say nothing with this transport.
pub(super) fn check(provider: &Node, transport: Transport, sink: &mut Sink) {
    let (keys, word) = match transport {
        Transport::Local => (OF_HTTP, "nothing is sent with `transport: local`"),
        Transport::Http => (["hub"].as_slice(), "files come from a hub with `transport: local` only"),
    };
    for entry in keys.iter().filter_map(|key| given(provider, key)) {
        sink.push(says_nothing(entry, word, provider));
    }
    let options = provider.get("options").and_then(Node::as_map).unwrap_or_default();
    for entry in options.iter().filter(|_| transport == Transport::Local) {
        if let Some(wire) = given(&entry.value, "wire") {
            sink.push(says_nothing(wire, "there is no body that an option could be a field of", provider));
        }
    }
}

fn given<'a>(node: &'a Node, key: &str) -> Option<&'a Entry> {
    node.entry(key).filter(|entry| entry.value.value != crate::source::Value::Null)
}

fn says_nothing(entry: &Entry, why: &str, provider: &Node) -> Diagnostic {
    let problem =
        Diagnostic::error("TW0234", entry.key_span, format!("`{}` says nothing here", entry.key)).label(why);
    match provider.entry("transport") {
        Some(transport) => problem.related(transport.key_span, "the transport"),
        None => problem.help("the default is `transport: http`"),
    }
}

/// Where files come from.
pub(super) fn hub(provider: &Node, sink: &mut Sink) -> Option<String> {
    let (url, span) = text(provider, "hub")?;
    form::base_url(url, span, sink);
    Some(url.trim_end_matches('/').to_owned())
}

/// Where the files of a model come from. A model without any cannot run in the process.
pub(super) fn source(model: &Node, transport: Transport, sink: &mut Sink) -> Option<ModelSource> {
    let Some(entry) = given(model, "source") else {
        if let (Transport::Local, Some((name, span))) = (transport, text(model, "name")) {
            let problem = wrong(span, format!("nothing says where the files of `{name}` come from"));
            sink.push(problem.help("say it under `source`, with its `repository` and `files`"));
        }
        return None;
    };
    if transport == Transport::Http {
        let problem = Diagnostic::error("TW0234", entry.key_span, "`source` says nothing here");
        sink.push(problem.label("models that are reached over the network have no files"));
        return None;
    }
    let node = &entry.value;
    let (Some((repository, span)), Some(files)) =
        (text(node, "repository"), node.get("files").and_then(Node::as_seq))
    else {
        sink.push(wrong(entry.key_span, "a `source` has a `repository` and `files`"));
        return None;
    };
    if repository.split('/').count() != 2 || !repository.split('/').all(is_plain) {
        sink.push(wrong(span, format!("`{repository}` is no repository")).help("write it as `owner/name`"));
    }
    if files.is_empty() {
        sink.push(wrong(node.span, "a model has one file at least"));
    }
    Some(ModelSource {
        repository: repository.to_owned(),
        revision: revision(node, sink),
        licence: owned(node, "licence"),
        files: files.iter().filter_map(|file| self::file(file, sink)).collect(),
    })
}

fn revision(node: &Node, sink: &mut Sink) -> String {
    let Some((revision, span)) = text(node, "revision") else { return "main".to_owned() };
    if !revision.split('/').all(is_plain) {
        sink.push(wrong(span, format!("`{revision}` is no branch, tag or commit")));
    }
    revision.to_owned()
}

fn file(node: &Node, sink: &mut Sink) -> Option<ModelFile> {
    let (path, span) = text(node, "path")?;
    if !path.split('/').all(is_plain) {
        sink.push(wrong(span, format!("`{path}` is no name of a file in a repository")));
    }
    let sha256 = text(node, "sha256").map(|(sum, span)| {
        if sum.len() != 64 || !sum.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            sink.push(wrong(span, "a SHA-256 digest has 64 hexadecimal digits"));
        }
        sum.to_ascii_lowercase()
    });
    Some(ModelFile { path: path.to_owned(), bytes: count(node, "bytes", sink), sha256 })
}

/// What may stand between two slashes.
fn is_plain(part: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
    !part.is_empty()
        && part.len() <= LONGEST
        && part.bytes().all(plain)
        && part.bytes().any(|byte| byte != b'.')
}

fn wrong(span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error("TW0235", span, message)
}
