//! Output that is always of a given form: of a JSON Schema, a regular expression, a grammar, or calls of tools.
//!
//! A [`Constraint`] says which tokens may follow and takes in the one that was picked; the parser behind it is
//! `llguidance`. A schema with a keyword that it cannot enforce is refused, by name: nothing is enforced in part.
//!
//! An answer that is cut at its token limit is a beginning of a valid one and [`Constraint::is_done`] is false: whoever
//! sets a limit has to look. A schema that bounds its strings and lists bounds the answer.

mod grammar;
mod tools;
mod vocabulary;

pub use grammar::Grammar;
pub use tools::{CallForm, ToolCalls};
pub use vocabulary::{Token, Vocabulary};

use llguidance::Matcher;
use llguidance::toktrie::SimpleVob;

use crate::local::kernels::sample::mask;

/// What may follow in one answer.
pub struct Constraint {
    matcher: Matcher,
    allowed: SimpleVob,
    /// Whether `allowed` belongs to the state that the answer is in.
    current: bool,
    vocabulary: usize,
}

/// Why output cannot be constrained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The vocabulary is not sound.
    #[error("vocabulary: {0}")]
    Vocabulary(String),
    /// The schema or grammar is wrong, or asks for what cannot be enforced.
    #[error("{what}: {reason}")]
    Grammar {
        /// What was given: a schema, a regular expression, a grammar, or the name of a tool.
        what: String,
        /// What is wrong, or which keyword cannot be enforced.
        reason: String,
    },
    /// The token was not among those that may follow.
    #[error("token {token} may not follow")]
    Rejected {
        /// The token.
        token: u32,
    },
    /// A limit of the parser was met.
    #[error("the grammar could not be followed: {0}")]
    Parser(String),
    /// The logits are of another vocabulary.
    #[error("{found} logits for a vocabulary of {expected} tokens")]
    Length {
        /// How many there should be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
}

impl Constraint {
    /// Constrains an answer from its start on.
    pub fn new(vocabulary: &Vocabulary, grammar: &Grammar) -> Result<Self, Error> {
        let (what, compiled) = grammar.compile(vocabulary)?;
        let parser = vocabulary
            .factory
            .create_parser(compiled)
            .map_err(|error| Error::Grammar { what, reason: first_line(&error.to_string()) })?;
        Ok(Self {
            matcher: Matcher::new(Ok(parser)),
            allowed: SimpleVob::alloc(vocabulary.len()),
            current: false,
            vocabulary: vocabulary.len(),
        })
    }

    /// The tokens that may follow: bit `id % 32` of word `id / 32`. Once the answer is whole, only the ends.
    pub fn allowed(&mut self) -> Result<&[u32], Error> {
        if !self.current {
            self.allowed = self.matcher.compute_mask_or_eos().map_err(|error| failed(&error.to_string()))?;
            self.current = true;
        }
        Ok(self.allowed.as_slice())
    }

    /// Sets the logits of all tokens to −∞ that may not follow.
    pub fn mask(&mut self, logits: &mut [f32]) -> Result<(), Error> {
        if logits.len() != self.vocabulary {
            return Err(Error::Length { expected: self.vocabulary, found: logits.len() });
        }
        mask(logits, self.allowed()?);
        Ok(())
    }

    /// Takes the next token in. One that may not follow changes nothing.
    pub fn accept(&mut self, token: u32) -> Result<(), Error> {
        let taken = self.matcher.try_consume_tokens(&[token]).map_err(|error| failed(&error.to_string()))?;
        if taken == 0 {
            return Err(Error::Rejected { token });
        }
        self.current = false;
        Ok(())
    }

    /// Whether the answer is whole and nothing may follow.
    pub fn is_done(&self) -> bool {
        self.matcher.is_stopped() && !self.matcher.is_error()
    }

    /// Whether the answer could end here.
    pub fn may_end(&mut self) -> Result<bool, Error> {
        if self.is_done() {
            return Ok(true);
        }
        self.matcher.is_accepting().map_err(|error| failed(&error.to_string()))
    }
}

impl std::fmt::Debug for Constraint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Constraint").field("done", &self.is_done()).finish_non_exhaustive()
    }
}

fn failed(error: &str) -> Error {
    Error::Parser(first_line(error))
}

/// The parser appends its state to what it says.
fn first_line(error: &str) -> String {
    error.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
