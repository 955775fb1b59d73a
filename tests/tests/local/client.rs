//! Local models behind the client: the same program over HTTP and in the process, names and files, models that come and
//! go, clocks, cancellation, refusals. Tiny models made from seeds.

mod files;
mod program;
mod shelf;
mod vectors;
mod words;

use std::error::Error as _;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use typewright::candle::{Candle, Options, local};
use typewright_runtime::Error;
use typewright_runtime::chat::{ChatEvent, FinishReason};
use typewright_runtime::client::{ChatCall, ChatStream};
use typewright_runtime::error::Clock;
use typewright_runtime::local::chat::LocalModel;
use typewright_runtime::model::AnyModel;

use crate::chat::model::{END, TEMPLATE, config, file, request};
use crate::files::Folder;

type Builder = local::client::Builder<Candle>;

/// A tiny model in a file of its own.
fn write(folder: &Folder, name: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, file().entry("tokenizer.chat_template", TEMPLATE).bytes()).unwrap();
    path
}

/// Models as tests run them, whatever the environment says.
fn builder() -> Builder {
    Candle::builder().environment(false).threads(1).cache_bytes(4 << 20)
}

/// A call whose answer does not end by itself.
fn call(candle: &Candle, path: &std::path::Path) -> ChatCall<AnyModel> {
    candle.chat(path.to_str().unwrap()).user("hello").seed(1).logit_bias(END.to_string(), -100.0)
}

async fn events(stream: &mut ChatStream) -> Vec<ChatEvent<'static>> {
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        events.push(event.unwrap().into_owned());
    }
    events
}

/// All that an error says, with what caused it.
fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[tokio::test]
async fn events_are_those_of_the_model_and_add_up_to_a_reply() {
    let folder = Folder::new("client");
    let path = write(&folder, "tiny.gguf");
    let mut wanted = Vec::new();
    let mut model = LocalModel::load(&path, &config()).unwrap();
    let answer = model.answer(&request("hello"), |event| {
        wanted.push(event.into_owned());
        std::ops::ControlFlow::Continue(())
    });
    let answer = answer.unwrap().response;
    let candle = builder().build().unwrap();
    let mut stream = call(&candle, &path).max_tokens(40).user_id("me").stream().await.unwrap();
    let told: Vec<&str> = stream.warnings().iter().map(|warning| warning.feature.as_str()).collect();
    assert_eq!(told, ["user"]);
    assert_eq!(events(&mut stream).await, wanted);
    let reply = stream.into_reply();
    assert_eq!(reply.text(), answer.text());
    assert_eq!((reply.model.as_deref(), reply.finish.as_ref()), (Some("tiny"), Some(&FinishReason::Length)));
    assert_eq!(reply.usage().unwrap().output, Some(40));
    assert_eq!((reply.cost(), reply.request_id(), reply.warnings().len()), (None, None, 1));
    let whole = call(&candle, &path).max_tokens(40).send().await.unwrap();
    assert_eq!(whole.text(), answer.text());
}

#[tokio::test]
async fn a_stop_text_is_told_although_no_event_tells_it() {
    let folder = Folder::new("client");
    let path = write(&folder, "tiny.gguf");
    let candle = builder().build().unwrap();
    let whole = call(&candle, &path).max_tokens(40).send().await.unwrap().text();
    let stop: String = whole.chars().skip(3).take(1).collect();
    let reply = call(&candle, &path).max_tokens(40).stop(stop.as_str()).send().await.unwrap();
    assert_eq!(reply.stop_sequence.as_deref(), Some(stop.as_str()));
    assert_eq!(
        (reply.finish.as_ref(), whole.split(&stop).next()),
        (Some(&FinishReason::Stop), Some(reply.text().as_str()))
    );
}

