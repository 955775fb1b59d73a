//! Everything that can go wrong with a call, told apart by what a caller would do about it.
//!
//! No error holds a secret: keys are never put into one, and addresses lose their query before they are kept.

use std::borrow::Cow;
use std::time::Duration;

use crate::chat::ChatResponse;

/// What caused a failure in this process.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A result of a call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The provider answered that it will not, or cannot.
    #[error(transparent)]
    Api(Box<ApiError>),
    /// What answers in this process failed.
    #[error(transparent)]
    Backend(Box<BackendError>),
    /// The request asks for what the provider or the model cannot do. Nothing was sent.
    #[error(transparent)]
    Unsupported(Box<Unsupported>),
    /// The answer ended before the provider said that it was complete.
    #[error("the answer ended before it was complete")]
    Truncated {
        /// What had arrived.
        partial: Box<ChatResponse>,
    },
    /// The answer is not what the provider's wire format says.
    #[error("the answer is corrupt: {reason} at byte {at}")]
    Corrupt {
        /// Where in the frame or body the first mistake is.
        at: usize,
        /// What is wrong there.
        reason: &'static str,
        /// What had arrived.
        partial: Box<ChatResponse>,
    },
    /// The connection broke while the answer was under way.
    #[error("the connection broke while the answer was under way")]
    Interrupted {
        /// What had arrived.
        partial: Box<ChatResponse>,
        /// What the transport said.
        #[source]
        source: TransportError,
    },
    /// No connection could be made, or it broke before there was an answer.
    #[error("could not reach the provider")]
    Connect(#[source] TransportError),
    /// A clock ran out.
    #[error("timed out: {clock} after {limit:?}")]
    Timeout {
        /// Which clock.
        clock: Clock,
        /// What it was set to.
        limit: Duration,
        /// What had arrived.
        partial: Box<ChatResponse>,
    },
    /// The provider sent more than the limit that was set.
    #[error("the {what} is larger than {limit} bytes")]
    TooLarge {
        /// What was too large: `body`, `line`, `event`.
        what: &'static str,
        /// The limit in bytes.
        limit: usize,
        /// What had arrived.
        partial: Box<ChatResponse>,
    },
    /// No key was given and none of the environment variables is set.
    #[error("no API key for {provider}: {}", missing_key(.variables))]
    MissingKey {
        /// Whose key.
        provider: &'static str,
        /// The environment variables that were looked up.
        variables: &'static [&'static str],
    },
    /// A key cannot be sent: it holds characters that no HTTP header can carry.
    #[error("the API key for {provider} holds characters that cannot be sent")]
    InvalidKey {
        /// Whose key.
        provider: &'static str,
    },
    /// An address is not one.
    #[error("not a usable address: `{url}`: {reason}")]
    InvalidUrl {
        /// The address without credentials and query.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A header cannot be sent.
    #[error("not a usable header: `{name}`")]
    InvalidHeader {
        /// Its name.
        name: String,
    },
    /// TLS cannot be set up as it was asked for.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

/// What a provider said about a failure.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{provider}: {}", self.summary())]
#[non_exhaustive]
pub struct ApiError {
    /// What kind of failure it is, in nobody's words.
    pub kind: ErrorKind,
    /// Who said it.
    pub provider: &'static str,
    /// The HTTP status; 200 if the failure came inside an answer.
    pub status: u16,
    /// The provider's word for the kind.
    pub wire_kind: Option<String>,
    /// The provider's code.
    pub code: Option<String>,
    /// The provider's message; empty if there was none.
    pub message: String,
    /// The parameter that is to blame.
    pub param: Option<String>,
    /// The id under which the provider can find the request.
    pub request_id: Option<String>,
    /// How long the provider asks to wait.
    pub retry_after: Option<Duration>,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// The body as it was sent, cut at 64 KiB.
    pub body: Option<String>,
    /// What had arrived of the answer.
    pub partial: Option<Box<ChatResponse>>,
}

/// What happened to an answer that was computed in this process.
#[derive(Debug, thiserror::Error)]
#[error("{provider}: `{model}` cannot answer")]
#[non_exhaustive]
pub struct BackendError {
    /// What kind of failure it is, in nobody's words.
    pub kind: ErrorKind,
    /// Whose model it is.
    pub provider: &'static str,
    /// The model that was asked for.
    pub model: String,
    /// What happened.
    #[source]
    pub source: Cause,
    /// What had been said of the answer.
    pub partial: Option<Box<ChatResponse>>,
}

/// A request that cannot be sent as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{provider} cannot do this with `{model}`: {feature}: {reason}")]
#[non_exhaustive]
pub struct Unsupported {
    /// The provider.
    pub provider: &'static str,
    /// The model that was asked for.
    pub model: String,
    /// The feature, in the words of the canonical vocabulary.
    pub feature: Cow<'static, str>,
    /// Why not.
    pub reason: Cow<'static, str>,
}

/// What kind of failure an API reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The key is missing or wrong.
    Authentication,
    /// The key is right, but may not do this.
    PermissionDenied,
    /// No such model or resource.
    NotFound,
    /// The request is wrong.
    InvalidRequest,
    /// The input is longer than the model takes.
    ContextLengthExceeded,
    /// Too many requests for now.
    RateLimited,
    /// The account's quota or credit is used up.
    QuotaExceeded,
    /// The provider has too much to do.
    Overloaded,
    /// A filter refused the request or the answer.
    ContentFiltered,
    /// Something took too long.
    Timeout,
    /// The provider failed.
    Server,
    /// The request was cancelled.
    Cancelled,
    /// None of these.
    Other,
}

