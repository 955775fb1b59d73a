//! Safetensors files: a length, a header in JSON, then the bytes of tensors without a gap; and the index of a model in
//! several of them. Only the header is read.
//!
//! A tensor in a format that nothing here computes with (`I64` positions of old encoders, `F8_E4M3`) does not make the
//! file unreadable: it is kept by name, and asking for it is the error.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use super::Fault;
use super::weights::{Format, Place, Source, Tensors, Weights};
use crate::local::Error;
use crate::local::dtype::Dtype;
use crate::local::map::Mapped;
use crate::wire::v1::{Corrupt, Cursor, Kind};

/// As the format's own library has it.
const MAX_HEADER: usize = 100_000_000;
const MAX_TENSORS: usize = 1 << 20;
const MAX_DIMENSIONS: usize = 16;
const MAX_NAME: usize = 1024;
const MAX_FILES: usize = 1024;
/// Where text about a file stands in the header, beside its tensors.
const METADATA: &[u8] = b"__metadata__";

/// Whether bytes can be such a file.
pub(super) fn is_likely(bytes: &[u8]) -> bool {
    bytes.get(8) == Some(&b'{')
}

/// Reads and checks the header of a file that is all of `bytes`.
pub(super) fn read(bytes: &[u8]) -> Result<Tensors, Fault> {
    let (len, rest) =
        bytes.split_first_chunk::<8>().ok_or_else(|| Fault::malformed("shorter than 8 bytes"))?;
    let len = usize::try_from(u64::from_le_bytes(*len)).unwrap_or(usize::MAX);
    if len > MAX_HEADER {
        let reason = format!("a header of {len} bytes; at most {MAX_HEADER} are read");
        return Err(Fault::malformed(reason));
    }
    let Some((header, data)) = rest.split_at_checked(len) else {
        let reason =
            format!("a header of {len} bytes in a file of {}; was it copied completely?", bytes.len());
        return Err(Fault::malformed(reason));
    };
    let mut tensors = tensors(header)?;
    tensors.sort_by_key(|tensor| (tensor.start, tensor.end));
    whole(&tensors, data.len())?;
    unique(&tensors)?;
    Ok(kept(tensors, 8 + len))
}

/// A tensor as described; places count from the first byte behind the header.
struct Described {
    name: Box<str>,
    stored: Stored,
    shape: Box<[usize]>,
    start: usize,
    end: usize,
}

/// How numbers are stored, in the words of the format.
#[derive(Clone, Copy)]
struct Stored {
    name: &'static str,
    bits: usize,
    dtype: Option<Dtype>,
}

fn stored(name: &str) -> Option<Stored> {
    let known = |name, bits| Some(Stored { name, bits, dtype: None });
    match name {
        "F32" => Some(Stored { name: "F32", bits: 32, dtype: Some(Dtype::F32) }),
        "F16" => Some(Stored { name: "F16", bits: 16, dtype: Some(Dtype::F16) }),
        "BF16" => Some(Stored { name: "BF16", bits: 16, dtype: Some(Dtype::BF16) }),
        "F4" => known("F4", 4),
        "F6_E2M3" => known("F6_E2M3", 6),
        "F6_E3M2" => known("F6_E3M2", 6),
        "BOOL" => known("BOOL", 8),
        "U8" => known("U8", 8),
        "I8" => known("I8", 8),
        "F8_E5M2" => known("F8_E5M2", 8),
        "F8_E4M3" => known("F8_E4M3", 8),
        "F8_E8M0" => known("F8_E8M0", 8),
        "F8_E5M2FNUZ" => known("F8_E5M2FNUZ", 8),
        "F8_E4M3FNUZ" => known("F8_E4M3FNUZ", 8),
        "I16" => known("I16", 16),
        "U16" => known("U16", 16),
        "I32" => known("I32", 32),
        "U32" => known("U32", 32),
        "I64" => known("I64", 64),
        "U64" => known("U64", 64),
        "F64" => known("F64", 64),
        "C64" => known("C64", 64),
        _ => None,
    }
}

fn tensors(header: &[u8]) -> Result<Vec<Described>, Fault> {
    if header.first() != Some(&b'{') {
        return Err(Fault::malformed("the header does not start with `{`"));
    }
    let mut cursor = Cursor::new(header);
    let mut tensors = Vec::new();
    cursor.object().map_err(json)?;
    while let Some(key) = cursor.key().map_err(json)? {
        if key == METADATA {
            cursor.skip().map_err(json)?;
            continue;
        }
        if tensors.len() == MAX_TENSORS {
            return Err(Fault::malformed(format!("more than {MAX_TENSORS} tensors")));
        }
        let name = name(key)?;
        tensors.push(tensor(&mut cursor, name)?);
    }
    cursor.finish().map_err(json)?;
    Ok(tensors)
}

