//! Operation tables to visits: rows with their tests, focuses, choices and groups.

use super::bindings::{self, Bindings};
use super::builder::Builder;
use super::fields;
use super::rows::{Draft, bind_place, constant_test, telling, touches_content};
use super::usage::UsageLeaves;
use crate::diagnostic::{Diagnostic, Sink, closest};
use crate::dialect::ast::{Each, OpEntry, OpTable, Operation, Shape, Spanned};
use crate::ir::decode::{Op, Place, Step, Test, Visit, VisitId};
use crate::source::Span;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// The lowering of one operation's tables.
pub(super) struct Lowering<'a> {
    pub(super) op: &'a Operation,
    pub(super) usage: &'a UsageLeaves,
    visits: Vec<Visit>,
    /// Names of operation tables under expansion, to find cycles.
    expanding: Vec<String>,
    /// Names of tables and shapes that something used.
    used: RefCell<BTreeSet<String>>,
    /// A row was reported, and is not there.
    pub(super) lost: bool,
    /// Something in a row was reported that may have been a use.
    pub(super) unsure: bool,
    /// Something in a row of a failure was reported.
    pub(super) vague: bool,
    /// Names that were used and are not there, each reported once.
    missing: RefCell<BTreeSet<String>>,
    /// How deep tables stand in one another.
    depth: usize,
    /// How much there is.
    size: usize,
    /// There is more than can be.
    grown: bool,
}

/// How deep tables may stand in one another, those that are used included.
const MAX_TABLES: usize = 40;

/// How many rows, slots and constants an operation may have, uses of tables spelled out.
const MAX_SIZE: usize = 5000;

/// Where a table stands within its visit.
#[derive(Clone, Default)]
pub(super) struct Scope {
    pub(super) prefix: Vec<String>,
    pub(super) place: Place,
    /// Inside a choice: nothing may fire before the whole value has been seen.
    pub(super) conditional: bool,
    /// Inside a list, what no row knows is a part of the answer rather than a bare event.
    pub(super) element: bool,
    /// The verb that replaces `whole` for used tables.
    pub(super) verb: Option<String>,
    /// The rows are those of a table that is written as well.
    pub(super) both_ways: bool,
}

impl<'a> Lowering<'a> {
    pub(super) fn new(op: &'a Operation, usage: &'a UsageLeaves) -> Self {
        Self {
            op,
            usage,
            visits: Vec::new(),
            expanding: Vec::new(),
            used: RefCell::default(),
            lost: false,
            unsure: false,
            vague: false,
            missing: RefCell::default(),
            depth: 0,
            size: 0,
            grown: false,
        }
    }

    pub(super) fn into_visits(self) -> Vec<Visit> {
        self.visits
    }

    /// Lowers a table that is read from a whole JSON value.
    pub(super) fn root(
        &mut self,
        name: &str,
        what: &str,
        table: &OpTable,
        span: Span,
        sink: &mut Sink,
    ) -> VisitId {
        let name = self.visit_name(name);
        let mut builder = Builder::new(name, what.to_owned(), false, span);
        let steps = self.table(&mut builder, &Scope::default(), table, sink);
        self.add(builder.finish(steps))
    }

    /// Notes that something uses the table or shape of this name.
    pub(super) fn note_use(&self, name: &str) {
        self.used.borrow_mut().insert(name.to_owned());
    }

    /// Whether something used the table or shape of this name.
    pub(super) fn is_used(&self, name: &str) -> bool {
        self.used.borrow().contains(name)
    }

