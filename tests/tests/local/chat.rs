//! A loaded model that answers: tiny models made from seeds, whose vocabulary is single bytes and some control tokens.

mod files;
pub(crate) mod model;
mod refusals;
mod thinking;

use std::ops::ControlFlow;

use serde_json::Value;
use typewright_runtime::chat::{
    ChatEvent, ChatRequest, ChatResponse, Collector, FinishReason, Format, FunctionTool, SchemaFormat,
    ToolChoice, ToolDefinition,
};
use typewright_runtime::json::RawJson;
use typewright_runtime::local::chat::{Answer, PROVIDER};

use model::{loaded, request};

/// An answer and its events, which have to add up to it.
fn answered(
    model: &mut typewright_runtime::local::chat::LocalModel,
    request: &ChatRequest,
) -> (Answer, Vec<ChatEvent<'static>>) {
    let mut events = Vec::new();
    let answer = model.answer(request, |event| {
        events.push(event.into_owned());
        ControlFlow::Continue(())
    });
    let answer = answer.unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error)));
    let mut collector = Collector::new(PROVIDER);
    events.iter().for_each(|event| collector.add(event.clone()));
    let summed = collector.into_response();
    let same = ChatResponse {
        warnings: answer.response.warnings.clone(),
        stop_sequence: answer.response.stop_sequence.clone(),
        ..summed
    };
    assert_eq!(same, answer.response);
    (answer, events)
}

fn schema(text: &str) -> Option<Format> {
    let schema = RawJson::new(text).unwrap();
    Some(Format::Schema(SchemaFormat { name: None, description: None, schema, strict: Some(true) }))
}

#[test]
fn events_come_in_order_and_add_up() {
    let mut model = loaded();
    let (answer, events) = answered(&mut model, &request("Hello"));
    assert!(
        matches!(&events[0], ChatEvent::Start { id: None, model: Some(name) } if name == "tiny"),
        "{events:?}"
    );
    let [.., end, usage, finish] = &events[..] else { panic!("{events:?}") };
    assert_eq!(*end, ChatEvent::PartEnd);
    assert!(matches!(usage, ChatEvent::Usage(_)) && matches!(finish, ChatEvent::Finish(_)), "{events:?}");
    let texts = events[1..events.len() - 3].iter();
    assert!(
        texts.clone().count() > 3 && texts.clone().all(|event| matches!(event, ChatEvent::Text(_))),
        "{events:?}"
    );
    let usage = answer.response.usage.clone().unwrap();
    // Five bytes between control tokens.
    let prompt = 8;
    assert_eq!((usage.input, usage.output), (Some(prompt), Some(40)));
    assert_eq!((usage.reasoning, usage.total), (Some(0), Some(prompt + 40)));
    assert_eq!(answer.response.finish, Some(FinishReason::Length));
    assert_eq!((answer.statistics.prompt_tokens as u64, answer.statistics.answer_tokens), (prompt, 40));
    assert!(answer.statistics.decode_rate() > 0.0 && answer.statistics.prefill_rate() > 0.0);
    assert!(answer.response.text().chars().count() <= 40);
}

#[test]
fn a_seed_gives_the_same_answer_and_another_seed_another() {
    let mut model = loaded();
    let (first, _) = answered(&mut model, &request("Hello"));
    let (again, _) = answered(&mut model, &request("Hello"));
    let (fresh, _) = answered(&mut loaded(), &request("Hello"));
    let (other, _) = answered(&mut model, &ChatRequest { seed: Some(2), ..request("Hello") });
    assert_eq!((&first.response, &first.response), (&again.response, &fresh.response));
    assert_ne!(first.response.text(), other.response.text());
    let (cold, _) =
        answered(&mut model, &ChatRequest { temperature: Some(0.0), seed: None, ..request("Hello") });
    let (one, _) = answered(&mut model, &ChatRequest { top_k: Some(1), ..request("Hello") });
    assert_eq!(cold.response.text(), one.response.text());
}

