//! How an answer streams: framing, event names and the visit of each event.

use super::fields;
use super::tables::Lowering;
use crate::diagnostic::{Diagnostic, Sink};
use crate::dialect::ast::{self, OpEntry, OpTable, Spanned};
use crate::ir::decode::{EventAction, Stream};
use crate::source::Span;

const FRAMINGS: &[&str] = &["sse", "ndjson"];
const NEEDS: &[&str] = &["end", "finish"];

/// Lowers `stream:`.
pub(super) fn lower(lowering: &mut Lowering<'_>, stream: &ast::Stream, sink: &mut Sink) -> Option<Stream> {
    let framing = one_of(&stream.framing, FRAMINGS, "a framing", sink);
    let needs = one_of(&stream.needs, NEEDS, "a terminal", sink);
    let by_frame = stream.tag.iter().any(|tag| tag.value == ["$frame", "event"]);
    let by_path = stream
        .tag
        .iter()
        .find(|tag| tag.value.first().is_some_and(|first| first != "$frame"))
        .map(|tag| tag.value.clone());
    let named = stream.events.iter().any(|(names, _)| names.value != ["_"]);
    if named && stream.tag.is_empty() && !stream.framing.value.is_empty() && !lowering.op.torn {
        sink.push(
            Diagnostic::error("TW0630", stream.span, "nothing tells the events of this stream apart")
                .label("`framing.tag` is empty")
                .help("write `tag: [$frame.event, $.type]`, or describe all events under `_`"),
        );
    }
    check_tags(stream, sink);
    check_names(stream, sink);
    let mut events = Vec::new();
    let mut rest = None;
    for (names, table) in &stream.events {
        let action = action(lowering, &names.value, table, names, sink);
        if names.value == ["_"] { rest = Some(action) } else { events.push((names.value.clone(), action)) }
    }
    for class in &stream.implicit {
        // A class that is near nothing known was meant for one that has rows.
        lowering.lost |= crate::diagnostic::closest(&class.value, fields::CLASSES).is_none();
        one_of(class, fields::CLASSES, "a class of parts", sink);
    }
    Some(Stream {
        framing: framing?,
        sentinel: stream.sentinel.as_ref().map(|sentinel| sentinel.value.clone()),
        needs: needs?,
        implicit: stream.implicit.iter().map(|class| class.value.clone()).collect(),
        by_frame,
        by_path,
        events,
        rest,
    })
}

fn one_of(word: &Spanned<String>, known: &[&str], what: &str, sink: &mut Sink) -> Option<String> {
    if known.contains(&word.value.as_str()) || word.value.is_empty() {
        return Some(word.value.clone());
    }
    sink.push(
        Diagnostic::error("TW0618", word.span, format!("`{}` is not {what}", word.value))
            .label("unknown word")
            .suggest(&word.value, known.iter().copied()),
    );
    None
}

/// A table that is nothing but `$raw` keeps the event as it stands.
fn action(
    lowering: &mut Lowering<'_>,
    names: &[String],
    table: &OpTable,
    at: &Spanned<Vec<String>>,
    sink: &mut Sink,
) -> EventAction {
    let is_raw = |entry: &OpEntry| matches!(entry, OpEntry::Row { op, .. } if op.value == ["_"]);
    if let [only] = table.entries.as_slice()
        && table.with.is_none()
        && is_raw(only)
    {
        return EventAction::Raw;
    }
    let name = if names == ["_"] { "on_event".to_owned() } else { format!("on_{}", names[0]) };
    let what = if names == ["_"] { "an event".to_owned() } else { format!("`{}`", names.join("`, `")) };
    EventAction::Visit(lowering.root(&name, &what, table, at.span, sink))
}

/// The name of an event is looked for beside the data, and at one path of it.
fn check_tags(stream: &ast::Stream, sink: &mut Sink) {
    let paths = stream.tag.iter().filter(|tag| tag.value.first().is_some_and(|first| first != "$frame"));
    let mut paths = paths.map(|tag| tag.span);
    let Some(first) = paths.next() else { return };
    for other in paths {
        sink.push(
            Diagnostic::error("TW0636", other, "the name of an event stands at one path of the data")
                .label("would be passed over")
                .related(first, "this one is looked at")
                .help("remove it; a `$frame.event` may stand beside a path"),
        );
    }
}

/// An event that has a name twice is described twice, and the second never counts.
fn check_names(stream: &ast::Stream, sink: &mut Sink) {
    let mut known: Vec<(&str, Span)> = Vec::new();
    for (names, _) in &stream.events {
        for name in &names.value {
            let problem = if name.is_empty() {
                Diagnostic::error("TW0635", names.span, "an event without a name")
                    .label("nothing beside a `|`")
            } else if name == "_" && names.value.len() > 1 {
                Diagnostic::error("TW0635", names.span, "`_` is every event that has no row")
                    .label("stands among names")
                    .help("write `_:` as a row of its own")
            } else if let Some((_, first)) = known.iter().find(|(known, _)| known == name) {
                Diagnostic::error("TW0635", names.span, format!("the event `{name}` has two rows"))
                    .label("never reached")
                    .related(*first, "the first")
                    .help("say everything about it in one row")
            } else {
                known.push((name, names.span));
                continue;
            };
            sink.push(problem);
        }
    }
}