    /// Reports that there is no table or shape of this name, once, and returns the one that was probably meant.
    pub(super) fn report_missing_table<'k>(
        &self,
        what: &str,
        table: &Spanned<String>,
        known: &[&'k str],
        sink: &mut Sink,
    ) -> Option<&'k str> {
        if self.missing.borrow_mut().insert(table.value.clone()) && !self.op.torn {
            sink.push(
                Diagnostic::error("TW0604", table.span, format!("there is no {what} `{}`", table.value))
                    .label("not defined in this operation")
                    .suggest(&table.value, known.iter().copied()),
            );
        }
        let meant = closest(&table.value, known)?;
        self.note_use(meant);
        Some(meant)
    }

    /// Counts what an operation amounts to; `None` if that is too much.
    pub(super) fn count(&mut self, more: usize, span: Span, sink: &mut Sink) -> Option<()> {
        let before = self.size;
        self.size = before.saturating_add(more);
        if self.size <= MAX_SIZE {
            return Some(());
        }
        if before <= MAX_SIZE && !std::mem::replace(&mut self.grown, true) {
            self.lost = true;
            sink.push(
                Diagnostic::error("TW0643", span, "this operation is too large")
                    .label(format!("more than {MAX_SIZE} rows, slots and constants up to here"))
                    .note("tables that are used several times count several times")
                    .help("use fewer tables, or name fewer alternatives of keys"),
            );
        }
        None
    }

    fn add(&mut self, visit: Visit) -> VisitId {
        self.visits.push(visit);
        VisitId(self.visits.len() - 1)
    }

    fn visit_name(&self, wanted: &str) -> String {
        let name: String = wanted
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
            .collect();
        let taken = |name: &str| {
            self.visits.iter().any(|visit| visit.name == name)
                || self.expanding.iter().any(|open| open == name)
        };
        let numbered = (2..).map(|n| format!("{name}_{n}"));
        std::iter::once(name.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(name)
    }

    /// Lowers a table into the steps of the visit that `builder` builds.
    fn table(&mut self, builder: &mut Builder, scope: &Scope, table: &OpTable, sink: &mut Sink) -> Vec<Step> {
        if self.depth >= MAX_TABLES {
            self.too_deep(builder.span(), sink);
            return Vec::new();
        }
        self.depth += 1;
        let steps = self.rows(builder, scope, table, sink);
        self.depth -= 1;
        steps
    }

    fn too_deep(&mut self, span: Span, sink: &mut Sink) {
        self.lost = true;
        if !std::mem::replace(&mut self.grown, true) {
            sink.push(
                Diagnostic::error("TW0643", span, "tables stand too deep in one another")
                    .label(format!("more than {MAX_TABLES} deep, with those that are used"))
                    .help("use fewer tables that use others"),
            );
        }
    }

    fn rows(&mut self, builder: &mut Builder, scope: &Scope, table: &OpTable, sink: &mut Sink) -> Vec<Step> {
        let (mut scope, tests) = self.with(builder, scope, table, sink);
        scope.conditional |= !tests.is_empty();
        let entries = table.entries.iter();
        let steps: Vec<Step> = entries.flat_map(|entry| self.entry(builder, &scope, entry, sink)).collect();
        if tests.is_empty() { steps } else { vec![Step::First(vec![(tests, steps)])] }
    }

    /// Binds `with:` and returns the scope of the table's rows, and the tests of its constants.
    fn with(
        &mut self,
        builder: &mut Builder,
        scope: &Scope,
        table: &OpTable,
        sink: &mut Sink,
    ) -> (Scope, Vec<Test>) {
        let mut scope = scope.clone();
        let Some(shape) = &table.with else { return (scope, Vec::new()) };
        let mut found = Bindings::new(false);
        bindings::collect(self, &scope.prefix, shape, &mut found, sink);
        bind_place(builder, &mut found, &mut scope.place, sink);
        for binding in &found.slots {
            sink.push(
                Diagnostic::error("TW0622", binding.slot.span, "`with` binds only `$k`, `$k2` and `$choice`")
                    .label("not a key")
                    .help("write this slot into the rows that need it"),
            );
        }
        let tests =
            found.constants.iter().filter_map(|constant| constant_test(builder, constant, sink)).collect();
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
            OpEntry::Focus { path, each: Some(each), table } => {
                self.list(builder, scope, path, each, table, sink)
            }
            OpEntry::One { span, alternatives } => self.choice(builder, scope, alternatives, *span, sink),
            OpEntry::Group { table, .. } => self.table(builder, scope, table, sink),
            OpEntry::Wrong => {
                self.lost = true;
                Vec::new()
            }
            OpEntry::Use { table, verb } => self.used(builder, scope, table, verb.as_ref(), sink),
        }
    }

    fn plain_row(
        &mut self,
        builder: &mut Builder,
        scope: &Scope,
        op: &Spanned<Vec<String>>,
        shape: &Shape,
        sink: &mut Sink,
    ) -> Vec<Step> {
        let Some(draft) = self.draft(builder, scope, op, shape, sink) else { return Vec::new() };
        let mut row = draft.row;
        // A row that binds nothing says something only by its constants.
        if row.args.is_empty() && !matches!(row.op, Op::Usage(_)) {
            row.tests
                .extend(draft.constants.iter().filter_map(|constant| constant_test(builder, constant, sink)));
        }
        builder.content |= touches_content(&row.op);
        vec![Step::Fire(row)]
    }

    fn list(
        &mut self,
        builder: &mut Builder,
        scope: &Scope,
        path: &Spanned<Vec<String>>,
        each: &Each,
        table: &OpTable,
        sink: &mut Sink,
    ) -> Vec<Step> {
        let mut full = scope.prefix.clone();
        full.extend(path.value.iter().cloned());
        let needs_place = builder.takes_place || scope.place != Place::default() || each.index.is_some();
        let last = path.value.last().map_or("element", String::as_str);
        let name = self.visit_name(
            &scope.prefix.last().map_or_else(|| format!("each_{last}"), |near| format!("each_{near}_{last}")),
        );
        self.expanding.push(name.clone());
        let mut child = Builder::new(name, format!("`{}[]`", full.join(".")), needs_place, path.span);
        child.is_element = true;
        let inner =
            Scope { element: true, verb: scope.verb.clone(), both_ways: scope.both_ways, ..Scope::default() };
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

    fn used(
        &mut self,
        builder: &mut Builder,
        scope: &Scope,
        table: &Spanned<String>,
        verb: Option<&Spanned<String>>,
        sink: &mut Sink,
    ) -> Vec<Step> {
        let mut scope = scope.clone();
        self.note_use(&table.value);
        if self.count(1, table.span, sink).is_none() {
            return Vec::new();
        }
        if let Some(verb) = verb {
            scope.verb = Some(check_verb(verb, sink));
        }
        if let Some(parts) =
            self.op.tables.iter().find(|known| known.name.value == table.value && !known.single)
        {
            let verb = scope.verb.as_deref();
            let alternatives: Vec<OpEntry> =
                parts.rows.iter().filter_map(|row| part_entry(row, verb)).collect();
            scope.both_ways = true;
            return self.choice(builder, &scope, &alternatives, table.span, sink);
        }
        let known: Vec<&str> = self.op.op_tables.iter().map(|(name, _)| name.value.as_str()).collect();
        let meant = match known.contains(&table.value.as_str()) {
            true => Some(table.value.as_str()),
            false => self.report_missing_table("table", table, &[known.as_slice(), &["part"]].concat(), sink),
        };
        let found = self.op.op_tables.iter().find(|(name, _)| Some(name.value.as_str()) == meant);
        let Some((name, used)) = found else {
            self.lost = true;
            return Vec::new();
        };
        let marker = format!("use {}", name.value);
        if self.expanding.contains(&marker) {
            sink.push(
                Diagnostic::error("TW0624", table.span, format!("the table `{}` uses itself", name.value))
                    .label("comes back to itself here")
                    .related(name.span, "defined here")
                    .help("write out the part that is meant: what comes in has an end"),
            );
            return Vec::new();
        }
        self.expanding.push(marker);
        let steps = self.table(builder, &scope, used, sink);
        self.expanding.pop();
        steps
    }

    fn choice(
        &mut self,
        builder: &mut Builder,
        scope: &Scope,
        alternatives: &[OpEntry],
        span: Span,
        sink: &mut Sink,
    ) -> Vec<Step> {
        let scope = Scope { conditional: true, ..scope.clone() };
        let before = sink.len();
        let mut rest: Option<Span> = None;
        let mut arms: Vec<Arm> = Vec::new();
        for alternative in alternatives {
            let at = entry_span(alternative, span);
            if let Some(rest) = rest {
                report_unreached(at, rest, "takes everything", sink);
                continue;
            }
            let Some(arm) = self.alternative(builder, &scope, alternative, at, sink) else { continue };
            rest = arm.rest.then_some(at);
            arms.push(arm);
        }
        builder.content = true;
        let drafts: Vec<Option<&Draft>> = arms.iter().map(|arm| arm.draft.as_ref()).collect();
        let telling = telling(&drafts, rest.is_some());
        let spans: Vec<Span> = arms.iter().map(|arm| arm.span).collect();
        let finished: Vec<(Vec<Test>, Vec<Step>)> = arms
            .into_iter()
            .zip(telling)
            .map(|(arm, constants)| {
                let Some(draft) = arm.draft else { return (arm.tests, arm.steps) };
                let mut tests: Vec<Test> = constants
                    .iter()
                    .filter_map(|index| constant_test(builder, &draft.constants[*index], sink))
                    .collect();
                let mut row = draft.row;
                tests.append(&mut row.tests);
                (tests, vec![Step::Fire(row)])
            })
            .collect();
        if !scope.both_ways && sink.len() == before {
            check_reached(&finished, &spans, sink);
        }
        vec![Step::First(finished)]
    }

    /// One alternative of a choice; `None` if it was reported.
    fn alternative(
        &mut self,
        builder: &mut Builder,
        scope: &Scope,
        alternative: &OpEntry,
        span: Span,
        sink: &mut Sink,
    ) -> Option<Arm> {
        let arm = |tests, steps, rest| Arm { draft: None, tests, steps, rest, span };
        match alternative {
            OpEntry::Row { op, shape, .. } => {
                let draft = self.draft(builder, scope, op, shape, sink)?;
                let rest = draft.rest && !draft.wrong;
                Some(Arm { rest, draft: Some(draft), ..arm(Vec::new(), Vec::new(), false) })
            }
            OpEntry::Group { name, table } => {
                let (tests, steps) = self.group(builder, scope, name, table, sink);
                Some(arm(tests, steps, name.value == "_"))
            }
            other => {
                let before = sink.len();
                let steps = self.entry(builder, scope, other, sink);
                // A list among alternatives is chosen if it has elements.
                let tests = match steps.as_slice() {
                    [Step::Each { list, .. }] => vec![Test::NonEmpty(*list)],
                    _ => Vec::new(),
                };
                let rest = tests.is_empty() && !steps.is_empty() && sink.len() == before;
                Some(arm(tests, steps, rest))
            }
        }
    }

    fn group(
        &mut self,
        builder: &mut Builder,
        scope: &Scope,
        name: &Spanned<String>,
        table: &OpTable,
        sink: &mut Sink,
    ) -> (Vec<Test>, Vec<Step>) {
        let (inner, tests) = self.with(builder, scope, table, sink);
        if tests.is_empty() && name.value != "_" {
            sink.push(
                Diagnostic::error(
                    "TW0606",
                    name.span,
                    format!("nothing tells when the group `{}` applies", name.value),
                )
                .label("has no constant in `with`")
                .help("give it `with: {key: constant}`, or call it `_` if it takes the rest"),
            );
        }
        let entries = table.entries.iter();
        (tests, entries.flat_map(|entry| self.entry(builder, &inner, entry, sink)).collect())
    }
}

