//! Everything in the file, in the order of names, row by row.

use rusqlite::{Connection, OptionalExtension, params};

use super::read::is_kept;
use super::row;
use super::write::Fault;
use crate::memory::Error;
use crate::memory::store::{Commit, Item};

type Take<'a> = dyn FnMut(Item) -> Result<(), Error> + 'a;

pub(super) fn all(connection: &Connection, at: Commit, take: &mut Take<'_>) -> Result<(), Fault> {
    is_kept(connection, at)?;
    nodes(connection, at, take)?;
    relations(connection, at, take)
}

/// Goes through the names, which an index has in their order, so that no content is sorted.
fn each_name(
    connection: &Connection,
    take: &mut dyn FnMut([u8; 16]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached("SELECT id FROM nodes ORDER BY id")?;
    let mut rows = statement.query(())?;
    while let Some(found) = rows.next()? {
        take(found.get(0)?)?;
    }
    Ok(())
}

fn nodes(connection: &Connection, at: Commit, take: &mut Take<'_>) -> Result<(), Fault> {
    let query =
        format!("{} WHERE k.id = ?1 AND s.since <= ?2 AND (s.until IS NULL OR s.until > ?2)", *row::NODES);
    let mut statement = connection.prepare_cached(&query)?;
    each_name(connection, &mut |id| {
        let read = statement.query_row(params![id, at.0], |found| row::node(connection, found)).optional()?;
        read.map_or(Ok(()), |read| Ok(take(Item::Node(Box::new(read.node)))?))
    })
}

fn relations(connection: &Connection, at: Commit, take: &mut Take<'_>) -> Result<(), Fault> {
    let query = format!(
        "{} WHERE x.id = ?1 AND r.since <= ?2 AND (r.until IS NULL OR r.until > ?2) ORDER BY r.id",
        *row::RELATIONS
    );
    let mut statement = connection.prepare_cached(&query)?;
    each_name(connection, &mut |id| {
        let mut rows = statement.query(params![id, at.0])?;
        while let Some(found) = rows.next()? {
            take(Item::Relation(Box::new(row::relation(found)?)))?;
        }
        Ok(())
    })
}
