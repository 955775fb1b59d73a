//! The sense of what has left the window, by a model. A summary goes on from the one before, which it supersedes; it is
//! derived from every message that it covers, so that forgetting one of them forgets it, too.

use std::fmt;
use std::sync::Arc;

use super::{Conversation, PAGE, Said, names};
use crate::json::RawJson;
use crate::memory::pending::{Pending, blocking};
use crate::memory::store::{Commit, Transaction};
use crate::memory::tokens::CountTokens;
use crate::memory::{
    Error, Id, Kind, MemoryDraft, MemoryNode, Provenance, RelationDraft, RelationKind, Status,
};

/// So many messages are summarised at once.
const PORTION: usize = 512;
/// What the place up to which a summary goes is called.
const COVERS: &str = "covers";

/// A model that summarises.
pub trait Summarise: Send + Sync + fmt::Debug {
    /// Its name, which is kept as the source of its summaries.
    fn name(&self) -> &str;

    /// The sense of messages after what is said already, in at most so many tokens.
    fn summarise<'a>(
        &'a self,
        before: Option<&'a str>,
        messages: &'a [Said],
        tokens: usize,
    ) -> Pending<'a, String>;
}

/// What was said up to a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The memory that it is.
    pub id: Id,
    /// The last message that it covers.
    pub covers: u32,
    /// What it says.
    pub text: String,
}

/// What has to be summarised next.
struct Task {
    transaction: Transaction,
    before: Option<Summary>,
    messages: Vec<Said>,
    covers: u32,
    id: Id,
}

impl Conversation {
    /// The latest summary, if there is one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn summary(&self) -> Result<Option<Summary>, Error> {
        Ok(self.summaries(self.store.head()?)?.0)
    }

    /// The latest live summary, and how many there have been.
    fn summaries(&self, at: Commit) -> Result<(Option<Summary>, u32), Error> {
        let (mut latest, mut count) = (None::<Summary>, 0);
        loop {
            let ids: Vec<Id> =
                (count + 1..=count + PAGE).map(|one| names::summary(self.namespace(), one)).collect();
            let nodes = self.store.nodes(&ids, at)?;
            let found = nodes.len() as u32;
            count += found;
            let live = nodes.iter().filter(|node| node.status == Status::Live).filter_map(of_node);
            latest = live.chain(latest).max_by_key(|summary| summary.covers);
            if found < PAGE {
                return Ok((latest, count));
            }
        }
    }

    /// Summarises all up to a place that is not summarised yet, in at most so many tokens. Nothing is asked where a
    /// summary goes as far already. The latest summary; none if there is nothing to summarise.
    ///
    /// # Errors
    /// [`Error::Model`] when the model could not answer, [`Error::Answer`] when it said nothing or too much; a conflict when
    /// somebody else has summarised, or forgotten something of it, meanwhile.
    pub async fn summarise(
        self: &Arc<Self>,
        up_to: u32,
        model: &dyn Summarise,
        tokens: usize,
        counter: &dyn CountTokens,
    ) -> Result<Option<Summary>, Error> {
        loop {
            let this = Arc::clone(self);
            let task = match blocking(move || this.task(up_to)).await? {
                Ok(task) => task,
                Err(summary) => return Ok(summary),
            };
            let before = task.before.as_ref().map(|summary| summary.text.as_str());
            let text = model.summarise(before, &task.messages, tokens).await?;
            let found = counter.text(&text);
            if text.trim().is_empty() || found > tokens {
                let reason = format!("a summary of {found} tokens, not 1 to {tokens}");
                return Err(Error::answer(model.name(), reason));
            }
            let (this, source) = (Arc::clone(self), model.name().to_owned());
            blocking(move || this.keep(task, text, source)).await?;
        }
    }

    /// What to do next, or the summary if there is nothing more to do.
    fn task(&self, up_to: u32) -> Result<Result<Task, Option<Summary>>, Error> {
        // Before the transaction begins, so that it sees every message that there is up to here.
        let up_to = up_to.min(self.last()?);
        let pinned = self.pinned()?.last().map_or(0, |said| said.order);
        let transaction = Transaction::begin(Arc::clone(&self.store), Arc::clone(&self.settings))?;
        let (before, count) = self.summaries(transaction.base())?;
        let covered = before.as_ref().map_or(pinned, |summary| summary.covers.max(pinned));
        if covered >= up_to {
            return Ok(Err(before));
        }
        for places in self.places(covered + 1..up_to + 1)?.chunks(PORTION) {
            let covers = places.last().copied().unwrap_or(up_to);
            let messages = self.live(places.iter().copied(), transaction.base())?;
            if !messages.is_empty() {
                let id = names::summary(self.namespace(), count + 1);
                return Ok(Ok(Task { transaction, before, messages, covers, id }));
            }
        }
        Ok(Err(before))
    }

    fn keep(&self, task: Task, text: String, source: String) -> Result<(), Error> {
        let Task { mut transaction, before, messages, covers, id } = task;
        let from: Vec<Id> =
            messages.iter().map(|said| said.id).chain(before.iter().map(|summary| summary.id)).collect();
        let covers =
            RawJson::new(covers.to_string()).map_err(|error| Error::invalid("summary", error.to_string()))?;
        let draft = MemoryDraft::new(self.namespace.clone(), Kind::Contextual, text)
            .id(id)
            .metadata(COVERS, covers)
            .provenance(Provenance::new(source).derived_from(from.iter().copied()));
        // Read, so that it is a conflict when somebody else summarises at the same time.
        transaction.get(id)?;
        match before {
            Some(before) => transaction.supersede(before.id, draft)?,
            None => transaction.add(draft)?,
        };
        for from in from {
            transaction.relate(RelationDraft::new(id, RelationKind::DerivedFrom, from))?;
        }
        transaction.commit().map(drop)
    }
}

fn of_node(node: &MemoryNode) -> Option<Summary> {
    let covers = node.metadata.get(COVERS)?.as_str().parse().ok()?;
    Some(Summary { id: node.id, covers, text: node.content.words().into_owned() })
}
