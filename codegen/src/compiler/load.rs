//! Finding and reading the input: provider files, dialect files, templates. What they say is looked at later.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Compiler, Error};
use crate::diagnostic::Sink;
use crate::emit::templates::{self, TemplateFile};
use crate::source::{self, FileId, SourceMap};

/// A YAML file that was read.
#[derive(Debug, Clone)]
pub(super) struct YamlFile {
    /// Where its text is.
    pub file: FileId,
    /// How headers of generated files call it: `providers/x.yaml`.
    pub label: String,
}

/// All input.
#[derive(Debug, Default)]
pub(super) struct Input {
    /// The texts.
    pub sources: SourceMap,
    /// Provider files, and files named on their own, by path.
    pub providers: Vec<YamlFile>,
    /// Dialect files, by path.
    pub dialects: Vec<YamlFile>,
    /// The base templates.
    pub templates: Vec<TemplateFile>,
    /// The files that problems are reported of; all if there are none.
    pub named: Vec<FileId>,
}

/// Reads everything that `compiler` points at.
pub(super) fn input(compiler: &Compiler, sink: &mut Sink) -> Result<Input, Error> {
    let mut input = Input::default();
    let providers = yaml_files(&compiler.providers);
    // Files that were named can be checked without a folder of others.
    let providers = if compiler.files.is_empty() { providers? } else { providers.unwrap_or_default() };
    for path in &providers {
        input.providers.extend(yaml(&mut input.sources, path, sink));
    }
    let dialects = dialects(compiler, &mut input, sink)?;
    for path in &compiler.files {
        named(&mut input, path, [&providers, &dialects], sink)?;
    }
    input.templates = base_templates(compiler, &mut input.sources, sink)?;
    Ok(input)
}

/// Reads these provider files and the base templates.
pub(super) fn some(compiler: &Compiler, files: &[PathBuf], sink: &mut Sink) -> Result<Input, Error> {
    let mut input = Input::default();
    for path in files {
        input.providers.extend(yaml(&mut input.sources, path, sink));
    }
    input.templates = base_templates(compiler, &mut input.sources, sink)?;
    Ok(input)
}

/// Reads the dialect files, and returns their paths.
pub(super) fn dialects(
    compiler: &Compiler,
    input: &mut Input,
    sink: &mut Sink,
) -> Result<Vec<PathBuf>, Error> {
    let paths = yaml_files(&compiler.dialects_folder());
    let paths = if compiler.dialects.is_some() { paths? } else { paths.unwrap_or_default() };
    for path in &paths {
        input.dialects.extend(yaml(&mut input.sources, path, sink));
    }
    Ok(paths)
}

/// A file that was named on its own: read unless its folder was read already.
fn named(input: &mut Input, path: &Path, read: [&Vec<PathBuf>; 2], sink: &mut Sink) -> Result<(), Error> {
    let canonical =
        |path: &Path| fs::canonicalize(path).map_err(|source| Error::Read { path: path.to_owned(), source });
    let wanted = canonical(path)?;
    let known = read.into_iter().flatten().find(|known| canonical(known).is_ok_and(|known| known == wanted));
    if known.is_none() {
        input.providers.extend(yaml(&mut input.sources, path, sink));
    }
    // A file that cannot be read is in the map all the same, for its diagnostic.
    let path = known.map_or(path, PathBuf::as_path);
    let file = input.sources.files().find(|(_, file)| file.path == path).map(|(id, _)| id);
    input.named.extend(file);
    Ok(())
}

fn yaml(sources: &mut SourceMap, path: &Path, sink: &mut Sink) -> Option<YamlFile> {
    let file = source::load(sources, path, sink)?;
    let name =
        |path: Option<&Path>| path.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let label = [name(path.parent()), name(Some(path))].into_iter().flatten().collect::<Vec<_>>().join("/");
    Some(YamlFile { file, label })
}

fn yaml_files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    source::yaml_files(folder).map_err(|source| Error::Read { path: folder.to_owned(), source })
}

fn base_templates(
    compiler: &Compiler,
    sources: &mut SourceMap,
    sink: &mut Sink,
) -> Result<Vec<TemplateFile>, Error> {
    let mut files = match &compiler.templates {
        Some(folder) => template_files(folder, sources, sink)?,
        None => Vec::new(),
    };
    for (name, text) in templates::embedded() {
        if !files.iter().any(|file| file.name == *name) {
            let file = sources.add(format!("(built in)/{name}"), (*text).to_owned());
            files.push(TemplateFile { name: (*name).to_owned(), file, text: (*text).to_owned() });
        }
    }
    Ok(files)
}

/// The templates that `provider` brings along; none if there is no such folder.
pub(super) fn overrides(
    compiler: &Compiler,
    provider: &str,
    sources: &mut SourceMap,
    sink: &mut Sink,
) -> Result<Vec<TemplateFile>, Error> {
    let folder = compiler.providers.join(provider).join("templates");
    if folder.is_dir() { template_files(&folder, sources, sink) } else { Ok(Vec::new()) }
}

/// Every template below a folder, by name.
fn template_files(
    folder: &Path,
    sources: &mut SourceMap,
    sink: &mut Sink,
) -> Result<Vec<TemplateFile>, Error> {
    let mut names = Vec::new();
    walk(folder, "", &mut names)?;
    names.sort();
    let read = names.into_iter().filter_map(|name| {
        let file = source::load(sources, &folder.join(&name), sink)?;
        let text = crate::fingerprint::lf(&sources.file(file).text).into_owned();
        Some(TemplateFile { name, file, text })
    });
    Ok(read.collect())
}

fn walk(folder: &Path, prefix: &str, names: &mut Vec<String>) -> Result<(), Error> {
    let failed = |source| Error::Read { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let path = entry.path();
        if path.is_dir() {
            walk(&path, &format!("{name}/"), names)?;
        } else if source::is_template(&path) {
            names.push(name);
        }
    }
    Ok(())
}
