//! Whether a store's health is seen, and what is counted of what it is asked.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use typewright_runtime::memory::health::{Config, Finding, examine};
use typewright_runtime::memory::store::measured::{BOUNDS, Measured};
use typewright_runtime::memory::store::{
    Batch, Census, Change, Commit, Committed, Derived, Direction, Filter, Findings, Logged, Match, Nearest,
    Store, Stored,
};
use typewright_runtime::memory::{
    Embedding, Error, Id, MemoryNode, Namespace, Relation, RelationKind, Status,
};
use typewright_tests::memory::history::History;

use crate::store::{Engine, Place, on_each_store};

on_each_store!(
    a_good_store_is_healthy,
    an_index_that_lacks_vectors_is_found_out,
    empty_space_is_told,
    what_is_asked_is_counted
);

/// A store whose index has lost every so manyth vector, and says that it has not seen so many commits.
#[derive(Debug)]
struct Lossy(Arc<dyn Store>, u128, u64);

impl Store for Lossy {
    fn nearest(&self, asked: &Nearest<'_>) -> Result<Vec<Match>, Error> {
        let mut found = self.0.nearest(&Nearest { most: 1000, ..*asked })?;
        found.retain(|one| (one.id.as_u128() >> 64) % self.1 != 0);
        found.truncate(asked.most);
        Ok(found)
    }
    fn head(&self) -> Result<Commit, Error> {
        self.0.head()
    }
    fn commit(&self, _: &Batch) -> Result<Committed, Error> {
        Err(Error::ReadOnly { place: "here".to_owned() })
    }
    fn undo(&self, commit: Commit) -> Result<Committed, Error> {
        self.0.undo(commit)
    }
    fn nodes(&self, ids: &[Id], at: Commit) -> Result<Vec<MemoryNode>, Error> {
        self.0.nodes(ids, at)
    }
    fn find(&self, filter: &Filter, at: Commit) -> Result<Vec<MemoryNode>, Error> {
        self.0.find(filter, at)
    }
    fn ids(&self, filter: &Filter) -> Result<Vec<Id>, Error> {
        self.0.ids(filter)
    }
    fn relations(
        &self,
        ids: &[Id],
        kinds: &[RelationKind],
        direction: Direction,
        at: Commit,
    ) -> Result<Vec<Relation>, Error> {
        self.0.relations(ids, kinds, direction, at)
    }
    fn matches(&self, words: &str, filter: &Filter, most: usize) -> Result<Vec<Match>, Error> {
        self.0.matches(words, filter, most)
    }
    fn vectors(
        &self,
        model: &str,
        take: &mut dyn FnMut(Stored) -> Result<(), Error>,
    ) -> Result<Commit, Error> {
        self.0.vectors(model, take)
    }
    fn log(&self, after: Commit, take: &mut dyn FnMut(Logged) -> Result<(), Error>) -> Result<(), Error> {
        self.0.log(after, take)
    }
    fn expire(&self, most: usize) -> Result<usize, Error> {
        self.0.expire(most)
    }
    fn compact(&self, keep: Duration) -> Result<(), Error> {
        self.0.compact(keep)
    }
    fn backup(&self, to: &Path) -> Result<Committed, Error> {
        self.0.backup(to)
    }
    fn check(&self) -> Result<Findings, Error> {
        self.0.check()
    }
    fn census(&self) -> Result<Census, Error> {
        self.0.census()
    }
    fn indexes(&self) -> Result<Vec<Derived>, Error> {
        let mut indexes = self.0.indexes()?;
        for (seen, _) in indexes.iter_mut().filter_map(|index| index.seen.as_mut()) {
            seen.0 -= self.2;
        }
        Ok(indexes)
    }
    fn namespaces(&self) -> Result<Vec<Namespace>, Error> {
        self.0.namespaces()
    }
}

fn filled(on: Engine, count: usize) -> Place {
    let place = on.place("health");
    let mut history = History::new(1);
    let mut changes = Vec::new();
    for _ in 0..count {
        let mut node = history.node();
        let vector = (0..8).map(|_| history.random.f32() - 0.5).collect();
        node.embedding = Some(Embedding { model: "m".to_owned(), vector });
        changes.push(Change::Add(Box::new(node)));
    }
    place.store.commit(&Batch { changes, ..Batch::default() }).unwrap();
    place
}