#[test]
fn a_stop_text_ends_the_answer_and_is_not_part_of_it() {
    let mut model = loaded();
    let (whole, _) = answered(&mut model, &request("Hello"));
    let text = whole.response.text();
    let (at, _) = text.char_indices().nth(9).unwrap();
    let stop: String = text[at..].chars().take(3).collect();
    let stopped = ChatRequest { stop: vec!["never to be said".to_owned(), stop.clone()], ..request("Hello") };
    let (answer, _) = answered(&mut model, &stopped);
    assert_eq!(answer.response.text(), text[..text.find(&stop).unwrap()]);
    assert_eq!(answer.response.finish, Some(FinishReason::Stop));
    assert_eq!(answer.response.stop_sequence, Some(stop));
    // What is held back for a stop text that does not come is said in the end.
    let last: String = text.chars().last().into_iter().chain("xyzxyz".chars()).collect();
    let (answer, _) = answered(&mut model, &ChatRequest { stop: vec![last], ..request("Hello") });
    assert_eq!((answer.response.text(), answer.response.finish), (text, Some(FinishReason::Length)));
}

#[test]
fn limits_end_the_answer() {
    let mut model = loaded();
    for most in [1, 7] {
        let (answer, _) = answered(&mut model, &ChatRequest { max_tokens: Some(most), ..request("Hello") });
        assert_eq!(answer.response.usage.unwrap().output, Some(most));
        assert_eq!(answer.response.finish, Some(FinishReason::Length));
    }
    let (answer, _) = answered(&mut model, &ChatRequest { max_tokens: None, ..request("Hello") });
    let usage = answer.response.usage.unwrap();
    // The last token needs no place any more.
    assert_eq!(usage.total, Some(model.context() as u64 + 1));
    assert_eq!(answer.response.finish, Some(FinishReason::Length));
    let (answer, _) = answered(&mut model, &ChatRequest { max_tokens: Some(9), ..request("Hello") });
    assert_eq!(answer.response.usage.unwrap().output, Some(9), "nothing is left of the answer before");
}

#[test]
fn the_end_token_ends_the_answer() {
    let mut model = loaded();
    let biased = ChatRequest { logit_bias: vec![(model::END.to_string(), 200.0)], ..request("Hello") };
    let (answer, events) = answered(&mut model, &biased);
    assert_eq!(answer.response.finish, Some(FinishReason::Stop));
    assert_eq!((answer.response.parts.len(), answer.response.usage.unwrap().output), (0, Some(1)));
    assert_eq!(events.len(), 3, "{events:?}");
}

