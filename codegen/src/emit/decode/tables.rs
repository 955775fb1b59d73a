//! Tables that became `match`es: finish reasons, usage arithmetic, error classes.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::ident;
use crate::ir::decode::{Decode, Errors, FinishRow, Usage};

/// The functions for the tables that the operation has.
pub(super) fn items(decode: &Decode) -> TokenStream {
    let is_chat = decode.operation == "chat";
    let finish = is_chat.then(|| finish(&decode.finish));
    let usage = (is_chat || decode.operation == "embed").then(|| usage(&decode.usage));
    let classify = is_chat.then(|| classify(&decode.errors));
    quote!(#finish #usage #classify)
}

fn finish(rows: &[FinishRow]) -> TokenStream {
    let reason = |reason: &Option<String>| match reason.as_deref() {
        None => quote!(return None),
        Some("other") => quote!(FinishReason::Other(reason.to_owned())),
        Some(word) => {
            let variant = ident(&crate::emit::camel(word));
            quote!(FinishReason::#variant)
        }
    };
    let derived = rows.iter().filter(|row| row.with_calls.is_some()).map(|row| {
        let (wire, reason) = (&row.wire, reason(&row.with_calls));
        quote!(#wire if calls => #reason,)
    });
    let mut groups: Vec<(&Option<String>, Vec<&str>)> = Vec::new();
    for row in rows.iter().filter(|row| row.wire != "_") {
        match groups.iter_mut().find(|(known, _)| *known == &row.reason) {
            Some((_, words)) => words.push(&row.wire),
            None => groups.push((&row.reason, vec![&row.wire])),
        }
    }
    // What means "other" is what the last arm says anyway.
    let groups =
        groups.iter().filter(|(known, _)| known.as_deref() != Some("other")).map(|(known, words)| {
            let reason = reason(known);
            quote!(#(#words)|* => #reason,)
        });
    let rest = rows
        .iter()
        .find(|row| row.wire == "_")
        .map_or_else(|| reason(&Some("other".to_owned())), |row| reason(&row.reason));
    let calls = if rows.iter().any(|row| row.with_calls.is_some()) {
        format_ident!("calls")
    } else {
        format_ident!("_calls")
    };
    quote! {
        /// What the wire's word for why the model stopped means; `None` is a word that says nothing.
        pub(super) fn finish(reason: &str, #calls: bool) -> Option<FinishReason> {
            Some(match reason {
                #(#derived)*
                #(#groups)*
                _ => #rest,
            })
        }
    }
}

fn usage(usage: &Usage) -> TokenStream {
    let names = leaf_names(&usage.leaves);
    let leaf = |indices: &[usize]| {
        let mut names = indices.iter().map(|index| &names[*index]);
        let first = names.next();
        quote!(#first #(.or(#names))*)
    };
    let fields = usage.fields.iter().map(|field| {
        let name = ident(&field.name);
        let terms = field.terms.iter().map(|(negative, indices)| {
            let leaf = leaf(indices);
            if *negative { quote!(#leaf.map(|n: i64| -n)) } else { leaf }
        });
        quote!(#name: sum(&[#(#terms),*]))
    });
    quote! {
        /// Adds the wire's numbers up to the canonical ones.
        pub(super) fn usage(leaves: &[Option<i64>]) -> Usage {
            let [#(#names),*] = *leaves else { return Usage::default() };
            Usage { #(#fields,)* ..Usage::default() }
        }
    }
}

/// A name for every leaf: its key, or its whole path where two leaves have the same key.
fn leaf_names(leaves: &[String]) -> Vec<syn::Ident> {
    let word = |text: &str| {
        text.chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
            .collect::<String>()
    };
    let short = |path: &String| word(path.rsplit('.').next().unwrap_or(path));
    let is_shared = |path: &String| leaves.iter().filter(|other| short(other) == short(path)).count() > 1;
    let name = |path: &String| if is_shared(path) && path.contains('.') { word(path) } else { short(path) };
    let mut names: Vec<String> = Vec::with_capacity(leaves.len());
    for path in leaves {
        names.push(unique(name(path), &names));
    }
    names.iter().map(|name| ident(name)).collect()
}

/// A word of the wire as a name that Rust allows, and that no other leaf has.
fn unique(name: String, taken: &[String]) -> String {
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && syn::parse_str::<syn::Ident>(&name).is_ok()
        && !["leaves", "sum", "n"].contains(&name.as_str());
    let name = if is_name { name } else { format!("leaf_{name}") };
    let numbered = (2..).map(|n| format!("{name}_{n}"));
    let free = |name: &String| !taken.contains(name);
    std::iter::once(name.clone()).chain(numbered).find(free).unwrap_or(name)
}

fn classify(errors: &Errors) -> TokenStream {
    let kind = |name: &str| {
        let variant = ident(name);
        quote!(ErrorKind::#variant)
    };
    let table = |subject: &str, rows: &[(String, String)]| {
        if rows.is_empty() {
            return TokenStream::new();
        }
        let subject = ident(subject);
        let arms = rows.iter().map(|(wire, class)| {
            let class = kind(class);
            quote!(Some(#wire) => return #class,)
        });
        quote!(match #subject { #(#arms)* _ => {} })
    };
    let (by_code, by_kind) = (table("code", &errors.code), table("kind", &errors.kind));
    let statuses = errors.status.iter().map(|(status, class)| {
        let class = kind(class);
        let status = proc_macro2::Literal::u16_unsuffixed(*status);
        quote!(#status => #class,)
    });
    let rest = kind(if errors.rest.is_empty() { "Other" } else { &errors.rest });
    let name = |word: &str, used: bool| if used { format_ident!("{word}") } else { format_ident!("_{word}") };
    let (kind_name, code_name) =
        (name("kind", !errors.kind.is_empty()), name("code", !errors.code.is_empty()));
    quote! {
        /// The canonical class of an error: by its code, then its kind, then the HTTP status.
        pub(super) fn classify(#kind_name: Option<&str>, #code_name: Option<&str>, status: u16) -> ErrorKind {
            #by_code
            #by_kind
            match status {
                #(#statuses)*
                _ => #rest,
            }
        }
    }
}
