//! Nothing outside of tests may panic on purpose. Read from the tokens, so that macros and the code inside of
//! `quote!` count as well; clippy sees neither generated crates nor what is yet to be generated.

use std::collections::BTreeSet;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};

use super::{Source, generated, sources};

const METHODS: &[&str] = &["expect", "expect_err", "unwrap", "unwrap_err", "unwrap_unchecked"];
const MACROS: &[&str] =
    &["dbg", "eprint", "eprintln", "panic", "print", "println", "todo", "unimplemented", "unreachable"];

#[test]
fn nothing_panics_or_prints_outside_of_tests() {
    let mut all = sources(&["codegen/src", "runtime/src", "templates"]);
    generated().iter().for_each(|folder| all.extend(sources(&[&format!("{folder}/src")])));
    let tests = test_modules(&all);
    let mut found = Vec::new();
    let mut read = 0;
    for source in all.iter().filter(|source| !tests.iter().any(|test| source.path.starts_with(test.as_str())))
    {
        read += 1;
        let items = syn::parse_file(&source.text).unwrap().items;
        let code = items.iter().filter(|item| !is_test(item));
        let tokens: TokenStream = code.map(quote::ToTokens::to_token_stream).collect();
        offences(tokens, &source.path, &mut found);
    }
    assert!(read > 100 && !tests.is_empty(), "{read} files, {tests:?}");
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn an_offence_is_seen_wherever_it_stands() {
    let offending = "fn f() { x.unwrap(); macro_of!(y.expect(\"z\")); quote! { panic!(\"#w\") } }";
    let innocent = "fn f() { x.unwrap_or(1); self.expect = 1; panics(); } /// x.unwrap()\n mod m {}";
    let mut found = Vec::new();
    offences(offending.parse().unwrap(), "f.rs", &mut found);
    assert_eq!(found.len(), 3, "{found:?}");
    offences(innocent.parse().unwrap(), "f.rs", &mut found);
    assert_eq!(found.len(), 3, "{found:?}");
}

/// The paths of modules that stand behind `#[cfg(test)] mod x;`, with and without their `.rs`.
fn test_modules(all: &[Source]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for source in all {
        for item in syn::parse_file(&source.text).unwrap().items {
            if let syn::Item::Mod(module) = &item
                && module.content.is_none()
                && is_test(&item)
            {
                let path = Path::new(&source.path);
                let stem = path.file_stem().unwrap().to_string_lossy();
                let own = ["mod", "lib", "main"].contains(&stem.as_ref());
                let folder = if own { path.parent().unwrap().to_owned() } else { path.with_extension("") };
                let module = folder.join(module.ident.to_string()).to_string_lossy().replace('\\', "/");
                found.extend([format!("{module}.rs"), format!("{module}/")]);
            }
        }
    }
    found
}

fn is_test(item: &syn::Item) -> bool {
    let attributes = match item {
        syn::Item::Mod(module) => &module.attrs,
        syn::Item::Fn(function) => &function.attrs,
        syn::Item::Use(used) => &used.attrs,
        syn::Item::Impl(block) => &block.attrs,
        _ => return false,
    };
    attributes.iter().any(|attribute| {
        let text = quote::ToTokens::to_token_stream(attribute).to_string().replace(' ', "");
        text == "#[cfg(test)]" || text == "#[test]"
    })
}

fn offences(tokens: TokenStream, path: &str, found: &mut Vec<String>) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, tree) in trees.iter().enumerate() {
        if let TokenTree::Group(group) = tree {
            offences(group.stream(), path, found);
        }
        let TokenTree::Ident(name) = tree else { continue };
        let (before, after) = (at.checked_sub(1).and_then(|at| trees.get(at)), trees.get(at + 1));
        let is = |tree: Option<&TokenTree>, wanted: char| matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted);
        let called = matches!(after, Some(TokenTree::Group(group)) if group.delimiter() == proc_macro2::Delimiter::Parenthesis);
        let text = name.to_string();
        let method = METHODS.contains(&text.as_str()) && is(before, '.') && called;
        let invoked = MACROS.contains(&text.as_str())
            && is(after, '!')
            && matches!(trees.get(at + 2), Some(TokenTree::Group(_)));
        if method || invoked {
            found.push(format!("{path}: {text}"));
        }
    }
}
