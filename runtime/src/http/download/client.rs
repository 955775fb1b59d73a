//! The HTTP client of downloads, and one request with the redirects that lead to its answer.
//!
//! Headers of the caller and the token go to the origin that was asked and to none that it redirects to, not even on
//! the way back.

use std::sync::Arc;

use reqwest::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Method, StatusCode, Url};
use tokio::time::Instant;

use super::error::Error;
use super::request::Request;
use crate::http::{Answer, Call, Clocks, Limits, Transport, TransportConfig, is_loopback, retry_after};
use crate::secret::Secret;

/// The longest address that a redirect may lead to.
const LONGEST_ADDRESS: usize = 16 << 10;
/// How much of an error's body is kept.
const DETAIL: usize = 512;

/// How to reach servers.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long to wait for what. A download has no limit of its own: 10 s for a connection, 60 s for an answer, 60 s
    /// between two pieces.
    pub clocks: Clocks,
    /// Certificates to trust beside the bundled ones, each in PEM.
    pub root_certificates: Vec<Vec<u8>>,
    /// A proxy for every request. Without it, the usual environment variables are followed.
    pub proxy: Option<Secret>,
    /// Follow no proxy, whatever the environment says.
    pub no_proxy: bool,
}

/// An HTTP client for downloads. Clones share its connections.
#[derive(Clone)]
pub struct Client(Arc<Transport>);

/// Which redirects are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Follow {
    All,
    /// Those within one origin; others are answers.
    Within,
}

impl Default for Settings {
    fn default() -> Self {
        let seconds = std::time::Duration::from_secs;
        let clocks = Clocks { connect: seconds(10), first_byte: seconds(60), idle: seconds(60), total: None };
        Self { clocks, root_certificates: Vec::new(), proxy: None, no_proxy: false }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// A client with these settings. Nothing is read or sent yet.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let transport = Transport::new(TransportConfig {
            clocks: settings.clocks,
            // Files have a limit of their own.
            limits: Limits { body: usize::MAX, ..Limits::default() },
            root_certificates: settings.root_certificates,
            proxy: settings.proxy.map(|proxy| proxy.expose().to_owned()),
            no_proxy: settings.no_proxy,
            ..TransportConfig::default()
        })?;
        Ok(Self(Arc::new(transport)))
    }

    /// When a download that starts now has to be done.
    pub(in crate::http) fn deadline(&self) -> Option<Instant> {
        self.0.config.clocks.total.and_then(|total| Instant::now().checked_add(total))
    }

    /// Sends `request` with `extra` headers, follows redirects, and returns the last answer. A status that is no
    /// success is an error, but for redirects that are not to be followed and 416.
    pub(in crate::http) async fn send(
        &self,
        request: &Request,
        method: Method,
        extra: &HeaderMap,
        follow: Follow,
        deadline: Option<Instant>,
    ) -> Result<Answer, Error> {
        let start = address(&request.url)?;
        let own = own_headers(request, &start)?;
        let (mut url, mut own) = (start.clone(), Some(own));
        for _ in 0..=request.limits.redirects {
            let headers = headers(extra, own.as_ref());
            let call = Call { method: method.clone(), url: Arc::new(url.clone()), headers, body: None };
            let answer = self.0.send(&call, deadline).await?;
            let Some(next) = redirect(&answer, &url)? else { return checked(answer, &url).await };
            if next.origin() != start.origin() {
                if follow == Follow::Within {
                    return Ok(answer);
                }
                own = None;
            }
            url = next;
        }
        Err(Error::Redirect { url: shown(&url), reason: "too many of them" })
    }
}

/// The address that `text` is.
pub(in crate::http) fn address(text: &str) -> Result<Url, Error> {
    let invalid = |reason: &str| {
        let url = text.split(['?', '#']).next().unwrap_or_default();
        let url = url.rsplit_once('@').map_or(url, |(_, rest)| rest).to_owned();
        Error::from(crate::Error::InvalidUrl { url, reason: reason.to_owned() })
    };
    let url = Url::parse(text).map_err(|error| invalid(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(invalid("not http and not https"));
    }
    Ok(url)
}

/// An address without credentials, query and fragment.
pub(in crate::http) fn shown(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

fn headers(extra: &HeaderMap, own: Option<&HeaderMap>) -> HeaderMap {
    let mut headers = own.cloned().unwrap_or_default();
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.extend(extra.iter().map(|(name, value)| (name.clone(), value.clone())));
    headers
}

/// The caller's headers and token.
fn own_headers(request: &Request, url: &Url) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let invalid = || crate::Error::InvalidHeader { name: name.clone() };
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
        headers.append(key, sensitive(value.expose()).ok_or_else(invalid)?);
    }
    let Some(token) = &request.token else { return Ok(headers) };
    if url.scheme() != "https" && !is_loopback(url) {
        return Err(Error::ClearText { url: shown(url) });
    }
    let value = sensitive(&format!("Bearer {}", token.expose()));
    let value = value.ok_or_else(|| crate::Error::InvalidHeader { name: AUTHORIZATION.to_string() })?;
    headers.insert(AUTHORIZATION, value);
    Ok(headers)
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Where `answer` leads on to.
fn redirect(answer: &Answer, from: &Url) -> Result<Option<Url>, Error> {
    use StatusCode as S;
    let moved = [S::MOVED_PERMANENTLY, S::FOUND, S::SEE_OTHER, S::TEMPORARY_REDIRECT, S::PERMANENT_REDIRECT];
    if !moved.contains(&answer.status) {
        return Ok(None);
    }
    let refused = |reason| Error::Redirect { url: shown(from), reason };
    let location = answer.headers.get(LOCATION).ok_or_else(|| refused("it leads nowhere"))?;
    let location = location.to_str().ok().filter(|location| location.len() <= LONGEST_ADDRESS);
    let next = location.and_then(|location| from.join(location).ok());
    let next = next.ok_or_else(|| refused("its address is none"))?;
    match (from.scheme(), next.scheme()) {
        ("https", "http") => Err(refused("from https to http")),
        (_, "http" | "https") if next.has_host() => Ok(Some(next)),
        _ => Err(refused("neither to http nor to https")),
    }
}

/// The answer if it is one, else the error that it is.
async fn checked(answer: Answer, url: &Url) -> Result<Answer, Error> {
    let Answer { status, headers, mut body } = answer;
    if status.is_success() || status == StatusCode::RANGE_NOT_SATISFIABLE {
        return Ok(Answer { status, headers, body });
    }
    let mut detail = printable(&body.read_some(DETAIL).await);
    if let Some(message) = headers.get("x-error-message").filter(|_| detail.is_empty()) {
        detail = printable(message.as_bytes());
    }
    let (status, retry_after) = (status.as_u16(), retry_after(&headers, []));
    Err(Error::Status { status, url: shown(url), retry_after, detail })
}

/// The start of what a server said, on one line.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text: String = text.chars().take(DETAIL).map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_show_no_secret_of_an_address() {
        let text = address("https://user:secret@host/file?token=secret").map(|url| shown(&url)).unwrap();
        assert_eq!(text, "https://host/file");
        let error = address("ftp://user:secret@host/file?token=secret").unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn a_token_is_not_sent_in_clear_text() {
        let mut request = Request::new("http://example.com/file");
        request.token = Some("secret".into());
        let refused = own_headers(&request, &address(&request.url).unwrap());
        assert!(matches!(refused, Err(Error::ClearText { .. })));
        let here = own_headers(&request, &address("http://127.0.0.1:9/file").unwrap()).unwrap();
        assert!(here[AUTHORIZATION].is_sensitive());
    }
}
