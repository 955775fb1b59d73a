//! Generated text back to what it means: reasoning, text and calls of tools, as it comes.
//!
//! [`Parser`] takes text in pieces of any length and gives the same for all ways to cut it. How a model writes is data
//! ([`CallFormat`]), found in its chat template. What looks like a call and is none stays in the answer as text and is
//! reported. Newlines that only frame reasoning and calls are dropped. Marks may be control tokens: text for a parser is
//! detokenised with those kept.

mod call;
mod formats;
mod python;

pub use formats::{Bare, CALL_FORMATS, CallFormat, OutputFormat, REASONING_TAGS, ReasoningTags};

use crate::chat::{ToolCall, ToolDefinition};
use call::{Reading, Step};

/// The longest call. What is longer is text.
const MAX_CALL: usize = 16 << 20;
const FRAME: [char; 2] = ['\n', '\r'];

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Text for the person.
    Text(String),
    /// What the model thought.
    Reasoning(String),
    /// A whole call.
    Call(ToolCall),
    /// Text that looked like a call. It is part of the answer, and worth a warning.
    Malformed {
        /// The text.
        text: String,
        /// Why it is no call.
        reason: &'static str,
    },
}

/// What a parser has to know beside the format.
#[derive(Debug, Clone, Default)]
pub struct ParserOptions {
    /// The tools that were offered: their schemas tell text from numbers, their names calls from mere JSON.
    pub tools: Vec<ToolDefinition>,
    /// The prompt ended inside of reasoning.
    pub in_reasoning: bool,
    /// How many calls the conversation has made before. Ids that the model does not give are numbered from there.
    pub calls_before: u64,
}

/// Reads an answer as it is generated.
#[derive(Debug)]
pub struct Parser {
    format: OutputFormat,
    options: ParserOptions,
    state: State,
    /// What was not decided yet.
    buffer: String,
    /// Newlines that are dropped if a mark follows.
    held: String,
    /// Newlines are dropped until something else comes.
    skip: bool,
    /// Nothing was said yet that is not reasoning.
    start: bool,
    /// A mark around calls that waits for a call.
    frame: Option<&'static str>,
    /// Inside of the marks around calls, where one was made.
    section: bool,
    calls: u64,
    out: Vec<Piece>,
}

