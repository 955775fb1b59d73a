//! The one state machine that makes canonical events of what decoders report, for every wire.
//!
//! Decoders say what a piece of a frame means (`open`, `append`, `whole`, …); the fold knows which parts of the
//! answer are under way, closes what has to be closed, and queues events. It is total: whatever comes in whatever
//! order, it neither panics nor fails but for an answer of absurd size, and what it cannot place it keeps raw.
//! The laws are those of `fold/laws.rs`. Decoding and framing are not done here.

mod call;
mod choice;
mod fields;
mod kept;
#[cfg(test)]
mod laws;
mod outcome;
mod queue;
mod said;
mod slot;
mod slots;
mod words;

use std::ops::Range;

pub use call::{MINTED, is_minted};
pub use fields::{Class, Failure, Fields};
pub use outcome::ProviderFailure;

use call::is_placeholder;
use choice::Choice;
use outcome::Outcome;
use queue::{Item, Queue};
use slot::Slot;

use super::cursor::{Cursor, Skipped};
use super::text::{At, Key, Text};
use super::{ChatWire, Corrupt};
use crate::chat::{ChatEvent, Citation};
use crate::json::RawJson;

/// The state of one answer.
#[derive(Debug, Clone)]
pub struct Fold {
    wire: &'static ChatWire,
    queue: Queue,
    /// Which frame is being read, from 1.
    frame: u64,
    kept_frame: u64,
    slots: Vec<Slot>,
    choices: Vec<Choice>,
    opened: u64,
    minted: u64,
    seed: u64,
    outcome: Outcome,
    frame_so_far: FrameSoFar,
}

/// What the frame that is being read has done.
#[derive(Debug, Clone, Default)]
struct FrameSoFar {
    /// Something else than naming the answer and appending fragments.
    more: bool,
    /// Some row knew it: it named the answer, or appended a fragment, if only an empty one.
    known: bool,
    /// The slot that a fragment went to.
    slot: Option<usize>,
    skipped: Skipped,
}

impl Fold {
    /// The state before anything came, of an answer that streams.
    pub fn new(wire: &'static ChatWire) -> Self {
        Self {
            wire,
            queue: Queue::new(),
            frame: 0,
            kept_frame: 0,
            slots: Vec::new(),
            choices: Vec::new(),
            opened: 0,
            minted: 0,
            seed: 0,
            outcome: Outcome::new(wire),
            frame_so_far: FrameSoFar::default(),
        }
    }

    /// The name and the model of the answer, and when and how it was served. The first that says something counts.
    pub fn meta(
        &mut self,
        id: Option<Text<'_>>,
        model: Option<Text<'_>>,
        created: Option<i64>,
        tier: Option<Text<'_>>,
    ) -> Result<(), Corrupt> {
        self.frame_so_far.known = true;
        if !self.is_over() {
            let id = first(&mut self.outcome.has_id, id);
            let model = first(&mut self.outcome.has_model, model);
            self.outcome.created = self.outcome.created.or(created);
            if let (None, Some(tier)) = (&self.outcome.tier, tier.filter(|tier| !tier.is_empty())) {
                self.outcome.tier = Some(tier.to_cow().into_owned());
            }
            if id.is_some() || model.is_some() {
                let (id, model) =
                    (id.map(|id| self.queue.span(id)), model.map(|model| self.queue.span(model)));
                self.queue.push_first(Item::Start { id, model });
            }
        }
        Ok(())
    }

    /// Names the model that answers in place of the one named before.
    pub fn served(&mut self, model: Text<'_>) -> Result<(), Corrupt> {
        if !self.is_closed() && !model.is_empty() {
            self.outcome.has_model = true;
            let model = Some(self.queue.span(model));
            self.queue.push_first(Item::Start { id: None, model });
        }
        Ok(())
    }

    /// A part begins. The same part once more is no news; another one under its key ends it.
    pub fn open(&mut self, class: Class, at: At<'_>, fields: Fields<'_>) -> Result<(), Corrupt> {
        if self.is_closed() {
            return Ok(());
        }
        if class == Class::Raw {
            return fields.raw.map_or(Ok(()), |json| self.keep(at, json, true, false));
        }
        if let Some(slot) = self.find(class, at) {
            if self.is_reopened(slot, &fields) {
                self.call_reopened(slot, &fields);
                return Ok(());
            }
            self.close_slot(slot);
        }
        let slot = self.add_slot(class, at, false)?;
        let first = if class == Class::ToolCall { fields.arguments } else { fields.text };
        let empty =
            |text: &Text<'_>| text.is_empty() || class == Class::ToolCall && is_placeholder(&text.to_cow());
        let fields = Fields { arguments: None, ..fields };
        self.take(slot, fields.delta.or(first).filter(|text| !empty(text)), &fields);
        Ok(())
    }

