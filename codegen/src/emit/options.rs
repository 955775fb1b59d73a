//! `src/options.rs`: the request options that only this provider has, as a typed builder.
//!
//! Ranges are checked when a value is set and reported before anything is sent; a choice of words is an open enum.

use std::ops::Not;

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::output::Rendered;
use super::rust::{NotRust, RustFile, doc, ident};
use super::{camel, docs};
use crate::ir::provider::{OptionType, Provider, ProviderOption};

const EMITTER: &str = "emit::options";

/// The file; none for a provider without options of its own.
pub fn file(provider: &Provider, source: &str) -> Result<Option<Rendered>, NotRust> {
    if provider.options.is_empty() {
        return Ok(None);
    }
    let name = docs::line(&provider.display_name);
    let docs = format!(
        "Request options that only {name} has.\n\nWhat is not listed here goes through `extra` of a call, by the name \
         that it has on the wire."
    );
    let mut file = RustFile::new(source).docs(&docs);
    file.push(EMITTER, Some(provider.span), imports(provider));
    file.push(EMITTER, Some(provider.span), builder(provider, &name));
    for option in &provider.options {
        if let OptionType::Enum(words) = &option.ty {
            file.push(EMITTER, Some(option.span), open_enum(option, words));
        }
    }
    file.render().map(Some)
}

