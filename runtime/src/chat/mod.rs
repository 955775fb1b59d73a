//! The canonical vocabulary of a conversation: what every provider's wire is translated to and from.
//!
//! Plain data, nothing of any provider: messages and their parts ([`message`]), the request ([`request`]),
//! tools ([`tool`]), the events of a stream ([`event`]) and the reply they add up to ([`response`]). How these
//! look as bytes is the business of generated code over [`crate::wire`].

mod collect;
pub mod event;
pub mod message;
pub mod request;
pub mod response;
pub mod tool;

pub use collect::Collector;
pub use event::ChatEvent;
pub use message::{
    Cache, Citation, Media, Message, Part, Reasoning, Role, Source, Text, ToolCall, ToolResult,
};
pub use request::{ChatRequest, Effort, Format, ReasoningConfig, SchemaFormat};
pub use response::{ChatResponse, FinishReason, Usage, Warning};
pub use tool::{FunctionTool, Tool, ToolChoice, ToolDefinition};
