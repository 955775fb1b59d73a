//! The HTTP client: made at the first request, not before, and shared by all clones of a client.
//!
//! TLS is rustls on ring with the bundled roots, so that construction reads no file of the system. No redirect is
//! followed: an API that redirects is misconfigured, and a key must not travel to where it was not meant to go.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, Proxy, StatusCode, Url};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::Instant;

use super::body::{Alarm, Body, after};
use super::config::{Clocks, Transport as Config};
use crate::error::{Clock, Error, Result, TransportError};

const USER_AGENT: &str = concat!("typewright/", env!("CARGO_PKG_VERSION"));

/// One request, as often as it is sent.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) url: Arc<Url>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
}

/// The head of an answer, and its body still to come.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

/// The HTTP client and how to make it.
pub(crate) struct Transport {
    pub(crate) config: Config,
    certificates: Vec<CertificateDer<'static>>,
    client: OnceLock<Result<reqwest::Client, String>>,
}

impl Transport {
    /// Checks what can be checked without making the client.
    pub(crate) fn new(config: Config) -> Result<Self> {
        let certificates = certificates(&config.root_certificates)?;
        Ok(Self { config, certificates, client: OnceLock::new() })
    }

    /// Sends `call` and waits for the head of its answer.
    pub(crate) async fn send(&self, call: &Call, deadline: Option<Instant>) -> Result<Answer> {
        let client = self.client(&call.url)?;
        let (clock, limit) = self.patience(deadline)?;
        let (mut alarm, until, idle) = (Alarm::default(), after(limit), self.config.clocks.idle);
        let mut sent = pin!(client.execute(request(call)));
        let sent = poll_fn(|cx| match sent.as_mut().poll(cx) {
            Poll::Ready(sent) => Poll::Ready(Some(sent)),
            Poll::Pending => alarm.poll(cx, until, idle).map(|()| None),
        });
        let mut response = match sent.await {
            None => return Err(Error::timeout(clock, limit)),
            Some(Err(error)) => return Err(self.failed(error)),
            Some(Ok(response)) => response,
        };
        let (status, headers) = (response.status(), detached(std::mem::take(response.headers_mut())));
        let body = Body::new(response, &self.config, deadline, alarm);
        Ok(Answer { status, headers, body })
    }

    /// How long to wait for the head, and which clock says so.
    fn patience(&self, deadline: Option<Instant>) -> Result<(Clock, Duration)> {
        let Clocks { first_byte, total, .. } = self.config.clocks;
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        match left {
            Some(left) if left.is_zero() => Err(Error::timeout(Clock::Total, total.unwrap_or_default())),
            Some(left) if left < first_byte => Ok((Clock::Total, left)),
            _ => Ok((Clock::FirstByte, first_byte)),
        }
    }

    fn failed(&self, error: reqwest::Error) -> Error {
        if error.is_timeout() {
            return Error::timeout(Clock::Connect, self.config.clocks.connect);
        }
        Error::Connect(TransportError::new(error))
    }

    fn client(&self, url: &Url) -> Result<&reqwest::Client> {
        let made = self.client.get_or_init(|| self.make(url));
        made.as_ref().map_err(|reason| Error::Tls(reason.clone()))
    }

    fn make(&self, url: &Url) -> Result<reqwest::Client, String> {
        let tls = self.tls()?;
        let builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(self.config.clocks.connect);
        self.proxied(builder, url)?.build().map_err(|error| error.without_url().to_string())
    }

    /// A proxy cannot reach what listens on this machine, so the environment's is not asked for it.
    fn proxied(&self, builder: reqwest::ClientBuilder, url: &Url) -> Result<reqwest::ClientBuilder, String> {
        if let Some(proxy) = &self.config.proxy {
            let proxy = Proxy::all(proxy).map_err(|_| "the proxy's address is not usable".to_owned())?;
            return Ok(builder.proxy(proxy));
        }
        Ok(if self.config.no_proxy || is_loopback(url) { builder.no_proxy() } else { builder })
    }

    fn tls(&self) -> Result<ClientConfig, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        Ok(config.with_root_certificates(self.roots()?).with_no_client_auth())
    }

    fn roots(&self) -> Result<RootCertStore, String> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        #[cfg(feature = "native-roots")]
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        for certificate in &self.certificates {
            roots.add(certificate.clone()).map_err(|error| error.to_string())?;
        }
        Ok(roots)
    }
}

fn request(call: &Call) -> reqwest::Request {
    let mut request = reqwest::Request::new(call.method.clone(), Url::clone(&call.url));
    *request.headers_mut() = call.headers.clone();
    *request.body_mut() = call.body.clone().map(reqwest::Body::from);
    request
}

/// The headers with their values in a buffer of their own. As they come, they lie in the one that the connection reads
/// into, and would keep all of it for as long as the answer is kept.
fn detached(mut headers: HeaderMap) -> HeaderMap {
    let length = headers.values().map(HeaderValue::len).sum();
    let mut all = BytesMut::with_capacity(length);
    headers.values().for_each(|value| all.extend_from_slice(value.as_bytes()));
    let mut all = all.freeze();
    for value in headers.values_mut() {
        let own = HeaderValue::from_maybe_shared(all.split_to(value.len()));
        debug_assert!(own.is_ok(), "what was a value is one");
        *value = own.unwrap_or_else(|_| value.clone());
    }
    headers
}

fn certificates(pems: &[Vec<u8>]) -> Result<Vec<CertificateDer<'static>>> {
    let mut all = Vec::new();
    for pem in pems {
        let before = all.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            all.push(
                certificate.map_err(|error| Error::Tls(format!("a root certificate is not PEM: {error}")))?,
            );
        }
        if all.len() == before {
            return Err(Error::Tls("a root certificate holds no certificate in PEM".to_owned()));
        }
    }
    Ok(all)
}

/// Whether `url` is on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_certificate_that_is_none_is_refused_when_the_client_is_built() {
        let config = Config { root_certificates: vec![b"hello".to_vec()], ..Config::default() };
        assert!(matches!(Transport::new(config), Err(Error::Tls(_))));
    }

    #[test]
    fn the_tls_client_can_be_made_without_a_network() {
        let transport = Transport::new(Config::default());
        let url = Url::parse("https://example.com");
        let made = transport.ok().zip(url.ok()).map(|(transport, url)| transport.client(&url).is_ok());
        assert_eq!(made, Some(true));
    }
}
