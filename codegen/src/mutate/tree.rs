//! The workspace in which mutants are built: generated crates that ask a switch, the switch, and the tests' library over
//! them with a program that runs it.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident};
use syn::{Ident, Item};

use super::instrument;
use crate::emit::output::Output;

/// A wire with its mutants.
#[derive(Debug)]
pub(super) struct Wire {
    /// The folder of its crate.
    pub folder: String,
    /// Its file.
    pub text: String,
    /// The choice between wires.
    pub site: usize,
    /// The mutants that have statics of their own, by number, and which.
    pub wires: BTreeMap<usize, BTreeSet<String>>,
}

/// The crate that is asked which mutant to be.
const SWITCH: &str = include_str!("switch.rs");

const SWITCH_MANIFEST: &str =
    "[package]\nname = \"typewright-switch\"\nversion = \"0.0.0\"\nedition = \"2024\"\n";

/// The files by path: all outputs, those of wires with their mutants.
pub(super) fn files(outputs: &[Output], wires: &[Wire]) -> BTreeMap<String, String> {
    let mut files: BTreeMap<String, String> = outputs
        .iter()
        .map(|output| (format!("generated/{}", output.path), output.text.to_string()))
        .collect();
    for wire in wires {
        let path = |file: &str| format!("generated/{}/{file}", wire.folder);
        files.insert(path("src/wire.rs"), wire.text.clone());
        files.entry(path("src/lib.rs")).and_modify(|lib| *lib = chosen(lib, wire));
        files.entry(path("Cargo.toml")).and_modify(|manifest| {
            manifest.push_str("typewright-switch = { path = \"../../switch\" }\n");
        });
    }
    files.insert("switch/Cargo.toml".to_owned(), SWITCH_MANIFEST.to_owned());
    files.insert("switch/src/lib.rs".to_owned(), SWITCH.to_owned());
    files
}

/// Mutants are read by nobody, so that they keep to no style.
pub(super) fn text(tokens: TokenStream) -> String {
    let plain = tokens.to_string();
    let body = syn::parse2::<syn::File>(tokens).map_or(plain, |file| prettyplease::unparse(&file));
    format!("#![allow(warnings)]\n{body}")
}

/// The crate's root, which chooses between wires.
fn chosen(lib: &str, wire: &Wire) -> String {
    let Ok(file) = syn::parse_file(lib) else { return lib.to_owned() };
    let provider = file.items.iter().find_map(|item| match item {
        Item::Static(item) if item.ident == "PROVIDER" => Some(item),
        _ => None,
    });
    let Some(provider) = provider else { return lib.to_owned() };
    let ty = &provider.ty;
    let mut out = format!("#![allow(warnings)]\n{}", lib.replace("&PROVIDER", "provider()"));
    for (id, names) in &wire.wires {
        let mut names = names.clone();
        names.insert("PROVIDER".to_owned());
        let rename = |ident: &Ident| format_ident!("{ident}__m{id}");
        out.push_str(&instrument::names(provider.to_token_stream(), &names, &rename).to_string());
        out.push('\n');
    }
    let arms = wire.wires.keys().map(|id| format!("{id} => &PROVIDER__m{id}, "));
    out.push_str(&format!(
        "fn provider() -> &'static {} {{ match typewright_switch::chosen({}) {{ {}_ => &PROVIDER }} }}\n",
        ty.to_token_stream(),
        wire.site,
        arms.collect::<String>()
    ));
    out
}
