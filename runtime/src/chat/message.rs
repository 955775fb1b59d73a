//! Messages and the parts they are made of.

use bytes::Bytes;

use crate::json::RawJson;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Instructions to the model.
    System,
    /// The person, or the program in their place.
    User,
    /// The model.
    Assistant,
    /// Results of tools the model asked for.
    Tool,
}

/// One turn of a conversation: a role and its parts in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// A name that tells several speakers of one role apart.
    pub name: Option<String>,
    /// What is said, in order.
    pub parts: Vec<Part>,
}

/// A piece of a message.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Part {
    /// Plain text.
    Text(Text),
    /// A picture.
    Image(Media),
    /// A sound recording.
    Audio(Media),
    /// A document, such as a PDF.
    File(Media),
    /// What the model thought before it answered.
    Reasoning(Reasoning),
    /// The model declines; the text says why.
    Refusal(Text),
    /// The model asks for a tool to be run.
    ToolCall(ToolCall),
    /// What a tool answered.
    ToolResult(ToolResult),
    /// A part that only its own provider understands, kept as it stood on the wire and sent back verbatim.
    Raw(RawJson),
}

/// Text, with what some providers attach to it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Text {
    /// The text itself.
    pub text: String,
    /// Where the text comes from, as the model says.
    pub citations: Vec<Citation>,
    /// An opaque proof that has to be sent back with the text.
    pub signature: Option<String>,
    /// Marks the end of a prefix that the provider should cache.
    pub cache: Option<Cache>,
}

/// A picture, sound or document: what it is and where its bytes are.
#[derive(Debug, Clone, PartialEq)]
pub struct Media {
    /// Where the bytes are.
    pub source: Source,
    /// How closely the model should look, in the provider's own words (`low`, `high`, `auto`).
    pub detail: Option<String>,
    /// A file name, shown to the model.
    pub filename: Option<String>,
    /// Marks the end of a prefix that the provider should cache.
    pub cache: Option<Cache>,
}

/// Where the bytes of a [`Media`] are.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Source {
    /// The provider fetches them.
    Url(String),
    /// They travel with the request.
    Bytes {
        /// Media type such as `image/png`.
        mime: String,
        /// The raw bytes; base64 is the wire's business.
        data: Bytes,
    },
    /// They were uploaded before.
    Id(String),
}

impl Media {
    /// Media at a URL.
    pub fn url(url: impl Into<String>) -> Self {
        Self::new(Source::Url(url.into()))
    }

    /// Media sent along, with its media type such as `image/png`.
    pub fn bytes(mime: impl Into<String>, data: impl Into<Bytes>) -> Self {
        Self::new(Source::Bytes { mime: mime.into(), data: data.into() })
    }

    /// Media from anywhere.
    pub fn new(source: Source) -> Self {
        Self { source, detail: None, filename: None, cache: None }
    }
}

/// Reasoning of the model, with what its provider needs to recognise it again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reasoning {
    /// The readable reasoning; empty if the provider hides it.
    pub text: String,
    /// An opaque proof that has to be sent back with the text.
    pub signature: Option<String>,
    /// Reasoning that only the provider can read.
    pub redacted: Option<String>,
    /// The provider's identifier of this item.
    pub item_id: Option<String>,
    /// The provider that reasoned; reasoning is never sent to another one unless its wire says how.
    pub origin: Option<String>,
}

/// A request of the model to run a tool.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolCall {
    /// Ties the result to the call. Minted here, and not sent back, where the provider gives none.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments as JSON text. A stream that is cut or a model that errs leaves text that is not JSON.
    pub arguments: String,
    /// An opaque proof that has to be sent back with the call.
    pub signature: Option<String>,
    /// The provider's identifier of this item, where it differs from `id`.
    pub item_id: Option<String>,
    /// Marks the end of a prefix that the provider should cache.
    pub cache: Option<Cache>,
}

/// What a tool answered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolResult {
    /// The id of the call that this answers.
    pub call_id: String,
    /// The answer: text, and media where the provider takes it.
    pub content: Vec<Part>,
    /// The tool failed and `content` says how.
    pub is_error: Option<bool>,
    /// Marks the end of a prefix that the provider should cache.
    pub cache: Option<Cache>,
}

/// A prompt-cache marker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cache {
    /// How long to keep it, in the provider's words (`5m`, `1h`); its default if absent.
    pub ttl: Option<String>,
}

/// A source that the model names for a stretch of text.
#[derive(Debug, Clone, PartialEq)]
pub struct Citation {
    /// The address of the source.
    pub url: Option<String>,
    /// The title of the source.
    pub title: Option<String>,
    /// Where the cited stretch starts, in the provider's unit.
    pub start: Option<u64>,
    /// Where the cited stretch ends, in the provider's unit.
    pub end: Option<u64>,
    /// The citation as it stood on the wire.
    pub raw: RawJson,
}

impl Message {
    /// A message of `role` that consists of one text.
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self { role, name: None, parts: vec![Part::text(text)] }
    }
}

impl Part {
    /// A plain text part.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(Text { text: text.into(), ..Text::default() })
    }
}
