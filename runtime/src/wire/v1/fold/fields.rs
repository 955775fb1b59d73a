//! What decoders hand over: the class of a part, what a row binds of it, what a failure says.

use super::Text;

/// What kind of part a slot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Visible text.
    Text,
    /// Reasoning.
    Reasoning,
    /// A refusal.
    Refusal,
    /// A call of a tool that the client runs.
    ToolCall,
    /// A picture.
    Image,
    /// A sound.
    Audio,
    /// A part that only its provider understands.
    Raw,
}

/// What a row binds besides its key. Which fields mean something depends on the class.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fields<'a> {
    /// The text so far, or all of it.
    pub text: Option<Text<'a>>,
    /// The id of a call.
    pub id: Option<Text<'a>>,
    /// The tool's name.
    pub name: Option<Text<'a>>,
    /// All the arguments, as JSON text.
    pub arguments: Option<Text<'a>>,
    /// An opaque proof.
    pub signature: Option<Text<'a>>,
    /// Reasoning that only the provider can read.
    pub redacted: Option<Text<'a>>,
    /// The provider's id of the item.
    pub item_id: Option<Text<'a>>,
    /// The address of a source or of media.
    pub url: Option<Text<'a>>,
    /// The title of a source.
    pub title: Option<Text<'a>>,
    /// The type of media.
    pub mime: Option<Text<'a>>,
    /// The bytes of media in base64.
    pub data: Option<Text<'a>>,
    /// Where a cited stretch starts.
    pub start: Option<u64>,
    /// Where a cited stretch ends.
    pub end: Option<u64>,
    /// The JSON as it stands.
    pub raw: Option<&'a str>,
    /// The first fragment.
    pub delta: Option<Text<'a>>,
}

/// What a provider says about a failure, as it stands on the wire.
#[derive(Debug, Clone, Copy, Default)]
pub struct Failure<'a> {
    /// Its word for the kind.
    pub kind: Option<Text<'a>>,
    /// Its code.
    pub code: Option<Text<'a>>,
    /// Its message.
    pub message: Option<Text<'a>>,
    /// The parameter that is to blame.
    pub param: Option<Text<'a>>,
    /// The HTTP status that it would have had.
    pub status: Option<u64>,
    /// When to come back.
    pub retry_after: Option<Text<'a>>,
    /// The id of the request.
    pub request_id: Option<Text<'a>>,
}

impl Fields<'_> {
    /// Whether there is anything that a part of an answer could consist of.
    pub(super) fn says_something(&self) -> bool {
        let texts =
            [self.text, self.delta, self.id, self.name, self.arguments, self.signature, self.redacted];
        let others = [self.item_id, self.url, self.data];
        texts.iter().chain(&others).flatten().any(|text| !text.is_empty())
    }
}
