//! `src/wire.rs`: the statics that a generated crate hands to the runtime, over one module a direction.
//!
//! What the modules hold is made by [`super::encode`] and [`super::decode`]; here they are put together.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::{format_ident, quote};

use super::output::Rendered;
use super::package::{Operations, Wire};
use super::rust::{self, NotRust, RustFile};
use super::{camel, decode, encode};
use crate::fingerprint::Fingerprint;
use crate::ir::decode::{Decode, Errors, Stream};
use crate::ir::encode::Encode;
use crate::ir::provider::Provider;
use crate::source::Span;

const EMITTER: &str = "emit::wire";

/// Both directions of one operation.
#[derive(Debug, Clone, PartialEq)]
pub struct OperationIr {
    /// What goes out.
    pub encode: Encode,
    /// What comes in.
    pub decode: Decode,
    /// Where the operation stands.
    pub span: Span,
}

/// The modules that were made in a run. Providers that speak the same dialect have the same modules, which are made and
/// parsed once. What a module looks like depends on its direction of the operation alone, so that it makes no
/// difference which provider came first.
#[derive(Debug, Default)]
pub struct Modules {
    requests: Mutex<Vec<Arc<Module<Encode>>>>,
    responses: Mutex<Vec<Arc<Module<Decode>>>>,
}

/// A module, with what it was or will be made from.
#[derive(Debug)]
struct Module<Ir> {
    ir: Ir,
    text: OnceLock<Result<Arc<str>, NotRust>>,
}

type Known<Ir> = Mutex<Vec<Arc<Module<Ir>>>>;

impl Modules {
    fn request(&self, operation: &OperationIr) -> Result<Arc<str>, NotRust> {
        let make = || rust::checked("emit::encode", &request_module(operation));
        module(&self.requests, &operation.encode, make)
    }

    fn response(&self, operation: &OperationIr) -> Result<Arc<str>, NotRust> {
        let make = || rust::checked("emit::decode", &response_module(operation));
        module(&self.responses, &operation.decode, make)
    }
}

/// The module of `ir`, made unless it is known. Who needs one that another thread is making waits for it.
fn module<Ir: PartialEq + Clone>(
    known: &Known<Ir>,
    ir: &Ir,
    make: impl FnOnce() -> Result<Arc<str>, NotRust>,
) -> Result<Arc<str>, NotRust> {
    // Nothing between the locks can panic and leave half a list.
    let mut modules = known.lock().unwrap_or_else(PoisonError::into_inner);
    let found = modules.iter().find(|module| module.ir == *ir).cloned();
    let module = found.unwrap_or_else(|| {
        let module = Arc::new(Module { ir: ir.clone(), text: OnceLock::new() });
        modules.push(Arc::clone(&module));
        module
    });
    drop(modules);
    module.text.get_or_init(make).clone()
}

/// The file of a provider's wire, which is made of what has the fingerprint `key`.
pub fn file(
    provider: &Provider,
    source: &str,
    operations: &[OperationIr],
    key: Fingerprint,
    modules: &Modules,
) -> Result<Wire, NotRust> {
    let mut file = RustFile::new(source).docs(&format!(
        "How {} looks on the wire: the dialect `{}`, compiled.\n\nOne module a direction and operation; the statics tie \
         them together for the runtime.",
        provider.display_name, provider.dialect
    ));
    file.push(EMITTER, Some(provider.span), statics(provider, operations));
    for operation in operations {
        file.push_checked("emit::encode", Some(operation.span), modules.request(operation)?);
        file.push_checked("emit::decode", Some(operation.span), modules.response(operation)?);
    }
    let rendered: Rendered = file.render()?;
    let has = |name: &str| operations.iter().any(|operation| operation.decode.operation == name);
    let operations = Operations {
        chat: has("chat"),
        embed: has("embed"),
        models: has("models"),
        count_tokens: has("count_tokens"),
    };
    Ok(Wire { file: Some(rendered), key, operations })
}

/// The module of what goes out.
pub(crate) fn request_module(operation: &OperationIr) -> TokenStream {
    let name = format_ident!("{}_request", operation.encode.operation);
    let doc = format!(" What goes out for `{}`.", operation.encode.operation);
    let items = encode::items(&operation.encode);
    quote! {
        #[doc = #doc]
        mod #name {
            #items
        }
    }
}

