//! Files of models from a hub: out of the cache, or downloaded into it.

use std::path::Path;
use std::sync::Arc;

use super::super::builder::Settings;
use super::super::error::Error;
use super::super::shelf::blocking;
use super::{Place, Wanted, missing, name};
use crate::client::ProviderWire;
use crate::http::download::{Client, Progress};
use crate::http::hub::{Repository, Snapshot, cached, fetch, info};
use crate::local::file::checksum;

/// How far a download is.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Downloading<'a> {
    /// The model that was asked for.
    pub model: &'a str,
    /// Its repository.
    pub repository: &'a str,
    /// The licence that the repository names.
    pub licence: Option<&'a str>,
    /// The file.
    pub file: &'a str,
    /// How much of it there is, and how fast it comes.
    pub progress: Progress,
}

/// Who is told.
pub(in super::super) type Watcher = Arc<dyn Fn(&Downloading<'_>) + Send + Sync>;

/// What lies beside weights, as far as a repository has it.
const BESIDE: [&str; 8] = [
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "modules.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
];

/// The files of a repository, from the cache if they are there.
pub(super) async fn bring(
    wire: &ProviderWire,
    settings: &Settings,
    name: &str,
    wanted: &Wanted,
) -> Result<Place, Error> {
    let repository = Repository::new(wanted.repository.as_str()).at(wanted.revision.as_str());
    let known: Vec<&str> = wanted.files.iter().map(String::as_str).collect();
    match cached(&settings.hub, &repository, &known) {
        Ok(snapshot) => return Ok(place(snapshot, &known, wanted.licence.clone())),
        Err(error @ crate::http::hub::Error::Name { .. }) => return Err(error.into()),
        Err(_) => {}
    }
    let endpoint = settings.hub.endpoint.as_deref();
    if let Some(why) = refusal(settings) {
        return Err(missing(endpoint.or(Some(wire.base_url)), settings, name, wanted, why));
    }
    download(settings, name, &repository, wanted).await
}

fn refusal(settings: &Settings) -> Option<&'static str> {
    if settings.hub.offline {
        return Some("it is offline");
    }
    (!settings.downloads)
        .then_some("downloads are not allowed (`downloads` of the builder, or TYPEWRIGHT_DOWNLOAD=1)")
}

async fn download(
    settings: &Settings,
    name: &str,
    repository: &Repository,
    wanted: &Wanted,
) -> Result<Place, Error> {
    let client = Client::new(settings.transport.clone()).map_err(crate::http::hub::Error::from)?;
    let (mut files, mut licence) = (wanted.files.clone(), wanted.licence.clone());
    if files.is_empty() || licence.is_none() {
        let told = info(&client, &settings.hub, repository).await?;
        licence = licence.or(told.licence.map(|licence| licence.name.unwrap_or(licence.id)));
        if files.is_empty() {
            files = choose(&wanted.repository, &told.files)?;
        }
    }
    let names: Vec<&str> = files.iter().map(String::as_str).collect();
    let tell = |file: &str, progress: &Progress| {
        if let Some(watcher) = &settings.watcher {
            let (repository, licence) = (wanted.repository.as_str(), licence.as_deref());
            watcher(&Downloading { model: name, repository, licence, file, progress: *progress });
        }
    };
    let snapshot = fetch(&client, &settings.hub, repository, &names, tell).await?;
    compare(&snapshot.folder, wanted.sums.clone()).await?;
    Ok(place(snapshot, &names, licence))
}

/// A GGUF file is opened by itself, everything else as a folder.
fn place(snapshot: Snapshot, files: &[&str], licence: Option<String>) -> Place {
    let single = files.first().is_some_and(|file| file.ends_with(".gguf"));
    let path = snapshot.files.into_iter().next().filter(|_| single).unwrap_or(snapshot.folder);
    Place { path, licence, is_named: true }
}

/// The files that make a model, of all that a repository has.
fn choose(repository: &str, all: &[String]) -> Result<Vec<String>, Error> {
    let weights = weights(all);
    if !weights.is_empty() {
        let beside = BESIDE.iter().filter(|name| all.iter().any(|file| file == *name));
        return Ok(weights.into_iter().chain(beside.map(|name| (*name).to_owned())).collect());
    }
    let later = |file: &&String| file.contains("-of-") && !file.contains("-00001-of-");
    let files: Vec<&String> = all.iter().filter(|file| file.ends_with(".gguf") && !later(file)).collect();
    match files.as_slice() {
        [] => Err(Error::Nothing { repository: repository.to_owned() }),
        [one] => Ok(name::parts(one)),
        many => {
            let files = many.iter().map(|file| (*file).clone()).collect();
            Err(Error::Several { repository: repository.to_owned(), files })
        }
    }
}

/// The weights in safetensors, under the names that are usual for them.
fn weights(all: &[String]) -> Vec<String> {
    let is_part = |file: &&String| file.starts_with("model-") && file.ends_with(".safetensors");
    let is_whole = |file: &&String| *file == "model.safetensors";
    let index = "model.safetensors.index.json";
    if all.iter().any(|file| file == index) {
        let parts = all.iter().filter(is_part).cloned();
        return std::iter::once(index.to_owned()).chain(parts).collect();
    }
    all.iter().filter(is_whole).cloned().collect()
}

/// Compares files with the digests of the catalog. They are read once.
async fn compare(folder: &Path, sums: Vec<(&'static str, &'static str)>) -> Result<(), Error> {
    let folder = folder.to_owned();
    blocking(move || {
        sums.iter().try_for_each(|(file, sum)| checksum::sha256(&folder.join(file), sum))?;
        Ok(())
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(files: &[&str]) -> String {
        let files: Vec<String> = files.iter().map(|file| (*file).to_owned()).collect();
        choose("owner/tiny", &files).map_or_else(|error| error.to_string(), |files| files.join(" "))
    }

    #[test]
    fn a_repository_of_one_model_needs_no_file_named() {
        assert_eq!(
            chosen(&["README.md", "tokenizer.json", "onnx/model.onnx", "model.safetensors", "config.json"]),
            "model.safetensors config.json tokenizer.json"
        );
        let index = ["model.safetensors.index.json", "model-00001-of-00002.safetensors"];
        assert_eq!(chosen(&[index[0], index[1], "consolidated.safetensors"]), index.join(" "));
        assert_eq!(
            chosen(&["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"]),
            "m-00001-of-00002.gguf m-00002-of-00002.gguf"
        );
    }

    #[test]
    fn several_models_or_none_are_errors_that_say_which() {
        assert_eq!(
            chosen(&["a.gguf", "b.gguf"]),
            "owner/tiny holds several models; name one of its files: a.gguf, b.gguf"
        );
        assert!(chosen(&["README.md"]).contains("neither"));
    }
}
