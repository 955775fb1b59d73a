//! Messages as contents of memories, and back, without loss. What is nothing but text is that text. Anything else is a
//! document of JSON with what can be read in it as its caption, by which it is found.
//!
//! JSON that came over a wire is kept as a string of its text, so that no number of it is written differently.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::chat::{
    Cache, Citation, Media, Message, Part, Reasoning, Role, Source, Text, ToolCall, ToolResult,
};
use crate::json::RawJson;
use crate::memory::content::{Blob, Media as Medium};
use crate::memory::{Content, Error, MemoryNode};

/// The most results of tools within results: what stands in the innermost is as deep as the reader of JSON goes.
const RESULTS: usize = 40;

const MIME: &str = "application/vnd.typewright.message+json";

/// The word of a role.
pub(super) const fn role_name(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

/// What is remembered of a message.
pub(super) fn content(message: &Message, text_bytes: usize) -> Result<Content, Error> {
    if let [Part::Text(text)] = message.parts.as_slice()
        && text.citations.is_empty()
        && text.signature.is_none()
        && text.cache.is_none()
        && (1..=text_bytes).contains(&text.text.len())
    {
        return Ok(Content::text(text.text.as_str()));
    }
    check_depth(message)?;
    let parts: Vec<Value> = message.parts.iter().map(part).collect();
    let bytes = json!({ "version": 1, "parts": parts }).to_string().into();
    let mut caption = words(message);
    shorten(&mut caption, text_bytes);
    let caption = (!caption.is_empty()).then_some(caption);
    Ok(Content::Blob(Blob { media: Medium::Document, mime: MIME.to_owned(), bytes, caption }))
}

/// Whether it can be read again.
fn check_depth(message: &Message) -> Result<(), Error> {
    // No recursion: what is nested too deeply would not return from it.
    let mut left: Vec<(&[Part], usize)> = vec![(&message.parts, 0)];
    while let Some((parts, depth)) = left.pop() {
        if depth > RESULTS {
            return Err(Error::limit("results within results", depth, RESULTS));
        }
        left.extend(parts.iter().filter_map(|part| match part {
            Part::ToolResult(result) => Some((result.content.as_slice(), depth + 1)),
            _ => None,
        }));
    }
    Ok(())
}

/// Cuts a text after so many bytes, or after the last character that ends within them.
pub(super) fn shorten(text: &mut String, bytes: usize) {
    let end = (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(end.unwrap_or_default());
}

/// The message that a memory is.
pub(super) fn message(node: &MemoryNode) -> Result<Message, Error> {
    let role = role(node).ok_or_else(|| wrong("who speaks is not said"))?;
    let parts = match &node.content {
        Content::Text(text) => vec![Part::text(text.as_str())],
        Content::Blob(blob) if blob.mime == MIME => {
            let value: Value =
                serde_json::from_slice(&blob.bytes).map_err(|error| wrong(error.to_string()))?;
            list(&value, "parts")?.iter().map(read_part).collect::<Result<_, _>>()?
        }
        _ => return Err(wrong("it is no message")),
    };
    Ok(Message { role, name: kept(node, "name"), parts })
}

/// Who speaks, if that is known.
pub(super) fn role(node: &MemoryNode) -> Option<Role> {
    let word = kept(node, "role")?;
    [Role::System, Role::User, Role::Assistant, Role::Tool].into_iter().find(|role| role_name(*role) == word)
}

/// A word that is kept with a memory.
fn kept(node: &MemoryNode, key: &str) -> Option<String> {
    serde_json::from_str(node.metadata.get(key)?.as_str()).ok()
}

/// What of a message can be read: texts, and what tools were asked and answered.
pub(super) fn words(message: &Message) -> String {
    fn add(part: &Part, words: &mut Vec<String>) {
        match part {
            Part::Text(text) | Part::Refusal(text) => words.push(text.text.clone()),
            Part::ToolCall(call) => words.push(format!("{} {}", call.name, call.arguments)),
            Part::ToolResult(result) => result.content.iter().for_each(|part| add(part, words)),
            Part::Image(media) | Part::Audio(media) | Part::File(media) => {
                words.extend(media.filename.clone());
            }
            // What was thought is not what was said.
            Part::Reasoning(_) | Part::Raw(_) => {}
        }
    }
    let mut words = Vec::new();
    message.parts.iter().for_each(|part| add(part, &mut words));
    words.retain(|words| !words.is_empty());
    words.join("\n")
}

fn wrong(reason: impl Into<String>) -> Error {
    Error::Invalid { what: "message", reason: reason.into() }
}

fn part(part: &Part) -> Value {
    match part {
        Part::Text(one) => json!({ "text": text(one) }),
        Part::Refusal(one) => json!({ "refusal": text(one) }),
        Part::Image(one) => json!({ "image": media(one) }),
        Part::Audio(one) => json!({ "audio": media(one) }),
        Part::File(one) => json!({ "file": media(one) }),
        Part::Reasoning(one) => json!({ "reasoning": {
            "text": one.text, "signature": one.signature, "redacted": one.redacted, "item_id": one.item_id,
            "origin": one.origin,
        } }),
        Part::ToolCall(one) => json!({ "call": {
            "id": one.id, "name": one.name, "arguments": one.arguments, "signature": one.signature,
            "item_id": one.item_id, "cache": cache(one.cache.as_ref()),
        } }),
        Part::ToolResult(one) => json!({ "result": {
            "call_id": one.call_id, "content": one.content.iter().map(self::part).collect::<Vec<_>>(),
            "is_error": one.is_error, "cache": cache(one.cache.as_ref()),
        } }),
        Part::Raw(raw) => json!({ "raw": raw.as_str() }),
    }
}

fn text(text: &Text) -> Value {
    let citations = text.citations.iter().map(|one| {
        json!({ "url": one.url, "title": one.title, "start": one.start, "end": one.end, "raw": one.raw.as_str() })
    });
    json!({
        "text": text.text, "citations": citations.collect::<Vec<_>>(), "signature": text.signature,
        "cache": cache(text.cache.as_ref()),
    })
}

fn media(media: &Media) -> Value {
    let source = match &media.source {
        Source::Url(url) => json!({ "url": url }),
        Source::Bytes { mime, data } => json!({ "mime": mime, "data": STANDARD.encode(data) }),
        Source::Id(id) => json!({ "id": id }),
    };
    json!({
        "source": source, "detail": media.detail, "filename": media.filename,
        "cache": cache(media.cache.as_ref()),
    })
}

fn cache(cache: Option<&Cache>) -> Value {
    cache.map_or(Value::Null, |cache| json!({ "ttl": cache.ttl }))
}

fn read_part(value: &Value) -> Result<Part, Error> {
    let one = value.as_object().and_then(|entries: &Map<String, Value>| entries.iter().next());
    let (kind, value) = one.ok_or_else(|| wrong("a part is nothing"))?;
    Ok(match kind.as_str() {
        "text" => Part::Text(read_text(value)?),
        "refusal" => Part::Refusal(read_text(value)?),
        "image" => Part::Image(read_media(value)?),
        "audio" => Part::Audio(read_media(value)?),
        "file" => Part::File(read_media(value)?),
        "reasoning" => Part::Reasoning(Reasoning {
            text: word(value, "text")?,
            signature: option(value, "signature"),
            redacted: option(value, "redacted"),
            item_id: option(value, "item_id"),
            origin: option(value, "origin"),
        }),
        "call" => Part::ToolCall(ToolCall {
            id: word(value, "id")?,
            name: word(value, "name")?,
            arguments: word(value, "arguments")?,
            signature: option(value, "signature"),
            item_id: option(value, "item_id"),
            cache: read_cache(value),
        }),
        "result" => Part::ToolResult(ToolResult {
            call_id: word(value, "call_id")?,
            content: list(value, "content")?.iter().map(read_part).collect::<Result<_, _>>()?,
            is_error: value["is_error"].as_bool(),
            cache: read_cache(value),
        }),
        "raw" => Part::Raw(raw(value)?),
        other => return Err(wrong(format!("{other:?} is no part of a message"))),
    })
}

fn read_text(value: &Value) -> Result<Text, Error> {
    let citation = |one: &Value| {
        Ok(Citation {
            url: option(one, "url"),
            title: option(one, "title"),
            start: one["start"].as_u64(),
            end: one["end"].as_u64(),
            raw: raw(&one["raw"])?,
        })
    };
    Ok(Text {
        text: word(value, "text")?,
        citations: list(value, "citations")?.iter().map(citation).collect::<Result<_, Error>>()?,
        signature: option(value, "signature"),
        cache: read_cache(value),
    })
}

fn read_media(value: &Value) -> Result<Media, Error> {
    let from = &value["source"];
    let source = if let Some(data) = from["data"].as_str() {
        let data = STANDARD.decode(data).map_err(|error| wrong(error.to_string()))?.into();
        Source::Bytes { mime: word(from, "mime")?, data }
    } else if let Some(id) = option(from, "id") {
        Source::Id(id)
    } else {
        Source::Url(word(from, "url")?)
    };
    let (detail, filename) = (option(value, "detail"), option(value, "filename"));
    Ok(Media { source, detail, filename, cache: read_cache(value) })
}

fn read_cache(value: &Value) -> Option<Cache> {
    let cache = value["cache"].as_object()?;
    Some(Cache { ttl: cache.get("ttl").and_then(Value::as_str).map(str::to_owned) })
}

fn raw(value: &Value) -> Result<RawJson, Error> {
    let text = value.as_str().ok_or_else(|| wrong("a part of it has no text"))?;
    RawJson::new(text).map_err(|error| wrong(error.to_string()))
}

fn word(value: &Value, key: &str) -> Result<String, Error> {
    option(value, key).ok_or_else(|| wrong(format!("{key} is missing")))
}

fn option(value: &Value, key: &str) -> Option<String> {
    value[key].as_str().map(str::to_owned)
}

fn list<'a>(value: &'a Value, key: &str) -> Result<&'a [Value], Error> {
    let list = value[key].as_array().ok_or_else(|| wrong(format!("{key} is missing")))?;
    Ok(list)
}
