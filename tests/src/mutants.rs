//! Whether exchanges notice wires that are wrong in one place. The mutants are the compiler's
//! ([`typewright_codegen::mutate`]); here a program that was built with all of them runs recorded exchanges through each.
//!
//! A mutant is caught when an exchange that the right wire passes does not pass any more. Exchanges that pass no choice
//! of a mutant cannot notice it and are not run.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::corpus::{self, Case, Corpus, CorpusError};
use crate::openapi::Schemas;
use crate::parallel::parallel;
use crate::tour::answers::Unusable;
use crate::tour::{self, Probe};
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

/// One thing that tests try: what it finds is the same each time, as long as the wire is.
struct Trial {
    suite: &'static str,
    name: String,
    run: Box<dyn Fn() -> Vec<String> + Send + Sync>,
}

/// A trial with what it finds in the right wire, and the choices on its way.
struct Witness<'a> {
    trial: &'a Trial,
    found: Vec<String>,
    passed: BTreeSet<usize>,
}

/// The trials of one kind of test.
pub struct Suite(Vec<Trial>);

/// What became of the mutants.
#[derive(Debug)]
pub struct Score {
    /// Each mutant with the suite and the exchange that caught it.
    pub mutants: Vec<(Mutant, Option<(&'static str, String)>)>,
    /// Those that no test can catch, with the reason.
    pub equivalents: BTreeMap<String, String>,
    /// How many trials there were.
    pub trials: usize,
    /// Trials that found something else when they were run once more without a mutant: what they caught says nothing.
    pub wavering: Vec<String>,
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

    /// Everything that can be asked and answered, as far as the tests look at it.
    pub fn tours(root: &Path) -> Result<Self, Unusable> {
        let mut probes = tour::requests::probes();
        probes.extend(tour::answers::probes(root)?);
        let is_base = |probe: &&Probe| probe.base.is_none();
        let key = |probe: &Probe, name: &str| (probe.provider, name.to_owned());
        let bases: BTreeMap<_, _> =
            probes.iter().filter(is_base).map(|probe| (key(probe, &probe.name), tour::tell(probe))).collect();
        let named: BTreeMap<_, _> =
            probes.iter().map(|probe| (key(probe, &probe.name), probe.clone())).collect();
        let trial = |probe: &Probe| {
            let base = probe.base.as_ref().map(|base| {
                let key = key(probe, base);
                bases
                    .get(&key)
                    .cloned()
                    .unwrap_or_else(|| named.get(&key).map(tour::tell).unwrap_or_default())
            });
            let (name, probe) = (format!("{}: {}", probe.provider, probe.name), probe.clone());
            let run = move || {
                let told = tour::tell(&probe);
                base.as_ref().map_or_else(|| told.clone(), |base| tour::difference(base, &told))
            };
            Trial { suite: "tours", name, run: Box::new(run) }
        };
        Ok(Self(probes.iter().map(trial).collect()))
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
        let schemas = Arc::new(Schemas::load(&corpus.root).unwrap_or_default());
        let trial = |case: Case| {
            let schemas = Arc::clone(&schemas);
            let name_of_case = case.name.clone();
            let run = move || {
                let mut found = exchange::answer_whole(&case);
                found.extend(exchange::request(&case, &schemas).differences);
                found
            };
            Trial { suite: name, name: name_of_case, run: Box::new(run) }
        };
        Ok(Self(cases.into_iter().map(trial).collect()))
    }
}

/// Tries every mutant until something catches it; suites in their order.
pub fn run(mutants: Vec<Mutant>, suites: &[Suite], switch: Switch) -> Score {
    // A mutant that panics is caught; what it says is of no use.
    panic::set_hook(Box::new(|_| {}));
    let trials: Vec<&Trial> = suites.iter().flat_map(|suite| &suite.0).collect();
    let witnesses = parallel(&trials, |trial| witness(trial, switch));
    let caught = parallel(&mutants, |mutant| catcher(mutant, &witnesses, switch));
    let again = parallel(&witnesses, |witness| wavers(witness, switch));
    let _ = panic::take_hook();
    let mutants = mutants.into_iter().zip(caught).collect();
    let wavering = again.into_iter().flatten().collect();
    Score { mutants, equivalents: BTreeMap::new(), trials: witnesses.len(), wavering }
}

/// The name of a trial that does not find the same again.
fn wavers(witness: &Witness<'_>, switch: Switch) -> Option<String> {
    (switch.choose)(0);
    ((witness.trial.run)() != witness.found).then(|| witness.trial.name.clone())
}

fn witness<'a>(trial: &'a Trial, switch: Switch) -> Witness<'a> {
    (switch.choose)(0);
    (switch.passed)();
    let found = (trial.run)();
    Witness { trial, found, passed: (switch.passed)().into_iter().collect() }
}

fn catcher(mutant: &Mutant, witnesses: &[Witness<'_>], switch: Switch) -> Option<(&'static str, String)> {
    let mut able = witnesses.iter().filter(|witness| !witness.passed.is_disjoint(&mutant.sites));
    (switch.choose)(mutant.id);
    let differs = |witness: &Witness<'_>| {
        let found = panic::catch_unwind(AssertUnwindSafe(|| (witness.trial.run)()));
        found.map_or(true, |found| found != witness.found)
    };
    // Twice: a machine that is too busy to answer in time has caught nothing.
    let caught = able.find(|witness| differs(witness) && differs(witness));
    (switch.choose)(0);
    caught.map(|witness| (witness.trial.suite, witness.trial.name.clone()))
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
        let survivors = self
            .survivors()
            .map(|mutant| json!({"name": mutant.name, "place": mutant.place, "providers": mutant.providers}));
        json!({
            "mutants": self.mutants.len(),
            "equivalent": self.equivalent(),
            "trials": self.trials,
            "score": self.share(&["samples", "tours", "corpus"]),
            "score_without_corpus": self.share(&["samples", "tours"]),
            "operators": operators.collect::<serde_json::Map<_, _>>(),
            "survivors": survivors.collect::<Vec<_>>(),
            "wavering": self.wavering,
            "mistaken": self.mistaken().map(|mutant| mutant.name.as_str()).collect::<Vec<_>>(),
        })
    }
}

fn to_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
