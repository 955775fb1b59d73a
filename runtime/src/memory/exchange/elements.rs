//! The records of a large JSON document, one at a time: the elements of the lists that stand in its object, or of the list
//! that it is. Nothing is kept but the record that is read, and none may be longer, or nested deeper, than is allowed. A byte
//! order mark before it is passed over.

use std::io::BufRead;

use super::fields::{Fault, Fields};
use super::{Error, lines};
use crate::json::InvalidJson;
use crate::wire::v1;

/// The deepest nesting of a record.
const DEPTH: usize = 100;

/// A value of the document.
#[derive(Debug)]
pub(super) struct Element {
    /// The field of the object in whose list it stands, or whose value it is. Empty in a document that is a list.
    pub(super) key: String,
    /// It stands in a list.
    pub(super) is_listed: bool,
    /// The JSON, as it is written.
    pub(super) text: String,
    /// Where it begins.
    pub(super) line: u64,
    column: usize,
}

impl Element {
    /// Its fields.
    pub(super) fn fields(&self) -> Result<Fields<'_>, Error> {
        Fields::of(&self.text).map_err(|fault| self.fault(fault))
    }

    /// A fault in it, by its place in the document.
    pub(super) fn fault(&self, fault: Fault) -> Error {
        let before = self.text.as_bytes().get(..fault.at).unwrap_or(self.text.as_bytes());
        let lines = before.iter().filter(|byte| **byte == b'\n').count();
        let column = match before.iter().rposition(|byte| *byte == b'\n') {
            Some(last) => before.len() - last - 1,
            None => self.column + before.len(),
        };
        Error::at(self.line + lines as u64, column, fault.reason)
    }
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    /// A member of the object, the first or a later one.
    Member {
        is_first: bool,
    },
    /// An element of a list: of the document, or of a member of its object.
    Listed {
        is_first: bool,
        is_document: bool,
    },
    End,
}

pub(super) struct Elements<R> {
    from: R,
    longest: usize,
    state: State,
    key: String,
    line: u64,
    column: usize,
}

impl<R: BufRead> Elements<R> {
    /// Those of a document; none is longer than `longest` bytes.
    pub(super) fn new(from: R, longest: usize) -> Self {
        Self { from, longest, state: State::Start, key: String::new(), line: 1, column: 0 }
    }

    /// The next value; nothing at the end of the document.
    pub(super) fn next(&mut self) -> Result<Option<Element>, Error> {
        loop {
            match self.state {
                State::Start => self.start()?,
                State::End => return self.end(),
                State::Member { is_first } => {
                    if !self.follows(b'}', is_first)? {
                        self.state = State::End;
                        continue;
                    }
                    self.key = self.name()?;
                    if self.peek_solid()? != Some(b'[') {
                        self.state = State::Member { is_first: false };
                        return self.json(false).map(Some);
                    }
                    self.bump()?;
                    self.state = State::Listed { is_first: true, is_document: false };
                }
                State::Listed { is_first, is_document } => {
                    if self.follows(b']', is_first)? {
                        self.state = State::Listed { is_first: false, is_document };
                        return self.json(true).map(Some);
                    }
                    self.state = if is_document { State::End } else { State::Member { is_first: false } };
                }
            }
        }
    }

    fn start(&mut self) -> Result<(), Error> {
        lines::pass_mark(&mut self.from)?;
        self.state = match self.peek_solid()? {
            Some(b'{') => State::Member { is_first: true },
            Some(b'[') => State::Listed { is_first: true, is_document: true },
            _ => return Err(self.wrong("expected an object or a list")),
        };
        self.bump()
    }

    fn end(&mut self) -> Result<Option<Element>, Error> {
        match self.peek_solid()? {
            None => Ok(None),
            Some(_) => Err(self.wrong("something follows the document")),
        }
    }

