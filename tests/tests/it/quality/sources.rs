//! The form of sources: what each file says of itself, how long it is, what generated decoders are made of.

use super::{generated, sources};
use crate::folder::root;

/// Files longer than this are two files.
const LONGEST: usize = 600;

#[test]
fn every_module_says_what_it_is_for() {
    let folders = ["codegen/src", "runtime/src", "templates", "tests/src", "tests/tests", "xtask/src"];
    let mut all = sources(&folders);
    generated().iter().for_each(|folder| all.extend(sources(&[folder])));
    for source in &all {
        let first = source.text.lines().find(|line| !line.starts_with("// @generated")).unwrap_or_default();
        assert!(first.starts_with("//! ") && first.len() > 20, "{}: {first}", source.path);
    }
}

#[test]
fn no_file_is_long() {
    let folders = ["codegen/src", "runtime/src", "templates", "tests/src", "tests/tests", "xtask/src"];
    let long = sources(&folders).into_iter().map(|source| (source.text.lines().count(), source.path));
    let long: Vec<_> = long.filter(|(lines, _)| *lines > LONGEST).collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn decoders_are_code_and_hold_no_rules_to_walk() {
    for folder in generated().iter().filter(|folder| !folder.ends_with("/typewright")) {
        let sources = sources(&[&format!("{folder}/src")]);
        let Some(wire) = sources.iter().find(|source| source.path.ends_with("/wire.rs")) else {
            // What runs models in the process has no wire.
            let manifest = std::fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
            assert!(manifest.contains("engine = ["), "{folder} has no wire");
            continue;
        };
        let parsed = syn::parse_file(&wire.text).unwrap();
        let mut found = Tables::default();
        syn::visit::visit_file(&mut found, &parsed);
        assert!(found.tables.is_empty(), "{}: {:?}", wire.path, found.tables);
        assert!(found.paths.is_empty(), "{}: {:?}", wire.path, found.paths);
        assert!(found.matched_keys > 20, "{}: {} keys are matched", wire.path, found.matched_keys);
    }
}

/// What a decoder must not hold, and how many keys it matches.
#[derive(Default)]
struct Tables {
    tables: Vec<String>,
    paths: Vec<String>,
    matched_keys: usize,
}

impl<'a> syn::visit::Visit<'a> for Tables {
    /// The only data are the descriptions of operations, whose parts are functions.
    fn visit_item_const(&mut self, item: &'a syn::ItemConst) {
        self.data(&item.ident, &item.ty);
        syn::visit::visit_item_const(self, item);
    }

    fn visit_item_static(&mut self, item: &'a syn::ItemStatic) {
        self.data(&item.ident, &item.ty);
        syn::visit::visit_item_static(self, item);
    }

    fn visit_arm(&mut self, arm: &'a syn::Arm) {
        let text = quote::ToTokens::to_token_stream(&arm.pat).to_string();
        self.matched_keys += usize::from(text.starts_with("b\""));
        syn::visit::visit_arm(self, arm);
    }

    /// Comments are for people.
    fn visit_attribute(&mut self, _: &'a syn::Attribute) {}

    fn visit_lit_str(&mut self, text: &'a syn::LitStr) {
        let value = text.value();
        if value.starts_with("$.") || value.starts_with("$[") || value.contains("[]") && value.contains('.') {
            self.paths.push(value);
        }
    }
}

impl Tables {
    fn data(&mut self, name: &syn::Ident, ty: &syn::Type) {
        let ty = quote::ToTokens::to_token_stream(ty).to_string().replace(' ', "");
        let described = ["ChatWire", "EmbedWire", "ListWire", "CountWire", "ErrorWire"];
        if !described.iter().any(|known| ty.ends_with(known)) {
            self.tables.push(format!("{name}: {ty}"));
        }
    }
}
