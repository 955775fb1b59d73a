//! One answer under way, from token to token. Who computes the logits is no matter of it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use super::form::{self, Form};
use super::plan::{self, Plan, refuse};
use super::prompt;
use super::speech::{Over, Speech};
use super::{Answer, Frontend, Statistics};
use crate::chat::{ChatEvent, ChatRequest, FinishReason, Part, ToolChoice, Usage, Warning};
use crate::json::RawJson;
use crate::local::Error;
use crate::local::parse::{OutputFormat, Parser, ParserOptions, Piece};
use crate::local::sample::Sampled;
use crate::local::tokens::{Control, Detokenizer, Kind, Specials, Tokenizer};

/// One answer: its prompt, and what was said of it.
pub(in crate::local) struct Turn {
    frontend: Arc<Frontend>,
    prompt: Vec<u32>,
    speech: Speech,
    plan: Plan,
    form: Option<Form>,
    parser: Parser,
    /// Control tokens that mean something to the parser.
    marks: HashSet<u32>,
    words: Detokenizer,
    stop: Vec<String>,
    /// The most tokens of the answer.
    most: usize,
    allowed: Vec<u32>,
    /// Tokens that are reasoning.
    thought: usize,
    /// Why the answer is over, once it is. Nothing: who listens has broken off.
    reason: Option<FinishReason>,
    failure: Option<Error>,
    clock: Clock,
    statistics: Statistics,
}

/// When what began.
struct Clock {
    asked: Instant,
    started: Instant,
    decoding: Instant,
}

impl Turn {
    /// All that can be refused is refused here.
    pub(in crate::local) fn new(frontend: &Arc<Frontend>, request: &ChatRequest) -> Result<Self, Error> {
        let asked = Instant::now();
        let mut rendered = prompt::render(frontend, request)?;
        let template = rendered.template;
        let mut plan = plan::plan(frontend, request, template)?;
        plan.warnings.append(&mut rendered.warnings);
        let form = form::form(frontend, request, template)?;
        let prompt = prompt::encode(frontend, &rendered)?;
        check(frontend, &prompt)?;
        let in_reasoning = template.format.is_reasoning_open(&rendered.text());
        let form_is_text = form.as_ref().is_some_and(Form::is_text);
        let format = format(template.format, request, form_is_text && !in_reasoning);
        if plan.prompt_counts {
            prompt.iter().for_each(|token| plan.sampler.accept(*token));
        }
        let warnings = std::mem::take(&mut plan.warnings);
        let mut speech = Speech::new(plan.stops.clone(), plan.one_call, warnings);
        speech.tell(ChatEvent::Start { id: None, model: Some(frontend.name.as_str().into()) });
        Ok(Self {
            most: plan.most.min(frontend.context - prompt.len() + 1),
            marks: marks(&frontend.tokenizer, &format),
            parser: Parser::new(format, options(request, in_reasoning)),
            words: frontend.tokenizer.detokenizer(Control::Keep),
            frontend: Arc::clone(frontend),
            statistics: Statistics { prompt_tokens: prompt.len(), ..Statistics::default() },
            prompt,
            speech,
            plan,
            form,
            stop: request.stop.clone(),
            allowed: Vec::new(),
            thought: 0,
            reason: None,
            failure: None,
            clock: Clock { asked, started: asked, decoding: asked },
        })
    }

    /// The tokens that the answer follows.
    pub(in crate::local) fn prompt(&self) -> &[u32] {
        &self.prompt
    }

    /// What was to be told beside the answer until now.
    pub(in crate::local) fn warnings(&self) -> &[Warning] {
        self.speech.warnings()
    }

    /// The prompt is run from now on; its first `reused` tokens need not be.
    pub(in crate::local) fn start(&mut self, reused: usize) {
        self.clock.started = Instant::now();
        self.statistics.reused_tokens = reused;
    }