fn a_good_store_is_healthy(on: Engine) {
    let place = filled(on, 300);
    let config = Config { reads_all: true, ..Config::default() };
    let health = examine(&*place.store, &config).unwrap();
    assert!(health.is_good(), "{:?}", health.findings);
    assert_eq!(health.recall.into_iter().collect::<Vec<_>>(), [("m".to_owned(), 1.0)]);
    assert_eq!((health.head, health.census.nodes[0]), (Commit(2), 300));
    assert!(health.latency.is_some_and(|(half, most)| half <= most && most > Duration::ZERO));
    // Nothing to probe is nothing wrong.
    let empty = filled(on, 0);
    let health = examine(&*empty.store, &Config { commits: false, ..Config::default() }).unwrap();
    assert!(health.is_good() && health.recall.is_empty() && health.latency.is_none());
}

fn an_index_that_lacks_vectors_is_found_out(on: Engine) {
    let Place { store, .. } = &filled(on, 300);
    let health = examine(&Lossy(Arc::clone(store), 5, 0), &Config::default()).unwrap();
    let [
        Finding::NotWritten(Error::ReadOnly { .. }),
        Finding::Recall { model, found },
        Finding::Differs { model: differs, searches },
    ] = &health.findings[..]
    else {
        panic!("{:?}", health.findings);
    };
    assert!(model == "m" && (0.7..0.9).contains(found), "{found}");
    // Of ten that are nearest, one is lacking nearly always; some namespaces have few.
    assert!(differs == "m" && *searches > 30, "{searches}");
    // However little is asked for, an index that was asked to compare all has to have all.
    let lenient = Config { recall: 0.5, commits: false, ..Config::default() };
    let findings = examine(&Lossy(Arc::clone(store), 5, 0), &lenient).unwrap().findings;
    assert!(matches!(&findings[..], [Finding::Differs { .. }]), "{findings:?}");
}

#[test]
fn an_index_that_lags_though_it_was_asked_is_found_out() {
    let place = filled(Engine::Sqlite, 20);
    place.store.commit(&Batch::default()).unwrap();
    let late = Lossy(Arc::clone(&place.store), u128::MAX, 2);
    let found =
        |lag| examine(&late, &Config { lag, samples: 5, commits: false, ..Config::default() }).unwrap();
    let health = found(1);
    assert!(
        matches!(&health.findings[..], [Finding::Lag { model, commits: 2 }] if model == "m"),
        "{:?}",
        health.findings
    );
    assert_eq!(health.lag["m"].after, Some(2));
    assert!(found(2).is_good());
}

fn empty_space_is_told(on: Engine) {
    let Place { store, .. } = &filled(on, 300);
    let ids: Vec<Id> = store.ids(&Filter::of(Namespace::new("a").unwrap()).below()).unwrap();
    assert!(!ids.is_empty() && store.census().unwrap().nodes[Status::ALL.len() - 1] == 0);
    let config = Config { free: -1.0, samples: 0, ..Config::default() };
    let health = examine(&**store, &config).unwrap();
    assert!(matches!(health.findings[..], [Finding::Fragmented { .. }]), "{:?}", health.findings);
}

fn what_is_asked_is_counted(on: Engine) {
    let place = filled(on, 10);
    let measured = Measured::new(Arc::clone(&place.store));
    let metrics = measured.metrics();
    assert_eq!(metrics.read(), []);
    for _ in 0..5 {
        measured.head().unwrap();
    }
    assert!(measured.undo(Commit(9)).is_err());
    let found = metrics.read();
    let told: Vec<_> = found.iter().map(|one| (one.operation, one.error, one.count)).collect();
    assert_eq!(told, [("head", None, 5), ("undo", Some("NotUndone"), 1)]);
    for one in &found {
        assert_eq!(one.buckets.iter().sum::<u64>(), one.count);
        assert!(one.sum > Duration::ZERO && one.sum.as_secs_f64() < BOUNDS[BOUNDS.len() - 1]);
    }
}

/// Counting costs next to nothing beside the cheapest thing that can be asked.
#[test]
#[ignore = "measures"]
fn counting_is_cheap() {
    let Place { store, .. } = &filled(Engine::Sqlite, 10);
    let measured = Measured::new(Arc::clone(store));
    let time = |store: &dyn Store| {
        let start = Instant::now();
        for _ in 0..2000 {
            store.head().unwrap();
        }
        start.elapsed().as_secs_f64() / 2000.0
    };
    // Each is a mean of many; the pair in the middle counts.
    let mut pairs: Vec<(f64, f64)> = (0..51).map(|_| (time(&**store), time(&measured))).collect();
    pairs.sort_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)));
    let (plain, counted) = pairs[pairs.len() / 2];
    println!("{:.0} ns, counted {:.0} ns: {:.4}", plain * 1e9, counted * 1e9, counted / plain);
    // Measured: 1.06 to 1.10 of a question that takes 7 µs, while others used the machine.
    assert!(counted / plain < 1.25);
}
