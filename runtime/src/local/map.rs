//! A file as memory: read-only, shared with every process that maps the same file, paged in when touched.
//!
//! What nobody can promise is that the file stays as it is. A mapped page that lies behind the end of a file that
//! somebody cut short is a bus error when it is touched: the process ends, and no library can turn that into an error
//! (on Windows a mapped file cannot be cut). What is done about it: the length is taken from the same handle that is
//! mapped and looked at again afterwards, everything that a header says is checked against it before use, and
//! [`Mapped::check`] says whether the file still has the length that was mapped, so that a load can fail early.
//! Downloads write another file and rename it over the old one, which leaves a map of the old one whole.

#![expect(unsafe_code, reason = "a memory map is a promise that the compiler cannot check")]

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::{Mmap, MmapOptions};

use super::Error;

/// How a map will be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Advice {
    /// No hint.
    Normal,
    /// From front to back, once: read far ahead.
    Sequential,
    /// Here and there: do not read ahead.
    Random,
    /// All of it, soon: start reading.
    WillNeed,
    /// On large pages, where the system has them for files (Linux, some file systems).
    HugePages,
}

/// A regular file in memory.
#[derive(Debug)]
pub struct Mapped {
    path: PathBuf,
    file: File,
    map: Mmap,
}

impl Mapped {
    /// Maps a regular file that is not empty.
    ///
    /// # Errors
    /// When there is no such file, it is a folder, a pipe or a device, it is empty, or it cannot be mapped.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Read { path: path.to_owned(), source };
        // Before it is opened: opening a pipe waits for somebody to write.
        regular(path, &fs::metadata(path).map_err(failed)?)?;
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        regular(path, &metadata)?;
        let len = usize::try_from(metadata.len());
        let len = len.map_err(|_| Error::unsupported(path, "larger than what this system can address"))?;
        if len == 0 {
            return Err(Error::malformed(path, "the file is empty"));
        }
        // SAFETY: the map is read-only and covers bytes that the file had a moment ago. That nobody changes the file
        // while it is mapped is the promise that the documentation of this module asks of the caller; what is read is
        // bytes and numbers, for which any bits are valid values, and headers are checked before they are believed.
        let map = unsafe { MmapOptions::new().len(len).map(&file) }.map_err(failed)?;
        let mapped = Self { path: path.to_owned(), file, map };
        mapped.check()?;
        Ok(mapped)
    }

    /// All bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// What was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file still has the length that was mapped.
    ///
    /// # Errors
    /// When it has another one, or the system does not say.
    pub fn check(&self) -> Result<(), Error> {
        let failed = |source| Error::Read { path: self.path.clone(), source };
        let now = self.file.metadata().map_err(failed)?.len();
        if now == self.map.len() as u64 {
            return Ok(());
        }
        let reason = format!("the file had {} bytes when it was opened and has {now} now", self.map.len());
        Err(Error::malformed(&self.path, reason))
    }

    /// Tells the system how the map will be read, and whether it took the hint. It changes no byte.
    pub fn advise(&self, advice: Advice) -> bool {
        advise(&self.map, advice).is_ok()
    }

    /// Gives the pages of `range` back; touching them reads the file again. For bytes that were copied elsewhere.
    /// Whether the system took it; it does nothing outside Unix.
    pub fn release(&self, range: Range<usize>) -> bool {
        let end = range.end.min(self.map.len());
        range.start < end && release(&self.map, range.start, end - range.start).is_ok()
    }
}

fn regular(path: &Path, metadata: &fs::Metadata) -> Result<(), Error> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(Error::Read { path: path.to_owned(), source: io::Error::other("not a regular file") })
}

#[cfg(unix)]
fn advise(map: &Mmap, advice: Advice) -> io::Result<()> {
    map.advise(match advice {
        Advice::Normal => memmap2::Advice::Normal,
        Advice::Sequential => memmap2::Advice::Sequential,
        Advice::Random => memmap2::Advice::Random,
        Advice::WillNeed => memmap2::Advice::WillNeed,
        #[cfg(target_os = "linux")]
        Advice::HugePages => memmap2::Advice::HugePage,
        #[cfg(not(target_os = "linux"))]
        Advice::HugePages => return Err(io::ErrorKind::Unsupported.into()),
    })
}

#[cfg(not(unix))]
fn advise(_: &Mmap, _: Advice) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(unix)]
fn release(map: &Mmap, start: usize, len: usize) -> io::Result<()> {
    // SAFETY: the range lies in the map (`Mapped::release` cuts it there), and rounding it to pages stays in pages of
    // the map. They are pages of a file that are never written, so what comes back is the file's bytes again.
    unsafe { map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, start, len) }
}

#[cfg(not(unix))]
fn release(_: &Mmap, _: usize, _: usize) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temporary(name: &str, bytes: &[u8]) -> PathBuf {
        let path = std::env::temp_dir().join(format!("typewright-map-{}-{name}", std::process::id()));
        fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn a_file_is_mapped_released_and_read_again() {
        let bytes: Vec<u8> = (0..100_000u32).map(|at| at as u8).collect();
        let path = temporary("whole", &bytes);
        let mapped = Mapped::open(&path).unwrap();
        assert_eq!(mapped.bytes(), bytes);
        for advice in [Advice::Sequential, Advice::Random, Advice::WillNeed, Advice::Normal] {
            assert_eq!(mapped.advise(advice), cfg!(unix), "{advice:?}");
        }
        mapped.advise(Advice::HugePages);
        assert_eq!(mapped.release(5..60_000), cfg!(unix));
        assert_eq!(mapped.release(90_000..usize::MAX), cfg!(unix));
        assert!(!mapped.release(100_000..100_001), "nothing of it is in the map");
        assert_eq!(mapped.bytes(), bytes);
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_file_that_is_cut_or_grows_is_noticed() {
        let path = temporary("cut", &[1; 100]);
        let mapped = Mapped::open(&path).unwrap();
        mapped.check().unwrap();
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(99).unwrap();
        let error = mapped.check().unwrap_err().to_string();
        assert!(error.ends_with("the file had 100 bytes when it was opened and has 99 now"), "{error}");
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn what_is_no_regular_file_or_empty_is_refused() {
        let path = temporary("empty", &[]);
        assert!(Mapped::open(&path).unwrap_err().to_string().ends_with("the file is empty"));
        fs::remove_file(&path).unwrap();
        assert!(matches!(Mapped::open(&path), Err(Error::Read { .. })));
        assert!(matches!(Mapped::open(&std::env::temp_dir()), Err(Error::Read { .. })));
    }
}
