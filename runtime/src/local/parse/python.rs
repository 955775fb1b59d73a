//! Calls as Python writes them, `[f(a=1, b="x"), g()]`, to JSON. Literals only; nothing is run.

use crate::chat::ToolCall;
use crate::wire::v1::{JsonWriter, validate};

const BROKEN: &str = "the calls are not Python";
const MAX_DEPTH: usize = 64;

pub(super) fn calls(text: &str) -> Result<Vec<ToolCall>, &'static str> {
    let mut reader = Reader { text, at: 0 };
    let mut calls = Vec::new();
    reader.need('[')?;
    while !reader.eat(']') {
        calls.push(reader.call()?);
        if !reader.eat(',') {
            reader.need(']')?;
            break;
        }
    }
    if calls.is_empty() || !reader.rest().trim().is_empty() {
        return Err(BROKEN);
    }
    Ok(calls)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.at = self.text.len() - self.rest().trim_start().len();
        let found = self.rest().starts_with(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }

    fn need(&mut self, wanted: char) -> Result<(), &'static str> {
        if self.eat(wanted) { Ok(()) } else { Err(BROKEN) }
    }

    /// Letters, digits, underscores and dots.
    fn word(&mut self) -> &'a str {
        self.at = self.text.len() - self.rest().trim_start().len();
        let rest = self.rest();
        let len = rest.find(|c: char| !(c.is_alphanumeric() || "_.".contains(c))).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    fn call(&mut self) -> Result<ToolCall, &'static str> {
        let name = self.word().to_owned();
        if name.is_empty() || name.starts_with(|c: char| c.is_numeric()) {
            return Err(BROKEN);
        }
        self.need('(')?;
        let mut writer = JsonWriter::new();
        writer.open();
        let mut empty = true;
        while !self.eat(')') {
            let key = self.word();
            if key.is_empty() {
                return Err(BROKEN);
            }
            self.need('=')?;
            separate(&mut writer, &mut empty);
            writer.str(key);
            writer.raw_text(":");
            self.value(&mut writer, MAX_DEPTH)?;
            if !self.eat(',') {
                self.need(')')?;
                break;
            }
        }
        writer.close();
        Ok(ToolCall { name, arguments: writer.into_string(), ..ToolCall::default() })
    }

    fn value(&mut self, writer: &mut JsonWriter, depth: usize) -> Result<(), &'static str> {
        let depth = depth.checked_sub(1).ok_or("a value nests too deeply")?;
        if self.eat('[') {
            return self.list(writer, ']', depth);
        }
        if self.eat('(') {
            return self.list(writer, ')', depth);
        }
        if self.eat('{') {
            return self.dictionary(writer, depth);
        }
        if self.rest().starts_with(['"', '\'']) {
            writer.str(&self.string()?);
            return Ok(());
        }
        self.atom(writer)
    }

    fn list(&mut self, writer: &mut JsonWriter, close: char, depth: usize) -> Result<(), &'static str> {
        writer.open_list();
        let mut empty = true;
        while !self.eat(close) {
            separate(writer, &mut empty);
            self.value(writer, depth)?;
            if !self.eat(',') {
                self.need(close)?;
                break;
            }
        }
        writer.close_list();
        Ok(())
    }

    fn dictionary(&mut self, writer: &mut JsonWriter, depth: usize) -> Result<(), &'static str> {
        writer.open();
        let mut empty = true;
        while !self.eat('}') {
            separate(writer, &mut empty);
            writer.str(&self.string()?);
            self.need(':')?;
            writer.raw_text(":");
            self.value(writer, depth)?;
            if !self.eat(',') {
                self.need('}')?;
                break;
            }
        }
        writer.close();
        Ok(())
    }

    fn string(&mut self) -> Result<String, &'static str> {
        let quote = if self.eat('"') { '"' } else { self.need('\'').map(|()| '\'')? };
        let mut out = String::new();
        let mut chars = self.rest().char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.at += at + 1;
                    return Ok(out);
                }
                '\\' => escape(&mut chars, &mut out)?,
                c => out.push(c),
            }
        }
        Err(BROKEN)
    }

    fn atom(&mut self, writer: &mut JsonWriter) -> Result<(), &'static str> {
        let rest = self.rest();
        let len = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-._".contains(c)));
        let atom = &rest[..len.unwrap_or(rest.len())];
        self.at += atom.len();
        let json = match atom {
            "True" | "true" => "true",
            "False" | "false" => "false",
            "None" | "null" => "null",
            number => number,
        };
        validate(json.as_bytes()).map_err(|_| BROKEN)?;
        writer.raw_text(json);
        Ok(())
    }
}

fn separate(writer: &mut JsonWriter, empty: &mut bool) {
    if !std::mem::replace(empty, false) {
        writer.raw_text(",");
    }
}

/// What follows a backslash.
fn escape(chars: &mut std::str::CharIndices<'_>, out: &mut String) -> Result<(), &'static str> {
    let (_, c) = chars.next().ok_or(BROKEN)?;
    let digits = match c {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        'n' => return push(out, '\n'),
        't' => return push(out, '\t'),
        'r' => return push(out, '\r'),
        '\\' | '\'' | '"' => return push(out, c),
        // Python keeps the backslash of what it does not know.
        other => {
            out.extend(['\\', other]);
            return Ok(());
        }
    };
    let code: String = chars.by_ref().take(digits).map(|(_, c)| c).collect();
    let code = if code.len() == digits { u32::from_str_radix(&code, 16).ok() } else { None };
    push(out, code.and_then(char::from_u32).ok_or(BROKEN)?)
}

fn push(out: &mut String, c: char) -> Result<(), &'static str> {
    out.push(c);
    Ok(())
}