fn json(error: Corrupt) -> Fault {
    Fault::malformed(format!("the header is no JSON at byte {}: {}", error.at, error.reason))
}

fn name(key: &[u8]) -> Result<Box<str>, Fault> {
    if key.is_empty() || key.len() > MAX_NAME {
        let reason = format!("a name of {} bytes; 1 to {MAX_NAME} are read", key.len());
        return Err(Fault::malformed(reason));
    }
    Ok(String::from_utf8_lossy(key).into())
}

fn tensor(cursor: &mut Cursor<'_>, name: Box<str>) -> Result<Described, Fault> {
    let wrong = |what: &str| Fault::malformed(format!("tensor {name:?}: {what}"));
    if !cursor.object().map_err(json)? {
        return Err(wrong("not an object"));
    }
    let fields = fields(cursor, &wrong)?;
    let format = fields.format.ok_or_else(|| wrong("no `dtype`"))?;
    let shape = fields.shape.ok_or_else(|| wrong("no `shape`"))?;
    let Some([start, end]) = fields.offsets.as_deref() else { return Err(wrong("no two `data_offsets`")) };
    let stored = stored(&format).ok_or_else(|| unknown(&name, &format))?;
    let (start, end) = (*start, *end);
    let len = size(stored, &shape).ok_or_else(|| wrong("its shape has more numbers than can be counted"))?;
    if start.checked_add(len) != Some(end) {
        let name = stored.name;
        return Err(wrong(&format!("bytes {start} to {end} are not the {len} of {name} {shape:?}")));
    }
    Ok(Described { stored, shape: shape.into(), start, end, name })
}

fn unknown(name: &str, format: &str) -> Fault {
    let format = format.chars().take(32).collect::<String>();
    Fault::unsupported(format!("tensor {name:?} is stored as {format:?}, which is not known"))
}

/// What a description says, each at most once.
#[derive(Default)]
struct Fields<'a> {
    format: Option<Cow<'a, str>>,
    shape: Option<Vec<usize>>,
    offsets: Option<Vec<usize>>,
}

fn fields<'a>(cursor: &mut Cursor<'a>, wrong: &dyn Fn(&str) -> Fault) -> Result<Fields<'a>, Fault> {
    let (mut fields, mut again) = (Fields::default(), false);
    while let Some(key) = cursor.key().map_err(json)? {
        match key {
            b"dtype" => {
                let text = cursor.text().map_err(json)?.ok_or_else(|| wrong("`dtype` is not a string"))?;
                again |= fields.format.replace(text.decode().map_err(json)?).is_some();
            }
            b"shape" => {
                let shape = sizes(cursor, MAX_DIMENSIONS)?;
                let shape = shape.ok_or_else(|| wrong("`shape` is not a list of sizes"))?;
                again |= fields.shape.replace(shape).is_some();
            }
            b"data_offsets" => {
                let places =
                    sizes(cursor, 2)?.ok_or_else(|| wrong("`data_offsets` is not a list of places"))?;
                again |= fields.offsets.replace(places).is_some();
            }
            _ => cursor.skip().map_err(json)?,
        }
    }
    if again { Err(wrong("a field appears twice")) } else { Ok(fields) }
}

/// A list of at most `most` whole numbers that are not negative.
fn sizes(cursor: &mut Cursor<'_>, most: usize) -> Result<Option<Vec<usize>>, Fault> {
    let mut sizes = Vec::new();
    if !cursor.array().map_err(json)? {
        return Ok(None);
    }
    while cursor.element().map_err(json)? {
        if cursor.kind() != Kind::Number || sizes.len() == most {
            return Ok(None);
        }
        let number = cursor.uint().map_err(json)?.and_then(|number| usize::try_from(number).ok());
        let Some(number) = number else { return Ok(None) };
        sizes.push(number);
    }
    Ok(Some(sizes))
}

/// The bytes of a tensor. `None` if they cannot be counted, or are no whole number.
fn size(stored: Stored, shape: &[usize]) -> Option<usize> {
    let bits = shape.iter().try_fold(stored.bits, |bits, len| bits.checked_mul(*len))?;
    bits.is_multiple_of(8).then_some(bits / 8)
}

/// Tensors, sorted by place, take all bytes and each byte once.
fn whole(tensors: &[Described], data: usize) -> Result<(), Fault> {
    let mut end = 0;
    for tensor in tensors {
        let Described { name, start, .. } = tensor;
        if *start != end {
            let what = if *start > end { "leaves a gap behind" } else { "overlaps" };
            let reason = format!("tensor {name:?} starts at {start} and {what} the one that ends at {end}");
            return Err(Fault::malformed(reason));
        }
        end = tensor.end;
    }
    if end == data {
        return Ok(());
    }
    let reason = format!("tensors take {end} bytes, but {data} follow the header; was it copied completely?");
    Err(Fault::malformed(reason))
}

