//! Values as lines of a path and a value: what a tour tells. Works on what `Debug` prints, so that no field of the
//! vocabulary can be forgotten here.

use std::fmt::Debug;

use serde_json::Value;
use typewright_runtime::client::{ChatStream, EmbedReply, Meta, Reply};
use typewright_runtime::error::{Error, Result};

/// An answer.
pub(super) fn reply(reply: Result<Reply>) -> Vec<String> {
    match reply {
        Ok(reply) => {
            let mut lines = meta(reply.meta());
            lines.extend(flat("", &*reply));
            lines
        }
        Err(error) => failure(&error),
    }
}

/// A stream: its events, and the answer that they add up to.
pub(super) async fn stream(stream: Result<ChatStream>) -> Vec<String> {
    let mut stream = match stream {
        Ok(stream) => stream,
        Err(error) => return failure(&error),
    };
    let (mut lines, mut failed) = (Vec::new(), None);
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => lines.push(format!("event {event:?}")),
            Err(error) => failed = Some(failure(&error)),
        }
    }
    lines.push(format!("events = {}", lines.len()));
    match failed {
        Some(failed) => lines.extend(failed),
        None => lines.extend(reply(Ok(stream.into_reply()))),
    }
    lines.into_iter().map(|line| minted(&line)).collect()
}

/// Vectors.
pub(super) fn embedded(reply: Result<EmbedReply>) -> Vec<String> {
    match reply {
        Ok(reply) => {
            let mut lines = meta(reply.meta());
            lines.extend(reply.warnings().iter().map(|warning| format!("warning = {warning:?}")));
            lines.extend(flat("", &*reply));
            lines
        }
        Err(error) => failure(&error),
    }
}

/// Anything else that has a plain result.
pub(super) fn of_result<T: Debug>(result: Result<T>) -> Vec<String> {
    match result {
        Ok(value) => flat("", &value),
        Err(error) => failure(&error),
    }
}

fn meta(meta: &Meta) -> Vec<String> {
    let mut lines: Vec<String> =
        meta.request_id().map(|id| format!("request id = {id}")).into_iter().collect();
    lines.extend(flat("rate limits", &meta.rate_limits()).iter().map(|line| dated(line)));
    lines
}

/// A time of the calendar is another while away each time.
fn dated(line: &str) -> String {
    let seconds =
        line.strip_suffix('s').and_then(|line| line.split_once(".reset.0 = ")?.1.parse::<f64>().ok());
    match (seconds, line.split_once(" = ")) {
        (Some(seconds), Some((path, _))) if seconds > 86_400.0 => format!("{path} = more than a day"),
        _ => line.to_owned(),
    }
}

fn failure(error: &Error) -> Vec<String> {
    let mut lines = vec![format!("error = {error}")];
    if let Error::Api(api) = error {
        let quiet = ["body", "provider", "message"];
        let fields = flat("error", api).into_iter();
        lines.extend(
            fields.filter(|line| !quiet.iter().any(|name| line.starts_with(&format!("error.{name}")))),
        );
    }
    lines
}

/// The body of a request: a line for each field at the top, and for each object of a list there.
pub(super) fn body(body: &[u8]) -> Vec<String> {
    let Ok(Value::Object(fields)) = serde_json::from_slice::<Value>(body) else {
        let text = String::from_utf8_lossy(body);
        return if text.is_empty() { Vec::new() } else { vec![format!("body = {text}")] };
    };
    let lines = |(key, value): (&String, &Value)| match value {
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().enumerate().map(|(at, item)| format!("{key}.{at} = {item}")).collect()
        }
        value => vec![format!("{key} = {value}")],
    };
    fields.iter().flat_map(lines).collect()
}

/// A value as lines: one a leaf, with the way to it. What is absent is not told.
fn flat(name: &str, value: &impl Debug) -> Vec<String> {
    let (mut path, mut lines): (Vec<(String, usize)>, Vec<String>) = (Vec::new(), Vec::new());
    for line in format!("{value:#?}").lines() {
        let line = line.trim_start().trim_end_matches(',');
        let (field, rest) = match line.split_once(": ") {
            Some((field, rest)) if field.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') => {
                (field, rest)
            }
            _ => ("", line),
        };
        if matches!(rest, "}" | ")" | "]" | "})" | "])") {
            path.pop();
            continue;
        }
        let opens = rest.ends_with(['{', '(', '[']) && !rest.starts_with('"');
        let step = step(&mut path, field, rest, opens);
        if opens {
            path.push((step, 0));
        } else if !matches!(rest, "None" | "[]" | "{}" | "\"\"") {
            let steps = path.iter().map(|(step, _)| step.as_str()).chain([step.as_str()]);
            let at = steps.filter(|step| !step.is_empty()).collect::<Vec<_>>().join(".");
            let at =
                if name.is_empty() || at.is_empty() { format!("{name}{at}") } else { format!("{name}.{at}") };
            lines.push(minted(&format!("{at} = {rest}")));
        }
    }
    lines
}

/// The name of the way into a value: its field, the variant that it is, or its number in a list.
fn step(path: &mut [(String, usize)], field: &str, rest: &str, opens: bool) -> String {
    let variant = if opens { rest.trim_end_matches(['{', '(', '[', ' ']) } else { "" };
    match (field, path.last_mut()) {
        ("", Some((_, count))) => {
            *count += 1;
            if variant == "Some" { String::new() } else { format!("{}{variant}", *count - 1) }
        }
        ("", None) => String::new(),
        (field, _) => field.to_owned(),
    }
}

/// Ids that were made up here are others each time.
fn minted(line: &str) -> String {
    let prefix = typewright_runtime::wire::v1::MINTED;
    let Some((before, after)) = line.split_once(prefix) else { return line.to_owned() };
    let rest = after.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    format!("{before}{prefix}~{}", minted(rest))
}