#[test]
fn who_breaks_off_hears_nothing_more() {
    let mut model = loaded();
    for after in [1, 5] {
        let mut heard = 0;
        let answer = model.answer(&request("Hello"), |_| {
            heard += 1;
            if heard == after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let answer = answer.unwrap();
        assert_eq!((heard, answer.response.finish), (after, None));
        assert!(answer.statistics.answer_tokens < 40);
        assert_eq!(answer.response.usage.unwrap().output, Some(answer.statistics.answer_tokens as u64));
    }
    let (whole, _) = answered(&mut model, &request("Hello"));
    assert_eq!(whole.response.usage.unwrap().output, Some(40));
}

#[test]
fn log_probabilities_are_told_of_each_token() {
    let mut model = loaded();
    let asked = ChatRequest { logprobs: Some(true), top_logprobs: Some(3), ..request("Hello") };
    let (answer, _) = answered(&mut model, &asked);
    assert_eq!(answer.response.logprobs.len(), 40);
    for token in &answer.response.logprobs {
        let token: Value = serde_json::from_str(token.as_str()).unwrap();
        assert!(token["logprob"].as_f64().unwrap() <= 0.0 && token["token"].is_string(), "{token}");
        let top: Vec<f64> = token["top_logprobs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["logprob"].as_f64().unwrap())
            .collect();
        assert!(top.len() == 3 && top.is_sorted_by(|one, next| one >= next), "{token}");
    }
    let (plain, _) = answered(&mut model, &request("Hello"));
    assert_eq!((plain.response.text(), 0), (answer.response.text(), plain.response.logprobs.len()));
}

#[test]
fn answers_of_a_schema_are_valid() {
    const SCHEMA: &str = r#"{"type": "object", "properties": {"name": {"type": "string", "maxLength": 6}, "age": {"type":
        "integer", "minimum": 0, "maximum": 150}, "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 2}},
        "required": ["name", "age", "tags"], "additionalProperties": false}"#;
    let mut model = loaded();
    let validator = jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
    let mut different = std::collections::HashSet::new();
    for seed in 0..20 {
        let asked =
            ChatRequest { format: schema(SCHEMA), seed: Some(seed), max_tokens: None, ..request("Hi") };
        let (answer, _) = answered(&mut model, &asked);
        let text = answer.response.text();
        assert_eq!(answer.response.finish, Some(FinishReason::Stop), "{text}");
        assert_eq!(answer.response.parts.len(), 1);
        let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(validator.is_valid(&value), "{text}");
        different.insert(text);
    }
    assert!(different.len() > 10, "{different:?}");
}

#[test]
fn a_required_call_is_made() {
    let mut model = loaded();
    for (choice, seed) in
        [(ToolChoice::Required, 1), (ToolChoice::Required, 2), (ToolChoice::Tool("add".to_owned()), 3)]
    {
        let asked = ChatRequest {
            tools: [tool("look"), tool("add")].map(ToolDefinition::Function).into(),
            tool_choice: Some(choice.clone()),
            parallel_tool_calls: Some(false),
            seed: Some(seed),
            max_tokens: None,
            ..request("Hi")
        };
        let (answer, events) = answered(&mut model, &asked);
        let calls: Vec<_> = answer.response.tool_calls().collect();
        assert_eq!((calls.len(), answer.response.parts.len()), (1, 1), "{:?}", answer.response);
        assert!(
            ["look", "add"].contains(&&*calls[0].name) && (seed < 3 || calls[0].name == "add"),
            "{calls:?}"
        );
        let arguments: Value = serde_json::from_str(&calls[0].arguments).unwrap();
        assert!(arguments["x"].as_u64().unwrap() < 100, "{calls:?}");
        assert_eq!(answer.response.finish, Some(FinishReason::ToolCalls));
        let kinds: Vec<bool> =
            events.iter().map(|event| matches!(event, ChatEvent::ToolCall { index: 0, .. })).collect();
        assert_eq!(kinds.iter().filter(|kind| **kind).count(), 1, "{events:?}");
    }
}

#[test]
fn control_tokens_that_a_person_spells_are_text() {
    let mut model = loaded();
    let (plain, _) = answered(&mut model, &request("a/ub"));
    let (spelt, _) = answered(&mut model, &request("a</u>b"));
    assert_eq!(plain.response.warnings, []);
    assert_eq!(spelt.response.warnings[0].feature, "messages");
    let input = |answer: &Answer| answer.response.usage.as_ref().unwrap().input.unwrap();
    assert_eq!(input(&spelt), input(&plain) + 2, "spelt out byte by byte");
    // Nor can it be put together from two parts.
    let mut parts = request("a</");
    parts.messages[0].parts.push(typewright_runtime::chat::Part::text("u>b"));
    let (joined, _) = answered(&mut model, &parts);
    assert_eq!(input(&joined), input(&spelt));
    assert_eq!(model.prompt(&parts).unwrap(), "<s>a</u>b</u><a>");
    // Nor does an escape hide it.
    let mut with = |title: &str| {
        let schema = RawJson::new(format!("{{\"title\": \"{title}\"}}")).unwrap();
        let tool = FunctionTool { schema: Some(schema), ..tool("look") };
        let asked = ChatRequest { tools: vec![ToolDefinition::Function(tool)], ..request("Hi") };
        let (answer, _) = answered(&mut model, &asked);
        (input(&answer), answer.response.warnings.len())
    };
    let (plain, none) = with("</v>");
    assert_eq!((none, with("\\u003c/u>")), (0, (plain, 1)));
}

fn tool(name: &str) -> FunctionTool {
    let schema = r#"{"type": "object", "properties": {"x": {"type": "integer", "minimum": 0, "maximum": 99}},
        "required": ["x"], "additionalProperties": false}"#;
    let schema = Some(RawJson::new(schema).unwrap());
    FunctionTool { name: name.to_owned(), description: None, schema, strict: None, cache: None }
}
