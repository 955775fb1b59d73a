//! Lowering shapes: JSON with slots to [`Node`]s, and the strings of paths, queries and headers.

use super::{Lower, Scope};
use crate::diagnostic::Diagnostic;
use crate::dialect::ast::{self, Const, Labelled, Shape, ShapeKind, Slot};
use crate::ir::encode::{Alt, Cond, Entry, FieldRef, Node, NodeKind, Piece, Test, Value, Write};
use crate::source::Span;
use crate::vocabulary::{self, Read, Ty};

impl Lower<'_> {
    /// A shape as an alternative: guards around it become conditions, its must-slots what it is chosen by.
    pub(super) fn alt(&mut self, scope: &Scope, shape: &Shape) -> Alt {
        let outer = std::mem::take(&mut self.musts);
        let mut conds = Vec::new();
        let mut inner = shape;
        while let ShapeKind::If { cond, then } = &inner.kind {
            conds.push(self.pred(scope, cond));
            inner = then;
        }
        let before = (self.sink.len(), self.wrongs);
        let node = self.node(scope, inner);
        if (self.sink.len(), self.wrongs) != before {
            // What was reported in it may be what it is chosen by.
            conds.push(Cond::All(Vec::new()));
        }
        if let NodeKind::Value(value) = &node.kind
            && value.field.optional
            && !self.musts.contains(&value.field)
        {
            self.musts.push(value.field.clone());
        }
        let musts = std::mem::replace(&mut self.musts, outer);
        self.check_sources(&musts, shape.span);
        Alt { conds, musts, node, span: shape.span }
    }

    /// Bytes, URL and id of media exclude each other.
    fn check_sources(&mut self, musts: &[FieldRef], span: Span) {
        let mut sources = musts.iter().filter_map(|field| match field.read {
            Read::Source(source) => Some((source, &field.name)),
            _ => None,
        });
        let Some((first, name)) = sources.next() else { return };
        if let Some((_, other)) = sources.find(|(source, _)| *source != first) {
            self.report(
                Diagnostic::error("TW0508", span, format!("no media has both `{name}` and `{other}`"))
                    .label("never written")
                    .note("media are given by URL, by bytes (`mime`, `data`) or by id (`file_id`)")
                    .help("write one row for each, such as `image/url` and `image/bytes`"),
            );
        }
    }

    /// A shape; what is wrong or never sent becomes [`NodeKind::Absent`].
    pub(super) fn node(&mut self, scope: &Scope, shape: &Shape) -> Node {
        let kind = match &shape.kind {
            ShapeKind::Const(value) => self.constant(value, shape.span),
            ShapeKind::Slot(slot) => self.slot(scope, slot),
            ShapeKind::Template(pieces) => self.template(scope, pieces),
            ShapeKind::Object(fields) => NodeKind::Object(self.entries(scope, fields)),
            ShapeKind::List(items) => {
                NodeKind::List(items.iter().map(|item| self.node(scope, item)).collect())
            }
            ShapeKind::If { cond, then } => {
                NodeKind::If { cond: self.pred(scope, cond), then: Box::new(self.node(scope, then)) }
            }
            ShapeKind::One(rows) => NodeKind::One(self.alternatives(scope, rows)),
            ShapeKind::Absent => NodeKind::Absent,
            ShapeKind::Wrong(texts) => {
                self.wrongs += 1;
                texts.iter().for_each(|text| self.assume_slots(text));
                NodeKind::Absent
            }
            ShapeKind::RawIf(_) => self.raw(scope, shape.span),
            ShapeKind::Use(table) => self.used(scope, &table.value, false, table.span),
            ShapeKind::Runs(rows) => self.runs(scope, rows, shape.span),
            ShapeKind::Linear(terms) => {
                terms.iter().for_each(|term| self.assume_slots(&format!("${}", term.slot.path.join("."))));
                self.misplaced("a sum", "sums stand in `usage` and in the `set` of rules", shape.span)
            }
        };
        Node { kind, span: shape.span }
    }

    fn misplaced(&mut self, what: &str, help: &str, span: Span) -> NodeKind {
        self.report(
            Diagnostic::error("TW0516", span, format!("{what} cannot stand in a request here"))
                .label("not here")
                .help(help),
        );
        NodeKind::Absent
    }

    fn constant(&mut self, value: &Const, span: Span) -> NodeKind {
        let json = match value {
            Const::Null => "null".to_owned(),
            Const::Bool(value) => value.to_string(),
            Const::Number(text) if serde_json::from_str::<serde_json::Number>(text).is_ok() => text.clone(),
            Const::Number(text) => return self.misplaced(&format!("`{text}`"), "write a JSON number", span),
            Const::Str(text) => quoted(text),
        };
        NodeKind::Const(json)
    }

    fn slot(&mut self, scope: &Scope, slot: &Slot) -> NodeKind {
        if let Some(status) = self.error_status(scope, slot) {
            return status;
        }
        let value = self.value(scope, slot);
        if let Some(table) = value.as_ref().and_then(|value| table_of(&value.write)) {
            let table = table.to_owned();
            self.need(&table, false, slot.span);
        }
        match (value, &slot.fallback) {
            (Some(value), Some(other)) => self.fallback(scope, value, slot, other),
            (Some(value), None) => NodeKind::Value(value),
            (None, Some(other)) => self.node(scope, other).kind,
            (None, None) => NodeKind::Absent,
        }
    }

    /// `$a ?? b`: `a` where it is there, otherwise `b`.
    fn fallback(&mut self, scope: &Scope, value: Value, slot: &Slot, other: &Shape) -> NodeKind {
        if !value.field.optional {
            self.report(
                Diagnostic::error(
                    "TW0504",
                    slot.span,
                    format!("`{}` is always there, so `??` says nothing", value.field.name),
                )
                .label("never absent")
                .help(format!("write `${}`", slot.path.join("."))),
            );
        }
        self.musts.retain(|must| *must != value.field);
        let node = Node { kind: NodeKind::Value(value.clone()), span: slot.span };
        let first = Alt { conds: Vec::new(), musts: vec![value.field], node, span: slot.span };
        let second = self.alt(scope, other);
        NodeKind::One(vec![first, second])
    }

    /// `$is_error|error_status`: `error`, or nothing.
    fn error_status(&mut self, scope: &Scope, slot: &Slot) -> Option<NodeKind> {
        let [codec] = slot.codecs.as_slice() else { return None };
        if codec.value != "error_status" {
            return None;
        }
        let value = self.value(scope, &Slot { codecs: Vec::new(), ..slot.clone() })?;
        if value.write != Write::Bool {
            return None;
        }
        let then = Node { kind: NodeKind::Const(quoted("error")), span: slot.span };
        Some(NodeKind::If { cond: Cond::Is(value.field, Test::Bool(true)), then: Box::new(then) })
    }

    fn template(&mut self, scope: &Scope, pieces: &[ast::Piece]) -> NodeKind {
        let mut out = Vec::new();
        for piece in pieces {
            match piece {
                ast::Piece::Text(text) => out.push(Piece::Text(text.clone())),
                ast::Piece::Slot(slot) => {
                    if matches!(out.last(), Some(Piece::Value(_))) {
                        self.touching(slot.span);
                    }
                    out.extend(self.template_slot(scope, slot).map(Piece::Value));
                }
            }
        }
        NodeKind::Template(out)
    }

    fn touching(&mut self, span: Span) {
        self.report(
            Diagnostic::error("TW0507", span, "two slots of a template touch")
                .label("begins where the other ends")
                .note("read backwards, nobody could tell where one ends")
                .help("put a literal between them"),
        );
    }

    fn template_slot(&mut self, scope: &Scope, slot: &Slot) -> Option<Value> {
        let value = self.value(scope, slot)?;
        if value.field.ty.is_text() || value.field.ty == Ty::Bytes {
            return Some(value);
        }
        self.report(
            Diagnostic::error(
                "TW0502",
                slot.span,
                format!("`{}` cannot be part of a string", value.field.name),
            )
            .label(format!("{} -> Str", value.field.ty.name()))
            .help("only text, integers and bytes can"),
        );
        None
    }

    fn entries(&mut self, scope: &Scope, fields: &[ast::Field]) -> Vec<Entry> {
        fields.iter().map(|field| self.entry(scope, field)).collect()
    }

    fn entry(&mut self, scope: &Scope, field: &ast::Field) -> Entry {
        if let (ShapeKind::Use(table), None) = (&field.shape.kind, field.keys.first()) {
            let kind = self.used(scope, &table.value, true, table.span);
            return Entry { key: None, node: Node { kind, span: table.span } };
        }
        Entry { key: field.keys.first().cloned(), node: self.node(scope, &field.shape) }
    }

    fn alternatives(&mut self, scope: &Scope, rows: &[Labelled]) -> Vec<Alt> {
        let alts: Vec<Alt> = rows.iter().map(|row| self.alt(scope, &row.shape)).collect();
        self.check_reachable(&alts);
        alts
    }

    /// Reports alternatives behind one that always applies.
    pub(super) fn check_reachable(&mut self, alts: &[Alt]) {
        let Some(at) = alts.iter().position(Alt::is_unconditional) else { return };
        for alt in &alts[at + 1..] {
            self.report(
                Diagnostic::error("TW0508", alt.span, "this alternative is never reached")
                    .label("not reached")
                    .related(alts[at].span, "this one always applies")
                    .help("move it up, or give the one before it a guard (`$if`) or a must-slot (`$field!`)"),
            );
        }
    }

    fn raw(&mut self, scope: &Scope, span: Span) -> NodeKind {
        let slot = Slot {
            path: vec!["raw".to_owned()],
            must: false,
            select: Vec::new(),
            codecs: Vec::new(),
            fallback: None,
            span,
        };
        self.slot(scope, &slot)
    }

    /// `$use: table`: the table of the request's field of that name, or the part at hand.
    fn used(&mut self, scope: &Scope, name: &str, merged: bool, span: Span) -> NodeKind {
        let field = match vocabulary::subject("request").and_then(|request| request.field(name)) {
            Some(field) if matches!(field.ty, Ty::Table(_)) => super::slots::reference(field, "r"),
            _ if name == "part" && !merged => part_at_hand(),
            _ => {
                let known: Vec<&str> = vocabulary::SUMS.iter().map(|sum| sum.name).collect();
                self.report(
                    Diagnostic::error("TW0506", span, format!("`$use: {name}` is no table of a request"))
                        .label("cannot be used here")
                        .suggest(name, known),
                );
                return NodeKind::Absent;
            }
        };
        self.note(scope, &field);
        self.need(name, merged, span);
        NodeKind::Value(Value { field, write: Write::Table(name.to_owned()) })
    }

    /// Query parameters or headers.
    pub(super) fn parameters(&mut self, fields: &[ast::Field]) -> Vec<Entry> {
        let named = fields.iter().filter(|field| !field.keys.is_empty());
        named.map(|field| Entry { key: field.keys.first().cloned(), node: self.text(&field.shape) }).collect()
    }

    /// A shape of which only text may come: a path, a parameter.
    pub(super) fn text(&mut self, shape: &Shape) -> Node {
        let scope = self.request_scope();
        let node = self.node(&scope, shape);
        self.musts.clear();
        self.check_text(&node);
        node
    }

    fn check_text(&mut self, node: &Node) {
        match &node.kind {
            NodeKind::Const(_) | NodeKind::Template(_) | NodeKind::Absent => {}
            NodeKind::Value(value) if is_text(value) => {}
            NodeKind::If { then, .. } => self.check_text(then),
            NodeKind::One(alts) => alts.iter().for_each(|alt| self.check_text(&alt.node)),
            NodeKind::List(items) => items.iter().for_each(|item| self.check_text(item)),
            _ => {
                let problem = Diagnostic::error("TW0502", node.span, "only text can stand here")
                    .label("is no text")
                    .help("paths, query parameters and headers are strings");
                self.report(problem);
            }
        }
    }
}

fn is_text(value: &Value) -> bool {
    let ty = value.field.ty;
    ty.is_text() || ty == Ty::Bool || value.field.read == Read::Option
}

fn table_of(write: &Write) -> Option<&str> {
    match write {
        Write::Table(table) | Write::List { table, .. } | Write::Collapse { table, .. } => Some(table),
        _ => None,
    }
}

/// The part that a row of `$runs` takes.
fn part_at_hand() -> FieldRef {
    let field = vocabulary::Field::always("piece", Ty::Table("part")).read(Read::Payload);
    super::slots::reference(&field, "piece")
}

/// A JSON string.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
