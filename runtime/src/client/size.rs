//! Guesses how long an encoded request will be, so that its buffer is allocated once. Never wrong in a way that
//! matters: a buffer that is too small grows.

use crate::chat::{ChatRequest, Media, Part, Source, ToolDefinition};

/// About how long the body will be, so that it seldom has to grow.
pub fn of(request: &ChatRequest) -> usize {
    let parts: usize = request.parts().map(part_size).sum();
    let tools: usize = request.tools.iter().map(tool_size).sum();
    512 + parts + parts / 8 + tools + request.messages.len() * 64
}

fn part_size(part: &Part) -> usize {
    64 + match part {
        Part::Text(text) | Part::Refusal(text) => text.text.len(),
        Part::Image(media) | Part::Audio(media) | Part::File(media) => media_size(media),
        Part::Reasoning(reasoning) => {
            reasoning.text.len()
                + reasoning.signature.as_ref().map_or(0, String::len)
                + reasoning.redacted.as_ref().map_or(0, String::len)
        }
        Part::ToolCall(call) => call.name.len() + call.arguments.len() + call.id.len() + 64,
        Part::ToolResult(result) => {
            result.call_id.len() + result.content.iter().map(part_size).sum::<usize>()
        }
        Part::Raw(json) => json.as_str().len(),
    }
}

fn media_size(media: &Media) -> usize {
    match &media.source {
        Source::Bytes { data, .. } => data.len().div_ceil(3) * 4 + 64,
        Source::Url(text) | Source::Id(text) => text.len() + 64,
    }
}

fn tool_size(tool: &ToolDefinition) -> usize {
    128 + match tool {
        ToolDefinition::Function(tool) => {
            tool.schema.as_ref().map_or(0, |schema| schema.as_str().len())
                + tool.description.as_ref().map_or(0, String::len)
                + tool.name.len()
        }
        ToolDefinition::Raw(json) => json.as_str().len(),
    }
}
