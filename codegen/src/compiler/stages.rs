//! The corridor: what each stage makes of what the one before it made, for all files of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use super::load::{self, Input, YamlFile};
use super::{Compilation, Compiler, Error, KeptFile, Progress, README_MARKERS, wire};
use crate::cache::{Reuse, UnitFacts};
use crate::diagnostic::{Diagnostic, Sink};
use crate::emit::output::{Files, Kept, owner};
use crate::emit::package::{self, Operations, Package, RuntimeDep, Wire};
use crate::emit::templates::{TemplateFile, Templates};
use crate::emit::umbrella::{self, Member};
use crate::emit::wire::{Modules, OperationIr};
use crate::fingerprint::{self, Fingerprint};
use crate::ir::provider::Provider;
use crate::source::{FileId, Node, SourceMap, Span, yaml};
use crate::timings::{self, Timings};
use crate::write::loose;
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
struct Compiled {
    operations: Operations,
    wire: Fingerprint,
    summary: Fingerprint,
    files: Files,
    sink: Sink,
}

/// Everything that is the same for all providers.
pub(super) struct Shared<'a> {
    /// The dialects by name; none if nobody needs them.
    pub(super) dialects: BTreeMap<String, &'a Node>,
    /// A file of the folder of dialects could not be read, so that any name may be that of a dialect.
    pub(super) is_torn: bool,
    /// What each dialect is made of.
    keys: BTreeMap<String, Fingerprint>,
    templates: Templates,
    runtime: RuntimeDep,
    reuse: Option<&'a Reuse>,
    pub(super) timings: Option<&'a Timings>,
    /// Dialects as they are spoken by providers that change nothing and have no options of their own.
    pub(super) plain: BTreeMap<String, OnceLock<Option<Arc<[OperationIr]>>>>,
    pub(super) modules: Modules,
    progress: Box<dyn Fn(&str) + Send + Sync + 'a>,
}