/// The module of what comes in.
pub(crate) fn response_module(operation: &OperationIr) -> TokenStream {
    let name = format_ident!("{}_response", operation.decode.operation);
    let doc = format!(" What comes in for `{}`.", operation.decode.operation);
    let items = decode::items(&operation.decode);
    let imports = imports(&items);
    quote! {
        #[doc = #doc]
        mod #name {
            #imports
            #items
        }
    }
}

/// The names that the items use, imported from where they live.
fn imports(items: &TokenStream) -> TokenStream {
    let mut names = Names::default();
    names.collect(items.clone());
    // A variant, such as `Class::Text`, is no use of the type of that name; a function is used where it is called.
    let used = |name: &str| {
        let is_type = name.starts_with(|c: char| c.is_ascii_uppercase());
        if is_type { names.first.contains(name) } else { names.called.contains(name) }
    };
    let pick = |names: &[&str]| -> Vec<syn::Ident> {
        names.iter().filter(|name| used(name)).map(|name| format_ident!("{name}")).collect()
    };
    let wire = pick(&[
        "At",
        "Class",
        "Corrupt",
        "Count",
        "Cursor",
        "Embeddings",
        "Failure",
        "Fields",
        "Fold",
        "Frame",
        "Key",
        "Kind",
        "Listed",
        "Listing",
        "Text",
        "filled",
        "has_items",
        "is",
        "sum",
    ]);
    let chat = pick(&["FinishReason", "Usage"]);
    let chat = (!chat.is_empty()).then(|| quote!(use typewright_runtime::chat::{#(#chat),*};));
    let error = used("ErrorKind").then(|| {
        quote!(
            use typewright_runtime::error::ErrorKind;
        )
    });
    quote! {
        #chat
        #error
        use typewright_runtime::wire::v1::{#(#wire),*};
    }
}

/// The names that stand in some tokens.
#[derive(Debug, Default)]
struct Names {
    /// Those that begin a path, or are one.
    first: BTreeSet<String>,
    /// Those that parentheses follow, whatever is before them.
    called: BTreeSet<String>,
}

impl Names {
    fn collect(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        // How many colons were last: a name behind two of them goes on with a path.
        let mut colons = 0;
        while let Some(token) = tokens.next() {
            match &token {
                TokenTree::Ident(name) => {
                    let is_call = matches!(tokens.peek(), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
                    if is_call {
                        self.called.insert(name.to_string());
                    }
                    if colons < 2 {
                        self.first.insert(name.to_string());
                    }
                }
                TokenTree::Group(group) => self.collect(group.stream()),
                _ => {}
            }
            colons = if matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ':') {
                colons + 1
            } else {
                0
            };
        }
    }
}

/// What the runtime is handed.
pub(crate) fn statics(provider: &Provider, operations: &[OperationIr]) -> TokenStream {
    let errors = operations
        .iter()
        .find(|operation| operation.decode.errors.body.is_some())
        .map(|operation| error_wire(&operation.decode.operation, &operation.decode.errors));
    let statics = operations.iter().map(|operation| match operation.decode.operation.as_str() {
        "chat" => chat(provider, operation),
        "embed" => embed(provider, operation),
        "models" => models(provider, operation),
        _ => count_tokens(provider, operation),
    });
    quote! {
        use typewright_runtime::wire::v1 as wire;

        #(#statics)*

        #errors
    }
}

fn chat(provider: &Provider, operation: &OperationIr) -> TokenStream {
    let (name, dialect, method) = (&provider.name, &provider.dialect, &operation.encode.method);
    let leaves = proc_macro2::Literal::usize_unsuffixed(operation.decode.usage.leaves.len());
    let default = Stream {
        framing: "sse".to_owned(),
        sentinel: None,
        needs: "finish".to_owned(),
        implicit: Vec::new(),
        by_frame: false,
        by_path: None,
        events: Vec::new(),
        rest: None,
    };
    let stream = operation.decode.stream.as_ref().unwrap_or(&default);
    let (framing, needs) =
        (format_ident!("{}", camel(&stream.framing)), format_ident!("{}", camel(&stream.needs)));
    let sentinel = option(stream.sentinel.as_deref());
    let implicit = stream.implicit.iter().map(|class| format_ident!("{}", camel(class)));
    let policies = encode::policies(&operation.encode);
    quote! {
        /// Conversations.
        pub(crate) static CHAT: wire::ChatWire = wire::ChatWire {
            provider: #name,
            dialect: #dialect,
            method: #method,
            framing: wire::Framing::#framing,
            sentinel: #sentinel,
            needs: wire::Needs::#needs,
            implicit: &[#(wire::Class::#implicit),*],
            policies: #policies,
            adjust: chat_request::adjust,
            path: chat_request::path,
            query: chat_request::query,
            headers: chat_request::headers,
            encode: chat_request::encode,
            event: chat_response::event,
            response: chat_response::read,
            finish: chat_response::finish,
            usage: chat_response::usage,
            usage_leaves: #leaves,
            errors: ERRORS,
        };
    }
}

fn embed(provider: &Provider, operation: &OperationIr) -> TokenStream {
    let (name, method) = (&provider.name, &operation.encode.method);
    let leaves = proc_macro2::Literal::usize_unsuffixed(operation.decode.usage.leaves.len());
    quote! {
        /// Vectors.
        pub(crate) static EMBED: wire::EmbedWire = wire::EmbedWire {
            provider: #name,
            method: #method,
            adjust: embed_request::adjust,
            path: embed_request::path,
            query: embed_request::query,
            headers: embed_request::headers,
            encode: embed_request::encode,
            response: embed_response::read,
            usage: embed_response::usage,
            usage_leaves: #leaves,
            errors: ERRORS,
        };
    }
}

fn models(provider: &Provider, operation: &OperationIr) -> TokenStream {
    let (name, method) = (&provider.name, &operation.encode.method);
    quote! {
        /// The live list of models.
        pub(crate) static MODELS: wire::ListWire = wire::ListWire {
            provider: #name,
            method: #method,
            path: models_request::path,
            query: models_request::query,
            headers: models_request::headers,
            response: models_response::read,
            errors: ERRORS,
        };
    }
}

fn count_tokens(provider: &Provider, operation: &OperationIr) -> TokenStream {
    let (name, method) = (&provider.name, &operation.encode.method);
    quote! {
        /// Counting the tokens of a request.
        pub(crate) static COUNT_TOKENS: wire::CountWire = wire::CountWire {
            provider: #name,
            method: #method,
            path: count_tokens_request::path,
            query: count_tokens_request::query,
            headers: count_tokens_request::headers,
            encode: count_tokens_request::encode,
            response: count_tokens_response::read,
            errors: ERRORS,
        };
    }
}

fn error_wire(operation: &str, errors: &Errors) -> TokenStream {
    let module = format_ident!("{operation}_response");
    let retry = errors.retry.iter().map(|class| format_ident!("{class}"));
    let request_id = &errors.request_id;
    let unit = |unit: &str| {
        let unit = format_ident!("{}", camel(unit));
        quote!(wire::Unit::#unit)
    };
    let retry_after = errors.retry_after.iter().map(|(name, word)| {
        let unit = unit(word);
        quote!((#name, #unit))
    });
    let should_retry = option(errors.should_retry.as_deref());
    let limits = match &errors.rate_limits {
        None => quote!(None),
        Some((pattern, word)) => {
            let unit = unit(word);
            quote!(Some(wire::RateLimitHeaders { pattern: #pattern, reset: #unit }))
        }
    };
    quote! {
        /// How errors look, whatever the operation.
        const ERRORS: wire::ErrorWire = wire::ErrorWire {
            body: #module::error_body,
            classify: #module::classify,
            retry: &[#(typewright_runtime::error::ErrorKind::#retry),*],
            request_id: &[#(#request_id),*],
            retry_after: &[#(#retry_after),*],
            should_retry: #should_retry,
            rate_limits: #limits,
        };
    }
}

fn option(text: Option<&str>) -> TokenStream {
    text.map_or_else(|| quote!(None), |text| quote!(Some(#text)))
}
