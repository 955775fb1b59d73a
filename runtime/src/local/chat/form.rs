//! The form that an answer is held to: JSON, a schema, or calls of tools. What may follow is known by `constrain`.

use std::sync::OnceLock;

use super::plan::refuse;
use super::{Frontend, Template};
use crate::chat::{ChatRequest, FunctionTool, ToolChoice, ToolDefinition};
use crate::local::constrain::{self, CallForm, Constraint, Grammar, Token, ToolCalls};
use crate::local::parse::CallFormat;
use crate::local::tokens::{Kind, Tokenizer};
use crate::local::{Error, constrain::Error as FormError};

/// The tokens as grammars need them, prepared when the first answer asks for it.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    prepared: OnceLock<Result<constrain::Vocabulary, FormError>>,
}

/// A form, and where the answer stands in it.
#[derive(Debug)]
pub(super) struct Form {
    constraint: Constraint,
    /// It is text for the caller, in which no mark means anything.
    text: bool,
}

/// The form that the answer is held to.
pub(super) fn form(
    model: &Frontend,
    request: &ChatRequest,
    template: &Template,
) -> Result<Option<Form>, Error> {
    let format = request.format.as_ref().and_then(Grammar::of).map(|grammar| ("format", grammar));
    let Some((feature, grammar)) = calls(model, request, template)?.or(format) else { return Ok(None) };
    let prepared = model.form.prepared.get_or_init(|| prepare(&model.tokenizer, model.vocab));
    let no = |error: &FormError| refuse(model, feature, error.to_string());
    let vocabulary = prepared.as_ref().map_err(no)?;
    let constraint = Constraint::new(vocabulary, &grammar).map_err(|error| no(&error))?;
    Ok(Some(Form { constraint, text: feature == "format" }))
}

fn prepare(tokenizer: &Tokenizer, count: usize) -> Result<constrain::Vocabulary, FormError> {
    let spelling = tokenizer.spelling();
    let token = |id: u32| match spelling.kind(id) {
        Kind::Text => Token { bytes: spelling.bytes(id).to_vec(), control: false },
        Kind::Control => Token { bytes: spelling.bytes(id).to_vec(), control: true },
        Kind::Unknown | Kind::Absent => Token { bytes: Vec::new(), control: true },
    };
    let tokens: Vec<Token> = (0..u32::try_from(count).unwrap_or(u32::MAX)).map(token).collect();
    constrain::Vocabulary::new(&tokens, &tokenizer.ids().ends)
}

/// Calls that the request insists on.
fn calls(
    model: &Frontend,
    request: &ChatRequest,
    template: &Template,
) -> Result<Option<(&'static str, Grammar)>, Error> {
    let no = |reason: String| refuse(model, "tool_choice", reason);
    let functions = request.tools.iter().filter_map(|tool| match tool {
        ToolDefinition::Function(tool) => Some(tool),
        ToolDefinition::Raw(_) => None,
    });
    let tools: Vec<FunctionTool> = match &request.tool_choice {
        Some(ToolChoice::Required) => functions.cloned().collect(),
        Some(ToolChoice::Tool(name)) => functions.filter(|tool| tool.name == *name).cloned().collect(),
        _ => return Ok(None),
    };
    if tools.is_empty() {
        return Err(no("there is no tool of this name".to_owned()));
    }
    let format = template.format.calls.ok_or_else(|| no("the model has no way to write calls".to_owned()))?;
    let (form, several) = written(format)
        .ok_or_else(|| no(format!("calls in the way `{}` cannot be required", format.name)))?;
    let several = several && request.parallel_tool_calls != Some(false);
    Ok(Some(("tool_choice", Grammar::Tools(ToolCalls { tools, form, several, opened: false }))))
}

/// How calls are written in a format, and whether several may follow each other.
fn written(format: &CallFormat) -> Option<(CallForm, bool)> {
    match format.name {
        "tag-json" => Some((CallForm::tagged(), true)),
        "bracket" => Some((CallForm::listed(), true)),
        "bare-json" => Some((CallForm::bare(), false)),
        "function-json" => {
            let (name, arguments) = (format.begin.to_owned(), format.middle?.to_owned());
            Some((CallForm { name, arguments, end: format.end.to_owned(), ..CallForm::default() }, false))
        }
        _ => None,
    }
}

impl Form {
    /// Whether the answer is text that is handed on as it stands.
    pub(super) fn is_text(&self) -> bool {
        self.text
    }

    /// The tokens that may follow.
    pub(super) fn allowed(&mut self) -> Result<&[u32], Error> {
        Ok(self.constraint.allowed()?)
    }

    /// Takes a token in.
    pub(super) fn accept(&mut self, token: u32) -> Result<(), Error> {
        Ok(self.constraint.accept(token)?)
    }

    /// Whether the answer is whole.
    pub(super) fn is_done(&self) -> bool {
        self.constraint.is_done()
    }
}
