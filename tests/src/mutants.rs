//! Whether exchanges notice wires that are wrong in one place. The mutants are the compiler's
//! ([`typewright_codegen::mutate`]); here a program that was built with all of them runs recorded exchanges through each.
//!
//! A mutant is caught when an exchange that the right wire passes does not pass any more. Exchanges that pass no choice
//! of a mutant cannot notice it and are not run.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::corpus::{self, Case, Corpus, CorpusError};
use crate::openapi::Schemas;
use crate::{compare, exchange, known, scope};

/// How a program is told which mutant to be.
#[derive(Debug, Clone, Copy)]
pub struct Switch {
    /// Runs this mutant on this thread; 0 is none.
    pub choose: fn(usize),
    /// The choices that this thread has passed since it was last asked.
    pub passed: fn() -> Vec<usize>,
}

/// A mutant of the plan.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Mutant {
    /// Its number.
    pub id: usize,
    /// What it changes.
    pub name: String,
    /// What kind of change it is.
    pub operator: String,
    /// Where that stands.
    pub place: String,
    /// Who has it.
    pub providers: Vec<String>,
    /// The choices at which it is made.
    pub sites: BTreeSet<usize>,
}

/// Exchanges that are tried, by name: those that are committed, and the recorded ones.
pub struct Suite {
    /// `samples` or `corpus`.
    pub name: &'static str,
    cases: Vec<Case>,
    schemas: Schemas,
}

/// An exchange that the right wire passes, with the choices on its way.
struct Witness<'a> {
    suite: &'a Suite,
    case: &'a Case,
    passed: BTreeSet<usize>,
}

/// What became of the mutants.
#[derive(Debug)]
pub struct Score {
    /// Each mutant with the suite and the exchange that caught it.
    pub mutants: Vec<(Mutant, Option<(&'static str, String)>)>,
    /// Those that no test can catch, with the reason.
    pub equivalents: BTreeMap<String, String>,
    /// How many exchanges were tried.
    pub exchanges: usize,
}

impl Suite {
    /// The committed exchanges of the repository at `root`.
    pub fn samples(root: &Path) -> Result<Self, CorpusError> {
        Self::of("samples", &corpus::open(root.join("tests/samples"), true)?)
    }

    /// The recorded exchanges in the folder `corpus`.
    pub fn corpus(corpus: &Path) -> Result<Self, CorpusError> {
        Self::of("corpus", &corpus::open(corpus.to_owned(), true)?)
    }

    fn of(name: &'static str, corpus: &Corpus) -> Result<Self, CorpusError> {
        let mut cases = Vec::new();
        for name in &corpus.names {
            let case = corpus.case(name)?;
            let is_inside = scope::outside(&case.dialect, &case.provider, case.operation()).is_none();
            if is_inside && compare::gradable(&case.expected) && known::of(&case.name).next().is_none() {
                cases.push(case);
            }
        }
        // Short ones first: most mutants are caught by the first exchange that passes them.
        cases.sort_by_key(|case| case.body.len());
        Ok(Self { name, cases, schemas: Schemas::load(&corpus.root).unwrap_or_default() })
    }
}

/// Tries every mutant until something catches it; suites in their order.
pub fn run(mutants: Vec<Mutant>, suites: &[Suite], switch: Switch) -> Score {
    // A mutant that panics is caught; what it says is of no use.
    panic::set_hook(Box::new(|_| {}));
    let cases: Vec<(&Suite, &Case)> =
        suites.iter().flat_map(|suite| suite.cases.iter().map(move |case| (suite, case))).collect();
    let witnesses = parallel(&cases, |(suite, case)| witness(suite, case, switch));
    let witnesses: Vec<Witness<'_>> = witnesses.into_iter().flatten().collect();
    let caught = parallel(&mutants, |mutant| catcher(mutant, &witnesses, switch));
    let _ = panic::take_hook();
    let mutants = mutants.into_iter().zip(caught).collect();
    Score { mutants, equivalents: BTreeMap::new(), exchanges: witnesses.len() }
}

fn witness<'a>(suite: &'a Suite, case: &'a Case, switch: Switch) -> Option<Witness<'a>> {
    (switch.choose)(0);
    (switch.passed)();
    let is_sound = is_passed(suite, case);
    let passed = (switch.passed)().into_iter().collect();
    is_sound.then_some(Witness { suite, case, passed })
}

fn catcher(mutant: &Mutant, witnesses: &[Witness<'_>], switch: Switch) -> Option<(&'static str, String)> {
    let able = witnesses.iter().filter(|witness| !witness.passed.is_disjoint(&mutant.sites));
    (switch.choose)(mutant.id);
    let caught = able.into_iter().find(|witness| !is_passed(witness.suite, witness.case));
    (switch.choose)(0);
    caught.map(|witness| (witness.suite.name, witness.case.name.clone()))
}

fn is_passed(suite: &Suite, case: &Case) -> bool {
    let pass = || exchange::answer_whole(case).is_empty() && exchange::request(case, &suite.schemas).differences.is_empty();
    panic::catch_unwind(AssertUnwindSafe(pass)).unwrap_or(false)
}

/// The results in the order of `items`, made on all threads.
fn parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(items.len())));
    let run = || {
        while let (at, Some(item)) = { let at = next.fetch_add(1, Ordering::Relaxed); (at, items.get(at)) } {
            let result = work(item);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(run))));
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

