//! Words: the same ones that the store in one file has, and how well memories match them, by the same formula. `letters`
//! says what is a letter.
//!
//! The server finds memories by an index of their words, and scores them by BM25 from how often each word stands in them:
//! once, unless `repeated` says more. Where a word of a question is more than one here (letters with marks that are no
//! letters, as Devanagari has them), a memory has to have all of them, and not side by side.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::fault::Result;
use super::filter::Where;
use super::pool::Connection;
use super::row;
use crate::memory::letters::{self, Letter, letter};
use crate::memory::store::{Filter, Match, Page};

/// The most words of a query that are looked for.
const WORDS: usize = 64;
/// Words of more bytes stand in the index by their beginning and their digest: it holds no longer ones.
const LONGEST: usize = 256;
/// The most bytes of different words: the server holds no more of one memory. What comes after is not found.
const MOST: usize = 1_000_000;

/// The words of a memory, as the server stores them.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Words {
    /// How many there are.
    pub(super) length: i32,
    /// The different ones, as a `tsvector`.
    pub(super) terms: String,
    /// How often those are there that are there more than once, as an object of JSON.
    pub(super) repeated: Option<String>,
}

impl Words {
    pub(super) fn of(text: &str) -> Self {
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        let (mut length, mut bytes) = (0_i32, 0);
        each(text, &mut |word| {
            length = length.saturating_add(1);
            if let Some(count) = counts.get_mut(&word) {
                *count += 1;
            } else if bytes + word.len() <= MOST {
                bytes += word.len();
                counts.insert(word, 1);
            }
        });
        // No word has a quotation mark or a backslash in it.
        let terms = counts.keys().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
        let repeated = counts.iter().filter(|(_, count)| **count > 1);
        let repeated: Vec<String> = repeated.map(|(word, count)| format!("\"{word}\":{count}")).collect();
        let repeated = (!repeated.is_empty()).then(|| format!("{{{}}}", repeated.join(",")));
        Self { length, terms, repeated }
    }
}

/// Gives each word of a text, as it stands in the index.
fn each(text: &str, take: &mut dyn FnMut(String)) {
    let mut word = String::new();
    for c in text.chars() {
        match letter(c) {
            Letter::Is(c) => word.push(c),
            // A mark within a word is not written, and does not end it.
            Letter::Mark if !word.is_empty() => {}
            Letter::Mark | Letter::Sign | Letter::Not => end(&mut word, take),
        }
    }
    end(&mut word, take);
}

fn end(word: &mut String, take: &mut dyn FnMut(String)) {
    let word = std::mem::take(word);
    if word.len() > LONGEST {
        let digest = Sha256::digest(word.as_bytes());
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let beginning = word.char_indices().take_while(|(at, _)| *at < LONGEST - 80).map(|(_, c)| c);
        take(beginning.chain(digest.chars()).collect());
    } else if !word.is_empty() {
        take(word);
    }
}

/// The words of a question, each as a question of its own.
fn questions(words: &str) -> Vec<Vec<String>> {
    let parts = letters::words(words).take(WORDS).map(|word| {
        let mut parts = Vec::new();
        each(word, &mut |part| parts.push(part));
        parts
    });
    parts.filter(|parts| !parts.is_empty()).collect()
}

pub(super) fn matches(
    connection: &mut Connection,
    words: &str,
    filter: &Filter,
    most: usize,
) -> Result<Vec<Match>> {
    let questions = questions(words);
    if questions.is_empty() {
        return Ok(Vec::new());
    }
    let quoted = |parts: &Vec<String>| {
        let parts: Vec<String> = parts.iter().map(|part| format!("'{part}'")).collect();
        format!("({})", parts.join(" & "))
    };
    let all: Vec<String> = questions.iter().map(quoted).collect();
    // A word of several counts as often as its first.
    let first: Vec<String> = questions.into_iter().filter_map(|parts| parts.into_iter().next()).collect();
    let mut conditions = Where::of(filter, None);
    let any = conditions.value(all.join(" | "));
    let each = conditions.value(all);
    let first = conditions.value(first);
    let most = conditions.value(i64::try_from(most.min(Page::MOST)).unwrap_or(i64::MAX));
    let query = format!(
        "WITH parsed AS MATERIALIZED (SELECT a.i, a.q::tsquery AS q, a.word \
           FROM unnest({each}::text[], {first}::text[]) WITH ORDINALITY a (q, word, i)), \
         asked AS MATERIALIZED (SELECT a.i, a.q, a.word, \
           (SELECT count(*) FROM words w WHERE w.terms @@ a.q)::float8 AS hits, h.documents::float8 AS documents, \
           h.tokens::float8 / nullif(h.documents, 0) AS usual FROM parsed a, {COUNTED} h), \
         weighed AS MATERIALIZED (SELECT i, q, word, usual, CASE WHEN documents - hits > hits \
           THEN ln((documents - hits + 0.5) / (hits + 0.5)) ELSE 0.000001::float8 END AS idf FROM asked) \
         SELECT k.id, b.score FROM words w JOIN nodes k ON k.n = w.n JOIN states s ON s.s = k.current \
         CROSS JOIN LATERAL (SELECT sum(a.idf * ((f.n * 2.2) / (f.n + 1.2 * (0.25 + 0.75 * w.length / a.usual))) \
           ORDER BY a.i) AS score FROM weighed a \
           CROSS JOIN LATERAL (SELECT coalesce((w.repeated ->> a.word)::float8, 1.0) AS n) f WHERE w.terms @@ a.q) b \
         WHERE w.terms @@ {any}::text::tsquery AND {} ORDER BY b.score DESC, k.id LIMIT {most}",
        conditions.text()
    );
    let rows = connection.query(&query, &conditions.values())?;
    rows.iter().map(|found| Ok(Match { id: row::id(found.try_get(0)?), score: found.try_get(1)? })).collect()
}

/// How many memories have words, and how many words they have: those that are seen. Whoever sees all has them counted.
const COUNTED: &str = "(SELECT CASE WHEN row_security_active('words') THEN (SELECT count(*) FROM words) ELSE documents END \
     AS documents, CASE WHEN row_security_active('words') THEN (SELECT coalesce(sum(length), 0) FROM words) ELSE tokens END \
     AS tokens FROM head)";
