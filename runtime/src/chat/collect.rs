//! Events added up to a response.
//!
//! The one place where the meaning of an event for the whole answer is written down: which part a fragment goes
//! on with, where a call of a tool stands, what is attached to what. Where events come from is not known here.

use super::event::ChatEvent;
use super::message::{Citation, Part, Reasoning, Text, ToolCall};
use super::response::ChatResponse;
use crate::json::RawJson;
use crate::wire::v1::Cursor;

/// Adds up events to a [`ChatResponse`].
#[derive(Debug, Clone, Default)]
pub struct Collector {
    first: Answer,
    /// The other answers, by ascending number.
    others: Vec<(u64, Answer)>,
}

/// One answer that is being put together.
#[derive(Debug, Clone, Default)]
struct Answer {
    response: ChatResponse,
    /// Named as the origin of reasoning.
    provider: Option<String>,
    /// The last part is complete.
    ended: bool,
    /// Which part each call of a tool is.
    calls: Vec<usize>,
}

impl Collector {
    /// A collector of an answer of `provider`, which reasoning parts will name as their origin.
    pub fn new(provider: impl Into<String>) -> Self {
        Self { first: Answer::new(Some(provider.into())), others: Vec::new() }
    }

    /// Adds an event.
    pub fn add(&mut self, event: ChatEvent<'_>) {
        match event {
            ChatEvent::Choice { choice, event } => self.answer(u64::from(choice)).add(*event),
            event => self.first.add(event),
        }
    }

    /// What the events add up to.
    pub fn into_response(self) -> ChatResponse {
        let mut response = self.first.response;
        response.alternatives.extend(self.others.into_iter().map(|(_, answer)| answer.response));
        response
    }

    /// The answer `choice`, to add to it what no event tells.
    pub(crate) fn response_mut(&mut self, choice: u64) -> &mut ChatResponse {
        &mut self.answer(choice).response
    }

    fn answer(&mut self, choice: u64) -> &mut Answer {
        if choice == 0 {
            return &mut self.first;
        }
        let found = self.others.binary_search_by_key(&choice, |(number, _)| *number);
        let index = found.unwrap_or_else(|index| {
            self.others.insert(index, (choice, Answer::new(self.first.provider.clone())));
            index
        });
        &mut self.others[index].1
    }
}

impl Answer {
    fn new(provider: Option<String>) -> Self {
        Self { provider, ..Self::default() }
    }

    fn add(&mut self, event: ChatEvent<'_>) {
        match event {
            ChatEvent::Start { id, model } => {
                let response = &mut self.response;
                response.id = response.id.take().or(id.map(|id| id.into_owned()));
                // Another model may take over; it is named last.
                response.model = model.map(|model| model.into_owned()).or(response.model.take());
            }
            ChatEvent::Text(text) => self.text(|part| part.text.push_str(&text)),
            ChatEvent::TextSignature(text) => self.text(|part| part.signature = Some(text.into_owned())),
            ChatEvent::Reasoning(text) => self.reasoning(|part| part.text.push_str(&text)),
            ChatEvent::ReasoningSignature(text) => {
                self.reasoning(|part| part.signature = Some(text.into_owned()))
            }
            ChatEvent::ReasoningRedacted(text) => {
                self.reasoning(|part| part.redacted = Some(text.into_owned()))
            }
            ChatEvent::ReasoningId(text) => self.reasoning(|part| part.item_id = Some(text.into_owned())),
            ChatEvent::Refusal(text) => self.refuse(&text),
            ChatEvent::PartEnd => self.ended = true,
            ChatEvent::ToolCallStart { index, id, name } => {
                let call = ToolCall { id: id.into_owned(), name: name.into_owned(), ..ToolCall::default() };
                self.call(index, |own| *own = call);
            }
            ChatEvent::ToolCallDelta { index, arguments } => {
                self.call(index, |call| call.arguments.push_str(&arguments));
            }
            ChatEvent::ToolCall { index, call } => self.call(index, |own| *own = call),
            ChatEvent::Part(part) => self.response.parts.push(part),
            ChatEvent::Citation(citation) => self.cite(citation),
            ChatEvent::Logprobs(json) => add_tokens(&mut self.response.logprobs, json),
            ChatEvent::Replaced(text) => self.replace(&text),
            ChatEvent::Raw { json, part: true } => self.response.parts.push(Part::Raw(json_of(&json))),
            ChatEvent::Raw { json, part: false } => self.response.unknown.push(json_of(&json)),
            ChatEvent::Usage(usage) => self.response.usage = Some(usage),
            ChatEvent::Finish(reason) => self.response.finish = Some(reason),
            ChatEvent::Choice { event, .. } => self.add(*event),
        }
    }

