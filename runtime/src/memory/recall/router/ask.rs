//! Asking with a router: the strategy that it chooses, and hybrid where that fails or finds nothing.

use super::{Choice, Features, Outcome, Router};
use crate::memory::recall::{Planner, Query, Recalled, Rerank, Strategy, recall_by};
use crate::memory::store::Store;
use crate::memory::{Error, Settings};

/// What was recalled by a strategy that was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Routed {
    /// The choice. What it was worth is for the caller to [learn](Router::learn), unless it has fallen back.
    pub choice: Choice,
    /// What was recalled.
    pub recalled: Recalled,
    /// What was chosen failed or found nothing, which the router has learned, and this is of hybrid.
    pub has_fallen_back: bool,
}

/// Asks by the strategy that a router chooses, whatever the query names. `reranker` judges what is found, if there is one.
///
/// # Errors
/// When the query cannot be answered in any way, or the store fails.
pub fn ask(
    router: &mut Router,
    planner: &Planner,
    store: &dyn Store,
    settings: &Settings,
    query: &Query,
    reranker: Option<&dyn Rerank>,
) -> Result<Routed, Error> {
    let by =
        |strategy: Strategy| recall_by(planner, store, settings, &query.clone().strategy(strategy), reranker);
    // What nobody can answer is nobody's failure.
    query.clone().strategy(Strategy::Hybrid).check(&settings.limits)?;
    let choice = router.choose(&Features::of(query));
    match by(choice.strategy) {
        Ok(recalled) if !recalled.found.is_empty() => Ok(Routed { choice, recalled, has_fallen_back: false }),
        // Hybrid has nothing to fall back on.
        found if choice.strategy == Strategy::Hybrid => {
            Ok(Routed { choice, recalled: found?, has_fallen_back: false })
        }
        _ => {
            router.learn(&choice, Outcome::Failure);
            Ok(Routed { choice, recalled: by(Strategy::Hybrid)?, has_fallen_back: true })
        }
    }
}
