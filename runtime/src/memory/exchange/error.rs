//! What can be wrong with a file, or with reading and writing it.

use std::io;

use super::fields::Fault;
use super::told;
use crate::memory;

/// Why memories were not brought to a file, or from one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is damaged, or no such file at all.
    #[error("line {line}, column {column}: {reason}")]
    Malformed {
        /// In which line, from 1.
        line: u64,
        /// At which byte of it, from 1.
        column: u64,
        /// What is wrong there.
        reason: String,
    },
    /// The file was written by a later version.
    #[error("the file has version {found} of its format, and this program knows {known}")]
    Newer {
        /// Its version.
        found: u64,
        /// The latest that is known.
        known: u64,
    },
    /// The store cannot take a record.
    #[error("line {line}: the store cannot take it")]
    Refused {
        /// Where the record begins, from 1.
        line: u64,
        /// Why.
        source: memory::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] memory::Error),
    /// The file could not be read.
    #[error("{what} cannot be read")]
    Read {
        /// Which file or folder, where that is known.
        what: String,
        /// What happened.
        source: io::Error,
    },
    /// The file could not be written.
    #[error("the file cannot be written")]
    Write {
        /// What happened.
        source: io::Error,
    },
}

impl Error {
    pub(super) fn at(line: u64, column: usize, reason: impl AsRef<str>) -> Self {
        Self::Malformed { line, column: column as u64 + 1, reason: told::reason(reason.as_ref()) }
    }

    pub(super) fn fault(line: u64, fault: Fault) -> Self {
        Self::at(line, fault.at, fault.reason)
    }

    pub(super) fn read(source: io::Error) -> Self {
        Self::Read { what: "the file".to_owned(), source }
    }

    pub(super) fn write(source: io::Error) -> Self {
        Self::Write { source }
    }
}
