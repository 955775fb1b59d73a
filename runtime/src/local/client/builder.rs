//! Builds a [`Local`]: how models are run, where their files are, how many stay loaded, how long a call may take.

use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::time::Duration;

use super::Local;
use super::place::Place;
use super::shelf::Purpose;
use crate::client::ProviderWire;
use crate::error::{Error, Result};
use crate::http::Clocks;
#[cfg(feature = "download")]
use crate::http::{download, hub::Hub};
use crate::local::engine::CacheNumber;
use crate::local::sample::Sampling;
use crate::local::{Device, chat, embed, serve};

const MODELS: &str = "TYPEWRIGHT_MODELS";
const THREADS: &str = "TYPEWRIGHT_THREADS";
const CONTEXT: &str = "TYPEWRIGHT_CONTEXT";
const DEVICE: &str = "TYPEWRIGHT_DEVICE";
const DOWNLOAD: &str = "TYPEWRIGHT_DOWNLOAD";
/// No call waits so long.
const NEVER: Duration = Duration::MAX;

/// What can be set.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) chat: chat::Config,
    pub(super) serve: serve::Config,
    pub(super) embed: embed::Config,
    pub(super) folder: Option<PathBuf>,
    pub(super) keep: usize,
    pub(super) clocks: Clocks,
    pub(super) downloads: bool,
    #[cfg(feature = "download")]
    pub(super) hub: Hub,
    #[cfg(feature = "download")]
    pub(super) transport: download::Settings,
    #[cfg(feature = "download")]
    pub(super) watcher: Option<super::place::Watcher>,
}

impl Settings {
    /// How the model of that name is loaded to converse.
    pub(super) fn chat(&self, name: &str, place: &Place) -> Purpose {
        let name = place.is_named.then(|| name.to_owned());
        let config = chat::Config { name: name.or_else(|| self.chat.name.clone()), ..self.chat.clone() };
        Purpose::Chat(Box::new(config), self.serve.clone())
    }
}

/// Builds a [`Local`]. `C` is what comes of it: a generated crate's own type, or [`Local`].
///
/// What is not set is taken from the environment where there is a variable for it, see [`super::client`](self).
#[must_use]
pub struct Builder<C = Local> {
    wire: &'static ProviderWire,
    settings: Settings,
    threads: Option<usize>,
    context: Option<usize>,
    downloads: Option<bool>,
    device: Option<Device>,
    environment: bool,
    #[cfg(feature = "download")]
    hub: Option<Hub>,
    made: PhantomData<fn() -> C>,
}

impl<C: From<Local>> Builder<C> {
    /// Nothing is set yet.
    pub fn new(wire: &'static ProviderWire) -> Self {
        let clocks = Clocks { first_byte: NEVER, idle: NEVER, ..Clocks::default() };
        let settings = Settings {
            chat: chat::Config::default(),
            serve: serve::Config::default(),
            embed: embed::Config::default(),
            folder: None,
            keep: 2,
            clocks,
            downloads: false,
            #[cfg(feature = "download")]
            hub: Hub::default(),
            #[cfg(feature = "download")]
            transport: download::Settings::default(),
            #[cfg(feature = "download")]
            watcher: None,
        };
        Self {
            wire,
            settings,
            threads: None,
            context: None,
            downloads: None,
            device: None,
            environment: true,
            #[cfg(feature = "download")]
            hub: None,
            made: PhantomData,
        }
    }

    /// Threads that compute; as many as there are cores, unless it is said.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// The most tokens of a conversation, prompt and answer together.
    pub fn context(mut self, tokens: usize) -> Self {
        self.context = Some(tokens);
        self
    }

    /// The most bytes of keys and values, of all conversations with a model together. 512 MiB.
    pub fn cache_bytes(mut self, bytes: u64) -> Self {
        self.settings.chat.engine.cache_bytes = bytes;
        self
    }

    /// How keys and values are stored. F16.
    pub fn cache_number(mut self, number: CacheNumber) -> Self {
        self.settings.chat.engine.cache_number = number;
        self
    }

    /// How many models stay loaded. 2.
    pub fn keep(mut self, models: usize) -> Self {
        self.settings.keep = models.max(1);
        self
    }

