//! The index as bytes: a memory map of a file that is replaced and never written in place.

#![expect(unsafe_code, reason = "a memory map is a promise that the compiler cannot check")]

use std::fs::File;
use std::path::Path;

use memmap2::Mmap;

/// A file in memory.
#[derive(Debug)]
pub(super) struct Map(Mmap);

impl Map {
    /// Maps a file of at most `max` bytes. `None` if it is not there, empty, too large, or cannot be mapped.
    pub(super) fn open(path: &Path, max: u64) -> Option<Self> {
        let file = File::open(path).ok()?;
        let size = file.metadata().ok()?.len();
        if size == 0 || size > max {
            return None;
        }
        // SAFETY: the map must not change while it is read. The compiler replaces an index by renaming a whole new file
        // over it, so that this map keeps the old one; nobody else has a reason to touch a file of the cache. What is
        // read from it is copied out, checked, and never trusted to be UTF-8 or in bounds.
        unsafe { Mmap::map(&file) }.ok().map(Self)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}