/// The clocks that watch a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Clock {
    /// Until there is a connection.
    Connect,
    /// From the request to the first byte of the answer.
    FirstByte,
    /// Between two pieces of the answer.
    Idle,
    /// The whole call, retries included.
    Total,
}

/// What the transport said, without the address.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct TransportError(reqwest::Error);

impl Error {
    /// What kind of failure it is. Failures that no provider reported have a kind as well.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Api(error) => error.kind,
            Self::Backend(error) => error.kind,
            Self::Timeout { .. } => ErrorKind::Timeout,
            Self::MissingKey { .. } | Self::InvalidKey { .. } => ErrorKind::Authentication,
            Self::Unsupported(_) | Self::InvalidUrl { .. } | Self::InvalidHeader { .. } => {
                ErrorKind::InvalidRequest
            }
            Self::Truncated { .. } | Self::Corrupt { .. } | Self::Interrupted { .. } => ErrorKind::Server,
            Self::Connect(_) | Self::TooLarge { .. } | Self::Tls(_) => ErrorKind::Other,
        }
    }

    /// Whether the same request may succeed later.
    ///
    /// A client retries by itself only what failed before the first output; what is cut off later is
    /// for the caller to judge.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Api(error) => error.retryable,
            Self::Backend(error) => error.kind == ErrorKind::Overloaded,
            Self::Connect(_) | Self::Interrupted { .. } | Self::Truncated { .. } => true,
            Self::Timeout { clock, .. } => *clock != Clock::Total,
            _ => false,
        }
    }

    /// How long the provider asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        if let Self::Api(error) = self { error.retry_after } else { None }
    }

    /// What had arrived of the answer before the failure.
    pub fn partial(&self) -> Option<&ChatResponse> {
        match self {
            Self::Api(error) => error.partial.as_deref(),
            Self::Backend(error) => error.partial.as_deref(),
            Self::Truncated { partial }
            | Self::Corrupt { partial, .. }
            | Self::Interrupted { partial, .. }
            | Self::Timeout { partial, .. }
            | Self::TooLarge { partial, .. } => Some(partial),
            _ => None,
        }
    }

    /// What the provider said, if it was the provider that failed the call.
    pub fn api(&self) -> Option<&ApiError> {
        if let Self::Api(error) = self { Some(error) } else { None }
    }

    /// A failure of `model`, which was to answer in this process.
    pub fn backend(
        kind: ErrorKind,
        provider: &'static str,
        model: impl Into<String>,
        source: impl Into<Cause>,
    ) -> Self {
        let (model, source) = (model.into(), source.into());
        Self::Backend(Box::new(BackendError { kind, provider, model, source, partial: None }))
    }

    /// Keeps what had arrived of the answer, where the failure has room for it.
    pub(crate) fn with_partial(mut self, arrived: ChatResponse) -> Self {
        match &mut self {
            Self::Api(error) => error.partial = Some(Box::new(arrived)),
            Self::Backend(error) => error.partial = Some(Box::new(arrived)),
            Self::Truncated { partial }
            | Self::Corrupt { partial, .. }
            | Self::Interrupted { partial, .. }
            | Self::Timeout { partial, .. }
            | Self::TooLarge { partial, .. } => **partial = arrived,
            _ => {}
        }
        self
    }

    pub(crate) fn timeout(clock: Clock, limit: Duration) -> Self {
        Self::Timeout { clock, limit, partial: Box::default() }
    }

    pub(crate) fn too_large(what: &'static str, limit: usize) -> Self {
        Self::TooLarge { what, limit, partial: Box::default() }
    }

    pub(crate) fn corrupt(at: usize, reason: &'static str) -> Self {
        Self::Corrupt { at, reason, partial: Box::default() }
    }

    pub(crate) fn interrupted(error: reqwest::Error) -> Self {
        Self::Interrupted { partial: Box::default(), source: TransportError::new(error) }
    }

    pub(crate) fn unsupported(
        provider: &'static str,
        model: &str,
        feature: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        let (feature, reason) = (feature.into(), reason.into());
        Self::Unsupported(Box::new(Unsupported { provider, model: model.to_owned(), feature, reason }))
    }
}

impl ApiError {
    fn summary(&self) -> String {
        let what = match (self.message.is_empty(), &self.wire_kind) {
            (false, _) => &self.message,
            (true, Some(kind)) => kind,
            (true, None) => "no message",
        };
        format!("{what} ({:?}, status {})", self.kind, self.status)
    }
}

impl TransportError {
    /// Keeps an error without its address, whose query may hold a key.
    pub(crate) fn new(error: reqwest::Error) -> Self {
        Self(error.without_url())
    }
}

impl std::fmt::Display for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connect => "no connection",
            Self::FirstByte => "no answer",
            Self::Idle => "the answer stood still",
            Self::Total => "the call was not done",
        })
    }
}

fn missing_key(variables: &[&str]) -> String {
    match variables {
        [] => "none was given".to_owned(),
        [one] => format!("set {one} or give one to the builder"),
        many => format!("set one of {} or give one to the builder", many.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_small() {
        assert!(size_of::<Error>() <= 56, "{}", size_of::<Error>());
    }

    #[test]
    fn a_missing_key_names_the_variables() {
        let error = Error::MissingKey { provider: "acme", variables: &["ACME_API_KEY", "ACME_KEY"] };
        let text = "no API key for acme: set one of ACME_API_KEY, ACME_KEY or give one to the builder";
        assert_eq!(error.to_string(), text);
        assert_eq!(error.kind(), ErrorKind::Authentication);
        assert!(!error.is_retryable());
    }
}
