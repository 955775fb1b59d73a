//! Conditions as boolean expressions.

use proc_macro2::TokenStream;
use quote::quote;

use super::access::{absent, access, base, ident, pattern, present};
use super::env::Env;
use crate::ir::encode::{Cond, FieldRef, Test};
use crate::vocabulary::Read;

/// A condition, safe beside `&&` and behind `!`.
pub(super) fn cond(env: &Env<'_>, cond: &Cond) -> TokenStream {
    match cond {
        Cond::Stream => env.stream.clone(),
        Cond::Cap(name) => {
            let (model, name) = (&env.model, ident(name));
            quote!(#model.can(Capability::#name))
        }
        Cond::Uses(name) => {
            let (request, name) = (&env.request, ident(&format!("uses_{name}")));
            quote!(#name(#request))
        }
        Cond::Has(field) => present(env, field),
        Cond::Is(field, test) => is(env, field, test),
        Cond::Role(role) => {
            let (at_hand, role) = (&env.role, ident(role));
            quote!(#at_hand == Role::#role)
        }
        Cond::Not(inner) => not(env, inner),
        Cond::All(conds) => join(env, conds, &quote!(&&), &quote!(true)),
        Cond::Any(conds) => join(env, conds, &quote!(||), &quote!(false)),
    }
}

fn not(env: &Env<'_>, inner: &Cond) -> TokenStream {
    match inner {
        Cond::Not(inner) => cond(env, inner),
        Cond::Has(field) => absent(env, field),
        Cond::Role(role) => {
            let (at_hand, role) = (&env.role, ident(role));
            quote!(#at_hand != Role::#role)
        }
        Cond::Is(..) => {
            let inner = cond(env, inner);
            quote!(!(#inner))
        }
        _ => {
            let inner = cond(env, inner);
            quote!(!#inner)
        }
    }
}

fn join(env: &Env<'_>, conds: &[Cond], operator: &TokenStream, none: &TokenStream) -> TokenStream {
    let mut conds = conds.iter().map(|inner| cond(env, inner));
    match (conds.next(), conds.len()) {
        (None, _) => none.clone(),
        (Some(only), 0) => only,
        (Some(first), _) => quote!((#first #(#operator #conds)*)),
    }
}

fn is(env: &Env<'_>, field: &FieldRef, test: &Test) -> TokenStream {
    match test {
        Test::Variant { rust, variant, payload } => {
            let (request, name) = (&env.request, ident(&field.name));
            let (rust, variant) = (ident(rust), ident(variant));
            let rest = payload.then(|| quote!((_)));
            quote!(matches!(#request.#name, Some(#rust::#variant #rest)))
        }
        Test::Bool(wanted) => bool_is(env, field, *wanted),
        Test::Str(wanted) => text_is(env, field, wanted),
    }
}

fn bool_is(env: &Env<'_>, field: &FieldRef, wanted: bool) -> TokenStream {
    let found = access(env, field);
    if found.guards.is_empty() {
        let value = found.value;
        return if wanted { value } else { quote!(!#value) };
    }
    let (base, name) = (base(env, field), ident(&field.name));
    quote!(#base.#name == Some(#wanted))
}

fn text_is(env: &Env<'_>, field: &FieldRef, wanted: &str) -> TokenStream {
    let found = access(env, field);
    let (guards, value) = (found.guards, found.value);
    if let Some(via) = &field.via {
        let (request, outer, payload) = (&env.request, ident(&via.field), ident(&via.var));
        let pattern = pattern(&via.rust, &via.variant, Some(&payload));
        return quote!(#request.#outer.as_ref().is_some_and(|inner| matches!(inner, #pattern if #value.as_str() == #wanted)));
    }
    match (guards.is_empty(), field.read) {
        (true, _) => quote!(#value.as_str() == #wanted),
        (false, Read::Field) => {
            let (base, name) = (base(env, field), ident(&field.name));
            quote!(#base.#name.as_deref() == Some(#wanted))
        }
        (false, _) => {
            let name = ident(&field.name);
            quote!(turn.#name() == Some(#wanted))
        }
    }
}
