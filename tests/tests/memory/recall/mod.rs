//! Finding memories again: quality on questions with known answers, the same as the plainest way, and what does not belong
//! here changing nothing.

mod alone;
mod costs;
mod marks;
mod means;
mod oracle;
#[cfg(feature = "local")]
mod published;
mod quality;
mod router;
mod told;

use std::sync::Arc;

use typewright_runtime::memory::recall::{Plan, Query, Reading, Recalled, Statistics, recall};
use typewright_runtime::memory::store::Store;
use typewright_runtime::memory::{Error, Settings};

/// Answers a query, reading as it is said.
fn by(
    store: &dyn Store,
    settings: &Arc<Settings>,
    query: &Query,
    reading: Reading,
) -> Result<Recalled, Error> {
    let plan = Plan::of(query, Statistics::default(), &Default::default());
    recall(store, settings, query, &Plan { reading, ..plan }, None)
}
