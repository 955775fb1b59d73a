//! What a query reads of a store: each memory once, and whether it is meant.
//!
//! Words and vectors of a store are of the memories that live at its head. What has ended, or how it was at another commit,
//! is read memory by memory, and compared here: then this holds everything that is meant.

use std::collections::{BTreeMap, BTreeSet};

use super::query::{Query, Scope, When};
use crate::memory::store::{Commit, Filter, Order, Page, Store, unexpired_at};
use crate::memory::{Error, Id, MemoryNode, Status, Timestamp};

/// A store as it is asked, and what was read of it.
pub(super) struct Source<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) query: &'a Query,
    pub(super) at: Commit,
    /// When memories and relations have to hold. `None`: whenever.
    pub(super) valid_at: Option<Timestamp>,
    nodes: BTreeMap<Id, MemoryNode>,
    /// What was asked for, there or not.
    read: BTreeSet<Id>,
}

impl<'a> Source<'a> {
    pub(super) fn new(store: &'a dyn Store, query: &'a Query, now: Timestamp) -> Result<Self, Error> {
        let at = query.as_of.map_or_else(|| store.head(), Ok)?;
        let valid_at = match query.when {
            When::Now => Some(now),
            When::At(time) => Some(time),
            When::Any => None,
        };
        Ok(Self { store, query, at, valid_at, nodes: BTreeMap::new(), read: BTreeSet::new() })
    }

    /// A filter for each namespace.
    pub(super) fn filters(&self) -> Vec<Filter> {
        self.scopes().map(|scope| self.query.filter(scope, self.valid_at)).collect()
    }

    /// Namespaces, without those that lie in another one.
    fn scopes(&self) -> impl Iterator<Item = &'a Scope> {
        let scopes = &self.query.scopes;
        let holds = |outer: &Scope, inner: &Scope| {
            outer.namespace == inner.namespace && (outer.below || !inner.below)
                || outer.below && outer.namespace.contains(&inner.namespace)
        };
        scopes.iter().enumerate().filter_map(move |(at, scope)| {
            let mut others = scopes.iter().enumerate().filter(|(other, _)| *other != at);
            let is_held =
                others.any(|(other, outer)| holds(outer, scope) && (other < at || !holds(scope, outer)));
            (!is_held).then_some(scope)
        })
    }

    /// Reads memories that were not read yet.
    pub(super) fn load(&mut self, ids: &[Id]) -> Result<(), Error> {
        let new: Vec<Id> = ids.iter().copied().filter(|id| self.read.insert(*id)).collect();
        if !new.is_empty() {
            let nodes = self.store.nodes(&new, self.at)?;
            self.nodes.extend(nodes.into_iter().map(|node| (node.id, node)));
        }
        Ok(())
    }

    /// Reads everything that is meant.
    pub(super) fn load_all(&mut self) -> Result<(), Error> {
        for filter in self.filters() {
            let mut skip = 0;
            loop {
                let page = Page { order: Order::Oldest, skip, most: Page::MOST };
                let nodes = self.store.find(&filter.clone().page(page), self.at)?;
                let is_last = nodes.len() < Page::MOST;
                skip += nodes.len();
                self.read.extend(nodes.iter().map(|node| node.id));
                self.nodes.extend(nodes.into_iter().map(|node| (node.id, node)));
                if is_last {
                    break;
                }
            }
        }
        Ok(())
    }

    /// A memory that was read.
    pub(super) fn node(&self, id: Id) -> Option<&MemoryNode> {
        self.nodes.get(&id)
    }

    /// All that was read and is meant, in the order of names.
    pub(super) fn all(&self) -> impl Iterator<Item = &MemoryNode> {
        self.nodes.values().filter(|node| self.is_meant(node))
    }

    /// Those of these that are meant.
    pub(super) fn meant(&mut self, ids: &[Id]) -> Result<BTreeSet<Id>, Error> {
        self.those(ids, Self::is_meant)
    }

    /// Those of these whose namespace, status and times are meant, whatever else they are.
    pub(super) fn in_scope(&mut self, ids: &[Id]) -> Result<BTreeSet<Id>, Error> {
        self.those(ids, Self::is_in_scope)
    }

    fn those(&mut self, ids: &[Id], is: fn(&Self, &MemoryNode) -> bool) -> Result<BTreeSet<Id>, Error> {
        self.load(ids)?;
        Ok(ids.iter().copied().filter(|id| self.node(*id).is_some_and(|node| is(self, node))).collect())
    }

    fn is_in_scope(&self, node: &MemoryNode) -> bool {
        let holds = |scope: &Scope| {
            scope.namespace == node.namespace || scope.below && scope.namespace.contains(&node.namespace)
        };
        self.query.scopes.iter().any(holds)
            && self.query.statuses.contains(&node.status)
            && self.valid_at.is_none_or(|time| node.valid.contains(time))
            && self.lasts(node)
            && self.query.created.contains(node.created)
    }

    /// Whether it has not expired by the time that is meant.
    fn lasts(&self, node: &MemoryNode) -> bool {
        let time = unexpired_at(self.valid_at, &self.query.statuses);
        node.status != Status::Live || time.zip(node.expires).is_none_or(|(time, expires)| expires > time)
    }

    pub(super) fn is_meant(&self, node: &MemoryNode) -> bool {
        let query = self.query;
        self.is_in_scope(node)
            && (query.kinds.is_empty() || query.kinds.contains(&node.kind))
            && query.importance.is_none_or(|importance| node.importance >= importance)
            && query.metadata.iter().all(|(key, value)| node.metadata.get(key) == Some(value))
    }

    /// Whether the words and vectors of the store are those that are asked for.
    pub(super) fn is_indexed(query: &Query) -> bool {
        query.as_of.is_none() && query.statuses == [Status::Live]
    }
}
