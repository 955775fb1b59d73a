//! Words: the memories that have them, best first, by the BM25 of the index of words.
//!
//! To score a memory costs far more than to find it, and some words of a question stand in nearly all memories. So words
//! are weighed first: a memory that only has common ones, which all together cannot bring it among the best, is not scored
//! (MaxScore: Turtle and Flood, "Query Evaluation: Strategies and Optimizations", 1995). What is found is the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::read::{Where, ids};
use super::row;
use super::write::Fault;
use crate::memory::id::Id;
use crate::memory::letters;
use crate::memory::store::{Filter, Match, Page, best};

type Result<T> = std::result::Result<T, Fault>;

/// The most words of a query that are looked for.
const WORDS: usize = 64;
/// How often a word stands in a text matters less and less: never more than so many times.
const MOST_TIMES: f64 = 2.2;
/// What the index takes for the weight of words that stand in more than half of all memories.
const COMMON: f64 = 1e-6;

/// A word of a question.
struct Word {
    quoted: String,
    /// In how many memories it stands.
    with: u64,
    /// What it adds to a score at most.
    adds: f64,
}

/// What is looked for.
struct Asked<'a> {
    connection: &'a Connection,
    filter: &'a Filter,
    /// What the filter means, where the database cannot tell. Values of metadata are texts of JSON, which it does not
    /// compare.
    allowed: Option<BTreeSet<Id>>,
    most: usize,
}

pub(super) fn matches(
    connection: &Connection,
    words: &str,
    filter: &Filter,
    most: usize,
) -> Result<Vec<Match>> {
    let quoted = quoted(words);
    if quoted.is_empty() || most == 0 {
        return Ok(Vec::new());
    }
    let allowed = match filter.metadata.is_empty() {
        true => None,
        false => Some(ids(connection, filter)?.into_iter().collect()),
    };
    let asked = Asked { connection, filter, allowed, most: most.min(Page::MOST) };
    match asked.by_rare_ones(&quoted)? {
        Some(found) => Ok(found),
        None => asked.scored(&any_of(&quoted)),
    }
}

/// The words of a text, each as it stands.
fn quoted(words: &str) -> Vec<String> {
    letters::words(words).take(WORDS).map(|word| format!("\"{word}\"")).collect()
}

/// What has one of these words at least.
fn any_of<'a>(words: impl IntoIterator<Item = &'a String>) -> String {
    words.into_iter().map(String::as_str).collect::<Vec<_>>().join(" OR ")
}

