//! What is known of a model: limits, prices, capabilities. Plain constant data that generated crates fill in.
//!
//! Which calls a model admits is decided by [`Capabilities`] at run time and by the marker traits of
//! [`capability`] at compile time; what a request costs is worked out in [`crate::price`]. Nothing here sends
//! anything.

pub mod capability;
mod files;

use std::borrow::Cow;
use std::ops::Deref;

pub use capability::{
    AnyModel, AudioInput, Capabilities, Capability, Documents, Embeddings, JsonMode, Logprobs, PromptCache,
    Reasoning, Sampling, StopSequences, StructuredOutput, Tools, TypedModel, Vision,
};

pub use files::{ModelFile, ModelFiles};

pub use crate::price::{Cost, Price, Prices, Tier};

/// Everything that a catalog says about one model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Model {
    /// The id on the wire; empty for a model that the catalog does not know.
    pub id: &'static str,
    /// The provider that serves it.
    pub provider: &'static str,
    /// The name people read.
    pub name: &'static str,
    /// The family it belongs to.
    pub family: Option<&'static str>,
    /// Other ids of the same model.
    pub aliases: &'static [&'static str],
    /// What it is used through.
    pub kind: ModelKind,
    /// How much it takes and gives.
    pub limits: Limits,
    /// Prices of an ordinary request.
    pub prices: Prices,
    /// Prices of requests with more input, ascending.
    pub tiers: &'static [Tier],
    /// What it can do.
    pub capabilities: Capabilities,
    /// The reasoning levels it takes, in the provider's words; empty if none or unknown.
    pub reasoning_efforts: &'static [&'static str],
    /// The least and greatest reasoning budget, in tokens.
    pub reasoning_budget: Option<(u64, Option<u64>)>,
    /// What it reads: `text`, `image`, `audio`, `video`, `pdf`.
    pub input_modalities: &'static [&'static str],
    /// What it writes.
    pub output_modalities: &'static [&'static str],
    /// The length of its vectors, for an embedding model.
    pub dimensions: Option<u64>,
    /// Until when it knows the world.
    pub knowledge: Option<&'static str>,
    /// When it came out.
    pub released: Option<&'static str>,
    /// Set if it is going away.
    pub deprecation: Option<Deprecation>,
    /// Where its files come from, if it runs in this process.
    pub files: Option<&'static ModelFiles>,
}

/// What a model is used through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ModelKind {
    /// Conversation.
    Chat,
    /// Vectors.
    Embedding,
    /// Something else; the catalog lists it all the same.
    Other,
}

/// Limits in tokens. `None` is unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Input and output together.
    pub context_window: Option<u64>,
    /// Input alone, where that is less than the window.
    pub max_input: Option<u64>,
    /// Output alone.
    pub max_output: Option<u64>,
}

/// A model that is going away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deprecation {
    /// Since when.
    pub since: Option<&'static str>,
    /// When it stops working.
    pub retires: Option<&'static str>,
    /// What to use instead.
    pub replacement: Option<&'static str>,
}

impl Model {
    /// A chat model of which nothing but its name is known, and that can do nothing: the base to fill in.
    pub const fn new(provider: &'static str, id: &'static str) -> Self {
        Self {
            id,
            provider,
            name: id,
            family: None,
            aliases: &[],
            kind: ModelKind::Chat,
            limits: Limits { context_window: None, max_input: None, max_output: None },
            prices: Prices::UNKNOWN,
            tiers: &[],
            capabilities: Capabilities::NONE,
            reasoning_efforts: &[],
            reasoning_budget: None,
            input_modalities: &[],
            output_modalities: &[],
            dimensions: None,
            knowledge: None,
            released: None,
            deprecation: None,
            files: None,
        }
    }

    /// A model that the catalog does not know, such as a fine-tune. It may do anything, so that nothing is
    /// refused here that the provider would have taken.
    pub const fn unknown(provider: &'static str) -> Self {
        Self { capabilities: Capabilities::ALL, ..Self::new(provider, "") }
    }

