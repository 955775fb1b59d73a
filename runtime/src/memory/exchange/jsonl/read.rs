//! Reading a file, line by line: what may follow what, and whether all of it is there.

use std::collections::{BTreeMap, HashSet};
use std::io::BufRead;

use super::super::fields::{Fault, Fields};
use super::super::intake::check;
use super::super::lines::{Line, Lines};
use super::super::models::Models;
use super::super::told;
use super::decode::{self, Medium};
use super::{Counted, Error, FORMAT, VERSION, longest};
use crate::memory::store::Item;
use crate::memory::{self, Id, Limits, MemoryNode, Relation, RelationDraft};

/// Takes what is read, with the number of its line.
pub(super) type Take<'a> = dyn FnMut(u64, Item) -> Result<(), Error> + 'a;

/// What was read.
#[derive(Default)]
pub(super) struct Read {
    pub(super) counted: Counted,
    /// What of relations could not be kept, and how often.
    pub(super) left_out: BTreeMap<String, u64>,
}

struct Reading<'a> {
    limits: &'a Limits,
    read: Read,
    medium: Option<(Medium, u64)>,
    last_memory: Option<Id>,
    last_relation: Option<(Id, Id)>,
    /// The length of the vectors of each model.
    models: Models,
    /// The names of all relations: a name may not stand twice, and they are in the order of the memories that they lead from.
    relations: HashSet<Id>,
}

/// Reads a file; its vectors are as long as those of `models`.
pub(super) fn read(
    from: &mut dyn BufRead,
    limits: &Limits,
    models: Models,
    take: &mut Take<'_>,
) -> Result<Read, Error> {
    let mut lines = Lines::new(from, longest(limits));
    header(&mut lines)?;
    let (read, relations) = (Read::default(), HashSet::new());
    let (medium, last_memory, last_relation) = (None, None, None);
    let mut reading = Reading { limits, read, medium, last_memory, last_relation, models, relations };
    let mut last = 1;
    while lines.next()? {
        let Line { number, text } = lines.line()?;
        last = number;
        let fault = |fault: Fault| Error::fault(number, fault);
        let fields = Fields::of(text).map_err(fault)?;
        match fields.first() {
            "data" => reading.data(fields).map_err(fault)?,
            "memory" => take(number, Item::Node(Box::new(reading.memory(number, fields)?)))?,
            "relation" => take(number, Item::Relation(Box::new(reading.relation(number, fields)?)))?,
            "end" => {
                reading.end(fields, &lines.before().to_string()).map_err(fault)?;
                return match lines.next()? {
                    true => Err(Error::at(number + 1, 0, "something follows the end")),
                    false => Ok(reading.read),
                };
            }
            other => return Err(Error::at(number, 0, format!("a line cannot begin with `{other}`"))),
        }
    }
    Err(Error::at(last + 1, 0, "the file is cut off: its last lines are missing"))
}

fn header(lines: &mut Lines<&mut dyn BufRead>) -> Result<(), Error> {
    let other = |reason: &str| Error::at(1, 0, format!("no file of memories: {reason}"));
    if !lines.next()? {
        return Err(other("it is empty"));
    }
    let line = lines.line()?;
    let mut fields = Fields::of(line.text).map_err(|fault| other(&fault.reason))?;
    let format = fields.take("format").and_then(|format| format.text().ok());
    if format.as_deref() != Some(FORMAT) {
        return Err(other("its first line does not say so"));
    }
    let version = fields.need("version").and_then(|version| version.whole());
    match version.map_err(|fault| Error::fault(1, fault))? {
        VERSION => fields.none_left().map_err(|fault| Error::fault(1, fault)),
        found if found > VERSION => Err(Error::Newer { found, known: VERSION }),
        _ => Err(other("there is no such version")),
    }
}

