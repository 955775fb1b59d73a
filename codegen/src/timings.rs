//! Where the time of a run goes: one lap for each stage of each provider, from whatever thread it ran on.
//!
//! Nothing is measured unless somebody asks: [`measure`] without timings calls its work and that is all. What laps look
//! like on a page is the business of [`html`].

mod html;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use html::page;

/// The laps of a run.
#[derive(Debug)]
pub struct Timings {
    start: Instant,
    laps: Mutex<Vec<Lap>>,
    /// How many allocations the current thread has made so far.
    allocations: fn() -> u64,
}

/// One stage of one provider, or of the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lap {
    /// The stage, by the name of its module.
    pub stage: &'static str,
    /// The provider or file; empty for all of them.
    pub subject: String,
    /// When it began, since the start of the run.
    pub start: Duration,
    /// How long it took. What it called is counted in.
    pub took: Duration,
    /// Bytes that it read or made.
    pub bytes: u64,
    /// Allocations of its thread.
    pub allocations: u64,
    /// The thread, numbered as they turned up.
    pub thread: u32,
}

/// One stage, all its laps together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Total {
    /// How many laps.
    pub laps: usize,
    /// How long, summed over threads.
    pub took: Duration,
    /// Bytes read or made.
    pub bytes: u64,
    /// Allocations.
    pub allocations: u64,
}

impl Timings {
    /// Begins now. `allocations` tells how many allocations the thread that asks has made so far.
    pub fn new(allocations: fn() -> u64) -> Self {
        Self { start: Instant::now(), laps: Mutex::default(), allocations }
    }

    /// The laps so far, by their beginning.
    pub fn laps(&self) -> Vec<Lap> {
        let mut laps = self.laps.lock().unwrap_or_else(PoisonError::into_inner).clone();
        laps.sort_by_key(|lap| (lap.start, lap.thread));
        laps
    }

    /// Each stage in sum, in the order in which they began.
    pub fn totals(&self) -> Vec<(&'static str, Total)> {
        let laps = self.laps();
        let mut order: Vec<&'static str> = Vec::new();
        let mut totals: BTreeMap<&'static str, Total> = BTreeMap::new();
        for lap in &laps {
            if !order.contains(&lap.stage) {
                order.push(lap.stage);
            }
            let total = totals.entry(lap.stage).or_default();
            total.laps += 1;
            total.took += lap.took;
            total.bytes += lap.bytes;
            total.allocations += lap.allocations;
        }
        order.into_iter().filter_map(|stage| Some((stage, totals.get(stage).copied()?))).collect()
    }

    /// How long the run has taken so far.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn add(&self, lap: Lap) {
        self.laps.lock().unwrap_or_else(PoisonError::into_inner).push(lap);
    }
}

/// Does `work`, and notes how long it took, if there is something to note it in. `bytes` counts what came of it.
pub fn measure<T>(
    timings: Option<&Timings>,
    stage: &'static str,
    subject: &str,
    bytes: impl FnOnce(&T) -> usize,
    work: impl FnOnce() -> T,
) -> T {
    let Some(timings) = timings else { return work() };
    let (start, before) = (timings.start.elapsed(), (timings.allocations)());
    let made = work();
    let took = timings.start.elapsed().saturating_sub(start);
    let allocations = (timings.allocations)().saturating_sub(before);
    let bytes = bytes(&made) as u64;
    let (subject, thread) = (subject.to_owned(), thread());
    timings.add(Lap { stage, subject, start, took, bytes, allocations, thread });
    made
}

/// The number of this thread.
fn thread() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    thread_local! {
        static NUMBER: Cell<Option<u32>> = const { Cell::new(None) };
    }
    NUMBER.with(|number| {
        let known = number.get().unwrap_or_else(|| NEXT.fetch_add(1, Ordering::Relaxed));
        number.set(Some(known));
        known
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laps_are_summed_by_stage_in_the_order_of_their_beginning() {
        let timings = Timings::new(|| 0);
        for stage in ["parse", "emit", "parse"] {
            measure(Some(&timings), stage, "acme", |_| 3, || ());
        }
        let totals = timings.totals();
        assert_eq!(totals.iter().map(|(stage, _)| *stage).collect::<Vec<_>>(), ["parse", "emit"]);
        assert_eq!((totals[0].1.laps, totals[0].1.bytes), (2, 6));
    }

    #[test]
    fn nothing_is_noted_where_nobody_asks() {
        assert_eq!(measure(None, "parse", "", |_| 0, || 7), 7);
    }
}
