//! Parts without words: what only their provider understands, pictures and sounds.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::queue::Item;
use super::slot::{Body, Kept};
use super::{At, Class, Fields, Fold, Text};
use crate::chat::{Media, Part, Source};
use crate::wire::v1::{Corrupt, Cursor, JsonWriter, Kind, validate};

/// Padding may be there or not: wires differ.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

impl Fold {
    /// JSON that nobody here understands. As a part under a key it waits for what else comes for that key; `again`
    /// says that it is the same part once more.
    pub(super) fn keep(&mut self, at: At<'_>, json: &str, part: bool, again: bool) -> Result<(), Corrupt> {
        if !part || at.key.is_none() {
            return self.tell_raw(at.choice, json, part);
        }
        let known = self.find(Class::Raw, at);
        let slot = match known.and_then(|slot| self.slots.get(slot)) {
            Some(own) if own.is_restated(json, again) => own.open.then_some(known).flatten(),
            Some(own) if own.open => return self.tell_raw(at.choice, json, false),
            _ if self.has_open_other(at) => return self.tell_raw(at.choice, json, false),
            _ => Some(self.add_slot(Class::Raw, at, false)?),
        };
        let kept = slot.and_then(|slot| self.slots.get_mut(slot)).and_then(|slot| slot.kept());
        if let Some(kept) = kept {
            json.clone_into(&mut kept.json);
            kept.fragments.clear();
        }
        Ok(())
    }

    fn tell_raw(&mut self, choice: u64, json: &str, part: bool) -> Result<(), Corrupt> {
        if part {
            self.open_class(Class::Raw, choice)?;
            self.boundary(choice);
        }
        let json = self.queue.plain(json);
        self.queue.push(choice, Item::Raw { json, part });
        Ok(())
    }

    /// An event that no row knows. What is not even JSON is kept as a JSON text.
    pub fn event(&mut self, data: &[u8]) -> Result<(), Corrupt> {
        if self.is_closed() {
            return Ok(());
        }
        let json = match std::str::from_utf8(data).ok().filter(|_| validate(data).is_ok()) {
            Some(json) => self.queue.plain(json),
            None => self.queue.copy(&quoted(&String::from_utf8_lossy(data))),
        };
        self.queue.push(0, Item::Raw { json, part: false });
        Ok(())
    }

    /// Keeps the whole frame as an event, once.
    pub(super) fn keep_frame(&mut self) {
        if self.kept_frame == self.frame {
            return;
        }
        self.kept_frame = self.frame;
        let json = self.queue.frame();
        self.queue.push(0, Item::Raw { json, part: false });
    }

    /// The kept part ends. What it was stays known, for it may be told once more.
    pub(super) fn kept_closed(&mut self, slot: usize) {
        let Some(own) = self.slots.get_mut(slot) else { return };
        let (choice, Some(kept)) = (own.choice, own.kept()) else { return };
        let rest = kept.complete();
        let json = self.queue.copy(&kept.json);
        self.boundary(choice);
        self.queue.push(choice, Item::Raw { json, part: true });
        if let Some(rest) = rest {
            let json = self.queue.copy(&rest);
            self.queue.push(choice, Item::Raw { json, part: false });
        }
    }

    /// Something came for the key of a kept part.
    pub(super) fn kept_more(&mut self, slot: usize, delta: Text<'_>) {
        if let Some(kept) = self.slots.get_mut(slot).and_then(|slot| slot.kept()) {
            delta.append_to(&mut kept.fragments);
        }
    }

    /// A piece of a picture or sound in base64. Bytes that are no base64 stay where they can be seen.
    pub(super) fn media_delta(&mut self, slot: usize, delta: Text<'_>) {
        let decoded = decode(&delta.to_cow());
        let Some(own) = self.slots.get_mut(slot) else { return };
        match (&mut own.body, decoded) {
            (Body::Media(media), Some(bytes)) => media.data.extend_from_slice(&bytes),
            _ => self.keep_frame(),
        }
    }

