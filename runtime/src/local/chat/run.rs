//! The loop from token to token of one answer.

use std::collections::HashSet;
use std::time::Instant;

use serde_json::{Value, json};

use super::form::{self, Form};
use super::plan::{self, Plan, refuse};
use super::prompt;
use super::speech::{Over, Sink, Speech};
use super::{Answer, LocalModel, Statistics};
use crate::chat::{ChatEvent, ChatRequest, FinishReason, Part, ToolChoice, Usage};
use crate::json::RawJson;
use crate::local::Error;
use crate::local::engine::{Engine, Item, Logits, SequenceId};
use crate::local::parse::{OutputFormat, Parser, ParserOptions};
use crate::local::sample::Sampled;
use crate::local::tokens::{Control, Detokenizer, Kind, Specials, Tokenizer};

/// What is fixed before the first token.
struct Prepared {
    prompt: Vec<u32>,
    plan: Plan,
    form: Option<Form>,
    parser: Parser,
    /// Control tokens that mean something to the parser.
    marks: HashSet<u32>,
    /// The most tokens of the answer.
    most: usize,
}

/// One answer under way.
struct Run<'a> {
    engine: &'a mut Engine,
    tokenizer: &'a Tokenizer,
    known: Option<&'a [u32]>,
    speech: Speech<'a>,
    plan: Plan,
    form: Option<Form>,
    parser: Parser,
    marks: HashSet<u32>,
    words: Detokenizer,
    most: usize,
    batch: usize,
    logits: Vec<f32>,
    allowed: Vec<u32>,
    /// Tokens that were picked, and those of them that are reasoning.
    picked: usize,
    thought: usize,
    statistics: Statistics,
}

pub(super) fn answer(model: &mut LocalModel, request: &ChatRequest, sink: Sink<'_>) -> Result<Answer, Error> {
    let began = Instant::now();
    let mut prepared = prepare(model, request)?;
    let warnings = std::mem::take(&mut prepared.plan.warnings);
    let stops = prepared.plan.stops.clone();
    let mut speech = Speech::new(sink, stops, prepared.plan.one_call, warnings);
    speech.tell(ChatEvent::Start { id: None, model: Some(model.name.as_str().into()) });
    let mut run = Run {
        engine: &mut model.engine,
        tokenizer: &model.tokenizer,
        known: model.known.as_deref(),
        words: model.tokenizer.detokenizer(Control::Keep),
        batch: model.batch,
        speech,
        plan: prepared.plan,
        form: prepared.form,
        parser: prepared.parser,
        marks: prepared.marks,
        most: prepared.most,
        logits: Vec::new(),
        allowed: Vec::new(),
        picked: 0,
        thought: 0,
        statistics: Statistics { prompt_tokens: prepared.prompt.len(), ..Statistics::default() },
    };
    let sequence = run.engine.create();
    let ended = run.run(sequence, &prepared.prompt, began);
    run.engine.remove(sequence);
    run.finish(ended, &request.stop)
}

