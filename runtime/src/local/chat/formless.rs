//! Without the feature `constrain`, an answer cannot be held to a form: whoever asks for one is refused.

use super::plan::refuse;
use super::{Frontend, Template};
use crate::chat::{ChatRequest, Format, ToolChoice};
use crate::local::Error;

/// There is none.
#[derive(Debug)]
pub(super) enum Form {}

/// The form that the answer is held to.
pub(super) fn form(model: &Frontend, request: &ChatRequest, _: &Template) -> Result<Option<Form>, Error> {
    const REASON: &str = "the feature `constrain` is not built in";
    if matches!(request.format, Some(Format::Json | Format::Schema(_))) {
        return Err(refuse(model, "format", REASON));
    }
    if matches!(request.tool_choice, Some(ToolChoice::Required | ToolChoice::Tool(_))) {
        return Err(refuse(model, "tool_choice", REASON));
    }
    Ok(None)
}

impl Form {
    pub(super) fn is_text(&self) -> bool {
        match *self {}
    }

    pub(super) fn allowed(&mut self) -> Result<&[u32], Error> {
        match *self {}
    }

    pub(super) fn accept(&mut self, _: u32) -> Result<(), Error> {
        match *self {}
    }

    pub(super) fn is_done(&self) -> bool {
        match *self {}
    }
}
