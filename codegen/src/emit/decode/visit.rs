//! The walk over one JSON value: a loop over keys that binds each leaf to a local.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Target, byte_string, ident, steps};
use crate::ir::decode::{Arm, Decode, Leaf, List, LocalId, Object, Visit};

/// The function of a visit.
pub(super) fn function(decode: &Decode, visit: &Visit, target: Target, returns_failure: bool) -> TokenStream {
    let name = ident(&visit.name);
    let doc = format!(" Reads {}.", visit.what);
    let walk = walk(decode, visit);
    // Where there are no keys to look for, the walk declares what it binds.
    let looked_for = if visit.root.arms.is_empty() { &[][..] } else { &visit.locals[..] };
    let locals = looked_for.iter().map(|local| ident(&local.name));
    let steps = steps::all(decode, visit, returns_failure);
    if returns_failure {
        return quote! {
            #[doc = #doc]
            pub(super) fn #name(body: &[u8]) -> Result<Option<Failure<'_>>, Corrupt> {
                let c = &mut Cursor::new(body);
                #(let mut #locals = None;)*
                #walk
                #steps
                Ok(None)
            }
        };
    }
    let ty = target.ty();
    let at = visit.takes_place.then(|| quote!(, at: At<'_>));
    quote! {
        #[doc = #doc]
        fn #name(c: &mut Cursor<'_>, fold: &mut #ty #at) -> Result<(), Corrupt> {
            #(let mut #locals = None;)*
            #walk
            #steps
            Ok(())
        }
    }
}

fn walk(decode: &Decode, visit: &Visit) -> TokenStream {
    if !visit.root.arms.is_empty() {
        return object(decode, visit, &visit.root);
    }
    let raw = visit.root.raw.map(|raw| local(visit, raw));
    match (visit.root.leaf.map(|leaf| read(visit, leaf)), raw) {
        (None, None) => quote!(c.skip()?;),
        (Some(leaf), None) => quote!(let #leaf;),
        (None, Some(raw)) => quote!(let #raw = c.raw()?;),
        (Some(leaf), Some(raw)) => quote! {
            let start = c.start();
            let #leaf;
            let #raw = Some(c.since(start));
        },
    }
}

fn object(decode: &Decode, visit: &Visit, object: &Object) -> TokenStream {
    let arms = object.arms.iter().map(|arm| {
        let key = byte_string(&arm.key);
        let value = value(decode, visit, arm);
        quote!(#key => #value)
    });
    let walk = quote! {
        while let Some(key) = c.key()? {
            match key {
                #(#arms)*
                _ => c.skip()?,
            }
        }
    };
    match object.raw.map(|raw| local(visit, raw)) {
        None => quote!(if c.object()? { #walk }),
        Some(raw) => quote! {
            let start = c.start();
            if c.object()? {
                #walk
                #raw = Some(c.since(start));
            }
        },
    }
}

/// What is done with a key's value: by the kind of JSON, where several kinds mean something.
fn value(decode: &Decode, visit: &Visit, arm: &Arm) -> TokenStream {
    let leaf = arm.leaf.map(|leaf| read(visit, leaf));
    let inner = arm.object.as_ref().map(|inner| object(decode, visit, inner));
    let list = arm.list.as_ref().map(|list| self::list(decode, visit, list));
    match (leaf, inner, list) {
        (Some(leaf), None, None) => quote!(#leaf,),
        (None, Some(inner), None) => quote!({ #inner }),
        (None, None, Some(list)) => quote!({ #list }),
        (leaf, inner, list) => {
            let inner = inner.map(|inner| quote!(Kind::Object => { #inner }));
            let list = list.map(|list| quote!(Kind::Array => { #list }));
            let leaf = leaf.unwrap_or_else(|| quote!(c.skip()?));
            quote!(match c.kind() { #inner #list _ => #leaf, },)
        }
    }
}

fn list(decode: &Decode, visit: &Visit, list: &List) -> TokenStream {
    match list {
        List::Now(id) => {
            let name = ident(&decode.visits[id.0].name);
            quote! {
                if c.array()? {
                    while c.element()? {
                        #name(c, fold)?;
                    }
                }
            }
        }
        List::Later(id) => {
            let name = local(visit, *id);
            quote!(#name = c.raw()?;)
        }
    }
}

fn read(visit: &Visit, id: LocalId) -> TokenStream {
    let name = local(visit, id);
    let method = ident(match visit.locals[id.0].leaf {
        Leaf::Text => "text",
        Leaf::Scalar => "scalar",
        Leaf::Uint => "uint",
        Leaf::Int => "int",
        Leaf::Flag => "flag",
        Leaf::Key => "slot_key",
        Leaf::Raw => "raw",
        Leaf::JsonText => "json_text",
        Leaf::ObjectText => "object_text",
    });
    quote!(#name = c.#method()?)
}

fn local(visit: &Visit, id: LocalId) -> syn::Ident {
    ident(&visit.locals[id.0].name)
}
