//! Whether a store does what it should: it can be read and written, nothing in it is damaged, it has room to grow, and what
//! is looked for by vectors is found. Works on every store; asks nothing that others could not ask.
//!
//! The recall probe (`probe`) draws stored vectors, and compares what an index finds for them with what is nearest indeed.
//! An index that lacks some of the store's vectors, or has others, cannot pass it: it is derived, and made anew when the
//! store is opened again.

mod probe;

use std::collections::BTreeMap;
use std::time::Duration;

use super::Error;
use super::store::{Batch, Census, Commit, Derived, Room, Store};
use probe::Probed;

/// What is looked at, and what is still good.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Vectors of each model that are drawn for the recall probe. None: there is no probe.
    pub samples: usize,
    /// How many nearest are compared for each.
    pub nearest: usize,
    /// The share of them that has to be found.
    pub recall: f32,
    /// The seed by which vectors are drawn.
    pub seed: u64,
    /// Commit a transaction without changes, to see whether that can be done.
    pub commits: bool,
    /// Look at every page and row, by [`Store::check`]. Takes as long as reading all.
    pub reads_all: bool,
    /// The share of the store's bytes that may hold nothing any more.
    pub free: f64,
    /// The commits that an index may lag behind after the probe has asked it. What is committed meanwhile does not count.
    pub lag: u64,
    /// The bytes that have to be left, on the disk and up to a limit. A commit needs little; compacting, and erasing what is
    /// forgotten, need as much as twice what the store has.
    pub room: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            samples: 50,
            nearest: 10,
            recall: 0.95,
            seed: 0,
            commits: true,
            reads_all: false,
            free: 0.5,
            lag: 0,
            // What the log of a store in a file takes before it is put back.
            room: 16 << 20,
        }
    }
}

/// How a store is.
#[derive(Debug)]
pub struct Health {
    /// The last commit when it was looked at.
    pub head: Commit,
    /// What is in it.
    pub census: Census,
    /// By how many bytes it may still grow, as far as that is known.
    pub room: Room,
    /// What is wrong. Nothing: it is healthy.
    pub findings: Vec<Finding>,
    /// The share of the nearest that was found, by model.
    pub recall: BTreeMap<String, f64>,
    /// How far indexes lag, by model. Empty where none are derived from the store.
    pub lag: BTreeMap<String, Lag>,
    /// How long the searches of the probe took: half of them no longer than the first, and of a hundred 99 no longer than
    /// the second.
    pub latency: Option<(Duration, Duration)>,
}

/// By how many commits an index lags behind the last one of the store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lag {
    /// When it was looked at. None: it was not made yet, as nobody has asked it since the store was opened.
    pub before: Option<u64>,
    /// After the probe had asked it, which lets it see what it has not seen. None: it was not asked.
    pub after: Option<u64>,
    /// Of its file, which is read when the index is made, and written when much has changed and in the end. None: there is
    /// none.
    pub file: Option<u64>,
}

/// What is wrong with a store.
#[derive(Debug)]
#[non_exhaustive]
pub enum Finding {
    /// Nothing can be committed.
    NotWritten(Error),
    /// Something is damaged, or would be without anybody noticing: what [`Store::check`] tells.
    Damaged(String),
    /// Too little is found by vectors of a model.
    Recall {
        /// The model.
        model: String,
        /// The share that was found.
        found: f64,
    },
    /// The index of a model has not seen the last commits, though it was asked.
    Lag {
        /// The model.
        model: String,
        /// How many.
        commits: u64,
    },
    /// The index of a model has more vectors than the store, or fewer, though it has seen all commits.
    Rows {
        /// The model.
        model: String,
        /// How many the index has.
        indexed: u64,
        /// How many the store has.
        stored: u64,
    },
    /// Searches that compare all vectors of a model told others than the nearest, or with scores that they have not.
    Differs {
        /// The model.
        model: String,
        /// How many searches of those that the probe made.
        searches: usize,
    },
    /// Too little is free on the disk.
    Disk {
        /// How many bytes are.
        left: u64,
    },
    /// The store has come near to the limit that was set.
    Limit {
        /// How many bytes are left of it.
        left: u64,
    },
    /// Too many of its bytes hold nothing: compact it.
    Fragmented {
        /// The share that holds nothing.
        free: f64,
    },
}

