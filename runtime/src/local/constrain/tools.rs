//! Calls of tools as models write them: a name and JSON arguments between marks.

use std::fmt::Write as _;

use super::grammar::schema;
use super::{Error, Vocabulary};
use crate::chat::FunctionTool;

/// How a call is written: everything but the name and the arguments is fixed text. What is the name of a control
/// token is that token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallForm {
    /// Before the first call.
    pub open: String,
    /// Before the name.
    pub name: String,
    /// Between the name and the arguments.
    pub arguments: String,
    /// After the arguments.
    pub end: String,
    /// Between two calls.
    pub next: String,
    /// After the last call.
    pub close: String,
}

/// Calls of these tools, at least one.
#[derive(Debug, Clone)]
pub struct ToolCalls {
    /// The tools: names and schemas of their arguments.
    pub tools: Vec<FunctionTool>,
    /// How a call is written.
    pub form: CallForm,
    /// More than one call may follow.
    pub several: bool,
    /// The model has written [`CallForm::open`] already: the constraint starts after it.
    pub opened: bool,
}

impl CallForm {
    /// `<tool_call>{"name": …, "arguments": …}</tool_call>`, each call in marks of its own.
    pub fn tagged() -> Self {
        Self {
            name: "<tool_call>\n{\"name\": \"".to_owned(),
            arguments: "\", \"arguments\": ".to_owned(),
            end: "}\n</tool_call>".to_owned(),
            next: "\n".to_owned(),
            ..Self::default()
        }
    }

    /// `[TOOL_CALLS][{"name": …, "arguments": …}, …]`, all calls in one list.
    pub fn listed() -> Self {
        Self {
            open: "[TOOL_CALLS][".to_owned(),
            name: "{\"name\": \"".to_owned(),
            arguments: "\", \"arguments\": ".to_owned(),
            end: "}".to_owned(),
            next: ", ".to_owned(),
            close: "]".to_owned(),
        }
    }

    /// `{"name": …, "parameters": …}` with nothing around it.
    pub fn bare() -> Self {
        Self {
            name: "{\"name\": \"".to_owned(),
            arguments: "\", \"parameters\": ".to_owned(),
            end: "}".to_owned(),
            next: "; ".to_owned(),
            ..Self::default()
        }
    }
}

impl ToolCalls {
    /// The grammar in Lark. Text is always quoted as JSON, so that no name can add a rule.
    pub(super) fn lark(&self, vocabulary: &Vocabulary) -> Result<String, Error> {
        if self.tools.is_empty() {
            return Err(Error::Grammar {
                what: "tools".to_owned(),
                reason: "there is none to call".to_owned(),
            });
        }
        self.tools.iter().try_for_each(|tool| plain(&tool.name))?;
        let fixed = |text: &str| fixed(text, vocabulary);
        let form = &self.form;
        let open = if self.opened { String::new() } else { fixed(&form.open) };
        let more = if self.several { format!("({} call)*", fixed(&form.next)) } else { String::new() };
        let names: Vec<String> = (0..self.tools.len()).map(|number| format!("call_{number}")).collect();
        let mut lark =
            format!("start: {open} call {more} {}\ncall: {}\n", fixed(&form.close), names.join(" | "));
        for (name, tool) in names.iter().zip(&self.tools) {
            let arguments = tool.schema.as_ref().map_or("{\"type\": \"object\"}", |schema| schema.as_str());
            let arguments = schema(&format!("arguments of the tool {:?}", tool.name), arguments)?;
            let (before, between, end) = (fixed(&form.name), fixed(&form.arguments), fixed(&form.end));
            let tool = quoted(&tool.name);
            // Writing to a string does not fail.
            let _ = writeln!(lark, "{name}: {before} {tool} {between} {name}_arguments {end}");
            let _ = writeln!(lark, "{name}_arguments: %json {arguments}");
        }
        Ok(lark)
    }
}

/// A name stands inside JSON in most forms: it has no character that would have to be escaped there.
fn plain(name: &str) -> Result<(), Error> {
    let odd = |character: char| character.is_control() || matches!(character, '"' | '\\' | '<' | '>');
    if !name.is_empty() && !name.contains(odd) {
        return Ok(());
    }
    let reason = "its name is empty, or has quotes, brackets or control characters".to_owned();
    Err(Error::Grammar { what: format!("tool {name:?}"), reason })
}

/// Fixed text, in which names of control tokens are those tokens.
fn fixed(text: &str, vocabulary: &Vocabulary) -> String {
    let (mut parts, mut plain, mut rest) = (Vec::new(), String::new(), text);
    while let Some(character) = rest.chars().next() {
        match vocabulary.control_at_start(rest) {
            Some((token, length)) => {
                parts.push(quoted(&plain));
                parts.push(format!("<[{token}]>"));
                plain.clear();
                rest = &rest[length..];
            }
            None => {
                plain.push(character);
                rest = &rest[character.len_utf8()..];
            }
        }
    }
    parts.push(quoted(&plain));
    parts.retain(|part| !part.is_empty());
    parts.join(" ")
}

/// A text as a string of the grammar. Nothing for no text.
fn quoted(text: &str) -> String {
    if text.is_empty() { String::new() } else { serde_json::Value::from(text).to_string() }
}
