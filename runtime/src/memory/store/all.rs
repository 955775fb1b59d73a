//! Everything that a store holds, by what every store can do. Who reads its tables in their order does better.

use std::collections::BTreeSet;

use super::{Commit, Direction, Filter, Item, Page, Store};
use crate::memory::{Error, Id, Status};

/// Everything of a store, by its other methods: memories, and then relations. Keeps the names of all memories, and one memory
/// at a time.
///
/// # Errors
/// As [`Store::all`].
pub fn all(
    store: &(impl Store + ?Sized),
    at: Commit,
    take: &mut dyn FnMut(Item) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut ids: BTreeSet<Id> = BTreeSet::new();
    for namespace in store.namespaces()? {
        let filter = Filter::of(namespace).statuses(Status::ALL).page(Page::default());
        ids.extend(store.ids(&filter)?);
    }
    for id in &ids {
        store.nodes(&[*id], at)?.into_iter().try_for_each(|node| take(Item::Node(Box::new(node))))?;
    }
    for id in &ids {
        // Symmetric ones are found from both ends, and belong to the one that they are stored from.
        let found = store.relations(&[*id], &[], Direction::Out, at)?.into_iter();
        found
            .filter(|relation| relation.from == *id)
            .try_for_each(|relation| take(Item::Relation(Box::new(relation))))?;
    }
    Ok(())
}
