//! `src/lib.rs` of a provider whose models run in the process: its client stands on the models and not on HTTP.
//!
//! What runs models is heavy, and behind a feature of the crate; without it, the crate is names, types and options.

use proc_macro2::TokenStream;
use quote::quote;

use super::output::Rendered;
use super::package::Package;
use super::rust::{NotRust, RustFile, doc, ident};
use super::view;
use super::{client, docs};
use crate::ir::provider::Provider;

const EMITTER: &str = "emit::local";

/// The file, with `docs` in front.
pub fn file(package: Package<'_>, docs: &str) -> Result<Rendered, NotRust> {
    let Package { provider, source, .. } = package;
    let mut file = RustFile::new(source).docs(docs).attributes(quote!(#![forbid(unsafe_code)]));
    file.push(EMITTER, None, modules(provider));
    file.push(EMITTER, Some(provider.span), constant(provider));
    file.push(EMITTER, Some(provider.span), client(provider, docs_of(provider)));
    file.push(EMITTER, None, conversions(provider));
    file.render()
}

/// The modules, and what of the runtime a user meets.
fn modules(provider: &Provider) -> TokenStream {
    let [module, export] = client::options(provider);
    quote! {
        pub mod models;
        #module
        #export
        pub use typewright_runtime::chat::ChatEvent;
        #[cfg(feature = "engine")]
        pub use typewright_runtime::local;
        pub use typewright_runtime::{Error, chat, client, embed, json, model};
    }
}

fn constant(provider: &Provider) -> TokenStream {
    let Provider { name, base_url, .. } = provider;
    quote! {
        #[cfg(feature = "engine")]
        static PROVIDER: client::ProviderWire = client::ProviderWire {
            name: #name,
            base_url: #base_url,
            base_url_env: None,
            auth: typewright_runtime::auth::AuthScheme::None,
            headers: &[],
            chat: None,
            embed: None,
            models: None,
            count: None,
            catalog: models::ALL,
        };
    }
}

fn docs_of(provider: &Provider) -> TokenStream {
    let (people, ty) = (docs::line(&provider.display_name), &provider.type_name);
    let (lib, variable) = (view::lib_name(provider), view::variable(provider));
    doc(&format!(
        "Models of {people}, in this process. Cheap to clone; clones share the models that are loaded.\n\n\
         A model is loaded when it is asked for the first time: by its name in [`models`], by a path, or as\n\
         `hub:OWNER/NAME:FILE`. What names mean, how files get here and what can be tuned: [`local::client`].\n\n\
         ```no_run\n\
         use {lib}::{{{ty}, ChatEvent}};\n\n\
         # async fn example() -> Result<(), {lib}::Error> {{\n\
         let {variable} = {ty}::from_env()?;\n\
         let call = {variable}.chat(\"./model.gguf\").system(\"Be brief.\").user(\"Why is the sky blue?\");\n\
         let mut events = call.stream().await?;\n\
         while let Some(event) = events.next().await {{\n    \
             if let ChatEvent::Text(text) = event? {{\n        \
                 print!(\"{{text}}\");\n    \
             }}\n\
         }}\n\
         # Ok(())\n\
         # }}\n\
         ```"
    ))
}

fn client(provider: &Provider, docs: TokenStream) -> TokenStream {
    let name = ident(&provider.type_name);
    let items = methods();
    quote! {
        #docs
        #[cfg(feature = "engine")]
        #[derive(Debug, Clone)]
        pub struct #name(local::client::Local);

        #[cfg(feature = "engine")]
        impl #name {
            #items
        }
    }
}

fn methods() -> TokenStream {
    quote! {
        /// Models with what the environment says. All that are made by this share the models that are loaded.
        pub fn from_env() -> Result<Self, Error> {
            local::client::Local::from_env(&PROVIDER).map(Self)
        }

        /// Models with everything as you like it: threads, context, cache, folders, downloads, clocks.
        pub fn builder() -> local::client::Builder<Self> {
            local::client::Builder::new(&PROVIDER)
        }

        /// Begins a conversation with a model of [`models`], or with any other by its path.
        pub fn chat<M: model::IntoModel>(&self, model: M) -> client::ChatCall<M::Model> {
            self.0.client().chat(model)
        }

        /// Begins a request for vectors.
        pub fn embed<M>(&self, model: M) -> client::EmbedCall
        where
            M: model::IntoModel,
            M::Model: model::Embeddings,
        {
            self.0.client().embed(model)
        }

        /// The models of [`models::ALL`], and those in the folder of models.
        pub async fn models(&self) -> Result<Vec<typewright_runtime::models::ListedModel>, Error> {
            self.0.client().models().await
        }

        /// The models in memory: loading them ahead, unloading them, what they need and what they did.
        pub fn local(&self) -> &local::client::Local {
            &self.0
        }

        /// The client without the provider's type, as code for several providers takes it.
        pub fn into_inner(self) -> client::Client {
            self.0.into()
        }
    }
}

/// From the models to the type of the crate.
fn conversions(provider: &Provider) -> TokenStream {
    let name = ident(&provider.type_name);
    quote! {
        #[cfg(feature = "engine")]
        impl From<local::client::Local> for #name {
            fn from(local: local::client::Local) -> Self {
                Self(local)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::package::{Operations, RuntimeDep, Wire};
    use crate::emit::sample;
    use crate::fingerprint::Fingerprint;

    #[test]
    fn what_runs_models_is_behind_a_feature_and_there_is_no_wire() {
        let provider = sample::local();
        let wire = Wire { file: None, key: Fingerprint::default(), operations: Operations::LOCAL };
        let runtime = RuntimeDep::Version("0.1".to_owned());
        let package = Package { provider: &provider, source: "x.yaml", wire: &wire, runtime: &runtime };
        let text = file(package, "A crate.").unwrap().text;
        assert!(text.contains("pub struct Acme(local::client::Local);") && !text.contains("wire;"), "{text}");
        let gated = text.matches("#[cfg(feature = \"engine\")]").count();
        assert_eq!(gated, 5, "{text}");
    }
}
