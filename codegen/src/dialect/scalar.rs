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
pub(super) fn shape(scalar: Scalar<'_>, sink: &mut Sink) -> Shape {
    let text = scalar.text;
    let wrong = || ShapeKind::Wrong(vec![text.to_owned()]);
    let kind = if let Some(literal) = text.strip_prefix("$$") {
        ShapeKind::Const(Const::Str(format!("${literal}")))
    } else if text == "$absent" {
        ShapeKind::Absent
    } else if text.contains("${") {
        template(scalar, sink).map_or_else(wrong, ShapeKind::Template)
    } else if text.starts_with('$') {
        slot_or_linear(scalar, sink).unwrap_or_else(wrong)
    } else {
        ShapeKind::Const(Const::Str(text.to_owned()))
    };
    Shape { kind, span: scalar.span }
}

fn slot_or_linear(scalar: Scalar<'_>, sink: &mut Sink) -> Option<ShapeKind> {
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
        if let Some((rest, at)) = fallback {
            sink.push(
                Diagnostic::error(
                    "TW0414",
                    scalar.part(at, rest.len()),
                    format!("`{rest}` says nothing here"),
                )
                .label("is never looked at")
                .note("a sum has no `??`: a leaf that is absent counts as nothing")
                .help("remove it"),
            );
        }
        return Some(ShapeKind::Linear(terms));
    }
    let mut slot = terms.pop()?.slot;
    if let Some((rest, at)) = fallback {
        slot.fallback = Some(Box::new(fallback_shape(
            Scalar { text: rest, ..scalar },
            scalar.part(at, rest.len()),
            sink,
        )?));
    }
    Some(ShapeKind::Slot(slot))
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
                Diagnostic::error(
                    "TW0402",
                    scalar.part(at + open, 2),
                    "a `${` of this template is never closed",
                )
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

/// How many `not` may stand before one another.
const MAX_NOTS: usize = 8;

/// Reads a predicate: words joined by `and`, `or`, `not`; `and` binds tighter than `or`.
pub(super) fn predicate(scalar: Scalar<'_>, sink: &mut Sink) -> Pred {
    let words = word_offsets(scalar.text);
    let pred =
        joined(&words, "or", |group| joined(group, "and", |group| atom(scalar, group), Pred::And), Pred::Or);
    pred.unwrap_or_else(|| {
        sink.push(
            Diagnostic::error("TW0403", scalar.span, format!("`{}` is not a predicate", scalar.text))
                .label("cannot be read")
                .help("write `stream`, `has field`, `field is value`, `caps.name`, joined by `and`, `or`, `not`"),
        );
        Pred::Wrong
    })
}

type Word<'a> = (usize, &'a str);

fn word_offsets(text: &str) -> Vec<Word<'_>> {
    text.split_ascii_whitespace()
        .map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
        .collect()
}

/// The groups between the words `by`, each read by `read`; `None` if one of them cannot be.
fn joined(
    words: &[Word<'_>],
    by: &str,
    read: impl Fn(&[Word<'_>]) -> Option<Pred>,
    join: impl Fn(Vec<Pred>) -> Pred,
) -> Option<Pred> {
    let mut parts: Vec<Pred> = words.split(|(_, word)| *word == by).map(read).collect::<Option<_>>()?;
    if parts.len() == 1 { parts.pop() } else { Some(join(parts)) }
}

fn atom(scalar: Scalar<'_>, words: &[Word<'_>]) -> Option<Pred> {
    let spanned =
        |(at, word): Word<'_>| Spanned { value: word.to_owned(), span: scalar.part(at, word.len()) };
    let path = |(at, word): Word<'_>| Spanned {
        value: word.split('.').map(str::to_owned).collect::<Vec<_>>(),
        span: scalar.part(at, word.len()),
    };
    let nots = words.iter().take_while(|(_, word)| *word == "not").count();
    if nots > 0 {
        let inner = (nots < MAX_NOTS).then(|| atom(scalar, &words[nots..])).flatten()?;
        return Some((0..nots).fold(inner, |inner, _| Pred::Not(Box::new(inner))));
    }
    match words {
        [(_, "has"), field] => Some(Pred::Has(path(*field))),
        [field, (_, "is"), value] => Some(Pred::Is(path(*field), spanned(*value))),
        [(at, word)] => Some(match word.split_once('.') {
            Some(("caps", name)) => Pred::Cap(spanned((at + 5, name))),
            Some(("uses", name)) => Pred::Uses(spanned((at + 5, name))),
            _ => Pred::Word(spanned((*at, word))),
        }),
        _ => None,
    }
}