    /// A fragment of a part.
    #[inline]
    pub fn append(&mut self, class: Class, at: At<'_>, delta: Text<'_>) -> Result<(), Corrupt> {
        self.frame_so_far.known = true;
        if delta.is_empty() || self.is_over() {
            return Ok(());
        }
        if let Some(slot) = self.target(class, at, Some(delta))? {
            self.frame_so_far.slot = Some(slot);
            self.take_delta(slot, delta);
        }
        Ok(())
    }

    /// The end of a frame. The texts that `cursor` skipped mean nothing: they may be others in the next frame.
    #[inline]
    pub fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Corrupt> {
        self.frame_so_far.skipped = cursor.skipped();
        cursor.finish()
    }

    /// A fragment of a part, and what comes along with it.
    pub fn append_with(
        &mut self,
        class: Class,
        at: At<'_>,
        delta: Text<'_>,
        fields: Fields<'_>,
    ) -> Result<(), Corrupt> {
        if self.is_closed() || delta.is_empty() && !fields.says_something() {
            return Ok(());
        }
        if let Some(slot) = self.target(class, at, Some(delta))? {
            self.take(slot, Some(delta).filter(|delta| !delta.is_empty()), &fields);
        }
        Ok(())
    }

    /// Fields of a part, which overwrite what was known.
    pub fn set(&mut self, class: Class, at: At<'_>, fields: Fields<'_>) -> Result<(), Corrupt> {
        if self.is_closed() || !fields.says_something() && fields.mime.is_none() {
            return Ok(());
        }
        if let Some(slot) = self.target(class, at, None)? {
            self.again(slot, &fields);
        }
        Ok(())
    }

    /// A part as a whole. Under an open key it completes what came before.
    pub fn whole(&mut self, class: Class, at: At<'_>, fields: Fields<'_>) -> Result<(), Corrupt> {
        if self.is_closed() {
            return Ok(());
        }
        if class == Class::Raw {
            return self.whole_raw(at, fields.raw);
        }
        if fields.says_something() {
            self.drop_kept(at);
        }
        let known = self.find_for_whole(class, at, &fields);
        if known.is_none() && !fields.says_something() {
            return Ok(());
        }
        let slot = match known {
            Some(slot) => slot,
            None => self.add_slot(class, at, false)?,
        };
        self.again(slot, &fields);
        self.close_slot(slot);
        Ok(())
    }

    /// A part as a whole, unless parts of its class were streamed in earlier frames.
    pub fn fill(&mut self, class: Class, at: At<'_>, fields: Fields<'_>) -> Result<(), Corrupt> {
        let frame = self.frame;
        let streamed = self.choice_mut(at.choice).map_or(0, |choice| choice.since[class as usize]);
        if streamed != 0 && streamed < frame { Ok(()) } else { self.whole(class, at, fields) }
    }

    /// A part that may have been streamed: what is new of it is told.
    pub fn restate(&mut self, class: Class, at: At<'_>, fields: Fields<'_>) -> Result<(), Corrupt> {
        if self.is_closed() {
            return Ok(());
        }
        if class == Class::Raw && at.key.is_some() {
            return fields.raw.map_or(Ok(()), |json| self.keep(at, json, true, true));
        }
        match self.find(class, at) {
            Some(slot) => self.again(slot, &fields),
            None => return self.whole(class, at, fields),
        }
        Ok(())
    }

    /// The parts of these classes (of all, if none is named) under this key end; without a key, the latest.
    pub fn close(&mut self, classes: &[Class], at: At<'_>) -> Result<(), Corrupt> {
        let meant = |slot: &Slot| slot.open && (classes.is_empty() || classes.contains(&slot.class));
        if self.is_closed() {
        } else if at.key.is_none() {
            let latest = self.slots.iter().rposition(|slot| slot.choice == at.choice && meant(slot));
            latest.into_iter().for_each(|slot| self.close_slot(slot));
        } else {
            let here = |slot: &Slot| slot.is_at(at) && (meant(slot) || slot.open && slot.class == Class::Raw);
            while let Some(slot) = self.slots.iter().position(here) {
                self.close_slot(slot);
            }
        }
        Ok(())
    }

