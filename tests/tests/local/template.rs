//! Chat templates against what Python's jinja2 prints for the same templates and conversations, set up as `transformers`
//! sets it up.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;
use typewright_runtime::chat::{
    ChatRequest, FunctionTool, Media, Message, Part, Reasoning, ReasoningConfig, Role, ToolCall,
    ToolDefinition, ToolResult,
};
use typewright_runtime::json::RawJson;
use typewright_runtime::local::template::{
    ChatTemplate, IM_START, TemplateError, TemplateInput, TemplateLimits,
};

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn message(message: &Value) -> Message {
    let role = match message["role"].as_str().unwrap() {
        "system" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        _ => Role::Tool,
    };
    let mut parts = Vec::new();
    if let Some(text) = message["reasoning"].as_str() {
        parts.push(Part::Reasoning(Reasoning { text: text.to_owned(), ..Reasoning::default() }));
    }
    if role != Role::Tool {
        parts.push(Part::text(text(&message["text"])));
    }
    parts.extend(list(&message["calls"]).map(|call| {
        let (id, name, arguments) = (text(&call["id"]), text(&call["name"]), call["arguments"].to_string());
        Part::ToolCall(ToolCall { id, name, arguments, ..ToolCall::default() })
    }));
    parts.extend(list(&message["results"]).map(|result| {
        let content = vec![Part::text(text(&result["text"]))];
        Part::ToolResult(ToolResult { call_id: text(&result["id"]), content, ..ToolResult::default() })
    }));
    Message { role, name: None, parts }
}

fn request(conversation: &Value) -> ChatRequest {
    let mut request = ChatRequest::new("m");
    request.messages = list(&conversation["messages"]).map(message).collect();
    let tool = |tool: &Value| {
        ToolDefinition::Function(FunctionTool {
            name: text(&tool["name"]),
            description: tool["description"].as_str().map(str::to_owned),
            schema: Some(RawJson::new(tool["parameters"].to_string()).unwrap()),
            strict: None,
            cache: None,
        })
    };
    request.tools = list(&conversation["tools"]).map(tool).collect();
    request.reasoning = conversation["thinking"].as_bool().map(|on| match on {
        true => ReasoningConfig::Enabled,
        false => ReasoningConfig::Disabled,
    });
    request
}

fn input(conversation: &Value) -> TemplateInput {
    TemplateInput {
        bos_token: Some(if conversation["bos"] == true { "<s>" } else { "" }.to_owned()),
        eos_token: Some("</s>".to_owned()),
        add_generation_prompt: conversation["prompt"] != false,
        now: UNIX_EPOCH + Duration::from_secs(1_721_977_503),
        utc_offset: 7200,
        ..TemplateInput::default()
    }
}

fn read(source: &str) -> ChatTemplate {
    ChatTemplate::new(source, TemplateLimits::default()).unwrap()
}

#[test]
fn prompts_are_those_of_python() {
    let file: Value = serde_json::from_str(include_str!("template/goldens.json")).unwrap();
    let mut wrong = Vec::new();
    let (mut equal, mut refused) = (0, 0);
    for case in list(&file["expected"]) {
        let (name, conversation) =
            (text(&case["template"]), &file["conversations"][text(&case["conversation"])]);
        let source = text(&file["templates"][&name]);
        let got = read(&source).render(&request(conversation), &input(conversation));
        match (got, case["text"].as_str()) {
            (Ok(got), Some(expected)) if got == expected => equal += 1,
            (Err(TemplateError::Refused { message }), None) if message == text(&case["refused"]) => {
                refused += 1
            }
            // Python drops what the template has no place for.
            (Err(TemplateError::NotTaken { what: "tools" }), _) if !source.contains(" tools ") => {}
            (Err(TemplateError::NotTaken { what: "calls of tools" }), _)
                if !source.contains("tool_calls") => {}
            (got, expected) => wrong.push((name, text(&case["conversation"]), got, expected)),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(equal > 40 && refused > 3, "{equal} {refused}");
}

fn refusal(source: &str, request: &ChatRequest) -> String {
    read(source).render(request, &TemplateInput::default()).unwrap_err().to_string()
}

#[test]
fn what_a_template_has_no_place_for_is_an_error_that_names_it() {
    let mut request = ChatRequest::new("m");
    request.messages.push(Message::text(Role::User, "look"));
    request.messages[0].parts.push(Part::Image(Media::url("https://example.org/a.png")));
    assert!(refusal(IM_START, &request).contains("images"));
    request.messages[0].parts.pop();
    request.tools.push(ToolDefinition::Raw(RawJson::new("{}").unwrap()));
    assert!(refusal(IM_START, &request).contains("takes no tools"));
    assert!(refusal("{{ tools }}", &request).contains("a provider runs"));
    request.tools.clear();
    let call = ToolCall { id: "1".to_owned(), name: "f".to_owned(), ..ToolCall::default() };
    request.messages.push(Message { role: Role::Assistant, name: None, parts: vec![Part::ToolCall(call)] });
    assert!(refusal(IM_START, &request).contains("calls of tools"));
    let documents = TemplateInput { documents: vec![Value::from("d")], ..TemplateInput::default() };
    let error = read(IM_START).render(&ChatRequest::new("m"), &documents).unwrap_err();
    assert!(error.to_string().contains("documents"));
}

#[test]
fn a_template_runs_within_its_limits() {
    let limits = TemplateLimits { steps: 10_000, output: 1000, depth: 20 };
    let run = |source: &str| {
        let template = ChatTemplate::new(source, limits).unwrap();
        template.render(&ChatRequest::new("m"), &TemplateInput::default()).unwrap_err()
    };
    let steps = run("{% for a in range(10000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}");
    assert!(matches!(steps, TemplateError::Limit { what: "steps", .. }), "{steps}");
    let output = run("{% for a in range(200) %}0123456789{% endfor %}");
    assert!(matches!(output, TemplateError::Limit { what: "bytes of text", .. }), "{output}");
    let depth = run("{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}");
    assert!(matches!(depth, TemplateError::Failed { .. }), "{depth}");
    let long = ChatTemplate::new(&" ".repeat(2 << 20), limits).unwrap_err();
    assert!(matches!(long, TemplateError::Limit { .. }));
    let malformed = ChatTemplate::new("{% if %}", limits).unwrap_err();
    assert!(matches!(malformed, TemplateError::Malformed { .. }), "{malformed}");
    assert!(matches!(run("{% include 'x' %}"), TemplateError::Failed { .. }));
}

#[test]
fn a_configuration_may_set_variables_of_one_template() {
    let variables = vec![("style".to_owned(), Value::from("terse"))];
    let input = TemplateInput { variables, ..TemplateInput::default() };
    let prompt = read("{{ style }} {{ reasoning_effort }}").render(&ChatRequest::new("m"), &input);
    assert_eq!(prompt.unwrap(), "terse ");
}
