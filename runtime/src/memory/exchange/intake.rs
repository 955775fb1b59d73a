//! From records to a store: what is not there is added, some together, and what is there is compared.

use std::collections::{BTreeMap, BTreeSet};

use super::known::Known;
use super::models::Models;
use super::{Counts, Error, Report, told};
use crate::memory::store::{Batch, Change, Commit, Store};
use crate::memory::{self, Id, Limits, MemoryNode, Relation, Status};

/// Records that are stored together, and their bytes.
const RECORDS: usize = 500;
const BYTES: usize = 4 << 20;
/// The most memories that differ that are told by name.
const TOLD: usize = 100;
/// How often a memory was changed or used, at most: there is room for more, and every program that reads JSON has it exactly.
pub(super) const COUNTED: u64 = 1 << 53;

/// Whether an import is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// It is done.
    #[default]
    Store,
    /// It is only told what it would do. Relations that would close a circle are told by doing it alone.
    DryRun,
}

pub(super) struct Intake<'a> {
    store: &'a dyn Store,
    limits: &'a Limits,
    mode: Mode,
    report: Report,
    nodes: BTreeMap<Id, (u64, MemoryNode)>,
    relations: Vec<(u64, Relation)>,
    bytes: usize,
    /// What a dry run would have stored.
    pretended: BTreeSet<Id>,
    /// The length of the vectors of each model, when there are some.
    models: Option<Models>,
    known: Known,
}

/// Changes, and the lines that they are from.
#[derive(Default)]
struct Changes {
    all: Vec<Change>,
    lines: Vec<u64>,
}

impl Changes {
    fn push(&mut self, line: u64, change: Change) {
        self.all.push(change);
        self.lines.push(line);
    }

    /// Why they cannot be stored, with the line where that is known.
    fn refused(&self, source: memory::Error) -> Error {
        let at = self.all.iter().position(|change| is_about(&source, change));
        match at.and_then(|at| self.lines.get(at)) {
            Some(line) => Error::Refused { line: *line, source },
            None => Error::Store(source),
        }
    }
}

/// Whether it is this change that a store does not make.
fn is_about(error: &memory::Error, change: &Change) -> bool {
    use memory::Error::{Circle, Ended, Exists, NotFound};
    match (error, change) {
        (Circle { from, kind, to }, Change::Relate(relation)) => {
            (relation.from, &relation.kind, relation.to) == (*from, kind, *to)
        }
        (Exists { id }, Change::Relate(relation)) => relation.id == *id,
        (Exists { id }, Change::Add(node)) => node.id == *id,
        (NotFound { id } | Ended { id, .. }, Change::Relate(relation)) => {
            [relation.from, relation.to].contains(id)
        }
        _ => false,
    }
}

/// What is known of the memories that relations join.
type Ends = BTreeMap<Id, Option<Status>>;

/// Whether a store with these limits can take a memory as it is.
pub(super) fn check(node: &MemoryNode, limits: &Limits) -> Result<(), memory::Error> {
    check_counts(node)?;
    if node.status == Status::Forgotten {
        return Ok(());
    }
    node.check(limits)?;
    node.provenance.iter().try_for_each(|provenance| provenance.check(limits))
}

/// Versions are counted from 1. What could not be counted on could neither be ended nor forgotten.
fn check_counts(node: &MemoryNode) -> Result<(), memory::Error> {
    if !(1..=COUNTED).contains(&node.version) {
        let reason = format!("{} is not 1 to {COUNTED}", node.version);
        return Err(memory::Error::invalid("version", reason));
    }
    if node.accesses > COUNTED {
        let reason = format!("{} is more than {COUNTED}", node.accesses);
        return Err(memory::Error::invalid("accesses", reason));
    }
    Ok(())
}

impl<'a> Intake<'a> {
    pub(super) fn new(store: &'a dyn Store, limits: &'a Limits, mode: Mode) -> Self {
        Self {
            store,
            limits,
            mode,
            report: Report::default(),
            nodes: BTreeMap::new(),
            relations: Vec::new(),
            bytes: 0,
            pretended: BTreeSet::new(),
            models: None,
            known: Known::default(),
        }
    }

