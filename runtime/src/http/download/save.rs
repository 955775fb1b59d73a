//! A file from an address into a folder: one download from the lock to the final name.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::task::{JoinHandle, spawn_blocking};

use super::answer::{Entity, Validator, check_length};
use super::client::Client;
use super::error::{Error, Stop};
use super::lock::Lock;
use super::meter::{Meter, Progress};
use super::part::{Part, Paths, sum_of};
use super::reader::{Job, Reader};
use super::request::{Existing, Parts, Request, Target};
use super::state::{MOST_RANGES, Range, State, checksum};
use super::{check_sum, finished_size};

/// How much is gathered before it is written.
const BATCH: usize = 1 << 20;
/// How long it is gathered at most.
const GATHERED: Duration = Duration::from_millis(500);
/// The shortest and the longest range that a file is divided into.
const RANGES: (u64, u64) = (1 << 20, 128 << 20);

/// A file that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Saved {
    /// Where it is.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256. `None` if the file was there already and none was expected of it.
    pub sha256: Option<[u8; 32]>,
    /// Its `ETag`, if it is a strong one.
    pub etag: Option<String>,
    /// How many bytes were there before: those of an earlier try, or all.
    pub resumed: u64,
}

/// Tells progress from all ranges.
struct Reporter<'a>(Mutex<(Meter, Tell<'a>)>);

type Tell<'a> = Box<dyn FnMut(&Progress) + Send + 'a>;

/// Gathers pieces of a range, and writes them while the next ones arrive.
struct Sink {
    part: Arc<Part>,
    index: usize,
    gathered: BytesMut,
    since: Instant,
    batch: usize,
    writing: Option<JoinHandle<Result<(), Error>>>,
}

/// Saves what has arrived if the download is dropped.
struct Kept(Option<Arc<Part>>);

/// Downloads the file that `request` names to `target`, and tells `progress` about it, ten times a second at most.
///
/// What arrived is kept when this fails, is dropped or the process dies, and the next call goes on with it, if the
/// server has a strong `ETag` or a date of change and gives ranges.
pub async fn save(
    client: &Client,
    request: &Request,
    target: &Target,
    progress: impl FnMut(&Progress) + Send,
) -> Result<Saved, Error> {
    let reporter = Reporter(Mutex::new((Meter::new(Instant::now()), Box::new(progress))));
    let paths = Paths::of(&target.path, target.lock.as_deref());
    let held = Lock::acquire(&paths.lock, target.lock_wait, target.lock.is_none()).await?;
    let (lock, waited) = held;
    if target.existing == Existing::Keep || waited {
        let (paths, request) = (paths.clone(), request.clone());
        if let Some(saved) = blocking(move || Ok(existing(&paths, &request))).await? {
            reporter.set(saved.bytes, Some(saved.bytes));
            return Ok(saved);
        }
    }
    let address = checksum(request.url.as_bytes());
    let checkpoint = target.checkpoint.max(1);
    let part = blocking(move || Part::open(paths, address, checkpoint, Arc::new(lock))).await?;
    transfer(&Job::new(client, request), Arc::new(part), &reporter).await
}

/// The file that is there already, if it is what is expected.
fn existing(paths: &Paths, request: &Request) -> Option<Saved> {
    let path = &paths.whole;
    let bytes = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?.len();
    check_length(bytes, request).ok()?;
    let sha256 = match request.expected.sha256 {
        Some(expected) => Some(sum_of(path).ok().filter(|found| *found == expected)?),
        None => None,
    };
    paths.tidy();
    Some(Saved { path: path.clone(), bytes, sha256, etag: None, resumed: bytes })
}

