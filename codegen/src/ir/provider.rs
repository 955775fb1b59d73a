//! The catalog half of the IR: a provider's hosts, auth, options and models.

use std::hash::{Hash, Hasher};

use crate::source::Span;

/// A provider, resolved and checked.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Provider {
    /// The name in YAML and in `name:model` strings: lower-case, `[a-z][a-z0-9_-]*`.
    pub name: String,
    /// The crate's name: `typewright-<name>`.
    pub crate_name: String,
    /// The client type's name, such as `AcmeAi`.
    pub type_name: String,
    /// The name people read, such as `Acme AI`.
    pub display_name: String,
    /// One line about the provider.
    pub description: Option<String>,
    /// Where its documentation is.
    pub docs_url: Option<String>,
    /// How requests get to the models.
    pub transport: Transport,
    /// The default base URL, without a trailing slash. Where models run in the process: where their files come from, or
    /// nothing.
    pub base_url: String,
    /// The environment variable that replaces the base URL, if it is set.
    pub base_url_env: Option<String>,
    /// How requests authenticate.
    pub auth: Auth,
    /// Constant headers of every request.
    pub headers: Vec<(String, String)>,
    /// The dialect's name.
    pub dialect: String,
    /// Provider-only request options.
    pub options: Vec<ProviderOption>,
    /// The models, in the order of the file.
    pub models: Vec<Model>,
    /// Where the provider is described.
    pub span: Span,
}

impl Provider {
    /// Everything but the models, of which most files show nothing.
    #[must_use]
    pub fn without_models(&self) -> Self {
        let Self { name, crate_name, type_name, display_name, description, docs_url, .. } = self;
        Self {
            name: name.clone(),
            crate_name: crate_name.clone(),
            type_name: type_name.clone(),
            display_name: display_name.clone(),
            description: description.clone(),
            docs_url: docs_url.clone(),
            transport: self.transport,
            base_url: self.base_url.clone(),
            base_url_env: self.base_url_env.clone(),
            auth: self.auth.clone(),
            headers: self.headers.clone(),
            dialect: self.dialect.clone(),
            options: self.options.clone(),
            models: Vec::new(),
            span: self.span,
        }
    }

    /// A provider of which nothing is known but the dialect that it speaks.
    pub fn bare(dialect: &str, span: Span) -> Self {
        Self {
            name: dialect.to_owned(),
            crate_name: String::new(),
            type_name: String::new(),
            display_name: String::new(),
            description: None,
            docs_url: None,
            transport: Transport::Http,
            base_url: String::new(),
            base_url_env: None,
            auth: Auth::None,
            headers: Vec::new(),
            dialect: dialect.to_owned(),
            options: Vec::new(),
            models: Vec::new(),
            span,
        }
    }
}

/// How requests get to the models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Over the network.
    Http,
    /// Not at all: the models run in the program's own process.
    Local,
}

/// How requests authenticate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Auth {
    /// No credentials.
    None,
    /// `Authorization: Bearer KEY`.
    Bearer {
        /// Environment variables that may hold the key, the first that is set.
        env: Vec<String>,
        /// Requests may go without a key.
        optional: bool,
    },
    /// The key in a header of its own.
    Header {
        /// The header's name.
        name: String,
        /// Environment variables that may hold the key.
        env: Vec<String>,
    },
    /// The key as a query parameter.
    Query {
        /// The parameter's name.
        name: String,
        /// Environment variables that may hold the key.
        env: Vec<String>,
    },
}

/// A request option that only this provider has: a typed method of the generated `Options`.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct ProviderOption {
    /// The option's name in YAML, the method's name in Rust, and the slot `$options.<name>`.
    pub name: String,
    /// The field on the wire, if the option is a top-level body field that no slot of the dialect places.
    pub wire: Option<String>,
    /// Its type.
    pub ty: OptionType,
    /// What it does.
    pub doc: Option<String>,
    /// Where it stands.
    pub span: Span,
}

/// The type of a [`ProviderOption`].
#[derive(Debug, Clone, PartialEq)]
pub enum OptionType {
    /// A boolean.
    Bool,
    /// An integer within bounds.
    Integer {
        /// The least value.
        min: Option<i64>,
        /// The greatest value.
        max: Option<i64>,
    },
    /// A number within bounds.
    Number {
        /// The least value.
        min: Option<f64>,
        /// The greatest value.
        max: Option<f64>,
    },
    /// Any text.
    String,
    /// One of these texts, or another (the enum is open).
    Enum(Vec<String>),
    /// A list of texts.
    Strings,
    /// Any JSON value.
    Json,
}

