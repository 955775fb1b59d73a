//! A tool from its Rust type to the model and back, over two wires that write it differently.

use serde_json::json;
use typewright_runtime::chat::{
    ChatResponse, FinishReason, Message, Part, Role, Tool, ToolChoice, ToolResult,
};
use typewright_runtime::json::RawJson;

use super::{HELLO, anthropic, delta, finish, openai};
use crate::server::{Answer, Server};

struct Weather;

impl Tool for Weather {
    const NAME: &'static str = "weather";
    const DESCRIPTION: &'static str = "Weather of a town";

    fn schema() -> RawJson {
        RawJson::new(r#"{"type":"object","properties":{"town":{"type":"string"}}}"#).unwrap()
    }
}

/// The model's turn, and what the tool made of its only call.
fn turns(reply: &ChatResponse, said: &str) -> [Message; 2] {
    let results = reply.tool_calls().map(|call| ToolResult {
        call_id: call.id.clone(),
        content: vec![Part::text(said)],
        ..ToolResult::default()
    });
    let results = results.map(Part::ToolResult).collect();
    [
        Message { role: Role::Assistant, name: None, parts: reply.parts.clone() },
        Message { role: Role::Tool, name: None, parts: results },
    ]
}

#[tokio::test]
async fn two_calls_streamed_side_by_side_are_answered_in_a_history() {
    let call = |index: u32, id: &str, part: &str| {
        delta(&format!(r#"{{"tool_calls":[{{"index":{index},{id}"function":{{{part}}}}}]}}"#))
    };
    let stream = Answer::stream()
        .event(&call(0, r#""id":"t-0","type":"function","#, r#""name":"weather","arguments":"""#))
        .event(&call(0, "", r#""arguments":"{\"town\":""#))
        .event(&call(1, r#""id":"t-1","type":"function","#, r#""name":"weather","arguments":"{}""#))
        .event(&call(0, "", r#""arguments":"\"Oslo\"}""#))
        .event(&finish("tool_calls"))
        .event("[DONE]");
    let server = Server::new([stream, Answer::json(HELLO)]).await;
    let client = openai(&server);
    let ask = client.chat("m").user("Cold?").tool::<Weather>().tool_choice(ToolChoice::Required);
    let reply = ask.clone().stream().await.unwrap().collect().await.unwrap();
    let calls: Vec<_> = reply.tool_calls().map(|call| (call.id.as_str(), call.arguments.as_str())).collect();
    assert_eq!(calls, [("t-0", r#"{"town":"Oslo"}"#), ("t-1", "{}")]);
    assert_eq!(reply.finish, Some(FinishReason::ToolCalls));
    let offered = &server.body(0);
    assert_eq!(offered["tool_choice"], "required");
    let schema = json!({"type": "object", "properties": {"town": {"type": "string"}}});
    let function = json!({"name": "weather", "description": "Weather of a town", "parameters": schema});
    assert_eq!(offered["tools"], json!([{"type": "function", "function": function}]));
    ask.messages(turns(&reply, "4 °C")).send().await.unwrap();
    let called = |id: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": "weather", "arguments": arguments}});
    let wanted = json!([
        {"role": "user", "content": "Cold?"},
        {"role": "assistant", "tool_calls": [called("t-0", r#"{"town":"Oslo"}"#), called("t-1", "{}")]},
        {"role": "tool", "tool_call_id": "t-0", "content": "4 °C"},
        {"role": "tool", "tool_call_id": "t-1", "content": "4 °C"},
    ]);
    assert_eq!(server.body(1)["messages"], wanted);
}

#[tokio::test]
async fn the_same_tool_over_a_wire_of_typed_blocks() {
    let answer = r#"{"id":"m-1","type":"message","role":"assistant","model":"m","content":[
        {"type":"thinking","thinking":"Hm.","signature":"s3al"},{"type":"text","text":"I look."},
        {"type":"tool_use","id":"t-0","name":"weather","input":{"town":"Oslo"}}],
        "stop_reason":"tool_use","usage":{"input_tokens":3,"output_tokens":1}}"#;
    let server = Server::new([Answer::json(answer), Answer::json(answer)]).await;
    let ask = anthropic(&server).chat("m").user("Cold?").tool::<Weather>().max_tokens(9);
    let reply = ask.clone().send().await.unwrap();
    assert_eq!(reply.tool_calls().next().unwrap().arguments, r#"{"town":"Oslo"}"#);
    ask.messages(turns(&reply, "4 °C")).send().await.unwrap();
    let sent = server.body(1);
    let wanted = json!([
        {"role": "user", "content": "Cold?"},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "s3al"},
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "t-0", "name": "weather", "input": {"town": "Oslo"}},
        ]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t-0", "content": "4 °C"}]},
    ]);
    assert_eq!(sent["messages"], wanted);
    let schema = json!({"type": "object", "properties": {"town": {"type": "string"}}});
    assert_eq!(
        sent["tools"],
        json!([{"name": "weather", "description": "Weather of a town", "input_schema": schema}])
    );
}