    /// The folder of models, where names are looked for that are no paths.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.settings.folder = Some(folder.into());
        self
    }

    /// Whether files that are not here may be downloaded. Not unless it is said; the feature `download` brings them.
    pub fn downloads(mut self, allowed: bool) -> Self {
        self.downloads = Some(allowed);
        self
    }

    /// Where repositories are and where their files are kept, in place of what the environment says.
    #[cfg(feature = "download")]
    pub fn hub(mut self, hub: Hub) -> Self {
        self.hub = Some(hub);
        self
    }

    /// How the hub is reached: clocks, certificates, proxies.
    #[cfg(feature = "download")]
    pub fn transport(mut self, settings: download::Settings) -> Self {
        self.settings.transport = settings;
        self
    }

    /// Who is told how far a download is, and under which licence it comes.
    #[cfg(feature = "download")]
    pub fn on_download(mut self, told: impl Fn(&super::Downloading<'_>) + Send + Sync + 'static) -> Self {
        self.settings.watcher = Some(std::sync::Arc::new(told));
        self
    }

    /// Where models run: on the processor, unless it is said.
    pub fn device(mut self, device: Device) -> Self {
        self.device = Some(device);
        self
    }

    /// What requests get that say nothing about sampling.
    pub fn sampling(mut self, sampling: Sampling) -> Self {
        self.settings.chat.sampling = sampling;
        self
    }

    /// How turns of a conversation are written, for models that have no template of their own.
    pub fn turns(mut self, turns: chat::Turns) -> Self {
        self.settings.chat.turns = Some(turns);
        self
    }

    /// How many answers a model gives at once, and how.
    pub fn serve(mut self, config: serve::Config) -> Self {
        self.settings.serve = config;
        self
    }

    /// How vectors and scores are made: pooling, length, what happens to longer texts.
    pub fn embedding(mut self, config: embed::Config) -> Self {
        self.settings.embed = config;
        self
    }

    /// Whether to look at the environment. It does unless told otherwise.
    pub fn environment(mut self, look: bool) -> Self {
        self.environment = look;
        self
    }

    /// How long to wait for the first output: for files, for loading, for its turn, and for reading the prompt. No limit.
    pub fn first_byte_timeout(mut self, limit: Duration) -> Self {
        self.settings.clocks.first_byte = limit;
        self
    }

    /// How long an answer may stand still. A call of a tool is told when it is whole. No limit.
    pub fn idle_timeout(mut self, limit: Duration) -> Self {
        self.settings.clocks.idle = limit;
        self
    }

    /// How long a whole call may take. No limit.
    pub fn total_timeout(mut self, limit: Duration) -> Self {
        self.settings.clocks.total = Some(limit);
        self
    }

    /// The models. No file is opened before one is asked for.
    pub fn build(self) -> Result<C> {
        let Self { wire, mut settings, threads, context, downloads, device, environment, .. } = self;
        let variable = |name: &str| {
            let value = std::env::var(name).ok().filter(|_| environment);
            value.filter(|value| !value.trim().is_empty())
        };
        let number = |name: &'static str| match variable(name).map(|value| value.trim().parse::<usize>()) {
            Some(Ok(number)) if number > 0 => Ok(Some(number)),
            Some(_) => Err(Error::unsupported(wire.name, "", name, "is a whole number above 0")),
            None => Ok(None),
        };
        let threads = threads.map_or_else(|| number(THREADS), |threads| Ok(Some(threads)))?;
        let engine = &mut settings.chat.engine;
        engine.threads = threads.unwrap_or(engine.threads).max(1);
        if let Some(threads) = threads {
            settings.embed.threads = threads.max(1);
        }
        engine.context = context.map_or_else(|| number(CONTEXT), |context| Ok(Some(context)))?;
        let device = device.map_or_else(|| named(wire, variable(DEVICE)), Ok)?;
        settings.chat.device = built(wire, device)?;
        settings.folder = settings.folder.or_else(|| variable(MODELS).map(PathBuf::from));
        settings.downloads =
            downloads.unwrap_or_else(|| variable(DOWNLOAD).is_some_and(|value| value.trim() == "1"));
        #[cfg(feature = "download")]
        {
            let hub = self.hub.unwrap_or_else(|| {
                if environment { Hub::from_environment() } else { Hub::from_variables(|_| None) }
            });
            settings.hub = Hub { endpoint: hub.endpoint.or_else(|| address(wire)), ..hub };
        }
        Ok(C::from(Local::new(wire, settings)))
    }
}

/// The device that a variable names: `cuda`, `cuda:1`, `metal`, `processor`.
fn named(wire: &ProviderWire, variable: Option<String>) -> Result<Device> {
    let Some(text) = variable else { return Ok(Device::default()) };
    let (kind, number) = text.trim().split_once(':').unwrap_or((text.trim(), "0"));
    match (kind, number.parse()) {
        ("processor", _) => Ok(Device::Processor),
        ("cuda", Ok(number)) => Ok(Device::Cuda(number)),
        ("metal", Ok(number)) => Ok(Device::Metal(number)),
        _ => {
            Err(Error::unsupported(wire.name, "", DEVICE, "is `processor`, `cuda`, `cuda:NUMBER` or `metal`"))
        }
    }
}

/// Refuses a device that nothing was built for.
fn built(wire: &ProviderWire, device: Device) -> Result<Device> {
    let lacking = match device {
        Device::Cuda(_) if !cfg!(feature = "cuda") => "the feature `cuda` is not built in",
        Device::Metal(_) if !cfg!(feature = "metal") => "the feature `metal` is not built in",
        _ => return Ok(device),
    };
    Err(Error::unsupported(wire.name, "", "device", lacking))
}

/// Where the provider's files come from.
#[cfg(feature = "download")]
fn address(wire: &ProviderWire) -> Option<String> {
    Some(wire.base_url.to_owned()).filter(|url| !url.is_empty())
}

impl<C> fmt::Debug for Builder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("provider", &self.wire.name).finish_non_exhaustive()
    }
}
