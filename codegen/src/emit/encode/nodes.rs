//! Shapes as straight-line code: constants run together, optional fields stand in `if let`.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::quote;

use super::access::{access, guards, iter, present};
use super::conds::cond;
use super::env::Env;
use super::out::{Out, Seen};
use super::values::{
    call, call_as, check, collapse, elements, selected, takes_all, texts, variants, word, write,
};
use crate::ir::encode::{Alt, Entry, Node, NodeKind, Piece, Value, Write};
use crate::vocabulary::{Read, Ty};

/// Writes a node that has to be there. What turns out not to be is refused under the name `what`.
pub(super) fn value(env: &Env<'_>, node: &Node, what: &str, out: &mut Out) {
    match &node.kind {
        NodeKind::Const(json) => out.text(json),
        NodeKind::Value(value) => {
            let found = access(env, &value.field);
            write(env, value, &found.value, out);
        }
        NodeKind::Template(pieces) => template(env, pieces, out),
        NodeKind::Object(entries) => {
            out.text("{");
            object(env, entries, Seen::Nothing, out);
            out.text("}");
        }
        NodeKind::List(items) => {
            out.text("[");
            let mut seen = Seen::Nothing;
            items.iter().for_each(|item| entry(env, "", item, &mut seen, out));
            out.text("]");
        }
        NodeKind::One(alts) => {
            out.stmt(chain(env, alts, Some(what), |env, node, out| value_of(env, node, what, out)))
        }
        NodeKind::If { cond: test, then } => {
            let (test, mut inner) = (all(&[cond(env, test)]), Out::default());
            value(env, then, what, &mut inner);
            let (inner, refusal) = (inner.finish(), refusal(what));
            out.stmt(quote!(if #test { #inner } else { #refusal }));
        }
        NodeKind::Runs(_) | NodeKind::Absent => {}
    }
}

fn value_of(env: &Env<'_>, node: &Node, what: &str, out: &mut Out) {
    value(env, node, what, out);
}

/// Writes the entries of an object that is open.
pub(super) fn object(env: &Env<'_>, entries: &[Entry], mut seen: Seen, out: &mut Out) -> Seen {
    for field in entries {
        match &field.key {
            Some(key) => entry(
                env,
                &format!("{}:", serde_json::Value::from(key.as_str())),
                &field.node,
                &mut seen,
                out,
            ),
            None => merged(env, &field.node, &mut seen, out),
        }
    }
    seen
}

/// Merges the keys of a table's row into the object at hand.
fn merged(env: &Env<'_>, node: &Node, seen: &mut Seen, out: &mut Out) {
    let NodeKind::Value(Value { field, write: Write::Table(table) }) = &node.kind else { return };
    let found = access(env, field);
    let call = call_as(env, table, &format!("{table}_keys"), &found.value);
    out.stmt(guarded(&found.guards, &quote!(#call?;)));
    *seen = seen.or_not();
}

/// Writes an entry behind its comma and key, or nothing.
pub(super) fn entry(env: &Env<'_>, key: &str, node: &Node, seen: &mut Seen, out: &mut Out) {
    if always(env, node) {
        out.prefix(*seen, key);
        value(env, node, key, out);
        *seen = Seen::Something;
        return;
    }
    let before = *seen;
    *seen = before.or_not();
    match &node.kind {
        NodeKind::Value(value) => optional(env, key, value, before, None, out),
        NodeKind::Template(pieces) => {
            let values = pieces
                .iter()
                .filter_map(|piece| if let Piece::Value(value) = piece { Some(value) } else { None });
            let guards: Vec<_> = values.flat_map(|value| access(env, &value.field).guards).collect();
            let mut inner = Out::default();
            inner.prefix(before, key);
            template(env, pieces, &mut inner);
            out.stmt(guarded(&guards, &inner.finish()));
        }
        NodeKind::Object(entries) if has_constants(entries) => telling(env, key, node, before, None, out),
        NodeKind::Object(entries) => {
            let mark = env.mark();
            out.stmt(quote!(let #mark = w.mark();));
            out.prefix(before, key);
            out.text("{");
            object(&env.inside(), entries, Seen::Nothing, out);
            out.stmt(quote!(w.close_or_drop(#mark);));
        }
        NodeKind::List(items) => {
            let (mark, mut inside, within) = (env.mark(), Seen::Nothing, env.inside());
            out.stmt(quote!(let #mark = w.mark();));
            out.prefix(before, key);
            out.text("[");
            items.iter().for_each(|item| entry(&within, "", item, &mut inside, out));
            out.stmt(quote!(w.close_list_or_drop(#mark);));
        }
        NodeKind::If { cond: test, then } if is_plain(env, then) => {
            let NodeKind::Value(value) = &then.kind else { return };
            optional(env, key, value, before, Some(cond(env, test)), out);
        }
        NodeKind::If { cond: test, then } if is_telling(env, then) => {
            telling(env, key, then, before, Some(cond(env, test)), out);
        }
        NodeKind::If { cond: test, then } => {
            let (test, mut inner, mut seen) = (all(&[cond(env, test)]), Out::default(), before);
            entry(env, key, then, &mut seen, &mut inner);
            let inner = inner.finish();
            out.stmt(quote!(if #test { #inner }));
        }
        NodeKind::One(alts) => {
            out.stmt(chain(env, alts, None, |env, node, out| {
                entry(env, key, node, &mut before.clone(), out)
            }));
        }
        NodeKind::Const(_) | NodeKind::Runs(_) | NodeKind::Absent => {}
    }
}

/// An object with constants and optional slots: it goes with the last of its slots.
fn is_telling(env: &Env<'_>, node: &Node) -> bool {
    matches!(&node.kind, NodeKind::Object(entries) if has_constants(entries)) && !always(env, node)
}

fn telling(env: &Env<'_>, key: &str, node: &Node, before: Seen, when: Option<TokenStream>, out: &mut Out) {
    let NodeKind::Object(entries) = &node.kind else { return };
    let mut inner = Out::default();
    inner.prefix(before, key);
    inner.text("{");
    object(env, entries, Seen::Nothing, &mut inner);
    inner.text("}");
    let inner = inner.finish();
    let any = there(env, node);
    let any = if when.is_some() && has_or(&any) { quote!((#any)) } else { any };
    let guards: Vec<TokenStream> = when.into_iter().chain([any]).collect();
    out.stmt(guarded(&guards, &inner));
}

fn has_or(tokens: &TokenStream) -> bool {
    tokens.clone().into_iter().any(|tree| matches!(tree, TokenTree::Punct(punct) if punct.as_char() == '|'))
}

/// A value that is written by one statement, so that its conditions can be joined with others.
fn is_plain(env: &Env<'_>, node: &Node) -> bool {
    let NodeKind::Value(value) = &node.kind else { return false };
    let absent =
        matches!(&value.write, Write::Table(table) if env.table(table).is_some_and(|table| table.absent));
    !absent && !always(env, node) && value.field.ty != Ty::List("part")
}

/// An optional field with its key, perhaps under one more condition.
fn optional(env: &Env<'_>, key: &str, value: &Value, before: Seen, when: Option<TokenStream>, out: &mut Out) {
    let mut found = access(env, &value.field);
    found.guards.splice(0..0, when);
    let val = &found.value;
    let mut inner = Out::default();
    match &value.write {
        Write::List { table, select } if value.field.ty == Ty::List("part") => {
            check(env, &value.field, select, out);
            let mark = env.mark();
            out.stmt(quote!(let #mark = w.mark();));
            out.prefix(before, key);
            out.text("[");
            out.stmt(elements(env, &value.field, table, select));
            out.stmt(quote!(w.close_list_or_drop(#mark);));
        }
        Write::Collapse { .. } => collapse(env, value, before, key, out),
        Write::Concat { select } => {
            check(env, &value.field, select, out);
            let any = if takes_all(env, &value.field, select) {
                present(env, &value.field)
            } else {
                let (mut parts, variants) = (iter(env, &value.field), variants(select));
                parts.extend(quote!(.any(|piece| matches!(piece, #variants))));
                parts
            };
            inner.prefix(before, key);
            inner.text("\"");
            inner.stmt(texts(env, &value.field, select));
            inner.text("\"");
            let inner = inner.finish();
            out.stmt(quote!(if #any { #inner }));
        }
        Write::Table(table) if env.table(table).is_some_and(|table| table.absent) => {
            let mark = env.mark();
            inner.stmt(quote!(let #mark = w.mark();));
            inner.prefix(before, key);
            let call = call(env, table, val);
            inner.stmt(quote!(if !#call? { w.rewind(#mark); }));
            out.stmt(guarded(&found.guards, &inner.finish()));
        }
        _ => {
            inner.prefix(before, key);
            write(env, value, val, &mut inner);
            out.stmt(guarded(&found.guards, &inner.finish()));
        }
    }
}

fn template(env: &Env<'_>, pieces: &[Piece], out: &mut Out) {
    out.text("\"");
    for piece in pieces {
        match piece {
            Piece::Text(text) => {
                let quoted = serde_json::Value::from(text.as_str()).to_string();
                out.text(quoted.get(1..quoted.len() - 1).unwrap_or_default());
            }
            Piece::Value(value) => {
                let val = access(env, &value.field).value;
                match value.field.ty {
                    Ty::Bytes => out.stmt(quote!(w.base64(#val);)),
                    Ty::Uint => out.stmt(quote!(w.uint(#val);)),
                    Ty::Int => out.stmt(quote!(w.int(#val);)),
                    _ => {
                        let word = word(env, value, &val);
                        out.stmt(quote!(w.str_part(#word);));
                    }
                }
            }
        }
    }
    out.text("\"");
}

/// `if … { first } else if … { second }`; with a name, what fits nothing is refused under it.
pub(super) fn chain(
    env: &Env<'_>,
    alts: &[Alt],
    refuse: Option<&str>,
    body: impl Fn(&Env<'_>, &Node, &mut Out),
) -> TokenStream {
    let mut tokens = TokenStream::new();
    for (at, alt) in alts.iter().enumerate() {
        let mut env = env.clone();
        let guards = guards(&mut env, alt);
        let mut out = Out::default();
        body(&env, &alt.node, &mut out);
        let inner = out.finish();
        let lead = (at > 0).then(|| quote!(else));
        if guards.is_empty() {
            return if at > 0 { quote!(#tokens else { #inner }) } else { inner };
        }
        let test = all(&guards);
        tokens = quote!(#tokens #lead if #test { #inner });
    }
    match refuse {
        Some(what) => {
            let refusal = refusal(what);
            quote!(#tokens else { #refusal })
        }
        None => tokens,
    }
}

/// Returns with a refusal.
pub(super) fn refusal(what: &str) -> TokenStream {
    let what = what.trim_matches([':', '"']);
    quote!(return Err(Refused::new(#what, "this wire has no form for it as it is given"));)
}

fn guarded(guards: &[TokenStream], inner: &TokenStream) -> TokenStream {
    if guards.is_empty() {
        return inner.clone();
    }
    let test = all(guards);
    quote!(if #test { #inner })
}

/// Conditions joined, without parentheses around a lone one.
pub(super) fn all(guards: &[TokenStream]) -> TokenStream {
    let [only] = guards else { return quote!(#(#guards)&&*) };
    let mut trees = only.clone().into_iter();
    match (trees.next(), trees.next()) {
        (Some(TokenTree::Group(group)), None) if group.delimiter() == Delimiter::Parenthesis => {
            group.stream()
        }
        _ => only.clone(),
    }
}

/// Whether a node always writes something.
fn always(env: &Env<'_>, node: &Node) -> bool {
    match &node.kind {
        NodeKind::Const(_) => true,
        NodeKind::Value(value) => is_there(env, value),
        NodeKind::Template(pieces) => pieces
            .iter()
            .all(|piece| if let Piece::Value(value) = piece { is_there(env, value) } else { true }),
        NodeKind::Object(entries) => {
            let mut slotted = entries.iter().filter(|entry| !is_constant(&entry.node)).peekable();
            slotted.peek().is_none() || slotted.any(|entry| entry.key.is_some() && always(env, &entry.node))
        }
        NodeKind::List(items) => items.is_empty() || items.iter().any(|item| always(env, item)),
        NodeKind::One(alts) => {
            let total = alts.last().is_some_and(Alt::is_unconditional);
            total && alts.iter().all(|alt| always(&within(env, alt), &alt.node))
        }
        NodeKind::If { .. } | NodeKind::Runs(_) | NodeKind::Absent => false,
    }
}

fn within<'a>(env: &Env<'a>, alt: &Alt) -> Env<'a> {
    let mut env = env.clone();
    guards(&mut env, alt);
    env
}

fn is_there(env: &Env<'_>, value: &Value) -> bool {
    let absent =
        matches!(&value.write, Write::Table(table) if env.table(table).is_some_and(|table| table.absent));
    !absent && (!value.field.optional || env.is_bound(&value.field))
}

fn is_constant(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Const(_) => true,
        NodeKind::Object(entries) => entries.iter().all(|entry| is_constant(&entry.node)),
        NodeKind::List(items) => items.iter().all(is_constant),
        _ => false,
    }
}

fn has_constants(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| is_constant(&entry.node))
}

/// Whether anything of a node would be written, as a boolean expression.
fn there(env: &Env<'_>, node: &Node) -> TokenStream {
    if always(env, node) && !is_constant(node) {
        return quote!(true);
    }
    match &node.kind {
        NodeKind::Value(value) if value.field.read == Read::Turn => {
            let parts = selected(env, &value.field, &select_of(&value.write));
            quote!(#parts.next().is_some())
        }
        NodeKind::Value(value) => present(env, &value.field),
        NodeKind::Template(pieces) => {
            let values = pieces
                .iter()
                .filter_map(|piece| if let Piece::Value(value) = piece { Some(value) } else { None });
            let each = values.map(|value| present(env, &value.field));
            quote!((#(#each)&&*))
        }
        NodeKind::Object(entries) => any(entries.iter().map(|entry| &entry.node), env),
        NodeKind::List(items) => any(items.iter(), env),
        NodeKind::If { cond: test, then } => {
            let test = cond(env, test);
            let inner = if is_constant(then) { quote!(true) } else { there(env, then) };
            quote!((#test && #inner))
        }
        NodeKind::One(alts) => any(alts.iter().map(|alt| &alt.node), env),
        NodeKind::Const(_) | NodeKind::Runs(_) | NodeKind::Absent => quote!(false),
    }
}

fn any<'n>(nodes: impl Iterator<Item = &'n Node>, env: &Env<'_>) -> TokenStream {
    let each: Vec<TokenStream> =
        nodes.filter(|node| !is_constant(node)).map(|node| there(env, node)).collect();
    if each.is_empty() { quote!(false) } else { quote!(#(#each)||*) }
}

fn select_of(write: &Write) -> Vec<String> {
    match write {
        Write::List { select, .. } | Write::Collapse { select, .. } | Write::Concat { select } => {
            select.clone()
        }
        _ => Vec::new(),
    }
}