fn unique(tensors: &[Described]) -> Result<(), Fault> {
    let mut names = HashSet::with_capacity(tensors.len());
    match tensors.iter().find(|tensor| !names.insert(&tensor.name)) {
        Some(tensor) => Err(Fault::malformed(format!("tensor {:?} appears twice", tensor.name))),
        None => Ok(()),
    }
}

/// Tensors with their places in the file, apart from those that cannot be read.
fn kept(described: Vec<Described>, header: usize) -> Tensors {
    let mut tensors = Tensors::default();
    for Described { name, stored, shape, start, end } in described {
        match stored.dtype {
            Some(dtype) => {
                let range = header + start..header + end;
                tensors.known.push((name, Place { file: 0, dtype, shape, range }));
            }
            None => tensors.foreign.push((name, stored.name)),
        }
    }
    tensors
}

/// Opens a model in several files. A tensor is taken from the file that the index names; what the index does not name
/// is left out. The total size that an index may state is not looked at: indexes of published models get it wrong.
pub(super) fn open_index(path: &Path) -> Result<Weights, Error> {
    let index = Mapped::open(path)?;
    let files = weight_map(index.bytes()).map_err(|fault| fault.at(path))?;
    let mut weights = Weights::new(Format::Safetensors, path);
    for (file, mut names) in files {
        // In the folder of the index by name, which may be a link, as it is in caches.
        let path = path.with_file_name(&*file);
        let map = Mapped::open(&path)?;
        let fault = |fault: Fault| fault.at(&path);
        let mut tensors = read(map.bytes()).map_err(fault)?;
        tensors.known.retain(|(name, _)| names.remove(name));
        tensors.foreign.retain(|(name, _)| names.remove(name));
        if let Some(name) = names.iter().min() {
            let reason =
                format!("{} tensors are not in it that the index places here: {name:?}", names.len());
            return Err(Error::malformed(&path, reason));
        }
        weights.add(Source::Mapped(map), Vec::new(), tensors).map_err(fault)?;
    }
    Ok(weights)
}

/// The tensors of each file.
fn weight_map(bytes: &[u8]) -> Result<BTreeMap<Box<str>, HashSet<Box<str>>>, Fault> {
    if bytes.len() > MAX_HEADER {
        return Err(Fault::malformed(format!(
            "an index of {} bytes; at most {MAX_HEADER} are read",
            bytes.len()
        )));
    }
    let mut cursor = Cursor::new(bytes);
    let mut files = None;
    let is_object = cursor.object().map_err(json)?;
    while is_object && let Some(key) = cursor.key().map_err(json)? {
        if key != b"weight_map" {
            cursor.skip().map_err(json)?;
        } else if files.replace(mapped(&mut cursor)?).is_some() {
            return Err(Fault::malformed("`weight_map` appears twice"));
        }
    }
    cursor.finish().map_err(json)?;
    files.filter(|files| !files.is_empty()).ok_or_else(|| Fault::malformed("no `weight_map` with tensors"))
}

fn mapped(cursor: &mut Cursor<'_>) -> Result<BTreeMap<Box<str>, HashSet<Box<str>>>, Fault> {
    let mut files: BTreeMap<Box<str>, HashSet<Box<str>>> = BTreeMap::new();
    let mut count = 0;
    let is_object = cursor.object().map_err(json)?;
    while is_object && let Some(key) = cursor.key().map_err(json)? {
        let tensor = name(key)?;
        let file = cursor.text().map_err(json)?;
        let file = file.ok_or_else(|| Fault::malformed(format!("the file of {tensor:?} is not a string")))?;
        let file = file.decode().map_err(json)?;
        is_plain(&file)?;
        count += 1;
        let names = files.entry((*file).into()).or_default();
        if !names.insert(tensor) || count > MAX_TENSORS {
            return Err(Fault::malformed(format!("more than {MAX_TENSORS} tensors, or one of them twice")));
        }
        if files.len() > MAX_FILES {
            return Err(Fault::malformed(format!("more than {MAX_FILES} files")));
        }
    }
    Ok(files)
}

/// A name of a file in the same folder, on every system.
fn is_plain(file: &str) -> Result<(), Fault> {
    let odd = |letter: char| matches!(letter, '/' | '\\' | ':') || letter.is_control();
    if file.ends_with(".safetensors") && file.len() <= 255 && !file.starts_with('.') && !file.contains(odd) {
        return Ok(());
    }
    let file = file.chars().take(64).collect::<String>();
    Err(Fault::malformed(format!("{file:?} is not the name of a safetensors file in the same folder")))
}
