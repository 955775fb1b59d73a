//! Checks a request against what is known of its model, before anything is sent. The compiler makes the same
//! checks for typed models; these are for models named at run time and for ready-made requests.

use crate::chat::{ChatRequest, Effort, Format, Part, ReasoningConfig};
use crate::error::{Error, Result};
use crate::model::{Capability, ChosenModel, ModelKind};

/// Refuses the first thing in `request` that `model` cannot do.
pub(super) fn chat(request: &ChatRequest, model: &ChosenModel, provider: &'static str) -> Result<()> {
    let refuse = |feature, reason| Err(Error::unsupported(provider, &model.id, feature, reason));
    if model.is_known() && model.provider != provider {
        return refuse("model", "it is a model of another provider");
    }
    if model.kind == ModelKind::Embedding {
        return refuse("chat", "the model makes embeddings only");
    }
    let lacking = needs(request).find(|(capability, _)| !model.can(*capability));
    lacking.map_or(Ok(()), |(_, (feature, reason))| refuse(feature, reason))
}

/// Refuses a model that makes no vectors, or is of another provider.
pub(super) fn embed(model: &ChosenModel, provider: &'static str) -> Result<()> {
    let refuse = |feature, reason| Err(Error::unsupported(provider, &model.id, feature, reason));
    if model.is_known() && model.provider != provider {
        return refuse("model", "it is a model of another provider");
    }
    if !model.can(Capability::Embeddings) {
        return refuse("embeddings", "the model makes no embeddings");
    }
    Ok(())
}

type Need = (Capability, (&'static str, &'static str));

/// What the request needs, in the order of its fields.
fn needs(request: &ChatRequest) -> impl Iterator<Item = Need> {
    let parts = request.parts().flat_map(with_contents).filter_map(part_need);
    let fields = [
        (!request.tools.is_empty())
            .then_some((Capability::Tools, ("tools", "the model does not call tools"))),
        format_need(request.format.as_ref()),
        request.reasoning.as_ref().and_then(reasoning_need),
        sampling_need(request),
        (!request.stop.is_empty())
            .then_some((Capability::StopSequences, ("stop", "the model takes no stop texts"))),
        (request.logprobs == Some(true) || request.top_logprobs.is_some())
            .then_some((Capability::Logprobs, ("logprobs", "the model returns no log probabilities"))),
    ];
    parts.chain(fields.into_iter().flatten())
}

/// A part and, if it is the result of a tool, what that holds.
fn with_contents(part: &Part) -> impl Iterator<Item = &Part> {
    let inside: &[Part] = if let Part::ToolResult(result) = part { &result.content } else { &[] };
    std::iter::once(part).chain(inside)
}

fn part_need(part: &Part) -> Option<Need> {
    Some(match part {
        Part::Image(_) => (Capability::Vision, ("image", "the model does not accept images")),
        Part::Audio(_) => (Capability::AudioInput, ("audio", "the model does not accept audio")),
        Part::File(_) => (Capability::Documents, ("document", "the model does not accept documents")),
        _ => return None,
    })
}

fn format_need(format: Option<&Format>) -> Option<Need> {
    Some(match format? {
        Format::Schema(_) => (Capability::StructuredOutput, ("schema", "the model takes no JSON Schema")),
        Format::Json => (Capability::JsonMode, ("json", "the model has no JSON mode")),
        Format::Text => return None,
    })
}

fn reasoning_need(config: &ReasoningConfig) -> Option<Need> {
    match config {
        ReasoningConfig::Disabled | ReasoningConfig::Effort(Effort::None) => None,
        _ => Some((Capability::Reasoning, ("reasoning", "the model does not reason before it answers"))),
    }
}

fn sampling_need(request: &ChatRequest) -> Option<Need> {
    let set = [
        (request.temperature.is_some(), "temperature"),
        (request.top_p.is_some(), "top_p"),
        (request.top_k.is_some(), "top_k"),
    ];
    let feature = set.into_iter().find(|(set, _)| *set)?.1;
    Some((Capability::Sampling, (feature, "the model takes no sampling parameters")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Media, Message, Role, ToolResult};
    use crate::model::{Capabilities, Model};

    static TEXT_ONLY: Model = Model::new("acme", "text-1");
    static ABLE: Model = Model { capabilities: Capabilities::ALL, ..Model::new("acme", "able-1") };

    fn refused(request: &ChatRequest, model: &'static Model, provider: &'static str) -> Option<String> {
        match chat(request, &ChosenModel::listed(model), provider) {
            Err(Error::Unsupported(refusal)) => Some(refusal.feature.into_owned()),
            _ => None,
        }
    }

    fn with_part(part: Part) -> ChatRequest {
        let message = Message { role: Role::User, name: None, parts: vec![part] };
        ChatRequest { messages: vec![message], ..ChatRequest::new("m") }
    }

    #[test]
    fn what_a_model_cannot_do_is_refused_by_name() {
        let image = || Part::Image(Media::url("https://x/y.png"));
        let nested = ToolResult { content: vec![image()], ..ToolResult::default() };
        let cases = [
            ("image", with_part(image())),
            ("image", with_part(Part::ToolResult(nested))),
            ("document", with_part(Part::File(Media::url("x")))),
            ("json", ChatRequest { format: Some(Format::Json), ..ChatRequest::new("m") }),
            ("top_p", ChatRequest { top_p: Some(0.5), ..ChatRequest::new("m") }),
            ("stop", ChatRequest { stop: vec!["x".into()], ..ChatRequest::new("m") }),
            ("logprobs", ChatRequest { top_logprobs: Some(1), ..ChatRequest::new("m") }),
            ("reasoning", ChatRequest { reasoning: Some(ReasoningConfig::Enabled), ..ChatRequest::new("m") }),
        ];
        for (feature, request) in cases {
            assert_eq!(refused(&request, &TEXT_ONLY, "acme").as_deref(), Some(feature));
            assert_eq!(refused(&request, &ABLE, "acme"), None);
        }
    }

    #[test]
    fn a_model_of_another_provider_is_refused_and_reasoning_may_be_off() {
        assert_eq!(refused(&ChatRequest::new("m"), &ABLE, "other").as_deref(), Some("model"));
        let off = ChatRequest { reasoning: Some(ReasoningConfig::Disabled), ..ChatRequest::new("m") };
        assert_eq!(refused(&off, &TEXT_ONLY, "acme"), None);
    }
}
