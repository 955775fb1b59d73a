//! Rows of operation tables: what each binds, needs and tests.

use super::bindings::{self, Bindings, Constant};
use super::builder::Builder;
use super::fields::{self, OpField};
use super::tables::{Lowering, Scope};
use crate::diagnostic::{Diagnostic, Sink, closest};
use crate::dialect::ast::{Const, Shape, Spanned};
use crate::ir::decode::{Leaf, LocalId, Op, Place, PlaceKey, Row, Test, Value};
use crate::source::Span;

/// A row before it is known which of its constants are tested.
pub(super) struct Draft {
    pub(super) row: Row,
    pub(super) required: Vec<Vec<String>>,
    pub(super) constants: Vec<Constant>,
    pub(super) rest: bool,
    /// Something in it was reported.
    pub(super) wrong: bool,
}

impl Lowering<'_> {
    pub(super) fn draft(
        &mut self,
        builder: &mut Builder,
        scope: &Scope,
        op: &Spanned<Vec<String>>,
        shape: &Shape,
        sink: &mut Sink,
    ) -> Option<Draft> {
        let (word, class) = self.operation_word(op, scope, sink)?;
        let mut found = Bindings::new(scope.both_ways);
        bindings::collect(self, &scope.prefix, shape, &mut found, sink);
        if found.one_way {
            return None;
        }
        let leaves = found.usage.as_ref().map_or(0, |_| self.usage.leaves.len());
        self.count(1 + found.len() + leaves, op.span, sink)?;
        let mut place = scope.place.clone();
        bind_place(builder, &mut found, &mut place, sink);
        let mut row = Row { tests: Vec::new(), op: Op::Beat, args: Vec::new(), at: place, span: op.span };
        if word == "usage" || found.usage.is_some() {
            self.unsure |= found.wrong || found.usage.is_none();
            let (prefix, _) = usage_prefix(&word, op.span, &mut found, sink)?;
            self.usage_row(builder, &mut row, &prefix, sink);
            let (constants, wrong) = (found.constants, found.wrong);
            return Some(Draft { row, required: Vec::new(), constants, rest: false, wrong });
        }
        let known = fields::fields(&word, &class);
        let mut required: Vec<Vec<String>> = Vec::new();
        let mut bound: Vec<LocalId> = Vec::new();
        for field in known {
            let locals = self.bind_field(builder, &mut found, *field, sink);
            let Some((value, must, paths)) = locals else { continue };
            let by_class = fields::required_by_class(&word, &class).contains(&field.name);
            if must || field.required || by_class {
                row.tests.push(Test::Has(value.clone()));
                required.extend(paths);
            }
            // Gateways fill absent objects with empty values; an alternative is not chosen for those.
            if must && scope.conditional && field.leaf == Leaf::Text {
                row.tests.push(Test::Filled(value.clone()));
            }
            bound.extend(match &value {
                Value::Local(local) => vec![*local],
                Value::First(locals) => locals.clone(),
            });
            row.args.push((field.name.to_owned(), value));
        }
        // A source or a listed model is kept as it stands, whatever else is known of it.
        if (word == "cite" || word == "model")
            && scope.element
            && !row.args.iter().any(|(name, _)| name == "raw")
        {
            let raw = builder.leaf(&[], Leaf::Raw, op.span, sink);
            bound.extend(raw);
            row.args.extend(raw.map(|raw| ("raw".to_owned(), Value::Local(raw))));
        }
        found.wrong |= report_unknown(&word, &class, known, &found, sink);
        if !found.wrong {
            self.report_missing(&word, &class, known, &row, op.span, sink);
        }
        if row.tests.is_empty() && !bound.is_empty() && word != "open" {
            row.tests.push(Test::Any(bound));
        }
        let rest = word == "_" && found.constants.is_empty();
        if rest && row.args.iter().all(|(_, value)| matches!(value, Value::Local(_))) {
            // The row for the rest matches whatever is there.
            row.tests.clear();
        }
        self.unsure |= found.wrong;
        self.vague |= found.wrong && word == "fail";
        row.op = operation(&word, &class, scope);
        Some(Draft { row, required, constants: found.constants, rest, wrong: found.wrong })
    }

    fn usage_row(&self, builder: &mut Builder, row: &mut Row, prefix: &[String], sink: &mut Sink) {
        let mut leaves = Vec::new();
        for (index, (path, span)) in self.usage.leaves.iter().enumerate() {
            let full: Vec<String> = prefix.iter().chain(path).cloned().collect();
            if let Some(local) = builder.leaf(&full, Leaf::Int, *span, sink) {
                leaves.push((index, local));
            }
        }
        if !prefix.is_empty()
            && let Some(raw) = builder.leaf(prefix, Leaf::Raw, row.span, sink)
        {
            row.args.push(("raw".to_owned(), Value::Local(raw)));
        }
        row.tests.push(Test::Any(leaves.iter().map(|(_, local)| *local).collect()));
        row.op = Op::Usage(leaves);
    }

    /// Binds the leaves of `field` in written order; the first that is present counts.
    fn bind_field(
        &self,
        builder: &mut Builder,
        found: &mut Bindings,
        field: OpField,
        sink: &mut Sink,
    ) -> Option<(Value, bool, Vec<Vec<String>>)> {
        let mut locals = Vec::new();
        let mut paths = Vec::new();
        let (mut must, mut failed) = (false, false);
        for binding in found.slots.extract_if(.., |binding| binding.slot.path == [field.name]) {
            let Some(leaf) = bindings::leaf_of(&binding.slot, field, found.both_ways, sink) else {
                failed |= !found.both_ways;
                continue;
            };
            must |= binding.slot.must;
            match builder.leaf(&binding.path, leaf, binding.slot.span, sink) {
                Some(local) => locals.push(local),
                None => failed = true,
            }
            paths.push(binding.path);
        }
        found.wrong |= failed;
        let value = match locals.as_slice() {
            [] => return None,
            [one] => Value::Local(*one),
            _ => Value::First(locals),
        };
        Some((value, must, paths))
    }

    fn operation_word(
        &mut self,
        op: &Spanned<Vec<String>>,
        scope: &Scope,
        sink: &mut Sink,
    ) -> Option<(String, String)> {
        let word = op.value.first().cloned().unwrap_or_default();
        let allowed = fields::allowed(&self.op.name.value);
        if !allowed.contains(&word.as_str()) {
            sink.push(
                Diagnostic::error(
                    "TW0619",
                    op.span,
                    format!("`{word}` means nothing in the operation `{}`", self.op.name.value),
                )
                .label("not an operation of this table")
                .suggest(&word, allowed.iter().copied()),
            );
            self.lost = true;
            return None;
        }
        let word = match (word.as_str(), &scope.verb) {
            ("whole", Some(verb)) => verb.clone(),
            _ => word,
        };
        let class = class_of(&word, op, sink)?;
        Some((word, class))
    }

    fn report_missing(
        &self,
        word: &str,
        class: &str,
        known: &[OpField],
        row: &Row,
        span: Span,
        sink: &mut Sink,
    ) {
        let by_class = fields::required_by_class(word, class).iter().copied();
        let missing = known.iter().filter(|field| field.required).map(|field| field.name).chain(by_class);
        let row_name = if class.is_empty() { word.to_owned() } else { format!("{word}.{class}") };
        for name in missing.filter(|name| !row.args.iter().any(|(bound, _)| bound == name)) {
            sink.push(
                Diagnostic::error("TW0609", span, format!("`{row_name}` needs `${name}`"))
                    .label("the row does not bind it")
                    .help(format!("put `${name}` where the wire carries it")),
            );
        }
    }
}

