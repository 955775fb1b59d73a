//! What a request asks of an answer, read before anything runs. What cannot be done is refused by its name; nothing is
//! left out in silence.

use serde_json::Value;

use super::{Frontend, PROVIDER, Template};
use crate::chat::{ChatRequest, Effort, Format, ReasoningConfig, ToolChoice, ToolDefinition, Warning};
use crate::json::RawJson;
use crate::local::Error;
use crate::local::sample::stop::Stops;
use crate::local::sample::{Dry, Mirostat, MirostatVersion, Penalties, Sampler, Sampling, Xtc};

/// How an answer is made.
pub(super) struct Plan {
    pub(super) sampler: Sampler,
    pub(super) stops: Stops,
    /// Log probabilities are told.
    pub(super) logprobs: bool,
    /// Penalties see the prompt too.
    pub(super) prompt_counts: bool,
    /// The answer ends with its first call of a tool.
    pub(super) one_call: bool,
    pub(super) most: usize,
    pub(super) warnings: Vec<Warning>,
}

/// A refusal that names the feature.
pub(super) fn refuse(model: &Frontend, feature: &str, reason: impl Into<String>) -> Error {
    let refusal = crate::Error::unsupported(PROVIDER, &model.name, feature.to_owned(), reason.into());
    match refusal {
        crate::Error::Unsupported(refusal) => Error::Request(refusal),
        other => Error::input(other.to_string()),
    }
}

pub(super) fn plan(model: &Frontend, request: &ChatRequest, template: &Template) -> Result<Plan, Error> {
    check(model, request)?;
    reasoning(model, request, template)?;
    let sampling = sampling(model, request)?;
    let vocabulary = model.vocab;
    let no = |feature: &str, reason: String| refuse(model, feature, reason);
    let repeats = sampling.penalties.is_some_and(|penalties| penalties.repetition != 1.0);
    Ok(Plan {
        logprobs: sampling.logprobs.is_some(),
        prompt_counts: repeats || sampling.dry.is_some(),
        sampler: Sampler::new(sampling, vocabulary).map_err(|error| no(error.name, error.to_string()))?,
        stops: Stops::new(&request.stop).map_err(|error| no("stop", error.to_string()))?,
        one_call: request.parallel_tool_calls == Some(false),
        most: request.max_tokens.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX)),
        warnings: dropped(request),
    })
}

/// Labels for others, which change no answer.
fn dropped(request: &ChatRequest) -> Vec<Warning> {
    let labels = [("user", request.user.is_some()), ("metadata", !request.metadata.is_empty())];
    let warning = |(feature, _): (&str, bool)| Warning {
        feature: feature.to_owned(),
        message: "nothing is stored by a local model: dropped".to_owned(),
    };
    labels.into_iter().filter(|(_, given)| *given).map(warning).collect()
}

fn check(model: &Frontend, request: &ChatRequest) -> Result<(), Error> {
    let no = |feature: &str, reason: &str| Err(refuse(model, feature, reason));
    if request.max_tokens == Some(0) {
        return no("max_tokens", "is at least 1");
    }
    if request.n.is_some_and(|n| n != 1) {
        return no("n", "one answer is given at a time");
    }
    if request.service_tier.is_some() {
        return no("service_tier", "there are none");
    }
    if let Some((name, _)) = request.extra.first() {
        return no(name, "there is no body that it could be a field of");
    }
    if request.top_logprobs.is_some() && request.logprobs != Some(true) {
        return no("top_logprobs", "needs `logprobs`");
    }
    tools(model, request)
}

fn tools(model: &Frontend, request: &ChatRequest) -> Result<(), Error> {
    let no = |feature: &str, reason: &str| Err(refuse(model, feature, reason));
    let choice = request.tool_choice.as_ref();
    let forced = matches!(choice, Some(ToolChoice::Required | ToolChoice::Tool(_)));
    let offered = !request.tools.is_empty() && choice != Some(&ToolChoice::None);
    let is_strict = |tool: &ToolDefinition| match tool {
        ToolDefinition::Function(tool) => tool.strict == Some(true),
        ToolDefinition::Raw(_) => false,
    };
    if request.tools.iter().any(|tool| matches!(tool, ToolDefinition::Raw(_))) {
        return no("tools", "no provider is there to run its own");
    }
    if forced && !offered {
        return no("tool_choice", "there is no tool to call");
    }
    if offered && !forced && request.tools.iter().any(is_strict) {
        return no("tools.strict", "arguments are enforced only where a call is required");
    }
    if offered && matches!(request.format, Some(Format::Json | Format::Schema(_))) {
        return no("format", "an answer has a form or calls tools, not both");
    }
    Ok(())
}

