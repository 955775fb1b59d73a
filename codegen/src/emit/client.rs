//! `src/lib.rs`: the crate's documentation, the client type, and the constant data it hands to the runtime.

use proc_macro2::TokenStream;
use quote::quote;

use super::docs;
use super::output::Rendered;
use super::package::{Operations, Package};
use super::rust::{NotRust, RustFile, doc, ident, option};
use crate::ir::provider::{Auth, Provider};

const EMITTER: &str = "emit::client";

/// The file, with `docs` in front.
pub fn file(package: Package<'_>, docs: &str) -> Result<Rendered, NotRust> {
    let Package { provider, source, wire, .. } = package;
    let mut file = RustFile::new(source).docs(docs).attributes(quote!(#![forbid(unsafe_code)]));
    file.push(EMITTER, None, modules(provider));
    file.push(EMITTER, Some(provider.span), constant(provider, wire.operations));
    file.push(EMITTER, Some(provider.span), client(provider, wire.operations));
    file.push(EMITTER, None, conversions(provider));
    file.render()
}

/// The modules, and what of the runtime a user meets.
fn modules(provider: &Provider) -> TokenStream {
    let [module, export] = options(provider);
    quote! {
        pub mod models;
        #module
        mod wire;
        #export
        pub use typewright_runtime::chat::ChatEvent;
        pub use typewright_runtime::{Error, auth, chat, client, embed, json, model, secret};
    }
}

/// The module of the provider's own options and what it shows, where there are any.
pub(super) fn options(provider: &Provider) -> [Option<TokenStream>; 2] {
    let has_options = !provider.options.is_empty();
    let module = has_options.then(|| {
        quote!(
            pub mod options;
        )
    });
    let export = has_options.then(|| {
        quote!(
            pub use options::Options;
        )
    });
    [module, export]
}

fn constant(provider: &Provider, operations: Operations) -> TokenStream {
    let Provider { name, base_url, .. } = provider;
    let base_url_env = option(provider.base_url_env.as_ref().map(|name| quote!(#name)));
    let auth = auth(&provider.auth);
    let headers = provider.headers.iter().map(|(name, value)| {
        let name = name.to_ascii_lowercase();
        quote!((#name, #value))
    });
    let of = |has: bool, name: &str| {
        let name = ident(name);
        option(has.then(|| quote!(&wire::#name)))
    };
    let chat = of(operations.chat, "CHAT");
    let embed = of(operations.embed, "EMBED");
    let list = of(operations.models, "MODELS");
    let count = of(operations.count_tokens, "COUNT_TOKENS");
    quote! {
        static PROVIDER: client::ProviderWire = client::ProviderWire {
            name: #name,
            base_url: #base_url,
            base_url_env: #base_url_env,
            auth: #auth,
            headers: &[#(#headers),*],
            chat: #chat,
            embed: #embed,
            models: #list,
            count: #count,
            catalog: models::ALL,
        };
    }
}

fn auth(auth: &Auth) -> TokenStream {
    match auth {
        Auth::None => quote!(auth::AuthScheme::None),
        Auth::Bearer { env, optional } => {
            quote!(auth::AuthScheme::Bearer { env: &[#(#env),*], optional: #optional })
        }
        Auth::Header { name, env } => {
            let name = name.to_ascii_lowercase();
            quote!(auth::AuthScheme::Header { name: #name, env: &[#(#env),*] })
        }
        Auth::Query { name, env } => quote!(auth::AuthScheme::Query { name: #name, env: &[#(#env),*] }),
    }
}

fn client(provider: &Provider, operations: Operations) -> TokenStream {
    let name = ident(&provider.type_name);
    let people = docs::line(&provider.display_name);
    let docs = doc(&format!(
        "A client of {people}. Cheap to clone; clones share connections.\n\n\
         Nothing is sent before a call is, and no connection is made."
    ));
    let constructors = constructors(provider);
    let operations = operations_of(operations);
    quote! {
        #docs
        #[derive(Debug, Clone)]
        pub struct #name(client::Client);

        impl #name {
            #constructors
            #operations

            /// The client without the provider's type, as code for several providers takes it.
            pub fn into_inner(self) -> client::Client {
                self.0
            }
        }
    }
}

fn constructors(provider: &Provider) -> TokenStream {
    let with_key = (provider.auth != Auth::None).then(|| {
        quote! {
            /// A client with this key, and defaults for everything else.
            pub fn new(key: impl Into<secret::Secret>) -> Result<Self, Error> {
                client::Client::new(&PROVIDER, key).map(Self)
            }
        }
    });
    let variables: Vec<String> =
        super::view::key_variables(&provider.auth).iter().map(|name| format!("`{name}`")).collect();
    let from_env = match variables.as_slice() {
        [] => doc("A client with what the environment says."),
        names => doc(&format!("A client with the key that {} holds.", names.join(" or "))),
    };
    quote! {
        #with_key

        #from_env
        pub fn from_env() -> Result<Self, Error> {
            client::Client::from_env(&PROVIDER).map(Self)
        }

        /// A client with everything as you like it: key, address, headers, clocks, retries, certificates.
        pub fn builder() -> client::Builder<Self> {
            client::Builder::new(&PROVIDER)
        }
    }
}

/// A method for each operation that the wire has.
fn operations_of(operations: Operations) -> TokenStream {
    let chat = operations.chat.then(|| {
        quote! {
            /// Begins a conversation with a model of [`models`], or with any other by its id.
            pub fn chat<M: model::IntoModel>(&self, model: M) -> client::ChatCall<M::Model> {
                self.0.chat(model)
            }
        }
    });
    let embed = operations.embed.then(|| {
        quote! {
            /// Begins a request for vectors.
            pub fn embed<M>(&self, model: M) -> client::EmbedCall
            where
                M: model::IntoModel,
                M::Model: model::Embeddings,
            {
                self.0.embed(model)
            }
        }
    });
    let list = operations.models.then(|| {
        quote! {
            /// The models that the provider says it has, which may be more than [`models::ALL`].
            pub async fn models(&self) -> Result<Vec<typewright_runtime::models::ListedModel>, Error> {
                self.0.models().await
            }
        }
    });
    let count = operations.count_tokens.then(|| {
        quote! {
            /// Begins to count the tokens of a conversation.
            pub fn count_tokens<M: model::IntoModel>(&self, model: M) -> client::CountCall {
                self.0.count_tokens(model)
            }
        }
    });
    quote!(#chat #embed #list #count)
}

fn conversions(provider: &Provider) -> TokenStream {
    let name = ident(&provider.type_name);
    quote! {
        impl From<client::Client> for #name {
            fn from(client: client::Client) -> Self {
                Self(client)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::package::{RuntimeDep, Wire};
    use crate::emit::sample;
    use crate::fingerprint::Fingerprint;

    fn text(provider: &Provider, operations: Operations) -> String {
        let wire = Wire { file: None, key: Fingerprint::default(), operations };
        let runtime = RuntimeDep::Version("0.1".to_owned());
        file(Package { provider, source: "x.yaml", wire: &wire, runtime: &runtime }, "A crate.").unwrap().text
    }

    #[test]
    fn only_operations_of_the_wire_become_methods() {
        let chat = text(&sample::provider(), Operations { chat: true, ..Operations::default() });
        assert!(chat.contains("pub fn chat<M: model::IntoModel>"), "{chat}");
        assert!(!chat.contains("pub fn embed") && chat.contains("embed: None,"));
    }

    #[test]
    fn a_provider_without_keys_has_no_constructor_that_takes_one() {
        let provider = Provider { auth: Auth::None, ..sample::provider() };
        assert!(!text(&provider, Operations::default()).contains("pub fn new"));
    }
}
