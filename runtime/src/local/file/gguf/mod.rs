//! GGUF files: a header of metadata and tensor descriptions, then the bytes of tensors. Versions 2 and 3, little endian.
//!
//! `read` walks the header once and believes none of it: counts, lengths, nesting, names, formats, and that each
//! tensor lies aligned inside the file and on no other. It keeps places, not contents: a vocabulary of 128 000 tokens
//! stays in the file until somebody iterates it. Here is no word of what metadata means.

mod reader;
mod split;
mod types;
mod value;

use std::collections::HashSet;
use std::ops::Range;

use self::reader::Reader;
pub(super) use self::split::{Part, check_part, parts};
use self::types::name_of;
pub(super) use self::value::Entry;
pub use self::value::{Array, Elements, Kind, Metadata, Value};

use super::weights::Place;
use super::{Fault, shown};
use crate::local::dtype::Dtype;

/// What such a file starts with.
pub(super) const MAGIC: &[u8] = b"GGUF";

/// Bytes that a header may have; the largest vocabularies with their merges take about 10 MB.
const MAX_HEADER: usize = 512 << 20;
/// Metadata entries, and tensors, of a file.
const MAX_COUNT: u64 = 1 << 16;
const MAX_KEY: u64 = u16::MAX as u64;
/// The format allows 64 bytes; some writers take more.
const MAX_NAME: u64 = 256;
const MAX_DIMENSIONS: u32 = 4;
const DEFAULT_ALIGNMENT: u32 = 32;
const MAX_ALIGNMENT: u32 = 1 << 24;
/// The least that a metadata entry, and a tensor description, can take.
const MIN_ENTRY: u64 = 8 + 4 + 1;
const MIN_TENSOR: u64 = 8 + 4 + 4 + 8;

/// What the header says, checked.
#[derive(Debug)]
pub(super) struct Header {
    /// By key.
    pub(super) entries: Vec<Entry>,
    /// In the order of the file.
    pub(super) tensors: Vec<(Box<str>, Place)>,
}

/// Reads and checks the header of a file that is all of `bytes`.
pub(super) fn read(bytes: &[u8]) -> Result<Header, Fault> {
    let mut reader = Reader::new(bytes, MAX_HEADER);
    if reader.take(4, "magic number")? != MAGIC {
        return Err(Fault::malformed("it does not start with `GGUF`"));
    }
    version(reader.u32("version")?)?;
    let tensors = reader.count("tensors", MIN_TENSOR, MAX_COUNT)?;
    let entries = reader.count("metadata entries", MIN_ENTRY, MAX_COUNT)?;
    let entries = metadata(&mut reader, entries)?;
    let alignment = alignment(Metadata::new(bytes, &entries))?;
    let tensors = (0..tensors).map(|_| tensor(&mut reader)).collect::<Result<Vec<_>, _>>()?;
    let tensors = placed(tensors, reader.at(), alignment, bytes.len())?;
    Ok(Header { entries, tensors })
}

fn version(version: u32) -> Result<(), Fault> {
    match version {
        2 | 3 => Ok(()),
        0 => Err(Fault::malformed("GGUF version 0 does not exist")),
        1 => Err(Fault::unsupported("GGUF version 1, which newer files replaced; convert it to version 3")),
        _ if matches!(version.swap_bytes(), 1..=3) => {
            Err(Fault::unsupported("the file is big-endian; only little-endian ones are read"))
        }
        _ => Err(Fault::unsupported(format!("GGUF version {version}; versions 2 and 3 are read"))),
    }
}

fn metadata(reader: &mut Reader<'_>, count: u64) -> Result<Vec<Entry>, Fault> {
    let mut entries = (0..count).map(|_| value::entry(reader)).collect::<Result<Vec<_>, _>>()?;
    entries.sort_by(|one, other| reader.at_range(&one.key).cmp(reader.at_range(&other.key)));
    for pair in entries.windows(2) {
        let key = reader.at_range(&pair[0].key);
        if key == reader.at_range(&pair[1].key) {
            return Err(Fault::malformed(format!(
                "key {} appears twice",
                shown(&String::from_utf8_lossy(key))
            )));
        }
    }
    Ok(entries)
}

fn alignment(metadata: Metadata<'_>) -> Result<usize, Fault> {
    let number = match metadata.get("general.alignment") {
        None => DEFAULT_ALIGNMENT,
        Some(Value::U32(number)) => number,
        Some(other) => {
            return Err(Fault::malformed(format!("`general.alignment` is a {}, not a u32", other.kind())));
        }
    };
    if !number.is_power_of_two() || number > MAX_ALIGNMENT {
        let reason = format!("`general.alignment` is {number}, not a power of two up to {MAX_ALIGNMENT}");
        return Err(Fault::malformed(reason));
    }
    Ok(number as usize)
}

/// A tensor as described: the offset counts from the first byte behind the header.
struct Described<'a> {
    name: &'a str,
    dtype: Dtype,
    shape: Box<[usize]>,
    len: usize,
    offset: u64,
}

