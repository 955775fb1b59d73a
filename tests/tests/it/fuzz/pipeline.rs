//! Dialects that are nearly right, through the whole compiler: what passes its checks has to become Rust.

use std::fs;
use std::time::Instant;

use typewright_codegen::diagnostic::{Color, render};

use super::{BUDGET, Numbers};
use crate::folder::Folder;

/// Every construct of the language in one file, so that each word of it can go to the place of another.
const WIRE: &str = "tests/it/wires/toy.yaml";

/// What stands in no real dialect.
const ODD: &[&str] = &[
    "1k",
    "in",
    "漢",
    "''",
    "\"a\\tb\"",
    "\"\\x41漢${x}\"",
    "-",
    "_",
    "null",
    "{}",
    "[]",
    "$",
    "$$",
    "${",
    "$k",
    "$choice",
    "$raw",
    "$x!",
    "a|b",
    "a||b",
    "$.a",
    "$.a[]",
    "$.a[$k]",
    "$.a|b",
    "not not not stream",
    "has",
    "$input - $output ?? 1",
    "$parts.text",
    "self",
    "fn",
    "c",
    "fold",
    "1.5e3",
    "true",
    "+x",
    "a.b.c",
    "\"\"",
];

const PROVIDER: &str = "name: acme\nbase_url: https://acme.example\ndialect: toy\noptions: {depth: {type: integer, wire: depth}}\n";

#[test]
fn dialects_that_are_nearly_right_are_survived() {
    let wire = fs::read_to_string(WIRE).unwrap();
    let pieces: Vec<&str> = pieces(&wire);
    let (mut numbers, start) = (Numbers(3), Instant::now());
    let (mut runs, mut sound) = (0, 0);
    while runs < 1000 && start.elapsed() < BUDGET {
        let text = mutated(&pieces, &mut numbers);
        let is_sound = survives(&text);
        sound += usize::from(is_sound);
        runs += 1;
    }
    assert!(runs > 5 && sound > 0, "{sound} of {runs} runs within {BUDGET:?} had no errors");
}

/// Whether the dialect was without errors.
fn survives(text: &str) -> bool {
    let folder = Folder::new("nearly-right");
    folder.write("providers/acme.yaml", PROVIDER).write("dialects/toy.yaml", text);
    let compilation = folder.compiler().dialects(folder.path().join("dialects")).compile().unwrap();
    let said = render(&compilation.sources, &compilation.diagnostics, Color::Never);
    let is_rust = compilation.diagnostics.iter().all(|diagnostic| diagnostic.code != "TW0805");
    assert!(is_rust, "{text}\n{said}");
    assert_eq!(said.is_empty(), compilation.diagnostics.is_empty());
    !compilation.has_errors()
}

/// A text as words and what stands between them.
fn pieces(text: &str) -> Vec<&str> {
    text.split_inclusive(|c: char| " \n{}[],:".contains(c))
        .flat_map(|piece| match piece.char_indices().next_back() {
            Some((at, _)) if at > 0 => vec![&piece[..at], &piece[at..]],
            _ => vec![piece],
        })
        .collect()
}

/// A few words become others, go, or come twice.
fn mutated(pieces: &[&str], numbers: &mut Numbers) -> String {
    let mut pieces = pieces.to_vec();
    let is_word = |piece: &str| !piece.trim_matches([' ', '\n', '{', '}', '[', ']', ',', ':']).is_empty();
    let words: Vec<usize> = (0..pieces.len()).filter(|at| is_word(pieces[*at])).collect();
    for _ in 0..=numbers.below(3) {
        let at = words[numbers.below(words.len())];
        pieces[at] = match numbers.below(3) {
            0 => ODD[numbers.below(ODD.len())],
            _ => pieces[words[numbers.below(words.len())]],
        };
    }
    pieces.concat()
}

/// Uses of tables and alternatives of keys multiply, and texts nest; none of it may take long.
#[test]
fn dialects_that_grow_without_bound_are_refused_quickly() {
    let start = Instant::now();
    let chain = |links: usize, twice: bool| {
        let link = |at: usize| {
            let more = if twice { format!("$.x: {{$use: t{}}}, ", at + 1) } else { String::new() };
            format!("      t{at}: {{{more}$use: t{}}}\n", at + 1)
        };
        (0..links).map(link).collect::<String>() + &format!("      t{links}: {{meta: {{id: $id}}}}\n")
    };
    let wire = fs::read_to_string(WIRE).unwrap();
    let grown = |ops: &str, response: &str| {
        let ops = format!("    ops:\n{ops}");
        let wire = wire.replacen("    ops:\n", &ops, 1);
        wire.replacen("    response:\n", &format!("    response:\n{response}"), 1)
    };
    let keys =
        |depth: usize| format!("      meta/grown: {}$id{}\n", "{a|b: ".repeat(depth), "}".repeat(depth));
    let deep = |depth: usize| format!("      meta/deep: {}$id{}\n", "{a: ".repeat(depth), "}".repeat(depth));
    let focus = |depth: usize| {
        format!("      $.a: {}meta: {{id: $id}}{}\n", "{$.a: ".repeat(depth) + "{", "}".repeat(depth + 1))
    };
    let lists = |depth: usize| {
        format!(
            "      $.a[]: {}meta: {{id: $id}}{}\n",
            "{\"$.a[]\": ".repeat(depth) + "{",
            "}".repeat(depth + 1)
        )
    };
    let uses = "      $.grown: {$use: t0}\n";
    let nots = format!("    rules: [{{if: {}stream, error: true, why: no}}]\n", "not ".repeat(20_000));
    for text in [
        grown(&chain(5000, false), uses),
        grown(&chain(38, true), uses),
        grown(&chain(20, true), uses),
        grown("", &keys(30)),
        grown("", &deep(30)),
        grown("", &deep(120)),
        grown("", &focus(28)),
        grown("", &lists(28)),
        wire.replacen("    rules:\n", &format!("{nots}    ignored:\n"), 1),
        wire.replacen("failure: {", "failure: {again: {$use: failure}, ", 1),
        wire.replacen(
            "    usage: {",
            &format!("    usage: {{{}a|b: $input{}, ", "a|b: {".repeat(20), "}".repeat(20)),
            1,
        ),
    ] {
        survives(&text);
    }
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}
