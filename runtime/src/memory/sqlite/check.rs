//! Looking for damage: in the pages, in each row, and between them.

use rusqlite::{Connection, params};

use super::write::{Fault, Writing};
use super::{row, schema, sum};
use crate::memory::Settings;
use crate::memory::content::Digested;
use crate::memory::store::Findings;

type Result<T> = std::result::Result<T, Fault>;

/// The most findings that are told.
const FINDINGS: usize = 100;

/// What cannot be, and how many of it there are.
const BETWEEN: [(&str, &str); 12] = [
    (
        "nodes whose state is of another, or ended",
        "SELECT count(*) FROM nodes k LEFT JOIN states s ON s.s = k.current \
         WHERE k.current IS NOT NULL AND (s.s IS NULL OR s.n <> k.n OR s.until IS NOT NULL)",
    ),
    (
        "nodes with a state that has not ended, and is not theirs",
        "SELECT count(*) FROM nodes k JOIN states s ON s.n = k.n WHERE s.until IS NULL AND s.s IS NOT k.current",
    ),
    ("states without a node", "SELECT count(*) FROM states WHERE n NOT IN (SELECT n FROM nodes)"),
    ("nodes without a namespace", "SELECT count(*) FROM nodes WHERE ns NOT IN (SELECT ns FROM namespaces)"),
    (
        "states without their content",
        "SELECT count(*) FROM states WHERE c IS NOT NULL AND c NOT IN (SELECT c FROM contents)",
    ),
    (
        "states without their vector",
        "SELECT count(*) FROM states WHERE v IS NOT NULL AND v NOT IN (SELECT v FROM vectors)",
    ),
    (
        "media without their bytes",
        "SELECT count(*) FROM contents WHERE digest IS NOT NULL AND digest NOT IN (SELECT digest FROM blobs)",
    ),
    (
        "relations without an end",
        "SELECT count(*) FROM relations WHERE a NOT IN (SELECT n FROM nodes) OR b NOT IN (SELECT n FROM nodes)",
    ),
    (
        "vectors of another length than their model has",
        "SELECT count(*) FROM vectors v LEFT JOIN models m ON m.m = v.m \
         WHERE m.m IS NULL OR length(v.data) <> 4 * m.dimension",
    ),
    (
        "commits that are missing",
        "SELECT coalesce(max(seq) + 1 - max(1, (SELECT value FROM meta WHERE key = 'horizon')), 0) - count(*) \
         FROM commits WHERE seq >= (SELECT value FROM meta WHERE key = 'horizon')",
    ),
    (
        "states of commits that are missing",
        "SELECT count(*) FROM states \
         WHERE max(since, coalesce(until, 0)) > (SELECT coalesce(max(seq), 0) FROM commits)",
    ),
    (
        "relations of commits that are missing",
        "SELECT count(*) FROM relations \
         WHERE max(since, coalesce(until, 0)) > (SELECT coalesce(max(seq), 0) FROM commits)",
    ),
];

pub(super) fn check(connection: &Connection, settings: &Settings) -> Result<Findings> {
    let mut findings = pages(connection)?;
    findings.extend(schema::differences(connection)?);
    for (table, _) in sum::TABLES {
        let query =
            format!("SELECT count(*) FROM {table} t WHERE sum IS NULL OR NOT {}", sum::is_whole(table, "t"));
        let count: u64 = connection.query_row(&query, (), |row| row.get(0))?;
        if count > 0 {
            findings.push(format!("{count} rows of {table} that are not what was written"));
        }
    }
    for (what, query) in BETWEEN {
        let count: u64 = connection.query_row(query, (), |row| row.get(0))?;
        if count > 0 {
            findings.push(format!("{count} {what}"));
        }
    }
    findings.extend(media(connection)?);
    // What cannot be read has no words to compare.
    if findings.is_empty() {
        findings.extend(words(connection, settings)?);
    }
    Ok(Findings(findings))
}

