//! A provider's crate: all its files.

use std::path::{Component, Path, PathBuf};

use serde::Serialize;

use super::output::{Output, Rendered};
use super::rust::NotRust;
use super::templates::Templates;
use super::view::{CrateView, VERSION};
use super::{client, models, options};
use crate::diagnostic::{Diagnostic, Sink};
use crate::ir::provider::Provider;

const EMITTER: &str = "emit::package";

/// Where the runtime is that generated crates link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuntimeDep {
    /// A folder, as the crates of the output folder see it, with the version that is published from it.
    Path(String),
    /// A version requirement.
    Version(String),
}

/// What a provider's wire can do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
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

/// The generated half of a wire: `src/wire.rs`, and which statics it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Wire {
    /// The file.
    pub file: Rendered,
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
pub fn files(package: Package<'_>, templates: &Templates, sink: &mut Sink) -> Vec<Output> {
    let Package { provider, source, wire, runtime } = package;
    let view = CrateView::new(provider, wire.operations, runtime, source);
    let mut out = Vec::new();
    for (template, path) in [("crate/Cargo.toml.j2", "Cargo.toml"), ("crate/README.md.j2", "README.md")] {
        if let Some(text) = templates.render(template, &view, sink) {
            let rendered =
                Rendered::whole(squeezed(&text), EMITTER, Some(template.to_owned()), Some(provider.span));
            out.push(Output::new(format!("{}/{path}", provider.name), rendered));
        }
    }
    let docs = templates.render("crate/src/lib.md.j2", &view, sink).map(|text| squeezed(&text));
    // The models are most of the work where a provider has many.
    let (models, (client, options)) = rayon::join(
        || models::file(provider, source),
        || (docs.map(|docs| client::file(package, &docs)), options::file(provider, source)),
    );
    let rust = [
        ("src/lib.rs", client.and_then(|client| keep(client.map(Some), provider, sink))),
        ("src/models.rs", keep(models.map(Some), provider, sink)),
        ("src/options.rs", keep(options, provider, sink)),
        ("src/wire.rs", Some(wire.file.clone())),
    ];
    let rust = rust.into_iter().filter_map(|(path, rendered)| Some((path, rendered?)));
    out.extend(rust.map(|(path, rendered)| Output::new(format!("{}/{path}", provider.name), rendered)));
    out
}

/// What was made; a mistake of the compiler is reported where the user sees it.
fn keep(result: Result<Option<Rendered>, NotRust>, provider: &Provider, sink: &mut Sink) -> Option<Rendered> {
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
