//! A provider in ten lines: its file becomes a crate that builds and streams.

use std::process::Command;

use serde_json::json;
use typewright_tests::loopback::{self, Answer, Cuts};

use crate::built;

const STREAM: &str = concat!(
    r#"data: {"id":"c-1","object":"chat.completion.chunk","created":1,"model":"shiny-1","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#,
    "\n\n",
    r#"data: {"id":"c-1","object":"chat.completion.chunk","created":1,"model":"shiny-1","choices":[{"index":0,"delta":{"content":"Hel"}}]}"#,
    "\n\n",
    r#"data: {"id":"c-1","object":"chat.completion.chunk","created":1,"model":"shiny-1","choices":[{"index":0,"delta":{"content":"lo."},"finish_reason":null}]}"#,
    "\n\n",
    r#"data: {"id":"c-1","object":"chat.completion.chunk","created":1,"model":"shiny-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    "\n\n",
    r#"data: {"id":"c-1","object":"chat.completion.chunk","created":1,"model":"shiny-1","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}"#,
    "\n\ndata: [DONE]\n\n",
);

#[test]
fn a_provider_in_ten_lines_streams() {
    let lines = include_str!("small/magpie.yaml").lines().count();
    assert!(lines <= 10, "{lines} lines");
    let mut command = Command::new(built::program("small"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (told, asked) = runtime.block_on(async {
        let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
        let answer = Answer { status: 200, headers, body: STREAM.as_bytes().to_vec(), cuts: Cuts::EveryByte };
        let servers =
            [loopback::serve(answer.clone()).await.unwrap(), loopback::serve(answer).await.unwrap()];
        command.args(servers.iter().map(|server| &server.url));
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let asked = servers.map(|server| server.asked().remove(0));
        (String::from_utf8(output.stdout).unwrap(), asked)
    });
    assert_eq!(told, "[Hel][lo.] Stop 0.0000016\nHello. 0.000036\n");
    assert_eq!(asked[0].path, "/chat/completions");
    assert_eq!(asked[0].header("authorization"), Some("Bearer k-1"));
    let wanted = json!({
        "model": "shiny-1",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}],
        "stream": true,
        "stream_options": {"include_usage": true},
    });
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&asked[0].body).unwrap(), wanted);
    assert_eq!(asked[1].header("authorization"), Some("Bearer k-2"));
}