    pub(super) fn limits(&self) -> &'a Limits {
        self.limits
    }

    /// Something that cannot be carried over.
    pub(super) fn left_out(&mut self, what: &str, count: u64) {
        told::count(&mut self.report.left_out, what, count);
    }

    /// A memory that begins in a line.
    pub(super) fn node(&mut self, line: u64, node: MemoryNode) -> Result<(), Error> {
        let refused = |source| Error::Refused { line, source };
        check(&node, self.limits).map_err(refused)?;
        self.check_model(&node)?.map_err(refused)?;
        if self.nodes.contains_key(&node.id) {
            self.flush()?;
        }
        self.bytes += node.content.len() + node.embedding.as_ref().map_or(0, |e| 4 * e.vector.len());
        self.nodes.insert(node.id, (line, node));
        self.flush_if_full()
    }

    fn check_model(&mut self, node: &MemoryNode) -> Result<Result<(), memory::Error>, Error> {
        if node.embedding.is_none() {
            return Ok(Ok(()));
        }
        let models = match &mut self.models {
            Some(models) => models,
            none => none.insert(Models::of(self.store)?),
        };
        Ok(models.check(node))
    }

    /// A relation of a line, as it is stored. Its memories come before it.
    pub(super) fn relation(&mut self, line: u64, relation: Relation) -> Result<(), Error> {
        self.bytes += 128;
        self.relations.push((line, relation));
        self.flush_if_full()
    }

    pub(super) fn finish(mut self) -> Result<Report, Error> {
        self.flush()?;
        Ok(self.report)
    }

    fn flush_if_full(&mut self) -> Result<(), Error> {
        if self.nodes.len() + self.relations.len() < RECORDS && self.bytes < BYTES {
            return Ok(());
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.bytes = 0;
        let (nodes, relations) = (std::mem::take(&mut self.nodes), std::mem::take(&mut self.relations));
        let head = self.store.head()?;
        self.known.at(head);
        let (mut changes, mut ends) = (Changes::default(), Ends::new());
        self.add(nodes, head, &mut ends, &mut changes)?;
        for (line, relation) in relations {
            self.relate(line, relation, head, &mut ends, &mut changes)?;
        }
        self.commit(changes, head)
    }

    fn commit(&mut self, mut changes: Changes, head: Commit) -> Result<(), Error> {
        if self.mode == Mode::DryRun || changes.all.is_empty() {
            return Ok(());
        }
        let all = std::mem::take(&mut changes.all);
        let batch = Batch { changes: all, note: Some("import".to_owned()), ..Batch::default() };
        match self.store.commit(&batch) {
            Ok(committed) => {
                self.known.committed(head, committed.commit);
                Ok(())
            }
            Err(error) => Err(Changes { all: batch.changes, ..changes }.refused(error)),
        }
    }

    fn add(
        &mut self,
        nodes: BTreeMap<Id, (u64, MemoryNode)>,
        head: Commit,
        ends: &mut Ends,
        changes: &mut Changes,
    ) -> Result<(), Error> {
        for (id, (line, node)) in nodes {
            // One at a time: what is there may be large.
            let there = self.store.nodes(&[id], head)?.pop();
            ends.insert(id, Some(there.as_ref().map_or(node.status, |there| there.status)));
            match there {
                Some(there) => self.compare(&there, &node),
                None if self.pretended.contains(&id) => self.report.memories.present += 1,
                None => {
                    self.report.memories.added += 1;
                    if self.mode == Mode::DryRun {
                        self.pretended.insert(id);
                    }
                    changes.push(line, Change::Add(Box::new(node)));
                }
            }
        }
        Ok(())
    }

    /// A memory that is there already: the same but for when it was stored and how it was used, or another one.
    fn compare(&mut self, there: &MemoryNode, new: &MemoryNode) {
        let MemoryNode { created, updated, last_access, accesses, .. } = *new;
        let alike = MemoryNode { created, updated, last_access, accesses, ..there.clone() };
        let counts = &mut self.report.memories;
        let is_gone = |node: &MemoryNode| node.status == Status::Forgotten;
        if alike == *new || is_gone(there) && is_gone(new) {
            counts.present += 1;
        } else if is_gone(there) {
            counts.forgotten += 1;
        } else {
            counts.differing += 1;
            if self.report.differing.len() < TOLD {
                self.report.differing.push(new.id);
            }
        }
    }

    fn relate(
        &mut self,
        line: u64,
        relation: Relation,
        head: Commit,
        ends: &mut Ends,
        changes: &mut Changes,
    ) -> Result<(), Error> {
        if let Some(other) = self.known.alike(self.store, &relation)? {
            tell(&mut self.report.relations, other, &relation);
            return Ok(());
        }
        match [self.end(relation.from, head, ends)?, self.end(relation.to, head, ends)?] {
            [None, _] | [_, None] => self.left_out("relations of memories that are not there", 1),
            [Some(Status::Forgotten), _] | [_, Some(Status::Forgotten)] => {
                self.report.relations.forgotten += 1;
            }
            _ => {
                self.report.relations.added += 1;
                self.known.add(relation.clone());
                changes.push(line, Change::Relate(Box::new(relation)));
            }
        }
        Ok(())
    }

    /// What is known of a memory that a relation joins.
    fn end(&self, id: Id, head: Commit, ends: &mut Ends) -> Result<Option<Status>, memory::Error> {
        match ends.get(&id) {
            Some(status) => Ok(*status),
            None if self.pretended.contains(&id) => Ok(Some(Status::Live)),
            None => {
                let status = self.store.nodes(&[id], head)?.pop().map(|node| node.status);
                ends.insert(id, status);
                Ok(status)
            }
        }
    }
}

fn tell(counts: &mut Counts, there: &Relation, new: &Relation) {
    if *there == (Relation { created: there.created, ..new.clone() }) {
        counts.present += 1;
    } else {
        counts.differing += 1;
    }
}
