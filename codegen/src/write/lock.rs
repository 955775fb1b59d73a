//! One run after another: a lock on the output folder, so that two runs at once do not write into each other.

use std::fs::{self, File};
use std::path::Path;

use super::{Error, disk};

/// The file that is locked. It stays, empty: to remove it would be to race with the next run.
const NAME: &str = ".lock";

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Waits until no other run writes to `out`.
    pub fn of(out: &Path) -> Result<Self, Error> {
        let path = out.join(NAME);
        fs::create_dir_all(out).map_err(disk::failed("create", out))?;
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(disk::failed("write", &path))?;
        // A file system without locks has nobody to wait for.
        match file.lock() {
            Err(error) if error.kind() != std::io::ErrorKind::Unsupported => {
                Err(disk::failed("lock", &path)(error))
            }
            _ => Ok(Self { _file: file }),
        }
    }
}
