//! Which memories a filter means, in SQL.

use tokio_postgres::types::ToSql;

use super::row;
use crate::memory::store::{Commit, Filter, Order};
use crate::memory::{Namespace, Status};

/// Conditions, and their values.
#[derive(Default)]
pub(super) struct Where {
    conditions: Vec<String>,
    values: Vec<Box<dyn ToSql + Sync + Send>>,
}

impl Where {
    /// Those of a filter for `nodes` as `k` and `states` as `s`, as they were at a commit or are now.
    pub(super) fn of(filter: &Filter, at: Option<Commit>) -> Self {
        let mut this = Self::default();
        this.namespace("k.ns", &filter.namespace, filter.below);
        match at {
            Some(at) => {
                let at = this.value(at.number());
                this.and(format!("s.since <= {at} AND (s.until IS NULL OR s.until > {at})"));
            }
            None => this.and("s.s = k.current".to_owned()),
        }
        this.state(filter);
        this
    }

    fn state(&mut self, filter: &Filter) {
        if !filter.kinds.is_empty() {
            let kinds: Vec<i16> = filter.kinds.iter().map(|kind| i16::from(kind.number())).collect();
            let kinds = self.value(kinds);
            self.and(format!("k.kind = ANY({kinds}::smallint[])"));
        }
        let statuses: Vec<i16> = filter.statuses.iter().map(|status| row::status(*status)).collect();
        let statuses = self.value(statuses);
        self.and(format!("s.status = ANY({statuses}::smallint[])"));
        if let Some(time) = filter.valid_at {
            let time = self.value(time.micros());
            self.and(format!("(s.valid_from IS NULL OR s.valid_from <= {time})"));
            self.and(format!("(s.valid_to IS NULL OR s.valid_to > {time})"));
        }
        if let Some(time) = filter.unexpired_at() {
            let (time, live) = (self.value(time.micros()), row::status(Status::Live));
            self.and(format!("(s.status <> {live} OR s.expires IS NULL OR s.expires > {time})"));
        }
        for (bound, sign) in [(filter.created.from, ">="), (filter.created.to, "<")] {
            if let Some(bound) = bound {
                let bound = self.value(bound.micros());
                self.and(format!("k.created {sign} {bound}"));
            }
        }
        if let Some(importance) = filter.importance {
            let importance = self.value(importance);
            self.and(format!("s.importance >= {importance}::real"));
        }
        if !filter.metadata.is_empty() {
            let entries: Vec<Vec<u8>> =
                filter.metadata.iter().map(|(key, value)| row::entry(key, value)).collect();
            let entries = self.value(entries);
            self.and(format!("s.metadata @> {entries}::bytea[]"));
        }
    }

    /// That a column is of what is [meant](Self::meant).
    pub(super) fn namespace(&mut self, column: &str, namespace: &Namespace, below: bool) {
        let condition = self.meant(column, namespace, below);
        self.and(condition);
    }

    /// A namespace alone, or all paths that go on with a slash: those between it and the next character, a zero.
    pub(super) fn meant(&mut self, column: &str, namespace: &Namespace, below: bool) -> String {
        let path = namespace.as_str();
        let own = self.value(path.to_owned());
        let alone = format!("SELECT ns FROM namespaces WHERE path = {own}");
        if !below {
            return format!("{column} = ({alone})");
        }
        let (from, to) = (self.value(format!("{path}/")), self.value(format!("{path}0")));
        // As an array, which indexes can be asked for.
        format!("{column} = ANY(ARRAY({alone} OR path >= {from} AND path < {to}))")
    }

    pub(super) fn and(&mut self, condition: String) {
        self.conditions.push(condition);
    }

    /// The place of a value.
    pub(super) fn value(&mut self, value: impl ToSql + Sync + Send + 'static) -> String {
        self.values.push(Box::new(value));
        format!("${}", self.values.len())
    }

    pub(super) fn text(&self) -> String {
        self.conditions.join(" AND ")
    }

    pub(super) fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect()
    }
}

/// Whether a filter says nothing but whose memories are meant, and that they are live.
pub(super) fn is_plain(filter: &Filter) -> bool {
    filter.statuses == [Status::Live]
        && filter.kinds.is_empty()
        && filter.valid_at.is_none()
        && filter.created == crate::memory::Interval::ALWAYS
        && filter.importance.is_none()
        && filter.metadata.is_empty()
}

pub(super) fn order(order: Order) -> &'static str {
    match order {
        Order::Oldest => "k.created, k.id",
        Order::Newest => "k.created DESC, k.id DESC",
        Order::Importance => "s.importance DESC, k.id",
        Order::LastAccess => "k.last_access DESC, k.id",
    }
}
