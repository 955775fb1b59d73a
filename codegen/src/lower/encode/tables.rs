//! Lowering variant tables: rows of alternatives, and what a message has a place for.

use std::collections::BTreeSet;

use super::{Lower, Scope};
use crate::diagnostic::Diagnostic;
use crate::dialect::ast::{Labelled, Row as AstRow, Shape, ShapeKind, Slot, Table as AstTable};
use crate::ir::encode::{Alt, FieldRef, NodeKind, Row, Run, Table, Write};
use crate::source::Span;
use crate::vocabulary::{self, Field, Read, Sum, Ty, Variant};

impl Lower<'_> {
    /// A table; `merged` if its rows become keys of the caller's object.
    pub(super) fn table(&mut self, table: &AstTable, merged: bool) -> Table {
        let name = table.name.value.as_str();
        let sum = vocabulary::sum(if name == "system" { "part" } else { name });
        self.asks_role = false;
        let rows = match sum {
            Some(sum) => self.sum_rows(table, sum),
            None => self.struct_rows(table),
        };
        Table {
            name: name.to_owned(),
            sum: sum.map_or_else(String::new, |sum| sum.name.to_owned()),
            absent: rows.iter().flat_map(|row| &row.alts).any(|alt| alt.node.kind == NodeKind::Absent),
            rows,
            merged,
            role: self.asks_role && name != "message",
            span: table.name.span,
        }
    }

    /// The table of a struct has one shape.
    fn struct_rows(&mut self, table: &AstTable) -> Vec<Row> {
        let name = table.name.value.as_str();
        let Some(subject) = vocabulary::subject(name) else { return Vec::new() };
        let scope = Scope {
            what: subject.name,
            var: subject.var,
            fields: subject.fields,
            is_request: false,
            role: false,
        };
        self.place = (name.to_owned(), name.to_owned());
        let alts: Vec<Alt> = table.rows.iter().map(|row| self.alt(&scope, &row.shape)).collect();
        self.check_reachable(&alts);
        vec![Row { variant: "_".to_owned(), alts, admits: None }]
    }

    fn sum_rows(&mut self, table: &AstTable, sum: &'static Sum) -> Vec<Row> {
        if table.single {
            return self.single_rows(table, sum);
        }
        let mut rows: Vec<Row> = Vec::new();
        for ast in &table.rows {
            let Some(variant) = self.variant(ast, sum) else { continue };
            let (alt, admits) = self.row(sum, variant, &table.name.value, &ast.shape);
            let name = variant.map_or("_", |variant| variant.name);
            match rows.iter_mut().find(|row| row.variant == name) {
                Some(row) => join(row, alt, admits),
                None => rows.push(Row { variant: name.to_owned(), alts: vec![alt], admits }),
            }
        }
        rows.iter().for_each(|row| self.check_reachable(&row.alts));
        rows
    }

    /// One shape for a sum is the shape of its first variant; what is raw goes out as it stands.
    fn single_rows(&mut self, table: &AstTable, sum: &'static Sum) -> Vec<Row> {
        let (Some(row), Some(raw), Some(first)) =
            (table.rows.first(), sum.variant("raw"), sum.variants.first())
        else {
            self.report(
                Diagnostic::error(
                    "TW0516",
                    table.name.span,
                    format!("the table `{}` needs a row a variant", sum.name),
                )
                .label("has one shape for all")
                .help(format!("rows: {}", names(sum).collect::<Vec<_>>().join(", "))),
            );
            return Vec::new();
        };
        let (alt, _) = self.row(sum, Some(first), &table.name.value, &row.shape);
        let verbatim = slot_shape("raw", row.shape.span);
        let (raw_alt, _) = self.row(sum, Some(raw), &table.name.value, &verbatim);
        let row =
            |variant: &Variant, alt| Row { variant: variant.name.to_owned(), alts: vec![alt], admits: None };
        vec![row(first, alt), row(raw, raw_alt)]
    }

    /// The variant of a row: `Some(None)` is the rest, `None` is reported.
    fn variant(&mut self, row: &AstRow, sum: &'static Sum) -> Option<Option<&'static Variant>> {
        let name = if row.variant == "_" && sum.variant("raw").is_some() { "raw" } else { &row.variant };
        if name == "_" {
            return Some(None);
        }
        let found = sum.variant(name);
        if found.is_none() {
            self.report(
                Diagnostic::error(
                    "TW0505",
                    row.label_span,
                    format!("`{name}` is no variant of `{}`", sum.name),
                )
                .label("no such variant")
                .suggest(name, names(sum)),
            );
        }
        found.map(Some)
    }

    fn row(
        &mut self,
        sum: &'static Sum,
        variant: Option<&'static Variant>,
        table: &str,
        shape: &Shape,
    ) -> (Alt, Option<Vec<String>>) {
        let name = variant.map_or("_", |variant| variant.name);
        let scope = row_scope(sum, variant);
        self.place = (table.to_owned(), name.to_owned());
        self.admits = Some(BTreeSet::new());
        let alt = self.alt(&scope, shape);
        let admits = self.admits.take().map(|admits| admits.into_iter().collect());
        (alt, if sum.name == "message" { admits } else { None })
    }

    /// `$runs`: one object a run of parts.
    pub(super) fn runs(&mut self, scope: &Scope, rows: &[Labelled], span: Span) -> NodeKind {
        if self.place.0 != "message" {
            self.report(
                Diagnostic::error("TW0516", span, "`$runs` cuts the parts of a message")
                    .label("not in a row of `message`")
                    .help("write it as a whole row of the table `message`"),
            );
            return NodeKind::Absent;
        }
        NodeKind::Runs(rows.iter().filter_map(|row| self.run(scope, row)).collect())
    }

    fn run(&mut self, scope: &Scope, row: &Labelled) -> Option<Run> {
        let part = &vocabulary::chat::PART;
        let label = row.label.as_ref()?;
        let name = label.value.split('/').next().unwrap_or_default();
        let mut selected = Vec::new();
        selectors(&row.shape, &mut selected);
        let single = part.variant(name).filter(|_| selected.is_empty());
        let variants = if single.is_some() { vec![name.to_owned()] } else { selected };
        if variants.is_empty() {
            self.report(
                Diagnostic::error("TW0505", label.span, format!("`{name}` takes no part"))
                    .label("is no kind of part and selects none")
                    .suggest(name, names(part)),
            );
            return None;
        }
        let own = single.map(|variant| row_scope(part, Some(variant)));
        let place = self.place.clone();
        if single.is_some() {
            self.place = ("part".to_owned(), name.to_owned());
            self.inlined.insert(name.to_owned());
        }
        let alt = self.alt(own.as_ref().unwrap_or(scope), &row.shape);
        self.place = place;
        if let Some(admits) = &mut self.admits {
            admits.extend(variants.iter().cloned());
        }
        Some(Run { variants, many: single.is_none(), alt })
    }

    /// Notes that some slot places this field.
    pub(super) fn note(&mut self, scope: &Scope, field: &FieldRef) {
        if let Some(option) = field.name.strip_prefix("options.") {
            self.placed.insert(option.to_owned());
        } else if field.via.is_some() || (field.var == "r" && field.read != Read::Payload) {
            let place = if scope.is_request { String::new() } else { self.place.0.clone() };
            self.mapped.entry(field.name.clone()).or_default().insert(place);
        } else {
            let (table, row) = self.place.clone();
            self.details.insert((table, row, field.name.clone()));
        }
    }

    /// Notes which parts of a message a list of them takes.
    pub(super) fn note_parts(&mut self, field: &FieldRef, write: &Write) {
        if field.read != Read::Turn || field.ty != Ty::List("part") {
            return;
        }
        let (Write::List { select, .. } | Write::Collapse { select, .. } | Write::Concat { select }) = write
        else {
            return;
        };
        match &mut self.admits {
            _ if select.is_empty() => self.admits = None,
            Some(admits) => admits.extend(select.iter().cloned()),
            None => {}
        }
    }

    /// The optional fields that the row of plain text writes: a text that has one of them is no bare string.
    pub(super) fn plain(&self, table: &str) -> Vec<String> {
        let rows = self.ast_table(table).map_or(&[][..], |table| &table.rows);
        let mut slots = Vec::new();
        rows.iter().filter(|row| row.variant == "text").for_each(|row| slot_names(&row.shape, &mut slots));
        let text = vocabulary::chat::PART.variant("text").map_or(&[][..], Variant::fields);
        let optional =
            text.iter().filter(|field| field.optional && slots.iter().any(|slot| slot == field.name));
        optional.map(|field: &Field| field.name.to_owned()).collect()
    }
}

