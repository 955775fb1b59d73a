//! The tables of a store, their versions, and how they come to be.
//!
//! | table | what |
//! |---|---|
//! | `meta` | the version of the tables |
//! | `head` | one row: the last commit and its time, the last number given of each kind, how many words there are, and `horizon`: the earliest commit whose state is kept |
//! | `commits`, `notes` | one row a transaction, with how many entries of `log` it has, and what it was for |
//! | `log` | what each did, in order: an operation, the node, its state after and before, or the relation |
//! | `nodes` | what never changes of a memory, and how it is used; `current` is its state now |
//! | `states` | each version of a memory, from the commit `since` up to, and without, `until` |
//! | `contents`, `blobs`, `vectors` | what states refer to, so that a new version copies nothing of the old one |
//! | `tally` | how many live vectors a namespace has of a model |
//! | `relations` | with the commits between which they hold |
//! | `words` | the words of current live states, and which of them stand there more than once |
//! | `members` | which roles may see which namespaces |
//!
//! What the planner knows of columns are samples of them. Of those that have what a memory says it has none, so that what is
//! forgotten is not there either; of times, sizes and how important memories are it has.
//!
//! What a namespace has carries its number, `ns`, and is held to it by a policy (see [`PostgresStore`](super::PostgresStore)).

use super::fault::{Fault, Result};
use super::pool::{Asked, Connection};
use crate::memory::Error;

/// What makes each version of the tables of the one before, and the first of nothing. None of them changes any more.
const STEPS: [&str; 2] = [include_str!("schema.sql"), include_str!("schema-2.sql")];
/// The version of the tables.
const VERSION: usize = STEPS.len();
/// What the oldest pgvector is that an index can be trusted to (0.8.3 and before may damage one when it is vacuumed).
const PGVECTOR: [u32; 3] = [0, 8, 4];
/// Whoever makes tables holds this lock, so that two do not make the same.
const MAKING: i64 = i64::from_be_bytes(*b"typewrgt");

/// Sees to it that the tables are there, and of our version. The schema that has the types of pgvector.
pub(super) fn prepare(connection: &mut Connection, schema: &str) -> Result<String> {
    if version(connection, schema)? < VERSION {
        const LOCK: &str = "SELECT pg_advisory_xact_lock($1)";
        connection.query("BEGIN", &[])?;
        connection.query(LOCK, &[&MAKING])?;
        let found = version(connection, schema)?;
        make(connection, schema, STEPS.get(found..).unwrap_or_default())?;
        connection.query("COMMIT", &[])?;
    }
    let types = extension(connection)?;
    let found = version(connection, schema)?;
    if found > VERSION {
        let number = |version| u32::try_from(version).unwrap_or(u32::MAX);
        let (place, found, known) = (String::new(), number(found), number(VERSION));
        return Err(Error::Newer { place, found, known }.into());
    }
    Ok(types)
}

/// The version of the tables that are there; 0: there are none.
fn version(connection: &mut Connection, schema: &str) -> Result<usize> {
    const THERE: &str = "SELECT to_regclass(quote_ident($1) || '.meta') IS NOT NULL";
    if !connection.query(THERE, &[&schema])?.first().is_some_and(|row| row.get(0)) {
        return Ok(0);
    }
    let rows = connection.query(&format!("SELECT version FROM {schema}.meta"), &[])?;
    let found: Option<i32> = rows.first().map(|row| row.try_get(0)).transpose()?;
    let known = found.and_then(|found| usize::try_from(found).ok()).filter(|found| *found > 0);
    known.ok_or_else(|| Fault::wrong(format!("there is no version {found:?}")))
}

/// Makes what is missing, within a transaction.
fn make(connection: &mut Connection, schema: &str, steps: &[&str]) -> Result<()> {
    if steps.is_empty() {
        return Ok(());
    }
    const HAS: &str = "SELECT 1 FROM pg_extension WHERE extname = 'vector'";
    if connection.query(HAS, &[])?.is_empty() {
        connection.query("CREATE EXTENSION vector SCHEMA public", &[])?;
    }
    let (types, all) = (extension(connection)?, steps.join(";"));
    if steps.len() == STEPS.len() {
        connection.run(&format!("CREATE SCHEMA IF NOT EXISTS {schema}"))?;
    }
    // Tables of a session alone come last if they are named here, and otherwise first.
    connection.run(&format!(
        "SET LOCAL search_path = {schema}, {types}, pg_temp; {all}; \
         UPDATE meta SET version = {VERSION}"
    ))
}

/// The schema of pgvector, if it is recent enough.
fn extension(connection: &mut Connection) -> Result<String> {
    const QUERY: &str = "SELECT quote_ident(n.nspname), e.extversion FROM pg_extension e \
         JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector'";
    let rows = connection.query(QUERY, &[])?;
    let wrong = |reason: String| Fault::from(Error::invalid("pgvector", reason));
    let row = rows.first().ok_or_else(|| wrong("the database does not have it".to_owned()))?;
    let (schema, version): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    let numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or_default());
    if numbers.collect::<Vec<_>>() < PGVECTOR.to_vec() {
        return Err(wrong(format!(
            "{version} is older than {}",
            PGVECTOR.map(|number| number.to_string()).join(".")
        )));
    }
    Ok(schema)
}

/// Begins a transaction that writes, alone: the numbers of commits are their order.
pub(super) const BEGIN: [Asked<'static>; 2] = [
    Asked { sql: "BEGIN ISOLATION LEVEL SERIALIZABLE", values: Vec::new() },
    // Before anything is read, so that what is read is what the one before has left.
    Asked { sql: "LOCK TABLE head IN SHARE ROW EXCLUSIVE MODE", values: Vec::new() },
];
