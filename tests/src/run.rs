//! A conformance run: picks the cases, grades them in parallel, holds the result against the committed baseline.
//! How one case is graded is [`crate::exchange`]'s and [`crate::splits`]' business.

use std::path::PathBuf;

use crate::corpus::{self, Case, Corpus, CorpusError};
use crate::openapi::Schemas;
use crate::parallel::parallel;
use crate::report::{Graded, Report, Verdict};
use crate::{compare, exchange, known, scope, splits};

/// What to run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The folder that contains `fixtures/`.
    pub corpus: Option<PathBuf>,
    /// Only cases of this provider.
    pub provider: Option<String>,
    /// Only cases of this dialect.
    pub dialect: Option<String>,
    /// Cut every stream at every byte, and feed the whole rest each time.
    pub exhaustive: bool,
}

/// Corpora that are known, by the fingerprint of their index, and how many cases in scope each has.
const BASELINES: &[(u64, usize)] = &[(0xc581_cec5_14b5_2a29, 192)];

/// Runs the recorded exchanges, or nothing if there is no corpus and nobody named one.
pub fn run(options: &Options) -> Result<Report, CorpusError> {
    match corpus::locate(options.corpus.as_deref())? {
        Some(corpus) => over(&corpus, options),
        None => Ok(Report::default()),
    }
}

/// Runs the exchanges of `corpus`.
pub fn over(corpus: &Corpus, options: &Options) -> Result<Report, CorpusError> {
    let mut report = Report { present: true, ..Report::default() };
    let mut cases = Vec::new();
    for name in corpus.names.iter().filter(|name| chosen(name, options)) {
        let case = corpus.case(name)?;
        match scope::outside(&case.dialect, &case.provider, case.operation()) {
            Some(why) => *report.out_of_scope.entry(why).or_default() += 1,
            None => cases.push(case),
        }
    }
    let schemas = Schemas::load(&corpus.root).unwrap_or_else(|problem| {
        report.problems.push(problem);
        Schemas::default()
    });
    report.cases = grade_all(&cases, &schemas, options.exhaustive);
    report.problems.extend(baseline(corpus, options, cases.len()));
    Ok(report)
}

fn chosen(name: &str, options: &Options) -> bool {
    let mut words = name.split('/');
    let (dialect, provider) = (words.next(), words.next());
    options.dialect.as_deref().is_none_or(|chosen| Some(chosen) == dialect)
        && options.provider.as_deref().is_none_or(|chosen| Some(chosen) == provider)
}

/// A known corpus must not shrink; a corpus that nobody knows must have something in scope.
fn baseline(corpus: &Corpus, options: &Options, cases: usize) -> Option<String> {
    if options.provider.is_some() || options.dialect.is_some() {
        return None;
    }
    let print = corpus.fingerprint();
    let known = BASELINES.iter().find(|(baseline, _)| Some(*baseline) == print).map(|(_, cases)| *cases);
    // The corpus at the default place is the one that the baseline was taken from.
    let least =
        known.or_else(|| BASELINES.first().filter(|_| !corpus.named).map(|(_, cases)| *cases)).unwrap_or(1);
    (cases < least).then(|| format!("{cases} cases in scope, the baseline is {least}"))
}

fn grade_all(cases: &[Case], schemas: &Schemas, exhaustive: bool) -> Vec<Graded> {
    let mut graded = parallel(cases, |case| grade(case, schemas, exhaustive));
    graded.sort_by(|a, b| a.case.cmp(&b.case));
    graded
}

fn grade(case: &Case, schemas: &Schemas, exhaustive: bool) -> Graded {
    let mut graded = Graded {
        case: case.name.clone(),
        features: case.meta.features.clone(),
        verdict: Verdict::Skipped,
        dropped: Default::default(),
        encoded: false,
    };
    if !compare::gradable(&case.expected) {
        return graded;
    }
    let mut why = exchange::answer(case);
    why.extend(splits::check(case, exhaustive));
    let request = exchange::request(case, schemas);
    graded.encoded = request.compared;
    graded.dropped = request.dropped;
    why.extend(request.differences);
    graded.verdict = verdict(case, why);
    graded
}

/// Differences that a defect of the recording explains are known; a defect that no longer shows is a failure.
fn verdict(case: &Case, mut why: Vec<String>) -> Verdict {
    let defects: Vec<_> = known::of(&case.name).collect();
    for defect in &defects {
        let before = why.len();
        why.retain(|line| !line.starts_with(defect.field));
        if why.len() == before {
            why.push(format!("listed as known, but `{}` is as expected now", defect.field));
        }
    }
    match (why.is_empty(), defects.first()) {
        (false, _) => Verdict::Failed(why),
        (true, Some(defect)) => Verdict::Known(defect.reason.to_owned()),
        (true, None) => Verdict::Passed,
    }
}
