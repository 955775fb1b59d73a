//! `base_model`: a model that starts from another one of the same file.

use super::fields::text;
use crate::diagnostic::{Diagnostic, Sink};
use crate::source::{Entry, Node, Value};
use std::collections::HashMap;

/// Fields that are a model's own.
const OWN: &[&str] = &["name", "id", "aliases", "display_name", "description", "base_model", "deprecated"];

/// Every entry of `models` with what it inherits, at its place; entries that are no mapping stay away.
pub(super) fn expand(models: &[Node], index: &HashMap<String, usize>, sink: &mut Sink) -> Vec<Node> {
    let mut bases: Vec<Option<usize>> = models.iter().map(|model| base_of(model, index, sink)).collect();
    cut_cycles(models, &mut bases, sink);
    let mut done: Vec<Option<Node>> = vec![None; models.len()];
    for start in 0..models.len() {
        // From the entry up to the first that is done, then back down.
        let mut chain = vec![start];
        while let Some(base) = chain.last().and_then(|at| bases[*at]).filter(|base| done[*base].is_none()) {
            chain.push(base);
        }
        for at in chain.into_iter().rev() {
            let base = bases[at].and_then(|base| done[base].as_ref());
            done[at] = Some(base.map_or_else(|| models[at].clone(), |base| inherited(base, &models[at])));
        }
    }
    done.into_iter().flatten().filter(|model| model.as_map().is_some()).collect()
}

fn base_of(model: &Node, index: &HashMap<String, usize>, sink: &mut Sink) -> Option<usize> {
    let (name, span) = text(model, "base_model")?;
    let found = index.get(name).copied();
    if found.is_none() {
        let problem = Diagnostic::error("TW0221", span, format!("there is no model `{name}` in this file"))
            .label("not found");
        sink.push(Diagnostic { help: meant(name, index), ..problem });
    }
    found
}

/// "did you mean", for the name of a model.
pub(super) fn meant(name: &str, index: &HashMap<String, usize>) -> Option<String> {
    // Only a catalog made to be hostile has more, and comparing costs time.
    let known: Vec<&str> = index.keys().map(String::as_str).take(10_000).collect();
    crate::diagnostic::closest(name, &known).map(|best| format!("did you mean `{best}`?"))
}

/// Reports every cycle once, and opens it.
fn cut_cycles(models: &[Node], bases: &mut [Option<usize>], sink: &mut Sink) {
    // The walk that reached a model; two walks that meet are no cycle.
    let mut reached = vec![usize::MAX; bases.len()];
    for start in 0..bases.len() {
        let mut at = start;
        while reached[at] == usize::MAX {
            reached[at] = start;
            match bases[at] {
                Some(base) => at = base,
                None => break,
            }
        }
        if reached[at] == start && bases[at].is_some() {
            let chain = cycle(at, bases);
            report_cycle(models, &chain, sink);
            bases[at] = None;
        }
    }
}

fn cycle(at: usize, bases: &[Option<usize>]) -> Vec<usize> {
    let mut chain = vec![at];
    let mut next = bases[at];
    while let Some(base) = next.filter(|base| *base != at) {
        chain.push(base);
        next = bases[base];
    }
    chain
}

fn report_cycle(models: &[Node], chain: &[usize], sink: &mut Sink) {
    let mut places = chain.iter().filter_map(|at| text(&models[*at], "base_model"));
    let Some((_, span)) = places.next() else { return };
    let problem = Diagnostic::error("TW0222", span, "a model cannot inherit from itself")
        .label("comes back to this model");
    sink.push(
        places
            .take(8)
            .fold(problem, |problem, (name, span)| problem.related(span, format!("by way of `{name}`"))),
    );
}

/// `model` over `base`. Mappings are merged, null deletes.
fn inherited(base: &Node, model: &Node) -> Node {
    let (Value::Map(base), Value::Map(own)) = (&base.value, &model.value) else { return model.clone() };
    let mut entries: Vec<Entry> =
        base.iter().filter(|entry| !OWN.contains(&entry.key.as_str())).cloned().collect();
    overlay(&mut entries, own);
    Node { value: Value::Map(entries), span: model.span }
}

fn overlay(entries: &mut Vec<Entry>, own: &[Entry]) {
    let places: HashMap<String, usize> =
        entries.iter().enumerate().map(|(at, entry)| (entry.key.clone(), at)).collect();
    for entry in own {
        let Some(at) = places.get(&entry.key) else {
            entries.push(entry.clone());
            continue;
        };
        let place = &mut entries[*at];
        match (&mut place.value.value, &entry.value.value) {
            (Value::Map(below), Value::Map(above)) => overlay(below, above),
            _ => *place = entry.clone(),
        }
    }
    entries.retain(|entry| entry.value.value != Value::Null);
}
