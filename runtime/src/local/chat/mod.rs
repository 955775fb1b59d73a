//! One model in memory that answers a [`ChatRequest`], event by event, on the thread that asks.
//!
//! [`LocalModel::load`] puts together what the files of a model say (`load`): the engine that computes, and the
//! frontend, which is all else. [`LocalModel::answer`] goes the way of one answer: `plan` reads the request and refuses
//! what cannot be done, `prompt` makes tokens of the conversation, `form` has the structure that the answer is held to,
//! `turn` picks token after token, `speech` makes events of what the model says. One conversation at a time, and nothing
//! is kept between two: `serve` runs many turns on one engine.

#[cfg(feature = "constrain")]
mod form;
#[cfg(not(feature = "constrain"))]
#[path = "formless.rs"]
mod form;
mod load;
mod plan;
mod prompt;
mod speech;
mod turn;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::decoder::{self, Decoder, Device};
use super::engine::{self, Item, Logits, SequenceId};
use super::memory::Need;
use super::sample::Sampling;
use super::template::{ChatTemplate, TemplateLimits};
use super::tokens::Tokenizer;
use super::{Error, arch, parse};
use crate::chat::{ChatEvent, ChatRequest, ChatResponse};

pub(super) use turn::Turn;

/// Who refuses, and whose reasoning it is, where hosted answers name their provider.
pub const PROVIDER: &str = "local";

/// How a model is loaded.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// How it is run.
    pub engine: engine::Config,
    /// Where it is run.
    pub device: Device,
    /// How turns are written, in place of the model's own template. A model without one is refused unless this is set.
    pub turns: Option<Turns>,
    /// How far a template may go.
    pub template_limits: TemplateLimits,
    /// What a request that says nothing about sampling gets.
    pub sampling: Sampling,
    /// What answers name as their model. `None`: the name of what is opened.
    pub name: Option<String>,
}

/// How turns of a conversation are written, by the choice of the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turns {
    /// Between `<|im_start|>` and `<|im_end|>`.
    ImStart,
    /// By this chat template.
    Template(String),
}

/// A model in memory with all that makes tokens of a conversation, and an answer of tokens.
pub struct LocalModel {
    engine: Decoder,
    frontend: Arc<Frontend>,
    batch: usize,
}

/// All of a model but what computes. Threads share it.
pub(super) struct Frontend {
    name: String,
    tokenizer: Tokenizer,
    templates: Vec<Template>,
    /// Names of control tokens.
    controls: prompt::Controls,
    /// The ids that are tokens: bit `id % 32` of word `id / 32`. `None`: all.
    known: Option<Vec<u32>>,
    sampling: Sampling,
    /// Rows of logits.
    vocab: usize,
    /// The most tokens of a prompt and its answer together.
    context: usize,
    #[cfg(feature = "constrain")]
    form: form::Vocabulary,
}

/// A chat template, and what it shows of answers.
#[derive(Debug)]
struct Template {
    name: String,
    template: ChatTemplate,
    format: parse::OutputFormat,
    source: String,
}

/// A whole answer, and how fast it was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What the events add up to.
    pub response: ChatResponse,
    /// How fast it was.
    pub statistics: Statistics,
}

/// How fast an answer was given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Those of them that were not computed, because an earlier conversation began alike.
    pub reused_tokens: usize,
    /// Tokens that were picked, the one that ended the answer included.
    pub answer_tokens: usize,
    /// From the prompt's first token to the logits of its last.
    pub prefill: Duration,
    /// From there to the end of the answer.
    pub decode: Duration,
    /// From the request to the first token that was picked.
    pub first_token: Duration,
}

impl Statistics {
    /// Tokens of the prompt a second, of those that were computed.
    pub fn prefill_rate(&self) -> f64 {
        rate(self.prompt_tokens.saturating_sub(self.reused_tokens), self.prefill)
    }

    /// Tokens of the answer a second. The first comes out of the prefill and is not counted.
    pub fn decode_rate(&self) -> f64 {
        rate(self.answer_tokens.saturating_sub(1), self.decode)
    }
}

fn rate(tokens: usize, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { tokens as f64 / time.as_secs_f64() }
}

impl LocalModel {
    /// The memory of this machine that the model at `path` needs. No weight is read.
    ///
    /// # Errors
    /// When the files are not those of a model that is known.
    pub fn need(path: &Path, config: &Config) -> Result<Need, Error> {
        Ok(decoder::need(&arch::open(path)?, &config.engine, config.device))
    }