    /// Whether the catalog knows the model.
    pub const fn is_known(&self) -> bool {
        !self.id.is_empty()
    }

    /// Whether the model has `capability`.
    pub const fn can(&self, capability: Capability) -> bool {
        self.capabilities.has(capability)
    }

    /// Whether `name` is the model's id or one of its aliases.
    pub fn answers_to(&self, name: &str) -> bool {
        self.id == name || self.aliases.contains(&name)
    }
}

/// A model as one call uses it: the id to send and what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ChosenModel {
    /// The id to send.
    pub id: Cow<'static, str>,
    known: Known,
}

#[derive(Debug, Clone, PartialEq)]
enum Known {
    Catalog(&'static Model),
    Unlisted(Box<Model>),
}

impl Deref for ChosenModel {
    type Target = Model;

    fn deref(&self) -> &Model {
        match &self.known {
            Known::Catalog(model) => model,
            Known::Unlisted(model) => model,
        }
    }
}

impl ChosenModel {
    /// A model of the catalog under its own id.
    pub fn listed(model: &'static Model) -> Self {
        Self { id: Cow::Borrowed(model.id), known: Known::Catalog(model) }
    }

    /// Looks `id` up in `catalog`, by id before alias. The id is sent as it was given: an alias may mean more
    /// to the provider than the model it stands for today.
    pub fn named(id: String, provider: &'static str, catalog: &'static [&'static Model]) -> Self {
        let by_id = catalog.iter().find(|model| model.id == id);
        let found = by_id.or_else(|| catalog.iter().find(|model| model.answers_to(&id)));
        let known = match found {
            Some(model) => Known::Catalog(model),
            None => Known::Unlisted(Box::new(Model::unknown(provider))),
        };
        Self { id: Cow::Owned(id), known }
    }
}

/// What names a model in a call: a typed model of a generated crate, or its id as text.
///
/// A typed model is checked by the compiler. Text is looked up in the provider's catalog and checked before
/// anything is sent; a name that is not listed is let through unchecked.
pub trait IntoModel {
    /// What the compiler knows of the model.
    type Model: TypedModel;

    /// Finds the model in the catalog of `provider`.
    fn choose(self, provider: &'static str, catalog: &'static [&'static Model]) -> ChosenModel;
}

impl<M: TypedModel> IntoModel for M {
    type Model = M;

    fn choose(self, _: &'static str, _: &'static [&'static Model]) -> ChosenModel {
        ChosenModel::listed(const { &M::MODEL })
    }
}

impl IntoModel for String {
    type Model = AnyModel;

    fn choose(self, provider: &'static str, catalog: &'static [&'static Model]) -> ChosenModel {
        ChosenModel::named(self, provider, catalog)
    }
}

impl IntoModel for &str {
    type Model = AnyModel;

    fn choose(self, provider: &'static str, catalog: &'static [&'static Model]) -> ChosenModel {
        self.to_owned().choose(provider, catalog)
    }
}

impl IntoModel for &String {
    type Model = AnyModel;

    fn choose(self, provider: &'static str, catalog: &'static [&'static Model]) -> ChosenModel {
        self.clone().choose(provider, catalog)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static SMALL: Model = Model { aliases: &["small"], ..Model::new("acme", "small-1") };
    static CATALOG: [&Model; 1] = [&SMALL];

    #[test]
    fn a_name_is_found_by_id_and_by_alias_and_sent_as_given() {
        let by_alias = "small".choose("acme", &CATALOG);
        assert_eq!((by_alias.id.as_ref(), by_alias.is_known()), ("small", true));
        assert_eq!("small-1".choose("acme", &CATALOG).name, "small-1");
    }

    #[test]
    fn an_unlisted_name_may_do_anything() {
        let tuned = "ft:small-1:me".choose("acme", &CATALOG);
        assert!(!tuned.is_known() && tuned.can(Capability::Vision));
        assert_eq!(tuned.provider, "acme");
        assert!(!Model::new("acme", "x").can(Capability::Vision));
    }
}
