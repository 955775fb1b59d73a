//! Turns what a client hands out into the plain [`Outcome`] that is graded. The one place where the graded fields are
//! read from the vocabulary; decides nothing about right and wrong.

use typewright_runtime::chat::{ChatResponse, FinishReason, Part, Usage};
use typewright_runtime::error::{ApiError, Error};
use typewright_runtime::wire::v1::is_minted;

use crate::compare::{Call, Chat, Fault, Outcome};

/// A complete chat answer.
pub fn answered(response: &ChatResponse, request_id: Option<&str>) -> Outcome {
    let request_id = request_id.map(str::to_owned);
    Outcome { chat: Some(chat(response)), request_id, ..Outcome::default() }
}

/// A call that failed.
pub fn failed(error: &Error) -> Outcome {
    let chat = error.partial().map(chat);
    match error {
        Error::Api(api) => Outcome {
            chat,
            error: Some(fault(api)),
            request_id: api.request_id.clone(),
            ..Outcome::default()
        },
        Error::Truncated { .. } => Outcome { chat, truncated: true, ..Outcome::default() },
        other => broken(chain(other)),
    }
}

/// A call that failed in a way that no recording explains.
pub fn broken(why: String) -> Outcome {
    Outcome { broken: Some(why), ..Outcome::default() }
}

/// The graded fields of an answer. An answer of which nothing arrived has no choice either.
pub fn chat(response: &ChatResponse) -> Chat {
    if *response == ChatResponse::default() {
        return Chat::default();
    }
    Chat {
        id: response.id.clone(),
        model: response.model.clone(),
        text: response.text(),
        reasoning: response.reasoning(),
        signatures: response.parts.iter().flat_map(signatures).cloned().collect(),
        refusal: refusal(&response.parts),
        calls: response.tool_calls().map(call).collect(),
        finish: response.finish.as_ref().map(finish),
        finish_raw: response.finish_raw.clone(),
        usage: response.usage.as_ref().map(usage).unwrap_or_default(),
        logprobs: count(response.logprobs.len()),
        citations: response.parts.iter().map(citations).sum(),
        choices: 1 + count(response.alternatives.len()),
    }
}

fn fault(api: &ApiError) -> Fault {
    Fault {
        status: u64::from(api.status),
        kind: api.wire_kind.clone(),
        code: api.code.clone(),
        message: api.message.clone(),
    }
}

fn signatures(part: &Part) -> Vec<&String> {
    let (first, second) = match part {
        Part::Reasoning(reasoning) => (&reasoning.signature, &reasoning.redacted),
        Part::Text(text) => (&text.signature, &None),
        Part::ToolCall(call) => (&call.signature, &None),
        _ => (&None, &None),
    };
    first.iter().chain(second).collect()
}

fn refusal(parts: &[Part]) -> Option<String> {
    let texts =
        parts.iter().filter_map(|part| if let Part::Refusal(text) = part { Some(text) } else { None });
    Some(texts.map(|text| text.text.as_str()).collect()).filter(|text: &String| !text.is_empty())
}

fn call(call: &typewright_runtime::chat::ToolCall) -> Call {
    // An id that was made up here is another one each time.
    let id = if is_minted(&call.id) { String::new() } else { call.id.clone() };
    Call { id, name: call.name.clone(), arguments: call.arguments.clone() }
}

fn finish(reason: &FinishReason) -> String {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter => "content_filter",
        FinishReason::Pause => "pause",
        FinishReason::Error => "error",
        _ => "other",
    }
    .to_owned()
}

fn usage(usage: &Usage) -> [Option<u64>; 5] {
    [usage.input, usage.output, usage.cache_read, usage.cache_write, usage.reasoning]
}

fn citations(part: &Part) -> u64 {
    if let Part::Text(text) = part { count(text.citations.len()) } else { 0 }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// An error with everything that caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
