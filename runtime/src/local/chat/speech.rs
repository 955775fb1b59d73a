//! What a model says, as events: one part after the other. Events wait until they are taken, and add up then.

use std::collections::VecDeque;

use super::PROVIDER;
use crate::chat::{ChatEvent, ChatResponse, Collector, ToolCall, Warning};
use crate::json::RawJson;
use crate::local::parse::Piece;
use crate::local::sample::stop::Stops;

/// Why nothing more is to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// Who listens has broken off.
    Cancelled,
    /// A stop text was met, the one of this number.
    Stopped(usize),
    /// The one call that was wanted is there.
    Called,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Reasoning,
}

/// An answer while it is said.
pub(super) struct Speech {
    waiting: VecDeque<ChatEvent<'static>>,
    collector: Collector,
    stops: Stops,
    one_call: bool,
    open: Option<Kind>,
    calls: usize,
    over: Option<Over>,
    warnings: Vec<Warning>,
}

impl Speech {
    pub(super) fn new(stops: Stops, one_call: bool, warnings: Vec<Warning>) -> Self {
        let (waiting, collector) = (VecDeque::new(), Collector::new(PROVIDER));
        Self { waiting, collector, stops, one_call, open: None, calls: 0, over: None, warnings }
    }

    /// Why nothing more is to be said, if so.
    pub(super) fn over(&self) -> Option<Over> {
        self.over
    }

    /// How many tools were called.
    pub(super) fn calls(&self) -> usize {
        self.calls
    }

    /// Has an event wait; after who listens has broken off, none.
    pub(super) fn tell(&mut self, event: ChatEvent<'_>) {
        if self.over != Some(Over::Cancelled) {
            self.waiting.push_back(event.into_owned());
        }
    }

    /// The next event that waits, which is said now.
    pub(super) fn next_event(&mut self) -> Option<ChatEvent<'static>> {
        let event = self.waiting.pop_front()?;
        self.collector.add(event.clone());
        Some(event)
    }

    /// Whether an event waits.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Who listens has broken off: what waits is never said.
    pub(super) fn cancel(&mut self) {
        self.over = Some(Over::Cancelled);
        self.waiting.clear();
    }

    /// What was to be told beside the answer until now.
    pub(super) fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Takes what was understood of the answer.
    pub(super) fn say(&mut self, pieces: Vec<Piece>) {
        for piece in pieces {
            if self.over.is_some() {
                return;
            }
            match piece {
                Piece::Text(text) => self.text(&text),
                Piece::Reasoning(text) => self.reasoning(&text),
                Piece::Call(call) => self.call(call),
                Piece::Malformed { text, reason } => {
                    let message = format!("what looked like a call of a tool is text: {reason}");
                    self.warnings.push(Warning { feature: "tool_calls".to_owned(), message });
                    self.text(&text);
                }
            }
        }
    }

    /// Text for the person, in which stop texts are looked for.
    pub(super) fn text(&mut self, text: &str) {
        if self.over.is_some() {
            return;
        }
        let passed = self.stops.push(text);
        self.part(Kind::Text, &passed.text);
        if let (None, Some(stop)) = (self.over, passed.stop) {
            self.over = Some(Over::Stopped(stop));
        }
    }

    fn reasoning(&mut self, text: &str) {
        self.release();
        self.part(Kind::Reasoning, text);
    }

    fn call(&mut self, call: ToolCall) {
        self.close();
        let index = self.calls;
        self.calls += 1;
        self.tell(ChatEvent::ToolCallStart {
            index,
            id: call.id.as_str().into(),
            name: call.name.as_str().into(),
        });
        let arguments = call.arguments.as_str().into();
        self.tell(ChatEvent::ToolCallDelta { index, arguments });
        self.tell(ChatEvent::ToolCall { index, call });
        if self.one_call && self.over.is_none() {
            self.over = Some(Over::Called);
        }
    }

    fn part(&mut self, kind: Kind, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.open.is_some_and(|open| open != kind) {
            self.tell(ChatEvent::PartEnd);
        }
        self.open = Some(kind);
        self.tell(match kind {
            Kind::Text => ChatEvent::Text(text.into()),
            Kind::Reasoning => ChatEvent::Reasoning(text.into()),
        });
    }

    /// What was held back as the beginning of a stop text is text after all.
    fn release(&mut self) {
        let held = self.stops.finish();
        self.part(Kind::Text, &held);
    }

    fn close(&mut self) {
        if !matches!(self.over, Some(Over::Stopped(_))) {
            self.release();
        }
        if self.open.take().is_some() {
            self.tell(ChatEvent::PartEnd);
        }
    }

    /// Log probabilities of the latest token.
    pub(super) fn logprobs(&mut self, json: RawJson) {
        self.tell(ChatEvent::Logprobs(json));
    }

    /// Ends the last part.
    pub(super) fn end(&mut self) {
        self.close();
    }

    /// What was said, with what no event tells.
    pub(super) fn into_response(mut self, stop: &[String]) -> ChatResponse {
        let response = self.collector.response_mut(0);
        response.warnings.append(&mut self.warnings);
        if let Some(Over::Stopped(number)) = self.over {
            response.stop_sequence = stop.get(number).cloned();
        }
        self.collector.into_response()
    }
}
