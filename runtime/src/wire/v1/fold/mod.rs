//! The one state machine that makes canonical events of what decoders report, for every wire.
//!
//! Decoders say what a piece of a frame means (`open`, `append`, `whole`, …); the fold knows which parts of the
//! answer are under way, closes what has to be closed, and queues events. It is total: whatever comes in whatever
//! order, it neither panics nor fails but for an answer of absurd size, and what it cannot place it keeps raw.
//! The laws are those of `fold/laws.rs`. Decoding and framing are not done here.

mod call;
mod kept;
#[cfg(test)]
mod laws;
mod outcome;
mod queue;
mod said;
mod slot;
mod words;

pub use call::{MINTED, is_minted};
pub use outcome::ProviderFailure;

use call::is_placeholder;
use outcome::Outcome;
use queue::{Item, Queue};
use slot::{Body, Slot};

use super::text::{At, Key, Text};
use super::{ChatWire, Corrupt};
use crate::chat::{ChatEvent, Citation};
use crate::json::RawJson;

/// More parts than any answer has.
const MAX_SLOTS: usize = 16_384;
/// More answers than anyone asks for at once.
const MAX_CHOICES: usize = 1_024;

/// What kind of part a slot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Visible text.
    Text,
    /// Reasoning.
    Reasoning,
    /// A refusal.
    Refusal,
    /// A call of a tool that the client runs.
    ToolCall,
    /// A picture.
    Image,
    /// A sound.
    Audio,
    /// A part that only its provider understands.
    Raw,
}

/// What a row binds besides its key. Which fields mean something depends on the class.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fields<'a> {
    /// The text so far, or all of it.
    pub text: Option<Text<'a>>,
    /// The id of a call.
    pub id: Option<Text<'a>>,
    /// The tool's name.
    pub name: Option<Text<'a>>,
    /// All the arguments, as JSON text.
    pub arguments: Option<Text<'a>>,
    /// An opaque proof.
    pub signature: Option<Text<'a>>,
    /// Reasoning that only the provider can read.
    pub redacted: Option<Text<'a>>,
    /// The provider's id of the item.
    pub item_id: Option<Text<'a>>,
    /// The address of a source or of media.
    pub url: Option<Text<'a>>,
    /// The title of a source.
    pub title: Option<Text<'a>>,
    /// The type of media.
    pub mime: Option<Text<'a>>,
    /// The bytes of media in base64.
    pub data: Option<Text<'a>>,
    /// Where a cited stretch starts.
    pub start: Option<u64>,
    /// Where a cited stretch ends.
    pub end: Option<u64>,
    /// The JSON as it stands.
    pub raw: Option<&'a str>,
    /// The first fragment.
    pub delta: Option<Text<'a>>,
}

/// What a provider says about a failure, as it stands on the wire.
#[derive(Debug, Clone, Copy, Default)]
pub struct Failure<'a> {
    /// Its word for the kind.
    pub kind: Option<Text<'a>>,
    /// Its code.
    pub code: Option<Text<'a>>,
    /// Its message.
    pub message: Option<Text<'a>>,
    /// The parameter that is to blame.
    pub param: Option<Text<'a>>,
    /// The HTTP status that it would have had.
    pub status: Option<u64>,
    /// When to come back.
    pub retry_after: Option<Text<'a>>,
    /// The id of the request.
    pub request_id: Option<Text<'a>>,
}

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
}

/// One of the answers.
#[derive(Debug, Clone, Default)]
struct Choice {
    id: u64,
    calls: usize,
    /// The slot whose words were told last and may go on.
    current: Option<u64>,
    /// In which frame the first slot of each class was opened; 0 for never.
    since: [u64; 7],
    finish: String,
    stop_sequence: Option<String>,
}

