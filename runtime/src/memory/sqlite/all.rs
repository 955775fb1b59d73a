//! Everything in the file, in the order of names, row by row.

use rusqlite::Connection;

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

/// By the index of the names, so that nothing is sorted: a cross join keeps the order of the tables.
fn nodes(connection: &Connection, at: Commit, take: &mut Take<'_>) -> Result<(), Fault> {
    let query = format!(
        "SELECT {} FROM nodes k CROSS JOIN states s ON {} \
         JOIN namespaces p ON p.ns = k.ns LEFT JOIN contents c ON c.c = s.c LEFT JOIN vectors v ON v.v = s.v \
         LEFT JOIN models m ON m.m = v.m ORDER BY k.id",
        *row::NODE,
        row::at("?1")
    );
    let mut statement = connection.prepare_cached(&query)?;
    let mut rows = statement.query([at.number()])?;
    while let Some(found) = rows.next()? {
        take(Item::Node(Box::new(row::node(connection, found)?.node)))?;
    }
    Ok(())
}

fn relations(connection: &Connection, at: Commit, take: &mut Take<'_>) -> Result<(), Fault> {
    let query = format!(
        "SELECT {} FROM nodes x CROSS JOIN relations r ON r.a = x.n AND r.since <= ?1 AND (r.until IS NULL OR r.until > ?1) \
         JOIN nodes y ON y.n = r.b ORDER BY x.id, r.id",
        *row::RELATION
    );
    let mut statement = connection.prepare_cached(&query)?;
    let mut rows = statement.query([at.number()])?;
    while let Some(found) = rows.next()? {
        take(Item::Relation(Box::new(row::relation(found)?)))?;
    }
    Ok(())
}
