//! What is in the way, what breaks, and what is of another version.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use typewright_runtime::memory::postgres::{Config, PostgresStore};
use typewright_runtime::memory::store::{Batch, Change, Commit, Filter, Store};
use typewright_runtime::memory::{Error, Id};
use typewright_tests::memory::server::{Server, kill, programs};

use super::{adding, config, embedded, namespace, node, open, schema, server};
use crate::store::settings;

/// From now on, so many commits find another transaction in their way.
fn obstruct(server: &Server, schema: &str, times: u32) {
    let sql = format!(
        "CREATE SEQUENCE {schema}.tries; CREATE FUNCTION {schema}.obstruct() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF nextval('{schema}.tries') <= {times} THEN RAISE EXCEPTION 'in the way' USING ERRCODE = '40001'; END IF; \
         RETURN NEW; END $$; \
         CREATE TRIGGER obstruct BEFORE INSERT ON {schema}.commits FOR EACH ROW EXECUTE FUNCTION {schema}.obstruct()"
    );
    server.sql(&sql).unwrap();
}

#[test]
fn what_is_in_the_way_is_tried_again_so_often_and_counted() {
    let Some(server) = server() else { return };
    let (name, settings) = (schema(), settings().1);
    let store = open(server, &name, &settings);
    obstruct(server, &name, 3);
    assert_eq!(store.commit(&adding([node(1, "a", "one")])).unwrap().commit, Commit(1));
    let done = store.statistics();
    assert_eq!((done.commits, done.retries), (1, 3));
    server.sql(&format!("ALTER SEQUENCE {name}.tries RESTART WITH -1000 MINVALUE -2000")).unwrap();
    let refused = store.commit(&adding([node(2, "a", "two")])).unwrap_err();
    assert!(matches!(refused, Error::Locked { .. }), "{refused:?}");
    assert_eq!((store.statistics().retries, store.head().unwrap()), (11, Commit(1)));
}

#[test]
fn writers_of_several_stores_take_turns() {
    let Some(server) = server() else { return };
    let (name, settings) = (schema(), settings().1);
    let stores: Vec<PostgresStore> = (0..2).map(|_| open(server, &name, &settings)).collect();
    std::thread::scope(|scope| {
        for worker in 0..4_u128 {
            let store = &stores[usize::try_from(worker).unwrap() % 2];
            scope.spawn(move || {
                for number in 0..25_u128 {
                    store.commit(&adding([node(worker * 100 + number + 1, "a", "x")])).unwrap();
                }
            });
        }
    });
    assert_eq!(stores[0].head().unwrap(), Commit(100));
    assert_eq!(stores[1].ids(&Filter::of(namespace("a"))).unwrap().len(), 100);
    assert_eq!(stores[0].check().unwrap().0, Vec::<String>::new());
}

