//! A server that is never the limit: HTTP/1.1 by hand, events rendered straight into one buffer. It understands only
//! what the clients of this benchmark send, and says what it is told in the path of the address:
//! `/TOKENS/GAP/GATE/STAMP/…`: how many tokens, milliseconds between two, how many streams to wait for before the
//! first token of all, whether a token is the time at which it was sent.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::bench::{Failure, clock};

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
    cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
const BEFORE: &str = r#"data: {"id":"chatcmpl-B9MBs8Cj","object":"chat.completion.chunk","created":1741569952,"model":"gpt-4.1","choices":[{"index":0,"delta":{"content":""#;
const BEHIND: &str = "\"},\"finish_reason\":null}]}\n\n";
const LAST: &str = concat!(
    r#"data: {"id":"chatcmpl-B9MBs8Cj","object":"chat.completion.chunk","created":1741569952,"#,
    r#""model":"gpt-4.1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    "\n\ndata: [DONE]\n\n"
);
/// Bytes of JSON in an event.
const EVENT: usize = 185;
/// Bytes that are collected before they are sent, where nobody waits between tokens.
const BUFFER: usize = 64 << 10;

/// What the address asks for.
#[derive(Debug, Clone, Copy, Default)]
struct Plan {
    tokens: u64,
    gap: Duration,
    gate: usize,
    stamp: bool,
}

/// Streams that wait for each other.
#[derive(Default)]
struct Gate {
    waiting: AtomicUsize,
    open: Notify,
}

/// Serves until it is killed; prints its address first.
pub fn main() -> Result<(), Failure> {
    clock::raise_file_limit();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.bind(([127, 0, 0, 1], 0).into())?;
        let listener = socket.listen(4096)?;
        writeln!(io::stdout(), "http://{}", listener.local_addr()?)?;
        let gate = Arc::new(Gate::default());
        loop {
            let (stream, _) = listener.accept().await?;
            // A client that hangs up in the middle is the client's business.
            let gate = Arc::clone(&gate);
            tokio::spawn(async move { connection(stream, &gate).await });
        }
    })
}

/// Answers one request after the other.
async fn connection(mut stream: TcpStream, gate: &Gate) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut bytes = Vec::with_capacity(1024);
    loop {
        let end = loop {
            if let Some(end) = request_end(&bytes) {
                break end;
            }
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        };
        let plan = plan(bytes.get(..end).unwrap_or_default());
        bytes.drain(..end);
        answer(&mut stream, plan, gate).await?;
    }
}

/// Where the request ends, if all of it has come.
fn request_end(bytes: &[u8]) -> Option<usize> {
    let head = memchr::memmem::find(bytes, b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(bytes.get(..head)?).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let end = head + length.unwrap_or(0);
    (bytes.len() >= end).then_some(end)
}

fn plan(request: &[u8]) -> Plan {
    let text = String::from_utf8_lossy(request);
    if let Some(plan) = named_plan(&text) {
        return plan;
    }
    let mut numbers = text.split(['/', ' ']).filter_map(|part| part.parse::<u64>().ok());
    let mut next = || numbers.next().unwrap_or(0);
    Plan {
        tokens: next(),
        gap: Duration::from_millis(next()),
        gate: usize::try_from(next()).unwrap_or(0),
        stamp: next() != 0,
    }
}

/// The same as the peers' programs say it: `/n=TOKENS,d=GAP,bar=GATE,ts=STAMP/…`.
fn named_plan(request: &str) -> Option<Plan> {
    let list = request.split(['/', ' ']).find(|part| part.starts_with("n="))?;
    let number = |name: &str| {
        let mut values = list.split(',').filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        values.find_map(|value| value.parse::<u64>().ok()).unwrap_or(0)
    };
    Some(Plan {
        tokens: number("n"),
        gap: Duration::from_millis(number("d")),
        gate: usize::try_from(number("bar")).unwrap_or(0),
        stamp: number("ts") != 0,
    })
}

async fn answer(stream: &mut TcpStream, plan: Plan, gate: &Gate) -> io::Result<()> {
    let mut out = Vec::with_capacity(if plan.gap.is_zero() { BUFFER + 1024 } else { 512 });
    out.extend_from_slice(HEAD);
    let mut next = Instant::now();
    if !plan.gap.is_zero() {
        // The head goes out at once, so that streams can wait at the gate.
        stream.write_all(&out).await?;
        out.clear();
        gate.pass(plan.gate).await;
        next = Instant::now() + phase(plan.gap);
    }
    for number in 0..plan.tokens {
        if !plan.gap.is_zero() {
            sleep_until(next).await;
            next += plan.gap;
        }
        push_token(&mut out, plan, number)?;
        if !plan.gap.is_zero() || out.len() >= BUFFER || plan.tokens == 1 {
            stream.write_all(&out).await?;
            out.clear();
        }
    }
    write!(out, "{:x}\r\n{LAST}\r\n0\r\n\r\n", LAST.len())?;
    stream.write_all(&out).await
}

/// A chunk with one event.
fn push_token(out: &mut Vec<u8>, plan: Plan, number: u64) -> io::Result<()> {
    const FIELD: usize = "data: ".len();
    let length = EVENT + FIELD + 2;
    write!(out, "{length:x}\r\n")?;
    let end = out.len() + length - BEHIND.len();
    out.extend_from_slice(BEFORE.as_bytes());
    if plan.stamp {
        write!(out, "~{}~", clock::monotonic())?;
    } else {
        write!(out, " {}", number % 1000)?;
    }
    out.resize(end.max(out.len()), b'.');
    out.extend_from_slice(BEHIND.as_bytes());
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Streams that start together do not send together.
fn phase(gap: Duration) -> Duration {
    let spread = clock::monotonic().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    gap.mul_f64(spread as f64 / (1_u64 << 32) as f64)
}

impl Gate {
    /// Waits until `all` streams wait.
    async fn pass(&self, all: usize) {
        if all == 0 {
            return;
        }
        let opened = self.open.notified();
        if self.waiting.fetch_add(1, Ordering::Relaxed) + 1 >= all {
            self.waiting.store(0, Ordering::Relaxed);
            self.open.notify_waiters();
        } else {
            opened.await;
        }
    }
}
