//! The corridor: what each stage makes of what the one before it made, for all files of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use super::load::{self, Input, YamlFile};
use super::{Compilation, Compiler, Error, Progress, gather, wire};
use crate::cache::Reuse;
use crate::diagnostic::{Diagnostic, Sink};
use crate::emit::output::Files;
use crate::emit::package::{self, Operations, Package, RuntimeDep, Wire};
use crate::emit::templates::{TemplateFile, Templates};
use crate::emit::umbrella::{self, Member};
use crate::emit::wire::{Modules, OperationIr};
use crate::fingerprint::Fingerprint;
use crate::ir::provider::{Provider, Transport};
use crate::source::{Node, SourceMap, yaml};
use crate::timings::{self, Timings};
use crate::{resolve, schema};

/// A YAML document that was read.
pub(super) struct Document {
    pub(super) yaml: YamlFile,
    pub(super) node: Node,
    kind: schema::Kind,
}

/// A provider on its way to files.
pub(super) struct Unit<'a> {
    pub(super) document: &'a Document,
    pub(super) provider: Provider,
    /// Nothing is wrong with the provider file itself, so that files can be made from it.
    pub(super) sound: bool,
    overrides: Vec<TemplateFile>,
}

/// What came of one provider.
pub(super) struct Compiled {
    pub(super) operations: Operations,
    pub(super) wire: Fingerprint,
    pub(super) summary: Fingerprint,
    pub(super) files: Files,
    pub(super) sink: Sink,
}

/// Everything that is the same for all providers.
pub(super) struct Shared<'a> {
    /// The dialects by name; none if nobody needs them.
    pub(super) dialects: BTreeMap<String, &'a Node>,
    /// A file of the folder of dialects could not be read, so that any name may be that of a dialect.
    pub(super) is_torn: bool,
    /// What each dialect is made of.
    pub(super) keys: BTreeMap<String, Fingerprint>,
    pub(super) templates: Templates,
    pub(super) runtime: RuntimeDep,
    pub(super) reuse: Option<&'a Reuse>,
    pub(super) timings: Option<&'a Timings>,
    /// Dialects as they are spoken by providers that change nothing and have no options of their own.
    pub(super) plain: BTreeMap<String, OnceLock<Option<Arc<[OperationIr]>>>>,
    pub(super) modules: Modules,
    /// All providers are compiled, so that the umbrella is.
    has_catalog: bool,
    progress: Box<dyn Fn(&str) + Send + Sync + 'a>,
}

impl Shared<'_> {
    pub(super) fn keeps(&self, path: &str, key: Fingerprint) -> bool {
        self.reuse.is_some_and(|reuse| reuse.keeps(path, key))
    }

    fn wire_key(&self, unit: &Unit<'_>) -> Fingerprint {
        wire::key(unit, self.keys.get(&unit.provider.dialect).copied())
    }

    /// What the wire can do, if it need not be made again.
    fn kept_wire(&self, unit: &Unit<'_>, key: Fingerprint) -> Option<Operations> {
        if is_local(unit) {
            return Some(Operations::LOCAL);
        }
        let name = &unit.provider.name;
        let known = self.reuse?.units().iter().find(|known| known.name == *name && known.wire == key)?;
        self.keeps(&format!("{name}/src/wire.rs"), key).then_some(known.operations)
    }
}

/// Why a run that began with what the last one left did not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fallback {
    /// What was left out is needed after all: all provider files have to be looked at.
    Widen,
    /// Something is wrong: everything has to be looked at, so that all of it is told.
    Anew,
}

/// What came of a run, and why that is not all.
pub(super) type Walked = (Compilation, Option<Fallback>);

