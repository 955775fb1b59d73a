//! Cutting a stream of bytes into frames: server-sent events and lines of JSON.
//!
//! Push style: [`Framer::feed`] takes a chunk, [`Framer::advance`] finds the next frame, [`Framer::frame`] lends
//! it, in place where the chunk holds all of it. What a frame means is not known here.

mod lines;
mod sse;
#[cfg(test)]
mod tests;

use std::ops::Range;

use bytes::Bytes;

use lines::Lines;
use sse::Event;

/// How a stream is cut into frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    Sse,
    /// One JSON value a line.
    Ndjson,
}

/// How large the pieces of a stream may grow before it is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one line.
    pub line: usize,
    /// Bytes of one event's data.
    pub event: usize,
}

impl Default for Limits {
    /// Generous, for events that carry pictures.
    fn default() -> Self {
        Self { line: 64 << 20, event: 64 << 20 }
    }
}

/// A piece of a stream is larger than its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the {what} is larger than {limit} bytes")]
pub struct Oversized {
    /// `line` or `event`.
    pub what: &'static str,
    /// The limit in bytes.
    pub limit: usize,
}

/// One event of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The name that the envelope gives it.
    pub event: Option<&'a str>,
    /// Its data.
    pub data: &'a [u8],
}

impl<'a> Frame<'a> {
    /// A frame without a name.
    pub fn data(data: &'a [u8]) -> Self {
        Self { event: None, data }
    }
}

/// Cuts a stream into frames. Cloning one keeps a copy of its state.
#[derive(Debug, Clone)]
pub struct Framer {
    framing: Framing,
    limits: Limits,
    lines: Lines,
    event: Event,
    /// Where in the chunk the frame starts that was looked for last, if nothing of it came earlier.
    began: Option<usize>,
    over: bool,
}

impl Framer {
    /// A framer before the first byte.
    pub fn new(framing: Framing, limits: Limits) -> Self {
        Self {
            framing,
            limits,
            lines: Lines::new(framing),
            event: Event::default(),
            began: None,
            over: false,
        }
    }

    /// Takes the next bytes. Frames of earlier chunks should have been taken first; if not, they are copied.
    pub fn feed(&mut self, chunk: Bytes) {
        self.event.detach(&self.lines.chunk);
        self.lines.feed(chunk);
    }

    /// No more bytes will come: what is left of the last line and event counts as whole.
    pub fn finish(&mut self) {
        self.lines.finish();
        self.over = true;
    }

    /// The next frame, if its last byte has come.
    #[expect(clippy::should_implement_trait, reason = "frames are lent, which no iterator can")]
    pub fn next(&mut self) -> Option<Result<Frame<'_>, Oversized>> {
        match self.advance() {
            Ok(true) => Some(Ok(self.frame())),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// Goes to the next frame; `false` if its last byte has not come.
    pub fn advance(&mut self) -> Result<bool, Oversized> {
        self.event.forget_delivered();
        self.began = self.lines.place().filter(|_| self.event.is_fresh());
        if self.framing == Framing::Sse && self.event.whole_data(&mut self.lines, self.limits) {
            return Ok(true);
        }
        while let Some(line) = self.lines.next(self.limits.line)? {
            let complete = match self.framing {
                Framing::Sse => self.event.line(&self.lines, line, self.limits.event)?,
                Framing::Ndjson => self.event.whole(&self.lines, line),
            };
            if complete {
                return Ok(true);
            }
        }
        Ok(self.over && self.event.complete())
    }

    /// The frame that [`Self::advance`] went to.
    pub fn frame(&self) -> Frame<'_> {
        self.event.frame(&self.lines)
    }

    /// The data of the frame that [`Self::advance`] went to.
    #[inline]
    pub(crate) fn data(&self) -> &[u8] {
        self.event.data(&self.lines)
    }

    /// The bytes that the next frame starts with; none if something of it came earlier.
    #[inline]
    pub(crate) fn pending(&self) -> Option<&[u8]> {
        let at = self.lines.place().filter(|_| self.event.is_fresh())?;
        self.lines.chunk.get(at..).filter(|bytes| !bytes.is_empty())
    }

    /// Takes that many bytes as a frame whose data is in `data` of them.
    #[inline]
    pub(crate) fn take(&mut self, length: usize, data: Range<usize>) {
        let at = self.lines.forward(length);
        self.event.deliver(at + data.start..at + data.end);
    }

    /// The last frame with its envelope and where its data is, if all of it is in the chunk.
    pub(crate) fn whole(&self) -> Option<(&[u8], Range<usize>)> {
        let (start, data) = (self.began?, self.event.data_in_chunk()?);
        let bytes = self.lines.chunk.get(start..self.lines.place()?).filter(|_| !self.over)?;
        Some((bytes, data.start.checked_sub(start)?..data.end.checked_sub(start)?))
    }

    /// How many bytes any frame may have.
    pub(crate) fn limit(&self) -> usize {
        self.limits.line.min(self.limits.event)
    }

    /// Whether the frame was ended by the end of the bytes and not by what ends frames.
    pub(crate) fn is_tail(&self) -> bool {
        self.over && self.lines.tail
    }
}
