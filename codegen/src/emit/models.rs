//! `src/models.rs`: one typed constant a model, with what is known of it.

use super::docs::{self, Scratch};
use super::layout::{self, Layout};
use super::literal::{self, named};
use super::output::Rendered;
use super::rust::{NotRust, RustFile};
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

/// The module of marker traits: a model type may have the name of one.
const CAPABILITY: &str = "use typewright_runtime::model::capability;";
/// Beyond this width, `prettyplease` breaks even the literal of a struct without fields.
const LITERAL_WIDTH: usize = 34;

/// Buffers that are reused from one model to the next.
#[derive(Debug, Default)]
pub struct Buffers {
    markdown: String,
    joined: String,
    scratch: Scratch,
}

/// The file.
pub fn file(provider: &Provider, source: &str) -> Result<Rendered, NotRust> {
    let mut buffers = Buffers::default();
    let mut file = RustFile::new(source).docs(&module_docs(provider, &mut buffers));
    let base: &[&str] = if provider.models.is_empty() { &["Model"] } else { &["Model", "TypedModel"] };
    file.write(EMITTER, Some(provider.span), |out| {
        if provider.models.iter().any(|model| model.capabilities.iter().any(|name| is_marker(name))) {
            out.push(CAPABILITY);
            out.end();
        }
        imports(provider, base, out);
    });
    file.write(EMITTER, Some(provider.span), |out| all(provider, out));
    for model in &provider.models {
        file.write(EMITTER, Some(model.span), |out| items(provider, model, &mut buffers, out));
    }
    file.render()
}

fn module_docs(provider: &Provider, buffers: &mut Buffers) -> String {
    let name = docs::line(&provider.display_name);
    let mut out = format!(
        "The models of {name}: a typed constant each, so that a call a model does not admit does not compile.\n\n\
         A model that is not listed is named by its id: `chat(\"the-id\")`. What is known of a model is in \
         [`TypedModel::MODEL`].\n\n\
         | constant | id | context | output | $ in / out per million |\n|---|---|---:|---:|---:|\n",
    );
    for model in &provider.models {
        row(model, buffers, &mut out);
    }
    out
}

/// A row of the list that a reader scans first.
pub fn row(model: &Model, buffers: &mut Buffers, out: &mut String) {
    let Model { const_name, id, prices, .. } = model;
    out.extend(["| [`", const_name, "`](const@", const_name, ") | `"]);
    docs::push_code(id, &mut buffers.scratch, out);
    out.push_str("` | ");
    limit(model.context_window.or(model.max_input_tokens), out);
    out.push_str(" | ");
    limit(model.max_output_tokens, out);
    out.push_str(" | ");
    price(prices.input, out);
    out.push_str(" / ");
    price(prices.output, out);
    out.push_str(" |\n");
}

fn limit(tokens: Option<u64>, out: &mut String) {
    match tokens {
        Some(count) => layout::group_digits(count, ' ', out),
        None => out.push('–'),
    }
}

fn price(price: Option<Price>, out: &mut String) {
    match price {
        Some(price) => dollars(price, out),
        None => out.push('–'),
    }
}

/// An exact price in dollars: `2.5`, `0.075`.
pub fn dollars(price: Price, out: &mut String) {
    let (whole, mut fraction) = (price.0 / 1_000_000_000, price.0 % 1_000_000_000);
    layout::push_display(whole, out);
    if fraction == 0 {
        return;
    }
    let mut width = 9;
    while fraction.is_multiple_of(10) {
        (fraction, width) = (fraction / 10, width - 1);
    }
    layout::push_display(format_args!(".{fraction:0width$}"), out);
}

