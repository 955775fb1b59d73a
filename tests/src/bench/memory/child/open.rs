//! How long a store takes to open, to tell all its vectors, and to answer first.

use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use typewright_runtime::memory::store::{Filter, Nearest, Search, Store};
use typewright_runtime::memory::{Kind, Namespace};

use super::nodes::{MODEL, Memories, NAMESPACE, open};
use super::{failed, store};
use crate::bench::Failure;
use crate::bench::memory::vectors::NEAREST;

const TIMES: usize = 7;

pub(super) fn run(folder: &Path, count: usize) -> Result<Value, Failure> {
    let path = folder.join("open.db");
    let mut memories = Memories::of(Kind::Fact, 0);
    let filled = open(&path)?;
    for first in (0..count).step_by(store::BATCH) {
        filled.commit(&memories.batch(store::BATCH.min(count - first))?)?;
    }
    drop(filled);
    let (to, filter) = (memories.vector(), Filter::of(Namespace::new(NAMESPACE)?));
    let (mut opened, mut read, mut first) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TIMES {
        read.push(vectors(&path, count)?);
        let begun = Instant::now();
        let store = open(&path)?;
        store.head()?;
        opened.push(begun.elapsed().as_secs_f64());
        let search = Search::Recall(0.99);
        let found = store.nearest(&Nearest { to: &to, filter: &filter, most: NEAREST, search })?;
        first.push(begun.elapsed().as_secs_f64());
        if found.len() != NEAREST {
            return Err(failed(format!("the store found {}", found.len())));
        }
    }
    Ok(json!({ "open": opened, "vectors": read, "first": first }))
}

/// Seconds to open a store and read all vectors, of which there are so many.
fn vectors(path: &Path, count: usize) -> Result<f64, Failure> {
    let (begun, mut seen) = (Instant::now(), 0);
    open(path)?.vectors(MODEL, &mut |_| {
        seen += 1;
        Ok(())
    })?;
    let spent = begun.elapsed().as_secs_f64();
    if seen == count { Ok(spent) } else { Err(failed(format!("the store has {seen} vectors"))) }
}
