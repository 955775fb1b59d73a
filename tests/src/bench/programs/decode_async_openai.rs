//! Reads bodies of recorded answers into the types of async-openai: `decode BODIES TIMES`. Prints which bodies it could
//! read, then the nanoseconds a byte over those, once for each time. Built by the benchmark, in a project of its own.

use std::hint::black_box;
use std::time::Instant;

use async_openai::types::chat::{CreateChatCompletionResponse, CreateChatCompletionStreamResponse};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let list = std::fs::read(&arguments[1])?;
    let all = bodies(&list);
    let readable: Vec<usize> = (0..all.len()).filter(|at| read(&all[*at])).collect();
    println!("{}", readable.iter().map(usize::to_string).collect::<Vec<_>>().join(" "));
    let bytes: usize = readable.iter().map(|at| all[*at].1.len()).sum();
    for _ in 0..arguments[2].parse::<usize>()? {
        let start = Instant::now();
        for at in std::iter::repeat_n(&readable, 4).flatten() {
            black_box(read(black_box(&all[*at])));
        }
        println!("{}", start.elapsed().as_nanos() as f64 / (bytes * 4) as f64);
    }
    Ok(())
}

fn bodies(mut list: &[u8]) -> Vec<(bool, &[u8])> {
    let mut bodies = Vec::new();
    while let [stream, rest @ ..] = list {
        let (length, rest) = rest.split_at(8);
        let length = u64::from_le_bytes(length.try_into().unwrap_or_default()) as usize;
        let (body, rest) = rest.split_at(length);
        bodies.push((*stream == 1, body));
        list = rest;
    }
    bodies
}

fn read((stream, body): &(bool, &[u8])) -> bool {
    if !stream {
        return black_box(serde_json::from_slice::<CreateChatCompletionResponse>(body)).is_ok();
    }
    let mut rest = *body;
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = rest[..end].strip_prefix(b"data:").unwrap_or_default().trim_ascii();
        rest = &rest[(end + 1).min(rest.len())..];
        if line.starts_with(b"{")
            && black_box(serde_json::from_slice::<CreateChatCompletionStreamResponse>(line)).is_err()
        {
            return false;
        }
    }
    true
}
