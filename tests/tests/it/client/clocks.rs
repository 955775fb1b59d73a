//! Clocks and limits, and what is kept of an answer that runs into one; cancellation.

use std::time::{Duration, Instant};

use typewright::openai::OpenAi;
use typewright_runtime::chat::ChatEvent;
use typewright_runtime::error::{Clock, Error};
use typewright_runtime::http::Limits;

use super::{HELLO, anthropic, at, finish, openai, text};
use crate::server::{Answer, Server};

const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(20);

fn clock(error: &Error) -> Option<Clock> {
    if let Error::Timeout { clock, .. } = error { Some(*clock) } else { None }
}

#[tokio::test]
async fn an_answer_that_stands_still_is_given_up_and_what_came_is_kept() {
    let server = Server::new([Answer::stream().event(&text("Hel")).wait(LONG)]).await;
    let client = at(OpenAi::builder(), &server).idle_timeout(SHORT).build().unwrap();
    let error = client.chat("m").user("Hi.").stream().await.unwrap().collect().await.unwrap_err();
    assert_eq!(clock(&error), Some(Clock::Idle));
    assert_eq!(error.partial().unwrap().text(), "Hel");
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn keep_alive_comments_keep_an_answer_alive() {
    let mut answer = Answer::stream().event(&text("Hel"));
    for _ in 0..6 {
        answer = answer.wait(SHORT / 2).send(": still here\n\n");
    }
    let server = Server::new([answer.event(&text("lo.")).event(&finish("stop")).event("[DONE]")]).await;
    let client = at(OpenAi::builder(), &server).idle_timeout(SHORT * 2).build().unwrap();
    let started = Instant::now();
    let reply = client.chat("m").user("Hi.").stream().await.unwrap().collect().await.unwrap();
    assert_eq!(reply.text(), "Hello.");
    assert!(started.elapsed() > SHORT * 2, "the clock would have run out");
}

#[tokio::test]
async fn the_first_byte_and_the_whole_call_have_clocks_of_their_own() {
    let silent = Answer::default().wait(LONG);
    let server = Server::new([silent.clone(), silent.clone()]).await;
    let client = at(OpenAi::builder(), &server).max_retries(0).first_byte_timeout(SHORT).build().unwrap();
    let error = client.chat("m").user("Hi.").send().await.unwrap_err();
    assert_eq!(clock(&error), Some(Clock::FirstByte));
    let dripping = (0..40).fold(Answer::stream(), |answer, _| answer.event(&text("a")).wait(SHORT / 5));
    let server = Server::new([dripping]).await;
    let client = at(OpenAi::builder(), &server).total_timeout(SHORT * 2).build().unwrap();
    let error = client.chat("m").user("Hi.").stream().await.unwrap().collect().await.unwrap_err();
    assert_eq!(clock(&error), Some(Clock::Total));
    assert!(!error.is_retryable() && error.partial().unwrap().text().starts_with("aa"), "{error:?}");
}

#[tokio::test]
async fn a_stream_that_ends_without_its_end_is_an_error_with_what_came() {
    let server = Server::new([Answer::stream().event(&text("Hel")).event(&text("lo."))]).await;
    let error = openai(&server).chat("m").user("Hi.").stream().await.unwrap().collect().await.unwrap_err();
    assert!(matches!(error, Error::Truncated { .. }), "{error:?}");
    assert_eq!(error.partial().unwrap().text(), "Hello.");
    let start = r#"{"type":"message_start","message":{"id":"m-1","type":"message","role":"assistant","model":"m","content":[],"usage":{"input_tokens":3,"output_tokens":1}}}"#;
    let block = r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t-1","name":"look","input":{}}}"#;
    let half = r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a"}}"#;
    let reason = r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}}"#;
    let answer = Answer::stream().named("message_start", start).named("content_block_start", block);
    let server =
        Server::new([answer.named("content_block_delta", half).named("message_delta", reason)]).await;
    let call = anthropic(&server).chat("m").user("Hi.").max_tokens(1);
    let error = call.stream().await.unwrap().collect().await.unwrap_err();
    assert!(matches!(error, Error::Truncated { .. }), "a reason to stop is not the end: {error:?}");
    let partial = error.partial().unwrap();
    assert_eq!(partial.tool_calls().next().unwrap().arguments, "{\"a");
    assert_eq!(partial.usage().unwrap().output, Some(9));
}

#[tokio::test]
async fn dropping_a_stream_hangs_up() {
    let server = Server::new([Answer::stream().event(&text("Hel")).until_hung_up()]).await;
    let mut stream = openai(&server).chat("m").user("Hi.").stream().await.unwrap();
    assert_eq!(
        stream.next().await.unwrap().unwrap(),
        ChatEvent::Start { id: Some("c-1".into()), model: Some("m".into()) }
    );
    tokio::time::sleep(SHORT).await;
    assert_eq!(server.seen(|seen| seen.hung_up), 0, "still listening");
    drop(stream);
    assert!(hung_up(&server).await, "the server was not hung up on");
    // A call that is dropped before there is an answer.
    let server = Server::new([Answer::default().until_hung_up()]).await;
    let call = openai(&server).chat("m").user("Hi.").send();
    assert!(tokio::time::timeout(SHORT, call).await.is_err());
    assert!(hung_up(&server).await, "the server was not hung up on");
}

async fn hung_up(server: &Server) -> bool {
    for _ in 0..100 {
        if server.seen(|seen| seen.hung_up) == 1 {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

#[tokio::test]
async fn more_than_the_limit_is_not_taken() {
    let what = async |limits: Limits, answer: Answer| {
        let server = Server::new([answer]).await;
        let client = at(OpenAi::builder(), &server).limits(limits).build().unwrap();
        let call = client.chat("m").user("Hi.");
        let error = match call.stream().await {
            Ok(stream) => stream.collect().await.unwrap_err(),
            Err(error) => error,
        };
        let partial = error.partial().unwrap().text();
        let Error::TooLarge { what, limit, .. } = error else { panic!("{error:?}") };
        assert_eq!(server.requests(), 1, "{what}");
        (what, limit, partial)
    };
    let large = "x".repeat(3000);
    let answer =
        || Answer::stream().event(&text("Hel")).wait(SHORT).event(&text(&large)).event(&finish("stop"));
    let none = Limits::default();
    assert_eq!(what(Limits { body: 2000, ..none }, answer()).await, ("body", 2000, "Hel".to_owned()));
    assert_eq!(what(Limits { line: 2000, ..none }, answer()).await, ("line", 2000, "Hel".to_owned()));
    let lines = Answer::stream().event(&text("Hel")).wait(SHORT).send(&"data: {}\n".repeat(900));
    assert_eq!(what(Limits { event: 2000, ..none }, lines).await, ("event", 2000, "Hel".to_owned()));
    let server = Server::new([Answer::json(HELLO)]).await;
    let client = at(OpenAi::builder(), &server).limits(Limits { body: 100, ..none }).build().unwrap();
    let error = client.chat("m").user("Hi.").send().await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { what: "body", limit: 100, .. }), "{error:?}");
}
