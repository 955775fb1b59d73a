//! Tools: what a model may ask to have run.

use crate::chat::message::Cache;
use crate::json::RawJson;

/// A tool that a Rust type describes: its name, what it does and the JSON Schema of its arguments.
pub trait Tool {
    /// The name that the model calls it by.
    const NAME: &'static str;
    /// What it does, for the model to read.
    const DESCRIPTION: &'static str;

    /// The JSON Schema of the arguments.
    fn schema() -> RawJson;

    /// The definition to send.
    fn definition() -> ToolDefinition {
        ToolDefinition::Function(FunctionTool {
            name: Self::NAME.to_owned(),
            description: Some(Self::DESCRIPTION.to_owned()),
            schema: Some(Self::schema()),
            strict: None,
            cache: None,
        })
    }
}

/// A tool offered to a model.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ToolDefinition {
    /// A function that the client runs.
    Function(FunctionTool),
    /// A tool that the provider runs, in the provider's own form.
    Raw(RawJson),
}

/// A function that the client runs when the model asks for it.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionTool {
    /// The name that the model calls it by.
    pub name: String,
    /// What it does, for the model to read.
    pub description: Option<String>,
    /// The JSON Schema of the arguments.
    pub schema: Option<RawJson>,
    /// Whether the provider must enforce the schema exactly.
    pub strict: Option<bool>,
    /// Marks the end of a prefix that the provider should cache.
    pub cache: Option<Cache>,
}

/// Whether the model may, must or must not call a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// The model must not call a tool.
    None,
    /// The model must call some tool.
    Required,
    /// The model must call the tool of this name.
    Tool(String),
}
