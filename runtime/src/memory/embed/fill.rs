//! Vectors for memories that have none.

use std::sync::Arc;

use super::{Embedder, Purpose};
use crate::memory::pending::blocking;
use crate::memory::store::{Filter, Store, Transaction};
use crate::memory::{Error, Id, MemoryNode, Settings, Status};

/// So many memories are given their vectors together.
const PORTION: usize = 256;

/// Gives a vector to every live memory that a filter means, that is found by search and has words, and that has no vector of
/// this model. How many were given one. Each portion is one transaction: when this fails, what it has done holds, and it may
/// be called again.
///
/// # Errors
/// As [`Embedder::embed`] and [`Store::commit`]; a conflict when a memory was changed while its vector was made.
pub async fn fill(
    store: &Arc<dyn Store>,
    settings: &Arc<Settings>,
    embedder: &Embedder,
    filter: &Filter,
) -> Result<usize, Error> {
    let (asked, meant) = (Arc::clone(store), filter.clone());
    let ids = blocking(move || asked.ids(&meant)).await?;
    let mut count = 0;
    for portion in ids.chunks(PORTION) {
        count += fill_portion(store, settings, embedder, portion).await?;
    }
    Ok(count)
}

async fn fill_portion(
    store: &Arc<dyn Store>,
    settings: &Arc<Settings>,
    embedder: &Embedder,
    ids: &[Id],
) -> Result<usize, Error> {
    let (store, settings) = (Arc::clone(store), Arc::clone(settings));
    let (ids, model) = (ids.to_vec(), embedder.name().to_owned());
    let (mut transaction, nodes) = blocking(move || bare(store, settings, &ids, &model)).await?;
    let words: Vec<_> = nodes.iter().map(|node| node.content.words()).collect();
    let texts: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    let vectors = embedder.embed(&texts, Purpose::Document).await?;
    let ids: Vec<Id> = nodes.iter().map(|node| node.id).collect();
    blocking(move || {
        let count = ids.len();
        for (id, vector) in ids.into_iter().zip(vectors) {
            transaction.embed(id, Some(vector))?;
        }
        if count > 0 {
            transaction.commit()?;
        }
        Ok(count)
    })
    .await
}

/// Those that need a vector, watched by a transaction.
fn bare(
    store: Arc<dyn Store>,
    settings: Arc<Settings>,
    ids: &[Id],
    model: &str,
) -> Result<(Transaction, Vec<MemoryNode>), Error> {
    let found = store.nodes(ids, store.head()?)?;
    let mut transaction = Transaction::begin(store, Arc::clone(&settings))?;
    let mut nodes = Vec::new();
    for node in found.into_iter().filter(|node| is_bare(node, &settings, model)) {
        // As the transaction sees it: it may have changed between the two.
        nodes.extend(transaction.get(node.id)?.filter(|node| is_bare(node, &settings, model)));
    }
    Ok((transaction, nodes))
}

fn is_bare(node: &MemoryNode, settings: &Settings, model: &str) -> bool {
    let has_vector = node.embedding.as_ref().is_some_and(|embedding| embedding.model == model);
    let is_found = node.status == Status::Live && settings.policy(node.kind).is_indexed;
    is_found && !has_vector && !node.content.words().is_empty()
}
