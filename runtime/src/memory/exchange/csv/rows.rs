//! Rows of cells: RFC 4180, strictly. Lines may end without a carriage return; a byte order mark is passed over.

use std::io::{self, BufRead, Write};

use super::super::{Error, lines};
use crate::memory;

/// The most cells of a row.
const CELLS: usize = 1000;

/// A cell, and where it begins.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) text: String,
    line: u64,
    column: usize,
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) cells: Vec<Cell>,
}

impl Cell {
    pub(super) fn wrong(&self, reason: impl AsRef<str>) -> Error {
        Error::at(self.line, self.column, reason)
    }

    pub(super) fn parsed<T>(&self, parse: impl FnOnce(&str) -> Result<T, memory::Error>) -> Result<T, Error> {
        parse(&self.text).map_err(|error| self.wrong(error.to_string()))
    }
}

/// Writes a row.
pub(super) fn write<'a>(to: &mut dyn Write, cells: impl IntoIterator<Item = &'a str>) -> io::Result<()> {
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            to.write_all(b",")?;
        }
        if cell.contains(['"', ',', '\r', '\n']) {
            write!(to, "\"{}\"", cell.replace('"', "\"\""))?;
        } else {
            to.write_all(cell.as_bytes())?;
        }
    }
    to.write_all(b"\r\n")
}

pub(super) struct Rows<R> {
    from: R,
    longest: usize,
    line: u64,
    column: usize,
}

/// How a cell ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Cell,
    Row,
}

impl<R: BufRead> Rows<R> {
    /// None of them is longer than `longest` bytes.
    pub(super) fn new(from: R, longest: usize) -> Self {
        Self { from, longest, line: 1, column: 0 }
    }

    /// The next row; nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<Row>, Error> {
        if (self.line, self.column) == (1, 0) {
            lines::pass_mark(&mut self.from)?;
        }
        if self.peek()?.is_none() {
            return Ok(None);
        }
        let (line, mut cells, mut room) = (self.line, Vec::new(), self.longest);
        loop {
            let (cell, end) = self.cell(room)?;
            if cells.len() == CELLS {
                return Err(cell.wrong(format!("the row has more than {CELLS} cells")));
            }
            room = room.saturating_sub(cell.text.len());
            cells.push(cell);
            if end == End::Row {
                return Ok(Some(Row { line, cells }));
            }
        }
    }

    fn cell(&mut self, room: usize) -> Result<(Cell, End), Error> {
        let (line, column) = (self.line, self.column);
        let mut bytes = Vec::new();
        let end = match self.peek()? {
            Some(b'"') => self.quoted(&mut bytes, room)?,
            _ => self.plain(&mut bytes, room)?,
        };
        let text = String::from_utf8(bytes).map_err(|_| Error::at(line, column, "it is not UTF-8"))?;
        Ok((Cell { text, line, column }, end))
    }

    fn plain(&mut self, bytes: &mut Vec<u8>, room: usize) -> Result<End, Error> {
        loop {
            match self.peek()? {
                Some(b',' | b'\n') | None => {
                    let is_returned = self.peek()? != Some(b',') && bytes.last() == Some(&b'\r');
                    if is_returned {
                        bytes.pop();
                    }
                    return self.end();
                }
                Some(b'"') => return Err(self.wrong("a quote stands in a cell that does not begin with one")),
                Some(byte) => self.push(byte, bytes, room)?,
            }
        }
    }

    fn quoted(&mut self, bytes: &mut Vec<u8>, room: usize) -> Result<End, Error> {
        let (line, column) = (self.line, self.column);
        self.bump()?;
        loop {
            match self.peek()? {
                None => return Err(Error::at(line, column, "the quote does not end")),
                Some(b'"') => {
                    self.bump()?;
                    if self.peek()? != Some(b'"') {
                        break;
                    }
                    self.push(b'"', bytes, room)?;
                }
                Some(byte) => self.push(byte, bytes, room)?,
            }
        }
        if self.peek()? == Some(b'\r') {
            self.bump()?;
            if !matches!(self.peek()?, Some(b'\n') | None) {
                return Err(self.wrong("something follows the quote"));
            }
        }
        self.end()
    }

    /// Goes behind a comma or the end of a line.
    fn end(&mut self) -> Result<End, Error> {
        let end = match self.peek()? {
            None => return Ok(End::Row),
            Some(b',') => End::Cell,
            Some(b'\n') => End::Row,
            Some(_) => return Err(self.wrong("something follows the quote")),
        };
        self.bump()?;
        Ok(end)
    }

    fn push(&mut self, byte: u8, bytes: &mut Vec<u8>, room: usize) -> Result<(), Error> {
        if bytes.len() >= room {
            return Err(self.wrong(&format!("the row is longer than {} bytes", self.longest)));
        }
        bytes.push(byte);
        self.bump()
    }

    fn peek(&mut self) -> Result<Option<u8>, Error> {
        lines::peek(&mut self.from)
    }

    fn bump(&mut self) -> Result<(), Error> {
        if self.peek()? == Some(b'\n') {
            (self.line, self.column) = (self.line + 1, 0);
        } else {
            self.column += 1;
        }
        self.from.consume(1);
        Ok(())
    }

    fn wrong(&self, reason: &str) -> Error {
        Error::at(self.line, self.column, reason)
    }
}
