//! The tensors of a model by name, in the bytes of their files: nothing is copied, and every place was checked.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::Fault;
use super::gguf::{Entry, Metadata};
use super::near::nearest;
use crate::local::Error;
use crate::local::dtype::Dtype;
use crate::local::map::{Advice, Mapped};

/// What kind of file the weights come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Tensors and all metadata that a model needs.
    Gguf,
    /// Tensors only.
    Safetensors,
}

/// A tensor: bytes of a file and what they are.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// How its numbers are stored.
    pub dtype: Dtype,
    /// Outermost dimension first, rows one after another: a matrix of 2 rows with 3 numbers each is `[2, 3]`. GGUF
    /// files list dimensions the other way round; here they are turned.
    pub shape: &'a [usize],
    /// Exactly its numbers. The first byte has the alignment that the file gives it, and maybe none.
    pub bytes: &'a [u8],
}

/// Where a tensor lies.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) file: usize,
    pub(super) dtype: Dtype,
    pub(super) shape: Box<[usize]>,
    pub(super) range: Range<usize>,
}

/// The tensors of one file, before they are put with those of others.
#[derive(Debug, Default)]
pub(super) struct Tensors {
    pub(super) known: Vec<(Box<str>, Place)>,
    /// Tensors in formats that nothing here reads, and the names of those formats.
    pub(super) foreign: Vec<(Box<str>, &'static str)>,
}

/// Bytes, wherever they are.
#[derive(Debug)]
pub(super) enum Source {
    Mapped(Mapped),
    Memory(Vec<u8>),
}

impl Source {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map.bytes(),
            Self::Memory(bytes) => bytes,
        }
    }
}

/// The weights of a model.
#[derive(Debug)]
pub struct Weights {
    format: Format,
    /// What was opened: a file, the first of several, or a folder.
    path: PathBuf,
    files: Vec<Source>,
    /// Of the first file.
    entries: Vec<Entry>,
    tensors: BTreeMap<Box<str>, Place>,
    foreign: BTreeMap<Box<str>, &'static str>,
}

impl Weights {
    pub(super) fn new(format: Format, path: &Path) -> Self {
        let (tensors, foreign) = (BTreeMap::new(), BTreeMap::new());
        Self { format, path: path.to_owned(), files: Vec::new(), entries: Vec::new(), tensors, foreign }
    }

    /// The same weights, opened as `path`.
    pub(super) fn at(self, path: &Path) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    /// Adds a file, its tensors, and its metadata if it is the first.
    pub(super) fn add(&mut self, source: Source, entries: Vec<Entry>, tensors: Tensors) -> Result<(), Fault> {
        let file = self.files.len();
        for (name, place) in tensors.known {
            self.new_name(&name)?;
            self.tensors.insert(name, Place { file, ..place });
        }
        for (name, format) in tensors.foreign {
            self.new_name(&name)?;
            self.foreign.insert(name, format);
        }
        self.files.push(source);
        if file == 0 {
            self.entries = entries;
        }
        Ok(())
    }

    fn new_name(&self, name: &str) -> Result<(), Fault> {
        if self.tensors.contains_key(name) || self.foreign.contains_key(name) {
            return Err(Fault::malformed(format!("tensor {name:?} is in another file of this model too")));
        }
        Ok(())
    }

    /// What kind of file they come from.
    pub fn format(&self) -> Format {
        self.format
    }

    /// What was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the file says about the model; empty for safetensors, where that stands in other files.
    pub fn metadata(&self) -> Metadata<'_> {
        Metadata::new(self.files.first().map(Source::bytes).unwrap_or_default(), &self.entries)
    }

    /// All tensors that can be read, by name.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.tensors.keys().map(|name| &**name)
    }

    /// Tensors in formats that are not read (`I64` positions, `F8_E4M3` weights), and what those are.
    pub fn foreign(&self) -> impl ExactSizeIterator<Item = (&str, &'static str)> {
        self.foreign.iter().map(|(name, format)| (&**name, *format))
    }

    /// Whether there is such a tensor, in whatever format.
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name) || self.foreign.contains_key(name)
    }

    /// The bytes of all tensors that can be read.
    pub fn total_bytes(&self) -> u64 {
        self.tensors.values().map(|place| place.range.len() as u64).sum()
    }

    /// A tensor.
    ///
    /// # Errors
    /// When there is none of this name, or it is stored in a format that is not read.
    pub fn get(&self, name: &str) -> Result<View<'_>, Error> {
        let place = self.tensors.get(name).ok_or_else(|| self.missing(name))?;
        let bytes = self.files.get(place.file).and_then(|file| file.bytes().get(place.range.clone()));
        let bytes = bytes.ok_or_else(|| self.missing(name))?;
        Ok(View { dtype: place.dtype, shape: &place.shape, bytes })
    }

    /// A tensor of this shape.
    ///
    /// # Errors
    /// When [`get`](Self::get) gives one, or the tensor has another shape.
    pub fn shaped(&self, name: &str, shape: &[usize]) -> Result<View<'_>, Error> {
        let view = self.get(name)?;
        if view.shape == shape {
            return Ok(view);
        }
        let (path, name) = (self.path.clone(), name.to_owned());
        Err(Error::Shape { path, name, found: view.shape.to_vec(), expected: shape.to_vec() })
    }

    fn missing(&self, name: &str) -> Error {
        if let Some(format) = self.foreign.get(name) {
            return Error::unsupported(&self.path, format!("tensor {name:?} is stored as {format}"));
        }
        let nearest = nearest(name, self.names()).map(str::to_owned);
        Error::NoTensor { path: self.path.clone(), name: name.to_owned(), nearest }
    }

    /// Tells the system how the weights will be read. A system that takes no hint goes without.
    pub fn advise(&self, advice: Advice) {
        for map in self.maps() {
            map.advise(advice);
        }
    }

    /// Gives the memory of a tensor back that was copied elsewhere; reading it again is slow, but works.
    pub fn release(&self, name: &str) {
        let Some(place) = self.tensors.get(name) else { return };
        if let Some(Source::Mapped(map)) = self.files.get(place.file) {
            map.release(place.range.clone());
        }
    }

    /// Whether no file was cut short or replaced in place since it was opened; see [`crate::local::map`].
    ///
    /// # Errors
    /// Names the first that was.
    pub fn check(&self) -> Result<(), Error> {
        self.maps().try_for_each(Mapped::check)
    }

    fn maps(&self) -> impl Iterator<Item = &Mapped> {
        self.files.iter().filter_map(|file| if let Source::Mapped(map) = file { Some(map) } else { None })
    }
}
