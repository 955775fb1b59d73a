//! `src/models.rs`: one typed constant a model, with what is known of it.

use proc_macro2::TokenStream;
use quote::quote;

use super::output::Rendered;
use super::rust::{NotRust, RustFile, doc, grouped, ident, number, option};
use super::{camel, docs};
use crate::ir::provider::{Deprecation, Model, ModelKind, Price, Prices, Provider};

const EMITTER: &str = "emit::models";

/// Capabilities that are marker traits as well: calls that need them are checked by the compiler.
pub const MARKERS: &[&str] = &[
    "vision",
    "audio_input",
    "documents",
    "tools",
    "structured_output",
    "json_mode",
    "reasoning",
    "sampling",
    "stop_sequences",
    "logprobs",
    "prompt_cache",
    "embeddings",
];

/// The file.
pub fn file(provider: &Provider, source: &str) -> Result<Rendered, NotRust> {
    let mut file = RustFile::new(source).docs(&module_docs(provider));
    let base: &[&str] = if provider.models.is_empty() { &["Model"] } else { &["Model", "TypedModel"] };
    let (markers, types) = (markers_import(provider), imports(provider, base));
    file.push(EMITTER, Some(provider.span), quote!(#markers #types));
    file.push(EMITTER, Some(provider.span), all(provider));
    for model in &provider.models {
        file.push(EMITTER, Some(model.span), items(provider, model));
    }
    file.render()
}

fn module_docs(provider: &Provider) -> String {
    let name = docs::line(&provider.display_name);
    format!(
        "The models of {name}: a typed constant each, so that a call a model does not admit does not compile.\n\n\
         A model that is not listed is named by its id: `chat(\"the-id\")`. What is known of a model is in \
         [`TypedModel::MODEL`].\n\n{}",
        table(provider)
    )
}

/// The list that a reader scans first.
fn table(provider: &Provider) -> String {
    let mut out = String::from(
        "| constant | id | context | output | $ in / out per million |\n|---|---|---:|---:|---:|\n",
    );
    for model in &provider.models {
        let limit = |tokens: Option<u64>| tokens.map_or_else(|| "–".to_owned(), |count| grouped(count, ' '));
        let price = |price: Option<Price>| price.map_or_else(|| "–".to_owned(), dollars);
        out.push_str(&format!(
            "| [`{0}`](const@{0}) | `{1}` | {2} | {3} | {4} / {5} |\n",
            model.const_name,
            code(&model.id),
            limit(model.context_window.or(model.max_input_tokens)),
            limit(model.max_output_tokens),
            price(model.prices.input),
            price(model.prices.output),
        ));
    }
    out
}

/// What stands between backticks in a table: neither a backtick nor a bar.
fn code(text: &str) -> String {
    docs::plain(text).replace(['`', '|'], "'")
}

/// An exact price in dollars: `2.5`, `0.075`.
pub fn dollars(price: Price) -> String {
    let fraction = format!("{:09}", price.0 % 1_000_000_000);
    match fraction.trim_end_matches('0') {
        "" => (price.0 / 1_000_000_000).to_string(),
        digits => format!("{}.{digits}", price.0 / 1_000_000_000),
    }
}

/// The types of the runtime that the models of `provider` are written with, beside `base`.
pub fn imports(provider: &Provider, base: &[&'static str]) -> TokenStream {
    let models = &provider.models;
    let any = |has: fn(&Model) -> bool| models.iter().any(has);
    let uses = [
        ("Capabilities", any(|model| !model.capabilities.is_empty())),
        ("Capability", any(|model| !model.capabilities.is_empty())),
        ("Deprecation", any(|model| model.deprecation.is_some())),
        ("Limits", any(|model| limits(model).is_some())),
        ("ModelKind", any(|model| model.kind != ModelKind::Chat)),
        ("Price", any(has_prices)),
        ("Prices", any(has_prices)),
        ("Tier", any(|model| !model.tiers.is_empty())),
    ];
    let used = uses.iter().filter(|(_, used)| *used).map(|(name, _)| *name);
    let mut names: Vec<&str> = base.iter().copied().chain(used).collect();
    names.sort_unstable();
    let names = names.into_iter().map(ident);
    quote!(use typewright_runtime::model::{#(#names),*};)
}

/// The import of marker traits, by their module: a model type may have the name of a trait.
fn markers_import(provider: &Provider) -> TokenStream {
    let used = provider.models.iter().any(|model| model.capabilities.iter().any(|name| is_marker(name)));
    if used {
        quote!(
            use typewright_runtime::model::capability;
        )
    } else {
        TokenStream::new()
    }
}

fn is_marker(capability: &str) -> bool {
    MARKERS.contains(&capability)
}

fn all(provider: &Provider) -> TokenStream {
    let name = docs::line(&provider.display_name);
    let doc = doc(&format!("Every model of {name} that is listed, in the order of the provider file."));
    let types = provider.models.iter().map(|model| ident(&model.type_name));
    quote!(#doc pub const ALL: &[&Model] = &[#(&#types::MODEL),*];)
}

/// A struct with braces is a type and nothing else: the constant of a model may have the same name.
fn items(provider: &Provider, model: &Model) -> TokenStream {
    let (name, constant) = (ident(&model.type_name), ident(&model.const_name));
    let (docs, short) = (doc(&model_docs(model)), doc(&format!("The model `{}`.", code(&model.id))));
    let value = literal(&provider.name, model);
    let markers = model.capabilities.iter().filter(|name| is_marker(name)).map(|capability| {
        let marker = ident(&camel(capability));
        quote!(impl capability::#marker for #name {})
    });
    quote! {
        #docs
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct #name {}
        #short
        pub const #constant: #name = #name {};
        impl TypedModel for #name {
            const MODEL: Model = #value;
        }
        #(#markers)*
    }
}

/// The constant `Model` of a model: what is known, over a base that knows nothing.
pub fn literal(provider: &str, model: &Model) -> TokenStream {
    let Model { id, display_name, family, aliases, kind, reasoning_efforts, .. } = model;
    let capabilities = model.capabilities.iter().map(|name| ident(&camel(name)));
    let fields: Vec<Option<TokenStream>> = vec![
        (display_name != id).then(|| quote!(name: #display_name)),
        family.as_ref().map(|family| quote!(family: Some(#family))),
        (!aliases.is_empty()).then(|| quote!(aliases: &[#(#aliases),*])),
        kind_field(*kind),
        limits(model),
        has_base_prices(model).then(|| prices_field(&model.prices)),
        tiers(model),
        (!model.capabilities.is_empty())
            .then(|| quote!(capabilities: Capabilities::of(&[#(Capability::#capabilities),*]))),
        (!reasoning_efforts.is_empty()).then(|| quote!(reasoning_efforts: &[#(#reasoning_efforts),*])),
        model.reasoning_budget.map(reasoning_budget),
        strings("input_modalities", &model.input_modalities),
        strings("output_modalities", &model.output_modalities),
        model.dimensions.map(number).map(|count| quote!(dimensions: Some(#count))),
        model.knowledge.as_ref().map(|date| quote!(knowledge: Some(#date))),
        model.released.as_ref().map(|date| quote!(released: Some(#date))),
        model.deprecation.as_ref().map(deprecation),
    ];
    let fields: Vec<TokenStream> = fields.into_iter().flatten().collect();
    if fields.is_empty() {
        return quote!(Model::new(#provider, #id));
    }
    quote!(Model { #(#fields,)* ..Model::new(#provider, #id) })
}

fn kind_field(kind: ModelKind) -> Option<TokenStream> {
    match kind {
        ModelKind::Chat => None,
        ModelKind::Embedding => Some(quote!(kind: ModelKind::Embedding)),
        ModelKind::Other => Some(quote!(kind: ModelKind::Other)),
    }
}

fn limits(model: &Model) -> Option<TokenStream> {
    let values = [model.context_window, model.max_input_tokens, model.max_output_tokens];
    if values.iter().all(Option::is_none) {
        return None;
    }
    let [window, input, output] = values.map(|value| option(value.map(number).map(|count| quote!(#count))));
    Some(quote!(limits: Limits { context_window: #window, max_input: #input, max_output: #output }))
}

fn has_base_prices(model: &Model) -> bool {
    model.prices != Prices::default()
}

fn has_prices(model: &Model) -> bool {
    has_base_prices(model) || !model.tiers.is_empty()
}

/// The prices with the names of their fields.
fn named(prices: &Prices) -> [(&'static str, &'static str, Option<Price>); 7] {
    [
        ("input", "input", prices.input),
        ("output", "output", prices.output),
        ("cache_read", "cached input", prices.cache_read),
        ("cache_write", "cache writes", prices.cache_write),
        ("reasoning", "reasoning", prices.reasoning),
        ("input_audio", "audio input", prices.input_audio),
        ("output_audio", "audio output", prices.output_audio),
    ]
}

fn prices_field(prices: &Prices) -> TokenStream {
    let value = prices_literal(prices);
    quote!(prices: #value)
}

fn prices_literal(prices: &Prices) -> TokenStream {
    let known = named(prices).into_iter().filter_map(|(name, _, price)| {
        let (name, price) = (ident(name), number(price?.0));
        Some(quote!(#name: Some(Price(#price))))
    });
    quote!(Prices { #(#known,)* ..Prices::UNKNOWN })
}

fn tiers(model: &Model) -> Option<TokenStream> {
    let tiers = model.tiers.iter().map(|(above, prices)| {
        let (above, prices) = (number(*above), prices_literal(prices));
        quote!(Tier { above: #above, prices: #prices })
    });
    (!model.tiers.is_empty()).then(|| quote!(tiers: &[#(#tiers),*]))
}

fn reasoning_budget((least, most): (u64, Option<u64>)) -> TokenStream {
    let (least, most) = (number(least), option(most.map(number).map(|most| quote!(#most))));
    quote!(reasoning_budget: Some((#least, #most)))
}

fn strings(field: &str, values: &[String]) -> Option<TokenStream> {
    let field = ident(field);
    (!values.is_empty()).then(|| quote!(#field: &[#(#values),*]))
}

fn deprecation(deprecation: &Deprecation) -> TokenStream {
    let text = |value: &Option<String>| option(value.as_ref().map(|text| quote!(#text)));
    let Deprecation { since, retires, replacement } = deprecation;
    let (since, retires, replacement) = (text(since), text(retires), text(replacement));
    quote!(deprecation: Some(Deprecation { since: #since, retires: #retires, replacement: #replacement }))
}

fn model_docs(model: &Model) -> String {
    let mut out = docs::sentence(&docs::line(&model.display_name));
    if let Some(description) = &model.description {
        out.push_str(&format!("\n\n{}", docs::sentence(&docs::sanitise(description))));
    }
    if let Some(deprecation) = &model.deprecation {
        out.push_str(&format!("\n\n{}", deprecation_note(deprecation)));
    }
    out.push_str("\n\n| | |\n|---|---|\n");
    for (name, value) in facts(model) {
        out.push_str(&format!("| {name} | {value} |\n"));
    }
    out
}

fn deprecation_note(deprecation: &Deprecation) -> String {
    let mut out = String::from("**Deprecated**");
    let parts = [
        ("since", &deprecation.since, ""),
        ("; stops working on", &deprecation.retires, ""),
        ("; use", &deprecation.replacement, "`"),
    ];
    for (words, value, mark) in parts {
        if let Some(value) = value {
            let space = if words.starts_with(';') { "" } else { " " };
            out.push_str(&format!("{space}{words} {mark}{}{mark}", code(value)));
        }
    }
    out + "."
}

/// The rows of a model's table: only what is known.
fn facts(model: &Model) -> Vec<(&'static str, String)> {
    let tokens = |count: Option<u64>| count.map(|count| format!("{} tokens", grouped(count, ' ')));
    let list = |values: &[String]| (!values.is_empty()).then(|| docs::line(&values.join(", ")));
    let codes = |values: &[String]| {
        (!values.is_empty())
            .then(|| values.iter().map(|value| format!("`{}`", code(value))).collect::<Vec<_>>().join(", "))
    };
    let rows = [
        ("id", Some(format!("`{}`", code(&model.id)))),
        ("also", codes(&model.aliases)),
        ("context", tokens(model.context_window)),
        ("input", tokens(model.max_input_tokens)),
        ("output", tokens(model.max_output_tokens)),
        ("vector", model.dimensions.map(|count| format!("{} numbers", grouped(count, ' ')))),
        ("$ per million", price_list(&model.prices)),
        ("$ for more input", tier_list(model)),
        ("reads", list(&model.input_modalities)),
        ("writes", list(&model.output_modalities)),
        ("reasoning", codes(&model.reasoning_efforts)),
        ("can", list(&model.capabilities.iter().map(|name| name.replace('_', " ")).collect::<Vec<_>>())),
        ("knows until", model.knowledge.as_deref().map(docs::line)),
        ("released", model.released.as_deref().map(docs::line)),
    ];
    rows.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn price_list(prices: &Prices) -> Option<String> {
    let known: Vec<String> = named(prices)
        .into_iter()
        .filter_map(|(_, name, price)| Some(format!("{} {name}", dollars(price?))))
        .collect();
    (!known.is_empty()).then(|| known.join(", "))
}

fn tier_list(model: &Model) -> Option<String> {
    let tiers: Vec<String> = model
        .tiers
        .iter()
        .filter_map(|(above, prices)| {
            Some(format!("above {} tokens: {}", grouped(*above, ' '), price_list(prices)?))
        })
        .collect();
    (!tiers.is_empty()).then(|| tiers.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::sample;

    #[test]
    fn a_price_is_written_exactly() {
        assert_eq!(dollars(Price(2_500_000_000)), "2.5");
        assert_eq!(dollars(Price(75_000_000)), "0.075");
        assert_eq!(dollars(Price(3_000_000_000)), "3");
    }

    #[test]
    fn a_model_says_what_is_known_and_nothing_else() {
        let provider = sample::provider();
        let text = file(&provider, "providers/acme.yaml").unwrap().text;
        assert!(text.contains("pub const SMALL_1: Small1 = Small1 {};"), "{text}");
        assert!(text.contains("impl capability::Vision for Small1 {}"));
        assert!(text.contains("input: Some(Price(2_500_000_000)),"));
        assert!(!text.contains("cache_write"));
        assert!(text.contains("/// | $ per million | 2.5 input, 10 output |"));
    }

    #[test]
    fn each_model_points_at_its_line() {
        let provider = sample::provider();
        let rendered = file(&provider, "providers/acme.yaml").unwrap();
        let line = rendered.text.lines().position(|line| line.contains("struct Small1")).unwrap() + 1;
        let output = super::super::output::Output::new("acme/src/models.rs", rendered);
        assert_eq!(output.origin_of(line).unwrap().source, Some(provider.models[0].span));
    }
}
