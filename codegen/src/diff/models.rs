//! The models: types and constants of the generated crate, and what is known of each.

use super::kind::Kind;
use super::{Log, Side, text};
use crate::emit::models::MARKERS;
use crate::ir::provider::{Deprecation, Model, ModelFile, ModelKind, Price, Prices, Provider};

/// Models that came, went or changed.
pub(super) fn compare(was: &Provider, is: &Provider, log: &mut Log<'_>) {
    let pairs = pairs(was, is);
    for old in was.models.iter().filter(|old| !pairs.iter().any(|(known, _)| known.id == old.id)) {
        log.base(Kind::ModelRemoved, old.span, what(old));
    }
    for new in &is.models {
        match pairs.iter().find(|(_, known)| known.id == new.id) {
            Some((old, _)) => one(old, new, log),
            None => log.now(Kind::ModelAdded, new.span, what(new)),
        }
    }
    order(&pairs, is, log);
}

/// Each model with what it was: by its id, or else by its type's name.
fn pairs<'a>(was: &'a Provider, is: &'a Provider) -> Vec<(&'a Model, &'a Model)> {
    let by_id = |new: &Model| was.models.iter().find(|old| old.id == new.id);
    let is_gone = |old: &Model| !is.models.iter().any(|new| new.id == old.id);
    let by_type = |new: &Model| was.models.iter().find(|old| is_gone(old) && old.type_name == new.type_name);
    is.models.iter().filter_map(|new| Some((by_id(new).or_else(|| by_type(new))?, new))).collect()
}

fn what(model: &Model) -> String {
    format!(
        "the model {} ({}, {})",
        text::code(&model.id),
        text::code(&model.type_name),
        text::code(&model.const_name)
    )
}

fn one(old: &Model, new: &Model, log: &mut Log<'_>) {
    let name = |model: &Model| Some(format!("`{}`, `{}`", model.type_name, model.const_name));
    let id = text::code(&new.id);
    log.value(
        Kind::ModelRenamed,
        new.span,
        format!("type and constant of the model {id}"),
        name(old),
        name(new),
    );
    let ids = (Some(text::code(&old.id)), Some(id.clone()));
    log.value(
        Kind::ModelIdChanged,
        new.span,
        format!("the id of {}", text::code(&new.type_name)),
        ids.0,
        ids.1,
    );
    aliases(old, new, log);
    capabilities(old, new, log);
    let kind = |model: &Model| Some(kind_word(model.kind).to_owned());
    log.value(Kind::ModelKindChanged, new.span, format!("what {id} is used through"), kind(old), kind(new));
    deprecation(old, new, log);
    prices(&id, old, new, log);
    limits(&id, old, new, log);
    facts(&id, old, new, log);
}

/// Every text that the model is found by: an id that became an alias is still found.
fn aliases(old: &Model, new: &Model, log: &mut Log<'_>) {
    let finds = |model: &Model, name: &String| model.id == *name || model.aliases.contains(name);
    let name = text::code(&new.id);
    let old_id = Some(&old.id).filter(|id| **id != new.id);
    for alias in old_id.into_iter().chain(&old.aliases).filter(|alias| !finds(new, alias)) {
        let what = format!("the name {} of {name}", text::code(alias));
        log.base(Kind::AliasRemoved, old.span, what);
    }
    for alias in new.aliases.iter().filter(|alias| !finds(old, alias)) {
        log.now(Kind::AliasAdded, new.span, format!("the name {} of {name}", text::code(alias)));
    }
}

fn capabilities(old: &Model, new: &Model, log: &mut Log<'_>) {
    let what = |capability: &str| format!("{} of {}", text::code(capability), text::code(&new.id));
    for lost in old.capabilities.iter().filter(|known| !new.capabilities.contains(known)) {
        let is_marker = MARKERS.contains(&lost.as_str());
        let kind = if is_marker { Kind::CapabilityLost } else { Kind::CapabilityCleared };
        log.now(kind, new.span, format!("the capability {}", what(lost)));
    }
    for gained in new.capabilities.iter().filter(|known| !old.capabilities.contains(known)) {
        log.now(Kind::CapabilityGained, new.span, format!("the capability {}", what(gained)));
    }
}

fn kind_word(kind: ModelKind) -> &'static str {
    match kind {
        ModelKind::Chat => "chat",
        ModelKind::Embedding => "embedding",
        ModelKind::Other => "something else",
    }
}

fn deprecation(old: &Model, new: &Model, log: &mut Log<'_>) {
    let kind = match (&old.deprecation, &new.deprecation) {
        (None, Some(_)) => Kind::Deprecated,
        (Some(_), None) => Kind::DeprecationLifted,
        _ => Kind::DeprecationChanged,
    };
    let (from, to) = (old.deprecation.as_ref().map(note), new.deprecation.as_ref().map(note));
    log.value(kind, new.span, format!("the deprecation of {}", text::code(&new.id)), from, to);
}

