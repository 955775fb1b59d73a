//! Files of models that come from a hub: on the loopback address, with a repository of one tiny model.

use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};
use typewright_runtime::auth::AuthScheme;
use typewright_runtime::client::ProviderWire;
use typewright_runtime::http::download;
use typewright_runtime::http::hub::Hub;
use typewright_runtime::local::client::Local;
use typewright_runtime::model::{Model, ModelFile, ModelFiles};
use typewright_tests::files::{FileServer, Hosted, Served, serve};
use typewright_tests::loopback::Asked;

use super::*;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

static FILES: ModelFiles = ModelFiles {
    repository: "owner/tiny",
    revision: "main",
    files: &[ModelFile::new("tiny.gguf")],
    licence: Some("mit"),
};
static TINY: Model = Model { files: Some(&FILES), ..Model::new("acme", "tiny-1") };
static WRONG_FILES: ModelFiles =
    ModelFiles { files: &[ModelFile { path: "tiny.gguf", bytes: None, sha256: Some(ZEROS) }], ..FILES };
static WRONG: Model = Model { files: Some(&WRONG_FILES), ..Model::new("acme", "tiny-2") };
static SHORT_FILES: ModelFiles =
    ModelFiles { files: &[ModelFile { path: "tiny.gguf", bytes: Some(7), sha256: None }], ..FILES };
static SHORT: Model = Model { files: Some(&SHORT_FILES), ..Model::new("acme", "tiny-3") };
const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

static WIRE: ProviderWire = ProviderWire {
    name: "acme",
    base_url: "",
    base_url_env: None,
    auth: AuthScheme::None,
    headers: &[],
    chat: None,
    embed: None,
    models: None,
    count: None,
    catalog: &[&TINY, &WRONG, &SHORT],
};

/// A hub with one repository, of one file and what is told of it.
async fn hosted() -> FileServer {
    let bytes = file().entry("tokenizer.chat_template", TEMPLATE).bytes();
    let tag: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let weights = Hosted::new(bytes, &tag);
    serve(move |asked, _| answer(asked, &weights)).await.unwrap()
}

fn answer(asked: &Asked, weights: &Hosted) -> Served {
    let described = format!(
        r#"{{"id":"owner/tiny","sha":"{COMMIT}","gated":false,"cardData":{{"license":"mit"}},
        "siblings":[{{"rfilename":"README.md"}},{{"rfilename":"tiny.gguf"}}]}}"#
    );
    match asked.path.as_str() {
        "/api/models/owner/tiny/revision/main" => {
            Served::new(200, described).with("content-type", "application/json")
        }
        path if path.starts_with("/owner/tiny/resolve/") && path.ends_with("/tiny.gguf") => {
            weights.answer(asked).with("x-repo-commit", COMMIT)
        }
        _ => Served::new(404, ""),
    }
}

fn hub(server: &FileServer, folder: &Folder) -> Hub {
    Hub { endpoint: Some(server.url.clone()), cache: folder.path().join("cache"), ..Hub::default() }
}

fn models(hub: Hub) -> local::client::Builder {
    let transport = download::Settings { no_proxy: true, ..download::Settings::default() };
    Local::builder(&WIRE).environment(false).threads(1).cache_bytes(4 << 20).hub(hub).transport(transport)
}

async fn answered(local: &Local, name: &str) -> Result<String, Error> {
    local.client().chat(name).user("x").seed(1).max_tokens(3).send().await.map(|reply| reply.text())
}

#[tokio::test]
async fn files_are_brought_where_that_is_allowed_and_used_offline_afterwards() {
    let (server, folder) = (hosted().await, Folder::new("client"));
    let hub = hub(&server, &folder);
    let refused = models(hub.clone()).build().unwrap();
    let error = answered(&refused, "tiny-1").await.unwrap_err();
    let address = format!("{}/owner/tiny/resolve/main/tiny.gguf, under the licence mit", server.url);
    assert!(told(&error).contains(&address), "{}", told(&error));
    assert!(server.asked().is_empty());

    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let watched = move |download: &local::client::Downloading<'_>| {
        let licence = download.licence.unwrap_or_default().to_owned();
        log.lock().unwrap().push((download.model.to_owned(), licence, download.progress.received));
    };
    let allowed = models(hub.clone()).downloads(true).on_download(watched).build().unwrap();
    let text = answered(&allowed, "tiny-1").await.unwrap();
    let last = seen.lock().unwrap().last().cloned().unwrap();
    let length = file().entry("tokenizer.chat_template", TEMPLATE).bytes().len() as u64;
    assert_eq!(last, ("tiny-1".to_owned(), "mit".to_owned(), length));
    let loaded = allowed.loaded().remove(0);
    assert_eq!((loaded.licence.as_deref(), loaded.names), (Some("mit"), vec!["tiny-1".to_owned()]));

    let asked = server.asked().len();
    let offline = models(Hub { offline: true, endpoint: None, ..hub }).build().unwrap();
    assert_eq!(answered(&offline, "tiny-1").await.unwrap(), text);
    assert_eq!(answered(&offline, "hub:owner/tiny:tiny.gguf").await.unwrap(), text);
    assert_eq!(server.asked().len(), asked);
    assert_eq!(offline.loaded().len(), 1, "two names of one file are one model");
}

#[tokio::test]
async fn a_repository_of_one_model_needs_no_file_named() {
    let (server, folder) = (hosted().await, Folder::new("client"));
    let local = models(hub(&server, &folder)).downloads(true).build().unwrap();
    assert!(answered(&local, "hub:owner/tiny").await.is_ok());
    assert_eq!(local.loaded().remove(0).licence.as_deref(), Some("mit"));
    let error = answered(&local, "hub:owner/other").await.unwrap_err();
    assert!(told(&error).contains("owner/other"), "{}", told(&error));
    let error = answered(&local, "hub:../other:x").await.unwrap_err();
    assert!(told(&error).contains("not a usable repository"), "{}", told(&error));
}

#[tokio::test]
async fn a_file_that_the_catalog_does_not_mean_is_not_run() {
    let (server, folder) = (hosted().await, Folder::new("client"));
    let local = models(hub(&server, &folder)).downloads(true).build().unwrap();
    let error = answered(&local, "tiny-2").await.unwrap_err();
    assert!(told(&error).contains("its SHA-256 is"), "{}", told(&error));
    let error = answered(&local, "tiny-3").await.unwrap_err();
    assert!(told(&error).contains("the catalog means a file of 7"), "{}", told(&error));
    assert!(local.loaded().is_empty());
}

#[tokio::test]
async fn a_model_of_the_catalog_may_lie_in_the_folder_of_models() {
    let folder = Folder::new("client");
    write(&folder, "tiny-1.gguf");
    let hub = Hub { cache: folder.path().join("cache"), ..Hub::default() };
    let local = models(hub).folder(folder.path()).build().unwrap();
    assert!(answered(&local, "tiny-1").await.is_ok());
    assert_eq!(local.loaded().remove(0).licence.as_deref(), Some("mit"));
    for outside in ["../tiny-1", "sub/../tiny-1", "tiny-1/.."] {
        assert!(answered(&local, outside).await.is_err(), "{outside}");
    }
}
