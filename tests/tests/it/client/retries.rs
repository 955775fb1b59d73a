//! When a request is sent again, when it is not, and how long is waited first.

use std::time::Duration;

use typewright_runtime::error::{Error, ErrorKind};
use typewright_runtime::http::RetryReason;

use super::{HELLO, anthropic, finish, openai, text};
use crate::server::{Answer, Server};

const BUSY: &str = r#"{"error":{"message":"Slow down.","type":"rate_limit_exceeded","code":null}}"#;

fn refused(status: u16, headers: &[(&str, &str)]) -> Answer {
    Answer::new(status, headers, BUSY)
}

#[tokio::test]
async fn the_wait_that_is_asked_for_is_waited() {
    for headers in [[("retry-after-ms", "120")], [("retry-after", "0.12")]] {
        let server = Server::new([refused(429, &headers), Answer::json(HELLO)]).await;
        let reply = openai(&server).chat("m").user("Hi.").send().await.unwrap();
        assert_eq!(reply.text(), "Hello.");
        let waited = server.seen(|seen| seen.asked[1].1 - seen.asked[0].1);
        assert!(waited >= Duration::from_millis(120), "{headers:?}: {waited:?}");
        let [attempt] = reply.meta().attempts() else { panic!("{:?}", reply.meta().attempts()) };
        assert_eq!(attempt.wait, Duration::from_millis(120));
        let reason = RetryReason::Api { kind: ErrorKind::RateLimited, status: 429, request_id: None };
        assert_eq!(attempt.reason, reason);
        // The very same request.
        assert!(server.seen(|seen| seen.asked[0].0.body == seen.asked[1].0.body));
    }
}

#[tokio::test]
async fn a_wait_longer_than_allowed_is_an_error_at_once() {
    let server = Server::new([refused(429, &[("retry-after", "30")]), Answer::json(HELLO)]).await;
    let error = openai(&server).chat("m").user("Hi.").send().await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(30))));
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn the_providers_own_word_on_retrying_holds() {
    let never = refused(503, &[("x-should-retry", "false")]);
    let server = Server::new([never, Answer::json(HELLO)]).await;
    let error = openai(&server).chat("m").user("Hi.").send().await.unwrap_err();
    assert!(!error.is_retryable() && server.requests() == 1, "{error}");
    let please = refused(400, &[("x-should-retry", "true")]);
    let server = Server::new([please, Answer::json(HELLO)]).await;
    assert_eq!(openai(&server).chat("m").user("Hi.").send().await.unwrap().text(), "Hello.");
}

#[tokio::test]
async fn a_request_is_sent_as_often_as_allowed_and_no_more() {
    let server = Server::new(vec![refused(429, &[]); 5]).await;
    let error = openai(&server).chat("m").user("Hi.").send().await.unwrap_err();
    assert_eq!((error.kind(), server.requests()), (ErrorKind::RateLimited, 3));
    let wrong_key = Answer::new(401, &[], r#"{"error":{"message":"No.","type":"invalid_request_error"}}"#);
    let server = Server::new([wrong_key, Answer::json(HELLO)]).await;
    assert!(openai(&server).chat("m").user("Hi.").send().await.is_err());
    assert_eq!(server.requests(), 1, "a wrong key does not get better");
}

#[tokio::test]
async fn a_failure_that_comes_first_under_a_status_of_success_is_tried_again() {
    let good = Answer::stream().event(&text("Hello.")).event(&finish("stop")).event("[DONE]");
    let bad = Answer::stream().event(r#"{"error":{"message":"Sorry.","type":"server_error"}}"#);
    let server = Server::new([bad, good]).await;
    let stream = openai(&server).chat("m").user("Hi.").stream().await.unwrap();
    assert_eq!((stream.attempts().len(), server.requests()), (1, 2));
    assert_eq!(stream.collect().await.unwrap().text(), "Hello.");
    let overloaded = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let server = Server::new(vec![Answer::stream().named("error", overloaded); 3]).await;
    let error = anthropic(&server).chat("m").user("Hi.").max_tokens(1).stream().await.unwrap_err();
    assert_eq!((error.kind(), server.requests()), (ErrorKind::Overloaded, 3));
    assert_eq!(error.to_string(), "anthropic: Overloaded (Overloaded, status 200)");
}

#[tokio::test]
async fn nothing_is_sent_again_after_the_first_output() {
    let sorry = r#"{"error":{"message":"Sorry.","type":"server_error"}}"#;
    let half = Answer::stream().event(&text("Hel")).event(sorry);
    let server = Server::new([half, Answer::json(HELLO)]).await;
    let error = openai(&server).chat("m").user("Hi.").stream().await.unwrap().collect().await.unwrap_err();
    assert_eq!((error.kind(), server.requests()), (ErrorKind::Server, 1));
    assert!(error.is_retryable(), "the caller may");
    assert_eq!(error.partial().unwrap().text(), "Hel");
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_answer_is_tried_again() {
    let server = Server::new([Answer::default(), Answer::stream(), Answer::json(HELLO)]).await;
    let stream = openai(&server).chat("m").user("Hi.").stream().await.unwrap();
    let reasons: Vec<_> = stream.attempts().iter().map(|attempt| attempt.reason.clone()).collect();
    assert_eq!(reasons, [RetryReason::Connection, RetryReason::Empty]);
    assert_eq!(stream.collect().await.unwrap().text(), "Hello.");
}

#[tokio::test]
async fn nobody_there_is_told_after_the_last_attempt() {
    let server = Server::new([]).await;
    let client = openai(&server);
    drop(server);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let error = client.chat("m").user("Hi.").send().await.unwrap_err();
    assert!(matches!(error, Error::Connect(_)) && error.is_retryable(), "{error:?}");
}