/// Moves `$k`, `$k2` and `$choice` out of what a shape binds and into the place.
pub(super) fn bind_place(builder: &mut Builder, found: &mut Bindings, place: &mut Place, sink: &mut Sink) {
    for binding in found.slots.extract_if(.., |binding| matches!(binding.slot.path.as_slice(), [name] if matches!(name.as_str(), "k" | "k2" | "choice"))) {
        let leaf = if binding.slot.path[0] == "choice" { Leaf::Uint } else { Leaf::Key };
        let Some(local) = builder.leaf(&binding.path, leaf, binding.slot.span, sink) else { continue };
        match binding.slot.path[0].as_str() {
            "choice" => place.choice = Some(local),
            "k" => place.key = Some(PlaceKey::Local(local)),
            _ => place.key2 = Some(PlaceKey::Local(local)),
        }
    }
    for (name, word) in found.fixed.drain(..) {
        match name.as_str() {
            "k2" => place.key2 = Some(PlaceKey::Fixed(word)),
            _ => place.key = Some(PlaceKey::Fixed(word)),
        }
    }
}

pub(super) fn constant_test(builder: &mut Builder, constant: &Constant, sink: &mut Sink) -> Option<Test> {
    let (leaf, word) = match &constant.value {
        Const::Bool(value) => {
            let local = builder.leaf(&constant.path, Leaf::Flag, constant.span, sink)?;
            return Some(Test::Flag(local, *value));
        }
        Const::Str(word) => (Leaf::Text, word),
        Const::Number(word) => (Leaf::Scalar, word),
        Const::Null => return None,
    };
    builder.leaf(&constant.path, leaf, constant.span, sink).map(|local| Test::Is(local, word.clone()))
}

