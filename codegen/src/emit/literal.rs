//! The constant `Model` of a model as an expression: what is known, over a base that knows nothing.

use super::layout::Layout;
use crate::ir::provider::{Deprecation, Model, ModelFile, ModelKind, Price, Prices};

/// Writes the constant; `after` characters follow it in its line.
pub fn model(provider: &str, model: &Model, after: usize, out: &mut Layout) {
    if !is_known(model) {
        return base(provider, model, after, out);
    }
    let inside = |out: &mut Layout| {
        naming(model, out);
        limits(model, out);
        prices(model, out);
        abilities(model, out);
        dates(model, out);
        files(model, out);
        out.newline();
        out.push("..");
        base(provider, model, 0, out);
    };
    out.block("Model {", inside, "}");
}

fn base(provider: &str, model: &Model, after: usize, out: &mut Layout) {
    out.strings(["Model::new(", ")"], &[provider, &model.id], after);
}

/// Whether anything is known of a model beside its id.
pub fn is_known(model: &Model) -> bool {
    model.display_name != model.id
        || model.family.is_some()
        || !model.aliases.is_empty()
        || model.kind != ModelKind::Chat
        || has_limits(model)
        || has_prices(model)
        || !model.capabilities.is_empty()
        || !model.reasoning_efforts.is_empty()
        || model.reasoning_budget.is_some()
        || !model.input_modalities.is_empty()
        || !model.output_modalities.is_empty()
        || model.dimensions.is_some()
        || model.knowledge.is_some()
        || model.released.is_some()
        || model.deprecation.is_some()
        || model.source.is_some()
}

/// Whether a limit is known.
pub fn has_limits(model: &Model) -> bool {
    [model.context_window, model.max_input_tokens, model.max_output_tokens].iter().any(Option::is_some)
}

/// Whether a price is known.
pub fn has_prices(model: &Model) -> bool {
    model.prices != Prices::default() || !model.tiers.is_empty()
}

fn naming(model: &Model, out: &mut Layout) {
    if model.display_name != model.id {
        out.field("name", |out| out.string(&model.display_name));
    }
    if model.family.is_some() {
        out.field("family", |out| text(model.family.as_deref(), 1, out));
    }
    strings("aliases", &model.aliases, out);
    match model.kind {
        ModelKind::Chat => {}
        ModelKind::Embedding => out.field("kind", |out| out.push("ModelKind::Embedding")),
        ModelKind::Other => out.field("kind", |out| out.push("ModelKind::Other")),
    }
}

fn limits(model: &Model, out: &mut Layout) {
    if !has_limits(model) {
        return;
    }
    let inside = |out: &mut Layout| {
        out.field("context_window", |out| count(model.context_window, out));
        out.field("max_input", |out| count(model.max_input_tokens, out));
        out.field("max_output", |out| count(model.max_output_tokens, out));
    };
    out.field("limits", |out| out.block("Limits {", inside, "}"));
}

fn prices(model: &Model, out: &mut Layout) {
    if model.prices != Prices::default() {
        out.field("prices", |out| prices_literal(&model.prices, out));
    }
    if model.tiers.is_empty() {
        return;
    }
    let tier = |out: &mut Layout, (above, prices): &(u64, Prices), _: usize| {
        let inside = |out: &mut Layout| {
            out.field("above", |out| out.number(*above));
            out.field("prices", |out| prices_literal(prices, out));
        };
        out.block("Tier {", inside, "}");
    };
    out.field("tiers", |out| out.lines(["&[", "]"], model.tiers.iter(), tier));
}