/// Transfers what is missing, from zero again where it has to be, and gives the file its name.
async fn transfer(job: &Job, mut part: Arc<Part>, reporter: &Reporter<'_>) -> Result<Saved, Error> {
    let mut resumed = part.state().map_or(0, |state| state.received());
    let (mut job, mut left) = (job.clone(), job.request.retry.max_retries);
    loop {
        let mut kept = Kept(Some(Arc::clone(&part)));
        let done = ranges(&job, &part, reporter).await;
        kept.0 = None;
        match done {
            Ok(()) => break,
            Err(Stop::Failed(error)) => {
                // What cannot be saved is fetched again.
                let _ = blocking(move || part.leave()).await;
                return Err(error);
            }
            Err(Stop::Again(reason)) if left == 0 => return Err(Error::Changed { reason }),
            Err(Stop::Again(_)) => left -= 1,
        }
        // Whoever breaks promises is asked for the plain file.
        job.request = Arc::new(Request { parts: Parts::UpTo(1), ..Request::clone(&job.request) });
        resumed = 0;
        let old = Arc::clone(&part);
        part = Arc::new(blocking(move || old.renewed()).await?);
    }
    let request = Arc::clone(&job.request);
    let saved = blocking(move || finish(&part, &request, resumed)).await?;
    reporter.set(saved.bytes, Some(saved.bytes));
    Ok(saved)
}

/// All bytes are there: checks them, and gives the file its name.
fn finish(part: &Part, request: &Request, resumed: u64) -> Result<Saved, Error> {
    let Some(State { entity, .. }) = part.state() else { return Err(Error::Short { at: 0 }) };
    let bytes = entity.total.unwrap_or_default();
    let sum = part.sum()?;
    let checked = finished_size(bytes, request).and_then(|()| check_sum(&sum, request));
    if let Err(error) = checked {
        part.remove()?;
        return Err(error);
    }
    part.finish()?;
    let etag = entity.validator.and_then(|validator| match validator {
        Validator::Etag(tag) => Some(tag),
        Validator::Modified(_) => None,
    });
    Ok(Saved { path: part.whole().to_owned(), bytes, sha256: Some(sum), etag, resumed })
}

/// Transfers all ranges that are not there yet.
async fn ranges(job: &Job, part: &Arc<Part>, reporter: &Reporter<'_>) -> Result<(), Stop> {
    let mut first = None;
    let state = match part.state() {
        Some(state) => state,
        None => {
            let mut reader = Reader::new(job);
            let entity = reader.open().await?;
            first = Some(reader);
            begin(part, entity, job.request.parts).await?
        }
    };
    reporter.set(state.received(), state.entity.total);
    if let Some(total) = state.entity.total {
        check_length(total, &job.request)?;
    }
    let known = Arc::clone(part);
    blocking(move || known.catch_up()).await?;
    let many = if state.ranges.len() > 1 { workers(&state, job.request.parts) } else { 1 };
    let workers = (0..many).map(|_| worker(job, part, first.take(), reporter)).collect();
    all(workers).await
}

fn workers(state: &State, parts: Parts) -> u8 {
    state.entity.total.map_or(1, |total| parts.of(total))
}

/// Notes what the first answer says.
async fn begin(part: &Arc<Part>, entity: Entity, parts: Parts) -> Result<State, Error> {
    let (part, ranges) = (Arc::clone(part), divided(&entity, parts));
    blocking(move || {
        part.begin(entity, ranges)?;
        part.state().ok_or(Error::Short { at: 0 })
    })
    .await
}

/// The ranges of a file: one, or many where several are fetched at a time.
fn divided(entity: &Entity, parts: Parts) -> Vec<Range> {
    let range = |start, end| Range { start, end, done: 0 };
    let total = match entity.total {
        Some(total) if entity.is_divisible() && parts.of(total) > 1 => total,
        end => return vec![range(0, end)],
    };
    let wished = (total / (u64::from(parts.of(total)) * 4)).clamp(RANGES.0, RANGES.1);
    let length = wished.max(total.div_ceil(MOST_RANGES as u64));
    let starts = (0..total.div_ceil(length).max(1)).map(|at| at * length);
    starts.map(|start| range(start, Some(total.min(start + length)))).collect()
}

