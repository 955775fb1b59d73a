//! Many answers from one model at once: each says what it says alone, whatever runs beside it.

mod devices;
mod forms;
mod storm;

use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use typewright_runtime::chat::{ChatEvent, ChatRequest, ChatResponse, FinishReason, Message, Role, Usage};
use typewright_runtime::local::Error;
use typewright_runtime::local::chat::{Config as ModelConfig, LocalModel};
use typewright_runtime::local::engine;
use typewright_runtime::local::serve::{Answers, Config, Guessing, Server, Statistics};

use crate::chat::model::{self, TEMPLATE, request};

const PATIENCE: Duration = Duration::from_secs(60);

fn loaded(cache_bytes: u64) -> LocalModel {
    loaded_for(cache_bytes, 256)
}

/// The tiny model, with a cache of this size and contexts of so many tokens.
fn loaded_for(cache_bytes: u64, context: u32) -> LocalModel {
    let engine = engine::Config { threads: 2, cache_bytes, batch: 16, ..engine::Config::default() };
    let file = model::file().entry("tokenizer.chat_template", TEMPLATE).set("llama.context_length", context);
    model::load(&file, &ModelConfig { engine, ..ModelConfig::default() }).unwrap()
}

/// Bytes of a page of the tiny model: 64 positions, two layers, keys and values of 16 numbers of two bytes.
const PAGE: u64 = 64 * 2 * 2 * 16 * 2;

fn plain() -> Config {
    Config { guessing: None, kept: 0, ..Config::default() }
}

fn served(config: Config) -> Server {
    Server::start(loaded(4 << 20), config).unwrap()
}

/// What an answer adds up to; its events come in order.
fn heard(mut answers: Answers) -> ChatResponse {
    let mut events = Vec::new();
    while let Some(event) = answers.next_blocking() {
        events.push(event.unwrap());
    }
    assert!(matches!(events[0], ChatEvent::Start { .. }), "{events:?}");
    assert!(matches!(events.last(), Some(ChatEvent::Finish(_))), "{events:?}");
    answers.answer().unwrap().response.clone()
}

fn alone(request: &ChatRequest) -> ChatResponse {
    let mut model = loaded(4 << 20);
    model.answer(request, |_| std::ops::ControlFlow::Continue(())).unwrap().response
}

/// Without what only tells how it was computed.
fn said(mut response: ChatResponse) -> ChatResponse {
    response.usage = response.usage.map(|usage| Usage { cache_read: None, ..usage });
    response
}