    pub(super) fn media_fields(&mut self, slot: usize, fields: &Fields<'_>) {
        let Some(Body::Media(media)) = self.slots.get_mut(slot).map(|slot| &mut slot.body) else { return };
        for (own, field) in [(&mut media.mime, fields.mime), (&mut media.url, fields.url)] {
            if let Some(text) = field.filter(|text| !text.is_empty()) {
                own.clear();
                text.append_to(own);
            }
        }
        if let Some(data) = fields.data.filter(|data| !data.is_empty()) {
            self.media_delta(slot, data);
        }
    }

    pub(super) fn media_closed(&mut self, slot: usize) {
        let Some(own) = self.slots.get_mut(slot) else { return };
        let (class, choice) = (own.class, own.choice);
        let Body::Media(media) = &mut own.body else { return };
        let media = std::mem::take(&mut **media);
        let source = match (media.data.is_empty(), media.url.is_empty()) {
            (false, _) => Source::Bytes { mime: media.mime, data: media.data.into() },
            (true, false) => Source::Url(media.url),
            (true, true) => return,
        };
        let part = Media::new(source);
        let part = if class == Class::Audio { Part::Audio(part) } else { Part::Image(part) };
        self.boundary(choice);
        self.queue.push(choice, Item::Part(Box::new(part)));
    }
}

impl Kept {
    /// Puts into the part what came for it; what could not be put into it.
    ///
    /// Wires open a part with an empty object or text where its contents will go. If the part has exactly one
    /// such place, that is where they go; then it can be sent back as if it had come as a whole.
    fn complete(&mut self) -> Option<String> {
        let fragments = std::mem::take(&mut self.fragments);
        if fragments.is_empty() {
            return None;
        }
        let text = quoted(&fragments);
        let object = fragments.trim_start().starts_with('{') && validate(fragments.as_bytes()).is_ok();
        let as_object = object.then(|| fill(&self.json, "{}", &fragments)).flatten();
        match as_object.or_else(|| fill(&self.json, "\"\"", &text)) {
            Some(json) => self.json = json,
            None => return Some(text),
        }
        None
    }

    /// Whether `json` is this part once more, perhaps with more in it: an object that has all members of this
    /// one, and the first with the same value.
    pub(super) fn is_in(&self, json: &str) -> bool {
        let (Ok(own), Ok(new)) = (members(&self.json), members(json)) else { return false };
        let has_all = own.iter().all(|(name, _)| new.iter().any(|(other, _)| other == name));
        has_all && own.first().is_some_and(|first| new.contains(first))
    }
}

/// The members of an object as they stand; of anything else none.
fn members(json: &str) -> Result<Vec<(Vec<u8>, &str)>, Corrupt> {
    let (mut cursor, mut members) = (Cursor::new(json.as_bytes()), Vec::new());
    if cursor.object()? {
        while let Some(name) = cursor.key()?.map(<[u8]>::to_vec) {
            let start = cursor.start();
            cursor.skip()?;
            members.push((name, cursor.since(start)));
        }
    }
    Ok(members)
}

/// `json` with `value` in the only member that is `empty`.
fn fill(json: &str, empty: &str, value: &str) -> Option<String> {
    let place = only_member(json, empty).ok().flatten()?;
    let (before, after) = (json.get(..place.start)?, json.get(place.end..)?);
    Some([before, value, after].concat())
}

/// Where the only member of the object `json` is that equals `value`.
fn only_member(json: &str, value: &str) -> Result<Option<std::ops::Range<usize>>, Corrupt> {
    let (mut cursor, mut found) = (Cursor::new(json.as_bytes()), None);
    if cursor.kind() != Kind::Object || !cursor.object()? {
        return Ok(None);
    }
    while cursor.key()?.is_some() {
        let start = cursor.start();
        cursor.skip()?;
        let text = cursor.since(start);
        if is_empty_value(text, value) && found.replace(start..start + text.len()).is_some() {
            return Ok(None);
        }
    }
    Ok(found)
}

/// Whether `text` is `empty`, but for white space.
fn is_empty_value(text: &str, empty: &str) -> bool {
    text == empty || (empty == "{}" && text.strip_prefix('{').is_some_and(|rest| rest.trim_start() == "}"))
}

fn quoted(text: &str) -> String {
    let mut writer = JsonWriter::new();
    writer.str(text);
    writer.into_string()
}

fn decode(base64: &str) -> Option<Vec<u8>> {
    BASE64.decode(base64).or_else(|_| BASE64_URL.decode(base64)).ok()
}
