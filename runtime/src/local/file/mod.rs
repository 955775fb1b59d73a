//! Files of models: what they say is checked here before anything runs on it.
//!
//! [`open`] takes a GGUF file (also one of several parts), a safetensors file, an index of several, or a folder with
//! one of these, and gives [`Weights`]: tensors by name, in mapped memory. [`gguf`] and `safetensors` know the formats,
//! [`blocks`] defines the storage formats number by number, [`quantize`] makes blocks for tests, `checksum` compares
//! files with known digests. What tensors and metadata *mean* is not known here.

pub mod blocks;
#[cfg(feature = "download")]
pub mod checksum;
mod folder;
pub mod gguf;
mod near;
pub mod quantize;
mod safetensors;
mod weights;

use std::path::Path;

pub use self::weights::{Format, View, Weights};

use self::gguf::{Metadata, Part};
use self::weights::{Source, Tensors};
use super::Error;
use super::map::Mapped;

/// Opens the weights of a model and checks all that their files say about them. No weight is read.
///
/// # Errors
/// When a file is not there, is not what it says that it is, or stores numbers in a format that is not read.
pub fn open(path: &Path) -> Result<Weights, Error> {
    if path.is_dir() {
        let inside = folder::weights_of(path)?;
        return open_file(&inside).map(|weights| weights.at(path));
    }
    open_file(path)
}

/// Weights in memory, of either format.
///
/// # Errors
/// As [`open`]; they name the path `memory`.
pub fn from_bytes(bytes: Vec<u8>) -> Result<Weights, Error> {
    single(Path::new("memory"), Source::Memory(bytes))
}

fn open_file(path: &Path) -> Result<Weights, Error> {
    if path.extension().is_some_and(|extension| extension == "json") {
        return safetensors::open_index(path);
    }
    match gguf::parts(path).map_err(|fault| fault.at(path))? {
        Some(parts) => open_parts(&parts),
        None => single(path, Source::Mapped(Mapped::open(path)?)),
    }
}

fn single(path: &Path, source: Source) -> Result<Weights, Error> {
    let one = Part { number: 0, count: 1 };
    let (format, entries, tensors) = read(source.bytes(), one).map_err(|fault| fault.at(path))?;
    let mut weights = Weights::new(format, path);
    weights.add(source, entries, tensors).map_err(|fault| fault.at(path))?;
    Ok(weights)
}

fn open_parts(parts: &[impl AsRef<Path>]) -> Result<Weights, Error> {
    let first = parts.first().map(AsRef::as_ref).unwrap_or(Path::new(""));
    let mut weights = Weights::new(Format::Gguf, first);
    for (number, path) in parts.iter().enumerate() {
        let path = path.as_ref();
        let map = Mapped::open(path)?;
        let header = read_gguf(map.bytes(), Part { number, count: parts.len() });
        let (entries, tensors) = header.map_err(|fault| fault.at(path))?;
        weights.add(Source::Mapped(map), entries, tensors).map_err(|fault| fault.at(path))?;
    }
    all_parts(&weights).map_err(|fault| fault.at(first))?;
    Ok(weights)
}

/// The first part says how many tensors there are in all.
fn all_parts(weights: &Weights) -> Result<(), Fault> {
    let (found, said) = (weights.names().len() as u64, weights.metadata().get("split.tensors.count"));
    match said.and_then(|said| said.as_u64()) {
        Some(said) if said != found => {
            Err(Fault::malformed(format!("its parts hold {found} tensors, but should hold {said}")))
        }
        _ => Ok(()),
    }
}

type Read = (Format, Vec<gguf::Entry>, Tensors);

/// What a file is shows in its first bytes; names of files in caches say nothing.
fn read(bytes: &[u8], part: Part) -> Result<Read, Fault> {
    if bytes.starts_with(gguf::MAGIC) {
        let (entries, tensors) = read_gguf(bytes, part)?;
        return Ok((Format::Gguf, entries, tensors));
    }
    if safetensors::is_likely(bytes) {
        return Ok((Format::Safetensors, Vec::new(), safetensors::read(bytes)?));
    }
    Err(Fault::malformed("neither a GGUF nor a safetensors file"))
}

fn read_gguf(bytes: &[u8], part: Part) -> Result<(Vec<gguf::Entry>, Tensors), Fault> {
    let header = gguf::read(bytes)?;
    gguf::check_part(Metadata::new(bytes, &header.entries), part)?;
    Ok((header.entries, Tensors { known: header.tensors, foreign: Vec::new() }))
}

/// What is wrong with bytes; which file they come from is known one level up.
#[derive(Debug)]
enum Fault {
    Malformed(String),
    Unsupported(String),
}

impl Fault {
    fn malformed(reason: impl Into<String>) -> Self {
        Self::Malformed(reason.into())
    }

    fn unsupported(reason: impl Into<String>) -> Self {
        Self::Unsupported(reason.into())
    }

    fn inside(self, key: &str) -> Self {
        let key = shown(key);
        match self {
            Self::Malformed(reason) => Self::Malformed(format!("key {key}: {reason}")),
            Self::Unsupported(reason) => Self::Unsupported(format!("key {key}: {reason}")),
        }
    }

    fn at(self, path: &Path) -> Error {
        match self {
            Self::Malformed(reason) => Error::malformed(path, reason),
            Self::Unsupported(reason) => Error::unsupported(path, reason),
        }
    }
}

/// A name from a file in an error: quoted, and cut where it is too long to be one.
fn shown(name: &str) -> String {
    const MOST: usize = 80;
    match name.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}…", name.get(..end).unwrap_or_default()),
        None => format!("{name:?}"),
    }
}
