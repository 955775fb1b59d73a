//! What an answer has to look like, turned into a grammar of the parser.

use llguidance::JsonCompileOptions;
use llguidance::api::TopLevelGrammar;
use serde_json::Value;

use super::tools::ToolCalls;
use super::{Error, Vocabulary};
use crate::chat::Format;

/// The longest schema, expression or grammar.
const MOST_BYTES: usize = 1 << 20;

/// White space between the parts of JSON: bounded, so that a model cannot go on with it for ever.
const SPACE: &str = r"[\x20\x0A\x0D\x09]{1,64}";

/// What an answer has to look like.
#[derive(Debug, Clone)]
pub enum Grammar {
    /// Any JSON value.
    Json,
    /// JSON that satisfies this JSON Schema.
    Schema(String),
    /// Text that a regular expression matches from start to end.
    Regex(String),
    /// Text of a grammar in the parser's dialect of Lark.
    Lark(String),
    /// Calls of tools.
    Tools(ToolCalls),
}

impl Grammar {
    /// What a request asks for. Nothing: free text.
    pub fn of(format: &Format) -> Option<Self> {
        match format {
            Format::Text => None,
            Format::Json => Some(Self::Json),
            Format::Schema(schema) => Some(Self::Schema(schema.schema.as_str().to_owned())),
        }
    }

    /// What was given, in a word, and its grammar.
    pub(super) fn compile(&self, vocabulary: &Vocabulary) -> Result<(String, TopLevelGrammar), Error> {
        let (what, compiled) = match self {
            Self::Json => ("JSON", TopLevelGrammar::from_json_schema(schema("JSON", "{}")?)),
            Self::Schema(text) => {
                ("JSON Schema", TopLevelGrammar::from_json_schema(schema("JSON Schema", text)?))
            }
            Self::Regex(text) => {
                ("regular expression", TopLevelGrammar::from_regex(short("regular expression", text)?))
            }
            Self::Lark(text) => ("grammar", TopLevelGrammar::from_lark(short("grammar", text)?.to_owned())),
            Self::Tools(calls) => ("tools", TopLevelGrammar::from_lark(calls.lark(vocabulary)?)),
        };
        Ok((what.to_owned(), compiled))
    }
}

/// The schema with the options of the parser in it.
pub(super) fn schema(what: &str, text: &str) -> Result<Value, Error> {
    let refuse = |reason: String| Error::Grammar { what: what.to_owned(), reason };
    let value: Value = serde_json::from_str(short(what, text)?).map_err(|error| refuse(error.to_string()))?;
    let mut schema = match value {
        Value::Object(schema) => schema,
        Value::Bool(true) => serde_json::Map::new(),
        Value::Bool(false) => return Err(refuse("`false` allows no answer".to_owned())),
        _ => return Err(refuse("neither an object nor a boolean".to_owned())),
    };
    // A key of the parser's own, by which a schema could switch off that it is enforced.
    if schema.contains_key("x-guidance") {
        return Err(refuse("`x-guidance` is not for schemas".to_owned()));
    }
    let options =
        JsonCompileOptions { whitespace_pattern: Some(SPACE.to_owned()), ..JsonCompileOptions::default() };
    let options = serde_json::to_value(options).map_err(|error| refuse(error.to_string()))?;
    schema.insert("x-guidance".to_owned(), options);
    Ok(Value::Object(schema))
}

fn short<'a>(what: &str, text: &'a str) -> Result<&'a str, Error> {
    if text.len() <= MOST_BYTES {
        return Ok(text);
    }
    let reason = format!("{} bytes, more than {MOST_BYTES}", text.len());
    Err(Error::Grammar { what: what.to_owned(), reason })
}
