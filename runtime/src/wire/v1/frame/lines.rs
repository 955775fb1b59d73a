//! Lines of a byte stream, wherever the chunks are cut.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memchr2};

use super::{Framing, Limits, Oversized};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Where a line's bytes are: a range of the current chunk, or of the buffer for lines that chunks cut.
#[derive(Debug, Clone)]
pub(super) enum Line {
    Chunk(Range<usize>),
    Carried(Range<usize>),
}

impl Line {
    pub(super) fn without_last(self) -> Self {
        match self {
            Self::Chunk(range) => Self::Chunk(range.start..range.end - 1),
            Self::Carried(range) => Self::Carried(range.start..range.end - 1),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Lines {
    pub(super) chunk: Bytes,
    /// The start of a line whose end has not come, and then the line itself.
    carried: Vec<u8>,
    /// The line in `carried` was handed out.
    spent: bool,
    at: usize,
    /// A CR ended a chunk; an LF at the start of the next one belongs to it.
    after_cr: bool,
    /// Only for server-sent events is a lone CR the end of a line.
    cr_ends: bool,
    started: bool,
    over: bool,
    /// The last line had no end.
    pub(super) tail: bool,
}

impl Lines {
    pub(super) fn new(framing: Framing) -> Self {
        Self {
            chunk: Bytes::new(),
            carried: Vec::new(),
            spent: false,
            at: 0,
            after_cr: false,
            cr_ends: framing == Framing::Sse,
            started: false,
            over: false,
            tail: false,
        }
    }

    pub(super) fn feed(&mut self, chunk: Bytes) {
        let rest = self.chunk.get(self.at..).unwrap_or_default();
        self.chunk = if rest.is_empty() {
            chunk
        } else {
            let mut joined = BytesMut::with_capacity(rest.len() + chunk.len());
            joined.extend_from_slice(rest);
            joined.extend_from_slice(&chunk);
            joined.freeze()
        };
        self.at = 0;
    }

    pub(super) fn finish(&mut self) {
        self.over = true;
    }

    pub(super) fn bytes(&self, line: &Line) -> &[u8] {
        match line {
            Line::Chunk(range) => self.chunk.get(range.clone()),
            Line::Carried(range) => self.carried.get(range.clone()),
        }
        .unwrap_or_default()
    }

    /// The name and the data of an event of at most one line each and a blank one, if it starts here, has no
    /// other lines and is whole in the chunk.
    #[inline]
    pub(super) fn take_whole(&mut self, limits: Limits) -> Option<(Option<Range<usize>>, Range<usize>)> {
        let start = self.place()?;
        let name = self.value_at(start, b"event: ");
        let data = self.value_at(name.as_ref().map_or(start, |name| name.end + 1), b"data: ")?;
        let sizes = (name.as_ref().map_or(0, |name| name.end - start), data.len() + b"data: ".len());
        let fits = sizes.0.max(sizes.1) <= limits.line && data.len() <= limits.event;
        if !fits || data.is_empty() || self.chunk.get(data.end + 1) != Some(&b'\n') {
            return None;
        }
        self.at = data.end + 2;
        Some((name, data))
    }

    /// What follows `field` in the line that starts at `at`, if the line does and an LF ends it.
    #[inline]
    fn value_at(&self, at: usize, field: &[u8]) -> Option<Range<usize>> {
        let value = self.chunk.get(at..)?.strip_prefix(field)?;
        let length = memchr2(b'\n', b'\r', value).filter(|end| value.get(*end) == Some(&b'\n'))?;
        let start = at + field.len();
        Some(start..start + length)
    }

    /// Where in the chunk the next line starts, if nothing of it came earlier.
    #[inline]
    pub(super) fn place(&self) -> Option<usize> {
        (self.started && self.carried.is_empty() && !self.after_cr).then_some(self.at)
    }

    /// Goes on by that many bytes, which are whole lines; where they start.
    #[inline]
    pub(super) fn forward(&mut self, length: usize) -> usize {
        self.at += length;
        self.at - length
    }

    /// The next line without its end.
    pub(super) fn next(&mut self, limit: usize) -> Result<Option<Line>, Oversized> {
        if std::mem::take(&mut self.spent) {
            self.carried.clear();
        }
        self.skip_lf();
        let rest = self.chunk.get(self.at..).unwrap_or_default();
        let end = if self.cr_ends { memchr2(b'\n', b'\r', rest) } else { memchr(b'\n', rest) };
        if self.carried.len() + end.unwrap_or(rest.len()) > limit {
            return Err(Oversized { what: "line", limit });
        }
        let Some(length) = end else { return Ok(self.carry_rest()) };
        let line = self.cut(self.at, self.at + length);
        self.after_cr = self.chunk.get(self.at + length) == Some(&b'\r');
        self.at += length + 1;
        self.skip_lf();
        Ok(Some(self.without_mark(line)))
    }

    fn skip_lf(&mut self) {
        if self.after_cr && self.at < self.chunk.len() {
            self.after_cr = false;
            self.at += usize::from(self.chunk.get(self.at) == Some(&b'\n'));
        }
    }

    /// The line that ends at `end` and starts in the chunk or in what was carried.
    fn cut(&mut self, start: usize, end: usize) -> Line {
        if self.carried.is_empty() {
            return Line::Chunk(start..end);
        }
        self.carried.extend_from_slice(self.chunk.get(start..end).unwrap_or_default());
        self.spent = true;
        Line::Carried(0..self.carried.len())
    }

    /// Keeps the start of a line for later; at the end of all bytes it is a line.
    fn carry_rest(&mut self) -> Option<Line> {
        self.carried.extend_from_slice(self.chunk.get(self.at..).unwrap_or_default());
        self.at = self.chunk.len();
        if !self.over || self.carried.is_empty() {
            return None;
        }
        (self.spent, self.tail) = (true, true);
        Some(self.without_mark(Line::Carried(0..self.carried.len())))
    }

    /// The first line may start with a byte order mark.
    fn without_mark(&mut self, line: Line) -> Line {
        if std::mem::replace(&mut self.started, true) || !self.bytes(&line).starts_with(BYTE_ORDER_MARK) {
            return line;
        }
        match line {
            Line::Chunk(range) => Line::Chunk(range.start + BYTE_ORDER_MARK.len()..range.end),
            Line::Carried(range) => Line::Carried(range.start + BYTE_ORDER_MARK.len()..range.end),
        }
    }
}
