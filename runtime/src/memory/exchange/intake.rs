//! From records to a store: what is not there is added, some together, and what is there is compared.

use std::collections::{BTreeMap, BTreeSet};

use super::{Counts, Error, Report};
use crate::memory::store::{Batch, Change, Commit, Direction, Store};
use crate::memory::{self, Id, Limits, MemoryNode, Relation, RelationKind, Status};

/// Records that are stored together, and their bytes.
const RECORDS: usize = 500;
const BYTES: usize = 4 << 20;
/// The most memories that differ that are told by name.
const TOLD: usize = 100;

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
    nodes: BTreeMap<Id, MemoryNode>,
    relations: Vec<Relation>,
    bytes: usize,
    /// What a dry run would have stored.
    pretended: BTreeSet<Id>,
    /// The length of the vectors of each model.
    models: Option<BTreeMap<String, usize>>,
}

/// Whether a store with these limits can take a memory as it is.
pub(super) fn check(node: &MemoryNode, limits: &Limits) -> Result<(), memory::Error> {
    if node.status == Status::Forgotten {
        return Ok(());
    }
    node.check(limits)?;
    node.provenance.iter().try_for_each(|provenance| provenance.check(limits))
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
        }
    }

    pub(super) fn limits(&self) -> &'a Limits {
        self.limits
    }

    /// Something that cannot be carried over.
    pub(super) fn left_out(&mut self, what: &str, count: u64) {
        match self.report.left_out.get_mut(what) {
            Some(counted) => *counted += count,
            None => drop(self.report.left_out.insert(what.to_owned(), count)),
        }
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
        self.nodes.insert(node.id, node);
        self.flush_if_full()
    }

    /// All vectors of a model have one length.
    fn check_model(&mut self, node: &MemoryNode) -> Result<Result<(), memory::Error>, Error> {
        let Some(embedding) = &node.embedding else { return Ok(Ok(())) };
        if self.models.is_none() {
            let vectors = self.store.census()?.vectors.into_iter();
            self.models = Some(vectors.map(|(model, dimension, _)| (model, dimension)).collect());
        }
        let found = embedding.vector.len();
        let models = self.models.get_or_insert_default();
        let length = *models.entry(embedding.model.clone()).or_insert(found);
        if length == found {
            return Ok(Ok(()));
        }
        let reason = format!("vectors of {:?} have {length} numbers, and this one {found}", embedding.model);
        Ok(Err(memory::Error::invalid("embedding", reason)))
    }

    /// A relation, as it is stored. Its memories come before it.
    pub(super) fn relation(&mut self, relation: Relation) -> Result<(), Error> {
        self.bytes += 128;
        self.relations.push(relation);
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
        let mut changes = Vec::new();
        let mut ends = BTreeMap::new();
        self.add(nodes, head, &mut ends, &mut changes)?;
        self.relate(relations, head, &mut ends, &mut changes)?;
        if self.mode == Mode::Store && !changes.is_empty() {
            self.store.commit(&Batch { changes, note: Some("import".to_owned()), ..Batch::default() })?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        nodes: BTreeMap<Id, MemoryNode>,
        head: Commit,
        ends: &mut BTreeMap<Id, Option<Status>>,
        changes: &mut Vec<Change>,
    ) -> Result<(), Error> {
        for (id, node) in nodes {
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
                    changes.push(Change::Add(Box::new(node)));
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
        relations: Vec<Relation>,
        head: Commit,
        ends: &mut BTreeMap<Id, Option<Status>>,
        changes: &mut Vec<Change>,
    ) -> Result<(), Error> {
        let mut there: BTreeMap<Id, Vec<Relation>> = BTreeMap::new();
        for relation in relations {
            let known = there.entry(relation.from);
            let known = match known {
                std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::btree_map::Entry::Vacant(none) => {
                    none.insert(self.store.relations(&[relation.from], &[], Direction::Out, head)?)
                }
            };
            if let Some(other) = known.iter().find(|other| is_alike(other, &relation)) {
                tell(&mut self.report.relations, other, &relation);
                continue;
            }
            let is_dry = self.mode == Mode::DryRun;
            let pretended = &self.pretended;
            let mut end = |id: Id| match ends.get(&id) {
                Some(status) => Ok(*status),
                None if is_dry && pretended.contains(&id) => Ok(Some(Status::Live)),
                None => status_of(self.store, id, head, ends),
            };
            match (end(relation.from)?, end(relation.to)?) {
                (None, _) | (_, None) => self.left_out("relations of memories that are not there", 1),
                (Some(Status::Forgotten), _) | (_, Some(Status::Forgotten)) => {
                    self.report.relations.forgotten += 1;
                }
                _ => {
                    self.report.relations.added += 1;
                    known.push(relation.clone());
                    changes.push(Change::Relate(Box::new(relation)));
                }
            }
        }
        Ok(())
    }
}

fn status_of(
    store: &dyn Store,
    id: Id,
    head: Commit,
    ends: &mut BTreeMap<Id, Option<Status>>,
) -> Result<Option<Status>, memory::Error> {
    let status = store.nodes(&[id], head)?.pop().map(|node| node.status);
    ends.insert(id, status);
    Ok(status)
}

/// Whether a store has room for only one of two.
fn is_alike(a: &Relation, b: &Relation) -> bool {
    fn ends(relation: &Relation) -> (Id, &RelationKind, Id) {
        (relation.from, &relation.kind, relation.to)
    }
    a.id == b.id || ends(a) == ends(b)
}

fn tell(counts: &mut Counts, there: &Relation, new: &Relation) {
    if *there == (Relation { created: there.created, ..new.clone() }) {
        counts.present += 1;
    } else {
        counts.differing += 1;
    }
}
