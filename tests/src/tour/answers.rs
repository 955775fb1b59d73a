//! What can be answered: documents in `tests/samples/tours` that hold everything a wire may say, and each of them again
//! without one of its parts, or with another value there.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};
use typewright_runtime::chat::{ChatRequest, Message, Role};
use typewright_runtime::embed::EmbedRequest;

use super::{Call, PROVIDERS, Probe, Tells};
use crate::loopback::{Answer, Cuts};

/// Why a document is of no use.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It cannot be read.
    #[error("cannot read {path}: {why}")]
    Unreadable {
        /// The file or folder.
        path: String,
        /// The reason.
        why: String,
    },
}

/// A document: an answer with everything in it.
#[derive(Debug, Clone)]
struct Document {
    name: String,
    operation: String,
    status: u16,
    headers: Map<String, Value>,
    /// One value, or the events of a stream: `{"event": …, "data": …}`.
    content: Value,
    is_stream: bool,
    /// Values to try at a place, by JSON pointer; `status` is the status.
    also: Map<String, Value>,
}

/// Every document, whole and changed, to every provider that speaks its dialect; `root` is the repository.
pub fn probes(root: &Path) -> Result<Vec<Probe>, Unusable> {
    let mut probes = Vec::new();
    for (dialect, provider) in PROVIDERS {
        for document in documents(&root.join("tests/samples/tours").join(dialect), provider)? {
            probes.extend(of(dialect, provider, &document));
        }
    }
    Ok(probes)
}

/// The documents of a dialect, and those of this provider alone, in the order of their names.
fn documents(folder: &Path, provider: &str) -> Result<Vec<Document>, Unusable> {
    let failed = |path: &Path, why: String| Unusable::Unreadable { path: path.display().to_string(), why };
    let mut paths = Vec::new();
    for folder in [folder.to_owned(), folder.join(provider)] {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            // Few providers have documents of their own.
            Err(_) if folder.ends_with(provider) => continue,
            Err(error) => return Err(failed(&folder, error.to_string())),
        };
        paths.extend(
            entries
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| path.extension().is_some_and(|end| end == "json")),
        );
    }
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let text = fs::read_to_string(path).map_err(|error| failed(path, error.to_string()))?;
        let value: Value = serde_json::from_str(&text).map_err(|error| failed(path, error.to_string()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        document(name, value).ok_or_else(|| failed(path, "neither `body` nor `events`".to_owned()))
    };
    paths.iter().map(read).collect()
}

fn document(name: String, mut value: Value) -> Option<Document> {
    let fields = value.as_object_mut()?;
    let is_stream = fields.contains_key("events");
    let object =
        |value: Option<Value>| value.and_then(|value| value.as_object().cloned()).unwrap_or_default();
    Some(Document {
        name,
        operation: fields.get("operation").and_then(Value::as_str).unwrap_or("chat").to_owned(),
        status: fields
            .get("status")
            .and_then(Value::as_u64)
            .and_then(|status| u16::try_from(status).ok())
            .unwrap_or(200),
        headers: object(fields.remove("headers")),
        content: fields.remove(if is_stream { "events" } else { "body" })?,
        is_stream,
        also: object(fields.remove("also")),
    })
}

fn of(dialect: &'static str, provider: &'static str, document: &Document) -> Vec<Probe> {
    let probe = |name: String, document: &Document, base: Option<String>| Probe {
        dialect,
        provider,
        name,
        base,
        call: asked(document),
        answer: answer(document, dialect),
        tells: Tells::Answered,
    };
    let whole = document.name.clone();
    let mut probes = vec![probe(whole.clone(), document, None)];
    for (change, changed) in changes(document) {
        probes.push(probe(format!("{whole}: {change}"), &changed, Some(whole.clone())));
    }
    probes
}

fn asked(document: &Document) -> Call {
    let mut request = ChatRequest::new("any-model");
    request.messages.push(Message::text(Role::User, "Hello."));
    match document.operation.as_str() {
        "embed" => Call::Embed(EmbedRequest {
            model: "any-model".to_owned(),
            input: vec!["a".to_owned(), "b".to_owned()],
            ..EmbedRequest::default()
        }),
        "models" => Call::Models,
        "count_tokens" => Call::Count(Box::new(request)),
        _ => Call::Chat { request: Box::new(request), stream: document.is_stream },
    }
}

fn answer(document: &Document, dialect: &str) -> Answer {
    let is_lines = dialect.starts_with("ollama");
    let kind = match (document.is_stream, is_lines) {
        (false, _) => "application/json",
        (true, true) => "application/x-ndjson",
        (true, false) => "text/event-stream",
    };
    let mut headers = vec![("content-type".to_owned(), kind.to_owned())];
    let own = document
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
    headers.extend(own);
    let body =
        if document.is_stream { frames(&document.content, is_lines) } else { document.content.to_string() };
    Answer { status: document.status, headers, body: body.into_bytes(), cuts: Cuts::Whole }
}

fn frames(events: &Value, is_lines: bool) -> String {
    let frame = |event: &Value| {
        let data = match &event["data"] {
            Value::String(text) => text.clone(),
            data => data.to_string(),
        };
        match event["event"].as_str() {
            _ if is_lines => format!("{data}\n"),
            Some(name) => format!("event: {name}\ndata: {data}\n\n"),
            None => format!("data: {data}\n\n"),
        }
    };
    events.as_array().into_iter().flatten().map(frame).collect()
}

