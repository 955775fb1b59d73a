//! Variant tables as functions: a `match` over the variants, long rows in functions of their own.

use std::collections::BTreeSet;

use proc_macro2::{Ident, Spacing, TokenStream, TokenTree};
use quote::quote;

use super::access::{ident, pattern};
use super::docs;
use super::env::Env;
use super::nodes::{chain, object, value};
use super::out::{Out, Seen};
use super::values::variants;
use crate::ir::encode::{Node, NodeKind, Row, Run, Table};
use crate::vocabulary::{self, Payload, Sum};

/// Rows with more statements than this become functions.
const INLINE: usize = 5;

/// The function of a table, and those of its long rows.
pub(super) fn functions(env: &Env<'_>, table: &Table) -> TokenStream {
    match vocabulary::sum(&table.sum) {
        Some(sum) => sum_functions(env, table, sum),
        None => struct_function(env, table),
    }
}

fn struct_function(env: &Env<'_>, table: &Table) -> TokenStream {
    let (Some(subject), Some(row)) = (vocabulary::subject(&table.name), table.rows.first()) else {
        return TokenStream::new();
    };
    let (rust, var) = (ident(subject.rust), ident(subject.var));
    let (body, _) = alts(env, table, row, &table.name);
    let name = ident(&table.name);
    let docs = docs::row_lines(table, &format!("`{}` as one object.", table.name));
    function(env, table, &docs, &name, &quote!(#var: &#rust), &body, true)
}

fn sum_functions(env: &Env<'_>, table: &Table, sum: &Sum) -> TokenStream {
    let is_message = sum.name == "message";
    let mut env = env.clone();
    if is_message {
        env.role = quote!(turn.role());
    }
    let mut apart = TokenStream::new();
    let mut arms = Vec::new();
    for row in &table.rows {
        env.admitted.clone_from(&row.admits);
        let (body, count) = row_body(&env, table, sum, row);
        let (body, function) = if count > INLINE && row.variant != "_" && table.rows.len() > 1 {
            split(&env, table, sum, row, &body)
        } else {
            (body, TokenStream::new())
        };
        apart.extend(function);
        arms.push(arm(sum, row, &body));
    }
    arms.extend(missing(table, sum));
    let var = ident(sum.var);
    let scrutinee = if is_message { quote!(turn.role()) } else { quote!(#var) };
    let body = quote!(match #scrutinee { #(#arms)* });
    let (name, docs) = (function_name(table), docs::table(table));
    let argument = argument(sum);
    let main = function(&env, table, &docs, &name, &argument, &body, true);
    quote!(#main #apart)
}

fn function_name(table: &Table) -> Ident {
    if table.merged { ident(&format!("{}_keys", table.name)) } else { ident(&table.name) }
}

fn argument(sum: &Sum) -> TokenStream {
    let (rust, var) = (ident(sum.rust), ident(sum.var));
    if sum.name == "message" { quote!(turn: &Turn<'_>) } else { quote!(#var: &#rust) }
}

/// A function with the parameters that a table's functions take: all of them, or those that it uses.
fn function(
    env: &Env<'_>,
    table: &Table,
    docs: &[String],
    name: &Ident,
    argument: &TokenStream,
    body: &TokenStream,
    whole: bool,
) -> TokenStream {
    let uses = uses_of(body);
    let cx = env.takes_context(&table.name).then(|| quote!(cx: &Cx<'_>,)).filter(|_| whole || uses("cx"));
    let role = table.role.then(|| quote!(, role: Role)).filter(|_| whole || uses("role"));
    let (result, done) =
        if table.absent { (quote!(bool), quote!(Ok(true))) } else { (quote!(()), quote!(Ok(()))) };
    let docs = docs.iter().map(|line| format!(" {line}"));
    quote! {
        #(#[doc = #docs])*
        fn #name(#cx w: &mut JsonWriter, #argument #role) -> Result<#result, Refused> {
            #body
            #done
        }
    }
}

/// Moves a row into a function of its own; what is left is the call.
fn split(
    env: &Env<'_>,
    table: &Table,
    sum: &Sum,
    row: &Row,
    body: &TokenStream,
) -> (TokenStream, TokenStream) {
    let name = ident(&format!("{}_{}", function_name(table), row.variant));
    let variant = sum.variant(&row.variant);
    let (argument, value) = match variant.map(|variant| (&variant.payload, variant.var())) {
        _ if sum.name == "message" => (argument(sum), ident("turn")),
        Some((Payload::Struct(subject), var)) => {
            let (rust, var) = (ident(subject.rust), ident(var));
            (quote!(#var: &#rust), var)
        }
        _ => (argument(sum), ident(sum.var)),
    };
    let docs = docs::row_lines(
        table_row(table, row).as_ref().unwrap_or(table),
        &format!("The row `{}`.", row.variant),
    );
    let function = function(env, table, &docs, &name, &argument, body, false);
    let uses = uses_of(body);
    let cx = env.takes_context(&table.name).then(|| quote!(cx,)).filter(|_| uses("cx"));
    let role = table.role.then(|| quote!(, role)).filter(|_| uses("role"));
    let call = quote!(#name(#cx w, #value #role));
    let call = if table.absent { quote!(return #call;) } else { quote!(#call?;) };
    (call, function)
}

/// The table with only this row, for its documentation.
fn table_row(table: &Table, row: &Row) -> Option<Table> {
    Some(Table { rows: vec![row.clone()], ..table.clone() })
}

/// The statements of a row, and how many there are.
fn row_body(env: &Env<'_>, table: &Table, sum: &Sum, row: &Row) -> (TokenStream, usize) {
    let what = feature(sum, &row.variant);
    let (body, count) = alts(env, table, row, &what);
    let has_runs = row.alts.iter().any(|alt| matches!(alt.node.kind, NodeKind::Runs(_)));
    let count = if has_runs { INLINE } else { count };
    let Some(admits) = row.admits.as_ref().filter(|_| sum.name == "message") else { return (body, count) };
    let place = format!("{} messages", row.variant);
    let check = if admits.is_empty() {
        quote!(only(turn.parts(), #place, |_| false)?;)
    } else {
        let variants = variants(admits);
        quote!(only(turn.parts(), #place, |piece| matches!(piece, #variants))?;)
    };
    (quote!(#check #body), count + 1)
}

/// What a refusal calls a variant.
fn feature(sum: &Sum, variant: &str) -> String {
    match sum.name {
        "part" => variant.to_owned(),
        "message" => format!("{variant} messages"),
        _ => format!("{}.{variant}", sum.name),
    }
}

fn alts(env: &Env<'_>, table: &Table, row: &Row, what: &str) -> (TokenStream, usize) {
    let count = std::cell::Cell::new(0);
    let is_message = table.sum == "message";
    let tokens = chain(env, &row.alts, Some(what), |env, node, out| {
        root(env, table, node, what, is_message, out);
        count.set(count.get() + out.count());
    });
    (tokens, count.get())
}

/// A row at its root: a value, keys to merge, list elements, or nothing.
fn root(env: &Env<'_>, table: &Table, node: &Node, what: &str, is_message: bool, out: &mut Out) {
    match &node.kind {
        NodeKind::Absent => out.stmt(quote!(return Ok(false);)),
        NodeKind::Object(entries) if table.merged => {
            object(env, entries, Seen::Maybe, out);
        }
        NodeKind::Runs(runs) => out.stmt(self::runs(env, runs)),
        _ => {
            if is_message {
                out.prefix(Seen::Maybe, "");
            }
            value(env, node, what, out);
        }
    }
}

/// One list element a run of parts.
fn runs(env: &Env<'_>, runs: &[Run]) -> TokenStream {
    if runs.iter().any(|run| run.many) {
        return cut(env, runs);
    }
    let mut arms = runs.iter().map(|run| {
        let body = run_body(env, run);
        (part_pattern(run.variants.first().map_or("", String::as_str), &body), body)
    });
    if let (1, Some((pattern, body))) = (runs.len(), arms.next()) {
        return quote!(for piece in turn.parts() { if let #pattern = piece { #body } });
    }
    let arms = runs.iter().map(|run| {
        let body = run_body(env, run);
        let pattern = part_pattern(run.variants.first().map_or("", String::as_str), &body);
        quote!(#pattern => { #body })
    });
    quote! {
        for piece in turn.parts() {
            match piece {
                #(#arms)*
                _ => {}
            }
        }
    }
}

fn cut(env: &Env<'_>, runs: &[Run]) -> TokenStream {
    let same = runs.iter().filter(|run| run.many).map(|run| {
        let variants = variants(&run.variants);
        quote!(matches!((first, second), (#variants, #variants)))
    });
    let arms = runs.iter().map(|run| {
        let mut env = env.clone();
        env.parts = quote!(run.iter().copied());
        let body = run_body(&env, run);
        if run.many {
            let variants = variants(&run.variants);
            return quote!([#variants, ..] => { #body });
        }
        let pattern = part_pattern(run.variants.first().map_or("", String::as_str), &body);
        let whole = uses_of(&body)("piece");
        if whole { quote!([piece @ #pattern] => { #body }) } else { quote!([#pattern] => { #body }) }
    });
    quote! {
        let parts: Vec<&Part> = turn.parts().collect();
        for run in parts.chunk_by(|first, second| #(#same)||*) {
            match run {
                #(#arms)*
                _ => {}
            }
        }
    }
}

fn run_body(env: &Env<'_>, run: &Run) -> TokenStream {
    let what = run.variants.join("+");
    let mut env = env.clone();
    env.admitted = Some(run.variants.clone());
    chain(&env, std::slice::from_ref(&run.alt), Some(&what), |env, node, out| {
        out.prefix(Seen::Maybe, "");
        value(env, node, &what, out);
    })
}

fn part_pattern(variant: &str, body: &TokenStream) -> TokenStream {
    let var = vocabulary::chat::PART.variant(variant).map_or("_", |variant| variant.var());
    let var = if uses_of(body)(var) { ident(var) } else { ident("_") };
    pattern("Part", variant, Some(&var))
}

fn arm(sum: &Sum, row: &Row, body: &TokenStream) -> TokenStream {
    let Some(variant) = sum.variant(&row.variant) else { return quote!(_ => { #body }) };
    if sum.name == "message" {
        let role = ident(&variant.rust());
        return quote!(Role::#role => { #body });
    }
    let var = variant.var();
    let var = if uses_of(body)(var) { ident(var) } else { quote::format_ident!("_") };
    let pattern = pattern(sum.rust, variant.name, Some(&var));
    quote!(#pattern => { #body })
}

/// Arms that refuse the variants without a row, each by its name.
fn missing(table: &Table, sum: &Sum) -> Vec<TokenStream> {
    if table.rows.iter().any(|row| row.variant == "_") {
        return Vec::new();
    }
    let missing =
        sum.variants.iter().filter(|variant| !table.rows.iter().any(|row| row.variant == variant.name));
    let mut arms: Vec<TokenStream> = missing
        .map(|variant| {
            let refusal = unsent(&feature(sum, variant.name));
            let pattern = if sum.name == "message" {
                let role = ident(&variant.rust());
                quote!(Role::#role)
            } else {
                pattern(sum.rust, variant.name, None)
            };
            quote!(#pattern => { #refusal })
        })
        .collect();
    if sum.open {
        let refusal = unsent(sum.name);
        arms.push(quote!(_ => { #refusal }));
    }
    arms
}

fn unsent(what: &str) -> TokenStream {
    quote!(return Err(Refused::new(#what, "this wire has no form for it"));)
}

/// Whether some identifier occurs in tokens as a name of its own: no field, no method, no tail of a path.
pub(super) fn uses_of(tokens: &TokenStream) -> impl Fn(&str) -> bool + use<> {
    let mut words = BTreeSet::new();
    collect(tokens.clone(), &mut words);
    move |word| words.contains(word)
}

fn collect(tokens: TokenStream, words: &mut BTreeSet<String>) {
    let mut behind = ' ';
    for tree in tokens {
        let before = std::mem::replace(&mut behind, ' ');
        match tree {
            TokenTree::Ident(ident) if !matches!(before, '.' | ':') => {
                words.insert(ident.to_string());
            }
            TokenTree::Group(group) => collect(group.stream(), words),
            // The second colon of a path; a lone one stands before a type.
            TokenTree::Punct(punct) if punct.as_char() != ':' || before == ';' => behind = punct.as_char(),
            TokenTree::Punct(punct) if punct.spacing() == Spacing::Joint => behind = ';',
            _ => {}
        }
    }
}
