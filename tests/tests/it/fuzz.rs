//! Hostile input for the front end: a bounded, seeded run of what cargo-fuzz does without bounds.

mod answers;
mod front_end;
mod pipeline;

use std::fs;
use std::time::{Duration, Instant};

use front_end::front_end;
use typewright_codegen::diagnostic::Sink;
use typewright_codegen::source::{FileId, Node, Value, yaml};

/// How long each run may take, whatever the machine.
const BUDGET: Duration = Duration::from_secs(4);

/// What mutations insert.
const WORDS: &[&str] = &[
    "[",
    "]",
    "{",
    "}",
    ": ",
    "- ",
    "? ",
    "\n",
    "  ",
    "\t",
    "#",
    "\"",
    "'",
    "|\n",
    ">-\n",
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "null",
    "~",
    "true",
    "-1",
    "1e999",
    ".inf",
    "0x1F",
    "\u{feff}",
    "\u{0}",
    "é",
    "漢",
    "🦀",
    "$f",
    "${",
    "$one",
    "$if",
    "name: ",
    "models:\n",
    "base_model: ",
    "operations:\n",
    "dialect: ",
    "price_tiers: ",
    "$.a[$k]:",
    "??",
    "!",
];

/// A generator of numbers (SplitMix64), the same on every machine.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

fn real_files() -> Vec<String> {
    let mut files = Vec::new();
    for folder in ["../providers", "../providers/dialects"] {
        let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut paths: Vec<_> =
            paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect();
        paths.sort();
        files.extend(paths.iter().map(|path| fs::read_to_string(path).unwrap()));
    }
    assert!(files.len() >= 5, "there are provider and dialect files to start from");
    files
}

#[test]
fn random_bytes_are_survived() {
    let (mut numbers, start) = (Numbers(1), Instant::now());
    for _ in 0..2000 {
        let len = numbers.below(200);
        let plain = numbers.below(2) == 0;
        let byte = |numbers: &mut Numbers| {
            if plain { b"\n -:[]{}ab1\"'#|>&*!%,?\t"[numbers.below(23)] } else { numbers.next() as u8 }
        };
        let bytes: Vec<u8> = (0..len).map(|_| byte(&mut numbers)).collect();
        front_end(&bytes);
        if start.elapsed() > BUDGET {
            break;
        }
    }
}

#[test]
fn mutations_of_real_files_are_survived() {
    let (files, mut numbers, start) = (real_files(), Numbers(2), Instant::now());
    let mut runs = 0;
    while runs < 3000 && start.elapsed() < BUDGET {
        let mut bytes = window(&files[numbers.below(files.len())], &mut numbers).into_bytes();
        for _ in 0..=numbers.below(4) {
            mutate(&mut bytes, &mut numbers);
        }
        front_end(&bytes);
        runs += 1;
    }
    assert!(runs > 20, "only {runs} runs within {BUDGET:?}");
}

/// The head of a file and some lines of it.
fn window(text: &str, numbers: &mut Numbers) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let from = numbers.below(lines.len());
    let head = lines.iter().take(numbers.below(12));
    head.chain(lines.iter().skip(from).take(40)).map(|line| format!("{line}\n")).collect()
}

fn mutate(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    let at = numbers.below(bytes.len() + 1);
    let to = (at + numbers.below(20)).min(bytes.len());
    match numbers.below(5) {
        0 => drop(bytes.drain(at..to)),
        1 => bytes.truncate(at),
        2 => bytes.extend_from_within(at..to),
        3 if at < bytes.len() => bytes[at] ^= 1 << numbers.below(8),
        _ => drop(bytes.splice(at..at, WORDS[numbers.below(WORDS.len())].bytes()).collect::<Vec<u8>>()),
    }
}

#[test]
fn deep_and_wide_input_is_survived_quickly() {
    let start = Instant::now();
    for opener in [
        "[", "{", "{a: ", "- ", "? ", "[[", "[? ", "- - ", "&a [", "!t [", "*a ", "a: {", "((", "- {a: [",
        "<<: {",
    ] {
        front_end(opener.repeat(10_000).as_bytes());
    }
    let indented: String = (0..2000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    front_end(indented.as_bytes());
    for wide in ["a: [b, c]\n", "- &a b\n", "- !t b\n", "---\n", "#\n", "\n", "a\n", "\"", "{a: 1}, "] {
        front_end(wide.repeat(20_000).as_bytes());
    }
    front_end(
        format!("name: a\nheaders: {{{}}}\n", (0..20_000).map(|i| format!("k{i}: 1, ")).collect::<String>())
            .as_bytes(),
    );
    front_end(format!("name: a\nmodels: [{}]\n", "1, ".repeat(20_000)).as_bytes());
    front_end(format!("a: {}\n", "x".repeat(2_000_000)).as_bytes());
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

#[test]
fn the_reader_agrees_with_another_reader() {
    for text in real_files() {
        let mut sink = Sink::default();
        let node = yaml::parse(FileId(0), &text, &mut sink).unwrap();
        assert!(sink.is_empty());
        let other: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!(json(&node), other);
    }
}

fn json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(text) => serde_json::from_str(text).unwrap(),
        Value::Str(text) => text.as_str().into(),
        Value::Seq(items) => items.iter().map(json).collect(),
        Value::Map(entries) => serde_json::Value::Object(
            entries.iter().map(|entry| (entry.key.clone(), json(&entry.value))).collect(),
        ),
    }
}