/// Fetches one range after the other, `first` with the answer that is there already.
async fn worker(
    job: &Job,
    part: &Arc<Part>,
    mut first: Option<Reader>,
    reporter: &Reporter<'_>,
) -> Result<(), Stop> {
    while let Some((index, range)) = part.claim() {
        let Some(entity) = part.state().map(|state| state.entity) else { break };
        let reader = match (first.take(), range.end) {
            (Some(reader), Some(end)) if range.at() == 0 => reader.up_to(end),
            (Some(reader), None) => reader,
            (_, end) => Reader::from(job, entity, range.at(), end),
        };
        fetch(reader, part, index, reporter).await?;
        let part = Arc::clone(part);
        blocking(move || part.catch_up()).await?;
    }
    Ok(())
}

/// Fetches one range. What arrived before a failure is written.
async fn fetch(
    mut reader: Reader,
    part: &Arc<Part>,
    index: usize,
    reporter: &Reporter<'_>,
) -> Result<(), Stop> {
    let mut sink = Sink::new(part, index);
    let read = loop {
        match reader.next().await {
            Ok(Some(bytes)) => {
                reporter.add(bytes.len() as u64);
                sink.push(&bytes).await?;
            }
            Ok(None) => break Ok(()),
            Err(stop) => break Err(stop),
        }
    };
    sink.flush().await?;
    sink.written().await?;
    if let (Ok(()), Some(total)) = (&read, reader.total()) {
        part.ends_at(total);
    }
    read
}

impl Sink {
    fn new(part: &Arc<Part>, index: usize) -> Self {
        Self {
            part: Arc::clone(part),
            index,
            gathered: BytesMut::new(),
            since: Instant::now(),
            batch: usize::try_from(part.checkpoint()).unwrap_or(BATCH).min(BATCH),
            writing: None,
        }
    }

    async fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.gathered.extend_from_slice(bytes);
        let due = self.gathered.len() >= self.batch || self.since.elapsed() >= GATHERED;
        if due { self.flush().await } else { Ok(()) }
    }

    /// Begins to write what was gathered, once what was before it is written.
    async fn flush(&mut self) -> Result<(), Error> {
        self.written().await?;
        self.since = Instant::now();
        if self.gathered.is_empty() {
            return Ok(());
        }
        let (part, index, bytes) = (Arc::clone(&self.part), self.index, self.gathered.split());
        self.writing = Some(spawn_blocking(move || part.write(index, &bytes)));
        Ok(())
    }

    async fn written(&mut self) -> Result<(), Error> {
        match self.writing.take() {
            Some(writing) => joined(writing).await,
            None => Ok(()),
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let Some(part) = self.0.take() else { return };
        let save = move || _ = part.leave();
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => _ = runtime.spawn_blocking(save),
            Err(_) => save(),
        }
    }
}

impl Reporter<'_> {
    fn set(&self, received: u64, total: Option<u64>) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (meter, tell) = &mut *held;
        meter.set(received, total);
        tell(&meter.progress());
    }

    fn add(&self, bytes: u64) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (meter, tell) = &mut *held;
        if let Some(progress) = meter.add(bytes, Instant::now()) {
            tell(&progress);
        }
    }
}

/// Waits for all of `futures`, or for the first that fails.
async fn all<F: Future<Output = Result<(), Stop>>>(futures: Vec<F>) -> Result<(), Stop> {
    let mut running: Vec<Pin<Box<F>>> = futures.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|cx| {
        let mut at = 0;
        while let Some(future) = running.get_mut(at) {
            match future.as_mut().poll(cx) {
                Poll::Pending => at += 1,
                Poll::Ready(Ok(())) => drop(running.remove(at)),
                Poll::Ready(Err(stop)) => return Poll::Ready(Err(stop)),
            }
        }
        if running.is_empty() { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await
}

/// Does what waits for the disk where waiting is allowed.
pub(in crate::http) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    joined(spawn_blocking(work)).await
}

async fn joined<T>(work: JoinHandle<Result<T, Error>>) -> Result<T, Error> {
    match work.await {
        Ok(done) => done,
        Err(error) => {
            let source = std::io::Error::other(error.to_string());
            Err(Error::File { action: "finish work on", path: PathBuf::new(), source })
        }
    }
}
