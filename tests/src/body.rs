//! Compares a sent request body with the recorded one. Equal is what EXPECTED.md (section 8) and `decisions.md` call
//! equal and nothing else: parsed arguments, a string and one text part, absent and null, spellings that a wire hint
//! names, and the few pairs listed in `normal`. Pure; the sending is [`crate::exchange`]'s business.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::compare::same_json;
use crate::corpus::Case;
use crate::request::Canonical;

/// What a comparison of two bodies found.
#[derive(Debug, Clone, Default)]
pub struct Compared {
    /// What differs, with its place.
    pub differences: Vec<String>,
    /// Fields of the recording that the client does not offer, with how often they occurred.
    pub dropped: BTreeMap<String, usize>,
}

/// Wires that stream unless told otherwise.
const STREAM_BY_DEFAULT: [&str; 1] = ["ollama"];
/// Wires whose messages must alternate, so that an encoder merges neighbours.
const ALTERNATE: [&str; 1] = ["anthropic-messages"];
/// The forms in which requests ask for reasoning where a wire hint says which one was used.
const REASONING: [&str; 4] = ["reasoning_effort", "reasoning", "thinking", "enable_thinking"];

/// Compares `sent` with the recorded request of `case`, of which `canonical` was read.
pub fn compare(case: &Case, canonical: &Canonical, sent: &Value) -> Compared {
    let source = case.canonical.as_ref().unwrap_or(&Value::Null);
    let (mut recorded, mut sent) = (case.request.clone(), sent.clone());
    recorded["stream"] = Value::Bool(canonical.stream);
    if sent.get("stream").is_none() {
        sent["stream"] = Value::Bool(STREAM_BY_DEFAULT.contains(&case.dialect.as_str()));
    }
    if recorded.get("stream_options").is_none() && sent["stream_options"] == json!({"include_usage": true}) {
        remove(&mut sent, "stream_options");
    }
    spell_alike(&mut recorded, &sent, &source["wire_hints"]);
    let mut walk = Walk { dropped: &canonical.dropped, out: Compared::default() };
    if source["wire_hints"].get("reasoning").is_some() {
        let (asked, found) = (take_reasoning(&mut recorded), take_reasoning(&mut sent));
        walk.value("reasoning", &asked, &found);
    }
    let alternate = ALTERNATE.contains(&case.dialect.as_str());
    let (recorded, mut sent) = (normal(recorded, alternate), normal(sent, alternate));
    reasoning_in_one_field(&recorded, &mut sent);
    walk.value("", &recorded, &sent);
    walk.out
}

/// Takes out of the recording what a wire hint says is spelling: a default that was written out,
/// an empty object; and an empty list of tools, which says what none says.
fn spell_alike(recorded: &mut Value, sent: &Value, hints: &Value) {
    for (at, hints) in hints["tools"].as_object().into_iter().flatten() {
        let Some(at) = at.parse::<usize>().ok() else { continue };
        for (key, hint) in hints.as_object().into_iter().flatten() {
            if recorded["tools"][at][key] == *hint && sent["tools"][at].get(key).is_none() {
                remove(&mut recorded["tools"][at], key);
            }
        }
    }
    if recorded["tools"] == json!([]) && sent.get("tools").is_none() {
        remove(recorded, "tools");
    }
    for (key, _) in hints.as_object().into_iter().flatten().filter(|(_, hint)| **hint == true) {
        let empty = recorded[key].as_object().is_some_and(Map::is_empty);
        if empty && sent.get(key).is_none() {
            remove(recorded, key);
        }
    }
}

/// Reasoning of the history may stand in a field or in a list of details (the hint `reasoning_field`): where the
/// recording has the field, details that are nothing but text become it.
fn reasoning_in_one_field(recorded: &Value, sent: &mut Value) {
    let recorded = recorded["messages"].as_array().into_iter().flatten();
    let sent = sent.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten();
    for (recorded, sent) in recorded.zip(sent) {
        let field = recorded.get("reasoning").is_some() && recorded.get("reasoning_details").is_none();
        let Some(text) = sent
            .get("reasoning_details")
            .and_then(Value::as_array)
            .filter(|_| field)
            .and_then(|list| bare_texts(list))
        else {
            continue;
        };
        remove(sent, "reasoning_details");
        sent["reasoning"] = text.into();
    }
}

/// The texts of details that hold nothing else.
fn bare_texts(details: &[Value]) -> Option<String> {
    let bare = |detail: &Value| detail.as_object().is_some_and(|detail| detail.len() == 2);
    let texts = details.iter().map(|detail| detail["text"].as_str().filter(|_| bare(detail)));
    texts.collect()
}

struct Walk<'a> {
    dropped: &'a BTreeSet<String>,
    out: Compared,
}

