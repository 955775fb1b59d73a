//! Lowering what is done to the canonical request before it is encoded: rules, unsupported fields, limits.

use super::Lower;
use super::slots::Found;
use crate::diagnostic::Diagnostic;
use crate::dialect::ast::{Pred, Rule, RuleAction, Spanned};
use crate::ir::encode::{Action, FieldRef, Limit, Otherwise, Set, Step};
use crate::source::{Node, Value};
use crate::vocabulary::{Read, Ty};

const ACTIONS: &[&str] = &["error", "warn_drop"];
const OUTSIDE: &[&str] = &["error", "clamp", "warn_drop"];

impl Lower<'_> {
    /// Rules, then unsupported fields, then limits, each in written order.
    pub(super) fn adjust(&mut self) -> Vec<Step> {
        let op = self.op;
        let mut steps: Vec<Step> = op.rules.iter().filter_map(|rule| self.rule(rule)).collect();
        steps.extend(op.unsupported.iter().filter_map(|(field, action)| self.unsupported(field, action)));
        steps.extend(op.limits.iter().filter_map(|(field, node)| self.limit(field, node)));
        if !self.is_chat() && self.op.name.value != "embed" {
            steps.iter().for_each(|step| self.check_refuses(step));
        }
        steps
    }

    /// Only chats and embeddings have somewhere to put a warning, and a request that may be changed.
    fn check_refuses(&mut self, step: &Step) {
        let span = match step {
            Step::Rule { action: Action::Drop(_) | Action::Set(_), span, .. }
            | Step::Unsupported { refuse: false, span, .. } => *span,
            Step::Limit(limit) if limit.otherwise != Otherwise::Refuse => limit.span,
            _ => return,
        };
        self.report(
            Diagnostic::error("TW0513", span, format!("`{}` can only refuse", self.op.name.value))
                .label("would change the request")
                .note("this operation has no warnings, and nothing is changed in silence")
                .help("write `error`"),
        );
    }

    fn rule(&mut self, rule: &Rule) -> Option<Step> {
        self.in_rules = true;
        let cond = self.pred(&self.request_scope(), &rule.cond);
        self.in_rules = false;
        let action = match &rule.action {
            RuleAction::Drop(names) => {
                Action::Drop(names.iter().filter_map(|name| self.changeable(name, "dropped")).collect())
            }
            RuleAction::Error => Action::Refuse(feature(&rule.cond)),
            RuleAction::Set { field, value, clamp } => {
                let field = self.changeable(field, "set")?;
                if field.ty != Ty::Uint || field.read != Read::Field || field.via.is_some() {
                    self.report(
                        Diagnostic::error(
                            "TW0513",
                            rule.span,
                            format!("`{}` cannot be set by a rule", field.name),
                        )
                        .label(format!("is of type {}", field.ty.name()))
                        .help("a rule sets an unsigned integer of the request, such as `max_tokens`"),
                    );
                    return None;
                }
                let terms = self.terms(value)?;
                let clamp =
                    clamp.as_ref().and_then(|clamp| self.terms(clamp)).and_then(|mut terms| terms.pop());
                Action::Set(Box::new(Set { field, terms, clamp: clamp.map(|(_, term)| term) }))
            }
        };
        Some(Step::Rule { cond, action, why: rule.why.value.clone(), span: rule.span })
    }

    /// A field of the request that may be left out, by its dotted name.
    fn changeable(&mut self, name: &Spanned<String>, what: &str) -> Option<FieldRef> {
        let path: Vec<String> = name.value.split('.').map(str::to_owned).collect();
        let Found::Field(field) = self.find(&self.request_scope(), &path, name.span) else {
            if what == "unsupported" {
                self.note_stranger(&name.value);
            }
            return None;
        };
        if field.optional && matches!(field.read, Read::Field | Read::Payload | Read::Option) {
            return Some(field);
        }
        self.report(
            Diagnostic::error("TW0513", name.span, format!("`{}` cannot be {what}", field.name))
                .label("always there")
                .help("only optional fields of the request can"),
        );
        None
    }

    fn unsupported(&mut self, name: &Spanned<String>, action: &Spanned<String>) -> Option<Step> {
        let field = self.changeable(name, "unsupported")?;
        if let Some(place) = self.mapped.get(&field.name) {
            let place = place.iter().next().map_or("", String::as_str);
            let place = if place.is_empty() { "the body".to_owned() } else { format!("the table `{place}`") };
            self.report(
                Diagnostic::error(
                    "TW0512",
                    name.span,
                    format!("`{}` is called unsupported, but {place} sends it", name.value),
                )
                .label("is sent")
                .help("remove it from `unsupported`, or remove its slot"),
            );
        }
        if ACTIONS.contains(&action.value.as_str()) {
            return Some(Step::Unsupported { field, refuse: action.value == "error", span: name.span });
        }
        let problem = Diagnostic::error(
            "TW0512",
            action.span,
            format!("`{}` is no action for an unsupported field", action.value),
        )
        .label("unknown action");
        self.report(match action.value.as_str() {
            "clamp" => problem.help("bounds are written under `limits`"),
            "emulate" => problem.help("no policy emulates a field yet; write `error` or `warn_drop`"),
            other => problem.suggest(other, ACTIONS.iter().copied()),
        });
        None
    }

    fn limit(&mut self, name: &Spanned<String>, node: &Node) -> Option<Step> {
        let field = self.changeable(name, "limited")?;
        let (text, items) = self.bounds(node)?;
        let otherwise = self.outside(node)?;
        let bound = if items { self.items(&field, name, text) } else { self.range(&field, text, otherwise) }?;
        let text = describe(text);
        Some(Step::Limit(Limit { field, text, bound, otherwise, span: name.span }))
    }

    /// The node that says the bounds, and whether it counts items.
    fn bounds<'n>(&mut self, node: &'n Node) -> Option<(&'n Node, bool)> {
        if node.as_map().is_none() {
            return Some((node, false));
        }
        let known = ["range", "items", "else"];
        let mut fine = true;
        for entry in
            node.as_map().unwrap_or_default().iter().filter(|entry| !known.contains(&entry.key.as_str()))
        {
            fine = false;
            self.report(
                Diagnostic::error("TW0511", entry.key_span, format!("a limit has no `{}`", entry.key))
                    .label("unknown")
                    .suggest(&entry.key, known),
            );
        }
        let bounds = node
            .get("range")
            .map(|range| (range, false))
            .or_else(|| node.get("items").map(|items| (items, true)));
        if bounds.is_none() && fine {
            self.report(
                Diagnostic::error("TW0511", node.span, "a limit needs bounds")
                    .label("says none")
                    .help("write `0..2`, `{range: 1024.., else: clamp}` or `{items: 4}`"),
            );
        }
        bounds.filter(|_| fine)
    }

    fn outside(&mut self, node: &Node) -> Option<Otherwise> {
        let Some(action) = node.get("else") else { return Some(Otherwise::Refuse) };
        match action.as_str() {
            Some("error") => Some(Otherwise::Refuse),
            Some("clamp") => Some(Otherwise::Clamp),
            Some("warn_drop") => Some(Otherwise::Drop),
            other => {
                self.report(
                    Diagnostic::error(
                        "TW0511",
                        action.span,
                        "`else` says what happens to a value out of bounds",
                    )
                    .label("unknown action")
                    .suggest(other.unwrap_or_default(), OUTSIDE.iter().copied()),
                );
                None
            }
        }
    }
}

/// The bounds in the words of the dialect.
fn describe(node: &Node) -> String {
    match &node.value {
        Value::Str(text) | Value::Number(text) => text.clone(),
        _ => String::new(),
    }
}

/// The field that a refusal names: the first that its condition asks for.
fn feature(cond: &Pred) -> String {
    match cond {
        Pred::Has(path) => path.value.join("."),
        Pred::Is(path, value) => format!("{}.{}", path.value.join("."), value.value),
        Pred::Wrong => String::new(),
        Pred::Word(word) | Pred::Cap(word) | Pred::Uses(word) => word.value.clone(),
        Pred::Not(inner) => feature(inner),
        Pred::And(all) | Pred::Or(all) => {
            let named = all.iter().find(|pred| matches!(pred, Pred::Has(_) | Pred::Is(..)));
            named.or(all.first()).map(feature).unwrap_or_default()
        }
    }
}
