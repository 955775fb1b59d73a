//! Builds a [`Client`]: key, address, headers, clocks, limits, retries, certificates.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::{Client, Http, Inner, ProviderWire, Way};
use crate::error::{Error, Result};
use crate::http::{Clocks, Limits, RetryPolicy, Transport, TransportConfig};
use crate::secret::Secret;

/// Builds a [`Client`].
///
/// What is not set is taken from the environment where the provider has a variable for it, and from the
/// provider's defaults otherwise. `C` is the client that comes of it: a generated crate's own type, or [`Client`].
#[must_use]
pub struct Builder<C = Client> {
    wire: &'static ProviderWire,
    key: Option<Secret>,
    base_url: Option<String>,
    headers: Vec<(String, String)>,
    environment: bool,
    transport: TransportConfig,
    client: PhantomData<fn() -> C>,
}

impl<C: From<Client>> Builder<C> {
    /// Nothing is set yet.
    pub fn new(wire: &'static ProviderWire) -> Self {
        let transport = TransportConfig::default();
        Self {
            wire,
            key: None,
            base_url: None,
            headers: Vec::new(),
            environment: true,
            transport,
            client: PhantomData,
        }
    }

    /// The API key.
    pub fn api_key(mut self, key: impl Into<Secret>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Where the API is, in place of the provider's own address.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// A further header of every request. It replaces a header of the provider with the same name.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Whether to look for the key and the address in the environment. It does unless told otherwise.
    pub fn environment(mut self, look: bool) -> Self {
        self.environment = look;
        self
    }

    /// All clocks at once.
    pub fn clocks(mut self, clocks: Clocks) -> Self {
        self.transport.clocks = clocks;
        self
    }

    /// How long to wait for a connection.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.transport.clocks.connect = limit;
        self
    }

    /// How long to wait for the first byte of an answer.
    pub fn first_byte_timeout(mut self, limit: Duration) -> Self {
        self.transport.clocks.first_byte = limit;
        self
    }

    /// How long an answer may stand still.
    pub fn idle_timeout(mut self, limit: Duration) -> Self {
        self.transport.clocks.idle = limit;
        self
    }

    /// How long a whole call may take, retries included.
    pub fn total_timeout(mut self, limit: Duration) -> Self {
        self.transport.clocks.total = Some(limit);
        self
    }

    /// How much of an answer to take.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.transport.limits = limits;
        self
    }

    /// Whether and when to send a request again.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.transport.retry = policy;
        self
    }

    /// How often to send a request again that failed before its first output.
    pub fn max_retries(mut self, times: u32) -> Self {
        self.transport.retry.max_retries = times;
        self
    }

    /// Certificates to trust beside the bundled ones, in PEM.
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.transport.root_certificates.push(pem.into());
        self
    }

    /// A proxy for every request. Without one, the usual environment variables are followed.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.transport.proxy = Some(url.into());
        self
    }

    /// No proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.transport.no_proxy = true;
        self
    }

    /// The client. Nothing is sent and no connection is made; TLS is set up by the first request.
    pub fn build(self) -> Result<C> {
        let wire = self.wire;
        let key = wire.auth.key(wire.name, self.key, self.environment)?;
        let found = self.base_url.or_else(|| environment(wire, self.environment));
        let base = base(found.as_deref().unwrap_or(wire.base_url))?;
        let mut headers = HeaderMap::new();
        for (name, value) in wire.headers {
            set(&mut headers, name, value)?;
        }
        for (name, value) in &self.headers {
            set(&mut headers, name, value)?;
        }
        // A key that cannot be sent is told here and not by the first request.
        if let Some(key) = &key {
            wire.auth.sign(wire.name, key, &mut HeaderMap::new())?;
        }
        let transport = Transport::new(self.transport)?;
        let http = Http { base, key, headers, transport, last_url: Mutex::default() };
        Ok(C::from(Client { inner: Arc::new(Inner { wire, way: Way::Http(http) }) }))
    }
}

impl<C> fmt::Debug for Builder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("provider", &self.wire.name)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// A header of every request. It may be a secret, so it is treated as one.
fn set(headers: &mut HeaderMap, name: &str, value: &str) -> Result<()> {
    let refused = || Error::InvalidHeader { name: name.to_owned() };
    let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
    let mut value = HeaderValue::from_str(value).map_err(|_| refused())?;
    value.set_sensitive(true);
    headers.insert(header, value);
    Ok(())
}

fn environment(wire: &ProviderWire, look: bool) -> Option<String> {
    let name = wire.base_url_env.filter(|_| look)?;
    std::env::var(name).ok().filter(|url| !url.trim().is_empty())
}

fn base(text: &str) -> Result<Url> {
    let text = text.trim().trim_end_matches('/');
    let url = Url::parse(text).map_err(|error| invalid(text, error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(invalid(text, "it has to begin with http:// or https://".to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid(text, "it holds a user name or password".to_owned()));
    }
    Ok(url)
}

fn invalid(text: &str, reason: String) -> Error {
    Error::InvalidUrl { url: without_secrets(text), reason }
}

/// An address without what may be secret: user, password, query, fragment.
fn without_secrets(text: &str) -> String {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        _ => text.to_owned(),
    }
}

/// An address as it may be shown.
pub(super) fn shown(url: &Url) -> String {
    without_secrets(url.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_and_shown_without_secrets() {
        assert!(
            base("https://api.example.com/v1/").is_ok_and(|url| url.as_str() == "https://api.example.com/v1")
        );
        for text in ["api.example.com", "ftp://x", "https://me:pw@x/v1?key=k"] {
            let shown = base(text).map_or_else(|error| error.to_string(), |_| String::new());
            assert!(!shown.is_empty() && !shown.contains("pw") && !shown.contains("key="), "{shown}");
        }
        assert_eq!(without_secrets("https://x/v1?key=k#f"), "https://x/v1");
    }
}
