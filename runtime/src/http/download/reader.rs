//! A range of a file, piece by piece and in order, over as many requests as it takes. What has arrived is never
//! asked for again.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue, IF_RANGE, RANGE};
use tokio::time::Instant;

use super::answer::{Asked, Entity, Meaning, check, check_length, read};
use super::client::{Client, Follow};
use super::error::{Error, Stop};
use super::request::Request;
use crate::http::Body;

/// So many bytes since the last failure make up for it.
const MAKES_UP: u64 = 256 << 10;

/// One download, as its readers share it.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) client: Client,
    pub(super) request: Arc<Request>,
    pub(super) deadline: Option<Instant>,
}

/// A reader of bytes from `at` up to `end`.
pub(super) struct Reader {
    job: Job,
    /// The file as it was when the download began. `None` until the first answer.
    entity: Option<Entity>,
    /// The next byte.
    at: u64,
    /// The byte to stop before: that of the range, or of the file.
    end: Option<u64>,
    /// Whether `end` is that of a range of many.
    bounded: bool,
    body: Option<Body>,
    /// Where the body ends.
    body_end: Option<u64>,
    /// How many bytes of the body have been here before.
    skip: u64,
    failed: u32,
    gained: u64,
}

impl Job {
    pub(super) fn new(client: &Client, request: &Request) -> Self {
        Self { client: client.clone(), request: Arc::new(request.clone()), deadline: client.deadline() }
    }
}

impl Reader {
    /// A reader of a file of which nothing is known.
    pub(super) fn new(job: &Job) -> Self {
        Self {
            job: job.clone(),
            entity: None,
            at: 0,
            end: None,
            bounded: false,
            body: None,
            body_end: None,
            skip: 0,
            failed: 0,
            gained: 0,
        }
    }

    /// A reader that goes on at `at`, up to `end` if that is given, else to the end of the file.
    pub(super) fn from(job: &Job, entity: Entity, at: u64, end: Option<u64>) -> Self {
        let bounded = end.is_some() && end != entity.total;
        let end = end.or(entity.total);
        Self { at, end, bounded, entity: Some(entity), ..Self::new(job) }
    }

    /// Stops before `end`, where more ranges follow.
    pub(super) fn up_to(mut self, end: u64) -> Self {
        self.bounded = self.end != Some(end);
        self.end = Some(end);
        self
    }

    /// Waits for the first answer, and returns what it says of the file.
    pub(super) async fn open(&mut self) -> Result<Entity, Stop> {
        if self.entity.is_none() {
            self.connect().await?;
        }
        self.entity.clone().ok_or(Stop::Again("no answer"))
    }

    /// Where the next piece begins.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// The length of the file, once it is known.
    pub(super) fn total(&self) -> Option<u64> {
        self.entity.as_ref().and_then(|entity| entity.total)
    }