fn tensor<'a>(reader: &mut Reader<'a>) -> Result<Described<'a>, Fault> {
    let name = reader.text("name of a tensor", MAX_NAME)?;
    let dimensions = reader.u32("number of dimensions")?;
    if dimensions > MAX_DIMENSIONS {
        let reason = format!("tensor {name:?} has {dimensions} dimensions; at most {MAX_DIMENSIONS} exist");
        return Err(Fault::malformed(reason));
    }
    let mut shape = (0..dimensions).map(|_| reader.u64("dimension")).collect::<Result<Vec<_>, _>>()?;
    // The file lists the innermost dimension first.
    shape.reverse();
    let number = reader.u32("storage format")?;
    let dtype = Dtype::from_ggml(number).ok_or_else(|| unknown(name, number))?;
    let (shape, len) = size(dtype, &shape).ok_or_else(|| unsized_tensor(name, dtype, &shape))?;
    Ok(Described { name, dtype, shape, len, offset: reader.u64("offset of a tensor")? })
}

fn unknown(name: &str, number: u32) -> Fault {
    match name_of(number) {
        Some(format) => {
            Fault::unsupported(format!("tensor {name:?} is stored as {format} (number {number})"))
        }
        None => {
            Fault::malformed(format!("tensor {name:?} is stored in format {number}, which does not exist"))
        }
    }
}

/// The shape in sizes of this machine, and how many bytes it takes.
fn size(dtype: Dtype, shape: &[u64]) -> Option<(Box<[usize]>, usize)> {
    let shape = shape.iter().map(|len| usize::try_from(*len).ok()).collect::<Option<Box<[usize]>>>()?;
    let row = shape.last().copied().unwrap_or(1);
    let numbers = shape.iter().try_fold(1, |numbers: usize, len| numbers.checked_mul(*len))?;
    if !row.is_multiple_of(dtype.block_len()) {
        return None;
    }
    let len = dtype.bytes(numbers)?;
    Some((shape, len))
}

fn unsized_tensor(name: &str, dtype: Dtype, shape: &[u64]) -> Fault {
    let row = shape.last().copied().unwrap_or(1);
    let block = dtype.block_len();
    Fault::malformed(if row.is_multiple_of(block as u64) {
        format!("tensor {name:?} of shape {shape:?} has more numbers than can be counted")
    } else {
        format!("tensor {name:?} has rows of {row} numbers, not a multiple of the {block} of a {dtype} block")
    })
}

/// Where tensors lie in the file: aligned, inside, and on no other.
fn placed(
    tensors: Vec<Described<'_>>,
    header: usize,
    alignment: usize,
    file: usize,
) -> Result<Vec<(Box<str>, Place)>, Fault> {
    let mut names = HashSet::with_capacity(tensors.len());
    let mut placed: Vec<(Box<str>, Place)> = Vec::with_capacity(tensors.len());
    for tensor in tensors {
        if !names.insert(tensor.name) {
            return Err(Fault::malformed(format!("tensor {:?} appears twice", tensor.name)));
        }
        let range = place(&tensor, header, alignment, file)?;
        placed.push((tensor.name.into(), Place { file: 0, dtype: tensor.dtype, shape: tensor.shape, range }));
    }
    let ranges = placed.iter().map(|(name, place)| (&**name, place.range.clone()));
    match overlap(ranges) {
        Some((one, other)) => Err(Fault::malformed(format!("tensors {one:?} and {other:?} overlap"))),
        None => Ok(placed),
    }
}

fn place(
    tensor: &Described<'_>,
    header: usize,
    alignment: usize,
    file: usize,
) -> Result<Range<usize>, Fault> {
    let Described { name, len, offset, .. } = tensor;
    if !offset.is_multiple_of(alignment as u64) {
        let reason = format!("tensor {name:?} lies at {offset}, not a multiple of the alignment {alignment}");
        return Err(Fault::malformed(reason));
    }
    let start = header
        .checked_next_multiple_of(alignment)
        .and_then(|data| data.checked_add(usize::try_from(*offset).ok()?));
    let range = start.and_then(|start| Some(start..start.checked_add(*len)?));
    range.filter(|range| range.end <= file).ok_or_else(|| {
        let reason = format!(
            "tensor {name:?} takes {len} bytes at offset {offset}, behind the end of a file of {file} bytes; was \
             it copied completely?"
        );
        Fault::malformed(reason)
    })
}

/// Two ranges that share a byte.
fn overlap<'n>(ranges: impl Iterator<Item = (&'n str, Range<usize>)>) -> Option<(&'n str, &'n str)> {
    let mut ranges: Vec<_> = ranges.filter(|(_, range)| !range.is_empty()).collect();
    ranges.sort_by_key(|(_, range)| range.start);
    let pair = ranges.windows(2).find(|pair| pair[0].1.end > pair[1].1.start)?;
    Some((pair[0].0, pair[1].0))
}