#[derive(Debug)]
enum State {
    Text,
    Reasoning,
    Call(Reading),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Think(&'static str),
    SectionOpen(&'static str),
    SectionClose(&'static str),
    Call(&'static str),
}

impl Mark {
    fn text(self) -> &'static str {
        match self {
            Self::Think(text) | Self::SectionOpen(text) | Self::SectionClose(text) | Self::Call(text) => text,
        }
    }
}

/// The pieces of a whole answer; neighbours of one kind are joined.
pub fn parse(text: &str, format: OutputFormat, options: ParserOptions) -> Vec<Piece> {
    let mut parser = Parser::new(format, options);
    let mut pieces = parser.push(text);
    pieces.extend(parser.finish());
    join(pieces)
}

/// Joins neighbours of one kind.
pub fn join(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (joined.last_mut(), &piece) {
            (Some(Piece::Text(all)), Piece::Text(more))
            | (Some(Piece::Reasoning(all)), Piece::Reasoning(more)) => all.push_str(more),
            _ => joined.push(piece),
        }
    }
    joined
}

impl Parser {
    /// Starts an answer.
    pub fn new(format: OutputFormat, options: ParserOptions) -> Self {
        let inside = options.in_reasoning && format.reasoning.is_some();
        Self {
            format,
            calls: options.calls_before,
            options,
            state: if inside { State::Reasoning } else { State::Text },
            buffer: String::new(),
            held: String::new(),
            skip: inside,
            start: true,
            frame: None,
            section: false,
            out: Vec::new(),
        }
    }

    /// Takes more of the answer and gives what is certain.
    pub fn push(&mut self, text: &str) -> Vec<Piece> {
        self.buffer.push_str(text);
        while self.step(false) {}
        std::mem::take(&mut self.out)
    }

    /// Whether what comes next is reasoning, as far as is known.
    pub fn is_reasoning(&self) -> bool {
        matches!(self.state, State::Reasoning)
    }

    /// Ends the answer.
    pub fn finish(&mut self) -> Vec<Piece> {
        while self.step(true) {}
        if let Some(frame) = self.frame.take() {
            self.malformed(frame.to_owned(), "no call follows");
        }
        let held = std::mem::take(&mut self.held);
        match self.state {
            State::Text if !held.is_empty() => self.out.push(Piece::Text(held)),
            _ => {}
        }
        std::mem::take(&mut self.out)
    }

    /// One decision; false if it needs more text.
    fn step(&mut self, last: bool) -> bool {
        match &mut self.state {
            State::Text => self.text(last),
            State::Reasoning => self.reasoning(last),
            State::Call(reading) => {
                let step = reading.step(&self.buffer, last);
                self.called(step)
            }
        }
    }

    fn text(&mut self, last: bool) -> bool {
        if self.buffer.is_empty() {
            return false;
        }
        if self.start
            && let Some(begun) = self.bare(last)
        {
            return begun;
        }
        let marks = self.marks();
        let found = find(&self.buffer, &marks, last);
        let (at, mark) = match found {
            Found::Mark(at, mark) => (at, Some(mark)),
            Found::Perhaps(at) => (at, None),
            Found::None => (self.buffer.len(), None),
        };
        let plain: String = self.buffer.drain(..at).collect();
        self.say(&plain);
        let Some(mark) = mark else { return false };
        self.buffer.drain(..mark.text().len());
        self.enter(mark);
        true
    }

    fn enter(&mut self, mark: Mark) {
        self.held.clear();
        match mark {
            Mark::Think(_) => {
                self.state = State::Reasoning;
                self.skip = true;
            }
            Mark::SectionOpen(text) => {
                if let Some(before) = self.frame.replace(text) {
                    self.malformed(before.to_owned(), "no call follows");
                }
                self.skip = true;
            }
            Mark::SectionClose(text) => match self.frame.take() {
                Some(frame) => self.malformed(format!("{frame}{text}"), "no call stands between"),
                None if self.section => (self.section, self.skip) = (false, true),
                None => self.malformed(text.to_owned(), "nothing is open that it ends"),
            },
            Mark::Call(text) => {
                if let Some(format) = self.format.calls {
                    self.state = State::Call(Reading::new(format, text));
                }
            }
        }
    }

    /// An answer that is nothing but calls, and has no mark: `Some(true)` where it may be one, `Some(false)` where more
    /// text has to come first.
    fn bare(&mut self, last: bool) -> Option<bool> {
        let format = self.format.calls?;
        let bare = format.bare?;
        let text = self.buffer.trim_start();
        if text.is_empty() {
            return if last { None } else { Some(false) };
        }
        let wanted = match bare {
            Bare::Json => '{',
            Bare::Python => '[',
        };
        if !text.starts_with(wanted) {
            return None;
        }
        let space = self.buffer.len() - text.len();
        self.buffer.drain(..space);
        self.start = false;
        self.state = State::Call(Reading::new(format, ""));
        Some(true)
    }

    fn marks(&self) -> Vec<Mark> {
        let mut marks: Vec<Mark> = self.format.reasoning.iter().map(|tags| Mark::Think(tags.open)).collect();
        if let Some(format) = self.format.calls {
            if let Some((open, close)) = format.section {
                marks.extend([Mark::SectionOpen(open), Mark::SectionClose(close)]);
            }
            marks.push(Mark::Call(format.begin));
        }
        marks.retain(|mark| !mark.text().is_empty());
        marks
    }

    fn reasoning(&mut self, last: bool) -> bool {
        let Some(tags) = self.format.reasoning else { return false };
        if self.buffer.is_empty() {
            return false;
        }
        let (at, closed) = match find(&self.buffer, &[Mark::Think(tags.close)], last) {
            Found::Mark(at, _) => (at, true),
            Found::Perhaps(at) => (at, false),
            Found::None => (self.buffer.len(), false),
        };
        let thought: String = self.buffer.drain(..at).collect();
        if let Some(thought) = self.framed(&thought) {
            self.out.push(Piece::Reasoning(thought));
        }
        if closed {
            self.buffer.drain(..tags.close.len());
            self.held.clear();
            self.state = State::Text;
            self.skip = true;
        }
        closed
    }

    fn say(&mut self, text: &str) {
        let Some(text) = self.framed(text) else { return };
        self.start = false;
        if let Some(frame) = self.frame.take() {
            self.malformed(frame.to_owned(), "no call follows");
        }
        self.section = false;
        self.out.push(Piece::Text(text));
    }

    /// `text` after the newlines that were held, without those that may only frame what follows.
    fn framed(&mut self, text: &str) -> Option<String> {
        let text = if self.skip { text.trim_start_matches(FRAME) } else { text };
        let body = text.trim_end_matches(FRAME);
        if body.is_empty() {
            self.held.push_str(text);
            return None;
        }
        self.skip = false;
        let said = std::mem::replace(&mut self.held, text[body.len()..].to_owned()) + body;
        Some(said)
    }

    fn malformed(&mut self, text: String, reason: &'static str) {
        self.start = false;
        self.skip = false;
        self.out.push(Piece::Malformed { text, reason });
    }

    fn called(&mut self, step: Step) -> bool {
        let State::Call(reading) = &self.state else { return false };
        let (bare, begin) = (reading.is_bare(), reading.begin());
        match step {
            Step::More if self.buffer.len() <= MAX_CALL => return false,
            Step::More => self.give_up(begin, self.buffer.len(), "a call is too long"),
            Step::None { len, .. } if bare => {
                let text: String = self.buffer.drain(..len).collect();
                self.state = State::Text;
                self.say(&text);
            }
            Step::None { len, reason } => self.give_up(begin, len, reason),
            Step::Whole { len } => self.whole(len, bare),
        }
        true
    }

    fn whole(&mut self, len: usize, bare: bool) {
        let State::Call(reading) = std::mem::replace(&mut self.state, State::Text) else { return };
        let text: String = self.buffer.drain(..len).collect();
        match reading.calls(&text, &self.options.tools) {
            Ok(calls) => {
                // Between its marks, what was open before is settled by a call.
                self.section = self.section || self.frame.take().is_some();
                self.start = false;
                self.skip = true;
                for mut call in calls {
                    self.calls += 1;
                    if call.id.is_empty() {
                        call.id = format!("call{:05}", self.calls);
                    }
                    self.out.push(Piece::Call(call));
                }
            }
            Err(_) if bare => self.say(&text),
            Err(reason) => self.malformed(format!("{}{text}", reading.begin()), reason),
        }
    }

    /// The mark and `len` bytes after it are text after all.
    fn give_up(&mut self, begin: &'static str, len: usize, reason: &'static str) {
        let text: String = self.buffer.drain(..len).collect();
        self.state = State::Text;
        let frame = self.frame.take().unwrap_or_default();
        self.malformed(format!("{frame}{begin}{text}"), reason);
    }
}

enum Found {
    Mark(usize, Mark),
    /// From here on, it may be the beginning of a mark.
    Perhaps(usize),
    None,
}

/// The first mark in `text`, the longest of those that begin there.
fn find(text: &str, marks: &[Mark], last: bool) -> Found {
    for (at, _) in text.char_indices() {
        let rest = &text[at..];
        let whole = marks.iter().filter(|mark| rest.starts_with(mark.text()));
        let whole = whole.max_by_key(|mark| mark.text().len());
        let longer = |mark: &&Mark| {
            mark.text().len() > whole.map_or(0, |whole| whole.text().len()) && mark.text().starts_with(rest)
        };
        if !last && marks.iter().any(|mark| longer(&mark)) {
            return Found::Perhaps(at);
        }
        if let Some(mark) = whole {
            return Found::Mark(at, *mark);
        }
    }
    Found::None
}
