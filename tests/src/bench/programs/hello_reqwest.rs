//! The same by hand, with reqwest, memchr and serde_json. Built by the benchmark, in a project of its own.

use std::borrow::Cow;
use std::time::Instant;

use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    messages: [Message<'a>; 1],
    stream: bool,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'a str,
    content: &'a str,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    choices: Vec<Choice<'a>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Delta<'a>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    content: Option<Cow<'a, str>>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or_default();
    let start = Instant::now();
    let client = reqwest::Client::new();
    let (made, mut first) = (start.elapsed(), None);
    let messages = [Message { role: "user", content: "hi" }];
    let request = client.post(format!("{url}/chat/completions")).bearer_auth("a-key");
    let request = request.json(&Request { model: "gpt-4.1", messages, stream: true });
    let mut response = request.send().await?.error_for_status()?;
    let mut buffer: Vec<u8> = Vec::new();
    while let Some(bytes) = response.chunk().await? {
        buffer.extend_from_slice(&bytes);
        let mut done = 0;
        while let Some(length) = memchr::memchr(b'\n', &buffer[done..]) {
            let line = &buffer[done..done + length];
            done += length + 1;
            let Some(data) = line.strip_prefix(b"data: ").filter(|data| *data != b"[DONE]") else { continue };
            let chunk: Chunk<'_> = serde_json::from_slice(data)?;
            if let Some(text) = chunk.choices.first().and_then(|choice| choice.delta.content.as_deref()) {
                first.get_or_insert_with(|| start.elapsed());
                print!("{text}");
            }
        }
        buffer.drain(..done);
    }
    println!();
    if std::env::args().nth(2).is_some() {
        println!("{} {}", made.as_nanos(), first.unwrap_or_default().as_nanos());
    }
    Ok(())
}
