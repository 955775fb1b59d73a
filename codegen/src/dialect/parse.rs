//! From the YAML tree of a dialect to the [`super::ast`].
//!
//! Reads form only: which sections there are, which entries are rows, focuses or groups. What slots, tables and
//! operations mean is the business of [`crate::lower`].

use super::ast::{
    Dialect, Each, EnumTable, Errors, Field, Labelled, OpEntry, OpTable, Operation, Pred, Row, Rule, RuleAction, Shape,
    ShapeKind, Spanned, Stream, Table,
};
use super::scalar::{self, Scalar};
use super::words;
use crate::diagnostic::{Diagnostic, Sink};
use crate::source::{Entry, Node, Span, Value};


/// Tables whose rows are the variants of a canonical sum type (or one shape of a canonical struct).
pub const VARIANT_TABLES: &[&str] =
    &["message", "part", "system", "tool", "tool_choice", "format", "reasoning", "cache"];

/// Tables that translate the words of an enum.
pub const ENUM_TABLES: &[&str] = &["finish", "effort"];

const SECTIONS: &[&str] = &[
    "http", "policies", "unsupported", "limits", "rules", "request", "response", "stream", "usage", "errors", "ops", "shapes",
];

/// Reads a dialect document.
pub fn dialect(node: &Node, sink: &mut Sink) -> Option<Dialect> {
    let name = node.get("dialect").and_then(|name| text(name, sink))?;
    let operations = entries(node.get("operations")?, "operations", sink)?;
    let operations = operations.iter().filter_map(|entry| operation(entry, sink)).collect();
    Some(Dialect { name, operations })
}

fn operation(entry: &Entry, sink: &mut Sink) -> Option<Operation> {
    let name = key(entry);
    if !words::OPERATIONS.contains(&entry.key.as_str()) {
        let problem = Diagnostic::error("TW0404", entry.key_span, format!("unknown operation `{}`", entry.key));
        sink.push(problem.label("not an operation").suggest(&entry.key, words::OPERATIONS.iter().copied()));
        return None;
    }
    let node = &entry.value;
    let sections = entries(node, "an operation", sink)?;
    report_unknown_sections(sections, sink);
    let http = node.get("http");
    let method = http.and_then(|http| http.get("method")).and_then(|method| text(method, sink));
    Some(Operation {
        name: name.clone(),
        method: method.unwrap_or(Spanned { value: "POST".to_owned(), span: entry.key_span }),
        path: http.and_then(|http| http.get("path")).and_then(|path| shape(path, sink)),
        query: http.and_then(|http| http.get("query")).map(|query| fields(query, sink)).unwrap_or_default(),
        headers: http.and_then(|http| http.get("headers")).map(|headers| fields(headers, sink)).unwrap_or_default(),
        policies: pairs(node.get("policies"), "policies", sink),
        unsupported: texts(node.get("unsupported"), "unsupported", sink),
        limits: pairs(node.get("limits"), "limits", sink),
        rules: items(node.get("rules"), "rules", sink).iter().filter_map(|rule| self::rule(rule, sink)).collect(),
        body: node.get("request").and_then(|request| request.get("body")).and_then(|body| shape(body, sink)),
        tables: sections.iter().filter(|e| VARIANT_TABLES.contains(&e.key.as_str())).filter_map(|e| table(e, sink)).collect(),
        enums: sections.iter().filter(|e| ENUM_TABLES.contains(&e.key.as_str())).map(|e| enum_table(e, sink)).collect(),
        usage: node.get("usage").and_then(|usage| shape(usage, sink)),
        op_tables: named(node.get("ops"), "ops", sink, op_table),
        shapes: named(node.get("shapes"), "shapes", sink, shape),
        response: node.get("response").and_then(|response| op_table(response, sink)),
        stream: node.entry("stream").and_then(|stream| self::stream(stream, sink)),
        errors: node.get("errors").map(|errors| self::errors(errors, sink)),
        span: entry.key_span,
    })
}

fn report_unknown_sections(sections: &[Entry], sink: &mut Sink) {
    let known = || SECTIONS.iter().chain(VARIANT_TABLES).chain(ENUM_TABLES).copied();
    for entry in sections.iter().filter(|entry| !known().any(|name| name == entry.key)) {
        sink.push(
            Diagnostic::error("TW0405", entry.key_span, format!("unknown section `{}` of an operation", entry.key))
                .label("not a section or table")
                .suggest(&entry.key, known()),
        );
    }
}