    /// The next piece, never empty; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Stop> {
        loop {
            if self.end == Some(self.at) {
                self.body = None;
                return Ok(None);
            }
            let Some(body) = &mut self.body else {
                self.connect().await?;
                continue;
            };
            match body.chunk().await {
                Some(Ok(bytes)) => match self.accept(bytes)? {
                    bytes if bytes.is_empty() => {}
                    bytes => return Ok(Some(bytes)),
                },
                Some(Err(error)) => self.again(error.into()).await?,
                None => self.ended().await?,
            }
        }
    }

    /// What is new of a piece.
    fn accept(&mut self, mut bytes: Bytes) -> Result<Bytes, Error> {
        let known = self.skip.min(bytes.len() as u64);
        self.skip -= known;
        bytes.advance(usize::try_from(known).unwrap_or(bytes.len()));
        let length = bytes.len() as u64;
        if self.body_end.is_some_and(|end| length > end - self.at) {
            return Err(Error::range("more bytes than it announced"));
        }
        if self.bounded
            && let Some(end) = self.end
        {
            bytes.truncate(usize::try_from(end - self.at).unwrap_or(usize::MAX));
        }
        self.at += bytes.len() as u64;
        self.gained += bytes.len() as u64;
        let limit = self.job.request.limits.bytes;
        if self.at > limit { Err(Error::TooLarge { limit }) } else { Ok(bytes) }
    }

    /// A body is over before the range is.
    async fn ended(&mut self) -> Result<(), Stop> {
        self.body = None;
        if self.end.is_none() {
            // Sent without a length, and ended as it should.
            return self.ends_here();
        }
        if self.body_end == Some(self.at) && self.gained > 0 {
            // A server may give less than it is asked for.
            return Ok(());
        }
        self.again(Error::Short { at: self.at }).await
    }

    fn ends_here(&mut self) -> Result<(), Stop> {
        check_length(self.at, &self.job.request)?;
        self.end = Some(self.at);
        if let Some(entity) = &mut self.entity {
            entity.total = self.end;
        }
        Ok(())
    }

    /// Asks for what is missing until there is an answer that brings it.
    async fn connect(&mut self) -> Result<(), Stop> {
        while let Err(stop) = self.ask().await {
            match stop {
                Stop::Failed(error) => self.again(error).await?,
                Stop::Again(_) => return Err(stop),
            }
        }
        Ok(())
    }

    /// Waits until it is time to ask again, or gives `error` back if it is not to be asked again.
    async fn again(&mut self, error: Error) -> Result<(), Stop> {
        self.body = None;
        if self.gained >= MAKES_UP {
            self.failed = 0;
        }
        self.gained = 0;
        let Job { request, deadline, .. } = &self.job;
        let wait = request.retry.wait(self.failed, error.retry_after(), *deadline);
        let Some(wait) = wait.filter(|_| error.is_retryable()) else { return Err(error.into()) };
        self.failed += 1;
        tokio::time::sleep(wait).await;
        Ok(())
    }

    async fn ask(&mut self) -> Result<(), Stop> {
        let asked = self.asked();
        let headers = self.range_headers(asked)?;
        let Job { client, request, deadline } = &self.job;
        let sent = client.send(request, Method::GET, &headers, Follow::All, *deadline);
        let answer = sent.await?;
        let meaning = read(answer.status, &answer.headers, asked, self.entity.as_ref())?;
        (self.skip, self.body_end) = (0, None);
        match meaning {
            Meaning::Whole(entity) => self.start_over(entity)?,
            Meaning::Part { end, total } => self.go_on(end, total)?,
            Meaning::Complete => return self.ends_here(),
        }
        self.body = Some(answer.body);
        Ok(())
    }

    fn asked(&self) -> Asked {
        let range = self.entity.is_some() && (self.at > 0 || self.bounded);
        Asked { at: self.at, end: self.end, range }
    }

    /// `Range` and `If-Range`. Without a strong validator the rest may be that of another version.
    fn range_headers(&self, asked: Asked) -> Result<HeaderMap, Stop> {
        let mut headers = HeaderMap::new();
        if !asked.range {
            return Ok(headers);
        }
        let validator = self.entity.as_ref().and_then(|entity| entity.validator.as_ref());
        let validator = validator.ok_or(Stop::Again("it has no strong ETag to go on with"))?;
        let range = match asked.end {
            Some(end) => format!("bytes={}-{}", asked.at, end.saturating_sub(1)),
            None => format!("bytes={}-", asked.at),
        };
        let value =
            |text: &str| HeaderValue::from_str(text).map_err(|_| Stop::Again("its ETag cannot be sent"));
        headers.insert(RANGE, value(&range)?);
        headers.insert(IF_RANGE, value(validator.as_str())?);
        Ok(headers)
    }

    /// The answer is the whole file, asked for or not.
    fn start_over(&mut self, found: Entity) -> Result<(), Stop> {
        let Some(known) = &self.entity else {
            check(&found, &self.job.request)?;
            (self.end, self.body_end) = (found.total, found.total);
            self.entity = Some(found);
            return Ok(());
        };
        if self.bounded {
            return Err(Stop::Again("the server gives no ranges"));
        }
        let comparable = self.at == 0 || known.validator.is_some();
        let same_length = known.total.is_none() || known.total == found.total;
        if !comparable || known.validator != found.validator || !same_length {
            return Err(Stop::Again("another version came instead of the rest"));
        }
        (self.skip, self.end, self.body_end) = (self.at, found.total, found.total);
        self.entity = Some(found);
        Ok(())
    }

    fn go_on(&mut self, end: u64, total: u64) -> Result<(), Stop> {
        check_length(total, &self.job.request)?;
        if let Some(entity) = &mut self.entity {
            entity.total = Some(total);
        }
        self.end.get_or_insert(total);
        self.body_end = Some(end);
        Ok(())
    }
}