/// An alternative of a choice before it is known which constants are tested.
struct Arm {
    draft: Option<Draft>,
    tests: Vec<Test>,
    steps: Vec<Step>,
    /// Takes everything.
    rest: bool,
    span: Span,
}

fn report_unreached(at: Span, before: Span, what: &str, sink: &mut Sink) {
    sink.push(
        Diagnostic::error("TW0605", at, "this alternative is never reached")
            .label("comes too late")
            .related(before, what)
            .help("alternatives are tried in order: put the one that asks for more first"),
    );
}

/// An alternative that asks for all that an earlier one asks for is never reached.
fn check_reached(arms: &[(Vec<Test>, Vec<Step>)], spans: &[Span], sink: &mut Sink) {
    for (at, (tests, _)) in arms.iter().enumerate() {
        let covers = |(earlier, _): &(Vec<Test>, Vec<Step>)| earlier.iter().all(|test| tests.contains(test));
        if let Some(earlier) = arms[..at].iter().position(covers) {
            report_unreached(spans[at], spans[earlier], "matches whenever that one does", sink);
        }
    }
}

/// What `as:` may make of `whole`.
const VERBS: &[&str] = &["whole", "fill", "restate"];

/// The verb; one that is misspelt is reported, and counts as `whole`.
fn check_verb(verb: &Spanned<String>, sink: &mut Sink) -> String {
    if VERBS.contains(&verb.value.as_str()) {
        return verb.value.clone();
    }
    sink.push(
        Diagnostic::error("TW0633", verb.span, format!("a table cannot be used as `{}`", verb.value))
            .label("unknown verb")
            .note("`as` says what becomes of the rows `whole` of a table")
            .suggest(&verb.value, VERBS.iter().copied()),
    );
    VERBS[0].to_owned()
}

/// The entry that a row of the part table stands for when parts come in.
fn part_entry(row: &crate::dialect::ast::Row, verb: Option<&str>) -> Option<OpEntry> {
    let verb = verb.unwrap_or("whole");
    let op = match row.variant.as_str() {
        "_" | "raw" => vec!["_".to_owned()],
        class if fields::CLASSES.contains(&class) => vec![verb.to_owned(), class.to_owned()],
        _ => return None,
    };
    Some(OpEntry::Row {
        op: Spanned { value: op, span: row.label_span },
        label: row.alt.clone(),
        shape: row.shape.clone(),
    })
}

fn entry_span(entry: &OpEntry, fallback: Span) -> Span {
    match entry {
        OpEntry::Row { op, .. } => op.span,
        OpEntry::Focus { path, .. } => path.span,
        OpEntry::One { span, .. } => *span,
        OpEntry::Group { name, .. } => name.span,
        OpEntry::Wrong => fallback,
        OpEntry::Use { table, .. } => {
            if table.span.end > 0 {
                table.span
            } else {
                fallback
            }
        }
    }
}
