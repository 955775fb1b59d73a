//! The corridor: what each stage makes of what the one before it made, for all files of a run.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use super::load::{self, Input, YamlFile};
use super::{Compilation, Compiler, Error, Progress, README_MARKERS};
use crate::diagnostic::{Diagnostic, Sink};
use crate::dialect::ast::Operation;
use crate::dialect::parse;
use crate::emit::output::Output;
use crate::emit::package::{self, Operations, Package, RuntimeDep, Wire};
use crate::emit::templates::{TemplateFile, Templates};
use crate::emit::umbrella::{self, Member};
use crate::emit::wire::{self, OperationIr};
use crate::ir::provider::Provider;
use crate::source::{Entry, FileId, Node, SourceMap, Span, Value, yaml};
use crate::write::loose;
use crate::{lower, resolve, schema};

/// A YAML document that was read.
struct Document {
    yaml: YamlFile,
    node: Node,
    kind: schema::Kind,
}

/// A provider on its way to files.
struct Unit<'a> {
    document: &'a Document,
    provider: Provider,
    /// Nothing is wrong with the provider file itself, so that files can be made from it.
    sound: bool,
    overrides: Vec<TemplateFile>,
}

/// What came of one provider.
struct Compiled {
    operations: Operations,
    outputs: Vec<Output>,
    sink: Sink,
}

/// Everything that is the same for all providers.
struct Shared<'a> {
    dialects: BTreeMap<String, &'a Node>,
    /// A file of the folder of dialects could not be read, so that any name may be that of a dialect.
    is_torn: bool,
    templates: Templates,
    runtime: RuntimeDep,
    /// Dialects as they are spoken by providers that change nothing and have no options of their own.
    plain: BTreeMap<String, OnceLock<Option<Arc<[OperationIr]>>>>,
    modules: wire::Modules,
    progress: Box<dyn Fn(&str) + Send + Sync + 'a>,
}

/// Reads, checks and compiles everything that `compiler` points at.
pub(super) fn run(compiler: &Compiler) -> Result<Compilation, Error> {
    let mut sink = Sink::default();
    let mut input = load::input(compiler, &mut sink)?;
    let runtime = compiler.runtime_dep()?;
    let templates = Templates::base(std::mem::take(&mut input.templates), &mut sink);
    let documents = documents(&input, &mut sink);
    let dialects = dialects(&documents, &mut sink);
    let mut units = units(&documents, &mut sink);
    narrow(&mut units, &documents, compiler)?;
    for unit in &mut units {
        unit.overrides = load::overrides(compiler, &unit.provider.name, &mut input.sources, &mut sink)?;
    }
    let done = AtomicUsize::new(0);
    let total = units.len();
    let progress = Box::new(|name: &str| {
        if let Some(watch) = &compiler.progress {
            watch(Progress { done: done.fetch_add(1, Ordering::Relaxed) + 1, total, name });
        }
    });
    let is_torn = dialects.len() < input.dialects.len();
    let plain = dialects.keys().map(|name| (name.clone(), OnceLock::new())).collect();
    let modules = wire::Modules::default();
    let shared = Shared { dialects, is_torn, templates, runtime, plain, modules, progress };
    let compiled: Vec<Compiled> = units.par_iter().map(|unit| compile(unit, &shared)).collect();
    let asked = if compiler.files.is_empty() { None } else { Some(input.named.as_slice()) };
    let concerned = check_unused_dialects(&shared, &units, asked, &mut sink);
    finish(compiler, input, &shared, &units, compiled, (sink, concerned))
}

