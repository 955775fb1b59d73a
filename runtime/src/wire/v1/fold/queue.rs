//! Events that wait to be taken, without a lifetime: text as spans of the frame or of one reused buffer.
//!
//! Only plain JSON text of the current frame is pointed at; everything else is copied into the buffer. All
//! events of a frame have to be taken before the next frame begins.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;

use crate::chat::{ChatEvent, Citation, FinishReason, Part, ToolCall, Usage};
use crate::json::RawJson;
use crate::wire::v1::text::Text;

/// A piece of text in the frame or in the buffer. Small, for it is moved often; no frame has 4 GiB.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    at: u32,
    length: u32,
    in_frame: bool,
}

impl Span {
    #[inline]
    fn new(at: usize, length: usize, in_frame: bool) -> Self {
        let small = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        Self { at: small(at), length: small(length), in_frame }
    }

    #[inline]
    fn range(self) -> Range<usize> {
        let at = self.at as usize;
        at..at.saturating_add(self.length as usize)
    }
}

/// A waiting event.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Start { id: Option<Span>, model: Option<Span> },
    Text(Span),
    TextSignature(Span),
    Reasoning(Span),
    ReasoningSignature(Span),
    ReasoningRedacted(Span),
    ReasoningId(Span),
    Refusal(Span),
    PartEnd,
    ToolCallStart { index: usize, id: Span, name: Span },
    ToolCallDelta { index: usize, arguments: Span },
    ToolCall { index: usize, call: Box<ToolCall> },
    Citation(Box<Citation>),
    Logprobs(RawJson),
    Part(Box<Part>),
    Replaced(Span),
    Raw { json: Span, part: bool },
    Usage(Box<Usage>),
    Finish(FinishReason),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    items: VecDeque<(u64, Item)>,
    scratch: String,
    frame_start: usize,
    frame_length: usize,
}

impl Queue {
    /// A queue whose first events need no allocation.
    pub(super) fn new() -> Self {
        Self { items: VecDeque::with_capacity(8), scratch: String::with_capacity(256), ..Self::default() }
    }

    /// Begins a frame. Its address is only ever subtracted, never followed.
    pub(super) fn begin(&mut self, frame: &[u8]) {
        self.frame_start = frame.as_ptr().addr();
        self.frame_length = frame.len();
        if self.items.is_empty() {
            self.scratch.clear();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether an event waits that is output, after which a request is not sent again.
    pub(super) fn has_output(&self) -> bool {
        self.items.iter().any(|(_, item)| {
            !matches!(item, Item::Start { .. } | Item::Raw { part: false, .. } | Item::Usage(_))
        })
    }

    #[inline]
    pub(super) fn push(&mut self, choice: u64, item: Item) {
        self.items.push_back((choice, item));
    }

    /// An event that comes before the others of its frame, wherever in the frame it was found.
    pub(super) fn push_first(&mut self, item: Item) {
        self.items.push_front((0, item));
    }

    /// Where in the frame the fragment is that the only waiting event tells.
    pub(super) fn lone_delta(&self) -> Option<Range<usize>> {
        let (
            _,
            Item::Text(span)
            | Item::Reasoning(span)
            | Item::Refusal(span)
            | Item::ToolCallDelta { arguments: span, .. },
        ) = self.items.front()?
        else {
            return None;
        };
        (self.items.len() == 1 && span.in_frame).then(|| span.range())
    }

    /// The whole frame.
    pub(super) fn frame(&self) -> Span {
        Span::new(0, self.frame_length, true)
    }

    /// Text of the frame, or of anywhere.
    #[inline]
    pub(super) fn span(&mut self, text: Text<'_>) -> Span {
        if let Some(plain) = text.as_plain() {
            return self.plain(plain);
        }
        let at = self.scratch.len();
        text.append_to(&mut self.scratch);
        Span::new(at, self.scratch.len() - at, false)
    }

    /// Text that needs no unescaping, of the frame or of anywhere.
    #[inline]
    pub(super) fn plain(&mut self, text: &str) -> Span {
        let at = text.as_ptr().addr().wrapping_sub(self.frame_start);
        let inside = at.checked_add(text.len()).is_some_and(|end| end <= self.frame_length);
        if inside { Span::new(at, text.len(), true) } else { self.copy(text) }
    }

    pub(super) fn copy(&mut self, text: &str) -> Span {
        let at = self.scratch.len();
        self.scratch.push_str(text);
        Span::new(at, text.len(), false)
    }

    /// The text that `span` was made of, where it was unescaped.
    #[inline]
    pub(super) fn decoded<'s>(&'s self, span: Span, text: Text<'s>) -> &'s str {
        text.as_plain().unwrap_or_else(|| self.scratch.get(span.range()).unwrap_or_default())
    }

    /// The next event.
    #[inline]
    pub(super) fn pop<'s>(&'s mut self, frame: &'s [u8]) -> Option<ChatEvent<'s>> {
        let (choice, item) = self.items.pop_front()?;
        let view = View { frame, scratch: &self.scratch };
        if choice == 0 { Some(view.event(item)) } else { Some(view.event_of(choice, item)) }
    }
}

/// What spans point into.
struct View<'s> {
    frame: &'s [u8],
    scratch: &'s str,
}

impl<'s> View<'s> {
    #[inline]
    fn text(&self, span: Span) -> Cow<'s, str> {
        let range = span.range();
        Cow::Borrowed(if span.in_frame {
            self.frame.get(range).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
        } else {
            self.scratch.get(range).unwrap_or_default()
        })
    }

    #[cold]
    fn event_of(&self, choice: u64, item: Item) -> ChatEvent<'s> {
        let choice = u32::try_from(choice).unwrap_or(u32::MAX);
        ChatEvent::Choice { choice, event: Box::new(self.event(item)) }
    }

    #[inline(never)]
    fn event(&self, item: Item) -> ChatEvent<'s> {
        match item {
            Item::Start { id, model } => ChatEvent::Start {
                id: id.map(|span| self.text(span)),
                model: model.map(|span| self.text(span)),
            },
            Item::Text(span) => ChatEvent::Text(self.text(span)),
            Item::TextSignature(span) => ChatEvent::TextSignature(self.text(span)),
            Item::Reasoning(span) => ChatEvent::Reasoning(self.text(span)),
            Item::ReasoningSignature(span) => ChatEvent::ReasoningSignature(self.text(span)),
            Item::ReasoningRedacted(span) => ChatEvent::ReasoningRedacted(self.text(span)),
            Item::ReasoningId(span) => ChatEvent::ReasoningId(self.text(span)),
            Item::Refusal(span) => ChatEvent::Refusal(self.text(span)),
            Item::PartEnd => ChatEvent::PartEnd,
            Item::ToolCallStart { index, id, name } => {
                ChatEvent::ToolCallStart { index, id: self.text(id), name: self.text(name) }
            }
            Item::ToolCallDelta { index, arguments } => {
                ChatEvent::ToolCallDelta { index, arguments: self.text(arguments) }
            }
            Item::ToolCall { index, call } => ChatEvent::ToolCall { index, call: *call },
            Item::Citation(citation) => ChatEvent::Citation(*citation),
            Item::Logprobs(json) => ChatEvent::Logprobs(json),
            Item::Part(part) => ChatEvent::Part(*part),
            Item::Replaced(span) => ChatEvent::Replaced(self.text(span)),
            Item::Raw { json, part } => ChatEvent::Raw { json: self.text(json), part },
            Item::Usage(usage) => ChatEvent::Usage(*usage),
            Item::Finish(reason) => ChatEvent::Finish(reason),
        }
    }
}
