//! Slots: the parts of an answer that are under way or done, and how a key finds one.

use super::call::Call;
use super::said::Said;
use super::{At, Class, Fields, Key};
use crate::chat::Citation;

/// A part of the answer.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    /// Names the slot for as long as the fold lives.
    pub(super) serial: u64,
    pub(super) choice: u64,
    pub(super) class: Class,
    key: (Option<OwnedKey>, Option<OwnedKey>),
    pub(super) open: bool,
    /// Opened by a fragment; closes when a slot of another class opens.
    pub(super) implicit: bool,
    pub(super) said: Said,
    pub(super) body: Body,
}

/// What a slot gathers.
#[derive(Debug, Clone)]
pub(super) enum Body {
    Words(Words),
    Call(Box<Call>),
    Media(Box<Gathered>),
    Kept(Box<Kept>),
}

/// Text, reasoning or a refusal. The words themselves are gone with their events.
#[derive(Debug, Clone, Default)]
pub(super) struct Words {
    /// Something of it was told.
    pub(super) shown: bool,
    /// Citations that came before any text.
    pub(super) citations: Vec<Citation>,
}

/// A picture or sound that comes in pieces.
#[derive(Debug, Clone, Default)]
pub(super) struct Gathered {
    pub(super) mime: String,
    pub(super) url: String,
    pub(super) data: Vec<u8>,
}

/// A part that nobody here understands.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    /// The part as it was opened, or as it was last restated.
    pub(super) json: String,
    /// What came for its key since.
    pub(super) fragments: String,
}

#[derive(Debug, Clone, PartialEq)]
enum OwnedKey {
    Index(u64),
    Name(Box<str>),
}

impl Slot {
    pub(super) fn new(serial: u64, class: Class, at: At<'_>, implicit: bool) -> Self {
        let body = match class {
            Class::Text | Class::Reasoning | Class::Refusal => Body::Words(Words::default()),
            Class::ToolCall => Body::Call(Box::default()),
            Class::Image | Class::Audio => Body::Media(Box::default()),
            Class::Raw => Body::Kept(Box::default()),
        };
        let key = (at.key.map(OwnedKey::of), at.key2.map(OwnedKey::of));
        Self { serial, choice: at.choice, class, key, open: true, implicit, said: Said::default(), body }
    }

    /// Whether the slot stands under a key, so that it can be found again.
    pub(super) fn has_key(&self) -> bool {
        self.key.0.is_some()
    }

    /// Whether the slot stands under exactly this key.
    pub(super) fn is_at(&self, at: At<'_>) -> bool {
        self.choice == at.choice && same_key(&self.key.0, at.key) && same_key(&self.key.1, at.key2)
    }

    /// Whether what opens with `fields` is what this slot already holds.
    pub(super) fn is_same(&self, fields: &Fields<'_>) -> bool {
        match &self.body {
            Body::Call(call) => call.is_same(fields),
            _ => true,
        }
    }

    /// Whether the slot keeps a part and `json` is that part once more.
    pub(super) fn is_restated(&self, json: &str, again: bool) -> bool {
        matches!(&self.body, Body::Kept(kept) if self.open && again || kept.is_in(json))
    }

    pub(super) fn words(&mut self) -> Option<&mut Words> {
        if let Body::Words(words) = &mut self.body { Some(words) } else { None }
    }

    pub(super) fn call(&mut self) -> Option<&mut Call> {
        if let Body::Call(call) = &mut self.body { Some(call) } else { None }
    }

    pub(super) fn kept(&mut self) -> Option<&mut Kept> {
        if let Body::Kept(kept) = &mut self.body { Some(kept) } else { None }
    }
}

impl OwnedKey {
    fn of(key: Key<'_>) -> Self {
        match key {
            Key::Index(index) => Self::Index(index),
            Key::Name(name) => Self::Name(name.to_cow().into()),
        }
    }
}

fn same_key(own: &Option<OwnedKey>, key: Option<Key<'_>>) -> bool {
    match (own, key) {
        (None, None) => true,
        (Some(OwnedKey::Index(own)), Some(Key::Index(key))) => *own == key,
        (Some(OwnedKey::Name(own)), Some(Key::Name(key))) => key.is(own),
        _ => false,
    }
}
