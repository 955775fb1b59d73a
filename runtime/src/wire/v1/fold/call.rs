//! Calls of tools while they come in: told as soon as they have a name, complete when their slot closes.

use super::queue::Item;
use super::{Fields, Fold, Text};
use crate::chat::ToolCall;

/// What ids begin with that were minted here, because the provider gave none.
pub const MINTED: &str = "twcall_";

/// Whether an id was minted here. Such an id ties a result to its call and means nothing to any provider.
pub fn is_minted(id: &str) -> bool {
    id.starts_with(MINTED)
}

#[derive(Debug, Clone, Default)]
pub(super) struct Call {
    /// Which call of the answer, once it was told.
    index: Option<usize>,
    id: String,
    name: String,
    arguments: String,
    /// How much of the arguments was told.
    told: usize,
    signature: Option<String>,
    item_id: Option<String>,
}

impl Call {
    pub(super) fn is_same(&self, fields: &Fields<'_>) -> bool {
        match differs(&self.id, fields.id) {
            Some(differs) => !differs,
            None => differs(&self.name, fields.name) != Some(true),
        }
    }

    /// Whether both name an id, and the same one.
    pub(super) fn has_id_of(&self, fields: &Fields<'_>) -> bool {
        differs(&self.id, fields.id) == Some(false)
    }

    /// Takes fields that say something; with `missing_only`, only where nothing is known yet.
    fn take(&mut self, fields: &Fields<'_>, missing_only: bool) {
        for (own, field) in [(&mut self.id, fields.id), (&mut self.name, fields.name)] {
            if let Some(text) = field.filter(|text| !text.is_empty() && (own.is_empty() || !missing_only)) {
                own.clear();
                text.append_to(own);
            }
        }
        for (own, field) in [(&mut self.signature, fields.signature), (&mut self.item_id, fields.item_id)] {
            if let Some(text) = field.filter(|text| !text.is_empty() && (own.is_none() || !missing_only)) {
                *own = Some(text.to_cow().into_owned());
            }
        }
    }

    /// Arguments that are `{}` may be a placeholder for those that come later, and wait.
    fn is_waiting(&self) -> bool {
        self.told == 0 && is_placeholder(&self.arguments)
    }

    /// Whether the call can be told: it has a name, and an id or something that cannot wait for one.
    fn is_ready(&self, now: bool) -> bool {
        now || !self.name.is_empty() && (!self.id.is_empty() || !self.arguments.is_empty())
    }

    /// Whether nothing at all is known of it.
    fn is_nothing(&self) -> bool {
        self.index.is_none() && self.id.is_empty() && self.name.is_empty() && self.arguments.is_empty()
    }
}

impl Fold {
    /// Fields of a call; the arguments, if there are any, are whole.
    pub(super) fn call_fields(&mut self, slot: usize, fields: &Fields<'_>) {
        let Some(call) = self.call_mut(slot) else { return };
        call.take(fields, false);
        match fields.arguments {
            Some(arguments) if !arguments.is_empty() => self.call_arguments(slot, arguments),
            _ => self.tell_call(slot, false),
        }
    }

    /// Fields of a call that was opened once more.
    pub(super) fn call_reopened(&mut self, slot: usize, fields: &Fields<'_>) {
        if let Some(call) = self.call_mut(slot) {
            call.take(fields, true);
            self.tell_call(slot, false);
        }
    }

    /// A fragment of the arguments.
    pub(super) fn call_delta(&mut self, slot: usize, delta: Text<'_>) {
        let Some(call) = self.slots.get_mut(slot).and_then(|slot| slot.call()) else { return };
        if call.is_waiting() {
            call.arguments.clear();
        }
        let direct = call.index.filter(|_| call.told == call.arguments.len());
        delta.append_to(&mut call.arguments);
        let Some(index) = direct.filter(|_| !call.is_waiting()) else { return self.tell_call(slot, false) };
        call.told = call.arguments.len();
        let choice = self.choice_of(slot);
        let arguments = self.queue.span(delta);
        self.queue.push(choice, Item::ToolCallDelta { index, arguments });
    }

    /// The whole arguments, which may or may not go on from what has come.
    fn call_arguments(&mut self, slot: usize, arguments: Text<'_>) {
        let Some(call) = self.call_mut(slot) else { return };
        let whole = arguments.to_cow();
        if whole.starts_with(&call.arguments) || call.is_waiting() {
            call.arguments.clear();
            call.arguments.push_str(&whole);
        } else {
            // Fragments cannot be taken back: what was told stays told, the complete call says it right.
            whole.as_ref().clone_into(&mut call.arguments);
            call.told = if call.told == 0 { 0 } else { call.arguments.len() };
        }
        self.tell_call(slot, false);
    }

    /// Tells what has not been told of the call, as far as it can be; all of it with `now`.
    fn tell_call(&mut self, slot: usize, now: bool) {
        let Some(call) = self.call_mut(slot) else { return };
        if call.index.is_none() {
            if !call.is_ready(now) {
                return;
            }
            self.start_call(slot);
        }
        let Some(call) = self.slots.get_mut(slot).and_then(|slot| slot.call()) else { return };
        if call.is_waiting() && !now {
            return;
        }
        let untold = call.arguments.get(call.told..).unwrap_or_default();
        let (Some(index), false) = (call.index, untold.is_empty()) else { return };
        let arguments = self.queue.copy(untold);
        call.told = call.arguments.len();
        let choice = self.choice_of(slot);
        self.queue.push(choice, Item::ToolCallDelta { index, arguments });
    }

    fn start_call(&mut self, slot: usize) {
        let choice = self.choice_of(slot);
        self.boundary(choice);
        let index = self.count_call(choice);
        let minted = self.minted;
        let seed = self.seed;
        let Some(call) = self.slots.get_mut(slot).and_then(|slot| slot.call()) else { return };
        if call.id.is_empty() {
            call.id = format!("{MINTED}{seed:x}_{minted}");
            self.minted += 1;
        }
        call.index = Some(index);
        let (id, name) = (self.queue.copy(&call.id), self.queue.copy(&call.name));
        self.queue.push(choice, Item::ToolCallStart { index, id, name });
    }

    /// The call is complete. One of which nothing is known was none.
    pub(super) fn call_closed(&mut self, slot: usize) {
        let Some(call) = self.call_mut(slot) else { return };
        if call.is_nothing() {
            return;
        }
        self.tell_call(slot, true);
        let choice = self.choice_of(slot);
        let Some(call) = self.slots.get_mut(slot).and_then(|slot| slot.call()) else { return };
        let Some(index) = call.index else { return };
        let mut arguments = std::mem::take(&mut call.arguments);
        if arguments.is_empty() {
            arguments.push_str("{}");
        }
        let call = ToolCall {
            id: call.id.clone(),
            name: call.name.clone(),
            arguments,
            signature: call.signature.take(),
            item_id: call.item_id.take(),
            cache: None,
        };
        self.queue.push(choice, Item::ToolCall { index, call: Box::new(call) });
    }

    fn call_mut(&mut self, slot: usize) -> Option<&mut Call> {
        self.slots.get_mut(slot).and_then(|slot| slot.call())
    }
}

/// Initial arguments that only say that there will be some.
pub(super) fn is_placeholder(arguments: &str) -> bool {
    arguments == "{}"
}

/// Whether both are known and differ.
fn differs(own: &str, field: Option<Text<'_>>) -> Option<bool> {
    let field = field.filter(|text| !text.is_empty() && !own.is_empty())?;
    Some(!field.is(own))
}
