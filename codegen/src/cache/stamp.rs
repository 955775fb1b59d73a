//! Whether a file can be told to be unchanged without reading it.

use std::fs::{self, Metadata};
use std::path::Path;
use std::time::UNIX_EPOCH;

/// How much older than the index a change has to be to show in a stamp for certain, in nanoseconds: the coarsest clock
/// of a file system that is still met.
pub(super) const COARSEST: u64 = 2_000_000_000;

/// Whether stamps are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// A file whose stamp is old enough and the same is the same.
    Stamps,
    /// Every file is read.
    Nothing,
}

/// What the system says of a file. All zero if it is not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Stamp {
    pub(super) size: u64,
    /// When it was written, in nanoseconds.
    pub(super) modified: u64,
    /// When anything about it changed, in nanoseconds; 0 where the system does not say.
    pub(super) changed: u64,
    /// Which file it is; 0 where the system does not say.
    pub(super) inode: u64,
}

impl Stamp {
    /// Whether every change since would show.
    pub(super) fn is_settled(&self, index_time: u64) -> bool {
        self.modified.max(self.changed).saturating_add(COARSEST) <= index_time
    }
}

/// The stamp of the file or folder at `path`.
pub(super) fn of(path: &Path) -> Stamp {
    fs::metadata(path).map(|metadata| stamp(&metadata)).unwrap_or_default()
}

fn stamp(metadata: &Metadata) -> Stamp {
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let modified = modified.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
    let (changed, inode) = system(metadata);
    Stamp { size: metadata.len(), modified, changed, inode }
}

#[cfg(unix)]
fn system(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    let nanoseconds = i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec());
    (u64::try_from(nanoseconds).unwrap_or(0), metadata.ino())
}

#[cfg(not(unix))]
fn system(_: &Metadata) -> (u64, u64) {
    (0, 0)
}
