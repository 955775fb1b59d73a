//! The small language inside scalars: slots, templates, linear leaves and predicates.
//!
//! Reads text into the tree of [`super::ast`]; whether a field or codec exists is checked later.

use super::ast::{Const, Piece, Pred, Shape, ShapeKind, Slot, Spanned, Term};
use crate::diagnostic::{Diagnostic, Sink};
use crate::source::Span;

/// Text of a scalar and where its first byte stands.
#[derive(Clone, Copy)]
pub(super) struct Scalar<'a> {
    text: &'a str,
    span: Span,
    /// Bytes between the start of the span and the text: 1 if the scalar is quoted.
    inset: usize,
}

impl<'a> Scalar<'a> {
    pub(super) fn new(text: &'a str, span: Span) -> Self {
        let quoted = (span.end - span.start) as usize == text.len() + 2;
        Self { text, span, inset: usize::from(quoted) }
    }

    fn part(self, from: usize, len: usize) -> Span {
        self.span.slice(self.inset + from, len)
    }
}

/// Reads a string scalar: a constant, a slot, a template or a linear leaf.
pub(super) fn shape(scalar: Scalar<'_>, sink: &mut Sink) -> Option<Shape> {
    let text = scalar.text;
    let kind = if let Some(literal) = text.strip_prefix("$$") {
        ShapeKind::Const(Const::Str(format!("${literal}")))
    } else if text == "$absent" {
        ShapeKind::Absent
    } else if text.contains("${") {
        ShapeKind::Template(template(scalar, sink)?)
    } else if text.starts_with('$') {
        return slot_or_linear(scalar, sink);
    } else {
        ShapeKind::Const(Const::Str(text.to_owned()))
    };
    Some(Shape { kind, span: scalar.span })
}

fn slot_or_linear(scalar: Scalar<'_>, sink: &mut Sink) -> Option<Shape> {
    let (head, fallback) = match scalar.text.split_once(" ?? ") {
        Some((head, rest)) => (head, Some((rest, head.len() + 4))),
        None => (scalar.text, None),
    };
    let mut terms = Vec::new();
    let (mut at, mut negative) = (0, false);
    loop {
        let rest = &head[at..];
        let (len, next) = next_term(rest);
        let slot = slot(Scalar { text: &rest[..len], ..scalar }, scalar.part(at, len), sink)?;
        terms.push(Term { negative, slot });
        let Some(sign) = next else { break };
        negative = sign == '-';
        at += len + 3;
    }
    if terms.len() > 1 {
        return Some(Shape { kind: ShapeKind::Linear(terms), span: scalar.span });
    }
    let mut slot = terms.pop()?.slot;
    if let Some((rest, at)) = fallback {
        slot.fallback = Some(Box::new(fallback_shape(Scalar { text: rest, ..scalar }, scalar.part(at, rest.len()), sink)?));
    }
    Some(Shape { kind: ShapeKind::Slot(slot), span: scalar.span })
}

fn next_term(text: &str) -> (usize, Option<char>) {
    match [" - ", " + "].iter().filter_map(|sign| text.find(sign)).min() {
        Some(at) => (at, text[at + 1..].chars().next()),
        None => (text.len(), None),
    }
}

/// What follows `??`: another slot, or a JSON scalar.
fn fallback_shape(scalar: Scalar<'_>, span: Span, sink: &mut Sink) -> Option<Shape> {
    let text = scalar.text;
    let constant = match text {
        "null" => Const::Null,
        "true" => Const::Bool(true),
        "false" => Const::Bool(false),
        _ if text.starts_with('$') => {
            let slot = slot(scalar, span, sink)?;
            return Some(Shape { kind: ShapeKind::Slot(slot), span });
        }
        _ if text.parse::<f64>().is_ok() => Const::Number(text.to_owned()),
        _ => Const::Str(text.to_owned()),
    };
    Some(Shape { kind: ShapeKind::Const(constant), span })
}

