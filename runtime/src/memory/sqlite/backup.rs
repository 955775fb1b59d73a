//! A copy of the file while it is in use: whole and on disk under its name, or not there at all.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;

use super::schema::{self, Config};
use super::{beside, failed, read};
use crate::memory::Error;
use crate::memory::store::Committed;

/// Copies what a connection that is in no transaction sees at one moment; which commit that is says the copy.
pub(super) fn backup(connection: &Connection, config: &Config, to: &Path) -> Result<Committed, Error> {
    let Some(name) = to.to_str() else {
        return Err(Error::invalid("backup", format!("{} is no text", to.display())));
    };
    if to.exists() {
        return Err(Error::invalid("backup", format!("{name} is there already")));
    }
    let part = Part::of(to);
    connection
        .execute("VACUUM INTO ?1", [part.0.to_str()])
        .and_then(|_| read::last(&schema::reader(&part.0, config)?))
        .map_err(|error| failed(name, error))
        .and_then(|committed| {
            part.put(to).map_err(|error| schema::failed_to_open(name, error))?;
            schema::sync_folder(to)?;
            Ok(committed)
        })
}

/// A file that is no copy yet. It goes, unless it becomes one.
struct Part(PathBuf);

impl Part {
    /// Two that copy to the same name at once do not write into the same file.
    fn of(to: &Path) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(beside(to, &format!("{}-{number}.part", std::process::id())))
    }

    fn put(&self, to: &Path) -> std::io::Result<()> {
        File::open(&self.0)?.sync_all()?;
        fs::rename(&self.0, to)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Mostly it is not there any more.
        let _ = fs::remove_file(&self.0);
    }
}
