//! Frames as a client written by hand would read them: split by memchr, read with serde_json, once into the least that
//! holds the text and borrows it, once into everything that the provider documents, owned.

use std::borrow::Cow;

use memchr::memchr;
use serde::Deserialize;

/// Reads a frame and returns the length of its text; zero if it cannot be read.
pub(super) type Read = fn(&[u8]) -> usize;

/// The data lines of an event stream.
fn data(frame: &[u8]) -> Option<&[u8]> {
    let mut rest = frame;
    while let Some(end) = memchr(b'\n', rest) {
        if let Some(data) = rest.get(..end)?.strip_prefix(b"data: ") {
            return Some(data);
        }
        rest = rest.get(end + 1..)?;
    }
    None
}

fn line(frame: &[u8]) -> Option<&[u8]> {
    frame.get(..memchr(b'\n', frame)?)
}

fn length(text: Option<impl AsRef<str>>) -> usize {
    text.map_or(0, |text| text.as_ref().len())
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    choices: Vec<Choice<'a>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Delta<'a>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    content: Option<Cow<'a, str>>,
}

pub(super) fn openai_minimal(frame: &[u8]) -> usize {
    let chunk: Option<Chunk<'_>> = data(frame).and_then(|data| serde_json::from_slice(data).ok());
    length(chunk.and_then(|chunk| chunk.choices.into_iter().next()?.delta.content))
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "reading them is what is measured")]
struct OwnedChunk {
    id: String,
    object: String,
    created: u64,
    model: String,
    system_fingerprint: Option<String>,
    service_tier: Option<String>,
    choices: Vec<OwnedChoice>,
    usage: Option<OwnedUsage>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "reading them is what is measured")]
struct OwnedChoice {
    index: u32,
    delta: OwnedDelta,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "reading them is what is measured")]
struct OwnedDelta {
    role: Option<String>,
    content: Option<String>,
    refusal: Option<String>,
    tool_calls: Option<Vec<OwnedCall>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "reading them is what is measured")]
struct OwnedCall {
    index: u32,
    id: Option<String>,
    function: Option<OwnedFunction>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "reading them is what is measured")]
struct OwnedFunction {
    name: Option<String>,
    arguments: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "reading them is what is measured")]
struct OwnedUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
}

pub(super) fn openai_owned(frame: &[u8]) -> usize {
    let chunk: Option<OwnedChunk> = data(frame).and_then(|data| serde_json::from_slice(data).ok());
    length(chunk.and_then(|chunk| chunk.choices.into_iter().next()?.delta.content))
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    delta: Option<EventDelta<'a>>,
}

#[derive(Deserialize)]
struct EventDelta<'a> {
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
}

pub(super) fn anthropic_minimal(frame: &[u8]) -> usize {
    let event: Option<Event<'_>> = data(frame).and_then(|data| serde_json::from_slice(data).ok());
    let delta = event.filter(|event| event.kind == "content_block_delta").and_then(|event| event.delta);
    length(delta.and_then(|delta| delta.text))
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(dead_code, reason = "reading them is what is measured")]
enum OwnedEvent {
    MessageStart { message: serde_json::Value },
    ContentBlockStart { index: u32, content_block: serde_json::Value },
    ContentBlockDelta { index: u32, delta: OwnedEventDelta },
    ContentBlockStop { index: u32 },
    MessageDelta { delta: serde_json::Value, usage: serde_json::Value },
    MessageStop,
    Ping,
}

#[allow(clippy::enum_variant_names, reason = "the wire calls them so")]
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(dead_code, reason = "reading them is what is measured")]
enum OwnedEventDelta {
    TextDelta { text: String },
    InputJsonDelta { partial_json: String },
    ThinkingDelta { thinking: String },
    SignatureDelta { signature: String },
}

pub(super) fn anthropic_owned(frame: &[u8]) -> usize {
    match data(frame).and_then(|data| serde_json::from_slice(data).ok()) {
        Some(OwnedEvent::ContentBlockDelta { delta: OwnedEventDelta::TextDelta { text }, .. }) => text.len(),
        _ => 0,
    }
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    message: LineMessage<'a>,
}

#[derive(Deserialize)]
struct LineMessage<'a> {
    #[serde(borrow, default)]
    content: Option<Cow<'a, str>>,
}

pub(super) fn ollama_minimal(frame: &[u8]) -> usize {
    let read: Option<Line<'_>> = line(frame).and_then(|line| serde_json::from_slice(line).ok());
    length(read.and_then(|line| line.message.content))
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "reading them is what is measured")]
struct OwnedLine {
    model: String,
    created_at: String,
    message: OwnedMessage,
    done: bool,
    done_reason: Option<String>,
    total_duration: Option<u64>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "reading them is what is measured")]
struct OwnedMessage {
    role: String,
    content: String,
    thinking: Option<String>,
    images: Option<Vec<String>>,
    tool_calls: Option<Vec<serde_json::Value>>,
}

pub(super) fn ollama_owned(frame: &[u8]) -> usize {
    let read: Option<OwnedLine> = line(frame).and_then(|line| serde_json::from_slice(line).ok());
    length(read.map(|line| line.message.content))
}
