//! A position in a GGUF header. Every read says what it was after, so that a file that ends early is a precise error; the
//! words are put together only then, because a vocabulary is hundreds of thousands of reads.

use std::ops::Range;

use super::super::Fault;

/// Bytes from the front of a file, and how far they were read.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The file goes on behind `bytes`.
    cut: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], limit: usize) -> Self {
        let cut = bytes.len() > limit;
        Self { bytes: bytes.get(..limit).unwrap_or(bytes), at: 0, cut }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Bytes that were read before.
    pub(super) fn at_range(&self, range: &Range<usize>) -> &'a [u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }

    pub(super) fn take(&mut self, len: u64, what: &str) -> Result<&'a [u8], Fault> {
        let end = usize::try_from(len).ok().and_then(|len| self.at.checked_add(len));
        let taken = end.and_then(|end| Some((end, self.bytes.get(self.at..end)?)));
        let (end, taken) = taken.ok_or_else(|| self.ended(len, what))?;
        self.at = end;
        Ok(taken)
    }

    pub(super) fn u32(&mut self, what: &str) -> Result<u32, Fault> {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(self.take(4, what)?);
        Ok(u32::from_le_bytes(bytes))
    }

    pub(super) fn u64(&mut self, what: &str) -> Result<u64, Fault> {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(self.take(8, what)?);
        Ok(u64::from_le_bytes(bytes))
    }

    /// A count of things that take at least `size` bytes each, so that a count alone can cost nothing.
    pub(super) fn count(&mut self, what: &str, size: u64, limit: u64) -> Result<u64, Fault> {
        let count = self.u64(what)?;
        if count > limit {
            return Err(Fault::malformed(format!("{count} {what}, but at most {limit} are read")));
        }
        let left = (self.bytes.len() - self.at) as u64;
        if count.saturating_mul(size) > left {
            return Err(Fault::malformed(format!(
                "{count} {what} do not fit into the {left} bytes that follow"
            )));
        }
        Ok(count)
    }

    /// A length, and so many bytes.
    pub(super) fn string(&mut self, what: &str, limit: u64) -> Result<&'a [u8], Fault> {
        let start = self.at;
        let len = self.u64(what)?;
        if len > limit {
            let reason = format!("the {what} at byte {start} has {len} bytes, but at most {limit} are read");
            return Err(Fault::malformed(reason));
        }
        self.take(len, what)
    }

    /// A string that is not empty and UTF-8.
    pub(super) fn text(&mut self, what: &str, limit: u64) -> Result<&'a str, Fault> {
        let start = self.at;
        let text = std::str::from_utf8(self.string(what, limit)?).ok().filter(|text| !text.is_empty());
        text.ok_or_else(|| Fault::malformed(format!("the {what} at byte {start} is empty or not UTF-8")))
    }

    fn ended(&self, len: u64, what: &str) -> Fault {
        let (at, end) = (self.at, self.bytes.len());
        if self.cut {
            return Fault::malformed(format!(
                "the header is larger than {end} bytes, at the {what} at byte {at}"
            ));
        }
        Fault::malformed(format!("the file ends at byte {end}, inside the {what} ({len} bytes at byte {at})"))
    }
}
