//! From folders to folders: what is written, what is refused, and that it is the same every time.

use std::collections::BTreeMap;

use typewright_codegen::compiler::{Compilation, Compiler, Error, Runtime};
use typewright_codegen::emit::templates;
use typewright_codegen::{explain, write};

use crate::folder::{Folder, provider, root};

/// This repository as `cargo xtask gen` compiles it.
fn repository() -> Compiler {
    Compiler::new()
        .providers(root().join("providers"))
        .templates(root().join("templates"))
        .out(root().join("generated"))
        .readme(root().join("README.md"))
        .runtime(Runtime::Path(root().join("runtime")))
}

fn texts(compilation: &Compilation) -> BTreeMap<&str, &str> {
    compilation.outputs.iter().map(|output| (output.path.as_str(), &*output.text)).collect()
}

fn codes(compiler: &Compiler) -> Vec<&'static str> {
    compiler.compile().unwrap().diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
}

#[test]
fn one_thread_and_many_make_the_same_bytes_every_time() {
    let one = repository().jobs(1).compile().unwrap();
    assert!(!one.has_errors() && one.outputs.len() > 20, "{:#?}", one.diagnostics);
    for jobs in [1, 2, 7] {
        let again = repository().jobs(jobs).compile().unwrap();
        assert!(texts(&one) == texts(&again), "{jobs} threads");
        assert_eq!(one.outputs, again.outputs, "{jobs} threads");
    }
}

#[test]
fn what_is_committed_is_what_is_generated() {
    let compiler = repository();
    let drift = compiler.plan(&compiler.compile().unwrap(), false).unwrap();
    let diffs: Vec<String> = drift.changes().map(write::Change::diff).collect();
    assert!(drift.is_clean(), "run `cargo xtask gen`\n{}", diffs.join("\n"));
}

#[test]
fn templates_on_the_disk_are_those_that_the_compiler_brings_along() {
    for (name, text) in templates::embedded() {
        assert_eq!(std::fs::read_to_string(root().join("templates").join(name)).unwrap(), *text, "{name}");
    }
}

#[test]
fn a_run_with_nothing_to_do_writes_nothing() {
    let folder = Folder::new("nothing");
    folder.write("providers/acme.yaml", &provider("acme"));
    let compilation = folder.generate();
    let compiler = folder.compiler();
    let report = compiler.commit(&compiler.plan(&compilation, false).unwrap()).unwrap();
    assert_eq!((report.written, report.removed, report.unchanged), (0, 0, compilation.outputs.len()));
}

#[test]
fn a_hand_edited_file_is_refused_with_its_diff_unless_forced() {
    let folder = Folder::new("edited");
    folder.write("providers/acme.yaml", &provider("acme"));
    folder.generate();
    let edited = folder.read("generated/acme/src/models.rs") + "// mine\n";
    folder.write("generated/acme/src/models.rs", &edited);
    let compiler = folder.compiler();
    let compilation = compiler.compile().unwrap();
    let drift = compiler.plan(&compilation, false).unwrap();
    assert!(drift.changes().next().unwrap().diff().contains("-// mine"));
    assert_eq!(compiler.commit(&drift).unwrap_err().code(), Some("TW0904"));
    assert_eq!(folder.read("generated/acme/src/models.rs"), edited);
    compiler.commit(&compiler.plan(&compilation, true).unwrap()).unwrap();
    assert!(!folder.read("generated/acme/src/models.rs").contains("mine"));
}

#[test]
fn a_provider_that_is_gone_takes_its_crate_with_it() {
    let folder = Folder::new("gone");
    folder.write("providers/acme.yaml", &provider("acme")).write("providers/bolt.yaml", &provider("bolt"));
    folder.generate();
    assert!(
        folder.has("generated/bolt/src/wire.rs") && folder.has("generated/typewright/src/catalog/bolt.rs")
    );
    std::fs::remove_file(folder.path().join("providers/bolt.yaml")).unwrap();
    folder.generate();
    assert!(!folder.has("generated/bolt") && !folder.has("generated/typewright/src/catalog/bolt.rs"));
    assert!(folder.has("generated/acme/src/wire.rs"));
}