impl Asked<'_> {
    /// The best, if it is cheaper to look at those with rare words alone, and no others can be among them.
    fn by_rare_ones(&self, quoted: &[String]) -> Result<Option<Vec<Match>>> {
        if quoted.len() < 2 {
            return Ok(None);
        }
        let words = weigh(self.connection, quoted)?;
        let Some(mut rare) = first_of(&words, self.most).filter(|rare| is_cheaper(&words, *rare)) else {
            return Ok(None);
        };
        // The worst of the best is no worse when more are looked at: twice is enough.
        for _ in 0..2 {
            let found = self.with_one_of(quoted, &words, rare)?;
            let Some(last) = found.get(self.most - 1) else { return Ok(None) };
            let needed = needed(&words, last.score);
            if needed <= rare {
                return Ok(Some(found));
            }
            if !is_cheaper(&words, needed) {
                return Ok(None);
            }
            rare = needed;
        }
        Ok(None)
    }

    /// The best of those that have one of the rarest words, by all words.
    fn with_one_of(&self, quoted: &[String], words: &[Word], rare: usize) -> Result<Vec<Match>> {
        // In the order of the question, in which scores are summed.
        let are_in =
            |some: &[Word]| any_of(quoted.iter().filter(|word| some.iter().any(|one| one.quoted == **word)));
        let (few, rest) = (are_in(&words[..rare]), are_in(&words[rare..]));
        let mut scores: HashMap<i64, f64> = HashMap::new();
        let mut statement =
            self.connection.prepare_cached("SELECT rowid, bm25(words) FROM words WHERE words MATCH ?1")?;
        let mut rows = statement.query([format!("({few}) AND ({rest})")])?;
        while let Some(row) = rows.next()? {
            scores.insert(row.get(0)?, -row.get::<_, f64>(1)?);
        }
        let mut found = Vec::new();
        self.each(&few, "", &mut |n, one| {
            found.push(Match { score: scores.get(&n).copied().unwrap_or(one.score), ..one });
            true
        })?;
        Ok(best(found, self.most))
    }

    /// The best, all of them scored.
    fn scored(&self, query: &str) -> Result<Vec<Match>> {
        let mut found = Vec::new();
        let limit = if self.allowed.is_none() { format!(" LIMIT {}", self.most) } else { String::new() };
        self.each(query, &format!(" ORDER BY bm25(words), k.id{limit}"), &mut |_, one| {
            found.push(one);
            found.len() < self.most
        })?;
        Ok(found)
    }

    /// Takes what matches and is meant, as long as more is wanted.
    fn each(&self, query: &str, order: &str, take: &mut dyn FnMut(i64, Match) -> bool) -> Result<()> {
        let mut conditions = Where::of(self.filter, None);
        let query = conditions.value(Value::Text(query.to_owned()));
        let query = format!(
            "SELECT k.id, bm25(words), k.n FROM words JOIN nodes k ON k.n = words.rowid \
             JOIN states s ON s.s = k.current WHERE words MATCH {query} AND {}{order}",
            conditions.text()
        );
        let mut statement = self.connection.prepare_cached(&query)?;
        let mut rows = statement.query(params_from_iter(&conditions.values))?;
        while let Some(row) = rows.next()? {
            // The database says less for better.
            let one = Match { id: row::id(row.get(0)?), score: -row.get::<_, f64>(1)? };
            let is_meant = self.allowed.as_ref().is_none_or(|allowed| allowed.contains(&one.id));
            if is_meant && !take(row.get(2)?, one) {
                break;
            }
        }
        Ok(())
    }
}

/// Each word that stands anywhere, once, the rarest first.
fn weigh(connection: &Connection, quoted: &[String]) -> Result<Vec<Word>> {
    // Some of them have no words, so that no weight is too small.
    let all: u64 = connection
        .prepare_cached("SELECT coalesce(max(n), 0) FROM nodes")?
        .query_row((), |row| row.get(0))?;
    let mut times: BTreeMap<&String, f64> = BTreeMap::new();
    quoted.iter().for_each(|word| *times.entry(word).or_default() += 1.0);
    let mut count = connection.prepare_cached("SELECT count(*) FROM words WHERE words MATCH ?1")?;
    let mut words = Vec::with_capacity(times.len());
    for (quoted, times) in times {
        let with: u64 = count.query_row([quoted], |row| row.get(0))?;
        let weight = ((all.saturating_sub(with) as f64 + 0.5) / (with as f64 + 0.5)).ln().max(COMMON);
        if with > 0 {
            words.push(Word { quoted: quoted.clone(), with, adds: times * weight * MOST_TIMES });
        }
    }
    words.sort_by_key(|word| word.with);
    Ok(words)
}

/// How many of the rarest words stand in enough memories.
fn first_of(words: &[Word], most: usize) -> Option<usize> {
    let mut with = 0;
    let enough = |word: &Word| {
        with += word.with;
        with >= most as u64
    };
    words.iter().position(enough).map(|last| last + 1)
}

/// Whether looking twice at what has the rarest words is less than looking at all.
fn is_cheaper(words: &[Word], rare: usize) -> bool {
    let with = |words: &[Word]| words.iter().map(|word| word.with).sum::<u64>();
    2 * with(&words[..rare]) < with(words)
}

/// How many of the rarest words there have to be, so that the others do not add up to a score.
fn needed(words: &[Word], score: f64) -> usize {
    // Sums are rounded, each a little.
    let adds = |words: &[Word]| words.iter().map(|word| word.adds).sum::<f64>() * (1.0 + 1e-9);
    (0..words.len()).find(|rare| adds(&words[*rare..]) < score).unwrap_or(words.len())
}
