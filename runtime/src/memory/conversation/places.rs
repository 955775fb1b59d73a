//! Which places of a conversation are taken. They follow one after the other, so that nobody has to look; but names of
//! messages can be imported, and such may be far apart. Then what is there is walked over, not what is between.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{Conversation, PAGE, names};
use crate::memory::store::{Filter, Store};
use crate::memory::{Error, Kind, MemoryNode, Namespace, Status};

/// So many places are looked at without asking first which of them are taken.
const FEW: u32 = 1024;

/// All places of a conversation that are taken, whatever has become of the messages.
pub(super) fn taken(store: &dyn Store, namespace: &Namespace) -> Result<BTreeSet<u32>, Error> {
    let filter = Filter::of(namespace.clone()).kinds([Kind::Episode]).statuses(Status::ALL);
    let ids = store.ids(&filter)?;
    Ok(ids.into_iter().filter_map(|id| names::order(namespace, id)).collect())
}

/// Goes from the last place to the first, page by page.
pub(super) struct Backwards<'a> {
    conversation: &'a Conversation,
    within: Range<u32>,
    /// The places that are taken: known once a page was empty.
    taken: Option<BTreeSet<u32>>,
}

impl Conversation {
    /// The places within a range at which something may be, in order.
    pub(super) fn places(&self, within: Range<u32>) -> Result<Vec<u32>, Error> {
        if within.end.saturating_sub(within.start) <= FEW {
            return Ok(within.collect());
        }
        Ok(taken(&*self.store, &self.namespace)?.range(within).copied().collect())
    }

    pub(super) fn backwards(&self, within: Range<u32>) -> Backwards<'_> {
        Backwards { conversation: self, within, taken: None }
    }
}

impl Backwards<'_> {
    /// What is at the places before, in order; `None` after the first place.
    pub(super) fn page(&mut self) -> Result<Option<Vec<MemoryNode>>, Error> {
        let Range { start, end } = self.within;
        if start >= end {
            return Ok(None);
        }
        let page: Vec<u32> = match &self.taken {
            Some(taken) => {
                let mut page: Vec<u32> = taken.range(start..end).rev().take(PAGE as usize).copied().collect();
                page.reverse();
                page
            }
            None => (end.saturating_sub(PAGE).max(start)..end).collect(),
        };
        self.within.end = page.first().copied().unwrap_or(start);
        let this = self.conversation;
        let nodes = this.nodes(page, this.store.head()?)?;
        if nodes.is_empty() && self.taken.is_none() {
            self.taken = Some(taken(&*this.store, &this.namespace)?);
        }
        Ok(Some(nodes))
    }
}