impl Walk<'_> {
    fn value(&mut self, path: &str, recorded: &Value, sent: &Value) {
        match (recorded, sent) {
            (Value::Object(recorded), Value::Object(sent)) => self.object(path, recorded, sent),
            (Value::Array(recorded), Value::Array(sent)) if recorded.len() == sent.len() => {
                for (at, (recorded, sent)) in recorded.iter().zip(sent).enumerate() {
                    self.value(&format!("{path}[{at}]"), recorded, sent);
                }
            }
            _ if same_json(recorded, sent) => {}
            _ => self.differ(format!("{path}: recorded {}, sent {}", short(recorded), short(sent))),
        }
    }

    fn object(&mut self, path: &str, recorded: &Map<String, Value>, sent: &Map<String, Value>) {
        for (key, value) in recorded {
            let path = join(path, key);
            match sent.get(key) {
                Some(sent) => self.value(&path, value, sent),
                None => self.missing(&path, key, value),
            }
        }
        for (key, value) in sent.iter().filter(|(key, _)| !recorded.contains_key(*key)) {
            self.differ(format!("{}: not recorded, sent {}", join(path, key), short(value)));
        }
    }

    fn missing(&mut self, path: &str, key: &str, value: &Value) {
        let offered = |name: &str| {
            name.split_once('.').is_none_or(|(place, last)| last != key || !lies_in(place, path))
        };
        match self.dropped.iter().find(|name| !offered(name)) {
            Some(name) => *self.out.dropped.entry(name.clone()).or_default() += 1,
            None => self.differ(format!("{path}: recorded {}, not sent", short(value))),
        }
    }

    fn differ(&mut self, difference: String) {
        self.out.differences.push(difference);
    }
}

/// Whether `path` is where a field of `place` would be: among the tools, at the top, or in the conversation.
fn lies_in(place: &str, path: &str) -> bool {
    let conversation = path.starts_with("messages[") || path.starts_with("system[");
    match place {
        "tool" => path.starts_with("tools["),
        "request" => !conversation && !path.starts_with("tools["),
        _ => conversation,
    }
}

/// A body with every spelling that says the same replaced by one.
fn normal(mut body: Value, alternate: bool) -> Value {
    without_nulls(&mut body);
    rename(&mut body, "max_completion_tokens", "max_tokens");
    for key in ["stop", "stop_sequences"] {
        if let Some(one) = body.get_mut(key).filter(|stop| stop.is_string()) {
            *one = Value::Array(vec![one.take()]);
        }
    }
    if let Some(system) = body.get_mut("system") {
        *system = content(system.take());
    }
    if let Some(messages) = body.get_mut("messages").and_then(Value::as_array_mut) {
        messages.iter_mut().for_each(message);
        if alternate {
            *messages = merged(std::mem::take(messages));
        }
    }
    body
}

fn message(message: &mut Value) {
    if message["role"] == "developer" {
        message["role"] = "system".into();
    }
    rename(message, "reasoning_content", "reasoning");
    if message.get("reasoning") == message.get("reasoning_content") {
        remove(message, "reasoning_content");
    }
    if let Some(inner) = message.get_mut("content") {
        *inner = content(inner.take());
    }
    // No parts are no content.
    if message.get("content").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        remove(message, "content");
    }
    for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(arguments) = call.pointer_mut("/function/arguments") {
            *arguments = parsed(arguments.take());
        }
    }
}

/// Content is a text or a list of parts; a list of one bare text is that text, at any depth.
fn content(content: Value) -> Value {
    let Value::Array(mut parts) = content else { return content };
    parts.iter_mut().for_each(part);
    match parts.as_slice() {
        [one] if one["type"] == "text" && one.as_object().is_some_and(|part| part.len() == 2) => {
            one["text"].clone()
        }
        _ => Value::Array(parts),
    }
}

fn part(part: &mut Value) {
    if let Some(url) = part.get_mut("image_url").filter(|url| url.is_string()) {
        *url = json!({"url": url.take()});
    }
    if let Some(inner) = part.get_mut("content") {
        *inner = content(inner.take());
    }
}

/// Neighbours of one role become one message.
fn merged(messages: Vec<Value>) -> Vec<Value> {
    let mut out: Vec<Value> = Vec::new();
    for mut message in messages {
        let same = out.last_mut().filter(|last| last["role"] == message["role"]);
        let Some(last) = same else {
            out.push(message);
            continue;
        };
        let mut parts = as_parts(last["content"].take());
        parts.extend(as_parts(message["content"].take()));
        last["content"] = Value::Array(parts);
    }
    out
}

fn as_parts(content: Value) -> Vec<Value> {
    match content {
        Value::Array(parts) => parts,
        Value::Null => Vec::new(),
        text => vec![json!({"type": "text", "text": text})],
    }
}

