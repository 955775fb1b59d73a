//! A file as a stream of bytes, for whoever puts it somewhere else than into a file.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use futures_core::Stream;
use sha2::{Digest, Sha256};

use super::client::Client;
use super::error::{Error, Stop};
use super::meter::{Meter, Progress};
use super::reader::{Job, Reader};
use super::request::Request;
use super::{check_sum, finished_size};

type Step = (Box<State>, Option<Result<Piece, Error>>);

/// A piece of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// The next bytes, never none.
    pub bytes: Bytes,
    /// How far the download is with them.
    pub progress: Progress,
}

/// The bytes of a file in order, made by [`stream`].
///
/// A connection that breaks is made anew, and the bytes go on where they ended. The checksum is known at the end: what
/// was read may be used only after the stream ended without an error.
pub struct ByteStream(Inner);

enum Inner {
    Idle(Box<State>),
    Busy(Pin<Box<dyn Future<Output = Step> + Send>>),
    Done,
}

struct State {
    job: Job,
    reader: Reader,
    digest: Sha256,
    meter: Meter,
    restarts: u32,
}

/// The file that `request` names, as a stream. One connection at a time, whatever its `parts` say.
///
/// ```no_run
/// use typewright_runtime::http::download::{Client, Request, Settings, stream};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::new(Settings::default())?;
/// let mut bytes = stream(&client, &Request::new("https://example.com/words.txt"));
/// let mut lines = 0;
/// while let Some(piece) = bytes.next().await {
///     lines += piece?.bytes.iter().filter(|byte| **byte == b'\n').count();
/// }
/// println!("{lines} lines");
/// # Ok(())
/// # }
/// ```
pub fn stream(client: &Client, request: &Request) -> ByteStream {
    let job = Job::new(client, request);
    let (reader, meter) = (Reader::new(&job), Meter::new(Instant::now()));
    let state = State { job, reader, digest: Sha256::new(), meter, restarts: 0 };
    ByteStream(Inner::Idle(Box::new(state)))
}

impl ByteStream {
    /// The next piece; `None` after the last one.
    pub async fn next(&mut self) -> Option<Result<Piece, Error>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for ByteStream {
    type Item = Result<Piece, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut busy = match std::mem::replace(&mut self.0, Inner::Done) {
            Inner::Done => return Poll::Ready(None),
            Inner::Idle(state) => step(state),
            Inner::Busy(busy) => busy,
        };
        let Poll::Ready((state, item)) = busy.as_mut().poll(cx) else {
            self.0 = Inner::Busy(busy);
            return Poll::Pending;
        };
        if let Some(Ok(_)) = &item {
            self.0 = Inner::Idle(state);
        }
        Poll::Ready(item)
    }
}

fn step(mut state: Box<State>) -> Pin<Box<dyn Future<Output = Step> + Send>> {
    Box::pin(async move {
        let item = state.next().await.transpose();
        (state, item)
    })
}

impl State {
    async fn next(&mut self) -> Result<Option<Piece>, Error> {
        let bytes = loop {
            match self.reader.next().await {
                Ok(Some(bytes)) => break bytes,
                Ok(None) => return self.end().map(|()| None),
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::Again(_)) if self.reader.at() == 0 && self.restarts < self.most_restarts() => {
                    self.restarts += 1;
                    self.reader = Reader::new(&self.job);
                }
                // Bytes of another version have been handed out.
                Err(Stop::Again(reason)) => return Err(Error::Changed { reason }),
            }
        };
        self.digest.update(&bytes);
        self.meter.set(self.reader.at() - bytes.len() as u64, self.reader.total());
        self.meter.add(bytes.len() as u64, Instant::now());
        Ok(Some(Piece { bytes, progress: self.meter.progress() }))
    }

    fn most_restarts(&self) -> u32 {
        self.job.request.retry.max_retries
    }

    fn end(&self) -> Result<(), Error> {
        finished_size(self.reader.at(), &self.job.request)?;
        check_sum(&self.digest.clone().finalize().into(), &self.job.request)
    }
}
