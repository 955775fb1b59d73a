//! A provider's crate: all its files.

use std::path::{Component, Path, PathBuf};

use serde::Serialize;

use super::output::{Files, Keep, Rendered};
use super::rust::NotRust;
use super::templates::Templates;
use super::view::{CrateView, VERSION};
use super::{client, local, models, options};
use crate::diagnostic::{Diagnostic, Sink};
use crate::fingerprint::{self, Fingerprint};
use crate::ir::provider::{Provider, Transport};

const EMITTER: &str = "emit::package";

/// Where the runtime is that generated crates link.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RuntimeDep {
    /// A folder, as the crates of the output folder see it, with the version that is published from it.
    Path(String),
    /// A version requirement.
    Version(String),
}

/// What a provider's wire can do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Operations {
    /// Conversations.
    pub chat: bool,
    /// Vectors.
    pub embed: bool,
    /// The live list of models.
    pub models: bool,
    /// Counting the tokens of a request.
    pub count_tokens: bool,
}

impl Operations {
    /// What models that run in the process can do.
    pub const LOCAL: Self = Self { chat: true, embed: true, models: true, count_tokens: false };
}

/// The generated half of a wire: `src/wire.rs`, and which statics it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Wire {
    /// The file; nothing if it would be what it was the last time.
    pub file: Option<Rendered>,
    /// The fingerprint of everything that it is made of.
    pub key: Fingerprint,
    /// Which of `CHAT`, `EMBED`, `MODELS` and `COUNT_TOKENS` it defines.
    pub operations: Operations,
}

/// Everything that a provider's crate is made of.
#[derive(Debug, Clone, Copy)]
pub struct Package<'a> {
    /// The provider.
    pub provider: &'a Provider,
    /// The provider file as it is named in headers: `providers/x.yaml`.
    pub source: &'a str,
    /// Its wire.
    pub wire: &'a Wire,
    /// The runtime it links.
    pub runtime: &'a RuntimeDep,
}

/// The files of the crate. What could not be made was reported, and is missing.
///
/// Each is made of as little as possible, so that it is made anew only when that changes: models are seen by
/// `src/models.rs` alone.
pub fn files(package: Package<'_>, templates: &Templates, keep: Keep<'_>, sink: &mut Sink) -> Files {
    let Package { provider, source, wire, runtime } = package;
    let view = CrateView::new(provider, wire.operations, runtime, source);
    let bare = &provider.without_models();
    let mut out = Files::default();
    let path = |name: &str| format!("{}/{name}", provider.name);
    for (template, name) in [("crate/Cargo.toml.j2", "Cargo.toml"), ("crate/README.md.j2", "README.md")] {
        let key = fingerprint::of_value(&(&view, templates.key(template)));
        out.add(path(name), key, keep, || {
            let text = squeezed(&templates.render(template, &view, sink)?);
            Some(Rendered::whole(text, EMITTER, Some(template.to_owned()), Some(provider.span)))
        });
    }
    let key = fingerprint::of_value(&(bare, &view, templates.key("crate/src/lib.md.j2")));
    out.add(path("src/lib.rs"), key, keep, || {
        let docs = squeezed(&templates.render("crate/src/lib.md.j2", &view, sink)?);
        let package = Package { provider: bare, ..package };
        let file = if view.is_local { local::file(package, &docs) } else { client::file(package, &docs) };
        keep_made(file.map(Some), provider, sink)
    });
    out.add(path("src/models.rs"), fingerprint::of_value(&(provider, source)), keep, || {
        keep_made(models::file(provider, source).map(Some), provider, sink)
    });
    if view.has_options {
        out.add(path("src/options.rs"), fingerprint::of_value(&(bare, source)), keep, || {
            keep_made(options::file(bare, source), provider, sink)
        });
    }
    if provider.transport == Transport::Http {
        out.add(path("src/wire.rs"), wire.key, keep, || wire.file.clone());
    }
    out
}

/// What was made; a mistake of the compiler is reported where the user sees it.
fn keep_made(
    result: Result<Option<Rendered>, NotRust>,
    provider: &Provider,
    sink: &mut Sink,
) -> Option<Rendered> {
    result.unwrap_or_else(|error| {
        sink.push(not_rust(&error, provider));
        None
    })
}

/// The diagnostic of a file that is no Rust.
pub(crate) fn not_rust(error: &NotRust, provider: &Provider) -> Diagnostic {
    Diagnostic::error("TW0805", provider.span, error.to_string())
        .label("generated from this")
        .note("this is a mistake of the compiler, not of the file")
}

/// At most one blank line in a row, none at the ends: what a template leaves out leaves no gap.
pub(super) fn squeezed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut blank = true;
    for line in text.lines().map(str::trim_end) {
        if !(blank && line.is_empty()) {
            out.push_str(line);
            out.push('\n');
        }
        blank = line.is_empty();
    }
    let end = out.trim_end().len();
    out.truncate(end);
    out + "\n"
}

impl RuntimeDep {
    /// The folder `runtime`, seen from a crate below the output folder `out`.
    pub fn folder(runtime: &Path, out: &Path) -> std::io::Result<Self> {
        let (runtime, out) = (std::path::absolute(runtime)?, std::path::absolute(out)?);
        Ok(Self::Path(relative(&plain(&out).join("crate"), &plain(&runtime))))
    }

    /// The value of the dependency in a manifest.
    pub fn toml(&self) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        match self {
            Self::Version(version) => quoted(version),
            Self::Path(path) => format!("{{ version = {}, path = {} }}", quoted(VERSION), quoted(path)),
        }
    }
}

/// `path` without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(out.pop()),
            other => out.push(other),
        }
    }
    out
}

/// The way from folder `from` to `to`, with `/`. Absolute if they share nothing, as on two Windows drives.
fn relative(from: &Path, to: &Path) -> String {
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let text = |path: &Path| path.to_string_lossy().replace('\\', "/");
    if shared == 0 {
        return text(to);
    }
    let up = from.components().skip(shared).map(|_| "..".to_owned());
    let down =
        to.components().skip(shared).map(|component| component.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

impl Operations {
    /// The operations in words.
    pub fn list(self) -> Vec<&'static str> {
        let all = [
            (self.chat, "chat"),
            (self.embed, "embed"),
            (self.models, "models"),
            (self.count_tokens, "count tokens"),
        ];
        all.into_iter().filter(|(has, _)| *has).map(|(_, name)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_is_found_from_a_crate_of_the_output_folder() {
        let dep = RuntimeDep::folder(Path::new("/a/b/runtime"), Path::new("/a/b/generated")).unwrap();
        assert_eq!(dep, RuntimeDep::Path("../../runtime".to_owned()));
        let dep = RuntimeDep::folder(Path::new("/a/./b/../runtime"), Path::new("/x/out")).unwrap();
        assert_eq!(dep, RuntimeDep::Path("../../../a/runtime".to_owned()));
        assert_eq!(RuntimeDep::Version("0.1".to_owned()).toml(), "\"0.1\"");
    }

    #[test]
    fn what_a_template_leaves_out_leaves_no_gap() {
        assert_eq!(squeezed("\n\na\n\n\n\nb  \n\n"), "a\n\nb\n");
    }
}