/// Templates switch reasoning on and off, and set its level, by variables that they name.
fn reasoning(model: &Frontend, request: &ChatRequest, template: &Template) -> Result<(), Error> {
    let no = |reason: &str| Err(refuse(model, "reasoning", reason));
    let knows = |variable: &str| template.source.contains(variable);
    let reasons = template.format.reasoning.is_some();
    match &request.reasoning {
        Some(ReasoningConfig::Budget(_)) => no("tokens of reasoning cannot be limited"),
        Some(ReasoningConfig::Disabled | ReasoningConfig::Effort(Effort::None))
            if reasons && !knows("enable_thinking") =>
        {
            no("the model has no switch for it")
        }
        Some(ReasoningConfig::Enabled) if !reasons => no("the model does not reason"),
        Some(ReasoningConfig::Effort(level)) if *level != Effort::None && !knows("reasoning_effort") => {
            no("the model has no levels of it")
        }
        _ => Ok(()),
    }
}

fn sampling(model: &Frontend, request: &ChatRequest) -> Result<Sampling, Error> {
    let mut sampling = model.sampling.clone();
    let float = |value: Option<f64>| value.map(|value| value as f32);
    sampling.temperature = float(request.temperature).unwrap_or(sampling.temperature);
    sampling.top_p = float(request.top_p).or(sampling.top_p);
    let top_k = request.top_k.map(|k| usize::try_from(k).unwrap_or(usize::MAX));
    sampling.top_k = top_k.or(sampling.top_k);
    sampling.seed = request.seed.map(i64::cast_unsigned).or(sampling.seed);
    for (token, bias) in &request.logit_bias {
        let id = token
            .parse()
            .map_err(|_| refuse(model, "logit_bias", format!("{token:?} is no id of a token")))?;
        sampling.logit_bias.push((id, *bias as f32));
    }
    if request.logprobs == Some(true) {
        let top = request.top_logprobs.unwrap_or(0);
        sampling.logprobs = Some(usize::try_from(top).unwrap_or(usize::MAX));
    }
    let (frequency, presence) = (float(request.frequency_penalty), float(request.presence_penalty));
    if frequency.or(presence).is_some() {
        let penalties = penalties(model, &mut sampling);
        penalties.frequency = frequency.unwrap_or(penalties.frequency);
        penalties.presence = presence.unwrap_or(penalties.presence);
    }
    for (name, value) in &request.options {
        option(model, &mut sampling, name, value)?;
    }
    if let Some(dry) = sampling.dry.as_mut().filter(|dry| dry.breakers.is_empty()) {
        dry.breakers = breakers(model);
    }
    Ok(sampling)
}

/// Unless it is told how many tokens count, all do.
fn penalties<'a>(model: &Frontend, sampling: &'a mut Sampling) -> &'a mut Penalties {
    let window = model.context.max(1);
    sampling.penalties.get_or_insert(Penalties { window, ..Penalties::default() })
}

/// What only local models have, by the names that are usual for it.
fn option(model: &Frontend, sampling: &mut Sampling, name: &str, value: &RawJson) -> Result<(), Error> {
    let number = serde_json::from_str::<Value>(value.as_str()).ok().and_then(|value| value.as_f64());
    let number = || number.ok_or_else(|| refuse(model, name, "is a number"));
    let whole = || match number()? {
        number if number >= 0.0 && number.fract() == 0.0 => Ok(number as usize),
        _ => Err(refuse(model, name, "is a whole number")),
    };
    let float = || number().map(|number| number as f32);
    let xtc = Xtc { probability: 0.0, threshold: 0.1 };
    match name {
        "min_p" => sampling.min_p = Some(float()?),
        "typical_p" => sampling.typical_p = Some(float()?),
        "top_n_sigma" => sampling.top_n_sigma = Some(float()?),
        "repetition_penalty" => penalties(model, sampling).repetition = float()?,
        "repeat_last_n" => penalties(model, sampling).window = whole()?,
        "xtc_probability" => sampling.xtc.get_or_insert(xtc).probability = float()?,
        "xtc_threshold" => sampling.xtc.get_or_insert(xtc).threshold = float()?,
        "dry_multiplier" => sampling.dry.get_or_insert_with(Dry::default).multiplier = float()?,
        "dry_base" => sampling.dry.get_or_insert_with(Dry::default).base = float()?,
        "dry_allowed_length" => sampling.dry.get_or_insert_with(Dry::default).allowed = whole()?,
        "mirostat" => match whole()? {
            0 => sampling.mirostat = None,
            1 => sampling.mirostat.get_or_insert_with(Mirostat::default).version = MirostatVersion::V1,
            2 => sampling.mirostat.get_or_insert_with(Mirostat::default).version = MirostatVersion::V2,
            _ => return Err(refuse(model, name, "is 0, 1 or 2")),
        },
        "mirostat_tau" => sampling.mirostat.get_or_insert_with(Mirostat::default).tau = float()?,
        "mirostat_eta" => sampling.mirostat.get_or_insert_with(Mirostat::default).eta = float()?,
        _ => return Err(refuse(model, name, "local models have no such option")),
    }
    Ok(())
}

/// Tokens with what usually ends a repeated sequence: a line, a quotation, an item.
fn breakers(model: &Frontend) -> Vec<u32> {
    let spelling = model.tokenizer.spelling();
    let breaks = |id: &u32| spelling.bytes(*id).iter().any(|byte| b"\n:\"*".contains(byte));
    (0..u32::try_from(spelling.len()).unwrap_or(u32::MAX)).filter(breaks).collect()
}
