//! Conclusions from episodes, by a model. What it concludes is checked, and stored with relations to the episodes that each
//! conclusion is derived from, all of it in one transaction. The same episodes are concluded from once: the names of
//! conclusions follow from the episodes and the model.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::memory::pending::{Pending, blocking};
use crate::memory::store::{Direction, Filter, Order, Store, Transaction};
use crate::memory::{
    Error, Id, Kind, MemoryDraft, MemoryNode, Namespace, Provenance, RelationDraft, RelationKind, Settings,
    Status, named,
};

/// A model that concludes.
pub trait Conclude: Send + Sync + fmt::Debug {
    /// Its name, which is kept as the source of its conclusions.
    fn name(&self) -> &str;

    /// What follows from episodes, at most so many conclusions. None is an answer, too.
    fn conclude<'a>(&'a self, episodes: &'a [MemoryNode], most: usize) -> Pending<'a, Vec<Conclusion>>;
}

/// What a model has concluded.
#[derive(Debug, Clone, PartialEq)]
pub struct Conclusion {
    /// What is known now.
    pub text: String,
    /// The episodes that it was concluded from.
    pub sources: Vec<Id>,
    /// How important it is: 0 to 1. `None`: as its kind says.
    pub importance: Option<f32>,
}

/// What is concluded from, and by whom.
#[derive(Debug, Clone)]
pub struct Consolidation {
    /// Where.
    pub store: Arc<dyn Store>,
    /// The settings of the store.
    pub settings: Arc<Settings>,
    /// Where conclusions belong. Episodes are of this namespace, or below it.
    pub namespace: Namespace,
    /// The model.
    pub model: Arc<dyn Conclude>,
    /// The most conclusions from one group of episodes; no more than [`MOST`](Self::MOST).
    pub most: usize,
}

/// A group of episodes, as a transaction sees them.
struct Group {
    transaction: Transaction,
    episodes: Vec<MemoryNode>,
}

impl Consolidation {
    /// The most that can be concluded from one group: the names of so many are looked for before a model is asked.
    pub const MOST: usize = 1000;

