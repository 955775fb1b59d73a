//! Memories as files: what other programs can read, and what other programs have written.
//!
//! | | to a file | from a file |
//! |---|---|---|
//! | [`jsonl`] | everything, exactly | everything, exactly |
//! | [`csv`] | what fits into a table | the same columns |
//! | [`mem0`] | | what `get_all` of mem0 gives |
//! | [`graphiti`] | | episodes, entities and facts of Graphiti |
//! | [`folder`] | | the folder of files that a model keeps as its memory |
//!
//! Both ways go record by record: no file has to fit into memory. An import adds what is not there, by its name, and changes
//! nothing else: what is there and differs stays as it is, and what was forgotten stays so. A text with half a surrogate
//! pair (`\ud83d` alone) is no text, and refused with its place; in JSON that is kept as it was written it stays. The
//! [`Report`] tells what was done, and by name and count what could not be carried over.

pub mod csv;
mod elements;
mod error;
mod fields;
pub mod folder;
mod foreign;
pub mod graphiti;
mod intake;
pub mod jsonl;
mod known;
mod lines;
pub mod mem0;
mod models;
mod told;

use std::collections::BTreeMap;
use std::fmt;

pub use error::Error;
pub use intake::Mode;

use super::Id;

/// What an import did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Of memories.
    pub memories: Counts,
    /// Of relations.
    pub relations: Counts,
    /// The first of those memories that are there and differ.
    pub differing: Vec<Id>,
    /// What could not be carried over, by what it is, and how often. Names of the file are cut where they are long, and have
    /// escapes where a terminal would obey them. Beyond a hundred different things, the rest are `others`.
    pub left_out: BTreeMap<String, u64>,
}

/// What became of records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// They were not there.
    pub added: u64,
    /// They were there.
    pub present: u64,
    /// Others of their names were there, and stay as they are.
    pub differing: u64,
    /// They were forgotten here, and stay so.
    pub forgotten: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} added, {} there already", self.added, self.present)?;
        if self.differing > 0 {
            write!(f, ", {} differ from what is there and were left out", self.differing)?;
        }
        if self.forgotten > 0 {
            write!(f, ", {} were forgotten here and stay so", self.forgotten)?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "memories: {}\nrelations: {}", self.memories, self.relations)?;
        self.differing.iter().try_for_each(|id| write!(f, "\ndiffers: {id}"))?;
        let mut left_out = self.left_out.iter();
        left_out.try_for_each(|(what, count)| write!(f, "\nnot carried over: {what}: {count}"))
    }
}
