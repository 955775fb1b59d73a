//! The parts of an operation that are no shapes: streams, rules and errors.

use super::has_foreign;
use super::nodes::{entries, items, key, text, texts, unread, words};
use super::operations::op_table;
use super::shapes::{predicate, shape};
use super::tables::variant_of;
use crate::diagnostic::{Diagnostic, Sink};
use crate::dialect::ast::{Errors, Rule, RuleAction, Shape, Spanned, Stream};
use crate::source::{Entry, Node, Value};

pub(super) fn stream(entry: &Entry, sink: &mut Sink) -> Option<Stream> {
    let node = &entry.value;
    let framing = node.get("framing");
    let part = |key: &str| framing.and_then(|framing| framing.get(key));
    report_missing(entry, sink);
    let (kind, needs) = (part("kind"), part("needs"));
    // What is not said was reported; an empty word stands for it.
    let unsaid = || Spanned { value: String::new(), span: entry.key_span };
    let kind = kind.and_then(|kind| text(kind, sink)).unwrap_or_else(unsaid);
    let needs = needs.and_then(|needs| text(needs, sink)).unwrap_or_else(unsaid);
    let tag = part("tag").map(|tag| words(tag, sink)).unwrap_or_default();
    let events = node
        .get("events")
        .map(|events| entries(events, "events", sink).unwrap_or_default())
        .unwrap_or_default();
    Some(Stream {
        framing: kind,
        tag: tag.into_iter().map(|tag| tag_path(tag, sink)).collect(),
        sentinel: part("sentinel").and_then(|sentinel| text(sentinel, sink)),
        needs,
        implicit: node.get("implicit").map(|implicit| words(implicit, sink)).unwrap_or_default(),
        events: events.iter().map(|event| (alternatives(event), op_table(&event.value, sink))).collect(),
        span: entry.key_span,
    })
}

/// A stream says how it is cut into events and when it has ended, unless the schema reported something in its place.
fn report_missing(entry: &Entry, sink: &mut Sink) {
    let missing: Vec<String> = match entry.value.get("framing") {
        None if has_foreign("stream", &entry.value) => Vec::new(),
        None => vec!["framing".to_owned()],
        Some(framing) if has_foreign("framing", framing) => Vec::new(),
        Some(framing) => {
            let missing = ["kind", "needs"].into_iter().filter(|key| framing.get(key).is_none());
            missing.map(|key| format!("framing.{key}")).collect()
        }
    };
    let at = entry.value.entry("framing").map_or(entry.key_span, |framing| framing.key_span);
    for what in missing {
        sink.push(
            Diagnostic::error("TW0411", at, format!("a stream needs `{what}`"))
                .label("not said here")
                .help("write `framing: {kind: sse, tag: [$frame.event], needs: end}`"),
        );
    }
}

/// What is no place was reported, and counts as the frame's name.
fn tag_path(tag: Spanned<String>, sink: &mut Sink) -> Spanned<Vec<String>> {
    const FRAME: &str = "$frame.event";
    let words = if tag.value == FRAME { Some(FRAME) } else { tag.value.strip_prefix("$.") };
    let split = |words: &str| words.split('.').map(str::to_owned).collect::<Vec<_>>();
    let path = split(words.unwrap_or_default());
    if path.iter().all(|key| !key.is_empty()) {
        return Spanned { value: path, span: tag.span };
    }
    sink.push(
        Diagnostic::error(
            "TW0416",
            tag.span,
            format!("`{}` is no place for the name of an event", tag.value),
        )
        .label("cannot be read")
        .help("write `$frame.event` for the name beside the data, or `$.key` for a key of the data"),
    );
    Spanned { value: split(FRAME), span: tag.span }
}

fn alternatives(entry: &Entry) -> Spanned<Vec<String>> {
    Spanned { value: entry.key.split('|').map(str::to_owned).collect(), span: entry.key_span }
}

/// What the schema asks of a rule was reported by the schema.
pub(super) fn rule(node: &Node, sink: &mut Sink) -> Option<Rule> {
    let cond = predicate(node.get("if")?, sink);
    let why = text(node.get("why")?, sink);
    let action = rule_action(node, sink);
    Some(Rule { cond, action: action?, why: why?, span: node.span })
}

fn rule_action(node: &Node, sink: &mut Sink) -> Option<RuleAction> {
    let given: Vec<&Entry> =
        ["drop", "set", "error"].iter().filter_map(|action| node.entry(action)).collect();
    let Some((first, others)) = given.split_first() else {
        if has_foreign("rules", node) {
            return None;
        }
        sink.push(
            Diagnostic::error("TW0413", node.span, "a rule needs an action")
                .label("does nothing")
                .help("write `drop: [field, …]`, `set: {field: value}` or `error: true`"),
        );
        return None;
    };
    let clamp = node.entry("clamp").filter(|_| first.key != "set");
    for other in others.iter().copied().chain(clamp) {
        unread(other.key_span, &other.key, &format!("this rule is about `{}`", first.key), sink);
    }
    match first.key.as_str() {
        "drop" => Some(RuleAction::Drop(words(&first.value, sink))),
        "set" => rule_set(node, &first.value, sink),
        _ if first.value.value == Value::Bool(true) => Some(RuleAction::Error),
        _ => {
            sink.push(
                Diagnostic::error("TW0413", first.value.span, "a rule refuses, or it is no rule")
                    .label("expected `true`")
                    .help("write `error: true`; what the caller reads is `why`"),
            );
            None
        }
    }
}

fn rule_set(node: &Node, set: &Node, sink: &mut Sink) -> Option<RuleAction> {
    let (first, others) = entries(set, "the field that is set", sink)?.split_first()?;
    for other in others {
        unread(other.key_span, &other.key, "a rule sets one field", sink);
    }
    let clamp = node.get("clamp").and_then(|clamp| shape(clamp, sink));
    Some(RuleAction::Set { field: key(first), value: shape(&first.value, sink)?, clamp })
}

pub(super) fn errors(node: &Node, sink: &mut Sink) -> Errors {
    let body = items(node.get("body"), "errors.body", sink).iter();
    Errors {
        body: body.filter_map(|row| fail_row(row, sink)).collect(),
        code: texts(node.get("code"), "errors.code", sink),
        kind: texts(node.get("kind"), "errors.kind", sink),
        status: texts(node.get("status"), "errors.status", sink),
        retry: node.get("retry").map(|retry| words(retry, sink)).unwrap_or_default(),
        headers: node.get("headers").cloned(),
    }
}

/// A row of `errors.body`: nothing but `fail:`.
fn fail_row(row: &Node, sink: &mut Sink) -> Option<Shape> {
    if let Some([only]) = row.as_map()
        && variant_of(&only.key).0 == "fail"
    {
        return shape(&only.value, sink);
    }
    let at = row.as_map().and_then(<[Entry]>::first).map_or(row.span, |entry| entry.key_span);
    sink.push(
        Diagnostic::error("TW0417", at, "a row of `errors.body` is a `fail:`")
            .label("expected `fail`, and nothing else")
            .help("write `- fail: {error: {message: $message}}`"),
    );
    None
}