// ---- plain helpers over nodes ----

fn key(entry: &Entry) -> Spanned<String> {
    Spanned { value: entry.key.clone(), span: entry.key_span }
}

fn expected(node: &Node, what: &str, sink: &mut Sink) {
    sink.push(
        Diagnostic::error("TW0406", node.span, format!("expected {what}, found {}", node.kind())).label(format!("should be {what}")),
    );
}

fn entries<'a>(node: &'a Node, what: &str, sink: &mut Sink) -> Option<&'a [Entry]> {
    let entries = node.as_map();
    if entries.is_none() {
        expected(node, &format!("a mapping for {what}"), sink);
    }
    entries
}

fn items<'a>(node: Option<&'a Node>, what: &str, sink: &mut Sink) -> &'a [Node] {
    let Some(node) = node else { return &[] };
    let items = node.as_seq();
    if items.is_none() {
        expected(node, &format!("a list for {what}"), sink);
    }
    items.unwrap_or_default()
}

fn text(node: &Node, sink: &mut Sink) -> Option<Spanned<String>> {
    let value = match &node.value {
        Value::Str(text) | Value::Number(text) => text.clone(),
        Value::Bool(value) => value.to_string(),
        _ => {
            expected(node, "a string", sink);
            return None;
        }
    };
    Some(Spanned { value, span: node.span })
}

fn pairs(node: Option<&Node>, what: &str, sink: &mut Sink) -> Vec<(Spanned<String>, Node)> {
    let Some(node) = node else { return Vec::new() };
    let entries = entries(node, what, sink).unwrap_or_default();
    entries.iter().map(|entry| (key(entry), entry.value.clone())).collect()
}

fn texts(node: Option<&Node>, what: &str, sink: &mut Sink) -> Vec<(Spanned<String>, Spanned<String>)> {
    let Some(node) = node else { return Vec::new() };
    let entries = entries(node, what, sink).unwrap_or_default();
    entries.iter().filter_map(|entry| Some((key(entry), text(&entry.value, sink)?))).collect()
}

fn named<T>(
    node: Option<&Node>,
    what: &str,
    sink: &mut Sink,
    read: impl Fn(&Node, &mut Sink) -> Option<T>,
) -> Vec<(Spanned<String>, T)> {
    let Some(node) = node else { return Vec::new() };
    let entries = entries(node, what, sink).unwrap_or_default();
    entries.iter().filter_map(|entry| Some((key(entry), read(&entry.value, sink)?))).collect()
}

/// A dotted name, each segment of it: `reasoning.effort`.
fn words(node: &Node, sink: &mut Sink) -> Vec<Spanned<String>> {
    match node.as_seq() {
        Some(items) => items.iter().filter_map(|item| text(item, sink)).collect(),
        None => text(node, sink).into_iter().collect(),
    }
}

// ---- shapes ----

/// Reads a shape: JSON with slots.
pub fn shape(node: &Node, sink: &mut Sink) -> Option<Shape> {
    use super::ast::Const;
    let kind = match &node.value {
        Value::Null => ShapeKind::Const(Const::Null),
        Value::Bool(value) => ShapeKind::Const(Const::Bool(*value)),
        Value::Number(text) => ShapeKind::Const(Const::Number(text.clone())),
        Value::Str(text) => return scalar::shape(Scalar::new(text, node.span), sink),
        Value::Seq(items) => ShapeKind::List(items.iter().filter_map(|item| shape(item, sink)).collect()),
        Value::Map(entries) => return object(node, entries, sink),
    };
    Some(Shape { kind, span: node.span })
}

fn object(node: &Node, entries: &[Entry], sink: &mut Sink) -> Option<Shape> {
    let at = |kind| Some(Shape { kind, span: node.span });
    if let Some(cond) = node.get("$if") {
        return guarded(node, entries, cond, sink);
    }
    match entries {
        [only] if only.key == "$one" => at(ShapeKind::One(labelled(&only.value, sink))),
        [only] if only.key == "$runs" => at(ShapeKind::Runs(labelled(&only.value, sink))),
        [only] if only.key == "$raw" => at(ShapeKind::RawIf(Box::new(shape(&only.value, sink)?))),
        [only] if only.key == "$use" => at(ShapeKind::Use(text(&only.value, sink)?)),
        _ => at(ShapeKind::Object(object_fields(entries, sink))),
    }
}