#[test]
fn a_broken_connection_is_replaced() {
    let Some(server) = server() else { return };
    let (name, settings) = (schema(), settings().1);
    let mark = format!("app_{name}");
    let address = format!("{}?application_name={mark}", server.address("tester"));
    let store = PostgresStore::open(Config::new(&address).unwrap().schema(&name), settings).unwrap();
    let cut = || {
        let sql = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = '{mark}'"
        );
        assert_ne!(server.sql(&sql).unwrap(), "0");
    };
    store.commit(&adding([node(1, "a", "one")])).unwrap();
    cut();
    store.commit(&adding([node(2, "a", "two")])).unwrap();
    cut();
    assert_eq!(store.find(&Filter::of(namespace("a")), Commit(2)).unwrap().len(), 2);
    cut();
    let mut seen = 0;
    store
        .log(Commit(0), &mut |_| {
            seen += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(seen, 2);
    assert!(store.statistics().reconnections >= 3, "{:?}", store.statistics());
}

#[test]
fn a_commit_that_breaks_is_unknown_and_may_be_done_again() {
    let Some(server) = server() else { return };
    let (name, settings) = (schema(), settings().1);
    let store = open(server, &name, &settings);
    // The last thing that a transaction does takes a second, as a slow disk would.
    let sql = format!(
        "CREATE FUNCTION {name}.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1); RETURN NEW; END $$; \
         CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON {name}.commits DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION {name}.slow()"
    );
    server.sql(&sql).unwrap();
    let batch = adding([embedded(node(1, "a", "one"), vec![1.0, 2.0]), node(2, "a", "two")]);
    std::thread::scope(|scope| {
        let told = scope.spawn(|| store.commit(&batch));
        std::thread::sleep(Duration::from_millis(400));
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query = 'COMMIT' AND state = 'active'";
        assert_eq!(server.sql(sql).unwrap(), "1");
        let told = told.join().unwrap().unwrap_err();
        assert!(matches!(told, Error::Unknown { .. }), "{told:?}");
    });
    assert_eq!(store.statistics().unknown, 1);
    store.commit(&batch).unwrap();
    store.commit(&batch).unwrap();
    assert_eq!(store.ids(&Filter::of(namespace("a"))).unwrap().len(), 2);
    assert_eq!(store.check().unwrap().0, Vec::<String>::new());
}

#[test]
fn tables_of_a_later_version_are_left_alone() {
    let Some(server) = server() else { return };
    let (name, settings) = (schema(), settings().1);
    drop(open(server, &name, &settings));
    server.sql(&format!("UPDATE {name}.meta SET version = 77")).unwrap();
    let told = PostgresStore::open(config(server, "tester", &name), settings).unwrap_err();
    assert!(
        matches!(&told, Error::Newer { found: 77, known: 2, place } if place.ends_with(&name)),
        "{told:?}"
    );
}

#[test]
fn who_waits_too_long_is_told() {
    let Some(server) = server() else { return };
    let (name, settings) = (schema(), settings().1);
    let patience = Duration::from_millis(300);
    let mut config = config(server, "tester", &name);
    (config.patience, config.connections) = (patience, 1);
    let store = PostgresStore::open(config, Arc::clone(&settings)).unwrap();
    let hold = format!("BEGIN; LOCK TABLE {name}.head; SELECT pg_sleep(2)");
    std::thread::scope(|scope| {
        scope.spawn(|| server.sql(&hold).unwrap());
        std::thread::sleep(Duration::from_millis(500));
        let begun = Instant::now();
        let told = store.commit(&adding([node(1, "a", "one")])).unwrap_err();
        assert!(matches!(told, Error::Locked { .. }), "{told:?}");
        assert!(begun.elapsed() < Duration::from_secs(1));
        // Reading waits too: the lock that this one holds keeps everybody out.
        scope.spawn(|| store.head());
        std::thread::sleep(Duration::from_millis(50));
        let told = store.head().unwrap_err();
        assert!(matches!(told, Error::Store { .. } | Error::Locked { .. }), "{told:?}");
    });
    assert_eq!(store.head().unwrap(), Commit(0));
    let nobody =
        PostgresStore::open(Config::new("postgres://tester:s3cret@127.0.0.1:1/x").unwrap(), settings);
    let told = nobody.unwrap_err();
    assert!(
        matches!(told, Error::Store { .. }) && !format!("{told:?} {told}").contains("s3cret"),
        "{told:?}"
    );
}

#[test]
fn what_is_forgotten_is_in_no_file_of_the_tables() {
    let Some(bin) = programs() else { return };
    let server = Server::start(&bin, &[]).unwrap();
    let (name, settings) = (schema(), settings().1);
    let store = open(&server, &name, &settings);
    const WORD: &str = "xylographically";
    let text = format!("what {WORD} is");
    store
        .commit(&adding([embedded(node(1, "a", &text), vec![1.0, 2.0]), node(2, "a", "stays for good")]))
        .unwrap();
    let has = |word: &str| {
        server.sql("CHECKPOINT").unwrap();
        let found = std::process::Command::new("grep")
            .args(["-rlFa", word])
            .arg(server.data().join("base"))
            .output()
            .unwrap();
        !found.stdout.is_empty()
    };
    assert!(has(WORD) && has("stays for good"));
    store
        .commit(&Batch { changes: vec![Change::Forget { id: Id::from_u128(1) }], ..Batch::default() })
        .unwrap();
    assert_eq!(store.matches(WORD, &Filter::of(namespace("a")), 5).unwrap(), []);
    store.rewrite().unwrap();
    assert!(!has(WORD) && has("stays for good"));
    assert_eq!(store.check().unwrap().0, Vec::<String>::new());
}

/// Processes of the server are killed while it commits: it starts again by itself, and what was acknowledged is there.
#[test]
fn nothing_acknowledged_is_lost_when_a_process_of_the_server_is_killed() {
    let Some(bin) = programs() else { return };
    let server = Server::start(&bin, &["restart_after_crash=on"]).unwrap();
    let (name, settings) = (schema(), settings().1);
    let store = open(&server, &name, &settings);
    let is_done = AtomicBool::new(false);
    let (mut acknowledged, mut unknown) = (Vec::new(), 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..6 {
                std::thread::sleep(Duration::from_millis(350));
                let sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'typewright' LIMIT 1";
                let pid = server.sql(sql).unwrap_or_default();
                if !pid.is_empty() {
                    let _ = kill(&[pid]);
                }
                let _ = server.wait(Duration::from_secs(20));
            }
            is_done.store(true, Ordering::SeqCst);
        });
        for number in 1_u128.. {
            if is_done.load(Ordering::SeqCst) {
                break;
            }
            let batch = super::failover::pair(number);
            // As a caller would: until it is said that it is done.
            loop {
                match store.commit(&batch) {
                    Ok(_) => break acknowledged.push(number),
                    Err(Error::Unknown { .. }) => unknown += 1,
                    Err(Error::Exists { .. }) => break acknowledged.push(number),
                    Err(_) => std::thread::sleep(Duration::from_millis(20)),
                }
            }
        }
    });
    super::failover::is_whole(&store, &acknowledged, *acknowledged.last().unwrap());
    println!("{} acknowledged, {unknown} unknown, {:?}", acknowledged.len(), store.statistics());
}
