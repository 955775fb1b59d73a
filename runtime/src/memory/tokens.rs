//! How many tokens something has, for budgets. Who knows the tokenizer of the model counts exactly; the [`Estimate`] is for
//! everybody else.

use std::fmt;

use crate::chat::{Message, Part};

/// Who counts tokens.
pub trait CountTokens: Send + Sync + fmt::Debug {
    /// The tokens of a text.
    fn text(&self, text: &str) -> usize;

    /// The tokens of a picture, a sound or a document. 1600 unless said otherwise: about what providers take for a large
    /// picture. A long document has more.
    fn media(&self) -> usize {
        1600
    }

    /// The tokens of a message: those of its parts, and four for what wires put around it.
    fn message(&self, message: &Message) -> usize {
        4 + message.parts.iter().map(|part| self.part(part)).sum::<usize>()
    }

    /// The tokens of a part of a message.
    fn part(&self, part: &Part) -> usize {
        match part {
            Part::Text(text) | Part::Refusal(text) => self.text(&text.text),
            Part::Image(_) | Part::Audio(_) | Part::File(_) => self.media(),
            Part::Reasoning(reasoning) => {
                self.text(&reasoning.text) + reasoning.redacted.as_ref().map_or(0, |text| self.text(text))
            }
            Part::ToolCall(call) => 4 + self.text(&call.name) + self.text(&call.arguments),
            Part::ToolResult(result) => 4 + result.content.iter().map(|part| self.part(part)).sum::<usize>(),
            Part::Raw(json) => self.text(json.as_str()),
        }
    }
}

/// A token for each three bytes begun. English has about four bytes a token, source code about three, and scripts of three
/// bytes a character about one token for each, so that this is seldom too little for what people write. For what they do not,
/// long numbers, digests, base64, it is: such have two bytes a token and less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Estimate;

impl CountTokens for Estimate {
    fn text(&self, text: &str) -> usize {
        text.len().div_ceil(3)
    }
}
