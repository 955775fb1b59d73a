//! Which memories are meant.

use std::collections::BTreeMap;

use crate::json::RawJson;
use crate::memory::time::{Interval, Timestamp};
use crate::memory::{Error, Kind, Namespace, Status};

/// What all memories have that are meant. Those of one namespace are; [`below`](Self::below) adds what is below it.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// Whose they are.
    pub namespace: Namespace,
    /// Those of namespaces below it, too.
    pub below: bool,
    /// What they are; all kinds if none is named.
    pub kinds: Vec<Kind>,
    /// What has become of them. Live ones, unless said otherwise.
    pub statuses: Vec<Status>,
    /// They hold in the world at this time, and have not expired by then. Live ones that have are meant only where
    /// [expired](Status::Expired) ones are: it is the same whether [`Store::expire`](super::Store::expire) was called or not.
    pub valid_at: Option<Timestamp>,
    /// They were stored within this time.
    pub created: Interval,
    /// They have at least this importance.
    pub importance: Option<f32>,
    /// They are kept with these values.
    pub metadata: BTreeMap<String, RawJson>,
    /// In which order, and which of them.
    pub page: Page,
}

/// In which order, and which part of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The order. Equal ones by their name.
    pub order: Order,
    /// So many are passed over.
    pub skip: usize,
    /// The most that are given. A store gives no more than 10 000 at a time.
    pub most: usize,
}

/// The order of what is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Order {
    /// The oldest first.
    Oldest,
    /// The newest first.
    #[default]
    Newest,
    /// The most important first.
    Importance,
    /// What was used last first.
    LastAccess,
}

impl Page {
    /// The most that a page holds.
    pub const MOST: usize = 10_000;
}

impl Default for Page {
    fn default() -> Self {
        Self { order: Order::default(), skip: 0, most: 100 }
    }
}

impl Filter {
    /// The live memories of a namespace.
    pub fn of(namespace: Namespace) -> Self {
        Self {
            namespace,
            below: false,
            kinds: Vec::new(),
            statuses: vec![Status::Live],
            valid_at: None,
            created: Interval::ALWAYS,
            importance: None,
            metadata: BTreeMap::new(),
            page: Page::default(),
        }
    }

    /// Those of namespaces below it, too.
    #[must_use]
    pub fn below(self) -> Self {
        Self { below: true, ..self }
    }

    /// Of these kinds.
    #[must_use]
    pub fn kinds(self, kinds: impl IntoIterator<Item = Kind>) -> Self {
        Self { kinds: kinds.into_iter().collect(), ..self }
    }

    /// Of this status.
    #[must_use]
    pub fn statuses(self, statuses: impl IntoIterator<Item = Status>) -> Self {
        Self { statuses: statuses.into_iter().collect(), ..self }
    }

    /// That hold in the world at this time, and have not expired by then.
    #[must_use]
    pub fn valid_at(self, time: Timestamp) -> Self {
        Self { valid_at: Some(time), ..self }
    }

    /// In this order, this part.
    #[must_use]
    pub fn page(self, page: Page) -> Self {
        Self { page, ..self }
    }

    /// The time by which live memories must not have expired.
    pub(in crate::memory) fn unexpired_at(&self) -> Option<Timestamp> {
        unexpired_at(self.valid_at, &self.statuses)
    }

    /// Whether it can be asked.
    ///
    /// # Errors
    /// When it asks for more than a page holds, for nothing at all, or for values out of range.
    pub fn check(&self) -> Result<(), Error> {
        if self.page.most > Page::MOST {
            return Err(Error::limit("page", self.page.most, Page::MOST));
        }
        if self.statuses.is_empty() {
            return Err(Error::invalid("filter", "no status is meant, so that nothing is"));
        }
        if self.importance.is_some_and(|importance| !(0.0..=1.0).contains(&importance)) {
            return Err(Error::invalid("filter", "the importance is not 0 to 1"));
        }
        self.created.checked().map(drop)
    }
}

/// The time by which live memories must not have expired, where those of some statuses are meant that hold at a time.
pub(in crate::memory) fn unexpired_at(valid_at: Option<Timestamp>, statuses: &[Status]) -> Option<Timestamp> {
    valid_at.filter(|_| !statuses.contains(&Status::Expired))
}