    /// Live episodes from which nothing is concluded yet, the oldest first; at most as many as a page holds, of which
    /// those are left out that are concluded from.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn pending(&self, filter: &Filter) -> Result<Vec<Id>, Error> {
        let mut filter = filter.clone().kinds([Kind::Episode]).statuses([Status::Live]);
        filter.page.order = Order::Oldest;
        let head = self.store.head()?;
        let ids: Vec<Id> = self.store.find(&filter, head)?.into_iter().map(|node| node.id).collect();
        let derived = self.store.relations(&ids, &[RelationKind::DerivedFrom], Direction::In, head)?;
        let from: BTreeSet<Id> = derived.iter().map(|relation| relation.from).collect();
        let nodes = self.store.nodes(&from.into_iter().collect::<Vec<_>>(), head)?;
        // A summary of a conversation is derived from its episodes, too, and is no conclusion.
        let conclusions: BTreeSet<Id> =
            nodes.into_iter().filter(|node| node.kind == Kind::Semantic).map(|node| node.id).collect();
        let done = derived.into_iter().filter(|relation| conclusions.contains(&relation.from));
        let done: BTreeSet<Id> = done.map(|relation| relation.to).collect();
        Ok(ids.into_iter().filter(|id| !done.contains(id)).collect())
    }

    /// Has the model conclude from a group of episodes, and stores what it concludes. The conclusions; if there are some from
    /// this group already, those, and nothing is asked. A conclusion that was forgotten is not drawn again.
    ///
    /// # Errors
    /// [`Error::Limit`] when more conclusions are asked for than there may be; [`Error::Invalid`] when one is no live episode
    /// of the namespace; [`Error::Model`] when the model could not answer;
    /// [`Error::Answer`] when a conclusion is empty, too long, has no episode of the group as its source, or there are too
    /// many. Then nothing is stored. A conflict when an episode has changed meanwhile.
    pub async fn run(&self, episodes: &[Id]) -> Result<Vec<Id>, Error> {
        if self.most > Self::MOST {
            return Err(Error::limit("conclusions", self.most, Self::MOST));
        }
        let group: BTreeSet<Id> = episodes.iter().copied().collect();
        let (this, ids) = (self.clone(), group.clone());
        let group = match blocking(move || this.group(&ids)).await? {
            Ok(group) => group,
            Err(done) => return Ok(done),
        };
        let conclusions = self.model.conclude(&group.episodes, self.most).await?;
        self.check(&group.episodes, &conclusions)?;
        let this = self.clone();
        blocking(move || this.keep(group, conclusions)).await
    }

    /// The episodes, or what was concluded from them already.
    fn group(&self, ids: &BTreeSet<Id>) -> Result<Result<Group, Vec<Id>>, Error> {
        if ids.is_empty() {
            return Ok(Err(Vec::new()));
        }
        let mut transaction = Transaction::begin(Arc::clone(&self.store), Arc::clone(&self.settings))?;
        let names: Vec<Id> = (0..self.most).map(|at| self.name(ids, at)).collect();
        let done = self.store.nodes(&names, transaction.base())?;
        if !done.is_empty() {
            let kept = done.iter().filter(|node| node.status != Status::Forgotten);
            return Ok(Err(kept.map(|node| node.id).collect()));
        }
        let mut episodes = Vec::new();
        for id in ids {
            let node = transaction.get(*id)?.ok_or(Error::NotFound { id: *id })?;
            let is_ours = node.kind == Kind::Episode && self.namespace.contains(&node.namespace);
            if !is_ours || node.status != Status::Live {
                let reason = format!("{id} is no live episode of {}", self.namespace);
                return Err(Error::invalid("consolidation", reason));
            }
            episodes.push(node);
        }
        Ok(Ok(Group { transaction, episodes }))
    }

    fn check(&self, episodes: &[MemoryNode], conclusions: &[Conclusion]) -> Result<(), Error> {
        let wrong = |reason: String| Err(Error::answer(self.model.name(), reason));
        if conclusions.len() > self.most {
            return wrong(format!("{} conclusions, and {} were asked for", conclusions.len(), self.most));
        }
        let group: BTreeSet<Id> = episodes.iter().map(|node| node.id).collect();
        for conclusion in conclusions {
            if conclusion.text.trim().is_empty() {
                return wrong("a conclusion says nothing".to_owned());
            }
            if conclusion.sources.is_empty() {
                return wrong("a conclusion has no source".to_owned());
            }
            if let Some(id) = conclusion.sources.iter().find(|id| !group.contains(id)) {
                return wrong(format!("{id} is a source, and is none of the episodes"));
            }
            let draft = self.draft(conclusion);
            draft
                .check(&self.settings.limits)
                .map_err(|error| Error::answer(self.model.name(), error.to_string()))?;
        }
        Ok(())
    }

    fn draft(&self, conclusion: &Conclusion) -> MemoryDraft {
        let sources: BTreeSet<Id> = conclusion.sources.iter().copied().collect();
        let draft = MemoryDraft::new(self.namespace.clone(), Kind::Semantic, conclusion.text.as_str())
            .provenance(Provenance::new(self.model.name()).derived_from(sources));
        MemoryDraft { importance: conclusion.importance, ..draft }
    }

    fn keep(&self, group: Group, conclusions: Vec<Conclusion>) -> Result<Vec<Id>, Error> {
        let Group { mut transaction, episodes } = group;
        let ids: BTreeSet<Id> = episodes.iter().map(|node| node.id).collect();
        let mut kept = Vec::new();
        for (at, conclusion) in conclusions.iter().enumerate() {
            let id = self.name(&ids, at);
            // Read, so that it is a conflict when somebody else concludes from the same at the same time.
            transaction.get(id)?;
            kept.push(transaction.add(self.draft(conclusion).id(id))?);
            let sources: BTreeSet<Id> = conclusion.sources.iter().copied().collect();
            for source in sources {
                transaction.relate(RelationDraft::new(id, RelationKind::DerivedFrom, source))?;
            }
        }
        if !kept.is_empty() {
            transaction.commit()?;
        }
        Ok(kept)
    }

    fn name(&self, episodes: &BTreeSet<Id>, at: usize) -> Id {
        let episodes: Vec<u8> = episodes.iter().flat_map(|id| id.as_u128().to_be_bytes()).collect();
        let (space, model) = (self.namespace.as_str().as_bytes(), self.model.name().as_bytes());
        named::id(&[b"conclusion", space, model, &episodes], at as u32)
    }
}
