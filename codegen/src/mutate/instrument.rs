//! Many wires in one: functions that some mutant changes become a choice between the function as it is and its forms in
//! those mutants. Which mutant is chosen is known when the program runs, so that one build holds all of them.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::{FnArg, Ident, Item, ItemFn, ItemMod, Pat, Signature, UseTree};

/// The items of a module by name, and what it imports.
#[derive(Clone, Default)]
pub(super) struct Module {
    functions: BTreeMap<String, ItemFn>,
    imports: BTreeSet<String>,
}

/// A module with all its mutants.
#[derive(Debug)]
pub(super) struct Instrumented {
    /// Its items.
    pub tokens: TokenStream,
    /// The functions at which each mutant is chosen, by the number of the mutant.
    pub sites: BTreeMap<usize, Vec<String>>,
}

impl Module {
    /// Reads what an emitter made. `None` if it is no Rust: a change that the emitters cannot follow.
    pub(super) fn read(tokens: TokenStream) -> Option<Self> {
        let module: ItemMod = syn::parse2(tokens).ok()?;
        let mut read = Self::default();
        for item in module.content.map(|(_, items)| items).unwrap_or_default() {
            match item {
                Item::Fn(function) => {
                    read.functions.insert(function.sig.ident.to_string(), function);
                }
                Item::Use(import) => import_paths(&import.tree, "", &mut read.imports),
                _ => return None,
            }
        }
        Some(read)
    }

    /// The functions of `mutant` that are not as they are here.
    fn changed<'m>(&self, mutant: &'m Self) -> BTreeMap<&'m str, &'m ItemFn> {
        let is_same = |name: &str, function: &ItemFn| {
            self.functions.get(name).is_some_and(|base| text(base) == text(function))
        };
        let functions = mutant.functions.iter().map(|(name, function)| (name.as_str(), function));
        functions.filter(|(name, function)| !is_same(name, function)).collect()
    }
}

