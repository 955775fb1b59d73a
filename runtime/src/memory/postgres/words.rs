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
    let mut conditions = Where::of(filter, None);
    let most = conditions.value(i64::try_from(most.min(Page::MOST)).unwrap_or(i64::MAX));
    let query = query(&questions, filter, &mut conditions, &most);
    let rows = connection.query(&query, &conditions.values())?;
    rows.iter().map(|found| Ok(Match { id: row::id(found.try_get(0)?), score: found.try_get(1)? })).collect()
}

/// Memories that have one of the words are read once: in how many of them a word stands says what it weighs, and both say what
/// they score. They are ordered by that before their nodes and states are looked up, which so is done for the first alone.
fn query(questions: &[Vec<String>], filter: &Filter, conditions: &mut Where, most: &str) -> String {
    let any: Vec<String> = questions.iter().map(|parts| asked(parts)).collect();
    let any = conditions.value(any.join(" | "));
    let meant = conditions.meant("f.ns", &filter.namespace, filter.below);
    let words: Vec<Word> =
        questions.iter().zip(1..).map(|(parts, at)| Word::of(parts, at, conditions)).collect();
    let all = |of: fn(&Word) -> &str, between: &str| words.iter().map(of).collect::<Vec<_>>().join(between);
    format!(
        "WITH found AS MATERIALIZED (SELECT w.n, w.ns, w.length, {often} FROM words w \
           WHERE w.terms @@ {any}::text::tsquery), \
         seen AS MATERIALIZED (SELECT h.documents::float8 AS documents, \
           h.tokens::float8 / nullif(h.documents, 0) AS usual FROM {COUNTED} h), \
         counted AS MATERIALIZED (SELECT {hits} FROM found), \
         weighed AS MATERIALIZED (SELECT usual, {weights} FROM seen, counted), \
         scored AS (SELECT f.n, {score} AS score FROM found f, weighed WHERE {meant}) \
         SELECT k.id, b.score FROM (SELECT n, score FROM scored ORDER BY score DESC) b \
         JOIN nodes k ON k.n = b.n JOIN states s ON s.s = k.current \
         WHERE {} ORDER BY b.score DESC, k.id LIMIT {most}",
        conditions.text(),
        often = all(|word| &word.often, ", "),
        hits = all(|word| &word.hits, ", "),
        weights = all(|word| &word.weight, ", "),
        score = all(|word| &word.score, " + "),
    )
}

/// A word of a question: one that is several here asks for all of them.
fn asked(parts: &[String]) -> String {
    let parts: Vec<String> = parts.iter().map(|part| format!("'{part}'")).collect();
    format!("({})", parts.join(" & "))
}

/// What is selected for a word of a question.
struct Word {
    /// How often it stands in a memory, if it does.
    often: String,
    /// In how many it does.
    hits: String,
    /// What it weighs: less, the more have it.
    weight: String,
    /// What it adds to the score of a memory.
    score: String,
}

impl Word {
    fn of(parts: &[String], at: usize, conditions: &mut Where) -> Self {
        // A word of several counts as often as its first.
        let first = conditions.value(parts.first().cloned().unwrap_or_default());
        let asked = conditions.value(asked(parts));
        // A question of its own is read once, and not for each memory.
        let often = format!(
            "CASE WHEN w.terms @@ (SELECT {asked}::text::tsquery) \
             THEN coalesce((w.repeated ->> {first}::text)::float8, 1.0) END AS n{at}"
        );
        let weight = format!(
            "CASE WHEN documents - hits{at} > hits{at} \
             THEN ln((documents - hits{at} + 0.5) / (hits{at} + 0.5)) ELSE 0.000001::float8 END AS weight{at}"
        );
        // Added in the order of the words; a zero, by those that are not there, changes no bit of the sum.
        let score = format!(
            "coalesce(weight{at} * ((n{at} * 2.2) / (n{at} + 1.2 * (0.25 + 0.75::float8 * f.length / usual))), 0)"
        );
        Self { often, hits: format!("count(n{at})::float8 AS hits{at}"), weight, score }
    }
}

/// How many memories have words, and how many words they have: those that are seen. Whoever sees all has them counted.
const COUNTED: &str = "(SELECT CASE WHEN row_security_active('words') THEN (SELECT count(*) FROM words) ELSE documents END \
     AS documents, CASE WHEN row_security_active('words') THEN (SELECT coalesce(sum(length), 0) FROM words) ELSE tokens END \
     AS tokens FROM head)";