    fn text(&mut self, add: impl FnOnce(&mut Text)) {
        if self.ended || !matches!(self.response.parts.last(), Some(Part::Text(_))) {
            self.begin(Part::Text(Text::default()));
        }
        if let Some(Part::Text(text)) = self.response.parts.last_mut() {
            add(text);
        }
    }

    fn reasoning(&mut self, add: impl FnOnce(&mut Reasoning)) {
        if self.ended || !matches!(self.response.parts.last(), Some(Part::Reasoning(_))) {
            let origin = self.provider.clone();
            self.begin(Part::Reasoning(Reasoning { origin, ..Reasoning::default() }));
        }
        if let Some(Part::Reasoning(reasoning)) = self.response.parts.last_mut() {
            add(reasoning);
        }
    }

    fn refuse(&mut self, text: &str) {
        if self.ended || !matches!(self.response.parts.last(), Some(Part::Refusal(_))) {
            self.begin(Part::Refusal(Text::default()));
        }
        if let Some(Part::Refusal(refusal)) = self.response.parts.last_mut() {
            refusal.text.push_str(text);
        }
    }

    fn begin(&mut self, part: Part) {
        self.response.parts.push(part);
        self.ended = false;
    }

    /// Call `index`, which takes its place in the answer when it is first heard of.
    fn call(&mut self, index: usize, change: impl FnOnce(&mut ToolCall)) {
        if index >= self.calls.len() {
            self.calls.push(self.response.parts.len());
            self.begin(Part::ToolCall(ToolCall::default()));
        }
        let place = self.calls.get(index).or(self.calls.last());
        if let Some(Part::ToolCall(call)) = place.and_then(|place| self.response.parts.get_mut(*place)) {
            change(call);
        }
    }

    /// A source belongs to the latest text; one that comes before any text has it begin.
    fn cite(&mut self, citation: Citation) {
        let latest = self.response.parts.iter_mut().rev().find_map(|part| match part {
            Part::Text(text) => Some(text),
            _ => None,
        });
        match latest {
            Some(text) => text.citations.push(citation),
            None => self.text(|text| text.citations.push(citation)),
        }
    }

    fn replace(&mut self, text: &str) {
        match self.response.parts.last_mut() {
            Some(Part::Text(part) | Part::Refusal(part)) => text.clone_into(&mut part.text),
            Some(Part::Reasoning(part)) => text.clone_into(&mut part.text),
            _ => self.text(|part| part.text.push_str(text)),
        }
    }
}

/// Adds the tokens of a list, or whatever else a provider gives for them.
fn add_tokens(tokens: &mut Vec<RawJson>, json: RawJson) {
    let mut cursor = Cursor::new(json.as_str().as_bytes());
    if !cursor.array().unwrap_or(false) {
        return tokens.push(json);
    }
    while let (Ok(true), Ok(token)) = (cursor.element(), cursor.raw()) {
        tokens.extend(token.map(RawJson::trusted));
    }
}

/// The JSON of an event, which is JSON unless a program made the event up.
fn json_of(json: &str) -> RawJson {
    RawJson::new(json).unwrap_or_else(|_| RawJson::string(json))
}
