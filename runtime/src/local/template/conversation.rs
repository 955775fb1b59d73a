//! The request as the variables that templates read: `messages`, `tools` and what stands beside them, in the form that
//! `apply_chat_template` of Python's `transformers` gives them.

use std::collections::HashMap;
use std::time::UNIX_EPOCH;

use minijinja::{ErrorKind, Value};
use serde_json::{Map, Value as Json, json};

use super::{Takes, TemplateError, TemplateInput, time};
use crate::chat::{ChatRequest, Effort, Message, Part, ReasoningConfig, Role, ToolChoice, ToolDefinition};

pub(super) fn context(
    request: &ChatRequest,
    input: &TemplateInput,
    takes: Takes,
) -> Result<Value, TemplateError> {
    let mut variables = Map::new();
    variables.insert("messages".to_owned(), Json::Array(messages(request, takes)?));
    variables.insert("tools".to_owned(), tools(request, takes)?);
    variables.insert("documents".to_owned(), documents(input, takes)?);
    variables.insert("add_generation_prompt".to_owned(), Json::Bool(input.add_generation_prompt));
    let tokens = [("bos_token", &input.bos_token), ("eos_token", &input.eos_token)];
    let tokens = tokens.into_iter().filter_map(|(name, token)| Some((name, token.as_deref()?)));
    tokens.for_each(|(name, token)| drop(variables.insert(name.to_owned(), Json::from(token))));
    reasoning(request, &mut variables);
    for (name, value) in &input.variables {
        variables.insert(name.clone(), value.clone());
    }
    let now = seconds(input);
    let variables = variables.into_iter().map(|(name, value)| (name, converted(value)));
    let clock = Value::from_function(move |format: String| strftime(now, &format));
    Ok(Value::from_pairs(variables.chain([("strftime_now".to_owned(), clock)])))
}

fn strftime(now: i64, format: &str) -> Result<String, minijinja::Error> {
    time::strftime(now, format).map_err(|error| minijinja::Error::new(ErrorKind::InvalidOperation, error))
}

/// A tree of JSON as the template language holds it.
fn converted(value: Json) -> Value {
    match value {
        Json::Null => Value::from(()),
        Json::Bool(flag) => Value::from(flag),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => Value::from(number),
            (_, Some(number), _) => Value::from(number),
            (.., number) => Value::from(number.unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::from(text),
        Json::Array(items) => Value::from(items.into_iter().map(converted).collect::<Vec<_>>()),
        Json::Object(entries) => {
            Value::from_pairs(entries.into_iter().map(|(key, value)| (key, converted(value))))
        }
    }
}

fn seconds(input: &TemplateInput) -> i64 {
    let utc = match input.now.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(0),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(0, |seconds| -seconds),
    };
    utc.saturating_add(i64::from(input.utc_offset))
}

/// Templates know a switch, and some a level.
fn reasoning(request: &ChatRequest, variables: &mut Map<String, Json>) {
    let Some(config) = &request.reasoning else { return };
    let off = matches!(config, ReasoningConfig::Disabled | ReasoningConfig::Effort(Effort::None));
    variables.insert("enable_thinking".to_owned(), Json::Bool(!off));
    if let ReasoningConfig::Effort(level) = config {
        variables.insert("reasoning_effort".to_owned(), Json::from(level.as_str()));
    }
}

fn documents(input: &TemplateInput, takes: Takes) -> Result<Json, TemplateError> {
    match input.documents.is_empty() {
        true => Ok(Json::Null),
        false if !takes.documents => Err(TemplateError::NotTaken { what: "documents" }),
        false => Ok(Json::Array(input.documents.clone())),
    }
}

fn tools(request: &ChatRequest, takes: Takes) -> Result<Json, TemplateError> {
    if request.tools.is_empty() || request.tool_choice == Some(ToolChoice::None) {
        return Ok(Json::Null);
    }
    if !takes.tools {
        return Err(TemplateError::NotTaken { what: "tools" });
    }
    request.tools.iter().map(tool).collect::<Result<Vec<_>, _>>().map(Json::Array)
}

fn tool(tool: &ToolDefinition) -> Result<Json, TemplateError> {
    let ToolDefinition::Function(tool) = tool else {
        return Err(TemplateError::NotTaken { what: "tools that a provider runs" });
    };
    let mut function = Map::from_iter([("name".to_owned(), Json::from(tool.name.as_str()))]);
    if let Some(description) = &tool.description {
        function.insert("description".to_owned(), Json::from(description.as_str()));
    }
    let schema = tool.schema.as_ref().and_then(|schema| serde_json::from_str(schema.as_str()).ok());
    let schema = schema.unwrap_or_else(|| json!({"type": "object", "properties": {}}));
    function.insert("parameters".to_owned(), schema);
    Ok(json!({"type": "function", "function": function}))
}

