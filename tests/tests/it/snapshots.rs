//! What a person reviews when the compiler changes: the IR and the code of a small torture provider, and what the
//! generated crates offer their users, as a list.

use std::fs;

use typewright_codegen::diagnostic::Sink;
use typewright_codegen::dialect::parse;
use typewright_codegen::lower;
use typewright_codegen::schema;
use typewright_codegen::source::{Entry, Node, SourceMap, Value, yaml};

use crate::folder::root;
use crate::{built, offered, quality};

/// The invented wire.
const KESTREL: &str = include_str!("invented/kestrel.yaml");

/// The most that anybody reads.
const LONGEST: u64 = 60_000;

/// A dump to be read: indented by one, wrappers of a single value on its line, no closing lines, and without spans,
/// which move with every line of the provider file, and what is not there.
fn compact(dump: &str) -> String {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut span = None;
    for line in dump.lines() {
        let text = line.trim_start();
        let depth = (line.len() - text.len()) / 4;
        if span.is_some_and(|at| depth > at) || span.take().is_some() {
            continue;
        }
        let is_nothing =
            [": None,", ": [],", ": false,", ": {},"].iter().any(|nothing| text.ends_with(nothing));
        if text.starts_with("span: Span {") || text.starts_with("key_span: Span {") {
            span = Some(depth);
        } else if !is_nothing {
            lines.push((depth, text.to_owned()));
            fold(&mut lines);
        }
    }
    let is_closing = |text: &str| matches!(text, ")" | ")," | "}" | "}," | "]" | "],");
    let kept = lines.iter().filter(|(_, text)| !is_closing(text));
    kept.map(|(depth, text)| format!("{}{}\n", " ".repeat(*depth), text.trim_end_matches(','))).collect()
}

/// `Some(`, `1,`, `),` at the end become `Some(1),`.
fn fold(lines: &mut Vec<(usize, String)>) {
    if let [.., (outer, open), (_, inner), (depth, close)] = &lines[..]
        && open.ends_with('(')
        && close.starts_with(')')
        && outer == depth
        && !inner.ends_with(['(', '{', '['])
    {
        let whole = (*outer, format!("{open}{}{close}", inner.trim_end_matches(',')));
        lines.truncate(lines.len() - 3);
        lines.push(whole);
    }
}

#[test]
fn dumps_are_short_and_say_what_is_there() {
    let dump = "A {\n    span: Span {\n        start: 1,\n    },\n    b: [\n        B(\n            Some(\n                1,\n            ),\n        ),\n    ],\n    c: None,\n    d: \"x\",\n}";
    assert_eq!(compact(dump), "A {\n b: [\n  B(Some(1))\n d: \"x\"\n");
}

#[test]
fn the_ir_of_an_invented_wire() {
    let (mut sources, mut sink) = (SourceMap::default(), Sink::default());
    let file = sources.add("kestrel.yaml", KESTREL.to_owned());
    let node = yaml::parse(file, KESTREL, &mut sink).unwrap();
    let provider = schema::provider::read(&node, &mut sink).unwrap();
    let dialect = parse::dialect(&own(&node), &mut sink).unwrap();
    let [chat] = &dialect.operations[..] else { panic!("one operation") };
    let encode = lower::encode::lower(&dialect, chat, &provider, &mut sink);
    let decode = lower::decode::lower(chat, &mut sink);
    assert!(sink.is_empty());
    insta::assert_snapshot!("kestrel_provider", compact(&format!("{provider:#?}")));
    insta::assert_snapshot!("kestrel_encode", compact(&format!("{encode:#?}")));
    insta::assert_snapshot!("kestrel_decode", compact(&format!("{decode:#?}")));
}

/// A provider's own operations as the dialect that they are.
fn own(provider: &Node) -> Node {
    let named = provider.entry("name").unwrap();
    let name = Entry { key: "dialect".to_owned(), ..named.clone() };
    let operations = provider.entry("operations").unwrap().clone();
    Node { value: Value::Map(vec![name, operations]), span: provider.span }
}

#[test]
fn the_code_of_an_invented_wire() {
    for file in ["wire", "lib", "models", "options"] {
        insta::assert_snapshot!(
            format!("kestrel_{file}_rs"),
            built::generated(&format!("kestrel/src/{file}.rs"))
        );
    }
}

#[test]
fn what_generated_crates_offer() {
    for folder in quality::generated() {
        let name = folder.trim_start_matches("generated/");
        insta::assert_snapshot!(format!("offered_{name}"), offered::by(&root().join(&folder).join("src")));
    }
}

#[test]
fn no_snapshot_is_longer_than_anybody_reads() {
    let folder = root().join("tests/tests/it/snapshots");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "snap") {
            seen += 1;
            let size = fs::metadata(&path).unwrap().len();
            assert!(size <= LONGEST, "{}: {size}", path.display());
        }
    }
    assert!(seen > 10, "{seen} snapshots");
}
