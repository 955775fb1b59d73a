//! One call: where it ends, found as text comes without reading any of it twice, and what it says.

use super::formats::{Bare, CallFormat};
use super::python;
use crate::chat::{ToolCall, ToolDefinition};
use crate::wire::v1::{Cursor, JsonWriter, validate};

/// What is known of a call so far.
pub(super) enum Step {
    /// More text has to come.
    More,
    /// It is whole, and takes so many bytes.
    Whole { len: usize },
    /// It is no call, which so many bytes show.
    None { len: usize, reason: &'static str },
}

/// A call that is being read. Places are bytes after its first mark.
#[derive(Debug)]
pub(super) struct Reading {
    format: &'static CallFormat,
    begin: &'static str,
    phase: Phase,
    at: usize,
    /// The name, where it stands outside of the JSON.
    name: Option<(usize, usize)>,
    /// Names and values, or the JSON.
    body: (usize, usize),
    python: bool,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Start,
    Name,
    Arguments,
    Fence,
    Value(Nesting),
    Parameters,
    End,
}

/// How deep in brackets and texts a value stands.
#[derive(Debug, Clone, Copy, Default)]
struct Nesting {
    depth: usize,
    quote: Option<u8>,
    escaped: bool,
}

impl Reading {
    pub(super) fn new(format: &'static CallFormat, begin: &'static str) -> Self {
        let python = format.bare == Some(Bare::Python);
        Self { format, begin, phase: Phase::Start, at: 0, name: None, body: (0, 0), python }
    }

    pub(super) fn is_bare(&self) -> bool {
        self.begin.is_empty()
    }

    pub(super) fn begin(&self) -> &'static str {
        self.begin
    }

    pub(super) fn step(&mut self, text: &str, last: bool) -> Step {
        loop {
            let on = match self.phase {
                Phase::Start => self.start(text),
                Phase::Name => self.name(text),
                Phase::Arguments => self.arguments(text),
                Phase::Fence => self.fence(text),
                Phase::Value(nesting) => self.value(text, nesting),
                Phase::Parameters => self.parameters(text),
                Phase::End => return self.end(text, last),
            };
            match on {
                Ok(true) => {}
                Ok(false) if last => return Step::None { len: text.len(), reason: "a call is cut off" },
                Ok(false) => return Step::More,
                Err(reason) => return Step::None { len: self.at, reason },
            }
        }
    }

    /// The first character after white space; `at` stands there.
    fn peek(&mut self, text: &str) -> Option<u8> {
        self.at += text[self.at..].len() - text[self.at..].trim_start().len();
        text.as_bytes().get(self.at).copied()
    }

