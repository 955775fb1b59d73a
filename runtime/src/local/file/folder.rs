//! Which file of a folder holds the weights.

use std::fs;
use std::path::{Path, PathBuf};

use crate::local::Error;

/// Names that publishers of models use; what has one of them is taken, whatever else there is.
const USUAL: [&str; 2] = ["model.safetensors.index.json", "model.safetensors"];
/// Endings, the first that any file has decides.
const ENDINGS: [&str; 3] = [".safetensors.index.json", ".safetensors", ".gguf"];

/// The file in `folder` to open: an index, a file, or the first of several parts.
pub(super) fn weights_of(folder: &Path) -> Result<PathBuf, Error> {
    let names = names(folder)?;
    if let Some(usual) = USUAL.into_iter().find(|usual| names.iter().any(|name| name == usual)) {
        return Ok(folder.join(usual));
    }
    for ending in ENDINGS {
        let found: Vec<&String> =
            names.iter().filter(|name| name.ends_with(ending) && !is_later_part(name)).collect();
        match found[..] {
            [] => {}
            [only] => return Ok(folder.join(only)),
            _ => {
                let reason = format!("several files hold weights; name one of them: {}", list(&found));
                return Err(Error::malformed(folder, reason));
            }
        }
    }
    Err(Error::malformed(
        folder,
        "no file with weights (.safetensors, .safetensors.index.json or .gguf) in it",
    ))
}

fn names(folder: &Path) -> Result<Vec<String>, Error> {
    let failed = |source| Error::Read { path: folder.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        names.extend(entry.map_err(failed)?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

/// Whether a file is a part of a model whose first part is another file. Parts in the other format need an index.
fn is_later_part(name: &str) -> bool {
    let name = name.strip_suffix(".gguf").and_then(|name| name.rsplit_once("-of-"));
    let number = name.and_then(|(name, _)| name.rsplit_once('-')).map(|(_, number)| number);
    number.is_some_and(|number| number.len() == 5 && number != "00001")
}

fn list(names: &[&String]) -> String {
    let mut list = names.iter().take(8).map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    if names.len() > 8 {
        list.push_str(", …");
    }
    list
}
