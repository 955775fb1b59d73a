//! The store on PostgreSQL beside the same SQL by hand, on the server of `TYPEWRIGHT_PG_BIN`: `postgres_bench [VECTORS]`.
//! Each line: what, the median of the store, that of the same by hand, and how much of its speed that is. Both take turns.
//!
//! By hand: the same rows in the same tables, statement by statement, prepared, by the same driver, without the checks, the
//! numbers and the log's meaning that the store gives them.

#[cfg(all(feature = "postgres", unix))]
fn main() {
    by_hand::main();
}

#[cfg(not(all(feature = "postgres", unix)))]
fn main() {}

#[cfg(all(feature = "postgres", unix))]
#[expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measuring program tells what it found, or stops"
)]
mod by_hand {
    use std::sync::Arc;
    use std::time::Instant;

    use fastrand::Rng;
    use tokio_postgres::types::ToSql;
    use tokio_postgres::{Client, NoTls, Statement};
    use typewright_runtime::memory::postgres::{Config, PostgresStore};
    use typewright_runtime::memory::store::{Batch, Change, Filter, Nearest, Search, Store};
    use typewright_runtime::memory::{
        Content, Embedding, Id, Interval, Kind, MemoryNode, Namespace, Settings, Status, Timestamp,
    };
    use typewright_tests::memory::server;

    const LEN: usize = 384;
    const WORDS: [&str; 16] = [
        "server", "memory", "vector", "commit", "index", "table", "reader", "writer", "page", "lock",
        "query", "plan", "cache", "disk", "thread", "socket",
    ];

    fn vector(random: &mut Rng) -> Vec<f32> {
        let heap = random.usize(..LEN);
        (0..LEN).map(|at| random.f32() - 0.5 + if at / 8 == heap / 8 { 2.0 } else { 0.0 }).collect()
    }