    /// Whether another member or element follows; otherwise goes behind the closer.
    fn follows(&mut self, closer: u8, is_first: bool) -> Result<bool, Error> {
        match self.peek_solid()? {
            Some(byte) if byte == closer => self.bump().map(|()| false),
            Some(b',') if !is_first => {
                self.bump()?;
                self.peek_solid().map(|_| true)
            }
            Some(_) if is_first => Ok(true),
            Some(_) => Err(self.wrong("expected `,` or the end of the list or object")),
            None => Err(self.wrong("the document ends too early")),
        }
    }

    /// The name of a member, and its colon.
    fn name(&mut self) -> Result<String, Error> {
        let name = self.value(false)?;
        let text = format!("{{{}:0}}", name.text);
        let fields = Fields::of(&text);
        let key = fields.ok().filter(|_| name.text.starts_with('"')).map(|fields| fields.first().to_owned());
        let Some(key) = key else { return Err(Error::at(name.line, name.column, "expected a name")) };
        match self.peek_solid()? {
            Some(b':') => self.bump().map(|()| key),
            _ => Err(self.wrong("expected `:`")),
        }
    }

    /// A value as it is written, whoever reads it or does not.
    fn json(&mut self, is_listed: bool) -> Result<Element, Error> {
        let element = self.value(is_listed)?;
        let wrong = |error: InvalidJson| Fault { at: error.offset, reason: error.reason.to_owned() };
        v1::validate(element.text.as_bytes()).map_err(|error| element.fault(wrong(error)))?;
        Ok(element)
    }

    /// A value, or what stands for one: here its end is looked for.
    fn value(&mut self, is_listed: bool) -> Result<Element, Error> {
        self.peek_solid()?;
        let (line, column) = (self.line, self.column);
        let mut scan = Scan::default();
        let mut bytes = Vec::new();
        while let Some(byte) = self.peek()? {
            if scan.ends_before(byte) {
                break;
            }
            if bytes.len() == self.longest {
                return Err(Error::at(line, column, format!("it is longer than {} bytes", self.longest)));
            }
            bytes.push(byte);
            scan.take(byte);
            self.bump()?;
            if scan.depth > DEPTH {
                return Err(self.wrong("nested too deeply"));
            }
        }
        if bytes.is_empty() || !scan.is_done() {
            return Err(self.wrong("the document ends within a value, or has none here"));
        }
        let text = String::from_utf8(bytes).map_err(|_| Error::at(line, column, "it is not UTF-8"))?;
        let key = self.key.clone();
        Ok(Element { key, is_listed, text, line, column })
    }

    fn peek(&mut self) -> Result<Option<u8>, Error> {
        lines::peek(&mut self.from)
    }

    /// The next byte that is no white space.
    fn peek_solid(&mut self) -> Result<Option<u8>, Error> {
        while let Some(byte) = self.peek()? {
            if !byte.is_ascii_whitespace() {
                return Ok(Some(byte));
            }
            self.bump()?;
        }
        Ok(None)
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

/// Where a value ends.
#[derive(Default)]
struct Scan {
    depth: usize,
    is_text: bool,
    is_escaped: bool,
    /// A container or a string is complete.
    is_closed: bool,
    has_begun: bool,
}

impl Scan {
    fn ends_before(&self, byte: u8) -> bool {
        let is_outside = self.depth == 0 && !self.is_text;
        let ends_scalar = byte.is_ascii_whitespace() || matches!(byte, b',' | b']' | b'}' | b':');
        self.is_closed || is_outside && ends_scalar
    }

    fn take(&mut self, byte: u8) {
        self.has_begun = true;
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' if self.is_text => self.is_escaped = true,
            b'"' => {
                self.is_text = !self.is_text;
                self.is_closed = !self.is_text && self.depth == 0;
            }
            b'[' | b'{' if !self.is_text => self.depth += 1,
            b']' | b'}' if !self.is_text => {
                self.depth = self.depth.saturating_sub(1);
                self.is_closed = self.depth == 0;
            }
            _ => {}
        }
    }

    fn is_done(&self) -> bool {
        self.has_begun && self.depth == 0 && !self.is_text
    }
}
