//! Server-sent events out of lines, by the standard, and what real servers send besides.
//!
//! Three liberties: an `error:` field, which no standard knows, is an event of that name; a line that starts with
//! `{` is data whose field name was forgotten; an event that the end of the bytes cuts off before its blank line
//! is delivered.

use std::ops::Range;

use bytes::Bytes;

use super::lines::{Line, Lines};
use super::{Frame, Limits, Oversized};

/// Where a piece of an event is.
#[derive(Debug, Clone, Default)]
enum Place {
    #[default]
    Nowhere,
    /// In the current chunk.
    Chunk(Range<usize>),
    /// In a buffer of its own.
    Own,
}

/// An event that is being put together, or was delivered and is still lent.
#[derive(Debug, Clone, Default)]
pub(super) struct Event {
    name: Place,
    own_name: Vec<u8>,
    data: Place,
    own_data: Vec<u8>,
    delivered: bool,
}

impl Event {
    /// Starts over if the event was delivered.
    pub(super) fn forget_delivered(&mut self) {
        if std::mem::take(&mut self.delivered) {
            (self.name, self.data) = (Place::Nowhere, Place::Nowhere);
        }
    }

    /// Whether nothing of the next event has come.
    #[inline]
    pub(super) fn is_fresh(&self) -> bool {
        self.delivered || matches!((&self.name, &self.data), (Place::Nowhere, Place::Nowhere))
    }

    /// Becomes an event without a name whose data is there in the chunk.
    #[inline]
    pub(super) fn deliver(&mut self, data: Range<usize>) {
        (self.name, self.data, self.delivered) = (Place::Nowhere, Place::Chunk(data), true);
    }

    pub(super) fn data_in_chunk(&self) -> Option<Range<usize>> {
        if let Place::Chunk(data) = &self.data { Some(data.clone()) } else { None }
    }

    /// Takes the next lines if they are a whole event of one line of data, as most are. Only a short cut.
    #[inline]
    pub(super) fn whole_data(&mut self, lines: &mut Lines, limits: Limits) -> bool {
        if !self.is_fresh() {
            return false;
        }
        let Some((name, data)) = lines.take_whole(limits) else { return false };
        self.deliver(data);
        self.name = name.map_or(Place::Nowhere, Place::Chunk);
        true
    }

    /// Copies what lies in a chunk that is about to go.
    pub(super) fn detach(&mut self, chunk: &Bytes) {
        self.forget_delivered();
        own(&mut self.name, &mut self.own_name, chunk);
        own(&mut self.data, &mut self.own_data, chunk);
    }

    /// Takes a line; `true` if it ends an event that has data.
    pub(super) fn line(&mut self, lines: &Lines, line: Line, limit: usize) -> Result<bool, Oversized> {
        let bytes = lines.bytes(&line);
        if bytes.is_empty() {
            return Ok(self.complete());
        }
        if bytes.first() == Some(&b'{') {
            return self.add(lines, line, 0, limit).map(|()| false);
        }
        let (field, value) = field(bytes);
        match field {
            b"data" => self.add(lines, line, value, limit)?,
            b"event" => keep(&mut self.name, &mut self.own_name, lines, line, value),
            b"error" => {
                set(&mut self.name, &mut self.own_name, b"error");
                self.add(lines, line, value, limit)?;
            }
            _ => {}
        }
        Ok(false)
    }

    /// Takes a line that is an event; `true` unless it is blank.
    pub(super) fn whole(&mut self, lines: &Lines, line: Line) -> bool {
        let bytes = lines.bytes(&line);
        if bytes.trim_ascii().is_empty() {
            return false;
        }
        let line = if bytes.ends_with(b"\r") { line.without_last() } else { line };
        keep(&mut self.data, &mut self.own_data, lines, line, 0);
        self.delivered = true;
        true
    }

    /// Ends the event; `true` if it has data, else nothing is left of it.
    pub(super) fn complete(&mut self) -> bool {
        self.delivered = true;
        let blank = match &self.data {
            Place::Nowhere => true,
            Place::Chunk(range) => range.is_empty(),
            Place::Own => self.own_data.is_empty(),
        };
        if blank {
            self.forget_delivered();
        }
        !blank
    }

    pub(super) fn frame<'a>(&'a self, lines: &'a Lines) -> Frame<'a> {
        Frame { event: self.name(lines), data: self.data(lines) }
    }

    #[inline]
    pub(super) fn data<'a>(&'a self, lines: &'a Lines) -> &'a [u8] {
        bytes(&self.data, &self.own_data, &lines.chunk)
    }

    fn name<'a>(&'a self, lines: &'a Lines) -> Option<&'a str> {
        let name = bytes(&self.name, &self.own_name, &lines.chunk);
        if name.is_empty() { None } else { std::str::from_utf8(name).ok() }
    }

    /// Adds a line of data, from byte `value` on.
    fn add(&mut self, lines: &Lines, line: Line, value: usize, limit: usize) -> Result<(), Oversized> {
        if let Place::Nowhere = self.data {
            keep(&mut self.data, &mut self.own_data, lines, line, value);
        } else {
            own(&mut self.data, &mut self.own_data, &lines.chunk);
            self.own_data.push(b'\n');
            self.own_data.extend_from_slice(lines.bytes(&line).get(value..).unwrap_or_default());
        }
        let size = bytes(&self.data, &self.own_data, &lines.chunk).len();
        if size > limit { Err(Oversized { what: "event", limit }) } else { Ok(()) }
    }
}

/// A line's field and where its value starts.
fn field(line: &[u8]) -> (&[u8], usize) {
    let Some(colon) = line.iter().position(|byte| *byte == b':') else { return (line, line.len()) };
    let space = usize::from(line.get(colon + 1) == Some(&b' '));
    (line.get(..colon).unwrap_or_default(), colon + 1 + space)
}

#[inline]
fn bytes<'a>(place: &Place, own: &'a [u8], chunk: &'a Bytes) -> &'a [u8] {
    match place {
        Place::Nowhere => &[],
        Place::Chunk(range) => chunk.get(range.clone()).unwrap_or_default(),
        Place::Own => own,
    }
}

/// Remembers where the line's bytes from `value` on are; copies them if they do not stay.
fn keep(place: &mut Place, own: &mut Vec<u8>, lines: &Lines, line: Line, value: usize) {
    if let Line::Chunk(range) = line {
        *place = Place::Chunk(range.start + value..range.end);
    } else {
        set(place, own, lines.bytes(&line).get(value..).unwrap_or_default());
    }
}

/// Moves what lies in the chunk into the buffer.
fn own(place: &mut Place, own: &mut Vec<u8>, chunk: &Bytes) {
    if let Place::Chunk(range) = place {
        let range = range.clone();
        set(place, own, chunk.get(range).unwrap_or_default());
    }
}

fn set(place: &mut Place, own: &mut Vec<u8>, value: &[u8]) {
    own.clear();
    own.extend_from_slice(value);
    *place = Place::Own;
}