/// Reads, checks and compiles everything that `compiler` points at; what `reuse` still holds is not made again.
pub(super) fn run(compiler: &Compiler, reuse: Option<&Reuse>) -> Result<Walked, Error> {
    let mut sink = Sink::default();
    let some = reuse.and_then(Reuse::files);
    let timings = compiler.timings.as_deref();
    let mut input = compiler.lap("read", || match some {
        Some(files) => load::some(compiler, files, &mut sink),
        None => load::input(compiler, &mut sink),
    })?;
    let base = std::mem::take(&mut input.templates);
    let templates = compiler.lap("templates", || Templates::base(base, &mut sink));
    let late;
    let files = [&input.dialects[..], &input.providers];
    let documents = documents(&input.sources, files, timings, &mut sink);
    let mut shared = Shared {
        dialects: dialects(&documents, &mut sink),
        is_torn: false,
        keys: BTreeMap::new(),
        templates,
        runtime: compiler.runtime_dep()?,
        reuse,
        timings,
        plain: BTreeMap::new(),
        modules: Modules::default(),
        has_catalog: compiler.only.is_empty(),
        progress: Box::new(|_| {}),
    };
    let mut units = compiler.lap("check", || units(&documents, &mut sink));
    narrow(&mut units, &documents, compiler)?;
    for unit in &mut units {
        unit.overrides = load::overrides(compiler, &unit.provider.name, &mut input.sources, &mut sink)?;
    }
    match (reuse, some) {
        (Some(reuse), Some(files)) => {
            if units.len() != files.len() || !units.iter().all(|unit| is_known(unit, &input, reuse)) {
                return Ok((Compilation::default(), Some(Fallback::Widen)));
            }
            shared.keys = reuse.dialects().map(|(name, key)| (name.to_owned(), key)).collect();
            // The dialects need not even be read while every wire is made of what it was.
            if units.iter().any(|unit| shared.kept_wire(unit, shared.wire_key(unit)).is_none()) {
                load::dialects(compiler, &mut input, &mut sink)?;
                late = self::documents(&input.sources, [&input.dialects, &[]], timings, &mut sink);
                shared.dialects = dialects(&late, &mut sink);
            }
        }
        _ => shared.keys = wire::dialect_keys(&shared.dialects),
    }
    shared.is_torn = shared.dialects.len() < input.dialects.len();
    shared.progress = progress(compiler, units.len());
    shared.plain = shared.dialects.keys().map(|name| (name.clone(), OnceLock::new())).collect();
    let compiled: Vec<Compiled> = units.par_iter().map(|unit| compile(unit, &shared)).collect();
    gather::gather(compiler, input, &shared, &units, compiled, sink)
}

/// Tells whoever watches of each provider that is done.
fn progress(compiler: &Compiler, total: usize) -> Box<dyn Fn(&str) + Send + Sync + '_> {
    let done = AtomicUsize::new(0);
    Box::new(move |name: &str| {
        if let Some(watch) = &compiler.progress {
            watch(Progress { done: done.fetch_add(1, Ordering::Relaxed) + 1, total, name });
        }
    })
}

/// Everything, as if there had been no run before.
pub(super) fn whole(compiler: &Compiler) -> Result<Compilation, Error> {
    run(compiler, None).map(|(compilation, _)| compilation)
}

/// Whether a provider has the name and the file that it had.
fn is_known(unit: &Unit<'_>, input: &Input, reuse: &Reuse) -> bool {
    let path = &input.sources.file(unit.document.yaml.file).path;
    reuse.units().iter().any(|known| known.name == unit.provider.name && known.path == *path)
}

/// Every file as a tree, its structure checked. Files that are no YAML were reported and are missing.
pub(super) fn documents(
    sources: &SourceMap,
    [dialects, providers]: [&[YamlFile]; 2],
    timings: Option<&Timings>,
    sink: &mut Sink,
) -> Vec<Document> {
    let dialects = dialects.iter().map(|yaml| (yaml, true));
    let files: Vec<_> = dialects.chain(providers.iter().map(|yaml| (yaml, false))).collect();
    let read = |(yaml, is_dialect): (&YamlFile, bool)| {
        let mut sink = Sink::default();
        let node = yaml::parse(yaml.file, &sources.file(yaml.file).text, &mut sink);
        let document = node.map(|node| {
            let kind = if is_dialect { schema::Kind::Dialect } else { schema::Kind::of(&node) };
            Document { yaml: yaml.clone(), kind, node }
        });
        // Provider files are validated by the stage that reads them.
        match &document {
            Some(document) if document.node.get("extends").is_some() => {
                schema::validate(&resolve::frame(&document.node), document.kind, &mut sink);
            }
            Some(document) if document.kind == schema::Kind::Dialect => {
                schema::validate(&document.node, document.kind, &mut sink);
            }
            _ => {}
        }
        (document, sink)
    };
    let read = |file: (&YamlFile, bool)| {
        let bytes = sources.file(file.0.file).text.len();
        timings::measure(timings, "parse", &file.0.label, |_| bytes, || read(file))
    };
    let read: Vec<_> = files.into_par_iter().map(read).collect();
    let mut documents = Vec::with_capacity(read.len());
    for (document, found) in read {
        documents.extend(document);
        sink.merge(found);
    }
    documents
}

/// The dialect documents by name.
pub(super) fn dialects<'a>(documents: &'a [Document], sink: &mut Sink) -> BTreeMap<String, &'a Node> {
    let mut dialects: BTreeMap<String, &Node> = BTreeMap::new();
    for document in documents.iter().filter(|document| document.kind == schema::Kind::Dialect) {
        let Some(name) = document.node.get("dialect").filter(|name| name.as_str().is_some()) else {
            continue;
        };
        let key = name.as_str().unwrap_or_default();
        match dialects.get(key) {
            Some(known) => sink.push(
                Diagnostic::error("TW0305", name.span, format!("there are two dialects `{key}`"))
                    .label("the second")
                    .related(known.get("dialect").map_or(known.span, |name| name.span), "the first"),
            ),
            None => drop(dialects.insert(key.to_owned(), &document.node)),
        }
    }
    dialects
}

