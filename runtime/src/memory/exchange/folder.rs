//! The folder of files that a model keeps as its memory: the tool `memory_20250818`, whose paths all begin with `/memories`.
//!
//! Its makers' kits keep it as a folder of UTF-8 text files, in folders of any depth; what begins with a dot is not shown to
//! the model, and temporary files are named so (`_beta_builtin_memory_tool.py` of the kit for Python, at 091e868). A file is
//! a semantic memory here: named by its path, so that it is stored once, with the path as its reference and in its metadata
//! as `path`, stored when the file was changed last. A file that has changed since it was imported differs, and is told;
//! which of both holds is for the caller to say.
//!
//! Not carried over, and counted: files that are no UTF-8, empty or larger than a text may be; what begins with a dot; links,
//! which may lead out of the folder; folders without files.

use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::path::Path;

use super::foreign;
use super::intake::{Intake, Mode};
use super::{Error, Report, told};
use crate::json::RawJson;
use crate::memory::store::Store;
use crate::memory::{Content, Kind, MemoryNode, Namespace, Provenance, Settings, Timestamp};

/// What all paths begin with.
const ROOT: &str = "/memories";
/// The deepest folder.
const DEPTH: usize = 64;

/// Stores the files of a folder, in the order of their paths.
///
/// # Errors
/// When a folder or file cannot be read, or the store fails. What was stored until then stays, and is found there the next
/// time.
pub fn import(
    store: &dyn Store,
    settings: &Settings,
    folder: &Path,
    namespace: &Namespace,
    mode: Mode,
) -> Result<Report, Error> {
    let mut intake = Intake::new(store, &settings.limits, mode);
    let now = settings.clock.now();
    let mut reading = Reading { intake: &mut intake, namespace, now };
    reading.folder(folder, ROOT, 0)?;
    intake.finish()
}

struct Reading<'a, 'b> {
    intake: &'a mut Intake<'b>,
    namespace: &'a Namespace,
    now: Timestamp,
}

impl Reading<'_, '_> {
    fn folder(&mut self, folder: &Path, path: &str, depth: usize) -> Result<(), Error> {
        if depth > DEPTH {
            self.intake.left_out("folders that are nested too deeply", 1);
            return Ok(());
        }
        let read = |source| failed(folder, source);
        let mut entries =
            fs::read_dir(folder).map_err(read)?.collect::<io::Result<Vec<_>>>().map_err(read)?;
        entries.sort_by_key(DirEntry::file_name);
        if entries.is_empty() && depth > 0 {
            self.intake.left_out("folders without files", 1);
        }
        for entry in entries {
            self.entry(&entry, path, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &DirEntry, path: &str, depth: usize) -> Result<(), Error> {
        let Ok(name) = entry.file_name().into_string() else {
            self.intake.left_out("files whose names are no UTF-8", 1);
            return Ok(());
        };
        // Of a link, this is what the link is.
        let known = entry.metadata().map_err(|source| failed(&entry.path(), source))?;
        let path = format!("{path}/{name}");
        if name.starts_with('.') {
            self.intake.left_out("files and folders whose names begin with a dot", 1);
        } else if known.is_dir() {
            self.folder(&entry.path(), &path, depth + 1)?;
        } else if known.is_file() {
            self.file(&entry.path(), &path, &known)?;
        } else {
            self.intake.left_out("links and special files", 1);
        }
        Ok(())
    }

    fn file(&mut self, file: &Path, path: &str, known: &Metadata) -> Result<(), Error> {
        let most = self.intake.limits().text_bytes;
        if known.len() > most as u64 {
            self.intake.left_out(&format!("files larger than {most} bytes"), 1);
            return Ok(());
        }
        let bytes = fs::read(file).map_err(|source| failed(file, source))?;
        let Ok(text) = String::from_utf8(bytes) else {
            self.intake.left_out("files that are no UTF-8", 1);
            return Ok(());
        };
        if text.is_empty() {
            self.intake.left_out("files without a text", 1);
            return Ok(());
        }
        self.intake.node(1, self.node(path, text, known))
    }

    fn node(&self, path: &str, text: String, known: &Metadata) -> MemoryNode {
        let changed = known.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let changed = changed.map(|since| Timestamp::default().plus(since));
        let id = foreign::id(&["memories", self.namespace.as_str(), path]);
        let created = changed.unwrap_or(self.now);
        let content = Content::Text(text);
        let mut node = foreign::node(id, self.namespace.clone(), Kind::Semantic, content, created);
        node.provenance = Some(Provenance::new("memory tool").reference(path));
        node.metadata.insert("path".to_owned(), RawJson::string(path));
        node
    }
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::Read { what: told::reason(&path.display().to_string()), source }
}
