//! From the request side of an operation to [`crate::ir::encode`], type-checking every slot, guard and table.
//!
//! [`shapes`] lowers JSON with slots, [`slots`] resolves names against the vocabulary, [`preds`] guards, [`tables`]
//! variant tables; [`adjust`] lowers rules, limits and unsupported fields, [`policies`] the closed set of policies, and
//! [`coverage`] looks for what a caller could set and nobody would send. A mistake is reported and replaced by
//! nothing, so that every other one is found as well. Answers are the business of [`super::decode`].

mod adjust;
mod coverage;
mod policies;
mod preds;
mod shapes;
mod slots;
mod tables;
mod terms;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use policies::policy_values;

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Sink};
use crate::dialect::ast::{Const, Dialect, EnumTable, Operation, Shape, ShapeKind, Table as AstTable};
use crate::ir::encode::{Encode, FieldRef, Table};
use crate::ir::provider::Provider;
use crate::source::Span;
use crate::vocabulary::{self, Field};

/// Lowers the request side of `op`. `count_tokens` borrows the tables of `chat` that it does not have itself.
pub fn lower(dialect: &Dialect, op: &Operation, provider: &Provider, sink: &mut Sink) -> Encode {
    let chat =
        dialect.operations.iter().find(|other| other.name.value == "chat" && op.name.value == "count_tokens");
    let mut lower = Lower::new(op, chat, provider, sink);
    let path = op.path.as_ref().map(|path| lower.text(path));
    let query = lower.parameters(&op.query);
    let headers = lower.parameters(&op.headers);
    let body = op.body.as_ref().map(|body| lower.alt(&lower.request_scope(), body));
    let tables = lower.tables();
    let policies = lower.policies();
    let mut adjust = lower.adjust();
    adjust.extend(lower.coverage(body.as_ref()));
    Encode {
        operation: op.name.value.clone(),
        method: op.method.value.clone(),
        path,
        query,
        headers,
        body,
        lossy: lower.lossy(&tables),
        tables,
        efforts: lower.efforts(),
        adjust,
        policies,
        appended: lower.appended(),
        options: lower.options(),
        span: op.span,
    }
}

/// The words for how hard a model is to think.
const EFFORTS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/// What slots may name at one place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    /// What a diagnostic calls the subject.
    what: &'static str,
    /// The variable that holds it.
    var: &'static str,
    /// Its own fields; those of the request are in reach as well.
    fields: &'static [Field],
    /// The subject is the request itself.
    is_request: bool,
    /// Guards may ask for the role of the turn.
    role: bool,
}

/// The work in progress on one operation.
pub(super) struct Lower<'a> {
    op: &'a Operation,
    chat: Option<&'a Operation>,
    provider: &'a Provider,
    sink: &'a mut Sink,
    /// Must-fields of the alternative in progress.
    musts: Vec<FieldRef>,
    /// Variants of part that the message row in progress has a place for; `None` is all.
    admits: Option<BTreeSet<String>>,
    /// Request fields that some slot places, each with the tables in which it stands (`""` is the body).
    mapped: BTreeMap<String, BTreeSet<String>>,
    /// Provider options that some slot places.
    placed: BTreeSet<String>,
    /// Fields of parts, messages, tools and formats that some slot places: table, row, field.
    details: BTreeSet<(String, String, String)>,
    /// Variants of part that are written without a row of their own.
    inlined: BTreeSet<String>,
    /// Names of tables that are needed, in order of first need, and whether they are merged in place.
    wanted: Vec<(String, bool)>,
    /// The table and row in progress.
    place: (String, String),
    /// How many shapes could not be read.
    wrongs: usize,
    /// How many slots of the request name nothing, and nothing near it.
    strangers: usize,
    /// Predicates are those of rules, which send nothing.
    in_rules: bool,
    /// Guards of the table in progress that ask for the role.
    asks_role: bool,
}

impl<'a> Lower<'a> {
    fn new(
        op: &'a Operation,
        chat: Option<&'a Operation>,
        provider: &'a Provider,
        sink: &'a mut Sink,
    ) -> Self {
        Self {
            op,
            chat,
            provider,
            sink,
            musts: Vec::new(),
            admits: Some(BTreeSet::new()),
            mapped: BTreeMap::new(),
            placed: BTreeSet::new(),
            details: BTreeSet::new(),
            inlined: BTreeSet::new(),
            wanted: Vec::new(),
            place: (String::new(), String::new()),
            wrongs: 0,
            strangers: 0,
            in_rules: false,
            asks_role: false,
        }
    }

