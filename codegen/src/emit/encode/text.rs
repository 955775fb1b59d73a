//! Paths, query parameters and headers: strings rather than JSON.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::access::{access, guards, ident};
use super::conds::cond;
use super::env::Env;
use super::nodes::all;
use super::values::word;
use crate::ir::encode::{Entry, Node, NodeKind, Piece, Value, Write};
use crate::vocabulary::Read;

/// Statements that append a path to `out`.
pub(super) fn path(env: &Env<'_>, node: Option<&Node>) -> TokenStream {
    node.map(|node| append(env, node, &ident("out"), false)).unwrap_or_default()
}

/// Statements that push parameters to `out`.
pub(super) fn parameters(env: &Env<'_>, entries: &[Entry]) -> TokenStream {
    entries.iter().map(|entry| parameter(env, entry)).collect()
}

fn parameter(env: &Env<'_>, entry: &Entry) -> TokenStream {
    let name = entry.key.as_deref().unwrap_or_default();
    if let NodeKind::Const(json) = &entry.node.kind {
        let text = plain(json);
        return quote!(out.push((#name, #text.to_owned())););
    }
    if let NodeKind::Value(value) = &entry.node.kind
        && value.write != Write::Percent
    {
        return lone(env, name, value);
    }
    let is_list = matches!(entry.node.kind, NodeKind::List(_));
    let body = append(env, &entry.node, &ident("value"), is_list);
    if body.is_empty() {
        return body;
    }
    quote! {
        let mut value = String::new();
        #body
        if !value.is_empty() {
            out.push((#name, value));
        }
    }
}

/// A parameter that is one field.
fn lone(env: &Env<'_>, name: &str, value: &Value) -> TokenStream {
    let found = access(env, &value.field);
    let val = &found.value;
    let text = match (&value.write, value.field.read) {
        (_, Read::Option) => quote!(option_text(#val).into_owned()),
        (Write::Str | Write::Word, _) => {
            let word = word(env, value, val);
            quote!(#word.to_owned())
        }
        _ => quote!(#val.to_string()),
    };
    guarded(&found.guards, &quote!(out.push((#name, #text));))
}

/// Statements that append a node to the string `to`; as an item of a list, behind a comma.
fn append(env: &Env<'_>, node: &Node, to: &Ident, item: bool) -> TokenStream {
    let target = if to == "out" { quote!(out) } else { quote!(&mut #to) };
    let comma = item.then(|| quote!(separate(#target);));
    match &node.kind {
        NodeKind::Const(json) => {
            let text = plain(json);
            let push = push_text(to, &text);
            quote!(#comma #push)
        }
        NodeKind::Value(value) => {
            let (found, push) = push(env, value, to, &target);
            guarded(&found, &quote!(#comma #push))
        }
        NodeKind::Template(pieces) => template(env, pieces, to, &target, comma.as_ref()),
        NodeKind::List(items) => items.iter().map(|item| append(env, item, to, true)).collect(),
        NodeKind::If { cond: test, then } => {
            let (test, inner) = (all(&[cond(env, test)]), append(env, then, to, item));
            quote!(if #test { #inner })
        }
        NodeKind::One(alts) => {
            let mut tokens = TokenStream::new();
            for alt in alts {
                let mut env = env.clone();
                let guards = guards(&mut env, alt);
                let inner = append(&env, &alt.node, to, item);
                let lead = (!tokens.is_empty()).then(|| quote!(else));
                let test = (!guards.is_empty()).then(|| {
                    let test = all(&guards);
                    quote!(if #test)
                });
                tokens = if lead.is_none() && test.is_none() {
                    inner
                } else {
                    quote!(#tokens #lead #test { #inner })
                };
            }
            tokens
        }
        NodeKind::Object(_) | NodeKind::Runs(_) | NodeKind::Absent => TokenStream::new(),
    }
}

fn template(
    env: &Env<'_>,
    pieces: &[Piece],
    to: &Ident,
    target: &TokenStream,
    comma: Option<&TokenStream>,
) -> TokenStream {
    let mut found = Vec::new();
    let mut body = TokenStream::new();
    for piece in pieces {
        body.extend(match piece {
            Piece::Text(text) => push_text(to, text),
            Piece::Value(value) => {
                let (guards, push) = push(env, value, to, target);
                found.extend(guards);
                push
            }
        });
    }
    guarded(&found, &quote!(#comma #body))
}

/// What has to hold for a field, and the statement that appends it.
fn push(env: &Env<'_>, value: &Value, to: &Ident, target: &TokenStream) -> (Vec<TokenStream>, TokenStream) {
    let found = access(env, &value.field);
    let val = &found.value;
    let push = match (&value.write, value.field.read) {
        (_, Read::Option) => quote!(#to.push_str(&option_text(#val));),
        (Write::Percent, _) => quote!(percent(#target, #val);),
        (Write::Uint | Write::Int | Write::Bool, _) => quote!(#to.push_str(&#val.to_string());),
        _ => {
            let word = word(env, value, val);
            quote!(#to.push_str(#word);)
        }
    };
    (found.guards, push)
}

fn push_text(to: &Ident, text: &str) -> TokenStream {
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) => quote!(#to.push(#letter);),
        _ => quote!(#to.push_str(#text);),
    }
}

fn guarded(guards: &[TokenStream], inner: &TokenStream) -> TokenStream {
    if guards.is_empty() {
        return inner.clone();
    }
    let test = all(guards);
    quote!(if #test { #inner })
}

/// A JSON scalar as the text of a parameter.
fn plain(json: &str) -> String {
    serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned())
}
