//! What a model can do, twice: as a set of bits for the checks before sending, and as marker traits for the
//! compiler. The two always agree, since one generator writes both from one list.

use super::Model;

/// Something that a model, or the wire it is reached over, can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Capability {
    /// Reads images.
    Vision,
    /// Reads sound.
    AudioInput,
    /// Reads documents such as PDFs.
    Documents,
    /// Calls tools.
    Tools,
    /// Calls several tools at once.
    ParallelTools,
    /// Answers in JSON of a given schema.
    StructuredOutput,
    /// Answers in JSON of any form.
    JsonMode,
    /// Reasons before it answers.
    Reasoning,
    /// Takes a reasoning effort.
    ReasoningEffort,
    /// Takes a reasoning budget in tokens.
    ReasoningBudget,
    /// Decides by itself how much to reason.
    AdaptiveThinking,
    /// Takes temperature, top-p and top-k.
    Sampling,
    /// Takes frequency and presence penalties and token biases.
    Penalties,
    /// Takes texts that end the answer.
    StopSequences,
    /// Returns log probabilities.
    Logprobs,
    /// Takes a seed.
    Seed,
    /// Streams.
    Streaming,
    /// Takes prompt-cache markers.
    PromptCache,
    /// Knows the older name of the token limit only.
    LegacyMaxTokens,
    /// Tells developer from system messages.
    DeveloperRole,
    /// Takes a choice of tool.
    ToolChoice,
    /// Takes system messages.
    SystemPrompt,
    /// Writes images.
    ImageOutput,
    /// Writes sound.
    AudioOutput,
    /// Makes vectors.
    Embeddings,
}

/// A set of [`Capability`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Capabilities(u64);

impl Capabilities {
    /// No capability.
    pub const NONE: Self = Self(0);
    /// Every capability.
    pub const ALL: Self = Self(u64::MAX);

    /// The set of the capabilities listed.
    pub const fn of(list: &[Capability]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < list.len() {
            bits |= 1 << list[at] as u8;
            at += 1;
        }
        Self(bits)
    }

    /// This set and `capability`.
    pub const fn with(self, capability: Capability) -> Self {
        Self(self.0 | 1 << capability as u8)
    }

    /// This set but for `capability`.
    pub const fn without(self, capability: Capability) -> Self {
        Self(self.0 & !(1 << capability as u8))
    }

    /// Whether `capability` is in the set.
    pub const fn has(self, capability: Capability) -> bool {
        self.0 & (1 << capability as u8) != 0
    }
}

/// A model that the compiler knows by its type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a model",
    note = "pass a constant of a generated `models` module, or the model's id as a string"
)]
pub trait TypedModel {
    /// What is known of the model.
    const MODEL: Model;
}

/// A model that is known only at run time. It passes every check of the compiler; the same checks are made
/// before anything is sent.
#[derive(Debug, Clone, Copy)]
pub enum AnyModel {}

impl TypedModel for AnyModel {
    const MODEL: Model = Model::unknown("");
}

/// The model reads images.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not accept images",
    label = "this model has no `vision` capability",
    note = "choose a model that implements `Vision`; a model named by a string is checked when the request is sent"
)]
pub trait Vision: TypedModel {}

/// The model reads sound.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not accept audio",
    label = "this model has no `audio_input` capability",
    note = "choose a model that implements `AudioInput`; a model named by a string is checked when the request is sent"
)]
pub trait AudioInput: TypedModel {}

/// The model reads documents such as PDFs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not accept documents",
    label = "this model has no `documents` capability",
    note = "choose a model that implements `Documents`; a model named by a string is checked when the request is sent"
)]
pub trait Documents: TypedModel {}

/// The model calls tools.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not call tools",
    label = "this model has no `tools` capability",
    note = "choose a model that implements `Tools`; a model named by a string is checked when the request is sent"
)]
pub trait Tools: TypedModel {}

/// The model answers in JSON of a given schema.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not take a JSON Schema for its answer",
    label = "this model has no `structured_output` capability",
    note = "choose a model that implements `StructuredOutput`, or ask for `.json()` where that is enough"
)]
pub trait StructuredOutput: TypedModel {}

/// The model answers in JSON of any form.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no JSON mode",
    label = "this model has no `json_mode` capability",
    note = "choose a model that implements `JsonMode`; a model named by a string is checked when the request is sent"
)]
pub trait JsonMode: TypedModel {}

/// The model reasons before it answers.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not reason before it answers",
    label = "this model has no `reasoning` capability",
    note = "choose a model that implements `Reasoning`; a model named by a string is checked when the request is sent"
)]
pub trait Reasoning: TypedModel {}

/// The model takes temperature, top-p and top-k.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not take sampling parameters",
    label = "this model has no `sampling` capability",
    note = "leave out temperature, top-p and top-k, or choose a model that implements `Sampling`"
)]
pub trait Sampling: TypedModel {}

/// The model takes texts that end the answer.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not take stop texts",
    label = "this model has no `stop_sequences` capability",
    note = "choose a model that implements `StopSequences`"
)]
pub trait StopSequences: TypedModel {}

/// The model returns log probabilities.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not return log probabilities",
    label = "this model has no `logprobs` capability",
    note = "choose a model that implements `Logprobs`"
)]
pub trait Logprobs: TypedModel {}

/// The model takes prompt-cache markers.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not take prompt-cache markers",
    label = "this model has no `prompt_cache` capability",
    note = "choose a model that implements `PromptCache`"
)]
pub trait PromptCache: TypedModel {}

/// The model makes vectors.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not make embeddings",
    label = "this model has no `embeddings` capability",
    note = "choose a model that implements `Embeddings`"
)]
pub trait Embeddings: TypedModel {}

impl Vision for AnyModel {}
impl AudioInput for AnyModel {}
impl Documents for AnyModel {}
impl Tools for AnyModel {}
impl StructuredOutput for AnyModel {}
impl JsonMode for AnyModel {}
impl Reasoning for AnyModel {}
impl Sampling for AnyModel {}
impl StopSequences for AnyModel {}
impl Logprobs for AnyModel {}
impl PromptCache for AnyModel {}
impl Embeddings for AnyModel {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in_and_nothing_else() {
        const SET: Capabilities = Capabilities::of(&[Capability::Vision, Capability::Embeddings]);
        assert!(SET.has(Capability::Vision) && SET.has(Capability::Embeddings));
        assert!(!SET.has(Capability::Tools));
        assert!(SET.with(Capability::Tools).has(Capability::Tools));
        assert!(!Capabilities::ALL.without(Capability::Seed).has(Capability::Seed));
    }
}
