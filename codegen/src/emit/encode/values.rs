//! Writing the value of a field.

use proc_macro2::TokenStream;
use quote::quote;

use super::access::{access, ident, iter, pattern};
use super::env::Env;
use super::out::{Out, Seen};
use crate::ir::encode::{FieldRef, Value, Write};
use crate::vocabulary::{Read, Ty};

/// Writes `val`, the value of a field that is there.
pub(super) fn write(env: &Env<'_>, value: &Value, val: &TokenStream, out: &mut Out) {
    match &value.write {
        Write::Str => out.stmt(quote!(w.str(#val);)),
        Write::Uint => out.stmt(quote!(w.uint(#val);)),
        Write::Int => out.stmt(quote!(w.int(#val);)),
        Write::Float => out.stmt(quote!(w.float(#val);)),
        Write::Bool => out.stmt(quote!(w.bool(#val);)),
        Write::NotBool => out.stmt(quote!(w.bool(!#val);)),
        Write::Json => out.stmt(quote!(w.raw(#val);)),
        Write::Arguments => out.stmt(quote!(arguments(w, #val)?;)),
        Write::Quoted if value.field.ty == Ty::JsonText => out.stmt(quote!(w.str(or_empty(#val));)),
        Write::Quoted => out.stmt(quote!(w.str(#val.as_str());)),
        Write::Base64 => between(out, "\"", "\"", |out| out.stmt(quote!(w.base64(#val);))),
        Write::Strs => out.stmt(quote!(w.strs(#val);)),
        Write::Jsons => {
            between(out, "[", "]", |out| out.stmt(quote!(for item in #val { w.comma(); w.raw(&item.raw); })));
        }
        Write::StrMap => out.stmt(quote!(w.str_map(#val);)),
        Write::FloatMap => out.stmt(quote!(w.float_map(#val);)),
        Write::Word | Write::Short(_) | Write::Percent => {
            let word = word(env, value, val);
            out.stmt(quote!(w.str(#word);));
        }
        Write::Table(table) => {
            let call = call(env, table, val);
            out.stmt(quote!(#call?;));
        }
        Write::List { table, select } => {
            check(env, &value.field, select, out);
            between(out, "[", "]", |out| out.stmt(elements(env, &value.field, table, select)));
        }
        Write::Collapse { .. } => collapse(env, value, Seen::Nothing, "", out),
        Write::Concat { select } => {
            between(out, "\"", "\"", |out| out.stmt(texts(env, &value.field, select)))
        }
    }
}

fn between(out: &mut Out, open: &str, close: &str, inner: impl FnOnce(&mut Out)) {
    out.text(open);
    inner(out);
    out.text(close);
}

/// The text of a field, for strings.
pub(super) fn word(env: &Env<'_>, value: &Value, val: &TokenStream) -> TokenStream {
    match &value.write {
        Write::Word if env.ir.efforts.is_empty() => quote!(#val.as_str()),
        Write::Word => quote!(effort_word(#val)),
        Write::Short(function) => {
            let function = ident(function);
            quote!(#function(#val))
        }
        _ => quote!(#val),
    }
}

/// The call of a table's function.
pub(super) fn call(env: &Env<'_>, table: &str, val: &TokenStream) -> TokenStream {
    call_as(env, table, table, val)
}

/// The call of a function of a table.
pub(super) fn call_as(env: &Env<'_>, table: &str, function: &str, val: &TokenStream) -> TokenStream {
    let cx = env.takes_context(table).then(|| quote!(cx,));
    let role = env.table(table).filter(|table| table.role).map(|_| {
        let role = &env.role;
        quote!(, #role)
    });
    let function = ident(function);
    quote!(#function(#cx w, #val #role))
}

/// The loop that writes the elements of a list, with the commas between them.
pub(super) fn elements(env: &Env<'_>, field: &FieldRef, table: &str, select: &[String]) -> TokenStream {
    if field.ty == Ty::List("message") {
        let (turns, call) = (iter(env, field), call(env, table, &quote!(&turn)));
        return quote!(for turn in #turns { #call?; });
    }
    if field.ty != Ty::List("part") {
        let (items, call) = (access(env, field).value, call(env, table, &quote!(item)));
        return quote!(for item in #items { w.comma(); #call?; });
    }
    let (parts, call) = (selected(env, field, select), call(env, table, &quote!(piece)));
    quote!(for piece in #parts { w.comma(); #call?; })
}

/// The parts of a list that are selected, as an iterator.
pub(super) fn selected(env: &Env<'_>, field: &FieldRef, select: &[String]) -> TokenStream {
    let all = iter(env, field);
    if select.is_empty() || takes_all(env, field, select) {
        return all;
    }
    let variants = variants(select);
    quote!(#all.filter(|piece| matches!(piece, #variants)))
}

/// Whether a selection leaves nothing out, because other parts have been refused: by the row of the message, or by
/// [`check`].
pub(super) fn takes_all(env: &Env<'_>, field: &FieldRef, select: &[String]) -> bool {
    let is_admitted = |admitted: &Vec<String>| admitted.iter().all(|variant| select.contains(variant));
    field.read != Read::Turn || env.admitted.as_ref().is_some_and(is_admitted)
}

/// `Part::Text(_) | Part::Image(_)`.
pub(super) fn variants(select: &[String]) -> TokenStream {
    let patterns = select.iter().map(|variant| pattern("Part", variant, None));
    quote!(#(#patterns)|*)
}

/// Refuses what a selection leaves out, where no message row has done so.
pub(super) fn check(env: &Env<'_>, field: &FieldRef, select: &[String], out: &mut Out) {
    if select.is_empty() || field.read == Read::Turn {
        return;
    }
    let (parts, variants) = (iter(env, field), variants(select));
    let place = if field.read == Read::Field { "tool results" } else { "system messages" };
    out.stmt(quote!(only(#parts, #place, |piece| matches!(piece, #variants))?;));
}

/// A lone plain text as a string, several parts as a list, nothing at all; each behind its key.
pub(super) fn collapse(env: &Env<'_>, value: &Value, before: Seen, key: &str, out: &mut Out) {
    let Write::Collapse { table, select, plain } = &value.write else { return };
    check(env, &value.field, select, out);
    let (mut lone, mut many) = (Out::default(), Out::default());
    lone.prefix(before, key);
    lone.stmt(quote!(w.str(&text.text);));
    many.prefix(before, key);
    between(&mut many, "[", "]", |out| out.stmt(elements(env, &value.field, table, select)));
    let (lone, many) = (lone.finish(), many.finish());
    let conditions = plain.iter().map(|name| {
        let field = ident(name);
        if name == "citations" { quote!(text.#field.is_empty()) } else { quote!(text.#field.is_none()) }
    });
    let guard = (!plain.is_empty()).then(|| quote!(if #(#conditions)&&*));
    let parts = selected(env, &value.field, select);
    out.stmt(quote! {
        match lone(#parts) {
            Lone::Nothing => {}
            Lone::Part(Part::Text(text)) #guard => { #lone }
            _ => { #many }
        }
    });
}

/// The loop that writes the texts of the selected parts.
pub(super) fn texts(env: &Env<'_>, field: &FieldRef, select: &[String]) -> TokenStream {
    let (parts, text) = (iter(env, field), ident("text"));
    let patterns = select.iter().map(|variant| pattern("Part", variant, Some(&text)));
    quote! {
        for piece in #parts {
            if let #(#patterns)|* = piece {
                w.str_part(&text.text);
            }
        }
    }
}