    /// A source of a text.
    pub fn cite(&mut self, at: At<'_>, fields: Fields<'_>) -> Result<(), Corrupt> {
        if self.is_closed() {
            return Ok(());
        }
        let citation = citation(&fields);
        let slot = self.find(Class::Text, at).filter(|_| at.key.is_some());
        let waiting = slot.and_then(|slot| self.slots.get_mut(slot)).filter(|slot| slot.open);
        match waiting.and_then(|slot| slot.words()).filter(|words| !words.shown) {
            Some(words) => words.citations.push(citation),
            None => self.queue.push(at.choice, Item::Citation(Box::new(citation))),
        }
        Ok(())
    }

    /// Log probabilities, as the provider's JSON.
    pub fn logprobs(&mut self, at: At<'_>, raw: &str) -> Result<(), Corrupt> {
        if !self.is_closed() {
            self.queue.push(at.choice, Item::Logprobs(RawJson::trusted(raw)));
        }
        Ok(())
    }

    /// JSON that no row knows. As a `part` of the answer under a key, it stays open for what comes for that key.
    pub fn raw(&mut self, at: At<'_>, json: &str, part: bool) -> Result<(), Corrupt> {
        if self.is_closed() { Ok(()) } else { self.keep(at, json, part, false) }
    }

    /// A sign of life.
    pub fn beat(&mut self) -> Result<(), Corrupt> {
        self.frame_so_far.known = true;
        Ok(())
    }

    /// Makes ids that are minted here differ from those of other answers.
    pub(crate) fn set_seed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// Begins a frame; the events of the last one were taken.
    #[inline]
    pub(crate) fn begin(&mut self, frame: &[u8]) {
        self.frame += 1;
        self.frame_so_far = FrameSoFar::default();
        self.queue.begin(frame);
        self.drain_after_failure();
    }

    /// Whether any row of the wire knew the frame.
    pub(crate) fn knows_frame(&self) -> bool {
        self.frame_so_far.known || self.frame_so_far.more
    }

    /// The slot and the place of the fragment that the frame appended, if it did nothing else and any frame that
    /// appends another one does the same.
    pub(crate) fn lone_delta(&self) -> Option<(usize, Range<usize>)> {
        let slot = self.frame_so_far.slot.filter(|_| !self.frame_so_far.more)?;
        Some((slot, self.queue.lone_delta()?))
    }

    /// Where the texts are that the frame's decoder skipped.
    pub(crate) fn skipped(&self) -> &[Range<u32>] {
        self.frame_so_far.skipped.places()
    }

    /// Begins a frame that appends `delta` to `slot`, as the one before did.
    #[inline]
    pub(crate) fn repeat(&mut self, slot: usize, frame: &[u8], delta: Text<'_>) {
        self.frame += 1;
        self.queue.begin(frame);
        self.take_delta(slot, delta);
    }

    /// The next event, given the frame that was begun last.
    #[inline]
    pub(crate) fn pop<'s>(&'s mut self, frame: &'s [u8]) -> Option<ChatEvent<'s>> {
        self.queue.pop(frame)
    }

    /// Whether output is among the events that wait.
    pub(crate) fn has_output(&self) -> bool {
        self.queue.has_output()
    }

    /// Whether no event waits.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }
}

/// The text, if it is the first that says something.
fn first<'a>(known: &mut bool, text: Option<Text<'a>>) -> Option<Text<'a>> {
    let text = text.filter(|text| !*known && !text.is_empty());
    *known |= text.is_some();
    text
}

fn citation(fields: &Fields<'_>) -> Citation {
    let owned =
        |text: Option<Text<'_>>| text.filter(|text| !text.is_empty()).map(|text| text.to_cow().into_owned());
    let (url, title) = (owned(fields.url), owned(fields.title));
    let raw =
        fields.raw.map_or_else(|| RawJson::string(url.as_deref().unwrap_or_default()), RawJson::trusted);
    Citation { url, title, start: fields.start, end: fields.end, raw }
}