/// By the bits of its numbers, which are never NaN.
impl Hash for OptionType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Self::Integer { min, max } => (min, max).hash(state),
            Self::Number { min, max } => (min.map(f64::to_bits), max.map(f64::to_bits)).hash(state),
            Self::Enum(words) => words.hash(state),
            Self::Bool | Self::String | Self::Strings | Self::Json => {}
        }
    }
}

/// A model.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Model {
    /// The id on the wire.
    pub id: String,
    /// The type's name, such as `AcmeLarge`; unique within the crate.
    pub type_name: String,
    /// The constant's name, such as `ACME_LARGE`; unique within the crate.
    pub const_name: String,
    /// The name people read.
    pub display_name: String,
    /// One line about the model.
    pub description: Option<String>,
    /// Other ids of the same model.
    pub aliases: Vec<String>,
    /// The family, such as `acme-large`.
    pub family: Option<String>,
    /// What the model is used through.
    pub kind: ModelKind,
    /// The whole window, in tokens.
    pub context_window: Option<u64>,
    /// The most input tokens, where that is less than the window.
    pub max_input_tokens: Option<u64>,
    /// The most output tokens.
    pub max_output_tokens: Option<u64>,
    /// What it can do; names of [`crate::vocabulary::CAPABILITIES`], sorted.
    pub capabilities: Vec<String>,
    /// Reasoning levels it takes, in the provider's words; empty if none or unknown.
    pub reasoning_efforts: Vec<String>,
    /// Least and greatest reasoning budget.
    pub reasoning_budget: Option<(u64, Option<u64>)>,
    /// Input modalities: `text`, `image`, `audio`, `video`, `pdf`.
    pub input_modalities: Vec<String>,
    /// Output modalities.
    pub output_modalities: Vec<String>,
    /// Vector length, for embedding models.
    pub dimensions: Option<u64>,
    /// Prices.
    pub prices: Prices,
    /// Prices from a context size on, ascending.
    pub tiers: Vec<(u64, Prices)>,
    /// Until when the model knows the world, as `2024-06` or `2024-06-01`.
    pub knowledge: Option<String>,
    /// When it came out.
    pub released: Option<String>,
    /// Set if the model is deprecated.
    pub deprecation: Option<Deprecation>,
    /// Where its files come from, if it runs in the process.
    pub source: Option<ModelSource>,
    /// Where it stands.
    pub span: Span,
}

/// Where the files of a model come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModelSource {
    /// The repository, `owner/name`.
    pub repository: String,
    /// A branch, a tag or a commit.
    pub revision: String,
    /// The licence that the repository names.
    pub licence: Option<String>,
    /// The files, in their order.
    pub files: Vec<ModelFile>,
}

/// A file of a [`ModelSource`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModelFile {
    /// Its name, with its folders.
    pub path: String,
    /// How long it is.
    pub bytes: Option<u64>,
    /// Its SHA-256 digest, as 64 hexadecimal digits in lower case.
    pub sha256: Option<String>,
}

/// What a model is used through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModelKind {
    /// Conversation.
    Chat,
    /// Vectors.
    Embedding,
    /// Something this compiler makes no operation for yet (images, speech, moderation, …): catalog only.
    Other,
}

/// US dollars per million tokens unless `currency` says otherwise. Absent is unknown, never 0.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Prices {
    /// Input.
    pub input: Option<Price>,
    /// Output.
    pub output: Option<Price>,
    /// Input read from a cache.
    pub cache_read: Option<Price>,
    /// Input written to a cache.
    pub cache_write: Option<Price>,
    /// Reasoning, where it is not priced as output.
    pub reasoning: Option<Price>,
    /// Audio input.
    pub input_audio: Option<Price>,
    /// Audio output.
    pub output_audio: Option<Price>,
}

/// An exact price: units of 10⁻⁹ per million tokens (`2.5` is 2 500 000 000).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(pub u64);

/// A model that is going away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Deprecation {
    /// Since when, if known.
    pub since: Option<String>,
    /// When it stops working, if known.
    pub retires: Option<String>,
    /// What to use instead.
    pub replacement: Option<String>,
}