#[tokio::test]
async fn every_option_is_one_that_models_have() {
    let folder = Folder::new("client");
    let path = write(&folder, "tiny.gguf");
    let candle = builder().build().unwrap();
    let one_by_one = [
        Options::new().min_p(0.1),
        Options::new().typical_p(0.9),
        Options::new().top_n_sigma(2.0),
        Options::new().repetition_penalty(1.1).repeat_last_n(32),
        Options::new().xtc_probability(0.1).xtc_threshold(0.2),
        Options::new().dry_multiplier(0.8).dry_base(1.75).dry_allowed_length(2),
        Options::new().mirostat(2).mirostat_tau(5.0).mirostat_eta(0.1),
    ];
    for options in one_by_one {
        let sent = call(&candle, &path).max_tokens(4).options(options.clone()).send().await;
        assert!(sent.is_ok(), "{options:?}: {}", told(&sent.unwrap_err()));
    }
    let yaml = include_str!("../../../providers/candle.yaml");
    let listed: serde_json::Value = serde_yaml::from_str(yaml).unwrap();
    assert_eq!(listed["options"].as_object().unwrap().len(), 13, "an option is new: try it here");
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_before_anything_runs() {
    let folder = Folder::new("client");
    let path = write(&folder, "tiny.gguf");
    let candle = builder().build().unwrap();
    let refused = |result: Result<ChatStream, Error>| match result.err() {
        Some(Error::Unsupported(refused)) => (refused.provider, refused.feature.into_owned()),
        other => panic!("{other:?}"),
    };
    // By the catalog, without a file.
    let image = typewright_runtime::chat::Media::url("https://a.example/b.png");
    let message = typewright_runtime::chat::Part::Image(image);
    let message = typewright_runtime::chat::Message {
        role: typewright_runtime::chat::Role::User,
        name: None,
        parts: vec![message],
    };
    let result = candle.chat("qwen3-0.6b").message(message).stream().await;
    assert_eq!(refused(result), ("candle", "image".to_owned()));
    let result = candle.chat("all-minilm-l6-v2").user("x").stream().await;
    assert_eq!(refused(result), ("candle", "chat".to_owned()));
    // By the options, whose names and ranges are checked.
    let result = call(&candle, &path).options(Options::new().min_p(1.5)).stream().await;
    assert_eq!(refused(result), ("candle", "options".to_owned()));
    let other = typewright_runtime::client::ProviderOptions::new("other");
    assert_eq!(refused(call(&candle, &path).options(other).stream().await), ("candle", "options".to_owned()));
    assert!(candle.local().loaded().is_empty());
    // By the model.
    let result = call(&candle, &path).n(2).stream().await;
    assert_eq!(refused(result), ("candle", "n".to_owned()));
    let result =
        call(&candle, &path).reasoning(typewright_runtime::chat::ReasoningConfig::Enabled).stream().await;
    assert_eq!(refused(result), ("candle", "reasoning".to_owned()));
    let error = candle.clone().into_inner().count_tokens("x").user("y").send().await.unwrap_err();
    assert!(matches!(error, Error::Unsupported(_)), "{error:?}");
}

#[tokio::test]
async fn clocks_watch_calls_that_nothing_is_sent_for() {
    let folder = Folder::new("client");
    let path = write(&folder, "tiny.gguf");
    let timed = |result: Result<_, Error>| match result.err() {
        Some(error @ Error::Timeout { clock, .. }) => (clock, error.partial().is_some()),
        other => panic!("{other:?}"),
    };
    let candle = builder().first_byte_timeout(Duration::ZERO).build().unwrap();
    assert_eq!(timed(call(&candle, &path).send().await.map(drop)).0, Clock::FirstByte);
    let candle = builder().total_timeout(Duration::ZERO).build().unwrap();
    assert_eq!(timed(call(&candle, &path).send().await.map(drop)).0, Clock::Total);
    // A reader that is slow has time: it is the model that must not stand still.
    let candle = builder().idle_timeout(Duration::from_secs(20)).build().unwrap();
    let mut stream = call(&candle, &path).max_tokens(8).stream().await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(matches!(events(&mut stream).await.last(), Some(ChatEvent::Finish(_))));
}

#[tokio::test]
async fn a_stream_that_is_dropped_computes_nothing_more() {
    let folder = Folder::new("client");
    let path = write(&folder, "tiny.gguf");
    let candle = builder().build().unwrap();
    let mut stream = call(&candle, &path).stream().await.unwrap();
    assert!(stream.next().await.is_some());
    drop(stream);
    for _ in 0..400 {
        let statistics = candle.local().loaded().remove(0).statistics;
        if statistics.cancelled == 1 && statistics.running == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it goes on: {:?}", candle.local().loaded());
}