fn messages(request: &ChatRequest, takes: Takes) -> Result<Vec<Json>, TemplateError> {
    let mut names = HashMap::new();
    let mut messages = Vec::new();
    for message in &request.messages {
        for part in &message.parts {
            if let Part::ToolCall(call) = part {
                names.insert(call.id.as_str(), call.name.as_str());
            }
        }
        results(message, &names, takes, &mut messages)?;
        if message.role != Role::Tool {
            messages.extend(spoken(message, takes)?);
        }
    }
    Ok(messages)
}

/// Results of tools are messages of their own, one each.
fn results(
    message: &Message,
    names: &HashMap<&str, &str>,
    takes: Takes,
    messages: &mut Vec<Json>,
) -> Result<(), TemplateError> {
    for part in &message.parts {
        match part {
            Part::ToolResult(_) if !takes.tool_results => {
                return Err(TemplateError::NotTaken { what: "results of tools" });
            }
            Part::ToolResult(result) => {
                let mut entry = Map::new();
                entry.insert("role".to_owned(), Json::from("tool"));
                if let Some(name) = names.get(result.call_id.as_str()) {
                    entry.insert("name".to_owned(), Json::from(*name));
                }
                entry.insert("tool_call_id".to_owned(), Json::from(result.call_id.as_str()));
                entry.insert("content".to_owned(), Json::from(text(&result.content)?));
                messages.push(Json::Object(entry));
            }
            // What else a message of this role says cannot be told from a result.
            _ if message.role == Role::Tool => {
                return Err(TemplateError::NotTaken { what: "text of a tool without a call" });
            }
            _ => {}
        }
    }
    Ok(())
}

/// What the message itself says; nothing, if it held results of tools alone.
fn spoken(message: &Message, takes: Takes) -> Result<Option<Json>, TemplateError> {
    let own = |part: &&Part| !matches!(part, Part::ToolResult(_));
    let parts: Vec<Part> = message.parts.iter().filter(own).cloned().collect();
    if parts.is_empty() && !message.parts.is_empty() {
        return Ok(None);
    }
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    let mut entry = Map::new();
    entry.insert("role".to_owned(), Json::from(role));
    if let Some(name) = &message.name {
        entry.insert("name".to_owned(), Json::from(name.as_str()));
    }
    entry.insert("content".to_owned(), Json::from(text(&parts)?));
    let thought = thought(&parts);
    if !thought.is_empty() {
        entry.insert("reasoning_content".to_owned(), Json::from(thought.as_str()));
        entry.insert("thinking".to_owned(), Json::from(thought));
    }
    let calls = calls(&parts);
    if !calls.is_empty() {
        if !takes.tool_calls {
            return Err(TemplateError::NotTaken { what: "calls of tools" });
        }
        entry.insert("tool_calls".to_owned(), Json::Array(calls));
    }
    Ok(Some(Json::Object(entry)))
}

/// The text of the parts, which follow each other as they stand.
fn text(parts: &[Part]) -> Result<String, TemplateError> {
    let mut joined = String::new();
    for part in parts {
        let what = match part {
            Part::Text(text) | Part::Refusal(text) => {
                joined.push_str(&text.text);
                continue;
            }
            Part::Reasoning(_) | Part::ToolCall(_) | Part::ToolResult(_) => continue,
            Part::Image(_) => "images",
            Part::Audio(_) => "sound",
            Part::File(_) => "documents",
            Part::Raw(_) => "parts of another provider",
        };
        return Err(TemplateError::NotTaken { what });
    }
    Ok(joined)
}

fn thought(parts: &[Part]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Reasoning(reasoning) => Some(reasoning.text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// Arguments are a tree where they are JSON, for templates print them in their own way.
fn calls(parts: &[Part]) -> Vec<Json> {
    let call = |part: &Part| {
        let Part::ToolCall(call) = part else { return None };
        let written = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
        let arguments = serde_json::from_str(written).unwrap_or_else(|_| Json::from(call.arguments.as_str()));
        let function = json!({"name": call.name, "arguments": arguments});
        Some(json!({"type": "function", "id": call.id, "function": function}))
    };
    parts.iter().filter_map(call).collect()
}
