//! Tokens back to text as they come: what is given out is whole characters, at a cost that does not grow with the text.

use std::sync::Arc;

use super::spelling::{Joining, Kind, Spelling};

/// Whether control tokens appear in the text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Control {
    /// They are left out.
    #[default]
    Drop,
    /// They appear under their names, for a parser of the text.
    Keep,
}

/// Turns tokens into text one after the other.
#[derive(Debug, Clone)]
pub struct Detokenizer {
    spelling: Arc<Spelling>,
    control: Control,
    /// The bytes of a character that is not whole yet: at most three between pushes.
    pending: Vec<u8>,
    text: String,
    first: bool,
    /// How many characters may still be dropped from the start.
    strip: usize,
    unknown: u64,
}

/// What was left when the tokens ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest<'a> {
    /// The last of the text: a replacement character, if the last character was not whole.
    pub text: &'a str,
    /// How many bytes that character had.
    pub incomplete: usize,
    /// How many ids no token has; they said nothing.
    pub absent: u64,
}

impl Detokenizer {
    /// Starts a text.
    pub fn new(spelling: Arc<Spelling>, control: Control) -> Self {
        let strip = match spelling.joining() {
            Joining::Strip { count, .. } => *count,
            _ => 0,
        };
        Self { spelling, control, pending: Vec::new(), text: String::new(), first: true, strip, unknown: 0 }
    }

    /// Takes the next token and gives the text that it completes; empty if it completes none.
    pub fn push(&mut self, id: u32) -> &str {
        self.text.clear();
        match self.spelling.kind(id) {
            Kind::Absent => self.unknown += 1,
            Kind::Control | Kind::Unknown if self.control == Control::Drop => {}
            _ => self.take(id),
        }
        &self.text
    }

    /// Ends the text.
    pub fn finish(&mut self) -> Rest<'_> {
        self.text.clear();
        let incomplete = self.pending.len();
        if incomplete > 0 {
            self.pending.clear();
            self.text.push(char::REPLACEMENT_CHARACTER);
        }
        Rest { text: &self.text, incomplete, absent: self.unknown }
    }

    fn take(&mut self, id: u32) {
        let spelling = Arc::clone(&self.spelling);
        let piece = spelling.piece(id, self.first);
        let kept = self.stripped(&spelling, &piece);
        self.first = false;
        self.pending.extend_from_slice(kept);
        self.release();
    }

    /// `piece` without what is dropped from the start of the text.
    fn stripped<'a>(&mut self, spelling: &Spelling, mut piece: &'a [u8]) -> &'a [u8] {
        let Joining::Strip { what, .. } = spelling.joining() else { return piece };
        let mut space = [0; 4];
        let space = what.encode_utf8(&mut space).as_bytes();
        while self.strip > 0 && !piece.is_empty() {
            match piece.strip_prefix(space) {
                Some(rest) => (piece, self.strip) = (rest, self.strip - 1),
                None => self.strip = 0,
            }
        }
        piece
    }

    /// Moves what is whole from the pending bytes to the text; bytes that can be no character are replaced.
    fn release(&mut self) {
        let mut done = 0;
        loop {
            match std::str::from_utf8(&self.pending[done..]) {
                Ok(text) => {
                    self.text.push_str(text);
                    done = self.pending.len();
                    break;
                }
                Err(error) => {
                    let whole = done + error.valid_up_to();
                    self.text.push_str(&String::from_utf8_lossy(&self.pending[done..whole]));
                    done = whole;
                    let Some(bad) = error.error_len() else { break };
                    self.text.push(char::REPLACEMENT_CHARACTER);
                    done += bad;
                }
            }
        }
        self.pending.drain(..done);
    }
}
