//! The answers, where several were asked for, and which part of each is being told.

use super::{Fold, Item};
use crate::wire::v1::Corrupt;

/// More answers than anyone asks for at once.
const MAX_CHOICES: usize = 1_024;

/// One of the answers.
#[derive(Debug, Clone, Default)]
pub(super) struct Choice {
    pub(super) id: u64,
    pub(super) calls: usize,
    /// The slot whose words were told last and may go on.
    pub(super) current: Option<u64>,
    /// In which frame the first slot of each class was opened; 0 for never.
    pub(super) since: [u64; 7],
    pub(super) finish: String,
    pub(super) stop_sequence: Option<String>,
}

impl Fold {
    #[inline]
    pub(super) fn choice_mut(&mut self, id: u64) -> Option<&mut Choice> {
        self.choices.iter_mut().find(|choice| choice.id == id)
    }

    pub(super) fn add_choice(&mut self, id: u64) -> Result<(), Corrupt> {
        if self.choices.len() == MAX_CHOICES {
            return Err(Corrupt { at: 0, reason: "more answers than anyone asks for" });
        }
        self.choices.push(Choice { id, ..Choice::default() });
        Ok(())
    }

    pub(super) fn choice_of(&self, slot: usize) -> u64 {
        self.slots.get(slot).map_or(0, |slot| slot.choice)
    }

    pub(super) fn count_call(&mut self, choice: u64) -> usize {
        self.choice_mut(choice).map_or(0, |choice| {
            choice.calls += 1;
            choice.calls - 1
        })
    }

    /// Whether the slot's words were told last.
    pub(super) fn is_current(&mut self, slot: usize) -> bool {
        let Some((choice, serial)) = self.slots.get(slot).map(|slot| (slot.choice, slot.serial)) else {
            return false;
        };
        self.choice_mut(choice).is_some_and(|choice| choice.current == Some(serial))
    }

    /// Makes the slot the one that is being told.
    #[inline]
    pub(super) fn turn_to(&mut self, slot: usize) {
        let Some((choice, serial)) = self.slots.get(slot).map(|slot| (slot.choice, slot.serial)) else {
            return;
        };
        let Some(own) = self.choice_mut(choice) else { return };
        if own.current != Some(serial) {
            self.boundary(choice);
            self.choice_mut(choice).into_iter().for_each(|choice| choice.current = Some(serial));
        }
    }

    /// Ends what is being told, so that whatever comes next is a part of its own.
    pub(super) fn boundary(&mut self, choice: u64) {
        if self.choice_mut(choice).and_then(|choice| choice.current.take()).is_some() {
            self.queue.push(choice, Item::PartEnd);
        }
    }
}
