//! Everything that can be asked and answered, one thing at a time. The snapshots are for reading: what a field of a
//! request becomes on each wire, and what an answer is without one of its parts.

use std::collections::BTreeMap;

use typewright_tests::corpus::workspace_root;
use typewright_tests::parallel::parallel;
use typewright_tests::tour::{self, PROVIDERS, Probe, answers, requests};

/// What was told, by provider, in order.
type Told = BTreeMap<&'static str, Vec<(Probe, Vec<String>)>>;

#[test]
fn every_field_of_a_request_is_sent_warned_of_or_refused() {
    let told = told(requests::probes());
    let mut silent = Vec::new();
    for (provider, probes) in &told {
        for (probe, difference) in differences(probes) {
            if difference.is_some_and(|lines| lines.is_empty()) && !is_meant(&probe.name) {
                silent.push(format!("{provider}: {}", probe.name));
            }
        }
    }
    assert_eq!(silent, Vec::<String>::new(), "set, and neither sent nor told");
    snapshots("requests", &told);
}

/// A request that changes nothing by intent: tokens are counted of what is said, whatever is said about the answer.
fn is_meant(name: &str) -> bool {
    name.starts_with("counting: ") || requests::SAME.iter().any(|same| name.ends_with(same))
}

#[test]
fn every_part_of_an_answer_is_read() {
    snapshots("answers", &told(answers::probes(&workspace_root()).unwrap()));
}

fn told(probes: Vec<Probe>) -> Told {
    let lines = parallel(&probes, tour::tell);
    let mut told = Told::new();
    for (probe, lines) in probes.into_iter().zip(lines) {
        told.entry(probe.provider).or_default().push((probe, lines));
    }
    told
}

/// Each probe with what it changes; with nothing, if it is told in full.
fn differences(probes: &[(Probe, Vec<String>)]) -> impl Iterator<Item = (&Probe, Option<Vec<String>>)> {
    let of = |name: &String| probes.iter().find(|(probe, _)| probe.name == *name).map(|(_, lines)| lines);
    probes.iter().map(move |(probe, lines)| {
        let base = probe.base.as_ref().and_then(of);
        (probe, base.map(|base| tour::difference(base, lines)))
    })
}

/// One snapshot a provider and document. Who speaks a dialect after another one is told by what is different there.
fn snapshots(what: &str, told: &Told) {
    for (dialect, provider) in PROVIDERS {
        let first =
            PROVIDERS.iter().find(|(other, _)| *other == dialect).map(|(_, provider)| *provider).unwrap();
        let known = (first != provider).then(|| full(&told[first]));
        let (mut texts, mut same): (BTreeMap<String, String>, BTreeMap<String, String>) = Default::default();
        for (name, text) in full(&told[provider]) {
            if known.as_ref().and_then(|known| known.get(&name)) == Some(&text) {
                continue;
            }
            let (part, rest) = match name.split_once(": ") {
                Some((part, rest)) if what == "answers" || part == "counting" => (part, rest),
                _ if what == "answers" => (name.as_str(), name.as_str()),
                _ => ("", name.as_str()),
            };
            match text.as_str() {
                NO_CHANGE => *same.entry(part.to_owned()).or_default() += &format!("  {rest}\n"),
                text => *texts.entry(part.to_owned()).or_default() += &format!("{rest}{text}\n"),
            }
        }
        for (part, names) in same {
            *texts.entry(part).or_default() += &format!("no change\n{names}");
        }
        for (part, text) in texts {
            let name = [what, provider, &part].join("_").trim_end_matches('_').to_owned();
            insta::with_settings!({snapshot_path => "snapshots/tour", prepend_module_to_snapshot => false, omit_expression => true}, {
                insta::assert_snapshot!(name, text);
            });
        }
    }
}

/// The text of a probe that changes nothing.
const NO_CHANGE: &str = ": no change";

/// The text of each probe by its name: all lines, or what it changes.
fn full(probes: &[(Probe, Vec<String>)]) -> BTreeMap<String, String> {
    let text = |(probe, difference): (&Probe, Option<Vec<String>>)| {
        let lines = probes.iter().find(|(other, _)| other.name == probe.name).map(|(_, lines)| lines);
        let text = match difference {
            None => format!("\n  {}", lines.unwrap().join("\n  ")),
            Some(lines) if lines.is_empty() => NO_CHANGE.to_owned(),
            Some(lines) => format!(": {}", lines.join("; ")),
        };
        (probe.name.clone(), text)
    };
    differences(probes).map(text).collect()
}
