//! Rust text that is written directly, in the form that `prettyplease` would give it.
//!
//! For the files that are long lists of values. It knows the few forms that those need: lists that stand in one line
//! if they fit and otherwise one entry a line, struct literals, documentation. What it writes is parsed like everything
//! else; that it has the form is tested against `prettyplease` itself. It is no printer of any Rust.

use std::fmt::Write as _;
use std::iter;

use crate::vocabulary;

/// The width of a line that `prettyplease` keeps to, and the least that is left however deep the line stands.
const MARGIN: usize = 89;
const LEAST_ROOM: usize = 60;
const INDENT: usize = 4;

/// Text in the making, reused from one item to the next without a new allocation.
#[derive(Debug, Default)]
pub struct Layout {
    text: String,
    indent: usize,
    /// Where what stands in the line begins, after its indentation.
    start: usize,
}

impl Layout {
    /// What was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Forgets what was written and keeps the buffer.
    pub fn clear(&mut self) {
        self.text.clear();
        (self.indent, self.start) = (0, 0);
    }

    /// Text as it stands.
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Text that something else writes, without a line break.
    pub fn append(&mut self, write: impl FnOnce(&mut String)) {
        write(&mut self.text);
    }

    /// A string literal.
    pub fn string(&mut self, value: &str) {
        self.text.push('"');
        escape(value, &mut self.text);
        self.text.push('"');
    }

    /// A number with its thousands parted by `_`.
    pub fn number(&mut self, value: u64) {
        group_digits(value, '_', &mut self.text);
    }

    /// `tool_calls` as `ToolCalls`.
    pub fn camel(&mut self, name: &str) {
        vocabulary::push_camel(name, &mut self.text);
    }

    /// Ends the line; the next one is indented as far as this one.
    pub fn newline(&mut self) {
        self.text.push('\n');
        self.text.extend(iter::repeat_n(' ', self.indent));
        self.start = self.text.len();
    }

    /// Ends the last line of something that stands at the margin.
    pub fn end(&mut self) {
        self.text.push('\n');
        (self.indent, self.start) = (0, self.text.len());
    }

    /// Documentation at the margin, a line each.
    pub fn doc(&mut self, markdown: &str) {
        for line in markdown.trim_end().lines() {
            let line = line.trim_end_matches(' ');
            self.text.push_str(if line.is_empty() { "///" } else { "/// " });
            self.text.push_str(line);
            self.end();
        }
    }

    /// What comes between braces, a line each.
    pub fn block(&mut self, open: &str, inside: impl FnOnce(&mut Self), close: &str) {
        self.push(open);
        self.indent += INDENT;
        inside(self);
        self.indent -= INDENT;
        self.newline();
        self.push(close);
    }

    /// A field in a line of its own.
    pub fn field(&mut self, name: &str, value: impl FnOnce(&mut Self)) {
        self.newline();
        self.push(name);
        self.push(": ");
        value(self);
        self.push(",");
    }

    /// Entries between `open` and `close`: in this line if they fit there, with the `after` characters that follow
    /// them, or else in a line each. `entry` is told how many characters follow it.
    pub fn list<T>(
        &mut self,
        [open, close]: [&str; 2],
        entries: impl Iterator<Item = T> + Clone,
        after: usize,
        entry: impl Fn(&mut Self, T, usize),
    ) {
        self.push(open);
        let (mark, line) = (self.text.len(), (self.indent, self.start));
        let room = self.room();
        let mut fits = true;
        for (at, value) in entries.clone().enumerate() {
            self.push(if at == 0 { "" } else { ", " });
            entry(self, value, 0);
            fits = self.text.len() - mark + close.len() + after <= room;
            if !fits {
                break;
            }
        }
        if fits {
            return self.push(close);
        }
        self.text.truncate(mark);
        (self.indent, self.start) = line;
        self.lines(["", close], entries, entry);
    }

    /// Entries in a line each.
    pub fn lines<T>(
        &mut self,
        [open, close]: [&str; 2],
        entries: impl Iterator<Item = T>,
        entry: impl Fn(&mut Self, T, usize),
    ) {
        let mut entries = entries.peekable();
        let inside = |out: &mut Self| {
            while let Some(value) = entries.next() {
                out.newline();
                entry(out, value, usize::from(entries.peek().is_some()));
                out.push(",");
            }
        };
        self.block(open, inside, close);
    }