    /// The next event for who listens.
    pub(in crate::local) fn next_event(&mut self) -> Option<ChatEvent<'static>> {
        self.speech.next_event()
    }

    /// Whether there is an event for who listens.
    pub(in crate::local) fn has_events(&self) -> bool {
        self.speech.is_waiting()
    }

    /// Who listens has broken off.
    pub(in crate::local) fn cancel(&mut self) {
        self.reason = None;
        self.speech.cancel();
    }

    /// Whether nothing more is to be computed.
    pub(in crate::local) fn is_over(&self) -> bool {
        self.reason.is_some() || self.failure.is_some() || self.speech.over() == Some(Over::Cancelled)
    }

    /// Picks the next token from the logits behind the last one. `None`: the answer is over.
    pub(in crate::local) fn take(&mut self, logits: &mut [f32]) -> Result<Option<u32>, Error> {
        let (token, logprobs) = self.pick(logits)?;
        self.count();
        if self.frontend.tokenizer.ids().ends.contains(&token) {
            return self.close(FinishReason::Stop);
        }
        self.hear(token)?;
        logprobs.into_iter().for_each(|json| self.speech.logprobs(json));
        if self.speech.over().is_some() || self.is_whole() {
            return self.close(FinishReason::Stop);
        }
        if self.remaining() == 0 {
            return self.close(FinishReason::Length);
        }
        Ok(Some(token))
    }

    /// The most tokens that may still be picked.
    pub(in crate::local) fn remaining(&self) -> usize {
        self.most - self.statistics.answer_tokens
    }

    /// How fast it is, so far.
    pub(in crate::local) fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    fn count(&mut self) {
        self.statistics.answer_tokens += 1;
        if self.statistics.answer_tokens == 1 {
            let now = Instant::now();
            self.statistics.first_token = now - self.clock.asked;
            self.statistics.prefill = now - self.clock.started;
            self.clock.decoding = now;
        }
    }

    /// Whether a form holds now. Reasoning is free.
    fn is_held(&self) -> bool {
        self.form.is_some() && !self.parser.is_reasoning()
    }

    fn is_whole(&self) -> bool {
        self.form.as_ref().is_some_and(Form::is_done)
    }

    /// The next token, and what is told of its probability.
    fn pick(&mut self, logits: &mut [f32]) -> Result<(u32, Option<RawJson>), Error> {
        let held = self.is_held();
        let Self { plan, form, allowed, frontend, .. } = self;
        let form = form.as_mut().filter(|_| held);
        let sampled = match (form, frontend.known.as_deref()) {
            (None, None) => plan.sampler.next(logits)?,
            (None, Some(known)) => plan.sampler.next_of(logits, known)?,
            (Some(form), known) => {
                allowed.clear();
                allowed.extend_from_slice(form.allowed()?);
                for (word, known) in allowed.iter_mut().zip(known.unwrap_or_default()) {
                    *word &= known;
                }
                plan.sampler.next_of(logits, allowed)?
            }
        };
        let json = plan.logprobs.then(|| told(&frontend.tokenizer, &sampled));
        let token = sampled.token;
        plan.sampler.accept(token);
        if let Some(form) = self.form.as_mut().filter(|_| held) {
            form.accept(token)?;
        }
        Ok((token, json))
    }

    /// A token that is part of the answer.
    fn hear(&mut self, token: u32) -> Result<(), Error> {
        let reasoning = self.parser.is_reasoning();
        let control = self.frontend.tokenizer.spelling().kind(token) == Kind::Control;
        let text = if control && !self.marks.contains(&token) { "" } else { self.words.push(token) };
        if !reasoning && self.form.as_ref().is_some_and(Form::is_text) {
            self.speech.text(text);
            return Ok(());
        }
        let pieces = self.parser.push(text);
        self.thought += usize::from(reasoning || self.parser.is_reasoning());
        if reasoning && !self.parser.is_reasoning() && self.form.is_some() {
            self.begin_form(&pieces)?;
        }
        self.speech.say(pieces);
        Ok(())
    }

    /// The token that ended reasoning may have said the first of what is held to a form.
    fn begin_form(&mut self, pieces: &[Piece]) -> Result<(), Error> {
        let Some(form) = &mut self.form else { return Ok(()) };
        for piece in pieces {
            if let Piece::Text(text) = piece {
                let tokens = self.frontend.tokenizer.encode(text, Specials::AsText)?;
                tokens.into_iter().try_for_each(|token| form.accept(token))?;
            }
        }
        Ok(())
    }

    /// Says what was held back. There is no next token.
    fn close(&mut self, reason: FinishReason) -> Result<Option<u32>, Error> {
        if self.speech.over().is_none() {
            let rest = self.words.finish().text.to_owned();
            if self.form.as_ref().is_some_and(Form::is_text) && !self.parser.is_reasoning() {
                self.speech.text(&rest);
            } else {
                let mut pieces = self.parser.push(&rest);
                pieces.extend(self.parser.finish());
                self.speech.say(pieces);
            }
        }
        self.speech.end();
        let called = reason == FinishReason::Stop && self.speech.calls() > 0;
        self.reason = match self.speech.over() {
            Some(Over::Cancelled) => None,
            // A stop text in what was held back until the end counts as one.
            Some(Over::Stopped(_)) => Some(FinishReason::Stop),
            _ if called => Some(FinishReason::ToolCalls),
            _ => Some(reason),
        };
        Ok(None)
    }

    /// Nothing more is computed: tells what it cost, and why it ended, unless it failed.
    pub(in crate::local) fn end(&mut self, ended: Result<(), Error>) {
        self.failure = ended.err();
        if self.statistics.answer_tokens > 0 {
            self.statistics.decode = self.clock.decoding.elapsed();
        }
        if let (None, Some(reason)) = (&self.failure, self.reason.clone()) {
            self.speech.tell(ChatEvent::Usage(self.usage()));
            self.speech.tell(ChatEvent::Finish(reason));
        }
    }

    fn usage(&self) -> Usage {
        let (input, output) = (self.prompt.len() as u64, self.statistics.answer_tokens as u64);
        let reused = self.statistics.reused_tokens as u64;
        Usage {
            input: Some(input),
            output: Some(output),
            reasoning: Some(self.thought as u64),
            total: Some(input + output),
            cache_read: (reused > 0).then_some(reused),
            ..Usage::default()
        }
    }

    /// The whole answer, as far as its events were taken.
    pub(in crate::local) fn into_answer(self) -> Result<Answer, Error> {
        let usage = self.usage();
        let mut response = self.speech.into_response(&self.stop);
        if self.failure.is_some() || self.reason.is_none() {
            response.usage = Some(usage);
        }
        match self.failure {
            None => Ok(Answer { response, statistics: self.statistics }),
            Some(source) => Err(Error::Interrupted { partial: Box::new(response), source: Box::new(source) }),
        }
    }
}