    /// Loads a model: a GGUF file, or a folder of safetensors with what stands beside them.
    ///
    /// # Errors
    /// When its files are not sound, it has no tokenizer or no template, or there is not the memory for it. Weights are
    /// read last.
    pub fn load(path: &Path, config: &Config) -> Result<Self, Error> {
        load::load(path, config)
    }

    /// What answers name as their model.
    pub fn name(&self) -> &str {
        &self.frontend.name
    }

    /// What makes tokens of text.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.frontend.tokenizer
    }

    /// The most tokens of a prompt and its answer together.
    pub fn context(&self) -> usize {
        self.frontend.context
    }

    /// The prompt that a request becomes, as text.
    ///
    /// # Errors
    /// When the template does not take the request.
    pub fn prompt(&self, request: &ChatRequest) -> Result<String, Error> {
        Ok(prompt::render(&self.frontend, request)?.text())
    }

    /// Answers a request. Events come as they do from a host: the answer's name, parts one after the other, what it cost,
    /// why it ended; they add up to the response. When `on_event` breaks, nothing more is computed: the response is what
    /// was said until then, with its usage and no reason to finish.
    ///
    /// # Errors
    /// [`Error::Request`] before anything runs, when the request asks for what cannot be done. [`Error::Interrupted`] with
    /// what was said, when the model fails in the middle.
    pub fn answer(
        &mut self,
        request: &ChatRequest,
        mut on_event: impl FnMut(ChatEvent<'_>) -> ControlFlow<()>,
    ) -> Result<Answer, Error> {
        let mut turn = Turn::new(&self.frontend, request)?;
        let sequence = self.engine.create();
        let ended = self.run(sequence, &mut turn, &mut on_event);
        self.engine.remove(sequence);
        turn.end(ended);
        tell(&mut turn, &mut on_event);
        turn.into_answer()
    }

    fn run(&mut self, sequence: SequenceId, turn: &mut Turn, on_event: Sink<'_>) -> Result<(), Error> {
        tell(turn, on_event);
        turn.start(0);
        let mut logits = Vec::new();
        let prompt = turn.prompt().to_vec();
        let mut pieces = prompt.chunks(self.batch).peekable();
        while let (false, Some(tokens)) = (turn.is_over(), pieces.next()) {
            let want = if pieces.peek().is_some() { Logits::None } else { Logits::Last };
            self.step(sequence, tokens, want, &mut logits)?;
        }
        while !turn.is_over() {
            let Some(token) = turn.take(&mut logits)? else { break };
            tell(turn, on_event);
            if !turn.is_over() {
                self.step(sequence, &[token], Logits::Last, &mut logits)?;
            }
        }
        Ok(())
    }

    /// Runs tokens; their logits stand in `logits` afterwards, if they are wanted.
    fn step(
        &mut self,
        sequence: SequenceId,
        tokens: &[u32],
        want: Logits,
        logits: &mut Vec<f32>,
    ) -> Result<(), Error> {
        let rows = self.engine.step(&[Item { sequence, tokens, want }])?;
        if let Some(row) = rows.get(0) {
            logits.clear();
            logits.extend_from_slice(row);
        }
        Ok(())
    }

    /// Whether both models read and say the same tokens.
    pub(super) fn has_tokens_of(&self, other: &Self) -> bool {
        let (own, other) = (&self.frontend, &other.frontend);
        let (words, others) = (own.tokenizer.spelling(), other.tokenizer.spelling());
        let same = |id: u32| words.bytes(id) == others.bytes(id) && words.kind(id) == others.kind(id);
        own.vocab == other.vocab
            && words.len() == others.len()
            && (0..u32::try_from(words.len()).unwrap_or(u32::MAX)).all(same)
    }

    /// What computes, and all else.
    pub(super) fn into_parts(self) -> (Decoder, Arc<Frontend>) {
        (self.engine, self.frontend)
    }
}

/// Who is told events.
type Sink<'a> = &'a mut dyn FnMut(ChatEvent<'_>) -> ControlFlow<()>;

/// Tells what is still to be told, unless who listens breaks off.
fn tell(turn: &mut Turn, on_event: Sink<'_>) {
    while let Some(event) = turn.next_event() {
        if on_event(event).is_break() {
            turn.cancel();
        }
    }
}

impl Frontend {
    /// What answers name as their model.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The most tokens of a prompt and its answer together.
    pub(super) fn context(&self) -> usize {
        self.context
    }
}

impl std::fmt::Debug for LocalModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalModel").field("name", &self.frontend.name).finish_non_exhaustive()
    }
}
