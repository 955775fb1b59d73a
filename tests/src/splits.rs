//! Streams cut where no network was seen to cut them: what a decoder tells must not depend on it. Works on the decoder
//! alone, without a client and a server, so that every byte can be tried; grades no content.

use bytes::Bytes;
use typewright_runtime::chat::ChatEvent;
use typewright_runtime::wire::v1::{ChatWire, Decoder, Framer, Framing, Limits, WireError};

use crate::corpus::Case;
use crate::providers;

/// Streams up to this length are cut at every byte and fed whole each time.
const QUADRATIC: usize = 4096;
/// Two frames up to this length are decoded anew at every cut; of longer ones every cut is framed and some are decoded.
const WINDOW: usize = 2048;
/// How many cuts of a longer frame are decoded.
const SAMPLES: usize = 128;

/// What a decoder told: its events, and how it ended.
#[derive(Debug, Clone, Default, PartialEq)]
struct Told {
    events: Vec<ChatEvent<'static>>,
    failure: Option<WireError>,
    done: bool,
}

/// What depends on the cuts of this stream; nothing for a body that is no stream.
pub fn check(case: &Case, exhaustive: bool) -> Vec<String> {
    if !case.is_stream() || case.meta.status >= 400 {
        return Vec::new();
    }
    // An unbuilt client is reported by whoever needs it first.
    let Some(wire) = providers::chat_wire(&case.dialect, &case.provider) else { return Vec::new() };
    let stream = Stream { wire, bytes: Bytes::from(case.body.clone()) };
    let mut why = Vec::new();
    why.extend(stream.in_pieces("one byte at a time", std::iter::repeat_n(1, stream.bytes.len())));
    why.extend(stream.in_pieces("as the network did", case.meta.chunk_lengths.iter().copied()));
    why.extend(stream.at_every_byte(exhaustive));
    if exhaustive || stream.bytes.len() <= QUADRATIC {
        why.extend(stream.in_two());
    }
    why
}

/// What depends on how these bytes, whatever they are, are cut: at every byte, and after each of `lengths`.
pub(crate) fn of_any(
    wire: &'static ChatWire,
    bytes: Bytes,
    lengths: impl Iterator<Item = usize>,
) -> Vec<String> {
    let stream = Stream { wire, bytes };
    let bytewise = stream.in_pieces("one byte at a time", std::iter::repeat_n(1, stream.bytes.len()));
    bytewise.into_iter().chain(stream.in_pieces("somewhere", lengths)).collect()
}

struct Stream {
    wire: &'static ChatWire,
    bytes: Bytes,
}

impl Stream {
    fn decoder(&self) -> Decoder {
        Decoder::new(self.wire, Limits::default())
    }

    fn whole(&self) -> Told {
        let (mut decoder, mut told) = (self.decoder(), Told::default());
        told.feed(&mut decoder, self.bytes.clone());
        told.finish(&mut decoder);
        told
    }

    fn in_pieces(&self, how: &str, lengths: impl Iterator<Item = usize>) -> Option<String> {
        let (mut decoder, mut told, mut at) = (self.decoder(), Told::default(), 0);
        for length in lengths {
            let end = (at + length).min(self.bytes.len());
            told.feed(&mut decoder, self.bytes.slice(at..end));
            at = end;
        }
        told.feed(&mut decoder, self.bytes.slice(at..));
        told.finish(&mut decoder);
        told.differs(&self.whole()).map(|why| format!("cut {how}: {why}"))
    }

    /// Once for every byte, everything before it and then everything after it.
    fn in_two(&self) -> Option<String> {
        let whole = self.whole();
        (1..self.bytes.len()).find_map(|cut| {
            let (mut decoder, mut told) = (self.decoder(), Told::default());
            told.feed(&mut decoder, self.bytes.slice(..cut));
            told.feed(&mut decoder, self.bytes.slice(cut..));
            told.finish(&mut decoder);
            told.differs(&whole).map(|why| format!("cut in two at byte {cut}: {why}"))
        })
    }