/// Which constants of each alternative are tested: all of them if some alternative takes the rest; otherwise those
/// that stand against another constant at the same path of an alternative that needs no other keys.
pub(super) fn telling(drafts: &[Option<&Draft>], has_rest: bool) -> Vec<Vec<usize>> {
    let of = |draft: &Draft| -> Vec<usize> {
        let others = drafts.iter().copied().flatten();
        let tells = |constant: &Constant| {
            has_rest || others.clone().any(|other| stands_against(draft, other, constant))
        };
        let constants = draft.constants.iter().enumerate();
        constants.filter(|(_, constant)| tells(constant)).map(|(index, _)| index).collect()
    };
    drafts.iter().map(|draft| draft.map(of).unwrap_or_default()).collect()
}

fn stands_against(draft: &Draft, other: &Draft, constant: &Constant) -> bool {
    let differs = other.constants.iter().any(|c| c.path == constant.path && c.value != constant.value);
    let within = |a: &Draft, b: &Draft| a.required.iter().all(|path| b.required.contains(path));
    differs && (within(draft, other) || within(other, draft))
}

/// Whether there was something unknown.
fn report_unknown(word: &str, class: &str, known: &[OpField], found: &Bindings, sink: &mut Sink) -> bool {
    // Parts are written in one table for both directions; what nobody knows was reported going out.
    if found.both_ways {
        return found
            .slots
            .iter()
            .any(|binding| !OUTGOING_ONLY.contains(&binding.slot.path.join(".").as_str()));
    }
    for binding in &found.slots {
        let name = binding.slot.path.join(".");
        let operation = if class.is_empty() { word.to_owned() } else { format!("{word}.{class}") };
        sink.push(
            Diagnostic::error("TW0601", binding.slot.span, format!("`{operation}` has no field `{name}`"))
                .label("unknown field")
                .suggest(&name, known.iter().map(|field| field.name)),
        );
    }
    !found.slots.is_empty()
}

/// Fields of parts that are written and never read.
const OUTGOING_ONLY: &[&str] =
    &["cache", "citations", "detail", "filename", "file_id", "url", "mime", "data"];

