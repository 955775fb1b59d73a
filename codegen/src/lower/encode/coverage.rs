//! What a caller can set and nobody would send: reported where it is a whole field, dropped with a warning or refused
//! at run time where it is a detail.

use super::Lower;
use super::slots::{Found, reference};
use crate::diagnostic::{Diagnostic, closest};
use crate::dialect::ast::ShapeKind;
use crate::ir::encode::{Alt, Loss, NodeKind, Step, Table};
use crate::vocabulary::{self, Field, Ty};

/// Details that are worth a warning: table, field. A wire that has a place for one in some row may lack it in another.
const DETAILS: &[(&str, &str)] = &[
    ("message", "name"),
    ("part", "cache"),
    ("part", "detail"),
    ("part", "is_error"),
    ("tool", "cache"),
    ("tool", "strict"),
    ("format", "strict"),
];

impl Lower<'_> {
    /// Checks that every field of the request goes somewhere; steps for the variants and combinations that do not.
    pub(super) fn coverage(&mut self, body: Option<&Alt>) -> Vec<Step> {
        let Some(body) = body else { return Vec::new() };
        if self.op.name.value == "count_tokens" {
            return Vec::new();
        }
        self.check_system();
        let names = self.request().fields.iter().map(|field| field.name);
        let has_place = |name: &&str| {
            matches!(*name, "system" | "stream") || self.is_mapped(name) || self.is_listed(name)
        };
        let unplaced: Vec<&str> = names.filter(|name| !has_place(name)).collect();
        // Slots that name nothing were reported, and were meant for something.
        if unplaced.len() > self.strangers && !self.op.torn {
            unplaced.into_iter().for_each(|name| self.unmapped(name));
        }
        self.check_appended(body);
        let mut steps = self.variants();
        steps.extend(self.depending());
        steps.extend(self.breakpoints());
        steps
    }

    fn is_mapped(&self, name: &str) -> bool {
        self.mapped.keys().any(|mapped| mapped.split('.').next() == Some(name))
    }

    fn is_listed(&self, name: &str) -> bool {
        self.op.unsupported.iter().any(|(listed, _)| listed.value == name)
    }

    fn unmapped(&mut self, name: &str) {
        self.report(
            Diagnostic::error("TW0510", self.op.body_key, format!("nothing says what becomes of `{name}`"))
                .label(format!("`${name}` is nowhere in the request"))
                .note("a field that a caller sets is sent, or the dialect says what happens instead")
                .help(format!("place `${name}`, or write `unsupported: {{{name}: warn_drop}}` or `error`")),
        );
    }

    fn check_system(&mut self) {
        // Words that are misspelt count as those that were meant.
        let hoists = self.op.policies.iter().any(|(name, node)| {
            let value = node.as_str().and_then(|value| closest(value, &["inline", "hoist"]));
            closest(&name.value, &["system"]).is_some() && value == Some("hoist")
        });
        if self.is_chat() && hoists && !self.is_mapped("system") {
            self.unmapped("system");
        }
        if !hoists && self.is_mapped("system") {
            self.report(
                Diagnostic::error("TW0510", self.op.body_key, "`$system` is always empty here")
                    .label("`$system` is placed")
                    .note("system messages stay among the messages unless they are hoisted")
                    .help("write `policies: {system: hoist}`, or remove `$system`"),
            );
        }
    }

    /// Variants of a sum that only some slots of the form `$reasoning.effort` place.
    fn variants(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        for field in self.request().fields {
            let Ty::Table(table) = field.ty else { continue };
            let Some(sum) = vocabulary::sum(table) else { continue };
            if !self.is_mapped(field.name) || self.mapped.contains_key(field.name) {
                continue;
            }
            for variant in sum.variants {
                let name = format!("{}.{}", field.name, variant.name);
                if self.mapped.contains_key(&name) || self.is_listed(&name) {
                    continue;
                }
                let path = [field.name.to_owned(), variant.name.to_owned()];
                if let Found::Field(field) = self.find(&self.request_scope(), &path, self.op.span) {
                    steps.push(Step::Unsupported { field, refuse: true, span: self.op.span });
                }
            }
        }
        steps
    }

    /// Fields that only the table of another optional field places: nothing is sent where that is absent.
    fn depending(&self) -> Vec<Step> {
        let request = self.request();
        let mut steps = Vec::new();
        for (name, places) in &self.mapped {
            let Some(field) = request.field(name).filter(|field| field.optional) else { continue };
            let carriers: Option<Vec<&Field>> = places.iter().map(|place| carrier(request, place)).collect();
            if let Some(carriers) = carriers {
                let on = carriers.into_iter().map(|carrier| reference(carrier, request.var)).collect();
                steps.push(Step::Depends { field: reference(field, request.var), on });
            }
        }
        steps
    }

    /// Options that go to the top of the body must not repeat a key of it; options without a place are mistakes.
    fn check_appended(&mut self, body: &Alt) {
        let keys: Vec<&str> = match &body.node.kind {
            NodeKind::Object(entries) => entries.iter().filter_map(|entry| entry.key.as_deref()).collect(),
            _ => Vec::new(),
        };
        for option in &self.provider.options {
            if self.placed.contains(&option.name) || !self.is_chat() {
                continue;
            }
            let problem = match option.wire.as_deref() {
                None => Diagnostic::error(
                    "TW0515",
                    option.span,
                    format!("the option `{}` goes nowhere", option.name),
                )
                .label("no slot places it and it has no `wire` name")
                .help(format!(
                    "write `wire: {}`, or place `$options.{}` in the request",
                    option.name, option.name
                )),
                Some(wire) if keys.contains(&wire) => {
                    Diagnostic::error("TW0517", option.span, format!("the body already has a field `{wire}`"))
                        .label("would be written twice")
                        .related(self.op.body_key, "in this body")
                        .help(format!("place `$options.{}` there, or remove the option", option.name))
                }
                Some(_) => continue,
            };
            self.report(problem);
        }
    }

    /// Options that are appended to the body: name and wire name.
    pub(super) fn appended(&self) -> Vec<(String, String)> {
        if !self.is_chat()
            || !matches!(self.op.body.as_ref().map(|body| &body.kind), Some(ShapeKind::Object(_)))
        {
            return Vec::new();
        }
        let unplaced = self.provider.options.iter().filter(|option| !self.placed.contains(&option.name));
        unplaced.filter_map(|option| Some((option.name.clone(), option.wire.clone()?))).collect()
    }

    /// Optional details that rows have no place for.
    pub(super) fn lossy(&self, tables: &[Table]) -> Vec<Loss> {
        if !self.is_chat() {
            return Vec::new();
        }
        let rows = tables.iter().filter(|table| table.name != "system").flat_map(|table| {
            let variants = vocabulary::sum(&table.sum).map_or(&[][..], |sum| sum.variants);
            let is_written = |name: &str| {
                table.rows.iter().any(|row| row.variant == name)
                    || (table.sum == "part" && self.inlined.contains(name))
            };
            let names = variants.iter().map(|variant| variant.name).filter(move |name| is_written(name));
            names.map(|name| (table.sum.as_str(), name))
        });
        let mut lost = Vec::new();
        for (table, variant) in rows {
            let fields =
                vocabulary::sum(table).and_then(|sum| sum.variant(variant)).map_or(&[][..], |v| v.fields());
            for (_, detail) in DETAILS.iter().filter(|(of, _)| *of == table) {
                let exists = fields.iter().any(|field| field.name == *detail);
                if exists
                    && !self.details.contains(&(table.to_owned(), variant.to_owned(), (*detail).to_owned()))
                {
                    let (table, variant) = (table.to_owned(), variant.to_owned());
                    lost.push(Loss { table, variant, field: (*detail).to_owned() });
                }
            }
        }
        lost
    }
}

/// The optional request field that a table is written for.
fn carrier(request: &'static vocabulary::Subject, table: &str) -> Option<&'static Field> {
    let is_written = |ty: Ty| matches!(ty, Ty::Table(name) if name == table);
    request.fields.iter().find(|field| field.optional && is_written(field.ty))
}
