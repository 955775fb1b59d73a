//! What the providers of a run come to together: the umbrella, the table of the README, and what is remembered for the
//! next run. What one provider comes to is made before.

use std::collections::BTreeSet;

use super::load::Input;
use super::stages::{Compiled, Fallback, Shared, Unit, Walked, member};
use super::{Compilation, Compiler, Error, KeptFile, README_MARKERS, wire};
use crate::cache::{Reuse, UnitFacts};
use crate::diagnostic::Sink;
use crate::emit::output::{Files, Kept, owner};
use crate::emit::umbrella::{self, Member};
use crate::fingerprint::{self, Fingerprint};
use crate::ir::provider::Provider;
use crate::source::{FileId, Span};
use crate::write::loose;
use crate::{resolve, timings};

/// What has been gathered so far.
struct Gathered<'a> {
    members: Vec<Member<'a>>,
    files: Files,
    sink: Sink,
    /// Places of what is wrong because of a file that was named.
    concerned: BTreeSet<Span>,
    out: Compilation,
}

/// Puts together what came of each provider, in their order, and makes what is made of all of them.
pub(super) fn gather(
    compiler: &Compiler,
    input: Input,
    shared: &Shared<'_>,
    units: &[Unit<'_>],
    compiled: Vec<Compiled>,
    sink: Sink,
) -> Result<Walked, Error> {
    let out = Compilation { providers: units.len(), ..Compilation::default() };
    let (members, files, concerned) = (Vec::new(), Files::default(), BTreeSet::new());
    let mut all = Gathered { members, files, sink, concerned, out };
    let partial = shared.reuse.filter(|reuse| reuse.files().is_some());
    if partial.is_none() {
        let asked = if compiler.files.is_empty() { None } else { Some(input.named.as_slice()) };
        all.concerned = check_unused_dialects(shared, units, asked, &mut all.sink);
    }
    for (unit, compiled) in units.iter().zip(compiled) {
        add(&mut all, unit, compiled, &input);
    }
    let whole = compiler.only.is_empty() && !all.members.is_empty() && !all.sink.has_errors();
    match partial {
        Some(reuse) if !take_over(reuse, &mut all) => {
            return Ok((Compilation::default(), Some(Fallback::Widen)));
        }
        None if whole => together(compiler, shared, &mut all)?,
        _ => {}
    }
    let fallback = (shared.reuse.is_some() && !all.sink.is_empty()).then_some(Fallback::Anew);
    Ok((finish(compiler, input, shared, all), fallback))
}

fn add<'a>(all: &mut Gathered<'a>, unit: &'a Unit<'_>, compiled: Compiled, input: &Input) {
    let file = unit.document.yaml.file;
    // What is wrong with a file that was named may show in one that it changes.
    if input.named.contains(&file) {
        all.concerned.extend(compiled.sink.spans());
    }
    all.files.append(compiled.files);
    all.sink.follow(compiled.sink);
    all.members.push(member(unit, compiled.operations));
    all.out.units.push(UnitFacts {
        name: unit.provider.name.clone(),
        path: input.sources.file(file).path.clone(),
        operations: compiled.operations,
        wire: compiled.wire,
        summary: compiled.summary,
    });
}

/// The umbrella, and the table of the README.
fn together(compiler: &Compiler, shared: &Shared<'_>, all: &mut Gathered<'_>) -> Result<(), Error> {
    let key = umbrella_key(&all.out.units);
    let keep = &|path: &str, key: Fingerprint| shared.keeps(path, key);
    let context = umbrella::Context { templates: &shared.templates, runtime: &shared.runtime, key, keep };
    let (members, sink) = (&all.members, &mut all.sink);
    let make = || umbrella::files(members, context, sink);
    all.files.append(timings::measure(shared.timings, "emit", umbrella::FOLDER, Files::bytes, make));
    readme(compiler, shared, &all.members, &mut all.out, &mut all.sink)
}

fn finish(compiler: &Compiler, input: Input, shared: &Shared<'_>, all: Gathered<'_>) -> Compilation {
    let Gathered { files, sink, concerned, mut out, .. } = all;
    out.dialects = shared.keys.iter().map(|(name, key)| (name.clone(), *key)).collect();
    out.outputs = files.made;
    out.outputs.sort_by(|a, b| a.path.cmp(&b.path));
    let content = |path: &str| shared.reuse.and_then(|reuse| reuse.content(path)).unwrap_or_default();
    let kept = files.kept.into_iter();
    out.kept = kept.map(|Kept { path, key }| KeptFile { content: content(&path), path, key }).collect();
    out.kept.sort_by(|a, b| a.path.cmp(&b.path));
    out.diagnostics = sink.into_sorted();
    let is_asked = |span: Span| input.named.contains(&span.file) || concerned.contains(&span);
    out.diagnostics.retain(|diagnostic| compiler.files.is_empty() || is_asked(diagnostic.span));
    out.sources = input.sources;
    out
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

fn umbrella_key(units: &[UnitFacts]) -> Fingerprint {
    let summaries: Vec<Fingerprint> = units.iter().map(|unit| unit.summary).collect();
    umbrella::key(&summaries)
}

/// Everything that other providers, and all of them together, were made into stays what it was. Returns whether that is
/// so: what the umbrella says of these providers must not have changed.
fn take_over(reuse: &Reuse, all: &mut Gathered<'_>) -> bool {
    let mut units = reuse.units().to_vec();
    for new in &all.out.units {
        units.iter_mut().filter(|known| known.name == new.name).for_each(|known| known.clone_from(new));
    }
    if umbrella_key(&units) != umbrella_key(reuse.units()) {
        return false;
    }
    let looked_at: BTreeSet<&str> = all.members.iter().map(|member| member.provider.name.as_str()).collect();
    let made = all.files.made.iter().map(|output| &output.path);
    let there: BTreeSet<String> = made.chain(all.files.kept.iter().map(|kept| &kept.path)).cloned().collect();
    let others =
        reuse.outputs().filter(|(path, _)| !looked_at.contains(owner(path)) && !there.contains(*path));
    all.files.kept.extend(others.map(|(path, key)| Kept { path: path.to_owned(), key }));
    all.out.providers = units.len();
    all.out.units = units;
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
