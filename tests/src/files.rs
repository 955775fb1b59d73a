//! A server of files on the loopback address: ranges and validators as RFC 9110 has them, and any fault that a test
//! thinks of. Its answers come from a function of the request; [`Hosted::answer`] is the right one.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::loopback::{Asked, read_request};

/// A file as it is hosted.
#[derive(Debug, Clone)]
pub struct Hosted {
    /// Its content.
    pub body: Bytes,
    /// Its `ETag`, quotes and all.
    pub etag: Option<String>,
    /// Whether ranges are given, and said to be.
    pub ranges: bool,
    /// Headers to send with every answer.
    pub headers: Vec<(&'static str, String)>,
}

/// An answer, right or wrong.
#[derive(Debug, Clone)]
pub struct Served {
    /// The status.
    pub status: u16,
    /// The headers, without the length.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// The length that is announced. `None`: HTTP chunks.
    pub length: Option<u64>,
    /// After how many bytes of the body the connection is cut.
    pub cut: Option<usize>,
    /// How many bytes are sent at once, and how long the wait is after each piece.
    pub pace: Option<(usize, Duration)>,
}

/// A server that is up until it is dropped.
pub struct FileServer {
    /// Its address, such as `http://127.0.0.1:4321`.
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    sent: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

type Handler = dyn Fn(&Asked, usize) -> Served + Send + Sync;

/// Starts a server whose answers are those of `handler`: of the request, and of how many there were before.
pub async fn serve(
    handler: impl Fn(&Asked, usize) -> Served + Send + Sync + 'static,
) -> io::Result<FileServer> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let (asked, sent) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicU64::new(0)));
    let handler: Arc<Handler> = Arc::new(handler);
    let (log, count) = (Arc::clone(&asked), Arc::clone(&sent));
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (handler, log, count) = (Arc::clone(&handler), Arc::clone(&log), Arc::clone(&count));
            // A client that hangs up in the middle is the client's business.
            tokio::spawn(async move { _ = exchange(stream, &*handler, &log, &count).await });
        }
    });
    Ok(FileServer { url, asked, sent, task })
}

impl FileServer {
    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many bytes of bodies were sent so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// The ranges that were asked for so far; empty for a whole file.
    pub fn ranges(&self) -> Vec<String> {
        let range = |asked: &Asked| asked.header("range").unwrap_or_default().to_owned();
        self.asked().iter().map(range).collect()
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Hosted {
    /// A file with a strong `ETag`, given in ranges.
    pub fn new(body: impl Into<Bytes>, etag: &str) -> Self {
        Self { body: body.into(), etag: Some(format!("\"{etag}\"")), ranges: true, headers: Vec::new() }
    }

    /// The right answer.
    pub fn answer(&self, asked: &Asked) -> Served {
        let mut served = Served::new(200, self.body.clone());
        served.headers.extend(self.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        if let Some(etag) = &self.etag {
            served.headers.push(("etag".to_owned(), etag.clone()));
        }
        if !self.ranges {
            return served;
        }
        served.headers.push(("accept-ranges".to_owned(), "bytes".to_owned()));
        match asked.header("range").and_then(|range| self.range(range)) {
            Some((first, last)) if self.is_current(asked) => self.part(served, first, last),
            _ => served,
        }
    }

    fn part(&self, mut served: Served, first: usize, last: Option<usize>) -> Served {
        let total = self.body.len();
        let end = last.map_or(total, |last| total.min(last + 1));
        if first >= end {
            served.headers.push(("content-range".to_owned(), format!("bytes */{total}")));
            return Served { headers: served.headers, ..Served::new(416, Bytes::new()) };
        }
        let range = format!("bytes {first}-{}/{total}", end - 1);
        served.headers.push(("content-range".to_owned(), range));
        Served { headers: served.headers, ..Served::new(206, self.body.slice(first..end)) }
    }

    fn range(&self, range: &str) -> Option<(usize, Option<usize>)> {
        let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
        Some((first.parse().ok()?, last.parse().ok()))
    }

    /// `If-Range` compares as strong tags do, so that a weak one never matches.
    fn is_current(&self, asked: &Asked) -> bool {
        let strong = self.etag.as_deref().filter(|etag| !etag.starts_with("W/"));
        let modified = self.headers.iter().find(|(name, _)| *name == "last-modified");
        match asked.header("if-range") {
            None => true,
            Some(tag) => strong == Some(tag) || modified.is_some_and(|(_, date)| date == tag),
        }
    }
}

impl Served {
    /// An answer with a body that is announced as it is.
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let length = Some(body.len() as u64);
        Self { status, headers: Vec::new(), body, length, cut: None, pace: None }
    }

    /// The same with another header; one of that name is replaced.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same, cut after so many bytes of the body.
    pub fn cut(self, after: usize) -> Self {
        Self { cut: Some(after), ..self }
    }

    /// The same, in pieces of so many bytes with a wait after each.
    pub fn pace(self, bytes: usize, wait: Duration) -> Self {
        Self { pace: Some((bytes, wait)), ..self }
    }

    fn head(&self) -> String {
        let mut head = format!("HTTP/1.1 {} served\r\nconnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        match self.length {
            Some(length) => head.push_str(&format!("content-length: {length}\r\n\r\n")),
            None => head.push_str("transfer-encoding: chunked\r\n\r\n"),
        }
        head
    }
}

async fn exchange(
    mut stream: TcpStream,
    handler: &Handler,
    log: &Mutex<Vec<Asked>>,
    sent: &AtomicU64,
) -> io::Result<()> {
    let asked = read_request(&mut stream).await?;
    let before = {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push(asked.clone());
        log.len() - 1
    };
    let served = handler(&asked, before);
    stream.write_all(served.head().as_bytes()).await?;
    if asked.method == "HEAD" {
        return stream.shutdown().await;
    }
    let body = &served.body[..served.cut.unwrap_or(served.body.len()).min(served.body.len())];
    let (piece, wait) = served.pace.unwrap_or((64 << 10, Duration::ZERO));
    for bytes in body.chunks(piece.max(1)) {
        if served.length.is_none() {
            stream.write_all(format!("{:x}\r\n", bytes.len()).as_bytes()).await?;
        }
        stream.write_all(bytes).await?;
        if served.length.is_none() {
            stream.write_all(b"\r\n").await?;
        }
        sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }
    if served.length.is_none() && served.cut.is_none() {
        stream.write_all(b"0\r\n\r\n").await?;
    }
    stream.shutdown().await
}