/// What the database finds by itself.
fn pages(connection: &Connection) -> Result<Vec<String>> {
    // The index of words notices by a question, and not by being checked, that another connection has written since.
    connection.prepare_cached("SELECT 1 FROM words WHERE rowid = -1")?.exists(())?;
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check({FINDINGS})"))?;
    let told = statement.query_map((), |row| row.get::<_, String>(0))?;
    let told: Vec<String> = told.collect::<std::result::Result<_, _>>()?;
    Ok(told.into_iter().filter(|told| told != "ok").collect())
}

/// Bytes that do not have their digest.
fn media(connection: &Connection) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let mut statement = connection.prepare("SELECT digest, bytes FROM blobs")?;
    let mut rows = statement.query(())?;
    while let Some(found) = rows.next()? {
        let digest = found.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
        let bytes = found.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        if Digested::of(bytes).as_bytes() != digest {
            findings.push("a medium that does not have its digest".to_owned());
        }
    }
    Ok(findings)
}

/// Compares the index of words with one that is made anew.
fn words(connection: &Connection, settings: &Settings) -> Result<Vec<String>> {
    connection.execute_batch(
        "CREATE VIRTUAL TABLE temp.fresh USING fts5 (body, content = '', tokenize = \"unicode61 remove_diacritics 2\"); \
         CREATE VIRTUAL TABLE temp.there USING fts5vocab ('main', 'words', 'instance'); \
         CREATE VIRTUAL TABLE temp.expected USING fts5vocab ('temp', 'fresh', 'instance')",
    )?;
    let compared = fill(connection, settings).and_then(|()| differs(connection));
    connection.execute_batch("DROP TABLE temp.there; DROP TABLE temp.expected; DROP TABLE temp.fresh")?;
    match compared? {
        true => Ok(vec!["the index of words, which is not that of the memories".to_owned()]),
        false => Ok(Vec::new()),
    }
}

fn fill(connection: &Connection, settings: &Settings) -> Result<()> {
    let query = format!("{} WHERE s.s = k.current AND s.status = 0", *row::NODES);
    let mut statement = connection.prepare(&query)?;
    let mut insert = connection.prepare("INSERT INTO temp.fresh (rowid, body) VALUES (?1, ?2)")?;
    let mut rows = statement.query(())?;
    while let Some(found) = rows.next()? {
        let read = row::node(connection, found)?;
        if Writing::is_indexed(settings, &read.node) {
            insert.execute(params![read.n, read.node.content.words()])?;
        }
    }
    Ok(())
}

/// The lengths of texts, and what they and all of them are together: scores are reckoned with these. Of no texts, that is
/// nothing or two zeros.
const LENGTHS: [[&str; 2]; 2] = [
    ["SELECT id, sz FROM main.words_docsize", "SELECT id, sz FROM temp.fresh_docsize"],
    [
        "SELECT nullif(nullif(block, x''), x'0000') FROM main.words_data WHERE id = 1",
        "SELECT nullif(nullif(block, x''), x'0000') FROM temp.fresh_data WHERE id = 1",
    ],
];

fn differs(connection: &Connection) -> Result<bool> {
    // Looked at first: by this, the new one is written out.
    if have_other_words(connection)? {
        return Ok(true);
    }
    for [there, expected] in LENGTHS {
        let query =
            format!("SELECT EXISTS ({there} EXCEPT {expected}) OR EXISTS ({expected} EXCEPT {there})");
        if connection.query_row(&query, (), |row| row.get(0))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Both in the order in which indexes have them: the first difference is enough.
fn have_other_words(connection: &Connection) -> Result<bool> {
    let mut there = connection.prepare("SELECT term, doc, \"offset\" FROM temp.there")?;
    let mut expected = connection.prepare("SELECT term, doc, \"offset\" FROM temp.expected")?;
    let (mut there, mut expected) = (there.query(())?, expected.query(())?);
    loop {
        let (one, other) = (instance(there.next()?)?, instance(expected.next()?)?);
        if one != other || one.is_none() {
            return Ok(one != other);
        }
    }
}

fn instance(row: Option<&rusqlite::Row<'_>>) -> Result<Option<(String, i64, i64)>> {
    let Some(row) = row else { return Ok(None) };
    Ok(Some((row.get(0)?, row.get(1)?, row.get(2)?)))
}