/// The module `base` with `mutants`, each under its number. `site` numbers a function at which one is chosen.
pub(super) fn module(
    base: &Module,
    mutants: &[(usize, Module)],
    mut site: impl FnMut(&str) -> usize,
) -> Instrumented {
    let mut arms: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let (mut copies, mut imports) = (TokenStream::new(), base.imports.clone());
    let mut sites: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (id, mutant) in mutants {
        let changed = base.changed(mutant);
        imports.extend(mutant.imports.iter().cloned());
        for (name, function) in &changed {
            copies.extend(copy(function, *id, &changed));
            // What is called otherwise is called by what has changed as well, and by its own name.
            if let Some((name, known)) = base.functions.get_key_value(*name)
                && types(&known.sig) == types(&function.sig)
            {
                arms.entry(name).or_default().push(*id);
                sites.entry(*id).or_default().push(name.clone());
            }
        }
    }
    let functions = base.functions.iter().map(|(name, function)| match arms.get(name.as_str()) {
        Some(ids) => choice(function, ids, site(name)),
        None => function.to_token_stream(),
    });
    let functions: TokenStream = functions.collect();
    let imports = imports.iter().filter_map(|path| syn::parse_str::<UseTree>(path).ok());
    Instrumented { tokens: quote!(#(use #imports;)* #functions #copies), sites }
}

/// The function of a mutant, which calls the functions of that mutant.
fn copy(function: &ItemFn, id: usize, changed: &BTreeMap<&str, &ItemFn>) -> TokenStream {
    let mut copy = function.clone();
    copy.attrs.clear();
    let name = |name: &Ident| format_ident!("{name}__m{id}");
    copy.sig.ident = name(&copy.sig.ident);
    let tokens = copy.to_token_stream();
    calls(tokens, &|ident| {
        if changed.contains_key(ident.to_string().as_str()) { name(ident) } else { ident.clone() }
    })
}

/// The tokens with the names of called functions replaced; methods and paths stay.
fn calls(tokens: TokenStream, rename: &dyn Fn(&Ident) -> Ident) -> TokenStream {
    let mut out = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    let mut is_path = false;
    while let Some(token) = tokens.next() {
        let is_call = matches!(tokens.peek(), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
        let next_is_path = matches!(&token, TokenTree::Punct(punct) if matches!(punct.as_char(), '.' | ':'));
        out.push(match token {
            TokenTree::Ident(ident) if is_call && !is_path => TokenTree::Ident(rename(&ident)),
            TokenTree::Group(group) => {
                let mut inner = proc_macro2::Group::new(group.delimiter(), calls(group.stream(), rename));
                inner.set_span(group.span());
                TokenTree::Group(inner)
            }
            token => token,
        });
        is_path = next_is_path;
    }
    out.into_iter().collect()
}

/// A function that is chosen when it is called.
fn choice(function: &ItemFn, ids: &[usize], site: usize) -> TokenStream {
    let (visibility, signature, name) = (&function.vis, &function.sig, &function.sig.ident);
    let arguments: Vec<&Ident> = signature.inputs.iter().filter_map(argument).collect();
    let arms = ids.iter().map(|id| {
        let mutant = format_ident!("{name}__m{id}");
        quote!(#id => #mutant(#(#arguments),*),)
    });
    let mut base = function.clone();
    base.attrs.clear();
    base.sig.ident = format_ident!("{name}__base");
    let own = &base.sig.ident;
    quote! {
        #visibility #signature {
            match typewright_switch::chosen(#site) {
                #(#arms)*
                _ => #own(#(#arguments),*),
            }
        }
        #base
    }
}

fn argument(input: &FnArg) -> Option<&Ident> {
    match input {
        FnArg::Typed(typed) => match &*typed.pat {
            Pat::Ident(pattern) => Some(&pattern.ident),
            _ => None,
        },
        FnArg::Receiver(_) => None,
    }
}

/// What a caller sees of a function: its types, and no names.
fn types(signature: &Signature) -> Vec<String> {
    let inputs = signature.inputs.iter().map(|input| match input {
        FnArg::Typed(typed) => text(&typed.ty),
        FnArg::Receiver(receiver) => text(receiver),
    });
    inputs.chain([text(&signature.output), text(&signature.generics)]).collect()
}

fn import_paths(tree: &UseTree, prefix: &str, paths: &mut BTreeSet<String>) {
    match tree {
        UseTree::Path(path) => import_paths(&path.tree, &format!("{prefix}{}::", path.ident), paths),
        UseTree::Group(group) => group.items.iter().for_each(|tree| import_paths(tree, prefix, paths)),
        other => {
            paths.insert(format!("{prefix}{}", text(other)));
        }
    }
}

fn text(tokens: &impl ToTokens) -> String {
    tokens.to_token_stream().to_string()
}

/// The statics and constants that a wire hands to the runtime.
pub(super) fn statics(tokens: TokenStream) -> Vec<Item> {
    let items = syn::parse2::<syn::File>(tokens).map_or_else(|_| Vec::new(), |file| file.items);
    items.into_iter().filter(|item| name_of(item).is_some()).collect()
}

/// What a mutant changes of the statics: copies under its number, with everything that refers to a changed one.
pub(super) fn changed_statics(
    base: &[Item],
    mutant: &[Item],
    id: usize,
) -> Option<(TokenStream, BTreeSet<String>)> {
    let mut changed: BTreeSet<String> = mutant
        .iter()
        .filter(|item| !base.iter().any(|known| text(known) == text(item)))
        .filter_map(name_of)
        .collect();
    if changed.is_empty() {
        return None;
    }
    let users: Vec<String> =
        mutant.iter().filter(|item| mentions(item.to_token_stream(), &changed)).filter_map(name_of).collect();
    changed.extend(users);
    let rename = |ident: &Ident| format_ident!("{ident}__m{id}");
    let copies = mutant.iter().filter(|item| name_of(item).is_some_and(|name| changed.contains(&name)));
    let copies = copies.map(|item| names(item.to_token_stream(), &changed, &rename));
    Some((copies.collect(), changed))
}

fn name_of(item: &Item) -> Option<String> {
    match item {
        Item::Static(item) => Some(item.ident.to_string()),
        Item::Const(item) => Some(item.ident.to_string()),
        _ => None,
    }
}

fn mentions(tokens: TokenStream, wanted: &BTreeSet<String>) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => wanted.contains(&ident.to_string()),
        TokenTree::Group(group) => mentions(group.stream(), wanted),
        _ => false,
    })
}

/// The tokens with some names replaced, wherever they stand.
pub(super) fn names(
    tokens: TokenStream,
    wanted: &BTreeSet<String>,
    rename: &dyn Fn(&Ident) -> Ident,
) -> TokenStream {
    let token = |token| match token {
        TokenTree::Ident(ident) if wanted.contains(&ident.to_string()) => TokenTree::Ident(rename(&ident)),
        TokenTree::Group(group) => TokenTree::Group(proc_macro2::Group::new(
            group.delimiter(),
            names(group.stream(), wanted, rename),
        )),
        token => token,
    };
    tokens.into_iter().map(token).collect()
}
