//! What templates see: plain values, each decided here and only placed there.

use serde::Serialize;

use super::package::{Operations, RuntimeDep};
use super::{docs, output};
use crate::ir::provider::{Auth, Model, ModelKind, Provider, Transport};

/// The version of everything that is generated: the compiler's own.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The oldest Rust that generated crates build with: the compiler's own.
pub const RUST_VERSION: &str = env!("CARGO_PKG_RUST_VERSION");
/// Where the sources are.
pub const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// What the templates of a provider's crate see.
#[derive(Debug, Clone, Hash, Serialize)]
pub struct CrateView {
    /// The first line of every file, without comment marks.
    pub header: String,
    /// The provider file, as `providers/x.yaml`.
    pub source: String,
    /// The name of the crate.
    pub crate_name: String,
    /// The name of the crate in Rust.
    pub lib_name: String,
    /// The folder of the crate below the output folder.
    pub folder: String,
    /// The provider's name, which is the umbrella's feature as well.
    pub name: String,
    /// The client's type.
    pub type_name: String,
    /// A name for a variable that holds the client.
    pub variable: String,
    /// The name people read, as Markdown.
    pub display_name: String,
    /// What the crate is, as a paragraph of Markdown.
    pub description: String,
    /// What the crate is, in a line of plain text.
    pub summary: String,
    /// Where the provider's documentation is.
    pub docs_url: Option<String>,
    /// Whether the models run in the process, so that nothing is sent.
    pub is_local: bool,
    /// The default address.
    pub base_url: String,
    /// The variable that replaces the address.
    pub base_url_env: Option<String>,
    /// Where the key comes from, as Markdown.
    pub key_line: String,
    /// The expression that makes a client in examples.
    pub constructor: String,
    /// The wire's name.
    pub dialect: String,
    /// The crate's version.
    pub version: &'static str,
    /// The oldest Rust.
    pub rust_version: &'static str,
    /// Where the sources are.
    pub repository: &'static str,
    /// The value of the dependency on the runtime, as TOML.
    pub runtime: String,
    /// Words that the crate is found by.
    pub keywords: Vec<String>,
    /// What the client can do.
    pub operations: Operations,
    /// The same in words.
    pub operation_list: String,
    /// Whether a model constant stands in the examples.
    pub chat_model: bool,
    /// What `chat` is called with in examples.
    pub chat_argument: String,
    /// How many models are listed.
    pub model_count: usize,
    /// Whether there is a type `Options`.
    pub has_options: bool,
}

/// What the templates of the umbrella and of the README's table see.
#[derive(Debug, Clone, Serialize)]
pub struct UmbrellaView {
    /// The first line of every file, without comment marks.
    pub header: String,
    /// The providers, by name.
    pub providers: Vec<CrateView>,
    /// How many models all of them list.
    pub model_count: usize,
    /// A `provider:model` for examples.
    pub sample: String,
    /// The feature of that provider.
    pub sample_feature: String,
    /// The version of the umbrella.
    pub version: &'static str,
    /// The oldest Rust.
    pub rust_version: &'static str,
    /// Where the sources are.
    pub repository: &'static str,
    /// The value of the dependency on the runtime, as TOML.
    pub runtime: String,
}

impl CrateView {
    /// What is to be said of `provider`, which was read from `source`.
    pub fn new(provider: &Provider, operations: Operations, runtime: &RuntimeDep, source: &str) -> Self {
        let sample = sample_model(provider);
        let summary = summary(provider);
        Self {
            header: output::header(source),
            source: source.to_owned(),
            crate_name: provider.crate_name.clone(),
            lib_name: lib_name(provider),
            folder: provider.name.clone(),
            name: provider.name.clone(),
            type_name: provider.type_name.clone(),
            variable: variable(provider),
            display_name: docs::line(&provider.display_name),
            description: docs::sanitise(&summary),
            summary: docs::plain(&summary),
            docs_url: provider.docs_url.clone(),
            is_local: provider.transport == Transport::Local,
            base_url: provider.base_url.clone(),
            base_url_env: provider.base_url_env.clone(),
            key_line: key_line(&provider.auth),
            constructor: format!("{}::from_env()?", provider.type_name),
            dialect: provider.dialect.clone(),
            version: VERSION,
            rust_version: RUST_VERSION,
            repository: REPOSITORY,
            runtime: runtime.toml(),
            keywords: keywords(provider),
            operations,
            operation_list: operations.list().join(", "),
            chat_model: sample.is_some(),
            chat_argument: sample
                .map_or_else(|| "\"a-model\"".to_owned(), |model| format!("models::{}", model.const_name)),
            model_count: provider.models.len(),
            has_options: !provider.options.is_empty(),
        }
    }
}

impl UmbrellaView {
    /// What is to be said of all `providers`.
    pub fn new(providers: Vec<(&Provider, CrateView)>, runtime: &RuntimeDep) -> Self {
        let sample = providers.iter().find_map(|(provider, _)| Some((*provider, sample_model(provider)?)));
        let first = providers.first().map(|(provider, _)| provider.name.clone()).unwrap_or_default();
        Self {
            header: output::header("all provider files"),
            model_count: providers.iter().map(|(provider, _)| provider.models.len()).sum(),
            sample: sample
                .map_or_else(|| format!("{first}:a-model"), |(p, model)| format!("{}:{}", p.name, model.id)),
            sample_feature: sample.map_or(first, |(provider, _)| provider.name.clone()),
            providers: providers.into_iter().map(|(_, view)| view).collect(),
            version: VERSION,
            rust_version: RUST_VERSION,
            repository: REPOSITORY,
            runtime: runtime.toml(),
        }
    }
}

/// The crate's name as Rust writes it.
pub fn lib_name(provider: &Provider) -> String {
    provider.crate_name.replace('-', "_")
}

/// The provider's name as a module or variable.
pub fn variable(provider: &Provider) -> String {
    super::rust::ident(&provider.name.replace('-', "_")).to_string()
}

/// A model for examples: the first for conversation that is not going away.
pub fn sample_model(provider: &Provider) -> Option<&Model> {
    provider.models.iter().find(|model| model.kind == ModelKind::Chat && model.deprecation.is_none())
}

fn summary(provider: &Provider) -> String {
    let text =
        provider.description.clone().unwrap_or_else(|| format!("A client of {}", provider.display_name));
    docs::sentence(&text)
}

/// The environment variables that may hold the key.
pub fn key_variables(auth: &Auth) -> &[String] {
    match auth {
        Auth::None => &[],
        Auth::Bearer { env, .. } | Auth::Header { env, .. } | Auth::Query { env, .. } => env,
    }
}

fn key_line(auth: &Auth) -> String {
    let variables: Vec<String> = key_variables(auth).iter().map(|name| format!("`{name}`")).collect();
    match auth {
        Auth::None => "none is needed".to_owned(),
        _ if variables.is_empty() => "given to the builder".to_owned(),
        Auth::Bearer { optional: true, .. } => {
            format!("{}, if the server asks for one", variables.join(" or "))
        }
        _ => variables.join(" or "),
    }
}

/// At most five words of at most twenty characters, as registries ask.
fn keywords(provider: &Provider) -> Vec<String> {
    let own = Some(provider.name.as_str()).filter(|name| name.len() <= 20);
    own.into_iter().chain(["llm", "ai", "client", "streaming"]).map(str::to_owned).collect()
}
