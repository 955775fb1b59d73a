//! Picks tokens: edits, filters and draws in one fixed order. What each filter keeps is in `field` and `candidates`.

use super::Error;
use super::candidates::{Candidates, logit, token};
use super::config::{InvalidSampling, Sampling, Xtc};
use super::field::{Field, Nucleus};
use super::mirostat::Limit;
use super::penalty::{Edits, History, Repeats};
use crate::local::kernels::sample::mask;
use crate::random::Random;

/// Picks the tokens of one answer.
#[derive(Debug)]
pub struct Sampler {
    config: Sampling,
    vocabulary: usize,
    random: Random,
    history: History,
    repeats: Repeats,
    mirostat: Option<Limit>,
    edits: Edits,
    field: Field,
    list: Candidates,
    top: Vec<(u32, f32)>,
}

/// A token that was picked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampled<'a> {
    /// Its id.
    pub token: u32,
    /// The natural logarithm of the probability that the model gave it, if asked for.
    pub logprob: Option<f32>,
    /// The likeliest tokens with the same of theirs, as many as asked for; the likeliest first.
    pub top: &'a [(u32, f32)],
}

/// Where what may still be picked is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// In the logits.
    Logits,
    /// In the list.
    List,
}

impl Sampler {
    /// A sampler of this configuration for a vocabulary of so many tokens.
    pub fn new(config: Sampling, vocabulary: usize) -> Result<Self, InvalidSampling> {
        config.validate(vocabulary)?;
        Ok(Self {
            random: config.seed.map_or_else(Random::unseeded, Random::new),
            history: History::new(config.penalties.as_ref(), config.dry.as_ref()),
            repeats: Repeats::default(),
            mirostat: config.mirostat.map(Limit::new),
            edits: Edits::default(),
            field: Field::new(vocabulary),
            list: Candidates::default(),
            top: Vec::with_capacity(config.logprobs.unwrap_or(0)),
            vocabulary,
            config,
        })
    }

    /// Picks a token by the logits of all tokens, which it may overwrite.
    pub fn next(&mut self, logits: &mut [f32]) -> Result<Sampled<'_>, Error> {
        self.pick(logits, None)
    }

    /// As [`next`](Self::next), among the tokens whose bit is set: bit `id % 32` of word `id / 32`. Log probabilities
    /// are still those of the model.
    pub fn next_of(&mut self, logits: &mut [f32], allowed: &[u32]) -> Result<Sampled<'_>, Error> {
        self.pick(logits, Some(allowed))
    }

    /// Takes in a token that follows: of the prompt, or one that was picked. Penalties count these.
    pub fn accept(&mut self, token: u32) {
        self.history.push(token);
    }

    fn pick(&mut self, logits: &mut [f32], allowed: Option<&[u32]>) -> Result<Sampled<'_>, Error> {
        if logits.len() != self.vocabulary {
            return Err(Error::Length { expected: self.vocabulary, found: logits.len() });
        }
        self.field.scan(logits)?;
        let normaliser = self.config.logprobs.map(|count| self.observe(logits, count));
        if let Some(allowed) = allowed {
            mask(logits, allowed);
            self.field.scan(logits)?;
        }
        self.edit(logits)?;
        // Before the filters overwrite it: what the model gave each token is in the logits or in the edits.
        let token = self.choose(logits).ok_or(Error::NothingAllowed)?;
        let given = self.edits.before(token).unwrap_or(logits[token as usize]);
        let logprob = normaliser.map(|normaliser| (f64::from(given) - normaliser) as f32);
        Ok(Sampled { token, logprob, top: &self.top })
    }

    /// Notes the likeliest tokens of the model's distribution, and returns ln Σ e^x.
    fn observe(&mut self, logits: &[f32], count: usize) -> f64 {
        let normaliser = f64::from(self.field.max()) + self.field.weight(logits, 1.0).ln();
        self.top.clear();
        if count > 0 {
            self.field.top_k(logits, count, &mut self.list);
            let logprob = |key: u64| (f64::from(logit(key)) - normaliser) as f32;
            self.top.extend(self.list.keys().iter().map(|&key| (token(key), logprob(key))));
        }
        normaliser
    }

    /// Bias, penalties, DRY.
    fn edit(&mut self, logits: &mut [f32]) -> Result<(), Error> {
        let edits = &mut self.edits;
        edits.clear();
        for &(token, bias) in &self.config.logit_bias {
            edits.edit(logits, token, |logit| logit + bias);
        }
        if let Some(penalties) = &self.config.penalties {
            self.history.penalise(penalties, logits, edits);
        }
        if let Some(dry) = &self.config.dry {
            self.repeats.penalise(dry, self.history.last(dry.window), logits, edits);
        }
        self.field.rescan(logits, self.edits.tokens())
    }

    fn choose(&mut self, logits: &mut [f32]) -> Option<u32> {
        let Self { config, field, list, random, mirostat, .. } = self;
        if config.temperature == 0.0 {
            return Some(field.best(logits));
        }
        if let Some(limit) = mirostat {
            return limit.pick(field, logits, config.temperature, list, random);
        }
        if let Some(part) = nucleus_alone(config) {
            let nucleus = Nucleus { part, temperature: config.temperature };
            return field.draw_nucleus(logits, nucleus, list, random);
        }
        let left = filter(config, field, logits, list, random);
        match left {
            Left::Logits => Some(field.draw(logits, config.temperature, random).0),
            Left::List => list.draw(config.temperature, random).map(|(token, _)| token),
        }
    }
}

