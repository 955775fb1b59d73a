//! A conversation as the tokens of a prompt.
//!
//! What a template writes may name control tokens; what people write may not. So control tokens that are spelt out in
//! texts of a request are put between two characters that are no text before the template is rendered, and between these
//! the prompt is encoded as text.

use std::collections::HashMap;

use serde_json::Value;

use super::plan::refuse;
use super::{Frontend, Template};
use crate::chat::{ChatRequest, Message, Part, ToolChoice, ToolDefinition, Warning};
use crate::json::RawJson;
use crate::local::Error;
use crate::local::template::{TemplateError, TemplateInput};
use crate::local::tokens::{Kind, Specials, Tokenizer};

/// Stand around what is text, whatever it spells. Unicode has them for such use alone, and no text holds them.
const OPEN: char = '\u{FDD0}';
const CLOSE: char = '\u{FDD1}';

/// The names of control tokens, by their first byte, the longest first.
#[derive(Debug, Default)]
pub(super) struct Controls(HashMap<u8, Vec<String>>);

/// A prompt before it is encoded.
pub(super) struct Rendered<'a> {
    pub(super) template: &'a Template,
    text: String,
    pub(super) warnings: Vec<Warning>,
}

impl Rendered<'_> {
    /// As the model reads it.
    pub(super) fn text(&self) -> String {
        self.text.replace([OPEN, CLOSE], "")
    }
}

impl Controls {
    pub(super) fn new(tokenizer: &Tokenizer) -> Self {
        let spelling = tokenizer.spelling();
        let mut names: HashMap<u8, Vec<String>> = HashMap::new();
        for id in 0..u32::try_from(spelling.len()).unwrap_or(u32::MAX) {
            let named = matches!(spelling.kind(id), Kind::Control | Kind::Unknown);
            if let (true, Ok(name)) = (named, std::str::from_utf8(spelling.bytes(id)))
                && let Some(first) = name.bytes().next()
            {
                names.entry(first).or_default().push(name.to_owned());
            }
        }
        names.values_mut().for_each(|names| names.sort_by_key(|name| std::cmp::Reverse(name.len())));
        Self(names)
    }

    fn at_start(&self, text: &str) -> Option<&str> {
        let names = self.0.get(text.as_bytes().first()?)?;
        names.iter().map(String::as_str).find(|name| text.starts_with(name))
    }

    /// `text` with every name of a control token marked; `None` if there is none.
    fn marked(&self, text: &str) -> Option<String> {
        let mut marked = String::new();
        let (mut from, mut at) = (0, 0);
        while at < text.len() {
            let name = if text.is_char_boundary(at) { self.at_start(&text[at..]) } else { None };
            let Some(name) = name else {
                at += 1;
                continue;
            };
            marked.push_str(&text[from..at]);
            marked.push(OPEN);
            marked.push_str(name);
            marked.push(CLOSE);
            at += name.len();
            from = at;
        }
        if from == 0 {
            return None;
        }
        marked.push_str(&text[from..]);
        Some(marked)
    }
}

/// The prompt of a request, by the template that is for it.
pub(super) fn render<'a>(model: &'a Frontend, request: &ChatRequest) -> Result<Rendered<'a>, Error> {
    let template = template_for(model, request)?;
    let (marked, found) = marked(model, request)?;
    let name_of = |id: Option<u32>| {
        let bytes = model.tokenizer.spelling().bytes(id?);
        std::str::from_utf8(bytes).ok().map(str::to_owned)
    };
    let ids = model.tokenizer.ids();
    let input = TemplateInput {
        bos_token: name_of(ids.bos),
        eos_token: name_of(ids.eos),
        ..TemplateInput::default()
    };
    let text = template.template.render(&marked, &input).map_err(|error| match error {
        TemplateError::NotTaken { what } => {
            refuse(model, what, "the chat template of the model has no place for it")
        }
        other => other.into(),
    })?;
    let warning = |()| Warning {
        feature: "messages".to_owned(),
        message: "a text spells out control tokens of the model; they are read as text".to_owned(),
    };
    Ok(Rendered { template, text, warnings: found.then_some(()).map(warning).into_iter().collect() })
}

/// Models may have a template for conversations with tools.
fn template_for<'a>(model: &'a Frontend, request: &ChatRequest) -> Result<&'a Template, Error> {
    let tools = !request.tools.is_empty() && request.tool_choice != Some(ToolChoice::None);
    let named = |name: &str| model.templates.iter().find(|template| template.name == name);
    let for_tools = if tools { named("tool_use") } else { None };
    for_tools.or_else(|| named("default")).or(model.templates.first()).ok_or(TemplateError::None.into())
}