impl Score {
    /// Mutants that count: all but the equivalent ones.
    fn counted(&self) -> impl Iterator<Item = &(Mutant, Option<(&'static str, String)>)> {
        self.mutants.iter().filter(|(mutant, _)| !self.equivalents.contains_key(&mutant.name))
    }

    /// The share that is caught, by these suites.
    pub fn share(&self, suites: &[&str]) -> f64 {
        let total = self.counted().count().max(1);
        let is_caught = |caught: &Option<(&'static str, String)>| {
            caught.as_ref().is_some_and(|(suite, _)| suites.contains(suite))
        };
        let caught = self.counted().filter(|(_, caught)| is_caught(caught)).count();
        to_f64(caught) / to_f64(total)
    }

    /// Mutants that nothing caught.
    pub fn survivors(&self) -> impl Iterator<Item = &Mutant> {
        self.counted().filter(|(_, caught)| caught.is_none()).map(|(mutant, _)| mutant)
    }

    /// Mutants that are said to be equivalent, and were caught all the same.
    pub fn mistaken(&self) -> impl Iterator<Item = &Mutant> {
        let listed = self.mutants.iter().filter(|(mutant, _)| self.equivalents.contains_key(&mutant.name));
        listed.filter(|(_, caught)| caught.is_some()).map(|(mutant, _)| mutant)
    }

    /// How many of the drawn mutants are equivalent.
    pub fn equivalent(&self) -> usize {
        self.mutants.len() - self.counted().count()
    }

    /// One JSON object.
    pub fn to_json(&self) -> Value {
        let mut operators: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (mutant, caught) in self.counted() {
            let (all, found) = operators.entry(&mutant.operator).or_default();
            *all += 1;
            *found += usize::from(caught.is_some());
        }
        let operators = operators
            .into_iter()
            .map(|(name, (all, caught))| (name.to_owned(), json!({"mutants": all, "caught": caught})));
        let survivors = self.survivors().map(|mutant| {
            json!({"name": mutant.name, "place": mutant.place, "providers": mutant.providers})
        });
        json!({
            "mutants": self.mutants.len(),
            "equivalent": self.equivalent(),
            "exchanges": self.exchanges,
            "score": self.share(&["samples", "corpus"]),
            "score_without_corpus": self.share(&["samples"]),
            "operators": operators.collect::<serde_json::Map<_, _>>(),
            "survivors": survivors.collect::<Vec<_>>(),
            "mistaken": self.mistaken().map(|mutant| mutant.name.as_str()).collect::<Vec<_>>(),
        })
    }
}

fn to_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
