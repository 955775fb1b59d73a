//! One request made ready, and its exchange for an answer: sent, judged by its status, sent again where the
//! policy allows.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Method, Url};

use super::reply::Meta;
use super::{Client, Http, builder, failure};
use crate::auth::AuthScheme;
use crate::error::{Error, Result};
use crate::http::{Answer, Attempts, Call};
use crate::wire::v1::ErrorWire;

/// The most of an error's body that is kept.
const ERROR_BODY: usize = 64 << 10;

/// A request that is ready to be sent, as often as it takes.
pub(super) struct Prepared {
    call: Call,
}

/// What a wire says about a request, but for its body.
pub(super) struct Head<'a> {
    pub(super) method: &'static str,
    /// With a leading slash, and perhaps with a query.
    pub(super) path: &'a str,
    pub(super) query: &'a [(&'static str, String)],
    pub(super) headers: &'a [(&'static str, String)],
}

impl Prepared {
    pub(super) fn new(client: &Client, head: &Head<'_>, body: Option<Vec<u8>>) -> Result<Self> {
        let (wire, http) = (client.provider(), client.http()?);
        let mut headers = http.headers.clone();
        if body.is_some() {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        }
        for (name, value) in head.headers {
            let value = HeaderValue::from_str(value)
                .map_err(|_| Error::InvalidHeader { name: (*name).to_owned() })?;
            headers.append(HeaderName::from_static(name), value);
        }
        if let Some(key) = &http.key {
            wire.auth.sign(wire.name, key, &mut headers)?;
        }
        let method = Method::from_bytes(head.method.as_bytes()).unwrap_or(Method::POST);
        let call = Call { method, url: http.url(&wire.auth, head)?, headers, body: body.map(Bytes::from) };
        Ok(Self { call })
    }

    /// Sends the request once. An answer that is no success is an error.
    pub(super) async fn send(
        &self,
        client: &Client,
        errors: &'static ErrorWire,
        attempts: &Attempts,
    ) -> Result<Answer> {
        let answer = client.http()?.transport.send(&self.call, attempts.deadline()).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        Err(self.refusal(client, errors, answer).await)
    }

    /// Sends the request until a whole answer is there that `decode` can read.
    pub(super) async fn whole<T>(
        &self,
        client: &Client,
        errors: &'static ErrorWire,
        decode: impl Fn(&Bytes, &Meta) -> Result<T>,
    ) -> Result<(T, Meta)> {
        let mut attempts = client.attempts()?;
        loop {
            let error = match self.whole_once(client, errors, &attempts, &decode).await {
                Ok((decoded, meta)) => return Ok((decoded, meta.after(attempts))),
                Err(error) => error,
            };
            attempts.again(error).await?;
        }
    }

    async fn whole_once<T>(
        &self,
        client: &Client,
        errors: &'static ErrorWire,
        attempts: &Attempts,
        decode: impl Fn(&Bytes, &Meta) -> Result<T>,
    ) -> Result<(T, Meta)> {
        let mut answer = self.send(client, errors, attempts).await?;
        let body = answer.body.read().await?;
        let meta = Meta::new(client, errors, answer.status, answer.headers);
        Ok((decode(&body, &meta)?, meta))
    }

    async fn refusal(&self, client: &Client, errors: &'static ErrorWire, mut answer: Answer) -> Error {
        let body = answer.body.read_some(ERROR_BODY).await;
        let meta = Meta::new(client, errors, answer.status, answer.headers);
        failure::of_body(&meta, &body)
    }
}

/// The address that the last call went to. Most calls of a client go to the same one.
pub(super) struct LastUrl {
    path: String,
    query: Vec<(&'static str, String)>,
    url: Arc<Url>,
}

impl LastUrl {
    fn is_of(&self, head: &Head<'_>) -> bool {
        self.path == head.path && self.query == head.query
    }
}

impl Http {
    /// The address of a call, read anew only where it is not that of the call before.
    fn url(&self, auth: &AuthScheme, head: &Head<'_>) -> Result<Arc<Url>> {
        if self.key.as_ref().is_some_and(|key| auth.query(key).is_some()) {
            // An address that holds the key is kept nowhere.
            return self.new_url(auth, head).map(Arc::new);
        }
        let mut last = self.last_url.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = last.as_ref().filter(|last| last.is_of(head)) {
            return Ok(Arc::clone(&last.url));
        }
        let url = Arc::new(self.new_url(auth, head)?);
        let (path, query) = (head.path.to_owned(), head.query.to_vec());
        *last = Some(LastUrl { path, query, url: Arc::clone(&url) });
        Ok(url)
    }

    /// The query of the base address stays, the key goes in where it belongs there.
    fn new_url(&self, auth: &AuthScheme, head: &Head<'_>) -> Result<Url> {
        let (path, path_query) = head.path.split_once('?').unwrap_or((head.path, ""));
        let (base, base_query) = self.base.as_str().split_once('?').unwrap_or((self.base.as_str(), ""));
        let text = format!("{}{path}", base.trim_end_matches('/'));
        let invalid = |error: &dyn std::fmt::Display| Error::InvalidUrl {
            url: builder::shown(&self.base),
            reason: format!("with the path `{path}`: {error}"),
        };
        let mut url = Url::parse(&text).map_err(|error| invalid(&error))?;
        if url.origin() != self.base.origin() {
            return Err(invalid(&"it leads to another host"));
        }
        let queries: Vec<&str> =
            [base_query, path_query].into_iter().filter(|query| !query.is_empty()).collect();
        if !queries.is_empty() {
            url.set_query(Some(&queries.join("&")));
        }
        let key = self.key.as_ref().and_then(|key| auth.query(key));
        let pairs = head.query.iter().map(|(name, value)| (*name, value.as_str())).chain(key);
        for (name, value) in pairs {
            url.query_pairs_mut().append_pair(name, value);
        }
        Ok(url)
    }
}

impl Client {
    /// The attempts of a call that begins now.
    pub(super) fn attempts(&self) -> Result<Attempts> {
        let config = &self.http()?.transport.config;
        Ok(Attempts::new(config.retry, config.clocks.total))
    }
}
