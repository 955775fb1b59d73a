//! What a client is put through. The consumer is a task of a current-thread runtime, as in a server's handler.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::bench::sample::quantile;
use crate::bench::{Failure, alloc, clock};

/// Tokens of each of many streams.
const TOKENS: usize = 20;
/// Milliseconds between two of them.
const GAP: u64 = 50;
/// Requests before the measured ones.
const WARM: usize = 200;

/// What can stream an answer.
pub trait Client: Clone + Send + Sync + 'static {
    /// Streams one answer and hands on its text.
    fn stream(&self, text: impl FnMut(&str) + Send) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// What the server is to do in this mode, as the path of its address.
pub fn path(mode: &str, count: usize) -> String {
    match mode {
        "one" => format!("/{count}/0/0/0"),
        "many" => format!("/{TOKENS}/{GAP}/{count}/1"),
        _ => "/1/0/0/1".to_owned(),
    }
}

/// Runs a load.
pub async fn run(mode: &str, count: usize, client: impl Client) -> Result<Value, Failure> {
    let task: JoinHandle<Result<Value, Failure>> = match mode {
        "one" => tokio::spawn(one(client, count)),
        "first" => tokio::spawn(first(client, count)),
        "many" => tokio::spawn(many(client, count)),
        _ => return Err(Failure::Program(format!("no such load: {mode}"))),
    };
    task.await.map_err(|error| Failure::Program(error.to_string()))?
}

/// One long stream, as fast as it comes. The first of two is to get warm.
async fn one(client: impl Client, count: usize) -> Result<Value, Failure> {
    client.stream(|_| {}).await?;
    let (mut tokens, mut bytes) = (0_usize, 0_usize);
    let (spent, allocated) = (clock::processor(), alloc::allocations());
    client
        .stream(|text| {
            tokens += 1;
            bytes += text.len();
        })
        .await?;
    let nanoseconds = (clock::processor() - spent) as f64 / count as f64;
    let allocations = (alloc::allocations() - allocated) as f64 / count as f64;
    // A connection's worth of allocations is no allocation a chunk.
    let allocations = (allocations * 100.0).round() / 100.0;
    Ok(json!({ "tokens": tokens, "bytes": bytes, "nanoseconds": nanoseconds, "allocations": allocations }))
}

/// Short answers one after the other over a connection that is kept: microseconds from the call to the first text.
async fn first(client: impl Client, count: usize) -> Result<Value, Failure> {
    for _ in 0..WARM {
        client.stream(|_| {}).await?;
    }
    let mut waits = Vec::with_capacity(count);
    let spent = clock::processor();
    for _ in 0..count {
        let (start, mut came) = (clock::monotonic(), 0);
        client
            .stream(|text| came = if came == 0 && text.starts_with('~') { clock::monotonic() } else { came })
            .await?;
        waits.push(came.saturating_sub(start));
    }
    let cpu = (clock::processor() - spent) as f64 / 1e3 / count as f64;
    let [p50, p99] = microseconds(waits, [0.5, 0.99]);
    Ok(json!({ "p50": p50, "p99": p99, "cpu": cpu }))
}

/// Many streams that all begin, wait for each other, and then get their tokens at the pace of a model: how much later
/// than it was sent a token is there.
async fn many(client: impl Client, count: usize) -> Result<Value, Failure> {
    // Written once, so that its memory is there before the streams are.
    let delays = Arc::new(Mutex::new(vec![1_u64; count * TOKENS]));
    lock(&delays).clear();
    let (resident, spent) = (clock::resident_kb(), clock::processor());
    let mut tasks = Vec::with_capacity(count);
    for number in 0..count {
        tasks.push(tokio::spawn(stamped(client.clone(), Arc::clone(&delays))));
        if number % 50 == 49 {
            sleep(Duration::from_millis(5)).await;
        }
    }
    let (mut complete, mut errors) = (0, Vec::new());
    for task in tasks {
        match task.await.map_err(|error| error.to_string()).and_then(|told| told) {
            Ok(()) => complete += 1,
            Err(error) => errors.push(error),
        }
    }
    let seconds = (clock::processor() - spent) as f64 / 1e9;
    let kilobytes = clock::peak_kb().saturating_sub(resident) as f64 / count as f64;
    let [p50, p99] = microseconds(std::mem::take(&mut *lock(&delays)), [0.5, 0.99]);
    errors.truncate(3);
    Ok(json!({
        "complete": complete, "seconds": seconds, "kilobytes": kilobytes, "p50": p50, "p99": p99, "errors": errors,
    }))
}

/// One of many streams. Every token has to come.
async fn stamped(client: impl Client, delays: Arc<Mutex<Vec<u64>>>) -> Result<(), String> {
    let mut tokens = 0;
    let stream = client.stream(|text| {
        let now = clock::monotonic();
        if let Some(sent) = text.strip_prefix('~').and_then(|text| text.split('~').next()?.parse().ok()) {
            tokens += 1;
            lock(&delays).push(now.saturating_sub(sent));
        }
    });
    match timeout(Duration::from_secs(90), stream).await {
        Err(_) => Err("it took more than 90 s".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(())) if tokens == TOKENS => Ok(()),
        Ok(Ok(())) => Err(format!("{tokens} tokens of {TOKENS}")),
    }
}

fn lock(delays: &Mutex<Vec<u64>>) -> std::sync::MutexGuard<'_, Vec<u64>> {
    delays.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Quantiles of nanoseconds.
fn microseconds<const N: usize>(nanoseconds: Vec<u64>, parts: [f64; N]) -> [f64; N] {
    let mut sorted: Vec<f64> = nanoseconds.into_iter().map(|wait| wait as f64 / 1e3).collect();
    sorted.sort_by(f64::total_cmp);
    parts.map(|part| quantile(&sorted, part))
}
