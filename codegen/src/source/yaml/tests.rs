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

#[test]
fn dump() {
    for text in [
        "a: 1\nb: [x, 'y z' , {k: v}] # c\nc:\n  - d\n  - e: f\n\n# end\n",
        "ä: 'ö'  \n漢: \"x\\n\" \r\nz: 🦀 crab   # c\r\n",
        "a: |\n  x\n  y\n\nb: >-\n  z\n",
        "a:\nb: ~\nc:\n  -\n  - x\n",
        "- a\n-   - b\n    - c\n",
        "? a\n: b\n\"q k\" : c\n1: d\ntrue: e\nnull: f\n",
        "a: multi\n  line plain\nb: \"multi\n  line\"\n",
    ] {
        println!("{:#?}", texts(text));
    }
    for text in ["a: &x 1\nb: *x\n<<: *x\nc: !!str 1\nd: !foo {a: 1}\ne: &y\n  z: 1\n", "a: 1\n---\nb: 2\n", "{a: 1}: 2\n", "a: b: c\n", "a:\n\t- b\n", "a: [1, 2\n", "a: *nope\n", "a: \"x\n", "a: 1\n b: 2\n", "a: .inf\nb: 1\nb: 2\n", "", "# c\n", "---\n", "%YAML 1.1\n---\na: 1\n", "x: \u{1}", &"[".repeat(300),&"- ".repeat(300),&"{a: ".repeat(300), &"? ".repeat(300)] {
        let mut map = SourceMap::default();
        let file = map.add("a.yaml", text.to_owned());
        let mut sink = Sink::default();
        let node = parse(file, text, &mut sink);
        println!("{}{:?}", crate::diagnostic::render(&map, &sink.into_sorted(), crate::diagnostic::Color::Never), node.is_some());
    }
}
