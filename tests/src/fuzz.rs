//! What generated decoders, and readers of model files, must survive: any bytes at all. The same functions run in the
//! bounded tests and under cargo-fuzz.

#[cfg(feature = "local")]
mod files;

use bytes::Bytes;
use typewright_runtime::wire::v1::{ChatWire, Fold};

#[cfg(feature = "local")]
pub use self::files::{MODEL_LIMIT, files};

use crate::{providers, splits};

/// The wires that are tried: one of each kind of framing and each way to tell events apart.
const WIRES: [(&str, &str); 4] = [
    ("openai-chat", "openai"),
    ("anthropic-messages", "anthropic"),
    ("ollama-chat", "ollama"),
    ("openai-chat", "openrouter"),
];

/// Reads `bytes` as a stream, as a whole answer and as an error of the wire that `choice` picks. Nothing may panic, and
/// what a stream tells may not depend on how it is cut.
pub fn answers(choice: u8, bytes: &[u8]) {
    let (dialect, provider) = WIRES[usize::from(choice) % WIRES.len()];
    let wire = providers::chat_wire(dialect, provider);
    assert!(wire.is_some(), "{provider} is not built");
    let Some(wire) = wire else { return };
    let lengths = bytes.iter().map(|byte| usize::from(byte % 23) + 1).collect::<Vec<_>>();
    let differ = splits::of_any(wire, Bytes::copy_from_slice(bytes), lengths.into_iter());
    assert!(differ.is_empty(), "{provider}: {differ:?}");
    whole(wire, bytes);
}

/// What is no answer is an error, which is all that is asked of it here.
fn whole(wire: &'static ChatWire, bytes: &[u8]) {
    let _ = (wire.response)(bytes, &mut Fold::new(wire));
    if let Ok(Some(failure)) = (wire.errors.body)(bytes) {
        (wire.errors.classify)(None, None, u16::try_from(failure.status.unwrap_or(500)).unwrap_or(500));
    }
}