    fn request(&self) -> &'static vocabulary::Subject {
        match self.op.name.value.as_str() {
            "embed" => &vocabulary::embed::REQUEST,
            "models" => &vocabulary::embed::LISTING,
            _ => &vocabulary::chat::REQUEST,
        }
    }

    fn is_chat(&self) -> bool {
        self.op.name.value == "chat"
    }

    fn request_scope(&self) -> Scope {
        let request = self.request();
        Scope { what: request.name, var: request.var, fields: request.fields, is_request: true, role: false }
    }

    /// The dialect's table of this name.
    fn ast_table(&self, name: &str) -> Option<&'a AstTable> {
        let find = |op: &'a Operation| op.tables.iter().find(|table| table.name.value == name);
        find(self.op).or_else(|| self.chat.and_then(find))
    }

    fn enum_table(&self, name: &str) -> Option<&'a EnumTable> {
        let find = |op: &'a Operation| op.enums.iter().find(|table| table.name.value == name);
        find(self.op).or_else(|| self.chat.and_then(find))
    }

    /// Asks for a table, reporting one that is not there.
    fn need(&mut self, name: &str, merged: bool, span: Span) {
        if self.wanted.iter().any(|(wanted, how)| wanted == name && *how == merged) {
            return;
        }
        if self.ast_table(name).is_none() && !self.op.torn {
            let known: Vec<&str> = self.op.tables.iter().map(|table| table.name.value.as_str()).collect();
            self.report(
                Diagnostic::error("TW0506", span, format!("there is no table `{name}`"))
                    .label(format!("is written with the table `{name}`"))
                    .note("a slot of a sum type is written by the table of that name, one row a variant")
                    .suggest(name, known),
            );
        }
        self.wanted.push((name.to_owned(), merged));
    }

    /// Lowers all tables that are needed, and those that these need.
    fn tables(&mut self) -> Vec<Table> {
        let mut tables = Vec::new();
        let mut at = 0;
        while let Some((name, merged)) = self.wanted.get(at).cloned() {
            at += 1;
            if let Some(table) = self.ast_table(&name) {
                if name == "message" {
                    self.check_roles(table);
                }
                tables.push(self.table(table, merged));
            }
        }
        tables
    }

    /// The words of reasoning effort that the wire spells otherwise.
    fn efforts(&mut self) -> Vec<(String, String)> {
        let Some(table) = self.enum_table("effort") else { return Vec::new() };
        let rows = table.rows.iter().filter(|(wire, _)| wire.value != "_");
        rows.filter_map(|(wire, shape)| Some((self.effort(shape)?, wire.value.clone()))).collect()
    }

    fn effort(&mut self, shape: &Shape) -> Option<String> {
        let word = match &shape.kind {
            ShapeKind::Const(Const::Str(word)) => word.as_str(),
            ShapeKind::Wrong(_) => return None,
            _ => "",
        };
        if EFFORTS.contains(&word) {
            return Some(word.to_owned());
        }
        self.report(
            Diagnostic::error("TW0519", shape.span, "the table `effort` translates to the canonical words")
                .label("no such word")
                .note("on the left stands the word of the wire, on the right what it means")
                .suggest(word, EFFORTS.iter().copied()),
        );
        None
    }

    /// A chat without a row for users or for the model cannot be held.
    fn check_roles(&mut self, table: &AstTable) {
        if !self.is_chat() || table.single || table.torn || table.rows.iter().any(|row| row.variant == "_") {
            return;
        }
        for role in ["user", "assistant"] {
            if !table.rows.iter().any(|row| row.variant == role) {
                self.report(
                    Diagnostic::error(
                        "TW0518",
                        table.name.span,
                        format!("the table `message` has no row `{role}`"),
                    )
                    .label("every chat needs it")
                    .help(format!("write `{role}: {{role: {role}, content: $parts}}`")),
                );
            }
        }
    }

    /// The options that the operation knows: for a chat all of them, otherwise those that it places.
    fn options(&self) -> Vec<String> {
        let known = self
            .provider
            .options
            .iter()
            .filter(|option| self.is_chat() || self.placed.contains(&option.name));
        known.map(|option| option.name.clone()).collect()
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.sink.push(diagnostic);
    }
}
