//! Words found by the rarest of them are what scoring every memory finds.

use std::collections::BTreeMap;

use fastrand::Rng;
use rusqlite::{Connection, OpenFlags, params};
use typewright_runtime::json::RawJson;
use typewright_runtime::memory::store::Filter;
use typewright_runtime::memory::{Id, Kind, MemoryDraft, Namespace};

use crate::store::{Engine, Place};

const NODES: usize = 4000;

/// A word: the first is the most frequent, the second half as frequent, the third a third …
fn word(random: &mut Rng) -> String {
    format!("w{}", 900_f64.powf(random.f64()) as usize)
}

fn text(random: &mut Rng, words: usize) -> String {
    (0..words).map(|_| word(random)).collect::<Vec<_>>().join(" ")
}

fn truth(is: bool) -> RawJson {
    RawJson::new(if is { "true" } else { "false" }).unwrap()
}

fn fill(place: &Place, random: &mut Rng) {
    for _ in 0..NODES / 500 {
        let mut transaction = place.begin();
        for _ in 0..500 {
            let namespace = Namespace::new(if random.u8(..4) == 0 { "b" } else { "a" }).unwrap();
            let len = random.usize(4..40);
            let draft = MemoryDraft::new(namespace, Kind::Fact, text(random, len));
            transaction.add(draft.metadata("is_odd", truth(len % 2 == 1))).unwrap();
        }
        transaction.commit().unwrap();
    }
}

/// The scores of all that match, by one query.
fn plainly(connection: &Connection, words: &str, filter: &Filter) -> BTreeMap<Id, f64> {
    let words: Vec<String> = words.split(' ').map(|word| format!("\"{word}\"")).collect();
    let mut statement = connection
        .prepare_cached(
            "SELECT k.id, -bm25(words) FROM words JOIN nodes k ON k.n = words.rowid JOIN states s ON s.s = k.current \
             JOIN namespaces p ON p.ns = k.ns WHERE words MATCH ?1 AND p.path = ?2 \
             AND (?3 IS NULL OR json_extract(s.metadata, '$.is_odd') = ?3)",
        )
        .unwrap();
    let is_odd = filter.metadata.get("is_odd").map(|value| value.as_str());
    let of = |row: &rusqlite::Row<'_>| Ok((Id::from_u128(u128::from_be_bytes(row.get(0)?)), row.get(1)?));
    let rows =
        statement.query_map(params![words.join(" OR "), filter.namespace.as_str(), is_odd], of).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn what_is_not_scored_is_not_among_the_best() {
    let place = Engine::Sqlite.place("words");
    let mut random = Rng::with_seed(1);
    fill(&place, &mut random);
    let path = place.folder.path().join("store.db");
    let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    for _ in 0..400 {
        let (words, most) = (random.usize(1..8), [1, 3, 10, 50, 300][random.usize(..5)]);
        let words = text(&mut random, words);
        let mut filter = Filter::of(Namespace::new(if random.bool() { "a" } else { "b" }).unwrap());
        if random.u8(..4) == 0 {
            filter.metadata.insert("is_odd".to_owned(), truth(random.bool()));
        }
        let (found, all) =
            (place.store.matches(&words, &filter, most).unwrap(), plainly(&connection, &words, &filter));
        let mut expected: Vec<f64> = all.values().copied().collect();
        expected.sort_by(|a, b| b.total_cmp(a));
        assert_eq!(found.len(), all.len().min(most), "{words}");
        // Sums of the same numbers in another order differ in their last digit, and so may the order of what is equal.
        let is_near = |a: f64, b: f64| (a - b).abs() <= 1e-12 * b;
        for (found, expected) in found.iter().zip(&expected) {
            assert!(is_near(found.score, *expected) && is_near(found.score, all[&found.id]), "{words}");
        }
        assert!(found.is_sorted_by(|a, b| (b.score, a.id) <= (a.score, b.id)));
    }
}