impl Reading<'_> {
    /// A part of a medium, which has to follow the one before.
    fn data(&mut self, mut fields: Fields<'_>) -> Result<(), Fault> {
        let (digest, part) = (fields.need("data")?, fields.need("part")?);
        let base64 = fields.need("base64")?;
        fields.none_left()?;
        let begun = self.medium.take();
        let (mut medium, before) = match begun {
            Some(begun) => begun,
            None => (Medium { digest: digest.text()?.into_owned(), bytes: Vec::new() }, 0),
        };
        if medium.digest != digest.text()? {
            return Err(digest.wrong("the memory of the medium before is missing"));
        }
        if part.whole()? != before + 1 {
            return Err(part.wrong(format!("part {} of the medium is missing", before + 1)));
        }
        medium.bytes.extend(decode::base64_of(base64)?);
        if medium.bytes.len() > self.limits.blob_bytes {
            return Err(base64.wrong(format!("a medium has {} bytes at most", self.limits.blob_bytes)));
        }
        self.medium = Some((medium, before + 1));
        Ok(())
    }

    fn memory(&mut self, number: u64, fields: Fields<'_>) -> Result<MemoryNode, Error> {
        if self.last_relation.is_some() {
            return Err(Error::at(number, 0, "memories stand before relations"));
        }
        let medium = self.medium.take().map(|(medium, _)| medium);
        let node = decode::memory(fields, medium).map_err(|fault| Error::fault(number, fault))?;
        let refused = |source| Error::Refused { line: number, source };
        check(&node, self.limits).and_then(|()| self.models.check(&node)).map_err(refused)?;
        if self.last_memory.is_some_and(|last| last >= node.id) {
            return Err(Error::at(number, 0, format!("{} stands in the wrong place, or twice", node.id)));
        }
        self.last_memory = Some(node.id);
        self.read.counted.memories += 1;
        Ok(node)
    }

    fn relation(&mut self, number: u64, fields: Fields<'_>) -> Result<Relation, Error> {
        self.no_medium(number)?;
        let (relation, lost) = decode::relation(fields).map_err(|fault| Error::fault(number, fault))?;
        let Relation { from, ref kind, to, weight, valid, ref provenance, .. } = relation;
        let draft =
            RelationDraft { from, kind: kind.clone(), to, weight, valid, provenance: provenance.clone() };
        let stored = draft.stored(self.limits).map_err(|source| Error::Refused { line: number, source })?;
        if (stored.from, &stored.kind, stored.to) != (from, kind, to) {
            let reason = format!("it is written as {} {} {}", stored.from, stored.kind, stored.to);
            return Err(Error::at(number, 0, reason));
        }
        if self.last_relation.is_some_and(|last| last >= (from, relation.id)) {
            return Err(Error::at(number, 0, format!("{} stands in the wrong place, or twice", relation.id)));
        }
        self.last_relation = Some((from, relation.id));
        if !self.relations.insert(relation.id) {
            let source = memory::Error::Exists { id: relation.id };
            return Err(Error::Refused { line: number, source });
        }
        self.read.counted.relations += 1;
        lost.iter().for_each(|what| told::count(&mut self.read.left_out, what, 1));
        Ok(relation)
    }

    fn end(&mut self, mut fields: Fields<'_>, digest: &str) -> Result<(), Fault> {
        let end = fields.need("end")?;
        if self.medium.is_some() {
            return Err(end.wrong("the memory of the medium before is missing"));
        }
        let counts = [("memories", self.read.counted.memories), ("relations", self.read.counted.relations)];
        for (what, found) in counts {
            let said = fields.need(what)?;
            if said.whole()? != found {
                return Err(said.wrong(format!("there are {found} {what}")));
            }
        }
        let said = fields.need("sha256")?;
        if said.text()? != digest {
            return Err(said.wrong(format!("the lines before have the sha256 {digest}: the file is damaged")));
        }
        fields.none_left()
    }

    fn no_medium(&self, number: u64) -> Result<(), Error> {
        match self.medium {
            Some(_) => Err(Error::at(number, 0, "the memory of the medium before is missing")),
            None => Ok(()),
        }
    }
}