/// The class that a row is about; one that is misspelt is reported, and counts as the one that was meant.
fn class_of(word: &str, op: &Spanned<Vec<String>>, sink: &mut Sink) -> Option<String> {
    let class = op.value.get(1).cloned().unwrap_or_default();
    let takes_class = matches!(word, "open" | "append" | "set" | "whole" | "fill" | "restate");
    let may_have = takes_class || word == "close";
    if op.value.len() > 2 || (!may_have && op.value.len() > 1) {
        let extra = op.value[if may_have { 2 } else { 1 }..].join(".");
        let what = if may_have { format!("{word}.{class}") } else { word.to_owned() };
        sink.push(
            Diagnostic::error("TW0608", op.span, format!("`{extra}` says nothing behind `{what}`"))
                .label("one word too many")
                .help(format!("write `{what}`, or `{what}/{extra}` to tell rows apart")),
        );
        return Some(if may_have { class } else { String::new() });
    }
    if !takes_class && class.is_empty() {
        return Some(class);
    }
    let mut classes: Vec<String> = class.split('+').map(str::to_owned).collect();
    for class in classes.iter_mut().filter(|class| !fields::CLASSES.contains(&class.as_str())) {
        sink.push(
            Diagnostic::error("TW0608", op.span, format!("`{class}` is not a class of parts"))
                .label(format!("expected `{word}.CLASS`"))
                .suggest(class, fields::CLASSES.iter().copied()),
        );
        *class = closest(class, fields::CLASSES)?.to_owned();
    }
    if takes_class && classes.len() > 1 {
        sink.push(
            Diagnostic::error("TW0608", op.span, format!("`{word}` is about one class of parts"))
                .label("names several")
                .help("write a row for each"),
        );
        classes.truncate(1);
    }
    Some(classes.join("+"))
}

/// Where the usage table is used in a row `usage`, which says nothing else.
fn usage_prefix(
    word: &str,
    span: Span,
    found: &mut Bindings,
    sink: &mut Sink,
) -> Option<(Vec<String>, Span)> {
    let problem = match (&found.usage, found.slots.first()) {
        _ if found.wrong => return found.usage.take(),
        (Some(_), None) if word == "usage" => return found.usage.take(),
        (None, _) => Diagnostic::error("TW0634", span, "a row `usage` uses the usage table")
            .label("does not say where it is")
            .help("write the leaves under `usage:`, and `usage: {key: {$use: usage}}` here"),
        (Some(_), Some(slot)) if word == "usage" => {
            Diagnostic::error("TW0634", slot.slot.span, "a row `usage` says nothing but where the counts are")
                .label("would be passed over")
                .help("write a row of its own for it")
        }
        (Some((_, used)), _) => Diagnostic::error("TW0634", *used, format!("`{word}` does not count tokens"))
            .label("uses the usage table")
            .help("write `usage: {key: {$use: usage}}` as a row of its own"),
    };
    sink.push(problem);
    found.usage.take()
}

pub(super) fn touches_content(op: &Op) -> bool {
    !matches!(
        op,
        Op::Meta | Op::Served | Op::Usage(_) | Op::Beat | Op::Embedding | Op::Model | Op::Next | Op::Tokens
    )
}

fn operation(word: &str, class: &str, scope: &Scope) -> Op {
    let class = class.to_owned();
    match word {
        "meta" => Op::Meta,
        "served" => Op::Served,
        "open" => Op::Open(class),
        "append" => Op::Append(class),
        "set" => Op::Set(class),
        "whole" => Op::Whole(class),
        "fill" => Op::Fill(class),
        "restate" => Op::Restate(class),
        "close" if class.is_empty() => Op::Close(Vec::new()),
        "close" => Op::Close(class.split('+').map(str::to_owned).collect()),
        "cite" => Op::Cite,
        "logprobs" => Op::Logprobs,
        "finish" => Op::Finish,
        "end" => Op::End,
        "fail" => Op::Fail,
        "_" => Op::Raw { part: scope.element || scope.place.key.is_some() },
        "embedding" => Op::Embedding,
        "model" => Op::Model,
        "next" => Op::Next,
        "tokens" => Op::Tokens,
        _ => Op::Beat,
    }
}
