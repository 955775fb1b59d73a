//! Encoders: the request side of an operation as straight-line Rust.
//!
//! [`items`] makes the functions that a wire of the runtime points to, and one function a table that these call;
//! [`policies`] the policies as an expression. [`nodes`] writes shapes, [`values`] fields, [`tables`] variant tables,
//! [`conds`] guards, [`adjust`] what happens to a request first, [`text`] paths and headers. Everything has been
//! checked before: nothing here can fail, and what cannot be said on the wire is refused by the generated code.

mod access;
mod adjust;
mod conds;
mod docs;
mod env;
mod nodes;
mod out;
mod tables;
mod text;
mod values;

#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use quote::quote;

use self::access::{access, ident};
use self::env::Env;
use self::out::{Out, Seen};
use self::tables::uses_of;
use crate::ir::encode::{Alt, Encode, FieldRef, NodeKind};

/// Names of the runtime that generated encoders may use, by module.
const IMPORTS: &[(&str, &[&str])] = &[
    (
        "chat",
        &[
            "Cache",
            "ChatRequest",
            "Effort",
            "Format",
            "FunctionTool",
            "Media",
            "Part",
            "Reasoning",
            "ReasoningConfig",
            "Role",
            "SchemaFormat",
            "Source",
            "Text",
            "ToolCall",
            "ToolChoice",
            "ToolDefinition",
            "ToolResult",
            "Warning",
        ],
    ),
    ("embed", &["EmbedRequest"]),
    ("model", &["Capability", "Model"]),
    (
        "wire::v1",
        &[
            "Cx",
            "JsonWriter",
            "Lone",
            "Refused",
            "Turn",
            "append_extra",
            "arguments",
            "audio_format",
            "cache_markers",
            "document_format",
            "drop_option",
            "finite",
            "image_format",
            "known_options",
            "lone",
            "only",
            "option_text",
            "or_empty",
            "percent",
            "separate",
            "uses_audio",
            "uses_cache",
            "uses_documents",
            "uses_files",
            "uses_images",
            "uses_provider_tools",
            "warn",
        ],
    ),
];