/// Every file as a tree, its structure checked. Files that are no YAML were reported and are missing.
fn documents(input: &Input, sink: &mut Sink) -> Vec<Document> {
    let dialects = input.dialects.iter().map(|yaml| (yaml, true));
    let files: Vec<_> = dialects.chain(input.providers.iter().map(|yaml| (yaml, false))).collect();
    let read = |(yaml, is_dialect): (&YamlFile, bool)| {
        let mut sink = Sink::default();
        let node = yaml::parse(yaml.file, &input.sources.file(yaml.file).text, &mut sink);
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
    let read: Vec<_> = files.into_par_iter().map(read).collect();
    let mut documents = Vec::with_capacity(read.len());
    for (document, found) in read {
        documents.extend(document);
        sink.merge(found);
    }
    documents
}

/// The dialect documents by name.
fn dialects<'a>(documents: &'a [Document], sink: &mut Sink) -> BTreeMap<String, &'a Node> {
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
fn units<'a>(documents: &'a [Document], sink: &mut Sink) -> Vec<Unit<'a>> {
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
fn narrow(units: &mut Vec<Unit<'_>>, documents: &[Document], compiler: &Compiler) -> Result<(), Error> {
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
    let wire = wire(unit, shared, &mut sink);
    let outputs = match &wire {
        Some(wire) if !sink.has_errors() => {
            let source = unit.document.yaml.label.as_str();
            let package = Package { provider: &unit.provider, source, wire, runtime: &shared.runtime };
            package::files(package, templates, &mut sink)
        }
        _ => Vec::new(),
    };
    (shared.progress)(&unit.provider.name);
    Compiled { operations: wire.map(|wire| wire.operations).unwrap_or_default(), outputs, sink }
}

/// The provider's wire: its dialect with its own changes, type-checked, lowered and emitted.
fn wire(unit: &Unit<'_>, shared: &Shared<'_>, sink: &mut Sink) -> Option<Wire> {
    let provider = &unit.provider;
    let operations = operations(unit, shared, sink)?;
    if sink.has_errors() || !unit.sound {
        return None;
    }
    match wire::file(provider, &unit.document.yaml.label, &operations, &shared.modules) {
        Ok(wire) => Some(wire),
        Err(error) => {
            sink.push(package::not_rust(&error, provider));
            None
        }
    }
}

/// The operations of a provider. Those of a dialect in which nothing is wrong are lowered once for all providers that
/// change nothing: a provider shows in them by its options alone.
fn operations(unit: &Unit<'_>, shared: &Shared<'_>, sink: &mut Sink) -> Option<Arc<[OperationIr]>> {
    let (node, provider) = (&unit.document.node, &unit.provider);
    let lower = |sink: &mut Sink| {
        let document = resolved(unit, shared, sink)?;
        lowered(&document, provider, sink).map(Arc::from)
    };
    let is_plain =
        node.get("operations").is_none() && node.get("wire").is_none() && provider.options.is_empty();
    let known = shared.plain.get(&schema::provider::dialect_of(node).0).filter(|_| is_plain);
    let sound = known.and_then(|known| {
        let make = || {
            let mut found = Sink::default();
            lower(&mut found).filter(|_| found.is_empty())
        };
        known.get_or_init(make).clone()
    });
    // Where something is wrong, every provider says so at its place.
    sound.or_else(|| lower(sink))
}

/// A whole dialect document, checked and lowered for a provider.
fn lowered(document: &Node, provider: &Provider, sink: &mut Sink) -> Option<Vec<OperationIr>> {
    let mut later = Sink::default();
    schema::validate(document, schema::Kind::Dialect, sink);
    let operations = parse::dialect(document, &mut later).map(|dialect| {
        let lower = |operation: &Operation| OperationIr {
            encode: lower::encode::lower(&dialect, operation, provider, &mut later),
            decode: lower::decode::lower(operation, &mut later),
            span: operation.span,
        };
        dialect.operations.iter().map(lower).collect()
    });
    sink.follow(later);
    operations
}

/// The dialect document of a provider: the one it names, or its own operations, with its `wire:` over it.
fn resolved(unit: &Unit<'_>, shared: &Shared<'_>, sink: &mut Sink) -> Option<Node> {
    let node = &unit.document.node;
    check_one_wire(node, sink);
    let base = match own_dialect(node) {
        Some(own) => {
            resolve::check_literal(&own, sink);
            own
        }
        None => named_dialect(node, shared, sink)?,
    };
    Some(match node.get("wire") {
        Some(patch) => resolve::wire(&base, patch, sink),
        None => base,
    })
}

