//! The store on PostgreSQL beside the same SQL by hand, on the server of `TYPEWRIGHT_PG_BIN`: microseconds of both, in turn.

use std::sync::Arc;
use std::time::Instant;

use fastrand::Rng;
use serde_json::{Map, Value, json};
use typewright_runtime::memory::postgres::{Config, PostgresStore};
use typewright_runtime::memory::store::{Filter, Nearest, Search, Store};
use typewright_runtime::memory::{Embedding, Id, Kind, MemoryNode, Namespace, Settings};

use super::failed;
use super::hand::{self, Hand};
use super::nodes::{MODEL, NUMBERS, adding, node};
use crate::bench::Failure;
use crate::bench::memory::vectors::NEAREST;
use crate::memory::server::{self, Server};

/// Memories that are there before anything is measured.
const FILLED: usize = 20_000;
/// Those of the lesser namespace.
const FEW: usize = 1000;
/// Memories of a larger commit.
const BATCH: usize = 500;
/// What the graph is to find, and the candidates by hand with which it does.
const RECALL: f32 = 0.98;
const CANDIDATES: &str = "SELECT set_config('hnsw.ef_search', '160', false)";
const WORDS: [&str; 16] = [
    "server", "memory", "vector", "commit", "index", "table", "reader", "writer", "page", "lock", "query",
    "plan", "cache", "disk", "thread", "socket",
];

/// Both, and what they are given.
struct Sides {
    store: PostgresStore,
    hand: Hand,
    random: Rng,
    next: u128,
    told: Map<String, Value>,
}

/// As often as `rounds` says, each as often as its time allows.
pub(super) fn run(rounds: usize) -> Result<Value, Failure> {
    let bin = server::programs().ok_or_else(|| failed("no programs of PostgreSQL are named".to_owned()))?;
    let server = Server::start(&bin, &["shared_buffers=512MB", "maintenance_work_mem=256MB"])?;
    let address = server.address("tester");
    let mut config = Config::new(&address)?;
    config.indexed_from = 1000;
    let store = PostgresStore::open(config, Arc::new(Settings::default()))?;
    let hand = Hand::new(&address, "typewright")?;
    let mut sides = Sides { store, hand, random: Rng::with_seed(1), next: 0, told: Map::new() };
    sides.fill()?;
    sides.commits(rounds)?;
    server.sql("VACUUM ANALYZE")?;
    sides.searches(rounds)?;
    Ok(Value::Object(sides.told))
}

impl Sides {
    /// `many` is the first namespace, and there is one model.
    fn fill(&mut self) -> Result<(), Failure> {
        for _ in 0..FILLED / 1000 {
            let nodes = self.some(1000, "many")?;
            self.store.commit(&adding(nodes))?;
        }
        let few = self.some(FEW, "few")?;
        self.store.commit(&adding(few))?;
        Ok(())
    }

    fn some(&mut self, count: usize, namespace: &str) -> Result<Vec<MemoryNode>, Failure> {
        let one = |_| {
            self.next += 1;
            let (text, vector) = (text(&mut self.random), vector(&mut self.random));
            node(Id::from_u128(self.next), namespace, Kind::Fact, text, vector)
        };
        (0..count).map(one).collect()
    }

    fn commits(&mut self, rounds: usize) -> Result<(), Failure> {
        for (what, times, size) in [("one memory a commit", 60, 1), ("500 memories a commit", 2, BATCH)] {
            let times = times * rounds;
            let (ours, theirs) = (self.some(times * size, "many")?, self.some(times * size, "many")?);
            let ours: Vec<_> = ours.chunks(size).map(|nodes| adding(nodes.to_vec())).collect();
            let work = |store: &PostgresStore, at: usize| Ok(store.commit(&ours[at]).map(drop)?);
            self.turns(what, times, work, |hand, at| hand.add(&theirs[at * size..][..size]))?;
        }
        Ok(())
    }

    fn searches(&mut self, rounds: usize) -> Result<(), Failure> {
        self.nearest("the nearest of 1 000, exact", 40 * rounds, "few", Search::Exact)?;
        self.nearest("the nearest of 20 000, exact", 3 * rounds, "many", Search::Exact)?;
        self.store.index()?;
        self.hand.query(CANDIDATES, &[])?;
        self.nearest("the nearest of 20 000, by its graph", 40 * rounds, "many", Search::Recall(RECALL))?;
        let filter = Filter::of(Namespace::new("many")?);
        let pair = |at: usize| [format!("memory{}", at % 20), format!("disk{}", at % 7)];
        self.turns(
            "ten that match two words",
            12 * rounds,
            |store, at| ten(store.matches(&pair(at).join(" "), &filter, NEAREST)?.len()),
            |hand, at| ten(hand.matches(&pair(at).join(" | "))?),
        )
    }

    fn nearest(&mut self, what: &str, times: usize, namespace: &str, search: Search) -> Result<(), Failure> {
        let filter = Filter::of(Namespace::new(namespace)?);
        let questions: Vec<Embedding> = (0..times).map(|_| vector(&mut self.random)).collect();
        self.turns(
            what,
            times,
            |store, at| {
                let asked = Nearest { to: &questions[at], filter: &filter, most: NEAREST, search };
                ten(store.nearest(&asked)?.len())
            },
            |hand, at| ten(hand.nearest(&questions[at].vector, namespace, search == Search::Exact)?),
        )
    }

    /// Microseconds of both, who take turns. The first of them finds what it reads in no cache, so that this is each in turn.
    fn turns(
        &mut self,
        what: &str,
        times: usize,
        work: impl Fn(&PostgresStore, usize) -> Result<(), Failure>,
        by_hand: impl Fn(&mut Hand, usize) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for at in 0..times {
            for is_ours in [at % 2 == 0, at % 2 == 1] {
                let begun = Instant::now();
                if is_ours {
                    work(&self.store, at)?
                } else {
                    by_hand(&mut self.hand, at)?
                }
                let taken = if is_ours { &mut ours } else { &mut theirs };
                taken.push(begun.elapsed().as_secs_f64() * 1e6);
            }
        }
        self.told.insert(what.to_owned(), json!({ "ours": ours, "theirs": theirs }));
        Ok(())
    }
}

fn ten(found: usize) -> Result<(), Failure> {
    if found == NEAREST { Ok(()) } else { Err(failed(format!("{found} were found, not {NEAREST}"))) }
}

fn vector(random: &mut Rng) -> Embedding {
    let heap = random.usize(..NUMBERS) / 8;
    let number = |at: usize| random.f32() - 0.5 + if at / 8 == heap { 2.0 } else { 0.0 };
    Embedding { model: MODEL.to_owned(), vector: (0..NUMBERS).map(number).collect() }
}

fn text(random: &mut Rng) -> String {
    let word = |_| format!("{}{}", WORDS[random.usize(..WORDS.len())], random.u8(..20));
    (0..hand::WORDS).map(word).collect::<Vec<_>>().join(" ")
}
