//! A provider of one answer: an HTTP/1.1 server on the loopback address that keeps what it is asked and answers with
//! recorded bytes, cut where it is told. Not a general server: no keep-alive, no pipelining, no request chunking.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What to answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, without those that describe the transfer.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How the body is cut.
    pub cuts: Cuts,
}

/// How a body is cut into HTTP chunks; a client sees at least these cuts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cuts {
    /// In one piece.
    Whole,
    /// After each byte.
    EveryByte,
    /// Into pieces of these lengths; what is left comes last.
    Lengths(Vec<usize>),
}

/// What was asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// A server that is up until it is dropped.
pub struct Loopback {
    /// Its address, such as `http://127.0.0.1:4321`.
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

/// Starts a server that gives `answer` to the first who asks. Whoever comes back, for a next page, gets an empty object.
pub async fn serve(answer: Answer) -> io::Result<Loopback> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let task = tokio::spawn(async move {
        let mut answer = answer;
        while let Ok((stream, _)) = listener.accept().await {
            // A client that hangs up in the middle is the client's business.
            let _ = exchange(stream, &answer, &log).await;
            answer = Answer { body: b"{}".to_vec(), cuts: Cuts::Whole, ..answer };
        }
    });
    Ok(Loopback { url, asked, task })
}

impl Loopback {
    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The headers of a recording as they can be sent again: without those that described another transfer, and with a
/// content type where the recorder lost it.
pub fn sanitised(headers: &[(String, String)], extension: &str) -> Vec<(String, String)> {
    let gone = [
        "content-length",
        "transfer-encoding",
        "content-encoding",
        "connection",
        "keep-alive",
        "content-type",
    ];
    let sendable = |value: &str| value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte));
    let token = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let mut kept: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
        .filter(|(name, value)| !gone.contains(&name.as_str()) && token(name) && sendable(value))
        .collect();
    kept.push(("content-type".to_owned(), content_type(headers, extension)));
    kept
}

fn content_type(headers: &[(String, String)], extension: &str) -> String {
    let recorded = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if let Some((_, value)) = recorded.filter(|(_, value)| value.contains('/')) {
        return value.clone();
    }
    match extension {
        "sse" => "text/event-stream",
        "ndjson" => "application/x-ndjson",
        "json" => "application/json",
        "txt" => "text/plain",
        _ => "application/octet-stream",
    }
    .to_owned()
}

async fn exchange(mut stream: TcpStream, answer: &Answer, log: &Mutex<Vec<Asked>>) -> io::Result<()> {
    let asked = read_request(&mut stream).await?;
    log.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
    stream.write_all(head(answer).as_bytes()).await?;
    match &answer.cuts {
        Cuts::Whole => stream.write_all(&answer.body).await?,
        Cuts::EveryByte => stream.write_all(&chunked(&answer.body, std::iter::repeat(1))).await?,
        Cuts::Lengths(lengths) => stream.write_all(&chunked(&answer.body, lengths.iter().copied())).await?,
    }
    stream.shutdown().await
}

fn head(answer: &Answer) -> String {
    let mut head = format!("HTTP/1.1 {} recorded\r\nconnection: close\r\n", answer.status);
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    match answer.cuts {
        Cuts::Whole => head.push_str(&format!("content-length: {}\r\n\r\n", answer.body.len())),
        _ => head.push_str("transfer-encoding: chunked\r\n\r\n"),
    }
    head
}

fn chunked(mut body: &[u8], lengths: impl Iterator<Item = usize>) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() * 2);
    for length in lengths.filter(|length| *length > 0) {
        if body.is_empty() {
            break;
        }
        let (chunk, rest) = body.split_at(length.min(body.len()));
        push_chunk(&mut out, chunk);
        body = rest;
    }
    if !body.is_empty() {
        push_chunk(&mut out, body);
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

fn push_chunk(out: &mut Vec<u8>, chunk: &[u8]) {
    out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
    out.extend_from_slice(chunk);
    out.extend_from_slice(b"\r\n");
}

/// Reads one request, head and body.
pub async fn read_request(stream: &mut TcpStream) -> io::Result<Asked> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        read_more(stream, &mut bytes).await?;
    };
    let mut asked = parse_head(&String::from_utf8_lossy(&bytes[..head_end]));
    let length = asked.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while bytes.len() < head_end + 4 + length {
        read_more(stream, &mut bytes).await?;
    }
    asked.body = bytes.split_off(head_end + 4);
    Ok(asked)
}

async fn read_more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<()> {
    match stream.read_buf(bytes).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

fn parse_head(head: &str) -> Asked {
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Asked { method, path, headers, body: Vec::new() }
}

impl Asked {
    /// The value of the header `name`, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}