/// A provider that has operations of its own speaks no dialect.
fn check_one_wire(node: &Node, sink: &mut Sink) {
    if let (Some(dialect), Some(own)) = (node.entry("dialect"), node.entry("operations")) {
        sink.push(
            Diagnostic::error("TW0307", dialect.key_span, "a provider has one wire format")
                .label("names a dialect")
                .related(own.key_span, "and writes its own operations")
                .help("change the dialect under `wire:`, or leave out `dialect`"),
        );
    }
}

/// A provider's own operations as the dialect document that they would be, under the provider's name.
fn own_dialect(node: &Node) -> Option<Node> {
    let (name, operations) = (node.entry("name")?, node.entry("operations")?);
    let name = Entry { key: "dialect".to_owned(), ..name.clone() };
    Some(Node { value: Value::Map(vec![name, operations.clone()]), span: node.span })
}

fn named_dialect(node: &Node, shared: &Shared<'_>, sink: &mut Sink) -> Option<Node> {
    let dialects = &shared.dialects;
    let (name, span) = schema::provider::dialect_of(node);
    if !dialects.contains_key(&name) && shared.is_torn {
        return None;
    }
    if !dialects.contains_key(&name) {
        let missing =
            Diagnostic::error("TW0304", span, format!("there is no dialect `{name}`")).label("not found");
        sink.push(missing.suggest(&name, dialects.keys().map(String::as_str)));
        return None;
    }
    resolve::dialect(&name, dialects, sink)
}

/// A dialect that no provider of this run uses is checked all the same, as a provider without options would use it.
/// Those that were not asked for are left alone. Returns the places of what is wrong.
fn check_unused_dialects(
    shared: &Shared<'_>,
    units: &[Unit<'_>],
    asked: Option<&[FileId]>,
    sink: &mut Sink,
) -> HashSet<Span> {
    let mut concerned = HashSet::new();
    let used: BTreeSet<&str> = units.iter().map(|unit| unit.provider.dialect.as_str()).collect();
    for (name, node) in shared.dialects.iter().filter(|(name, _)| !used.contains(name.as_str())) {
        if asked.is_some_and(|asked| !asked.contains(&node.span.file)) {
            continue;
        }
        let mut found = Sink::default();
        if let Some(document) = resolve::dialect(name, &shared.dialects, &mut found) {
            lowered(&document, &Provider::bare(name, node.span), &mut found);
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
    (mut sink, mut concerned): (Sink, HashSet<Span>),
) -> Result<Compilation, Error> {
    let mut outputs = Vec::new();
    let mut members = Vec::new();
    let named = &input.named;
    for (unit, compiled) in units.iter().zip(compiled) {
        // What is wrong with a file that was named may show in one that it changes.
        if named.contains(&unit.document.yaml.file) {
            concerned.extend(compiled.sink.spans());
        }
        outputs.extend(compiled.outputs);
        sink.follow(compiled.sink);
        let source = unit.document.yaml.label.as_str();
        members.push(Member { provider: &unit.provider, operations: compiled.operations, source });
    }
    let whole = compiler.only.is_empty() && !members.is_empty() && !sink.has_errors();
    let mut readme = None;
    if whole {
        outputs.extend(umbrella::files(&members, &shared.templates, &shared.runtime, &mut sink));
        readme = readme_of(compiler, shared, &members, &mut sink)?;
    }
    outputs.sort_by(|a, b| a.path.cmp(&b.path));
    let mut diagnostics = sink.into_sorted();
    let is_asked = |span: Span| named.contains(&span.file) || concerned.contains(&span);
    diagnostics.retain(|diagnostic| compiler.files.is_empty() || is_asked(diagnostic.span));
    let sources: SourceMap = std::mem::take(&mut input.sources);
    Ok(Compilation { sources, diagnostics, outputs, readme, providers: units.len() })
}

/// The README with its table, if there is one to write to.
fn readme_of(
    compiler: &Compiler,
    shared: &Shared<'_>,
    members: &[Member<'_>],
    sink: &mut Sink,
) -> Result<Option<loose::Loose>, Error> {
    let Some(path) = &compiler.readme else { return Ok(None) };
    let view = umbrella::view(members, &shared.runtime);
    let Some(table) = shared.templates.render("readme/providers.md.j2", &view, sink) else { return Ok(None) };
    Ok(loose::region(path, README_MARKERS, &table)?)
}
