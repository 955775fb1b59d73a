//! Operation tables to visits: rows with their tests, focuses, choices and groups.

use super::bindings::{self, Bindings, Constant};
use super::builder::Builder;
use super::fields::{self, OpField};
use super::usage::UsageLeaves;
use crate::dialect::ast::{Const, Each, OpEntry, OpTable, Operation, Shape, Spanned};
use crate::diagnostic::{Diagnostic, Sink};
use crate::ir::decode::{Leaf, LocalId, Op, Place, PlaceKey, Row, Step, Test, Value, Visit, VisitId};
use crate::source::Span;

/// The lowering of one operation's tables.
pub(super) struct Lowering<'a> {
    pub(super) op: &'a Operation,
    usage: &'a UsageLeaves,
    visits: Vec<Visit>,
    /// Names of operation tables under expansion, to find cycles.
    expanding: Vec<String>,
}

/// Where a table stands within its visit.
#[derive(Clone, Default)]
struct Scope {
    prefix: Vec<String>,
    place: Place,
    /// Inside a choice: nothing may fire before the whole value has been seen.
    conditional: bool,
    /// Inside a list, what no row knows is a part of the answer rather than a bare event.
    element: bool,
    /// The verb that replaces `whole` for used tables.
    verb: Option<String>,
}

/// A row before it is known which of its constants are tested.
struct Draft {
    row: Row,
    required: Vec<Vec<String>>,
    constants: Vec<Constant>,
    rest: bool,
}

impl<'a> Lowering<'a> {
    pub(super) fn new(op: &'a Operation, usage: &'a UsageLeaves) -> Self {
        Self { op, usage, visits: Vec::new(), expanding: Vec::new() }
    }

    pub(super) fn into_visits(self) -> Vec<Visit> {
        self.visits
    }

    /// Lowers a table that is read from a whole JSON value.
    pub(super) fn root(&mut self, name: &str, what: &str, table: &OpTable, span: Span, sink: &mut Sink) -> VisitId {
        let name = self.visit_name(name);
        let mut builder = Builder::new(name, what.to_owned(), false, span);
        let steps = self.table(&mut builder, &Scope::default(), table, sink);
        self.add(builder.finish(steps))
    }

    fn add(&mut self, visit: Visit) -> VisitId {
        self.visits.push(visit);
        VisitId(self.visits.len() - 1)
    }

