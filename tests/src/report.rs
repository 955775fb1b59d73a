//! What a conformance run found, for machines and for people. Runs nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

/// How a case came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As expected.
    Passed,
    /// Not as expected, because the recording is at fault.
    Known(String),
    /// Not as expected.
    Failed(Vec<String>),
    /// The corpus says that it cannot be graded.
    Skipped,
}

/// A graded case.
#[derive(Debug, Clone)]
pub struct Graded {
    /// `dialect/provider/slug`.
    pub case: String,
    /// What it shows.
    pub features: Vec<String>,
    /// How it came out.
    pub verdict: Verdict,
    /// Fields that were dropped because the client does not offer them.
    pub dropped: BTreeMap<String, usize>,
    /// Whether its request was compared as well.
    pub encoded: bool,
}

/// A whole run.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Whether there was a corpus.
    pub present: bool,
    /// Graded cases in order of name.
    pub cases: Vec<Graded>,
    /// Cases that no client is held to yet, by what is not built.
    pub out_of_scope: BTreeMap<String, usize>,
    /// Things that went wrong with the run itself.
    pub problems: Vec<String>,
}

impl Report {
    /// Whether everything is as it should be.
    pub fn good(&self) -> bool {
        self.problems.is_empty() && self.failed().next().is_none()
    }

    /// The failed cases with what is wrong.
    pub fn failed(&self) -> impl Iterator<Item = (&Graded, &[String])> {
        self.cases.iter().filter_map(|case| match &case.verdict {
            Verdict::Failed(why) => Some((case, why.as_slice())),
            _ => None,
        })
    }

    /// One JSON object.
    pub fn to_json(&self) -> Value {
        let known = self.cases.iter().filter_map(|case| match &case.verdict {
            Verdict::Known(reason) => Some(json!({"case": case.case, "reason": reason})),
            _ => None,
        });
        let failed = self.failed().map(|(case, why)| json!({"case": case.case, "why": why.join("; ")}));
        let features = self.features().into_iter();
        let features =
            features.map(|(name, (passed, total))| (name, json!({"passed": passed, "total": total})));
        json!({
            "cases": self.cases.len(),
            "passed": self.count(&Verdict::Passed),
            "known": known.collect::<Vec<_>>(),
            "failed": failed.collect::<Vec<_>>(),
            "skipped": self.count(&Verdict::Skipped),
            "out_of_scope": self.out_of_scope,
            "features": features.collect::<serde_json::Map<_, _>>(),
            "requests": self.cases.iter().filter(|case| case.encoded).count(),
            "dropped": self.dropped(),
            "problems": self.problems,
        })
    }

    /// A table a provider, then every failure.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        if !self.present {
            out.push_str("corpus absent, 0 cases\n");
        }
        if !self.cases.is_empty() {
            self.table(&mut out);
        }
        for (case, why) in self.failed() {
            let _ = writeln!(out, "\nFAILED {}", case.case);
            for line in why {
                let _ = writeln!(out, "  {line}");
            }
        }
        for problem in &self.problems {
            let _ = writeln!(out, "\nerror: {problem}");
        }
        out
    }

    fn table(&self, out: &mut String) {
        let mut rows: BTreeMap<&str, [usize; 5]> = BTreeMap::new();
        for case in &self.cases {
            let wire = case.case.rsplit_once('/').map_or(case.case.as_str(), |(wire, _)| wire);
            let row = rows.entry(wire).or_default();
            row[0] += 1;
            row[match case.verdict {
                Verdict::Passed => 1,
                Verdict::Known(_) => 2,
                Verdict::Failed(_) => 3,
                Verdict::Skipped => 4,
            }] += 1;
        }
        let _ = writeln!(
            out,
            "{:<34}{:>7}{:>8}{:>7}{:>8}{:>9}",
            "", "cases", "passed", "known", "failed", "skipped"
        );
        let mut sum = [0; 5];
        for (wire, row) in rows {
            line(out, wire, row);
            sum.iter_mut().zip(row).for_each(|(sum, n)| *sum += n);
        }
        line(out, "all", sum);
        let encoded = self.cases.iter().filter(|case| case.encoded).count();
        let _ = writeln!(out, "requests compared: {encoded}");
        self.counts(out, "fields not offered", &self.dropped());
        self.counts(out, "out of scope", &self.out_of_scope);
    }

    fn counts(&self, out: &mut String, title: &str, counts: &BTreeMap<String, usize>) {
        if !counts.is_empty() {
            let counts: Vec<String> = counts.iter().map(|(name, n)| format!("{name} {n}")).collect();
            let _ = writeln!(out, "{title}: {}", counts.join(", "));
        }
    }

    fn count(&self, verdict: &Verdict) -> usize {
        self.cases.iter().filter(|case| case.verdict == *verdict).count()
    }

    fn dropped(&self) -> BTreeMap<String, usize> {
        let mut sum = BTreeMap::new();
        for (name, n) in self.cases.iter().flat_map(|case| &case.dropped) {
            *sum.entry(name.clone()).or_default() += n;
        }
        sum
    }

    fn features(&self) -> BTreeMap<String, (usize, usize)> {
        let mut features: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for case in &self.cases {
            for feature in &case.features {
                let count = features.entry(feature.clone()).or_default();
                count.0 += usize::from(case.verdict == Verdict::Passed);
                count.1 += 1;
            }
        }
        features
    }
}

fn line(out: &mut String, name: &str, [cases, passed, known, failed, skipped]: [usize; 5]) {
    let _ = writeln!(out, "{name:<34}{cases:>7}{passed:>8}{known:>7}{failed:>8}{skipped:>9}");
}