/// The document with one change each, and what that is.
fn changes(document: &Document) -> Vec<(String, Document)> {
    let mut all = Vec::new();
    // An event without data is no event of this wire.
    let is_event = |pointer: &str| document.is_stream && pointer.ends_with("/data");
    for pointer in pointers(&document.content).into_iter().filter(|pointer| !is_event(pointer)) {
        for (how, content) in changed(&document.content, &pointer) {
            all.push((format!("{pointer} {how}"), Document { content, ..document.clone() }));
        }
    }
    for pointer in pointers(&document.content) {
        for (kept, content) in alone(&document.content, &pointer) {
            all.push((
                format!("{pointer} with nothing but {kept}"),
                Document { content, ..document.clone() },
            ));
        }
    }
    for (pointer, values) in &document.also {
        for value in values.as_array().into_iter().flatten() {
            let name = format!("{pointer} is {value}");
            if let Some(changed) = set(document, pointer, value) {
                all.push((name, changed));
            }
        }
    }
    for name in document.headers.keys() {
        let mut headers = document.headers.clone();
        headers.remove(name);
        all.push((format!("header {name} gone"), Document { headers, ..document.clone() }));
    }
    for end in 1..if document.is_stream { document.content.as_array().map_or(0, Vec::len) } else { 0 } {
        let events = document.content.as_array().into_iter().flatten().take(end).cloned().collect();
        all.push((
            format!("cut after event {}", end - 1),
            Document { content: Value::Array(events), ..document.clone() },
        ));
    }
    all
}

fn set(document: &Document, pointer: &str, value: &Value) -> Option<Document> {
    let mut changed = document.clone();
    match (pointer, pointer.strip_prefix("header ")) {
        ("status", _) => changed.status = u16::try_from(value.as_u64()?).ok()?,
        (_, Some(name)) => drop(changed.headers.insert(name.to_owned(), value.clone())),
        // What an answer fails with may be at its top.
        ("", _) => changed.content = value.clone(),
        _ => {
            let (outer, key) = pointer.rsplit_once('/')?;
            match changed.content.pointer_mut(outer)? {
                Value::Object(fields) => drop(fields.insert(key.to_owned(), value.clone())),
                Value::Array(items) => *items.get_mut(key.parse::<usize>().ok()?)? = value.clone(),
                _ => return None,
            }
        }
    }
    Some(changed)
}

/// Every place within a value, as a JSON pointer.
fn pointers(value: &Value) -> Vec<String> {
    let inner = |(key, value): (String, &Value)| {
        let key = format!("/{key}");
        let deeper = pointers(value).into_iter().map(|rest| format!("{key}{rest}")).collect::<Vec<_>>();
        std::iter::once(key).chain(deeper).collect::<Vec<_>>()
    };
    match value {
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), value)).flat_map(inner).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).flat_map(inner).collect()
        }
        _ => Vec::new(),
    }
}

/// A value with an object of it reduced to one of its fields: where these say one thing in several ways.
fn alone(value: &Value, pointer: &str) -> Vec<(String, Value)> {
    let Some(Value::Object(fields)) = value.pointer(pointer) else { return Vec::new() };
    let is_usage = pointer.ends_with("/usage");
    let is_flat = fields.values().all(|field| !field.is_object() && !field.is_array());
    if fields.len() < 2 || !(is_usage || is_flat) {
        return Vec::new();
    }
    let inner = Value::Object(fields.clone());
    let leaves = pointers(&inner).into_iter();
    let leaves = leaves.filter(|leaf| inner.pointer(leaf).is_some_and(|value| !value.is_object()));
    let with = |leaf: String| {
        let kept = inner.pointer(&leaf).cloned().unwrap_or_default();
        let only = leaf
            .rsplit('/')
            .filter(|key| !key.is_empty())
            .fold(kept, |value, key| Value::Object(Map::from_iter([(key.to_owned(), value)])));
        let mut changed = value.clone();
        if let Some(object) = changed.pointer_mut(pointer) {
            *object = only;
        }
        (leaf, changed)
    };
    leaves.map(with).collect()
}

/// A value with another one at a place, or none.
fn changed(value: &Value, pointer: &str) -> Vec<(&'static str, Value)> {
    let (outer, key) = pointer.rsplit_once('/').unwrap_or(("", pointer));
    let with = |change: &dyn Fn(&mut Value)| {
        let mut changed = value.clone();
        if let Some(outer) = changed.pointer_mut(outer) {
            change(outer);
        }
        changed
    };
    let put = |value: Value| {
        with(&move |outer: &mut Value| match outer {
            Value::Object(fields) => drop(fields.insert(key.to_owned(), value.clone())),
            Value::Array(items) => items[key.parse::<usize>().unwrap_or_default()] = value.clone(),
            _ => {}
        })
    };
    let gone = with(&|outer: &mut Value| match outer {
        Value::Object(fields) => drop(fields.shift_remove(key)),
        Value::Array(items) => drop(items.remove(key.parse().unwrap_or_default())),
        _ => {}
    });
    let mut all = vec![("gone", gone)];
    match value.pointer(pointer) {
        Some(Value::String(text)) if !text.is_empty() => {
            all.extend([("empty", put("".into())), ("is ?", put("?".into()))]);
        }
        Some(Value::Bool(flag)) => all.push(("turned around", put((!flag).into()))),
        Some(Value::Array(items)) if !items.is_empty() => all.push(("empty", put(Value::Array(Vec::new())))),
        _ => {}
    }
    all
}
