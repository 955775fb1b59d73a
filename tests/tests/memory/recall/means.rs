//! How well ways of finding answer questions, on average.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write};

use typewright_runtime::memory::Id;
use typewright_tests::memory::questions::{CLASSES, Class, ndcg_at, recall_at};

/// Mean recall among the first 1, 5 and 10, and nDCG among the first 10.
pub(super) type Row = [f64; 4];

/// What ways find, of questions of each class and of all: sums, and of how many.
pub(super) struct Means<W>(BTreeMap<(W, Option<Class>), (Row, f64)>);

impl<W: Copy + Ord + Debug> Means<W> {
    pub(super) fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Counts what a way has found for a question.
    pub(super) fn add(&mut self, way: W, class: Class, found: &[Id], evidence: &[Id]) {
        let recall = |first: usize| recall_at(found, evidence, first);
        let one = [recall(1), recall(5), recall(10), ndcg_at(found, evidence, 10)];
        for class in [Some(class), None] {
            let (sum, count) = self.0.entry((way, class)).or_default();
            sum.iter_mut().zip(one).for_each(|(sum, one)| *sum += one);
            *count += 1.0;
        }
    }

    /// Of questions of a class, or of all.
    pub(super) fn of(&self, way: W, class: Option<Class>) -> Row {
        let (sum, count) = self.0[&(way, class)];
        sum.map(|sum| sum / count)
    }

    pub(super) fn table(&self, ways: &[W]) -> String {
        let mut table = format!("{:<14}{:<16}{:>8}{:>8}{:>8}{:>8}\n", "", "", "R@1", "R@5", "R@10", "nDCG");
        for class in CLASSES.map(Some).into_iter().chain([None]) {
            for way in ways {
                let [one, five, ten, ndcg] = self.of(*way, class);
                let class = class.map_or("all".to_owned(), |class| format!("{class:?}"));
                let way = format!("{way:?}");
                writeln!(table, "{class:<14}{way:<16}{one:>8.3}{five:>8.3}{ten:>8.3}{ndcg:>8.3}").unwrap();
            }
        }
        table
    }
}
