//! What a model can do, from what its entry says.
//!
//! The rules, in order; each later one has the last word over the earlier:
//!
//! 1. Every chat model streams, takes a system prompt, sampling parameters, penalties, stop sequences, a seed and
//!    log-probabilities, and answers in JSON on request. An embedding model embeds. Other kinds can do nothing here.
//! 2. `supports_…` fields, modalities, prices and reasoning fields add and take away, as their descriptions say.
//! 3. `unsupported_parameters` take away the capability that a parameter belongs to.
//! 4. `capabilities` says it by name.

use super::fields::{as_flag, as_text, flag, texts};
use crate::diagnostic::{Diagnostic, Sink};
use crate::ir::provider::{Model, ModelKind};
use crate::source::{Node, Span};
use crate::vocabulary::CAPABILITIES;
use std::collections::BTreeSet;

/// What every chat model can do unless its entry says otherwise.
const CHAT: &[&str] = &[
    "json_mode",
    "logprobs",
    "penalties",
    "sampling",
    "seed",
    "stop_sequences",
    "streaming",
    "system_prompt",
];

/// Fields that give or take away one capability.
const FLAGS: &[(&str, &str)] = &[
    ("supports_vision", "vision"),
    ("supports_audio_input", "audio_input"),
    ("supports_pdf_input", "documents"),
    ("supports_function_calling", "tools"),
    ("supports_parallel_function_calling", "parallel_tools"),
    ("supports_tool_choice", "tool_choice"),
    ("supports_reasoning", "reasoning"),
    ("supports_structured_output", "structured_output"),
    ("supports_json_mode", "json_mode"),
    ("supports_prompt_caching", "prompt_cache"),
    ("supports_streaming", "streaming"),
    ("supports_system_messages", "system_prompt"),
];

/// Modalities that follow from a capability, and the other way round.
const INPUTS: &[(&str, &str)] = &[("image", "vision"), ("audio", "audio_input"), ("pdf", "documents")];

/// Request parameters, and the capabilities that they belong to.
const PARAMETERS: &[(&str, &[&str])] = &[
    ("frequency_penalty", &["penalties"]),
    ("logit_bias", &["penalties"]),
    ("logprobs", &["logprobs"]),
    ("parallel_tool_calls", &["parallel_tools"]),
    ("presence_penalty", &["penalties"]),
    ("reasoning_budget", &["reasoning_budget"]),
    ("reasoning_effort", &["reasoning_effort"]),
    ("response_format", &["json_mode", "structured_output"]),
    ("seed", &["seed"]),
    ("stop", &["stop_sequences"]),
    ("stream", &["streaming"]),
    ("system", &["system_prompt"]),
    ("temperature", &["sampling"]),
    ("tool_choice", &["tool_choice"]),
    ("tools", &["tools", "tool_choice", "parallel_tools"]),
    ("top_k", &["sampling"]),
    ("top_logprobs", &["logprobs"]),
    ("top_p", &["sampling"]),
];

/// Fills in modalities and capabilities of a model whose other fields are read.
pub(super) fn derive(node: &Node, model: &mut Model, sink: &mut Sink) {
    modalities(node, model, sink);
    let mut has: BTreeSet<&str> = BTreeSet::new();
    match model.kind {
        ModelKind::Chat => has.extend(CHAT),
        ModelKind::Embedding => has.extend(["embeddings"]),
        ModelKind::Other => {}
    }
    if model.kind != ModelKind::Other {
        has.extend(
            INPUTS
                .iter()
                .filter(|(modality, _)| model.input_modalities.iter().any(|m| m == modality))
                .map(|(_, c)| c),
        );
    }
    if model.kind == ModelKind::Chat {
        chat(node, model, &mut has);
    }
    unsupported(node, &mut has, sink);
    by_name(node, &mut has, sink);
    model.capabilities = has.into_iter().map(str::to_owned).collect();
}

fn chat(node: &Node, model: &Model, has: &mut BTreeSet<&'static str>) {
    if flag(node, "supports_function_calling") == Some(true) {
        has.extend(["tools", "tool_choice", "parallel_tools"]);
    }
    if model.prices.cache_read.is_some() || model.prices.cache_write.is_some() {
        has.insert("prompt_cache");
    }
    reasoning(node, model, has);
    for modality in &model.output_modalities {
        match modality.as_str() {
            "image" => has.insert("image_output"),
            "audio" => has.insert("audio_output"),
            _ => false,
        };
    }
    for (field, capability) in FLAGS {
        match flag(node, field) {
            Some(true) => has.insert(capability),
            Some(false) => has.remove(capability),
            None => false,
        };
    }
}