/// The tokens of a prompt.
pub(super) fn encode(model: &Frontend, rendered: &Rendered<'_>) -> Result<Vec<u32>, Error> {
    let broken =
        || refuse(model, "messages", "the chat template cuts a text inside of the name of a control token");
    let mut ids = Vec::new();
    let mut rest = rendered.text.as_str();
    while let Some((before, after)) = rest.split_once(OPEN) {
        let (inside, next) = after.split_once(CLOSE).ok_or_else(broken)?;
        if before.contains(CLOSE) || inside.contains(OPEN) {
            return Err(broken());
        }
        add(model, before, Specials::Parse, &mut ids)?;
        add(model, inside, Specials::AsText, &mut ids)?;
        rest = next;
    }
    if rest.contains(CLOSE) {
        return Err(broken());
    }
    add(model, rest, Specials::Parse, &mut ids)?;
    Ok(ids)
}

fn add(model: &Frontend, text: &str, specials: Specials, ids: &mut Vec<u32>) -> Result<(), Error> {
    if !text.is_empty() {
        ids.extend(model.tokenizer.encode(text, specials)?);
    }
    Ok(())
}

/// The request with control tokens marked in all that is not the template's, and whether there were any.
fn marked(model: &Frontend, request: &ChatRequest) -> Result<(ChatRequest, bool), Error> {
    let mut request = request.clone();
    let mut marker = Marker { controls: &model.controls, found: false, odd: false };
    for message in &mut request.messages {
        marker.message(message);
    }
    for tool in &mut request.tools {
        if let ToolDefinition::Function(tool) = tool {
            marker.text(&mut tool.name);
            tool.description.iter_mut().for_each(|text| marker.text(text));
            if let Some(schema) = &mut tool.schema {
                marker.json(schema.as_str()).into_iter().for_each(|json| *schema = RawJson::trusted(&json));
            }
        }
    }
    if marker.odd {
        return Err(refuse(model, "messages", "a text holds U+FDD0 or U+FDD1, which are no characters"));
    }
    Ok((request, marker.found))
}

struct Marker<'a> {
    controls: &'a Controls,
    found: bool,
    /// A text holds the marks themselves.
    odd: bool,
}

impl Marker<'_> {
    fn message(&mut self, message: &mut Message) {
        message.name.iter_mut().for_each(|name| self.text(name));
        self.parts(&mut message.parts);
    }

    fn parts(&mut self, parts: &mut Vec<Part>) {
        join(parts);
        for part in parts {
            match part {
                Part::Text(text) | Part::Refusal(text) => self.text(&mut text.text),
                Part::Reasoning(reasoning) => self.text(&mut reasoning.text),
                Part::ToolCall(call) => {
                    self.text(&mut call.id);
                    self.text(&mut call.name);
                    match self.json(&call.arguments) {
                        Some(json) => call.arguments = json,
                        None => self.text(&mut call.arguments),
                    }
                }
                Part::ToolResult(result) => {
                    self.text(&mut result.call_id);
                    self.parts(&mut result.content);
                }
                Part::Image(_) | Part::Audio(_) | Part::File(_) | Part::Raw(_) => {}
            }
        }
    }

    fn text(&mut self, text: &mut String) {
        self.odd |= text.contains([OPEN, CLOSE]);
        if let Some(marked) = self.controls.marked(text) {
            self.found = true;
            *text = marked;
        }
    }

    /// JSON whose texts spell control tokens, perhaps behind escapes, written anew. `None`: it does not, or is no JSON.
    fn json(&mut self, text: &str) -> Option<String> {
        let mut value: Value = serde_json::from_str(text).ok()?;
        let before = std::mem::take(&mut self.found);
        self.value(&mut value);
        let found = self.found;
        self.found |= before;
        found.then(|| value.to_string())
    }

    fn value(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(entries) => {
                let before = std::mem::take(entries);
                for (mut key, mut value) in before {
                    self.text(&mut key);
                    self.value(&mut value);
                    entries.insert(key, value);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// Templates write the texts of a message as one, in which a name could be put together from two.
fn join(parts: &mut Vec<Part>) {
    let mut whole = String::new();
    let texts = parts.iter().filter_map(|part| match part {
        Part::Text(text) | Part::Refusal(text) => Some(text.text.as_str()),
        _ => None,
    });
    texts.for_each(|text| whole.push_str(text));
    let first = parts.iter().position(|part| matches!(part, Part::Text(_) | Part::Refusal(_)));
    let Some(first) = first else { return };
    parts[first] = Part::text(whole);
    let mut at = 0..;
    parts.retain(|part| at.next() == Some(first) || !matches!(part, Part::Text(_) | Part::Refusal(_)));
}