    fn text(random: &mut Rng) -> String {
        (0..30)
            .map(|_| format!("{}{}", WORDS[random.usize(..16)], random.u8(..20)))
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn node(random: &mut Rng, number: u128, few: bool) -> MemoryNode {
        let now = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        MemoryNode {
            id: Id::from_u128(number),
            namespace: Namespace::new(if few { "few" } else { "many" }).unwrap(),
            kind: Kind::Fact,
            content: Content::text(text(random)),
            embedding: Some(Embedding { model: "m".to_owned(), vector: vector(random) }),
            importance: 0.5,
            valid: Interval::ALWAYS,
            created: now,
            updated: now,
            ended: None,
            expires: None,
            last_access: now,
            accesses: 0,
            status: Status::Live,
            version: 1,
            provenance: None,
            metadata: Default::default(),
        }
    }

    fn adding(nodes: Vec<MemoryNode>) -> Batch {
        let changes = nodes.into_iter().map(|node| Change::Add(Box::new(node))).collect();
        Batch { changes, ..Batch::default() }
    }

    /// The same by hand, on a connection of its own.
    struct Hand {
        runtime: tokio::runtime::Runtime,
        client: Client,
        prepared: std::collections::HashMap<String, Statement>,
        number: i64,
    }

    impl Hand {
        fn new(address: &str, schema: &str) -> Self {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let (client, connection) = runtime.block_on(tokio_postgres::connect(address, NoTls)).unwrap();
            runtime.spawn(connection);
            let set = format!("SET search_path = {schema}, public; SET hnsw.iterative_scan = strict_order");
            runtime.block_on(client.batch_execute(&set)).unwrap();
            Self { runtime, client, prepared: Default::default(), number: 0 }
        }

        fn query(&mut self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Vec<tokio_postgres::Row> {
            let Self { runtime, client, prepared, .. } = self;
            let statement = prepared
                .entry(sql.to_owned())
                .or_insert_with(|| runtime.block_on(client.prepare(sql)).expect("a statement"));
            runtime.block_on(client.query(&*statement, values)).unwrap()
        }

        /// One commit of these memories, a statement for each row.
        fn add(&mut self, nodes: &[MemoryNode]) {
            self.query("BEGIN ISOLATION LEVEL SERIALIZABLE", &[]);
            let rows = self.query("SELECT seq, n, s, c, v FROM head FOR UPDATE", &[]);
            let mut numbers: [i64; 5] = std::array::from_fn(|at| rows[0].get(at));
            numbers[0] += 1;
            for node in nodes {
                numbers[1..].iter_mut().for_each(|number| *number += 1);
                self.one(node, numbers);
            }
            let [seq, n, s, c, v] = numbers;
            self.query("INSERT INTO commits (seq, at) VALUES ($1, 0)", &[&seq]);
            let (documents, tokens) = (nodes.len() as i64, 30 * nodes.len() as i64);
            const HEAD: &str = "UPDATE head SET seq = $1, n = $2, s = $3, c = $4, v = $5, documents = documents + $6, tokens = tokens + $7";
            self.query(HEAD, &[&seq, &n, &s, &c, &v, &documents, &tokens]);
            self.query("UPDATE tally SET live = live + $1 WHERE m = 1 AND ns = 1", &[&documents]);
            self.query("COMMIT", &[]);
        }

        fn one(&mut self, node: &MemoryNode, [seq, n, s, c, v]: [i64; 5]) {
            self.number += 1;
            let id = uuid::Uuid::from_u128(node.id.as_u128());
            let there = self.query("SELECT n FROM nodes WHERE id = $1", &[&id]);
            assert!(there.is_empty());
            const NODE: &str = "INSERT INTO nodes (n, id, ns, kind, created, last_access, accesses, current) VALUES ($1, $2, 1, 1, 0, 0, 0, $3)";
            self.query(NODE, &[&n, &id, &s]);
            const STATE: &str = "INSERT INTO states (s, n, ns, since, status, version, importance, updated, c, v) \
                 VALUES ($1, $2, 1, $3, 0, 1, 0.5, 0, $4, $5)";
            self.query(STATE, &[&s, &n, &seq, &c, &v]);
            let words = node.content.words().into_owned();
            self.query(
                "INSERT INTO contents (c, n, ns, type, body) VALUES ($1, $2, 1, 0, $3)",
                &[&c, &n, &words.as_bytes()],
            );
            let data = format!("{:?}", node.embedding.as_ref().unwrap().vector);
            const VECTOR: &str = "INSERT INTO vectors (v, n, id, ns, m, is_live, data) VALUES ($1, $2, $3, 1, 1, true, $4::text::vector)";
            self.query(VECTOR, &[&v, &n, &id, &data]);
            const WORDS: &str =
                "INSERT INTO words (n, ns, length, terms) VALUES ($1, 1, 30, array_to_tsvector($2))";
            let terms: Vec<&str> = words.split(' ').collect();
            self.query(WORDS, &[&n, &terms]);
            const LOG: &str = "INSERT INTO log (seq, ord, op, n, ns, state) VALUES ($1, $2, 0, $3, 1, $4)";
            self.query(LOG, &[&seq, &(self.number as i32), &n, &s]);
        }

        fn nearest(&mut self, to: &[f32], namespace: &str, is_exact: bool) -> usize {
            let to = format!("{to:?}");
            let by = if is_exact { "data" } else { "data::vector(384)" };
            let sql = format!(
                "SELECT id, {by} <=> $1::text::vector AS far FROM vectors WHERE m = 1 AND is_live AND ns = \
                 (SELECT ns FROM namespaces WHERE path = $2) ORDER BY {by} <=> $1::text::vector LIMIT 10"
            );
            self.query(&sql, &[&to, &namespace]).len()
        }
    }

    /// The medians of two that take turns, in microseconds.
    fn turns(times: usize, mut store: impl FnMut(usize), mut hand: impl FnMut(usize)) -> [f64; 2] {
        let mut taken: [Vec<f64>; 2] = Default::default();
        for time in 0..times {
            let begun = Instant::now();
            store(time);
            taken[0].push(begun.elapsed().as_secs_f64() * 1e6);
            let begun = Instant::now();
            hand(time);
            taken[1].push(begun.elapsed().as_secs_f64() * 1e6);
        }
        taken.map(|mut taken| {
            taken.sort_by(f64::total_cmp);
            taken[taken.len() / 2]
        })
    }

    fn tell(what: &str, [store, hand]: [f64; 2]) {
        println!("{what:<44} store {store:>10.0} us   by hand {hand:>10.0} us   {:>5.2} x", hand / store);
    }

    pub(super) fn main() {
        let count: u128 = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(20_000);
        let Some(bin) = server::programs() else { return println!("TYPEWRIGHT_PG_BIN is not set: not run") };
        let server = server::Server::start(&bin, &["shared_buffers=512MB", "maintenance_work_mem=256MB"])
            .expect("a server");
        let address = server.address("tester");
        let mut config = Config::new(&address).unwrap();
        config.indexed_from = 1000;
        let store = PostgresStore::open(config, Arc::new(Settings::default())).unwrap();
        let mut hand = Hand::new(&address, "typewright");
        let mut random = Rng::with_seed(1);
        let mut next = 0_u128;
        let mut some = |random: &mut Rng, count: u128, few: bool| -> Vec<MemoryNode> {
            (0..count)
                .map(|_| {
                    next += 1;
                    node(random, next, few)
                })
                .collect()
        };
        // `many` is the first namespace, `m` the first model.
        store.commit(&adding(some(&mut random, 1, false))).unwrap();
        let begun = Instant::now();
        for _ in 0..count / 1000 {
            store.commit(&adding(some(&mut random, 1000, false))).unwrap();
        }
        println!("filled with {count} in {:.1} s", begun.elapsed().as_secs_f64());
        store.commit(&adding(some(&mut random, 1000, true))).unwrap();
        let (ours, theirs): (Vec<_>, Vec<_>) = (some(&mut random, 300, false), some(&mut random, 300, false));
        let one = turns(
            300,
            |time| assert!(store.commit(&adding(vec![ours[time].clone()])).unwrap().commit.0 > 0),
            |time| hand.add(&theirs[time..=time]),
        );
        tell("one memory a commit, durable", one);
        let (ours, theirs): (Vec<_>, Vec<_>) =
            (some(&mut random, 4000, false), some(&mut random, 4000, false));
        let many = turns(
            8,
            |time| assert!(store.commit(&adding(ours[time * 500..][..500].to_vec())).unwrap().commit.0 > 0),
            |time| hand.add(&theirs[time * 500..][..500]),
        );
        tell("500 memories a commit", many);
        println!("{:<44} {:.0} memories/s", "", 500e6 / many[0]);
        server.sql("VACUUM ANALYZE").unwrap();
        searches(&store, &mut hand, &mut random);
    }

    fn searches(store: &PostgresStore, hand: &mut Hand, random: &mut Rng) {
        let questions: Vec<Embedding> =
            (0..200).map(|_| Embedding { model: "m".to_owned(), vector: vector(random) }).collect();
        let asked = |at: usize, filter: &Filter, search: Search| {
            store.nearest(&Nearest { to: &questions[at], filter, most: 10, search }).unwrap().len()
        };
        let (few, many) =
            (Filter::of(Namespace::new("few").unwrap()), Filter::of(Namespace::new("many").unwrap()));
        tell(
            "nearest 10 of 1000, exact",
            turns(
                200,
                |at| assert_eq!(asked(at, &few, Search::Exact), 10),
                |at| assert_eq!(hand.nearest(&questions[at].vector, "few", true), 10),
            ),
        );
        tell(
            "nearest 10 of all, exact",
            turns(
                12,
                |at| assert_eq!(asked(at, &many, Search::Exact), 10),
                |at| assert_eq!(hand.nearest(&questions[at].vector, "many", true), 10),
            ),
        );
        let begun = Instant::now();
        store.index().unwrap();
        println!("indexed in {:.1} s", begun.elapsed().as_secs_f64());
        hand.query("SELECT set_config('hnsw.ef_search', '160', false)", &[]);
        tell(
            "nearest 10 of all, recall 0.98 (ef 160)",
            turns(
                200,
                |at| assert_eq!(asked(at, &many, Search::Recall(0.98)), 10),
                |at| assert_eq!(hand.nearest(&questions[at].vector, "many", false), 10),
            ),
        );
        const WORDS: &str = "SELECT k.id FROM words w JOIN nodes k ON k.n = w.n JOIN states s ON s.s = k.current \
             WHERE s.status = 0 AND w.ns = 1 AND w.terms @@ $1::text::tsquery ORDER BY ts_rank_cd(w.terms, $1::text::tsquery) DESC, k.id LIMIT 10";
        tell(
            "10 that match 2 words (by hand: no BM25)",
            turns(
                60,
                |at| {
                    assert_eq!(
                        store.matches(&format!("memory{} disk{}", at % 20, at % 7), &many, 10).unwrap().len(),
                        10
                    )
                },
                |at| {
                    assert_eq!(hand.query(WORDS, &[&format!("memory{} | disk{}", at % 20, at % 7)]).len(), 10)
                },
            ),
        );
    }
}
