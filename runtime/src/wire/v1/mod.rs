//! Version 1 of what generated code stands on: a JSON writer and reader of one pass, framing, and the state
//! machine that makes canonical events of any wire.
//!
//! Nothing here knows a provider. A generated crate hands over one [`ChatWire`] of function pointers; its
//! functions read bytes with [`Cursor`], report to a [`Fold`] what they mean, and write requests with
//! [`JsonWriter`]. [`Decoder`] and [`answer()`] run a wire over a stream and over a whole body. Sending bytes is
//! the client's business, not done here.

mod answer;
mod chat;
mod cursor;
mod cx;
mod decoder;
mod fold;
mod frame;
mod helpers;
mod request;
#[cfg(test)]
mod sample;
mod scan;
mod text;
mod writer;

pub use answer::answer;
pub use chat::{
    ChatWire, ErrorWire, Needs, Policies, RateLimitHeaders, Refused, Replay, Roles, SystemPolicy, ToolIds,
    ToolResults, Unit,
};
pub use cursor::{Cursor, Kind};
pub use cx::{Cx, Turn, warn_foreign_reasoning};
pub use decoder::{Decoder, WireError};
pub use fold::{Class, Failure, Fields, Fold, MINTED, ProviderFailure, is_minted};
pub use frame::{Frame, Framer, Framing, Limits, Oversized};
pub use helpers::{filled, has_items, is, sum};
pub use request::{
    Lone, append_extra, arguments, audio_format, cache_markers, document_format, drop_option, finite,
    image_format, known_options, lone, only, option_text, or_empty, percent, separate, uses_audio,
    uses_cache, uses_documents, uses_files, uses_images, uses_provider_tools, warn,
};
pub use scan::validate;
pub use text::{At, Key, Text};
pub use writer::JsonWriter;

#[cfg(not(target_family = "wasm"))]
pub use crate::client::{Count, CountWire};
pub use crate::embed::{EmbedWire, Embeddings};
pub use crate::models::{ListWire, Listed, Listing};

/// The version that a generated crate names.
pub const VERSION: u32 = 1;

/// The bytes are not what they have to be: not JSON, not UTF-8, nested too deeply, or too many parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {at}")]
pub struct Corrupt {
    /// Where in the frame or body.
    pub at: usize,
    /// What is wrong there.
    pub reason: &'static str,
}
