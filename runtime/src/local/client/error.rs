//! What can go wrong before a model answers, in the words of [`crate::Error`].

use std::path::PathBuf;

use crate::error::{Error as CallError, ErrorKind};
use crate::local;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// Nothing has that name.
    #[error("`{name}` is no model: write a path, a name of the catalog, or `hub:OWNER/NAME:FILE`{}", meant(.nearest))]
    Unknown {
        /// The name.
        name: String,
        /// A name of the catalog that is nearly the same.
        nearest: Option<&'static str>,
    },
    /// There is no such file.
    #[error("there is no {}{}", path.display(), home(.path))]
    NoFile {
        /// Where one was looked for.
        path: PathBuf,
    },
    /// The files of a model are not on this machine.
    #[error("the files of `{name}` are not here: {why}; they are {}{}{}", listed(.urls), licensed(.licence), put(.folder))]
    Missing {
        /// The model.
        name: String,
        /// Why they are not brought.
        why: &'static str,
        /// Where they are.
        urls: Vec<String>,
        /// Their licence.
        licence: Option<String>,
        /// Where they can be put.
        folder: Option<PathBuf>,
    },
    /// A repository holds more than one model.
    #[cfg(feature = "download")]
    #[error("{repository} holds several models; name one of its files: {}", .files.join(", "))]
    Several {
        /// The repository.
        repository: String,
        /// What it holds.
        files: Vec<String>,
    },
    /// A repository holds no model.
    #[cfg(feature = "download")]
    #[error("{repository} holds neither safetensors nor GGUF files")]
    Nothing {
        /// The repository.
        repository: String,
    },
    /// A file is not the one that the catalog means.
    #[error("{}: {reason}", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What differs.
        reason: String,
    },
    /// A repository could not be read.
    #[cfg(feature = "download")]
    #[error(transparent)]
    Hub(#[from] crate::http::hub::Error),
    /// All models that may be kept are answering.
    #[error("{models} models may be loaded, and all of them are answering")]
    Occupied {
        /// How many may be kept.
        models: usize,
    },
    /// The model cannot be loaded, or cannot answer.
    #[error(transparent)]
    Model(#[from] local::Error),
}

impl Error {
    /// The failure of a call to `model` of `provider`.
    pub(super) fn of(self, provider: &'static str, model: &str) -> CallError {
        match self {
            Self::Model(error) => of_model(error, provider, model),
            error => {
                let kind = match &error {
                    Self::Unknown { .. } | Self::NoFile { .. } | Self::Missing { .. } => ErrorKind::NotFound,
                    Self::Occupied { .. } => ErrorKind::Overloaded,
                    _ => ErrorKind::Other,
                };
                CallError::backend(kind, provider, model, error)
            }
        }
    }
}

/// The failure of a model, as a call sees it.
pub(super) fn of_model(error: local::Error, provider: &'static str, model: &str) -> CallError {
    match error {
        local::Error::Request(refused) => {
            CallError::unsupported(provider, model, refused.feature, refused.reason)
        }
        local::Error::Interrupted { partial, source } => {
            CallError::backend(ErrorKind::Server, provider, model, source).with_partial(*partial)
        }
        error => {
            let kind = match &error {
                local::Error::Busy { .. } | local::Error::CacheFull { .. } => ErrorKind::Overloaded,
                local::Error::Stopped { .. } => ErrorKind::Cancelled,
                _ => ErrorKind::Other,
            };
            CallError::backend(kind, provider, model, error)
        }
    }
}

fn meant(nearest: &Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

fn home(path: &std::path::Path) -> &'static str {
    if path.starts_with("~") { " (`~` is not expanded here)" } else { "" }
}

fn listed(urls: &[String]) -> String {
    match urls {
        [one] => format!("at {one}"),
        many => format!("at {}", many.join(" , ")),
    }
}

fn licensed(licence: &Option<String>) -> String {
    licence.as_ref().map(|licence| format!(", under the licence {licence}")).unwrap_or_default()
}

fn put(folder: &Option<PathBuf>) -> String {
    let name = |folder: &PathBuf| format!("; they can be put into {}", folder.display());
    folder.as_ref().map(name).unwrap_or_default()
}
