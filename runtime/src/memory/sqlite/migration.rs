//! Tables of earlier versions, brought up to date within one transaction.
//!
//! | version | what came |
//! |---|---|
//! | 2 | rows have sums, and what each transaction did has an end |
//! | 3 | what a transaction did stands in its row, and not in a table `log`; the index of states has those that ended |

use rusqlite::{Connection, Error};

use super::{row, sum};

type Result<T> = std::result::Result<T, Error>;

/// What in version 2 cannot be: it must not be given sums again. The operation 11 ended a transaction.
const WRONG: [(&str, &str); 3] = [
    (
        "commits that are not what was written",
        "SELECT count(*) FROM commits WHERE sum IS NULL OR sum <> row_sum(seq, at, note, undoes, undone)",
    ),
    (
        "changes that are not what was written",
        "SELECT count(*) FROM log WHERE sum IS NULL OR sum <> row_sum(seq, ord, op, n, state, before, r)",
    ),
    (
        "commits of which changes are missing",
        "SELECT count(*) FROM commits c WHERE c.seq > (SELECT value FROM meta WHERE key = 'horizon') \
         AND coalesce((SELECT count(*) FROM log l WHERE l.seq = c.seq), 0) \
         IS NOT (SELECT l.ord + 1 FROM log l WHERE l.seq = c.seq AND l.op = 11)",
    ),
];

pub(super) fn migrate(connection: &Connection, from: u32) -> Result<()> {
    if from == 2 {
        WRONG.iter().try_for_each(|(what, query)| none(connection, what, query))?;
    }
    put_logs_into_commits(connection)?;
    if from < 2 {
        for (table, _) in sum::TABLES {
            connection.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN sum INTEGER"))?;
            connection.execute_batch(&sum::fill(table))?;
        }
    } else {
        connection.execute_batch(&sum::fill("commits"))?;
    }
    Ok(())
}

fn none(connection: &Connection, what: &str, query: &str) -> Result<()> {
    match connection.query_row(query, (), |found| found.get::<_, u64>(0))? {
        0 => Ok(()),
        count => Err(row::wrong(0, format!("{count} {what}"))),
    }
}

fn put_logs_into_commits(connection: &Connection) -> Result<()> {
    let number = |column: &str| format!("coalesce({column}, '-')");
    let numbers = ["op", "n", "state", "before", "r"].map(number).join(" || ' ' || ");
    connection.execute_batch(&format!(
        "ALTER TABLE commits ADD COLUMN log TEXT NOT NULL DEFAULT ''; \
         UPDATE commits SET log = coalesce((SELECT group_concat({numbers}, ';' ORDER BY l.ord) FROM log l \
         WHERE l.seq = commits.seq AND l.op <> 11), ''); \
         DROP TABLE log; \
         DROP INDEX states_n; \
         CREATE INDEX states_n ON states (n, since) WHERE until IS NOT NULL"
    ))
}
