//! The function `adjust`: rules, unsupported fields and limits as straight-line code over the canonical request.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::access::{absent, access, ident, pattern, present};
use super::conds::cond;
use super::env::Env;
use super::nodes::all;
use super::tables::uses_of;
use crate::ir::encode::{Action, Bound, FieldRef, Limit, Loss, Otherwise, Set, Step, Term};
use crate::vocabulary::{self, Read, Ty};

const UNSENT: &str = "this wire has no place for it";

/// The function for a chat, and the one that looks for lost details.
pub(super) fn function(env: &Env<'_>) -> TokenStream {
    let ir = env.ir;
    let (before, after): (Vec<_>, Vec<_>) =
        ir.adjust.iter().partition(|step| !matches!(step, Step::Limit(_)));
    let before: TokenStream = before.iter().map(|step| self::step(env, step)).collect();
    let after: TokenStream = after.iter().map(|step| self::step(env, step)).collect();
    let options = &ir.options;
    let lost = lost(env);
    let call = (!lost.is_empty()).then(|| quote!(lost(r, warnings);));
    let body = quote! {
        known_options(&r.options, &[#(#options),*])?;
        #before
        finite(r)?;
        #after
        #call
    };
    let uses = uses_of(&body);
    let [model, stream, warnings] = ["model", "stream", "warnings"]
        .map(|name| if uses(name) { ident(name) } else { ident(&format!("_{name}")) });
    quote! {
        /// Rules, unsupported fields and limits, before a request is encoded.
        pub(super) fn adjust(
            r: &mut ChatRequest,
            #model: &Model,
            #stream: bool,
            #warnings: &mut Vec<Warning>,
        ) -> Result<(), Refused> {
            #body
            Ok(())
        }
        #lost
    }
}

/// The function for a request for vectors.
pub(super) fn embed_function(env: &Env<'_>) -> TokenStream {
    let body: TokenStream = env.ir.adjust.iter().map(|step| self::step(env, step)).collect();
    let uses = uses_of(&body);
    let [r, model, warnings] = ["r", "model", "warnings"]
        .map(|name| if uses(name) { ident(name) } else { ident(&format!("_{name}")) });
    quote! {
        /// Unsupported fields and limits, before a request is encoded.
        pub(super) fn adjust(
            #r: &mut EmbedRequest,
            #model: &Model,
            #warnings: &mut Vec<Warning>,
        ) -> Result<(), Refused> {
            #body
            Ok(())
        }
    }
}

/// The steps of an operation that has nowhere to put warnings: they only refuse.
pub(super) fn refusals(env: &Env<'_>) -> TokenStream {
    env.ir.adjust.iter().map(|step| self::step(env, step)).collect()
}

fn step(env: &Env<'_>, step: &Step) -> TokenStream {
    match step {
        Step::Rule { cond: when, action, why, .. } => rule(env, &cond(env, when), action, why),
        Step::Unsupported { field, refuse: true, .. } => {
            let (there, name) = (present(env, field), &field.name);
            quote!(if #there { return Err(Refused::new(#name, #UNSENT)); })
        }
        Step::Unsupported { field, refuse: false, .. } => {
            drop(env, field, &[], "this wire has no place for it; it was left out")
        }
        Step::Depends { field, on } => {
            let there = present(env, field);
            let lacking = on.iter().map(|field| absent(env, field));
            let name = &field.name;
            let with: Vec<&str> = on.iter().map(|field| field.name.as_str()).collect();
            let message = format!("this wire sends it only with {}; it was left out", with.join(" or "));
            quote!(if #there #(&& #lacking)* { warn(warnings, #name, #message); })
        }
        Step::CacheMarkers { most, .. } => {
            let most = Literal::u64_unsuffixed(*most);
            quote!(cache_markers(r, #most, warnings);)
        }
        Step::Limit(limit) => self::limit(env, limit),
    }
}

fn rule(env: &Env<'_>, when: &TokenStream, action: &Action, why: &str) -> TokenStream {
    let test = all(std::slice::from_ref(when));
    match action {
        Action::Drop(fields) => {
            let message = format!("it was left out: {why}");
            if let [field] = fields.as_slice() {
                return drop(env, field, std::slice::from_ref(when), &message);
            }
            let drops = fields.iter().map(|field| drop(env, field, &[], &message));
            quote!(if #test { #(#drops)* })
        }
        Action::Refuse(feature) => quote!(if #test { return Err(Refused::new(#feature, #why)); }),
        Action::Set(set) => self::set(env, when, set, why),
    }
}

/// Leaves a field out where all of `guards` hold, with a warning if it was there.
fn drop(env: &Env<'_>, field: &FieldRef, guards: &[TokenStream], message: &str) -> TokenStream {
    let name = &field.name;
    let short = ident(name);
    let when = |was_there: TokenStream| all(&[guards, &[was_there]].concat());
    if let Some(via) = &field.via {
        let (there, outer) = (when(present(env, field)), ident(&via.field));
        return quote!(if #there { r.#outer = None; warn(warnings, #name, #message); });
    }
    let taken = if field.read == Read::Option {
        let option = name.trim_start_matches("options.");
        quote!(drop_option(r, #option))
    } else if field.ty.is_list() {
        quote!(!std::mem::take(&mut r.#short).is_empty())
    } else {
        quote!(r.#short.take().is_some())
    };
    let taken = when(taken);
    quote!(if #taken { warn(warnings, #name, #message); })
}

/// Sets an integer to a sum, where all its terms are there.
fn set(env: &Env<'_>, when: &TokenStream, set: &Set, why: &str) -> TokenStream {
    let (field, clamp) = (&set.field, set.clamp.as_ref());
    let mut guards = vec![when.clone()];
    let mut sum = TokenStream::new();
    for (negative, term) in &set.terms {
        let value = self::term(env, term, &mut guards);
        sum = match (sum.is_empty(), negative) {
            (true, _) => value,
            (false, true) => quote!(#sum.saturating_sub(#value)),
            (false, false) => quote!(#sum.saturating_add(#value)),
        };
    }
    let (name, target) = (&field.name, ident(&field.name));
    let test = quote!(#(#guards)&&*);
    let Some(clamp) = clamp else { return quote!(if #test { r.#target = Some(#sum); }) };
    let mut bound = Vec::new();
    let most = term(env, clamp, &mut bound);
    bound.push(quote!(value > #most));
    let message = format!("it was lowered to the most that the model takes: {why}");
    quote! {
        if #test {
            let value = #sum;
            r.#target = Some(value);
            if #(#bound)&&* {
                r.#target = Some(#most);
                warn(warnings, #name, #message);
            }
        }
    }
}

fn term(env: &Env<'_>, term: &Term, guards: &mut Vec<TokenStream>) -> TokenStream {
    match term {
        Term::Field(field) => {
            let found = access(env, field);
            guards.extend(found.guards);
            found.value
        }
        Term::Number(number) => {
            let number = Literal::u64_unsuffixed(*number);
            quote!(#number)
        }
    }
}

fn limit(env: &Env<'_>, limit: &Limit) -> TokenStream {
    match &limit.bound {
        Bound::Items(most) => items(limit, *most),
        Bound::Range { min, max } => range(env, limit, min.as_ref(), max.as_ref()),
    }
}

fn items(limit: &Limit, most: u64) -> TokenStream {
    let (name, field) = (&limit.field.name, ident(&limit.field.name));
    let most_lit = Literal::u64_unsuffixed(most);
    let too_many = format!("this wire takes at most {most} of them");
    let (cut, dropped) =
        (format!("{too_many}; the others were left out"), format!("{too_many}; all were left out"));
    let outside = match limit.otherwise {
        Otherwise::Refuse => quote!(return Err(Refused::new(#name, #too_many));),
        Otherwise::Clamp => quote!(r.#field.truncate(#most_lit); warn(warnings, #name, #cut);),
        Otherwise::Drop => quote!(r.#field.clear(); warn(warnings, #name, #dropped);),
    };
    quote!(if r.#field.len() > #most_lit { #outside })
}

type Edge<'a> = Option<&'a (String, bool)>;

fn range(env: &Env<'_>, limit: &Limit, min: Edge<'_>, max: Edge<'_>) -> TokenStream {
    let field = &limit.field;
    let found = access(env, field);
    let (guards, value, name) = (&found.guards, &found.value, &field.name);
    let Some(outside) = outside(value, field.ty, min, max) else { return TokenStream::new() };
    let text = format!("has to be in {} on this wire", limit.text);
    let (dropped, moved) =
        (format!("{text}; it was left out"), format!("{text}; the nearest value was taken"));
    let action = match limit.otherwise {
        Otherwise::Refuse => quote!(return Err(Refused::new(#name, #text));),
        Otherwise::Drop => {
            let clear = assign(field, &quote!(None));
            quote!(#clear warn(warnings, #name, #dropped);)
        }
        Otherwise::Clamp => {
            let nearest = nearest(value, field.ty, min, max);
            let assign = match &field.via {
                Some(via) => {
                    let (rust, variant, outer) =
                        (ident(&via.rust), ident(&vocabulary::camel(&via.variant)), ident(&via.field));
                    quote!(r.#outer = Some(#rust::#variant(#nearest));)
                }
                None => assign(field, &quote!(Some(#nearest))),
            };
            quote!(#assign warn(warnings, #name, #moved);)
        }
    };
    quote!(if #(#guards &&)* #outside { #action })
}

fn assign(field: &FieldRef, value: &TokenStream) -> TokenStream {
    let target = ident(field.via.as_ref().map_or(field.name.as_str(), |via| via.field.as_str()));
    quote!(r.#target = #value;)
}

/// Whether a value is outside, as a boolean expression.
fn outside(value: &TokenStream, ty: Ty, min: Edge<'_>, max: Edge<'_>) -> Option<TokenStream> {
    let min = min.filter(|(text, closed)| !(ty == Ty::Uint && *closed && text == "0"));
    match (min, max) {
        (Some((low, true)), Some((high, true))) => {
            let (low, high) = (number(low, ty), number(high, ty));
            Some(quote!(!(#low..=#high).contains(&#value)))
        }
        (None, None) => None,
        (min, max) => {
            let low =
                min.map(|(text, closed)| edge(value, text, ty, if *closed { quote!(<) } else { quote!(<=) }));
            let high =
                max.map(|(text, closed)| edge(value, text, ty, if *closed { quote!(>) } else { quote!(>=) }));
            match (low, high) {
                (Some(low), Some(high)) => Some(quote!((#low || #high))),
                (low, high) => low.or(high),
            }
        }
    }
}

fn edge(value: &TokenStream, text: &str, ty: Ty, operator: TokenStream) -> TokenStream {
    let bound = number(text, ty);
    quote!(#value #operator #bound)
}

fn nearest(value: &TokenStream, ty: Ty, min: Edge<'_>, max: Edge<'_>) -> TokenStream {
    let low = min.map(|(text, _)| number(text, ty));
    let high = max.map(|(text, _)| number(text, ty));
    match (low, high) {
        (Some(low), Some(high)) => quote!(#value.clamp(#low, #high)),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => value.clone(),
    }
}

fn number(text: &str, ty: Ty) -> TokenStream {
    let text = if ty == Ty::Float && !text.contains(['.', 'e', 'E']) {
        format!("{text}.0")
    } else {
        text.to_owned()
    };
    text.parse().unwrap_or_default()
}

/// The function that warns of details without a place on this wire.
fn lost(env: &Env<'_>) -> TokenStream {
    let mut fields: Vec<(&str, &str)> = Vec::new();
    for loss in &env.ir.lossy {
        let key = (loss.table.as_str(), loss.field.as_str());
        if !fields.contains(&key) {
            fields.push(key);
        }
    }
    if fields.is_empty() {
        return TokenStream::new();
    }
    let checks = fields.into_iter().map(|(table, field)| {
        let of: Vec<&Loss> =
            env.ir.lossy.iter().filter(|loss| loss.table == table && loss.field == field).collect();
        let any = any(table, &of);
        let message = format!("it was left out where this wire has no place for it in a {}", place(table));
        quote!(if #any { warn(warnings, #field, #message); })
    });
    quote! {
        /// Warns of details that this wire has no place for.
        fn lost(r: &ChatRequest, warnings: &mut Vec<Warning>) {
            #(#checks)*
        }
    }
}

fn place(table: &str) -> &str {
    if table == "format" { "schema" } else { table }
}

fn any(table: &str, losses: &[&Loss]) -> TokenStream {
    if table == "message" {
        let roles = losses.iter().map(|loss| pattern_of_role(&loss.variant));
        return quote!(
            r.messages.iter().any(|message| message.name.is_some() && matches!(message.role, #(#roles)|*))
        );
    }
    let tests = losses.iter().filter_map(|loss| {
        let sum = vocabulary::sum(table)?;
        let variant = sum.variant(&loss.variant)?;
        let (var, field) = (ident(variant.var()), ident(&loss.field));
        let is_flag = variant.fields().iter().any(|known| known.name == loss.field && known.ty == Ty::Bool);
        let test = if is_flag { quote!(#var.#field == Some(true)) } else { quote!(#var.#field.is_some()) };
        Some((pattern(sum.rust, &loss.variant, Some(&var)), test))
    });
    match table {
        "part" => {
            let mut tests: Vec<_> = tests.collect();
            if let (1, Some((pattern, test))) = (tests.len(), tests.pop_if(|_| losses.len() == 1)) {
                return quote!(r.parts().any(|piece| matches!(piece, #pattern if #test)));
            }
            let tests = tests.into_iter().map(|(pattern, test)| quote!(#pattern => #test));
            quote!(r.parts().any(|piece| match piece { #(#tests,)* _ => false }))
        }
        "tool" => {
            let tests = tests.map(|(pattern, test)| quote!(matches!(definition, #pattern if #test)));
            quote!(r.tools.iter().any(|definition| #(#tests)||*))
        }
        _ => {
            let tests = tests.map(|(pattern, test)| {
                quote!(r.format.as_ref().is_some_and(|wanted| matches!(wanted, #pattern if #test)))
            });
            quote!(#(#tests)||*)
        }
    }
}

fn pattern_of_role(role: &str) -> TokenStream {
    let role = ident(&vocabulary::camel(role));
    quote!(Role::#role)
}
