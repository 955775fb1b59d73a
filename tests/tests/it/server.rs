//! A server of several answers, for tests of what a client does over time: it sends pieces with pauses between them,
//! keeps what it is asked and when, and notices a client that hangs up.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use typewright_tests::loopback::{self, Asked};

/// What to do with one request, step by step. The connection is closed behind the last step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer(Vec<Step>);

#[derive(Debug, Clone)]
enum Step {
    Send(Vec<u8>),
    Wait(Duration),
    UntilHungUp,
}

/// What the server has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Every connection counts, asked or not.
    pub(crate) connections: usize,
    /// Every request, and when it was there.
    pub(crate) asked: Vec<(Asked, Instant)>,
    /// How often the client hung up on a server that had more to say.
    pub(crate) hung_up: usize,
}

/// A server that is up until it is dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

impl Answer {
    /// Status, headers and body, whole.
    pub(crate) fn new(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let mut head =
            format!("HTTP/1.1 {status} said\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        Self(vec![Step::Send(format!("{head}\r\n{body}").into_bytes())])
    }

    /// JSON with status 200.
    pub(crate) fn json(body: &str) -> Self {
        Self::new(200, &[("content-type", "application/json")], body)
    }

    /// The head of a stream of events, which ends with the connection.
    pub(crate) fn stream() -> Self {
        Self(vec![Step::Send(
            b"HTTP/1.1 200 said\r\nconnection: close\r\ncontent-type: text/event-stream\r\n\r\n".to_vec(),
        )])
    }

    /// Then one event of a stream.
    pub(crate) fn event(self, data: &str) -> Self {
        self.send(&format!("data: {data}\n\n"))
    }

    /// Then one named event of a stream.
    pub(crate) fn named(self, name: &str, data: &str) -> Self {
        self.send(&format!("event: {name}\ndata: {data}\n\n"))
    }

    /// Then these bytes.
    pub(crate) fn send(mut self, text: &str) -> Self {
        self.0.push(Step::Send(text.as_bytes().to_vec()));
        self
    }

    /// Then nothing for a while.
    pub(crate) fn wait(mut self, time: Duration) -> Self {
        self.0.push(Step::Wait(time));
        self
    }

    /// Then nothing, until the client hangs up.
    pub(crate) fn until_hung_up(mut self) -> Self {
        self.0.push(Step::UntilHungUp);
        self
    }
}

impl Server {
    /// A server that gives these answers, one a request; whoever asks more often is hung up on.
    pub(crate) async fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (log, mut answers) = (Arc::clone(&seen), answers.into_iter().collect::<Vec<_>>().into_iter());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                log.lock().unwrap().connections += 1;
                let answer = answers.next().unwrap_or_default();
                tokio::spawn(exchange(stream, answer, Arc::clone(&log)));
            }
        });
        Self { url, seen, task }
    }

    /// What was seen so far.
    pub(crate) fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock().unwrap())
    }

    /// The body of request number `at` as JSON.
    pub(crate) fn body(&self, at: usize) -> serde_json::Value {
        self.seen(|seen| serde_json::from_slice(&seen.asked[at].0.body).unwrap())
    }

    /// How many requests there were.
    pub(crate) fn requests(&self) -> usize {
        self.seen(|seen| seen.asked.len())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn exchange(mut stream: TcpStream, answer: Answer, log: Arc<Mutex<Seen>>) {
    let Ok(asked) = loopback::read_request(&mut stream).await else { return };
    log.lock().unwrap().asked.push((asked, Instant::now()));
    for step in answer.0 {
        let sent = match step {
            Step::Send(bytes) => stream.write_all(&bytes).await,
            Step::Wait(time) => {
                tokio::time::sleep(time).await;
                Ok(())
            }
            Step::UntilHungUp => match stream.read(&mut [0; 64]).await {
                Ok(0) | Err(_) => Err(std::io::ErrorKind::BrokenPipe.into()),
                Ok(_) => Ok(()),
            },
        };
        if sent.is_err() {
            log.lock().unwrap().hung_up += 1;
            return;
        }
    }
    drop(stream.shutdown().await);
}
