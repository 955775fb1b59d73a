//! Options that only this provider has: methods of the generated `Options`.

use super::kind::Kind;
use super::{Log, text};
use crate::ir::provider::{OptionType, Provider, ProviderOption};

/// Options that came, went or changed.
pub(super) fn compare(was: &Provider, is: &Provider, log: &mut Log<'_>) {
    let find =
        |provider: &Provider, name: &str| provider.options.iter().find(|option| option.name == name).cloned();
    for option in was.options.iter().filter(|option| find(is, &option.name).is_none()) {
        log.base(Kind::OptionRemoved, option.span, what(option));
    }
    for option in &is.options {
        match find(was, &option.name) {
            Some(old) => one(&old, option, log),
            None => log.now(Kind::OptionAdded, option.span, what(option)),
        }
    }
}

fn what(option: &ProviderOption) -> String {
    format!("the option {} ({})", text::code(&option.name), type_word(&option.ty))
}

fn one(old: &ProviderOption, new: &ProviderOption, log: &mut Log<'_>) {
    let name = text::code(&new.name);
    if std::mem::discriminant(&old.ty) == std::mem::discriminant(&new.ty) {
        within(&name, old, new, log);
    } else {
        let (from, to) = (type_word(&old.ty).to_owned(), type_word(&new.ty).to_owned());
        log.value(Kind::OptionTyped, new.span, format!("the option {name}"), Some(from), Some(to));
    }
    let field = |option: &ProviderOption| text::maybe(option.wire.as_ref());
    log.value(Kind::OptionMoved, new.span, format!("the field of the option {name}"), field(old), field(new));
    let doc = |option: &ProviderOption| text::maybe(option.doc.as_ref());
    let what = format!("the description of the option {name}");
    log.value(Kind::DocsChanged, new.span, what, doc(old), doc(new));
}

/// What changed within one type.
fn within(name: &str, old: &ProviderOption, new: &ProviderOption, log: &mut Log<'_>) {
    match (&old.ty, &new.ty) {
        (OptionType::Enum(was), OptionType::Enum(is)) => words(name, (old, was), (new, is), log),
        (was, is) => {
            let what = format!("the bounds of the option {name}");
            log.value(Kind::OptionBounds, new.span, what, bounds(was), bounds(is));
        }
    }
}

type Words<'a> = (&'a ProviderOption, &'a Vec<String>);

fn words(name: &str, (old, was): Words<'_>, (new, is): Words<'_>, log: &mut Log<'_>) {
    let what = |word: &str| format!("the value {} of the option {name}", text::code(word));
    for word in was.iter().filter(|word| !is.contains(word)) {
        log.base(Kind::OptionWordRemoved, old.span, what(word));
    }
    for word in is.iter().filter(|word| !was.contains(word)) {
        log.now(Kind::OptionWordAdded, new.span, what(word));
    }
    let common = |words: &[String], others: &[String]| -> Vec<String> {
        words.iter().filter(|word| others.contains(word)).cloned().collect()
    };
    let (from, to) = (text::list(&common(was, is)), text::list(&common(is, was)));
    log.value(Kind::DocsChanged, new.span, format!("the order of values of the option {name}"), from, to);
}

fn bounds(ty: &OptionType) -> Option<String> {
    let (min, max) = match ty {
        OptionType::Integer { min, max } => (min.map(|min| min.to_string()), max.map(|max| max.to_string())),
        OptionType::Number { min, max } => (min.map(|min| min.to_string()), max.map(|max| max.to_string())),
        _ => return None,
    };
    let has_bounds = min.is_some() || max.is_some();
    has_bounds.then(|| format!("{}..{}", min.unwrap_or_default(), max.unwrap_or_default()))
}

fn type_word(ty: &OptionType) -> &'static str {
    match ty {
        OptionType::Bool => "boolean",
        OptionType::Integer { .. } => "integer",
        OptionType::Number { .. } => "number",
        OptionType::String => "string",
        OptionType::Enum(_) => "enum",
        OptionType::Strings => "strings",
        OptionType::Json => "json",
    }
}
