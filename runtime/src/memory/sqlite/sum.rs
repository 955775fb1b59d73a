//! A checksum of every row, so that a flipped bit is told and never believed. The database has none of its own.
//!
//! `sum` is the last column of a table: [`xxh64`] of all its others, in order, by a function that each connection knows.
//! Rows that are read are compared with theirs; [`check`](super::upkeep::check) compares all.

use std::sync::LazyLock;

use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error};

use crate::memory::sum::xxh64;

/// The tables, and what their sums are of.
pub(super) const TABLES: [(&str, &str); 10] = [
    ("meta", "key, value"),
    ("commits", "seq, at, note, undoes, undone, log"),
    ("namespaces", "ns, path"),
    ("models", "m, name, dimension"),
    ("nodes", "n, id, ns, kind, created, last_access, accesses, current"),
    (
        "states",
        "s, n, since, until, status, version, importance, valid_from, valid_to, updated, ended, expires, c, v, \
         provenance, metadata",
    ),
    ("contents", "c, type, body, digest, mime, caption"),
    ("blobs", "b, digest, bytes"),
    ("vectors", "v, m, data"),
    ("relations", "r, id, a, kind, b, weight, valid_from, valid_to, created, since, until, provenance"),
];

static INSERTS: LazyLock<Vec<String>> = LazyLock::new(|| TABLES.map(|(table, _)| insertion(table)).into());

fn columns(table: &str) -> &'static str {
    TABLES.iter().find_map(|(name, columns)| (*name == table).then_some(*columns)).unwrap_or_default()
}

/// A statement that inserts a row whose columns are the parameters, in order, and its sum. A primary key that is `NULL`
/// would not be what is stored: it is always given.
pub(super) fn insert(table: &str) -> &'static str {
    TABLES
        .iter()
        .zip(INSERTS.iter())
        .find_map(|((name, _), insert)| (*name == table).then_some(&**insert))
        .unwrap_or_default()
}

fn insertion(table: &str) -> String {
    let columns = columns(table);
    let values: Vec<String> = (1..=columns.split(',').count()).map(|at| format!("?{at}")).collect();
    let values = values.join(", ");
    format!("INSERT INTO {table} ({columns}, sum) VALUES ({values}, row_sum({values}))")
}

/// What an update sets: these columns to these expressions, and the sum to that of the row as it is then.
pub(super) fn set(table: &str, new: &[(&str, &str)]) -> String {
    let value = |column: &'static str| {
        new.iter().find_map(|(name, value)| (*name == column).then_some(*value)).unwrap_or(column)
    };
    let values: Vec<&str> = columns(table).split(", ").map(|column| value(column.trim())).collect();
    let set: Vec<String> = new.iter().map(|(column, value)| format!("{column} = {value}")).collect();
    format!("UPDATE {table} SET {}, sum = row_sum({})", set.join(", "), values.join(", "))
}

/// Whether a row, read as `name`, is what was written. True where there is none.
pub(super) fn is_whole(table: &str, name: &str) -> String {
    let columns: Vec<String> = columns(table).split(", ").map(|column| format!("{name}.{column}")).collect();
    format!("({name}.sum IS NULL OR {name}.sum = row_sum({}))", columns.join(", "))
}

/// Gives all rows of a table their sums.
pub(super) fn fill(table: &str) -> String {
    format!("UPDATE {table} SET sum = row_sum({})", columns(table))
}

/// Lets a connection know the function.
pub(super) fn register(connection: &Connection) -> Result<(), Error> {
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("row_sum", -1, flags, |context| {
        let sum = (0..context.len()).fold(0, |sum, at| with(sum, context.get_raw(at)));
        Ok(sum.cast_signed())
    })
}

/// The sum of what is before and a value, of whichever type.
fn with(sum: u64, value: ValueRef<'_>) -> u64 {
    match value {
        ValueRef::Null => xxh64(&[], !sum),
        ValueRef::Integer(number) => xxh64(&number.to_le_bytes(), sum ^ 1),
        // The database keeps no sign of a zero.
        ValueRef::Real(number) => xxh64(&(number + 0.0).to_bits().to_le_bytes(), sum ^ 2),
        ValueRef::Text(text) => xxh64(text, sum ^ 3),
        ValueRef::Blob(bytes) => xxh64(bytes, sum ^ 4),
    }
}