    fn start(&mut self, text: &str) -> Result<bool, &'static str> {
        let Some(first) = self.peek(text) else { return Ok(false) };
        let value = if self.python { first == b'[' } else { matches!(first, b'{' | b'[') };
        if value {
            self.begin_value();
        } else if self.format.middle.is_some() {
            self.phase = Phase::Name;
            self.name = Some((self.at, self.at));
        } else {
            return Err("no arguments follow");
        }
        Ok(true)
    }

    fn begin_value(&mut self) {
        self.body.0 = self.at;
        self.phase = Phase::Value(Nesting::default());
    }

    /// A name is short and stands on one line. Whether it does is told by the text, not by how it came.
    fn name(&mut self, text: &str) -> Result<bool, &'static str> {
        const LONGEST: usize = 256;
        let middle = self.format.middle.unwrap_or_default();
        let start = self.name.map_or(0, |(start, _)| start);
        let found = text[start..].find(middle);
        let line = text[start..].find('\n').unwrap_or(usize::MAX);
        let known = found.unwrap_or(text.len().saturating_sub(start + middle.len()));
        if known > LONGEST || line < found.unwrap_or(usize::MAX) {
            self.at = start;
            return Err("the name of a call does not end");
        }
        let Some(found) = found else { return Ok(false) };
        self.name = Some((start, start + found));
        self.at = start + found + middle.len();
        self.phase = Phase::Arguments;
        Ok(true)
    }

    /// Where `mark` stands from `at` on. If it does not, `at` moves to where it may begin.
    fn seek(&mut self, text: &str, mark: &str) -> Option<usize> {
        let found = text[self.at..].find(mark).map(|found| self.at + found);
        if found.is_none() {
            let mut back = text.len().saturating_sub(mark.len()).max(self.at);
            while !text.is_char_boundary(back) {
                back -= 1;
            }
            self.at = back;
        }
        found
    }

    fn arguments(&mut self, text: &str) -> Result<bool, &'static str> {
        let Some(first) = self.peek(text) else { return Ok(false) };
        let rest = &text[self.at..];
        if first == b'{' {
            self.begin_value();
        } else if self.format.fence.is_some() {
            self.phase = Phase::Fence;
            self.name = Some((self.at, self.at));
        } else if let Some((open, _, _)) = self.format.parameter {
            let marks = [open, self.format.end];
            if !marks.iter().any(|mark| rest.starts_with(mark)) {
                let may = marks.iter().any(|mark| mark.starts_with(rest));
                return if may { Ok(false) } else { Err("neither arguments nor parameters follow") };
            }
            self.body.0 = self.at;
            self.phase = Phase::Parameters;
        } else {
            return Err("no arguments follow");
        }
        Ok(true)
    }

    fn fence(&mut self, text: &str) -> Result<bool, &'static str> {
        let (open, _) = self.format.fence.unwrap_or_default();
        let start = self.name.map_or(0, |(start, _)| start);
        let found = text[start..].find(open);
        if found.unwrap_or(text.len().saturating_sub(start + open.len())) > 1024 {
            self.at = start;
            return Err("no arguments follow");
        }
        let Some(found) = found else { return Ok(false) };
        let found = start + found;
        self.name = Some((start, found));
        self.at = found + open.len();
        let Some(first) = self.peek(text) else {
            // Look for the fence again when there is more.
            self.at = found;
            return Ok(false);
        };
        if first != b'{' {
            return Err("no arguments follow");
        }
        self.begin_value();
        Ok(true)
    }

    fn value(&mut self, text: &str, mut nesting: Nesting) -> Result<bool, &'static str> {
        for (at, byte) in text.bytes().enumerate().skip(self.at) {
            if nesting.ends(byte, self.python) {
                self.at = at + 1;
                self.body.1 = at + 1;
                self.phase = Phase::End;
                return Ok(true);
            }
        }
        self.at = text.len();
        self.phase = Phase::Value(nesting);
        Ok(false)
    }

    fn parameters(&mut self, text: &str) -> Result<bool, &'static str> {
        let Some(found) = self.seek(text, self.format.end) else { return Ok(false) };
        self.body.1 = found;
        self.at = found;
        self.phase = Phase::End;
        Ok(true)
    }

    fn end(&mut self, text: &str, last: bool) -> Step {
        let value_end = self.at;
        let fence = self.format.fence.map_or("", |(_, close)| close);
        for mark in [fence, self.format.end] {
            if mark.is_empty() {
                continue;
            }
            let from = self.at;
            self.peek(text);
            let rest = &text[self.at..];
            if rest.starts_with(mark) {
                self.at += mark.len();
            } else if !last && mark.starts_with(rest) {
                self.at = value_end;
                return Step::More;
            } else {
                // The value is whole: a model may stop or go on without the mark.
                self.at = from;
            }
        }
        Step::Whole { len: self.at }
    }

    /// What the whole call says.
    pub(super) fn calls(&self, text: &str, tools: &[ToolDefinition]) -> Result<Vec<ToolCall>, &'static str> {
        let body = &text[self.body.0..self.body.1];
        if self.python {
            return known(python::calls(body)?, tools);
        }
        let Some((start, end)) = self.name else {
            let calls = listed(body)?;
            return if self.is_bare() { known(calls, tools) } else { Ok(calls) };
        };
        let name = text[start..end].trim().to_owned();
        if name.is_empty() {
            return Err("a call has no name");
        }
        let arguments = if body.starts_with('{') {
            validate(body.as_bytes()).map_err(|_| "the arguments are not JSON")?;
            body.to_owned()
        } else {
            parameters(body, self.format.parameter, schema(tools, &name))?
        };
        Ok(vec![ToolCall { name, arguments, ..ToolCall::default() }])
    }
}

