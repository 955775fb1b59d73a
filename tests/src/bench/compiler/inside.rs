//! The compiler as a library, in this process, where allocations are counted.

use std::path::PathBuf;
use std::time::Duration;

use typewright_codegen::compiler::{Compiler, Runtime};
use typewright_codegen::diagnostic::Sink;
use typewright_codegen::emit::layout::Layout;
use typewright_codegen::emit::models::Buffers;
use typewright_codegen::emit::templates::{TemplateFile, Templates};
use typewright_codegen::emit::{literal, models};
use typewright_codegen::ir::provider::Model;
use typewright_codegen::schema;
use typewright_codegen::source::{SourceMap, yaml};
use typewright_codegen::write::Mode;

use super::engine::{Tree, wait};
use super::median;
use crate::bench::Failure;
use crate::bench::alloc::allocations;
use crate::bench::row::Report;
use crate::bench::sample::nanoseconds;

/// Runs this part of the section.
pub(super) fn run(report: &mut Report<'_>) -> Result<(), Failure> {
    let trees = [Tree::write("inside-1", 1, 30)?, Tree::write("inside-100", 100, 30)?];
    for tree in &trees {
        generate(tree)?;
    }
    wait();
    let [one, all] = trees.each_ref().map(looked);
    let (one, all) = (one?, all?);
    report.value("nothing to do: allocations after start-up", &[all - one])?;
    report.value("nothing to do: allocations of start-up", &[one])?;
    rendered(&trees[1], report)?;
    template(report)?;
    model(&trees[1], report)
}

fn compiler(tree: &Tree) -> Compiler {
    Compiler::new()
        .providers(tree.at("providers"))
        .dialects(tree.at("dialects"))
        .templates(tree.at("templates"))
        .out(tree.at("out"))
        .cache(tree.at("cache"))
        .runtime(Runtime::Version("0.1".to_owned()))
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::Program(error.to_string())
}

/// Compiles and writes; returns how many files were made and how many of them differed.
fn generate(tree: &Tree) -> Result<(usize, usize), Failure> {
    let compiler = compiler(tree);
    let mut run = compiler.begin(Mode::Write).map_err(failed)?;
    if run.unchanged().is_some() {
        return Ok((0, 0));
    }
    let compilation = run.compile().map_err(failed)?;
    let drift = run.plan(&compilation, false).map_err(failed)?;
    let report = run.commit(&compilation, &drift).map_err(failed)?;
    Ok((compilation.outputs.len(), report.written))
}

/// How often a run asks for memory that finds nothing to do.
fn looked(tree: &Tree) -> Result<f64, Failure> {
    let compiler = compiler(tree);
    // The first run renews the stamps of what was written right before the index.
    drop(compiler.begin(Mode::Write).map_err(failed)?);
    let before = allocations();
    let run = compiler.begin(Mode::Write).map_err(failed)?;
    let count = allocations() - before;
    if run.unchanged().is_none() {
        return Err(Failure::Program("there was something to do".to_owned()));
    }
    Ok(count as f64)
}

/// After a change of one price, only files that show it are rendered.
fn rendered(tree: &Tree, report: &mut Report<'_>) -> Result<(), Failure> {
    tree.write_provider(7, 1)?;
    let (made, differed) = generate(tree)?;
    report
        .value("one price changed: files rendered that do not show it", &[made as f64 - differed as f64])?;
    Ok(())
}

/// The base template whose text grows with the providers, rendered for a hundred of them.
fn template(report: &mut Report<'_>) -> Result<(), Failure> {
    const NAME: &str = "readme/providers.md.j2";
    const ROW: &str = "one template render";
    let files = crate::corpus::workspace_root().join("templates");
    let mut sources = SourceMap::default();
    let text = std::fs::read_to_string(files.join(NAME))?;
    let file = sources.add(PathBuf::from(NAME), text.clone());
    let mut sink = Sink::default();
    let templates = Templates::base(vec![TemplateFile { name: NAME.to_owned(), file, text }], &mut sink);
    let provider = |number: usize| {
        serde_json::json!({
            "display_name": format!("Provider {number}"), "crate_name": format!("typewright-prov{number:04}"),
            "folder": format!("prov{number:04}"), "dialect": "openai-chat", "model_count": 30,
            "operation_list": "chat, models",
        })
    };
    let view = serde_json::json!({ "providers": (0..100).map(provider).collect::<Vec<_>>() });
    if templates.render(NAME, &view, &mut sink).is_none() {
        return Ok(report.missing(ROW, "the view of this benchmark is not what the template asks for")?);
    }
    let mut samples = Vec::new();
    for _ in 0..7 {
        samples.push(
            nanoseconds(Duration::from_millis(50), || templates.render(NAME, &view, &mut Sink::default()))
                / 1e6,
        );
    }
    report.value(ROW, &[median(&samples)])?;
    Ok(())
}

/// One more model, as text, with buffers that others were written with: its items in the provider's crate, its row in
/// their table, and its entry of the catalog.
fn model(tree: &Tree, report: &mut Report<'_>) -> Result<(), Failure> {
    let (mut sources, mut sink) = (SourceMap::default(), Sink::default());
    let text = std::fs::read_to_string(tree.at("providers/prov0007.yaml"))?;
    let file = sources.add("prov0007.yaml", text.clone());
    let read = yaml::parse(file, &text, &mut sink).and_then(|node| schema::provider::read(&node, &mut sink));
    let provider = read.ok_or_else(|| failed("the provider of this benchmark is none"))?;
    let (mut buffers, mut layout, mut table) = (Buffers::default(), Layout::default(), String::new());
    let mut write = |model: &Model| {
        layout.clear();
        table.clear();
        let before = allocations();
        models::row(model, &mut buffers, &mut table);
        models::items(&provider, model, &mut buffers, &mut layout);
        literal::model(&provider.name, model, 0, &mut layout);
        allocations() - before
    };
    let [warm @ .., last] = provider.models.as_slice() else {
        return Err(failed("the provider of this benchmark has no models"));
    };
    for model in warm {
        write(model);
    }
    report.value("one more model: allocations", &[write(last) as f64])?;
    Ok(())
}