    /// String literals between `open` and `close`.
    pub fn strings<T: AsRef<str>>(&mut self, marks: [&str; 2], values: &[T], after: usize) {
        self.list(marks, values.iter(), after, |out, value, _| out.string(value.as_ref()));
    }

    /// The names that are imported from `path`: as many in a line as fit.
    pub fn import(&mut self, path: &str, names: &[&str]) {
        self.push("use ");
        self.push(path);
        let length = names.iter().map(|name| name.len() + 2).sum::<usize>();
        match names {
            [name] => self.push(name),
            _ if length < self.room() => {
                self.push("{");
                self.join(names);
                self.push("}");
            }
            _ => self.block("{", |out| out.fill(names), "}"),
        }
        self.push(";");
        self.end();
    }

    fn join(&mut self, names: &[&str]) {
        for (at, name) in names.iter().enumerate() {
            self.push(if at == 0 { "" } else { ", " });
            self.push(name);
        }
    }

    fn fill(&mut self, names: &[&str]) {
        for (at, name) in names.iter().enumerate() {
            let comma = usize::from(at + 1 < names.len());
            if at == 0 || 1 + name.len() + comma > self.room() {
                self.newline();
            } else {
                self.push(" ");
            }
            self.push(name);
            self.push(",");
        }
    }

    /// Whether so many characters more fit into the line.
    pub fn fits(&self, more: usize) -> bool {
        MARGIN.saturating_sub(self.indent).max(LEAST_ROOM) >= self.text.len() - self.start + more
    }

    /// How many characters still fit into the line.
    fn room(&self) -> usize {
        let whole = MARGIN.saturating_sub(self.indent).max(LEAST_ROOM);
        whole.saturating_sub(self.text.len() - self.start)
    }
}

/// The inside of a string literal. What is plain is copied in runs.
pub(super) fn escape(value: &str, out: &mut String) {
    let mut rest = value;
    while let Some(at) =
        rest.bytes().position(|byte| !matches!(byte, b' '..=b'~') || matches!(byte, b'"' | b'\\'))
    {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = special.chars();
        match chars.next() {
            // `\0` before a digit reads like an octal escape.
            Some('\0') if chars.as_str().starts_with(|next: char| ('0'..='7').contains(&next)) => {
                out.push_str("\\x00");
            }
            Some(special) => out.extend(special.escape_debug()),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
}

/// Digits in groups of three.
pub(super) fn group_digits(value: u64, separator: char, out: &mut String) {
    let Some(above) = Some(value / 1000).filter(|above| *above > 0) else {
        return push_display(value, out);
    };
    group_digits(above, separator, out);
    out.push(separator);
    // Writing to a string does not fail.
    let _ = write!(out, "{:03}", value % 1000);
}

/// A number as it is.
pub(super) fn push_display(value: impl std::fmt::Display, out: &mut String) {
    let _ = write!(out, "{value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_tokens_are() {
        for text in [
            "",
            "plain",
            "a\"b\\c",
            "tab\tline\nreturn\r",
            "\0",
            "\u{0}7",
            "é漢🦀",
            "\u{200b}\u{301}x'",
            "\u{7f}",
        ] {
            let mut out = Layout::default();
            out.string(text);
            assert_eq!(out.text(), proc_macro2::Literal::string(text).to_string(), "{text:?}");
        }
    }

    #[test]
    fn numbers_are_grouped() {
        for (value, text) in
            [(0, "0"), (999, "999"), (1000, "1_000"), (1_047_576, "1_047_576"), (10_000_001, "10_000_001")]
        {
            let mut out = Layout::default();
            out.number(value);
            assert_eq!(out.text(), text);
        }
    }

    #[test]
    fn imports_have_the_form_of_prettyplease_however_many_they_are() {
        let names: Vec<String> = (0..40).map(|at| format!("N{}", "x".repeat(at * 7 % 23))).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for count in 1..=names.len() {
            for start in 0..=names.len() - count {
                let mut out = Layout::default();
                out.import("typewright_runtime::model::", &names[start..start + count]);
                let parsed = syn::parse_file(out.text()).unwrap();
                assert_eq!(prettyplease::unparse(&parsed), out.text());
            }
        }
    }
}