    /// Once for every byte, from a copy of the state before its frame to the end of the next frame.
    fn at_every_byte(&self, exhaustive: bool) -> Option<String> {
        let ends = ends(&self.bytes, self.wire.framing);
        let (mut decoder, mut start) = (self.decoder(), 0);
        for (at, end) in ends.iter().enumerate() {
            let window = start..ends.get(at + 1).copied().unwrap_or(self.bytes.len());
            let step = if exhaustive || window.len() <= WINDOW { 1 } else { (end - start).div_ceil(SAMPLES) };
            let found = self.decoded(&decoder, window.clone(), *end, step);
            if let Some(why) = found.or_else(|| if step > 1 { self.framed(window, *end) } else { None }) {
                return Some(why);
            }
            Told::default().feed(&mut decoder, self.bytes.slice(start..*end));
            start = *end;
        }
        None
    }

    fn decoded(
        &self,
        before: &Decoder,
        window: std::ops::Range<usize>,
        end: usize,
        step: usize,
    ) -> Option<String> {
        let last = window.end == self.bytes.len();
        let told = |pieces: &[Bytes]| {
            let (mut decoder, mut told) = (before.clone(), Told::default());
            pieces.iter().for_each(|piece| told.feed(&mut decoder, piece.clone()));
            if last {
                told.finish(&mut decoder);
            }
            told
        };
        let uncut = told(&[self.bytes.slice(window.clone())]);
        (window.start + 1..end).step_by(step).find_map(|cut| {
            let cut_up = told(&[self.bytes.slice(window.start..cut), self.bytes.slice(cut..window.end)]);
            cut_up.differs(&uncut).map(|why| format!("cut at byte {cut}: {why}"))
        })
    }

    /// As [`Self::decoded`], for frames that are too long to be decoded at every cut.
    fn framed(&self, window: std::ops::Range<usize>, end: usize) -> Option<String> {
        let frames = |pieces: &[Bytes]| {
            let mut framer = Framer::new(self.wire.framing, Limits::default());
            let mut frames = Vec::new();
            for piece in pieces {
                framer.feed(piece.clone());
                while let Some(Ok(frame)) = framer.next() {
                    frames.push((frame.event.map(str::to_owned), frame.data.to_vec()));
                }
            }
            frames
        };
        let uncut = frames(&[self.bytes.slice(window.clone())]);
        (window.start + 1..end).find_map(|cut| {
            let cut_up = frames(&[self.bytes.slice(window.start..cut), self.bytes.slice(cut..window.end)]);
            (cut_up != uncut).then(|| format!("cut at byte {cut}: other frames"))
        })
    }
}

impl Told {
    fn feed(&mut self, decoder: &mut Decoder, piece: Bytes) {
        decoder.feed(piece);
        self.take(decoder);
    }

    fn finish(&mut self, decoder: &mut Decoder) {
        decoder.finish();
        self.take(decoder);
    }

    fn take(&mut self, decoder: &mut Decoder) {
        while let Some(next) = decoder.next() {
            match next {
                Ok(event) => self.events.push(event.into_owned()),
                Err(failure) => self.failure = Some(failure),
            }
        }
        self.done = decoder.is_done();
    }

    fn differs(&self, uncut: &Self) -> Option<String> {
        if self == uncut {
            return None;
        }
        let at = self.events.iter().zip(&uncut.events).take_while(|(a, b)| a == b).count();
        let end = |told: &Self| format!("{:?}, {:?}, done: {}", told.events.get(at), told.failure, told.done);
        Some(format!("event {at} is {} and uncut {}", end(self), end(uncut)))
    }
}

/// Where frames end: after a line, or after an empty line.
fn ends(bytes: &[u8], framing: Framing) -> Vec<usize> {
    let (mut ends, mut start) = (Vec::new(), 0);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        start += line.len();
        if framing == Framing::Ndjson || line.trim_ascii().is_empty() {
            ends.push(start);
        }
    }
    if ends.last() != Some(&bytes.len()) {
        ends.push(bytes.len());
    }
    ends
}