fn note(deprecation: &Deprecation) -> String {
    let Deprecation { since, retires, replacement } = deprecation;
    let parts = [("since", since), ("stops working on", retires), ("use", replacement)];
    let said: Vec<String> = parts
        .iter()
        .filter_map(|(word, value)| Some(format!("{word} {}", text::code(value.as_ref()?))))
        .collect();
    if said.is_empty() { "yes".to_owned() } else { said.join(", ") }
}

fn prices(id: &str, old: &Model, new: &Model, log: &mut Log<'_>) {
    for ((name, from), (_, to)) in named(&old.prices).into_iter().zip(named(&new.prices)) {
        let what = format!("the price of {name} of {id}");
        log.value(Kind::PriceChanged, new.span, what, text::price(from), text::price(to));
    }
    let what = format!("the prices of long inputs of {id}");
    log.value(Kind::PriceChanged, new.span, what, tiers(old), tiers(new));
}

fn named(prices: &Prices) -> [(&'static str, Option<Price>); 7] {
    [
        ("input", prices.input),
        ("output", prices.output),
        ("cached input", prices.cache_read),
        ("cache writes", prices.cache_write),
        ("reasoning", prices.reasoning),
        ("audio input", prices.input_audio),
        ("audio output", prices.output_audio),
    ]
}

fn tiers(model: &Model) -> Option<String> {
    let tier = |(above, prices): &(u64, Prices)| {
        let known: Vec<String> = named(prices)
            .into_iter()
            .filter_map(|(name, price)| Some(format!("{name} {}", text::price(price)?)))
            .collect();
        format!("above {above}: {}", known.join(", "))
    };
    (!model.tiers.is_empty()).then(|| model.tiers.iter().map(tier).collect::<Vec<_>>().join("; "))
}

fn limits(id: &str, old: &Model, new: &Model, log: &mut Log<'_>) {
    let limits = [
        ("the context window", old.context_window, new.context_window),
        ("the most input", old.max_input_tokens, new.max_input_tokens),
        ("the most output", old.max_output_tokens, new.max_output_tokens),
        ("the vector length", old.dimensions, new.dimensions),
    ];
    for (name, from, to) in limits {
        let what = format!("{name} of {id}");
        log.value(Kind::LimitChanged, new.span, what, text::count(from), text::count(to));
    }
    let budget = |model: &Model| {
        let (least, most) = model.reasoning_budget?;
        Some(format!("{least}..{}", most.map(|most| most.to_string()).unwrap_or_default()))
    };
    log.value(
        Kind::LimitChanged,
        new.span,
        format!("the reasoning budget of {id}"),
        budget(old),
        budget(new),
    );
}

fn facts(id: &str, old: &Model, new: &Model, log: &mut Log<'_>) {
    let name = |model: &Model| Some(text::code(&model.display_name));
    let facts = [
        ("the name for people", name(old), name(new)),
        ("the family", text::maybe(old.family.as_ref()), text::maybe(new.family.as_ref())),
        ("the description", text::maybe(old.description.as_ref()), text::maybe(new.description.as_ref())),
        ("the reasoning levels", text::list(&old.reasoning_efforts), text::list(&new.reasoning_efforts)),
        ("what goes in", text::list(&old.input_modalities), text::list(&new.input_modalities)),
        ("what comes out", text::list(&old.output_modalities), text::list(&new.output_modalities)),
        ("the origin of the files", origin(old), origin(new)),
        ("the end of knowledge", text::maybe(old.knowledge.as_ref()), text::maybe(new.knowledge.as_ref())),
        ("the release", text::maybe(old.released.as_ref()), text::maybe(new.released.as_ref())),
    ];
    for (what, from, to) in facts {
        log.value(Kind::FactChanged, new.span, format!("{what} of {id}"), from, to);
    }
    let sorted = |model: &Model| {
        let mut aliases = model.aliases.clone();
        aliases.sort();
        aliases
    };
    if sorted(old) == sorted(new) {
        let what = format!("the order of names of {id}");
        log.value(Kind::FactChanged, new.span, what, text::list(&old.aliases), text::list(&new.aliases));
    }
}

/// Where the files come from, in a line.
fn origin(model: &Model) -> Option<String> {
    let source = model.source.as_ref()?;
    let file = |file: &ModelFile| {
        let bytes = file.bytes.map(|bytes| format!(" of {bytes} bytes")).unwrap_or_default();
        let sum = file.sha256.as_ref().map(|sum| format!(" with {sum}")).unwrap_or_default();
        format!("{}{bytes}{sum}", file.path)
    };
    let files: Vec<String> = source.files.iter().map(file).collect();
    let licence = source.licence.as_deref().unwrap_or("unknown");
    let text = format!("{}@{}: {}; licence {licence}", source.repository, source.revision, files.join(", "));
    Some(text::code(&text))
}

/// Models that are there before and after, in another order.
fn order(pairs: &[(&Model, &Model)], is: &Provider, log: &mut Log<'_>) {
    let moved = pairs.windows(2).find(|pair| pair[0].0.span > pair[1].0.span);
    if let Some([_, (_, model)]) = moved {
        let what = format!("the order of models, from {} on", text::code(&model.id));
        log.values(Kind::ModelsReordered, (Side::Now, is.span), what, None, None);
    }
}
