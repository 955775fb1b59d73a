//! Files and bytes become texts of a [`SourceMap`]. What stands in a text is not looked at here.

use super::{FileId, SourceMap, Span};
use crate::diagnostic::{Diagnostic, Sink};
use std::path::{Path, PathBuf};

/// The largest file that is read.
pub const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

/// How much of a file that is no UTF-8 is kept for its excerpt, behind the first bad byte.
const EXCERPT_BYTES: usize = 256;

/// Reads a file into the map. `None`, and a diagnostic, if it cannot be used.
pub fn load(map: &mut SourceMap, path: &Path, sink: &mut Sink) -> Option<FileId> {
    let size = std::fs::metadata(path).map(|meta| meta.len());
    if let Ok(size) = size
        && size > MAX_FILE_BYTES as u64
    {
        return refuse_size(map, path, size, sink);
    }
    match std::fs::read(path) {
        Ok(bytes) => load_bytes(map, path, bytes, sink),
        Err(error) => {
            let span = Span::new(map.add(path, String::new()), 0, 0);
            sink.push(Diagnostic::error("TW0114", span, format!("this file cannot be read: {error}")));
            None
        }
    }
}

/// The YAML files of a folder, sorted.
pub fn yaml_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let is_yaml =
        |path: &Path| path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if is_yaml(&path) && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Whether a file is a template, by its name.
pub fn is_template(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "j2")
}

/// Takes the bytes of a file into the map; a byte order mark is left out. `None`, and a diagnostic, if they are too
/// many or no UTF-8.
pub fn load_bytes(map: &mut SourceMap, path: &Path, bytes: Vec<u8>, sink: &mut Sink) -> Option<FileId> {
    if bytes.len() > MAX_FILE_BYTES {
        return refuse_size(map, path, bytes.len() as u64, sink);
    }
    match String::from_utf8(bytes) {
        Ok(mut text) => {
            if text.starts_with('\u{feff}') {
                text.drain(..'\u{feff}'.len_utf8());
            }
            Some(map.add(path, text))
        }
        Err(error) => {
            refuse_bytes(map, path, error.utf8_error().valid_up_to(), error.as_bytes(), sink);
            None
        }
    }
}

fn refuse_size(map: &mut SourceMap, path: &Path, size: u64, sink: &mut Sink) -> Option<FileId> {
    let span = Span::new(map.add(path, String::new()), 0, 0);
    let message = format!("this file has {size} bytes; at most {MAX_FILE_BYTES} are read");
    sink.push(
        Diagnostic::error("TW0104", span, message)
            .help("split the provider, or check that this is the file you mean"),
    );
    None
}

fn refuse_bytes(map: &mut SourceMap, path: &Path, at: usize, bytes: &[u8], sink: &mut Sink) {
    let shown = &bytes[..bytes.len().min(at + EXCERPT_BYTES)];
    let file = map.add(path, String::from_utf8_lossy(shown).into_owned());
    let span = Span::new(file, at as u32, (at + '\u{fffd}'.len_utf8()) as u32);
    let byte = bytes.get(at).copied().unwrap_or_default();
    sink.push(
        Diagnostic::error("TW0102", span, format!("byte 0x{byte:02X} at offset {at} is no UTF-8"))
            .label("the first byte that is no text")
            .help("save the file as UTF-8"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(bytes: Vec<u8>) -> Option<&'static str> {
        let (mut map, mut sink) = (SourceMap::default(), Sink::default());
        load_bytes(&mut map, Path::new("a.yaml"), bytes, &mut sink);
        sink.into_sorted().first().map(|diagnostic| diagnostic.code)
    }

    #[test]
    fn a_file_beyond_the_limit_is_refused() {
        assert_eq!(code_of(vec![b'a'; MAX_FILE_BYTES + 1]), Some("TW0104"));
        assert_eq!(code_of(vec![b'a'; 100]), None);
    }

    #[test]
    fn a_file_that_is_not_there_is_a_diagnostic() {
        let (mut map, mut sink) = (SourceMap::default(), Sink::default());
        assert_eq!(load(&mut map, Path::new("no/such/file.yaml"), &mut sink), None);
        assert_eq!(sink.into_sorted()[0].code, "TW0114");
    }

    #[test]
    fn the_offset_of_the_first_bad_byte_is_kept() {
        let (mut map, mut sink) = (SourceMap::default(), Sink::default());
        load_bytes(&mut map, Path::new("a.yaml"), b"name: \xC3\xA4\xFFb".to_vec(), &mut sink);
        let found = sink.into_sorted();
        assert_eq!((found[0].code, found[0].span.start), ("TW0102", 8));
    }

    #[test]
    fn a_byte_order_mark_is_no_text() {
        let (mut map, mut sink) = (SourceMap::default(), Sink::default());
        let file = load_bytes(&mut map, Path::new("a.yaml"), b"\xEF\xBB\xBFname: x".to_vec(), &mut sink);
        assert_eq!(file.map(|id| map.file(id).text.as_str()), Some("name: x"));
    }
}
