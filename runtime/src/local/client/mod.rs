//! Models from files behind the same client as hosted ones: a program moves between the two by changing a string.
//!
//! [`Local`] is the [`Backend`](crate::client::Backend) that stands in for HTTP. `name` reads what a model is called,
//! `place` finds its files or brings them, `shelf` keeps models in memory and makes room for others, `answer` passes
//! events on, `builder` has the settings, `error` says in the words of [`crate::Error`] what went wrong. How a model
//! computes, and how it serves many, is not known here: that is [`super::serve`] and what it stands on.
//!
//! # Names
//!
//! | name | what it is |
//! |---|---|
//! | `/models/tiny.gguf`, `./tiny`, `../x/tiny.gguf` | a file, or a folder with one model; `~` means nothing here |
//! | a name of the provider file | a model of the catalog: from the folder of models, from the hub's cache, or downloaded |
//! | `hub:OWNER/NAME`, `hub:OWNER/NAME@REVISION:FILE` | any repository of the hub; the file where it holds several |
//! | anything else | a file or folder of that name in the folder of models, with or without `.gguf` |
//!
//! # Set-up
//!
//! A GGUF file is all that is needed. A model in safetensors is a folder: `config.json`, the weights (one file, or several
//! and their index), `tokenizer.json`, and `tokenizer_config.json` or `chat_template.jinja` with the chat template.
//!
//! Nothing is downloaded unless it is allowed: by the builder's `downloads`, or by `TYPEWRIGHT_DOWNLOAD=1`. Then the
//! feature `download` brings files into the cache folder that the usual tools share, resumes what was broken off, and
//! compares checksums; the licence of a repository is told beside the progress, and is in the error that says what is
//! missing. Offline, the cache has to do. What the environment says is read by `from_env` and by a builder unless it is
//! told not to:
//!
//! | variable | meaning |
//! |---|---|
//! | `TYPEWRIGHT_MODELS` | the folder of models |
//! | `TYPEWRIGHT_DOWNLOAD` | `1` allows downloads |
//! | `TYPEWRIGHT_THREADS` | threads that compute |
//! | `TYPEWRIGHT_CONTEXT` | the most tokens of a conversation |
//! | `TYPEWRIGHT_DEVICE` | `processor`, `cuda`, `cuda:1` or `metal` |
//! | `HF_ENDPOINT`, `HF_HUB_CACHE`, `HF_HOME`, `HF_TOKEN`, `HF_HUB_OFFLINE` | as the usual tools read them |
//!
//! # Formats
//!
//! F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q5_K and Q6_K, in the mixtures that files have. Q8_0 is next to lossless and half of
//! F16; Q4_K with some Q6_K is about 4.8 bits a weight and the usual choice: reading weights is what an answer waits for,
//! so half the bytes are nearly twice the tokens a second. F16 and F32 are for small models, and for comparing.
//!
//! # Tuning
//!
//! - **Threads**: as many as there are cores, which is the default. More are slower. Prompts gain from each core, single
//!   answers until memory is as fast as it gets.
//! - **Context**: `context` bounds a conversation, prompt and answer together, and with it the memory that a
//!   conversation can take. Without it, it is what the model was made for, as far as the cache holds that.
//! - **Cache**: `cache_bytes` bounds the keys and values of all conversations together (512 MiB by default); memory is
//!   taken as it fills. A conversation that does not fit is refused before it runs.
//! - **Models**: `keep` of them stay loaded (2 by default). Another one takes the place of the one that was idle longest;
//!   so do models for which the memory does not suffice. What is answering is never unloaded for that. A model that does
//!   not fit is refused before a weight is read, with what it needs and what there is.
//! - **Many at once**: answers of one model are computed together; clones of a client share its models, and so do all
//!   clients made by `from_env`.
//! - **Graphics cards**: with the feature `cuda` or `metal`, and [`Device`](super::Device) saying so, a model runs on a card
//!   through the tensor library, one sequence after another and in f32: what is fast here is the processor. A device that
//!   nothing was built for is refused by the builder, and a card that is not there when a model is loaded.

mod answer;
mod builder;
mod error;
mod name;
mod place;
mod shelf;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::embed::Scores;
use super::memory::Need;
use super::serve;
use crate::client::{Client, ProviderWire};
use crate::error::Result;
use crate::model::ModelKind;

pub use builder::Builder;
#[cfg(feature = "download")]
pub use place::Downloading;

use builder::Settings;
use place::Place;
use shelf::{Model, Purpose, Shelf};

/// The models of this process behind a client. Cheap to clone; clones share the models that are loaded.
#[derive(Clone)]
pub struct Local {
    shared: Arc<Shared>,
    client: Client,
}

