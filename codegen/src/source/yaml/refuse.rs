//! What the reader refuses, each with the way that is open instead.

use super::{MAX_DEPTH, MAX_NODES};
use crate::diagnostic::Diagnostic;
use crate::source::Span;

const REUSE: &str = "for a shared wire format name a `dialect`; for shared model fields use `base_model`";

pub(super) fn syntax(span: Span, info: &str, at: usize, text: &str) -> Diagnostic {
    if info.contains("recursion limit") {
        return depth(span);
    }
    if info.contains("unknown anchor") {
        return alias(span);
    }
    let rest = text.get(at..).unwrap_or_default();
    let line_start = text[..at.min(text.len())].rfind('\n').map_or(0, |newline| newline + 1);
    let tabbed = rest.starts_with('\t') || text.get(line_start..at).is_some_and(|line| line.contains('\t'));
    let found = Diagnostic::error("TW0101", one_character(span, rest), format!("this is no YAML: {info}"))
        .label("the parser stopped here");
    match tabbed {
        true => found.help("indent with spaces; YAML allows no tabs there"),
        false => found.note("nothing behind this place was looked at"),
    }
}

/// The span of the character that the parser stopped at.
fn one_character(span: Span, rest: &str) -> Span {
    let len = rest.chars().next().filter(|c| *c != '\n' && *c != '\r').map_or(0, char::len_utf8);
    Span { end: span.start + len as u32, ..span }
}

pub(super) fn control_character(span: Span, found: char) -> Diagnostic {
    let message = format!("the control character U+{:04X} cannot stand in a YAML file", u32::from(found));
    Diagnostic::error("TW0103", span, message).help(
        "check that this is a text file; in a quoted string write it as an escape, such as `\"\\u0007\"`",
    )
}

pub(super) fn empty(span: Span) -> Diagnostic {
    Diagnostic::error("TW0113", span, "this file is empty")
        .help("a provider file starts with `name:`, a dialect file with `dialect:`")
}

pub(super) fn depth(span: Span) -> Diagnostic {
    Diagnostic::error("TW0105", span, format!("lists and mappings nest deeper than {MAX_DEPTH}"))
        .label("one level too many")
        .note("nothing behind this place was looked at")
}

pub(super) fn nodes(span: Span) -> Diagnostic {
    Diagnostic::error("TW0105", span, format!("this file has more than {MAX_NODES} values"))
        .note("nothing behind this place was looked at")
}

pub(super) fn duplicate_key(span: Span, first: Span, key: &str) -> Diagnostic {
    Diagnostic::error("TW0106", span, format!("the key `{key}` stands here twice"))
        .label("the second time")
        .related(first, "the first time")
        .help("keep one of them")
}

pub(super) fn anchor(span: Span) -> Diagnostic {
    Diagnostic::error("TW0107", span, "anchors are not read").label("an anchor").help(REUSE)
}

pub(super) fn alias(span: Span) -> Diagnostic {
    Diagnostic::error("TW0107", span, "aliases are not read")
        .label("an alias")
        .help(format!("{REUSE}; quote a text that starts with `*`"))
}

pub(super) fn merge_key(span: Span) -> Diagnostic {
    Diagnostic::error("TW0108", span, "merge keys are not read").label("a merge key").help(REUSE)
}

pub(super) fn tag(span: Span) -> Diagnostic {
    Diagnostic::error("TW0109", span, "tags are not read")
        .label("a tag")
        .help("leave it out; quote a text that starts with `!`")
}

pub(super) fn second_document(span: Span) -> Diagnostic {
    Diagnostic::error("TW0110", span, "a file holds one document")
        .label("a second one starts here")
        .help("put it into a file of its own")
}

pub(super) fn composite_key(span: Span) -> Diagnostic {
    Diagnostic::error("TW0111", span, "a key is a text, not a list or a mapping")
        .label("not a text")
        .help("quote it if braces or brackets belong to the text")
        .note("nothing behind this place was looked at")
}

pub(super) fn number(span: Span, text: &str) -> Diagnostic {
    Diagnostic::error("TW0112", span, format!("JSON has no number `{text}`"))
        .help("quote it if a text is meant")
}
