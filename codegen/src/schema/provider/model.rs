//! Model entries become models.

use super::fields::{Text, count, flag, owned, text, texts};
use super::{capability, form, inherit, local, price};
use crate::diagnostic::{Diagnostic, Sink};
use crate::ir::provider::{Deprecation, Model, ModelKind, Prices, Transport};
use crate::names::{self, Planned};
use crate::source::{Node, Span};
use std::collections::HashMap;

/// All models of a provider, in the order of the file. `priced` is false where prices are in a currency that costs are
/// not counted in.
pub(super) fn read(provider: &Node, priced: bool, transport: Transport, sink: &mut Sink) -> Vec<Model> {
    let entries = provider.get("models").and_then(Node::as_seq).unwrap_or_default();
    let index = index(entries, sink);
    let expanded = inherit::expand(entries, &index, sink);
    let names: Vec<&str> =
        expanded.iter().map(|node| text(node, "name").map_or("", |(name, _)| name)).collect();
    let planned = names::plan(&names);
    let models = expanded.iter().zip(planned).filter(|(node, _)| text(node, "name").is_some());
    let read = |(node, names): (&Node, Planned)| Model {
        source: local::source(node, transport, sink),
        ..model(node, names, priced, &index, sink)
    };
    models.map(read).collect()
}

/// Every word that names a model, and which; reports those that name two.
fn index(entries: &[Node], sink: &mut Sink) -> HashMap<String, usize> {
    let mut owners: HashMap<String, (usize, Span)> = HashMap::new();
    for (at, entry) in entries.iter().enumerate() {
        let own: Vec<Text> = ["name", "id"].iter().filter_map(|key| text(entry, key)).collect();
        for (name, span) in own.iter().copied().chain(texts(entry, "aliases")) {
            match owners.get(name) {
                // An id that repeats the name says nothing wrong.
                Some((owner, first))
                    if *owner == at
                        && own.iter().any(|(_, s)| *s == span)
                        && own.iter().any(|(_, s)| s == first) => {}
                Some((_, first)) => sink.push(duplicate(name, span, *first)),
                None => drop(owners.insert(name.to_owned(), (at, span))),
            }
        }
    }
    owners.into_iter().map(|(name, (at, _))| (name, at)).collect()
}

fn duplicate(name: &str, span: Span, first: Span) -> Diagnostic {
    Diagnostic::error("TW0220", span, format!("two models are called `{name}`"))
        .label("the second one")
        .related(first, "the first one")
        .note("names, ids and aliases are looked up together")
}

fn model(
    node: &Node,
    names: Planned,
    priced: bool,
    index: &HashMap<String, usize>,
    sink: &mut Sink,
) -> Model {
    let (name, span) = text(node, "name").unwrap_or(("", node.span));
    let id = owned(node, "id").unwrap_or_else(|| name.to_owned());
    let prices = price::prices(node, sink);
    let tiers = price::tiers(node, &prices, sink);
    let (prices, tiers) = if priced { (prices, tiers) } else { (Prices::default(), Vec::new()) };
    let mut model = Model {
        type_name: names.type_name,
        const_name: names.const_name,
        display_name: owned(node, "display_name").unwrap_or_else(|| name.to_owned()),
        description: owned(node, "description"),
        aliases: aliases(node, name, &id),
        id,
        family: owned(node, "family"),
        kind: kind(node),
        context_window: count(node, "context_window", sink),
        max_input_tokens: count(node, "max_input_tokens", sink),
        max_output_tokens: count(node, "max_output_tokens", sink),
        capabilities: Vec::new(),
        reasoning_efforts: texts(node, "reasoning_efforts")
            .into_iter()
            .map(|(level, _)| level.to_owned())
            .collect(),
        reasoning_budget: budget(node, sink),
        input_modalities: Vec::new(),
        output_modalities: Vec::new(),
        dimensions: count(node, "dimensions", sink),
        prices,
        tiers,
        knowledge: dated(node, "knowledge", sink),
        released: dated(node, "released", sink),
        deprecation: deprecation(node, index, sink),
        source: None,
        span,
    };
    limits(node, &model, sink);
    not_generated(node, sink);
    capability::derive(node, &mut model, sink);
    model
}

