//! What every input must survive: the same function runs in the bounded test and under cargo-fuzz.

use std::path::Path;

use typewright_codegen::diagnostic::{Color, Diagnostic, Sink, render, to_json};
use typewright_codegen::dialect;
use typewright_codegen::schema::{self, Kind};
use typewright_codegen::source::{Node, SourceMap, Span, load_bytes, yaml};

/// Reads `bytes` as a file of either format, and checks the laws that hold for any input: every place lies in the text
/// and between characters, and everything that was said can be shown.
pub(super) fn front_end(bytes: &[u8]) {
    let (mut map, mut sink) = (SourceMap::default(), Sink::default());
    if let Some(file) = load_bytes(&mut map, Path::new("fuzz.yaml"), bytes.to_vec(), &mut sink) {
        let text = map.file(file).text.clone();
        if let Some(node) = yaml::parse(file, &text, &mut sink) {
            places(&node, &text);
            read(&node, &mut sink);
        }
    }
    let diagnostics = sink.into_sorted();
    diagnostics.iter().for_each(|diagnostic| shown(diagnostic, &map));
    assert_eq!(render(&map, &diagnostics, Color::Never).is_empty(), diagnostics.is_empty());
    assert_eq!(to_json(&map, &diagnostics).lines().count(), diagnostics.len());
}

fn read(node: &Node, sink: &mut Sink) {
    match Kind::of(node) {
        Kind::Provider => drop(schema::provider::read(node, sink)),
        Kind::Dialect => {
            schema::validate(node, Kind::Dialect, sink);
            dialect::parse::dialect(node, sink);
        }
    }
}

fn places(node: &Node, text: &str) {
    within(node.span, text);
    for entry in node.as_map().unwrap_or_default() {
        within(entry.key_span, text);
        places(&entry.value, text);
    }
    node.as_seq().unwrap_or_default().iter().for_each(|item| places(item, text));
}

fn within(span: Span, text: &str) {
    assert!(text.get(span.start as usize..span.end as usize).is_some(), "{span:?} does not lie in the text");
}

fn shown(diagnostic: &Diagnostic, map: &SourceMap) {
    let (_, line, column) = map.locate(diagnostic.span);
    assert!(line > 0 && column > 0);
    if diagnostic.code != "TW0102" {
        within(diagnostic.span, &map.file(diagnostic.span.file).text);
    }
}
