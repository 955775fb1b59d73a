//! What models say in numbers: scores of judges, relevance, vectors. Any numbers, as many as anybody likes.

use std::sync::Arc;
use std::time::Duration;

use typewright_runtime::memory::cognition::committee::{Committee, Judge, Outcome, median};
use typewright_runtime::memory::embed::{Config, Embedder, EmbeddingModel, Purpose};
use typewright_runtime::memory::recall::{Planner, Query, recall};
use typewright_runtime::memory::store::{Filter, Nearest, Search, Store};
use typewright_runtime::memory::{Embedding, Error, Kind, MemoryDraft, Namespace, Pending};

use super::{Room, done, ended};

/// Takes bytes for numbers, eight each. The choice says who says them. Whether they were taken.
pub fn numbers(choice: u8, bytes: &[u8]) -> bool {
    let numbers: Vec<f64> = bytes.chunks_exact(8).map(number).collect();
    match choice % 3 {
        0 => scores(&numbers),
        1 => relevance(&numbers) == Some(true),
        _ => vectors(choice >> 2, &numbers) == Some(true),
    }
}

fn number(eight: &[u8]) -> f64 {
    f64::from_bits(eight.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte)))
}

/// Says a number.
#[derive(Debug)]
struct Says(f64);

impl Judge<str, f64> for Says {
    fn name(&self) -> &str {
        "says"
    }

    fn judge<'a>(&'a self, _: &'a str) -> Pending<'a, Option<f64>> {
        Box::pin(async { Ok(Some(self.0)) })
    }
}

/// What judges agree on is between what they say.
fn scores(numbers: &[f64]) -> bool {
    let finite = || numbers.iter().copied().filter(|number| number.is_finite());
    let (least, most) = (finite().fold(f64::MAX, f64::min), finite().fold(f64::MIN, f64::max));
    let votes: Vec<Option<f64>> = numbers.iter().copied().map(Some).collect();
    let middle = median(&votes);
    assert!(middle.is_none_or(|middle| (least..=most).contains(&middle)), "{middle:?}: {numbers:?}");
    let judges = numbers.iter().take(20).map(|said| Arc::new(Says(*said)) as Arc<dyn Judge<str, f64>>);
    let committee = Committee { judges: judges.collect(), patience: Duration::from_secs(60), at_once: 9 };
    let decided = done(committee.score("figs?", 1, 0.5)).map(|decision| decision.outcome);
    match decided {
        Some(Outcome::Agreed(score)) => assert!((least..=most).contains(&score), "{score}: {numbers:?}"),
        _ => return false,
    }
    true
}

/// What is found is found once, in the order of its scores, whatever is said of it.
fn relevance(numbers: &[f64]) -> Option<bool> {
    let (room, namespace) = (Room::new()?, Namespace::new("a").ok()?);
    let (store, mut transaction) = (room.store(), room.transaction()?);
    for text in ["Ada ate figs", "Bob ate figs", "nobody ate figs"] {
        transaction.add(MemoryDraft::new(namespace.clone(), Kind::Fact, text)).ok()?;
    }
    transaction.commit().ok()?;
    let query = Query { text: Some("figs".to_owned()), ..Query::new(namespace, 3) };
    let plan = Planner::default().plan(&*store, &query, room.settings.clock.now()).ok()?;
    let judge = |_: &str, _: &[&str]| Ok::<_, Error>(numbers.to_vec());
    let found = ended(recall(&*store, &room.settings, &query, &plan, Some(&judge)), &["Invalid"])?.found;
    let mut ids: Vec<_> = found.iter().map(|one| one.node.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), found.len()), (3, 3));
    assert!(found.is_sorted_by(|one, next| one.terms.value >= next.terms.value), "{found:?}");
    assert!(found.iter().all(|one| (0.0..=2.0).contains(&one.terms.score)), "{found:?}");
    Some(true)
}

/// A model whose vectors are cut from these numbers.
#[derive(Debug)]
struct Vectors(Vec<Vec<f32>>);

impl EmbeddingModel for Vectors {
    fn name(&self) -> &str {
        "m"
    }

    fn embed<'a>(&'a self, _: &'a [&'a str], _: Purpose) -> Pending<'a, Vec<Vec<f32>>> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}

/// What is taken for a vector can be stored, and is near to itself.
fn vectors(length: u8, numbers: &[f64]) -> Option<bool> {
    let length = usize::from(length % 4) + 1;
    let vectors = numbers.chunks(length).map(|one| one.iter().map(|number| *number as f32).collect());
    let embedder = Embedder::new(Arc::new(Vectors(vectors.collect())), Config::default());
    let made = ended(done(embedder.embed(&["figs", "plums"], Purpose::Document))?, &["Answer"])?;
    let (room, namespace) = (Room::new()?, Namespace::new("a").ok()?);
    let (store, mut transaction) = (room.store(), room.transaction()?);
    for one in &made {
        let draft = MemoryDraft::new(namespace.clone(), Kind::Fact, "x");
        let added = transaction.add(draft.embedding(one.model.clone(), one.vector.clone()));
        assert!(added.is_ok(), "{added:?} {one:?}");
    }
    let committed = transaction.commit();
    assert!(committed.is_ok(), "{committed:?} {made:?}");
    near(&*store, namespace, made.first()?);
    Some(true)
}

fn near(store: &dyn Store, namespace: Namespace, to: &Embedding) {
    let filter = Filter::of(namespace);
    let found = store.nearest(&Nearest { to, filter: &filter, most: 2, search: Search::Exact });
    let is_near = |score: f64| (0.99..=1.01).contains(&score);
    let best = found.as_ref().ok().and_then(|found| found.first());
    assert!(best.is_some_and(|best| is_near(best.score)), "{found:?} {to:?}");
}
