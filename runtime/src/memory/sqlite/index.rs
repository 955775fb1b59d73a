//! Indexes of the vectors of a store, one a model, made when it is first asked for.
//!
//! What an index has not seen, it learns from the log: which memories have changed, and what they are now. Where the log
//! of that time is compacted, it is compared with all that is there.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, Row, params};

use super::row;
use super::write::Fault;
use super::{SqliteStore, read};
use crate::memory::index::{Facts, Index, Update};
use crate::memory::store::{Commit, Match, Nearest};
use crate::memory::{Error, Interval, Kind, Namespace};

type Result<T> = std::result::Result<T, Fault>;

/// The indexes of a store.
#[derive(Default)]
pub(super) struct Indexes {
    by_model: Mutex<BTreeMap<String, Arc<Index>>>,
}

impl Indexes {
    fn of(&self, model: &str) -> Arc<Index> {
        let mut by_model = self.by_model.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = by_model.get(model) {
            return Arc::clone(index);
        }
        let index = Arc::new(Index::default());
        by_model.insert(model.to_owned(), Arc::clone(&index));
        index
    }

    fn all(&self) -> Vec<(String, Arc<Index>)> {
        let by_model = self.by_model.lock().unwrap_or_else(PoisonError::into_inner);
        by_model.iter().map(|(model, index)| (model.clone(), Arc::clone(index))).collect()
    }
}

pub(super) fn nearest(store: &SqliteStore, asked: &Nearest<'_>) -> std::result::Result<Vec<Match>, Error> {
    let index = store.indexes.of(&asked.to.model);
    store.read(|connection| {
        bring_up(connection, &asked.to.model, &index)?;
        index.nearest(asked, || read::ids(connection, asked.filter))
    })
}

/// What was erased is to be erased from indexes, too.
pub(super) fn erase(store: &SqliteStore) -> std::result::Result<(), Error> {
    let all = store.indexes.all();
    store.read(|connection| all.iter().try_for_each(|(model, index)| bring_up(connection, model, index)))
}

/// Lets an index see what it has not seen.
fn bring_up(connection: &Connection, model: &str, index: &Index) -> Result<()> {
    let head = read::head(connection)?;
    if index.seen() >= Some(head) {
        return Ok(());
    }
    index.update(|update| {
        // Another thread may have done it meanwhile.
        match update.seen() {
            Some(seen) if seen >= head => return Ok(()),
            Some(seen) if seen >= read::horizon(connection)? => catch_up(connection, model, seen, update)?,
            _ => load(connection, model, update)?,
        }
        update.see(head);
        Ok(())
    })
}

/// What facts and vectors are read from.
const COLUMNS: &str = "k.id, k.ns, k.kind, k.created, s.importance, s.valid_from, s.valid_to, v.data";

fn facts(row: &Row<'_>, namespaces: &Namespaces) -> Result<Facts> {
    let time = |column: usize| {
        let micros: Option<i64> = row.get(column)?;
        micros.map(|micros| row::timestamp(column, micros)).transpose()
    };
    Ok(Facts {
        namespace: namespaces.of(row.get(1)?)?,
        kind: Kind::of_number(row.get(2)?),
        created: row::timestamp(3, row.get(3)?)?,
        importance: row.get::<_, f64>(4)? as f32,
        valid: Interval { from: time(5)?, to: time(6)? },
    })
}

/// The namespaces of a store, by their numbers.
struct Namespaces(HashMap<i64, Namespace>);

impl Namespaces {
    fn read(connection: &Connection) -> Result<Self> {
        let mut statement = connection.prepare_cached("SELECT ns, path FROM namespaces")?;
        let mut rows = statement.query(())?;
        let mut all = HashMap::new();
        while let Some(row) = rows.next()? {
            all.insert(row.get(0)?, Namespace::new(row.get::<_, String>(1)?)?);
        }
        Ok(Self(all))
    }

    fn of(&self, number: i64) -> Result<Namespace> {
        let found = self.0.get(&number).cloned();
        found.ok_or_else(|| row::wrong(1, "there is no such namespace").into())
    }
}

/// Puts all vectors of a model that there are, and removes all others.
fn load(connection: &Connection, model: &str, update: &mut Update<'_>) -> Result<()> {
    let namespaces = Namespaces::read(connection)?;
    const MODEL: &str =
        "SELECT m, dimension, (SELECT count(*) FROM vectors v WHERE v.m = m.m) FROM models m WHERE name = ?1";
    let mut statement = connection.prepare_cached(MODEL)?;
    let mut rows = statement.query([model])?;
    let mut left: BTreeSet<_> = update.ids().collect();
    if let Some(found) = rows.next()? {
        let (number, dimensions, count): (i64, u64, u64) = (found.get(0)?, found.get(1)?, found.get(2)?);
        update.reserve(count as usize, dimensions as usize);
        let query = format!(
            "SELECT {COLUMNS} FROM nodes k JOIN states s ON s.s = k.current JOIN vectors v ON v.v = s.v \
             WHERE v.m = ?1 AND s.status = 0"
        );
        let mut statement = connection.prepare_cached(&query)?;
        let mut rows = statement.query([number])?;
        while let Some(found) = rows.next()? {
            let id = put(found, &namespaces, update)?;
            left.remove(&id);
        }
    }
    left.into_iter().for_each(|id| update.remove(id));
    Ok(())
}

fn put(found: &Row<'_>, namespaces: &Namespaces, update: &mut Update<'_>) -> Result<crate::memory::Id> {
    let data = found.get_ref(7)?.as_blob().map_err(|error| row::wrong(7, error))?;
    let (id, vector) = (row::id(found.get(0)?), row::floats(data));
    update.put(id, &vector, &facts(found, namespaces)?)?;
    Ok(id)
}

/// Looks at what has changed.
fn catch_up(connection: &Connection, model: &str, seen: Commit, update: &mut Update<'_>) -> Result<()> {
    const CHANGED: &str =
        "SELECT DISTINCT k.n, k.id FROM log l JOIN nodes k ON k.n = l.n WHERE l.seq > ?1 ORDER BY k.n";
    let namespaces = Namespaces::read(connection)?;
    let now = format!(
        "SELECT {COLUMNS} FROM nodes k JOIN states s ON s.s = k.current JOIN vectors v ON v.v = s.v \
         JOIN models m ON m.m = v.m WHERE k.n = ?1 AND m.name = ?2 AND s.status = 0"
    );
    let (mut changed, mut now) = (connection.prepare_cached(CHANGED)?, connection.prepare_cached(&now)?);
    let mut changed = changed.query([seen.0])?;
    while let Some(one) = changed.next()? {
        let mut rows = now.query(params![one.get::<_, i64>(0)?, model])?;
        match rows.next()? {
            Some(found) => drop(put(found, &namespaces, update)?),
            None => update.remove(row::id(one.get(1)?)),
        }
    }
    Ok(())
}