/// What a body asks of reasoning, whatever the form, taken out of it.
fn take_reasoning(body: &mut Value) -> Value {
    let mut asked = Map::new();
    for key in REASONING {
        let Some(form) = body.as_object_mut().and_then(|body| body.remove(key)) else { continue };
        match &form {
            Value::Bool(enabled) => drop(asked.insert("enabled".into(), (*enabled).into())),
            Value::String(effort) => insert_effort(&mut asked, effort),
            Value::Object(form) => object_form(&mut asked, form),
            _ => {}
        }
    }
    // Whoever names an effort or a budget wants it on.
    if asked.contains_key("effort") || asked.contains_key("budget") {
        asked.remove("enabled");
    }
    Value::Object(asked)
}

fn object_form(asked: &mut Map<String, Value>, form: &Map<String, Value>) {
    for (key, value) in form {
        match (key.as_str(), value.as_str()) {
            ("type", Some(kind)) => drop(asked.insert("enabled".into(), (kind != "disabled").into())),
            ("effort", Some(effort)) => insert_effort(asked, effort),
            ("max_tokens" | "budget_tokens", _) => drop(asked.insert("budget".into(), value.clone())),
            _ => drop(asked.insert(key.clone(), value.clone())),
        }
    }
}

fn insert_effort(asked: &mut Map<String, Value>, effort: &str) {
    match effort {
        "none" => drop(asked.insert("enabled".into(), false.into())),
        effort => drop(asked.insert("effort".into(), effort.into())),
    }
}

/// Drops what is null; an element of a list stays, because it has a place.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(without_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

fn rename(value: &mut Value, from: &str, to: &str) {
    let Some(map) = value.as_object_mut().filter(|map| !map.contains_key(to)) else { return };
    if let Some(value) = map.remove(from) {
        map.insert(to.to_owned(), value);
    }
}

fn remove(value: &mut Value, key: &str) {
    if let Some(map) = value.as_object_mut() {
        map.remove(key);
    }
}

/// Arguments are compared as the JSON that they hold.
fn parsed(arguments: Value) -> Value {
    let inner = arguments.as_str().and_then(|text| serde_json::from_str(text).ok());
    inner.unwrap_or(arguments)
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    let end = text.char_indices().nth(120).map_or(text.len(), |(at, _)| at);
    if end == text.len() { text } else { format!("{}…", &text[..end]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_spellings_are_equal() {
        let spelled = json!({
            "max_completion_tokens": 5, "stop": "x", "user": null,
            "messages": [
                {"role": "developer", "content": [{"type": "text", "text": "a"}]},
                {"role": "assistant", "tool_calls": [{"function": {"arguments": "{ \"a\": 1 }"}}]},
            ],
        });
        let other = json!({
            "max_tokens": 5, "stop": ["x"],
            "messages": [
                {"role": "system", "content": "a"},
                {"role": "assistant", "content": null, "tool_calls": [{"function": {"arguments": "{\"a\":1.0}"}}]},
            ],
        });
        let mut walk = Walk { dropped: &BTreeSet::new(), out: Compared::default() };
        walk.value("", &normal(spelled, false), &normal(other, false));
        assert_eq!(walk.out.differences, Vec::<String>::new());
    }

    #[test]
    fn a_text_with_a_cache_marker_is_not_a_bare_text() {
        let marked = json!([{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]);
        assert_eq!(content(marked.clone()), marked);
    }

    #[test]
    fn details_that_are_only_text_are_the_field_that_was_recorded() {
        let recorded = json!({"messages": [{"reasoning": "ab"}, {"reasoning": "a"}]});
        let signed = json!([{"type": "reasoning.text", "text": "a", "signature": "s"}]);
        let bare = json!([{"type": "reasoning.text", "text": "a"}, {"type": "reasoning.text", "text": "b"}]);
        let mut sent = json!({"messages": [{"reasoning_details": bare}, {"reasoning_details": signed}]});
        reasoning_in_one_field(&recorded, &mut sent);
        assert_eq!(sent, json!({"messages": [{"reasoning": "ab"}, {"reasoning_details": signed}]}));
    }

    #[test]
    fn every_other_difference_is_seen() {
        let dropped = BTreeSet::from(["message.annotations".to_owned()]);
        let mut walk = Walk { dropped: &dropped, out: Compared::default() };
        let message = json!({"messages": [{"annotations": []}], "a": 1, "b": [1]});
        walk.value("", &message, &json!({"messages": [{}], "a": 2, "b": [], "c": 0}));
        assert_eq!(walk.out.differences.len(), 3, "{:?}", walk.out.differences);
        assert_eq!(walk.out.dropped["message.annotations"], 1);
    }
}
