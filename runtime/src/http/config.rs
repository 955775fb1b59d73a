//! What a caller can set about the transport.

use std::time::Duration;

/// How long to wait for what. The defaults suit models that reason for minutes before the first word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// Until there is a connection. 5 s.
    pub connect: Duration,
    /// From sending a request to the first byte of its answer. 300 s.
    pub first_byte: Duration,
    /// Between two pieces of an answer, keep-alive comments included. 120 s.
    pub idle: Duration,
    /// A whole call, retries included. No limit.
    pub total: Option<Duration>,
}

/// How much of an answer to take before giving up on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A whole body. 256 MiB.
    pub body: usize,
    /// One line of a stream. 16 MiB.
    pub line: usize,
    /// One event of a stream. 32 MiB.
    pub event: usize,
}

/// Whether and when to send a request again. Only what failed before the first output is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often to send again after the first time. 2.
    pub max_retries: u32,
    /// The longest wait before the first retry, doubled for each further one. 500 ms.
    pub base: Duration,
    /// The longest wait that is made up here. 8 s.
    pub cap: Duration,
    /// The longest wait that a provider may ask for. Asked for more, the call fails at once. 60 s.
    pub retry_after_cap: Duration,
}

/// How to reach the provider.
#[derive(Clone, Default)]
pub(crate) struct Transport {
    pub(crate) clocks: Clocks,
    pub(crate) limits: Limits,
    pub(crate) retry: RetryPolicy,
    /// Certificates to trust beside the bundled ones, each in PEM.
    pub(crate) root_certificates: Vec<Vec<u8>>,
    /// A proxy for every request. Without it, the usual environment variables are followed.
    pub(crate) proxy: Option<String>,
    /// Follow no proxy, whatever the environment says.
    pub(crate) no_proxy: bool,
}

impl Default for Clocks {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(300),
            idle: Duration::from_secs(120),
            total: None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { body: 256 << 20, line: 16 << 20, event: 32 << 20 }
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_retries: 2,
            base: Duration::from_millis(500),
            cap: Duration::from_secs(8),
            retry_after_cap: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// Never send a request again.
    pub const NEVER: Self =
        Self { max_retries: 0, base: Duration::ZERO, cap: Duration::ZERO, retry_after_cap: Duration::ZERO };
}