impl Fields<'_> {
    /// Whether there is anything that a part of an answer could consist of.
    fn says_something(&self) -> bool {
        let texts = [self.text, self.delta, self.id, self.name, self.arguments, self.signature, self.redacted];
        let others = [self.item_id, self.url, self.data];
        texts.iter().chain(&others).flatten().any(|text| !text.is_empty())
    }
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
        if !self.is_over() {
            let id = first(&mut self.outcome.has_id, id);
            let model = first(&mut self.outcome.has_model, model);
            self.outcome.created = self.outcome.created.or(created);
            if let (None, Some(tier)) = (&self.outcome.tier, tier.filter(|tier| !tier.is_empty())) {
                self.outcome.tier = Some(tier.to_cow().into_owned());
            }
            if id.is_some() || model.is_some() {
                let (id, model) = (id.map(|id| self.queue.span(id)), model.map(|model| self.queue.span(model)));
                self.queue.push_first(Item::Start { id, model });
            }
        }
        Ok(())
    }

    /// A part begins. The same part once more is no news; another one under its key ends it.
    pub fn open(&mut self, class: Class, at: At<'_>, fields: Fields<'_>) -> Result<(), Corrupt> {
        if self.is_over() {
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
        let empty = |text: &Text<'_>| text.is_empty() || class == Class::ToolCall && is_placeholder(&text.to_cow());
        let fields = Fields { arguments: None, ..fields };
        self.take(slot, fields.delta.or(first).filter(|text| !empty(text)), &fields);
        Ok(())
    }

    /// A fragment of a part.
    #[inline]
    pub fn append(&mut self, class: Class, at: At<'_>, delta: Text<'_>) -> Result<(), Corrupt> {
        if delta.is_empty() || self.is_over() {
            return Ok(());
        }
        if let Some(slot) = self.target(class, at, Some(delta))? {
            self.take_delta(slot, delta);
        }
        Ok(())
    }

    /// A fragment of a part, and what comes along with it.
    pub fn append_with(
        &mut self,
        class: Class,
        at: At<'_>,
        delta: Text<'_>,
        fields: Fields<'_>,
    ) -> Result<(), Corrupt> {
        if self.is_over() || delta.is_empty() && !fields.says_something() {
            return Ok(());
        }
        if let Some(slot) = self.target(class, at, Some(delta))? {
            self.take(slot, Some(delta).filter(|delta| !delta.is_empty()), &fields);
        }
        Ok(())
    }

    /// Fields of a part, which overwrite what was known.
    pub fn set(&mut self, class: Class, at: At<'_>, fields: Fields<'_>) -> Result<(), Corrupt> {
        if self.is_over() || !fields.says_something() && fields.mime.is_none() {
            return Ok(());
        }
        if let Some(slot) = self.target(class, at, None)? {
            self.again(slot, &fields);
        }
        Ok(())
    }

    /// A part as a whole. Under an open key it completes what came before.
    pub fn whole(&mut self, class: Class, at: At<'_>, fields: Fields<'_>) -> Result<(), Corrupt> {
        if self.is_over() {
            return Ok(());
        }
        if class == Class::Raw {
            return self.whole_raw(at, fields.raw);
        }
        let known = self.find_for_whole(class, at, &fields);
        if known.is_none() && !fields.says_something() {
            return Ok(());
        }
        self.drop_kept(at);
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
        if self.is_over() {
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
        if self.is_over() {
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
        if self.is_over() {
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
        if !self.is_over() {
            self.queue.push(at.choice, Item::Logprobs(RawJson::trusted(raw)));
        }
        Ok(())
    }

    /// JSON that no row knows. As a `part` of the answer under a key, it stays open for what comes for that key.
    pub fn raw(&mut self, at: At<'_>, json: &str, part: bool) -> Result<(), Corrupt> {
        if self.is_over() { Ok(()) } else { self.keep(at, json, part, false) }
    }

    /// A sign of life.
    pub fn beat(&mut self) -> Result<(), Corrupt> {
        Ok(())
    }

    /// Makes ids that are minted here differ from those of other answers.
    pub(crate) fn set_seed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// Begins a frame; the events of the last one were taken.
    pub(crate) fn begin(&mut self, frame: &[u8]) {
        self.frame += 1;
        self.queue.begin(frame);
    }

    /// The next event, given the frame that was begun last.
    #[inline]
    pub(crate) fn pop<'s>(&'s mut self, frame: &'s [u8]) -> Option<ChatEvent<'s>> {
        self.queue.pop(frame)
    }

    /// Whether no event waits.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }
}

/// Finding, opening and closing slots.
impl Fold {
    /// The latest slot of the class under this key, open or not; without a key, the latest of the class.
    #[inline]
    fn find(&self, class: Class, at: At<'_>) -> Option<usize> {
        if at.key.is_some() {
            return self.slots.iter().rposition(|slot| slot.class == class && slot.is_at(at));
        }
        let of_class = |slot: &Slot| slot.class == class && slot.choice == at.choice;
        let open = self.slots.iter().rposition(|slot| slot.open && of_class(slot));
        open.or_else(|| self.slots.iter().rposition(|slot| !slot.has_key() && of_class(slot)))
    }

    /// The open slot that a whole part completes. Without a key only an id can say so.
    fn find_for_whole(&mut self, class: Class, at: At<'_>, fields: &Fields<'_>) -> Option<usize> {
        if at.key.is_some() {
            let slot = self.find(class, at)?;
            let own = self.slots.get_mut(slot)?;
            let known = own.open || own.call().is_some_and(|call| call.has_id_of(fields));
            return known.then_some(slot);
        }
        let same = |slot: &mut Slot| slot.call().is_some_and(|call| call.has_id_of(fields));
        self.slots.iter_mut().rposition(|slot| slot.open && slot.choice == at.choice && same(slot))
    }

    fn find_kept(&self, at: At<'_>) -> Option<usize> {
        self.slots.iter().rposition(|slot| slot.open && slot.class == Class::Raw && slot.is_at(at))
    }

    fn has_open_other(&self, at: At<'_>) -> bool {
        self.slots.iter().any(|slot| slot.open && slot.class != Class::Raw && slot.is_at(at))
    }

    /// Whether opening with `fields` is no news: the slot is open, or was, for the same thing.
    fn is_reopened(&mut self, slot: usize, fields: &Fields<'_>) -> bool {
        let Some(own) = self.slots.get_mut(slot) else { return false };
        if own.open { own.is_same(fields) } else { own.call().is_some_and(|call| call.has_id_of(fields)) }
    }

    /// The slot that a fragment or fields are for. What is for no slot is kept raw.
    #[inline]
    fn target(&mut self, class: Class, at: At<'_>, delta: Option<Text<'_>>) -> Result<Option<usize>, Corrupt> {
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

    fn add_slot(&mut self, class: Class, at: At<'_>, implicit: bool) -> Result<usize, Corrupt> {
        self.open_class(class, at.choice)?;
        if self.slots.len() == MAX_SLOTS {
            return Err(Corrupt { at: 0, reason: "more parts than any answer has" });
        }
        self.opened += 1;
        self.slots.push(Slot::new(self.opened, class, at, implicit));
        Ok(self.slots.len() - 1)
    }

    /// Notes that a part of the class begins, which ends implicit parts of other classes.
    fn open_class(&mut self, class: Class, choice: u64) -> Result<(), Corrupt> {
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
    fn take_delta(&mut self, slot: usize, delta: Text<'_>) {
        match self.slots.get(slot).map(|slot| &slot.body) {
            Some(Body::Words(_)) => self.words_delta(slot, delta),
            Some(Body::Call(_)) => self.call_delta(slot, delta),
            Some(Body::Media(_)) => self.media_delta(slot, delta),
            Some(Body::Kept(_)) | None => {}
        }
    }

    /// A fragment and fields for a slot.
    fn take(&mut self, slot: usize, delta: Option<Text<'_>>, fields: &Fields<'_>) {
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
    fn again(&mut self, slot: usize, fields: &Fields<'_>) {
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

    fn close_slot(&mut self, slot: usize) {
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
    fn whole_raw(&mut self, at: At<'_>, json: Option<&str>) -> Result<(), Corrupt> {
        let Some(json) = json else { return Ok(()) };
        self.keep(at, json, true, true)?;
        if at.key.is_some() { self.close(&[Class::Raw], at) } else { Ok(()) }
    }

    /// A part that was kept raw turned out to be known.
    fn drop_kept(&mut self, at: At<'_>) {
        if let Some(kept) = self.find_kept(at).filter(|_| at.key.is_some()) {
            self.slots.remove(kept);
        }
    }
}

/// Answers, and which part of one is being told.
impl Fold {
    #[inline]
    fn choice_mut(&mut self, id: u64) -> Option<&mut Choice> {
        self.choices.iter_mut().find(|choice| choice.id == id)
    }

    fn add_choice(&mut self, id: u64) -> Result<(), Corrupt> {
        if self.choices.len() == MAX_CHOICES {
            return Err(Corrupt { at: 0, reason: "more answers than anyone asks for" });
        }
        self.choices.push(Choice { id, ..Choice::default() });
        Ok(())
    }

    fn choice_of(&self, slot: usize) -> u64 {
        self.slots.get(slot).map_or(0, |slot| slot.choice)
    }

    fn count_call(&mut self, choice: u64) -> usize {
        self.choice_mut(choice).map_or(0, |choice| {
            choice.calls += 1;
            choice.calls - 1
        })
    }

    /// Whether the slot's words were told last.
    fn is_current(&mut self, slot: usize) -> bool {
        let Some((choice, serial)) = self.slots.get(slot).map(|slot| (slot.choice, slot.serial)) else { return false };
        self.choice_mut(choice).is_some_and(|choice| choice.current == Some(serial))
    }

    /// Makes the slot the one that is being told.
    #[inline]
    fn turn_to(&mut self, slot: usize) {
        let Some((choice, serial)) = self.slots.get(slot).map(|slot| (slot.choice, slot.serial)) else { return };
        let Some(own) = self.choice_mut(choice) else { return };
        if own.current != Some(serial) {
            self.boundary(choice);
            self.choice_mut(choice).into_iter().for_each(|choice| choice.current = Some(serial));
        }
    }

    /// Ends what is being told, so that whatever comes next is a part of its own.
    fn boundary(&mut self, choice: u64) {
        if self.choice_mut(choice).and_then(|choice| choice.current.take()).is_some() {
            self.queue.push(choice, Item::PartEnd);
        }
    }
}

/// The text, if it is the first that says something.
fn first<'a>(known: &mut bool, text: Option<Text<'a>>) -> Option<Text<'a>> {
    let text = text.filter(|text| !*known && !text.is_empty());
    *known |= text.is_some();
    text
}

fn citation(fields: &Fields<'_>) -> Citation {
    let owned = |text: Option<Text<'_>>| text.filter(|text| !text.is_empty()).map(|text| text.to_cow().into_owned());
    let (url, title) = (owned(fields.url), owned(fields.title));
    let raw = fields.raw.map_or_else(|| RawJson::string(url.as_deref().unwrap_or_default()), RawJson::trusted);
    Citation { url, title, start: fields.start, end: fields.end, raw }
}