fn join(row: &mut Row, alt: Alt, admits: Option<Vec<String>>) {
    // Rows that differ in what they recognise may write the same: `{$raw: …}` beside `$raw`.
    if row
        .alts
        .iter()
        .any(|known| known.node.kind == alt.node.kind && known.is_unconditional() && alt.is_unconditional())
    {
        return;
    }
    row.alts.push(alt);
    row.admits = match (row.admits.take(), admits) {
        (Some(ours), Some(theirs)) => Some(ours.into_iter().filter(|name| theirs.contains(name)).collect()),
        (Some(admits), None) | (None, Some(admits)) => Some(admits),
        (None, None) => None,
    };
}

fn row_scope(sum: &'static Sum, variant: Option<&'static Variant>) -> Scope {
    let what = match variant.map(|variant| &variant.payload) {
        Some(vocabulary::Payload::Struct(subject)) => subject.name,
        _ => sum.name,
    };
    Scope {
        what,
        var: variant.map_or(sum.var, Variant::var),
        fields: variant.map_or(&[], Variant::fields),
        is_request: false,
        role: matches!(sum.name, "message" | "part"),
    }
}

fn names(sum: &'static Sum) -> impl Iterator<Item = &'static str> {
    sum.variants.iter().map(|variant| variant.name)
}

fn slot_shape(name: &str, span: Span) -> Shape {
    let slot = Slot {
        path: vec![name.to_owned()],
        must: false,
        select: Vec::new(),
        codecs: Vec::new(),
        fallback: None,
        span,
    };
    Shape { kind: ShapeKind::Slot(slot), span }
}

/// The variants that `$parts.…` slots of a shape select.
fn selectors(shape: &Shape, out: &mut Vec<String>) {
    each_slot(shape, &mut |slot| {
        if slot.path.first().is_some_and(|first| first == "parts") {
            out.extend(slot.select.iter().cloned());
        }
    });
}

fn slot_names(shape: &Shape, out: &mut Vec<String>) {
    each_slot(shape, &mut |slot| out.extend(slot.path.first().cloned()));
}

fn each_slot(shape: &Shape, visit: &mut impl FnMut(&Slot)) {
    match &shape.kind {
        ShapeKind::Slot(slot) => {
            visit(slot);
            if let Some(other) = &slot.fallback {
                each_slot(other, visit);
            }
        }
        ShapeKind::Object(fields) => fields.iter().for_each(|field| each_slot(&field.shape, visit)),
        ShapeKind::List(items) => items.iter().for_each(|item| each_slot(item, visit)),
        ShapeKind::If { then, .. } => each_slot(then, visit),
        ShapeKind::One(rows) => rows.iter().for_each(|row| each_slot(&row.shape, visit)),
        _ => {}
    }
}
