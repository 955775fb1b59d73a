//! One process at a time downloads a file: a lock of the system on a file beside it, gone with the process.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::error::Error;
use crate::http::download::part::make_folder;

/// How often a lock is tried for.
const STEP: Duration = Duration::from_millis(50);

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    /// The file, if it goes with the lock.
    passing: Option<PathBuf>,
}

impl Lock {
    /// Waits for the lock on `path`, at most for `wait`. The flag tells whether another held it. With `passing` the
    /// file is removed afterwards.
    pub(super) async fn acquire(path: &Path, wait: Duration, passing: bool) -> Result<(Self, bool), Error> {
        make_folder(path)?;
        let (start, mut waited) = (Instant::now(), false);
        loop {
            let file = open(path).map_err(|source| Error::file("open the lock", path, source))?;
            match file.try_lock() {
                Ok(()) if is_at(&file, path) => {
                    let passing = passing.then(|| path.to_owned());
                    return Ok((Self { file, passing }, waited));
                }
                // Whoever held it removed it: what is locked is no file any more.
                Ok(()) => {}
                Err(TryLockError::Error(source)) => return Err(Error::file("lock", path, source)),
                Err(TryLockError::WouldBlock) if start.elapsed() >= wait => {
                    return Err(Error::Locked { path: path.to_owned(), waited: wait });
                }
                Err(TryLockError::WouldBlock) => {
                    waited = true;
                    sleep(STEP).await;
                }
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(path) = &self.passing {
            remove(path);
        }
        // The system does it as well, when the file is closed.
        let _ = self.file.unlock();
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).open(path)
}

/// Whether the file at `path` is still this one.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    let (here, there) = (file.metadata().map(identity), std::fs::metadata(path).map(identity));
    matches!((here, there), (Ok(here), Ok(there)) if here == there)
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// Removes the file of a lock that is held. Elsewhere nobody could tell that it is another one by then.
#[cfg(unix)]
fn remove(path: &Path) {
    let _ = std::fs::remove_file(path);
}

#[cfg(not(unix))]
fn remove(_: &Path) {}
