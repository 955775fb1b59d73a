//! Finding what is meant: one typed [`Query`] over any store, answered by several channels, fused, and told term by term.
//!
//! [`Query`] says what is asked and refuses what has no bound; [`Planner`] makes a [`Plan`] of it; [`recall`] answers. Each
//! channel finds up to `max(4 k, 64)` candidates within namespaces, status and time: the nearest vectors, the best words,
//! names that stand literally, and what is related to the first of those. [`score`] fuses them, [`mmr`] makes room for what
//! is unlike, [`Recalled::explain`] says every number. [`router`] learns which strategy serves which question.
//!
//! A memory that has no word of the question, a vector below the floor and no relation to what was found is in no list, and
//! the words of a list are weighed among themselves (`bm25`): that it is there or not changes the order of nothing else.
//! Two things bound this: of more memories that have a word of it than four times as many as are needed, the store chooses; and an
//! index that misses some of the nearest misses others when it grows.
//!
//! Everything is decided by the arguments: the time is that of [`Settings::clock`], equal ones are in the order of names;
//! among the newest, the last name of those that were stored at once comes first, as stores have it.

mod bm25;
mod explain;
mod graph;
mod lists;
#[cfg(feature = "candle")]
mod local;
pub mod mmr;
mod plan;
mod query;
mod rank;
pub mod router;
pub mod score;
mod source;
pub mod text;

pub use explain::Explanation;
pub use graph::passes_on;
#[cfg(feature = "candle")]
pub use local::LocalReranker;
pub use plan::{Asked, Channel, Costs, Estimate, Plan, Planner, Reading, Statistics};
pub use query::{Query, Rest, Scope, Strategy, When};
pub use rank::{Part, Terms};
pub use score::{Scoring, Weights};

use source::Source;

use super::store::{Batch, Change, Commit, Store};
use super::{Error, Id, MemoryNode, Settings, Timestamp};

/// A memory, and how well a channel finds it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Hit {
    id: Id,
    score: f64,
}

/// Best first, equal ones by name, each once.
fn sorted(mut hits: Vec<Hit>) -> Vec<Hit> {
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
    let mut seen = std::collections::BTreeSet::new();
    hits.retain(|hit| seen.insert(hit.id));
    hits
}

/// Judges again how relevant what was found is: a model that reads question and memory together.
///
/// `LocalReranker` is one that is loaded here (feature `candle`). A service is a function that waits for its answer, which may
/// be done where stores are asked: on a thread that may be blocked.
///
/// ```
/// use typewright_runtime::memory::{Error, recall::Rerank};
///
/// async fn ask(query: String, documents: Vec<String>) -> Result<Vec<f64>, std::io::Error> {
///     // Ask the service, and bring its scores into the order of the documents, from 0 to 1.
///     Ok(documents.iter().map(|document| f64::from(u8::from(document.contains(&query)))).collect())
/// }
///
/// fn reranker(runtime: tokio::runtime::Handle) -> impl Rerank {
///     move |query: &str, documents: &[&str]| {
///         let documents = documents.iter().map(|document| (*document).to_owned()).collect();
///         let answer = ask(query.to_owned(), documents);
///         runtime.block_on(answer).map_err(|error| Error::model("the service", error))
///     }
/// }
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # let judged = reranker(runtime.handle().clone()).rerank("figs", &["figs and plums", "plums"]);
/// # assert_eq!(judged.unwrap(), [1.0, 0.0]);
/// ```
pub trait Rerank: Send + Sync {
    /// A relevance for each document, from 0 to 1.
    ///
    /// # Errors
    /// When it cannot be judged. Then the query fails: an order that depends on that could not be told.
    fn rerank(&self, query: &str, documents: &[&str]) -> Result<Vec<f64>, Error>;
}

impl<F: Fn(&str, &[&str]) -> Result<Vec<f64>, Error> + Send + Sync> Rerank for F {
    fn rerank(&self, query: &str, documents: &[&str]) -> Result<Vec<f64>, Error> {
        self(query, documents)
    }
}

/// A memory that was recalled, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// It.
    pub node: MemoryNode,
    /// Every number that made it come here.
    pub terms: Terms,
}

/// What was recalled, best first.
#[derive(Debug, Clone, PartialEq)]
pub struct Recalled {
    /// It.
    pub found: Vec<Found>,
    /// The commit that was seen.
    pub at: Commit,
    /// When.
    pub now: Timestamp,
    /// How it was looked for.
    pub plan: Plan,
    /// How many candidates there were.
    pub candidates: usize,
    /// The numbers of the score.
    pub scoring: Scoring,
}

impl Recalled {
    /// Their names, best first.
    pub fn ids(&self) -> Vec<Id> {
        self.found.iter().map(|found| found.node.id).collect()
    }

    /// What marks these memories as used, for a store to commit. Of what was recalled, name what was really used.
    pub fn used(&self, ids: &[Id]) -> Batch {
        let is_used = |found: &&Found| ids.contains(&found.node.id);
        let touch = |found: &Found| Change::Touch { id: found.node.id, at: self.now };
        Batch {
            changes: self.found.iter().filter(is_used).map(touch).collect(),
            at: Some(self.now),
            ..Batch::default()
        }
    }

    /// The plan, and every term of every score.
    pub fn explain(&self) -> Explanation<'_> {
        Explanation(self)
    }
}

/// Answers a query by a plan for it. `reranker` judges the first `4 k` again, if there is one.
///
/// # Errors
/// When the query cannot be answered as it is, or the store or the reranker fails.
pub fn recall(
    store: &dyn Store,
    settings: &Settings,
    query: &Query,
    plan: &Plan,
    reranker: Option<&dyn Rerank>,
) -> Result<Recalled, Error> {
    query.check(&settings.limits)?;
    let now = settings.clock.now();
    let mut source = Source::new(store, query, now)?;
    let lists = lists::ask(&mut source, plan, settings)?;
    rank::rank(&mut source, plan.clone(), lists, &rank::By { settings, now, reranker })
}

/// Answers a query by the usual plan. `reranker` is asked as in [`recall`].
///
/// # Errors
/// As [`recall`].
pub fn recall_by(
    planner: &Planner,
    store: &dyn Store,
    settings: &Settings,
    query: &Query,
    reranker: Option<&dyn Rerank>,
) -> Result<Recalled, Error> {
    query.check(&settings.limits)?;
    let plan = planner.plan(store, query, settings.clock.now())?;
    recall(store, settings, query, &plan, reranker)
}
