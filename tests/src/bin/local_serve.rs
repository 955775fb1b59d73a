//! How one model serves many: `local_serve FILE [STREAMS] [TOKENS] [THREADS]` asks one stream and then that many at once for
//! answers of that many tokens each, and prints what all of them together and each of them got.

#![allow(clippy::print_stdout, reason = "a program that reports")]

use std::path::Path;
use std::time::{Duration, Instant};

use typewright_runtime::chat::{ChatEvent, ChatRequest, Message, Role};
use typewright_runtime::local::chat::{Config as ModelConfig, LocalModel, Turns};
use typewright_runtime::local::engine;
use typewright_runtime::local::serve::{Answers, Config, Server, Statistics};
use typewright_tests::bench::clock;

type Failure = Box<dyn std::error::Error>;

/// What a stream got.
struct Heard {
    tokens: u64,
    first: Duration,
    whole: Duration,
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("local_serve FILE [STREAMS] [TOKENS] [THREADS]")?;
    let mut number = |usual: usize| arguments.next().map_or(Ok(usual), |text| text.parse());
    let (streams, tokens) = (number(64)?, number(64)?);
    let threads = number(engine::Config::default().threads)?;
    let engine = engine::Config { threads, ..engine::Config::default() };
    let turns = Some(Turns::Template("{% for m in messages %}{{ m.content }}\n{% endfor %}".to_owned()));
    let model = LocalModel::load(Path::new(&path), &ModelConfig { engine, turns, ..ModelConfig::default() })?;
    // Random weights repeat themselves: guesses would flatter.
    let config = Config { streams, guessing: None, kept: 0, ..Config::default() };
    let server = Server::start(model, config)?;
    let one = run(&server, 1, tokens)?;
    println!("1 stream: {:.1} tokens a second", one);
    let all = run(&server, streams, tokens)?;
    println!("{streams} streams: {all:.1} tokens a second together, {:.2} times one", all / one);
    println!("peak {} MiB", clock::peak_kb() >> 10);
    Ok(())
}

fn run(server: &Server, streams: usize, tokens: usize) -> Result<f64, Failure> {
    let before = server.statistics();
    let asked = (0..streams).map(|at| server.try_answer(&request(at, tokens)));
    let began = Instant::now();
    let answers: Vec<Answers> = asked.collect::<Result<_, _>>()?;
    let readers = answers.into_iter().map(|answers| std::thread::spawn(move || hear(answers, began)));
    let readers: Vec<_> = readers.collect();
    let mut heard = Vec::new();
    for reader in readers {
        heard.push(reader.join().map_err(|_| "a reader panicked")??);
    }
    tell(&heard);
    let after = server.statistics();
    Ok(rate(&before, &after))
}

/// Tokens a second, of steps that read no prompts.
fn rate(before: &Statistics, after: &Statistics) -> f64 {
    let tokens = (after.decode_tokens - before.decode_tokens) as f64;
    tokens / (after.decode - before.decode).as_secs_f64()
}

fn tell(heard: &[Heard]) {
    let range = |of: fn(&Heard) -> f64| {
        let all = heard.iter().map(of);
        let least = all.clone().fold(f64::INFINITY, f64::min);
        format!("{least:.2} to {:.2}", all.fold(0.0, f64::max))
    };
    println!(
        "{} answers: tokens {}, first token after s {}, whole after s {}",
        heard.len(),
        range(|heard| heard.tokens as f64),
        range(|heard| heard.first.as_secs_f64()),
        range(|heard| heard.whole.as_secs_f64())
    );
}

fn request(at: usize, tokens: usize) -> ChatRequest {
    ChatRequest {
        messages: vec![Message::text(Role::User, format!("Tell me more about number {at}, please."))],
        seed: Some(at as i64),
        max_tokens: Some(tokens as u64),
        ..ChatRequest::new("any")
    }
}

fn hear(mut answers: Answers, began: Instant) -> Result<Heard, typewright_runtime::local::Error> {
    let mut first = None;
    while let Some(event) = answers.next_blocking() {
        if matches!(event?, ChatEvent::Text(_)) {
            first.get_or_insert(began.elapsed());
        }
    }
    let usage = answers.answer().and_then(|answer| answer.response.usage.clone());
    let tokens = usage.and_then(|usage| usage.output).unwrap_or_default();
    Ok(Heard { tokens, first: first.unwrap_or_default(), whole: began.elapsed() })
}