/// The functions `path`, `query`, `headers` and, where there is a body, `encode`; for `chat` also `adjust`. Their
/// parameters are those of the wire of that operation.
pub fn items(ir: &Encode) -> TokenStream {
    let env = match ir.operation.as_str() {
        "embed" | "models" => Env::plain(ir),
        _ => Env::encoder(ir),
    };
    let adjust = match ir.operation.as_str() {
        "chat" => Some(adjust::function(&Env::plain(ir))),
        "embed" => Some(adjust::embed_function(&Env::plain(ir))),
        _ => None,
    };
    let address = address(&env);
    let encode = ir.body.as_ref().map(|body| encode(&env, body));
    let tables = ir.tables.iter().map(|table| tables::functions(&Env::encoder(ir), table));
    let effort = effort(ir);
    let items = quote!(#adjust #address #encode #(#tables)* #effort);
    let imports = imports(&items);
    quote!(#imports #items)
}

/// The policies of a chat as an expression; the runtime's module of the wire is in scope as `wire`.
pub fn policies(ir: &Encode) -> TokenStream {
    let policies = &ir.policies;
    let [system, roles, results, ids, replay] = [
        policies.system,
        policies.roles,
        policies.tool_results,
        policies.tool_ids,
        policies.replay_reasoning,
    ]
    .map(ident);
    quote! {
        wire::Policies {
            system: wire::SystemPolicy::#system,
            roles: wire::Roles::#roles,
            tool_results: wire::ToolResults::#results,
            tool_ids: wire::ToolIds::#ids,
            replay_reasoning: wire::Replay::#replay,
        }
    }
}

fn address(env: &Env<'_>) -> TokenStream {
    let path = text::path(env, env.ir.path.as_ref());
    let query = text::parameters(env, &env.ir.query);
    let headers = text::parameters(env, &env.ir.headers);
    let [path_in, query_in, headers_in] = [&path, &query, &headers].map(|body| input(env.ir, body));
    let [query_out, headers_out] =
        [&query, &headers].map(|body| if body.is_empty() { ident("_out") } else { ident("out") });
    quote! {
        /// Appends the path.
        pub(super) fn path(#path_in, out: &mut String) {
            #path
        }

        /// Adds query parameters.
        pub(super) fn query(#query_in, #query_out: &mut Vec<(&'static str, String)>) {
            #query
        }

        /// Adds headers.
        pub(super) fn headers(#headers_in, #headers_out: &mut Vec<(&'static str, String)>) {
            #headers
        }
    }
}

/// The first parameter of the functions of an address.
fn input(ir: &Encode, body: &TokenStream) -> TokenStream {
    let uses = uses_of(body);
    let named = |name: &str| if uses(name) { ident(name) } else { ident(&format!("_{name}")) };
    match ir.operation.as_str() {
        "embed" => {
            let r = named("r");
            quote!(#r: &EmbedRequest)
        }
        "models" => {
            let cursor = named("cursor");
            quote!(#cursor: Option<&str>)
        }
        _ => {
            let cx = named("cx");
            quote!(#cx: &Cx<'_>)
        }
    }
}

fn encode(env: &Env<'_>, body: &Alt) -> TokenStream {
    let mut env = env.clone();
    env.request = quote!(r);
    let refusals =
        if env.ir.operation == "count_tokens" { adjust::refusals(&env) } else { TokenStream::new() };
    let needs: TokenStream = body.musts.iter().map(|field| need(&mut env, field)).collect();
    let content = content(&env, body);
    let options = &env.ir.options;
    let known = (env.ir.operation == "embed").then(|| quote!(known_options(&r.options, &[#(#options),*])?;));
    let body_tokens = quote!(#known #refusals #needs #content);
    let uses = uses_of(&body_tokens);
    let (parameters, first) = match env.ir.operation.as_str() {
        "embed" => {
            let model = if uses("model") { ident("model") } else { ident("_model") };
            (quote!(r: &EmbedRequest, #model: &Model), None)
        }
        _ => (quote!(cx: &Cx<'_>), Some(quote!(let r = cx.request;))),
    };
    let docs = [format!(" The body: `{}`.", docs::body(body))];
    quote! {
        #(#[doc = #docs])*
        pub(super) fn encode(#parameters, w: &mut JsonWriter) -> Result<(), Refused> {
            #first
            #body_tokens
            Ok(())
        }
    }
}

/// Refuses a request without a field that the wire cannot do without.
fn need(env: &mut Env<'_>, field: &FieldRef) -> TokenStream {
    let name = &field.name;
    let refusal = quote!(return Err(Refused::new(#name, "this wire cannot do without it")););
    if field.ty.is_list() {
        let absent = access::absent(env, field);
        return quote!(if #absent { #refusal });
    }
    let guards = access(env, field).guards;
    env.bind(field);
    guards.iter().map(|guard| quote!(#guard else { #refusal };)).collect()
}

/// The body with what is appended to it: options without a place, and fields that the caller adds.
fn content(env: &Env<'_>, body: &Alt) -> TokenStream {
    let mut out = Out::default();
    let NodeKind::Object(entries) = &body.node.kind else {
        nodes::value(env, &body.node, "request", &mut out);
        return out.finish();
    };
    out.text("{");
    let seen = nodes::object(env, entries, Seen::Nothing, &mut out);
    for (name, wire) in &env.ir.appended {
        let mut inner = Out::default();
        inner.prefix(seen.or_not(), &format!("{}:", serde_json::Value::from(wire.as_str())));
        inner.stmt(quote!(w.raw(option);));
        let inner = inner.finish();
        out.stmt(quote!(if let Some(option) = r.option(#name) { #inner }));
    }
    if env.ir.operation != "count_tokens" {
        out.stmt(quote!(append_extra(w, &r.extra)?;));
    }
    out.text("}");
    out.finish()
}

/// The words of reasoning effort that the wire spells otherwise.
fn effort(ir: &Encode) -> TokenStream {
    if ir.efforts.is_empty() {
        return TokenStream::new();
    }
    let arms = ir.efforts.iter().map(|(canonical, wire)| quote!(#canonical => #wire));
    quote! {
        /// The wire's word for a level of reasoning.
        fn effort_word(level: &Effort) -> &str {
            match level.as_str() {
                #(#arms,)*
                other => other,
            }
        }
    }
}

fn imports(items: &TokenStream) -> TokenStream {
    let uses = uses_of(items);
    let lines = IMPORTS.iter().filter_map(|(module, names)| {
        let names: Vec<_> = names.iter().filter(|name| uses(name)).map(|name| ident(name)).collect();
        let path: Vec<_> = module.split("::").map(ident).collect();
        (!names.is_empty()).then(|| quote!(use typewright_runtime::#(#path::)*{#(#names),*};))
    });
    lines.collect()
}
