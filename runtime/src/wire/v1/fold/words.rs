//! Text, reasoning and refusals: fragments, what is attached to them, restatements.

use super::queue::{Item, Span};
use super::said::{Again, Said};
use super::{Class, Fields, Fold, Text};

impl Fold {
    /// More of a text.
    #[inline]
    pub(super) fn words_delta(&mut self, slot: usize, delta: Text<'_>) {
        if delta.is_empty() {
            return;
        }
        self.turn_to(slot);
        let span = self.queue.span(delta);
        self.tell_words(slot, span, delta);
    }

    /// Queues text as an event of its class and remembers that it was said.
    #[inline]
    fn tell_words(&mut self, slot: usize, span: Span, text: Text<'_>) {
        let Some(own) = self.slots.get_mut(slot) else { return };
        own.said.add(self.queue.decoded(span, text));
        let item = match own.class {
            Class::Reasoning => Item::Reasoning(span),
            Class::Refusal => Item::Refusal(span),
            _ => Item::Text(span),
        };
        let (choice, Some(words)) = (own.choice, own.words()) else { return };
        words.shown = true;
        self.queue.push(choice, item);
        if !words.citations.is_empty() {
            for citation in words.citations.drain(..) {
                self.queue.push(choice, Item::Citation(Box::new(citation)));
            }
        }
    }

    /// What is attached to the words.
    pub(super) fn words_fields(&mut self, slot: usize, fields: &Fields<'_>) {
        let Some(class) = self.slots.get(slot).map(|slot| slot.class) else { return };
        let item: fn(Span) -> Item =
            if class == Class::Reasoning { Item::ReasoningSignature } else { Item::TextSignature };
        if class != Class::Refusal {
            self.attach(slot, fields.signature, item);
        }
        if class == Class::Reasoning {
            self.attach(slot, fields.redacted, Item::ReasoningRedacted);
            self.attach(slot, fields.item_id, Item::ReasoningId);
        }
    }

    fn attach(&mut self, slot: usize, text: Option<Text<'_>>, item: fn(Span) -> Item) {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return };
        self.turn_to(slot);
        let span = self.queue.span(text);
        let Some(own) = self.slots.get_mut(slot) else { return };
        let choice = own.choice;
        if let Some(words) = own.words() {
            words.shown = true;
        }
        self.queue.push(choice, item(span));
    }

    /// The whole text, which may or may not go on from what was said. An empty one says nothing.
    pub(super) fn words_again(&mut self, slot: usize, text: Option<Text<'_>>) {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return };
        let Some(own) = self.slots.get(slot) else { return };
        let whole = text.to_cow();
        match own.said.again(&whole) {
            Again::Same => {}
            Again::More(_) if own.said == Said::default() => self.words_delta(slot, text),
            Again::More(more) => self.words_delta(slot, Text::plain(more)),
            Again::Other => self.replace_words(slot, &whole),
        }
    }

    /// Something else than was said. Words that others have followed cannot be replaced any more, so the frame
    /// that says so is kept as it is.
    fn replace_words(&mut self, slot: usize, whole: &str) {
        if !self.is_current(slot) {
            return self.keep_frame();
        }
        let span = self.queue.plain(whole);
        let Some(own) = self.slots.get_mut(slot) else { return };
        own.said = Said::of(whole);
        self.queue.push(own.choice, Item::Replaced(span));
    }

    pub(super) fn words_closed(&mut self, slot: usize) {
        let Some(own) = self.slots.get_mut(slot) else { return };
        let (choice, serial) = (own.choice, own.serial);
        if let Some(words) = own.words() {
            for citation in words.citations.drain(..) {
                self.queue.push(choice, Item::Citation(Box::new(citation)));
            }
        }
        if self.choice_mut(choice).is_some_and(|choice| choice.current == Some(serial)) {
            self.boundary(choice);
        }
    }
}
