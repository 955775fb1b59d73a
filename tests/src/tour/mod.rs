//! A tour of a wire: every field of a request set by itself, and every field of an answer taken away by itself. What a
//! client makes of each is told in lines that a person can review; the tests hold them against what was reviewed.
//!
//! [`requests`] knows what can be asked, [`answers`] what can be answered. Whether a wire is right is for recorded
//! exchanges to tell; a tour sees that no part of it changes unnoticed, and that nothing a caller sets is lost in silence.

pub mod answers;
pub mod requests;
mod told;

use std::collections::BTreeSet;

use typewright_runtime::chat::ChatRequest;
use typewright_runtime::client::Client;
use typewright_runtime::embed::EmbedRequest;

use crate::loopback::{Answer, Asked, Cuts};
use crate::{exchange, providers};

/// Who is visited: the dialect of the corpus that leads to the client, and the provider. The first of a dialect is told
/// in full, the others by what is different.
pub const PROVIDERS: [(&str, &str); 8] = [
    ("openai-chat", "openai"),
    ("openai-chat", "deepseek"),
    ("openai-chat", "groq"),
    ("openai-chat", "openrouter"),
    ("openai-chat", "together"),
    ("openai-chat", "xai"),
    ("anthropic-messages", "anthropic"),
    ("ollama-chat", "ollama"),
];

/// One thing that is tried.
#[derive(Debug, Clone)]
pub struct Probe {
    /// The dialect of the client.
    pub dialect: &'static str,
    /// The provider of the client.
    pub provider: &'static str,
    /// What is tried, in words.
    pub name: String,
    /// What is compared with: the probe of this name. `None` is told in full.
    pub base: Option<String>,
    call: Call,
    answer: Answer,
    /// Whether what is sent is told, or what is made of the answer.
    tells: Tells,
}

/// What is asked.
#[derive(Debug, Clone)]
enum Call {
    Chat { request: Box<ChatRequest>, stream: bool },
    Count(Box<ChatRequest>),
    Embed(EmbedRequest),
    Models,
}

/// What is told of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tells {
    Sent,
    Answered,
}

/// Tries a probe. Each line is a path and a value.
pub fn tell(probe: &Probe) -> Vec<String> {
    let made = exchange::with_server(probe.answer.clone(), async |url: &str| {
        let client = providers::client(probe.dialect, probe.provider, url);
        match client {
            Some(client) => call(&client, &probe.call).await,
            None => vec!["no such client".to_owned()],
        }
    });
    match (made, probe.tells) {
        (Err(why), _) => vec![why],
        (Ok((lines, _)), Tells::Answered) => lines,
        (Ok((lines, asked)), Tells::Sent) => sent(&asked, lines),
    }
}

async fn call(client: &Client, call: &Call) -> Vec<String> {
    match call {
        Call::Chat { request, stream } => {
            let mut request = ChatRequest::clone(request);
            claim(client, &mut request);
            let call = client.chat(request.model.as_str()).request(request);
            if *stream { told::stream(call.stream().await).await } else { told::reply(call.send().await) }
        }
        Call::Count(request) => {
            let mut request = ChatRequest::clone(request);
            claim(client, &mut request);
            let call = client.count_tokens(request.model.as_str()).request(request);
            told::of_result(call.send().await)
        }
        Call::Embed(request) => {
            let mut call = client.embed(request.model.as_str()).inputs(request.input.clone());
            if let Some(length) = request.dimensions {
                call = call.dimensions(length);
            }
            if let Some(purpose) = &request.input_type {
                call = call.input_type(purpose.as_str());
            }
            if let Some(user) = &request.user {
                call = call.user_id(user.as_str());
            }
            told::embedded(call.send().await)
        }
        Call::Models => told::of_result(client.models().await),
    }
}

/// Reasoning that says `own` is the provider's.
fn claim(client: &Client, request: &mut ChatRequest) {
    use typewright_runtime::chat::Part;
    for part in request.messages.iter_mut().flat_map(|message| &mut message.parts) {
        if let Part::Reasoning(reasoning) = part
            && reasoning.origin.as_deref() == Some("own")
        {
            reasoning.origin = Some(client.provider().name.to_owned());
        }
    }
}

/// What was sent, or why nothing was; and the warnings.
fn sent(asked: &[Asked], lines: Vec<String>) -> Vec<String> {
    let Some(asked) = asked.first() else { return lines };
    let mut out = vec![format!("{} {}", asked.method, asked.path)];
    let of_the_transport = ["host", "accept", "user-agent", "content-length", "authorization", "x-api-key"];
    let own = asked.headers.iter().filter(|(name, _)| !of_the_transport.contains(&name.as_str()));
    out.extend(own.map(|(name, value)| format!("{name}: {value}")));
    out.extend(told::body(&asked.body));
    out.extend(lines.into_iter().filter(|line| line.starts_with("warning")));
    out
}

/// What changed between two tellings: lines that are new, and the paths of those that are gone.
pub fn difference(base: &[String], told: &[String]) -> Vec<String> {
    let (before, now): (BTreeSet<&String>, BTreeSet<&String>) =
        (base.iter().collect(), told.iter().collect());
    let paths: BTreeSet<&str> = now.iter().map(|line| path(line)).collect();
    // Of events it is enough to know how many are left: what they said shows in what they add up to.
    let is_gone =
        |line: &&String| !line.starts_with("event ") && !now.contains(line) && !paths.contains(path(line));
    let gone = base.iter().filter(is_gone);
    let gone = gone.map(|line| format!("no {}", short(path(line))));
    let new = told.iter().filter(|line| !before.contains(line)).map(|line| short(line));
    let mut all: Vec<String> = gone.chain(new).collect();
    if let Some(more) = all.len().checked_sub(MOST_LINES).filter(|more| *more > 0) {
        all.truncate(MOST_LINES);
        all.push(format!("{more} more"));
    }
    all
}

/// How much of a change is worth reading.
const MOST_LINES: usize = 7;
const MOST_CHARS: usize = 400;
const MOST_CHARS_OF_EVENTS: usize = 72;

fn path(line: &str) -> &str {
    if line.starts_with("event ") { line } else { line.split(" = ").next().unwrap_or(line) }
}

/// So much of a line as is worth reading again.
fn short(line: &str) -> String {
    let most = if line.starts_with("event ") { MOST_CHARS_OF_EVENTS } else { MOST_CHARS };
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// An answer that nobody reads, with which every operation is content.
fn nothing() -> Answer {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    let body = br#"{"data": [{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [1]}], "embeddings": [[1], [1]]}"#;
    Answer { status: 200, headers, body: body.to_vec(), cuts: Cuts::Whole }
}
