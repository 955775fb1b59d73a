//! Lowering predicates of guards and rules.

use super::slots::Found;
use super::{Lower, Scope};
use crate::diagnostic::Diagnostic;
use crate::dialect::ast::{Pred, Spanned};
use crate::ir::encode::{Cond, FieldRef, Test};
use crate::source::Span;
use crate::vocabulary::{self, CAPABILITIES, Payload, Ty, USES};

/// A condition that always holds.
const ALWAYS: Cond = Cond::All(Vec::new());
/// A condition that never holds.
const NEVER: Cond = Cond::Any(Vec::new());

impl Lower<'_> {
    /// A predicate; one that is wrong is reported and always holds.
    pub(super) fn pred(&mut self, scope: &Scope, pred: &Pred) -> Cond {
        match pred {
            Pred::Word(word) => self.word(scope, word),
            Pred::Has(path) => self.has(scope, path),
            Pred::Is(path, value) => self.is(scope, path, value),
            Pred::Cap(name) => self.cap(name),
            Pred::Uses(name) => self.uses(name),
            Pred::Not(inner) => Cond::Not(Box::new(self.pred(scope, inner))),
            Pred::And(all) => Cond::All(all.iter().map(|pred| self.pred(scope, pred)).collect()),
            Pred::Wrong => Cond::Stream,
            Pred::Or(any) => Cond::Any(any.iter().map(|pred| self.pred(scope, pred)).collect()),
        }
    }

    fn word(&mut self, scope: &Scope, word: &Spanned<String>) -> Cond {
        if word.value == "stream" && !matches!(self.op.name.value.as_str(), "embed" | "models") {
            return Cond::Stream;
        }
        let fields = scope.fields.iter().chain(self.request().fields);
        let flags: Vec<&str> = fields.filter(|field| field.ty == Ty::Bool).map(|field| field.name).collect();
        if flags.contains(&word.value.as_str()) {
            return self.field(scope, std::slice::from_ref(&word.value), word.span, |lower, field| {
                // A flag that decides what is written is sent, in its way.
                if !lower.in_rules {
                    lower.note(scope, &field);
                }
                Cond::Is(field, Test::Bool(true))
            });
        }
        let note = match word.value.as_str() {
            "calls" | "whole" => "this word asks about an answer",
            _ => "a guard asks for `stream`, `has field`, `field is value`, `caps.name` or `uses.name`",
        };
        self.report(
            Diagnostic::error("TW0509", word.span, format!("`{}` cannot be asked of a request", word.value))
                .label("unknown here")
                .note(note)
                .suggest(&word.value, flags.into_iter().chain(["stream"])),
        );
        ALWAYS
    }

    /// Resolves a field for a condition: an option that the provider lacks never is there.
    fn field(
        &mut self,
        scope: &Scope,
        path: &[String],
        span: Span,
        then: impl FnOnce(&mut Self, FieldRef) -> Cond,
    ) -> Cond {
        match self.find(scope, path, span) {
            Found::Field(field) => then(self, field),
            Found::Nothing => NEVER,
            Found::Wrong => ALWAYS,
        }
    }

    fn has(&mut self, scope: &Scope, path: &Spanned<Vec<String>>) -> Cond {
        self.field(scope, &path.value, path.span, |lower, field| {
            if !field.optional {
                lower.report(
                    Diagnostic::error("TW0509", path.span, format!("`{}` is always there", field.name))
                        .label("never absent")
                        .help("leave the guard out"),
                );
            }
            Cond::Has(field)
        })
    }

    fn is(&mut self, scope: &Scope, path: &Spanned<Vec<String>>, value: &Spanned<String>) -> Cond {
        if path.value == ["role"] {
            return self.role(scope, path.span, value);
        }
        self.field(scope, &path.value, path.span, |lower, field| match field.ty {
            Ty::Table(table) => lower.is_variant(field, table, value),
            Ty::Str | Ty::Mime | Ty::Effort => Cond::Is(field, Test::Str(value.value.clone())),
            Ty::Bool if value.value == "true" || value.value == "false" => {
                Cond::Is(field, Test::Bool(value.value == "true"))
            }
            ty => {
                lower.report(
                    Diagnostic::error(
                        "TW0502",
                        path.span,
                        format!("`{}` cannot be compared with a word", field.name),
                    )
                    .label(format!("is of type {}", ty.name()))
                    .help("text, booleans and sums can; for others write `has field`"),
                );
                ALWAYS
            }
        })
    }

    fn is_variant(&mut self, field: FieldRef, table: &str, value: &Spanned<String>) -> Cond {
        let sum = vocabulary::sum(table);
        let variant = sum.and_then(|sum| sum.variant(&value.value));
        let (Some(sum), Some(variant)) = (sum, variant) else {
            let known: Vec<&str> =
                sum.map_or(&[][..], |sum| sum.variants).iter().map(|variant| variant.name).collect();
            self.report(
                Diagnostic::error(
                    "TW0505",
                    value.span,
                    format!("`{}` is no variant of `{table}`", value.value),
                )
                .label("never holds")
                .suggest(&value.value, known),
            );
            return ALWAYS;
        };
        let payload = variant.payload != Payload::Unit;
        Cond::Is(field, Test::Variant { rust: sum.rust.to_owned(), variant: variant.rust(), payload })
    }

    fn role(&mut self, scope: &Scope, span: Span, value: &Spanned<String>) -> Cond {
        let roles = vocabulary::sum("message").map_or(&[][..], |sum| sum.variants);
        let Some(role) = roles.iter().find(|role| role.name == value.value) else {
            self.report(
                Diagnostic::error("TW0505", value.span, format!("`{}` is no role", value.value))
                    .label("never holds")
                    .suggest(&value.value, roles.iter().map(|role| role.name)),
            );
            return ALWAYS;
        };
        if !scope.role {
            self.report(
                Diagnostic::error("TW0509", span, "there is no role here")
                    .label("unknown here")
                    .help("ask for the role in the tables `message` and `part`"),
            );
        }
        self.asks_role = true;
        Cond::Role(role.rust())
    }

    fn cap(&mut self, name: &Spanned<String>) -> Cond {
        if let Some(capability) = vocabulary::capability(&name.value) {
            return Cond::Cap(capability);
        }
        self.report(
            Diagnostic::error("TW0509", name.span, format!("there is no capability `{}`", name.value))
                .label("unknown capability")
                .suggest(&name.value, CAPABILITIES.iter().map(|(name, _)| *name)),
        );
        ALWAYS
    }

    fn uses(&mut self, name: &Spanned<String>) -> Cond {
        if USES.contains(&name.value.as_str()) {
            return Cond::Uses(name.value.clone());
        }
        self.report(
            Diagnostic::error(
                "TW0509",
                name.span,
                format!("nothing tells whether a request uses `{}`", name.value),
            )
            .label("unknown use")
            .suggest(&name.value, USES.iter().copied()),
        );
        ALWAYS
    }
}