fn check(frontend: &Frontend, prompt: &[u32]) -> Result<(), Error> {
    if prompt.is_empty() {
        return Err(refuse(frontend, "messages", "the prompt is empty"));
    }
    if prompt.len() > frontend.context {
        let reason = format!("the prompt has {} tokens, and the context {}", prompt.len(), frontend.context);
        return Err(refuse(frontend, "messages", reason));
    }
    Ok(())
}

fn offered(request: &ChatRequest) -> bool {
    !request.tools.is_empty() && request.tool_choice != Some(ToolChoice::None)
}

/// What is looked for in the answer. One that is of a form from its first token on has no marks.
fn format(mut format: OutputFormat, request: &ChatRequest, is_formed: bool) -> OutputFormat {
    format.calls = format.calls.filter(|_| offered(request));
    if is_formed {
        format.reasoning = None;
    }
    format
}

fn options(request: &ChatRequest, in_reasoning: bool) -> ParserOptions {
    let calls_before = request.parts().filter(|part| matches!(part, Part::ToolCall(_))).count() as u64;
    let tools = if offered(request) { request.tools.clone() } else { Vec::new() };
    ParserOptions { tools, in_reasoning, calls_before }
}

/// Control tokens whose names are marks of the format, or parts of these.
fn marks(tokenizer: &Tokenizer, format: &OutputFormat) -> HashSet<u32> {
    let mut marks: Vec<&str> = format.reasoning.iter().flat_map(|tags| [tags.open, tags.close]).collect();
    if let Some(calls) = format.calls {
        marks.extend([calls.begin, calls.end]);
        marks.extend(calls.middle);
        marks.extend(calls.section.into_iter().chain(calls.fence).flat_map(|(open, close)| [open, close]));
        marks.extend(calls.parameter.into_iter().flat_map(|(open, middle, close)| [open, middle, close]));
    }
    let spelling = tokenizer.spelling();
    let is_mark = |id: &u32| {
        let name = std::str::from_utf8(spelling.bytes(*id)).unwrap_or_default();
        spelling.kind(*id) == Kind::Control
            && !name.is_empty()
            && marks.iter().any(|mark| mark.contains(name))
    };
    (0..u32::try_from(spelling.len()).unwrap_or(u32::MAX)).filter(is_mark).collect()
}

/// Log probabilities as most hosts write them: a list of one token.
fn told(tokenizer: &Tokenizer, sampled: &Sampled<'_>) -> RawJson {
    let entry = |token: u32, logprob: f32| {
        let bytes = tokenizer.spelling().bytes(token);
        json!({"token": String::from_utf8_lossy(bytes), "logprob": logprob, "bytes": bytes})
    };
    let mut told = entry(sampled.token, sampled.logprob.unwrap_or_default());
    told["top_logprobs"] =
        sampled.top.iter().map(|(token, logprob)| entry(*token, *logprob)).collect::<Value>();
    RawJson::trusted(&Value::Array(vec![told]).to_string())
}