impl Nesting {
    /// Whether the value ends with this byte.
    fn ends(&mut self, byte: u8, python: bool) -> bool {
        if let Some(quote) = self.quote {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                _ if byte == quote => self.quote = None,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.quote = Some(byte),
            b'\'' if python => self.quote = Some(byte),
            b'{' | b'[' | b'(' => self.depth += 1,
            b'}' | b']' | b')' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

/// Calls without marks have to name a tool that was offered, if any was.
fn known(calls: Vec<ToolCall>, tools: &[ToolDefinition]) -> Result<Vec<ToolCall>, &'static str> {
    let offered = |call: &ToolCall| {
        tools.iter().any(|tool| matches!(tool, ToolDefinition::Function(tool) if tool.name == call.name))
    };
    if !tools.is_empty() && !calls.iter().all(offered) {
        return Err("it names no tool that was offered");
    }
    Ok(calls)
}

/// One call as an object, or several in a list.
fn listed(json: &str) -> Result<Vec<ToolCall>, &'static str> {
    const BROKEN: &str = "a call is not JSON";
    validate(json.as_bytes()).map_err(|_| BROKEN)?;
    let mut cursor = Cursor::new(json.as_bytes());
    if json.starts_with('{') {
        return Ok(vec![object(&mut cursor)?]);
    }
    let mut calls = Vec::new();
    cursor.array().map_err(|_| BROKEN)?;
    while cursor.element().map_err(|_| BROKEN)? {
        calls.push(object(&mut cursor)?);
    }
    if calls.is_empty() { Err("a list of no calls") } else { Ok(calls) }
}

fn object(cursor: &mut Cursor<'_>) -> Result<ToolCall, &'static str> {
    let mut call = ToolCall::default();
    fill(cursor, &mut call, true).map_err(|_| "a call is not JSON")?;
    if call.name.is_empty() {
        return Err("a call has no name");
    }
    if call.arguments.is_empty() {
        call.arguments = "{}".to_owned();
    }
    if !call.arguments.starts_with('{') {
        return Err("the arguments of a call are no object");
    }
    Ok(call)
}

fn fill(cursor: &mut Cursor<'_>, call: &mut ToolCall, nested: bool) -> Result<(), crate::wire::v1::Corrupt> {
    if !cursor.object()? {
        return Ok(());
    }
    while let Some(key) = cursor.key()? {
        match key {
            b"name" => call.name = owned(cursor)?,
            b"id" => call.id = owned(cursor)?,
            // Arguments may be JSON in a text.
            b"arguments" | b"parameters" => {
                let text = cursor.json_text()?;
                let text = text.map(|text| text.decode()).transpose()?.unwrap_or_default();
                let sound = validate(text.as_bytes()).is_ok();
                call.arguments = if sound { text.trim().to_owned() } else { "?".to_owned() };
            }
            b"function" if nested => fill(cursor, call, false)?,
            _ => cursor.skip()?,
        }
    }
    Ok(())
}

fn owned(cursor: &mut Cursor<'_>) -> Result<String, crate::wire::v1::Corrupt> {
    let text = cursor.text()?;
    Ok(text.map(|text| text.decode().map(std::borrow::Cow::into_owned)).transpose()?.unwrap_or_default())
}

/// The schema of the arguments of a tool, as a tree.
fn schema(tools: &[ToolDefinition], name: &str) -> serde_json::Value {
    let found = tools.iter().find_map(|tool| match tool {
        ToolDefinition::Function(tool) if tool.name == name => tool.schema.as_ref(),
        _ => None,
    });
    found.and_then(|schema| serde_json::from_str(schema.as_str()).ok()).unwrap_or_default()
}

/// Parameters between marks, as an object. A value is text where the schema says so or where it is no JSON.
fn parameters(
    mut body: &str,
    marks: Option<(&str, &str, &str)>,
    schema: serde_json::Value,
) -> Result<String, &'static str> {
    const BROKEN: &str = "a parameter is not closed";
    let Some((open, after, close)) = marks else { return Err("no arguments follow") };
    let mut writer = JsonWriter::new();
    writer.open();
    let mut empty = true;
    while !body.trim().is_empty() {
        let rest = body.trim_start().strip_prefix(open).ok_or("text stands between parameters")?;
        let (name, rest) = rest.split_once(after).ok_or(BROKEN)?;
        // The value may hold the mark itself: it ends where another parameter or nothing follows.
        let (value, rest) = cut(rest, close, open).ok_or(BROKEN)?;
        let value = value.strip_prefix('\n').unwrap_or(value);
        let value = value.strip_suffix('\n').unwrap_or(value);
        if !std::mem::replace(&mut empty, false) {
            writer.raw_text(",");
        }
        writer.str(name.trim());
        writer.raw_text(":");
        let is_text = schema["properties"][name.trim()]["type"] == "string";
        match validate(value.trim().as_bytes()) {
            Ok(()) if !is_text => writer.raw_text(value.trim()),
            _ => writer.str(value),
        }
        body = rest;
    }
    writer.close();
    Ok(writer.into_string())
}

fn cut<'a>(text: &'a str, close: &str, open: &str) -> Option<(&'a str, &'a str)> {
    let mut from = 0;
    loop {
        let at = from + text[from..].find(close)?;
        let rest = &text[at + close.len()..];
        if rest.trim_start().is_empty() || rest.trim_start().starts_with(open) {
            return Some((&text[..at], rest));
        }
        from = at + close.len();
    }
}
