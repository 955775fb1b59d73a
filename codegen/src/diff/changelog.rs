//! The section of a changelog that tells users what changed, in the form of Keep a Changelog.

use std::collections::BTreeMap;

use super::kind::{Heading, Level};
use super::{Change, Diff};

const HEADINGS: [Heading; 4] = [Heading::Added, Heading::Changed, Heading::Deprecated, Heading::Removed];

/// The section, under the heading for what is not released yet; nothing if nothing changed.
pub fn section(diff: &Diff) -> String {
    if diff.crates.is_empty() {
        return String::new();
    }
    let mut out = String::from("## Unreleased\n");
    for heading in HEADINGS {
        let lines = lines(diff, heading);
        if !lines.is_empty() {
            out.push_str(&format!("\n### {}\n\n", heading.word()));
            lines.iter().for_each(|(line, crates)| out.push_str(&format!("- {}: {line}.\n", names(crates))));
        }
    }
    out
}

/// What stands under a heading, in order of appearance; what several crates share is one line.
fn lines(diff: &Diff, heading: Heading) -> Vec<(String, Vec<&str>)> {
    let mut found: Vec<(String, Vec<&str>)> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for changed in &diff.crates {
        for change in changed.changes.iter().filter(|change| change.kind.heading() == heading) {
            let line = line(change);
            match known.get(&line) {
                Some(at) => found[*at].1.push(&changed.name),
                None => {
                    known.insert(line.clone(), found.len());
                    found.push((line, vec![&changed.name]));
                }
            }
        }
    }
    found
}

/// One change; one that breaks says how.
fn line(change: &Change) -> String {
    match change.kind.level() {
        Level::Major => format!("**breaking:** {} ({})", change.line(), change.kind.reason()),
        Level::Minor | Level::Patch => change.line(),
    }
}

fn names(crates: &[&str]) -> String {
    let mut names: Vec<String> = crates.iter().map(|name| format!("`{name}`")).collect();
    names.dedup();
    names.join(", ")
}