/// The prices with the names of their fields, and the names people read.
pub fn named(prices: &Prices) -> [(&'static str, &'static str, Option<Price>); 7] {
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

fn prices_literal(prices: &Prices, out: &mut Layout) {
    if *prices == Prices::default() {
        return out.push("Prices { ..Prices::UNKNOWN }");
    }
    let inside = |out: &mut Layout| {
        for (name, _, price) in named(prices) {
            if let Some(price) = price {
                out.field(name, |out| {
                    out.push("Some(Price(");
                    out.number(price.0);
                    out.push("))");
                });
            }
        }
        out.newline();
        out.push("..Prices::UNKNOWN");
    };
    out.block("Prices {", inside, "}");
}

fn abilities(model: &Model, out: &mut Layout) {
    if !model.capabilities.is_empty() {
        let one = |out: &mut Layout, name: &String, _: usize| {
            out.push("Capability::");
            out.camel(name);
        };
        let all = |out: &mut Layout, (), after: usize| {
            out.list(["&[", "]"], model.capabilities.iter(), after, one);
        };
        let all = |out: &mut Layout| out.list(["Capabilities::of(", ")"], std::iter::once(()), 1, all);
        out.field("capabilities", all);
    }
    strings("reasoning_efforts", &model.reasoning_efforts, out);
    if let Some((least, most)) = model.reasoning_budget {
        let bound = |out: &mut Layout, is_most: bool, _: usize| {
            if is_most { count(most, out) } else { out.number(least) }
        };
        out.field("reasoning_budget", |out| out.list(["Some((", "))"], [false, true].into_iter(), 1, bound));
    }
    strings("input_modalities", &model.input_modalities, out);
    strings("output_modalities", &model.output_modalities, out);
    if model.dimensions.is_some() {
        out.field("dimensions", |out| count(model.dimensions, out));
    }
}

fn dates(model: &Model, out: &mut Layout) {
    for (name, date) in [("knowledge", &model.knowledge), ("released", &model.released)] {
        if date.is_some() {
            out.field(name, |out| text(date.as_deref(), 1, out));
        }
    }
    if let Some(Deprecation { since, retires, replacement }) = &model.deprecation {
        let inside = |out: &mut Layout| {
            out.field("since", |out| text(since.as_deref(), 1, out));
            out.field("retires", |out| text(retires.as_deref(), 1, out));
            out.field("replacement", |out| text(replacement.as_deref(), 0, out));
        };
        out.field("deprecation", |out| out.block("Some(Deprecation {", inside, "})"));
    }
}

/// Where the files come from.
fn files(model: &Model, out: &mut Layout) {
    let Some(source) = &model.source else { return };
    let is_plain = |file: &ModelFile| file.bytes.is_none() && file.sha256.is_none();
    let file = |out: &mut Layout, file: &ModelFile, after: usize| {
        if is_plain(file) {
            return out.strings(["ModelFile::new(", ")"], &[&file.path], after);
        }
        let inside = |out: &mut Layout| {
            out.field("path", |out| out.string(&file.path));
            out.field("bytes", |out| count(file.bytes, out));
            out.field("sha256", |out| text(file.sha256.as_deref(), 0, out));
        };
        out.block("ModelFile {", inside, "}");
    };
    let inside = |out: &mut Layout| {
        out.field("repository", |out| out.string(&source.repository));
        out.field("revision", |out| out.string(&source.revision));
        out.field("files", |out| match source.files.iter().all(is_plain) {
            true => out.list(["&[", "]"], source.files.iter(), 1, file),
            false => out.lines(["&[", "]"], source.files.iter(), file),
        });
        out.field("licence", |out| text(source.licence.as_deref(), 0, out));
    };
    let one = |out: &mut Layout, (), _: usize| out.block("&ModelFiles {", inside, "}");
    out.field("files", |out| out.lines(["Some(", ")"], std::iter::once(()), one));
}

fn strings(field: &str, values: &[String], out: &mut Layout) {
    if !values.is_empty() {
        out.field(field, |out| out.strings(["&[", "]"], values, 1));
    }
}

fn text(value: Option<&str>, after: usize, out: &mut Layout) {
    match value {
        Some(value) => out.strings(["Some(", ")"], &[value], after),
        None => out.push("None"),
    }
}

fn count(value: Option<u64>, out: &mut Layout) {
    let Some(value) = value else { return out.push("None") };
    out.push("Some(");
    out.number(value);
    out.push(")");
}
