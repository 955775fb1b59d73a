//! What the compiler says about broken files, word for word.
//!
//! A case is a folder `diagnostics/<code>-<name>/` with `bad.yaml` and `good.yaml` (a provider or a dialect file), or
//! with folders `bad/` and `good/` of several providers, which may bring `dialects/` of their own. Dialects may extend the
//! wire in `wires/`. `expected.txt` is what is
//! said about the bad one; about the good one nothing is said. `UPDATE_GOLDENS=1` writes what is expected.

use std::fs;
use std::path::{Path, PathBuf};

use typewright_codegen::codes::CODES;
use typewright_codegen::compiler::{Compilation, Compiler};
use typewright_codegen::diagnostic::{Color, render, to_json};
use typewright_codegen::source::Span;

/// Where the cases are, from the folder that tests run in.
const CASES: &str = "tests/it/diagnostics";

/// The dialects that cases may name.
const DIALECTS: &str = "../providers/dialects";

/// The dialects of cases about the language of dialects.
const WIRES: &str = "tests/it/wires";

/// The areas of that language.
const OF_WIRES: &[&str] = &["TW03", "TW04", "TW05", "TW06"];

/// Codes without a case, and why.
const WITHOUT_CASE: &[(&str, &str)] = &[
    ("TW0104", "needs a file of 16 MiB; tested beside the reader"),
    ("TW0114", "needs a file that cannot be read; tested beside the reader"),
    ("TW0802", "names the fingerprint of a template, which changes with it; tested beside the templates"),
    ("TW0803", "stands in a file that names such a fingerprint; tested beside the templates"),
    ("TW0804", "stands in a file that names such a fingerprint; tested beside the templates"),
    ("TW0805", "a mistake of the compiler itself"),
    ("TW09", "failures of the write stage, which are errors of a run and no diagnostics; tested beside it"),
];

fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = fs::read_dir(CASES).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

/// The code that a case is about.
fn code(case: &Path) -> String {
    let name = case.file_name().unwrap().to_string_lossy();
    name.split('-').next().unwrap().to_owned()
}

fn compile(case: &Path, side: &str) -> Compilation {
    let folder = case.join(side);
    let own_dialects = folder.join("dialects");
    let shared = if OF_WIRES.iter().any(|area| code(case).starts_with(area)) { WIRES } else { DIALECTS };
    let dialects = if own_dialects.is_dir() { own_dialects } else { shared.into() };
    let compiler = Compiler::new().dialects(dialects);
    let compiler = match folder.is_dir() {
        true => compiler.providers(folder),
        false => compiler.providers(case.join("none")).files([case.join(format!("{side}.yaml"))]),
    };
    compiler.compile().unwrap()
}

fn said(case: &Path, compilation: &Compilation) -> String {
    let text = render(&compilation.sources, &compilation.diagnostics, Color::Never);
    text.replace(&format!("{}/", case.to_string_lossy().replace('\\', "/")), "")
}

