//! The file of a store: JSON, line by line, from which everything comes back as it was.
//!
//! ```text
//! {"format":"typewright-memory","version":1}
//! {"data":"<sha256>","part":1,"base64":"…"}
//! {"memory":"<id>","namespace":"acme/ada","kind":1,"kind_name":"fact","status":"live","version":1,"text":"…",…}
//! {"relation":"<id>","from":"<id>","kind":"part_of","to":"<id>","weight":1,"created":"…",…}
//! {"end":true,"memories":2,"relations":1,"sha256":"<of all lines before>"}
//! ```
//!
//! - A file holds the store as it is at one commit: every memory, whatever has become of it, and every relation that holds.
//!   Earlier versions of a memory, the log of changes and what could be undone are not in it; [`Store::backup`] copies
//!   those. What was exported, imported into an empty store and exported again is the same to the byte.
//! - Memories stand in the order of their names; relations after them, by the name of the memory that they lead from, then
//!   by their own. A file in another order, with a memory twice, or with lines after its end is refused.
//! - Media stand before their memory, in lines of 48 KiB each; `blob` names their digest. Two memories with the same medium
//!   have it twice. No line is longer than [`longest`] says, nor nested deeper than 128.
//! - Vectors are the base64 of 32-bit floats, little-endian. Times are RFC 3339 in UTC, with microseconds.
//! - JSON stands as it was written. Where that cannot be, because it has line breaks, white space around it or more than a
//!   hundred levels, it stands as a string: `json_text` instead of `json`, an entry of `metadata_text` instead of `metadata`.
//! - A memory of a kind that has no name here keeps its number. A field of a memory that is not known here is kept in its
//!   metadata as `unknown:<field>`, and stands in its place again when it is exported. Fields of relations that are not
//!   known cannot be kept, and are counted; a kind of relations that is not known becomes a custom one, and is counted.
//! - How often a memory was changed and used is told up to 2^53, which every program that reads JSON has exactly. Above that
//!   it is told as that, and refused when it is read.
//! - Of what was forgotten there is its name, its namespace, its kind, and when it was there: nothing that it said.
//! - Reading checks the whole file before anything is stored, but for what [`import`] says. Meanwhile one record is kept,
//!   the names of all relations, some 30 bytes each, and the names of models; of more than 10 000 models a file is refused. What
//!   is there already is not stored again, so that an import that was interrupted is completed by repeating it.

mod decode;
mod encode;
mod read;

pub(super) use encode::depth;

use std::io::{self, BufRead, Seek, SeekFrom, Write};

use sha2::{Digest, Sha256};

use super::intake::{Intake, Mode};
use super::models::Models;
use super::{Error, Report};
use crate::memory::content::{Content, Digested};
use crate::memory::store::{Commit, Item, Store};
use crate::memory::{self, Limits, MemoryNode, Settings};
use crate::wire::v1::JsonWriter;

/// The name of the format, and its version.
const FORMAT: &str = "typewright-memory";
const VERSION: u64 = 1;
/// The bytes of a medium that stand in one line.
const PART: usize = 48 << 10;
/// In the metadata of a memory, before the name of a field that is not known here.
const UNKNOWN: &str = "unknown:";

/// How much a file holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Memories.
    pub memories: u64,
    /// Relations.
    pub relations: u64,
}

/// The bytes of the longest line of a file that a store with these limits can have. A byte of a text takes up to six.
pub fn longest(limits: &Limits) -> usize {
    let texts = limits.text_bytes.saturating_add(limits.metadata_bytes.saturating_mul(3));
    texts.saturating_add(limits.dimensions).saturating_mul(6).saturating_add(64 << 10)
}

/// Writes a store as it is at a commit.
///
/// # Errors
/// When the store cannot be read, or the file not be written.
pub fn export(store: &dyn Store, at: Commit, to: &mut dyn Write) -> Result<Counted, Error> {
    let mut writing =
        Writing { to, hash: Sha256::new(), line: JsonWriter::new(), counted: Counted::default() };
    encode::header(&mut writing.line);
    writing.end_line().map_err(Error::write)?;
    let mut failed = None;
    let read = store.all(at, &mut |item| {
        writing.item(&item).map_err(|error| {
            failed = Some(error);
            memory::Error::invalid("export", "the file cannot be written")
        })
    });
    if let Some(source) = failed {
        return Err(Error::Write { source });
    }
    read?;
    writing.finish().map_err(Error::write)
}

struct Writing<'a> {
    to: &'a mut dyn Write,
    hash: Sha256,
    line: JsonWriter,
    counted: Counted,
}

impl Writing<'_> {
    fn item(&mut self, item: &Item) -> io::Result<()> {
        match item {
            Item::Node(node) => {
                self.data(node)?;
                encode::memory(&mut self.line, node);
                self.counted.memories += 1;
            }
            Item::Relation(relation) => {
                encode::relation(&mut self.line, relation);
                self.counted.relations += 1;
            }
        }
        self.end_line()
    }

    /// The lines of a medium.
    fn data(&mut self, node: &MemoryNode) -> io::Result<()> {
        let Content::Blob(blob) = &node.content else { return Ok(()) };
        let digest = Digested::of(&blob.bytes).to_string();
        for (part, bytes) in (1..).zip(blob.bytes.chunks(PART)) {
            encode::data(&mut self.line, &digest, part, bytes);
            self.end_line()?;
        }
        Ok(())
    }

    fn end_line(&mut self) -> io::Result<()> {
        self.line.lit("\n");
        self.hash.update(self.line.as_bytes());
        self.to.write_all(self.line.as_bytes())?;
        self.line.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<Counted> {
        let digest = Digested::from_bytes(self.hash.clone().finalize().into());
        encode::end(&mut self.line, self.counted, &digest.to_string());
        self.end_line()?;
        self.to.flush()?;
        Ok(self.counted)
    }
}

/// Whether a file is whole, and a store with these limits can take what is in it.
///
/// # Errors
/// [`Error::Malformed`], [`Error::Newer`], [`Error::Refused`]; or when it cannot be read.
pub fn check(from: &mut dyn BufRead, limits: &Limits) -> Result<Counted, Error> {
    read::read(from, limits, Models::default(), &mut |_, _| Ok(())).map(|read| read.counted)
}

/// Stores what is in a file. Nothing is, unless the whole file is as it should be, and its vectors are as long as those of
/// the same models in the store.
///
/// What only the store finds out, it finds out when it stores that part: a relation that closes a circle, within the file or
/// with what is there; a relation whose name there has another one; a vector whose model had vectors of another length
/// there, of which none is left. Some hundred records are stored together, or none of them.
///
/// # Errors
/// As [`check`]; [`Error::Refused`] for a relation that the store cannot take; or when the store fails. What was stored
/// before stays, and is found there the next time.
pub fn import(
    store: &dyn Store,
    settings: &Settings,
    from: &mut (impl BufRead + Seek),
    mode: Mode,
) -> Result<Report, Error> {
    let start = from.stream_position().map_err(Error::read)?;
    let models = Models::of(store)?;
    read::read(from, &settings.limits, models.clone(), &mut |_, _| Ok(()))?;
    from.seek(SeekFrom::Start(start)).map_err(Error::read)?;
    let mut intake = Intake::new(store, &settings.limits, mode);
    let read = read::read(from, &settings.limits, models, &mut |line, item| match item {
        Item::Node(node) => intake.node(line, *node),
        Item::Relation(relation) => intake.relation(line, *relation),
    })?;
    read.left_out.into_iter().for_each(|(what, count)| intake.left_out(&what, count));
    intake.finish()
}
