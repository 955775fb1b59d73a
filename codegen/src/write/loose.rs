//! Files outside the output folder: JSON Schemas, and the marked region of the README that lists providers.
//!
//! They are compared and written like generated files, but no manifest lists them: whoever edits one sees the drift.

use std::path::{Path, PathBuf};

use super::{Action, Change, Error, disk};

/// A file and what it should say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loose {
    /// The file.
    pub path: PathBuf,
    /// Its whole text.
    pub text: String,
}

/// The lines before and after a region that is written by the compiler.
#[derive(Debug, Clone, Copy)]
pub struct Markers<'a> {
    /// Before.
    pub begin: &'a str,
    /// After.
    pub end: &'a str,
}

/// The file at `path` with `text` between the markers. Nothing if it is not there or has no such region.
pub fn region(path: &Path, markers: Markers<'_>, text: &str) -> Result<Option<Loose>, Error> {
    let Some(file) = disk::read(path)? else { return Ok(None) };
    let text = replaced(&crate::fingerprint::lf(&file), markers, text);
    Ok(text.map(|text| Loose { path: path.to_owned(), text }))
}

fn replaced(file: &str, markers: Markers<'_>, text: &str) -> Option<String> {
    let (head, rest) = file.split_once(markers.begin)?;
    let (_, tail) = rest.split_once(markers.end)?;
    Some(format!("{head}{}\n{}\n{}{tail}", markers.begin, text.trim_end(), markers.end))
}

/// What would change.
pub fn plan(file: &Loose) -> Result<Option<Change>, Error> {
    let before = disk::read(&file.path)?.map(|text| crate::fingerprint::lf(&text).into_owned());
    if before.as_ref() == Some(&file.text) {
        return Ok(None);
    }
    let action = if before.is_some() { Action::Update } else { Action::Create };
    let path = file.path.display().to_string();
    Ok(Some(Change { path, action, before, after: Some(file.text.as_str().into()) }))
}

/// Writes the file.
pub fn commit(file: &Loose) -> Result<(), Error> {
    let (folder, name) = (file.path.parent(), file.path.file_name());
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    disk::write_beside(folder, &name.unwrap_or_default().to_string_lossy(), file.text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKERS: Markers<'_> = Markers { begin: "<!-- a -->", end: "<!-- b -->" };

    #[test]
    fn only_the_region_changes_and_a_second_time_nothing() {
        let once = replaced("x\n<!-- a -->\nold\n<!-- b -->\ny\n", MARKERS, "new\n").unwrap();
        assert_eq!(once, "x\n<!-- a -->\nnew\n<!-- b -->\ny\n");
        assert_eq!(replaced(&once, MARKERS, "new\n").unwrap(), once);
        assert_eq!(replaced("no region", MARKERS, "new"), None);
    }
}
