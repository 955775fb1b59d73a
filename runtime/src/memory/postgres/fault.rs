//! What goes wrong between us and the server, and what it is to who uses a store.

use tokio_postgres::error::SqlState;

use crate::memory::Error;

/// What went wrong: in our words, in those of the server, or on the way there.
#[derive(Debug)]
pub(super) enum Fault {
    Ours(Error),
    Server(tokio_postgres::Error),
    /// No answer came in time.
    Late,
    /// No connection became free in time.
    Busy,
    /// There was no executor to be had.
    Started(std::io::Error),
    /// It broke after the end of the transaction was sent, and before it was answered.
    Doubt(Box<Self>),
}

pub(super) type Result<T> = std::result::Result<T, Fault>;

/// Why a store waited in vain.
#[derive(Debug, thiserror::Error)]
enum InVain {
    #[error("the server has not answered in time")]
    Answer,
    #[error("no connection became free in time")]
    Connection,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

impl Fault {
    /// What is read cannot have been written by us.
    pub(super) fn wrong(reason: impl std::fmt::Display) -> Self {
        Self::Ours(Error::Damaged { place: String::new(), reason: reason.to_string() })
    }

    fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Server(error) => error.code(),
            _ => None,
        }
    }

    /// Another transaction was in the way: the same may be done again.
    pub(super) fn is_in_the_way(&self) -> bool {
        let again = [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED];
        self.code().is_some_and(|code| again.contains(code))
    }

    /// The connection is of no more use.
    pub(super) fn is_lost(&self) -> bool {
        match self {
            Self::Late => true,
            Self::Server(error) => match error.code() {
                // Shut down, crashed, not yet started, ended by somebody, or by the server for idling.
                Some(code) => ["57P", "08", "25P03"].iter().any(|class| code.code().starts_with(class)),
                None => error.as_db_error().is_none() && is_broken(error),
            },
            _ => false,
        }
    }

    /// The error of a store at this place.
    pub(super) fn told(self, place: &str) -> Error {
        let store = |source: Box<dyn std::error::Error + Send + Sync>| Error::Store {
            place: place.to_owned(),
            source,
        };
        match self {
            Self::Ours(Error::Damaged { reason, .. }) => Error::Damaged { place: place.to_owned(), reason },
            Self::Ours(error) => error,
            Self::Server(error) => server(place.to_owned(), error),
            Self::Late => store(Box::new(InVain::Answer)),
            Self::Busy => store(Box::new(InVain::Connection)),
            Self::Started(error) => store(Box::new(error)),
            Self::Doubt(fault) => Error::Unknown { source: Box::new(fault.told(place)) },
        }
    }
}

/// Whether an error is of the connection and not of what was asked.
fn is_broken(error: &tokio_postgres::Error) -> bool {
    let is_io = |error: &(dyn std::error::Error + 'static)| error.is::<std::io::Error>();
    error.is_closed() || std::error::Error::source(error).is_some_and(is_io)
}

/// What the server says, by what it means.
fn server(place: String, error: tokio_postgres::Error) -> Error {
    let Some(code) = error.code() else { return Error::Store { place, source: Box::new(error) } };
    match code.code() {
        "53100" => Error::Full { place },
        // A standby says that it has no serializable transactions.
        "25006" | "42501" | "0A000" => Error::ReadOnly { place },
        // Somebody holds a lock, or was in the way again and again.
        "55P03" | "40001" | "40P01" => Error::Locked { place },
        "XX001" | "XX002" => Error::Damaged { place, reason: error.to_string() },
        _ => Error::Store { place, source: Box::new(error) },
    }
}