/// All that requests need.
struct Shared {
    wire: &'static ProviderWire,
    settings: Settings,
    shelf: Arc<Shelf>,
}

/// A model in memory.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Loaded {
    /// What it was asked for by.
    pub names: Vec<String>,
    /// Its file or folder.
    pub path: PathBuf,
    /// The memory that it needs.
    pub need: Need,
    /// The licence of its repository, as far as it is known.
    pub licence: Option<String>,
    /// How long it took to load.
    pub load: Duration,
    /// What it has done since, if it converses.
    pub statistics: serve::Statistics,
}

/// What [`Local::from_env`] gave out, by the provider's name.
static SHARED: Mutex<Vec<(&'static str, Weak<Shared>)>> = Mutex::new(Vec::new());

impl Local {
    /// Models with everything as you like it.
    pub fn builder(wire: &'static ProviderWire) -> Builder {
        Builder::new(wire)
    }

    /// Models with what the environment says. All that are made by this, and alive at the same time, share their models.
    pub fn from_env(wire: &'static ProviderWire) -> Result<Self> {
        let mut known = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(_, shared)| shared.strong_count() > 0);
        let found = known.iter().find(|(name, _)| *name == wire.name);
        if let Some(shared) = found.and_then(|(_, shared)| shared.upgrade()) {
            return Ok(Self::of(shared));
        }
        let local: Self = Builder::new(wire).build()?;
        known.push((wire.name, Arc::downgrade(&local.shared)));
        Ok(local)
    }

    fn new(wire: &'static ProviderWire, settings: Settings) -> Self {
        let shelf = Arc::new(Shelf::new(settings.keep));
        Self::of(Arc::new(Shared { wire, settings, shelf }))
    }

    fn of(shared: Arc<Shared>) -> Self {
        let backend: Arc<Shared> = Arc::clone(&shared);
        let client = Client::over(shared.wire, backend, shared.settings.clocks);
        Self { shared, client }
    }

    /// The client whose requests these models answer.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Loads a model before it is asked for the first time.
    pub async fn load(&self, name: &str) -> Result<()> {
        self.shared.lease(name, |place| self.usual(name, place)).await.map(drop)
    }

    /// How well each document answers a query, by a model that is made for that.
    pub async fn rerank(&self, name: &str, query: &str, documents: &[&str]) -> Result<Scores> {
        let shared = &self.shared;
        let lease = shared.lease(name, |_| Purpose::Scores(shared.settings.embed.clone())).await?;
        let Model::Scores(reranker) = lease.model() else {
            return Err(shared.refusal(name, "rerank", "it gives no scores"));
        };
        let (reranker, query) = (Arc::clone(reranker), query.to_owned());
        let documents: Vec<String> = documents.iter().map(|document| (*document).to_owned()).collect();
        let waiting = answer::Waiting::default();
        let stop = waiting.0.clone();
        let scores = shelf::blocking(move || {
            let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
            Ok(reranker.rerank_until(&query, &documents, &stop)?)
        });
        scores.await.map_err(|error| error.of(shared.wire.name, name))
    }

    /// What a model is for, as far as the catalog says: to converse, or to make vectors.
    fn usual(&self, name: &str, place: &Place) -> Purpose {
        let is_encoder = self.client.model(name).is_some_and(|model| model.kind == ModelKind::Embedding);
        match is_encoder {
            true => Purpose::Vectors(self.shared.settings.embed.clone()),
            false => self.shared.settings.chat(name, place),
        }
    }

    /// Unloads a model. Whether it was there. Answers under way are finished first; the memory of an idle model is free
    /// when this returns.
    pub async fn unload(&self, name: &str) -> Result<bool> {
        let (shelf, name) = (Arc::clone(&self.shared.shelf), name.to_owned());
        let removed = shelf::blocking(move || Ok(shelf.remove(&name))).await;
        removed.map_err(|error| error.of(self.shared.wire.name, ""))
    }

    /// The models in memory, the one that was used last in front.
    pub fn loaded(&self) -> Vec<Loaded> {
        self.shared.shelf.loaded()
    }

    /// The memory that a model needs. It is not loaded; its files have to be here, or are brought.
    pub async fn need(&self, name: &str) -> Result<Need> {
        let shared = &self.shared;
        let need = async {
            let place = place::find(shared.wire, &shared.settings, name).await?;
            let purpose = self.usual(name, &place);
            shelf::blocking(move || purpose.need(&place.path)).await
        };
        need.await.map_err(|error| error.of(shared.wire.name, name))
    }
}

impl From<Local> for Client {
    fn from(local: Local) -> Self {
        local.client
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let loaded: Vec<_> = self.shelf.loaded().into_iter().map(|loaded| loaded.path).collect();
        f.debug_struct("Local").field("loaded", &loaded).finish_non_exhaustive()
    }
}
