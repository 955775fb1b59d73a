//! No key is ever shown: not by `Debug`, not by an error, not where a provider repeats it.

use std::error::Error as _;
use std::time::Duration;

use typewright::openai::OpenAi;
use typewright_runtime::error::Error;

use super::{at, openai};
use crate::server::{Answer, Server};

const KEY: &str = "sk-secret-key";

/// Everything that an error says, and what it stands on.
fn everything(error: &Error) -> String {
    let mut all = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(error) = source {
        all.push_str(&format!(" {error} {error:?}"));
        source = error.source();
    }
    all
}

#[tokio::test]
async fn neither_clients_nor_calls_nor_answers_show_the_key() {
    let server = Server::new([Answer::json(super::HELLO), Answer::stream().event(&super::text("Hel"))]).await;
    let builder = at(OpenAi::builder(), &server).header("x-proof", "another-secret");
    let mut shown = format!("{builder:?}");
    let client = builder.build().unwrap();
    let call = client.chat("m").user("Hi.");
    shown.push_str(&format!("{client:?} {client:#?} {call:?}"));
    let reply = call.clone().send().await.unwrap();
    let stream = call.stream().await.unwrap();
    shown.push_str(&format!("{reply:?} {:?} {stream:?}", reply.meta()));
    assert!(!shown.contains(KEY) && !shown.contains("another-secret"), "{shown}");
    // It was sent all the same.
    let sent = server.seen(|seen| seen.asked[0].0.headers.clone());
    assert!(sent.contains(&("authorization".to_owned(), format!("Bearer {KEY}"))));
    assert!(sent.contains(&("x-proof".to_owned(), "another-secret".to_owned())));
}

#[tokio::test]
async fn a_provider_that_repeats_the_key_does_not_get_it_into_a_log() {
    let body = format!(
        r#"{{"error":{{"message":"Incorrect API key provided: {KEY}.","type":"invalid_request_error","param":"{KEY}","code":"invalid_api_key"}}}}"#
    );
    let headers = [("x-request-id", "r-1")];
    let streamed = Answer::stream().event(&body);
    let server = Server::new([
        Answer::new(401, &headers, &body),
        Answer::new(500, &[], &format!("<html>{KEY}")),
        streamed,
    ])
    .await;
    let client = at(OpenAi::builder(), &server).max_retries(0).build().unwrap();
    for _ in 0..2 {
        let error = client.chat("m").user("Hi.").send().await.unwrap_err();
        assert!(!everything(&error).contains(KEY), "{}", everything(&error));
    }
    let error = client.chat("m").user("Hi.").stream().await.unwrap_err();
    assert!(!everything(&error).contains(KEY), "{}", everything(&error));
}

#[tokio::test]
async fn a_server_that_is_not_there_does_not_show_what_was_sent_to_it() {
    let server = Server::new([]).await;
    let client = openai(&server);
    drop(server);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let error = client.chat("m").user("Hi.").send().await.unwrap_err();
    assert!(!everything(&error).contains(KEY), "{}", everything(&error));
    let refused = OpenAi::builder().environment(false).api_key(format!("{KEY}\u{7f}")).build().unwrap_err();
    assert!(!everything(&refused).contains(KEY), "{refused:?}");
    let address = OpenAi::builder()
        .environment(false)
        .api_key("k")
        .base_url(format!("https://me:{KEY}@x.example"))
        .build();
    let refused = address.unwrap_err();
    assert!(!everything(&refused).contains(KEY), "{refused:?}");
}
