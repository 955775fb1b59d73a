//! The file system: the one place of the compiler that changes it.
//!
//! A file is written under a temporary name in a folder of its own, then renamed: nobody ever sees half of one.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use super::Error;

/// The folder of temporary files, below the output folder so that a rename stays within one file system.
const TEMPORARY: &str = ".tmp";

pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path, source }
}

/// The text of a file, if there is one. What is no UTF-8 was not written here; it reads as edited text.
pub(super) fn read(path: &Path) -> Result<Option<String>, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// Writes `text` to `path` below `out`, at once.
pub(super) fn write(out: &Path, path: &str, text: &str) -> Result<(), Error> {
    let name = format!("{}-{}", std::process::id(), path.replace('/', "-"));
    replace(&out.join(TEMPORARY).join(name), &out.join(path), text.as_bytes())
}

/// Writes a file of a folder that is not the compiler's own, at once.
pub(crate) fn write_beside(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
    replace(&folder.join(format!(".{name}.{}.tmp", std::process::id())), &folder.join(name), bytes)
}

fn replace(temporary: &Path, target: &Path, bytes: &[u8]) -> Result<(), Error> {
    for folder in [target.parent(), temporary.parent()].into_iter().flatten() {
        fs::create_dir_all(folder).map_err(failed("create", folder))?;
    }
    let mut file = fs::File::create(temporary).map_err(failed("write", temporary))?;
    file.write_all(bytes).map_err(failed("write", temporary))?;
    // Closed before the rename, which Windows refuses otherwise.
    drop(file);
    fs::rename(temporary, target).map_err(failed("write", target))
}

/// Removes a file, and the folders above it that are empty then.
pub(super) fn remove(out: &Path, path: &str) -> Result<(), Error> {
    let target = out.join(path);
    match fs::remove_file(&target) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("remove", &target)(error)),
    }
    let mut folder = target.parent();
    while let Some(empty) = folder.filter(|folder| *folder != out && fs::remove_dir(folder).is_ok()) {
        folder = empty.parent();
    }
    Ok(())
}

/// Removes what an interrupted run left half-written.
pub(super) fn clear_temporary(out: &Path) -> Result<(), Error> {
    let folder = out.join(TEMPORARY);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed("remove", &folder)(error)),
        _ => Ok(()),
    }
}
