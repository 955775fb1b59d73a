//! A request of 20 messages and 5 tools through the generated encoder, beside the least work that gives the same
//! bytes: constants copied, strings written by serde_json.

use std::hint::black_box;
use std::ops::Range;

use typewright_runtime::chat::{
    ChatRequest, FunctionTool, Message, Part, Role, ToolCall, ToolDefinition, ToolResult,
};
use typewright_runtime::client::body_size;
use typewright_runtime::json::RawJson;
use typewright_runtime::model::Model;
use typewright_runtime::wire::v1::{ChatWire, Cx, JsonWriter};

use super::about;
use super::frames::SAMPLES;
use crate::bench::row::Report;
use crate::bench::sample::{Pairs, allocations_of, nanoseconds};
use crate::bench::{Failure, Options};

const QUESTION: &str = "Compare the two drafts below and say which one a reader would rather finish.\n\n> The \"old\" \
    harbour was empty by then; gulls walked where the nets had been.\n\nKeep the answer to three sentences, and name \
    the line you would cut first. If a figure is needed, look it up before you answer, and say where it is from.";
const ANSWER: &str = "The first draft earns its ending: the empty harbour is shown before it is explained, and the \
    gulls do the explaining. I would cut \"by then\", which dates a scene that has no other date in it.\n\nThe second \
    one tells what the first one shows – and tells it twice.";
const RESULT: &str = "{\"matches\":[{\"path\":\"drafts/harbour.md\",\"line\":14},{\"path\":\"drafts/quay.md\",\"line\":3}],\
    \"total\":2,\"took_ms\":11}";
const SCHEMA: &str = r#"{"type":"object","properties":{"query":{"type":"string","description":"What to look for"},"limit":{"type":"integer","minimum":1,"maximum":50}},"required":["query"],"additionalProperties":false}"#;

/// Runs this part of the section.
pub(super) fn run(options: &Options, report: &mut Report<'_>) -> Result<(), Failure> {
    let [sample, ..] = &SAMPLES;
    let (wire, request) = (super::wire(sample)?, request());
    let model = Model::unknown(sample.provider);
    let body = encode(wire, &request, &model)?;
    let floor = Floor::of(&request, &body)?;
    let about = about(options);
    let pairs = Pairs::take(
        options.pairs(super::PAIRS),
        || nanoseconds(about, || encode(wire, black_box(&request), &model)),
        || nanoseconds(about, || floor.write()),
    );
    report.pairs("encode 20 messages and 5 tools", &pairs)?;
    let allocations = allocations_of(|| encode(wire, &request, &model));
    Ok(report.value("encode 20 messages and 5 tools: allocations", &[allocations])?)
}

/// As a call encodes its body, its buffer of the size that the call would guess.
fn encode(wire: &ChatWire, request: &ChatRequest, model: &Model) -> Result<Vec<u8>, Failure> {
    let mut body = JsonWriter::with_capacity(body_size(request));
    let encoded = (wire.encode)(&Cx::new(wire, request, model, true), &mut body);
    encoded.map_err(|refused| Failure::Program(format!("{}: {}", refused.feature, refused.reason)))?;
    Ok(body.into_bytes())
}

/// The same bytes, known beforehand but for what is in the request's strings.
struct Floor {
    pieces: Vec<Piece>,
    length: usize,
}

enum Piece {
    Constant(Vec<u8>),
    String(String),
}

impl Floor {
    /// Finds the request's strings in the body, in order.
    fn of(request: &ChatRequest, body: &[u8]) -> Result<Self, Failure> {
        let (mut pieces, mut done) = (Vec::new(), 0);
        for text in strings(request) {
            let written = serde_json::to_vec(text)?;
            let Some(found) = find(body, &written, done) else { continue };
            pieces.push(Piece::Constant(body.get(done..found.start).unwrap_or_default().to_vec()));
            pieces.push(Piece::String(text.to_owned()));
            done = found.end;
        }
        pieces.push(Piece::Constant(body.get(done..).unwrap_or_default().to_vec()));
        let floor = Self { pieces, length: body.len() };
        if floor.write()? == body && floor.pieces.len() > 60 {
            return Ok(floor);
        }
        Err(Failure::Program("the floor of encoding does not write the same body".to_owned()))
    }

    fn write(&self) -> Result<Vec<u8>, Failure> {
        let mut out = Vec::with_capacity(self.length);
        for piece in &self.pieces {
            match piece {
                Piece::Constant(bytes) => out.extend_from_slice(bytes),
                Piece::String(text) => serde_json::to_writer(&mut out, text)?,
            }
        }
        Ok(out)
    }
}

fn find(body: &[u8], written: &[u8], from: usize) -> Option<Range<usize>> {
    let at = from + memchr::memmem::find(body.get(from..)?, written)?;
    Some(at..at + written.len())
}

/// The request's strings in the order in which the wire has them.
fn strings(request: &ChatRequest) -> Vec<&str> {
    let mut strings = vec![request.model.as_str()];
    for part in request.parts() {
        match part {
            Part::Text(text) => strings.push(&text.text),
            Part::ToolCall(call) => strings.extend([&*call.id, &*call.name, &*call.arguments]),
            Part::ToolResult(result) => {
                let texts = result.content.iter().filter_map(|part| match part {
                    Part::Text(text) => Some(text.text.as_str()),
                    _ => None,
                });
                strings.push(&result.call_id);
                strings.extend(texts);
            }
            _ => {}
        }
    }
    for tool in &request.tools {
        if let ToolDefinition::Function(tool) = tool {
            strings.push(&tool.name);
            strings.extend(tool.description.as_deref());
        }
    }
    strings
}

/// A conversation with instructions, questions, answers, two calls of tools and their results.
fn request() -> ChatRequest {
    let mut messages =
        vec![Message::text(Role::System, "Be brief. Name your sources. Never guess a number.")];
    for turn in 0..20 - 1 {
        messages.push(match turn {
            3 | 9 => called(turn),
            4 | 10 => result(turn - 1),
            turn if turn % 2 == 0 => Message::text(Role::User, format!("{turn}. {QUESTION}")),
            _ => Message::text(Role::Assistant, ANSWER),
        });
    }
    let mut request = ChatRequest { messages, ..ChatRequest::new("gpt-4.1") };
    request.tools = ["search", "read_file", "list_folder", "run_tests", "look_up"].map(tool).into();
    (request.max_tokens, request.temperature) = (Some(1024), Some(0.2));
    request
}

fn tool(name: &str) -> ToolDefinition {
    ToolDefinition::Function(FunctionTool {
        name: name.to_owned(),
        description: Some(format!("Runs `{name}` in the project and returns what it found, newest first.")),
        schema: RawJson::new(SCHEMA).ok(),
        strict: Some(true),
        cache: None,
    })
}

fn called(turn: usize) -> Message {
    let call = ToolCall {
        id: format!("call_{turn}_p3q9fY7"),
        name: "search".to_owned(),
        arguments: "{\"query\":\"harbour\",\"limit\":2}".to_owned(),
        ..ToolCall::default()
    };
    Message { role: Role::Assistant, name: None, parts: vec![Part::ToolCall(call)] }
}

fn result(turn: usize) -> Message {
    let result = ToolResult {
        call_id: format!("call_{turn}_p3q9fY7"),
        content: vec![Part::text(RESULT)],
        ..ToolResult::default()
    };
    Message { role: Role::Tool, name: None, parts: vec![Part::ToolResult(result)] }
}
