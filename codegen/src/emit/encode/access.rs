//! How generated code reads a field: what has to hold first, and the expression then.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::env::Env;
use crate::ir::encode::{Alt, FieldRef, Via};
use crate::vocabulary::{self, Payload, Read, Ty};

/// A field as Rust.
pub(super) struct Access {
    /// Conditions and `let` patterns, to be joined by `&&`; none if the field is always there.
    pub(super) guards: Vec<TokenStream>,
    /// The value: a copy of what is `Copy`, a reference otherwise.
    pub(super) value: TokenStream,
}

/// How to read `field`.
pub(super) fn access(env: &Env<'_>, field: &FieldRef) -> Access {
    if env.is_bound(field) {
        let var = variable(field);
        return Access { guards: Vec::new(), value: quote!(#var) };
    }
    match &field.via {
        Some(via) => through(env, field, via),
        None => direct(env, field),
    }
}

fn direct(env: &Env<'_>, field: &FieldRef) -> Access {
    let Some(expr) = optional(env, field) else {
        return Access { guards: Vec::new(), value: mandatory(env, field) };
    };
    if field.ty.is_list() {
        return Access { guards: vec![present(env, field)], value: mandatory(env, field) };
    }
    let var = variable(field);
    Access { guards: vec![quote!(let Some(#var) = #expr)], value: quote!(#var) }
}

/// The `Option` that an optional field is read from.
fn optional(env: &Env<'_>, field: &FieldRef) -> Option<TokenStream> {
    if !field.optional {
        return None;
    }
    let name = ident(&field.name);
    let model = &env.model;
    Some(match field.read {
        Read::Field => {
            let base = base(env, field);
            if field.ty.is_copy() { quote!(#base.#name) } else { quote!(&#base.#name) }
        }
        Read::Turn => quote!(turn.#name()),
        Read::Limit => quote!(#model.limits.#name),
        Read::Option => {
            let (request, option) = (&env.request, field.name.trim_start_matches("options."));
            quote!(#request.option(#option))
        }
        Read::CallName => quote!(cx.call_name(&result.call_id)),
        Read::ToolId => {
            let base = ident(&field.var);
            quote!(cx.tool_id(&#base.#name))
        }
        Read::Cursor => quote!(cursor),
        Read::Payload | Read::Source(_) | Read::Context(_) | Read::Stream => quote!(None),
    })
}

fn mandatory(env: &Env<'_>, field: &FieldRef) -> TokenStream {
    let name = ident(&field.name);
    match field.read {
        Read::Payload if field.ty.is_copy() => {
            let var = ident(&field.var);
            quote!(*#var)
        }
        Read::Payload => {
            let var = ident(&field.var);
            quote!(#var)
        }
        Read::Turn if name == "parts" => env.parts.clone(),
        Read::Turn => quote!(turn.#name()),
        Read::Context(method) => {
            let method = ident(method);
            quote!(cx.#method())
        }
        Read::Stream => env.stream.clone(),
        _ => {
            let base = base(env, field);
            if field.ty.is_copy() { quote!(#base.#name) } else { quote!(&#base.#name) }
        }
    }
}

/// An iterator over a field that is a list.
pub(super) fn iter(env: &Env<'_>, field: &FieldRef) -> TokenStream {
    if field.read != Read::Field {
        return mandatory(env, field);
    }
    let (base, name) = (base(env, field), ident(&field.name));
    quote!(#base.#name.iter())
}

/// The subject that a field belongs to.
pub(super) fn base(env: &Env<'_>, field: &FieldRef) -> TokenStream {
    if field.var == "r" {
        return env.request.clone();
    }
    let var = ident(&field.var);
    quote!(#var)
}

/// A field of one variant of a sum-typed field of the request.
fn through(env: &Env<'_>, field: &FieldRef, via: &Via) -> Access {
    let (request, outer, payload) = (&env.request, ident(&via.field), ident(&via.var));
    let pattern = pattern(&via.rust, &via.variant, Some(&payload));
    if field.read == Read::Payload {
        let reference = (!field.ty.is_copy()).then(|| quote!(&));
        return Access {
            guards: vec![quote!(let Some(#pattern) = #reference #request.#outer)],
            value: quote!(#payload),
        };
    }
    let mut guards = vec![quote!(let Some(#pattern) = &#request.#outer)];
    let inner = inner(field, via);
    let found = direct(env, &inner);
    guards.extend(found.guards);
    Access { guards, value: found.value }
}

/// The field as a field of the variant's struct.
fn inner(field: &FieldRef, via: &Via) -> FieldRef {
    let name = field.name.rsplit('.').next().unwrap_or_default().to_owned();
    FieldRef { name, var: via.var.clone(), optional: via.optional, via: None, ..field.clone() }
}

/// Whether the field is there, as a boolean expression.
pub(super) fn present(env: &Env<'_>, field: &FieldRef) -> TokenStream {
    if env.is_bound(field) || !field.optional {
        return quote!(true);
    }
    if let Some(via) = &field.via {
        return present_through(env, field, via);
    }
    let name = ident(&field.name);
    match (field.read, field.ty) {
        (Read::Field, ty) if ty.is_list() => {
            let base = base(env, field);
            quote!(!#base.#name.is_empty())
        }
        (Read::Field, _) => {
            let base = base(env, field);
            quote!(#base.#name.is_some())
        }
        (Read::Turn | Read::Context(_), Ty::List(_)) => {
            let list = mandatory(env, field);
            quote!(#list.next().is_some())
        }
        (Read::Source(source), _) => {
            let (var, source) = (ident(&field.var), source_pattern(source, None));
            quote!(matches!(&#var.source, #source))
        }
        _ => {
            let expr = optional(env, field);
            quote!(#expr.is_some())
        }
    }
}

/// Whether the field is not there, as a boolean expression.
pub(super) fn absent(env: &Env<'_>, field: &FieldRef) -> TokenStream {
    let plain = field.optional && field.read == Read::Field && field.via.is_none() && !env.is_bound(field);
    let (base, name) = (base(env, field), ident(&field.name));
    match (plain, field.ty.is_list()) {
        (true, true) => quote!(#base.#name.is_empty()),
        (true, false) => quote!(#base.#name.is_none()),
        (false, _) => {
            let present = present(env, field);
            quote!(!#present)
        }
    }
}

fn present_through(env: &Env<'_>, field: &FieldRef, via: &Via) -> TokenStream {
    let (request, outer) = (&env.request, ident(&via.field));
    if !via.optional {
        let pattern = pattern(&via.rust, &via.variant, None);
        return quote!(matches!(#request.#outer, Some(#pattern)));
    }
    let payload = ident(&via.var);
    let pattern = pattern(&via.rust, &via.variant, Some(&payload));
    let inside = present(env, &inner(field, via));
    quote!(#request.#outer.as_ref().is_some_and(|inner| matches!(inner, #pattern if #inside)))
}

/// What has to hold for an alternative, as conditions and `let` patterns; binds its must-fields in `env`.
pub(super) fn guards(env: &mut Env<'_>, alt: &Alt) -> Vec<TokenStream> {
    let mut guards: Vec<TokenStream> = alt.conds.iter().map(|cond| super::conds::cond(env, cond)).collect();
    guards.extend(source_guard(alt));
    for field in &alt.musts {
        if !matches!(field.read, Read::Source(_)) {
            guards.extend(access(env, field).guards);
        }
    }
    alt.musts.iter().filter(|field| !field.ty.is_list()).for_each(|field| env.bind(field));
    guards
}

fn source_guard(alt: &Alt) -> Option<TokenStream> {
    let mut fields = alt.musts.iter().filter_map(|field| match field.read {
        Read::Source(source) => Some((source, field)),
        _ => None,
    });
    let (source, first) = fields.next()?;
    let names: Vec<&FieldRef> = std::iter::once(first).chain(fields.map(|(_, field)| field)).collect();
    let (var, pattern) = (ident(&first.var), source_pattern(source, Some(&names)));
    Some(quote!(let #pattern = &#var.source))
}

fn source_pattern(source: &str, fields: Option<&[&FieldRef]>) -> TokenStream {
    let variant = ident(&vocabulary::camel(source));
    match (source, fields) {
        ("bytes", None) => quote!(Source::Bytes { .. }),
        ("bytes", Some(fields)) => {
            let names = fields.iter().map(|field| variable(field));
            let rest = (fields.len() < 2).then(|| quote!(, ..));
            quote!(Source::Bytes { #(#names),* #rest })
        }
        (_, None) => quote!(Source::#variant(_)),
        (_, Some(fields)) => {
            let name = fields.first().map(|field| variable(field));
            quote!(Source::#variant(#name))
        }
    }
}

/// `Enum::Variant(payload)`.
pub(super) fn pattern(rust: &str, variant: &str, payload: Option<&Ident>) -> TokenStream {
    let (rust_name, variant_name) = (ident(rust), ident(&vocabulary::camel(variant)));
    let sum = vocabulary::SUMS.iter().find(|sum| sum.rust == rust);
    let unit =
        sum.and_then(|sum| sum.variant(variant)).is_none_or(|variant| variant.payload == Payload::Unit);
    match (unit, payload) {
        (true, _) => quote!(#rust_name::#variant_name),
        (false, Some(payload)) => quote!(#rust_name::#variant_name(#payload)),
        (false, None) => quote!(#rust_name::#variant_name(_)),
    }
}

/// The variable that an optional field is bound to.
pub(super) fn variable(field: &FieldRef) -> Ident {
    if let Some(via) = field.via.as_ref().filter(|_| field.read == Read::Payload) {
        return ident(&via.var);
    }
    let name = match field.ty {
        Ty::Table("cache") => "marker",
        Ty::Table(table) => vocabulary::sum(table).map_or(table, |sum| sum.var),
        _ => field.name.rsplit('.').next().unwrap_or_default(),
    };
    ident(name)
}

/// An identifier, raw if it is a keyword.
pub(super) fn ident(name: &str) -> Ident {
    let name = name.replace(['-', '.'], "_");
    if name == "_" || syn::parse_str::<Ident>(&name).is_ok() {
        format_ident!("{name}")
    } else {
        format_ident!("r#{name}")
    }
}
