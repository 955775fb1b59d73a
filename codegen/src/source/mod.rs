//! Source files: their text, and the tree of nodes read from it, each with a byte span.
//!
//! Files come in through [`load`], reading is in [`yaml`]; what the tree means is the business of later stages.

mod load;
pub mod yaml;

pub use load::{MAX_FILE_BYTES, is_template, load, load_bytes, yaml_files};

use std::path::{Path, PathBuf};

/// Which file of a [`SourceMap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A range of bytes in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// Where something stands is no part of what it says, so fingerprints leave it out. Sets of spans are ordered ones.
impl std::hash::Hash for Span {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

impl Span {
    /// A span of `file`.
    pub const fn new(file: FileId, start: u32, end: u32) -> Self {
        Self { file, start, end }
    }

    /// The part of this span that starts `from` bytes in and is `len` bytes long.
    pub fn slice(self, from: usize, len: usize) -> Self {
        let start = self.start.saturating_add(u32::try_from(from).unwrap_or(u32::MAX)).min(self.end);
        let end = start.saturating_add(u32::try_from(len).unwrap_or(u32::MAX)).min(self.end);
        Self { start, end, ..self }
    }
}

/// A node of a YAML document.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it stands.
    pub span: Span,
}

/// The value of a [`Node`], by the YAML 1.2 core schema.
#[derive(Debug, Clone, PartialEq, Hash)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`; nothing else is a boolean.
    Bool(bool),
    /// A number, as it was written, so that prices stay exact. Always a JSON number: the few forms that YAML has
    /// and JSON has not (`+1`, `.5`, `0x1F`, `007`) were rewritten with the same value.
    Number(String),
    /// A string.
    Str(String),
    /// A sequence.
    Seq(Vec<Node>),
    /// A mapping, in the order of the file. Keys are strings and unique.
    Map(Vec<Entry>),
}

/// One entry of a mapping.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The value under `key`, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of `key`, if this is a mapping that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.as_map()?.iter().find(|entry| entry.key == key)
    }

    /// The text of a string node.
    pub fn as_str(&self) -> Option<&str> {
        if let Value::Str(text) = &self.value { Some(text) } else { None }
    }

    /// The entries of a mapping node.
    pub fn as_map(&self) -> Option<&[Entry]> {
        if let Value::Map(entries) = &self.value { Some(entries) } else { None }
    }

    /// The items of a sequence node.
    pub fn as_seq(&self) -> Option<&[Self]> {
        if let Value::Seq(items) = &self.value { Some(items) } else { None }
    }

    /// What kind of value this is, for messages.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::Str(_) => "a string",
            Value::Seq(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// A file that was read.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// The path as it is shown to the user.
    pub path: PathBuf,
    /// The text; bytes that are no UTF-8 were replaced after being reported.
    pub text: String,
    /// The first byte of every line.
    lines: Vec<u32>,
}

impl SourceFile {
    /// The bytes of the line that `at` stands on, without its end.
    pub fn line_at(&self, at: u32) -> std::ops::Range<usize> {
        let line = self.line_number(at);
        let start = self.lines.get(line - 1).map_or(0, |start| *start as usize);
        let next = self.lines.get(line).map_or(self.text.len(), |next| *next as usize);
        let len = self.text.get(start..next).map_or(0, |text| text.trim_end_matches(['\n', '\r']).len());
        start..start + len
    }

    /// The number of the line that `at` stands on, from 1.
    pub fn line_number(&self, at: u32) -> usize {
        self.lines.partition_point(|start| *start <= at).max(1)
    }

    /// `at`, or the start of the character that it is inside of.
    pub fn char_boundary(&self, at: usize) -> usize {
        let at = at.min(self.text.len());
        (0..=at).rev().find(|i| self.text.is_char_boundary(*i)).unwrap_or(0)
    }
}

/// All files of a run.
#[derive(Debug, Default, Clone)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// Adds a file.
    pub fn add(&mut self, path: impl Into<PathBuf>, text: String) -> FileId {
        let lines = std::iter::once(0)
            .chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at as u32 + 1))
            .collect();
        let id = FileId(self.files.len() as u32);
        self.files.push(SourceFile { path: path.into(), text, lines });
        id
    }

    /// The file of an id that this map gave out.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// All files with their ids, in the order in which they were added.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter().enumerate().map(|(at, file)| (FileId(at as u32), file))
    }

    /// The path, line and column (both from 1, the column in characters) where `span` starts.
    pub fn locate(&self, span: Span) -> (&Path, usize, usize) {
        let file = self.file(span.file);
        let line = file.line_number(span.start);
        let from = file.lines.get(line - 1).copied().unwrap_or(0) as usize;
        let to = file.char_boundary(span.start as usize);
        let column = file.text.get(from..to).map_or(0, |text| text.chars().count());
        (&file.path, line, column + 1)
    }
}