fn guarded(node: &Node, entries: &[Entry], cond: &Node, sink: &mut Sink) -> Option<Shape> {
    let cond = predicate(cond, sink)?;
    let then = match node.get("$is") {
        Some(value) => shape(value, sink)?,
        None => {
            let rest: Vec<Entry> = entries.iter().filter(|entry| entry.key != "$if").cloned().collect();
            let rest = Node { value: Value::Map(rest), span: node.span };
            shape(&rest, sink)?
        }
    };
    Some(Shape { kind: ShapeKind::If { cond, then: Box::new(then) }, span: node.span })
}

fn predicate(node: &Node, sink: &mut Sink) -> Option<Pred> {
    let Some(words) = node.as_str() else {
        expected(node, "a predicate", sink);
        return None;
    };
    scalar::predicate(Scalar::new(words, node.span), sink)
}

fn labelled(node: &Node, sink: &mut Sink) -> Vec<Labelled> {
    match &node.value {
        Value::Seq(items) => {
            items.iter().filter_map(|item| Some(Labelled { label: None, shape: shape(item, sink)? })).collect()
        }
        Value::Map(rows) => {
            rows.iter().filter_map(|row| Some(Labelled { label: Some(key(row)), shape: shape(&row.value, sink)? })).collect()
        }
        _ => {
            expected(node, "a list or a mapping of alternatives", sink);
            Vec::new()
        }
    }
}

fn fields(node: &Node, sink: &mut Sink) -> Vec<Field> {
    entries(node, "fields", sink).map(|entries| object_fields(entries, sink)).unwrap_or_default()
}

fn object_fields(entries: &[Entry], sink: &mut Sink) -> Vec<Field> {
    entries.iter().filter_map(|entry| field(entry, sink)).collect()
}

fn field(entry: &Entry, sink: &mut Sink) -> Option<Field> {
    if entry.key == "$use" {
        let table = text(&entry.value, sink)?;
        let shape = Shape { span: table.span, kind: ShapeKind::Use(table) };
        return Some(Field { keys: Vec::new(), key_span: entry.key_span, shape });
    }
    let is_fixed_key = entry.key == "$k" || entry.key == "$k2" || entry.key == "$choice";
    if entry.key.starts_with('$') && !is_fixed_key && !entry.key.starts_with("$frame.") {
        sink.push(
            Diagnostic::error("TW0407", entry.key_span, format!("`{}` cannot stand here", entry.key))
                .label("not a construct that goes beside other keys")
                .suggest(&entry.key, ["$if", "$is", "$one", "$runs", "$raw", "$use"]),
        );
        return None;
    }
    let keys = entry.key.split('|').map(str::to_owned).collect();
    Some(Field { keys, key_span: entry.key_span, shape: shape(&entry.value, sink)? })
}

// ---- variant and enum tables ----

fn table(entry: &Entry, sink: &mut Sink) -> Option<Table> {
    let name = key(entry);
    let variants = words::variants(&entry.key);
    let is_rows = |rows: &[Entry]| rows.iter().all(|row| variants.contains(&variant_of(&row.key).0)) && !rows.is_empty();
    match &entry.value.value {
        Value::Map(rows) if !variants.is_empty() && (is_rows(rows) || !looks_like_one_shape(rows, variants)) => {
            Some(Table { name, rows: rows.iter().filter_map(|row| table_row(row, variants, sink)).collect(), single: false })
        }
        _ => {
            let shape = shape(&entry.value, sink)?;
            let row = Row { variant: "_".to_owned(), alt: None, label_span: entry.key_span, shape };
            Some(Table { name, rows: vec![row], single: true })
        }
    }
}

/// A mapping none of whose keys is a variant is the one shape of the whole table.
fn looks_like_one_shape(rows: &[Entry], variants: &[&str]) -> bool {
    !rows.iter().any(|row| variants.contains(&variant_of(&row.key).0))
}

fn variant_of(label: &str) -> (&str, Option<&str>) {
    label.split_once('/').map_or((label, None), |(variant, alt)| (variant, Some(alt)))
}

fn table_row(entry: &Entry, variants: &[&str], sink: &mut Sink) -> Option<Row> {
    let (variant, alt) = variant_of(&entry.key);
    if !variants.contains(&variant) {
        sink.push(
            Diagnostic::error("TW0408", entry.key_span, format!("`{variant}` is no variant of this table"))
                .label("unknown variant")
                .suggest(variant, variants.iter().copied()),
        );
        return None;
    }
    let shape = shape(&entry.value, sink)?;
    Some(Row { variant: variant.to_owned(), alt: alt.map(str::to_owned), label_span: entry.key_span, shape })
}

