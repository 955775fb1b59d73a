//! Where things are: this repository's folders unless the command line names others.

use std::env;
use std::path::{Path, PathBuf};

use typewright_codegen::compiler::{Compiler, Runtime};

use crate::flags::Folders;

/// The top of this repository.
pub fn root() -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let manifest = manifest.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    shown(manifest.parent().unwrap_or(&manifest))
}

/// A path as the user would write it: relative where it lies below the current folder.
fn shown(path: &Path) -> PathBuf {
    let relative = env::current_dir().ok().and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    match relative {
        Some(relative) if relative.as_os_str().is_empty() => PathBuf::from("."),
        Some(relative) => relative,
        None => path.to_owned(),
    }
}

/// `name` in this repository.
pub fn in_repository(name: &str) -> PathBuf {
    let root = root();
    if root == Path::new(".") { PathBuf::from(name) } else { root.join(name) }
}

/// The folders of provider and dialect files that the flags name.
pub fn inputs(folders: &Folders) -> (PathBuf, PathBuf) {
    let providers = folders.providers.clone().unwrap_or_else(|| in_repository("providers"));
    let own = providers.join("dialects");
    let dialects = folders.dialects.clone();
    // Providers somewhere else speak the dialects of this repository, unless they bring their own.
    let dialects =
        dialects.unwrap_or_else(|| if own.is_dir() { own } else { in_repository("providers/dialects") });
    (providers, dialects)
}

/// A compiler over the folders that the flags name.
pub fn compiler(folders: &Folders) -> Compiler {
    let (providers, dialects) = inputs(folders);
    let templates = folders.templates.clone().unwrap_or_else(|| in_repository("templates"));
    let compiler = Compiler::new()
        .providers(providers)
        .dialects(dialects)
        .templates(templates)
        .out(out(folders))
        .runtime(folders.runtime.clone().unwrap_or_else(|| Runtime::Path(in_repository("runtime"))));
    // The README of this repository lists what is generated here, and nothing else.
    let here = folders.out.is_none() && folders.providers.is_none();
    if here { compiler.readme(in_repository("README.md")) } else { compiler }
}

/// The folder that may be deleted.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| in_repository("target"), PathBuf::from)
}

/// The folder that is written to.
pub fn out(folders: &Folders) -> PathBuf {
    folders.out.clone().unwrap_or_else(|| in_repository("generated"))
}
