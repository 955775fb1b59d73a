//! Finding, opening and closing slots.

use super::slot::{Body, Slot};
use super::{At, Class, Fields, Fold, Text};
use crate::wire::v1::Corrupt;

/// More parts than any answer has.
const MAX_SLOTS: usize = 16_384;

impl Fold {
    /// The latest slot of the class under this key, open or not; without a key, the latest of the class.
    #[inline]
    pub(super) fn find(&self, class: Class, at: At<'_>) -> Option<usize> {
        if at.key.is_some() {
            return self.slots.iter().rposition(|slot| slot.class == class && slot.is_at(at));
        }
        let of_class = |slot: &Slot| slot.class == class && slot.choice == at.choice;
        let open = self.slots.iter().rposition(|slot| slot.open && of_class(slot));
        open.or_else(|| self.slots.iter().rposition(|slot| !slot.has_key() && of_class(slot)))
    }

    /// The open slot that a whole part completes. Without a key only an id can say so.
    pub(super) fn find_for_whole(&mut self, class: Class, at: At<'_>, fields: &Fields<'_>) -> Option<usize> {
        if at.key.is_some() {
            let slot = self.find(class, at)?;
            let own = self.slots.get_mut(slot)?;
            let known = own.open || own.call().is_some_and(|call| call.has_id_of(fields));
            return known.then_some(slot);
        }
        let same = |slot: &mut Slot| slot.call().is_some_and(|call| call.has_id_of(fields));
        self.slots.iter_mut().rposition(|slot| slot.open && slot.choice == at.choice && same(slot))
    }

    pub(super) fn find_kept(&self, at: At<'_>) -> Option<usize> {
        self.slots.iter().rposition(|slot| slot.open && slot.class == Class::Raw && slot.is_at(at))
    }

    pub(super) fn has_open_other(&self, at: At<'_>) -> bool {
        self.slots.iter().any(|slot| slot.open && slot.class != Class::Raw && slot.is_at(at))
    }

    /// Whether opening with `fields` is no news: the slot is open, or was, for the same thing.
    pub(super) fn is_reopened(&mut self, slot: usize, fields: &Fields<'_>) -> bool {
        let Some(own) = self.slots.get_mut(slot) else { return false };
        if own.open { own.is_same(fields) } else { own.call().is_some_and(|call| call.has_id_of(fields)) }
    }

    /// The slot that a fragment or fields are for. What is for no slot is kept raw.
    #[inline]
    pub(super) fn target(
        &mut self,
        class: Class,
        at: At<'_>,
        delta: Option<Text<'_>>,
    ) -> Result<Option<usize>, Corrupt> {
        if let Some(slot) = self.find(class, at)
            && self.slots.get(slot).is_some_and(|slot| slot.open)
        {
            return Ok(Some(slot));
        }
        if let Some(kept) = self.find_kept(at).filter(|_| at.key.is_some()) {
            match delta {
                Some(delta) => self.kept_more(kept, delta),
                None => self.keep_frame(),
            }
        } else if self.wire.implicit.contains(&class) {
            return self.add_slot(class, at, true).map(Some);
        } else {
            self.keep_frame();
        }
        Ok(None)
    }

    pub(super) fn add_slot(&mut self, class: Class, at: At<'_>, implicit: bool) -> Result<usize, Corrupt> {
        self.open_class(class, at.choice)?;
        if self.slots.len() == MAX_SLOTS {
            return Err(Corrupt { at: 0, reason: "more parts than any answer has" });
        }
        self.opened += 1;
        self.slots.push(Slot::new(self.opened, class, at, implicit));
        Ok(self.slots.len() - 1)
    }

    /// Notes that a part of the class begins, which ends implicit parts of other classes.
    pub(super) fn open_class(&mut self, class: Class, choice: u64) -> Result<(), Corrupt> {
        let frame = self.frame;
        if self.choice_mut(choice).is_none() {
            self.add_choice(choice)?;
        }
        if let Some(choice) = self.choice_mut(choice) {
            let since = &mut choice.since[class as usize];
            *since = if *since == 0 { frame } else { *since };
        }
        let ends = |slot: &Slot| slot.open && slot.implicit && slot.choice == choice && slot.class != class;
        while let Some(slot) = self.slots.iter().position(ends) {
            self.close_slot(slot);
        }
        Ok(())
    }

    /// A fragment for a slot.
    #[inline]
    pub(super) fn take_delta(&mut self, slot: usize, delta: Text<'_>) {
        match self.slots.get(slot).map(|slot| &slot.body) {
            Some(Body::Words(_)) => self.words_delta(slot, delta),
            Some(Body::Call(_)) => self.call_delta(slot, delta),
            Some(Body::Media(_)) => self.media_delta(slot, delta),
            Some(Body::Kept(_)) | None => {}
        }
    }

    /// A fragment and fields for a slot.
    pub(super) fn take(&mut self, slot: usize, delta: Option<Text<'_>>, fields: &Fields<'_>) {
        match self.slots.get(slot).map(|slot| &slot.body) {
            Some(Body::Words(_)) => {
                delta.into_iter().for_each(|delta| self.words_delta(slot, delta));
                self.words_fields(slot, fields);
            }
            Some(Body::Call(_)) => {
                self.call_fields(slot, fields);
                delta.into_iter().for_each(|delta| self.call_delta(slot, delta));
            }
            Some(Body::Media(_)) => {
                self.media_fields(slot, fields);
                delta.into_iter().for_each(|delta| self.media_delta(slot, delta));
            }
            Some(Body::Kept(_)) | None => {}
        }
    }

    /// Fields whose text is all of it.
    pub(super) fn again(&mut self, slot: usize, fields: &Fields<'_>) {
        match self.slots.get(slot).map(|slot| (&slot.body, slot.open)) {
            Some((Body::Words(_), open)) => {
                self.words_again(slot, fields.text.or(fields.delta));
                self.words_fields(slot, fields);
                if !open {
                    self.words_closed(slot);
                }
            }
            Some((Body::Call(_), true)) => self.call_fields(slot, fields),
            Some((Body::Media(_), true)) => self.media_fields(slot, fields),
            _ => {}
        }
    }

    pub(super) fn close_slot(&mut self, slot: usize) {
        let Some(own) = self.slots.get_mut(slot) else { return };
        if !std::mem::replace(&mut own.open, false) {
            return;
        }
        let keyless = (!own.has_key()).then_some((own.choice, own.class, own.serial));
        match own.body {
            Body::Words(_) => self.words_closed(slot),
            Body::Call(_) => self.call_closed(slot),
            Body::Media(_) => self.media_closed(slot),
            Body::Kept(_) => self.kept_closed(slot),
        }
        if let Some((choice, class, serial)) = keyless {
            let older = |slot: &Slot| !slot.open && !slot.has_key() && slot.serial != serial;
            self.slots.retain(|slot| !(older(slot) && slot.choice == choice && slot.class == class));
        }
    }

    /// A part that nobody understands, as a whole.
    pub(super) fn whole_raw(&mut self, at: At<'_>, json: Option<&str>) -> Result<(), Corrupt> {
        let Some(json) = json else { return Ok(()) };
        self.keep(at, json, true, true)?;
        if at.key.is_some() { self.close(&[Class::Raw], at) } else { Ok(()) }
    }

    /// A part that was kept raw turned out to be known.
    pub(super) fn drop_kept(&mut self, at: At<'_>) {
        if let Some(kept) = self.find_kept(at).filter(|_| at.key.is_some()) {
            self.slots.remove(kept);
        }
    }
}
