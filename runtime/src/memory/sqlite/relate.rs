//! Relations of a transaction.

use std::sync::LazyLock;

use rusqlite::{OptionalExtension, params};

use super::put::next;
use super::row;
use super::sum;
use super::write::{Fault, Writing};
use crate::memory::Error;
use crate::memory::id::Id;
use crate::memory::node::Status;
use crate::memory::relation::Relation;
use crate::memory::store::op::Op;

type Result<T> = std::result::Result<T, Fault>;

impl Writing<'_> {
    pub(super) fn relate(&mut self, relation: &Relation) -> Result<()> {
        let (a, b) = (self.end_of(relation.from)?, self.end_of(relation.to)?);
        let kind = relation.kind.name();
        const THERE: &str =
            "SELECT id FROM relations WHERE until IS NULL AND (id = ?1 OR a = ?2 AND kind = ?3 AND b = ?4)";
        let mut there = self.connection.prepare_cached(THERE)?;
        let there =
            there.query_row(params![row::key(relation.id), a, kind, b], |row| row.get(0)).optional()?;
        if let Some(id) = there {
            return Err(Error::Exists { id: row::id(id) }.into());
        }
        if relation.kind.is_acyclic() && self.leads_to(b, &kind, a)? {
            let Relation { from, kind, to, .. } = relation.clone();
            return Err(Error::Circle { from, kind, to }.into());
        }
        let r = next(self.connection, "relations", "r")?;
        let row = params![
            r,
            row::key(relation.id),
            a,
            kind,
            b,
            f64::from(relation.weight),
            row::micros(relation.valid.from),
            row::micros(relation.valid.to),
            relation.created.micros(),
            self.seq,
            None::<u64>,
            relation.provenance.as_ref().map(row::provenance_text)
        ];
        self.connection.prepare_cached(sum::insert("relations"))?.execute(row)?;
        self.log(Op::Relate, None, [None, None], Some(r));
        Ok(())
    }

    fn end_of(&self, id: Id) -> Result<i64> {
        const QUERY: &str =
            "SELECT k.n, s.status FROM nodes k JOIN states s ON s.s = k.current WHERE k.id = ?1";
        let mut statement = self.connection.prepare_cached(QUERY)?;
        let found =
            statement.query_row([row::key(id)], |row| Ok((row.get(0)?, row.get::<_, u8>(1)?))).optional()?;
        match found {
            None => Err(Error::NotFound { id }.into()),
            Some((_, status)) if status == row::status(Status::Forgotten) => {
                Err(Error::Ended { id, status: Status::Forgotten }.into())
            }
            Some((n, _)) => Ok(n),
        }
    }

    /// Whether relations of a kind lead from one node to another.
    fn leads_to(&self, from: i64, kind: &str, to: i64) -> Result<bool> {
        const QUERY: &str = "WITH RECURSIVE reached (n) AS (SELECT ?1 UNION \
             SELECT r.b FROM relations r JOIN reached ON r.a = reached.n WHERE r.kind = ?2 AND r.until IS NULL) \
             SELECT 1 FROM reached WHERE n = ?3";
        let found = self.connection.prepare_cached(QUERY)?.exists(params![from, kind, to])?;
        Ok(found)
    }

    pub(super) fn unrelate(&mut self, id: Id) -> Result<()> {
        static UPDATE: LazyLock<String> = LazyLock::new(|| {
            let set = sum::set("relations", &[("until", "?2")]);
            format!("{set} WHERE id = ?1 AND until IS NULL RETURNING r")
        });
        let mut statement = self.connection.prepare_cached(&UPDATE)?;
        let ended = statement.query_row(params![row::key(id), self.seq], |row| row.get(0)).optional()?;
        drop(statement);
        let r: i64 = ended.ok_or(Error::NotFound { id })?;
        self.log(Op::Unrelate, None, [None, None], Some(r));
        Ok(())
    }
}