#[test]
fn bad_files_are_told_so_and_good_ones_are_left_alone() {
    let mut wrong = Vec::new();
    for case in cases() {
        let golden = case.join("expected.txt");
        let bad = compile(&case, "bad");
        let said_bad = said(&case, &bad);
        if !bad.diagnostics.iter().any(|diagnostic| diagnostic.code == code(&case)) {
            wrong.push(format!("{}: says nothing of {}:\n{said_bad}", case.display(), code(&case)));
        } else if std::env::var_os("UPDATE_GOLDENS").is_some() {
            fs::write(&golden, &said_bad).unwrap();
        } else if fs::read_to_string(&golden).unwrap_or_default().replace("\r\n", "\n") != said_bad {
            wrong.push(format!("{}: is not what `expected.txt` has:\n{said_bad}", case.display()));
        }
        let said_good = said(&case, &compile(&case, "good"));
        if !said_good.is_empty() {
            wrong.push(format!("{}: something is said about the good one:\n{said_good}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}\nUPDATE_GOLDENS=1 writes what is expected", wrong.join("\n"));
}

#[test]
fn every_code_has_a_case() {
    let cases: Vec<String> = cases().iter().map(|case| code(case)).collect();
    let excused = |code: &str| WITHOUT_CASE.iter().any(|(prefix, _)| code.starts_with(prefix));
    let missing: Vec<&str> = CODES
        .iter()
        .map(|code| code.code)
        .filter(|code| !excused(code) && !cases.iter().any(|case| case == code))
        .collect();
    assert_eq!(missing, Vec::<&str>::new(), "codes without a folder in tests/{CASES}");
    let unknown: Vec<&String> =
        cases.iter().filter(|case| !CODES.iter().any(|code| code.code == **case)).collect();
    assert_eq!(unknown, Vec::<&String>::new(), "folders of codes that there are none of");
}

/// One provider, broken in ten ways; each line that is broken says how.
const TEN_FAULTS: &str = r#"name: Acme                            # TW0210 at 7
base_url: htps://api.acme.example/v1  # TW0213 at 11
auth_type: api_kye                    # TW0204 at 12
headers:
  x-version: 2                        # TW0203 at 14
options:
  type: {type: boolean, wire: type}   # TW0231 at 3
models:
  - name: acme-1
    input_price: -2                   # TW0226 at 18
    suports_vision: true              # TW0201 at 5
  - name: acme-2
    knowledge: 2024-13                # TW0228 at 16
    capabilities: [visoin]            # TW0224 at 20
  - name: acme-1                      # TW0220 at 11
"#;

/// One dialect, broken in ten ways.
const TEN_FAULTS_OF_A_DIALECT: &str = r#"dialect: mine
extends: toy
operations:
  chat:
    limits: {temprature: 0..1}          # TW0301 at 14
    request:
      body:
        temperature: $Temperature       # TW0401 at 22
        top_p: $topp                    # TW0501 at 16
        seed: $seed|not                 # TW0502 at 15
    stream:
      framing: {needs: terminal}        # TW0204 at 24
      events:
        start: {+mta: {id: $id}}        # TW0409 at 17
        delta: {append.text: {text: $x}} # TW0601 at 37
        done: {finish: {reason: [$reason]}} # TW0607 at 33
    finish: {max: lenght}               # TW0612 at 19
    +efort: {strong: high}              # TW0405 at 5
"#;

#[test]
fn ten_faults_are_ten_diagnostics_at_their_places() {
    exactly_the_planted(TEN_FAULTS, DIALECTS);
    exactly_the_planted(TEN_FAULTS_OF_A_DIALECT, WIRES);
}

fn exactly_the_planted(text: &str, dialects: &str) {
    let name = format!("typewright-ten-faults-{}-{}", std::process::id(), text.len());
    let folder = std::env::temp_dir().join(name);
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("acme.yaml");
    fs::write(&file, text).unwrap();
    let compiler = Compiler::new().providers(folder.join("none")).dialects(dialects).files([&file]);
    let compilation = compiler.compile().unwrap();
    fs::remove_dir_all(&folder).unwrap();
    let at = |span: Span| {
        let (_, line, column) = compilation.sources.locate(span);
        (line, column)
    };
    let found: Vec<_> =
        compilation.diagnostics.iter().map(|found| (found.code.to_owned(), at(found.span))).collect();
    assert_eq!(found, planted(text));
    let json = to_json(&compilation.sources, &compilation.diagnostics);
    let lines: Vec<serde_json::Value> =
        json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_json = |value: &serde_json::Value| {
        let number = |key: &str| value[key].as_u64().unwrap() as usize;
        (value["code"].as_str().unwrap().to_owned(), (number("line"), number("column")))
    };
    assert_eq!(lines.iter().map(of_json).collect::<Vec<_>>(), planted(text));
}

fn planted(text: &str) -> Vec<(String, (usize, usize))> {
    let fault = |(line, text): (usize, &str)| {
        let (code, column) = text.split_once("# ")?.1.split_once(" at ")?;
        Some((code.to_owned(), (line + 1, column.parse().unwrap())))
    };
    let planted: Vec<_> = text.lines().enumerate().filter_map(fault).collect();
    assert_eq!(planted.len(), 10);
    planted
}
