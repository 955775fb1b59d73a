//! Every recorded answer that is in scope, decoded to its events, beside what peers make of the same bytes.

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use typewright_runtime::chat::ChatEvent;
use typewright_runtime::wire::v1::{ChatWire, Decoder, Limits, answer};

use crate::bench::process::Project;
use crate::bench::row::Report;
use crate::bench::sample::Pairs;
use crate::bench::{Failure, Options};
use crate::corpus::{self, Case};
use crate::{providers, scope};

const ALL: &str = "recorded corpus decoded";
const CHAT: &str = "recorded corpus decoded, openai-chat";
/// A peer that reads one dialect only, as a program of its own.
const PEER: &str = include_str!("../programs/decode_async_openai.rs");
const PEER_DEPENDENCIES: &str = "async-openai = { version = \"0.43\", default-features = false, features = \
    [\"chat-completion-types\"] }\nmemchr = \"2\"\nserde_json = \"1\"\n";

/// A recorded body and who reads it.
struct Body {
    wire: &'static ChatWire,
    bytes: Bytes,
    stream: bool,
    dialect: String,
}

/// Runs this part of the section.
pub(super) fn run(options: &Options, report: &mut Report<'_>) -> Result<(), Failure> {
    let Some(corpus) = corpus::locate(None)? else {
        report.missing(ALL, "no recorded exchanges: TYPEWRIGHT_CORPUS names a folder with them")?;
        return Ok(report.missing(CHAT, "no recorded exchanges")?);
    };
    let mut bodies = Vec::new();
    for name in &corpus.names {
        bodies.extend(body(corpus.case(name)?));
    }
    let pairs = Pairs::take(options.pairs(15), || time(&bodies, events), || time(&bodies, values));
    report.pairs(ALL, &pairs)?;
    beside_types(&bodies, options, report)
}

fn body(case: Case) -> Option<Body> {
    let in_scope = scope::outside(&case.dialect, &case.provider, case.operation()).is_none();
    let decoded = in_scope && case.operation() == "chat" && case.meta.status < 400 && !case.body.is_empty();
    let wire = providers::chat_wire(&case.dialect, &case.provider).filter(|_| decoded)?;
    let (stream, bytes) = (case.is_stream(), Bytes::from(case.body));
    Some(Body { wire, bytes, stream, dialect: case.dialect })
}

/// Nanoseconds a byte, over all bodies several times.
fn time(bodies: &[Body], read: fn(&Body) -> usize) -> f64 {
    const TIMES: usize = 4;
    let bytes: usize = bodies.iter().map(|body| body.bytes.len()).sum();
    let start = Instant::now();
    for body in std::iter::repeat_n(bodies, TIMES).flatten() {
        black_box(read(black_box(body)));
    }
    start.elapsed().as_nanos() as f64 / (bytes * TIMES) as f64
}

/// Ours: canonical events.
fn events(body: &Body) -> usize {
    if !body.stream {
        return answer(body.wire, &body.bytes, 0).0.parts.len();
    }
    let mut decoder = Decoder::new(body.wire, Limits::default());
    decoder.feed(body.bytes.clone());
    decoder.finish();
    let mut length = 0;
    while let Some(event) = decoder.next() {
        if let Ok(ChatEvent::Text(text)) = event {
            length += text.len();
        }
    }
    length
}

/// Theirs: a tree of each frame.
fn values(body: &Body) -> usize {
    let tree = |json: &[u8]| usize::from(serde_json::from_slice::<serde_json::Value>(json).is_ok());
    if body.stream {
        frames(&body.bytes).map(|frame| tree(black_box(frame))).sum()
    } else {
        tree(&body.bytes)
    }
}

/// The JSON of each frame: lines, with or without a field name.
fn frames(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    let lines = memchr::memchr_iter(b'\n', bytes).chain([bytes.len()]).filter_map(move |end| {
        let line = bytes.get(start..end);
        start = end + 1;
        line
    });
    lines.filter_map(|line| {
        let data = line.strip_prefix(b"data:").unwrap_or(line).trim_ascii();
        data.starts_with(b"{").then_some(data)
    })
}

/// The part of the corpus that async-openai has types for.
fn beside_types(bodies: &[Body], options: &Options, report: &mut Report<'_>) -> Result<(), Failure> {
    let project = Project::new("decode-async-openai", PEER_DEPENDENCIES, PEER);
    let Some(program) = project.built(options)? else {
        return Ok(report.missing(CHAT, "async-openai's types are not built: run with --peers DIR")?);
    };
    let list = project.folder().join("bodies.bin");
    std::fs::write(&list, listed(bodies))?;
    let theirs = program.lines(&[&list.to_string_lossy(), &options.pairs(15).to_string()])?;
    let read: Vec<usize> = numbers(theirs.first().map_or("", String::as_str));
    let readable: Vec<Body> =
        chat(bodies).enumerate().filter(|(at, _)| read.contains(at)).map(|(_, body)| body.share()).collect();
    let theirs: Vec<f64> = theirs.iter().skip(1).filter_map(|line| line.parse().ok()).collect();
    let ours = theirs.iter().map(|_| time(&readable, events)).collect();
    Ok(report.pairs(CHAT, &Pairs { ours, theirs })?)
}

fn numbers(line: &str) -> Vec<usize> {
    line.split(' ').filter_map(|number| number.parse().ok()).collect()
}

fn chat(bodies: &[Body]) -> impl Iterator<Item = &Body> {
    bodies.iter().filter(|body| body.dialect == "openai-chat")
}

/// Bodies for another program: each with a byte that says whether it is a stream, and its length before it.
fn listed(bodies: &[Body]) -> Vec<u8> {
    let mut list = Vec::new();
    for body in chat(bodies) {
        list.push(u8::from(body.stream));
        list.extend_from_slice(&(body.bytes.len() as u64).to_le_bytes());
        list.extend_from_slice(&body.bytes);
    }
    list
}

impl Body {
    fn share(&self) -> Self {
        Self { bytes: self.bytes.clone(), dialect: self.dialect.clone(), ..*self }
    }
}
