//! Reading YAML: the strict 1.2 core schema, as a tree with exact byte spans.
//!
//! Stricter than the language: no anchors, aliases, merge keys, tags, second documents or composite keys, for each
//! of which a dialect has a better word. What the tree means is not looked at here.

mod offsets;
mod refuse;
mod scalar;

use super::{Entry, FileId, Node, Span, Value};
use crate::diagnostic::{Diagnostic, Sink};
use offsets::Offsets;
use saphyr_parser::{Event, Parser, ScalarStyle, Span as Marks, StrInput};
use std::collections::HashMap;

/// How deep lists and mappings may nest.
pub const MAX_DEPTH: usize = 128;

/// How many nodes a file may have.
pub const MAX_NODES: usize = 1_000_000;

/// How many refused values of one file are reported; reading stops there.
const MAX_REFUSED: usize = 1000;

/// Reads a file. `None`, and diagnostics, if there is no tree; a tree may come with diagnostics about parts of it,
/// which then are null.
pub fn parse(file: FileId, text: &str, sink: &mut Sink) -> Option<Node> {
    let skipped = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let body = &text[skipped..];
    if let Some((at, found)) = body.char_indices().find(|(_, c)| !is_printable(*c)) {
        let span = Span::new(file, (skipped + at) as u32, (skipped + at + found.len_utf8()) as u32);
        sink.push(refuse::control_character(span, found));
        return None;
    }
    let at = Place { file, skipped, offsets: Offsets::new(body), text: body };
    let before = sink.len();
    Builder { at, sink, before, open: Vec::new(), nodes: 0, root: None, documents: 0 }
        .run(Parser::new_from_str(body))
}

/// What may stand in a YAML file.
fn is_printable(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..)
        && !matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// Turns the parser's marks into spans.
struct Place<'a> {
    file: FileId,
    skipped: usize,
    offsets: Offsets<'a>,
    text: &'a str,
}

impl Place<'_> {
    fn span(&self, marks: Marks) -> Span {
        let start = self.offsets.byte(marks.start.index());
        let end = self.offsets.byte(marks.end.index()).max(start);
        // The parser counts the space behind some scalars as part of them.
        let end = start + self.text.get(start..end).map_or(end - start, |text| text.trim_end().len());
        Span::new(self.file, (self.skipped + start) as u32, (self.skipped + end) as u32)
    }
}

/// A list or mapping that is not closed yet.
struct Open {
    span: Span,
    kind: OpenKind,
}

enum OpenKind {
    Seq(Vec<Node>),
    Map { entries: Vec<Entry>, seen: HashMap<String, Span>, key: Option<(String, Span)> },
}

/// Stops reading the file; the reason was reported.
struct Stop;

struct Builder<'a, 's> {
    at: Place<'a>,
    sink: &'s mut Sink,
    /// How many diagnostics there were before this file.
    before: usize,
    open: Vec<Open>,
    nodes: usize,
    root: Option<Node>,
    documents: usize,
}

