//! Frames that are the one before once more but for a text, which is what most of a stream consists of.
//!
//! A frame that did nothing but append one fragment is kept, envelope and all. Where the next bytes are the same
//! but for that fragment, and for texts that the wire's decoder skipped, reading them as JSON would do the same
//! again: so they are compared instead. Whatever differs in any other way is left to the decoder. That the state
//! of the answer is the same as behind the kept frame is the caller's business.

use std::ops::Range;

use crate::wire::v1::cursor::Skipped;
use crate::wire::v1::scan;

/// Frames that are longer are not kept: they are rare, and every stream would hold one.
const LONGEST: usize = 2048;
/// As many texts as are kept of those that a decoder skips, and the fragment.
const GAPS: usize = Skipped::MOST + 1;
/// After so many frames in a row that were not what was expected, only every so many-th one is kept.
const PATIENCE: u32 = 32;

/// A frame and where it may differ.
#[derive(Debug, Clone, Default)]
pub(super) struct Pattern {
    /// The frame with its envelope.
    bytes: Vec<u8>,
    data: Range<usize>,
    /// In place, and small: with many streams, what lies elsewhere has to be fetched for each frame.
    gaps: [Gap; GAPS],
    used: usize,
    slot: usize,
    /// The state of the answer is still that behind the frame.
    ready: bool,
    misses: u32,
}

/// The inside of a JSON string.
#[derive(Debug, Clone, Copy, Default)]
struct Gap {
    start: u16,
    end: u16,
    /// May differ. A skipped text may only once it did: to compare is faster than to look for an end.
    open: bool,
    is_delta: bool,
}

impl Gap {
    /// `None` only for what is longer than any frame that is kept.
    fn new(inside: &Range<usize>) -> Option<Self> {
        let (start, end) = (u16::try_from(inside.start).ok()?, u16::try_from(inside.end).ok()?);
        Some(Self { start, end, ..Self::default() })
    }

    #[inline]
    fn inside(self) -> Range<usize> {
        usize::from(self.start)..usize::from(self.end)
    }
}

/// A frame as it is learned. Ranges count from the start of its data.
#[derive(Debug)]
pub(super) struct Lesson<'f> {
    pub(super) bytes: &'f [u8],
    pub(super) data: Range<usize>,
    pub(super) slot: usize,
    pub(super) delta: Range<usize>,
    pub(super) skipped: &'f [Range<u32>],
}

/// A frame that was met. Its ranges count from where it starts.
#[derive(Debug)]
pub(super) struct Met<'f> {
    pub(super) length: usize,
    pub(super) data: Range<usize>,
    pub(super) slot: usize,
    pub(super) delta: &'f str,
    pub(super) escapes: usize,
}

impl Pattern {
    /// The frame at the start of `bytes`, if it is the kept one but for its gaps. One that is not has to be read,
    /// and [`Self::learn`] told of it.
    #[inline]
    pub(super) fn meet<'f>(&mut self, bytes: &'f [u8], limit: usize) -> Option<Met<'f>> {
        if !self.ready {
            return None;
        }
        let met = self.compare(bytes).filter(|met| met.length <= limit);
        self.misses = if met.is_some() { 0 } else { self.misses.saturating_add(1) };
        met
    }

    fn compare<'f>(&self, bytes: &'f [u8]) -> Option<Met<'f>> {
        let (mut at, mut from, mut delta) = (0, 0, None);
        for gap in self.gaps.iter().take(self.used).filter(|gap| gap.open) {
            at = literal(bytes, at, self.bytes.get(from..gap.inside().start)?)?;
            let (end, escapes) = scan::closing(bytes, at);
            if escapes == scan::BROKEN {
                return None;
            }
            let inside = std::str::from_utf8(bytes.get(at..end)?).ok()?;
            if gap.is_delta {
                delta = Some((inside, escapes)).filter(|_| !inside.is_empty());
            }
            (at, from) = (end, gap.inside().end);
        }
        let length = literal(bytes, at, self.bytes.get(from..)?)?;
        let (delta, escapes) = delta?;
        let behind = self.bytes.len() - self.data.end;
        Some(Met { length, data: self.data.start..length - behind, slot: self.slot, delta, escapes })
    }

    /// Keeps a frame. `None` is one that cannot be kept; then nothing is met before the next that can.
    pub(super) fn learn(&mut self, lesson: Option<Lesson<'_>>) {
        self.ready = false;
        let Some(lesson) = lesson.filter(|lesson| lesson.bytes.len() <= LONGEST) else { return };
        if self.misses >= PATIENCE && !self.misses.is_multiple_of(PATIENCE) {
            self.misses = self.misses.saturating_add(1);
            return;
        }
        if self.find_gaps(&lesson).is_none() {
            return;
        }
        self.bytes.clear();
        self.bytes.extend_from_slice(lesson.bytes);
        (self.data, self.slot, self.ready) = (lesson.data, lesson.slot, true);
    }

    /// Finds the gaps of a frame, in their order: its fragment, and the skipped texts. Of these, those are open
    /// that were others in the frame before.
    fn find_gaps(&mut self, lesson: &Lesson<'_>) -> Option<()> {
        let skipped = lesson.skipped.iter().map(|text| (text.start as usize..text.end as usize, false));
        let earlier = skipped.clone().take_while(|(text, _)| text.start < lesson.delta.start);
        let later = skipped.skip_while(|(text, _)| text.start < lesson.delta.start);
        let places = earlier.chain([(lesson.delta.clone(), true)]).chain(later);
        let used = lesson.skipped.len() + 1;
        let alike = std::mem::replace(&mut self.used, used) == used;
        for (gap, (place, is_delta)) in self.gaps.iter_mut().zip(places) {
            let inside = lesson.data.start + place.start..lesson.data.start + place.end;
            let varied = gap.open || self.bytes.get(gap.inside()) != lesson.bytes.get(inside.clone());
            *gap = Gap { open: is_delta || alike && varied, is_delta, ..Gap::new(&inside)? };
        }
        Some(())
    }
}

/// The position behind `expected`, if that is what stands at `at`.
#[inline]
fn literal(bytes: &[u8], at: usize, expected: &[u8]) -> Option<usize> {
    let end = at + expected.len();
    (bytes.get(at..end)? == expected).then_some(end)
}