fn imports(provider: &Provider) -> TokenStream {
    let json = provider.options.iter().any(|option| option.ty == OptionType::Json);
    let json = json.then(|| {
        quote!(
            use typewright_runtime::json::RawJson;
        )
    });
    quote!(use typewright_runtime::client::ProviderOptions; #json)
}

fn builder(provider: &Provider, name: &str) -> TokenStream {
    let docs = doc(&format!("Options of one request to {name}. Those that are not set are not sent."));
    let methods = provider.options.iter().map(method);
    let provider = &provider.name;
    quote! {
        #docs
        #[derive(Debug, Clone, PartialEq)]
        pub struct Options(ProviderOptions);

        impl Options {
            /// No options.
            pub fn new() -> Self {
                Self(ProviderOptions::new(#provider))
            }
            #(#methods)*
        }

        impl Default for Options {
            fn default() -> Self {
                Self::new()
            }
        }

        impl From<Options> for ProviderOptions {
            fn from(options: Options) -> Self {
                options.0
            }
        }
    }
}

fn method(option: &ProviderOption) -> TokenStream {
    let name = &option.name;
    let method = ident(name);
    let docs = doc(&method_docs(option));
    let (ty, call) = match &option.ty {
        OptionType::Bool => (quote!(bool), quote!(flag(#name, value))),
        OptionType::Integer { min, max } => {
            let (min, max) = (integer_bound(*min), integer_bound(*max));
            (quote!(i64), quote!(integer(#name, value, #min, #max)))
        }
        OptionType::Number { min, max } => {
            let (min, max) = (number_bound(*min), number_bound(*max));
            (quote!(f64), quote!(number(#name, value, #min, #max)))
        }
        OptionType::String => (quote!(impl AsRef<str>), quote!(text(#name, value.as_ref()))),
        OptionType::Enum(_) => {
            let ty = ident(&enum_name(option));
            (quote!(impl Into<#ty>), quote!(text(#name, value.into().as_str())))
        }
        OptionType::Strings => {
            (quote!(impl IntoIterator<Item = impl AsRef<str>>), quote!(texts(#name, value)))
        }
        OptionType::Json => (quote!(RawJson), quote!(set(#name, value))),
    };
    quote! {
        #docs
        #[must_use]
        pub fn #method(mut self, value: #ty) -> Self {
            self.0.#call;
            self
        }
    }
}

fn integer_bound(bound: Option<i64>) -> TokenStream {
    bound.map_or_else(
        || quote!(None),
        |bound| {
            let (minus, bound) =
                (bound.is_negative().then(|| quote!(-)), super::rust::number(bound.unsigned_abs()));
            quote!(Some(#minus #bound))
        },
    )
}

fn number_bound(bound: Option<f64>) -> TokenStream {
    bound.filter(|bound| bound.is_finite()).map_or_else(
        || quote!(None),
        |bound| {
            let (minus, bound) =
                (bound.is_sign_negative().then(|| quote!(-)), Literal::f64_unsuffixed(bound.abs()));
            quote!(Some(#minus #bound))
        },
    )
}

fn method_docs(option: &ProviderOption) -> String {
    let mut out = match &option.doc {
        Some(doc) => docs::sentence(&docs::sanitise(doc)),
        None => format!("Sets `{}`.", option.name),
    };
    if let Some(range) = range(&option.ty) {
        out.push_str(&format!("\n\n{range}; anything else fails the call before it is sent."));
    }
    out
}

fn range(ty: &OptionType) -> Option<String> {
    let (min, max) = match ty {
        OptionType::Integer { min, max } => (min.map(|v| v.to_string()), max.map(|v| v.to_string())),
        OptionType::Number { min, max } => (min.map(|v| v.to_string()), max.map(|v| v.to_string())),
        _ => return None,
    };
    match (min, max) {
        (Some(min), Some(max)) => Some(format!("From {min} to {max}")),
        (Some(min), None) => Some(format!("At least {min}")),
        (None, Some(max)) => Some(format!("At most {max}")),
        (None, None) => None,
    }
}

/// `service_tier` as `ServiceTier`; a name that the file uses otherwise gets a word more.
fn enum_name(option: &ProviderOption) -> String {
    let name = camel(&option.name);
    let is_taken =
        crate::names::is_taken_type(&name) || matches!(name.as_str(), "ProviderOptions" | "RawJson");
    if is_taken { name + "Value" } else { name }
}

fn open_enum(option: &ProviderOption, words: &[String]) -> TokenStream {
    let name = ident(&enum_name(option));
    let variants = variants(words);
    let docs = doc(&format!("A value of [`Options::{}`].", option.name));
    let listed = variants.iter().map(|(variant, word)| {
        let docs = doc(&format!("`{}`.", docs::plain(word).replace('`', "'")));
        quote!(#docs #variant)
    });
    let (idents, texts): (Vec<_>, Vec<_>) = variants.iter().cloned().unzip();
    quote! {
        #docs
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum #name {
            #(#listed,)*
            /// Another value, in the provider's own word.
            Other(String),
        }

        impl #name {
            /// The value as it is sent.
            pub fn as_str(&self) -> &str {
                match self {
                    #(Self::#idents => #texts,)*
                    Self::Other(value) => value,
                }
            }
        }

        impl From<&str> for #name {
            fn from(value: &str) -> Self {
                match value {
                    #(#texts => Self::#idents,)*
                    other => Self::Other(other.to_owned()),
                }
            }
        }
    }
}

/// Variants with the words they stand for, unique; a word that would take a name that is taken gets a number.
fn variants(words: &[String]) -> Vec<(proc_macro2::Ident, String)> {
    let mut taken = vec!["Other".to_owned()];
    let mut out = Vec::new();
    for word in words {
        let base = pascal(word);
        let mut name = base.clone();
        let mut count = 2;
        while taken.contains(&name) {
            name = format!("{base}{count}");
            count += 1;
        }
        taken.push(name.clone());
        out.push((ident(&name), word.clone()));
    }
    out
}

/// A word of a wire as the name of a variant.
fn pascal(word: &str) -> String {
    let parts = word.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| part.is_empty().not());
    let name: String = parts.map(camel).collect();
    match name.chars().next() {
        None => "Value".to_owned(),
        Some(c) if c.is_ascii_digit() => format!("V{name}"),
        Some(_) => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::sample;

    #[test]
    fn every_type_has_its_setter_and_a_range_is_in_the_docs() {
        let text = file(&sample::provider(), "providers/acme.yaml").unwrap().unwrap().text;
        assert!(text.contains("pub fn tier(mut self, value: impl Into<TierValue>) -> Self {"), "{text}");
        assert!(text.contains("self.0.integer(\"depth\", value, Some(-1), Some(2_000));"), "{text}");
        assert!(text.contains("/// From -1 to 2000; anything else fails the call before it is sent."));
        assert!(text.contains("Other(String)"));
    }

    #[test]
    fn words_become_unique_variants() {
        let words = ["a-b", "a_b", "other", "1x", "", "é"].map(str::to_owned);
        let names: Vec<String> = variants(&words).iter().map(|(name, _)| name.to_string()).collect();
        assert_eq!(names, ["AB", "AB2", "Other2", "V1x", "Value", "Value2"]);
    }

    #[test]
    fn a_provider_without_options_has_no_file() {
        let provider = Provider { options: Vec::new(), ..sample::provider() };
        assert_eq!(file(&provider, "x").unwrap(), None);
    }
}
