//! The tables of a store, their versions, and how they come to be.
//!
//! | table | what |
//! |---|---|
//! | `meta` | the version of the tables |
//! | `head` | one row: the last commit and its time, the last number given of each kind, how many words there are, and `horizon`: the earliest commit whose state is kept |
//! | `commits`, `notes` | one row a transaction, and what it was for |
//! | `log` | what each did, in order: an operation, the node, its state after and before, or the relation |
//! | `nodes` | what never changes of a memory, and how it is used; `current` is its state now |
//! | `states` | each version of a memory, from the commit `since` up to, and without, `until` |
//! | `contents`, `blobs`, `vectors` | what states refer to, so that a new version copies nothing of the old one |
//! | `tally` | how many live vectors a namespace has of a model |
//! | `relations` | with the commits between which they hold |
//! | `words` | the words of current live states, and which of them stand there more than once |
//! | `members` | which roles may see which namespaces |
//!
//! What a namespace has carries its number, `ns`, and is held to it by a policy (see [`PostgresStore`](super::PostgresStore)).

use super::fault::{Fault, Result};
use super::pool::{Asked, Connection};
use crate::memory::Error;

/// The version of the tables.
const VERSION: i32 = 1;
const TABLES: &str = include_str!("schema.sql");
/// What the oldest pgvector is that an index can be trusted to (0.8.3 and before may damage one when it is vacuumed).
const PGVECTOR: [u32; 3] = [0, 8, 4];
/// Whoever makes tables holds this lock, so that two do not make the same.
const MAKING: i64 = i64::from_be_bytes(*b"typewrgt");

/// Sees to it that the tables are there, and of our version. The schema that has the types of pgvector.
pub(super) fn prepare(connection: &mut Connection, schema: &str) -> Result<String> {
    const THERE: &str = "SELECT to_regclass(quote_ident($1) || '.meta') IS NOT NULL";
    let is_there = |connection: &mut Connection| -> Result<bool> {
        Ok(connection.query(THERE, &[&schema])?.first().is_some_and(|row| row.get(0)))
    };
    if !is_there(connection)? {
        const LOCK: &str = "SELECT pg_advisory_xact_lock($1)";
        connection.query("BEGIN", &[])?;
        connection.query(LOCK, &[&MAKING])?;
        if !is_there(connection)? {
            make(connection, schema)?;
        }
        connection.query("COMMIT", &[])?;
    }
    let types = extension(connection)?;
    let version = format!("SELECT version FROM {schema}.meta");
    let version: Option<i32> =
        connection.query(&version, &[])?.first().map(|row| row.try_get(0)).transpose()?;
    let place = String::new();
    match version {
        Some(VERSION) => Ok(types),
        Some(found) if found > VERSION => {
            let (found, known) = (found.cast_unsigned(), VERSION.cast_unsigned());
            Err(Error::Newer { place, found, known }.into())
        }
        found => Err(Fault::wrong(format!("there is no version {found:?}"))),
    }
}

fn make(connection: &mut Connection, schema: &str) -> Result<()> {
    const HAS: &str = "SELECT 1 FROM pg_extension WHERE extname = 'vector'";
    if connection.query(HAS, &[])?.is_empty() {
        connection.query("CREATE EXTENSION vector SCHEMA public", &[])?;
    }
    let types = extension(connection)?;
    connection.run(&format!(
        "CREATE SCHEMA IF NOT EXISTS {schema}; SET LOCAL search_path = {schema}, {types}; {TABLES}"
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
