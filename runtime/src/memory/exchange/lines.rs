//! Lines of a file, none longer than is allowed, and the digest of those before; and how a file is read byte by byte.

use std::io::{self, BufRead};

use sha2::{Digest, Sha256};

use super::Error;
use crate::memory::content::Digested;

/// The next byte of a file.
pub(super) fn peek(from: &mut impl BufRead) -> Result<Option<u8>, Error> {
    loop {
        match from.fill_buf() {
            Ok(buffer) => return Ok(buffer.first().copied()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::read(error)),
        }
    }
}

/// Passes over a byte order mark, which stands at the beginning of some files.
pub(super) fn pass_mark(from: &mut impl BufRead) -> Result<(), Error> {
    for byte in "\u{feff}".bytes() {
        match peek(from)? {
            Some(found) if found == byte => from.consume(1),
            _ if byte == 0xef => return Ok(()),
            _ => return Err(Error::at(1, 0, "it is not UTF-8")),
        }
    }
    Ok(())
}

pub(super) struct Lines<R> {
    from: R,
    longest: usize,
    number: u64,
    line: Vec<u8>,
    before: Sha256,
}

/// A line without its end.
pub(super) struct Line<'a> {
    pub(super) number: u64,
    pub(super) text: &'a str,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(from: R, longest: usize) -> Self {
        Self { from, longest, number: 0, line: Vec::new(), before: Sha256::new() }
    }

    /// Goes to the next line; `false` at the end of the file.
    pub(super) fn next(&mut self) -> Result<bool, Error> {
        if self.number > 0 {
            self.before.update(&self.line);
            self.before.update(b"\n");
        }
        self.line.clear();
        self.number += 1;
        self.fill()
    }

    /// The line.
    pub(super) fn line(&self) -> Result<Line<'_>, Error> {
        let number = self.number;
        match std::str::from_utf8(&self.line) {
            Ok(text) => Ok(Line { number, text }),
            Err(error) => Err(Error::at(number, error.valid_up_to(), "it is not UTF-8")),
        }
    }

    /// Reads up to the end of the line; `false` at the end of the file.
    fn fill(&mut self) -> Result<bool, Error> {
        loop {
            let buffer = match self.from.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.map_err(Error::read)?,
            };
            if buffer.is_empty() {
                return self.at_the_end();
            }
            let end = memchr::memchr(b'\n', buffer);
            let part = end.and_then(|end| buffer.get(..end)).unwrap_or(buffer);
            if self.line.len() + part.len() > self.longest {
                let reason = format!("the line is longer than {} bytes", self.longest);
                return Err(Error::at(self.number, self.longest, reason));
            }
            self.line.extend_from_slice(part);
            let read = part.len() + usize::from(end.is_some());
            self.from.consume(read);
            if end.is_some() {
                return Ok(true);
            }
        }
    }

    fn at_the_end(&self) -> Result<bool, Error> {
        if self.line.is_empty() {
            return Ok(false);
        }
        Err(Error::at(self.number, self.line.len(), "the file ends within a line"))
    }

    /// The digest of all lines before the current one.
    pub(super) fn before(&self) -> Digested {
        Digested::from_bytes(self.before.clone().finalize().into())
    }
}