impl<'a> Builder<'a, '_> {
    fn run(mut self, mut parser: Parser<'a, StrInput<'a>>) -> Option<Node> {
        while let Some(next) = parser.next_event() {
            let (event, marks) = match next {
                Ok(event) => event,
                Err(error) => {
                    let index = error.marker().index();
                    let span = self.at.span(Marks::new(*error.marker(), *error.marker()));
                    self.sink.push(refuse::syntax(
                        span,
                        error.info(),
                        self.at.offsets.byte(index),
                        self.at.text,
                    ));
                    return None;
                }
            };
            if self.take(event, marks).is_err() || self.sink.len() - self.before >= MAX_REFUSED {
                return None;
            }
        }
        if self.root.as_ref().is_none_or(|root| root.value == Value::Null && root.span.start == root.span.end)
        {
            self.sink.push(refuse::empty(Span::new(self.at.file, 0, 0)));
            return None;
        }
        self.root
    }

    fn take(&mut self, event: Event<'a>, marks: Marks) -> Result<(), Stop> {
        let span = self.at.span(marks);
        match event {
            Event::DocumentStart(_) => self.document(span),
            Event::Alias(_) => self.refused(refuse::alias(span), span),
            Event::Scalar(text, style, anchor, tag) => {
                self.decorated(span, anchor != 0, false);
                if tag.is_some() {
                    let whole = Span { start: self.at.before(span, '!').start, ..span };
                    return self.refused(refuse::tag(whole), whole);
                }
                let value = self.scalar(&text, style, span);
                self.node(value, span)
            }
            Event::SequenceStart(anchor, tag) => {
                self.decorated(span, anchor != 0, tag.is_some());
                self.start(OpenKind::Seq(Vec::new()), span)
            }
            Event::MappingStart(anchor, tag) => {
                self.decorated(span, anchor != 0, tag.is_some());
                self.start(OpenKind::Map { entries: Vec::new(), seen: HashMap::new(), key: None }, span)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn document(&mut self, span: Span) -> Result<(), Stop> {
        self.documents += 1;
        if self.documents == 1 {
            return Ok(());
        }
        self.sink.push(refuse::second_document(span));
        Err(Stop)
    }

    /// Reports an anchor or a tag; the node itself is read on.
    fn decorated(&mut self, span: Span, anchor: bool, tag: bool) {
        if anchor {
            self.sink.push(refuse::anchor(self.at.before(span, '&')));
        }
        if tag {
            self.sink.push(refuse::tag(self.at.before(span, '!')));
        }
    }

    /// Reports a node that cannot be used and puts null in its place, unless its key was reported already.
    fn refused(&mut self, diagnostic: Diagnostic, span: Span) -> Result<(), Stop> {
        if !self.is_merge_value() {
            self.sink.push(diagnostic);
        }
        self.node(Value::Null, span)
    }

    fn is_merge_value(&self) -> bool {
        matches!(self.open.last(), Some(Open { kind: OpenKind::Map { key: Some((key, _)), .. }, .. }) if key == "<<")
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) -> Value {
        if style != ScalarStyle::Plain {
            return Value::Str(text.to_owned());
        }
        let is_key = matches!(self.open.last(), Some(Open { kind: OpenKind::Map { key: None, .. }, .. }));
        match scalar::resolve(text) {
            // A key is what was written, whatever it would be as a value.
            _ if is_key => Value::Str(text.to_owned()),
            scalar::Plain::Value(value) => value,
            scalar::Plain::NoJson => {
                self.sink.push(refuse::number(span, text));
                Value::Null
            }
        }
    }

    fn start(&mut self, kind: OpenKind, span: Span) -> Result<(), Stop> {
        self.count(span)?;
        if self.open.len() >= MAX_DEPTH {
            self.sink.push(refuse::depth(span));
            return Err(Stop);
        }
        self.open.push(Open { span, kind });
        Ok(())
    }

    fn count(&mut self, span: Span) -> Result<(), Stop> {
        self.nodes += 1;
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        self.sink.push(refuse::nodes(span));
        Err(Stop)
    }

    fn end(&mut self, end: Span) -> Result<(), Stop> {
        let Some(Open { span, kind }) = self.open.pop() else { return Ok(()) };
        let (value, last) = match kind {
            OpenKind::Seq(items) => {
                let last = items.last().map(|item| item.span);
                (Value::Seq(items), last)
            }
            OpenKind::Map { entries, .. } => {
                let last = entries.last().map(|entry| entry.value.span);
                (Value::Map(entries), last)
            }
        };
        // A block collection ends with its last node; a flow collection with its bracket.
        let bracket = self.at.text.as_bytes().get(end.start as usize - self.at.skipped);
        let flow = end.start < end.end && matches!(bracket, Some(b']' | b'}'));
        let stop = if flow { end.start + 1 } else { last.map_or(span.end, |last| last.end) };
        self.place(Node { value, span: Span { end: stop.max(span.start), ..span } })
    }

    fn node(&mut self, value: Value, span: Span) -> Result<(), Stop> {
        self.count(span)?;
        self.place(Node { value, span })
    }

    /// Puts a finished node where it belongs.
    fn place(&mut self, mut node: Node) -> Result<(), Stop> {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open { kind: OpenKind::Seq(items), .. }) => items.push(node),
            Some(Open { kind: OpenKind::Map { entries, seen, key }, .. }) => match key.take() {
                None => return self.key(node),
                Some((key, key_span)) => {
                    if node.span.start == node.span.end {
                        node.span = key_span;
                    }
                    if key == "<<" {
                        self.sink.push(refuse::merge_key(key_span));
                    } else if let Some(first) = seen.get(&key) {
                        self.sink.push(refuse::duplicate_key(key_span, *first, &key));
                    } else {
                        seen.insert(key.clone(), key_span);
                        entries.push(Entry { key, key_span, value: node });
                    }
                }
            },
        }
        Ok(())
    }

    fn key(&mut self, node: Node) -> Result<(), Stop> {
        let text = match node.value {
            Value::Str(text) => text,
            // An alias or a tagged text: reported, and no other key has its name.
            Value::Null => format!("#{}", node.span.start),
            _ => {
                self.sink.push(refuse::composite_key(node.span));
                return Err(Stop);
            }
        };
        if let Some(Open { kind: OpenKind::Map { key, .. }, .. }) = self.open.last_mut() {
            *key = Some((text, node.span));
        }
        Ok(())
    }
}

impl Place<'_> {
    /// The anchor or tag that stands before a node: from its sign to the next white space.
    fn before(&self, node: Span, sign: char) -> Span {
        let start = (node.start as usize).saturating_sub(self.skipped);
        let from = self.text.get(..start).unwrap_or_default();
        // The parser lets some nodes start at their anchor, others behind it.
        let here = self.text.get(start..).is_some_and(|text| text.starts_with(['&', '!']));
        let line = if here { &self.text[start..] } else { from };
        let found = if here { line.find(sign) } else { line.rfind(sign) };
        let Some(at) = found.map(|at| if here { start + at } else { at }) else { return node };
        let len = self.text[at..].find(char::is_whitespace).unwrap_or(self.text.len() - at);
        Span { start: (at + self.skipped) as u32, end: (at + len + self.skipped) as u32, ..node }
    }
}

#[cfg(test)]
mod tests;
