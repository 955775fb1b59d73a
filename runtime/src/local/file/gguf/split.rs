//! A model in several GGUF files: `name-00001-of-00003.gguf` and so on. The metadata is that of the first.

use std::path::{Path, PathBuf};

use super::super::Fault;
use super::value::Metadata;

/// More would be a mistake: the largest models come in some dozens.
const MAX_PARTS: usize = 1024;

/// Which part of how many a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::local::file) struct Part {
    /// From 0.
    pub(in crate::local::file) number: usize,
    pub(in crate::local::file) count: usize,
}

/// All parts of the model that `path` is a part of, in order. `None` if its name does not say that it is one.
pub(in crate::local::file) fn parts(path: &Path) -> Result<Option<Vec<PathBuf>>, Fault> {
    let Some((name, part)) = path.file_name().and_then(|name| name.to_str()).and_then(named) else {
        return Ok(None);
    };
    if part.count == 0 || part.number >= part.count || part.count > MAX_PARTS {
        let reason = format!("its name says part {} of {}", part.number.wrapping_add(1), part.count);
        return Err(Fault::malformed(reason));
    }
    let file = |number| path.with_file_name(format!("{name}-{:05}-of-{:05}.gguf", number + 1, part.count));
    Ok(Some((0..part.count).map(file).collect()))
}

fn named(name: &str) -> Option<(&str, Part)> {
    let (name, count) = name.strip_suffix(".gguf")?.rsplit_once("-of-")?;
    let (name, number) = name.rsplit_once('-')?;
    let digits = |text: &str| -> Option<usize> {
        let all = text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
        if all { text.parse().ok() } else { None }
    };
    Some((name, Part { number: digits(number)?.wrapping_sub(1), count: digits(count)? }))
}

/// Whether the metadata of a file says that it is this part.
pub(in crate::local::file) fn check_part(metadata: Metadata<'_>, part: Part) -> Result<(), Fault> {
    let number = |key: &str| metadata.get(key).and_then(|value| value.as_u64());
    let count = number("split.count").unwrap_or(1).max(1);
    if count != part.count as u64 {
        let reason = format!("it is one of {count} parts, but its name says {}", part.count);
        return Err(Fault::malformed(reason));
    }
    match number("split.no") {
        Some(no) if no != part.number as u64 => Err(Fault::malformed(format!(
            "it is part {} of {count}, but its name says {}",
            no + 1,
            part.number + 1
        ))),
        _ => Ok(()),
    }
}
