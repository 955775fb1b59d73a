//! Vectors for memories that have none.

use std::sync::Arc;

use super::{Embedder, Purpose};
use crate::memory::pending::blocking;
use crate::memory::store::{Filter, Store, Transaction};
use crate::memory::{Error, Id, MemoryNode, Settings, Status};

/// So many memories are given their vectors together.
const PORTION: usize = 256;

/// What was done.
#[derive(Debug, Default)]
pub struct Filled {
    /// How many memories were given a vector.
    pub given: usize,
    /// Those that need one and have none: theirs cannot be asked for, or cannot be used. The next time they are tried again.
    pub left_out: Vec<LeftOut>,
}

/// A memory that was given no vector.
#[derive(Debug)]
pub struct LeftOut {
    /// Which.
    pub id: Id,
    /// [`Error::Limit`] when its text is longer than the embedder asks for at once, [`Error::Answer`] when nothing can be
    /// compared with the vector that the model made of it.
    pub why: Error,
}

/// Gives a vector to every live memory that a filter means, that is found by search and has words, and that has no vector of
/// this model; but to those whose text is too long for the embedder, or whose vector cannot be used, which are told. Each
/// portion is one transaction: when this fails, what it has done holds, and it may be called again.
///
/// A model that refuses a text which the embedder allows makes all of it fail, because it does not say which text it was:
/// [`Batching`](super::Batching) should have the limits of the model.
///
/// # Errors
/// As [`Embedder::embed`] but for such, and as [`Store::commit`]; a conflict when a memory was changed while its vector was
/// made.
pub async fn fill(
    store: &Arc<dyn Store>,
    settings: &Arc<Settings>,
    embedder: &Embedder,
    filter: &Filter,
) -> Result<Filled, Error> {
    let (asked, meant) = (Arc::clone(store), filter.clone());
    let ids = blocking(move || asked.ids(&meant)).await?;
    let mut filled = Filled::default();
    for portion in ids.chunks(PORTION) {
        let Filled { given, left_out } = fill_portion(store, settings, embedder, portion).await?;
        filled.given += given;
        filled.left_out.extend(left_out);
    }
    Ok(filled)
}

async fn fill_portion(
    store: &Arc<dyn Store>,
    settings: &Arc<Settings>,
    embedder: &Embedder,
    ids: &[Id],
) -> Result<Filled, Error> {
    let (store, settings) = (Arc::clone(store), Arc::clone(settings));
    let (ids, model) = (ids.to_vec(), embedder.name().to_owned());
    let (mut transaction, nodes) = blocking(move || bare(store, settings, &ids, &model)).await?;
    let words: Vec<_> = nodes.iter().map(|node| node.content.words()).collect();
    let texts: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    let vectors = embedder.embed_usable(&texts, Purpose::Document).await?;
    let ids: Vec<Id> = nodes.iter().map(|node| node.id).collect();
    blocking(move || {
        let mut filled = Filled::default();
        for (id, vector) in ids.into_iter().zip(vectors) {
            match vector {
                Ok(vector) => {
                    transaction.embed(id, Some(vector))?;
                    filled.given += 1;
                }
                Err(why) => filled.left_out.push(LeftOut { id, why }),
            }
        }
        if filled.given > 0 {
            transaction.commit()?;
        }
        Ok(filled)
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