/// Reads `$a.b!|codec|codec` with or without the dollar.
fn slot(scalar: Scalar<'_>, span: Span, sink: &mut Sink) -> Option<Slot> {
    let mut segments = scalar.text.split('|');
    let head = segments.next().unwrap_or_default().trim();
    let head = head.strip_prefix('$').unwrap_or(head);
    let (head, must) = match head.strip_suffix('!') {
        Some(head) => (head, true),
        None => (head, false),
    };
    let codecs = segments.map(|codec| Spanned { value: codec.trim().to_owned(), span }).collect();
    let mut path: Vec<String> = head.split('.').map(str::to_owned).collect();
    let select = match path.as_slice() {
        [list, select] if list == "parts" => select.split('+').map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    if !select.is_empty() {
        path.truncate(1);
    }
    if path.iter().chain(&select).all(|segment| is_name(segment)) {
        return Some(Slot { path, must, select, codecs, fallback: None, span });
    }
    sink.push(
        Diagnostic::error("TW0401", span, format!("`{}` is not a slot", scalar.text))
            .label("expected a field name after `$`")
            .help("write `$field`, `$field!`, `$field.part`, `$field|codec` or `$field ?? other`; `$$` is a literal dollar"),
    );
    None
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_')
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
}

fn template(scalar: Scalar<'_>, sink: &mut Sink) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(open) = scalar.text[at..].find("${") {
        if open > 0 {
            pieces.push(Piece::Text(scalar.text[at..at + open].to_owned()));
        }
        let from = at + open + 2;
        let Some(len) = scalar.text[from..].find('}') else {
            sink.push(
                Diagnostic::error("TW0402", scalar.part(at + open, 2), "a `${` of this template is never closed")
                    .label("opened here")
                    .help("close it with `}`"),
            );
            return None;
        };
        let inner = &scalar.text[from..from + len];
        pieces.push(Piece::Slot(slot(Scalar { text: inner, ..scalar }, scalar.part(from, len), sink)?));
        at = from + len + 1;
    }
    if at < scalar.text.len() {
        pieces.push(Piece::Text(scalar.text[at..].to_owned()));
    }
    Some(pieces)
}

/// Reads a predicate: words joined by `and`, `or`, `not`; `and` binds tighter than `or`.
pub(super) fn predicate(scalar: Scalar<'_>, sink: &mut Sink) -> Option<Pred> {
    let words: Vec<(usize, &str)> = word_offsets(scalar.text);
    let alternatives: Option<Vec<Pred>> = words.split(|(_, word)| *word == "or").map(|group| conjunction(scalar, group, sink)).collect();
    let mut alternatives = alternatives?;
    if alternatives.len() == 1 { alternatives.pop() } else { Some(Pred::Or(alternatives)) }
}

fn word_offsets(text: &str) -> Vec<(usize, &str)> {
    text.split_ascii_whitespace().map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word)).collect()
}

fn conjunction(scalar: Scalar<'_>, words: &[(usize, &str)], sink: &mut Sink) -> Option<Pred> {
    let parts: Option<Vec<Pred>> = words.split(|(_, word)| *word == "and").map(|group| atom(scalar, group, sink)).collect();
    let mut parts = parts?;
    if parts.len() == 1 { parts.pop() } else { Some(Pred::And(parts)) }
}

fn atom(scalar: Scalar<'_>, words: &[(usize, &str)], sink: &mut Sink) -> Option<Pred> {
    let spanned = |(at, word): (usize, &str)| Spanned { value: word.to_owned(), span: scalar.part(at, word.len()) };
    let path = |(at, word): (usize, &str)| Spanned {
        value: word.split('.').map(str::to_owned).collect::<Vec<_>>(),
        span: scalar.part(at, word.len()),
    };
    match words {
        [(_, "not"), rest @ ..] if !rest.is_empty() => Some(Pred::Not(Box::new(atom(scalar, rest, sink)?))),
        [(_, "has"), field] => Some(Pred::Has(path(*field))),
        [field, (_, "is"), value] => Some(Pred::Is(path(*field), spanned(*value))),
        [(at, word)] => Some(match word.split_once('.') {
            Some(("caps", name)) => Pred::Cap(Spanned { value: name.to_owned(), span: scalar.part(at + 5, name.len()) }),
            Some(("uses", name)) => Pred::Uses(Spanned { value: name.to_owned(), span: scalar.part(at + 5, name.len()) }),
            _ => Pred::Word(spanned((*at, word))),
        }),
        _ => {
            sink.push(
                Diagnostic::error("TW0403", scalar.span, format!("`{}` is not a predicate", scalar.text))
                    .label("cannot be read")
                    .help("write `stream`, `has field`, `field is value`, `caps.name`, joined by `and`, `or`, `not`"),
            );
            None
        }
    }
}