fn enum_table(entry: &Entry, sink: &mut Sink) -> EnumTable {
    let rows = named(Some(&entry.value), &entry.key, sink, shape);
    EnumTable { name: key(entry), rows }
}

// ---- operation tables ----

/// Reads an operation table.
pub fn op_table(node: &Node, sink: &mut Sink) -> Option<OpTable> {
    if node.as_str().is_some() {
        let row = raw_row(node, sink)?;
        return Some(OpTable { with: None, entries: vec![row] });
    }
    let mut table = OpTable::default();
    if let Some(verb) = node.get("as").filter(|_| node.get("$use").is_some()) {
        let (used, verb) = (text(node.get("$use")?, sink)?, text(verb, sink)?);
        table.entries.push(OpEntry::Use { table: used, verb: Some(verb) });
        return Some(table);
    }
    for entry in entries(node, "an operation table", sink)? {
        if entry.key == "with" {
            table.with = shape(&entry.value, sink);
        } else {
            table.entries.extend(op_entry(entry, false, sink));
        }
    }
    Some(table)
}

fn raw_row(node: &Node, sink: &mut Sink) -> Option<OpEntry> {
    let shape = shape(node, sink)?;
    Some(OpEntry::Row { op: Spanned { value: vec!["_".to_owned()], span: node.span }, label: None, shape })
}

fn op_entry(entry: &Entry, in_one: bool, sink: &mut Sink) -> Option<OpEntry> {
    if let Some(path) = entry.key.strip_prefix("$.") {
        return focus(entry, path, sink);
    }
    match entry.key.as_str() {
        "$one" => {
            let alternatives = entries(&entry.value, "the alternatives", sink)?;
            let alternatives = alternatives.iter().filter_map(|entry| op_entry(entry, true, sink)).collect();
            Some(OpEntry::One { span: entry.key_span, alternatives })
        }
        "$use" => Some(OpEntry::Use { table: text(&entry.value, sink)?, verb: None }),
        _ if is_operation(&entry.key) && !(entry.key == "_" && is_group(&entry.value)) => op_row(entry, sink),
        _ if in_one => Some(OpEntry::Group { name: key(entry), table: op_table(&entry.value, sink)? }),
        _ => {
            let word = entry.key.split(['.', '/']).next().unwrap_or_default();
            sink.push(
                Diagnostic::error("TW0409", entry.key_span, format!("`{}` is not an operation", entry.key))
                    .label("unknown operation")
                    .suggest(word, words::OPS.iter().copied()),
            );
            None
        }
    }
}

fn is_operation(key: &str) -> bool {
    let word = key.split(['.', '/']).next().unwrap_or_default();
    word == "_" || words::OPS.contains(&word)
}

/// `_:` stands for a nested table if anything in it is an operation, and for a raw row otherwise.
fn is_group(node: &Node) -> bool {
    let is_entry = |key: &str| key.starts_with("$.") || key == "$one" || key == "with" || key == "$use" || is_operation(key);
    node.as_map().is_some_and(|entries| entries.iter().any(|entry| is_entry(&entry.key)))
}

fn op_row(entry: &Entry, sink: &mut Sink) -> Option<OpEntry> {
    let (op, label) = variant_of(&entry.key);
    let op = Spanned { value: op.split('.').map(str::to_owned).collect(), span: entry.key_span };
    Some(OpEntry::Row { op, label: label.map(str::to_owned), shape: shape(&entry.value, sink)? })
}

fn focus(entry: &Entry, path: &str, sink: &mut Sink) -> Option<OpEntry> {
    let (path, each) = match path.split_once('[') {
        None => (path, None),
        Some((path, "]")) => (path, Some(Each { index: None })),
        Some((path, index)) => {
            let index = index.strip_prefix('$').and_then(|index| index.strip_suffix(']')).map(str::to_owned);
            if index.is_none() {
                malformed_focus(entry.key_span, &entry.key, sink);
            }
            (path, Some(Each { index: Some(index?) }))
        }
    };
    let keys: Vec<String> = path.split('.').map(str::to_owned).collect();
    if keys.iter().any(String::is_empty) {
        malformed_focus(entry.key_span, &entry.key, sink);
        return None;
    }
    Some(OpEntry::Focus { path: Spanned { value: keys, span: entry.key_span }, each, table: op_table(&entry.value, sink)? })
}

