//! Which kinds have their words in the index. A policy that says otherwise than it did is followed when the file is opened:
//! what is in the index is what today's policies say, or what is forgotten would leave its words there.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::write::{Fault, Writing};
use super::{put, row, sum};
use crate::memory::{Kind, Settings};

type Result<T> = std::result::Result<T, Fault>;

/// Puts words into the index, or takes them out, of kinds of which that is new. Files in which nobody has written it down
/// are as these policies say.
pub(super) fn follow(connection: &mut Connection, settings: &Settings) -> Result<()> {
    let left_out = left_out(settings);
    let noted = noted(connection)?;
    if noted.as_ref() == Some(&left_out) {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for kind in noted.iter().flat_map(|noted| noted.symmetric_difference(&left_out)) {
        change(&transaction, settings, *kind)?;
    }
    const NOTE: &str =
        "INSERT OR REPLACE INTO meta (key, value, sum) VALUES ('left out', ?1, row_sum('left out', ?1))";
    let numbers: Vec<String> = left_out.iter().map(u8::to_string).collect();
    transaction.execute(NOTE, [numbers.join(" ")])?;
    transaction.commit()?;
    Ok(())
}

/// The kinds whose words are not in the index.
fn left_out(settings: &Settings) -> BTreeSet<u8> {
    (0..=u8::MAX).filter(|kind| !settings.policy(Kind::of_number(*kind)).is_indexed).collect()
}

/// What is written down. By something else, words would be taken out that are not there.
fn noted(connection: &Connection) -> Result<Option<BTreeSet<u8>>> {
    let whole = sum::is_whole("meta", "meta");
    let query = format!("SELECT value, {whole} FROM meta WHERE key = 'left out'");
    let noted = connection.query_row(&query, (), |found| {
        row::whole(found, 1)?;
        found.get::<_, String>(0)
    });
    let numbers = |noted: String| noted.split_whitespace().map(str::parse).collect();
    let noted: Option<std::result::Result<_, std::num::ParseIntError>> = noted.optional()?.map(numbers);
    Ok(noted.transpose().map_err(|error| row::wrong(0, error))?)
}

/// All that is live of a kind.
fn change(connection: &Connection, settings: &Settings, kind: u8) -> Result<()> {
    let query = format!("{} WHERE s.s = k.current AND s.status = 0 AND k.kind = ?1", *row::NODES);
    let mut statement = connection.prepare(&query)?;
    let mut rows = statement.query(params![kind])?;
    while let Some(found) = rows.next()? {
        let read = row::node(connection, found)?;
        match Writing::is_indexed(settings, &read.node) {
            true => put::words(connection, read.n, &read.node)?,
            false => put::no_words(connection, read.n, &read.node)?,
        }
    }
    Ok(())
}
