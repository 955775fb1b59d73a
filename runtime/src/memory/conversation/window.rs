//! Which of the last messages fit. Messages are looked at from the last one backwards, and each place is noted at which the
//! window might begin: where no result is in it whose call is before it.

use std::collections::BTreeSet;
use std::ops::Range;

use super::Said;
use crate::chat::{Message, Part, Role};
use crate::memory::Error;
use crate::memory::tokens::CountTokens;

/// How much fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowConfig {
    /// The most tokens.
    pub tokens: usize,
    /// The most messages, besides the instructions that the conversation begins with.
    pub messages: usize,
    /// Where it may begin.
    pub start: Start,
}

/// Where a window may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// With a message of the user, as some providers want it; or where the conversation begins.
    #[default]
    User,
    /// With any message.
    Anywhere,
}

/// The messages that fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// The instructions that the conversation begins with.
    pub pinned: Vec<Said>,
    /// The last messages, in order. A call whose result was forgotten, and a result whose call was, are not in them.
    pub said: Vec<Said>,
    /// What all of them take.
    pub tokens: usize,
    /// The places between the two: what has left the window.
    pub left: Range<u32>,
}

/// A window that grows backwards.
pub(super) struct Walk<'a> {
    config: &'a WindowConfig,
    counter: &'a dyn CountTokens,
    pinned: Vec<Said>,
    /// The messages that were looked at, the last first.
    said: Vec<Said>,
    tokens: usize,
    /// Calls that are before what was looked at, and answered in it.
    open: BTreeSet<String>,
    /// How many messages there are up to the last place at which the window may begin.
    good: usize,
    /// What the message that did not fit would have made of the tokens.
    over: Option<usize>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        config: &'a WindowConfig,
        counter: &'a dyn CountTokens,
        pinned: Vec<Said>,
    ) -> Result<Self, Error> {
        let tokens = pinned.iter().map(|said| counter.message(&said.message)).sum();
        if tokens > config.tokens {
            return Err(Error::limit("window", tokens, config.tokens));
        }
        let (said, open) = (Vec::new(), BTreeSet::new());
        Ok(Self { config, counter, pinned, said, tokens, open, good: 0, over: None })
    }

    pub(super) fn is_full(&self) -> bool {
        self.over.is_some()
    }

    /// Looks at the message before. Whether it fits.
    pub(super) fn back(&mut self, said: Said) -> bool {
        let tokens = self.tokens + self.counter.message(&said.message);
        if tokens > self.config.tokens || self.said.len() == self.config.messages {
            self.over = Some(tokens);
            return false;
        }
        if self.said.last().is_some_and(|next| next.order > said.order + 1) {
            // What was between is gone, and its calls with it.
            self.open.clear();
        }
        let (calls, results) = tools(&said.message);
        self.open.retain(|id| !calls.contains(id.as_str()));
        self.open.extend(results.difference(&calls).map(|id| (*id).to_owned()));
        let may_begin = self.config.start == Start::Anywhere || said.message.role == Role::User;
        self.tokens = tokens;
        self.said.push(said);
        if may_begin && self.open.is_empty() {
            self.good = self.said.len();
        }
        true
    }

    /// The window, where `first` is the place after the instructions.
    pub(super) fn finish(mut self, first: u32) -> Result<Window, Error> {
        match self.over {
            // The conversation begins where it begins.
            None => self.good = self.said.len(),
            Some(found) if self.good == 0 => return Err(Error::limit("window", found, self.config.tokens)),
            Some(_) => {}
        }
        self.said.truncate(self.good);
        let mut said: Vec<Said> = self.said.into_iter().rev().collect();
        let begin = said.first().map_or(first, |said| said.order);
        drop_halves(&mut said);
        // Only now: halves that are dropped take nothing.
        let all = self.pinned.iter().chain(&said);
        let tokens = all.map(|said| self.counter.message(&said.message)).sum();
        Ok(Window { pinned: self.pinned, said, tokens, left: first..begin.max(first) })
    }
}

/// The calls and the results of a message.
fn tools(message: &Message) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let (mut calls, mut results) = (BTreeSet::new(), BTreeSet::new());
    for part in &message.parts {
        match part {
            Part::ToolCall(call) => drop(calls.insert(call.id.as_str())),
            Part::ToolResult(result) => drop(results.insert(result.call_id.as_str())),
            _ => {}
        }
    }
    (calls, results)
}

/// Drops results without calls, and calls without results that nobody waits for any more: their other half was forgotten.
fn drop_halves(said: &mut Vec<Said>) {
    let mut asked: BTreeSet<String> = BTreeSet::new();
    for one in said.iter_mut() {
        let calls: BTreeSet<String> = tools(&one.message).0.into_iter().map(str::to_owned).collect();
        asked.extend(calls);
        one.message.parts.retain(|part| match part {
            Part::ToolResult(result) => asked.contains(&result.call_id),
            _ => true,
        });
    }
    // After the last message that is no result, results may still come.
    let last = said.iter().rposition(|one| one.message.role != Role::Tool).unwrap_or_default();
    let mut answered: BTreeSet<String> = BTreeSet::new();
    for (at, one) in said.iter_mut().enumerate().rev() {
        let results: BTreeSet<String> = tools(&one.message).1.into_iter().map(str::to_owned).collect();
        answered.extend(results);
        one.message.parts.retain(|part| match part {
            Part::ToolCall(call) => at >= last || answered.contains(&call.id),
            _ => true,
        });
    }
    said.retain(|one| !one.message.parts.is_empty());
}