fn malformed_focus(span: Span, key: &str, sink: &mut Sink) {
    sink.push(
        Diagnostic::error("TW0410", span, format!("`{key}` is not a path"))
            .label("cannot be read")
            .help("write `$.key.key`, `$.key[]` for every element, or `$.key[$k]` to bind the element's index"),
    );
}

// ---- stream, rules and errors ----

fn stream(entry: &Entry, sink: &mut Sink) -> Option<Stream> {
    let node = &entry.value;
    let framing = node.get("framing");
    let missing = |what: &str, sink: &mut Sink| {
        sink.push(
            Diagnostic::error("TW0411", entry.key_span, format!("a stream needs `{what}`")).label("not said here").help(
                "write `framing: {kind: sse, tag: [], sentinel: \"[DONE]\", needs: finish}`",
            ),
        );
    };
    let kind = framing.and_then(|framing| framing.get("kind")).and_then(|kind| text(kind, sink));
    let needs = framing.and_then(|framing| framing.get("needs")).and_then(|needs| text(needs, sink));
    if kind.is_none() {
        missing("framing.kind", sink);
    }
    if needs.is_none() {
        missing("framing.needs", sink);
    }
    let tag = framing.and_then(|framing| framing.get("tag")).map(|tag| words(tag, sink)).unwrap_or_default();
    let events = node.get("events").map(|events| entries(events, "events", sink).unwrap_or_default()).unwrap_or_default();
    Some(Stream {
        framing: kind?,
        tag: tag.into_iter().map(tag_path).collect(),
        sentinel: framing.and_then(|framing| framing.get("sentinel")).and_then(|sentinel| text(sentinel, sink)),
        needs: needs?,
        implicit: node.get("implicit").map(|implicit| words(implicit, sink)).unwrap_or_default(),
        events: events.iter().filter_map(|event| Some((alternatives(event), op_table(&event.value, sink)?))).collect(),
        span: entry.key_span,
    })
}

fn tag_path(tag: Spanned<String>) -> Spanned<Vec<String>> {
    let path = tag.value.trim_start_matches("$.").split('.').map(str::to_owned).collect();
    Spanned { value: path, span: tag.span }
}

fn alternatives(entry: &Entry) -> Spanned<Vec<String>> {
    Spanned { value: entry.key.split('|').map(str::to_owned).collect(), span: entry.key_span }
}

fn rule(node: &Node, sink: &mut Sink) -> Option<Rule> {
    let cond = match node.get("if") {
        Some(cond) => predicate(cond, sink)?,
        None => {
            expected(node, "a rule with `if`", sink);
            return None;
        }
    };
    let why = match node.get("why") {
        Some(why) => text(why, sink)?,
        None => {
            sink.push(
                Diagnostic::error("TW0412", node.span, "a rule needs `why`")
                    .label("does not say why")
                    .help("the text of `why` is what the caller reads when the rule applies"),
            );
            return None;
        }
    };
    Some(Rule { cond, action: rule_action(node, sink)?, why, span: node.span })
}

fn rule_action(node: &Node, sink: &mut Sink) -> Option<RuleAction> {
    if let Some(fields) = node.get("drop") {
        return Some(RuleAction::Drop(words(fields, sink)));
    }
    if let Some(set) = node.get("set").and_then(Node::as_map).and_then(<[Entry]>::first) {
        let clamp = node.get("clamp").and_then(|clamp| shape(clamp, sink));
        return Some(RuleAction::Set { field: key(set), value: shape(&set.value, sink)?, clamp });
    }
    if node.get("error").is_some() {
        return Some(RuleAction::Error);
    }
    sink.push(
        Diagnostic::error("TW0413", node.span, "a rule needs an action")
            .label("does nothing")
            .help("write `drop: [field, …]`, `set: {field: value}` or `error: true`"),
    );
    None
}

fn errors(node: &Node, sink: &mut Sink) -> Errors {
    let body = items(node.get("body"), "errors.body", sink).iter();
    Errors {
        body: body.filter_map(|row| shape(row.get("fail").unwrap_or(row), sink)).collect(),
        code: texts(node.get("code"), "errors.code", sink),
        kind: texts(node.get("kind"), "errors.kind", sink),
        status: texts(node.get("status"), "errors.status", sink),
        retry: node.get("retry").map(|retry| words(retry, sink)).unwrap_or_default(),
        headers: node.get("headers").cloned(),
    }
}
