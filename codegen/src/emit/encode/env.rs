//! Where generated code stands: what the request is called, which fields are bound, which tables take what.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use crate::ir::encode::{Alt, Cond, Encode, Entry, FieldRef, Node, NodeKind, Piece, Table, Write};
use crate::vocabulary::Read;

/// The place of a piece of generated code.
#[derive(Clone)]
pub(super) struct Env<'a> {
    /// The operation.
    pub(super) ir: &'a Encode,
    /// The request.
    pub(super) request: TokenStream,
    /// The model.
    pub(super) model: TokenStream,
    /// Whether the answer is streamed.
    pub(super) stream: TokenStream,
    /// The parts at hand.
    pub(super) parts: TokenStream,
    /// The role at hand.
    pub(super) role: TokenStream,
    /// The variants that the parts at hand can have; `None` is all.
    pub(super) admitted: Option<Vec<String>>,
    /// How many objects and lists that may be dropped stand around.
    depth: usize,
    /// Tables whose functions take the context.
    with_context: BTreeSet<String>,
    bound: Vec<FieldRef>,
}

impl<'a> Env<'a> {
    /// Inside a function that has `cx`.
    pub(super) fn encoder(ir: &'a Encode) -> Self {
        Self {
            ir,
            request: quote!(cx.request),
            model: quote!(cx.model),
            stream: quote!(cx.stream),
            parts: quote!(turn.parts()),
            role: quote!(role),
            admitted: None,
            depth: 0,
            with_context: with_context(ir),
            bound: Vec::new(),
        }
    }

    /// Inside a function that has the request as `r` and the model as `model`.
    pub(super) fn plain(ir: &'a Encode) -> Self {
        Self { request: quote!(r), model: quote!(model), stream: quote!(stream), ..Self::encoder(ir) }
    }

    pub(super) fn is_bound(&self, field: &FieldRef) -> bool {
        self.bound.contains(field)
    }

    pub(super) fn bind(&mut self, field: &FieldRef) {
        self.bound.push(field.clone());
    }

    /// The variable for the mark of what may be dropped here.
    pub(super) fn mark(&self) -> Ident {
        if self.depth == 0 { format_ident!("mark") } else { format_ident!("inner_{}", self.depth) }
    }

    /// Inside something that may be dropped.
    pub(super) fn inside(&self) -> Self {
        Self { depth: self.depth + 1, ..self.clone() }
    }

    pub(super) fn table(&self, name: &str) -> Option<&'a Table> {
        self.ir.tables.iter().find(|table| table.name == name)
    }

    /// Whether the function of a table takes the context.
    pub(super) fn takes_context(&self, table: &str) -> bool {
        self.with_context.contains(table)
    }
}

/// The tables that need the context themselves, or call one that does.
fn with_context(ir: &Encode) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    loop {
        let before = found.len();
        for table in &ir.tables {
            let alts = table.rows.iter().flat_map(|row| &row.alts);
            if alts.into_iter().any(|alt| alt_needs(alt, &found)) {
                found.insert(table.name.clone());
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

fn alt_needs(alt: &Alt, known: &BTreeSet<String>) -> bool {
    alt.conds.iter().any(cond_needs) || alt.musts.iter().any(field_needs) || node_needs(&alt.node, known)
}

fn node_needs(node: &Node, known: &BTreeSet<String>) -> bool {
    let value_needs = |field: &FieldRef, write: &Write| {
        let table = match write {
            Write::Table(table) | Write::List { table, .. } | Write::Collapse { table, .. } => Some(table),
            _ => None,
        };
        field_needs(field) || table.is_some_and(|table| known.contains(table))
    };
    match &node.kind {
        NodeKind::Const(_) | NodeKind::Absent => false,
        NodeKind::Value(value) => value_needs(&value.field, &value.write),
        NodeKind::Template(pieces) => {
            pieces.iter().any(|piece| matches!(piece, Piece::Value(value) if field_needs(&value.field)))
        }
        NodeKind::Object(entries) => entries.iter().any(|entry: &Entry| node_needs(&entry.node, known)),
        NodeKind::List(items) => items.iter().any(|item| node_needs(item, known)),
        NodeKind::If { cond, then } => cond_needs(cond) || node_needs(then, known),
        NodeKind::One(alts) => alts.iter().any(|alt| alt_needs(alt, known)),
        NodeKind::Runs(runs) => runs.iter().any(|run| alt_needs(&run.alt, known)),
    }
}

fn cond_needs(cond: &Cond) -> bool {
    match cond {
        Cond::Stream | Cond::Cap(_) | Cond::Uses(_) => true,
        Cond::Has(field) | Cond::Is(field, _) => field_needs(field),
        Cond::Role(_) => false,
        Cond::Not(inner) => cond_needs(inner),
        Cond::All(conds) | Cond::Any(conds) => conds.iter().any(cond_needs),
    }
}

fn field_needs(field: &FieldRef) -> bool {
    match field.read {
        Read::Context(_) | Read::Stream | Read::Limit | Read::Option | Read::CallName | Read::ToolId => true,
        _ => field.var == "r" || field.via.is_some(),
    }
}