/// The types of the runtime that the models of `provider` are written with, beside `base`.
pub fn imports(provider: &Provider, base: &[&'static str], out: &mut Layout) {
    let models = &provider.models;
    let any = |has: fn(&Model) -> bool| models.iter().any(has);
    let uses = [
        ("Capabilities", any(|model| !model.capabilities.is_empty())),
        ("Capability", any(|model| !model.capabilities.is_empty())),
        ("Deprecation", any(|model| model.deprecation.is_some())),
        ("Limits", any(literal::has_limits)),
        ("ModelFile", any(|model| model.source.is_some())),
        ("ModelFiles", any(|model| model.source.is_some())),
        ("ModelKind", any(|model| model.kind != ModelKind::Chat)),
        ("Price", any(literal::has_prices)),
        ("Prices", any(literal::has_prices)),
        ("Tier", any(|model| !model.tiers.is_empty())),
    ];
    let used = uses.iter().filter(|(_, used)| *used).map(|(name, _)| *name);
    let mut names: Vec<&str> = base.iter().copied().chain(used).collect();
    names.sort_unstable();
    out.import("typewright_runtime::model::", &names);
}

fn is_marker(capability: &str) -> bool {
    MARKERS.contains(&capability)
}

fn all(provider: &Provider, out: &mut Layout) {
    let name = docs::line(&provider.display_name);
    out.doc(&format!("Every model of {name} that is listed, in the order of the provider file."));
    let one = |out: &mut Layout, model: &Model, _: usize| {
        out.push("&");
        out.push(&model.type_name);
        out.push("::MODEL");
    };
    out.list(["pub const ALL: &[&Model] = &[", "]"], provider.models.iter(), 1, one);
    out.push(";");
    out.end();
}

/// The items of one model. A struct with braces is a type and nothing else: the constant of a model may have the same
/// name.
pub fn items(provider: &Provider, model: &Model, buffers: &mut Buffers, out: &mut Layout) {
    let Model { type_name, const_name, .. } = model;
    model_docs(model, buffers);
    out.doc(&buffers.markdown);
    out.push("#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]");
    out.end();
    line(out, &["pub struct ", type_name, " {}"]);
    out.end();
    out.push("/// The model `");
    out.append(|text| docs::push_code(&model.id, &mut buffers.scratch, text));
    line(out, &["`."]);
    push_all(out, &["pub const ", const_name, ": ", type_name, " = ", type_name, " {"]);
    // With a space behind the brace. Where the line is too long as it is, nothing is broken.
    let is_wide = type_name.len() + " { ".len() > LITERAL_WIDTH && out.fits(0);
    line(out, &[if is_wide { "\n};" } else { "};" }]);
    out.end();
    push_all(out, &["impl TypedModel for ", type_name]);
    let constant = |out: &mut Layout| {
        out.newline();
        out.push("const MODEL: Model = ");
        literal::model(&provider.name, model, 1, out);
        out.push(";");
    };
    out.block(" {", constant, "}");
    out.end();
    markers(model, out);
}

fn push_all(out: &mut Layout, parts: &[&str]) {
    parts.iter().for_each(|part| out.push(part));
}

fn line(out: &mut Layout, parts: &[&str]) {
    push_all(out, parts);
    out.end();
}

/// The marker traits of a model, in lines together unless one takes two.
fn markers(model: &Model, out: &mut Layout) {
    let mut was_short = false;
    for capability in model.capabilities.iter().filter(|name| is_marker(name)) {
        let name = capability.len() - capability.matches('_').count();
        let is_short = out.fits("impl capability:: for  {".len() + name + model.type_name.len());
        if !(was_short && is_short) {
            out.end();
        }
        was_short = is_short;
        out.push("impl capability::");
        out.camel(capability);
        line(out, &[if is_short { " " } else { "\n" }, "for ", &model.type_name, " {}"]);
    }
}

/// The documentation of a model, into the buffer for it.
fn model_docs(model: &Model, buffers: &mut Buffers) {
    let Buffers { markdown: out, scratch, .. } = buffers;
    out.clear();
    docs::push_line(&model.display_name, scratch, out);
    docs::end_sentence(0, out);
    if let Some(description) = &model.description {
        out.push_str("\n\n");
        let begin = out.len();
        docs::push_sanitised(description, scratch, out);
        docs::end_sentence(begin, out);
    }
    if let Some(deprecation) = &model.deprecation {
        out.push_str("\n\n");
        deprecation_note(deprecation, scratch, out);
    }
    out.push_str("\n\n| | |\n|---|---|\n");
    facts(model, buffers);
}

fn deprecation_note(deprecation: &Deprecation, scratch: &mut Scratch, out: &mut String) {
    out.push_str("**Deprecated**");
    let parts = [
        (" since ", &deprecation.since, ""),
        ("; stops working on ", &deprecation.retires, ""),
        ("; use ", &deprecation.replacement, "`"),
    ];
    for (words, value, mark) in parts {
        if let Some(value) = value {
            out.extend([words, mark]);
            docs::push_code(value, scratch, out);
            out.push_str(mark);
        }
    }
    out.push('.');
}

/// The rows of a model's table: only what is known.
fn facts(model: &Model, buffers: &mut Buffers) {
    fact("id", true, buffers, |buffers| code(&model.id, buffers));
    codes("also", &model.aliases, buffers);
    let counts = [
        ("context", model.context_window, " tokens"),
        ("input", model.max_input_tokens, " tokens"),
        ("output", model.max_output_tokens, " tokens"),
        ("vector", model.dimensions, " numbers"),
    ];
    for (name, count, unit) in counts {
        fact(name, count.is_some(), buffers, |buffers| {
            limit(count, &mut buffers.markdown);
            buffers.markdown.push_str(unit);
        });
    }
    let known = |prices: &Prices| *prices != Prices::default();
    fact("$ per million", known(&model.prices), buffers, |buffers| {
        price_list(&model.prices, &mut buffers.markdown);
    });
    let has_tier = model.tiers.iter().any(|(_, prices)| known(prices));
    fact("$ for more input", has_tier, buffers, |buffers| tier_list(model, &mut buffers.markdown));
    if let Some(source) = &model.source {
        fact("files", true, buffers, |buffers| code(&source.repository, buffers));
        fact("licence", source.licence.is_some(), buffers, |Buffers { markdown, scratch, .. }| {
            docs::push_line(source.licence.as_deref().unwrap_or_default(), scratch, markdown);
        });
    }
    words("reads", &model.input_modalities, false, buffers);
    words("writes", &model.output_modalities, false, buffers);
    codes("reasoning", &model.reasoning_efforts, buffers);
    words("can", &model.capabilities, true, buffers);
    for (name, date) in [("knows until", &model.knowledge), ("released", &model.released)] {
        fact(name, date.is_some(), buffers, |Buffers { markdown, scratch, .. }| {
            docs::push_line(date.as_deref().unwrap_or_default(), scratch, markdown);
        });
    }
}

/// A row, if its value is known.
fn fact(name: &str, is_known: bool, buffers: &mut Buffers, value: impl FnOnce(&mut Buffers)) {
    if is_known {
        buffers.markdown.extend(["| ", name, " | "]);
        value(buffers);
        buffers.markdown.push_str(" |\n");
    }
}

fn code(value: &str, Buffers { markdown, scratch, .. }: &mut Buffers) {
    markdown.push('`');
    docs::push_code(value, scratch, markdown);
    markdown.push('`');
}

fn codes(name: &str, values: &[String], buffers: &mut Buffers) {
    fact(name, !values.is_empty(), buffers, |buffers| {
        for (at, value) in values.iter().enumerate() {
            buffers.markdown.push_str(if at > 0 { ", " } else { "" });
            code(value, buffers);
        }
    });
}

/// A row of words; those of this compiler's own have `_` for spaces.
fn words(name: &str, values: &[String], are_own: bool, buffers: &mut Buffers) {
    fact(name, !values.is_empty(), buffers, |Buffers { markdown, joined, scratch }| {
        joined.clear();
        for (at, value) in values.iter().enumerate() {
            joined.push_str(if at > 0 { ", " } else { "" });
            let spaced = |c: char| if are_own && c == '_' { ' ' } else { c };
            joined.extend(value.chars().map(spaced));
        }
        docs::push_line(joined, scratch, markdown);
    });
}

fn price_list(prices: &Prices, out: &mut String) {
    let known = named(prices).into_iter().filter_map(|(_, name, price)| Some((name, price?)));
    for (at, (name, price)) in known.enumerate() {
        out.push_str(if at > 0 { ", " } else { "" });
        dollars(price, out);
        out.extend([" ", name]);
    }
}

fn tier_list(model: &Model, out: &mut String) {
    let known = model.tiers.iter().filter(|(_, prices)| *prices != Prices::default());
    for (at, (above, prices)) in known.enumerate() {
        out.push_str(if at > 0 { "; " } else { "" });
        out.push_str("above ");
        layout::group_digits(*above, ' ', out);
        out.push_str(" tokens: ");
        price_list(prices, out);
    }
}

#[cfg(test)]
mod tests;
