//! What the reader takes, refuses, and where it says that things stand.

use super::*;
use crate::source::SourceMap;

fn read(text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    let mut map = SourceMap::default();
    let file = map.add("a.yaml", text.to_owned());
    let mut sink = Sink::default();
    (parse(file, text, &mut sink), sink.into_sorted())
}

/// The text that each node's span covers, depth first, keys as `key=`.
fn texts(text: &str) -> Vec<String> {
    fn walk(text: &str, node: &Node, out: &mut Vec<String>) {
        let cover = |span: Span| text[span.start as usize..span.end as usize].to_owned();
        out.push(cover(node.span));
        for entry in node.as_map().unwrap_or_default() {
            out.push(cover(entry.key_span) + "=");
            walk(text, &entry.value, out);
        }
        for item in node.as_seq().unwrap_or_default() {
            walk(text, item, out);
        }
    }
    let (node, found) = read(text);
    assert_eq!(found, [], "{text:?}");
    let mut out = Vec::new();
    walk(text, &node.unwrap(), &mut out);
    out
}

/// What is reported, and the text at its place.
fn refused(text: &str) -> Vec<(&'static str, String)> {
    let place = |found: &Diagnostic| text[found.span.start as usize..found.span.end as usize].to_owned();
    read(text).1.iter().map(|found| (found.code, place(found))).collect()
}

#[test]
fn spans_are_exact() {
    assert_eq!(
        texts("a: 1\nb: [x, 'y z' , {k: v}] # c\nc:\n  - d\n  - e: f\n\n# end\n"),
        [
            "a: 1\nb: [x, 'y z' , {k: v}] # c\nc:\n  - d\n  - e: f",
            "a=",
            "1",
            "b=",
            "[x, 'y z' , {k: v}]",
            "x",
            "'y z'",
            "{k: v}",
            "k=",
            "v",
            "c=",
            "- d\n  - e: f",
            "d",
            "e: f",
            "e=",
            "f",
        ]
    );
}

#[test]
fn spans_are_exact_behind_wide_characters_and_foreign_line_ends() {
    let text = "ä: 'ö'  \n漢: \"x\\n\" \r\nz: 🦀 crab   # c\r\n";
    assert_eq!(texts(text)[1..], ["ä=", "'ö'", "漢=", "\"x\\n\"", "z=", "🦀 crab"]);
}

#[test]
fn a_missing_value_stands_at_its_key() {
    assert_eq!(texts("a:\nb: ~\nc: x\n")[1..], ["a=", "a", "b=", "~", "c=", "x"]);
}

#[test]
fn keys_are_what_was_written() {
    let keys = texts("? a\n: b\n\"q k\" : c\n1: d\ntrue: e\nnull: f\n");
    let keys: Vec<_> = keys.iter().filter_map(|text| text.strip_suffix('=')).collect();
    assert_eq!(keys, ["a", "\"q k\"", "1", "true", "null"]);
    let (node, _) = read("\"q k\": 1\n1.50: 2\n");
    let node = node.unwrap();
    let keys: Vec<_> = node.as_map().unwrap().iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(keys, ["q k", "1.50"]);
}

#[test]
fn quoted_and_block_scalars_are_strings() {
    let (node, _) = read("a: '1'\nb: \"true\"\nc: |\n  null\nd: >-\n  x\n  y\n");
    let node = node.unwrap();
    for (key, text) in [("a", "1"), ("b", "true"), ("c", "null\n"), ("d", "x y")] {
        assert_eq!(node.get(key).unwrap().as_str(), Some(text));
    }
}

#[test]
fn what_a_dialect_has_better_words_for_is_refused_once_each() {
    let text = "a: &x 1\nb: *x\n<<: *x\nc: !!str 1\nd: !foo {a: 1}\ne: &y\n  z: 1\n";
    let expected = [
        ("TW0107", "&x"),
        ("TW0107", "*x"),
        ("TW0108", "<<"),
        ("TW0109", "!!str 1"),
        ("TW0109", "!foo"),
        ("TW0107", "&y"),
    ];
    assert_eq!(refused(text), expected.map(|(code, text)| (code, text.to_owned())));
}

#[test]
fn a_file_is_one_document() {
    assert_eq!(refused("a: 1\n---\nb: 2\n"), [("TW0110", "---".to_owned())]);
    assert!(read("%YAML 1.2\n---\na: 1\n...\n").1.is_empty());
    for empty in ["", "\n", "# c\n", "---\n", "\u{feff}"] {
        assert_eq!(read(empty).1[0].code, "TW0113", "{empty:?}");
    }
}

#[test]
fn both_places_of_a_duplicate_key_are_shown() {
    let found = &read("a: 1\nb: {c: 1, c: 2}\na: 3\n").1;
    let places: Vec<_> = found.iter().map(|d| (d.code, d.related[0].0.start, d.span.start)).collect();
    assert_eq!(places, [("TW0106", 9, 15), ("TW0106", 0, 21)]);
}

#[test]
fn nesting_is_bounded() {
    let deepest = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    assert!(read(&deepest).0.is_some());
    for opener in ["[", "{", "- ", "? ", "{a: "] {
        assert_eq!(read(&opener.repeat(10_000)).1[0].code, "TW0105", "{opener:?}");
    }
}

#[test]
fn a_syntax_error_ends_the_file() {
    for (text, place) in
        [("a: b: c\n", ": c"), ("a:\n\t- b\nc: :\n", "\t- b"), ("a: 1\n b: 2\n", ": 2"), ("a: \"x\n", "\"x")]
    {
        let (node, found) = read(text);
        assert!(node.is_none() && found.len() == 1 && found[0].code == "TW0101", "{text:?} {found:?}");
        let at = text.find(place).unwrap() as u32;
        assert!((at..=at + 1).contains(&found[0].span.start), "{text:?} {:?}", found[0].span);
    }
}

#[test]
fn control_characters_are_no_yaml() {
    for text in ["a: \u{0}", "\u{7}", "a: b\u{7f}", "\u{85}\u{fffe}"] {
        assert_eq!(read(text).1[0].code, "TW0103", "{text:?}");
    }
}