    fn visit_name(&self, wanted: &str) -> String {
        let name: String = wanted.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
        let taken = |name: &str| self.visits.iter().any(|visit| visit.name == name) || self.expanding.iter().any(|open| open == name);
        let numbered = (2..).map(|n| format!("{name}_{n}"));
        std::iter::once(name.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(name)
    }

    /// Lowers a table into the steps of the visit that `builder` builds.
    fn table(&mut self, builder: &mut Builder, scope: &Scope, table: &OpTable, sink: &mut Sink) -> Vec<Step> {
        let (mut scope, tests) = self.with(builder, scope, table, sink);
        scope.conditional |= !tests.is_empty();
        let entries = table.entries.iter();
        let steps: Vec<Step> = entries.flat_map(|entry| self.entry(builder, &scope, entry, sink)).collect();
        if tests.is_empty() { steps } else { vec![Step::First(vec![(tests, steps)])] }
    }

    /// Binds `with:` and returns the scope of the table's rows, and the tests of its constants.
    fn with(&mut self, builder: &mut Builder, scope: &Scope, table: &OpTable, sink: &mut Sink) -> (Scope, Vec<Test>) {
        let mut scope = scope.clone();
        let Some(shape) = &table.with else { return (scope, Vec::new()) };
        let mut found = Bindings::default();
        bindings::collect(self, &scope.prefix, shape, &mut found, sink);
        bind_place(builder, &mut found, &mut scope.place, sink);
        for binding in &found.slots {
            sink.push(
                Diagnostic::error("TW0622", binding.slot.span, "`with` binds only `$k`, `$k2` and `$choice`")
                    .label("not a key")
                    .help("write this slot into the rows that need it"),
            );
        }
        let tests = found.constants.iter().filter_map(|constant| constant_test(builder, constant, sink)).collect();
        (scope, tests)
    }

    fn entry(&mut self, builder: &mut Builder, scope: &Scope, entry: &OpEntry, sink: &mut Sink) -> Vec<Step> {
        match entry {
            OpEntry::Row { op, label: _, shape } => self.plain_row(builder, scope, op, shape, sink),
            OpEntry::Focus { path, each: None, table } => {
                let mut scope = scope.clone();
                scope.prefix.extend(path.value.iter().cloned());
                self.table(builder, &scope, table, sink)
            }
            OpEntry::Focus { path, each: Some(each), table } => self.list(builder, scope, path, each, table, sink),
            OpEntry::One { span, alternatives } => self.choice(builder, scope, alternatives, *span, sink),
            OpEntry::Group { name, .. } => {
                sink.push(
                    Diagnostic::error("TW0623", name.span, "a group stands only among the alternatives of `$one`")
                        .label("not inside `$one`"),
                );
                Vec::new()
            }
            OpEntry::Use { table, verb } => self.used(builder, scope, table, verb.as_ref(), sink),
        }
    }

    fn plain_row(&mut self, builder: &mut Builder, scope: &Scope, op: &Spanned<Vec<String>>, shape: &Shape, sink: &mut Sink) -> Vec<Step> {
        let Some(draft) = self.draft(builder, scope, op, shape, sink) else { return Vec::new() };
        let mut row = draft.row;
        // A row that binds nothing says something only by its constants.
        if row.args.is_empty() && !matches!(row.op, Op::Usage(_)) {
            row.tests.extend(draft.constants.iter().filter_map(|constant| constant_test(builder, constant, sink)));
        }
        builder.content |= touches_content(&row.op);
        vec![Step::Fire(row)]
    }

    fn list(&mut self, builder: &mut Builder, scope: &Scope, path: &Spanned<Vec<String>>, each: &Each, table: &OpTable, sink: &mut Sink) -> Vec<Step> {
        let mut full = scope.prefix.clone();
        full.extend(path.value.iter().cloned());
        let needs_place = builder.takes_place || scope.place != Place::default() || each.index.is_some();
        let last = path.value.last().map_or("element", String::as_str);
        let name = self.visit_name(&scope.prefix.last().map_or_else(|| format!("each_{last}"), |near| format!("each_{near}_{last}")));
        self.expanding.push(name.clone());
        let mut child = Builder::new(name, format!("`{}[]`", full.join(".")), needs_place, path.span);
        let inner = Scope { element: true, verb: scope.verb.clone(), ..Scope::default() };
        let steps = self.table(&mut child, &inner, table, sink);
        self.expanding.pop();
        let visit = self.add(child.finish(steps));
        let at_once = !needs_place && !scope.conditional && !builder.content && !builder.has_list(&full);
        builder.content = true;
        if at_once {
            builder.list_now(&full, visit);
            return Vec::new();
        }
        let list = builder.list_later(&full);
        vec![Step::Each { list, visit, at: scope.place.clone(), indexed: each.index.is_some() }]
    }

    fn used(&mut self, builder: &mut Builder, scope: &Scope, table: &Spanned<String>, verb: Option<&Spanned<String>>, sink: &mut Sink) -> Vec<Step> {
        let mut scope = scope.clone();
        if let Some(verb) = verb {
            scope.verb = Some(verb.value.clone());
        }
        if let Some(parts) = self.op.tables.iter().find(|known| known.name.value == table.value && !known.single) {
            let alternatives: Vec<OpEntry> = parts.rows.iter().filter_map(|row| part_entry(row, scope.verb.as_deref())).collect();
            return self.choice(builder, &scope, &alternatives, table.span, sink);
        }
        let Some((name, used)) = self.op.op_tables.iter().find(|(name, _)| name.value == table.value) else {
            let known = self.op.op_tables.iter().map(|(name, _)| name.value.as_str()).chain(["part"]);
            sink.push(
                Diagnostic::error("TW0604", table.span, format!("there is no table `{}`", table.value))
                    .label("not defined in this operation")
                    .suggest(&table.value, known),
            );
            return Vec::new();
        };
        let marker = format!("use {}", name.value);
        if self.expanding.contains(&marker) {
            sink.push(
                Diagnostic::error("TW0624", table.span, format!("the table `{}` uses itself", name.value))
                    .label("comes back to itself here")
                    .related(name.span, "defined here"),
            );
            return Vec::new();
        }
        self.expanding.push(marker);
        let steps = self.table(builder, &scope, used, sink);
        self.expanding.pop();
        steps
    }

    fn choice(&mut self, builder: &mut Builder, scope: &Scope, alternatives: &[OpEntry], span: Span, sink: &mut Sink) -> Vec<Step> {
        let scope = Scope { conditional: true, ..scope.clone() };
        let mut rest: Option<Span> = None;
        let mut drafts: Vec<(Option<Draft>, Vec<Test>, Vec<Step>)> = Vec::new();
        for alternative in alternatives {
            let at = entry_span(alternative, span);
            if let Some(rest) = rest {
                sink.push(
                    Diagnostic::error("TW0605", at, "this alternative is never reached")
                        .label("comes after the one that takes everything")
                        .related(rest, "takes everything")
                        .help("move `_` to the end"),
                );
                continue;
            }
            match alternative {
                OpEntry::Row { op, shape, .. } => {
                    let Some(draft) = self.draft(builder, &scope, op, shape, sink) else { continue };
                    if draft.rest {
                        rest = Some(at);
                    }
                    drafts.push((Some(draft), Vec::new(), Vec::new()));
                }
                OpEntry::Group { name, table } => {
                    let (tests, steps) = self.group(builder, &scope, name, table, sink);
                    if name.value == "_" {
                        rest = Some(at);
                    }
                    drafts.push((None, tests, steps));
                }
                other => {
                    let steps = self.entry(builder, &scope, other, sink);
                    // A list among alternatives is chosen if it has elements.
                    let tests = match steps.as_slice() {
                        [Step::Each { list, .. }] => vec![Test::NonEmpty(*list)],
                        _ => Vec::new(),
                    };
                    if tests.is_empty() && !steps.is_empty() {
                        rest = Some(at);
                    }
                    drafts.push((None, tests, steps));
                }
            }
        }
        builder.content = true;
        let telling = telling(&drafts, rest.is_some());
        let arms = drafts.into_iter().zip(telling).map(|((draft, mut tests, steps), constants)| {
            let Some(draft) = draft else { return (tests, steps) };
            tests.extend(constants.iter().filter_map(|index| constant_test(builder, &draft.constants[*index], sink)));
            let mut row = draft.row;
            tests.append(&mut row.tests);
            (tests, vec![Step::Fire(row)])
        });
        vec![Step::First(arms.collect())]
    }

    fn group(&mut self, builder: &mut Builder, scope: &Scope, name: &Spanned<String>, table: &OpTable, sink: &mut Sink) -> (Vec<Test>, Vec<Step>) {
        let (inner, tests) = self.with(builder, scope, table, sink);
        if tests.is_empty() && name.value != "_" {
            sink.push(
                Diagnostic::error("TW0606", name.span, format!("nothing tells when the group `{}` applies", name.value))
                    .label("has no constant in `with`")
                    .help("give it `with: {key: constant}`, or call it `_` if it takes the rest"),
            );
        }
        let entries = table.entries.iter();
        (tests, entries.flat_map(|entry| self.entry(builder, &inner, entry, sink)).collect())
    }

    fn draft(&mut self, builder: &mut Builder, scope: &Scope, op: &Spanned<Vec<String>>, shape: &Shape, sink: &mut Sink) -> Option<Draft> {
        let (word, class) = self.operation_word(op, scope, sink)?;
        let mut found = Bindings::default();
        bindings::collect(self, &scope.prefix, shape, &mut found, sink);
        let mut place = scope.place.clone();
        bind_place(builder, &mut found, &mut place, sink);
        let mut row = Row { tests: Vec::new(), op: Op::Beat, args: Vec::new(), at: place, span: op.span };
        if let Some(prefix) = found.usage.take() {
            self.usage_row(builder, &mut row, &prefix, sink);
            return Some(Draft { row, required: Vec::new(), constants: found.constants, rest: false });
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
            bound.extend(match &value {
                Value::Local(local) => vec![*local],
                Value::First(locals) => locals.clone(),
            });
            row.args.push((field.name.to_owned(), value));
        }
        // A source or a listed model is kept as it stands, whatever else is known of it.
        if (word == "cite" || word == "model") && scope.element && !row.args.iter().any(|(name, _)| name == "raw") {
            let raw = builder.leaf(&[], Leaf::Raw, op.span, sink);
            bound.extend(raw);
            row.args.extend(raw.map(|raw| ("raw".to_owned(), Value::Local(raw))));
        }
        self.report_missing(&word, &class, known, &row, op.span, sink);
        report_unknown(&word, &class, known, &found, sink);
        if row.tests.is_empty() && bound.len() > 0 && word != "open" {
            row.tests.push(Test::Any(bound));
        }
        let rest = word == "_" && found.constants.is_empty();
        if rest && row.args.iter().all(|(_, value)| matches!(value, Value::Local(_))) {
            // The row for the rest matches whatever is there.
            row.tests.clear();
        }
        row.op = operation(&word, &class, scope);
        Some(Draft { row, required, constants: found.constants, rest })
    }

    fn usage_row(&self, builder: &mut Builder, row: &mut Row, prefix: &[String], sink: &mut Sink) {
        let mut leaves = Vec::new();
        for (index, (path, span)) in self.usage.leaves.iter().enumerate() {
            let full: Vec<String> = prefix.iter().chain(path).cloned().collect();
            if let Some(local) = builder.leaf(&full, Leaf::Int, *span, sink) {
                leaves.push((index, local));
            }
        }
        if !prefix.is_empty() && let Some(raw) = builder.leaf(prefix, Leaf::Raw, row.span, sink) {
            row.args.push(("raw".to_owned(), Value::Local(raw)));
        }
        row.tests.push(Test::Any(leaves.iter().map(|(_, local)| *local).collect()));
        row.op = Op::Usage(leaves);
    }

    /// Binds the leaves of `field` in written order; the first that is present counts.
    fn bind_field(&self, builder: &mut Builder, found: &mut Bindings, field: OpField, sink: &mut Sink) -> Option<(Value, bool, Vec<Vec<String>>)> {
        let mut locals = Vec::new();
        let mut paths = Vec::new();
        let mut must = false;
        for binding in found.slots.extract_if(.., |binding| binding.slot.path == [field.name]) {
            let leaf = bindings::leaf_of(&binding.slot, field, sink);
            must |= binding.slot.must;
            if let Some(local) = builder.leaf(&binding.path, leaf, binding.slot.span, sink) {
                locals.push(local);
            }
            paths.push(binding.path);
        }
        let value = match locals.as_slice() {
            [] => return None,
            [one] => Value::Local(*one),
            _ => Value::First(locals),
        };
        Some((value, must, paths))
    }

    fn operation_word(&self, op: &Spanned<Vec<String>>, scope: &Scope, sink: &mut Sink) -> Option<(String, String)> {
        let word = op.value.first().cloned().unwrap_or_default();
        let allowed = fields::allowed(&self.op.name.value);
        if !allowed.contains(&word.as_str()) {
            sink.push(
                Diagnostic::error("TW0619", op.span, format!("`{word}` means nothing in the operation `{}`", self.op.name.value))
                    .label("not an operation of this table")
                    .suggest(&word, allowed.iter().copied()),
            );
            return None;
        }
        let word = match (word.as_str(), &scope.verb) {
            ("whole", Some(verb)) => verb.clone(),
            _ => word,
        };
        let class = op.value.get(1).cloned().unwrap_or_default();
        let takes_class = matches!(word.as_str(), "open" | "append" | "set" | "whole" | "fill" | "restate");
        if takes_class && !fields::CLASSES.contains(&class.as_str()) {
            sink.push(
                Diagnostic::error("TW0608", op.span, format!("`{class}` is not a class of parts"))
                    .label(format!("expected `{word}.CLASS`"))
                    .suggest(&class, fields::CLASSES.iter().copied()),
            );
            return None;
        }
        Some((word, class))
    }

    fn report_missing(&self, word: &str, class: &str, known: &[OpField], row: &Row, span: Span, sink: &mut Sink) {
        let by_class = fields::required_by_class(word, class).iter().copied();
        let missing = known.iter().filter(|field| field.required).map(|field| field.name).chain(by_class);
        for name in missing.filter(|name| !row.args.iter().any(|(bound, _)| bound == name)) {
            sink.push(
                Diagnostic::error("TW0609", span, format!("`{word}` needs `${name}`"))
                    .label("the row does not bind it")
                    .help(format!("put `${name}` where the wire carries it")),
            );
        }
    }
}

/// The entry that a row of the part table stands for when parts come in.
fn part_entry(row: &crate::dialect::ast::Row, verb: Option<&str>) -> Option<OpEntry> {
    let verb = verb.unwrap_or("whole");
    let op = match row.variant.as_str() {
        "_" | "raw" => vec!["_".to_owned()],
        class if fields::CLASSES.contains(&class) => vec![verb.to_owned(), class.to_owned()],
        _ => return None,
    };
    Some(OpEntry::Row { op: Spanned { value: op, span: row.label_span }, label: row.alt.clone(), shape: row.shape.clone() })
}

fn entry_span(entry: &OpEntry, fallback: Span) -> Span {
    match entry {
        OpEntry::Row { op, .. } => op.span,
        OpEntry::Focus { path, .. } => path.span,
        OpEntry::One { span, .. } => *span,
        OpEntry::Group { name, .. } => name.span,
        OpEntry::Use { table, .. } => if table.span.end > 0 { table.span } else { fallback },
    }
}

/// Moves `$k`, `$k2` and `$choice` out of what a shape binds and into the place.
fn bind_place(builder: &mut Builder, found: &mut Bindings, place: &mut Place, sink: &mut Sink) {
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

fn constant_test(builder: &mut Builder, constant: &Constant, sink: &mut Sink) -> Option<Test> {
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
fn telling(drafts: &[(Option<Draft>, Vec<Test>, Vec<Step>)], has_rest: bool) -> Vec<Vec<usize>> {
    let of = |draft: &Draft| -> Vec<usize> {
        let tells = |constant: &Constant| {
            has_rest || drafts.iter().filter_map(|(other, ..)| other.as_ref()).any(|other| stands_against(draft, other, constant))
        };
        draft.constants.iter().enumerate().filter(|(_, constant)| tells(constant)).map(|(index, _)| index).collect()
    };
    drafts.iter().map(|(draft, ..)| draft.as_ref().map(of).unwrap_or_default()).collect()
}

fn stands_against(draft: &Draft, other: &Draft, constant: &Constant) -> bool {
    let differs = other.constants.iter().any(|c| c.path == constant.path && c.value != constant.value);
    let within = |a: &Draft, b: &Draft| a.required.iter().all(|path| b.required.contains(path));
    differs && (within(draft, other) || within(other, draft))
}

fn report_unknown(word: &str, class: &str, known: &[OpField], found: &Bindings, sink: &mut Sink) {
    for binding in &found.slots {
        let name = binding.slot.path.join(".");
        // Parts are written in one table for both directions; what only goes out is skipped coming in.
        let outgoing_only = matches!(name.as_str(), "cache" | "citations" | "detail" | "filename" | "file_id" | "url" | "mime" | "data");
        if outgoing_only && !class.is_empty() {
            continue;
        }
        let operation = if class.is_empty() { word.to_owned() } else { format!("{word}.{class}") };
        sink.push(
            Diagnostic::error("TW0601", binding.slot.span, format!("`{operation}` has no field `{name}`"))
                .label("unknown field")
                .suggest(&name, known.iter().map(|field| field.name)),
        );
    }
}

fn touches_content(op: &Op) -> bool {
    !matches!(op, Op::Meta | Op::Served | Op::Usage(_) | Op::Beat | Op::Embedding | Op::Model | Op::Next | Op::Tokens)
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
