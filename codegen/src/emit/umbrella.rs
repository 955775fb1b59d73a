//! The umbrella crate: every provider behind one door, one feature each, and the catalog of all models.
//!
//! The catalog is data of its own rather than that of the providers' crates, so that it is whole whatever the features.

use proc_macro2::TokenStream;
use quote::quote;

use super::layout::{self, Layout};
use super::output::{Files, Keep, Rendered};
use super::package::{Operations, RuntimeDep, not_rust, squeezed};
use super::rust::{NotRust, RustFile, doc, ident, option};
use super::templates::Templates;
use super::view::{self, CrateView, UmbrellaView, key_variables, lib_name, variable};
use super::{docs, literal, models};
use crate::diagnostic::Sink;
use crate::fingerprint::{self, Fingerprint};
use crate::ir::provider::{Model, Provider};

const EMITTER: &str = "emit::umbrella";
/// The folder of the crate.
pub const FOLDER: &str = "typewright";

/// One provider of the umbrella.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// The provider.
    pub provider: &'a Provider,
    /// What its wire can do.
    pub operations: Operations,
    /// The provider file as it is named in headers.
    pub source: &'a str,
}

/// What the templates of the umbrella and of the README's table see.
pub fn view(members: &[Member<'_>], runtime: &RuntimeDep) -> UmbrellaView {
    let views = members.iter().map(|member| {
        (member.provider, CrateView::new(member.provider, member.operations, runtime, member.source))
    });
    UmbrellaView::new(views.collect(), runtime)
}

/// The fingerprint of what the umbrella says of one provider, its models but for their names left out.
pub fn summary(member: Member<'_>, runtime: &RuntimeDep) -> Fingerprint {
    let Member { provider, operations, source } = member;
    let view = CrateView::new(provider, operations, runtime, source);
    let sample = view::sample_model(provider).map(|model| &model.id);
    fingerprint::of_value(&(provider.without_models(), view, sample))
}

/// The fingerprint of what the umbrella says of all providers, from the summaries of each, by name.
pub fn key(summaries: &[Fingerprint]) -> Fingerprint {
    fingerprint::of_value(summaries)
}

/// The files of the crate, but for those of [`catalog_of`]. What could not be made was reported, and is missing.
pub fn files(members: &[Member<'_>], context: Context<'_>, sink: &mut Sink) -> Files {
    let Context { templates, runtime, key, keep } = context;
    let view = view(members, runtime);
    let mut out = Files::default();
    let path = |name: &str| format!("{FOLDER}/{name}");
    let with = |template: &str| fingerprint::of_value(&(key, templates.key(template)));
    let texts = [
        ("umbrella/Cargo.toml.j2", "Cargo.toml"),
        ("umbrella/README.md.j2", "README.md"),
        ("umbrella/examples/chat.rs.j2", "examples/chat.rs"),
        ("umbrella/examples/memory.rs.j2", "examples/memory.rs"),
    ];
    for (template, name) in texts {
        out.add(path(name), with(template), keep, || {
            let text = squeezed(&templates.render(template, &view, sink)?);
            Some(Rendered::whole(text, EMITTER, Some(template.to_owned()), None))
        });
    }
    let first = members.first();
    out.add(path("src/lib.rs"), with("umbrella/src/lib.md.j2"), keep, || {
        let docs = squeezed(&templates.render("umbrella/src/lib.md.j2", &view, sink)?);
        made(lib(members, &docs), first, sink)
    });
    out.add(path("src/client.rs"), key, keep, || made(client(members), first, sink));
    out.add(path("src/catalog.rs"), key, keep, || made(catalog(members), first, sink));
    out
}

/// The file of the catalog that lists the models of one provider.
pub fn catalog_of(member: &Member<'_>, keep: Keep<'_>, sink: &mut Sink) -> Files {
    let mut out = Files::default();
    let path = format!("{FOLDER}/src/catalog/{}.rs", variable(member.provider).trim_start_matches("r#"));
    let key = fingerprint::of_value(&(member.provider, member.source));
    out.add(path, key, keep, || made(catalog_text(member.provider, member.source), Some(member), sink));
    out
}

/// What the files of the umbrella have in common.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The templates.
    pub templates: &'a Templates,
    /// The runtime that it links.
    pub runtime: &'a RuntimeDep,
    /// The fingerprint of what it says of all providers.
    pub key: Fingerprint,
    /// What need not be made.
    pub keep: Keep<'a>,
}

fn made(
    rendered: Result<Rendered, NotRust>,
    member: Option<&Member<'_>>,
    sink: &mut Sink,
) -> Option<Rendered> {
    match (rendered, member) {
        (Ok(rendered), _) => return Some(rendered),
        (Err(error), Some(member)) => sink.push(not_rust(&error, member.provider)),
        (Err(_), None) => {}
    }
    None
}

const ALL_FILES: &str = "all provider files";

fn lib(members: &[Member<'_>], docs: &str) -> Result<Rendered, NotRust> {
    let mut file = RustFile::new(ALL_FILES).docs(docs).attributes(quote!(#![forbid(unsafe_code)]));
    file.push(
        EMITTER,
        None,
        quote!(
            pub mod catalog;
            mod client;
        ),
    );
    file.push(
        EMITTER,
        None,
        quote! {
            pub use client::{ClientError, ModelClient, client};
            pub use typewright_runtime::client::Reply;
            #[cfg(feature = "memory")]
            pub use typewright_runtime::memory;
            pub use typewright_runtime::{Error, chat, embed, json, model};
        },
    );
    for Member { provider, .. } in members {
        let (feature, krate, name) = (&provider.name, ident(&lib_name(provider)), module(provider));
        let tokens = quote!(#[cfg(feature = #feature)] #[doc(inline)] pub use #krate as #name;);
        file.push(EMITTER, Some(provider.span), tokens);
    }
    file.render()
}

fn module(provider: &Provider) -> proc_macro2::Ident {
    ident(&provider.name.replace('-', "_"))
}

fn client(members: &[Member<'_>]) -> Result<Rendered, NotRust> {
    let docs = "From `provider:model` to a client of that model.";
    let mut file = RustFile::new(ALL_FILES).docs(docs);
    file.push(EMITTER, None, client_items());
    file.push(EMITTER, None, connect(members));
    file.push(EMITTER, None, model_client());
    file.push(EMITTER, None, client_error());
    file.render()
}

fn client_items() -> TokenStream {
    let docs = doc("A client of the model `provider:model`, with the key from the environment.\n\n\
         A model that the catalog does not list, such as a fine-tune, is passed on as it stands.");
    quote! {
        use std::fmt;
        use typewright_runtime::Error;
        use typewright_runtime::client::{ChatCall, Client};
        use typewright_runtime::model::{AnyModel, Model};
        use crate::catalog;

        #docs
        pub fn client(name: &str) -> Result<ModelClient, ClientError> {
            let (provider, model) = name
                .split_once(':')
                .filter(|(provider, model)| !provider.is_empty() && !model.is_empty())
                .ok_or_else(|| ClientError::NotAName { name: name.to_owned() })?;
            Ok(ModelClient { client: connect(provider)?, model: model.to_owned() })
        }
    }
}

/// The one table from names to crates.
fn connect(members: &[Member<'_>]) -> TokenStream {
    let arms = members.iter().map(|Member { provider, .. }| {
        let (name, ty, module) = (&provider.name, ident(&provider.type_name), module(provider));
        quote! {
            #[cfg(feature = #name)]
            #name => Ok(crate::#module::#ty::from_env().map_err(ClientError::Client)?.into_inner()),
            #[cfg(not(feature = #name))]
            #name => Err(ClientError::FeatureOff { feature: #name }),
        }
    });
    quote! {
        fn connect(provider: &str) -> Result<Client, ClientError> {
            match provider {
                #(#arms)*
                other => Err(ClientError::UnknownProvider { name: other.to_owned() }),
            }
        }
    }
}

fn model_client() -> TokenStream {
    quote! {
        /// A client of one model that is known by name only. What the model cannot do is refused before it is sent.
        #[derive(Debug, Clone)]
        pub struct ModelClient {
            client: Client,
            model: String,
        }

        impl ModelClient {
            /// Starts a conversation.
            pub fn chat(&self) -> ChatCall<AnyModel> {
                self.client.chat(self.model.as_str())
            }

            /// The model's id.
            pub fn model(&self) -> &str {
                &self.model
            }

            /// What the catalog knows of the model.
            pub fn facts(&self) -> Option<&'static Model> {
                self.client.model(&self.model)
            }

            /// The client of the whole provider.
            pub fn client(&self) -> &Client {
                &self.client
            }
        }
    }
}

fn client_error() -> TokenStream {
    quote! {
        /// Why there is no client.
        #[derive(Debug)]
        #[non_exhaustive]
        pub enum ClientError {
            /// The name is not `provider:model`.
            NotAName {
                /// The name.
                name: String,
            },
            /// No provider has this name.
            UnknownProvider {
                /// The name.
                name: String,
            },
            /// The provider's client was not compiled in.
            FeatureOff {
                /// The feature of this crate that compiles it in.
                feature: &'static str,
            },
            /// The client cannot be made, for want of a key for example.
            Client(Error),
        }

        impl fmt::Display for ClientError {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    Self::NotAName { name } => write!(f, "`{name}` is no model: write `provider:model`"),
                    Self::UnknownProvider { name } => {
                        let known: Vec<&str> = catalog::providers().iter().map(|provider| provider.name).collect();
                        write!(f, "no provider is called `{name}`; known are {}", known.join(", "))
                    }
                    Self::FeatureOff { feature } => {
                        write!(f, "the client of `{feature}` was not compiled in: enable the feature `{feature}` of `typewright`")
                    }
                    Self::Client(_) => f.write_str("the client cannot be made"),
                }
            }
        }

        impl std::error::Error for ClientError {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                match self {
                    Self::Client(error) => Some(error),
                    _ => None,
                }
            }
        }
    }
}

fn catalog(members: &[Member<'_>]) -> Result<Rendered, NotRust> {
    let docs = "Every model of every provider, as constant data: nothing here sends anything, and no feature is needed.";
    let mut file = RustFile::new(ALL_FILES).docs(docs);
    let modules = members.iter().map(|member| module(member.provider));
    file.push(EMITTER, None, quote!(#(mod #modules;)*));
    file.push(EMITTER, None, catalog_items());
    let entries = members.iter().map(|member| entry(member.provider));
    let count = proc_macro2::Literal::usize_unsuffixed(members.len());
    file.push(EMITTER, None, quote!(static PROVIDERS: [Provider; #count] = [#(#entries),*];));
    file.render()
}

fn catalog_items() -> TokenStream {
    quote! {
        use typewright_runtime::model::Model;

        /// A provider and its models.
        #[derive(Debug, Clone, Copy)]
        #[non_exhaustive]
        pub struct Provider {
            /// The name before the colon in `provider:model`, which is the feature as well.
            pub name: &'static str,
            /// The name people read.
            pub display_name: &'static str,
            /// Where its documentation is.
            pub docs_url: Option<&'static str>,
            /// Where requests go; for models that run in the process, where their files come from.
            pub base_url: &'static str,
            /// The environment variables that may hold the key.
            pub key_variables: &'static [&'static str],
            /// The models, in the order of the provider file.
            pub models: &'static [Model],
        }

        /// All providers, by name.
        pub fn providers() -> &'static [Provider] {
            &PROVIDERS
        }

        /// All models of all providers.
        pub fn models() -> impl Iterator<Item = &'static Model> {
            PROVIDERS.iter().flat_map(|provider| provider.models)
        }

        /// The model `provider:model`, by its id or another name of it.
        pub fn find(name: &str) -> Option<&'static Model> {
            let (provider, model) = name.split_once(':')?;
            let provider = PROVIDERS.iter().find(|known| known.name == provider)?;
            let by_id = provider.models.iter().find(|known| known.id == model);
            by_id.or_else(|| provider.models.iter().find(|known| known.answers_to(model)))
        }
    }
}

fn entry(provider: &Provider) -> TokenStream {
    let Provider { name, display_name, base_url, .. } = provider;
    let docs_url = option(provider.docs_url.as_ref().map(|url| quote!(#url)));
    let (variables, module) = (key_variables(&provider.auth), module(provider));
    quote! {
        Provider {
            name: #name,
            display_name: #display_name,
            docs_url: #docs_url,
            base_url: #base_url,
            key_variables: &[#(#variables),*],
            models: &#module::MODELS,
        }
    }
}

/// The models of one provider as constant data.
pub fn catalog_text(provider: &Provider, source: &str) -> Result<Rendered, NotRust> {
    let docs = format!("The models of {}.", docs::line(&provider.display_name));
    let mut file = RustFile::new(source).docs(&docs);
    file.write(EMITTER, Some(provider.span), |out| models::imports(provider, &["Model"], out));
    file.write(EMITTER, Some(provider.span), |out| constants(provider, out));
    file.render()
}

/// All models in one array. A line each, unless nothing is known of any and they fit into one.
fn constants(provider: &Provider, out: &mut Layout) {
    let models = provider.models.iter();
    out.append(|text| {
        layout::push_display(format_args!("pub(super) static MODELS: [Model; {}] = ", models.len()), text)
    });
    let one = |out: &mut Layout, model: &Model, after| literal::model(&provider.name, model, after, out);
    if provider.models.iter().any(literal::is_known) {
        out.lines(["[", "]"], models, one);
    } else {
        out.list(["[", "]"], models, 1, one);
    }
    out.push(";");
    out.end();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::output::Output;
    use crate::emit::package::{self, Package, Wire};
    use crate::emit::sample;
    use crate::emit::templates::{TemplateFile, embedded};
    use crate::source::FileId;

    fn templates() -> Templates {
        let file = |(name, text): &(&str, &str)| TemplateFile {
            name: (*name).to_owned(),
            file: FileId(0),
            text: (*text).to_owned(),
        };
        let mut sink = Sink::default();
        let templates = Templates::base(embedded().iter().map(file).collect(), &mut sink);
        assert!(sink.is_empty());
        templates
    }

    fn all() -> Vec<Output> {
        let (provider, mut sink) = (sample::provider(), Sink::default());
        let operations = Operations { chat: true, embed: true, models: true, count_tokens: true };
        let runtime = RuntimeDep::Path("../../runtime".to_owned());
        let source = "providers/acme.yaml";
        let file = Rendered::whole("//! Wire.\n".to_owned(), "emit::wire", None, None);
        let wire = Wire { file: Some(file), key: Fingerprint::default(), operations };
        let package = Package { provider: &provider, source, wire: &wire, runtime: &runtime };
        let (templates, keep) = (&templates(), &|_: &str, _| false);
        let mut out = package::files(package, templates, keep, &mut sink);
        let members = [Member { provider: &provider, operations, source }];
        let context = Context { templates, runtime: &runtime, key: Fingerprint::default(), keep };
        out.append(files(&members, context, &mut sink));
        out.append(catalog_of(&members[0], keep, &mut sink));
        assert!(sink.is_empty(), "{:?}", sink.into_sorted());
        out.made
    }

    #[test]
    fn every_file_says_that_it_is_generated_in_its_first_line() {
        for output in all().iter().filter(|output| output.path != "acme/src/wire.rs") {
            let first = output.text.lines().next().unwrap();
            assert!(first.contains("@generated by typewright from "), "{}: {first}", output.path);
            assert!(output.text.ends_with('\n') && !output.text.ends_with("\n\n"), "{}", output.path);
            assert!(!output.origins.is_empty(), "{}", output.path);
        }
    }

    #[test]
    fn all_files_are_there_and_every_rust_file_parses() {
        let made = all();
        let paths: Vec<&str> = made.iter().map(|output| output.path.as_str()).collect();
        let expected = [
            "acme/Cargo.toml",
            "acme/README.md",
            "acme/src/lib.rs",
            "acme/src/models.rs",
            "acme/src/options.rs",
            "acme/src/wire.rs",
            "typewright/Cargo.toml",
            "typewright/README.md",
            "typewright/examples/chat.rs",
            "typewright/examples/memory.rs",
            "typewright/src/lib.rs",
            "typewright/src/client.rs",
            "typewright/src/catalog.rs",
            "typewright/src/catalog/acme.rs",
        ];
        assert_eq!(paths, expected);
        for output in made.iter().filter(|output| output.path.ends_with(".rs")) {
            assert!(syn::parse_file(&output.text).is_ok(), "{}", output.path);
        }
    }

    #[test]
    fn the_feature_that_is_off_is_named() {
        let made = all();
        let client = &made.iter().find(|output| output.path == "typewright/src/client.rs").unwrap().text;
        let off = client.split_once("#[cfg(not(feature = \"acme\"))]").unwrap().1;
        assert!(
            off.contains("Err(ClientError::FeatureOff {\n                feature: \"acme\","),
            "{client}"
        );
    }

    /// For a person: `TYPEWRIGHT_SHOW=folder cargo test -p typewright-codegen shows` writes the files there.
    #[test]
    fn shows_its_files_where_they_are_asked_for() {
        let Some(folder) = std::env::var_os("TYPEWRIGHT_SHOW") else { return };
        for output in all() {
            let path = std::path::Path::new(&folder).join(&output.path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, output.text.as_bytes()).unwrap();
        }
    }
}