#[test]
fn only_leaves_everything_else_alone() {
    let folder = Folder::new("only");
    folder.write("providers/acme.yaml", &provider("acme")).write("providers/bolt.yaml", &provider("bolt"));
    folder.generate();
    folder.write("providers/acme.yaml", &provider("acme").replace("one", "two"));
    folder.write("providers/bolt.yaml", &provider("bolt").replace("one", "two"));
    let compiler = folder.compiler().only(["acme"]);
    let drift = compiler.plan(&compiler.compile().unwrap(), false).unwrap();
    assert!(drift.changes().all(|change| change.path.starts_with("acme/")));
    compiler.commit(&drift).unwrap();
    assert!(folder.read("generated/acme/src/models.rs").contains("TWO"));
    assert!(!folder.read("generated/bolt/src/models.rs").contains("TWO"));
    let unknown = folder.compiler().only(["akme"]).compile();
    assert!(matches!(unknown, Err(Error::UnknownProvider { known, .. }) if known == "acme, bolt"));
}

#[test]
fn nothing_is_written_while_anything_is_wrong() {
    let folder = Folder::new("wrong");
    folder
        .write("providers/acme.yaml", &provider("acme"))
        .write("providers/bolt.yaml", "name: bolt\nbase_url: ftp://x\n");
    let compiler = folder.compiler();
    let compilation = compiler.compile().unwrap();
    assert!(compilation.has_errors());
    assert!(matches!(compiler.plan(&compilation, true), Err(Error::Diagnostics)));
    assert!(!folder.has("generated"));
}

#[test]
fn named_files_are_checked_alone() {
    let folder = Folder::new("named");
    folder
        .write("providers/acme.yaml", "name: acme\nbase_url: ftp://x\n")
        .write("bolt.yaml", "name: bolt\nbase_ulr: x\n");
    let bolt = folder.path().join("bolt.yaml");
    let found = folder.compiler().files([bolt.clone()]).compile().unwrap();
    assert!(!found.diagnostics.is_empty());
    for diagnostic in &found.diagnostics {
        assert_eq!(found.sources.locate(diagnostic.span).0, bolt);
    }
}

/// The first line of an override of the base template `name`.
fn first_line(name: &str) -> String {
    let (_, text) = templates::embedded().iter().find(|(known, _)| *known == name).unwrap();
    templates::first_line(text)
}

#[test]
fn a_template_of_a_providers_own_replaces_the_base_for_that_provider_only() {
    let folder = Folder::new("override");
    let text = format!("{}\n# {{{{ crate_name }}}}, by hand\n", first_line("crate/README.md.j2"));
    folder.write("providers/acme.yaml", &provider("acme")).write("providers/bolt.yaml", &provider("bolt"));
    folder.write("providers/acme/templates/crate/README.md.j2", &text);
    folder.generate();
    assert_eq!(folder.read("generated/acme/README.md"), "# typewright-acme, by hand\n");
    assert!(folder.read("generated/bolt/README.md").contains("@generated"));
}

#[test]
fn an_override_that_cannot_hold_is_a_diagnostic() {
    let good = first_line("crate/README.md.j2");
    let cases: [(&str, String, &str); 5] = [
        ("crate/RAEDME.md.j2", format!("{good}\nx\n"), "TW0801"),
        ("umbrella/README.md.j2", "x\n".to_owned(), "TW0801"),
        ("crate/README.md.j2", "{# base: 0123 #}\nx\n".to_owned(), "TW0802"),
        ("crate/README.md.j2", format!("{good}\n{{% if %}}\n"), "TW0803"),
        ("crate/README.md.j2", format!("{good}\n{{{{ no_such_value }}}}\n"), "TW0804"),
    ];
    for (at, (name, text, code)) in cases.iter().enumerate() {
        let folder = Folder::new(&format!("bad-override-{at}"));
        folder.write("providers/acme.yaml", &provider("acme"));
        folder.write(&format!("providers/acme/templates/{name}"), text);
        assert_eq!(codes(&folder.compiler()), [*code], "{name}: {text}");
    }
}

#[test]
fn a_generated_line_leads_back_to_the_line_that_it_was_made_of() {
    let folder = Folder::new("explain");
    folder.write("providers/acme.yaml", &provider("acme"));
    let compilation = folder.generate();
    let text = folder.read("generated/acme/src/models.rs");
    let line = text.lines().position(|line| line.contains("Model::new(")).unwrap() + 1;
    let found = explain::line(&compilation, "acme/src/models.rs", line, Some(&text)).unwrap();
    let place = found.source.unwrap();
    assert_eq!((found.emitter, place.line, found.is_stale), ("emit::models", 4, false));
    assert!(place.path.ends_with("providers/acme.yaml"));
    let found = explain::line(&compilation, "acme/README.md", 3, Some("other")).unwrap();
    assert_eq!((found.template.as_deref(), found.is_stale), (Some("crate/README.md.j2"), true));
    assert_eq!(explain::line(&compilation, "acme/README.md", 10_000, None), None);
}
