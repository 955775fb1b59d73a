//! What the planner counts with, measured. Run by hand, alone on a machine, in a release build:
//! `cargo test --release --test memory memory_recall_costs -- --ignored --nocapture`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use fastrand::Rng;
use typewright_runtime::memory::recall::{Planner, Query, Reading, recall};
use typewright_runtime::memory::store::{Filter, Nearest, Order, Page, Search, Store, Transaction};
use typewright_runtime::memory::{Embedding, Id, Kind, MemoryDraft, Namespace};
use typewright_tests::memory::concepts::word;

use super::by;
use crate::store::{Folder, open, settings};

const COUNT: usize = 100_000;
const DIMENSIONS: usize = 384;

fn vector(random: &mut Rng) -> Vec<f32> {
    (0..DIMENSIONS).map(|_| random.f32() - 0.5).collect()
}

/// Some twenty words: some of grammar, most of them rare.
fn text(random: &mut Rng) -> String {
    let word = |random: &mut Rng| match random.u32(..5) {
        0 | 1 => ["the", "a", "of", "and", "in", "to"][random.usize(..6)].to_owned(),
        _ => word(random.usize(..600), random.usize(..3)),
    };
    (0..20).map(|_| word(random)).collect::<Vec<_>>().join(" ")
}

/// The middle of some runs, in microseconds.
fn micros(mut work: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..9)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

#[test]
#[ignore = "it measures, and takes a minute"]
fn memory_recall_costs() {
    let folder = Folder::new("costs");
    let (_, settings) = settings();
    let store: Arc<dyn Store> = Arc::new(open(&folder.path().join("store.db"), &settings).unwrap());
    let namespace = |name: &str| Namespace::new(name).unwrap();
    let mut random = Rng::with_seed(1);
    let mut small: Vec<Id> = Vec::new();
    for _ in 0..COUNT / 1000 {
        let mut transaction = Transaction::begin(Arc::clone(&store), Arc::clone(&settings)).unwrap();
        for at in 0..1000 {
            let name = if at % 100 == 0 { "small" } else { "large" };
            let draft = MemoryDraft::new(namespace(name), Kind::Fact, text(&mut random));
            let id = transaction.add(draft.embedding("m", vector(&mut random))).unwrap();
            if at % 100 == 0 {
                small.push(id);
            }
        }
        transaction.commit().unwrap();
    }
    let head = store.head().unwrap();
    let some: Vec<Id> = small.iter().take(256).copied().collect();
    let read = micros(|| drop(black_box(store.nodes(&some, head).unwrap()))) / some.len() as f64;
    let filter = Filter::of(namespace("small"));
    let page = Page { order: Order::Oldest, skip: 0, most: Page::MOST };
    let each = micros(|| drop(black_box(store.find(&filter.clone().page(page), head).unwrap())));
    println!("read {read:.1} µs, each {:.1} µs", each / small.len() as f64);
    for asked in [
        word(3, 0),
        format!("{} {}", word(3, 0), word(90, 2)),
        format!("the {}", word(3, 0)),
        "the a of".to_owned(),
    ] {
        for name in ["small", "large"] {
            let filter = Filter::of(namespace(name));
            let words = micros(|| drop(black_box(store.matches(&asked, &filter, 256).unwrap())));
            println!("words {asked:?} in {name}: {words:.0} µs, {:.3} µs of each", words / COUNT as f64);
        }
    }
    let to = Embedding { model: "m".to_owned(), vector: vector(&mut random) };
    for name in ["small", "large"] {
        let filter = Filter::of(namespace(name));
        let asked = Nearest { to: &to, filter: &filter, most: 64, search: Search::Exact };
        let nearest = micros(|| drop(black_box(store.nearest(&asked).unwrap())));
        println!("nearest in {name}: {nearest:.0} µs, {:.3} µs of each", nearest / COUNT as f64);
        println!("names of {name}: {:.0} µs", micros(|| drop(black_box(store.ids(&filter).unwrap()))));
    }
    println!("census: {:.0} µs", micros(|| drop(black_box(store.census().unwrap()))));
    let asked = format!("what of the {} {}", word(3, 0), word(90, 2));
    for name in ["small", "large"] {
        let query = Query::new(namespace(name), 10).text(&asked);
        for query in [query.clone(), query.vector("m", to.vector.clone())] {
            let of = |reading: Reading| {
                micros(|| drop(black_box(by(&*store, &settings, &query, reading).unwrap())))
            };
            let has_vector = query.vector.is_some();
            println!("{name}, vector {has_vector}: indexed {:.0} µs", of(Reading::Indexed));
            if name == "small" {
                println!("{name}, vector {has_vector}: each {:.0} µs", of(Reading::Each));
            }
            let planner = Planner::default();
            let plan = planner.plan(&*store, &query, settings.clock.now()).unwrap();
            let planned =
                micros(|| drop(black_box(recall(&*store, &settings, &query, &plan, None).unwrap())));
            println!(
                "{name}, vector {has_vector}: planned {:?} {planned:.0} µs, {:?}",
                plan.reading, plan.estimate
            );
        }
    }
}
