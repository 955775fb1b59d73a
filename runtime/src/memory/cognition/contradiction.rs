//! What cannot both be true. Likeness only says which memories are worth comparing; whether they contradict each other, a
//! judge says; and all that comes of it is a relation. Both memories stay.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::memory::pending::{Pending, blocking};
use crate::memory::store::{Direction, Filter, Match, Nearest, Page, Search, Store, Transaction};
use crate::memory::{
    Error, Id, MemoryNode, Provenance, RelationDraft, RelationKind, Settings, Status, Timestamp,
};

/// What a judge says of two memories.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// They cannot both be true, with this confidence: 0 to 1.
    Contradict(f32),
    /// They can.
    Compatible,
    /// It cannot be said.
    Unknown,
}

/// Who says whether two memories contradict each other.
pub trait Compare: Send + Sync + fmt::Debug {
    /// Its name, which is kept as the source of the relation.
    fn name(&self) -> &str;

    /// Whether they do.
    fn compare<'a>(&'a self, one: &'a MemoryNode, other: &'a MemoryNode) -> Pending<'a, Verdict>;
}

/// How contradictions are looked for.
#[derive(Debug, Clone)]
pub struct Detection {
    /// Where.
    pub store: Arc<dyn Store>,
    /// The settings of the store.
    pub settings: Arc<Settings>,
    /// The judge.
    pub judge: Arc<dyn Compare>,
    /// Memories that are less alike are not compared. A cosine; without a vector, words decide, and this says nothing.
    pub least: f64,
    /// The most memories that one is compared with.
    pub most: usize,
    /// What is contradicted with less confidence is not related.
    pub confidence: f32,
    /// How nearest vectors are looked for.
    pub search: Search,
}

impl Detection {
    /// The memories that one is worth comparing with, the most alike first: live ones of its namespace and kind that hold at
    /// some time at which it holds, that neither contradict it already nor say now what the other said.
    ///
    /// # Errors
    /// When there is no such live memory, or the store cannot be read.
    pub fn candidates(&self, id: Id) -> Result<Vec<MemoryNode>, Error> {
        let head = self.store.head()?;
        let node = self.store.nodes(&[id], head)?.pop().ok_or(Error::NotFound { id })?;
        if node.status != Status::Live {
            return Err(Error::Ended { id, status: node.status });
        }
        let kinds = [RelationKind::Contradicts, RelationKind::Supersedes];
        let known = self.store.relations(&[id], &kinds, Direction::Both, head)?;
        let known: BTreeSet<Id> = known.iter().flat_map(|one| [one.from, one.to]).chain([id]).collect();
        let mut asked = self.most.saturating_add(known.len());
        loop {
            let found = self.alike(&node, asked)?;
            let is_all = found.len() < asked || asked >= Page::MOST;
            let ids: Vec<Id> = found.iter().map(|one| one.id).filter(|id| !known.contains(id)).collect();
            let mut nodes = self.store.nodes(&ids, self.store.head()?)?;
            nodes.retain(|other| other.status == Status::Live && other.valid.overlaps(&node.valid));
            if is_all || nodes.len() >= self.most {
                nodes.truncate(self.most);
                return Ok(nodes);
            }
            asked = asked.saturating_mul(2).min(Page::MOST);
        }
    }

    fn alike(&self, node: &MemoryNode, most: usize) -> Result<Vec<Match>, Error> {
        let filter = Filter::of(node.namespace.clone()).kinds([node.kind]);
        let Some(to) = &node.embedding else {
            return self.store.matches(&node.content.words(), &filter, most);
        };
        let asked = Nearest { to, filter: &filter, most, search: self.search };
        let mut found = self.store.nearest(&asked)?;
        // As many as were asked for mean that there may be more; what is less alike ends it.
        found.retain(|one| one.score >= self.least);
        Ok(found)
    }

    /// Compares a memory with what is worth it, and relates it to what it contradicts. The relations. Looking again relates
    /// nothing twice; two who look at the same pair at the same time may both relate it.
    ///
    /// # Errors
    /// As [`candidates`](Self::candidates); [`Error::Model`] when the judge could not answer, [`Error::Answer`] when its
    /// confidence is not 0 to 1. Then nothing is related. A conflict when a memory has changed meanwhile.
    pub async fn run(&self, id: Id) -> Result<Vec<Id>, Error> {
        let this = self.clone();
        let (node, others) = blocking(move || this.both(id)).await?;
        let mut found = Vec::new();
        for other in &others {
            match self.judge.compare(&node, other).await? {
                Verdict::Contradict(confidence) if !(0.0..=1.0).contains(&confidence) => {
                    let reason = format!("a confidence of {confidence} is not 0 to 1");
                    return Err(Error::answer(self.judge.name(), reason));
                }
                Verdict::Contradict(confidence) if confidence >= self.confidence => {
                    found.push((other.id, other.version, confidence));
                }
                _ => {}
            }
        }
        let (this, version) = (self.clone(), node.version);
        blocking(move || this.relate((id, version), &found)).await
    }

    fn both(&self, id: Id) -> Result<(MemoryNode, Vec<MemoryNode>), Error> {
        let others = self.candidates(id)?;
        let node = self.store.nodes(&[id], self.store.head()?)?.pop().ok_or(Error::NotFound { id })?;
        Ok((node, others))
    }

    fn relate(&self, one: (Id, u64), found: &[(Id, u64, f32)]) -> Result<Vec<Id>, Error> {
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let mut transaction = Transaction::begin(Arc::clone(&self.store), Arc::clone(&self.settings))?;
        let now: Timestamp = self.settings.clock.now();
        is_still(&mut transaction, one)?;
        let mut relations = Vec::new();
        for (other, version, confidence) in found {
            is_still(&mut transaction, (*other, *version))?;
            let source = Provenance::new(self.judge.name()).reference(format!("compared {now}"));
            let draft = RelationDraft::new(one.0, RelationKind::Contradicts, *other)
                .weight(*confidence)
                .provenance(source);
            relations.push(transaction.relate(draft)?);
        }
        transaction.commit()?;
        Ok(relations)
    }
}

/// Whether a memory is what the judge saw.
fn is_still(transaction: &mut Transaction, (id, version): (Id, u64)) -> Result<(), Error> {
    use crate::memory::store::Seen;
    match transaction.get(id)?.map(|node| node.version) {
        Some(found) if found == version => Ok(()),
        found => {
            let found = found.map_or(Seen::Nothing, Seen::Version);
            Err(Error::Conflict { id, expected: Seen::Version(version), found })
        }
    }
}
