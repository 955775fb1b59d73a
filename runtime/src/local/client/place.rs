//! Where the files of a model are: found by its name, or brought from the hub where that is allowed.

use std::fs;
use std::path::{Path, PathBuf};

use super::builder::Settings;
use super::error::Error;
use super::name::{self, Name};
use crate::client::ProviderWire;
use crate::model::{Model, ModelFiles};
use crate::models::ListedModel;

#[cfg(feature = "download")]
mod hub;
#[cfg(feature = "download")]
pub use hub::Downloading;
#[cfg(feature = "download")]
pub(super) use hub::Watcher;
#[cfg(feature = "download")]
use hub::bring;

/// The files of a model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    /// What is opened: a file, or a folder.
    pub(super) path: PathBuf,
    /// The licence of its repository.
    pub(super) licence: Option<String>,
    /// Its name says more than the path does.
    pub(super) is_named: bool,
}

impl Place {
    fn at(path: PathBuf) -> Self {
        Self { path, licence: None, is_named: false }
    }
}

/// The files of a repository.
struct Wanted {
    repository: String,
    revision: String,
    /// Empty where nobody said which.
    files: Vec<String>,
    licence: Option<String>,
    /// Digests that are known, by file.
    #[cfg_attr(
        not(feature = "download"),
        expect(dead_code, reason = "what is not downloaded is not compared")
    )]
    sums: Vec<(&'static str, &'static str)>,
}

/// Finds the files of the model `name`, or brings them.
pub(super) async fn find(wire: &ProviderWire, settings: &Settings, name: &str) -> Result<Place, Error> {
    match Name::read(name, wire) {
        Name::Path(path) => there(path),
        Name::Word(word) => match in_folder(settings, &word) {
            Some(path) => Ok(Place::at(path)),
            None => Err(name::unknown(name, wire)),
        },
        Name::Listed(model, files) => of_catalog(wire, settings, model, files).await,
        Name::Repository { id, revision, file } => {
            let files = file.map(|file| name::parts(&file)).unwrap_or_default();
            let wanted = Wanted { repository: id, revision, files, licence: None, sums: Vec::new() };
            let path = bring(wire, settings, name, &wanted).await?;
            Ok(Place { is_named: true, ..path })
        }
    }
}

fn there(path: PathBuf) -> Result<Place, Error> {
    if path.exists() { Ok(Place::at(path)) } else { Err(Error::NoFile { path }) }
}

/// A file or folder of that name in the folder of models, with or without its ending.
fn in_folder(settings: &Settings, name: &str) -> Option<PathBuf> {
    let plain = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', ':']);
    let folder = settings.folder.as_ref().filter(|_| name.split('/').all(plain))?;
    [name.to_owned(), format!("{name}.gguf")]
        .into_iter()
        .map(|name| folder.join(name))
        .find(|path| path.exists())
}

async fn of_catalog(
    wire: &ProviderWire,
    settings: &Settings,
    model: &Model,
    files: &ModelFiles,
) -> Result<Place, Error> {
    let licence = files.licence.map(str::to_owned);
    let own = [model.id].into_iter().chain(model.aliases.iter().copied());
    let last = files.files.first().map(|file| file.path.rsplit('/').next().unwrap_or(file.path));
    let found =
        own.chain(last.filter(|name| name.ends_with(".gguf"))).find_map(|name| in_folder(settings, name));
    if let Some(path) = found {
        return Ok(Place { path, licence, is_named: true });
    }
    let wanted = Wanted {
        repository: files.repository.to_owned(),
        revision: files.revision.to_owned(),
        files: files.files.iter().map(|file| file.path.to_owned()).collect(),
        licence: licence.clone(),
        sums: files.files.iter().filter_map(|file| Some((file.path, file.sha256?))).collect(),
    };
    let place = bring(wire, settings, model.id, &wanted).await?;
    check(&place, files)?;
    Ok(Place { licence, is_named: true, ..place })
}

/// Files have the lengths that the catalog says. A digest is compared by the download.
fn check(place: &Place, files: &ModelFiles) -> Result<(), Error> {
    for file in files.files {
        let path = match place.path.is_dir() {
            true => place.path.join(file.path),
            false => place.path.with_file_name(file.path.rsplit('/').next().unwrap_or(file.path)),
        };
        let length = fs::metadata(&path).map(|data| data.len()).ok();
        if let (Some(length), Some(bytes)) = (length, file.bytes.filter(|bytes| Some(*bytes) != length)) {
            let reason = format!("it has {length} bytes, and the catalog means a file of {bytes}");
            return Err(Error::Other { path, reason });
        }
    }
    Ok(())
}

/// Without the feature that downloads, nothing is known of hubs.
#[cfg(not(feature = "download"))]
async fn bring(
    wire: &ProviderWire,
    settings: &Settings,
    name: &str,
    wanted: &Wanted,
) -> Result<Place, Error> {
    let why = "the feature `download` is not built in";
    Err(missing(Some(wire.base_url), settings, name, wanted, why))
}

/// What to tell whoever has to bring the files.
fn missing(hub: Option<&str>, settings: &Settings, name: &str, wanted: &Wanted, why: &'static str) -> Error {
    let Wanted { repository, revision, files, licence, .. } = wanted;
    let hub = hub.unwrap_or_default().trim_end_matches('/');
    let urls = match files.as_slice() {
        [] => vec![format!("{hub}/{repository}")],
        files => files.iter().map(|file| format!("{hub}/{repository}/resolve/{revision}/{file}")).collect(),
    };
    let folder = settings.folder.as_ref().map(|folder| match files.as_slice() {
        [_] | [] => folder.clone(),
        _ => folder.join(name),
    });
    Error::Missing { name: name.to_owned(), why, urls, licence: licence.clone(), folder }
}

/// The models of the catalog, and what lies in the folder of models.
pub(super) fn listed(wire: &ProviderWire, settings: &Settings) -> Vec<ListedModel> {
    let catalog = wire.catalog.iter().filter(|model| model.files.is_some()).map(|model| ListedModel {
        id: model.id.to_owned(),
        name: Some(model.name.to_owned()),
        owner: model.files.map(|files| files.repository.to_owned()),
        ..ListedModel::default()
    });
    let mut models: Vec<ListedModel> = catalog.collect();
    let entries = settings.folder.as_ref().and_then(|folder| fs::read_dir(folder).ok());
    let found = entries.into_iter().flatten().flatten().map(|entry| entry.path());
    let mut own: Vec<String> = found.filter(|path| is_model(path)).filter_map(|path| id(&path)).collect();
    own.sort();
    own.retain(|id| models.iter().all(|model| model.id != *id));
    models.extend(own.into_iter().map(|id| ListedModel { id, ..ListedModel::default() }));
    models
}

fn is_model(path: &Path) -> bool {
    let is_file = path.extension().is_some_and(|extension| extension == "gguf");
    is_file || path.join("config.json").is_file()
}

fn id(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    Some(name.strip_suffix(".gguf").unwrap_or(name).to_owned())
}
