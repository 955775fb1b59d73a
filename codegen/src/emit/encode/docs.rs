//! Doc comments: the wire shape that a function writes, in the notation of the dialect.

use crate::ir::encode::{Alt, Node, NodeKind, Piece, Row, Run, Table, Value, Write};

/// A longer shape is cut in the middle of nowhere rather than wrapped.
const WIDTH: usize = 160;

/// The lines for a table: one a row.
pub(super) fn table(table: &Table) -> Vec<String> {
    let of = if table.sum.is_empty() { &table.name } else { &table.sum };
    let mut lines =
        vec![format!("The table `{}`: a {} as JSON.", table.name, of.replace('_', " ")), String::new()];
    lines.extend(table.rows.iter().flat_map(bullets));
    lines
}

/// A heading and the shapes of all rows.
pub(super) fn row_lines(table: &Table, heading: &str) -> Vec<String> {
    let mut lines = vec![heading.to_owned(), String::new()];
    lines.extend(
        table.rows.iter().flat_map(|row| row.alts.iter()).map(|alt| format!("`{}`", cut(&alternative(alt)))),
    );
    lines
}

/// The shape of a body, for `encode`.
pub(super) fn body(alt: &Alt) -> String {
    let NodeKind::Object(entries) = &alt.node.kind else { return cut(&alternative(alt)) };
    let keys: Vec<&str> = entries.iter().filter_map(|entry| entry.key.as_deref()).collect();
    format!("{{{}}}", keys.join(", "))
}

fn bullets(row: &Row) -> Vec<String> {
    row.alts.iter().map(|alt| format!("- `{}`: `{}`", row.variant, cut(&alternative(alt)))).collect()
}

fn cut(text: &str) -> String {
    let text = text.replace('`', "'");
    if text.chars().count() <= WIDTH { text } else { text.chars().take(WIDTH).chain(['…']).collect() }
}

fn alternative(alt: &Alt) -> String {
    shape(&alt.node)
}

fn shape(node: &Node) -> String {
    match &node.kind {
        NodeKind::Const(json) => json.trim_matches('"').to_owned(),
        NodeKind::Value(value) => slot(value),
        NodeKind::Template(pieces) => pieces.iter().map(piece).collect(),
        NodeKind::Object(entries) => {
            let entry = |(key, node): (Option<&str>, &Node)| match key {
                Some(key) => format!("{key}: {}", shape(node)),
                None => shape(node),
            };
            let entries: Vec<String> =
                entries.iter().map(|field| entry((field.key.as_deref(), &field.node))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        NodeKind::List(items) => format!("[{}]", items.iter().map(shape).collect::<Vec<_>>().join(", ")),
        NodeKind::If { then, .. } => shape(then),
        NodeKind::One(alts) => alts.iter().map(alternative).collect::<Vec<_>>().join(" or "),
        NodeKind::Runs(runs) => {
            runs.iter().map(|run: &Run| alternative(&run.alt)).collect::<Vec<_>>().join(", ")
        }
        NodeKind::Absent => "nothing".to_owned(),
    }
}

fn piece(piece: &Piece) -> String {
    match piece {
        Piece::Text(text) => text.clone(),
        Piece::Value(value) => format!("${{{}}}", value.field.name),
    }
}

fn slot(value: &Value) -> String {
    let (select, codec) = match &value.write {
        Write::List { select, .. } => (select.join("+"), ""),
        Write::Collapse { select, .. } => (select.join("+"), "|collapse"),
        Write::Concat { select } => (select.join("+"), "|concat"),
        Write::Quoted => (String::new(), "|json"),
        Write::Arguments => (String::new(), "|object"),
        Write::NotBool => (String::new(), "|not"),
        _ => (String::new(), ""),
    };
    let dot = if select.is_empty() { "" } else { "." };
    format!("${}{dot}{select}{codec}", value.field.name)
}
