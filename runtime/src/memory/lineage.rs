//! What was concluded from what.

use std::collections::BTreeSet;

use super::relation::RelationKind;
use super::store::{Commit, Direction, Store};
use super::{Error, Id};

/// All that was concluded from memories, directly or from what was concluded from them; without themselves. Sorted.
///
/// # Errors
/// When the store cannot be read.
pub fn derived(store: &dyn Store, from: &[Id], at: Commit) -> Result<Vec<Id>, Error> {
    let begin: BTreeSet<Id> = from.iter().copied().collect();
    let (mut found, mut next) = (BTreeSet::new(), from.to_vec());
    while !next.is_empty() {
        let relations = store.relations(&next, &[RelationKind::DerivedFrom], Direction::In, at)?;
        next = relations.into_iter().map(|relation| relation.from).filter(|id| found.insert(*id)).collect();
    }
    Ok(found.difference(&begin).copied().collect())
}