impl Health {
    /// Whether nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Looks at a store.
///
/// # Errors
/// When it cannot be read.
pub fn examine(store: &dyn Store, config: &Config) -> Result<Health, Error> {
    let mut findings = Vec::new();
    if config.commits
        && let Err(error) = store.commit(&Batch::default())
    {
        findings.push(Finding::NotWritten(error));
    }
    let (head, census, room) = (store.head()?, store.census()?, store.room()?);
    if config.reads_all {
        findings.extend(store.check()?.0.into_iter().map(Finding::Damaged));
    }
    findings.extend(narrow(&census, room, config));
    let (recall, lag) = (BTreeMap::new(), BTreeMap::new());
    let mut health = Health { head, census, room, findings, recall, lag, latency: None };
    search(store, config, &mut health)?;
    Ok(health)
}

/// Probes all models, and looks at their indexes before and after.
fn search(store: &dyn Store, config: &Config, health: &mut Health) -> Result<(), Error> {
    health.lag = lags(health.head, store.indexes()?);
    let (models, mut spent) = (health.census.vectors.iter(), Vec::new());
    let models = models.filter(|_| config.samples > 0 && config.nearest > 0);
    let probed = models.map(|(model, ..)| probe::probe(store, model, config, &mut spent));
    let probed = probed.collect::<Result<Vec<_>, _>>()?;
    let indexes = store.indexes()?;
    for probed in probed {
        let seen = indexes.iter().find(|index| index.model == probed.model).and_then(|index| index.seen);
        // Where there are no vectors, it was not asked.
        let lag = seen.filter(|_| probed.recall.is_some()).map(|(seen, _)| behind(health.head, seen));
        if let Some(of_model) = health.lag.get_mut(&probed.model) {
            of_model.after = lag;
        }
        health.findings.extend(of_index(&probed, lag, seen, config));
        health.recall.extend(probed.recall.map(|recall| (probed.model, recall)));
    }
    spent.sort_unstable();
    let at = |share: f64| spent.get((spent.len() as f64 * share) as usize).copied();
    health.latency = at(0.5).zip(at(0.99));
    Ok(())
}

/// What holds nothing any more, and what is left to grow.
fn narrow(census: &Census, room: Room, config: &Config) -> impl Iterator<Item = Finding> {
    let free = census.free_bytes as f64 / census.bytes.max(1) as f64;
    let is_narrow = |left: &u64| *left < config.room;
    let found = [
        (free > config.free).then_some(Finding::Fragmented { free }),
        room.disk.filter(is_narrow).map(|left| Finding::Disk { left }),
        room.limit.filter(is_narrow).map(|left| Finding::Limit { left }),
    ];
    found.into_iter().flatten()
}

/// How far indexes lag when they are looked at.
fn lags(head: Commit, indexes: Vec<Derived>) -> BTreeMap<String, Lag> {
    let lag = |index: &Derived| Lag {
        before: index.seen.map(|(seen, _)| behind(head, seen)),
        after: None,
        file: index.saved.map(|saved| behind(head, saved)),
    };
    indexes.into_iter().map(|index| (index.model.clone(), lag(&index))).collect()
}

/// None where it is further, which it may be when something was committed meanwhile.
fn behind(head: Commit, seen: Commit) -> u64 {
    head.0.saturating_sub(seen.0)
}

/// What is wrong with the index of a model: by what the probe saw, how far it lags, and what it has seen and has.
fn of_index(
    probed: &Probed,
    lag: Option<u64>,
    seen: Option<(Commit, u64)>,
    config: &Config,
) -> impl Iterator<Item = Finding> {
    let model = || probed.model.clone();
    let poor = probed.recall.filter(|found| *found < f64::from(config.recall));
    let late = lag.filter(|commits| *commits > config.lag);
    // Counts of different commits say nothing.
    let (commit, stored) = probed.stored;
    let rows = seen.filter(|(seen, rows)| *seen == commit && *rows != stored);
    let differing = Some(probed.differing).filter(|searches| *searches > 0);
    let found = [
        poor.map(|found| Finding::Recall { model: model(), found }),
        late.map(|commits| Finding::Lag { model: model(), commits }),
        rows.map(|(_, indexed)| Finding::Rows { model: model(), indexed, stored }),
        differing.map(|searches| Finding::Differs { model: model(), searches }),
    ];
    found.into_iter().flatten()
}
