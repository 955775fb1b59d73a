//! Resolving slots: from a dotted path to a field of the vocabulary, and from its codecs to how it is written.

use super::{Lower, Scope};
use crate::diagnostic::{Diagnostic, closest};
use crate::dialect::ast::{Slot, Spanned};
use crate::ir::encode::{FieldRef, Value, Via, Write};
use crate::source::Span;
use crate::vocabulary::{self, Field, MODEL_LIMITS, Payload, Read, Ty, codecs};

/// What a path stands for.
pub(super) enum Found {
    /// A field.
    Field(FieldRef),
    /// An option that this provider does not have: never sent.
    Nothing,
    /// Nothing that exists; reported.
    Wrong,
}

impl Lower<'_> {
    /// A slot in a shape: resolved, typed and noted as mapped.
    pub(super) fn value(&mut self, scope: &Scope, slot: &Slot) -> Option<Value> {
        let (path, select) = split_selector(scope, slot);
        let field = match self.find(scope, path, slot.span) {
            Found::Field(field) => field,
            Found::Nothing => return None,
            Found::Wrong => {
                if scope.is_request {
                    self.note_stranger(path.first().map_or("", String::as_str));
                }
                return None;
            }
        };
        if field.via.is_some() && matches!(field.ty, Ty::Table(_)) {
            self.mismatch(&field.name, field.ty, "a variant that is no value by itself", slot.span);
            return None;
        }
        self.note(scope, &field);
        self.check_must(slot, &field);
        let write = self.write(slot, &field, select)?;
        self.note_parts(&field, &write);
        Some(Value { field, write })
    }

    /// What `path` stands for in `scope`, the subject's own fields first.
    pub(super) fn find(&mut self, scope: &Scope, path: &[String], span: Span) -> Found {
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["options", name] => return self.option(name, span),
            ["model", limit] if MODEL_LIMITS.contains(limit) => return plain(limit, Ty::Uint, Read::Limit),
            ["model", limit] => return self.unknown(limit, "the model", MODEL_LIMITS.iter().copied(), span),
            ["call", "name"] if scope.var == "result" => return plain("name", Ty::Str, Read::CallName),
            _ => {}
        }
        let Some((first, rest)) = words.split_first() else { return Found::Wrong };
        let own = scope.fields.iter().find(|field| field.name == *first).map(|field| (field, scope.var));
        let request = self.request();
        let Some((field, var)) = own.or_else(|| request.field(first).map(|field| (field, request.var)))
        else {
            let known: Vec<&str> = scope.fields.iter().map(|field| field.name).collect();
            self.assume_meant("", first, &known);
            return self.unknown(first, &format!("the {}", scope.what), known, span);
        };
        match rest {
            [] => Found::Field(self.hidden_id(reference(field, var))),
            [variant, rest @ ..] => self.find_variant(field, var, variant, rest, span),
        }
    }

    /// Ids of calls are optional where the policy `tool_ids` says so.
    fn hidden_id(&self, mut field: FieldRef) -> FieldRef {
        let is_id =
            matches!((field.var.as_str(), field.name.as_str()), ("call", "id") | ("result", "call_id"));
        let op = self.chat.filter(|_| self.op.policies.is_empty()).unwrap_or(self.op);
        let optional = |(name, node): &(Spanned<String>, crate::source::Node)| {
            name.value == "tool_ids" && node.as_str() == Some("optional")
        };
        if is_id && op.policies.iter().any(optional) {
            (field.optional, field.read) = (true, Read::ToolId);
        }
        field
    }

    /// `$reasoning.effort`, `$format.schema.name`: a field of one variant of a sum-typed field.
    fn find_variant(&mut self, field: &Field, var: &str, variant: &str, rest: &[&str], span: Span) -> Found {
        let sum = if let Ty::Table(name) = field.ty { vocabulary::sum(name) } else { None };
        let Some(sum) = sum else {
            self.report(
                Diagnostic::error("TW0501", span, format!("`{}` has no parts to name", field.name))
                    .label(format!("is of type {}", field.ty.name()))
                    .help(format!("write `${}`", field.name)),
            );
            return Found::Wrong;
        };
        let known = || sum.variants.iter().map(|variant| variant.name);
        let Some(chosen) = sum.variant(variant) else {
            self.assume_meant(&format!("{}.", field.name), variant, &known().collect::<Vec<_>>());
            return self.unknown(variant, &format!("`{}`", field.name), known(), span);
        };
        let inner = match (&chosen.payload, rest) {
            (Payload::Unit | Payload::Struct(_), []) => {
                Field { ty: Ty::Table(sum.name), ..*field }.read(Read::Field)
            }
            (Payload::Value(inner), []) => *inner,
            (_, [name]) => match chosen.fields().iter().find(|field| field.name == *name) {
                Some(inner) => *inner,
                None => {
                    let known = chosen.fields().iter().map(|field| field.name);
                    return self.unknown(name, &format!("`{}.{variant}`", field.name), known, span);
                }
            },
            _ => return self.unknown(rest.last().unwrap_or(&""), &format!("`{}`", field.name), [], span),
        };
        let via = Via {
            field: field.name.to_owned(),
            rust: sum.rust.to_owned(),
            variant: variant.to_owned(),
            var: chosen.var().to_owned(),
            optional: inner.optional && !rest.is_empty(),
        };
        let mut found = reference(&inner, chosen.var());
        found.name = [&[field.name, variant], rest].concat().join(".");
        found.optional = true;
        found.var = if matches!(inner.read, Read::Field) { chosen.var().to_owned() } else { var.to_owned() };
        found.via = Some(Box::new(via));
        Found::Field(found)
    }

    fn option(&mut self, name: &str, span: Span) -> Found {
        if !self.provider.options.iter().any(|option| option.name == name) {
            // A dialect may name options that only some of its providers have; a provider knows its own.
            if span.file == self.provider.span.file && !self.provider.base_url.is_empty() {
                let known: Vec<&str> =
                    self.provider.options.iter().map(|option| option.name.as_str()).collect();
                let meant = closest(name, &known).map(str::to_owned);
                self.placed.extend(meant);
                return self.unknown(name, "`options`", known, span);
            }
            return Found::Nothing;
        }
        let mut found = reference(&Field::maybe("options", Ty::Json).read(Read::Option), "r");
        found.name = format!("options.{name}");
        Found::Field(found)
    }

    fn unknown<'k>(
        &mut self,
        name: &str,
        of: &str,
        known: impl IntoIterator<Item = &'k str>,
        span: Span,
    ) -> Found {
        self.report(
            Diagnostic::error("TW0501", span, format!("{of} has no field `{name}`"))
                .label("no such field")
                .note("slots name fields of the canonical vocabulary, not of the wire")
                .suggest(name, known),
        );
        Found::Wrong
    }

    /// A field that was misspelt counts as placed, so that nothing more is said about it.
    fn assume_meant(&mut self, before: &str, name: &str, known: &[&str]) {
        if let Some(meant) = closest(name, known) {
            self.mapped.entry(format!("{before}{meant}")).or_default().insert(String::new());
            self.want_meant(meant);
        }
    }

    /// Notes a slot of the request that names nothing, and nothing near it: it was meant for some field.
    pub(super) fn note_stranger(&mut self, name: &str) {
        let known: Vec<&str> = self.request().fields.iter().map(|field| field.name).collect();
        self.strangers += usize::from(closest(name, &known).is_none());
    }

    /// What the table of a field that was meant places counts as placed, too.
    fn want_meant(&mut self, field: &str) {
        let table = match self.request().field(field).map(|field| field.ty) {
            Some(Ty::Table(table) | Ty::List(table)) => table,
            _ => return,
        };
        if self.ast_table(table).is_some() && !self.wanted.iter().any(|(wanted, _)| wanted == table) {
            self.wanted.push((table.to_owned(), false));
        }
    }

    /// Fields that a text seems to name count as placed: the text was reported already.
    pub(super) fn assume_slots(&mut self, text: &str) {
        let known: Vec<&str> = self.request().fields.iter().map(|field| field.name).collect();
        for word in text.split('$').skip(1) {
            let name = |c: char| !c.is_alphanumeric() && c != '_';
            let word = word.trim_start_matches('{').split(name).next().unwrap_or_default();
            self.assume_meant("", &word.to_lowercase(), &known);
            self.note_stranger(&word.to_lowercase());
        }
    }

    fn check_must(&mut self, slot: &Slot, field: &FieldRef) {
        if slot.must && !field.optional {
            self.report(
                Diagnostic::error(
                    "TW0504",
                    slot.span,
                    format!("`{}` is always there, so `!` says nothing", field.name),
                )
                .label("never absent")
                .help(format!("write `${}`", slot.path.join("."))),
            );
        }
        let chosen_by_presence = slot.must || matches!(field.read, Read::Source(_));
        if chosen_by_presence && field.optional && !self.musts.contains(field) {
            self.musts.push(field.clone());
        }
    }

    /// How a field of this type is written, through its codecs from left to right.
    fn write(&mut self, slot: &Slot, field: &FieldRef, select: &[String]) -> Option<Write> {
        let mut write = self.bare(field, select, slot)?;
        for codec in &slot.codecs {
            write = self.apply(write, codec, field)?;
        }
        Some(write)
    }

    fn bare(&mut self, field: &FieldRef, select: &[String], slot: &Slot) -> Option<Write> {
        if !select.is_empty() && field.ty != Ty::List("part") {
            self.mismatch(&field.name, field.ty, "has no variants to select", slot.span);
            return None;
        }
        Some(match field.ty {
            Ty::Str | Ty::Mime => Write::Str,
            Ty::Uint => Write::Uint,
            Ty::Int => Write::Int,
            Ty::Float => Write::Float,
            Ty::Bool => Write::Bool,
            Ty::Json => Write::Json,
            Ty::JsonText => Write::Arguments,
            Ty::Bytes => Write::Base64,
            Ty::StrList => Write::Strs,
            Ty::JsonList => Write::Jsons,
            Ty::StrMap => Write::StrMap,
            Ty::FloatMap => Write::FloatMap,
            Ty::Effort => Write::Word,
            Ty::Table(name) => Write::Table(name.to_owned()),
            Ty::List(name) => {
                Write::List { table: self.table_of(field, name), select: self.selected(select, slot.span) }
            }
        })
    }

    /// System parts have a table of their own where the dialect writes them differently.
    fn table_of(&self, field: &FieldRef, name: &str) -> String {
        let own = if field.read == Read::Context("system") && self.ast_table("system").is_some() {
            "system"
        } else {
            name
        };
        own.to_owned()
    }

    fn selected(&mut self, select: &[String], span: Span) -> Vec<String> {
        let part = &vocabulary::chat::PART;
        for name in select.iter().filter(|name| part.variant(name).is_none()) {
            self.report(
                Diagnostic::error("TW0505", span, format!("`{name}` is no kind of part"))
                    .label("selects nothing")
                    .suggest(name, part.variants.iter().map(|variant| variant.name)),
            );
        }
        select.to_vec()
    }

    fn apply(&mut self, write: Write, codec: &Spanned<String>, field: &FieldRef) -> Option<Write> {
        let Some(known) = codecs::codec(&codec.value) else {
            self.report(
                Diagnostic::error("TW0503", codec.span, format!("there is no codec `{}`", codec.value))
                    .label("unknown codec")
                    .note(
                        "codecs are a closed set; a new conversion belongs in the compiler, not in a dialect",
                    )
                    .suggest(&codec.value, codecs::CODECS.iter().map(|codec| codec.name)),
            );
            return None;
        };
        let next = match (known.name, write) {
            ("json", Write::Arguments | Write::Json) => Write::Quoted,
            ("object", write @ (Write::Arguments | Write::Json)) => write,
            ("not", Write::Bool) => Write::NotBool,
            ("base64", Write::Base64) => Write::Base64,
            ("percent", Write::Str) => Write::Percent,
            ("is_image" | "is_audio", Write::Str) if field.ty == Ty::Mime => Write::Str,
            (short, Write::Str) if field.ty == Ty::Mime && short.ends_with("_format") => {
                Write::Short(short.to_owned())
            }
            ("collapse", Write::List { table, select }) if field.ty == Ty::List("part") => {
                Write::Collapse { plain: self.plain(&table), table, select }
            }
            ("concat", Write::List { select, .. }) if field.ty == Ty::List("part") => {
                self.concat(select, codec.span)?
            }
            _ => {
                let takes = if known.takes.is_empty() { "nothing on requests" } else { known.takes };
                self.mismatch(
                    &field.name,
                    field.ty,
                    &format!("but `{}` takes {takes}", known.name),
                    codec.span,
                );
                return None;
            }
        };
        Some(next)
    }

    fn concat(&mut self, select: Vec<String>, span: Span) -> Option<Write> {
        let select = if select.is_empty() { vec!["text".to_owned()] } else { select };
        let part = &vocabulary::chat::PART;
        let has_text = |name: &String| {
            part.variant(name).is_none_or(|variant| variant.fields().iter().any(|field| field.name == "text"))
        };
        if let Some(other) = select.iter().find(|name| !has_text(name)) {
            self.report(
                Diagnostic::error(
                    "TW0502",
                    span,
                    format!("`concat` joins texts, and `{other}` parts have none"),
                )
                .label("List(part) -> Str")
                .help("select `text`, `reasoning` or `refusal`"),
            );
            return None;
        }
        self.inlined.extend(select.iter().cloned());
        Some(Write::Concat { select })
    }

    fn mismatch(&mut self, name: &str, ty: Ty, why: &str, span: Span) {
        self.report(
            Diagnostic::error("TW0502", span, format!("`{name}` is of type {}, {why}", ty.name()))
                .label(format!("{} does not fit here", ty.name()))
                .help("take another codec, or none"),
        );
    }
}

/// `$parts.text+image`, `$content.text`: a list of parts and the variants that are taken.
fn split_selector<'s>(scope: &Scope, slot: &'s Slot) -> (&'s [String], &'s [String]) {
    if !slot.select.is_empty() {
        return (&slot.path, &slot.select);
    }
    match slot.path.split_first() {
        Some((first, rest)) if !rest.is_empty() => {
            let is_list =
                scope.fields.iter().any(|field| field.name == first && matches!(field.ty, Ty::List(_)));
            if is_list { (&slot.path[..1], rest) } else { (&slot.path, &[]) }
        }
        _ => (&slot.path, &[]),
    }
}

/// A field of the vocabulary as a reference through `var`.
pub(super) fn reference(field: &Field, var: &str) -> FieldRef {
    FieldRef {
        name: field.name.to_owned(),
        var: var.to_owned(),
        ty: field.ty,
        optional: field.optional,
        read: field.read,
        via: None,
    }
}

fn plain(name: &str, ty: Ty, read: Read) -> Found {
    let mut found = reference(&Field::maybe("", ty).read(read), "");
    found.name = name.to_owned();
    Found::Field(found)
}