/// The nucleus, if nothing else is filtered.
fn nucleus_alone(config: &Sampling) -> Option<f32> {
    let alone = config.top_n_sigma.is_none()
        && config.top_k.is_none()
        && config.typical_p.is_none()
        && config.min_p.is_none()
        && config.xtc.is_none();
    config.top_p.filter(|part| alone && *part < 1.0)
}

/// The filters, in the order that is usual elsewhere: top-n-sigma, top-k, typical, top-p, min-p, XTC.
pub(super) fn filter(
    config: &Sampling,
    field: &mut Field,
    logits: &mut [f32],
    list: &mut Candidates,
    random: &mut Random,
) -> Left {
    let mut left = Left::Logits;
    if let Some(sigmas) = config.top_n_sigma {
        field.top_n_sigma(logits, sigmas, list);
        left = Left::List;
    }
    match (config.top_k, left) {
        (Some(k), Left::Logits) if k < logits.len() => {
            field.top_k(logits, k, list);
            left = Left::List;
        }
        (Some(k), Left::List) => list.top_k(k),
        _ => {}
    }
    match (config.typical_p.filter(|part| *part < 1.0), left) {
        (Some(part), Left::Logits) => field.typical(logits, part),
        (Some(part), Left::List) => list.typical(part),
        _ => {}
    }
    match (config.top_p.filter(|part| *part < 1.0), left) {
        (Some(part), Left::Logits) if field.top_p(logits, part, list) => left = Left::List,
        (Some(part), Left::List) => _ = list.top_p(part, None),
        _ => {}
    }
    match (config.min_p.filter(|part| *part > 0.0), left) {
        (Some(part), Left::Logits) => {
            field.list(logits, field.max() + part.ln(), list);
            left = Left::List;
        }
        (Some(part), Left::List) => list.min_p(part),
        _ => {}
    }
    config.xtc.map_or(left, |xtc| drop_top_choices(xtc, left, field, logits, list, random))
}

fn drop_top_choices(
    xtc: Xtc,
    left: Left,
    field: &mut Field,
    logits: &mut [f32],
    list: &mut Candidates,
    random: &mut Random,
) -> Left {
    if random.unit() >= f64::from(xtc.probability) {
        return left;
    }
    match left {
        Left::Logits => field.drop_top_choices(logits, xtc.threshold, list),
        Left::List => list.drop_top_choices(xtc.threshold),
    }
    left
}