/// Waits until the statistics are as they are to be.
fn until(server: &Server, is_right: impl Fn(&Statistics) -> bool) -> Statistics {
    let began = Instant::now();
    loop {
        let statistics = server.statistics();
        if is_right(&statistics) {
            return statistics;
        }
        assert!(began.elapsed() < PATIENCE, "{statistics:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Requests of many kinds: short and long prompts, different ends, seeds and settings.
fn varied(count: u64) -> Vec<ChatRequest> {
    let of = |at: u64| ChatRequest {
        seed: Some(at.cast_signed()),
        max_tokens: Some(5 + at * 7 % 60),
        temperature: if at.is_multiple_of(5) { Some(0.0) } else { Some(0.9) },
        top_p: (at.is_multiple_of(3)).then_some(0.8),
        frequency_penalty: (at.is_multiple_of(4)).then_some(0.3),
        stop: if at.is_multiple_of(7) { vec!["ab".to_owned()] } else { Vec::new() },
        ..request(&"Once upon a time. ".repeat(1 + (at % 6) as usize))
    };
    (0..count).map(of).collect()
}

#[test]
fn sixty_four_answers_are_what_each_is_alone() {
    let requests = varied(64);
    let server = served(Config { streams: 64, ..Config::default() });
    let answers: Vec<Answers> = requests.iter().map(|request| server.try_answer(request).unwrap()).collect();
    for (answers, request) in answers.into_iter().zip(&requests) {
        assert_eq!(said(heard(answers)), said(alone(request)));
    }
    let statistics = until(&server, |statistics| statistics.running == 0);
    assert_eq!((statistics.completed, statistics.cancelled, statistics.failed), (64, 0, 0));
    assert!(statistics.steps < statistics.answer_tokens / 8, "{statistics:?}");
    assert!(statistics.decode_rate() > 0.0 && statistics.prefill_rate() > 0.0);
    assert!(statistics.mean_first_token() > Duration::ZERO);
}

#[test]
fn little_memory_is_shared_and_nothing_is_lost() {
    // Four pages hold one answer of the longest, or four of the shortest.
    let server = Server::start(loaded(4 * PAGE), Config::default()).unwrap();
    assert_eq!(until(&server, |statistics| statistics.pages > 0).pages, 4);
    let requests = varied(24);
    let answers: Vec<Answers> = requests.iter().map(|request| server.try_answer(request).unwrap()).collect();
    for (answers, request) in answers.into_iter().zip(&requests) {
        assert_eq!(said(heard(answers)), said(alone(request)));
    }
    let statistics = until(&server, |statistics| statistics.completed == 24);
    assert!(statistics.preempted > 0, "{statistics:?}");
    assert!(statistics.pages_free <= 4);
}

#[test]
fn all_get_on_at_the_same_pace() {
    let server = served(Config { streams: 8, ..plain() });
    let mut answers: Vec<Answers> = (0..8)
        .map(|seed| server.try_answer(&ChatRequest { seed: Some(seed), ..request("Hello") }).unwrap())
        .collect();
    let mut counts = vec![0_usize; answers.len()];
    let mut is_over = vec![false; answers.len()];
    let mut cx = Context::from_waker(Waker::noop());
    while is_over.iter().any(|over| !over) {
        for (at, answers) in answers.iter_mut().enumerate() {
            // What came at once, so that none waits for its reader.
            while let (false, Poll::Ready(event)) = (is_over[at], answers.poll_next(&mut cx)) {
                is_over[at] = event.is_none();
                counts[at] += usize::from(matches!(event, Some(Ok(ChatEvent::Text(_)))));
            }
        }
        std::thread::yield_now();
    }
    let statistics = server.statistics();
    // 40 tokens each, and a step is all of them: none ran ahead.
    assert!(statistics.steps < 40 + 8 + 8, "{statistics:?}");
    assert!(counts.iter().all(|count| *count > 3), "{counts:?}");
}

#[test]
fn what_was_read_before_is_not_read_again() {
    let server = served(Config { guessing: None, ..Config::default() });
    let first = request(&"A long beginning. ".repeat(6));
    let answer = heard(server.try_answer(&first).unwrap());
    assert_eq!(answer.usage.as_ref().unwrap().cache_read, None);
    let next = ChatRequest {
        messages: vec![
            first.messages[0].clone(),
            Message { role: Role::Assistant, name: None, parts: answer.parts.clone() },
            Message::text(Role::User, "And then?"),
        ],
        ..request("")
    };
    let again = heard(server.try_answer(&next).unwrap());
    let kept = again.usage.as_ref().unwrap().cache_read.unwrap();
    assert!(kept >= 6 * 18, "{kept}");
    assert_eq!(said(again), said(alone(&next)));
    let statistics = server.statistics();
    assert_eq!((statistics.reused_tokens, statistics.kept), (kept, 2));
    // Those who come together and begin alike read it once.
    let server = served(Config { guessing: None, ..Config::default() });
    let together: Vec<Answers> = (0..8)
        .map(|at| server.try_answer(&request(&format!("{}{at}", "So it began. ".repeat(14)))).unwrap())
        .collect();
    together.into_iter().for_each(|answers| drop(heard(answers)));
    let statistics = server.statistics();
    assert!(statistics.reused_tokens >= 7 * 128, "{statistics:?}");
}

#[test]
fn who_goes_away_frees_the_memory_at_once() {
    let server = served(plain());
    let all = until(&server, |statistics| statistics.pages > 0).pages;
    // As many tokens as there is context, so that none ends by itself meanwhile.
    let long = ChatRequest { max_tokens: None, ..request("Hello") };
    let answers: Vec<Answers> = (0..4).map(|_| server.try_answer(&long).unwrap()).collect();
    until(&server, |statistics| statistics.running == 4 && statistics.answer_tokens > 4);
    drop(answers);
    let statistics = until(&server, |statistics| statistics.running == 0);
    assert_eq!((statistics.cancelled, statistics.completed, statistics.pages_free), (4, 0, all));
}

#[test]
fn an_answer_that_nobody_reads_waits_and_holds_up_no_other() {
    let server = served(Config { events: 2, ..plain() });
    let unread = server.try_answer(&request("Hello")).unwrap();
    let read = heard(server.try_answer(&ChatRequest { seed: Some(5), ..request("Hello") }).unwrap());
    assert_eq!(read.usage.unwrap().output, Some(40));
    let before = until(&server, |statistics| statistics.completed == 1);
    std::thread::sleep(Duration::from_millis(50));
    let after = server.statistics();
    assert_eq!((before.running, after.running, after.answer_tokens), (1, 1, before.answer_tokens));
    assert!(after.answer_tokens < 50, "{after:?}");
    assert_eq!(said(heard(unread)), said(alone(&request("Hello"))));
}

#[test]
fn guesses_change_no_answer() {
    // A model of random weights repeats itself when it is not allowed to choose.
    let cold = |text: &str| ChatRequest { temperature: Some(0.0), max_tokens: Some(120), ..request(text) };
    let asked =
        [cold("Hello"), cold("abcabcabcabc"), ChatRequest { max_tokens: Some(120), ..request("aaaaaa") }];
    let guessing = Some(Guessing { most: 6, ..Guessing::default() });
    let server = served(Config { guessing, ..plain() });
    for asked in &asked {
        assert_eq!(said(heard(server.try_answer(asked).unwrap())), said(alone(asked)));
    }
    let looked_up = server.statistics();
    assert!(looked_up.guessed_right > 20 && looked_up.guessed >= looked_up.guessed_right, "{looked_up:?}");
    assert!(looked_up.steps < looked_up.answer_tokens, "{looked_up:?}");
    // A model that guesses for itself is right whenever the likeliest token is picked.
    let config = Config { guessing, ..plain() };
    let server = Server::start_with_draft(loaded(4 << 20), loaded(4 << 20), config).unwrap();
    for asked in &asked {
        assert_eq!(said(heard(server.try_answer(asked).unwrap())), said(alone(asked)));
    }
    let drafted = server.statistics();
    assert!(
        drafted.guessed_right > looked_up.guessed_right && drafted.steps < looked_up.steps,
        "{drafted:?}"
    );
}

#[test]
fn a_model_with_other_tokens_guesses_nothing() {
    let other = model::file_of(["<s>", "</s>", "</u>", "<b>", "</think>"]);
    let other = other.entry("tokenizer.chat_template", TEMPLATE);
    let draft = model::load(&other, &model::config()).unwrap();
    let error = Server::start_with_draft(loaded(4 << 20), draft, Config::default()).unwrap_err();
    assert_eq!(error.to_string(), "the model that guesses has other tokens than the model");
}

#[test]
fn a_model_that_is_unloaded_says_so() {
    let server = served(plain());
    let long = ChatRequest { max_tokens: None, ..request("Hello") };
    let mut answers = server.try_answer(&long).unwrap();
    while !matches!(answers.next_blocking(), Some(Ok(ChatEvent::Text(_)))) {}
    server.stop();
    let error = loop {
        if let Err(error) = answers.next_blocking().unwrap() {
            break error;
        }
    };
    let Error::Interrupted { partial, source } = error else { panic!("{error}") };
    assert!(!partial.parts.is_empty() && partial.finish.is_none());
    assert_eq!(source.to_string(), "the model has stopped: it was unloaded");
    assert!(answers.next_blocking().is_none());
    assert!(matches!(server.try_answer(&long), Err(Error::Stopped { .. })));
}

#[test]
fn answers_outlive_the_door() {
    let server = served(plain());
    let answers = server.try_answer(&request("Hello")).unwrap();
    drop(server);
    assert_eq!(said(heard(answers)), said(alone(&request("Hello"))));
}

#[test]
fn no_more_wait_than_may() {
    let server = served(Config { streams: 1, queue: 1, events: 1, ..plain() });
    let first = server.try_answer(&request("a")).unwrap();
    let second = server.try_answer(&request("b")).unwrap();
    let busy = server.try_answer(&request("c")).unwrap_err();
    assert_eq!(busy.to_string(), "2 answers wait already");
    let refused = server.try_answer(&ChatRequest { max_tokens: Some(0), ..request("d") }).unwrap_err();
    assert!(matches!(refused, Error::Busy { .. }));
    drop(first);
    assert_eq!(heard(second).finish, Some(FinishReason::Length));
    let refused = server.try_answer(&ChatRequest { max_tokens: Some(0), ..request("d") }).unwrap_err();
    assert!(matches!(refused, Error::Request(_)), "{refused}");
}

#[tokio::test]
async fn who_asks_waits_for_a_place() {
    let server = served(Config { streams: 2, queue: 0, ..plain() });
    let ask = |seed| {
        let server = server.clone();
        tokio::spawn(async move {
            let mut answers = server.answer(ChatRequest { seed: Some(seed), ..request("Hello") }).await?;
            while let Some(event) = answers.next().await {
                event?;
            }
            Ok::<_, Error>(answers.answer().map(|answer| answer.response.clone()))
        })
    };
    let tasks: Vec<_> = (0..12).map(ask).collect();
    for (seed, task) in tasks.into_iter().enumerate() {
        let response = task.await.unwrap().unwrap().unwrap();
        let alone = alone(&ChatRequest { seed: Some(seed as i64), ..request("Hello") });
        assert_eq!(said(response), said(alone));
    }
    let refused = server.answer(ChatRequest { max_tokens: Some(0), ..request("d") }).await.unwrap_err();
    assert!(matches!(refused, Error::Request(_)), "{refused}");
}
