//! The models in memory: at most so many, and none that the memory does not suffice for. To make room, the one that was
//! idle longest goes; one that answers stays.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Loaded;
use super::error::Error;
use super::place::Place;
use crate::local::chat::LocalModel;
use crate::local::embed::{Embedder, Reranker};
use crate::local::memory::{self, Need};
use crate::local::serve::{self, Server};
use crate::local::{self, chat, embed};

/// The models in memory.
pub(super) struct Shelf {
    held: Mutex<Vec<Held>>,
    /// One model is loaded at a time, so that the memory that it needs is there when it is asked for.
    turn: tokio::sync::Mutex<()>,
    keep: usize,
    uses: AtomicU64,
}

/// What a model is wanted for, and how it is loaded for that.
pub(super) enum Purpose {
    Chat(Box<chat::Config>, serve::Config),
    Vectors(embed::Config),
    Scores(embed::Config),
}

/// A model in memory.
#[derive(Clone)]
pub(super) enum Model {
    Chat(Server),
    Vectors(Arc<Embedder>),
    Scores(Arc<Reranker>),
}

impl Purpose {
    pub(super) fn need(&self, path: &Path) -> Result<Need, Error> {
        Ok(match self {
            Self::Chat(config, _) => LocalModel::need(path, config)?,
            Self::Vectors(config) => Embedder::need(path, config)?,
            Self::Scores(config) => Reranker::need(path, config)?,
        })
    }

    fn load(self, path: &Path) -> Result<Model, Error> {
        Ok(match self {
            Self::Chat(config, serve) => Model::Chat(Server::start(LocalModel::load(path, &config)?, serve)?),
            Self::Vectors(config) => Model::Vectors(Arc::new(Embedder::load(path, &config)?)),
            Self::Scores(config) => Model::Scores(Arc::new(Reranker::load(path, &config)?)),
        })
    }

    fn is_of(&self, model: &Model) -> bool {
        matches!(
            (self, model),
            (Self::Chat(..), Model::Chat(_))
                | (Self::Vectors(_), Model::Vectors(_))
                | (Self::Scores(_), Model::Scores(_))
        )
    }
}

/// A model, and what is known of it.
struct Held {
    names: Vec<String>,
    path: PathBuf,
    licence: Option<String>,
    need: Need,
    load: Duration,
    model: Model,
    /// Everybody who uses the model holds one more.
    users: Arc<()>,
    /// When it was used last: the larger, the later.
    used: u64,
}

/// A model that is not unloaded as long as this is held.
pub(super) struct Lease {
    model: Model,
    _user: Arc<()>,
}

impl Lease {
    pub(super) fn model(&self) -> &Model {
        &self.model
    }
}

impl Held {
    fn is_idle(&self) -> bool {
        Arc::strong_count(&self.users) == 1
    }

    fn lease(&mut self, name: &str, used: u64) -> Lease {
        self.used = used;
        if !self.names.iter().any(|known| known == name) {
            self.names.push(name.to_owned());
        }
        Lease { model: self.model.clone(), _user: Arc::clone(&self.users) }
    }
}

impl Shelf {
    pub(super) fn new(keep: usize) -> Self {
        Self { held: Mutex::default(), turn: tokio::sync::Mutex::default(), keep, uses: AtomicU64::new(0) }
    }

    /// The model at `place`, loaded if it is not there.
    pub(super) async fn lease(
        self: &Arc<Self>,
        name: &str,
        place: Place,
        purpose: Purpose,
    ) -> Result<Lease, Error> {
        if let Some(lease) = self.find(&place.path, name, &purpose) {
            return Ok(lease);
        }
        let _turn = self.turn.lock().await;
        // Somebody else may have brought it meanwhile.
        if let Some(lease) = self.find(&place.path, name, &purpose) {
            return Ok(lease);
        }
        let (shelf, name) = (Arc::clone(self), name.to_owned());
        blocking(move || shelf.load(&name, place, purpose)).await
    }

    /// What [`Server::answer`] says of a model whose thread has ended: it is loaded anew the next time.
    pub(super) fn forget(&self, lease: &Lease) {
        self.held().retain(|held| !Arc::ptr_eq(&held.users, &lease._user));
    }

    /// Takes a model off the shelf, by any of its names or its path. Whether it was there.
    pub(super) fn remove(&self, name: &str) -> bool {
        let mut held = self.held();
        let is_meant =
            |held: &Held| held.path == Path::new(name) || held.names.iter().any(|known| known == name);
        let Some(at) = held.iter().position(is_meant) else { return false };
        let removed = held.remove(at);
        drop(held);
        removed.unload();
        true
    }

    pub(super) fn loaded(&self) -> Vec<Loaded> {
        let mut all: Vec<(u64, Loaded)> = self.held().iter().map(|held| (held.used, held.told())).collect();
        all.sort_by_key(|(used, _)| std::cmp::Reverse(*used));
        all.into_iter().map(|(_, loaded)| loaded).collect()
    }

    fn find(&self, path: &Path, name: &str, purpose: &Purpose) -> Option<Lease> {
        let used = self.uses.fetch_add(1, Ordering::Relaxed);
        self.held()
            .iter_mut()
            .find(|held| held.path == path && purpose.is_of(&held.model))
            .map(|held| held.lease(name, used))
    }

    fn load(&self, name: &str, place: Place, purpose: Purpose) -> Result<Lease, Error> {
        let began = Instant::now();
        let need = purpose.need(&place.path)?;
        self.make_room(need)?;
        let model = purpose.load(&place.path)?;
        let mut held = Held {
            names: Vec::new(),
            path: place.path,
            licence: place.licence,
            need,
            load: began.elapsed(),
            model,
            users: Arc::new(()),
            used: 0,
        };
        let lease = held.lease(name, self.uses.fetch_add(1, Ordering::Relaxed));
        self.held().push(held);
        Ok(lease)
    }

    /// Unloads what is idle until one more model may be kept, and the memory for it is there.
    fn make_room(&self, need: Need) -> Result<(), Error> {
        while self.held().len() >= self.keep {
            let Some(idle) = self.take_idle() else { return Err(Error::Occupied { models: self.keep }) };
            idle.unload();
        }
        loop {
            let Err(error) = memory::check(need, memory::available()) else { return Ok(()) };
            let Some(idle) = self.take_idle() else { return Err(error.into()) };
            idle.unload();
        }
    }

    /// The model that was idle longest, off the shelf.
    fn take_idle(&self) -> Option<Held> {
        let mut held = self.held();
        let idle = held.iter().enumerate().filter(|(_, held)| held.is_idle());
        let (at, _) = idle.min_by_key(|(_, held)| held.used)?;
        Some(held.remove(at))
    }

    fn held(&self) -> MutexGuard<'_, Vec<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Off the shelf, nobody new can ask it. Its memory is free at once if it is idle, and otherwise as soon as what is
    /// under way is over.
    fn unload(self) {
        if let (true, Model::Chat(server)) = (self.is_idle(), &self.model) {
            server.stop();
        }
    }

    fn told(&self) -> Loaded {
        Loaded {
            names: self.names.clone(),
            path: self.path.clone(),
            need: self.need,
            licence: self.licence.clone(),
            load: self.load,
            statistics: match &self.model {
                Model::Chat(server) => server.statistics(),
                Model::Vectors(_) | Model::Scores(_) => serve::Statistics::default(),
            },
        }
    }
}

/// Work that would keep others from theirs, on a thread that may be blocked.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(local::Error::Stopped { reason: error.to_string() }.into()))
}