/// A model that reasons takes levels if it lists some, a budget if it has one, and levels if it says neither.
fn reasoning(node: &Node, model: &Model, has: &mut BTreeSet<&'static str>) {
    let (levels, budget) = (!model.reasoning_efforts.is_empty(), model.reasoning_budget.is_some());
    let reasons = flag(node, "supports_reasoning").unwrap_or(levels || budget);
    if !reasons {
        return;
    }
    has.insert("reasoning");
    if levels || !budget {
        has.insert("reasoning_effort");
    }
    if budget {
        has.insert("reasoning_budget");
    }
}

/// Modalities as they are listed, or text and what the `supports_…` fields say.
fn modalities(node: &Node, model: &mut Model, sink: &mut Sink) {
    let listed = |side: &str| -> Option<Vec<String>> {
        let modalities = node.get("modalities")?;
        modalities.get(side)?.as_seq()?;
        Some(texts(modalities, side).into_iter().map(|(text, _)| text.to_owned()).collect())
    };
    let text = || vec!["text".to_owned()];
    model.output_modalities =
        listed("output").unwrap_or_else(|| if model.kind == ModelKind::Chat { text() } else { Vec::new() });
    let Some(input) = listed("input") else {
        model.input_modalities = text();
        let flagged = |(_, capability): &&(&str, &str)| {
            field_of(capability).and_then(|field| flag(node, field)) == Some(true)
        };
        model
            .input_modalities
            .extend(INPUTS.iter().filter(flagged).map(|(modality, _)| (*modality).to_owned()));
        return;
    };
    for (modality, capability) in INPUTS {
        let Some(entry) = field_of(capability).and_then(|field| node.entry(field)) else { continue };
        let lists = input.iter().any(|listed| listed == modality);
        if let Some(says) = as_flag(&entry.value)
            && says != lists
        {
            contradiction(node, entry.value.span, &entry.key, modality, lists, sink);
        }
    }
    model.input_modalities = input;
}

fn field_of(capability: &str) -> Option<&'static str> {
    FLAGS.iter().find(|(_, known)| *known == capability).map(|(field, _)| *field)
}

fn contradiction(node: &Node, span: Span, field: &str, modality: &str, lists: bool, sink: &mut Sink) {
    let other = node
        .get("modalities")
        .and_then(|modalities| modalities.get("input"))
        .map_or(span, |input| input.span);
    let what = if lists { format!("`{modality}` is listed") } else { format!("`{modality}` is not listed") };
    sink.push(
        Diagnostic::error("TW0233", span, format!("`{field}` and `modalities` contradict each other"))
            .label("says otherwise")
            .related(other, what)
            .help("say it in one of them"),
    );
}

fn unsupported(node: &Node, has: &mut BTreeSet<&'static str>, sink: &mut Sink) {
    for (name, span) in texts(node, "unsupported_parameters") {
        match PARAMETERS.iter().find(|(known, _)| *known == name) {
            Some((_, lost)) => lost.iter().for_each(|capability| {
                has.remove(capability);
            }),
            None => sink.push(
                Diagnostic::error("TW0225", span, format!("there is no request parameter `{name}`"))
                    .label("unknown parameter")
                    .suggest(name, PARAMETERS.iter().map(|(known, _)| *known)),
            ),
        }
    }
}

/// `capabilities`, as a mapping or as a list with signs.
fn by_name(node: &Node, has: &mut BTreeSet<&'static str>, sink: &mut Sink) {
    let Some(node) = node.get("capabilities") else { return };
    for entry in node.as_map().unwrap_or_default() {
        if let Some(on) = as_flag(&entry.value) {
            switch(&entry.key, entry.key_span, on, has, sink);
        }
    }
    for (word, span) in node.as_seq().unwrap_or_default().iter().filter_map(as_text) {
        switch(word.trim_start_matches(['+', '-']), span, !word.starts_with('-'), has, sink);
    }
}

fn switch(name: &str, span: Span, on: bool, has: &mut BTreeSet<&'static str>, sink: &mut Sink) {
    let Some((known, _)) = CAPABILITIES.iter().find(|(known, _)| *known == name) else {
        return sink.push(
            Diagnostic::error("TW0224", span, format!("there is no capability `{name}`"))
                .label("unknown capability")
                .suggest(name, CAPABILITIES.iter().map(|(known, _)| *known)),
        );
    };
    match on {
        true => has.insert(known),
        false => has.remove(known),
    };
}