impl Shared<'_> {
    fn keeps(&self, path: &str, key: Fingerprint) -> bool {
        self.reuse.is_some_and(|reuse| reuse.keeps(path, key))
    }

    fn wire_key(&self, unit: &Unit<'_>) -> Fingerprint {
        wire::key(unit, self.keys.get(&unit.provider.dialect).copied())
    }

    /// What the wire can do, if it need not be made again.
    fn kept_wire(&self, unit: &Unit<'_>, key: Fingerprint) -> Option<Operations> {
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
type Walked = (Compilation, Option<Fallback>);

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
    let done = AtomicUsize::new(0);
    let total = units.len();
    shared.progress = Box::new(move |name: &str| {
        if let Some(watch) = &compiler.progress {
            watch(Progress { done: done.fetch_add(1, Ordering::Relaxed) + 1, total, name });
        }
    });
    shared.plain = shared.dialects.keys().map(|name| (name.clone(), OnceLock::new())).collect();
    let compiled: Vec<Compiled> = units.par_iter().map(|unit| compile(unit, &shared)).collect();
    finish(compiler, input, &shared, &units, compiled, sink)
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

/// One provider, from its tree to its files.
fn compile(unit: &Unit<'_>, shared: &Shared<'_>) -> Compiled {
    let mut sink = Sink::default();
    let templates =
        (!unit.overrides.is_empty()).then(|| shared.templates.with_overrides(&unit.overrides, &mut sink));
    let templates = templates.as_ref().unwrap_or(&shared.templates);
    let key = shared.wire_key(unit);
    let wire = match shared.kept_wire(unit, key) {
        Some(operations) => Some(Wire { file: None, key, operations }),
        None => wire::compile(unit, key, shared, &mut sink),
    };
    let files = match &wire {
        Some(wire) if !sink.has_errors() => {
            let source = unit.document.yaml.label.as_str();
            let package = Package { provider: &unit.provider, source, wire, runtime: &shared.runtime };
            let keep = |path: &str, key: Fingerprint| shared.keeps(path, key);
            let name = &unit.provider.name;
            timings::measure(shared.timings, "emit", name, Files::bytes, || {
                package::files(package, templates, &keep, &mut sink)
            })
        }
        _ => Files::default(),
    };
    (shared.progress)(&unit.provider.name);
    let operations = wire.map(|wire| wire.operations).unwrap_or_default();
    // Of a provider whose file is wrong there is nothing to say, and its names may be none.
    let summary = unit.sound.then(|| umbrella::summary(member(unit, operations), &shared.runtime));
    Compiled { operations, wire: key, summary: summary.unwrap_or_default(), files, sink }
}

fn member<'a>(unit: &'a Unit<'_>, operations: Operations) -> Member<'a> {
    Member { provider: &unit.provider, operations, source: unit.document.yaml.label.as_str() }
}

/// A dialect that no provider of this run uses is checked all the same, as a provider without options would use it.
/// Those that were not asked for are left alone. Returns the places of what is wrong.
fn check_unused_dialects(
    shared: &Shared<'_>,
    units: &[Unit<'_>],
    asked: Option<&[FileId]>,
    sink: &mut Sink,
) -> BTreeSet<Span> {
    let mut concerned = BTreeSet::new();
    let used: BTreeSet<&str> = units.iter().map(|unit| unit.provider.dialect.as_str()).collect();
    for (name, node) in shared.dialects.iter().filter(|(name, _)| !used.contains(name.as_str())) {
        if asked.is_some_and(|asked| !asked.contains(&node.span.file)) {
            continue;
        }
        let mut found = Sink::default();
        if let Some(document) = resolve::dialect(name, &shared.dialects, &mut found) {
            wire::lowered(&document, &Provider::bare(name, node.span), &mut found);
        }
        concerned.extend(found.spans());
        sink.follow(found);
    }
    concerned
}

fn finish(
    compiler: &Compiler,
    mut input: Input,
    shared: &Shared<'_>,
    units: &[Unit<'_>],
    compiled: Vec<Compiled>,
    mut sink: Sink,
) -> Result<Walked, Error> {
    let is_partial = shared.reuse.and_then(Reuse::files).is_some();
    let asked = if compiler.files.is_empty() { None } else { Some(input.named.as_slice()) };
    let mut concerned = BTreeSet::new();
    if !is_partial {
        concerned = check_unused_dialects(shared, units, asked, &mut sink);
    }
    let mut out = Compilation { providers: units.len(), ..Compilation::default() };
    let (mut files, mut members) = (Files::default(), Vec::new());
    let named = &input.named;
    for (unit, compiled) in units.iter().zip(compiled) {
        // What is wrong with a file that was named may show in one that it changes.
        if named.contains(&unit.document.yaml.file) {
            concerned.extend(compiled.sink.spans());
        }
        files.append(compiled.files);
        sink.follow(compiled.sink);
        members.push(member(unit, compiled.operations));
        out.units.push(UnitFacts {
            name: unit.provider.name.clone(),
            path: input.sources.file(unit.document.yaml.file).path.clone(),
            operations: compiled.operations,
            wire: compiled.wire,
            summary: compiled.summary,
        });
    }
    let whole = compiler.only.is_empty() && !members.is_empty() && !sink.has_errors();
    match shared.reuse {
        Some(reuse) if is_partial && !take_over(reuse, &members, &mut files, &mut out, &mut sink) => {
            return Ok((Compilation::default(), Some(Fallback::Widen)));
        }
        Some(_) if is_partial => {}
        _ if whole => {
            let key = umbrella_key(&out.units);
            let keep = &|path: &str, key: Fingerprint| shared.keeps(path, key);
            let context =
                umbrella::Context { templates: &shared.templates, runtime: &shared.runtime, key, keep };
            files.append(timings::measure(shared.timings, "emit", umbrella::FOLDER, Files::bytes, || {
                umbrella::files(&members, context, &mut sink)
            }));
            readme(compiler, shared, &members, &mut out, &mut sink)?;
        }
        _ => {}
    }
    let fallback = (shared.reuse.is_some() && !sink.is_empty()).then_some(Fallback::Anew);
    out.dialects = shared.keys.iter().map(|(name, key)| (name.clone(), *key)).collect();
    out.outputs = files.made;
    out.outputs.sort_by(|a, b| a.path.cmp(&b.path));
    let content = |path: &str| shared.reuse.and_then(|reuse| reuse.content(path)).unwrap_or_default();
    let kept = files.kept.into_iter();
    out.kept = kept.map(|Kept { path, key }| KeptFile { content: content(&path), path, key }).collect();
    out.kept.sort_by(|a, b| a.path.cmp(&b.path));
    out.diagnostics = sink.into_sorted();
    let is_asked = |span: Span| named.contains(&span.file) || concerned.contains(&span);
    out.diagnostics.retain(|diagnostic| compiler.files.is_empty() || is_asked(diagnostic.span));
    out.sources = std::mem::take(&mut input.sources);
    Ok((out, fallback))
}

fn umbrella_key(units: &[UnitFacts]) -> Fingerprint {
    let summaries: Vec<Fingerprint> = units.iter().map(|unit| unit.summary).collect();
    umbrella::key(&summaries)
}

/// Everything that other providers, and all of them together, were made into stays what it was. Returns whether that is
/// so: what the umbrella says of these providers must not have changed.
fn take_over(
    reuse: &Reuse,
    members: &[Member<'_>],
    files: &mut Files,
    out: &mut Compilation,
    sink: &mut Sink,
) -> bool {
    let mut units = reuse.units().to_vec();
    for new in &out.units {
        units.iter_mut().filter(|known| known.name == new.name).for_each(|known| known.clone_from(new));
    }
    if umbrella_key(&units) != umbrella_key(reuse.units()) {
        return false;
    }
    for member in members {
        files.append(umbrella::catalog_of(member, &|path, key| reuse.keeps(path, key), sink));
    }
    let looked_at: BTreeSet<&str> = members.iter().map(|member| member.provider.name.as_str()).collect();
    let there: BTreeSet<String> = files.made.iter().map(|output| output.path.clone()).collect();
    let kept = reuse.outputs().filter(|(path, _)| !looked_at.contains(owner(path)) && !there.contains(*path));
    let known: BTreeSet<String> = files.kept.iter().map(|kept| kept.path.clone()).collect();
    let kept = kept.filter(|(path, _)| !known.contains(*path));
    files.kept.extend(kept.map(|(path, key)| Kept { path: path.to_owned(), key }));
    out.providers = units.len();
    out.units = units;
    true
}

/// The README with its table, if there is one to write to and it is not there already.
fn readme(
    compiler: &Compiler,
    shared: &Shared<'_>,
    members: &[Member<'_>],
    out: &mut Compilation,
    sink: &mut Sink,
) -> Result<(), Error> {
    let template = "readme/providers.md.j2";
    let Some(path) = &compiler.readme else { return Ok(()) };
    let key = fingerprint::of_value(&(umbrella_key(&out.units), shared.templates.key(template)));
    out.readme_key = Some(key);
    if shared.reuse.is_some_and(|reuse| reuse.keeps_readme(key)) {
        return Ok(());
    }
    let view = umbrella::view(members, &shared.runtime);
    if let Some(table) = shared.templates.render(template, &view, sink) {
        out.readme = loose::region(path, README_MARKERS, &table)?;
    }
    Ok(())
}