/// The providers, by name.
pub(super) fn units<'a>(documents: &'a [Document], sink: &mut Sink) -> Vec<Unit<'a>> {
    let providers: Vec<&Document> =
        documents.iter().filter(|document| document.kind == schema::Kind::Provider).collect();
    let before = &*sink;
    let read = |document: &&'a Document| {
        let mut sink = before.fork();
        let provider = schema::provider::read(&document.node, &mut sink);
        (provider, sink)
    };
    let read: Vec<_> = providers.par_iter().map(read).collect();
    let mut units = Vec::with_capacity(read.len());
    for (document, (provider, found)) in providers.into_iter().zip(read) {
        sink.merge(found);
        let sound = !sink.has_errors_in(document.yaml.file);
        units.extend(provider.map(|provider| Unit { document, provider, sound, overrides: Vec::new() }));
    }
    units.sort_by(|a, b| (&a.provider.name, a.provider.span).cmp(&(&b.provider.name, b.provider.span)));
    schema::across::check(units.iter().map(|unit| &unit.provider), sink);
    units
}

/// Keeps the providers that were asked for.
pub(super) fn narrow(
    units: &mut Vec<Unit<'_>>,
    documents: &[Document],
    compiler: &Compiler,
) -> Result<(), Error> {
    // A provider that could not be read is known all the same: its mistakes are reported, not its absence.
    let providers = documents.iter().filter(|document| document.kind == schema::Kind::Provider);
    let known: BTreeSet<&str> =
        providers.filter_map(|document| document.node.get("name")?.as_str()).collect();
    if let Some(name) = compiler.only.iter().find(|name| !known.contains(name.as_str())) {
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        return Err(Error::UnknownProvider { name: name.clone(), known });
    }
    units.retain(|unit| compiler.only.is_empty() || compiler.only.contains(&unit.provider.name));
    Ok(())
}

/// Whether the models run in the process, so that there is no wire.
pub(super) fn is_local(unit: &Unit<'_>) -> bool {
    unit.provider.transport == Transport::Local
}

/// One provider, from its tree to its files.
fn compile(unit: &Unit<'_>, shared: &Shared<'_>) -> Compiled {
    let mut sink = Sink::default();
    let templates =
        (!unit.overrides.is_empty()).then(|| shared.templates.with_overrides(&unit.overrides, &mut sink));
    let templates = templates.as_ref().unwrap_or(&shared.templates);
    let key = shared.wire_key(unit);
    let wire = match shared.kept_wire(unit, key) {
        _ if is_local(unit) => unit.sound.then_some(Wire { file: None, key, operations: Operations::LOCAL }),
        Some(operations) => Some(Wire { file: None, key, operations }),
        None => wire::compile(unit, key, shared, &mut sink),
    };
    let files = match &wire {
        Some(wire) if !sink.has_errors() => files(unit, wire, templates, shared, &mut sink),
        _ => Files::default(),
    };
    (shared.progress)(&unit.provider.name);
    let operations = wire.map(|wire| wire.operations).unwrap_or_default();
    // Of a provider whose file is wrong there is nothing to say, and its names may be none.
    let summary = unit.sound.then(|| umbrella::summary(member(unit, operations), &shared.runtime));
    Compiled { operations, wire: key, summary: summary.unwrap_or_default(), files, sink }
}

/// The files of a provider: its crate, and what the umbrella's catalog says of its models.
fn files(unit: &Unit<'_>, wire: &Wire, templates: &Templates, shared: &Shared<'_>, sink: &mut Sink) -> Files {
    let source = unit.document.yaml.label.as_str();
    let package = Package { provider: &unit.provider, source, wire, runtime: &shared.runtime };
    let keep = |path: &str, key: Fingerprint| shared.keeps(path, key);
    let mut found = Sink::default();
    let catalog = || match shared.has_catalog {
        true => umbrella::catalog_of(&member(unit, wire.operations), &keep, &mut found),
        false => Files::default(),
    };
    let make = || {
        let (mut files, catalog) = rayon::join(|| package::files(package, templates, &keep, sink), catalog);
        files.append(catalog);
        files
    };
    let files = timings::measure(shared.timings, "emit", &unit.provider.name, Files::bytes, make);
    sink.merge(found);
    files
}

pub(super) fn member<'a>(unit: &'a Unit<'_>, operations: Operations) -> Member<'a> {
    Member { provider: &unit.provider, operations, source: unit.document.yaml.label.as_str() }
}