/// The aliases, and the name where that is not the id.
fn aliases(node: &Node, name: &str, id: &str) -> Vec<String> {
    let named = Some(name).filter(|name| *name != id);
    named
        .into_iter()
        .chain(texts(node, "aliases").into_iter().map(|(alias, _)| alias))
        .map(str::to_owned)
        .collect()
}

fn kind(node: &Node) -> ModelKind {
    match text(node, "kind").map_or("chat", |(kind, _)| kind) {
        "chat" => ModelKind::Chat,
        "embedding" => ModelKind::Embedding,
        _ => ModelKind::Other,
    }
}

fn budget(node: &Node, sink: &mut Sink) -> Option<(u64, Option<u64>)> {
    let budget = node.get("reasoning_budget").filter(|budget| budget.as_map().is_some())?;
    let zero = |key: &str| matches!(super::fields::number(budget, key), Some(("0", _)));
    let min = if zero("min") { 0 } else { count(budget, "min", sink).unwrap_or(0) };
    let max = count(budget, "max", sink);
    if let (Some(max), Some(at)) = (max, budget.get("max"))
        && max < min
    {
        sink.push(beyond(at.span, format!("`max` is less than `min`, which is {min}")));
    }
    Some((min, max))
}

/// No part is larger than the whole.
fn limits(node: &Node, model: &Model, sink: &mut Sink) {
    let Some(window) = model.context_window else { return };
    for (key, part) in
        [("max_input_tokens", model.max_input_tokens), ("max_output_tokens", model.max_output_tokens)]
    {
        let (Some(part), Some(at)) = (part, node.get(key)) else { continue };
        if part > window {
            let whole = node.get("context_window").map_or(at.span, |window| window.span);
            sink.push(
                beyond(at.span, format!("`{key}` is {part}, and the whole window is {window}"))
                    .related(whole, "the whole window"),
            );
        }
    }
}

/// A model's own wire is checked by nobody yet, and said so.
fn not_generated(node: &Node, sink: &mut Sink) {
    if let Some(entry) = node.entry("wire").filter(|entry| entry.value.as_map().is_some()) {
        let problem = Diagnostic::warning(
            "TW0232",
            entry.key_span,
            "nothing is generated from the `wire` of a model yet",
        );
        sink.push(problem.help("say it in the `wire` of the provider, under a capability of the model"));
    }
}

fn beyond(span: Span, message: String) -> Diagnostic {
    Diagnostic::error("TW0229", span, message).label("out of bounds")
}

fn dated(node: &Node, key: &str, sink: &mut Sink) -> Option<String> {
    let (date, span) = text(node, key)?;
    form::date(date, span, sink);
    Some(date.to_owned())
}

fn deprecation(node: &Node, index: &HashMap<String, usize>, sink: &mut Sink) -> Option<Deprecation> {
    let deprecated = node.get("deprecated")?;
    if deprecated.as_map().is_none() {
        return flag(node, "deprecated").unwrap_or(false).then(Deprecation::default);
    }
    let replacement = text(deprecated, "replacement");
    if let Some((name, span)) = replacement.filter(|(name, _)| !index.contains_key(*name)) {
        let problem = Diagnostic::error("TW0223", span, format!("there is no model `{name}` in this file"))
            .label("not found")
            .note("a replacement is a name, an id or an alias of this file");
        sink.push(Diagnostic { help: inherit::meant(name, index), ..problem });
    }
    Some(Deprecation {
        since: dated(deprecated, "since", sink),
        retires: dated(deprecated, "retires", sink),
        replacement: replacement.map(|(name, _)| name.to_owned()),
    })
}