/// All that can be refused is refused here.
fn prepare(model: &LocalModel, request: &ChatRequest) -> Result<Prepared, Error> {
    let mut rendered = prompt::render(model, request)?;
    let template = rendered.template;
    let mut plan = plan::plan(model, request, template)?;
    plan.warnings.append(&mut rendered.warnings);
    let form = form::form(model, request, template)?;
    let prompt = prompt::encode(model, &rendered)?;
    let context = model.context();
    if prompt.is_empty() {
        return Err(refuse(model, "messages", "the prompt is empty"));
    }
    if prompt.len() > context {
        let reason = format!("the prompt has {} tokens, and the context {context}", prompt.len());
        return Err(refuse(model, "messages", reason));
    }
    let offered = !request.tools.is_empty() && request.tool_choice != Some(ToolChoice::None);
    let in_reasoning = template.format.is_reasoning_open(&rendered.text());
    let mut format = template.format;
    format.calls = format.calls.filter(|_| offered);
    // An answer of a form has no marks, unless it is still to come after reasoning.
    if form.as_ref().is_some_and(Form::is_text) && !in_reasoning {
        format.reasoning = None;
    }
    let calls_before = request.parts().filter(|part| matches!(part, Part::ToolCall(_))).count() as u64;
    let tools = if offered { request.tools.clone() } else { Vec::new() };
    Ok(Prepared {
        most: plan.most.min(context - prompt.len() + 1),
        marks: marks(&model.tokenizer, &format),
        parser: Parser::new(format, ParserOptions { tools, in_reasoning, calls_before }),
        prompt,
        plan,
        form,
    })
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

impl Run<'_> {
    /// Says the answer; why it ended. `None`: who listens has broken off.
    fn run(
        &mut self,
        sequence: SequenceId,
        prompt: &[u32],
        began: Instant,
    ) -> Result<Option<FinishReason>, Error> {
        if self.plan.prompt_counts {
            prompt.iter().for_each(|token| self.plan.sampler.accept(*token));
        }
        let start = Instant::now();
        let mut pieces = prompt.chunks(self.batch).peekable();
        while let (None, Some(tokens)) = (self.speech.over(), pieces.next()) {
            let want = if pieces.peek().is_some() { Logits::None } else { Logits::Last };
            self.step(sequence, tokens, want)?;
        }
        if self.speech.over().is_some() {
            return Ok(None);
        }
        self.statistics.prefill = start.elapsed();
        let decoding = Instant::now();
        let ended = self.decode(sequence, began);
        self.statistics.decode = decoding.elapsed();
        ended
    }

    fn step(&mut self, sequence: SequenceId, tokens: &[u32], want: Logits) -> Result<(), Error> {
        let rows = self.engine.step(&[Item { sequence, tokens, want }])?;
        if let Some(row) = rows.get(0) {
            self.logits.clear();
            self.logits.extend_from_slice(row);
        }
        Ok(())
    }

    fn decode(&mut self, sequence: SequenceId, began: Instant) -> Result<Option<FinishReason>, Error> {
        loop {
            let (token, logprobs) = self.pick()?;
            self.picked += 1;
            if self.picked == 1 {
                self.statistics.first_token = began.elapsed();
            }
            if self.tokenizer.ids().ends.contains(&token) {
                return self.close(FinishReason::Stop);
            }
            self.hear(token)?;
            logprobs.into_iter().for_each(|json| self.speech.logprobs(json));
            match self.speech.over() {
                Some(Over::Cancelled) => return Ok(None),
                Some(_) => return self.close(FinishReason::Stop),
                None => {}
            }
            if self.is_whole() {
                return self.close(FinishReason::Stop);
            }
            if self.picked >= self.most {
                return self.close(FinishReason::Length);
            }
            self.step(sequence, &[token], Logits::Last)?;
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
    fn pick(&mut self) -> Result<(u32, Option<RawJson>), Error> {
        let held = self.is_held();
        let Self { plan, form, known, logits, allowed, tokenizer, .. } = self;
        let form = form.as_mut().filter(|_| held);
        let sampled = match (form, *known) {
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
        let json = plan.logprobs.then(|| told(tokenizer, &sampled));
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
        let control = self.tokenizer.spelling().kind(token) == Kind::Control;
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
    fn begin_form(&mut self, pieces: &[crate::local::parse::Piece]) -> Result<(), Error> {
        let Some(form) = &mut self.form else { return Ok(()) };
        for piece in pieces {
            if let crate::local::parse::Piece::Text(text) = piece {
                let tokens = self.tokenizer.encode(text, Specials::AsText)?;
                tokens.into_iter().try_for_each(|token| form.accept(token))?;
            }
        }
        Ok(())
    }

    /// Says what was held back.
    fn close(&mut self, reason: FinishReason) -> Result<Option<FinishReason>, Error> {
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
        let over = self.speech.over();
        let called = reason == FinishReason::Stop && self.speech.calls() > 0;
        let stopped = matches!(over, Some(Over::Stopped(_)));
        Ok(match over {
            Some(Over::Cancelled) => None,
            // A stop text in what was held back until the end counts as one.
            _ if stopped => Some(FinishReason::Stop),
            _ if called => Some(FinishReason::ToolCalls),
            _ => Some(reason),
        })
    }

    /// What it cost, and why it ended.
    fn finish(
        mut self,
        ended: Result<Option<FinishReason>, Error>,
        stop: &[String],
    ) -> Result<Answer, Error> {
        self.statistics.answer_tokens = self.picked;
        let (input, output) = (self.statistics.prompt_tokens as u64, self.picked as u64);
        let usage = Usage {
            input: Some(input),
            output: Some(output),
            reasoning: Some(self.thought as u64),
            total: Some(input + output),
            ..Usage::default()
        };
        let reason = match ended {
            Ok(Some(reason)) => reason,
            Ok(None) => {
                let mut response = self.speech.into_response(stop);
                response.usage = Some(usage);
                return Ok(Answer { response, statistics: self.statistics });
            }
            Err(source) => {
                let mut partial = self.speech.into_response(stop);
                partial.usage = Some(usage);
                return Err(Error::Interrupted { partial: Box::new(partial), source: Box::new(source) });
            }
        };
        self.speech.tell(ChatEvent::Usage(usage));
        self.speech.tell(ChatEvent::Finish(reason));
        Ok(Answer { response: self.speech.into_response(stop), statistics: self.statistics })
    }
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
