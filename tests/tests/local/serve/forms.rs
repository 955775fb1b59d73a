//! Structured output of a model of random weights that answers many at once: each is valid, calls of tools included.

use std::collections::{HashSet, VecDeque};

use jsonschema::Validator;
use serde_json::Value;
use typewright_runtime::chat::{
    ChatRequest, ChatResponse, FinishReason, Format, FunctionTool, SchemaFormat, ToolChoice, ToolDefinition,
};
use typewright_runtime::json::RawJson;
use typewright_runtime::local::serve::{Config, Server};

use super::{heard, loaded_for};
use crate::chat::model::request;
use crate::constrained::SCHEMAS;

const STREAMS: usize = 32;

/// A request that asks for an answer of a schema: as its text, or as the arguments of a call.
fn asked(at: usize) -> ChatRequest {
    let schema = RawJson::new(SCHEMAS[at % SCHEMAS.len()]).unwrap();
    let common = ChatRequest {
        seed: Some(at as i64),
        max_tokens: None,
        logit_bias: Vec::new(),
        temperature: Some(0.5 + (at % 7) as f64 / 10.0),
        ..request("Go on")
    };
    if !is_call(at) {
        let format = SchemaFormat { name: None, description: None, schema, strict: Some(true) };
        return ChatRequest { format: Some(Format::Schema(format)), ..common };
    }
    let tool = FunctionTool {
        name: "note".to_owned(),
        description: None,
        schema: Some(schema),
        strict: None,
        cache: None,
    };
    ChatRequest {
        tools: vec![ToolDefinition::Function(tool)],
        tool_choice: Some(ToolChoice::Required),
        parallel_tool_calls: Some(false),
        ..common
    }
}

/// Arguments are objects.
fn is_call(at: usize) -> bool {
    at.is_multiple_of(SCHEMAS.len()) && at / SCHEMAS.len() % 2 == 1
}

fn check(at: usize, response: &ChatResponse, validators: &[Validator], different: &mut HashSet<String>) {
    let text = if is_call(at) {
        assert_eq!(response.finish, Some(FinishReason::ToolCalls), "{at}: {response:?}");
        response.tool_calls().next().unwrap().arguments.to_string()
    } else {
        assert_eq!(response.finish, Some(FinishReason::Stop), "{at}: {response:?}");
        response.text()
    };
    let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{at}: {error}: {text}"));
    assert!(validators[at % SCHEMAS.len()].is_valid(&value), "{at}: {text}");
    different.insert(text);
}

fn all_are_valid(count: usize) {
    let validators: Vec<Validator> = SCHEMAS
        .iter()
        .map(|schema| jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap())
        .collect();
    let config = Config { streams: STREAMS, ..Config::default() };
    let server = Server::start(loaded_for(64 << 20, 4096), config).unwrap();
    let mut under_way = VecDeque::new();
    let mut different = HashSet::new();
    for at in 0..count + STREAMS {
        if at >= STREAMS {
            let (at, answers) = under_way.pop_front().unwrap();
            check(at, &heard(answers), &validators, &mut different);
        }
        if at < count {
            under_way.push_back((at, server.try_answer(&asked(at)).unwrap()));
        }
    }
    assert!(different.len() > count / 4, "{} different answers", different.len());
    let statistics = server.statistics();
    println!("{count} answers of {} tokens, all valid", statistics.answer_tokens);
}

#[test]
fn answers_of_many_streams_are_valid() {
    all_are_valid(150);
}

#[test]
#[ignore = "takes minutes without optimisation"]
fn ten_thousand_answers_of_a_model_are_valid() {
    all_are_valid(10_000);
}
